// The picture: the tokens, their vectors as strips of colour, and the grid of positions x blocks.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { session, setParams } from "../session";
import { dark } from "../theme";
import { mix, pins, type Pin } from "./experiment";
import { menuFor } from "./menu";
import { colours, drawCells, scaleCss, sized, strip, type Colouring } from "./paint";
import { hovered, open, opened, placeName, same, type Place } from "./pick";
import { lensHere, lensStale, mixedAt, ofThisText, stage, stale, wordAt, occurrences, type Stage } from "./run";
import { text } from "./experiment";

/** Pixels of a strip: less on a low screen. */
export const stripsOf = (): number => (innerHeight < 800 ? 56 : 84);
const narrowest = 34,
  widest = 172;

/** The chosen colouring; by default the effect of the changes, or without changes the effect of the blocks. */
export const colouring = (): Colouring => {
  const chosen = session.value.own.stage?.colour ?? "";
  return chosen in colours ? (chosen as Colouring) : stage.value.data?.felt ? "felt" : "moved";
};

/** Where a pin stands: its block (-1: the embedding) and position. */
export function placeOf(pin: Pin, count: number): Place | undefined {
  const [, point, at] = /^(?:blocks\.(\d+)\.\w+|wte)(?:@(-?\d+))?/.exec(pin.at) ?? [];
  if (at === undefined) return undefined;
  return {
    block: point === undefined ? -1 : Number(point),
    position: Number(at) < 0 ? Number(at) + count : Number(at),
  };
}

export function Picture() {
  const box = useRef<HTMLDivElement>(null);
  const room = useSignal({ width: 900, height: 560 });
  useEffect(() => {
    const measure = () => {
      if (!box.current) return; // the view was left in this frame
      const { top, width } = box.current.getBoundingClientRect();
      room.value = { width: width - 76, height: innerHeight - (top + scrollY) - 30 };
    };
    const watch = new ResizeObserver(measure);
    watch.observe(box.current!);
    addEventListener("resize", measure);
    measure();
    return () => (watch.disconnect(), removeEventListener("resize", measure));
  }, []);
  const s = stage.value.data;
  const count = s ? s.last - s.first : 5,
    rows = s ? s.lengths.length : 31;
  const column = Math.max(narrowest, Math.min(widest, Math.floor(room.value.width / count)));
  const line = Math.max(11, Math.min(26, Math.floor((room.value.height - stripsOf() - 38) / rows)));
  const old = s !== undefined && !ofThisText.value;
  return (
    <div
      class={`picture${old ? " old" : ""}`}
      ref={box}
      data-positions={s ? count : 0}
      data-rows={s ? rows : 0}
      data-stale={stale.value || undefined}
    >
      <Rows rows={rows} line={line} />
      <div class="across">
        {s && <Chips s={s} column={column} />}
        {s && <Strips s={s} column={column} />}
        {s && <Cells s={s} column={column} line={line} />}
      </div>
    </div>
  );
}

function Rows({ rows, line }: { rows: number; line: number }) {
  const at = hovered.value ?? opened.value;
  return (
    <div class="rows" aria-hidden="true" style={{ lineHeight: `${line}px`, fontSize: `min(0.72rem, ${line - 1}px)` }}>
      <span
        class="of-strip"
        style={{ height: `${stripsOf() + 38}px`, paddingTop: `${34 + stripsOf() / 2 - line / 2}px` }}
      >
        vector
      </span>
      {Array.from({ length: rows }, (_, r) => (
        <span key={r} class={at && at.block === r - 1 ? "now" : ""} style={{ height: `${line}px` }}>
          {r === 0 ? "embedding" : r === 1 || r === rows - 1 || (r - 1) % 5 === 0 ? `block ${r - 1}` : r - 1}
        </span>
      ))}
    </div>
  );
}

/** The word of a chip and the number of its occurrence. */
function wordOf(s: Stage, position: number): [string, number] {
  const word = wordAt(text.peek(), s, position);
  return [word, occurrences(text.peek(), s, word).indexOf(position)];
}

function Chips({ s, column }: { s: Stage; column: number }) {
  const from = useSignal<{ position: number; x: number; y: number; moving: boolean } | undefined>(undefined);
  const over = useSignal<number | undefined>(undefined);
  const ghost = useSignal<{ x: number; y: number } | undefined>(undefined);
  const chipAt = (e: PointerEvent) => {
    const chip = document.elementFromPoint(e.clientX, e.clientY)?.closest<HTMLElement>("[data-chip]");
    return chip ? Number(chip.dataset.chip) : undefined;
  };
  const move = (e: PointerEvent) => {
    const f = from.value;
    if (!f) return;
    if (!f.moving && Math.hypot(e.clientX - f.x, e.clientY - f.y) < 6) return;
    if (!f.moving) from.value = { ...f, moving: true };
    ghost.value = { x: e.clientX, y: e.clientY };
    const target = chipAt(e);
    over.value = target === f.position ? undefined : target;
  };
  const end = (e: PointerEvent) => {
    const f = from.value,
      target = over.value;
    from.value = over.value = ghost.value = undefined;
    if (!f?.moving) return;
    e.preventDefault();
    if (target === undefined || target === f.position) return;
    const [word, nth] = wordOf(s, target);
    const id = s.ids[f.position];
    mix(word, nth, wordOf(s, f.position)[0] || `#${id}`);
  };
  const dragged = from.value?.moving ? s.labels[from.value.position] : undefined;
  const now = opened.value;
  return (
    <ol
      class={`chips${column < 60 ? " narrow" : ""}`}
      aria-label="Tokens of the text"
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={() => (from.value = over.value = ghost.value = undefined)}
    >
      {s.labels.slice(s.first, s.last).map((label, i) => {
        const position = s.first + i;
        const marks = [
          position === mixedAt.value && "mixed",
          over.value === position && "over",
          now?.block === -1 && now.position === position && "open",
        ]
          .filter(Boolean)
          .join(" ");
        return (
          <li key={position} style={{ width: `${column}px` }}>
            <button
              type="button"
              class={`chip ${marks}`}
              data-chip={position}
              title={`${label}: token ${s.ids[position]}, position ${position}. Drag it onto another to mix their vectors.`}
              aria-pressed={now?.block === -1 && now.position === position}
              onPointerDown={(e) => {
                if (e.button === 0 && e.pointerType !== "touch") {
                  from.value = { position, x: e.clientX, y: e.clientY, moving: false };
                  (e.currentTarget as HTMLElement).parentElement!.parentElement!.setPointerCapture?.(e.pointerId);
                }
              }}
              onClick={() => open({ block: -1, position })}
              onContextMenu={(e) => (e.preventDefault(), menuFor({ block: -1, position }, e.clientX, e.clientY))}
              onPointerEnter={() => (hovered.value = { block: -1, position })}
              onPointerLeave={() => (hovered.value = undefined)}
            >
              <span>{label}</span>
            </button>
          </li>
        );
      })}
      {dragged !== undefined && ghost.value && (
        <span class="ghost" aria-hidden="true" style={{ left: `${ghost.value.x}px`, top: `${ghost.value.y}px` }}>
          {dragged}
        </span>
      )}
    </ol>
  );
}

function Strips({ s, column }: { s: Stage; column: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tone = dark.value ? "dark" : "light";
  const stripHeight = stripsOf();
  useEffect(() => {
    const context = sized(canvas.current!, s.vectors.length * column, stripHeight);
    s.vectors.forEach((v, i) => strip(context, v, 70, i * column + 2, 0, column - 4, stripHeight, tone));
  }, [s, column, tone]);
  return (
    <canvas
      ref={canvas}
      class="strips"
      aria-hidden="true"
      style={{ width: `${s.vectors.length * column}px`, height: `${stripHeight}px` }}
    />
  );
}

function Cells({ s, column, line }: { s: Stage; column: number; line: number }) {
  const canvas = useRef<HTMLCanvasElement>(null),
    frame = useRef<HTMLCanvasElement>(null);
  const [wide, high] = [(s.last - s.first) * column, s.lengths.length * line];
  const colour = colours[colouring()];
  const read = lensHere.value;
  const tone = dark.value ? "dark" : "light";
  useEffect(() => {
    drawCells(sized(canvas.current!, wide, high), s, read, colour, column, line, tone);
  }, [s, read, colour, column, line, tone]);
  // open, hovered and pinned cells are drawn on a layer above, so that moving the pointer costs nothing
  useSignalEffect(() => {
    const context = sized(frame.current!, wide, high);
    const outline = (at: Place | undefined, style: string, width: number) => {
      if (!at || at.position < s.first || at.position >= s.last) return;
      context.strokeStyle = style;
      context.lineWidth = width;
      context.strokeRect((at.position - s.first) * column + 1, (at.block + 1) * line + 0.5, column - 2, line - 1);
    };
    const [ink, accent, mark] = dark.value ? ["#eceae5", "#7db4f0", "#f08a4b"] : ["#1d1b18", "#1f5aa8", "#b3441a"];
    for (const pin of pins.value) {
      const at = placeOf(pin, s.ids.length);
      if (!at || at.position < s.first || at.position >= s.last) continue;
      context.fillStyle = context.strokeStyle = mark;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(
        (at.position - s.first + 1) * column - 9,
        (at.block + 1) * line + line / 2,
        Math.min(4.5, line / 3),
        0,
        7,
      );
      if (pin.off) context.stroke();
      else context.fill();
    }
    if (!same(hovered.value, opened.value)) outline(hovered.value, ink, 1);
    outline(opened.value, accent, 2.5);
  });
  const placeAt = (e: MouseEvent): Place => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    const clamp = (v: number, most: number) => Math.max(0, Math.min(most, v));
    return {
      block: clamp(Math.floor((e.clientY - top) / line), s.lengths.length - 1) - 1,
      position: s.first + clamp(Math.floor((e.clientX - left) / column), s.last - s.first - 1),
    };
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "Escape") return open();
    const at = opened.value ?? { block: s.lengths.length - 2, position: s.last - 1 };
    if (e.key === "ContextMenu" || (e.key === "F10" && e.shiftKey) || e.key === "Enter") {
      const { left, top } = canvas.current!.getBoundingClientRect();
      e.preventDefault();
      open(at);
      return menuFor(at, left + (at.position - s.first + 1) * column, top + (at.block + 2) * line);
    }
    const steps: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-5, 0],
      PageDown: [5, 0],
      Home: [0, -1e6],
      End: [0, 1e6],
    };
    const step = steps[e.key];
    if (!step) return;
    e.preventDefault();
    const next = {
      block: Math.max(-1, Math.min(s.lengths.length - 2, at.block + step[0])),
      position: Math.max(s.first, Math.min(s.last - 1, at.position + step[1])),
    };
    open(opened.value ? next : at);
    keepInSight(canvas.current!, (next.position - s.first) * column, column);
  };
  const told = useComputed(() => tell(s, opened.value));
  return (
    <div
      class={`cells${lensStale.value && ["lens", "answer"].includes(colouring()) ? " late" : ""}`}
      style={{ width: `${wide}px`, height: `${high}px` }}
    >
      <canvas ref={canvas} aria-hidden="true" style={{ width: `${wide}px`, height: `${high}px` }} />
      <canvas
        ref={frame}
        class="frame"
        tabIndex={0}
        role="application"
        aria-roledescription="grid of vectors"
        data-lens={read ? "yes" : undefined}
        aria-label={`Positions as columns, blocks as rows. Arrow keys move, Enter opens the menu of changes, Escape closes the inspector.`}
        style={{ width: `${wide}px`, height: `${high}px` }}
        onPointerMove={(e) => {
          const at = placeAt(e);
          if (!same(at, hovered.value)) hovered.value = at;
        }}
        onPointerLeave={() => (hovered.value = undefined)}
        onClick={(e) => open(placeAt(e))}
        onKeyDown={key}
        onContextMenu={(e) => {
          e.preventDefault();
          const at = placeAt(e);
          open(at);
          menuFor(at, e.clientX, e.clientY);
        }}
      />
      <span class="hidden" role="status">
        {told}
      </span>
    </div>
  );
}

function keepInSight(canvas: HTMLElement, x: number, width: number): void {
  const across = canvas.closest<HTMLElement>(".across")!;
  if (x < across.scrollLeft) across.scrollLeft = x;
  else if (x + width > across.scrollLeft + across.clientWidth) across.scrollLeft = x + width - across.clientWidth;
}

/** A cell in words. */
export function tell(s: Stage | undefined, at?: Place): string {
  if (!s || !at || at.position < s.first || at.position >= s.last) return "";
  const l = lensHere.value;
  const [r, c] = [at.block + 1, at.position - s.first];
  const parts = [
    `${s.labels[at.position]} at position ${at.position}, ${placeName(at.block)}`,
    colours.lens.told(s, l, r, c),
    colours.moved.told(s, l, r, c),
    colours.length.told(s, l, r, c),
  ];
  return [...parts, s.felt && colours.felt.told(s, l, r, c)].filter(Boolean).join(" · ");
}

/** Describes the cell under the pointer, or the open one, and the colours. */
export function Caption() {
  const s = stage.value.data;
  const name = colouring(),
    colour = colours[name];
  const tone = dark.value ? "dark" : "light";
  const at = hovered.value ?? opened.value;
  return (
    <div class="caption">
      <div class="colouring" role="group" aria-label="Colour the grid by">
        {(Object.keys(colours) as Colouring[]).map((c) => (
          <button
            key={c}
            type="button"
            aria-pressed={c === name}
            title={colours[c].says}
            onClick={() => setParams({ colour: c }, "stage")}
          >
            {colours[c].name}
          </button>
        ))}
      </div>
      <p class="scale" title={colour.says}>
        <span>{colour.ends[0]}</span>
        <i style={{ background: scaleCss(colour, tone) }} />
        <span>{colour.ends[1]}</span>
      </p>
      <p class="under" aria-hidden="true">
        {at ? tell(s, at) : colour.says}
      </p>
    </div>
  );
}
