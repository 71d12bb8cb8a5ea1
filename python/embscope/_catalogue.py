"""The analyses of an open model. Made by scripts/reference from src/catalogue: change that, not this file."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy as np

from .progress import Progress
from .table import Result, Table

Text = Union[str, Sequence[int], np.ndarray]  # a text, or its token ids


class Analyses:
    """What can be asked of an open model, and is answered alike by every client."""

    def _ask(self, name: str, values: dict[str, Any], progress: Progress,
             old: Mapping[str, tuple[str, Any]] | None = None) -> Any:
        raise NotImplementedError

    def predict(self, text: Text, k: int = 10, edits: Sequence | str = (),
                targets: Sequence[str | int] | str = (), progress: Progress = None) -> Table:
        """The next tokens after a text.

        text     The text
        k        How many
        edits    Edits of the run, applied in order
        targets  Next tokens whose probabilities are asked for besides

        The answer is a table. The likeliest next tokens: columns rank, token, id, logit, probability. Its ``besides``
        has ``ids`` (the text's tokens), ``labels`` (their labels), ``targets`` (of each token that was asked for: its
        probability, and its rank among all).
        """
        return self._ask("predict", {"text": text, "k": k, "edits": edits, "targets": targets},
                         progress)

    def entropy(self, text: Text, progress: Progress = None) -> Result:
        """How sure the model is of the next token, position by position.

        Entropy is that of the whole distribution of the next token; surprise is -log2 of the probability that the token
        had before it was read (Shannon 1951). Logits are the run's own, bit for bit.

        text  The text

        The answer has:

        mean_entropy   Over the positions, in bits
        mean_surprise  Over the tokens after the first, in bits; 2 to its power is the text's perplexity
        positions      A row a position: columns position, token, entropy (of the next token, in bits), top (the
                       likeliest next token), probability, surprise (bits of the token itself, before which the model
                       has seen the text up to it; null for the first)
        """
        return self._ask("entropy", {"text": text},
                         progress)

    def mix(self, text: Text, replace: str, with_: Sequence[str | int] | str = (),
            targets: Sequence[str | int] | str = (), steps: int = 17, site: str = 'wte',
            vector: str | Sequence[float] | np.ndarray | None = None, edits: Sequence | str = (),
            progress: Progress = None) -> Result:
        """Mix one word's vector with another's, step by step.

        At the token of `replace`: p x what is there + (1 - p) x what is mixed in, for p = 0 ... 1. What the mixtures
        share is computed once.

        text     The text
        replace  The place in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", a
                 position
        with_    The words it is mixed with; the mean of several
        targets  Next tokens whose probabilities are asked for
        steps    Mixtures from p = 0 to p = 1
        site     Any site with a vector for each position, such as blocks.3.resid_pre
        vector   In place of `with`: a vector such as "' king' - ' man' + ' woman'"
        edits    Edits in force in every mixture

        The answer has:

        position             Of the replaced token
        crossings            p at which the first two targets are equally likely
        untouched_equals_p1  The logits at p = 1 are those of the run without a mixture, bit for bit
        replaced             The token at the position
        mixed_in             The tokens mixed in, or the expression
        cost                 What the runs shared and computed
        sweep                A row a mixture: columns p, one for each target, top, top_probability
        """
        return self._ask("mix", {"text": text, "replace": replace, "with": with_, "targets": targets,
                                 "steps": steps, "site": site, "vector": vector, "edits": edits},
                         progress)

    def mix_every_block(self, text: Text, replace: str, with_: Sequence[str | int] | str = (),
                        targets: Sequence[str | int] | str = (), steps: int = 17,
                        vector: str | Sequence[float] | np.ndarray | None = None, edits: Sequence | str = (),
                        progress: Progress = None) -> Result:
        """The mixture at resid_pre of each block in turn: where each one's answer turns.

        text     The text
        replace  The place in the text whose vector is mixed: a word, " cat[2]" (its second occurrence), "#ID", a
                 position
        with_    The words it is mixed with; the mean of several
        targets  Next tokens whose probabilities are asked for
        steps    Mixtures from p = 0 to p = 1
        vector   In place of `with`: a vector expression
        edits    Edits in force in every mixture

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
        """Change an activation and see what the model then says.

        text     The text
        edits    What is changed, in this order
        top      How many of the likeliest, before and after
        targets  Next tokens to list besides the likeliest

        The answer has:

        divergence  KL(after || before) of the next token, in nats
        cost        What the runs shared and computed
        changes     A row a token: columns token, id, probability_before, probability_after, logit_before, logit_after,
                    change, rank_before, rank_after
        """
        return self._ask("edit", {"text": text, "edits": edits, "top": top, "targets": targets},
                         progress, {"follow": ("targets", follow)})

    def patch(self, clean: Text, corrupt: Text, target: str | int, against: str | int,
              sites: Sequence[str] | str = ('resid_pre', 'attn_out', 'mlp_out'), heads: bool = True,
              approximate: bool = False, heads_only: bool = False, progress: Progress = None) -> Result:
        """Put each activation of a clean text into a corrupt one: which carry the answer?

        Activation patching (Meng et al. 2022; Heimersheim & Nanda 2024 for the measure). Each run computes only what
        its patch can change.

        clean        The text whose answer is the target
        corrupt      As many tokens, with the other answer
        target       The clean answer
        against      The corrupt answer
        sites        Points of every block
        heads        Also z of every head
        approximate  Estimate every patch from one gradient (attribution patching)
        heads_only   Only z of every head

        The answer has:

        clean    Logit of the target minus that of the other answer, of the clean text
        corrupt  The same of the corrupt text
        cost     What the runs shared and computed
        grid     A row a patch: columns site, block, position, token, difference, restored (1: the answer is back)
        heads    The same of z of each head: columns block, head, difference, restored
        """
        return self._ask("patch", {"clean": clean, "corrupt": corrupt, "target": target, "against": against,
                                   "sites": sites, "heads": heads, "approximate": approximate,
                                   "heads_only": heads_only},
                         progress)

    def patch_agreement(self, clean: Text, corrupt: Text, target: str | int, against: str | int,
                        sites: Sequence[str] | str = ('resid_pre', 'attn_out', 'mlp_out'), heads: bool = True,
                        heads_only: bool = False, progress: Progress = None) -> Result:
        """The real patches and the estimates, and how they agree.

        clean       The text whose answer is the target
        corrupt     As many tokens, with the other answer
        target      The clean answer
        against     The corrupt answer
        sites       Points of every block
        heads       Also z of every head
        heads_only  Only z of every head

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

        The direction is given, or the mean over the texts `towards` minus that over `away`, at their last tokens, added
        at every position (Turner et al. 2023; Rimsky et al. 2024).

        text         The text that is continued
        site         Where it is added (default: resid_post of the middle block)
        towards      Texts that have what is added
        away         Texts that lack it
        direction    In place of both: the vector itself
        strengths    Multiples of the direction
        targets      Next tokens whose probabilities are asked for
        tokens       How many to write
        temperature  0: always the likeliest
        seed         Of sampling

        The answer has:

        direction  What is added, times the strength
        runs       A row a strength: columns strength, one for each target, divergence (KL from strength 0, in nats),
                   top, top_probability, text
        """
        return self._ask("steer", {"text": text, "site": site, "towards": towards, "away": away,
                                   "direction": direction, "strengths": strengths, "targets": targets,
                                   "tokens": tokens, "temperature": temperature, "seed": seed},
                         progress, {"at": ("site", at)})

    def trace(self, text: Text, position: int = -1, top: int = 5, progress: Progress = None) -> Result:
        """A vector's way from its token's embedding to the prediction, block by block.

        text      The text
        position  Token position; negative counts from the end
        top       Tokens listed after each block

        The answer has:

        position   The position, counted from the start
        own        The token at the position
        predicted  The likeliest next token
        life       A row a block (-1: the embedding): lengths of the four changes and their cosines with what they meet,
                   length, cosines and ranks of the own and of the predicted token, top
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
        plane     Two vector expressions that span it (default: the first two principal components of the path)

        The answer has:

        position  The position, counted from the start
        points    [blocks + 1, 2]: as it enters block 0, then after each block
        sites     Of each point
        axes      What the two axes are
        path      Columns block (-1: before block 0), x, y, site
        """
        return self._ask("trajectory", {"text": text, "position": position, "plane": plane},
                         progress, {"axes": ("plane", axes)})

    def lens(self, text: Text, target: str | int | None = None, top: int = 1, positions: str | None = None,
             first: int | None = None, last: int | None = None, edits: Sequence | str = (),
             progress: Progress = None) -> Result:
        """What the model would say after each block.

        The logit lens (nostalgebraist 2020) at every block and position. The norm is recomputed for every vector; the
        rows of the last block are the run's own logits, bit for bit.

        text       The text
        target     A next token to follow by rank and probability (default: the one predicted last)
        top        More than 1: the likeliest so many tokens of every cell
        positions  FIRST:LAST, negative from the end (default: all, on the command line the last 16; a figure draws at
                   most the last 32)
        first      In place of `positions`: the first of them
        last       In place of `positions`: the one after the last
        edits      Edits of the run, applied in order

        The answer has:

        target  The token that is followed
        first   The first position looked at
        cells   A row a block and position: columns block (-1: the embedding), position, token, top, probability,
                target_rank, target_probability, target_logit
        tops    The likeliest tokens of each cell: columns block, position, rank, token, id, probability
        """
        return self._ask("lens", {"text": text, "target": target, "top": top, "positions": positions,
                                  "first": first, "last": last, "edits": edits},
                         progress)

    def attention(self, text: Text, block: int | None = None, heads: Sequence[int] = (),
                  progress: Progress = None) -> Result:
        """Where the heads of a block look.

        text   The text
        block  The block (default: the one whose heads look least at the text's first token)
        heads  Heads, separated by commas (default: all)

        The answer has:

        block     The block
        heads     Its heads
        labels    The text's tokens
        patterns  Of each head, a row for each query: its share of attention for each key
        summary   A row a head: columns block, head, entropy (bits), first, previous, itself (shares, means over the
                  queries after the first)
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
        against   Another token: the difference of the two logits is taken apart
        position  Token position; negative counts from the end
        sorted    Largest parts first

        The answer has:

        position  The position, counted from the start
        target    The token whose logit it is
        against   The token whose logit is taken away, if any
        logit     Of the run: the target's, less the other token's
        sum       Of all parts: the logit up to rounding
        scale     Of the final norm, frozen at the run's own
        parts     What each part adds, in logits: columns part, block, head, value
        """
        return self._ask("attribute", {"text": text, "target": target, "against": against, "position": position,
                                       "sorted": sorted},
                         progress)

    def gradient(self, text: Text, target: str | int | None = None, against: str | int | None = None,
                 position: int = -1, sites: Sequence[str] | str = ('z', 'mlp_out', 'wte'), sorted: bool = False,
                 progress: Progress = None) -> Result:
        """Gradient x activation by block, head and position, in place of what adds up to the logit.

        How a logit answers to every vector on its way, from one run forward and one backward (Simonyan et al. 2014;
        Nanda 2023). A gradient is what an edit "add" there changes, to first order; a part's value is what would be
        lost, to first order, if the vector were not there. Positions after `position` cannot matter and are left out.

        text      The text
        target    The next token (default: the one predicted at the position)
        against   Another token: the difference of the two logits is taken apart
        position  Token position; negative counts from the end
        sites     Whose gradients; blocks.*.pattern names all of one kind
        sorted    Largest parts first

        The answer has:

        position     The position, counted from the start
        target       The token whose logit it is
        against      The token whose logit is taken away, if any
        logit        Of the run: the target's, less the other token's
        parts        Columns site, block, head, position, token, value (gradient . activation, in logits) and gradient
                     (its norm)
        activations  By site, for positions 0 to `position`
        gradients    By site, in logits a unit of the vector
        """
        return self._ask("gradient", {"text": text, "target": target, "against": against, "position": position,
                                      "sites": sites, "sorted": sorted},
                         progress)
