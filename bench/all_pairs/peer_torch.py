"""PyTorch: blocks of 2,048 unit vectors against all that follow, mean, positive share and histogram."""

import models
from measure import arguments, measure

BINS, BLOCK = 200, 2048

args = arguments()
torch = models.torch()
matrix = torch.from_numpy(models.embedding_matrix(args.model))


def all_pairs():
    units = torch.nn.functional.normalize(matrix)
    histogram, total, positive, pairs = torch.zeros(BINS, dtype=torch.float64), 0.0, 0, 0
    for first in range(0, len(units), BLOCK):
        block = units[first : first + BLOCK]
        cosines = block @ units[first:].T
        cosines = cosines[torch.arange(len(units) - first) > torch.arange(len(block))[:, None]]
        histogram += torch.histc(cosines, BINS, -1, 1)
        total += float(cosines.sum(dtype=torch.float64))
        positive += int((cosines > 0).sum())
        pairs += cosines.numel()
    return [total / pairs, positive / pairs, *(histogram / pairs).tolist()]


measure(args, 0, all_pairs, list)
