"""Training: a small GPT-2 from random weights, and how its embedding vectors form during training."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from . import _core
from .errors import UsageError
from .progress import Progress, shown
from .table import Result, Table, drawn


def train(
    text: str, out: str | os.PathLike, *, source: str | os.PathLike = "", progress: Progress = None, **options: Any
) -> Table:
    """Trains a GPT-2 on a text and writes it to the new folder `out`, which `load` (and transformers) can open at any
    moment.

    Returns the log: columns step, loss, held-out (NaN where not evaluated), learning rate, gradient norm; losses in
    nats. `source`: a GPT-2 to go on from (fine-tuning), with its own tokenizer. Options, with the engine's defaults:

    tokens "characters" ("words", "bytes", or a tokenizer: a folder, a file, "gpt2"), layers 4, heads 4, width 128, context 64
    (tokens of a row), steps 2000, batch 12 (rows), accumulate 1 (batches a step), seed 1, rate 1e-3 and least_rate 1e-4
    (warmed up over warmup 100 steps, then a cosine), decay 0.1, clip 1, dropout 0, held_out 0.1 (share of the text),
    evaluate 100, checkpoint 500, snapshot 100 (steps from one to the next; early snapshots lie closer: see `growth`).

    The same seed gives the same bits. Ctrl-C (KeyboardInterrupt), or a `progress` function that returns False
    (CancelledError), stops after a checkpoint, from which `resume` continues. Raises UsageError for sizes that do not
    match, a text that is too short, a folder that already contains a run, or an option that does not exist; RangeError
    if the loss is no longer finite.
    """
    if not isinstance(text, str):
        raise UsageError(
            "train", f"the text is a {type(text).__name__}, needs a str: pathlib.Path(...).read_text() reads one"
        )
    request = _core.TrainingRequest()
    known = {name for name in dir(request) if not name.startswith("_")} - {"out", "text", "source"}
    for name, value in options.items():
        if name not in known:
            raise UsageError("train", f"no option '{name}': the options are {', '.join(sorted(known))}")
        try:
            setattr(request, name, value)
        except TypeError:
            raise UsageError(
                "train", f"{name}={value!r}: another kind of value is needed, as in {name}={getattr(request, name)!r}"
            ) from None
    request.out, request.text, request.source = pathlib.Path(out), text, os.fspath(source)
    with shown(progress) as p:
        return drawn(_core.train(request, p), _core.figure_training)


def train_tokenizer(text: str, folder: str | os.PathLike, size: int = 2048, progress: Progress = None) -> int:
    """Trains byte-pair encoding (Sennrich et al. 2016) on a text and writes it to `folder`/tokenizer.json, which
    `train(tokens=folder)` and Hugging Face's tokenizers open. Up to `size` tokens: 256 bytes, then merges until no pair
    occurs twice. Returns the number of tokens. Raises UsageError for an empty text or a size below 256."""
    with shown(progress) as p:
        return _core.train_tokenizer(text, size, pathlib.Path(folder), p)


def resume(out: str | os.PathLike, progress: Progress = None) -> Table:
    """Continues the run in a folder from its last checkpoint, with its original options; the result has the same bits
    as without the interruption."""
    with shown(progress) as p:
        return drawn(_core.resume_training(pathlib.Path(out), p), _core.figure_training)


def growth(
    run: str | os.PathLike,
    words: Sequence[str] = (),
    neighbours: int = 5,
    mapped: int = 100,
    method: str = "tsne",
    seed: int = 1,
    progress: Progress = None,
) -> Result:
    """How the embedding vectors of a training run formed, snapshot by snapshot.

    ``shape`` (columns step, norm, norm deviation, mean cosine, positive share, frequency and norm), ``neighbours`` (of
    `words` by step, with cosines; without words, of the most frequent), ``frequency`` (columns token, id, count, norm
    at first, norm at last), ``map`` (columns step, token, x, y of the `mapped` most frequent tokens; each step is
    rotated to match the next one as closely as possible). `method` of the map: "tsne" or "pca". Each table but
    ``neighbours`` has its figure; the result's own is the map with a slider. Raises NotFoundError for a folder without
    snapshots or an unknown word."""
    with shown(progress) as p:
        found = _core.growth(pathlib.Path(run), list(words), neighbours, mapped, method, seed, p)
    figures = {"shape": _core.figure_growth, "frequency": _core.figure_frequency, "map": _core.figure_growth_map}
    return Result(
        {name: drawn(table, figures[name]) if name in figures else table for name, table in found.items()},
        lambda r: r.map.figure(),
    )
