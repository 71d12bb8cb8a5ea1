"""PyTorch: blocks of 1,024 unit vectors against all, the largest ten of each."""

import models
from measure import arguments, measure

K, BLOCK = 10, 1024

args = arguments()
torch = models.torch()
matrix = torch.from_numpy(models.embedding_matrix(args.model))


def neighbours():
    units = torch.nn.functional.normalize(matrix)
    values, ids = [], []
    for first in range(0, len(units), BLOCK):
        cosines = units[first : first + BLOCK] @ units.T
        cosines[torch.arange(len(cosines)), torch.arange(first, first + len(cosines))] = -2  # not the token itself
        best = cosines.topk(K)
        values.append(best.values)
        ids.append(best.indices)
    return torch.cat(values), torch.cat(ids)


measure(args, 0, neighbours, lambda found: found[0].double().mean(0).tolist())
