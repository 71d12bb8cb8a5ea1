"""Space: labelled vectors of a model, a text, a file (Word2Vec, GloVe, npy, safetensors) or an array, and their
analyses."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _core, projection
from ._ask import asked
from ._catalogue import Looks
from ._words import brief, listed
from .errors import ArgumentError, NotFoundError, UsageError
from .progress import Progress
from .table import Figure, Projected, Result

if TYPE_CHECKING:
    from .model import Model

Spaced = Union["Space", "Model", str, os.PathLike]  # accepted as a space: the object itself, or a name or path


class Space(Looks):
    """N labelled vectors [N, D], read-only. Made by `open_space`, `Model.space`, `Model.text_space`,
    `Model.words_in_context`, or `Space.of`. It may be shared by any number of threads."""

    def __init__(self, core: _core.Space):
        self._core = core
        self._labels: list[str] | None = None

    @classmethod
    def of(cls, vectors: Any, labels: Sequence[str], name: str = "vectors") -> Space:
        """A space of your own vectors [N, D] (arrays as in `pca`; copied) and N labels. Raises ShapeError, RangeError
        for NaN."""
        labels = list(labels)
        wrong = next((i for i, label in enumerate(labels) if not isinstance(label, str)), None)
        if wrong is not None:
            raise ArgumentError(
                "labels",
                f"label {wrong} is {brief(repr(labels[wrong]), 100)}, a {type(labels[wrong]).__name__}; needed: str",
            )
        return cls(_core.space_of_array(name, vectors, labels))

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def labels(self) -> list[str]:
        """N readable names: leading spaces as ␣."""
        if self._labels is None:
            self._labels = self._core.labels
        return self._labels

    @property
    def vectors(self) -> np.ndarray:
        """float32 [N, D], read-only: the engine's own memory, not a copy."""
        return _core.space_vectors(self._core)

    def row(self, word: str) -> int:
        """The row of a word: as written, or else with a leading space or in lower case. Raises NotFoundError."""
        found = self._core.row(word)
        if found is None:
            raise NotFoundError(f"word '{word}'", f"{self.name} has no such word")
        return found

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        return f"Space({brief(self.name, 200)!r}: {len(self):,} vectors of {self.vectors.shape[1]})"

    def _look(self, name: str, values: dict[str, Any], progress: Progress, old: Any = None) -> Any:
        return asked(self._core, name, values, progress, old)

    # Neighbours and maps

    def neighbours(
        self, k: int = 10, metric: str = "cosine", centred: bool = False, progress: Progress = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The exact k nearest neighbours of every vector: ids int32 [N, k] and values float32 [N, k]. See
        `embscope.neighbours`."""
        return projection.neighbours(self.vectors, k, None, metric, centred, progress)

    def pca(self, rows: Sequence[int] | None = None, count: int = 2) -> Projected:
        """Principal components of these rows (None: all): ``points`` [N, count], ``ids``, ``labels``, ``explained``."""
        points, explained = projection.pca(self._rows(rows), count)
        return self._projected(points, rows, "Principal components", explained=explained)

    def tsne(self, rows: Sequence[int] | None = None, progress: Progress = None, **options) -> Projected:
        """A t-SNE map of these rows (None: all): ``points`` [N, 2], ``ids``, ``labels``. Options: see
        `embscope.tsne`."""
        rows = self._directed(rows, options)
        return self._projected(projection.tsne(self._rows(rows), progress=progress, **options), rows, "t-SNE")

    def umap(self, rows: Sequence[int] | None = None, progress: Progress = None, **options) -> Projected:
        """A UMAP map of these rows (None: all): ``points`` [N, 2], ``ids``, ``labels``. Options: see
        `embscope.umap`."""
        rows = self._directed(rows, options)
        return self._projected(projection.umap(self._rows(rows), progress=progress, **options), rows, "UMAP")

    def _directed(self, rows: Sequence[int] | None, options: dict[str, Any]) -> Sequence[int] | None:
        """The rows that a map by cosines can place: without rows of zeros, which a warning names."""
        if options.get("metric", "cosine") != "cosine":
            return rows
        ids = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        zero = ~self.vectors[ids].any(axis=1)
        if not zero.any():
            return rows
        names = listed([self.labels[i] for i in ids[zero]], 5)
        warnings.warn(
            f"{zero.sum():,} of {len(ids):,} vectors are zero, have no direction and are left out: {names}",
            stacklevel=4,
        )
        return ids[~zero].tolist()

    def _rows(self, rows: Sequence[int] | None) -> np.ndarray:
        return self.vectors if rows is None else self.vectors[np.asarray(rows, dtype=np.int64)]

    def _projected(self, points: np.ndarray, rows: Sequence[int] | None, what: str, **more) -> Projected:
        ids = range(len(self)) if rows is None else rows
        return projected(
            points, ids, [self.labels[i] for i in ids], f"{what} of {len(points):,} vectors of {self.name}", **more
        )


def projected(points: np.ndarray, ids: Sequence[int], labels: list[str], title: str, **more) -> Projected:
    draw = lambda r: Figure(_core.figure_map(np.ascontiguousarray(r.points[:, :2]), r.labels, title))
    return Projected({"points": points, "ids": np.array(ids, dtype=np.int32), "labels": labels, **more}, draw)


def open_space(name: str | os.PathLike) -> Space:
    """Opens vectors by content: a model's embedding matrix, Word2Vec (text or binary), GloVe, "VECTORS.npy:LABELS.txt"
    (a matrix and one label per line), "VECTORS.safetensors#TENSOR:LABELS.txt", "vectors.tsv:metadata.tsv"
    (TensorBoard's Projector). Raises NotFoundError, FormatError, UnsupportedError, ShapeError, RangeError (NaN)."""
    return Space(_core.open_space(os.fspath(name)))


def space_of(what: Spaced) -> Space:
    """The Space of `what`: a Space, a Model, a name or a path. Raises as `open_space`, and UsageError for anything
    else."""
    if isinstance(what, Space):
        return what
    if isinstance(what, (str, os.PathLike)):
        return open_space(what)
    found = getattr(what, "space", None)
    if not isinstance(found, Space):
        raise UsageError("space", f"a {type(what).__name__} is not a space: give a Space, a Model, a name or a path")
    return found


def compare(
    a: Spaced, b: Spaced, k: int = 10, pairs: int = 200_000, seed: int = 1, progress: Progress = None
) -> Result:
    """Compares two embedding spaces, of equal or different width, over the labels that they share: `Space.compare` of
    two Spaces, Models, names or paths. Raises UsageError if fewer than 3 labels match."""
    return space_of(a).compare(space_of(b), k, pairs, seed, progress)
