"""openTSNE: exact neighbours by scikit-learn, FFT-accelerated repulsion, the same start, rates and steps."""

import os

import models
from measure import arguments, measure
from openTSNE import TSNE

args = arguments()
vectors = models.embedding_matrix(args.model)


def tsne():
    return TSNE(
        metric="cosine",
        perplexity=30,
        neighbors="exact",
        negative_gradient_method="fft",
        initialization="pca",
        early_exaggeration_iter=250,
        n_iter=500,
        random_state=1,
        n_jobs=os.cpu_count(),
    ).fit(vectors)


measure(args, 0, tsne, lambda embedding: [float(embedding.kl_divergence)])
