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
  /** Number of next tokens to list */
  k?: number;
  /** Edits of the run, applied in order */
  edits?: (string | { at: string; do: string })[];
  /** Further next tokens whose probabilities are listed */
  targets?: (string | number)[];
}

export interface PredictAnswer {
  /** The text's tokens */
  ids: number[];
  /** Their labels */
  labels: string[];
  /** For each token of `targets`: its probability, and its rank among all tokens */
  targets: Likelihood[];
  /** The most likely next tokens: columns rank, token, id, logit, probability */
  table: Table;
  /** Their probabilities */
  figure?: Figure;
}

/** How certain the model is of the next token, position by position: POST /api/entropy */
export interface EntropyRequest {
  /** The text */
  text: string | number[];
}

export interface EntropyAnswer {
  /** Mean over the positions, in bits */
  mean_entropy: number;
  /** Mean over the tokens after the first, in bits; the perplexity of the text is 2 to this power */
  mean_surprise: number;
  /** One row per position: columns position, token, entropy (of the next token, in bits), top (the most likely next token), probability, surprise (of the token itself given the text before it, in bits; null for the first) */
  table: Table;
  /** Entropy and surprise along the text */
  figure?: Figure;
}

/** Continue a text: POST /api/generate */
export interface GenerateRequest {
  /** The beginning of the text */
  text: string;
  /** Maximum number of new tokens */
  tokens?: number;
  /** Sampling temperature; 0: always the most likely token */
  temperature?: number;
  /** Choose among the k most likely tokens; 0: all */
  top_k?: number;
  /** Choose among the most likely tokens with this total probability */
  top_p?: number;
  /** Seed of the sampling */
  seed?: number;
  /** Edits in force, such as "blocks.4.mlp_out zero"; those without positions apply at every new token too */
  edits?: (string | { at: string; do: string })[];
  /** Leave out what is less probable than this share of the likeliest; 0: nothing */
  min_p?: number;
  /** Logits of tokens that the text has are divided by it, or where below 0 multiplied */
  repetition_penalty?: number;
  /** Texts at which it ends, before them */
  stop?: string[];
  /** Where the context is full, go on with the later half of the text */
  shift?: boolean;
}

export interface GenerateAnswer {
  /** The new text */
  text: string;
  /** Number of new tokens */
  count: number;
  /** Why it ended: "end of text", "stop word", "tokens", "context" (it is full) or "cancelled" */
  ended: string;
  /** The new tokens: columns token, id, probability */
  table: Table;
  /** The probability of each new token */
  figure?: Figure;
}

/** The model's answer in a conversation, written as its chat template has it: POST /api/chat */
export interface ChatRequest {
  /** The conversation so far: {role, content} of each message, the newest last */
  messages: { role: string; content: string }[];
  /** Maximum number of new tokens */
  tokens?: number;
  /** Sampling temperature; 0: always the most likely token */
  temperature?: number;
  /** Choose among the k most likely tokens; 0: all */
  top_k?: number;
  /** Choose among the most likely tokens with this total probability */
  top_p?: number;
  /** Seed of the sampling */
  seed?: number;
  /** Edits in force, such as "blocks.4.mlp_out zero"; those without positions apply at every new token too */
  edits?: (string | { at: string; do: string })[];
  /** Leave out what is less probable than this share of the likeliest; 0: nothing */
  min_p?: number;
  /** Logits of tokens that the text has are divided by it, or where below 0 multiplied */
  repetition_penalty?: number;
  /** Texts at which it ends, before them */
  stop?: string[];
  /** Where the context is full, go on with the later half of the text */
  shift?: boolean;
}

export interface ChatAnswer {
  /** The new text */
  text: string;
  /** Number of new tokens */
  count: number;
  /** Why it ended: "end of text", "stop word", "tokens", "context" (it is full) or "cancelled" */
  ended: string;
  /** The new tokens: columns token, id, probability */
  table: Table;
  /** The probability of each new token */
  figure?: Figure;
}

/** A vector's path from its token's embedding to the prediction, block by block: POST /api/trace */
export interface TraceRequest {
  /** The text */
  text: string | number[];
  /** Token position; negative counts from the end */
  position?: number;
  /** Number of tokens to list after each block */
  top?: number;
}

export interface TraceAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token at the position */
  own: Token | null;
  /** The most likely next token */
  predicted: Token | null;
  /** life: One row per block (-1: the embedding): lengths of the four changes and their cosines with the vector before each change, length, cosines and ranks of the own and of the predicted token, top; lens: The logit lens after each block: columns block, rank, token, probability */
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
  /** Two vector expressions that span the plane (default: the first two principal components of the path) */
  plane?: (string | number[])[];
}

export interface TrajectoryAnswer {
  /** The position, counted from the start */
  position: number;
  /** [blocks + 1, 2]: the vector before block 0, then after each block */
  points: any[];
  /** The site of each point */
  sites: string[];
  /** What the two axes are */
  axes: string[];
  /** Columns block (-1: before block 0), x, y, site */
  table: Table;
  /** The points joined in the order of the pass */
  figure?: Figure;
}

/** What the model would predict after each block: POST /api/lens */
export interface LensRequest {
  /** The text */
  text: string | number[];
  /** A next token whose rank and probability are listed (default: the predicted token at the last position) */
  target?: string | number;
  /** Number of most likely tokens to list for every cell */
  top?: number;
  /** Positions FIRST:LAST; negative numbers count from the end (default: all, on the command line the last 16; a figure draws at most the last 32) */
  positions?: string;
  /** Instead of `positions`: the first position */
  first?: number;
  /** Instead of `positions`: the position after the last */
  last?: number;
  /** Edits of the run, applied in order */
  edits?: (string | { at: string; do: string })[];
}

export interface LensAnswer {
  /** The target token */
  target: Token | null;
  /** The first position of the table */
  first: number;
  /** cells: One row per block and position: columns block (-1: the embedding), position, token, top, probability, target_rank, target_probability, target_logit; tops: The most likely tokens of each cell: columns block, position, rank, token, id, probability */
  tables: { cells: Table; tops: Table; };
  /** Blocks by positions, the most likely token in each cell */
  figure?: Figure;
}

/** The attention patterns of a block's heads: POST /api/attention */
export interface AttentionRequest {
  /** The text */
  text: string | number[];
  /** The block (default: the block whose heads attend least to the text's first token) */
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
  /** For each head a matrix: the attention of each query (row) to each key */
  patterns: any[];
  /** summary: One row per head: columns block, head, entropy (bits), first, previous, itself (shares of attention, means over the queries after the first); every: The same for all blocks that were watched */
  tables: { summary: Table; every: Table; };
  /** Queries by keys, one panel per head */
  figure?: Figure;
}

/** What each head, MLP and embedding adds to a token's logit: POST /api/attribute */
export interface AttributeRequest {
  /** The text */
  text: string | number[];
  /** The next token (default: the one predicted at the position) */
  target?: string | number;
  /** Another token: the difference of the two logits is explained */
  against?: string | number;
  /** Token position; negative counts from the end */
  position?: number;
  /** Sort the parts, the largest first */
  sorted?: boolean;
}

export interface AttributeAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token whose logit is explained */
  target: Token | null;
  /** The token whose logit is subtracted, if any */
  against: Token | null;
  /** The target's logit in the run, minus the other token's if there is one */
  logit: number;
  /** The sum of all parts: the logit up to rounding */
  sum: number;
  /** The scale of the final norm, fixed at its value in the run */
  scale: number;
  /** What each part adds to the logit: columns part, block, head, value */
  table: Table;
  /** What each block's attention and MLP add, over the heads of each block */
  figure?: Figure;
}

/** Gradient x activation by block, head and position, instead of the parts that sum to the logit: POST /api/gradient */
export interface GradientRequest {
  /** The text */
  text: string | number[];
  /** The next token (default: the one predicted at the position) */
  target?: string | number;
  /** Another token: the difference of the two logits is explained */
  against?: string | number;
  /** Token position; negative counts from the end */
  position?: number;
  /** The sites whose gradients are computed; blocks.*.pattern names all sites of one kind */
  sites?: string[];
  /** Sort the parts, the largest first */
  sorted?: boolean;
}

export interface GradientAnswer {
  /** The position, counted from the start */
  position: number;
  /** The token whose logit is explained */
  target: Token | null;
  /** The token whose logit is subtracted, if any */
  against: Token | null;
  /** The target's logit in the run, minus the other token's if there is one */
  logit: number;
  /** The vectors at each site, for positions 0 to `position` */
  activations: Record<string, any[]>;
  /** The gradients at each site, in logits per unit of the vector */
  gradients: Record<string, any[]>;
  /** Columns site, block, head, position, token, value (gradient . activation, in logits) and gradient (its norm) */
  table: Table;
  /** Blocks by positions for each site, and blocks by heads */
  figure?: Figure;
}

/** Mix one word's vector with another's, step by step: POST /api/mix */
export interface MixRequest {
  /** The text */
  text: string | number[];
  /** The token in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", or a position */
  replace: string;
  /** The words to mix in; the mean of several is used */
  with?: (string | number)[];
  /** Next tokens whose probabilities are listed */
  targets?: (string | number)[];
  /** Number of mixtures from p = 0 to p = 1 */
  steps?: number;
  /** The site of the mixture: any site with a vector for each position, such as blocks.3.resid_pre */
  site?: string;
  /** Instead of `with`: a vector such as "' king' - ' man' + ' woman'" */
  vector?: string | number[];
  /** Edits applied in every mixture */
  edits?: (string | { at: string; do: string })[];
}

export interface MixAnswer {
  /** The position of the replaced token */
  position: number;
  /** The values of The values of p at which the first two targets are equally likely */
  crossings: (number | null)[];
  /** The logits at p = 1 are those of the run without a mixture, bit for bit */
  untouched_equals_p1: boolean;
  /** The token at the position */
  replaced: string;
  /** The tokens mixed in, or the expression */
  mixed_in: string;
  /** What the runs shared and computed */
  cost: Cost;
  /** One row per mixture: columns p, one for each target, top, top_probability */
  table: Table;
  /** Probabilities of the targets by p */
  figure?: Figure;
}

/** The mixture at resid_pre of each block in turn, and where the answer changes in each: POST /api/mix_every_block */
export interface MixEveryBlockRequest {
  /** The text */
  text: string | number[];
  /** The token in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", or a position */
  replace: string;
  /** The words to mix in; the mean of several is used */
  with?: (string | number)[];
  /** Next tokens whose probabilities are listed */
  targets?: (string | number)[];
  /** Number of mixtures from p = 0 to p = 1 */
  steps?: number;
  /** Instead of `with`: a vector expression */
  vector?: string | number[];
  /** Edits applied in every mixture */
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
  /** Mixtures by blocks, with the p at which the answer changes in each block */
  figure?: Figure;
}

/** Change activations and compare the next tokens before and after: POST /api/edit */
export interface EditRequest {
  /** The text */
  text: string | number[];
  /** The edits, applied in this order */
  edits?: (string | { at: string; do: string })[];
  /** Number of most likely tokens to list, before and after */
  top?: number;
  /** Next tokens to list in addition to the most likely ones */
  targets?: (string | number)[];
}

export interface EditAnswer {
  /** KL(after || before) of the next token, in nats */
  divergence: number;
  /** What the runs shared and computed */
  cost: Cost;
  /** One row per token: columns token, id, probability_before, probability_after, logit_before, logit_after, change, rank_before, rank_after */
  table: Table;
  /** Probabilities before and after */
  figure?: Figure;
}

/** Patch each activation of a clean text into a corrupt one: which carry the answer?: POST /api/patch */
export interface PatchRequest {
  /** The text whose answer is the target */
  clean: string | number[];
  /** A text of the same number of tokens with the other answer */
  corrupt: string | number[];
  /** The clean answer */
  target: string | number;
  /** The corrupt answer */
  against: string | number;
  /** The sites to patch, in every block */
  sites?: string[];
  /** Also patch z of every head */
  heads?: boolean;
  /** Estimate every patch from one gradient (attribution patching) */
  approximate?: boolean;
  /** Patch only z of every head */
  heads_only?: boolean;
}

export interface PatchAnswer {
  /** The target's logit minus that of the other answer, for the clean text */
  clean: number;
  /** The same for the corrupt text */
  corrupt: number;
  /** What the runs shared and computed */
  cost: Cost;
  /** grid: One row per patch: columns site, block, position, token, difference, restored (1: the clean answer is restored); heads: The same for z of each head: columns block, head, difference, restored */
  tables: { grid: Table; heads: Table; };
  /** Blocks by positions for each site, and blocks by heads */
  figure?: Figure;
}

/** The real patches beside the estimates, and how well they agree: POST /api/patch_agreement */
export interface PatchAgreementRequest {
  /** The text whose answer is the target */
  clean: string | number[];
  /** A text of the same number of tokens with the other answer */
  corrupt: string | number[];
  /** The clean answer */
  target: string | number;
  /** The corrupt answer */
  against: string | number;
  /** The sites to patch, in every block */
  sites?: string[];
  /** Also patch z of every head */
  heads?: boolean;
  /** Patch only z of every head */
  heads_only?: boolean;
}

export interface PatchAgreementAnswer {
  /** patches: Columns site, block, head, position, restored, estimated; sites: Columns site, patches, correlation (Pearson's), largest error (of restored) */
  tables: { patches: Table; sites: Table; };
  /** One dot per patch, the estimate against the real patch */
  figure?: Figure;
}

/** Add a direction from contrasting texts while the model writes: POST /api/steer */
export interface SteerRequest {
  /** The text to continue */
  text: string | number[];
  /** The site where the direction is added (default: resid_post of the middle block) */
  site?: string;
  /** Texts with the property to add */
  towards?: string[];
  /** Texts without this property */
  away?: string[];
  /** Instead of both: the direction as a vector */
  direction?: string | number[];
  /** The strengths, multiples of the direction */
  strengths?: number[];
  /** Next tokens whose probabilities are listed */
  targets?: (string | number)[];
  /** Number of tokens to write */
  tokens?: number;
  /** Sampling temperature; 0: always the most likely token */
  temperature?: number;
  /** Seed of the sampling */
  seed?: number;
}

export interface SteerAnswer {
  /** The direction that is added, times the strength */
  direction: any[];
  /** One row per strength: columns strength, one for each target, divergence (KL from strength 0, in nats), top, top_probability, text */
  table: Table;
  /** Probabilities by strength */
  figure?: Figure;
}

/** The tokens nearest to a word, or to any vector: POST /api/similar */
export interface SimilarRequest {
  /** A word (a leading space counts) */
  word?: string | number;
  /** How many */
  k?: number;
  /** cosine, euclidean or dot */
  metric?: string;
  /** Remove the mean of all vectors first */
  centred?: boolean;
  /** In place of a word, of a model: an expression, or its values */
  vector?: string | number[];
  /** Words that are left out (default: those that the question names) */
  exclude?: (string | number)[];
}

export interface SimilarAnswer {
  /** Columns rank, token, id, and the cosine, distance or product; nearest first */
  table: Table;
  /** Them as bars */
  figure?: Figure;
}

/** The nearest of every token, exact, all at once: POST /api/neighbours */
export interface NeighboursRequest {
  /** How many of each */
  k?: number;
  /** cosine, euclidean or dot */
  metric?: string;
  /** Remove the mean of all vectors first */
  centred?: boolean;
}

export interface NeighboursAnswer {
  /** Rows that fp32 left undecided, which were searched again in double */
  searched_again: number;
  /** The nearest of each row: columns id, token, nearest, nearest_id, and how near */
  table: Table;
}

/** Vectors, value by value, and their cosines: POST /api/vectors */
export interface VectorsRequest {
  /** Words (a leading space counts) */
  words?: (string | number)[];
  /** Beside words, of a model: vectors such as "' king' - ' man' + ' woman'" */
  vectors?: (string | number[])[];
}

export interface VectorsAnswer {
  /** Each as its values */
  vectors: any[];
  /** What each is called */
  labels: string[];
  /** Of each with each */
  cosines: any[];
  /** Their lengths */
  norms: (number | null)[];
  /** vectors: Columns dimension, and one for each; cosines: Columns word, and one for each */
  tables: { vectors: Table; cosines: Table; };
  /** lines: Values by dimension; of two also one against the other; cosines: Of each with each */
  figures?: { lines: Figure; cosines: Figure; };
}

/** Cosine similarity of words, as a matrix: POST /api/cosine */
export interface CosineRequest {
  /** Words (a leading space counts) */
  words?: (string | number)[];
  /** Beside words, of a model: vectors such as "' king' - ' man' + ' woman'" */
  vectors?: (string | number[])[];
}

export interface CosineAnswer {
  /** Columns word, and one for each */
  table: Table;
  /** Of each with each */
  figure?: Figure;
}

/** The word that does not belong: POST /api/odd_one_out */
export interface OddOneOutRequest {
  /** At least three words */
  words: string[];
}

export interface OddOneOutAnswer {
  /** Columns word, cosine (mean, with the others); the odd one first */
  table: Table;
}

/** a is to b as c is to what: one question, or thousands with their baselines: POST /api/analogies */
export interface AnalogiesRequest {
  /** Whether a word in another case, or without its space, is the same word */
  fold?: boolean;
  /** Candidates are the questions' words alone */
  closed?: boolean;
  /** Vectors in context instead: a text with {} in place of the word */
  context?: string;
  /** With `context`: where the vectors are taken */
  site?: string;
}

export interface AnalogiesAnswer {
  /** How many vectors can be answers */
  candidates: number;
  /** How well king - man + woman generalises */
  verdict: string;
  /** Words that are not single rows */
  unknown: string[];
  /** relations: A row a relation and a last one for all: columns relation, questions, known, and shares of the known that are right: add, mul (3CosAdd and 3CosMul, without the question's words), add_raw, mul_raw (with them), nearest_c, nearest_b (baselines), mrr; questions: The known: columns relation, a, b, c, answer, add, add_raw, mul, rank, right */
  tables: { relations: Table; questions: Table; };
  /** Shares by relation and method */
  figure?: Figure;
}

/** a is to b as c is to what: POST /api/analogy */
export interface AnalogyRequest {
  /** The first word */
  a?: string;
  /** What it is to it */
  b?: string;
  /** The third word */
  c?: string;
  /** How many answers */
  k?: number;
}

export interface AnalogyAnswer {
  /** Columns rank, token, id, cosine (with b - a + c), mul, question (1 for a word of the question) */
  table: Table;
  /** Them as bars */
  figure?: Figure;
}

/** Whether words of a kind stand together: fruit apart from vehicles: POST /api/categories */
export interface CategoriesRequest {
  /** The mean of all vectors removed first */
  centred?: boolean;
}

export interface CategoriesAnswer {
  /** Words that are not single rows */
  unknown: string[];
  /** categories: A row a category and a last one for all: columns category, words, known, within, between, silhouette (1 apart, 0 mixed: Rousseeuw 1987), nearest; words: Columns word, category, silhouette, nearest; between: Mean cosine of each category with each: columns category, other, cosine */
  tables: { categories: Table; words: Table; between: Table; };
  /** Categories by categories */
  figure?: Figure;
}

/** Tokens as points in the plane: POST /api/map */
export interface MapRequest {
  /** A range 0:100, ids, or all */
  tokens?: string | number[];
  /** In their place: words */
  words?: (string | number)[];
  /** What the tokens have become there, such as blocks.12.resid_post */
  site?: string;
  /** With `site`: each token stands behind this text */
  after?: string | number[];
  /** tsne, umap or pca */
  method?: string;
  /** t-SNE, UMAP: cosine or euclidean */
  metric?: string;
  /** t-SNE: about how many neighbours count */
  perplexity?: number;
  /** t-SNE: of the attraction in the first third, at most 250 steps */
  exaggeration?: number;
  /** Gradient steps (0: 750) or epochs (0: 500, beyond 10,000 points 200) */
  steps?: number;
  /** t-SNE: ends early when 50 steps lower the divergence by less than this share */
  stall?: number;
  /** UMAP: neighbours of each point */
  neighbours?: number;
  /** UMAP: how near points may lie */
  min_dist?: number;
  /** pca: components, of which the first two are drawn */
  dimensions?: number;
  /** The same seed gives the same picture */
  seed?: number;
  /** Words to place on the finished map, which stays as it is */
  add?: (string | number)[];
  /** In the figure: kind, rank (the id) or norm */
  colour?: string;
  /** Points by which the quality of a large map is judged; 0: all */
  sample?: number;
  /** The quality of each point's neighbourhood, as columns */
  each?: boolean;
}

export interface MapAnswer {
  /** Of the points, those of added words last */
  ids: number[];
  /** [tokens, 2], or as many principal components as were asked for */
  points: any[];
  /** pca: each component's share of the variance */
  explained: (number | null)[];
  /** t-SNE: the Kullback-Leibler divergence */
  loss: number;
  /** t-SNE: the divergence every 50 steps */
  trace: (number | null)[];
  /** Of the ten nearest vectors the share that is among the ten nearest on the map */
  kept: number;
  /** 1 less the penalty for neighbours on the map that are none (Venna & Kaski 2001) */
  trustworthiness: number;
  /** Spearman's, of the distances of pairs */
  rank_correlation: number;
  /** Columns id, token, x, y, and with `each` kept and trustworthiness */
  table: Table;
  /** The map */
  figure?: Figure;
}

/** The shape of a whole vocabulary, or of a text's vectors: POST /api/geometry */
export interface GeometryRequest {
  /** Whether all pairs are measured, which takes long */
  pairs?: boolean;
  /** Neighbours that make a hub; 0 leaves hubs out */
  k?: number;
}

export interface GeometryAnswer {
  /** measures: Columns measure, value, meaning, with the source of each; spectrum: Columns component, variance, share, cumulated; norms: Columns from, to, vectors */
  tables: { measures: Table; spectrum: Table; norms: Table; };
  /** spectrum: Variance by principal axis; norms: Lengths */
  figures?: { spectrum: Figure; norms: Figure; };
}

/** The cosine of all pairs of vectors, none stored: POST /api/pairs */
export interface PairsRequest {
  /** Bars of the histogram */
  bins?: number;
  /** The mean vector removed */
  centred?: boolean;
}

export interface PairsAnswer {
  /** Of the cosine over all pairs */
  mean: number;
  /** Of the pairs, 0 to 1 */
  positive_share: number;
  /** How many */
  pairs: number;
  /** histogram: Columns from, to, pairs; quantiles: Columns quantile, cosine; exact to a bar of the histogram */
  tables: { histogram: Table; quantiles: Table; };
  /** The histogram */
  figure?: Figure;
}

/** How the cosines of all pairs of vectors are distributed: POST /api/quantiles */
export interface QuantilesRequest {
  /** The mean vector removed */
  centred?: boolean;
}

export interface QuantilesAnswer {
  /** Columns quantile, cosine; exact to 0.001 */
  table: Table;
  /** The histogram */
  figure?: Figure;
}

/** Mean and deviation of every dimension over all vectors: the stripes of a heatmap: GET /api/dimensions */
export interface DimensionsRequest {
}

export interface DimensionsAnswer {
  /** Columns dimension, mean, deviation, ratio, cosine_share (of the mean cosine: Timkey & van Schijndel 2021), outlier (Kovaleva et al. 2021); the largest ratio first */
  table: Table;
  /** Means by dimension, the stripes marked */
  figure?: Figure;
}

/** The variance along each principal axis of all vectors: GET /api/spectrum */
export interface SpectrumRequest {
}

export interface SpectrumAnswer {
  /** Columns component, variance, share, cumulated */
  table: Table;
  /** Variance by principal axis */
  figure?: Figure;
}

/** The lengths of all vectors, as a histogram: POST /api/norms */
export interface NormsRequest {
  /** Bars of the histogram */
  bins?: number;
}

export interface NormsAnswer {
  /** Columns from, to, vectors */
  table: Table;
  /** The histogram */
  figure?: Figure;
}

/** How often each vector is among the nearest of others: POST /api/hubs */
export interface HubsRequest {
  /** Neighbours that count */
  k?: number;
}

export interface HubsAnswer {
  /** Columns rank, token, id, occurrence; the largest first */
  table: Table;
  /** The forty largest */
  figure?: Figure;
}

/** Tokens that hardly occurred in training: POST /api/undertrained */
export interface UndertrainedRequest {
  /** Rows known to be unused, such as 0:17 (default: bytes that UTF-8 never has, and rows beyond the tokenizer's) */
  unused?: string | number[];
}

export interface UndertrainedAnswer {
  /** Which rows are known to be unused */
  reference: string;
  /** Of the indicator over all rows */
  mean: number;
  /** Of the indicator over all rows */
  deviation: number;
  /** Columns rank, token, id, indicator, distance, norm; the smallest indicator first */
  table: Table;
  /** All tokens, the lowest named */
  figure?: Figure;
}

/** The shape of a text's vectors in context, layer by layer: POST /api/layer_geometry */
export interface LayerGeometryRequest {
  /** A text; longer ones are cut at the model's context */
  text?: string | number[] | (string | number[])[];
  /** Vectors a layer, from the beginning of the text */
  positions?: number;
  /** Without the first position of each row */
  skip_first?: boolean;
  /** Each line of it is run alone */
  lines?: boolean;
}

export interface LayerGeometryAnswer {
  /** Columns layer (0: what enters block 0; the last is after the final norm), site, vectors, mean_cosine, positive_share, centred_cosine, self_similarity, mean_norm, mean_share, effective_rank, isoscore, top_dimension, cosine_share */
  table: Table;
  /** Cosines, lengths and rank by layer, with the sampling */
  figure?: Figure;
}

/** The entire embedding matrix as a picture, and its stripes: POST /api/heatmap */
export interface HeatmapRequest {
  /** Pixels across, 16 to 20000 */
  pixels?: number;
}

export interface HeatmapAnswer {
  /** The stripes: columns dimension, mean, deviation, ratio (|mean| / deviation), the largest ratio first */
  table: Table;
  /** Tokens across, dimensions down, each pixel the mean of its cells */
  figure?: Figure;
}

/** A space of two dimensions: animals by size and friendliness: GET /api/toy */
export interface ToyRequest {
}

export interface ToyAnswer {
  /** Columns animal, size, friendliness, moved (whether this row is the moved cat) */
  table: Table;
  /** Where each animal stands */
  figure?: Figure;
}

/** Which families of models open, from which form, and what is refused: GET /api/families */
export interface FamiliesRequest {
}

export interface FamiliesAnswer {
  /** opens: What opens: columns family, model_type (of config.json), gguf (its architecture there); refused: What is refused by its name: columns what, model_type */
  tables: { opens: Table; refused: Table; };
}

/** Compare two models, layers or checkpoints: coordinates and relations: POST /api/compare */
export interface CompareRequest {
  /** Another model or file of vectors (with a text: the same model if left out) */
  other?: string;
  /** Number of neighbours whose overlap is measured; 0: none */
  k?: number;
  /** Number of pairs for the correlation of similarities */
  pairs?: number;
  /** Seed of the sample of pairs */
  seed?: number;
}

export interface CompareAnswer {
  /** Number of tokens with the same label in both */
  matched: number;
  /** Number of tokens only in the first */
  only_a: number;
  /** Number of tokens only in the second */
  only_b: number;
  /** Number of tokens left out because a vector is zero */
  zero: number;
  /** measures: Columns measure, value, meaning: linear CKA, Procrustes, RSA, neighbours kept, own cosine before and after alignment, with the source of each; tokens: The tokens, those that moved most first: columns token, a, b, own_cosine, aligned_cosine, kept; pairs: The sampled pairs, up to 5,000: columns a, b (cosines in each) */
  tables: { measures: Table; tokens: Table; pairs: Table; };
  /** The measures, and the pairs' cosines against each other */
  figure?: Figure;
}

/** Compare the vectors of a text at two sites, of one model or of two: POST /api/compare_sites */
export interface CompareSitesRequest {
  /** A text; longer ones are cut at the model's context */
  text?: string | number[] | (string | number[])[];
  /** A site of the first model and one of the second */
  sites?: string[];
  /** Another model (default: the same) */
  other?: string;
  /** Number of neighbours whose overlap is measured; 0: none */
  k?: number;
  /** Number of pairs for the correlation of similarities */
  pairs?: number;
  /** Seed of the sample of pairs */
  seed?: number;
  /** With a text: use at most this many positions */
  positions?: number;
  /** Each line of it is run alone */
  lines?: boolean;
}

export interface CompareSitesAnswer {
  /** Number of tokens with the same label in both */
  matched: number;
  /** Number of tokens only in the first */
  only_a: number;
  /** Number of tokens only in the second */
  only_b: number;
  /** Number of tokens left out because a vector is zero */
  zero: number;
  /** measures: Columns measure, value, meaning: linear CKA, Procrustes, RSA, neighbours kept, own cosine before and after alignment, with the source of each; tokens: The tokens, those that moved most first: columns token, a, b, own_cosine, aligned_cosine, kept; pairs: The sampled pairs, up to 5,000: columns a, b (cosines in each) */
  tables: { measures: Table; tokens: Table; pairs: Table; };
  /** The measures, and the pairs' cosines against each other */
  figure?: Figure;
}

/** Linear CKA of every layer with every layer over a text, of one model or of two: POST /api/layer_similarity */
export interface LayerSimilarityRequest {
  /** A text; longer ones are cut at the model's context */
  text?: string | number[] | (string | number[])[];
  /** Another model (default: the same) */
  other?: string;
  /** Use at most this many positions */
  positions?: number;
  /** Each line of it is run alone */
  lines?: boolean;
}

export interface LayerSimilarityAnswer {
  /** Columns a, b (layers: 0 is the input of block 0), cka */
  table: Table;
  /** CKA by layer of both */
  figure?: Figure;
}

/** How far the weights of a model are from those of the model that it was quantised from: POST /api/quantisation */
export interface QuantisationRequest {
  /** A model that this one was quantised from: how far each matrix is from it */
  reference: string;
  /** With a reference, how many of the rows that are farthest off are listed */
  worst?: number;
}

export interface QuantisationAnswer {
  /** The largest error of a tensor */
  worst: number;
  /** tensors: Columns tensor, shape, type, reference (its type), error (the length of the difference over that of the reference), largest, worst_row, row_error; rows: The rows that are farthest off: columns tensor, row, error, type; differences: How the differences of single weights lie: columns type, from, to, share */
  tables: { tensors: Table; rows: Table; differences: Table; };
  /** Errors by tensor, and the differences by type */
  figure?: Figure;
}
