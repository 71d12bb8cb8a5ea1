// The vocabularies of the maps, and the mapping between them by the text of a token.
import { call, of } from "../api";
import { useAnswer } from "../hooks";

export interface Attributes {
  kind: string[];
  kind_of: number[];
  norm: number[];
}

export interface Vocabulary {
  model: string;
  labels: string[];
  attributes: Attributes;
  /** The first token of a label that several tokens share. */
  byLabel: Map<string, number>;
  /** For each token the whole word that it is, without its space; empty for all others. */
  words: string[];
}

/** Tokens and their model. */
export interface Chosen {
  model: string;
  ids: number[];
}

/** Undefined while it is loading. */
export function useVocabulary(model: string): Vocabulary | undefined {
  const known = useAnswer(
    `vocabulary ${model}`,
    async (signal): Promise<Vocabulary> => {
      const [{ labels }, attributes] = await Promise.all([
        call<{ labels: string[] }>(of(model, "vocabulary/labels"), undefined, { signal }),
        call<Attributes>(of(model, "vocabulary/attributes"), undefined, { signal }),
      ]);
      const byLabel = new Map<string, number>();
      labels.forEach((label, id) => byLabel.has(label) || byLabel.set(label, id));
      return { model, labels, attributes, byLabel, words: wholeWords(labels) };
    },
    Infinity,
  ).data;
  return known?.model === model ? known : undefined;
}

/** The same tokens in another vocabulary; tokens that it lacks are left out. */
export function across(chosen: Chosen, from: Vocabulary | undefined, to: Vocabulary | undefined): number[] {
  if (chosen.model === to?.model) return chosen.ids;
  if (!from || !to || from.model !== chosen.model) return [];
  return chosen.ids.flatMap((id) => to.byLabel.get(from.labels[id] ?? "") ?? []);
}

const endings = ["s", "es", "ed", "ing"];

/**
 * Words of at least four letters behind a space. A merge that only leads to longer words is none: the longer one was made soon
 * after it, as its number says, by more than an ending ("includ"), or it has several of them and no plural ("subst").
 */
function wholeWords(labels: string[]): string[] {
  const ids = new Map<string, number>();
  labels.forEach((label, id) => {
    if (/^␣\p{L}[\p{L}'-]{3,}$/u.test(label)) ids.set(label.slice(1), id);
  });
  const fragments = new Set<string>(),
    longer = new Map<string, number>();
  for (const [word, id] of ids) {
    for (let length = 4; length < word.length; ++length) {
      const begin = word.slice(0, length);
      if (!ids.has(begin) || endings.includes(word.slice(length))) continue;
      const count = (longer.get(begin) ?? 0) + 1;
      longer.set(begin, count);
      if (id <= 2 * ids.get(begin)! + 300 || (count > 1 && !ids.has(`${begin}s`))) fragments.add(begin);
    }
  }
  const words = labels.map(() => "");
  for (const [word, id] of ids) if (!fragments.has(word)) words[id] = word;
  return words;
}
