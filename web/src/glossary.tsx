// The field's words, explained where they stand: under the pointer, with the focus, or by a click.
import { cloneElement, Fragment, isValidElement, toChildArray, type ComponentChildren, type VNode } from "preact";
import { useId, useRef, useState } from "preact/hooks";

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
];

const meanings = new Map(
  entries.flatMap(([terms, meaning]) => terms.map((term) => [term.toLowerCase(), meaning] as const)),
);

export const meaningOf = (term: string): string | undefined => meanings.get(term.toLowerCase());

const pattern = new RegExp(
  `(?<![\\p{L}\\p{N}_-])(${[...meanings.keys()].sort((a, b) => b.length - a.length).join("|")})(?![\\p{L}\\p{N}_])`,
  "giu",
);

const widest = 300;

/** One term with its explanation, beside it and inside the window. */
export function Term({ children, meaning }: { children: string; meaning: string }) {
  const id = useId();
  const word = useRef<HTMLButtonElement>(null);
  const [at, setAt] = useState<{ left: number; top: number }>();
  const open = () => {
    const { left, bottom, top } = word.current!.getBoundingClientRect();
    const below = bottom + 110 < innerHeight;
    setAt({
      left: Math.max(8, Math.min(left, innerWidth - widest - 24)),
      top: below ? bottom + 4 : Math.max(4, top - 90),
    });
  };
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
        onKeyDown={(e) => e.key === "Escape" && close()}
      >
        {children}
      </button>
      {at && (
        <span
          role="tooltip"
          id={id}
          class="meaning"
          style={{ left: `${at.left}px`, top: `${at.top}px`, maxWidth: `${widest}px` }}
        >
          {meaning}
        </span>
      )}
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
  return text.split(pattern).map((part, i) => {
    const meaning = i % 2 ? meaningOf(part) : undefined;
    if (!meaning || known.has(meaning)) return part;
    known.add(meaning);
    return (
      <Term key={i} meaning={meaning}>
        {part}
      </Term>
    );
  });
}
