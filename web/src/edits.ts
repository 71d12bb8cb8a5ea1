// The edits in force: data, as the engine reads them, each with a switch; and what was done before, to go back to.
import { signal } from "@preact/signals";
import { shell } from "./parts";
import { session, setParams } from "./session";

export interface Edit {
  at: string;
  do: string;
  off?: boolean;
}

const key = "embscope.undo";

function before(): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.map(String) : [];
  } catch {
    return [];
  }
}

/** Earlier lists of edits, the newest last. */
export const past = signal<string[]>(before());

export function edits(): Edit[] {
  try {
    const list: unknown = JSON.parse(session.value.own.experiment?.edits ?? "[]");
    return Array.isArray(list) ? (list as Edit[]).filter((e) => typeof e?.at === "string" && typeof e?.do === "string") : [];
  } catch {
    return [];
  }
}

const write = (list: string): void => setParams({ edits: list === "[]" ? undefined : list }, "experiment");

/** `typing`: a keystroke in a field, which is no step of its own to go back to. */
export function setEdits(list: Edit[], typing = false): void {
  if (!typing) keep([...past.value, JSON.stringify(edits())].slice(-50));
  write(JSON.stringify(list));
}

export function undo(): void {
  const last = past.value.at(-1);
  if (last === undefined) return;
  keep(past.value.slice(0, -1));
  write(last);
}

function keep(lists: string[]): void {
  past.value = lists;
  sessionStorage.setItem(key, JSON.stringify(lists));
}

/** What goes to the engine. */
export const inForce = (): { at: string; do: string }[] => edits().filter((e) => !e.off).map((e) => ({ at: e.at, do: e.do }));

/** For the command line. */
export const flags = (list: Edit[]): string => list.map((e) => ` --at ${shell(e.at)} --do ${shell(e.do)}`).join("");
/** For Python. */
export const written = (list: Edit[]): string[] => list.map((e) => `${e.at} ${e.do}`);
