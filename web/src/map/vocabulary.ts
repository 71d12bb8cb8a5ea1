// The vocabularies that maps show, and the way from one to another: by the text of a token.
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
  /** Of a label that several tokens share, the first. */
  byLabel: Map<string, number>;
}

/** Tokens, and the model whose they are. */
export interface Chosen {
  model: string;
  ids: number[];
}

/** Undefined while it is on its way. */
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
      return { model, labels, attributes, byLabel };
    },
    Infinity,
  ).data;
  return known?.model === model ? known : undefined;
}

/** The same tokens in another vocabulary; those that it has not are left out. */
export function across(chosen: Chosen, from: Vocabulary | undefined, to: Vocabulary | undefined): number[] {
  if (chosen.model === to?.model) return chosen.ids;
  if (!from || !to || from.model !== chosen.model) return [];
  return chosen.ids.flatMap((id) => to.byLabel.get(from.labels[id] ?? "") ?? []);
}
