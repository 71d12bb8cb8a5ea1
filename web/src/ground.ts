// What the walk stands on: words that are single tokens of the model at hand, and what the model says of them. Everything is asked
// of the engine, so that what the walk claims is true for any model, also for one that knows twenty letters.
import { call, numbers, texts, type ModelInfo, type Table } from "./api";
import type { MixAnswer } from "./catalogue";
import { textOf } from "./named";
import type { Stage, Tokens } from "./stage/run";

export interface Ground {
  info: ModelInfo;
  /** The experiment: in the text, the word `replace` (its `nth`) turns into `other`, later into `third`; before, the model says `a`, after, `b`. */
  text: string;
  replace: string;
  nth: number;
  other: string;
  third: string;
  a: string;
  b: string;
  /** A word that is one token with its space and another without, and a text that has it. */
  bare?: { word: string; text: string };
  /** Three words; the first is nearer to the second than to the third, and `nearer` are nearer than the second. */
  near: [string, string, string];
  cosines: [number, number];
  nearer: string[];
  /** A word with two meanings, where it is one token. */
  double: string;
  /** A word whose neighbours are worth a look on the map. */
  place: string;
  /** How large a dimension's mean is beside its deviation where it counts as a stripe of this model. */
  stripe: number;
  /** Whether the model was asked for a capital. */
  capital: boolean;
}

const one = async (word: string): Promise<boolean> => {
  try {
    const { ids, bos } = await call<Tokens & { bos?: boolean }>("tokens", { text: word });
    return ids.length === (bos ? 2 : 1);
  } catch {
    return false; // a word that the vocabulary cannot write
  }
};
const first = async (words: string[]): Promise<string | undefined> => {
  for (const word of words) if (await one(word)) return word;
  return undefined;
};
const all = async (words: string[]): Promise<boolean> => (await Promise.all(words.map(one))).every(Boolean);

const experiments = [
  { text: "The capital of Germany is", words: [" Germany", " France", " Italy"], capital: true },
  { text: "The cat saw the dog, and the", words: [" cat", " dog", " horse"], capital: false },
  { text: "the man and the woman", words: [" man", " woman", " the"], capital: false },
];

type Experiment = Pick<Ground, "text" | "replace" | "nth" | "other" | "third" | "capital">;

async function experimentOf(): Promise<Experiment> {
  for (const { text, words, capital } of experiments)
    if (await all(words)) return { text, replace: words[0], nth: 0, other: words[1], third: words[2], capital };
  return fromVocabulary();
}

/** Of a model that knows none of these words: some of its own tokens in a row. */
async function fromVocabulary(): Promise<Experiment> {
  const { labels } = await call<{ labels: string[] }>("vocabulary/labels");
  const letters = labels.map(textOf).filter((l) => /^ ?\p{L}+$/u.test(l));
  const some: string[] = [];
  for (const word of letters) {
    if (some.length < 3 && (await one(word))) some.push(word);
    if (some.length === 3) break;
  }
  const [x, y = x, z = y] = some;
  return { text: [x, y, x, z].join(""), replace: y, nth: 0, other: x, third: z, capital: false };
}

export interface Sweep {
  p: number[];
  a: number[];
  b: number[];
  top: string[];
  crossing?: number;
}

/** The whole way from the word to another. */
export async function sweep(
  g: Pick<Ground, "text" | "replace" | "nth">,
  other: string,
  targets: string[],
): Promise<Sweep> {
  const replace = g.nth ? `${g.replace}[${g.nth + 1}]` : g.replace;
  const { crossings, table } = await call<MixAnswer>("mix", {
    text: g.text,
    replace,
    with: other,
    targets,
    steps: 33,
  });
  const [a, b] = Object.keys(table.columns).slice(1, 3);
  return {
    p: numbers(table, "p"),
    a: numbers(table, a),
    b: numbers(table, b ?? a),
    top: texts(table, "top"),
    crossing: crossings.find((c) => c !== null) ?? undefined,
  };
}

/** What the model says at both ends, as texts. */
async function endsOf(e: Experiment): Promise<[string, string]> {
  const at = (await call<Tokens>("tokens", { text: e.text })).labels.findIndex((l) => textOf(l) === e.replace);
  const [one, two] = await Promise.all([
    call<Stage>("stage", { text: e.text, k: 2 }),
    call<Stage>("stage", {
      text: e.text,
      k: 2,
      edits: [{ at: `wte@${Math.max(0, at)}`, do: `mix 0 ${JSON.stringify(e.other)}` }],
    }),
  ]);
  const b = two.top[0].id === one.top[0].id ? two.top[1] : two.top[0];
  return [textOf(one.top[0].label), textOf((b ?? two.top[0]).label)];
}

const threes = [
  [" apple", " pear", " spaceship"],
  [" cat", " dog", " market"],
  [" man", " woman", " house"],
];

type Nearness = Pick<Ground, "near" | "cosines" | "nearer">;

async function nearnessOf(e: Experiment): Promise<Nearness> {
  let words = [e.replace, e.other, e.third];
  for (const three of threes.toReversed()) if (await all(three)) words = three;
  const { cosines } = await call<{ cosines: number[][] }>("vectors", { vectors: words.map((w) => JSON.stringify(w)) });
  const [y, z] = cosines[0][1] >= cosines[0][2] ? [1, 2] : [2, 1];
  const near: [string, string, string] = [words[0], words[y], words[z]];
  const { table } = await call<{ table: Table }>("similar", { vector: JSON.stringify(words[0]), k: 12 });
  const nearer = texts(table, "token").filter((_, i) => numbers(table, "cosine")[i] > cosines[0][y]);
  return { near, cosines: [cosines[0][y], cosines[0][z]], nearer: nearer.slice(0, 5) };
}

async function bareOf(): Promise<Ground["bare"]> {
  for (const word of ["Germany", "cat", "dog", "the"])
    if (await all([word, ` ${word}`]))
      return {
        word,
        text: word === "Germany" ? "The capital of Germany is" : `I see ${word === "the" ? "the" : `a ${word}`}`,
      };
  return undefined;
}

export interface Dimension {
  dimension: number;
  mean: number;
  ratio: number;
}

/** The strongest stripe first. */
export async function dimensions(): Promise<Dimension[]> {
  const { table } = await call<{ table: Table }>("geometry");
  const [d, m, s] = ["dimension", "mean", "deviation"].map((c) => numbers(table, c));
  return d
    .map((dimension, i) => ({ dimension, mean: m[i], ratio: Math.abs(m[i]) / s[i] }))
    .sort((a, b) => b.ratio - a.ratio);
}

async function found(info: ModelInfo): Promise<Ground> {
  const e = await experimentOf();
  const [[a, b], nearness, offsets, bare, double, place] = await Promise.all([
    endsOf(e),
    nearnessOf(e),
    dimensions(),
    bareOf(),
    first([" bank", " light", " bat"]),
    first([" Paris", " London", " cat"]),
  ]);
  const stripe = Math.min(3, 0.8 * (offsets[0]?.ratio ?? 0));
  return {
    info,
    ...e,
    a,
    b,
    ...nearness,
    stripe,
    bare,
    double: double ?? nearness.near[1],
    place: place ?? nearness.near[0],
  };
}

const known = new Map<string, Promise<Ground>>();

/** Asked once for a model. */
export function groundOf(info: ModelInfo): Promise<Ground> {
  let ground = known.get(info.name);
  if (!ground) {
    ground = found(info);
    known.set(info.name, ground);
    ground.catch(() => known.delete(info.name));
  }
  return ground;
}
