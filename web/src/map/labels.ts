import type { Camera } from "./points";

export interface Placed {
  index: number;
  x: number;
  y: number;
}

/**
 * Which points get a name: visible points in the given order, as long as no name covers another. Zooming in shows more
 * names.
 */
export function place(
  xy: Float32Array,
  order: Iterable<number>,
  camera: Camera,
  width: number,
  height: number,
  widthOf: (i: number) => number,
  most = 140,
): Placed[] {
  const line = 15;
  const taken = new Map<number, [number, number][]>();
  const placed: Placed[] = [];
  for (const i of order) {
    const x = width / 2 + (xy[2 * i] - camera.x) * camera.scale;
    const y = height / 2 - (xy[2 * i + 1] - camera.y) * camera.scale;
    if (!(x > 4 && y > 8 && x < width - 8 && y < height - 8)) continue;
    const [from, to] = [x, x + widthOf(i) + 14];
    const rows = [Math.floor((y - line / 2) / line), Math.floor((y + line / 2) / line)];
    if (rows.some((r) => taken.get(r)?.some(([a, b]) => from < b && to > a))) continue;
    for (const r of rows) taken.set(r, [...(taken.get(r) ?? []), [from, to]]);
    placed.push({ index: i, x, y });
    if (placed.length >= most) break;
  }
  return placed;
}
