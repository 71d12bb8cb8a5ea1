// The engine's results for the experiment: the stage, the lens, the ends of the mixture and its whole curve.
import { computed, type ReadonlySignal } from "@preact/signals";
import { byId, call, numbers, texts, type Likely, type Table } from "../api";
import type { LensAnswer, MixAnswer } from "../catalogue";
import { answered } from "../answers";
import { named } from "../named";
import { model, session, view } from "../session";
import { followed, occurrence, other, p, pins, replace, site, text } from "./experiment";

export interface Outlook extends Likely {
  /** Its probability without the edits. */
  before: number;
}

export interface Stage {
  ids: number[];
  labels: string[];
  ranges: [number, number][];
  first: number;
  last: number;
  top: Outlook[];
  targets: Outlook[];
  /** Rows: before block 0, then after each block; columns: positions from `first`. */
  lengths: number[][];
  moved: number[][];
  felt?: number[][];
  largest: number;
  vectors: number[][];
}

export interface Tokens {
  ids: number[];
  labels: string[];
  ranges: [number, number][];
}

const shown = computed(() => view.value === "stage");
/** What is written is written with the experiment's changes: their words are asked for there too. */
const wordsShown = computed(() => shown.value || view.value === "read");
const key = (question: object): string => JSON.stringify({ model: model.value, ...question });
const body = (question: string): any => {
  const { model: _, ...rest } = JSON.parse(question);
  return rest;
};

/** The tokens of the text, before anything is run. */
export const tokens = answered(
  () => (wordsShown.value && text.value ? key({ text: text.value }) : undefined),
  (q, signal) => call<Tokens>("tokens", body(q), { signal }),
);

const utf8 = new TextEncoder(),
  decoder = new TextDecoder();

/** The part of the text of a token. */
export function wordAt(of: string, t: Tokens, at: number): string {
  const range = t.ranges[at];
  return range ? decoder.decode(utf8.encode(of).slice(range[0], range[1])) : "";
}

export const occurrences = (of: string, t: Tokens, word: string): number[] =>
  t.ids.flatMap((_, i) => (word !== "" && wordAt(of, t, i) === word ? [i] : []));

/** The tokens of the text in the field; undefined until they are known. */
export const tokensNow = computed(() =>
  tokens.value.of === key({ text: text.value }) ? tokens.value.data : undefined,
);

/** The position whose vector is mixed; undefined if the text does not have that word as one token. */
export const mixedAt = computed<number | undefined>(() => {
  const places = tokensNow.value ? occurrences(text.value, tokensNow.value, replace.value) : [];
  return places[Math.min(occurrence.value, places.length - 1)];
});

/** The token of a word; `settled` once it is known. */
function useWord(word: () => string) {
  const question = () => key({ word: word() });
  const found = answered(
    () => (wordsShown.value ? question() : undefined),
    (q) => named(JSON.parse(q).word as string),
  );
  return {
    token: computed(() => (found.value.of === question() ? found.value.data : undefined)),
    settled: computed(() => found.value.of === question() || found.value.error !== undefined),
  };
}
const withWord = useWord(() => other.value),
  wordA = useWord(() => followed.value[0]),
  wordB = useWord(() => followed.value[1]);
export const otherToken = withWord.token;
const wordsSettled = computed(() => withWord.settled.value && wordA.settled.value && wordB.settled.value);

/** The text with the other word in place of the mixed one. */
export const counterfactual = computed<string | undefined>(() => {
  const at = mixedAt.value;
  if (at === undefined) return undefined;
  const [begin, end] = tokensNow.value!.ranges[at];
  const bytes = utf8.encode(text.value);
  return (
    decoder.decode(bytes.slice(0, begin)) + (otherToken.value?.text ?? other.value) + decoder.decode(bytes.slice(end))
  );
});

/** The vector that is mixed in, as an expression: its row of the matrix, or in later blocks the other text's vector at that place. */
const otherVector = computed<string | undefined>(() => {
  if (!otherToken.value || site.value === "wte") return otherToken.value?.expression;
  const whole = counterfactual.value ?? "";
  const quote = !whole.includes("'") ? "'" : !whole.includes('"') ? '"' : "";
  return quote && `run(${quote}${whole}${quote}@${mixedAt.value})`;
});

export const mixEdit = (share: number): { at: string; do: string } | undefined =>
  mixedAt.value === undefined || !otherVector.value
    ? undefined
    : { at: `${site.value}@${mixedAt.value}`, do: `mix ${share} ${otherVector.value}` };
export const mixing = computed(() => mixEdit(1) !== undefined);
/** The same while a changed text is cut into tokens: what is on the page does not go for that moment. */
function lasting<T>(now: ReadonlySignal<T>): ReadonlySignal<T> {
  let last = now.peek();
  return computed(() => (tokensNow.value || !tokens.value.loading ? (last = now.value) : last));
}
export const stillMixing = lasting(mixing),
  stillMixedAt = lasting(mixedAt);

/** Pins whose position is no longer in the text: they do nothing until it is there again. */
export const lostPins = computed(() => {
  const count = tokensNow.value?.ids.length;
  return new Set(
    count === undefined
      ? []
      : pins.value.flatMap((e, i) => {
          const at = /@(\d+)/.exec(e.at);
          return at && Number(at[1]) >= count ? [i] : [];
        }),
  );
});
export const inForce = computed(() =>
  pins.value.filter((e, i) => !e.off && !lostPins.value.has(i)).map((e) => ({ at: e.at, do: e.do })),
);

/** Whether the run has edits, which need the tokens of the text. At p = 1 the mixture changes nothing. */
const edited = computed(() => pins.value.length > 0 || p.value < 1);
/** All edits of the run, the mixture last. */
export const edits = computed(() => {
  const own = mixEdit(p.value);
  return own && p.value < 1 ? [...inForce.value, own] : inForce.value;
});

/** The model's predictions at p = 1 and at p = 0. */
const ends = answered(
  () => {
    const end = mixEdit(0);
    return shown.value && end && (!followed.value[0] || !followed.value[1])
      ? key({ text: text.value, edits: [...inForce.value, end], k: 3 })
      : undefined;
  },
  async (q, signal) => {
    const ask = body(q);
    const [one, two] = await Promise.all([
      call<Stage>("stage", { ...ask, edits: ask.edits.slice(0, -1) }, { signal }),
      call<Stage>("stage", ask, { signal }),
    ]);
    return [one.top[0], two.top[0].id === one.top[0].id ? (two.top[1] ?? two.top[0]) : two.top[0]];
  },
  { settle: 250 }, // after the hand that types: its prediction comes first
);

/** The one or two chosen answers, as ids. */
export const targets = computed<string[]>(() => {
  if (!stillMixing.value)
    return followed.value[0] && wordA.token.value && session.value.shared.a ? [wordA.token.value.expression] : [];
  const far = ends.value.data;
  const one = followed.value[0] ? wordA.token.value?.expression : far && byId(far[0].id);
  const two = followed.value[1] ? wordB.token.value?.expression : far && byId(far[1].id);
  return [one, two].filter((t): t is string => !!t);
});
let before = { model: "", list: [] as string[] };
/** Those whose probabilities are shown: while the answers of both ends are not known yet, what was chosen before. */
const shownTargets = computed<string[]>(() => {
  const asked = stillMixing.value && followed.value.includes("") && !ends.value.data && !ends.value.error;
  if (!asked || before.model !== model.value) before = { model: model.value, list: targets.value };
  return before.list;
});

const stageQuestion = computed(() =>
  !shown.value || !text.value
    ? undefined
    : (edited.value && !tokensNow.value) || !wordsSettled.value
      ? null
      : key({ text: text.value, edits: edits.value, targets: shownTargets.value, k: 8, vectors: true }),
);
export const stage = answered(
  () => stageQuestion.value,
  (q, signal) => call<Stage>("stage", body(q), { signal }),
  { patience: 3000 },
);
/** Whether the shown results are for an earlier text or experiment. */
export const stale = computed(() => stage.value.of !== stageQuestion.value);
/** Whether the picture is for the text in the field. */
export const ofThisText = computed(
  () =>
    !!stage.value.of &&
    JSON.parse(stage.value.of).text === text.value &&
    JSON.parse(stage.value.of).model === model.value,
);

export interface Lens {
  top: string[][];
  probability: number[][];
  answer: number[][];
  rank: number[][];
  first: number;
}

const byCell = <T>(table: Table, values: T[]): T[][] => {
  const block = numbers(table, "block");
  const rows: T[][] = [];
  values.forEach((v, i) => (rows[block[i] + 1] ??= []).push(v));
  return rows;
};

const lensQuestion = computed(() => {
  const { data } = stage.value;
  if (!shown.value || !data) return undefined;
  if (stale.value) return null; // it does not delay a drag
  const target = targets.value[0];
  return key({
    text: text.value,
    edits: edits.value,
    first: data.first,
    last: data.last,
    ...(target ? { target } : {}),
  });
});
export const lens = answered(
  () => lensQuestion.value,
  async (q, signal): Promise<Lens> => {
    const { tables, first } = await call<LensAnswer>("lens", body(q), { signal });
    const { cells } = tables;
    return {
      first,
      top: byCell(cells, texts(cells, "top")),
      probability: byCell(cells, numbers(cells, "probability")),
      answer: byCell(cells, numbers(cells, "target_probability")),
      rank: byCell(cells, numbers(cells, "target_rank")),
    };
  },
  { settle: 250, patience: 0 }, // it is long: what is asked next must not wait for it
);
export const lensStale = computed(() => lens.value.of !== lensQuestion.value);
/** The lens for the text and positions of the picture, possibly for an earlier change. */
export const lensHere = computed<Lens | undefined>(() => {
  const { data, of } = lens.value,
    s = stage.value;
  if (
    !data ||
    !of ||
    !s.of ||
    !s.data ||
    data.first !== s.data.first ||
    data.top[0]?.length !== s.data.last - s.data.first
  )
    return undefined;
  const [mine, picture] = [JSON.parse(of), JSON.parse(s.of)];
  return mine.text === picture.text && mine.model === picture.model ? data : undefined;
});

export interface Curve {
  p: number[];
  lines: { label: string; values: number[] }[];
  crossings: number[];
}

/** The mixture as a request to /api/mix; the position selects one of several equal words. */
export const mixRequest = (): object => ({
  replace: `@${mixedAt.value}`,
  with: otherToken.value?.expression ?? "",
  site: site.value,
});

const curveQuestion = computed(() => {
  if (!shown.value || !mixing.value || targets.value.length === 0) return undefined;
  return key({ text: text.value, ...mixRequest(), targets: targets.value, steps: 33, edits: inForce.value });
});
/** All mixtures from one word to the other. */
export const curve = answered(
  () => curveQuestion.value,
  async (q, signal): Promise<Curve> => {
    const { crossings, table } = await call<MixAnswer>("mix", body(q), { signal });
    const lines = Object.keys(table.columns).slice(1, 1 + body(q).targets.length);
    return {
      p: numbers(table, "p"),
      crossings: crossings.filter((c) => c !== null),
      lines: lines.map((label) => ({ label, values: numbers(table, label) })),
    };
  },
  { settle: 250, patience: 2000 },
);
export const curveStale = computed(() => curve.value.of !== curveQuestion.value);
