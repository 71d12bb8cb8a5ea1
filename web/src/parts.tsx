// Components that all views use.
import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Explained, Label } from "./glossary";
import { useAnswer, type Answer } from "./hooks";
import {
  call,
  EngineError,
  online,
  type Cell,
  type Likely,
  type ModelInfo,
  type Spec,
  type Table as Columns,
} from "./api";
import { pointed, pointing } from "./linked";
import { useNamed } from "./named";
import { csv, download, saveTable } from "./save";
import { session, toTray } from "./session";
import type { Drawing } from "./vega";

export function Field(props: { label: string; hint?: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <Label control={id}>{props.label}</Label>
      {props.children(id)}
      {props.hint && <small>{props.hint}</small>}
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  set: (value: string) => void;
  hint?: string;
  long?: boolean;
  list?: string;
  placeholder?: string;
}

export function Text({ label, value, set, hint, long, placeholder }: TextProps) {
  const common = { value, placeholder, spellcheck: false, autocomplete: "off" as const };
  return (
    <Field label={label} hint={hint}>
      {(id) =>
        long ? (
          <textarea
            id={id}
            {...common}
            rows={Math.min(8, 1 + Math.ceil(value.length / 90))}
            onInput={(e) => set(e.currentTarget.value)}
          />
        ) : (
          <input id={id} type="text" {...common} onInput={(e) => set(e.currentTarget.value)} />
        )
      }
    </Field>
  );
}

export function NumberField(props: {
  label: string;
  value: number;
  set: (v: number) => void;
  min?: number;
  max?: number;
  step?: number;
  disabled?: boolean;
}) {
  return (
    <Field label={props.label}>
      {(id) => (
        <input
          id={id}
          class="number"
          type="number"
          value={props.value}
          min={props.min}
          max={props.max}
          step={props.step ?? 1}
          disabled={props.disabled}
          onInput={(e) => e.currentTarget.value !== "" && props.set(e.currentTarget.valueAsNumber)}
        />
      )}
    </Field>
  );
}

export function Choice(props: {
  label: string;
  value: string;
  set: (v: string) => void;
  options: readonly (string | [string, string])[];
}) {
  return (
    <Field label={props.label}>
      {(id) => (
        <select id={id} value={props.value} onChange={(e) => props.set(e.currentTarget.value)}>
          {props.options.map((o) => {
            const [value, name] = typeof o === "string" ? [o, o] : o;
            return (
              <option key={value} value={value}>
                {name}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

/** The engine's error message, shown beside the control that caused it. */
export function Trouble({ error }: { error?: Error }) {
  if (!error || (error instanceof TypeError && !online.value)) return null; // the page says at its top that it is alone
  const text =
    error instanceof EngineError
      ? error.message
      : error instanceof TypeError
        ? "the engine does not answer"
        : error.message;
  const where = error instanceof EngineError && error.where ? `${error.where}: ` : "";
  return (
    <p class="trouble" role="alert">
      {where}
      {text}
    </p>
  );
}

/** Shows the last good answer, dimmed while a newer one is loading, and the error if there is one. */
export function Shown<T>({
  answer,
  children,
  waiting,
}: {
  answer: Answer<T>;
  children: (data: T) => ComponentChildren;
  waiting?: string;
}) {
  const late = useLate(answer.loading);
  const first = answer.loading && answer.data === undefined && answer.error === undefined;
  return (
    <div class={`shown${late ? " late" : ""}${first ? " first" : ""}`} aria-busy={answer.loading}>
      <Trouble error={answer.error} />
      {answer.data !== undefined ? (
        <div class={answer.error ? "old" : undefined}>{children(answer.data)}</div>
      ) : late ? (
        <p class="waiting">{waiting ?? "Computing…"}</p>
      ) : null}
    </div>
  );
}

/** True if `busy` has lasted for some time, so that short waits do not flicker. */
export function useLate(busy: boolean): boolean {
  const [late, set] = useState(false);
  useEffect(() => {
    if (!busy) return set(false);
    const timer = setTimeout(() => set(true), 250);
    return () => clearTimeout(timer);
  }, [busy]);
  return late;
}

interface TokenProps {
  id: number;
  label: string;
  /** What a click does; by default it puts the token into the tray or removes it. */
  pick?: () => void;
  pressed?: boolean;
  title?: string;
  /** 0 to 1: the strength of its background colour. */
  heat?: number;
  showId?: boolean;
}

export function Token({ id, label, pick, pressed, title, heat, showId }: TokenProps) {
  const expression = `#${id}`;
  const on = pressed ?? session.value.tray.includes(expression);
  const marked = useComputed(() => pointed.value === id).value;
  const what = pick ? "" : on ? " (in the tray)" : " (click to put it into the tray)";
  return (
    <button
      type="button"
      class={marked ? "token pointed" : "token"}
      aria-pressed={on}
      title={(title ?? `token ${id}`) + what}
      onClick={pick ?? (() => toTray(expression))}
      {...pointing(id)}
      style={heat === undefined ? undefined : { "--heat": `${Math.round(heat * 100)}%` }}
      data-heat={heat === undefined ? undefined : ""}
    >
      <span>{label}</span>
      {showId && <small>{id}</small>}
    </button>
  );
}

export function percent(p: number): string {
  if (p >= 0.9995) return "100 %";
  if (p >= 0.001) return `${(100 * p).toFixed(1)} %`;
  return p === 0 ? "0 %" : `${(100 * p).toPrecision(1)} %`;
}

/** A list with more rows blocks the page while it is drawn; the table still saves all of them. */
const longestList = 1000;

export function LikelyList({ tokens, label }: { tokens: Likely[]; label: string }) {
  const rest = tokens.length - longestList;
  return (
    <>
      <ol class="likely" aria-label={label}>
        {tokens.slice(0, longestList).map((t) => (
          <li key={t.id}>
            <Token id={t.id} label={t.label} />
            <span class="bar" aria-hidden="true">
              <i style={{ width: `${100 * t.probability}%` }} />
            </span>
            <span class="amount">{percent(t.probability)}</span>
          </li>
        ))}
      </ol>
      {rest > 0 && <p class="hint">{rest} more are in the table.</p>}
    </>
  );
}

function show(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return value;
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 0.0001 && Math.abs(value) < 1e6 ? value.toFixed(4) : value.toPrecision(3);
}

export function Table({ table, name, most = 200 }: { table: Columns; name: string; most?: number }) {
  const columns = Object.entries(table.columns);
  const count = columns[0]?.[1].length ?? 0;
  const shown = Math.min(most, count);
  return (
    <figure class="table">
      <div class="scroll" tabIndex={0} role="group" aria-label={`Table: ${table.title || name}`}>
        <table>
          <caption>{table.title || name}</caption>
          <thead>
            <tr>
              {columns.map(([c, values]) => (
                <th key={c} scope="col" class={typeof values[0] === "number" ? "num" : ""}>
                  <Explained>{c.replaceAll("_", " ")}</Explained>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Array.from({ length: shown }, (_, r) => (
              <tr key={r}>
                {columns.map(([c, values]) => (
                  <td key={c} class={typeof values[r] === "number" ? "num" : ""}>
                    {show(values[r])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Save
        title={`the table ${name}`}
        forms={{
          CSV: () => saveTable(name, table, "csv"),
          JSON: () => saveTable(name, table, "json"),
        }}
        note={shown < count ? `${shown} of ${count} rows shown; saved files contain all` : undefined}
      />
    </figure>
  );
}

export function Save({ title, forms, note }: { title: string; forms: Record<string, () => void>; note?: string }) {
  return (
    <div class="save">
      {note && <span>{note}</span>}
      <span aria-hidden="true">Save</span>
      {Object.entries(forms).map(([form, act]) => (
        <button key={form} type="button" class="quiet" aria-label={`Save ${title} as ${form}`} onClick={act}>
          {form}
        </button>
      ))}
    </div>
  );
}

let tip: HTMLElement | undefined;
function theTip(): HTMLElement {
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    document.body.append(tip);
  }
  return tip;
}

/** A figure of the engine. */
export function Figure({ spec, name }: { spec?: Spec; name: string }) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const [error, setError] = useState<Error>();
  const [empty, setEmpty] = useState(true);
  const drawn = JSON.stringify(spec);
  useEffect(() => {
    if (!spec) return;
    let alive = true;
    const box = document.createElement("div");
    void import("./vega")
      .then((vega) => vega.draw(spec, box, theTip()))
      .then((d) => {
        if (!alive) return d.close();
        drawing.current?.close();
        drawing.current = d;
        box.style.setProperty("--own", `${box.querySelector("svg")?.getAttribute("width") ?? 560}px`);
        place.current?.replaceChildren(box);
        setError(undefined);
        setEmpty(false);
      })
      .catch((e: Error) => alive && (setError(e), setEmpty(false)));
    return () => void (alive = false);
  }, [drawn]);
  useEffect(() => () => (drawing.current?.close(), (theTip().hidden = true)), []);
  if (!spec) return null;
  const d = () => drawing.current!;
  const title = ((t) => (typeof t === "string" ? t : ((t as { text?: string })?.text ?? name)))(spec.title);
  return (
    <figure class={empty ? "figure undrawn" : "figure"} onPointerLeave={() => (theTip().hidden = true)}>
      <div class="scroll" ref={place} role="img" aria-label={title} data-figure={name} tabIndex={0} />
      <Trouble error={error} />
      <Save
        title={`the figure ${name}`}
        forms={{
          SVG: () =>
            void d()
              .toSVG()
              .then((s) => download(`${name}.svg`, s, "image/svg+xml")),
          PNG: () =>
            void d()
              .toPNG()
              .then((b) => download(`${name}.png`, b, "image/png")),
          CSV: () =>
            d()
              .rows()
              .forEach((rows, i) => download(`${name}${i || ""}.csv`, csv(byColumn(rows)), "text/csv")),
          JSON: () => download(`${name}.vl.json`, drawn, "application/json"),
        }}
      />
    </figure>
  );
}

/** The engine's figure of what a view shows in its own way, for saving: requested when it is opened, once `body` is known. */
export function Picture({ path, body, name }: { path: string; body?: object; name: string }) {
  const [open, setOpen] = useState(false);
  const answer = useAnswer(open && body ? `${path} ${JSON.stringify(body)}` : undefined, (signal) =>
    call<{ figure: Spec }>(`${path}?figure=1`, body, { signal }),
  );
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>As a figure</summary>
      <Shown answer={answer}>{(a) => <Figure spec={a.figure} name={name} />}</Shown>
    </details>
  );
}

function byColumn(rows: Record<string, unknown>[]): Record<string, Cell[]> {
  const names = [...new Set(rows.flatMap(Object.keys))];
  return Object.fromEntries(names.map((n) => [n, rows.map((r) => (r[n] ?? null) as Cell)]));
}

/** What is made only when it is unfolded. */
export function Folded({ summary, children }: { summary: string; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && children}
    </details>
  );
}

/** The equivalent commands outside the browser. */
export function Same({ command, python }: { command: string; python: string }) {
  const [copied, setCopied] = useState("");
  const line = (name: string, code: string) => (
    <div class="code">
      <pre tabIndex={0} role="group" aria-label={`The same from ${name}`}>
        <code>{code}</code>
      </pre>
      <button
        type="button"
        class="quiet"
        aria-label={`Copy: the same from ${name}`}
        onClick={() =>
          void navigator.clipboard.writeText(code).then(
            () => setCopied(name),
            () => setCopied(""),
          )
        }
      >
        {copied === name ? "copied" : "copy"}
      </button>
    </div>
  );
  return (
    <details class="same">
      <summary>The same from the command line and from Python</summary>
      {line("the command line", command)}
      {line("Python", python)}
      <span class="hidden" role="status">
        {copied && "copied"}
      </span>
    </details>
  );
}

/** Quotes a text for the shell. */
export const shell = (text: string): string =>
  /^[\w./:=#-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
/** Quotes a text for Python. */
export const py = (value: unknown): string => JSON.stringify(value);

/** The call that opens the same model in Python. */
export const opened = (info: ModelInfo): string => py(info.opens);
/** A command of the command line on the same model. */
export const program = (info: ModelInfo, command: string): string => `embscope ${command} -m ${shell(info.opens)}`;

/** A field that suggests tokens while the user types, and shows which token is used for the word. */
export function WordField({ label, value, set, hint, compact }: TextProps & { compact?: boolean }) {
  const list = useId();
  const { word, error } = useNamed(value);
  const said = value.trim() === "" ? hint : error ? "this is not a token" : (word?.said ?? " ");
  const [offers, setOffers] = useState<{ id: number; label: string }[]>([]);
  useEffect(() => {
    if (!value.trim()) return setOffers([]);
    const abort = new AbortController();
    const timer = setTimeout(() => {
      call<{ tokens: { id: number; label: string }[] }>(
        `vocabulary?q=${encodeURIComponent(value.trim())}&limit=12`,
        undefined,
        { signal: abort.signal },
      )
        .then((a) => setOffers(a.tokens))
        .catch(() => setOffers([]));
    }, 120);
    return () => (clearTimeout(timer), abort.abort());
  }, [value]);
  return (
    <Field label={label} hint={compact && !error && (word?.count ?? 1) === 1 ? undefined : said}>
      {(id) => (
        <>
          <input
            id={id}
            type="text"
            list={list}
            value={value}
            spellcheck={false}
            autocomplete="off"
            onInput={(e) => set(e.currentTarget.value)}
          />
          <datalist id={list}>
            {offers.map((o) => (
              <option key={o.id} value={o.label.replaceAll("␣", " ")} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

/** The parts of a view, of which one is shown. */
export function Segments<T extends string>({
  label,
  parts,
  value,
  set,
}: {
  label: string;
  parts: readonly [T, string][];
  value: string;
  set: (v: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {parts.map(([name, title]) => (
        <button key={name} type="button" aria-pressed={value === name} onClick={() => set(name)}>
          {title}
        </button>
      ))}
    </div>
  );
}
