"""Projections of any vectors: NumPy arrays, PyTorch tensors, and everything that supports DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core
from .errors import UsageError
from .progress import Progress, shown


def pca(vectors: Any, count: int = 2) -> tuple[np.ndarray, list[float]]:
    """The first principal components of vectors [N, D]: scores [N, count] and each component's share of the variance.

    float32 in row-major order is used without a copy, including PyTorch tensors; other orders (Fortran, slices) are
    copied. Other element types are refused. Signs are fixed such that the score with the largest absolute value is
    positive. Raises RangeError for fewer than two vectors or NaN.
    """
    return _core.pca(_given("pca", vectors), count)


def tsne(
    vectors: Any,
    perplexity: float = 30,
    metric: str = "cosine",
    steps: int = 750,
    exaggerated_steps: int = 250,
    exaggeration: float = 12,
    learning_rate: float = 0,
    seed: int = 1,
    progress: Progress = None,
) -> np.ndarray:
    """t-SNE (van der Maaten & Hinton 2008) of vectors [N, D] -> points [N, 2]. Arrays as in `pca`.

    ``metric`` is "cosine" or "euclidean"; ``learning_rate`` 0 means N / exaggeration, at least 200. The same seed gives
    the same picture, for any number of threads. Raises RangeError for N < 4, a perplexity not below (N - 1) / 3, NaN,
    or a zero vector with metric "cosine".
    """
    cosine = _is_cosine("tsne", metric)
    with shown(progress) as p:
        return _core.tsne(
            _given("tsne", vectors), perplexity, cosine, steps, exaggerated_steps, exaggeration, learning_rate, seed, p
        )


def umap(
    vectors: Any,
    neighbours: int = 15,
    min_dist: float = 0.1,
    metric: str = "cosine",
    epochs: int = 0,
    negatives: int = 5,
    seed: int = 1,
    progress: Progress = None,
) -> np.ndarray:
    """UMAP (McInnes, Healy & Melville 2018) of vectors [N, D] -> points [N, 2], from exact neighbours. Arrays as in
    `pca`.

    ``neighbours`` includes the point itself, as the authors count; ``epochs`` 0 means 500 for up to 10,000 points and
    200 for more. The same seed gives the same picture, for any number of threads. Raises RangeError for fewer points
    than neighbours, NaN, or a zero vector with metric "cosine".
    """
    cosine = _is_cosine("umap", metric)
    with shown(progress) as p:
        return _core.umap(_given("umap", vectors), neighbours, min_dist, cosine, epochs, negatives, seed, p)


def neighbours(
    vectors: Any, k: int = 10, to: Any = None, metric: str = "cosine", centred: bool = False, progress: Progress = None
) -> tuple[np.ndarray, np.ndarray]:
    """The exact k nearest neighbours of every vector [N, D]: ids int32 [N, k], nearest first, and their cosines,
    distances or products float32 [N, k]. With `to`, a vector [D]: the k nearest neighbours of that vector, [k] and [k].

    ``metric`` is "cosine", "euclidean" or "dot"; `centred` removes the mean of all vectors first. The matrix of pairs
    is never stored. Arrays as in `pca`. With the cosine, a vector of zeros is not a neighbour of any vector, and its
    own neighbours are -1 and NaN. Raises RangeError for k outside 1..N-1 (counting vectors that are not zero), NaN, or
    a zero `to` with the cosine.
    """
    with shown(progress) as p:
        ids, values = _core.neighbours(_given("neighbours", vectors), to, k, metric, centred, p)
    return (ids, values) if to is None else (ids[0], values[0])


def _is_cosine(where: str, metric: str) -> bool:
    if metric not in ("cosine", "euclidean"):
        raise UsageError(where, f"metric '{metric}': choose 'cosine' or 'euclidean'")
    return metric == "cosine"


def _given(where: str, vectors: Any) -> Any:
    if vectors is None:
        raise UsageError(where, "a NoneType is not an array: give float32 values from NumPy, or by DLPack")
    return vectors
