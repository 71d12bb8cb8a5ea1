// The article's path: what is looked at, in which view, and what the reader finds out by doing it.
import type { ComponentChildren } from "preact";
import type { Facts } from "./facts";
import type { View } from "./session";

export interface Step {
  name: string;
  title: string;
  view: View;
  params: Record<string, string | undefined>;
  tray?: string[];
  /** The control of the stage that the task asks to touch: it is lit. */
  light?: "text" | "mix" | "with" | "where" | "grid";
  prose: ComponentChildren;
  task: string;
  /** Whether what the reader has seen answers the task. */
  done: (facts: Facts) => boolean;
  answer: ComponentChildren;
}

/** A label without the mark of its space and without an expression's quotes. */
const word = (label: string): string =>
  label
    .replaceAll("␣", "")
    .replaceAll(/^['"]|['"]$/g, "")
    .trim();
/** The article's experiment, with nothing changed yet. */
const plain = {
  text: "The capital of Germany is",
  replace: " Germany",
  nth: undefined,
  with: " France",
  a: " Berlin",
  b: " Paris",
  site: undefined,
  p: "1",
  edits: undefined,
};

function nearerThanPear({ cosine }: Facts): boolean {
  if (!cosine) return false;
  const names = cosine.labels.map(word);
  const [apple, pear] = [names.indexOf("apple"), names.indexOf("pear")];
  if (apple < 0 || pear < 0) return false;
  return names.some(
    (n, i) => !["apple", "pear", "spaceship"].includes(n) && cosine.cosines[apple][i] > cosine.cosines[apple][pear],
  );
}

export const steps: Step[] = [
  {
    name: "toy",
    title: "A space that one can draw",
    view: "learn",
    params: {},
    prose: (
      <>
        A vector is a place. Here are animals by two numbers that have names: size and friendliness. A context, “a big,
        wary cat”, moves the cat to another place.
      </>
    ),
    task: "Which animal, apart from the cat as it was, is nearest to the cat in its context? Click it in the list below.",
    done: (f) => f.toy === true,
    answer: (
      <>The dog: as large, though friendlier. A model does the same with hundreds of dimensions, which have no names.</>
    ),
  },
  {
    name: "tokens",
    title: "Tokens",
    view: "stage",
    params: { ...plain },
    light: "text",
    prose: (
      <>
        A model never sees letters. A text is cut into pieces that occur often, and each piece has a number.{" "}
        <code>␣</code> is a space; it belongs to the word behind it.
      </>
    ),
    task: "Change the text so that Germany is another token, with another number: the one without a space.",
    done: (f) => f.tokens?.labels.includes("Germany") ?? false,
    answer: (
      <>
        Put <code>Germany</code> at the very beginning. It is the most common trap of such experiments: the same word,
        another row of the matrix.
      </>
    ),
  },
  {
    name: "vectors",
    title: "Vectors, and how near they are",
    view: "vectors",
    params: {},
    tray: ["' apple'", "' pear'", "' spaceship'"],
    prose: (
      <>
        The number of a token selects a row of a matrix: its vector. As lines, two vectors look like noise. As points,
        one against the other, the cloud leans: that lean is the cosine, 1 when two vectors point the same way.
      </>
    ),
    task: "An apple is nearer to a pear than to a spaceship. Put a word into the tray that is nearer to the apple than the pear is.",
    done: nearerThanPear,
    answer: (
      <>
        Other spellings of the word are nearest, then <code>banana</code>, <code>strawberry</code>, <code>peach</code>.
        Nobody told the model what fruit is.
      </>
    ),
  },
  {
    name: "near",
    title: "What is near",
    view: "vectors",
    params: { near: "' apple'" },
    tray: ["' apple'"],
    prose: <>Of all tokens, those nearest to a word are first its other spellings, then what is like it.</>,
    task: "Look at what is nearest to a word that means two things: bank.",
    done: (f) => word(f.similar?.to ?? "").toLowerCase() === "bank",
    answer: (
      <>
        One row must serve both meanings, so the list mixes money and shores. Only the context, further up, can tell
        them apart.
      </>
    ),
  },
  {
    name: "stripes",
    title: "The whole matrix, and its stripes",
    view: "matrix",
    params: { area: undefined, tokens: undefined, dimensions: undefined },
    prose: (
      <>
        All the values at once. There are horizontal stripes: dimensions in which nearly all tokens have about the same
        value, whatever the word.
      </>
    ),
    task: "Point at a stripe: a cell of a dimension whose mean is more than three times its deviation.",
    done: (f) => (f.cell?.offset ?? 0) > 3,
    answer: (
      <>
        All vectors share the stripes, so all point a little the same way: a cosine of 0.5 is not likeness but what any
        two tokens have.
      </>
    ),
  },
  {
    name: "map",
    title: "A map",
    view: "map",
    params: { method: "pca", colour: "kind" },
    prose: (
      <>
        Hundreds of dimensions cannot be drawn. Principal components show where the vectors differ most; t-SNE looks for
        places in the plane such that neighbours stay neighbours.
      </>
    ),
    task: "Search for Paris. Its lines go to what is nearest in all dimensions.",
    done: (f) => word(f.found?.label ?? "").toLowerCase() === "paris",
    answer: (
      <>
        Its neighbours are other cities and its country. In the plane of two components some lie far away: the plane
        does not hold all.
      </>
    ),
  },
  {
    name: "predict",
    title: "Prediction",
    view: "stage",
    params: { ...plain },
    light: "text",
    prose: (
      <>
        The vectors go through all blocks. The last one is compared with every row of the matrix, and the comparison
        becomes a probability.
      </>
    ),
    task: "Ask for the capital of a country that does not exist. Is the model as sure?",
    done: (f) =>
      !!f.predict &&
      /capital of /i.test(f.predict.text) &&
      !/germany|france/i.test(f.predict.text) &&
      f.predict.probability < 0.5,
    answer: <>“The capital of Atlantis is” gets an answer too, with less of the probability on it.</>,
  },
  {
    name: "mix",
    title: "Germany becomes France",
    view: "stage",
    params: { ...plain },
    light: "mix",
    prose: (
      <>
        Leave the text as it is and change one vector: <i>p</i> of the row of <code>Germany</code> and <i>1 − p</i> of
        that of <code>France</code>. At <i>p</i> = 1 nothing has changed, bit for bit.
      </>
    ),
    task: "Drag p from 1 to where Paris overtakes Berlin.",
    done: (f) => f.mix?.replaced === " Germany" && f.mix.second > f.mix.first,
    answer: (
      <>
        The answer turns in a short stretch. The mixtures on the way are not words at all, yet hardly a third answer
        appears. For the model, the vector is the word.
      </>
    ),
  },
  {
    name: "italy",
    title: "Another country",
    view: "stage",
    params: { ...plain },
    light: "with",
    prose: <>Half and half, the model did not say half and half: one of the two is stronger.</>,
    task: "Let it turn into Italy in place of France. Where does the answer turn now?",
    done: (f) => word(f.crossing?.with ?? "") === "Italy" && f.crossing?.p !== undefined,
    answer: <>The dashed line of the curve says where. The later it turns, the stronger the word that is left.</>,
  },
  {
    name: "late",
    title: "Too late",
    view: "stage",
    params: { ...plain },
    light: "where",
    prose: (
      <>
        The vector can also be exchanged later, at the entrance of a block, when those before have already changed it.
      </>
    ),
    task: "From which block on does it no longer matter what you do with the vector? Choose such a place in the field “where”.",
    done: (f) => (f.crossing?.site ?? "wte").startsWith("blocks.") && f.crossing?.p === undefined,
    answer: (
      <>
        In the default model it still turns at <code>blocks.22.resid_pre</code> and no longer at 24: in between, the
        blocks have carried the answer to the last position.
      </>
    ),
  },
  {
    name: "life",
    title: "A vector's life",
    view: "stage",
    params: { ...plain, block: undefined, position: undefined, colour: "answer", tab: undefined },
    light: "grid",
    prose: (
      <>
        After every block we ask: if the model stopped here, what would it say? The word in each cell is such an answer,
        and its colour says how probable the final answer is there. Most of the way down, the vector points nowhere in
        particular.
      </>
    ),
    task: "Click the lowest cell of the last column that does not yet say what the model says in the end.",
    done: (f) => !!f.lens && f.lens.last && f.lens.above === f.lens.final && f.lens.top !== f.lens.final,
    answer: (
      <>
        The answer stands out only in the last block or two. “Four changes” shows the lengths of what each part adds:
        attention in one block is far the largest.
      </>
    ),
  },
  {
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
    answer: <>What one seed and another have in common is what the text has taught; all else is chance.</>,
  },
];
