// Matrix: all values, tokens from left to right and dimensions from top to bottom, as the engine's tiles.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { Lead } from "../glossary";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import { pointed } from "../linked";
import { Choice, Figure, NumberField, opened, program, Same, Save, Shown, Table, Token, Trouble } from "../parts";
import { download, saveTable } from "../save";
import { model, useParam } from "../session";
import { useText, useTokens } from "../text";

interface Level {
  tokens_per_pixel: number;
  dimensions_per_pixel: number;
  width: number;
  height: number;
}

interface MatrixInfo {
  tokens: number;
  dimensions: number;
  tile: number;
  range: number;
  levels: Level[];
  token_orders: string[];
  dimension_orders: string[];
}

interface Cell {
  token_id: number;
  label: string;
  dimension: number;
  value: number;
  token_mean: number;
  token_norm: number;
  dimension_mean: number;
  dimension_deviation: number;
}

/** The visible part, in cells: [left, right, top, bottom]. */
type Area = [number, number, number, number];

const grouped = (n: number) => n.toLocaleString("en");

export function Matrix({ info }: { info: ModelInfo }) {
  const matrix = useAnswer("matrix", (signal) => call<MatrixInfo>("matrix", undefined, { signal }));
  return (
    <>
      <h1>Matrix</h1>
      <Lead>
        All {((info.vocab * info.width) / 1e6).toFixed(1)} million values: a column is a token, a row a dimension; red
        is positive, blue negative. Why are there stripes?
      </Lead>
      <Shown answer={matrix}>{(m) => <Tiles matrix={m} info={info} />}</Shown>
      <Stripes info={info} />
    </>
  );
}

function useArea(m: MatrixInfo): [Area, (a: Area) => void] {
  const [text, set] = useParam("area", "");
  const numbers = text.split(",").map(Number);
  const whole: Area = [0, m.tokens, 0, m.dimensions];
  const known =
    numbers.length === 4 && numbers.every(Number.isFinite) && numbers[1] > numbers[0] && numbers[3] > numbers[2];
  return [
    known ? (numbers as Area) : whole,
    (a) =>
      set(
        held(a, m)
          .map((v) => +v.toFixed(3))
          .join(","),
      ),
  ];
}

/** Limits a view to the matrix, and to at least three cells. */
function held([l, r, t, b]: Area, m: MatrixInfo): Area {
  const axis = (from: number, to: number, all: number): [number, number] => {
    const span = Math.min(all, Math.max(3, to - from));
    const start = Math.min(all - span, Math.max(0, (from + to - span) / 2));
    return [start, start + span];
  };
  return [...axis(l, r, m.tokens), ...axis(t, b, m.dimensions)] as Area;
}

function Tiles({ matrix, info }: { matrix: MatrixInfo; info: ModelInfo }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [tokens, setTokens] = useParam("tokens", matrix.token_orders[0]);
  const [dimensions, setDimensions] = useParam("dimensions", matrix.dimension_orders[0]);
  const [area, setArea] = useArea(matrix);
  const [at, setAt] = useState<[number, number]>();
  const [size, setSize] = useState([0, 0]);
  const store = useRef(new TileStore());
  const [error, setError] = useState<Error>();
  store.current.failed = () => setError(new Error("some tiles of this order could not be drawn"));
  const orders = `tokens=${encodeURIComponent(tokens)}&dimensions=${encodeURIComponent(dimensions)}`;

  useEffect(() => {
    const c = canvas.current!;
    const watch = new ResizeObserver(() => setSize([c.clientWidth, c.clientHeight]));
    watch.observe(c);
    return () => watch.disconnect();
  }, []);
  // a token that is pointed at elsewhere is a column here, where columns stand in the order of their numbers
  const marked = tokens === "id" ? pointed.value : undefined;
  const draw = (): void => {
    if (canvas.current && size[0] > 0)
      paint(canvas.current, matrix, area, orders, store.current, at, () => latest.current());
    const ink = canvas.current?.getContext("2d");
    if (ink && marked !== undefined) column(ink, marked, area);
  };
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(draw, [area.join(), orders, size.join(), at?.join(), model.value, marked]);
  useEffect(() => setError(undefined), [orders]);

  const hand = useHand(canvas, area, setArea, setAt, matrix);
  const zoom = (fx: number, fy: number) =>
    setArea(scaled(area, fx, fy, at ? [at[0] + 0.5, at[1] + 0.5] : [(area[0] + area[1]) / 2, (area[2] + area[3]) / 2]));
  const go = (x: number, y: number) => {
    setAt([x, y]);
    if (x < area[0] || x >= area[1])
      setArea([x - (area[1] - area[0]) / 2, x + (area[1] - area[0]) / 2, area[2], area[3]]);
  };
  return (
    <>
      <div class="row">
        <Choice label="Tokens by" value={tokens} set={setTokens} options={matrix.token_orders} />
        <Choice label="Dimensions by" value={dimensions} set={setDimensions} options={matrix.dimension_orders} />
        <div class="buttons" role="group" aria-label="Zoom">
          <button type="button" onClick={() => zoom(0.5, 1)} aria-label="Zoom in on tokens">
            tokens +
          </button>
          <button type="button" onClick={() => zoom(2, 1)} aria-label="Zoom out of tokens">
            tokens −
          </button>
          <button type="button" onClick={() => zoom(1, 0.5)} aria-label="Zoom in on dimensions">
            dimensions +
          </button>
          <button type="button" onClick={() => zoom(1, 2)} aria-label="Zoom out of dimensions">
            dimensions −
          </button>
          <button type="button" onClick={() => setArea([0, matrix.tokens, 0, matrix.dimensions])}>
            whole
          </button>
        </div>
      </div>
      <OfTheText go={(id) => go(id, at?.[1] ?? 0)} find={tokens === "id"} />
      <Trouble error={error} />
      <canvas
        ref={canvas}
        class="matrix"
        tabIndex={0}
        role="application"
        data-ready=""
        data-pointed={marked ?? ""}
        {...hand}
        aria-label="The embedding matrix. Arrow keys move the cursor, plus and minus zoom; the value is shown below."
      />
      <div class="row between">
        <small>
          Tokens {grouped(Math.floor(area[0]))} to {grouped(Math.ceil(area[1]) - 1)} in this order, dimensions{" "}
          {grouped(Math.floor(area[2]))} to {grouped(Math.ceil(area[3]) - 1)}. Full colour is ±{matrix.range.toFixed(3)}
          . The wheel zooms tokens; with Shift, dimensions.
        </small>
        <Save
          title="the matrix as shown"
          forms={{
            SVG: () => canvas.current && download("matrix.svg", svg(canvas.current, area, orders), "image/svg+xml"),
            PNG: () => canvas.current?.toBlob((b) => b && download("matrix.png", b, "image/png")),
            CSV: () => void values(area, orders).then((t) => saveTable("matrix", t, "csv"), setError),
            JSON: () => void values(area, orders).then((t) => saveTable("matrix", t, "json"), setError),
          }}
        />
      </div>
      <Under at={at} go={go} matrix={matrix} orders={orders} />
      <Same
        command={`${program(info, "heatmap")} --save heatmap.png`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.heatmap()`}
      />
    </>
  );
}

/** The tokens of the stage's text: each marks its column, and a click leads there. */
function OfTheText({ go, find }: { go: (id: number) => void; find: boolean }) {
  const [text] = useText();
  const tokens = useTokens(text).data;
  return (
    <div class="tokens of-text" role="group" aria-label="The tokens of the stage’s text">
      {tokens?.ids.slice(0, 60).map((id, i) => (
        <Token
          key={i}
          id={id}
          label={tokens.labels[i]}
          pressed={false}
          title={find ? `token ${id}: show its column` : `token ${id}`}
          pick={find ? () => go(id) : undefined}
        />
      ))}
    </div>
  );
}

/** The column of a token, as a line over all rows. */
function column(ink: CanvasRenderingContext2D, token: number, [left, right]: Area): void {
  const wide = ink.canvas.width / (right - left);
  const x = (token - left) * wide;
  ink.fillStyle = "#c2491d";
  ink.globalAlpha = 0.75;
  ink.fillRect(x - 1.5, 0, Math.max(3, wide) + 1, 6);
  ink.fillRect(x - 1.5, 0, 2, ink.canvas.height);
  if (wide > 3) ink.fillRect(x + wide - 0.5, 0, 2, ink.canvas.height);
  ink.globalAlpha = 1;
}

/** The picture with labels for its axes. */
function svg(canvas: HTMLCanvasElement, [l, r, t, b]: Area, orders: string): string {
  const [width, height, margin] = [canvas.clientWidth, canvas.clientHeight, 24];
  const by = new URLSearchParams(orders);
  const tokens = `tokens ${Math.floor(l)} to ${Math.ceil(r)}, by ${by.get("tokens")}`,
    dimensions = `dimensions ${Math.floor(t)} to ${Math.ceil(b)}, by ${by.get("dimensions")}`;
  const text = 'font-family="sans-serif" font-size="12" text-anchor="middle"';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + margin}" height="${height + margin}">` +
    `<title>The embedding matrix: ${tokens}; ${dimensions}</title>` +
    `<image x="${margin}" width="${width}" height="${height}" preserveAspectRatio="none" href="${canvas.toDataURL("image/png")}"/>` +
    `<text x="${margin + width / 2}" y="${height + 16}" ${text}>${tokens}</text>` +
    `<text transform="translate(14 ${height / 2}) rotate(-90)" ${text}>${dimensions}</text></svg>\n`
  );
}

const values = async ([l, r, t, b]: Area, orders: string): Promise<Columns> =>
  (
    await call<{ table: Columns }>(
      `matrix/values?left=${Math.floor(l)}&right=${Math.ceil(r)}&top=${Math.floor(t)}&bottom=${Math.ceil(b)}&${orders}`,
    )
  ).table;

function Under({
  at,
  go,
  matrix,
  orders,
}: {
  at?: [number, number];
  go: (x: number, y: number) => void;
  matrix: MatrixInfo;
  orders: string;
}) {
  const where = useSettled(at && `matrix/value?x=${at[0]}&y=${at[1]}&${orders}`, 30);
  const cell = useAnswer(where, (signal) => call<Cell>(where!, undefined, { signal }));
  const c = cell.data;
  useEffect(() => {
    if (c)
      note({
        cell: { dimension: c.dimension, label: c.label, offset: Math.abs(c.dimension_mean) / c.dimension_deviation },
      });
  }, [c]);
  useEffect(() => {
    if (!c) return;
    pointed.value = c.token_id;
    return () => void (pointed.value = undefined);
  }, [c?.token_id]);
  const within = (v: number, all: number) => Math.min(all - 1, Math.max(0, Math.round(v)));
  return (
    <section class="under" aria-label="The cell under the pointer">
      <div class="row">
        <NumberField
          label="Column"
          value={at?.[0] ?? 0}
          set={(x) => go(within(x, matrix.tokens), at?.[1] ?? 0)}
          min={0}
          max={matrix.tokens - 1}
        />
        <NumberField
          label="Row"
          value={at?.[1] ?? 0}
          set={(y) => go(at?.[0] ?? 0, within(y, matrix.dimensions))}
          min={0}
          max={matrix.dimensions - 1}
        />
        {at && c && (
          <dl>
            <div>
              <dt>token</dt>
              <dd>
                <Token id={c.token_id} label={c.label} showId />
              </dd>
            </div>
            <div>
              <dt>dimension</dt>
              <dd>{c.dimension}</dd>
            </div>
            <div>
              <dt>value</dt>
              <dd>
                <b>{c.value.toFixed(5)}</b>
              </dd>
            </div>
            <div>
              <dt>mean of the dimension</dt>
              <dd>
                {c.dimension_mean.toFixed(4)} ± {c.dimension_deviation.toFixed(4)}
              </dd>
            </div>
            <div>
              <dt>length of the token</dt>
              <dd>{c.token_norm.toFixed(3)}</dd>
            </div>
          </dl>
        )}
        {!at && <p class="waiting">Point at a cell.</p>}
      </div>
      <Trouble error={at && cell.error} />
    </section>
  );
}

const scaled = ([l, r, t, b]: Area, fx: number, fy: number, [x, y]: [number, number]): Area => [
  x + (l - x) * fx,
  x + (r - x) * fx,
  y + (t - y) * fy,
  y + (b - y) * fy,
];

/** Drag, wheel, pinch and keys. */
function useHand(
  canvas: { current: HTMLCanvasElement | null },
  area: Area,
  setArea: (a: Area) => void,
  setAt: (at: [number, number]) => void,
  m: MatrixInfo,
) {
  const latest = useRef({ area, setArea, at: [0, 0] as [number, number] });
  latest.current.area = area;
  latest.current.setArea = setArea;
  const pointers = useRef(new Map<number, [number, number]>());
  const cellAt = (e: { clientX: number; clientY: number }): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    const [l, r, t, b] = latest.current.area;
    return [l + ((e.clientX - box.left) / box.width) * (r - l), t + ((e.clientY - box.top) / box.height) * (b - t)];
  };
  const point = (x: number, y: number) => {
    const at: [number, number] = [
      Math.min(m.tokens - 1, Math.max(0, Math.floor(x))),
      Math.min(m.dimensions - 1, Math.max(0, Math.floor(y))),
    ];
    latest.current.at = at;
    setAt(at);
  };
  useEffect(() => {
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      const f = Math.exp((e.deltaY || e.deltaX) * 0.0015);
      latest.current.setArea(scaled(latest.current.area, e.shiftKey ? 1 : f, e.shiftKey ? f : 1, cellAt(e)));
    };
    const c = canvas.current!;
    c.addEventListener("wheel", wheel, { passive: false });
    return () => c.removeEventListener("wheel", wheel);
  }, []);
  const move = (e: PointerEvent) => {
    const before = pointers.current.get(e.pointerId);
    if (!before) return point(...cellAt(e));
    const other = [...pointers.current].find(([id]) => id !== e.pointerId)?.[1];
    const [l, r, t, b] = latest.current.area;
    const [w, h] = [canvas.current!.clientWidth, canvas.current!.clientHeight];
    if (other) {
      const f = Math.max(1, Math.abs(before[0] - other[0])) / Math.max(1, Math.abs(e.clientX - other[0]));
      latest.current.setArea(scaled(latest.current.area, f, 1, cellAt({ clientX: other[0], clientY: other[1] })));
    } else {
      const [dx, dy] = [((before[0] - e.clientX) / w) * (r - l), ((before[1] - e.clientY) / h) * (b - t)];
      latest.current.setArea([l + dx, r + dx, t + dy, b + dy]);
    }
    pointers.current.set(e.pointerId, [e.clientX, e.clientY]);
  };
  const key = (e: KeyboardEvent) => {
    const [x, y] = latest.current.at;
    const step = e.shiftKey ? 20 : 1;
    const zoomTo = (f: number) => setArea(scaled(latest.current.area, f, e.altKey ? f : 1, [x, y]));
    const acts: Record<string, () => void> = {
      ArrowLeft: () => point(x - step, y),
      ArrowRight: () => point(x + step, y),
      ArrowUp: () => point(x, y - step),
      ArrowDown: () => point(x, y + step),
      "+": () => zoomTo(0.7),
      "=": () => zoomTo(0.7),
      "-": () => zoomTo(1 / 0.7),
    };
    if (acts[e.key]) (e.preventDefault(), acts[e.key]());
  };
  return {
    onPointerDown: (e: PointerEvent) => (
      canvas.current!.setPointerCapture(e.pointerId),
      pointers.current.set(e.pointerId, [e.clientX, e.clientY])
    ),
    onPointerMove: move,
    onPointerUp: (e: PointerEvent) => (pointers.current.delete(e.pointerId), point(...cellAt(e))),
    onPointerCancel: (e: PointerEvent) => void pointers.current.delete(e.pointerId),
    onKeyDown: key,
  };
}

/** A cache of requested pictures; the least used are removed if there are many. */
class TileStore {
  failed = () => {};
  private known = new Map<string, HTMLImageElement>();
  get(url: string, arrived: () => void): HTMLImageElement {
    const found = this.known.get(url);
    if (found) {
      (this.known.delete(url), this.known.set(url, found));
      return found;
    }
    const image = new Image();
    image.onload = arrived;
    image.onerror = () => (this.known.delete(url), this.failed());
    image.src = url;
    this.known.set(url, image);
    if (this.known.size > 400) this.known.delete(this.known.keys().next().value!);
    return image;
  }
}

/** The coarsest level that is still sharp, drawn over the next coarser level, so that zooming never shows gaps. */
function levelFor(m: MatrixInfo, tokensPerPixel: number): number {
  const sharp = m.levels.map((l, i) => [l.tokens_per_pixel, i]).filter(([t]) => t <= Math.max(1, tokensPerPixel));
  return sharp.length ? sharp.reduce((a, b) => (a[0] >= b[0] ? a : b))[1] : 0;
}

function paint(
  canvas: HTMLCanvasElement,
  m: MatrixInfo,
  area: Area,
  orders: string,
  store: TileStore,
  at: [number, number] | undefined,
  again: () => void,
): void {
  const ratio = Math.min(2, devicePixelRatio);
  const [w, h] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const ink = canvas.getContext("2d")!;
  const [l, r, t, b] = area;
  const [sx, sy] = [w / (r - l), h / (b - t)];
  ink.clearRect(0, 0, w, h);
  ink.imageSmoothingEnabled = sx < 1;
  const sharp = levelFor(m, 1 / sx);
  let missing = 0;
  for (const level of [m.levels.length - 1, sharp]) {
    const { tokens_per_pixel: tp, dimensions_per_pixel: dp, width, height } = m.levels[level];
    const [tw, th] = [m.tile * tp, m.tile * dp];
    for (let x = Math.floor(l / tw); x * tw < r; ++x) {
      for (let y = Math.floor(t / th); y * th < b; ++y) {
        const image = store.get(
          `/api/matrix/tile/${level}/${x}/${y}.png?${orders}${model.value ? `&model=${encodeURIComponent(model.value)}` : ""}`,
          again,
        );
        if (!image.complete || !image.naturalWidth) {
          ++missing;
          continue;
        }
        // An edge tile holds fewer pixels than a tile, and the last pixel fewer cells.
        const [cw, ch] = [Math.min(m.tile, width - x * m.tile), Math.min(m.tile, height - y * m.tile)];
        const [right, bottom] = [
          Math.min(m.tokens, (x * m.tile + cw) * tp),
          Math.min(m.dimensions, (y * m.tile + ch) * dp),
        ];
        ink.drawImage(
          image,
          0,
          0,
          cw,
          ch,
          (x * tw - l) * sx,
          (y * th - t) * sy,
          (right - x * tw) * sx,
          (bottom - y * th) * sy,
        );
      }
    }
  }
  canvas.dataset.ready = missing === 0 ? "yes" : "";
  if (at) cross(ink, (at[0] - l) * sx, (at[1] - t) * sy, Math.max(3, sx), Math.max(3, sy));
}

function cross(ink: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  for (const [colour, width] of [
    ["#fff", 4],
    ["#111", 2],
  ] as const) {
    ink.strokeStyle = colour;
    ink.lineWidth = width;
    ink.strokeRect(x - 1, y - 1, w + 2, h + 2);
  }
}

function Stripes({ info }: { info: ModelInfo }) {
  const [open, setOpen] = useState(false);
  const stripes = useAnswer(open ? "geometry" : undefined, (signal) =>
    call<{ table: Columns; figure?: Spec }>("geometry?figure=1", undefined, { signal }),
  );
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>The dimensions by the offset that all tokens share</summary>
      <Shown answer={stripes} waiting="Computing the means of all rows…">
        {(s) => (
          <>
            <Figure spec={s.figure} name="dimensions" />
            <Table table={s.table} name="dimensions" most={20} />
          </>
        )}
      </Shown>
      <Same
        command={program(info, "heatmap")}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.dimensions()`}
      />
    </details>
  );
}
