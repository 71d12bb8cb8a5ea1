"""scikit-learn's TSNE with the same options."""

import models
from measure import arguments, measure
from sklearn.manifold import TSNE

args = arguments()
vectors = models.embedding_matrix(args.model)[:100]


def tsne():
    return TSNE(metric="cosine", perplexity=30, init="pca", max_iter=750, random_state=1).fit(vectors)


measure(args, 0, tsne, lambda fitted: [fitted.kl_divergence_])
