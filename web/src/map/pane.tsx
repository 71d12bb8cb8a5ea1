// One map: points, names, and the controls to move, pick and select.
import KDBush from "kdbush";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Table } from "../api";
import { Save } from "../parts";
import { download, saveTable } from "../save";
import { place, type Placed } from "./labels";
import { fit, painter, type Camera, type Painter } from "./points";
import type { Relief } from "./regions";

export interface PaneProps {
  name: string;
  /** Of what is saved: "the map" as map.svg. */
  title: string;
  file: string;
  xy?: Float32Array;
  ids: Int32Array;
  labels: string[];
  colours: Uint8Array;
  /** Indices in the order in which names are drawn. */
  order: number[];
  /** Marked tokens (ids), and one token with lines to others. */
  marked: Set<number>;
  centre?: number;
  lines: number[];
  lasso: boolean;
  /** Where it is missing, there is no button for the lasso. */
  setLasso?: (on: boolean) => void;
  /** What lies over the lower edge of the map: the work on it, the neighbours of a token. */
  children?: ComponentChildren;
  /** What a click and a line around tokens do; where they are missing, nothing. */
  pick?: (id: number | undefined) => void;
  encircle?: (ids: number[]) => void;
  /** A change moves the camera to this token, unless it is visible; `closer`: always, and zoomed in. */
  goTo?: { id: number; closer: boolean };
  /** A change brings all of these into sight. */
  frame?: number[];
  /** Indices that are not shown have a zero here. */
  shown?: Uint8Array;
  relief?: Relief;
  /** A token that is pointed at elsewhere, and how one is told of. */
  pointed?: number;
  point?: (id: number | undefined) => void;
  /** Where the points were before, the oldest first: they are drawn as trails. */
  trails?: Float32Array[];
  /** The points that the whole map is fitted to, where they move. */
  extent?: Float32Array;
  /** What stands over the map while it has no points. */
  empty?: string;
  ink: { text: string; halo: string; line: string };
}

type Point = { x: number; y: number };

export function Pane(props: PaneProps) {
  const [points, over] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  const [how, setHow] = useState<"fast" | "missing" | "lost">("fast");
  const [near, setNear] = useState<{ label: string; id: number } & Point>();
  const s = useRef(new Scene()).current;
  s.props = props;

  useEffect(() => {
    if (!points.current || !over.current) return; // the view was left before it was drawn
    s.open(points.current, over.current, how === "fast", () => setHow("lost"));
    if (how === "fast" && !s.painter!.fast) setHow("missing");
    const size = new ResizeObserver(() => s.resize());
    size.observe(over.current);
    const wheel = (e: WheelEvent) => (e.preventDefault(), s.zoom(Math.exp(-e.deltaY * 0.0015), s.at(e)));
    over.current.addEventListener("wheel", wheel, { passive: false });
    const canvas = over.current;
    return () => (size.disconnect(), canvas.removeEventListener("wheel", wheel), s.close());
  }, [how === "lost"]);
  useEffect(() => s.setPoints(props.xy), [props.xy]);
  useEffect(() => s.setColours(props.colours), [props.colours]);
  useEffect(
    () => s.redraw(),
    [
      props.marked,
      props.centre,
      props.lines,
      props.order,
      props.ink,
      props.relief,
      props.shown,
      props.pointed,
      props.trails,
    ],
  );
  useEffect(() => void (props.frame?.length && s.frameAll(props.frame)), [props.frame]);
  useEffect(() => void (props.goTo && s.goTo(props.goTo.id, props.goTo.closer)), [props.goTo]);

  const show = (i: number | undefined, at?: Point) => {
    setNear(i === undefined || !at ? undefined : { label: props.labels[i], id: props.ids[i], ...at });
    props.point?.(i === undefined ? undefined : props.ids[i]);
  };
  const hover = (e: PointerEvent) => {
    if (s.move(e)) return show(undefined);
    show(s.nearest(s.at(e)), s.at(e));
  };
  const forms = {
    SVG: () => download(`${props.file}.svg`, s.svg(), "image/svg+xml"),
    PNG: () => s.png((picture) => download(`${props.file}.png`, picture, "image/png")),
    CSV: () => saveTable(props.file, s.table(), "csv"),
    JSON: () => saveTable(props.file, s.table(), "json"),
  };
  return (
    <>
      <div class="pane">
        <canvas ref={points} key={how === "lost" ? "by hand" : "fast"} aria-hidden="true" />
        <canvas
          ref={over}
          class={props.lasso ? "lasso" : ""}
          tabIndex={0}
          role="application"
          aria-label={`${props.name}: ${props.ids.length} tokens. Arrow keys move, plus and minus zoom; search finds a token by its text.`}
          onPointerDown={(e) => s.down(e)}
          onPointerMove={hover}
          onPointerUp={(e) => s.up(e)}
          onPointerCancel={(e) => s.up(e)}
          onPointerLeave={() => show(undefined)}
          onKeyDown={(e) => s.key(e)}
          onDblClick={() => s.whole()}
        />
        <div class="controls">
          {props.setLasso && (
            <button type="button" aria-pressed={props.lasso} onClick={() => props.setLasso!(!props.lasso)}>
              Lasso
            </button>
          )}
          <button type="button" onClick={() => s.whole()}>
            Whole map
          </button>
        </div>
        <div class="edge">{props.children}</div>
        {near && (
          <div class="near" style={{ left: `${near.x + 12}px`, top: `${near.y + 12}px` }}>
            {near.label} <small>{near.id}</small>
          </div>
        )}
        {props.ids.length === 0 && props.empty && (
          <p class="nothing" role="status">
            {props.empty}
          </p>
        )}
        {how !== "fast" && (
          <p class="word">
            {how === "missing"
              ? "This browser has no WebGL: the map is drawn more slowly."
              : "The browser has lost its WebGL: the map is drawn more slowly now."}
          </p>
        )}
      </div>
      <div class="row between">
        <small>
          {props.pick && "A click shows a token’s nearest in all dimensions. "}
          Drag to move (two fingers on a touch screen), wheel or pinch to zoom
          {props.encircle && ", Shift and drag to encircle"}.
        </small>
        {props.ids.length > 0 && <Save title={props.title} forms={forms} />}
      </div>
    </>
  );
}

const regionFont = "italic 600 13px Georgia, serif";

/** The content of the canvases, outside the component, so that moving the pointer does not render again. */
class Scene {
  props!: PaneProps;
  painter?: Painter;
  private over!: HTMLCanvasElement;
  private under!: HTMLCanvasElement;
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  private moved = false;
  private index?: KDBush;
  private indexed?: Float32Array;
  private pointers = new Map<number, Point>();
  private path: Point[] = [];
  private travelled = 0;
  private asked = 0;
  private widths = new Map<number, number>();

  /** `fast`: by WebGL, where the browser has it; `lost` is called when it has it no longer. */
  open(under: HTMLCanvasElement, over: HTMLCanvasElement, fast: boolean, lost: () => void): void {
    [this.under, this.over] = [under, over];
    under.addEventListener("webglcontextlost", lost, { once: true });
    this.painter = painter(under, fast);
    if (this.props.xy) (this.painter.points(this.props.xy), this.painter.colours(this.props.colours));
    this.resize();
  }
  close(): void {
    cancelAnimationFrame(this.asked);
    this.painter?.close();
  }
  resize(): void {
    const ratio = Math.min(2, devicePixelRatio);
    for (const c of [this.under, this.over])
      [c.width, c.height] = [Math.round(c.clientWidth * ratio), Math.round(c.clientHeight * ratio)];
    if (!this.moved) this.frame();
    this.redraw();
  }
  setPoints(xy?: Float32Array): void {
    if (!xy || !this.painter) return;
    this.painter.points(xy);
    this.widths.clear();
    if (!this.moved) this.frame();
    this.redraw();
  }
  setColours(rgba: Uint8Array): void {
    this.painter?.colours(rgba);
    this.redraw();
  }
  private frame(): void {
    if (this.props.xy) this.camera = { ...this.wholeView() };
  }
  /** All of these tokens, and some room around them. */
  frameAll(ids: number[]): void {
    const xy = this.props.xy,
      wanted = new Set(ids);
    if (!xy) return;
    const some = Float32Array.from(
      [...this.props.ids.keys()]
        .filter((i) => wanted.has(this.props.ids[i]))
        .flatMap((i) => [xy[2 * i], xy[2 * i + 1]]),
    );
    if (some.length === 0) return;
    const edge = Math.min(90, this.over.clientHeight / 4); // the neighbours are listed there
    const near = fit(some, this.over.clientWidth - 160, this.over.clientHeight - 40 - edge);
    this.camera = {
      x: near.x + 50 / near.scale,
      y: near.y - edge / 2 / near.scale,
      scale: Math.min(near.scale, 24 * this.fitScale()),
    };
    if (some.length === 2) this.camera = { x: some[0], y: some[1], scale: 12 * this.fitScale() };
    this.pan(0, 0);
  }
  /** Of these tokens, how many are in sight. */
  inSight(ids: number[]): number {
    const places = ids
      .map((id) => this.props.ids.indexOf(id))
      .filter((i) => i >= 0)
      .map((i) => this.toPage(i));
    return places.filter((p) => p.x >= 0 && p.y >= 0 && p.x <= this.over.clientWidth && p.y <= this.over.clientHeight)
      .length;
  }
  whole(): void {
    this.moved = false;
    this.frame();
    this.redraw();
  }
  at(e: { clientX: number; clientY: number }): Point {
    const box = this.over.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }
  private toMap(p: Point): Point {
    return {
      x: this.camera.x + (p.x - this.over.clientWidth / 2) / this.camera.scale,
      y: this.camera.y - (p.y - this.over.clientHeight / 2) / this.camera.scale,
    };
  }
  private toPage(i: number, xy = this.props.xy!): Point {
    return {
      x: this.over.clientWidth / 2 + (xy[2 * i] - this.camera.x) * this.camera.scale,
      y: this.over.clientHeight / 2 - (xy[2 * i + 1] - this.camera.y) * this.camera.scale,
    };
  }
  zoom(factor: number, about: Point): void {
    const held = this.toMap(about),
      whole = this.fitScale();
    this.camera.scale = Math.min(2000 * whole, Math.max(0.4 * whole, this.camera.scale * factor));
    const now = this.toMap(about);
    this.pan(held.x - now.x, held.y - now.y);
  }
  private pan(x: number, y: number): void {
    this.moved = true;
    this.camera.x += x;
    this.camera.y += y;
    if (this.props.xy) this.keepInSight();
    this.redraw();
  }
  /** The map cannot be thrown out of sight: the middle of the pane stays over it. */
  private keepInSight(): void {
    const { clientWidth: w, clientHeight: h } = this.over,
      { x, y, scale } = this.wholeView();
    const hold = (at: number, middle: number, reach: number) => Math.min(middle + reach, Math.max(middle - reach, at));
    ((this.camera.x = hold(this.camera.x, x, w / 2 / scale)), (this.camera.y = hold(this.camera.y, y, h / 2 / scale)));
  }
  goTo(id: number, closer: boolean): void {
    const i = this.props.ids.indexOf(id);
    if (i < 0 || !this.props.xy) return;
    const p = this.toPage(i);
    if (!closer && p.x > 0 && p.y > 0 && p.x < this.over.clientWidth && p.y < this.over.clientHeight) return;
    const whole = this.wholeView();
    this.camera = {
      x: this.props.xy[2 * i],
      y: this.props.xy[2 * i + 1],
      scale: closer ? Math.max(this.camera.scale, whole.scale * 12) : this.camera.scale,
    };
    this.pan(0, 0);
  }
  key(e: KeyboardEvent): void {
    const step = 60 / this.camera.scale;
    const middle = { x: this.over.clientWidth / 2, y: this.over.clientHeight / 2 };
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.pan(-step, 0),
      ArrowRight: () => this.pan(step, 0),
      ArrowUp: () => this.pan(0, step),
      ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.3, middle),
      "=": () => this.zoom(1.3, middle),
      "-": () => this.zoom(1 / 1.3, middle),
      "0": () => this.whole(),
    };
    if (acts[e.key]) (e.preventDefault(), acts[e.key]());
  }

  down(e: PointerEvent): void {
    this.over.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, this.at(e));
    this.travelled = 0;
    this.path = this.props.lasso || e.shiftKey ? [this.at(e)] : [];
  }
  /** True during a drag or zoom. */
  move(e: PointerEvent): boolean {
    const before = this.pointers.get(e.pointerId);
    if (!before) return false;
    const now = this.at(e);
    this.travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    const other = [...this.pointers].find(([id]) => id !== e.pointerId)?.[1];
    this.pointers.set(e.pointerId, now);
    if (this.path.length) (this.path.push(now), this.redraw());
    else if (other) {
      this.zoom(
        Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y)),
        other,
      );
      this.pan((before.x - now.x) / 2 / this.camera.scale, (now.y - before.y) / 2 / this.camera.scale);
    } else if (e.pointerType !== "touch")
      this.pan((before.x - now.x) / this.camera.scale, (now.y - before.y) / this.camera.scale);
    return true;
  }
  up(e: PointerEvent): void {
    if (!this.pointers.delete(e.pointerId)) return;
    if (this.path.length > 2 && this.travelled > 10) this.props.encircle?.(this.inside());
    else if (this.travelled < 5 && e.type === "pointerup") {
      const i = this.nearest(this.at(e));
      this.props.pick?.(i === undefined ? undefined : this.props.ids[i]);
    }
    this.path = [];
    this.redraw();
  }
  private inside(): number[] {
    const found: number[] = [];
    for (let i = 0; i < this.props.ids.length; ++i)
      if (this.isShown(i) && within(this.toPage(i), this.path)) found.push(this.props.ids[i]);
    return found;
  }
  private isShown(i: number): boolean {
    return this.props.shown === undefined || this.props.shown[i] !== 0;
  }
  nearest(p: Point): number | undefined {
    const xy = this.props.xy;
    if (!xy || !xy.length) return;
    if (this.indexed !== xy) {
      this.index = new KDBush(xy.length / 2, 64, Float32Array);
      for (let i = 0; i < xy.length; i += 2) this.index.add(xy[i], xy[i + 1]);
      this.index.finish();
      this.indexed = xy;
    }
    const m = this.toMap(p);
    const far = (i: number) => (xy[2 * i] - m.x) ** 2 + (xy[2 * i + 1] - m.y) ** 2;
    const found = this.index!.within(m.x, m.y, 12 / this.camera.scale).filter((i) => this.isShown(i));
    return found.length ? found.reduce((a, b) => (far(a) <= far(b) ? a : b)) : undefined;
  }

  redraw(): void {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => this.draw());
  }
  private draw(): void {
    if (!this.props.xy || !this.over?.isConnected) return;
    this.painter!.draw(this.camera, this.size());
    const ink = this.over.getContext("2d")!;
    const ratio = this.over.width / Math.max(1, this.over.clientWidth);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, this.over.clientWidth, this.over.clientHeight);
    this.drawRings(ink);
    this.drawTrails(ink);
    this.drawLines(ink);
    this.drawMarks(ink);
    this.drawNames(ink);
    this.drawPath(ink);
  }
  /** The size of a point, in pixels of the page. */
  private size(): number {
    const whole = 300 / Math.sqrt(this.props.ids.length + 1);
    return Math.max(2, Math.min(9, whole * Math.sqrt(this.camera.scale / this.fitScale())));
  }
  private fitted?: { xy?: Float32Array; width: number; camera: Camera };
  private wholeView(): Camera {
    const xy = this.props.extent ?? this.props.xy,
      width = this.over.clientWidth;
    if (!xy) return { x: 0, y: 0, scale: 1 };
    if (this.fitted?.xy !== xy || this.fitted.width !== width)
      this.fitted = { xy, width, camera: fit(xy, width, this.over.clientHeight) };
    return this.fitted.camera;
  }
  private fitScale(): number {
    return this.wholeView().scale;
  }
  /** How dense the map is. */
  private drawRings(ink: CanvasRenderingContext2D): void {
    ink.strokeStyle = this.props.ink.text;
    ink.lineWidth = 1;
    this.props.relief?.rings.forEach((rings, level) => {
      ink.globalAlpha = 0.2 + 0.1 * level;
      ink.beginPath();
      for (const ring of rings) {
        ring.forEach(([x, y], i) => {
          const [px, py] = [
            this.over.clientWidth / 2 + (x - this.camera.x) * this.camera.scale,
            this.over.clientHeight / 2 - (y - this.camera.y) * this.camera.scale,
          ];
          if (i) ink.lineTo(px, py);
          else ink.moveTo(px, py);
        });
        ink.closePath();
      }
      ink.stroke();
    });
    ink.globalAlpha = 1;
  }
  private drawLines(ink: CanvasRenderingContext2D): void {
    const from = this.props.centre === undefined ? -1 : this.props.ids.indexOf(this.props.centre);
    if (from < 0) return;
    const a = this.toPage(from);
    ink.strokeStyle = this.props.ink.line;
    ink.lineWidth = 1.2;
    ink.beginPath();
    for (const id of this.props.lines) {
      const to = this.props.ids.indexOf(id);
      if (to < 0) continue;
      const b = this.toPage(to);
      (ink.moveTo(a.x, a.y), ink.lineTo(b.x, b.y));
    }
    ink.stroke();
  }
  /** The way of every point to where it is now; of one that is pointed at, strongly. */
  private drawTrails(ink: CanvasRenderingContext2D): void {
    const { trails, xy, ids, pointed, ink: colours } = this.props;
    if (!trails?.length || !xy) return;
    const steps = [...trails, xy];
    for (let i = 0; i < ids.length; ++i) {
      if (!this.isShown(i)) continue;
      const strong = ids[i] === pointed;
      ink.strokeStyle = strong ? colours.line : colours.text;
      ink.globalAlpha = strong ? 1 : 0.13;
      ink.lineWidth = strong ? 2.5 : 1;
      ink.beginPath();
      steps.forEach((at, k) => {
        const p = this.toPage(i, at);
        if (k) ink.lineTo(p.x, p.y);
        else ink.moveTo(p.x, p.y);
      });
      ink.stroke();
    }
    ink.globalAlpha = 1;
  }
  private drawMarks(ink: CanvasRenderingContext2D): void {
    const from = this.props.centre === undefined ? -1 : this.props.ids.indexOf(this.props.centre);
    const middle = from < 0 ? undefined : this.toPage(from);
    this.over.dataset.centre = middle ? `${Math.round(middle.x)},${Math.round(middle.y)}` : "";
    this.over.dataset.sight = `${this.inSight(this.props.lines)} of ${this.props.lines.length}`;
    const at = this.props.pointed === undefined ? -1 : this.props.ids.indexOf(this.props.pointed);
    this.over.dataset.pointed = at < 0 ? "" : String(this.props.pointed);
    if (at >= 0) {
      const p = this.toPage(at);
      ink.strokeStyle = this.props.ink.line;
      ink.lineWidth = 2.5;
      (ink.beginPath(), ink.arc(p.x, p.y, 9, 0, 7), ink.stroke());
    }
    if (!this.props.marked.size) return;
    ink.strokeStyle = this.props.ink.text;
    ink.lineWidth = 1.5;
    for (let i = 0; i < this.props.ids.length; ++i) {
      if (!this.props.marked.has(this.props.ids[i])) continue;
      const p = this.toPage(i);
      (ink.beginPath(), ink.arc(p.x, p.y, this.props.ids[i] === this.props.centre ? 7 : 4, 0, 7), ink.stroke());
    }
  }
  /** Which points get names and where; marked points come first, in bold. */
  private names(ink: CanvasRenderingContext2D): (Placed & { bold: boolean })[] {
    const { xy, ids, labels, order, marked, lines, centre, relief, pointed } = this.props;
    ink.font = "12px system-ui, sans-serif";
    const widthOf = (i: number) => {
      if (!this.widths.has(i)) this.widths.set(i, ink.measureText(labels[i]).width);
      return this.widths.get(i)!;
    };
    const first = new Set([
      ...(pointed === undefined ? [] : [pointed]),
      ...(centre === undefined ? [] : [centre]),
      ...lines,
      ...marked,
    ]);
    const ahead = first.size
      ? Array.from(ids.keys())
          .filter((i) => first.has(ids[i]))
          .sort((a, b) => Number(ids[b] === centre) - Number(ids[a] === centre))
      : [];
    const far = relief !== undefined && this.camera.scale < 9 * this.fitScale(); // regions are named in place of tokens
    const others = far ? [] : this.props.shown ? order.filter((i) => this.isShown(i)) : order;
    return place(
      xy!,
      [...ahead.slice(0, 300), ...others],
      this.camera,
      this.over.clientWidth,
      this.over.clientHeight,
      widthOf,
    ).map((spot) => ({ ...spot, bold: first.has(ids[spot.index]) }));
  }
  /** The regions of this nearness whose names do not cover each other; those of tokens come first. */
  private regions(ink: CanvasRenderingContext2D, tokens: Placed[]): { name: string; x: number; y: number }[] {
    const zoom = this.camera.scale / this.fitScale();
    const level = zoom < 9 ? this.props.relief?.levels.filter((l) => l.zoom <= zoom).at(-1) : undefined;
    const taken = tokens.map(({ index, x, y }) => [x, y - 8, x + 14 + (this.widths.get(index) ?? 0), y + 8]);
    const found: { name: string; x: number; y: number }[] = [];
    ink.font = regionFont;
    for (const { x, y, name } of level?.regions ?? []) {
      if (found.some((f) => f.name === name)) continue; // what has no words of its own is called by its kind, once
      const [px, py] = [
        this.over.clientWidth / 2 + (x - this.camera.x) * this.camera.scale,
        this.over.clientHeight / 2 - (y - this.camera.y) * this.camera.scale,
      ];
      const half = ink.measureText(name).width / 2 + 4;
      const box = [px - half, py - 9, px + half, py + 9];
      if (box[0] < 0 || box[1] < 0 || box[2] > this.over.clientWidth || box[3] > this.over.clientHeight) continue;
      if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
      taken.push(box);
      found.push({ name, x: px, y: py });
    }
    return found;
  }
  private drawNames(ink: CanvasRenderingContext2D): void {
    const { labels } = this.props;
    ink.lineWidth = 3;
    ink.lineJoin = "round";
    const tokens = this.names(ink),
      regions = this.regions(ink, tokens);
    this.over.dataset.regions = String(regions.length);
    ((ink.font = regionFont), (ink.textAlign = "center"));
    for (const { name, x, y } of regions) {
      ((ink.strokeStyle = this.props.ink.halo), ink.strokeText(name, x, y + 4));
      ((ink.fillStyle = this.props.ink.text), ink.fillText(name, x, y + 4));
    }
    ink.textAlign = "start";
    for (const { index, x, y, bold } of tokens) {
      ink.font = bold ? "600 12px system-ui, sans-serif" : "12px system-ui, sans-serif";
      ((ink.strokeStyle = this.props.ink.halo), ink.strokeText(labels[index], x + 6, y + 4));
      ((ink.fillStyle = this.props.ink.text), ink.fillText(labels[index], x + 6, y + 4));
    }
  }
  /** The visible part, as SVG. */
  svg(): string {
    const { ids, labels, colours, lines, centre, ink } = this.props;
    const [w, h] = [this.over.clientWidth, this.over.clientHeight];
    const at = (p: Point) => [p.x.toFixed(1), p.y.toFixed(1)];
    const out = [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" font-family="sans-serif" font-size="12"><rect width="${w}" height="${h}" fill="${ink.halo}"/>`,
    ];
    for (let i = 0; this.props.xy && i < ids.length; ++i) {
      const p = this.toPage(i);
      if (!this.isShown(i) || !(p.x >= 0 && p.y >= 0 && p.x <= w && p.y <= h)) continue;
      const [x, y] = at(p);
      out.push(
        `<circle cx="${x}" cy="${y}" r="${(this.size() / 2).toFixed(1)}" fill="rgb(${colours.slice(4 * i, 4 * i + 3).join()})" fill-opacity="${(colours[4 * i + 3] / 255).toFixed(2)}"/>`,
      );
    }
    const from = centre === undefined ? -1 : ids.indexOf(centre);
    for (const to of from < 0 ? [] : lines.map((id) => ids.indexOf(id)).filter((i) => i >= 0)) {
      const [[a, b], [c, d]] = [at(this.toPage(from)), at(this.toPage(to))];
      out.push(`<path d="M${a} ${b}L${c} ${d}" stroke="${ink.line}" stroke-width="1.2"/>`);
    }
    const tokens = this.props.xy ? this.names(this.over.getContext("2d")!) : [];
    for (const { name, x, y } of this.regions(this.over.getContext("2d")!, tokens))
      out.push(
        `<text x="${x.toFixed(1)}" y="${(y + 4).toFixed(1)}" text-anchor="middle" font-style="italic" font-weight="600" fill="${ink.text}" stroke="${ink.halo}" stroke-width="3" paint-order="stroke">${escaped(name)}</text>`,
      );
    for (const { index, x, y, bold } of tokens)
      out.push(
        `<text x="${(x + 6).toFixed(1)}" y="${(y + 4).toFixed(1)}" fill="${ink.text}" stroke="${ink.halo}" stroke-width="3" paint-order="stroke"${bold ? ' font-weight="600"' : ""}>${escaped(labels[index])}</text>`,
      );
    return [...out, "</svg>"].join("\n");
  }
  png(done: (picture: Blob) => void): void {
    const whole = document.createElement("canvas");
    [whole.width, whole.height] = [this.over.width, this.over.height];
    const ink = whole.getContext("2d")!;
    ink.fillStyle = this.props.ink.halo;
    ink.fillRect(0, 0, whole.width, whole.height);
    (ink.drawImage(this.under, 0, 0), ink.drawImage(this.over, 0, 0));
    whole.toBlob((picture) => picture && done(picture), "image/png");
  }
  table(): Table {
    const { name, ids, labels, xy } = this.props;
    const axis = (which: 0 | 1) => Array.from(ids, (_, i) => xy?.[2 * i + which] ?? null);
    return { title: name, columns: { id: [...ids], token: labels, x: axis(0), y: axis(1) } };
  }

  private drawPath(ink: CanvasRenderingContext2D): void {
    if (this.path.length < 2) return;
    ink.strokeStyle = this.props.ink.text;
    ink.setLineDash([5, 4]);
    ink.beginPath();
    this.path.forEach((p, i) => (i ? ink.lineTo(p.x, p.y) : ink.moveTo(p.x, p.y)));
    (ink.closePath(), ink.stroke(), ink.setLineDash([]));
  }
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!).replace(/[\u0000-\u001f]/g, "\ufffd");

/** Even-odd rule. */
function within(p: Point, path: Point[]): boolean {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [a, b] = [path[i], path[j]];
    if (a.y > p.y !== b.y > p.y && p.x < ((b.x - a.x) * (p.y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}
