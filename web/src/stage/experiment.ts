// The experiment that all views share: a text, one of its vectors mixed with another, edits pinned to cells; with undo
// and redo.
import { computed, signal } from "@preact/signals";
import { experimentNames, session, setParams } from "../session";
import { exampleText } from "../text";

export interface Pin {
  /** Where and what, in the engine's syntax: "blocks.3.mlp_out@4", "zero". */
  at: string;
  do: string;
  off?: boolean;
  name?: string;
}

type Name = (typeof experimentNames)[number];
type Params = Partial<Record<Name, string>>;

const shared = (name: Name, fallback: string) => computed(() => session.value.shared[name] ?? fallback);

export const text = shared("text", exampleText);
export const replace = shared("replace", " Germany");
export const occurrence = computed(() => Math.max(0, Math.floor(Number(session.value.shared.nth ?? 0)) || 0));
export const other = shared("with", " France");
export const p = computed(() => {
  const value = Number(session.value.shared.p ?? 1);
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 1;
});
export const site = shared("site", "wte");
export const pins = computed(() => pinsOf(session.value.shared.edits));

/** The chosen answers; empty: the model's predictions at both ends. */
export const followed = computed<[string, string]>(() => {
  const { a, b, text: written, with: mixed, replace: replaced } = session.value.shared;
  const untouched = written === undefined && mixed === undefined && replaced === undefined;
  return [a ?? (untouched ? " Berlin" : ""), b ?? (untouched ? " Paris" : "")];
});

function pinsOf(list?: string): Pin[] {
  try {
    const pins: unknown = JSON.parse(list ?? "[]");
    return Array.isArray(pins)
      ? (pins as Pin[]).filter((e) => typeof e?.at === "string" && typeof e?.do === "string")
      : [];
  } catch {
    return [];
  }
}

// Steps to undo and to redo
const key = "embscope.undo";
interface History {
  past: string[];
  future: string[];
}

function stored(): History {
  try {
    const { past, future } = JSON.parse(sessionStorage.getItem(key) ?? "{}") as History;
    const texts = (list: unknown) => (Array.isArray(list) ? list.filter((e) => typeof e === "string") : []);
    return { past: texts(past), future: texts(future) };
  } catch {
    return { past: [], future: [] };
  }
}

export const history = signal<History>(stored());

const snapshot = (): string =>
  JSON.stringify(Object.fromEntries(experimentNames.map((n) => [n, session.peek().shared[n]])));

function keep(next: History): void {
  history.value = next;
  try {
    sessionStorage.setItem(key, JSON.stringify(next));
  } catch {
    // the storage is full: undo then works only within this page
  }
}

let lastKind = "",
  lastTime = 0;

/** Changes the experiment. `kind` joins a run of changes (keystrokes, a drag) to one step of the history. */
export function act(params: Params, kind = ""): void {
  const now = performance.now();
  const before = snapshot();
  if (!kind || kind !== lastKind || now - lastTime > 1500)
    keep({ past: [...history.peek().past, before].slice(-100), future: [] });
  [lastKind, lastTime] = [kind, now];
  setParams(params);
}

function restore(snapshot: string): void {
  const params = JSON.parse(snapshot) as Params;
  setParams(Object.fromEntries(experimentNames.map((n) => [n, params[n]])));
  lastKind = "";
}

export function undo(): void {
  const { past, future } = history.peek();
  const last = past.at(-1);
  if (last === undefined) return;
  const now = snapshot();
  keep({ past: past.slice(0, -1), future: [...future, now] });
  restore(last);
}

export function redo(): void {
  const { past, future } = history.peek();
  const next = future.at(-1);
  if (next === undefined) return;
  const now = snapshot();
  keep({ past: [...past, now], future: future.slice(0, -1) });
  restore(next);
}

export const setText = (value: string): void => act({ text: value }, "text");
export const setShare = (value: number): void => act({ p: String(value) }, "p");

export function setPins(list: Pin[], kind = ""): void {
  act({ edits: list.length ? JSON.stringify(list) : undefined }, kind);
}
export const pin = (one: Pin): void => setPins([...pins.peek(), one]);

/** Starts mixing the vector of `word` (its `nth` occurrence) with that of another word. The answers are those of both ends. */
export function mix(word: string, nth: number, withWord: string, share = 0.5): void {
  act({
    text: text.peek(),
    replace: word,
    nth: nth ? String(nth) : undefined,
    with: withWord,
    p: String(share),
    a: undefined,
    b: undefined,
    site: undefined,
  });
}
