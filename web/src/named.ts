// The token of a word, which is always shown. A word is tried with a space before it first, if that is one token.
import { useEffect, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { byId, call } from "./api";
import { model } from "./session";

export interface NamedWord {
  /** The token that is used, as an expression: "#123". Empty if the word has no token. */
  expression: string;
  id: number;
  label: string;
  /** Its text. */
  text: string;
  /** The tokens that the word is split into; the last is used. */
  count: number;
  /** The text below the field. */
  said: string;
}

interface Cut {
  ids: number[];
  labels: string[];
  bos?: boolean;
}

const known = signal(new Map<string, Promise<NamedWord | undefined>>());

async function cut(text: string): Promise<Cut> {
  const { ids, labels, bos } = await call<Cut>("tokens", { text });
  return bos ? { ids: ids.slice(1), labels: labels.slice(1) } : { ids, labels };
}

export const textOf = (label: string): string => label.replaceAll("␣", " ");
const isExpression = (word: string): boolean => /^\s*#\d+\s*$/.test(word);

async function look(word: string): Promise<NamedWord | undefined> {
  if (word.trim() === "") return undefined;
  if (isExpression(word)) {
    const { labels } = await call<{ labels: string[] }>("vectors", { vectors: [word.trim()] });
    return {
      expression: word.trim(),
      id: Number(word.trim().slice(1)),
      label: labels[0],
      text: textOf(labels[0]),
      count: 1,
      said: `= ${labels[0]}`,
    };
  }
  const spaced = word.startsWith(" ") ? undefined : await cut(` ${word}`);
  const used = spaced?.ids.length === 1 ? spaced : await cut(word);
  const id = used.ids.at(-1);
  if (id === undefined) return undefined;
  const label = used.labels.at(-1)!;
  const count = used.ids.length;
  const said =
    count > 1
      ? `${count} tokens (${used.labels.join(" · ")}): the last, ${label}, is used`
      : used === spaced
        ? `= ${label}, with its space, 1 token`
        : `= ${label}, 1 token`;
  return { expression: byId(id), id, label, text: textOf(label), count, said };
}

/** The token of a word in the current model. */
export function named(word: string): Promise<NamedWord | undefined> {
  const key = `${model.peek()} ${word}`;
  const all = known.peek();
  let found = all.get(key);
  if (!found) {
    if (all.size > 500) all.clear();
    found = look(word);
    all.set(key, found);
    found.catch(() => all.delete(key)); // asked again when the engine is back
  }
  return found;
}

/** The same in a component, once the typing has paused. */
export function useNamed(word: string): { word?: NamedWord; error?: Error } {
  const [state, set] = useState<{ of: string; word?: NamedWord; error?: Error }>({ of: "" });
  useEffect(() => {
    let alive = true;
    const timer = setTimeout(() => {
      named(word).then(
        (w) => alive && set({ of: word, word: w }),
        (error: Error) => alive && set({ of: word, error }),
      );
    }, 150);
    return () => (clearTimeout(timer), void (alive = false));
  }, [word, model.value]);
  return state.of === word ? state : {};
}
