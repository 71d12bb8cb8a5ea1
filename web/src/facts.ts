// What the reader has seen: views record it, and the walk's tasks check it.
import { signal } from "@preact/signals";

export interface Facts {
  toy?: true;
  tokens?: { text: string; labels: string[] };
  predict?: { text: string; top: string; probability: number };
  cosine?: { labels: string[]; cosines: number[][] };
  similar?: { to: string; labels: string[] };
  /** offset: the dimension's mean in deviations. */
  cell?: { dimension: number; label: string; offset: number };
  map?: { method: string; count: number; seed: number };
  found?: { label: string };
  /** first, second: probabilities of the tokens that are followed. */
  mix?: { p: number; replaced: string; first: number; second: number };
  crossing?: { with: string; site: string; p: number | undefined };
  /** top: of the cell that is open; above: of the next block's; final: what the text ends in; last: whether it is the last position;
      always: whether all cells of that position say the same. */
  lens?: { top: string; above: string; final: string; last: boolean; always: boolean };
  trained?: true;
}

export const facts = signal<Facts>({});
export const note = (fact: Facts): void => void (facts.value = { ...facts.value, ...fact });
