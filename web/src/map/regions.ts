// What a map shows from afar: how dense it is, as contours, and its regions, named by whole words near their centres.
import { blur2 } from "d3-array";
import { contours } from "d3-contour";

export interface Region {
  x: number;
  y: number;
  name: string;
  /** Points near its centre: the larger is named first. */
  weight: number;
}

/** Regions for one who looks from `zoom` times the whole on. */
export interface Level {
  zoom: number;
  regions: Region[];
}

export interface Relief {
  levels: Level[];
  /** Rings in the map's own units, the outermost first. */
  rings: [number, number][][][];
}

export interface Named {
  xy: Float32Array;
  /** Whether a point is shown. */
  shown: (i: number) => boolean;
  /** The whole word that a point stands for; empty where it is none. */
  word: (i: number) => string;
  /** What a region without words is called by one of its points. */
  kind: (i: number) => string;
  /** The lower, the more often it is used. */
  rank: (i: number) => number;
}

const cells = 256;
/** Where each level begins, and how far apart its regions are, in cells. */
const scales: [zoom: number, apart: number][] = [
  [0, 11],
  [2.2, 7],
  [5, 4],
];

export function reliefOf(points: Named): Relief | undefined {
  const grid = gridOf(points);
  if (!grid) return undefined;
  return {
    levels: scales.map(([zoom, apart]) => ({ zoom, regions: regionsOf(points, grid, apart) })),
    rings: ringsOf(grid),
  };
}

interface Grid {
  x: number;
  y: number;
  /** The edge of a cell. */
  edge: number;
  counts: Float64Array;
  /** The points of each cell. */
  inside: Map<number, number[]>;
}

function gridOf({ xy, shown }: Named): Grid | undefined {
  const kept: number[] = [];
  for (let i = 0; i < xy.length / 2; ++i)
    if (shown(i) && Number.isFinite(xy[2 * i]) && Number.isFinite(xy[2 * i + 1])) kept.push(i);
  if (kept.length < 50) return undefined;
  const range = (axis: 0 | 1): [number, number] => {
    const sorted = Float32Array.from(kept, (i) => xy[2 * i + axis]).sort();
    const skip = Math.floor(sorted.length / 1000);
    return [sorted[skip], sorted[sorted.length - 1 - skip]];
  };
  const [[x0, x1], [y0, y1]] = [range(0), range(1)];
  const edge = (1.16 * Math.max(x1 - x0, y1 - y0)) / cells;
  if (!(edge > 0)) return undefined;
  const grid: Grid = {
    x: (x0 + x1 - cells * edge) / 2,
    y: (y0 + y1 - cells * edge) / 2,
    edge,
    counts: new Float64Array(cells * cells),
    inside: new Map(),
  };
  for (const i of kept) {
    const [cx, cy] = [Math.floor((xy[2 * i] - grid.x) / edge), Math.floor((xy[2 * i + 1] - grid.y) / edge)];
    if (cx < 0 || cy < 0 || cx >= cells || cy >= cells) continue;
    const cell = cy * cells + cx;
    ++grid.counts[cell];
    const there = grid.inside.get(cell);
    if (there) there.push(i);
    else grid.inside.set(cell, [i]);
  }
  return grid;
}

const blurred = (grid: Grid, radius: number): Float64Array =>
  blur2({ data: Float64Array.from(grid.counts), width: cells, height: cells }, radius).data as Float64Array;

/** The summits of the density that no higher one is near. */
function regionsOf(points: Named, grid: Grid, apart: number): Region[] {
  const height = blurred(grid, apart / 3);
  const least = Math.max(0.02, 0.05 * height.reduce((a, b) => Math.max(a, b), 0));
  const summits: number[] = [];
  for (let y = 1; y < cells - 1; ++y) {
    for (let x = 1; x < cells - 1; ++x) {
      const c = y * cells + x;
      if (height[c] < least) continue;
      if ([-cells - 1, -cells, -cells + 1, -1, 1, cells - 1, cells, cells + 1].every((d) => height[c + d] <= height[c]))
        summits.push(c);
    }
  }
  summits.sort((a, b) => height[b] - height[a] || a - b);
  const taken: number[] = [],
    regions: Region[] = [];
  for (const s of summits) {
    const [sx, sy] = [s % cells, Math.floor(s / cells)];
    if (taken.some((t) => Math.hypot((t % cells) - sx, Math.floor(t / cells) - sy) < apart)) continue;
    taken.push(s);
    const near = around(grid, sx, sy, apart / 2);
    const name = nameOf(points, near);
    if (name)
      regions.push({
        x: grid.x + (sx + 0.5) * grid.edge,
        y: grid.y + (sy + 0.5) * grid.edge,
        name,
        weight: near.length,
      });
    if (regions.length >= 400) break;
  }
  return regions.sort((a, b) => b.weight - a.weight);
}

function around(grid: Grid, sx: number, sy: number, reach: number): number[] {
  const found: number[] = [];
  for (let y = Math.max(0, Math.ceil(sy - reach)); y <= Math.min(cells - 1, sy + reach); ++y) {
    for (let x = Math.max(0, Math.ceil(sx - reach)); x <= Math.min(cells - 1, sx + reach); ++x) {
      if (Math.hypot(x - sx, y - sy) <= reach) found.push(...(grid.inside.get(y * cells + x) ?? []));
    }
  }
  return found;
}

/** The most used whole words, of those that are spelt alike one; without words, the kind that most of its points are of. */
function nameOf({ word, kind, rank }: Named, near: number[]): string {
  const words = near.filter((i) => word(i) !== "").sort((a, b) => rank(a) - rank(b));
  const named: string[] = [];
  for (const i of words) {
    const stem = (w: string) => w.toLowerCase().slice(0, Math.max(4, w.length - 2));
    if (!named.some((n) => stem(n) === stem(word(i)))) named.push(word(i));
    if (named.length === 3) break;
  }
  if (named.length >= 2 || (named.length === 1 && words.length >= near.length / 2)) return named.join(", ");
  const counts = new Map<string, number>();
  for (const i of near) counts.set(kind(i), (counts.get(kind(i)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

function ringsOf(grid: Grid): [number, number][][][] {
  const height = blurred(grid, 3);
  const sorted = Float64Array.from(height)
    .filter((v) => v > 1e-3)
    .sort();
  if (sorted.length === 0) return [];
  const steps = [0.25, 0.55, 0.8, 0.93].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
  return contours()
    .size([cells, cells])
    .thresholds(steps)(Array.from(height))
    .map(({ coordinates }) =>
      coordinates.flatMap((polygon) =>
        polygon.map((ring) => ring.map(([x, y]): [number, number] => [grid.x + x * grid.edge, grid.y + y * grid.edge])),
      ),
    );
}
