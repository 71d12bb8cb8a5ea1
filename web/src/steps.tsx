// The steps of the article: what is shown, in which view, and what the reader finds out by an experiment. What a step
// says of the model is asked of the model (ground.ts), when the step is shown.
import type { ComponentChildren } from "preact";
import { call, numbers, texts, type Table } from "./api";
import type { LensAnswer, TraceAnswer } from "./catalogue";
import type { Facts } from "./facts";
import { dimensions, sweep, type Ground, type Sweep } from "./ground";
import { textOf } from "./named";
import { percent } from "./parts";
import type { Stage, Tokens } from "./stage/run";
import type { View } from "./session";

export interface Step {
  name: string;
  title: string;
  view: View;
  params: Record<string, string | undefined>;
  /** Words of which each is one token. */
  tray?: string[];
  /** The control of the stage that the task needs: it is highlighted. */
  light?: "text" | "mix" | "with" | "where" | "grid";
  prose: ComponentChildren;
  task: string;
  /** Whether what the reader has seen answers the task. */
  done: (facts: Facts) => boolean;
  /** Computed by the model at hand. */
  answer: () => Promise<ComponentChildren>;
}

/** A label without the mark of its space and without an expression's quotes. */
const word = (label: string): string =>
  label
    .replaceAll("␣", "")
    .replaceAll(/^['"]|['"]$/g, "")
    .trim();
const shown = (text: string): ComponentChildren => <code>{text.replaceAll(" ", "␣")}</code>;
const list = (words: string[]): ComponentChildren => words.map((w, i) => [i > 0 && ", ", <code key={i}>{w}</code>]);
const quote = (text: string): string => JSON.stringify(text);

/** The experiment with nothing changed yet. */
const plain = (g: Ground) => ({
  text: g.text,
  replace: g.replace,
  nth: g.nth ? String(g.nth) : undefined,
  with: g.other,
  a: g.a,
  b: g.b,
  site: undefined,
  p: "1",
  edits: undefined,
});

/** What the walk is called by its contents: names, titles and tasks that hold for every model. */
export const contents: [name: string, title: string, about: string][] = [
  ["toy", "A space that one can draw", "Which animal is nearest to the cat, once the context has moved it?"],
  ["tokens", "Tokens", "A text is cut into pieces, and each piece has a number."],
  ["vectors", "Vectors, and how near they are", "Find a word that is nearer to another than its neighbour is."],
  ["near", "What is near", "One row for a word that means two things."],
  ["stripes", "The whole matrix, and its stripes", "What all vectors share."],
  ["map", "A map", "Search for a word and follow its lines."],
  ["predict", "Prediction", "How sure is the model of what it cannot know?"],
  ["mix", "One word becomes another", "Drag p to where the answer turns."],
  ["third", "A third word", "Where does the answer turn now?"],
  ["late", "Too late", "From which block on does it no longer matter?"],
  ["life", "A vector's life", "In which block does the answer appear?"],
  ["train", "Where do vectors come from?", "Train a small model and watch its map form."],
];

export function stepsOf(g: Ground): Step[] {
  return [
    toy(),
    tokens(g),
    vectors(g),
    near(g),
    stripes(g),
    map(g),
    predict(g),
    mix(g),
    third(g),
    late(g),
    life(g),
    train(),
  ];
}

const toy = (): Step => ({
  name: "toy",
  title: "A space that one can draw",
  view: "learn",
  params: {},
  prose: (
    <>
      A vector is a place. Here are animals by two numbers that have names: size and friendliness. A context, “the
      neighbour’s hissing cat”, moves the cat to another place.
    </>
  ),
  task: "Which animal, apart from the cat as it was, is nearest to the cat in its context? Click it in the list of animals.",
  done: (f) => f.toy === true,
  answer: async () => {
    const { table } = await call<{ table: Table }>("toy");
    const names = texts(table, "animal"),
      x = numbers(table, "size"),
      y = numbers(table, "friendliness");
    const moved = numbers(table, "moved").indexOf(1);
    const far = (i: number) => Math.hypot(x[i] - x[moved], y[i] - y[moved]);
    const others = names
      .map((_, i) => i)
      .filter((i) => i !== moved && names[i] !== "cat")
      .sort((a, b) => far(a) - far(b));
    const [i] = others;
    const size = x[i] > x[moved] ? "larger" : x[i] < x[moved] ? "smaller" : "as large",
      mood = y[i] > y[moved] ? "friendlier" : "less friendly";
    return (
      <>
        The {names[i]}: {size} and {mood}, {far(i).toFixed(2)} away. A model does the same with hundreds of dimensions,
        which have no names.
      </>
    );
  },
});

function tokens(g: Ground): Step {
  const common = { name: "tokens", title: "Tokens", view: "stage" as const, light: "text" as const };
  const bare = g.bare;
  if (!bare) {
    return {
      ...common,
      params: plain(g),
      prose: (
        <>
          A text is cut into pieces that occur often, and each piece has a number. This small model knows only few
          pieces.
        </>
      ),
      task: "Write one letter more at the end of the text. How many tokens are there now?",
      done: (f) => f.tokens !== undefined && f.tokens.text.length > g.text.length,
      answer: async () => {
        const { ids } = await call<Tokens>("tokens", { text: g.text });
        return (
          <>
            Before, there were {ids.length} tokens for {[...g.text].length} characters.
          </>
        );
      },
    };
  }
  return {
    ...common,
    params: { ...plain(g), text: bare.text },
    prose: (
      <>
        A model never sees letters. A text is cut into pieces that occur often, and each piece has a number.{" "}
        <code>␣</code> is a space; it belongs to the word that follows it.
      </>
    ),
    task: `Change the text so that ${bare.word} is another token, with another number: the one without a space.`,
    done: (f) => f.tokens?.labels.includes(bare.word) ?? false,
    answer: async () => {
      const ids = await Promise.all(
        [bare.word, ` ${bare.word}`].map(async (text) => (await call<Tokens>("tokens", { text })).ids.at(-1)!),
      );
      const { cosines } = await call<{ cosines: number[][] }>("vectors", { vectors: ids.map((i) => `#${i}`) });
      return (
        <>
          Put <code>{bare.word}</code> at the very beginning. Without its space it is token{" "}
          {ids[0].toLocaleString("en")}, with it token {ids[1].toLocaleString("en")}: another row of the matrix. The
          cosine of the two is {cosines[0][1].toFixed(2)}.
        </>
      );
    },
  };
}

function vectors(g: Ground): Step {
  const [x, y, z] = g.near;
  return {
    name: "vectors",
    title: "Vectors and their similarity",
    view: "vectors",
    params: {},
    tray: g.near,
    prose: (
      <>
        The number of a token selects a row of a matrix: its vector. As lines, two vectors look like noise. As points,
        one against the other, the cloud is stretched along the diagonal. The cosine measures this: it is 1 if two
        vectors have the same direction.
      </>
    ),
    task:
      `The cosine of ${word(x)} is ${g.cosines[0].toFixed(2)} with ${word(y)} and ${g.cosines[1].toFixed(2)} with ${word(z)}. ` +
      (g.nearer.length
        ? `Put a word into the tray that is nearer to ${word(x)} than ${word(y)} is.`
        : "Put another word into the tray."),
    done: ({ cosine }) => {
      if (!cosine) return false;
      const names = cosine.labels.map(word),
        [i, j] = [names.indexOf(word(x)), names.indexOf(word(y))];
      if (!g.nearer.length) return names.length > 3;
      return (
        i >= 0 &&
        names.some(
          (n, k) =>
            !g.near.map(word).includes(n) && cosine.cosines[i][k] > (j >= 0 ? cosine.cosines[i][j] : g.cosines[0]),
        )
      );
    },
    answer: async () =>
      g.nearer.length ? (
        <>Of all tokens, these are nearest: {list(g.nearer)}. Nobody told the model what these words mean.</>
      ) : (
        <>
          There is none: of all tokens, {shown(y)} is the nearest to {shown(x)}.
        </>
      ),
  };
}

const senses: Record<string, [string, RegExp, string, RegExp]> = {
  bank: [
    "money",
    /bank|money|loan|credit|deposit|financ|account|mortgage|lender|cash|fund/i,
    "shores",
    /shore|river|beach|coast|slope|stream/i,
  ],
  light: ["lamps", /lamp|bright|lumin|glow|illum|sun/i, "weight", /heavy|weight|thin|easy/i],
  bat: ["animals", /animal|owl|rat|bird|mouse|vamp/i, "games", /ball|hit|pitch|cricket|club/i],
};

const near = (g: Ground): Step => ({
  name: "near",
  title: "Nearest tokens",
  view: "vectors",
  params: { near: undefined },
  tray: [g.near[0]],
  prose: (
    <>
      Here are the tokens whose vectors are nearest to that of one word: first its other spellings, as a rule, then what
      the text it learned from has put side by side.
    </>
  ),
  task: `Look at what is nearest to another word, ${senses[word(g.double)] ? "one that means two things" : "say"}: ${word(g.double)}.`,
  done: (f) => word(f.similar?.to ?? "").toLowerCase() === word(g.double).toLowerCase(),
  answer: async () => {
    const { table } = await call<{ table: Table }>("similar", { vector: quote(g.double), k: 300 });
    const all = texts(table, "token"),
      twelve = all.slice(0, 12);
    const sense = senses[word(g.double)];
    if (!sense) return <>Its nearest are {list(twelve.slice(0, 6))}.</>;
    const counted = (of: RegExp) => twelve.filter((t) => of.test(t)).length;
    const rank = all.findIndex((t) => sense[3].test(t)) + 1;
    return (
      <>
        One row must serve both meanings. Of the twelve nearest, {counted(sense[1])} have to do with {sense[0]} and{" "}
        {counted(sense[3])} with {sense[2]}
        {rank > 12 ? (
          <>
            ; the first of these, <code>{all[rank - 1]}</code>, has rank {rank}
          </>
        ) : (
          ""
        )}
        . Only the context, further up, can tell the two apart.
      </>
    );
  },
});

/** The mean cosine of some tokens, taken evenly from the vocabulary. */
async function commonCosine(vocab: number): Promise<[number, number]> {
  const count = Math.min(40, vocab);
  const ids = Array.from({ length: count }, (_, i) => `#${Math.floor((i * vocab) / count)}`);
  const { cosines } = await call<{ cosines: number[][] }>("vectors", { vectors: ids });
  const pairs = cosines.flatMap((row, i) => row.slice(i + 1)).filter(Number.isFinite);
  return [pairs.reduce((a, b) => a + b, 0) / Math.max(1, pairs.length), count];
}

const stripes = (g: Ground): Step => ({
  name: "stripes",
  title: "The whole matrix, and its stripes",
  view: "matrix",
  params: { area: undefined, tokens: undefined, dimensions: undefined },
  tray: [],
  prose: (
    <>
      All the values at once. A horizontal stripe is a dimension in which all tokens have about the same value, whatever
      the word.
    </>
  ),
  task: "Point at the strongest stripe that you find: a cell of a dimension whose mean is large compared with its deviation.",
  done: (f) => f.cell !== undefined && f.cell.offset >= g.stripe,
  answer: async () => {
    const all = await dimensions(),
      [mean, count] = await commonCosine(g.info.vocab);
    const strong = all.filter((d) => d.ratio > 1).length;
    return (
      <>
        The strongest is dimension {all[0].dimension}: its mean of {all[0].mean.toFixed(3)} is {all[0].ratio.toFixed(1)}{" "}
        times its deviation. In {strong} of {all.length} dimensions the mean is larger than the deviation. Between{" "}
        {count} tokens taken evenly from the vocabulary the mean cosine is {mean.toFixed(2)}:{" "}
        {mean > 0.1
          ? "so much does not make two tokens alike: any two of them have it."
          : "here unrelated tokens stand nearly at right angles."}
      </>
    );
  },
});

const map = (g: Ground): Step => ({
  name: "map",
  title: "A map",
  view: "map",
  params: {
    method: undefined,
    colour: "kind",
    tokens: undefined,
    site: undefined,
    second: undefined,
    token: undefined,
    hide: undefined,
  },
  prose: (
    <>
      Hundreds of dimensions cannot be drawn. t-SNE looks for places in the plane such that neighbours stay neighbours;
      regions are named by words that lie in them.
    </>
  ),
  task: `Search for ${word(g.place)}. Its lines go to what is nearest in all dimensions.`,
  done: (f) => word(f.found?.label ?? "").toLowerCase() === word(g.place).toLowerCase(),
  answer: async () => {
    const { table } = await call<{ table: Table }>("similar", { vector: quote(g.place), k: 6 });
    return (
      <>
        Nearest in all dimensions are {list(texts(table, "token"))}. A long line shows a neighbour for which the plane
        had no room.
      </>
    );
  },
});

function predict(g: Ground): Step {
  const common = {
    name: "predict",
    title: "Prediction",
    view: "stage" as const,
    params: plain(g),
    light: "text" as const,
    prose: (
      <>
        The vectors pass through all blocks. The last vector is compared with every row of the matrix, and the result is
        converted into a probability.
      </>
    ),
  };
  const sure = async (text: string) => (await call<Stage>("stage", { text, k: 1 })).top[0];
  if (!g.capital) {
    return {
      ...common,
      task: "Change a word of the text. Is the model as sure of what comes next?",
      done: (f) => !!f.predict && f.predict.text !== g.text && f.predict.text !== "",
      answer: async () => {
        const top = await sure(g.text);
        return (
          <>
            After “{g.text}” it expects <code>{top.label}</code> with {percent(top.probability)}.
          </>
        );
      },
    };
  }
  const strange = "The capital of Atlantis is";
  return {
    ...common,
    task: "Ask for the capital of a country that does not exist. Is the model as certain?",
    done: (f) =>
      !!f.predict &&
      /capital of /i.test(f.predict.text) &&
      f.predict.text !== g.text &&
      !/germany|france|italy/i.test(f.predict.text),
    answer: async () => {
      const [known, invented] = await Promise.all([sure(g.text), sure(strange)]);
      return (
        <>
          “{strange}” gets <code>{invented.label}</code> with {percent(invented.probability)}, “{g.text}” gets{" "}
          <code>{known.label}</code> with {percent(known.probability)}:{" "}
          {invented.probability < known.probability
            ? "less sure, but it answers all the same."
            : "it is just as sure, or surer."}
        </>
      );
    },
  };
}

/** How the answer went from the one to the other, in words. */
function turning(s: Sweep, g: Ground): ComponentChildren {
  const others = [...new Set(s.top.map(textOf))].filter((t) => t !== g.a && t !== g.b);
  const third =
    others.length === 0 ? (
      "no third answer is ever the likeliest"
    ) : (
      <>
        on the way {list(others.map((o) => o.replaceAll(" ", "␣")))} {others.length === 1 ? "is" : "are"} the likeliest
        for a while
      </>
    );
  const last = s.p.length - 1;
  if (s.crossing === undefined)
    return (
      <>
        They do not cross in this model: at p = 0 {shown(g.a)} has {percent(s.a[0])} and {shown(g.b)} {percent(s.b[0])},
        at p = 1 {percent(s.a[last])} and {percent(s.b[last])}.
      </>
    );
  return (
    <>
      The answer turns at p = {s.crossing.toFixed(2)}; {third}. The mixtures on the way are not words at all.
    </>
  );
}

function mix(g: Ground): Step {
  return {
    name: "mix",
    title: `${word(g.replace)} becomes ${word(g.other)}`,
    view: "stage",
    params: plain(g),
    light: "mix",
    prose: (
      <>
        Leave the text as it is and change one vector: <i>p</i> of the row of {shown(g.replace)} and <i>1 − p</i> of
        that of {shown(g.other)}. At <i>p</i> = 1 nothing has changed, bit for bit.
      </>
    ),
    task: `Drag p from 1 to where ${word(g.b) || g.b} overtakes ${word(g.a) || g.a}, or to 0 if it never does.`,
    done: (f) => f.mix?.replaced === g.replace && (f.mix.second > f.mix.first || f.mix.p < 0.02),
    answer: async () => turning(await sweep(g, g.other, [g.a, g.b]), g),
  };
}

function third(g: Ground): Step {
  return {
    name: "third",
    title: "A third word",
    view: "stage",
    params: plain(g),
    light: "with",
    prose: (
      <>
        Half and half, does the model say half and half? Where the curve turns tells which of the two words is stronger.
      </>
    ),
    task: `Let it turn into ${word(g.third)} in place of ${word(g.other)}. Where does the answer turn now?`,
    done: (f) => word(f.crossing?.with ?? "").toLowerCase() === word(g.third).toLowerCase(),
    answer: async () => {
      const stage = await call<Stage>("stage", {
        text: g.text,
        k: 2,
        edits: [{ at: `wte@${await positionOf(g)}`, do: `mix 0 ${quote(g.third)}` }],
      });
      const other = textOf(stage.top[0].label) === g.a ? stage.top[1] : stage.top[0];
      const [before, now] = await Promise.all([
        sweep(g, g.other, [g.a, g.b]),
        sweep(g, g.third, [g.a, textOf(other.label)]),
      ]);
      const at = (s: Sweep) => (s.crossing === undefined ? "nowhere" : `at p = ${s.crossing.toFixed(2)}`);
      return (
        <>
          With {shown(g.other)} it turns {at(before)}, with {shown(g.third)} {at(now)}. The smaller p is there, the less
          of {shown(g.replace)} is enough to hold the answer.
        </>
      );
    },
  };
}

const positionOf = async (g: Ground): Promise<number> => {
  const { labels } = await call<Tokens>("tokens", { text: g.text });
  return labels.map(textOf).indexOf(g.replace);
};

/** Whether the answer still turns when the vector is exchanged at the entrance of a block. */
async function turnsAt(g: Ground, block: number): Promise<boolean> {
  const at = await positionOf(g);
  const { ids } = await call<Tokens>("tokens", { text: g.text });
  const whole = g.text.replace(g.replace, g.other);
  const quoted = whole.includes("'") ? `"${whole}"` : `'${whole}'`;
  const { targets } = await call<Stage>("stage", {
    text: g.text,
    k: 1,
    targets: [g.a, g.b],
    edits: [{ at: `blocks.${block}.resid_pre@${at}`, do: `mix 0 run(${quoted}@${at})` }],
  });
  return ids.length > at && targets[1].probability > targets[0].probability;
}

function late(g: Ground): Step {
  return {
    name: "late",
    title: "Too late",
    view: "stage",
    params: plain(g),
    light: "where",
    prose: <>The vector can also be exchanged later, before a block, when those before have already changed it.</>,
    task: "From which block on does a change of the vector no longer matter? Choose such a block in the field “where”.",
    done: (f) => (f.crossing?.site ?? "wte").startsWith("blocks.") && f.crossing?.p === undefined,
    answer: async () => {
      let [turns, not] = [0, g.info.blocks - 1];
      if (!(await turnsAt(g, turns))) return <>In this model it does not turn even before block 0.</>;
      if (await turnsAt(g, not)) return <>In this model it still turns before the last block, {not}.</>;
      while (not - turns > 1) {
        const middle = (turns + not) >> 1;
        if (await turnsAt(g, middle)) turns = middle;
        else not = middle;
      }
      return (
        <>
          In this model it still turns before block {turns} and no longer before block {not}: by then the answer has
          been carried to the last position.
        </>
      );
    },
  };
}

function life(g: Ground): Step {
  return {
    name: "life",
    title: "A vector's path through the blocks",
    view: "stage",
    params: { ...plain(g), block: undefined, position: undefined, colour: "answer", tab: undefined },
    light: "grid",
    prose: (
      <>
        After every block we ask: if the model stopped here, what would it say? The word in each cell is such an answer,
        and its colour says how probable the final answer is there.
      </>
    ),
    task: "Click the lowest cell of the last column that does not yet say what the model says in the end, or any cell of it if all do.",
    done: (f) =>
      !!f.lens && f.lens.last && (f.lens.top !== f.lens.final ? f.lens.above === f.lens.final : f.lens.always),
    answer: async () => {
      const [lens, trace] = await Promise.all([
        call<LensAnswer>("lens", { text: g.text, positions: "-1:" }),
        call<TraceAnswer>("trace", { text: g.text }),
      ]);
      const top = texts(lens.tables.cells, "top"),
        final = top.at(-1)!;
      let from = top.length - 1;
      while (from > 0 && top[from - 1] === final) --from;
      const lengths = (["attn_out", "mlp_out"] as const).flatMap((part) =>
        numbers(trace.tables.life, `length_${part}`).map((length, i) => ({
          part: part === "attn_out" ? "attention" : "the MLP",
          block: numbers(trace.tables.life, "block")[i],
          length,
        })),
      );
      const most = lengths.filter((l) => Number.isFinite(l.length)).reduce((a, b) => (b.length > a.length ? b : a));
      return (
        <>
          {from === 0 ? (
            <>
              <code>{final}</code> is what the vector reads as from the beginning.
            </>
          ) : (
            <>
              <code>{final}</code> is first read after block {from - 1} of {g.info.blocks - 1} and from there on; after
              block {Math.max(0, from - 2)} it was still <code>{top[from - 1]}</code>.
            </>
          )}{" "}
          “Four changes” shows what each part adds: the longest is what {most.part} of block {most.block} adds, with a
          length of {most.length.toPrecision(3)}.
        </>
      );
    },
  };
}

const train = (): Step => ({
  name: "train",
  title: "Where do vectors come from?",
  view: "train",
  params: {},
  prose: (
    <>
      At first the rows are random. A model that is trained to predict the next token moves them, a little at every
      step, to where they are of use.
    </>
  ),
  task: "Train a small model and watch its map form.",
  done: (f) => f.trained === true,
  answer: async () => (
    <>
      Move the slider over the steps: words that occur in the same places come together. Train with two seeds: what the
      maps have in common is what the text has taught; everything else is chance.
    </>
  ),
});
