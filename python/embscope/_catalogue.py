"""The analyses of models and of spaces of vectors. Made by scripts/reference from src/catalogue: change that, not this file."""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

import numpy as np

from ._ask import asked
from .progress import Progress
from .table import Result, Table

Text = Union[str, Sequence[int], np.ndarray]  # a text, or its token ids


def toy(progress: Progress = None) -> Table:
    """A space of two dimensions: animals by size and friendliness.

    The answer is a table. Columns animal, size, friendliness, moved (whether this row is the moved cat).
    """
    return asked(None, "toy", {},
                     progress)

def train(text: str | None = None, out: str | os.PathLike | None = None,
          source: str | os.PathLike | None = None, tokens: str = 'characters', layers: int = 4, heads: int = 4,
          width: int = 128, context: int = 64, steps: int = 2000, batch: int = 12, accumulate: int = 1,
          rate: float = 0.001, least_rate: float = 0.0001, warmup: int = 100, decay: float = 0.1,
          clip: float = 1.0, dropout: float = 0.0, held_out: float = 0.1, evaluate: int = 100,
          checkpoint: int = 500, snapshot: int = 100, toy: bool = False, seed: int = 1,
          progress: Progress = None, *, learning_rate: Any = None) -> Table:
    """Train a GPT-2 on a text, from random weights or an opened model.

    text        Text files, which are joined in this order
    out         The run's folder, which can be opened as a model: embscope -m FOLDER
    source      A GPT-2 to start from (fine-tuning), with its own tokenizer
    tokens      characters, words, bytes, or a tokenizer: gpt2, a folder or a tokenizer.json
    layers      Number of blocks
    heads       Number of attention heads per block
    width       Width of the vectors
    context     Number of tokens per row
    steps       Number of AdamW steps
    batch       Number of rows per batch
    accumulate  Number of batches per step
    rate        Largest learning rate
    least_rate  Learning rate at the end of the cosine schedule
    warmup      Number of steps in which the learning rate rises
    decay       Weight decay of matrices
    clip        Largest norm of the gradient; 0: no limit
    dropout     Share of activations that dropout sets to zero
    held_out    Share of the text that is held out from training
    evaluate    Number of steps between measurements of the held-out loss
    checkpoint  Number of steps between checkpoints
    snapshot    Number of steps between snapshots of the embeddings; early ones are closer
    toy         The text that ships with the program: a toy world in short sentences
    seed        Seed of the first weights and the order of rows

    The answer is a table. Columns step, loss, held-out (NaN where not evaluated), learning rate, gradient norm;
    losses in nats.
    """
    return asked(None, "train", {"text": text, "out": out, "source": source, "tokens": tokens, "layers": layers,
                                 "heads": heads, "width": width, "context": context, "steps": steps,
                                 "batch": batch, "accumulate": accumulate, "rate": rate,
                                 "least_rate": least_rate, "warmup": warmup, "decay": decay, "clip": clip,
                                 "dropout": dropout, "held_out": held_out, "evaluate": evaluate,
                                 "checkpoint": checkpoint, "snapshot": snapshot, "toy": toy, "seed": seed},
                     progress, {"learning_rate": ("rate", learning_rate)})

def resume(out: str | os.PathLike, progress: Progress = None) -> Table:
    """Continue the run in a folder from its last checkpoint, with its original options.

    The result has the same bits as without the interruption.

    out  The run's folder

    The answer is a table. Columns step, loss, held-out (NaN where not evaluated), learning rate, gradient norm;
    losses in nats.
    """
    return asked(None, "resume", {"out": out},
                     progress)

def train_seeds(text: str | None = None, out: str | os.PathLike | None = None,
                source: str | os.PathLike | None = None, tokens: str = 'characters', layers: int = 4,
                heads: int = 4, width: int = 128, context: int = 64, steps: int = 2000, batch: int = 12,
                accumulate: int = 1, rate: float = 0.001, least_rate: float = 0.0001, warmup: int = 100,
                decay: float = 0.1, clip: float = 1.0, dropout: float = 0.0, held_out: float = 0.1,
                evaluate: int = 100, checkpoint: int = 500, snapshot: int = 100, toy: bool = False,
                seeds: Sequence[int] | None = None, progress: Progress = None, *,
                learning_rate: Any = None) -> Result:
    """Train a GPT-2 for each of several seeds, and compare two of them.

    text        Text files, which are joined in this order
    out         The run's folder, which can be opened as a model: embscope -m FOLDER
    source      A GPT-2 to start from (fine-tuning), with its own tokenizer
    tokens      characters, words, bytes, or a tokenizer: gpt2, a folder or a tokenizer.json
    layers      Number of blocks
    heads       Number of attention heads per block
    width       Width of the vectors
    context     Number of tokens per row
    steps       Number of AdamW steps
    batch       Number of rows per batch
    accumulate  Number of batches per step
    rate        Largest learning rate
    least_rate  Learning rate at the end of the cosine schedule
    warmup      Number of steps in which the learning rate rises
    decay       Weight decay of matrices
    clip        Largest norm of the gradient; 0: no limit
    dropout     Share of activations that dropout sets to zero
    held_out    Share of the text that is held out from training
    evaluate    Number of steps between measurements of the held-out loss
    checkpoint  Number of steps between checkpoints
    snapshot    Number of steps between snapshots of the embeddings; early ones are closer
    toy         The text that ships with the program: a toy world in short sentences
    seeds       Several seeds: one model for each, in FOLDER/seed-N

    The answer has:

    seeds  Columns seed, folder, loss, held-out
    log    The logs one after the other, with a column seed
    """
    return asked(None, "train_seeds", {"text": text, "out": out, "source": source, "tokens": tokens,
                                       "layers": layers, "heads": heads, "width": width, "context": context,
                                       "steps": steps, "batch": batch, "accumulate": accumulate, "rate": rate,
                                       "least_rate": least_rate, "warmup": warmup, "decay": decay, "clip": clip,
                                       "dropout": dropout, "held_out": held_out, "evaluate": evaluate,
                                       "checkpoint": checkpoint, "snapshot": snapshot, "toy": toy,
                                       "seeds": seeds},
                     progress, {"learning_rate": ("rate", learning_rate)})

def train_tokenizer(text: str | None = None, folder: str | os.PathLike | None = None, size: int = 2048,
                    progress: Progress = None) -> int:
    """Train byte-pair encoding on a text and write tokenizer.json.

    Sennrich et al. 2016. Up to `size` tokens: 256 bytes, then merges until no pair occurs twice.

    text    Text files, which are joined in this order
    folder  The folder to write tokenizer.json to
    size    Number of tokens: 256 bytes and the merges

    The answer is this: number of tokens.
    """
    return asked(None, "train_tokenizer", {"text": text, "folder": folder, "size": size},
                     progress)

def growth(run: str | os.PathLike, words: Sequence[str] | str = (), neighbours: int = 5, mapped: int = 100,
           method: str = 'tsne', seed: int = 1, progress: Progress = None) -> Result:
    """How the embedding vectors formed during training, snapshot by snapshot.

    run         The folder that embscope train wrote
    words       Words whose neighbours are listed (default: frequent words)
    neighbours  Number of neighbours for each word
    mapped      Number of tokens on the map, the most frequent ones
    method      Method of the map: tsne or pca
    seed        Seed of t-SNE

    The answer has:

    shape       Columns step, norm, norm deviation, mean cosine, positive share, frequency and norm (their
                correlation)
    neighbours  Columns step, word, neighbours: the nearest tokens with their cosines
    frequency   Columns token, id, count, norm at first, norm at last; the most frequent first
    map         Columns step, token, x, y; each step is rotated to match the next one as closely as possible
    """
    return asked(None, "growth", {"run": run, "words": words, "neighbours": neighbours, "mapped": mapped,
                                  "method": method, "seed": seed},
                     progress)

def models(progress: Progress = None) -> Table:
    """The models on this machine, also those of other programs.

    Those of Embscope, the Hugging Face hub, Ollama, LM Studio, llama.cpp, GPT4All and the folders in
    EMBSCOPE_MODELS.

    The answer is a table. Columns model (what opens it), store, size in bytes, family, type, opens (yes, or why
    not), path.
    """
    return asked(None, "models", {},
                     progress)

def families(progress: Progress = None) -> Result:
    """Which families of models open, from which form, and what is refused.

    The answer has:

    opens    What opens: columns family, model_type (of config.json), gguf (its architecture there)
    refused  What is refused by its name: columns what, model_type
    """
    return asked(None, "families", {},
                     progress)


class Looks:
    """What can be asked of a space of vectors, and of a model: of its embedding matrix."""

    def _look(self, name: str, values: dict[str, Any], progress: Progress,
              old: Mapping[str, tuple[str, Any]] | None = None) -> Any:
        raise NotImplementedError

    def similar(self, word: str | int | None = None, k: int = 12, metric: str = 'cosine', centred: bool = False,
                vector: str | Sequence[float] | np.ndarray | None = None,
                exclude: Sequence[str | int] | str = (), progress: Progress = None) -> Table:
        """The tokens nearest to a word, or to any vector.

        word     A word (a leading space counts)
        k        How many
        metric   cosine, euclidean or dot
        centred  Remove the mean of all vectors first
        vector   In place of a word, of a model: an expression, or its values
        exclude  Words that are left out (default: those that the question names)

        The answer is a table. Columns rank, token, id, and the cosine, distance or product; nearest first.
        """
        return self._look("similar", {"word": word, "k": k, "metric": metric, "centred": centred,
                                      "vector": vector, "exclude": exclude},
                         progress)

    def neighbours(self, k: int = 10, metric: str = 'cosine', centred: bool = False,
                   progress: Progress = None) -> Result:
        """The nearest of every token, exact, all at once.

        Of each row its nearest other; rows of zeros have none under cosine.

        k        How many of each
        metric   cosine, euclidean or dot
        centred  Remove the mean of all vectors first

        The answer has:

        searched_again  Rows that fp32 left undecided, which were searched again in double
        table           The nearest of each row: columns id, token, nearest, nearest_id, and how near
        """
        return self._look("neighbours", {"k": k, "metric": metric, "centred": centred},
                         progress)

    def vectors(self, words: Sequence[str | int] | str = (),
                vectors: Sequence[str | Sequence[float] | np.ndarray] = (), progress: Progress = None) -> Table:
        """Vectors, value by value, and their cosines.

        words    Words (a leading space counts)
        vectors  Beside words, of a model: vectors such as "' king' - ' man' + ' woman'"

        The answer is a table. Columns dimension, and one for each. Its ``besides`` has ``vectors`` (each as its
        values), ``labels`` (what each is called), ``cosines`` (of each with each), ``norms`` (their lengths),
        ``cosines`` (columns word, and one for each).
        """
        return self._look("vectors", {"words": words, "vectors": vectors},
                         progress)

    def cosine(self, words: Sequence[str | int] | str = (),
               vectors: Sequence[str | Sequence[float] | np.ndarray] = (), progress: Progress = None) -> Table:
        """Cosine similarity of words, as a matrix.

        words    Words (a leading space counts)
        vectors  Beside words, of a model: vectors such as "' king' - ' man' + ' woman'"

        The answer is a table. Columns word, and one for each.
        """
        return self._look("cosine", {"words": words, "vectors": vectors},
                         progress)

    def odd_one_out(self, words: Sequence[str] | str, progress: Progress = None) -> Table:
        """The word that does not belong.

        words  At least three words

        The answer is a table. Columns word, cosine (mean, with the others); the odd one first.
        """
        return self._look("odd_one_out", {"words": words},
                         progress)

    def analogies(self, file: str | os.PathLike | None = None, fold: bool = True, closed: bool = False,
                  context: str | None = None, site: str = 'ln_final', progress: Progress = None) -> Result:
        """a is to b as c is to what: one question, or thousands with their baselines.

        3CosAdd (Mikolov, Yih & Zweig 2013) and 3CosMul (Levy & Goldberg 2014). Published figures leave the question's
        own words out of the answers; without that, the answer is mostly one of them (Linzen 2016; Rogers, Drozd & Li
        2017).

        file     Questions: Google's format, pairs, a BATS file or folder (default: those that ship)
        fold     Whether a word in another case, or without its space, is the same word
        closed   Candidates are the questions' words alone
        context  Vectors in context instead: a text with {} in place of the word
        site     With `context`: where the vectors are taken

        The answer has:

        candidates  How many vectors can be answers
        verdict     How well king - man + woman generalises
        unknown     Words that are not single rows
        relations   A row a relation and a last one for all: columns relation, questions, known, and shares of the known
                    that are right: add, mul (3CosAdd and 3CosMul, without the question's words), add_raw, mul_raw (with
                    them), nearest_c, nearest_b (baselines), mrr
        questions   The known: columns relation, a, b, c, answer, add, add_raw, mul, rank, right
        """
        return self._look("analogies", {"file": file, "fold": fold, "closed": closed, "context": context,
                                        "site": site},
                         progress)

    def analogy(self, a: str | None = None, b: str | None = None, c: str | None = None, k: int = 10,
                progress: Progress = None) -> Table:
        """a is to b as c is to what.

        a  The first word
        b  What it is to it
        c  The third word
        k  How many answers

        The answer is a table. Columns rank, token, id, cosine (with b - a + c), mul, question (1 for a word of the
        question).
        """
        return self._look("analogy", {"a": a, "b": b, "c": c, "k": k},
                         progress)

    def judgements(self, file: str | os.PathLike, progress: Progress = None) -> Result:
        """Similarity as people judge it, beside the cosine.

        file  WordSim-353, SimLex-999 or lines of two words and a score

        The answer has:

        spearman  Correlation of ranks, of people and of the cosine
        pearson   Correlation of values
        known     Pairs of which both words are single rows
        asked     All pairs
        unknown   Words that are not single rows
        table     The known: columns a, b, people, cosine, people_rank, cosine_rank
        """
        return self._look("judgements", {"file": file},
                         progress)

    def categories(self, file: str | os.PathLike | None = None, centred: bool = False,
                   progress: Progress = None) -> Result:
        """Whether words of a kind stand together: fruit apart from vehicles.

        file     Categories: ': name' lines, then words (default: those that ship)
        centred  The mean of all vectors removed first

        The answer has:

        unknown     Words that are not single rows
        categories  A row a category and a last one for all: columns category, words, known, within, between, silhouette
                    (1 apart, 0 mixed: Rousseeuw 1987), nearest
        words       Columns word, category, silhouette, nearest
        between     Mean cosine of each category with each: columns category, other, cosine
        """
        return self._look("categories", {"file": file, "centred": centred},
                         progress)

    def map(self, tokens: str | Sequence[int] = '0:100', words: Sequence[str | int] | str = (),
            file: str | os.PathLike | None = None, site: str = 'wte', after: Text | None = None,
            method: str = 'tsne', metric: str = 'cosine', perplexity: float = 30.0, exaggeration: float = 12.0,
            steps: int = 0, stall: float = 0.0001, neighbours: int = 15, min_dist: float = 0.1,
            dimensions: int = 2, seed: int = 1, resume: str | os.PathLike | None = None,
            add: Sequence[str | int] | str = (), colour: str = 'kind', sample: int = 1000, each: bool = False,
            progress: Progress = None) -> Result:
        """Tokens as points in the plane.

        tokens        A range 0:100, ids, or all
        words         In their place: words
        file          In their place: a file with a word on each line
        site          What the tokens have become there, such as blocks.12.resid_post
        after         With `site`: each token stands behind this text
        method        tsne, umap or pca
        metric        t-SNE, UMAP: cosine or euclidean
        perplexity    t-SNE: about how many neighbours count
        exaggeration  t-SNE: of the attraction in the first third, at most 250 steps
        steps         Gradient steps (0: 750) or epochs (0: 500, beyond 10,000 points 200)
        stall         t-SNE: ends early when 50 steps lower the divergence by less than this share
        neighbours    UMAP: neighbours of each point
        min_dist      UMAP: how near points may lie
        dimensions    pca: components, of which the first two are drawn
        seed          The same seed gives the same picture
        resume        t-SNE: a file that keeps the state while it works; an interrupted, killed or finished map goes on
                      from it
        add           Words to place on the finished map, which stays as it is
        colour        In the figure: kind, rank (the id) or norm
        sample        Points by which the quality of a large map is judged; 0: all
        each          The quality of each point's neighbourhood, as columns

        The answer has:

        ids               Of the points, those of added words last
        points            [tokens, 2], or as many principal components as were asked for
        explained         pca: each component's share of the variance
        loss              t-SNE: the Kullback-Leibler divergence
        trace             t-SNE: the divergence every 50 steps
        kept              Of the ten nearest vectors the share that is among the ten nearest on the map
        trustworthiness   1 less the penalty for neighbours on the map that are none (Venna & Kaski 2001)
        rank_correlation  Spearman's, of the distances of pairs
        table             Columns id, token, x, y, and with `each` kept and trustworthiness
        """
        return self._look("map", {"tokens": tokens, "words": words, "file": file, "site": site, "after": after,
                                  "method": method, "metric": metric, "perplexity": perplexity,
                                  "exaggeration": exaggeration, "steps": steps, "stall": stall,
                                  "neighbours": neighbours, "min_dist": min_dist, "dimensions": dimensions,
                                  "seed": seed, "resume": resume, "add": add, "colour": colour,
                                  "sample": sample, "each": each},
                         progress)

    def geometry(self, pairs: bool = True, k: int = 10, progress: Progress = None) -> Result:
        """The shape of a whole vocabulary, or of a text's vectors.

        Lengths, the shared mean, cosines of all pairs as they are and about the mean, effective dimensions, hubs.

        pairs  Whether all pairs are measured, which takes long
        k      Neighbours that make a hub; 0 leaves hubs out

        The answer has:

        measures  Columns measure, value, meaning, with the source of each
        spectrum  Columns component, variance, share, cumulated
        norms     Columns from, to, vectors
        """
        return self._look("geometry", {"pairs": pairs, "k": k},
                         progress)

    def pairs(self, bins: int = 40, centred: bool = False, progress: Progress = None) -> Result:
        """The cosine of all pairs of vectors, none stored.

        bins     Bars of the histogram
        centred  The mean vector removed

        The answer has:

        mean            Of the cosine over all pairs
        positive_share  Of the pairs, 0 to 1
        pairs           How many
        histogram       Columns from, to, pairs
        quantiles       Columns quantile, cosine; exact to a bar of the histogram
        """
        return self._look("pairs", {"bins": bins, "centred": centred},
                         progress)

    def quantiles(self, centred: bool = False, progress: Progress = None) -> Table:
        """How the cosines of all pairs of vectors are distributed.

        centred  The mean vector removed

        The answer is a table. Columns quantile, cosine; exact to 0.001.
        """
        return self._look("quantiles", {"centred": centred},
                         progress)

    def dimensions(self, progress: Progress = None) -> Table:
        """Mean and deviation of every dimension over all vectors: the stripes of a heatmap.

        The answer is a table. Columns dimension, mean, deviation, ratio, cosine_share (of the mean cosine: Timkey & van
        Schijndel 2021), outlier (Kovaleva et al. 2021); the largest ratio first.
        """
        return self._look("dimensions", {},
                         progress)

    def spectrum(self, progress: Progress = None) -> Table:
        """The variance along each principal axis of all vectors.

        The answer is a table. Columns component, variance, share, cumulated.
        """
        return self._look("spectrum", {},
                         progress)

    def norms(self, bins: int = 40, progress: Progress = None) -> Table:
        """The lengths of all vectors, as a histogram.

        bins  Bars of the histogram

        The answer is a table. Columns from, to, vectors.
        """
        return self._look("norms", {"bins": bins},
                         progress)

    def hubs(self, k: int = 10, progress: Progress = None) -> Table:
        """How often each vector is among the nearest of others.

        Radovanovic et al. 2010.

        k  Neighbours that count

        The answer is a table. Columns rank, token, id, occurrence; the largest first.
        """
        return self._look("hubs", {"k": k},
                         progress)

    def undertrained(self, unused: str | Sequence[int] | None = None, progress: Progress = None) -> Result:
        """Tokens that hardly occurred in training.

        `indicator` is one minus the cosine with the mean of rows known to be unused (Land & Bartolo 2024), `distance`
        that to the mean of all rows (Rumbelow & Watkins 2023).

        unused  Rows known to be unused, such as 0:17 (default: bytes that UTF-8 never has, and rows beyond the
                tokenizer's)

        The answer has:

        reference  Which rows are known to be unused
        mean       Of the indicator over all rows
        deviation  Of the indicator over all rows
        table      Columns rank, token, id, indicator, distance, norm; the smallest indicator first
        """
        return self._look("undertrained", {"unused": unused},
                         progress)

    def compare(self, other: Any | None = None, k: int = 10, pairs: int = 200000, seed: int = 1,
                progress: Progress = None) -> Result:
        """Compare two models, layers or checkpoints: coordinates and relations.

        other  Another model or file of vectors (with a text: the same model if left out)
        k      Number of neighbours whose overlap is measured; 0: none
        pairs  Number of pairs for the correlation of similarities
        seed   Seed of the sample of pairs

        The answer has:

        measures  Columns measure, value, meaning: linear CKA, Procrustes, RSA, neighbours kept, own cosine before and
                  after alignment, with the source of each
        tokens    The tokens, those that moved most first: columns token, a, b, own_cosine, aligned_cosine, kept
        pairs     The sampled pairs, up to 5,000: columns a, b (cosines in each)
        matched   Number of tokens with the same label in both
        only_a    Number of tokens only in the first
        only_b    Number of tokens only in the second
        zero      Number of tokens left out because a vector is zero
        """
        return self._look("compare", {"other": other, "k": k, "pairs": pairs, "seed": seed},
                         progress)


class Analyses(Looks):
    """What can be asked of an open model, and is answered alike by every client."""

    def _write(self, name: str, values: dict[str, Any],
               on_token: Callable[[int, bytes, float], Any] | None) -> str:
        raise NotImplementedError

    def _ask(self, name: str, values: dict[str, Any], progress: Progress,
             old: Mapping[str, tuple[str, Any]] | None = None) -> Any:
        raise NotImplementedError

    def tour(self, folder: str | os.PathLike | None = None, quick: bool = False, svg: bool = False,
             progress: Progress = None) -> Result:
        """Run the article's experiments on one model and write a report.

        folder  Folder for the report and its figures (default: embscope-tour)
        quick   Leave out the slow parts: the cosines of all pairs of tokens, the text that the model writes, and the
                small model that is trained
        svg     Also write the figures as .svg files (takes a few seconds)

        The answer has:

        report  The page
        drawn   Whether its figures are drawn as .svg too
        table   Columns figure, title: the files in its folder figures
        """
        return self._ask("tour", {"folder": folder, "quick": quick, "svg": svg},
                         progress)

    def predict(self, text: Text, k: int = 10, edits: Sequence | str = (),
                targets: Sequence[str | int] | str = (), progress: Progress = None) -> Table:
        """The next tokens after a text.

        text     The text
        k        Number of next tokens to list
        edits    Edits of the run, applied in order
        targets  Further next tokens whose probabilities are listed

        The answer is a table. The most likely next tokens: columns rank, token, id, logit, probability. Its ``besides``
        has ``ids`` (the text's tokens), ``labels`` (their labels), ``targets`` (for each token of `targets`: its
        probability, and its rank among all tokens).
        """
        return self._ask("predict", {"text": text, "k": k, "edits": edits, "targets": targets},
                         progress)

    def entropy(self, text: Text, progress: Progress = None) -> Result:
        """How certain the model is of the next token, position by position.

        Entropy is the entropy of the whole distribution of the next token; surprise is -log2 of the probability that
        the model gave to the token before reading it (Shannon 1951). The logits are those of the run, bit for bit.

        text  The text

        The answer has:

        mean_entropy   Mean over the positions, in bits
        mean_surprise  Mean over the tokens after the first, in bits; the perplexity of the text is 2 to this power
        table          One row per position: columns position, token, entropy (of the next token, in bits), top (the
                       most likely next token), probability, surprise (of the token itself given the text before it, in
                       bits; null for the first)
        """
        return self._ask("entropy", {"text": text},
                         progress)

    def generate(self, text: str, tokens: int = 40, temperature: float = 0.0, top_k: int = 0,
                 top_p: float = 1.0, seed: int = 1, edits: Sequence | str = (),
                 on_token: Callable[[int, bytes, float], Any] | None = None, min_p: float = 0.0,
                 repetition_penalty: float = 1.0, stop: Sequence[str] | str = (), shift: bool = False) -> str:
        """Continue a text.

        Each token is chosen in this order: the repetition penalty changes the logits; temperature 0 takes the most
        likely token; otherwise temperature, top k, top p, min p, and a draw by the seed.

        text                The beginning of the text
        tokens              Maximum number of new tokens
        temperature         Sampling temperature; 0: always the most likely token
        top_k               Choose among the k most likely tokens; 0: all
        top_p               Choose among the most likely tokens with this total probability
        seed                Seed of the sampling
        edits               Edits in force, such as "blocks.4.mlp_out zero"; those without positions apply at every new
                            token too
        min_p               Leave out what is less probable than this share of the likeliest; 0: nothing
        repetition_penalty  Logits of tokens that the text has are divided by it, or where below 0 multiplied
        stop                Texts at which it ends, before them
        shift               Where the context is full, go on with the later half of the text

        The answer is this: the new text.
        """
        return self._write("generate", {"text": text, "tokens": tokens, "temperature": temperature,
                                        "top_k": top_k, "top_p": top_p, "seed": seed, "edits": edits,
                                        "min_p": min_p, "repetition_penalty": repetition_penalty, "stop": stop,
                                        "shift": shift},
                         on_token)

    def chat(self, messages: str | Sequence[Mapping[str, str]], tokens: int = 512, temperature: float = 0.0,
             top_k: int = 0, top_p: float = 1.0, seed: int = 1, edits: Sequence | str = (),
             on_token: Callable[[int, bytes, float], Any] | None = None, min_p: float = 0.0,
             repetition_penalty: float = 1.0, stop: Sequence[str] | str = (), shift: bool = False) -> str:
        """The model's answer in a conversation, written as its chat template has it.

        Positions of edits count in the conversation. With `shift` the oldest messages but the system's are forgotten
        where they do not fit.

        messages            The conversation so far: {role, content} of each message, the newest last
        tokens              Maximum number of new tokens
        temperature         Sampling temperature; 0: always the most likely token
        top_k               Choose among the k most likely tokens; 0: all
        top_p               Choose among the most likely tokens with this total probability
        seed                Seed of the sampling
        edits               Edits in force, such as "blocks.4.mlp_out zero"; those without positions apply at every new
                            token too
        min_p               Leave out what is less probable than this share of the likeliest; 0: nothing
        repetition_penalty  Logits of tokens that the text has are divided by it, or where below 0 multiplied
        stop                Texts at which it ends, before them
        shift               Where the context is full, go on with the later half of the text

        The answer is this: the new text.
        """
        return self._write("chat", {"messages": messages, "tokens": tokens, "temperature": temperature,
                                    "top_k": top_k, "top_p": top_p, "seed": seed, "edits": edits,
                                    "min_p": min_p, "repetition_penalty": repetition_penalty, "stop": stop,
                                    "shift": shift},
                         on_token)

    def trace(self, text: Text, position: int = -1, top: int = 5, progress: Progress = None) -> Result:
        """A vector's path from its token's embedding to the prediction, block by block.

        text      The text
        position  Token position; negative counts from the end
        top       Number of tokens to list after each block

        The answer has:

        position   The position, counted from the start
        own        The token at the position
        predicted  The most likely next token
        life       One row per block (-1: the embedding): lengths of the four changes and their cosines with the vector
                   before each change, length, cosines and ranks of the own and of the predicted token, top
        lens       The logit lens after each block: columns block, rank, token, probability
        """
        return self._ask("trace", {"text": text, "position": position, "top": top},
                         progress)

    def trajectory(self, text: Text, position: int = -1,
                   plane: Sequence[str | Sequence[float] | np.ndarray] = (), progress: Progress = None, *,
                   axes: Any = None) -> Result:
        """The path of a vector through the blocks, in a plane.

        text      The text
        position  Token position; negative counts from the end
        plane     Two vector expressions that span the plane (default: the first two principal components of the path)

        The answer has:

        position  The position, counted from the start
        points    [blocks + 1, 2]: the vector before block 0, then after each block
        sites     The site of each point
        axes      What the two axes are
        table     Columns block (-1: before block 0), x, y, site
        """
        return self._ask("trajectory", {"text": text, "position": position, "plane": plane},
                         progress, {"axes": ("plane", axes)})

    def lens(self, text: Text, target: str | int | None = None, top: int = 1, positions: str | None = None,
             first: int | None = None, last: int | None = None, edits: Sequence | str = (),
             progress: Progress = None) -> Result:
        """What the model would predict after each block.

        The logit lens (nostalgebraist 2020) at every block and position. The norm is recomputed for every vector; the
        rows of the last block are the logits of the run, bit for bit.

        text       The text
        target     A next token whose rank and probability are listed (default: the predicted token at the last
                   position)
        top        Number of most likely tokens to list for every cell
        positions  Positions FIRST:LAST; negative numbers count from the end (default: all, on the command line the last
                   16; a figure draws at most the last 32)
        first      Instead of `positions`: the first position
        last       Instead of `positions`: the position after the last
        edits      Edits of the run, applied in order

        The answer has:

        target  The target token
        first   The first position of the table
        cells   One row per block and position: columns block (-1: the embedding), position, token, top, probability,
                target_rank, target_probability, target_logit
        tops    The most likely tokens of each cell: columns block, position, rank, token, id, probability
        """
        return self._ask("lens", {"text": text, "target": target, "top": top, "positions": positions,
                                  "first": first, "last": last, "edits": edits},
                         progress)

    def attention(self, text: Text, block: int | None = None, heads: Sequence[int] = (),
                  progress: Progress = None) -> Result:
        """The attention patterns of a block's heads.

        text   The text
        block  The block (default: the block whose heads attend least to the text's first token)
        heads  Heads, separated by commas (default: all)

        The answer has:

        block     The block
        heads     Its heads
        labels    The text's tokens
        patterns  For each head a matrix: the attention of each query (row) to each key
        summary   One row per head: columns block, head, entropy (bits), first, previous, itself (shares of attention,
                  means over the queries after the first)
        every     The same for all blocks that were watched
        """
        return self._ask("attention", {"text": text, "block": block, "heads": heads},
                         progress)

    def attribute(self, text: Text, target: str | int | None = None, against: str | int | None = None,
                  position: int = -1, sorted: bool = False, progress: Progress = None) -> Result:
        """What each head, MLP and embedding adds to a token's logit.

        Direct logit attribution (Elhage et al. 2021).

        text      The text
        target    The next token (default: the one predicted at the position)
        against   Another token: the difference of the two logits is explained
        position  Token position; negative counts from the end
        sorted    Sort the parts, the largest first

        The answer has:

        position  The position, counted from the start
        target    The token whose logit is explained
        against   The token whose logit is subtracted, if any
        logit     The target's logit in the run, minus the other token's if there is one
        sum       The sum of all parts: the logit up to rounding
        scale     The scale of the final norm, fixed at its value in the run
        table     What each part adds to the logit: columns part, block, head, value
        """
        return self._ask("attribute", {"text": text, "target": target, "against": against, "position": position,
                                       "sorted": sorted},
                         progress)

    def gradient(self, text: Text, target: str | int | None = None, against: str | int | None = None,
                 position: int = -1, sites: Sequence[str] | str = ('z', 'mlp_out', 'wte'), sorted: bool = False,
                 progress: Progress = None) -> Result:
        """Gradient x activation by block, head and position, instead of the parts that sum to the logit.

        How a logit responds to every vector, from one forward and one backward pass (Simonyan et al. 2014; Nanda 2023).
        A gradient is the effect of an edit "add" there, to first order; the value of a part is what the logit would
        lose, to first order, without the vector. Positions after `position` have no effect and are left out.

        text      The text
        target    The next token (default: the one predicted at the position)
        against   Another token: the difference of the two logits is explained
        position  Token position; negative counts from the end
        sites     The sites whose gradients are computed; blocks.*.pattern names all sites of one kind
        sorted    Sort the parts, the largest first

        The answer has:

        position     The position, counted from the start
        target       The token whose logit is explained
        against      The token whose logit is subtracted, if any
        logit        The target's logit in the run, minus the other token's if there is one
        table        Columns site, block, head, position, token, value (gradient . activation, in logits) and gradient
                     (its norm)
        activations  The vectors at each site, for positions 0 to `position`
        gradients    The gradients at each site, in logits per unit of the vector
        """
        return self._ask("gradient", {"text": text, "target": target, "against": against, "position": position,
                                      "sites": sites, "sorted": sorted},
                         progress)

    def mix(self, text: Text, replace: str, with_: Sequence[str | int] | str = (),
            targets: Sequence[str | int] | str = (), steps: int = 17, site: str = 'wte',
            vector: str | Sequence[float] | np.ndarray | None = None, edits: Sequence | str = (),
            progress: Progress = None) -> Result:
        """Mix one word's vector with another's, step by step.

        At the token of `replace`: p x its vector + (1 - p) x the vector that is mixed in, for p = 0 ... 1. What the
        mixtures share is computed once.

        text     The text
        replace  The token in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", or a
                 position
        with_    The words to mix in; the mean of several is used
        targets  Next tokens whose probabilities are listed
        steps    Number of mixtures from p = 0 to p = 1
        site     The site of the mixture: any site with a vector for each position, such as blocks.3.resid_pre
        vector   Instead of `with`: a vector such as "' king' - ' man' + ' woman'"
        edits    Edits applied in every mixture

        The answer has:

        position             The position of the replaced token
        crossings            The values of The values of p at which the first two targets are equally likely
        untouched_equals_p1  The logits at p = 1 are those of the run without a mixture, bit for bit
        replaced             The token at the position
        mixed_in             The tokens mixed in, or the expression
        cost                 What the runs shared and computed
        table                One row per mixture: columns p, one for each target, top, top_probability
        """
        return self._ask("mix", {"text": text, "replace": replace, "with": with_, "targets": targets,
                                 "steps": steps, "site": site, "vector": vector, "edits": edits},
                         progress)

    def mix_every_block(self, text: Text, replace: str, with_: Sequence[str | int] | str = (),
                        targets: Sequence[str | int] | str = (), steps: int = 17,
                        vector: str | Sequence[float] | np.ndarray | None = None, edits: Sequence | str = (),
                        progress: Progress = None) -> Result:
        """The mixture at resid_pre of each block in turn, and where the answer changes in each.

        text     The text
        replace  The token in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", or a
                 position
        with_    The words to mix in; the mean of several is used
        targets  Next tokens whose probabilities are listed
        steps    Number of mixtures from p = 0 to p = 1
        vector   Instead of `with`: a vector expression
        edits    Edits applied in every mixture

        The answer has:

        replaced   The token at the position
        mixed_in   The tokens mixed in, or the expression
        cost       What the runs shared and computed
        cells      The sweep of every block: columns block, p, one for each target, top
        crossings  Columns block, p (of the first crossing, null where there is none)
        """
        return self._ask("mix_every_block", {"text": text, "replace": replace, "with": with_,
                                             "targets": targets, "steps": steps, "vector": vector,
                                             "edits": edits},
                         progress)

    def edit(self, text: Text, edits: Sequence | str = (), top: int = 8,
             targets: Sequence[str | int] | str = (), progress: Progress = None, *,
             follow: Any = None) -> Result:
        """Change activations and compare the next tokens before and after.

        text     The text
        edits    The edits, applied in this order
        top      Number of most likely tokens to list, before and after
        targets  Next tokens to list in addition to the most likely ones

        The answer has:

        divergence  KL(after || before) of the next token, in nats
        cost        What the runs shared and computed
        table       One row per token: columns token, id, probability_before, probability_after, logit_before,
                    logit_after, change, rank_before, rank_after
        """
        return self._ask("edit", {"text": text, "edits": edits, "top": top, "targets": targets},
                         progress, {"follow": ("targets", follow)})

    def patch(self, clean: Text, corrupt: Text, target: str | int, against: str | int,
              sites: Sequence[str] | str = ('resid_pre', 'attn_out', 'mlp_out'), heads: bool = True,
              approximate: bool = False, heads_only: bool = False, progress: Progress = None) -> Result:
        """Patch each activation of a clean text into a corrupt one: which carry the answer?

        Activation patching (Meng et al. 2022; Heimersheim & Nanda 2024 for the measure). Each run computes only what
        its patch can change.

        clean        The text whose answer is the target
        corrupt      A text of the same number of tokens with the other answer
        target       The clean answer
        against      The corrupt answer
        sites        The sites to patch, in every block
        heads        Also patch z of every head
        approximate  Estimate every patch from one gradient (attribution patching)
        heads_only   Patch only z of every head

        The answer has:

        clean    The target's logit minus that of the other answer, for the clean text
        corrupt  The same for the corrupt text
        cost     What the runs shared and computed
        grid     One row per patch: columns site, block, position, token, difference, restored (1: the clean answer is
                 restored)
        heads    The same for z of each head: columns block, head, difference, restored
        """
        return self._ask("patch", {"clean": clean, "corrupt": corrupt, "target": target, "against": against,
                                   "sites": sites, "heads": heads, "approximate": approximate,
                                   "heads_only": heads_only},
                         progress)

    def patch_agreement(self, clean: Text, corrupt: Text, target: str | int, against: str | int,
                        sites: Sequence[str] | str = ('resid_pre', 'attn_out', 'mlp_out'), heads: bool = True,
                        heads_only: bool = False, progress: Progress = None) -> Result:
        """The real patches beside the estimates, and how well they agree.

        clean       The text whose answer is the target
        corrupt     A text of the same number of tokens with the other answer
        target      The clean answer
        against     The corrupt answer
        sites       The sites to patch, in every block
        heads       Also patch z of every head
        heads_only  Patch only z of every head

        The answer has:

        patches  Columns site, block, head, position, restored, estimated
        sites    Columns site, patches, correlation (Pearson's), largest error (of restored)
        """
        return self._ask("patch_agreement", {"clean": clean, "corrupt": corrupt, "target": target,
                                             "against": against, "sites": sites, "heads": heads,
                                             "heads_only": heads_only},
                         progress)

    def steer(self, text: Text, site: str | None = None, towards: Sequence[str] | str = (),
              away: Sequence[str] | str = (), direction: str | Sequence[float] | np.ndarray | None = None,
              strengths: Sequence[float] = (-4.0, -2.0, 0.0, 2.0, 4.0), targets: Sequence[str | int] | str = (),
              tokens: int = 40, temperature: float = 0.0, seed: int = 1, progress: Progress = None, *,
              at: Any = None) -> Result:
        """Add a direction from contrasting texts while the model writes.

        The direction is `direction`, or the mean over the texts `towards` minus the mean over `away`, at their last
        tokens; it is added at every position (Turner et al. 2023; Rimsky et al. 2024).

        text         The text to continue
        site         The site where the direction is added (default: resid_post of the middle block)
        towards      Texts with the property to add
        away         Texts without this property
        direction    Instead of both: the direction as a vector
        strengths    The strengths, multiples of the direction
        targets      Next tokens whose probabilities are listed
        tokens       Number of tokens to write
        temperature  Sampling temperature; 0: always the most likely token
        seed         Seed of the sampling

        The answer has:

        direction  The direction that is added, times the strength
        table      One row per strength: columns strength, one for each target, divergence (KL from strength 0, in
                   nats), top, top_probability, text
        """
        return self._ask("steer", {"text": text, "site": site, "towards": towards, "away": away,
                                   "direction": direction, "strengths": strengths, "targets": targets,
                                   "tokens": tokens, "temperature": temperature, "seed": seed},
                         progress, {"at": ("site", at)})

    def layer_geometry(self, text: Text | Sequence[Text] | None = None, positions: int = 2048,
                       skip_first: bool = False, file: str | os.PathLike | None = None, lines: bool = False,
                       progress: Progress = None) -> Table:
        """The shape of a text's vectors in context, layer by layer.

        Ethayarajh 2019.

        text        A text; longer ones are cut at the model's context
        positions   Vectors a layer, from the beginning of the text
        skip_first  Without the first position of each row
        file        In its place: a file's text
        lines       Each line of it is run alone

        The answer is a table. Columns layer (0: what enters block 0; the last is after the final norm), site, vectors,
        mean_cosine, positive_share, centred_cosine, self_similarity, mean_norm, mean_share, effective_rank, isoscore,
        top_dimension, cosine_share.
        """
        return self._ask("layer_geometry", {"text": text, "positions": positions, "skip_first": skip_first,
                                            "file": file, "lines": lines},
                         progress)

    def heatmap(self, pixels: int = 1600, progress: Progress = None) -> Result:
        """The entire embedding matrix as a picture, and its stripes.

        pixels  Pixels across, 16 to 20000

        The answer has:

        table  The stripes: columns dimension, mean, deviation, ratio (|mean| / deviation), the largest ratio first
        """
        return self._look("heatmap", {"pixels": pixels},
                         progress)

    def compare_sites(self, text: Text | Sequence[Text] | None = None, sites: Sequence[str] | str = (),
                      other: Any | None = None, k: int = 10, pairs: int = 200000, seed: int = 1,
                      positions: int = 2048, file: str | os.PathLike | None = None, lines: bool = False,
                      progress: Progress = None) -> Result:
        """Compare the vectors of a text at two sites, of one model or of two.

        text       A text; longer ones are cut at the model's context
        sites      A site of the first model and one of the second
        other      Another model (default: the same)
        k          Number of neighbours whose overlap is measured; 0: none
        pairs      Number of pairs for the correlation of similarities
        seed       Seed of the sample of pairs
        positions  With a text: use at most this many positions
        file       In its place: a file's text
        lines      Each line of it is run alone

        The answer has:

        measures  Columns measure, value, meaning: linear CKA, Procrustes, RSA, neighbours kept, own cosine before and
                  after alignment, with the source of each
        tokens    The tokens, those that moved most first: columns token, a, b, own_cosine, aligned_cosine, kept
        pairs     The sampled pairs, up to 5,000: columns a, b (cosines in each)
        matched   Number of tokens with the same label in both
        only_a    Number of tokens only in the first
        only_b    Number of tokens only in the second
        zero      Number of tokens left out because a vector is zero
        """
        return self._ask("compare_sites", {"text": text, "sites": sites, "other": other, "k": k, "pairs": pairs,
                                           "seed": seed, "positions": positions, "file": file, "lines": lines},
                         progress)

    def layer_similarity(self, text: Text | Sequence[Text] | None = None, other: Any | None = None,
                         positions: int = 2048, file: str | os.PathLike | None = None, lines: bool = False,
                         progress: Progress = None) -> Table:
        """Linear CKA of every layer with every layer over a text, of one model or of two.

        Kornblith et al. 2019. Both models must split the text into rows of the same lengths.

        text       A text; longer ones are cut at the model's context
        other      Another model (default: the same)
        positions  Use at most this many positions
        file       In its place: a file's text
        lines      Each line of it is run alone

        The answer is a table. Columns a, b (layers: 0 is the input of block 0), cka.
        """
        return self._ask("layer_similarity", {"text": text, "other": other, "positions": positions,
                                              "file": file, "lines": lines},
                         progress)

    def verify(self, against: str | os.PathLike, ids: Sequence[int] = (), tolerance: float = 0.001,
               progress: Progress = None) -> Result:
        """Compare every site with what other software computed, or every weight to a reference's.

        against    A file of arrays named like sites, and ids, as written by scripts/activations.py
        ids        The token ids, separated by commas, if the file has none
        tolerance  The largest difference allowed, as a share of a site's largest value

        The answer has:

        table        Columns site, shape, difference (the largest), size (the largest of the reference), ratio of the
                     two, at
        passed_over  Arrays whose names are not sites of this model
        worst        The largest ratio
        passed       Whether it is within the tolerance
        """
        return self._ask("verify", {"against": against, "ids": ids, "tolerance": tolerance},
                         progress)

    def quantisation(self, reference: Any, worst: int = 5, progress: Progress = None) -> Result:
        """How far the weights of a model are from those of the model that it was quantised from.

        reference  A model that this one was quantised from: how far each matrix is from it
        worst      With a reference, how many of the rows that are farthest off are listed

        The answer has:

        tensors      Columns tensor, shape, type, reference (its type), error (the length of the difference over that of
                     the reference), largest, worst_row, row_error
        rows         The rows that are farthest off: columns tensor, row, error, type
        differences  How the differences of single weights lie: columns type, from, to, share
        worst        The largest error of a tensor
        """
        return self._look("quantisation", {"reference": reference, "worst": worst},
                         progress)

    def extract(self, corpus: str | os.PathLike, folder: str | os.PathLike, sites: Sequence[str] | str,
                dtype: str = 'fp32', shard: str | int | None = None, shards: int = 1, part_tokens: int = 32768,
                batch_tokens: int = 1024, field: str = 'text', keep_invalid: bool = False,
                progress: Progress = None) -> Result:
        """Write the activations of a corpus to disk.

        A .safetensors file for each `part_tokens` tokens, and a manifest. The same call again continues an interrupted
        run, and ends with the same bytes.

        corpus        A text file with one document per line, or .jsonl with one object per line
        folder        The output folder: a new one, or that of the same extraction to continue it
        sites         Sites (blocks.*.resid_post names all of them)
        dtype         Element type: fp32, fp16 or bf16
        shard         I/N: process only share I of N of the documents, counted from 0
        shards        N, where I stands alone
        part_tokens   Tokens in one file
        batch_tokens  Tokens in one batch: larger is slightly faster and needs more memory
        field         The key of the text in a .jsonl object
        keep_invalid  Accept bytes that are not UTF-8 unchanged

        The answer has:

        documents      Documents of the shard
        tokens         Tokens of the shard
        parts          Its files
        tokens_before  Tokens that earlier runs had finished
        bytes          Size of its files
        table          The same as one row: columns documents, tokens, files, bytes, tokens_before
        """
        return self._ask("extract", {"corpus": corpus, "folder": folder, "sites": sites, "dtype": dtype,
                                     "shard": shard, "shards": shards, "part_tokens": part_tokens,
                                     "batch_tokens": batch_tokens, "field": field,
                                     "keep_invalid": keep_invalid},
                         progress)
