"""NumPy: blocks of 2,048 unit vectors against all that follow, mean, positive share and histogram."""

import models
import numpy
from measure import arguments, measure

BINS, BLOCK = 200, 2048

args = arguments()


def vectors(size):
    """The embedding matrix; of another size, the vectors that embscope.cpp makes up."""
    return (
        models.embedding_matrix(args.model)
        if size == 0
        else numpy.sin(12.9898 * numpy.arange(64.0 * size)).astype("f4").reshape(-1, 64)
    )


def all_pairs(matrix):
    units = matrix / numpy.linalg.norm(matrix, axis=1, keepdims=True)
    histogram, total, positive, pairs = numpy.zeros(BINS), 0.0, 0, 0
    for first in range(0, len(units), BLOCK):
        block = units[first : first + BLOCK]
        cosines = block @ units[first:].T
        cosines = cosines[numpy.arange(len(units) - first) > numpy.arange(len(block))[:, None]]
        histogram += numpy.histogram(cosines, BINS, (-1, 1))[0]
        total += cosines.sum(dtype=float)
        positive += numpy.count_nonzero(cosines > 0)
        pairs += cosines.size
    return [total / pairs, positive / pairs, *histogram / pairs]


for size in args.sizes:
    matrix = vectors(size)
    measure(args, size, lambda: all_pairs(matrix), list)
