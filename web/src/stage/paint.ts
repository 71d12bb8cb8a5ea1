// Colours of the stage's strips and cells.
import type { Lens, Stage } from "./run";

type Rgb = [number, number, number];
type Tone = "light" | "dark";

const scales: Record<Tone, Rgb[]> = {
  light: [
    [246, 244, 240],
    [198, 221, 242],
    [110, 168, 219],
    [31, 90, 168],
    [14, 47, 98],
  ],
  dark: [
    [30, 32, 36],
    [28, 58, 96],
    [36, 100, 166],
    [110, 180, 240],
    [206, 232, 255],
  ],
};
const warm: Record<Tone, Rgb[]> = {
  light: [
    [246, 244, 240],
    [252, 220, 190],
    [243, 160, 96],
    [201, 84, 26],
    [122, 40, 12],
  ],
  dark: [
    [30, 32, 36],
    [82, 44, 24],
    [168, 82, 36],
    [240, 138, 75],
    [255, 214, 178],
  ],
};
/** Negative, zero, positive: the colours of the matrix. */
const poles: Record<Tone, [Rgb, Rgb, Rgb]> = {
  light: [
    [26, 82, 160],
    [250, 249, 247],
    [190, 40, 46],
  ],
  dark: [
    [92, 166, 246],
    [24, 25, 29],
    [250, 112, 104],
  ],
};

export const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;
const between = (a: Rgb, b: Rgb, t: number): Rgb => a.map((v, i) => Math.round(v + (b[i] - v) * t)) as Rgb;

function along(stops: Rgb[], share: number): Rgb {
  const t = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(t));
  return between(stops[i], stops[i + 1], t - i);
}

/** A value from -1 to 1. */
export function signed(value: number, tone: Tone): Rgb {
  const [low, none, high] = poles[tone];
  const t = Math.min(1, Math.abs(value)) ** 0.75;
  return between(none, value < 0 ? low : high, t);
}

export type Colouring = "answer" | "lens" | "moved" | "felt" | "length";

export interface Colour {
  name: string;
  /** The description for the legend. */
  says: string;
  ends: [string, string];
  /** 0 to 1, and the words for a reader. */
  share: (s: Stage, l: Lens | undefined, row: number, column: number) => number;
  told: (s: Stage, l: Lens | undefined, row: number, column: number) => string;
  warm?: boolean;
}

const log =
  (low: number, high: number) =>
  (v: number): number =>
    v <= 0 ? 0 : (Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low));
const percent = (v: number | undefined): string =>
  v === undefined ? "" : v >= 0.0995 ? `${(100 * v).toFixed(0)} %` : `${(100 * v).toPrecision(2)} %`;
const moved = log(0.03, 6),
  felt = log(0.005, 1.2);

export const colours: Record<Colouring, Colour> = {
  answer: {
    name: "The chosen answer",
    says: "How probable the answer is if the model stops here; the word is what it would predict.",
    ends: ["0 %", "100 %"],
    share: (_, l, r, c) => (l?.answer[r]?.[c] ?? 0) ** 0.4,
    told: (_, l, r, c) =>
      l?.answer[r] ? `the chosen answer ${percent(l.answer[r][c])}, rank ${l.rank[r][c].toLocaleString("en")}` : "",
  },
  lens: {
    name: "What it would predict",
    says: "If the model stopped here, it would predict this word; darker is more certain.",
    ends: ["unsure", "sure"],
    share: (_, l, r, c) => (l?.probability[r]?.[c] ?? 0) ** 0.6,
    told: (_, l, r, c) => (l?.top[r] ? `would predict ${l.top[r][c]}, ${percent(l.probability[r][c])}` : ""),
  },
  moved: {
    name: "How far it moved",
    says: "How far the block moved the vector; the word is what it would predict there.",
    ends: ["3 %", "6 times"],
    share: (s, _, r, c) => moved(s.moved[r]?.[c] ?? 0),
    told: (s, _, r, c) => (r === 0 ? "before block 0" : `moved by ${percent(s.moved[r][c])} of its length`),
  },
  felt: {
    name: "What you changed",
    says: "How far your changes moved the vector; the word is what it would predict.",
    ends: ["untouched", "another vector"],
    share: (s, _, r, c) => felt(s.felt?.[r]?.[c] ?? 0),
    told: (s, _, r, c) => (s.felt ? `changed by ${percent(s.felt[r][c])}` : "nothing is changed"),
    warm: true,
  },
  length: {
    name: "Its length",
    says: "The length of the vector.",
    ends: ["short", "long"],
    share: (s, _, r, c) => {
      const all = s.lengths.flat(),
        most = Math.max(...all),
        least = Math.min(...all.filter((v) => v > 0));
      return log(least, most)(s.lengths[r][c]);
    },
    told: (s, _, r, c) => `length ${s.lengths[r][c].toPrecision(3)}`,
  },
};

export const feltShare = (s: Stage, r: number, c: number): number => felt(s.felt?.[r]?.[c] ?? 0);

export const ground = (colour: Colour, share: number, tone: Tone): Rgb =>
  along((colour.warm ? warm : scales)[tone], share);
export const scaleCss = (colour: Colour, tone: Tone): string =>
  `linear-gradient(to right, ${(colour.warm ? warm : scales)[tone].map(css).join(",")})`;

/** Black or white, whichever has more contrast on a background. */
export function inkOn([r, g, b]: Rgb): string {
  const light = (c: number) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b) > 0.2 ? "#16171a" : "#ffffff";
}

/** Sizes a canvas to its box in the screen's pixels; returns its scaled context. */
export function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = Math.min(3, devicePixelRatio || 1, 16000 / Math.max(width, height)); // larger canvases stay empty
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** A vector from top to bottom; each line of pixels shows the largest of its dimensions. */
export function strip(
  context: CanvasRenderingContext2D,
  values: ArrayLike<number>,
  largest: number,
  x: number,
  y: number,
  width: number,
  height: number,
  tone: Tone,
): void {
  const lines = Math.max(1, Math.min(values.length, Math.round(height)));
  for (let i = 0; i < lines; ++i) {
    const from = Math.floor((i * values.length) / lines),
      to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / lines));
    let v = 0;
    for (let d = from; d < to; ++d) if (Math.abs(values[d]) > Math.abs(v)) v = values[d];
    context.fillStyle = css(signed(v / largest, tone));
    context.fillRect(x, y + (i * height) / lines, width, height / lines + 0.5);
  }
}

/** The grid of positions x blocks, with what each cell reads as where there is room for a word. */
export function drawCells(
  context: CanvasRenderingContext2D,
  s: Stage,
  read: Lens | undefined,
  colour: Colour,
  column: number,
  line: number,
  tone: Tone,
): void {
  const words = column >= 44 && line >= 11;
  context.font = `${Math.min(11.5, line - 3)}px ui-monospace, "DejaVu Sans Mono", monospace`;
  context.textBaseline = "middle";
  for (let r = 0; r < s.lengths.length; ++r) {
    for (let c = 0; c < s.last - s.first; ++c) {
      const [x, y] = [c * column, r * line];
      const rgb = ground(colour, colour.share(s, read, r, c), tone);
      context.fillStyle = css(rgb);
      context.fillRect(x + 1, y + 0.5, column - 2, line - 1);
      if (!colour.warm && s.felt) drawChange(context, feltShare(s, r, c), x, y, line, tone);
      if (words && read?.top[r]) drawWord(context, read, r, c, rgb, column, line);
    }
  }
}

/** How much the edits moved the cell's vector, as a bar at its left edge. */
function drawChange(
  context: CanvasRenderingContext2D,
  changed: number,
  x: number,
  y: number,
  line: number,
  tone: Tone,
): void {
  if (changed <= 0) return;
  context.fillStyle = tone === "dark" ? "#f08a4b" : "#c9541a";
  context.globalAlpha = 0.25 + 0.75 * Math.min(1, changed);
  context.fillRect(x + 1, y + 0.5, 1.5 + 3.5 * Math.min(1, changed), line - 1);
  context.globalAlpha = 1;
}

function drawWord(
  context: CanvasRenderingContext2D,
  read: Lens,
  r: number,
  c: number,
  rgb: Rgb,
  column: number,
  line: number,
): void {
  const [x, y] = [c * column, r * line];
  context.save();
  context.beginPath();
  context.rect(x + 6, y, column - 8, line);
  context.clip();
  context.fillStyle = inkOn(rgb);
  context.globalAlpha = 0.5 + 0.5 * Math.min(1, read.probability[r][c] * 1.5);
  context.fillText(read.top[r][c].replace(/^␣(?=.)/u, ""), x + 8, y + line / 2 + 0.5);
  context.restore();
}
