"""NumPy: blocks of 2,048 unit vectors against all that follow, mean, positive share and histogram."""
import numpy

import models
from measure import arguments, measure

BINS, BLOCK = 200, 2048

args = arguments()
matrix = models.embedding_matrix(args.model)


def all_pairs():
    units = matrix / numpy.linalg.norm(matrix, axis=1, keepdims=True)
    histogram, total, positive, pairs = numpy.zeros(BINS), 0.0, 0, 0
    for first in range(0, len(units), BLOCK):
        block = units[first:first + BLOCK]
        cosines = block @ units[first:].T
        cosines = cosines[numpy.arange(len(units) - first) > numpy.arange(len(block))[:, None]]
        histogram += numpy.histogram(cosines, BINS, (-1, 1))[0]
        total += cosines.sum(dtype=float)
        positive += numpy.count_nonzero(cosines > 0)
        pairs += cosines.size
    return [total / pairs, positive / pairs, *histogram / pairs]


measure(args, 0, all_pairs, list)
