// What the analyses are asked and answer over HTTP. Made by scripts/reference from src/catalogue: change that, not this file.

export interface Table {
  title: string;
  columns: Record<string, (string | number | null)[]>;
}

/** A Vega-Lite specification, made by the engine. */
export type Figure = Record<string, unknown>;

export interface Token {
  id: number;
  label: string;
}

export interface Likelihood extends Token {
  probability: number;
  rank: number;
}

export interface Cost {
  asked: number;
  computed: number;
  logit_rows: number;
}

/** The next tokens after a text: POST /api/predict */
export interface PredictRequest {
  /** The text */
  text: string | number[];
  /** How many */
  k?: number;
  /** Edits of the run, applied in order */
  edits?: (string | { at: string; do: string })[];
  /** Next tokens whose probabilities are asked for besides */
  targets?: (string | number)[];
}

export interface PredictAnswer {
  /** The text's tokens */
  ids: number[];
  /** Their labels */
  labels: string[];
  /** Of each token that was asked for: its probability, and its rank among all */
  targets: Likelihood[];
  /** The likeliest next tokens: columns rank, token, id, logit, probability */
  table: Table;
  /** Their probabilities */
  figure?: Figure;
}

/** How sure the model is of the next token, position by position: POST /api/entropy */
export interface EntropyRequest {
  /** The text */
  text: string | number[];
}

export interface EntropyAnswer {
  /** Over the positions, in bits */
  mean_entropy: number;
  /** Over the tokens after the first, in bits; 2 to its power is the text's perplexity */
  mean_surprise: number;
  /** A row a position: columns position, token, entropy (of the next token, in bits), top (the likeliest next token), probability, surprise (bits of the token itself, before which the model has seen the text up to it; null for the first) */
  table: Table;
  /** Entropy and surprise along the text */
  figure?: Figure;
}

/** Mix one word's vector with another's, step by step: POST /api/mix */
export interface MixRequest {
  /** The text */
  text: string | number[];
  /** The place in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", a position */
  replace: string;
  /** The words it is mixed with; the mean of several */
  with?: (string | number)[];
  /** Next tokens whose probabilities are asked for */
  targets?: (string | number)[];
  /** Mixtures from p = 0 to p = 1 */
  steps?: number;
  /** Any site with a vector for each position, such as blocks.3.resid_pre */
  site?: string;
  /** In place of `with`: a vector such as "' king' - ' man' + ' woman'" */
  vector?: string | number[];
  /** Edits in force in every mixture */
  edits?: (string | { at: string; do: string })[];
}

export interface MixAnswer {
  /** Of the replaced token */
  position: number;
  /** p at which the first two targets are equally likely */
  crossings: (number | null)[];
  /** The logits at p = 1 are those of the run without a mixture, bit for bit */
  untouched_equals_p1: boolean;
  /** The token at the position */
  replaced: string;
  /** The tokens mixed in, or the expression */
  mixed_in: string;
  /** What the runs shared and computed */
  cost: Cost;
  /** A row a mixture: columns p, one for each target, top, top_probability */
  table: Table;
  /** Probabilities of the targets by p */
  figure?: Figure;
}

/** The mixture at resid_pre of each block in turn: where each one's answer turns: POST /api/mix_every_block */
export interface MixEveryBlockRequest {
  /** The text */
  text: string | number[];
  /** The place in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", a position */
  replace: string;
  /** The words it is mixed with; the mean of several */
  with?: (string | number)[];
  /** Next tokens whose probabilities are asked for */
  targets?: (string | number)[];
  /** Mixtures from p = 0 to p = 1 */
  steps?: number;
  /** In place of `with`: a vector expression */
  vector?: string | number[];
  /** Edits in force in every mixture */
  edits?: (string | { at: string; do: string })[];
}

export interface MixEveryBlockAnswer {
  /** The token at the position */
  replaced: string;
  /** The tokens mixed in, or the expression */
  mixed_in: string;
  /** What the runs shared and computed */
  cost: Cost;
  /** cells: The sweep of every block: columns block, p, one for each target, top; crossings: Columns block, p (of the first crossing, null where there is none) */
  tables: { cells: Table; crossings: Table; };
  /** Mixtures by blocks, with where each block's answer turns */
  figure?: Figure;
}

/** Change an activation and see what the model then says: POST /api/edit */
export interface EditRequest {
  /** The text */
  text: string | number[];
  /** What is changed, in this order */
  edits?: (string | { at: string; do: string })[];
  /** How many of the likeliest, before and after */
  top?: number;
  /** Next tokens to list besides the likeliest */
  targets?: (string | number)[];
}

export interface EditAnswer {
  /** KL(after || before) of the next token, in nats */
  divergence: number;
  /** What the runs shared and computed */
  cost: Cost;
  /** A row a token: columns token, id, probability_before, probability_after, logit_before, logit_after, change, rank_before, rank_after */
  table: Table;
  /** Probabilities before and after */
  figure?: Figure;
}

/** Put each activation of a clean text into a corrupt one: which carry the answer?: POST /api/patch */
export interface PatchRequest {
  /** The text whose answer is the target */
  clean: string | number[];
  /** As many tokens, with the other answer */
  corrupt: string | number[];
  /** The clean answer */
  target: string | number;
  /** The corrupt answer */
  against: string | number;
  /** Points of every block */
  sites?: string[];
  /** Also z of every head */
  heads?: boolean;
  /** Estimate every patch from one gradient (attribution patching) */
  approximate?: boolean;
  /** Only z of every head */
  heads_only?: boolean;
}

export interface PatchAnswer {
  /** Logit of the target minus that of the other answer, of the clean text */
  clean: number;
  /** The same of the corrupt text */
  corrupt: number;
  /** What the runs shared and computed */
  cost: Cost;
  /** grid: A row a patch: columns site, block, position, token, difference, restored (1: the answer is back); heads: The same of z of each head: columns block, head, difference, restored */
  tables: { grid: Table; heads: Table; };
  /** Blocks by positions for each site, and blocks by heads */
  figure?: Figure;
}

/** The real patches and the estimates, and how they agree: POST /api/patch_agreement */
export interface PatchAgreementRequest {
  /** The text whose answer is the target */
  clean: string | number[];
  /** As many tokens, with the other answer */
  corrupt: string | number[];
  /** The clean answer */
  target: string | number;
  /** The corrupt answer */
  against: string | number;
  /** Points of every block */
  sites?: string[];
  /** Also z of every head */
  heads?: boolean;
  /** Only z of every head */
  heads_only?: boolean;
}

export interface PatchAgreementAnswer {
  /** patches: Columns site, block, head, position, restored, estimated; sites: Columns site, patches, correlation (Pearson's), largest error (of restored) */
  tables: { patches: Table; sites: Table; };
  /** A dot a patch, the estimate against the real one */
  figure?: Figure;
}

/** Add a direction from contrasting texts while the model writes: POST /api/steer */
export interface SteerRequest {
  /** The text that is continued */
  text: string | number[];
  /** Where it is added (default: resid_post of the middle block) */
  site?: string;
  /** Texts that have what is added */
  towards?: string[];
  /** Texts that lack it */
  away?: string[];
  /** In place of both: the vector itself */
  direction?: string | number[];
  /** Multiples of the direction */
  strengths?: number[];
  /** Next tokens whose probabilities are asked for */
  targets?: (string | number)[];
  /** How many to write */
  tokens?: number;
  /** 0: always the likeliest */
  temperature?: number;
  /** Of sampling */
  seed?: number;
}

export interface SteerAnswer {
  /** What is added, times the strength */
  direction: any[];
  /** A row a strength: columns strength, one for each target, divergence (KL from strength 0, in nats), top, top_probability, text */
  table: Table;
  /** Probabilities by strength */
  figure?: Figure;
}

/** A vector's way from its token's embedding to the prediction, block by block: POST /api/trace */
export interface TraceRequest {
  /** The text */
  text: string | number[];
  /** Token position; negative counts from the end */
  position?: number;
  /** Tokens listed after each block */
  top?: number;
}

export interface TraceAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token at the position */
  own: Token | null;
  /** The likeliest next token */
  predicted: Token | null;
  /** life: A row a block (-1: the embedding): lengths of the four changes and their cosines with what they meet, length, cosines and ranks of the own and of the predicted token, top; lens: The logit lens after each block: columns block, rank, token, probability */
  tables: { life: Table; lens: Table; };
  /** Lengths, cosines and ranks by block */
  figure?: Figure;
}

/** The path of a vector through the blocks, in a plane: POST /api/trajectory */
export interface TrajectoryRequest {
  /** The text */
  text: string | number[];
  /** Token position; negative counts from the end */
  position?: number;
  /** Two vector expressions that span it (default: the first two principal components of the path) */
  plane?: (string | number[])[];
}

export interface TrajectoryAnswer {
  /** The position, counted from the start */
  position: number;
  /** [blocks + 1, 2]: as it enters block 0, then after each block */
  points: any[];
  /** Of each point */
  sites: string[];
  /** What the two axes are */
  axes: string[];
  /** Columns block (-1: before block 0), x, y, site */
  table: Table;
  /** The points joined in the order of the pass */
  figure?: Figure;
}

/** What the model would say after each block: POST /api/lens */
export interface LensRequest {
  /** The text */
  text: string | number[];
  /** A next token to follow by rank and probability (default: the one predicted last) */
  target?: string | number;
  /** More than 1: the likeliest so many tokens of every cell */
  top?: number;
  /** FIRST:LAST, negative from the end (default: all, on the command line the last 16; a figure draws at most the last 32) */
  positions?: string;
  /** In place of `positions`: the first of them */
  first?: number;
  /** In place of `positions`: the one after the last */
  last?: number;
  /** Edits of the run, applied in order */
  edits?: (string | { at: string; do: string })[];
}

export interface LensAnswer {
  /** The token that is followed */
  target: Token | null;
  /** The first position looked at */
  first: number;
  /** cells: A row a block and position: columns block (-1: the embedding), position, token, top, probability, target_rank, target_probability, target_logit; tops: The likeliest tokens of each cell: columns block, position, rank, token, id, probability */
  tables: { cells: Table; tops: Table; };
  /** Blocks by positions, the likeliest token in each cell */
  figure?: Figure;
}

/** Where the heads of a block look: POST /api/attention */
export interface AttentionRequest {
  /** The text */
  text: string | number[];
  /** The block (default: the one whose heads look least at the text's first token) */
  block?: number;
  /** Heads, separated by commas (default: all) */
  heads?: number[];
}

export interface AttentionAnswer {
  /** The block */
  block: number;
  /** Its heads */
  heads: number[];
  /** The text's tokens */
  labels: string[];
  /** Of each head, a row for each query: its share of attention for each key */
  patterns: any[];
  /** summary: A row a head: columns block, head, entropy (bits), first, previous, itself (shares, means over the queries after the first); every: The same for all blocks that were watched */
  tables: { summary: Table; every: Table; };
  /** Queries by keys, a part a head */
  figure?: Figure;
}

/** What each head, MLP and embedding adds to a token's logit: POST /api/attribute */
export interface AttributeRequest {
  /** The text */
  text: string | number[];
  /** The next token (default: the one predicted at the position) */
  target?: string | number;
  /** Another token: the difference of the two logits is taken apart */
  against?: string | number;
  /** Token position; negative counts from the end */
  position?: number;
  /** Largest parts first */
  sorted?: boolean;
}

export interface AttributeAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token whose logit it is */
  target: Token | null;
  /** The token whose logit is taken away, if any */
  against: Token | null;
  /** Of the run: the target's, less the other token's */
  logit: number;
  /** Of all parts: the logit up to rounding */
  sum: number;
  /** Of the final norm, frozen at the run's own */
  scale: number;
  /** What each part adds, in logits: columns part, block, head, value */
  table: Table;
  /** What each block's attention and MLP add, over the heads of each block */
  figure?: Figure;
}

/** Gradient x activation by block, head and position, in place of what adds up to the logit: POST /api/gradient */
export interface GradientRequest {
  /** The text */
  text: string | number[];
  /** The next token (default: the one predicted at the position) */
  target?: string | number;
  /** Another token: the difference of the two logits is taken apart */
  against?: string | number;
  /** Token position; negative counts from the end */
  position?: number;
  /** Whose gradients; blocks.*.pattern names all of one kind */
  sites?: string[];
  /** Largest parts first */
  sorted?: boolean;
}

export interface GradientAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token whose logit it is */
  target: Token | null;
  /** The token whose logit is taken away, if any */
  against: Token | null;
  /** Of the run: the target's, less the other token's */
  logit: number;
  /** By site, for positions 0 to `position` */
  activations: Record<string, any[]>;
  /** By site, in logits a unit of the vector */
  gradients: Record<string, any[]>;
  /** Columns site, block, head, position, token, value (gradient . activation, in logits) and gradient (its norm) */
  table: Table;
  /** Blocks by positions for each site, and blocks by heads */
  figure?: Figure;
}
