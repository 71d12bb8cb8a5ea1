// The field's words, explained where they stand: under the pointer, with the focus, or by a click.
import { cloneElement, Fragment, isValidElement, toChildArray, type ComponentChildren, type VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/** A term, what else it is called, and what it is. */
const entries: [terms: string[], meaning: string][] = [
  [["token", "tokens"], "A piece of text that occurs often, such as a word with its space. Each has a number."],
  [
    ["vector", "vectors"],
    "A row of numbers; as a place or a direction it stands for what a token means at this point.",
  ],
  [
    ["embedding", "wte", "embedding matrix"],
    "The matrix with one row for each token, where a text’s vectors come from. In files it is called wte.",
  ],
  [["block", "blocks"], "One layer of the model: attention and an MLP, each of which adds to the vector."],
  [["position", "positions"], "The place of a token in the text, counted from 0."],
  [
    ["residual stream", "resid_pre", "resid_post"],
    "The vector of a position on its way through the blocks: before a block (resid_pre) and after it (resid_post).",
  ],
  [
    ["attention", "attn_out"],
    "The part of a block that brings something from earlier positions to this one; what it adds is attn_out.",
  ],
  [["head", "heads"], "One of several attentions of a block; each looks at its own places."],
  [["MLP", "mlp_out"], "The part of a block that works on one position alone; what it adds is mlp_out."],
  [
    ["normalised", "ln1", "ln2"],
    "The vector brought to a common length before attention (ln1) or before the MLP (ln2).",
  ],
  [
    ["cosine", "cosines", "cosine similarity"],
    "How much two vectors point the same way: 1 the same, 0 at a right angle, −1 opposite.",
  ],
  [
    ["logit", "logits"],
    "The score of a next token before scores become probabilities: one more means 2.7 times as likely.",
  ],
  [["probability", "probabilities"], "The model’s share for a next token; all shares make 100 %."],
  [["nats"], "The unit of loss: 0.69 nats is the surprise of a coin’s fall."],
  [["loss"], "How surprised the model is by the text, on average for a token; training makes it smaller."],
  [["lens"], "What the model would say if it stopped after a block: the vector is compared with all tokens at once."],
  [["PCA", "principal components"], "The directions in which many vectors differ most."],
  [["t-SNE"], "A map in which what is near in all dimensions lies near in the plane; far distances mean nothing."],
  [["UMAP"], "A map like t-SNE’s, made from a graph of nearest neighbours."],
  [["perplexity"], "About how many neighbours of each point t-SNE looks after."],
  [["patch", "patching", "patched"], "To put a vector of one run into another and see what then comes out."],
  [["steer", "steering"], "To add a direction to the vectors while the model writes."],
  [["dimension", "dimensions"], "One of the numbers of a vector. By itself it rarely means anything."],
  [["norm"], "The length of a vector."],
  [["seed"], "The number that random numbers begin with: the same seed, the same result."],
  [["temperature"], "0: always the likeliest token; the higher, the more chance has a say."],
  [["top p"], "Only the likeliest tokens whose shares make p together are drawn from."],
  [["min p"], "Tokens less probable than this share of the likeliest are not drawn."],
  [["repetition penalty"], "Above 1: tokens that the text already has become less likely."],
  [["stop words"], "Texts before which the writing ends. Several are separated by |, and \\n is the end of a line."],
  [["layers", "layer"], "Another word for block: each layer is attention and an MLP."],
  [["rank"], "The place in a list of all tokens that begins with the likeliest; 1 is the likeliest."],
  [["KL", "KL divergence"], "How far one list of probabilities is from another, in nats; 0: they are equal."],
  [["entropy"], "How evenly something is spread, in nats; 0: all of it is in one place."],
  [["mixture", "mix"], "A vector between two others: p of one and 1 − p of the other."],
  [["clean answer"], "The answer to the text as it is; patching looks for what brings it back."],
  [
    ["corrupt answer", "corrupt text"],
    "The other text and its answer: vectors of the clean run are put into this run.",
  ],
];

/** What is a term on a label, and an ordinary word in a sentence. */
const onLabels: typeof entries = [
  [["width"], "How many numbers a vector has."],
  [["context"], "How many tokens the model can look at at once."],
  [["steps"], "How many times the weights are changed; each step looks at some pieces of the text."],
  [["neighbours"], "Tokens whose vectors point most nearly the same way."],
  [["strengths", "strength"], "How many times the direction is added; below 0 it is taken away."],
];

const byTerm = (list: typeof entries) =>
  new Map(list.flatMap(([terms, meaning]) => terms.map((term) => [term.toLowerCase(), meaning] as const)));
const meanings = byTerm(entries),
  labels = byTerm([...entries, ...onLabels]);

/** Whether the last thing that was used is the keyboard: then what has the focus is explained. */
let byKeys = false;
addEventListener("keydown", (e) => void (byKeys = e.key === "Tab"), true);
addEventListener("pointerdown", () => void (byKeys = false), true);

/** The label of a field; a term of the field's is explained at the pointer, a touch, or when Tab leads to its control. */
export function Label({ control, children }: { control: string; children: string }) {
  const meaning = labels.get(children.toLowerCase());
  const id = useId();
  const label = useRef<HTMLLabelElement>(null);
  const [at, setAt] = useState<{ left: number; top: number }>();
  useEffect(() => {
    const field = document.getElementById(control);
    if (!meaning || !field) return;
    const open = () => byKeys && setAt(placeBy(label.current!, true));
    const close = () => setAt(undefined);
    const escape = (e: KeyboardEvent) => e.key === "Escape" && close();
    field.addEventListener("focus", open);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", escape);
    return () => {
      field.removeEventListener("focus", open);
      field.removeEventListener("blur", close);
      field.removeEventListener("keydown", escape);
    };
  }, [control, meaning]);
  if (!meaning) return <label for={control}>{children}</label>;
  return (
    <span class="labelled">
      <label
        ref={label}
        for={control}
        class="explained"
        onPointerEnter={() => setAt(placeBy(label.current!, true))}
        onPointerLeave={() => setAt(undefined)}
      >
        {children}
      </label>
      {at && <Meaning id={id} at={at} meaning={meaning} />}
    </span>
  );
}

export const meaningOf = (term: string): string | undefined => meanings.get(term.toLowerCase());

const pattern = new RegExp(
  `(?<![\\p{L}\\p{N}_-])(${[...meanings.keys()].sort((a, b) => b.length - a.length).join("|")})(?![\\p{L}\\p{N}_])`,
  "giu",
);

const widest = 300;

/** A place beside a word and inside the window; `above`: where that is possible, so that it does not cover a field. */
function placeBy(word: HTMLElement, above = false): { left: number; top: number } {
  const { left, bottom, top } = word.getBoundingClientRect();
  const below = above ? top < 100 : bottom + 110 < innerHeight;
  return {
    left: Math.max(8, Math.min(left, innerWidth - widest - 24)),
    top: below ? bottom + 4 : Math.max(4, top - (above ? 74 : 90)),
  };
}

const Meaning = ({ id, at, meaning }: { id: string; at: { left: number; top: number }; meaning: string }) => (
  <span
    role="tooltip"
    id={id}
    class="meaning"
    style={{ left: `${at.left}px`, top: `${at.top}px`, maxWidth: `${widest}px` }}
  >
    {meaning}
  </span>
);

/** One term with its explanation, beside it and inside the window; `then` stays on its line. */
export function Term({ children, meaning, then = "" }: { children: string; meaning: string; then?: string }) {
  const id = useId();
  const word = useRef<HTMLButtonElement>(null);
  const [at, setAt] = useState<{ left: number; top: number }>();
  const open = () => setAt(placeBy(word.current!));
  const close = () => setAt(undefined);
  return (
    <span class="term" onPointerEnter={open} onPointerLeave={close}>
      <button
        ref={word}
        type="button"
        aria-describedby={at ? id : undefined}
        onFocus={open}
        onBlur={close}
        onClick={open}
        onKeyDown={(e) => e.key === "Escape" && at && (e.stopPropagation(), close())}
      >
        {children}
      </button>
      {then}
      {at && <Meaning id={id} at={at} meaning={meaning} />}
    </span>
  );
}

/** Text in which the first occurrence of each term is explained. What is in a control stays as it is. */
export function Explained({ children }: { children: ComponentChildren }) {
  return <>{explained(children, new Set())}</>;
}

/** What a view is about, in a sentence or two. */
export const Lead = ({ children }: { children: ComponentChildren }) => (
  <p class="lead">
    <Explained>{children}</Explained>
  </p>
);

function explained(children: ComponentChildren, known: Set<string>): ComponentChildren {
  return toChildArray(children).map((child) => {
    if (typeof child === "string") return terms(child, known);
    if (!isValidElement(child)) return child;
    const one = child as VNode<{ children?: ComponentChildren }>;
    const isText =
      one.type === Fragment || (typeof one.type === "string" && !["button", "a", "label"].includes(one.type));
    if (!isText) return one;
    return cloneElement(one, {}, explained(one.props.children, known));
  });
}

function terms(text: string, known: Set<string>): ComponentChildren {
  const parts = text.split(pattern);
  return parts.map((part, i) => {
    const meaning = i % 2 ? meaningOf(part) : undefined;
    if (!meaning || known.has(meaning)) return part;
    known.add(meaning);
    const mark = /^[.,:;!?)”’]+/.exec(parts[i + 1])?.[0] ?? ""; // it does not begin a line
    parts[i + 1] = parts[i + 1].slice(mark.length);
    return (
      <Term key={i} meaning={meaning} then={mark}>
        {part}
      </Term>
    );
  });
}
