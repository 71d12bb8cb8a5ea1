// The session: everything that a link, a reload or an exported file must restore. One signal has it; the address shows
// the part that the current view uses.
import { computed, signal } from "@preact/signals";

export const views = ["stage", "map", "matrix", "vectors", "train", "learn", "read", "life", "experiment"] as const;
export type View = (typeof views)[number];
type Params = Record<string, string>;

export interface Session {
  version: 1;
  view: View;
  /** What all views share: the model, the text, the experiment on it, the step of the walk. */
  shared: Params;
  own: Partial<Record<View, Params>>;
  /** Vector expressions picked anywhere: " king", "#123", " king' - ' man". */
  tray: string[];
  /** Tasks of the walk that have been done, by name. */
  done: string[];
}

/** The experiment: one word's vector mixed with another's, the chosen answers, and the active edits. */
export const experimentNames = ["text", "replace", "nth", "with", "p", "site", "a", "b", "edits"] as const;
const sharedNames = new Set<string>(["model", "step", ...experimentNames]);
const key = "embscope.session";
const fresh: Session = { version: 1, view: "stage", shared: {}, own: {}, tray: [], done: [] };

export const session = signal<Session>(withAddress(stored()));
export const view = computed(() => session.value.view);
export const model = computed(() => session.value.shared.model ?? "");
export const step = computed(() => Number(session.value.shared.step ?? 0));

function stored(): Session {
  try {
    return checked(JSON.parse(sessionStorage.getItem(key) ?? "null"));
  } catch {
    return fresh;
  }
}

function isParams(value: unknown): value is Params {
  return typeof value === "object" && value !== null && Object.values(value).every((v) => typeof v === "string");
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((v) => typeof v === "string");
}

/** Throws a readable error if `value` is not a session: an opened file may contain anything. */
export function checked(value: unknown): Session {
  const s = value as Session;
  const whole =
    typeof s === "object" &&
    s !== null &&
    s.version === 1 &&
    views.includes(s.view) &&
    isParams(s.shared) &&
    typeof s.own === "object" &&
    s.own !== null &&
    Object.values(s.own).every(isParams) &&
    isTexts(s.tray) &&
    isTexts(s.done);
  if (!whole) throw new Error("this is not a session of the explorer: Export writes one");
  const { shared, own } = moved(s);
  return { version: 1, view: s.view, shared, own, tray: s.tray, done: s.done };
}

/** Sessions of earlier versions kept the experiment with its view. */
function moved(s: Session): Pick<Session, "shared" | "own"> {
  const old = s.own.experiment ?? {};
  const theirs = Object.fromEntries(Object.entries(old).filter(([name]) => sharedNames.has(name)));
  const rest = Object.fromEntries(Object.entries(old).filter(([name]) => !sharedNames.has(name)));
  return { shared: { ...theirs, ...s.shared }, own: s.own.experiment ? { ...s.own, experiment: rest } : s.own };
}

/** "#/view?name=value&...": the address has priority over stored values. */
function withAddress(base: Session): Session {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const all = Object.fromEntries(new URLSearchParams(query ?? ""));
  const named = views.find((v) => v === nowCalled(path, all));
  if (!named) return base;
  const shared: Params = base.shared.model === undefined ? {} : { model: base.shared.model };
  const own: Params = {};
  const { tray, ...params } = all;
  for (const [name, value] of Object.entries(params)) (sharedNames.has(name) ? shared : own)[name] = value;
  return {
    ...base,
    view: named,
    shared,
    own: { ...base.own, [named]: own },
    tray: tray === undefined ? base.tray : trayOf(tray, base.tray),
  };
}

/** Where a link of an earlier version leads: its Experiment held the mixture, which is now done on the stage. */
function nowCalled(path: string, all: Params): string {
  return path === "experiment" &&
    (all.part === "mix" || (all.part === undefined && experimentNames.some((n) => n !== "text" && n in all)))
    ? "stage"
    : path;
}

function trayOf(text: string, otherwise: string[]): string[] {
  try {
    const tray: unknown = JSON.parse(text);
    return isTexts(tray) ? tray : otherwise;
  } catch {
    return otherwise;
  }
}

export function address(s: Session, target: View = s.view): string {
  const tray: Params = s.tray.length ? { tray: JSON.stringify(s.tray) } : {};
  const query = new URLSearchParams({ ...s.shared, ...s.own[target], ...tray }).toString();
  return `#/${target}${query ? "?" + query : ""}`;
}

let timer = 0;

/** Writes the address and the store; not at every keystroke, since browsers refuse more than a few changes a second. */
function remember(push: boolean): void {
  clearTimeout(timer);
  const write = () => {
    const to = address(session.value);
    if (to !== location.hash) history[push ? "pushState" : "replaceState"](null, "", to);
    sessionStorage.setItem(key, JSON.stringify(session.value));
  };
  if (push) write();
  else timer = window.setTimeout(write, 200);
}

export function change(part: Partial<Session>, push = false): void {
  if (push) (remember(false), flush());
  session.value = { ...session.value, ...part };
  remember(push);
}

/** Pending changes are written before a new entry of the history, and before the page is left. */
function flush(): void {
  clearTimeout(timer);
  const to = address(session.value);
  if (to !== location.hash) history.replaceState(null, "", to);
  sessionStorage.setItem(key, JSON.stringify(session.value));
}

/** `push`: an entry of its own for the browser's Back. */
export function setParams(
  params: Record<string, string | undefined>,
  target: View = session.value.view,
  push = false,
): void {
  const s = session.value;
  const shared = { ...s.shared };
  const own: Params = { ...s.own[target] };
  for (const [name, value] of Object.entries(params)) {
    const place = sharedNames.has(name) ? shared : own;
    if (value === undefined) delete place[name];
    else place[name] = value;
  }
  change({ shared, own: { ...s.own, [target]: own } }, push);
}

/** A named part of the state, its default value, and a function to change it. */
export function useParam(name: string, fallback: string): [string, (value: string | undefined) => void] {
  const s = session.value;
  const place = sharedNames.has(name) ? s.shared : (s.own[s.view] ?? {});
  return [place[name] ?? fallback, (value) => setParams({ [name]: value })];
}

export function useNumber(name: string, fallback: number): [number, (value: number) => void] {
  const [text, set] = useParam(name, String(fallback));
  const value = Number(text);
  return [text !== "" && Number.isFinite(value) ? value : fallback, (v) => set(String(v))];
}

/** Goes to another view; `params` are added to its parameters. */
export function go(target: View, params: Record<string, string | undefined> = {}): void {
  change({ view: target }, true);
  if (Object.keys(params).length) setParams(params, target);
  window.scrollTo({ top: 0 });
}

export function toTray(expression: string): void {
  const { tray } = session.value;
  change({ tray: tray.includes(expression) ? tray.filter((t) => t !== expression) : [...tray, expression] });
}

addEventListener("popstate", () => (session.value = withAddress(session.value)));
addEventListener("hashchange", () => (session.value = withAddress(session.value)));
addEventListener("pagehide", flush);
