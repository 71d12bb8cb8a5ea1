#!/usr/bin/env python3
"""Writes tests/data/reference/map.json: neighbours, components, t-SNE's divergence and a map's quality by scikit-learn,
SciPy and openTSNE.

    pip install scikit-learn==1.9.1 openTSNE==1.0.4 scipy numpy; tests/reference/make_map.py
    tests/data/reference/map.json
"""

import json
import sys

import numpy
from openTSNE import TSNE as OpenTSNE
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors

random = numpy.random.default_rng(1)
centres = random.normal(size=(5, 8)) * 3
vectors = (centres[numpy.arange(90) % 5] + random.normal(size=(90, 8))).round(3).astype(numpy.float32)


def neighbours(metric):
    return NearestNeighbors(n_neighbors=6, metric=metric, algorithm="brute").fit(vectors).kneighbors()[1].tolist()


pca = PCA(2, svd_solver="full").fit(vectors)
plane = pca.transform(vectors)
plane *= numpy.sign(plane[numpy.abs(plane).argmax(axis=0), [0, 1]])  # the score of largest size is positive
tsne = {
    metric: TSNE(metric=metric, method="exact", perplexity=12, init="pca", max_iter=750, random_state=1)
    .fit(vectors)
    .kl_divergence_
    for metric in ("cosine", "euclidean")
}
opentsne = {
    metric: OpenTSNE(
        metric=metric,
        perplexity=12,
        neighbors="exact",
        negative_gradient_method="fft",
        initialization="pca",
        early_exaggeration_iter=250,
        n_iter=500,
        random_state=1,
    )
    .fit(vectors)
    .kl_divergence
    for metric in ("cosine", "euclidean")
}

json.dump(
    {
        "vectors": vectors.astype(float).round(3).tolist(),
        "neighbours": {metric: neighbours(metric) for metric in ("cosine", "euclidean")},
        "explained": pca.explained_variance_ratio_.tolist(),
        "components": plane.round(6).tolist(),
        "tsne_divergence": {metric: float(kl) for metric, kl in tsne.items()},
        "opentsne_divergence": {metric: float(kl) for metric, kl in opentsne.items()},
        "trustworthiness": float(trustworthiness(vectors, plane, n_neighbors=10)),
        "rank_correlation": float(spearmanr(pdist(vectors), pdist(plane)).statistic),
    },
    open(sys.argv[1], "w"),
)
