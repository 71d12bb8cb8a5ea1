// Colours of the map's points: by kind of token, or by a number along a scale.

export type Rgb = [number, number, number];

/** Okabe and Ito's palette (2008), which most colour-blind people can tell apart; a lighter one on dark ground. */
export const palettes: Record<"light" | "dark", Rgb[]> = {
  light: [
    [0, 114, 178],
    [213, 94, 0],
    [0, 135, 100],
    [178, 95, 145],
    [120, 110, 95],
    [160, 120, 0],
    [200, 40, 60],
  ],
  dark: [
    [90, 169, 230],
    [240, 138, 75],
    [76, 199, 160],
    [224, 139, 192],
    [150, 145, 135],
    [230, 200, 74],
    [255, 120, 130],
  ],
};

const scales: Record<"light" | "dark", Rgb[]> = {
  light: [
    [205, 212, 222],
    [90, 150, 200],
    [20, 90, 150],
    [150, 30, 60],
  ],
  dark: [
    [60, 66, 78],
    [60, 120, 180],
    [120, 190, 230],
    [255, 190, 110],
  ],
};

export function along(share: number, tone: "light" | "dark"): Rgb {
  const stops = scales[tone];
  const t = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(t));
  return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (t - i))) as Rgb;
}

export const css = ([r, g, b]: Rgb): string => `rgb(${r},${g},${b})`;

/** The values at the ends of the scale: the 1st and 99th percentiles. */
export function ends(values: ArrayLike<number>): [number, number] {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  return [sorted[Math.floor(sorted.length / 100)] ?? 0, sorted[Math.floor((sorted.length * 99) / 100)] ?? 1];
}

export const inkOf = (isDark: boolean) =>
  isDark
    ? { text: "#eceae5", halo: "#16171a", line: "#f08a4b" }
    : { text: "#1d1b18", halo: "#fdfcfa", line: "#c2491d" };
