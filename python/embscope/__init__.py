"""Embscope: a microscope for the vectors inside language models.

    import embscope
    model = embscope.load("smollm2")
    model.tokens("The capital of Germany is")
    run = model.run("The capital of Germany is", capture=["blocks.*.resid_post"])
    run["blocks.4.resid_post"]        # an array [T, D] over the engine's memory

All computations are in float32, with the interpreter's lock released; Ctrl-C stops them. Results do not depend on the
number of threads: every bit is the same.
"""

from __future__ import annotations

import pathlib

from . import _core
from ._catalogue import families, growth, models, resume, toy, train, train_seeds, train_tokenizer
from ._words import in_words
from .errors import (
    ArgumentError,
    CancelledError,
    EmbscopeError,
    FormatError,
    InputOutputError,
    MissingDependencyError,
    NetworkError,
    NotFoundError,
    RangeError,
    ShapeError,
    UnsupportedError,
    UsageError,
)
from .model import Edit, Handle, Model, Place, Run, Runs, Tokens, load
from .progress import Progress
from .progress import shown as _shown
from .projection import neighbours, pca, tsne, umap
from .space import Space, compare, open_space
from .table import Figure, Projected, Result, Table
from .widget import Map

__version__ = "0.1.0"


def pull(name: str, progress: Progress = None) -> pathlib.Path:
    """Downloads a model ("gpt2", "OWNER/NAME", "OWNER/NAME:Q4_K_M" of a GGUF) from the Hugging Face hub into the cache;
    returns its folder, or the file that another program has downloaded already.

    Resumes an interrupted download; checks size and SHA-256. Raises NetworkError (with the address and what to do),
    InputOutputError, FormatError.
    """
    with _shown(progress) as p:
        return _core.pull(name, p)


def cache_folder() -> pathlib.Path:
    """The folder of downloaded models: $EMBSCOPE_CACHE, or ~/.cache/embscope if it is not set."""
    return _core.cache_folder()


def threads() -> int:
    """The number of threads that the engine uses."""
    return _core.threads()


def set_threads(count: int) -> None:
    """Sets the number of threads for the whole process. Raises RangeError unless 1 <= count <= 1024."""
    _core.set_threads(count)


toy_space = toy

__all__ = [
    "load",
    "Model",
    "Run",
    "Runs",
    "Tokens",
    "Edit",
    "Handle",
    "Place",
    "Space",
    "open_space",
    "compare",
    "train",
    "train_seeds",
    "train_tokenizer",
    "resume",
    "growth",
    "Table",
    "Figure",
    "Result",
    "Projected",
    "Map",
    "pca",
    "tsne",
    "umap",
    "neighbours",
    "toy",
    "toy_space",
    "pull",
    "models",
    "families",
    "cache_folder",
    "threads",
    "set_threads",
    "EmbscopeError",
    "UsageError",
    "NotFoundError",
    "FormatError",
    "UnsupportedError",
    "ShapeError",
    "RangeError",
    "InputOutputError",
    "NetworkError",
    "CancelledError",
    "MissingDependencyError",
    "ArgumentError",
]

in_words(globals(), __all__)
