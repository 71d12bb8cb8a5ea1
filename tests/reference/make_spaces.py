#!/usr/bin/env python3
"""Makes tests/data/reference/spaces.safetensors and spaces.json: two related random spaces, and what NumPy, SciPy and
scikit-learn measure of them. Run with numpy, scipy, scikit-learn and safetensors installed; tests read only the
data."""

import json
import pathlib

import numpy as np
import scipy.spatial
import scipy.stats
from safetensors.numpy import save_file
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors

OUT = pathlib.Path(__file__).parent.parent / "data/reference"
rng = np.random.default_rng(5)
N, D = 90, 12

a = (rng.normal(size=(N, D)) * np.linspace(2, 0.2, D) + np.linspace(1.5, -0.5, D)).astype(np.float32)
turn = np.linalg.qr(rng.normal(size=(D, D)))[0]
b = (1.7 * a @ turn + 0.3 * rng.normal(size=(N, D)) + 0.4).astype(np.float32)  # a, turned, with noise
c = (a @ rng.normal(size=(D, 7)) + 0.5 * rng.normal(size=(N, 7))).astype(np.float32)  # another width


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def pair_cosines(x):
    u = unit(x.astype(np.float64))
    return (u @ u.T)[np.triu_indices(len(x), 1)]


def geometry(x):
    x = x.astype(np.float64)
    cosines, centred = pair_cosines(x), pair_cosines(x - x.mean(0))
    values = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    share = np.sqrt(values) / np.sqrt(values).sum()
    n = len(values)
    normalised = np.sqrt(n) * values / np.linalg.norm(values)
    defect = np.linalg.norm(normalised - 1) / np.sqrt(2 * (n - np.sqrt(n)))
    used = (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2
    axes = np.linalg.eigh(x.T @ x)[1].T
    z = np.exp(np.concatenate([axes, -axes]) @ x.T).sum(1)
    near = NearestNeighbors(n_neighbors=6, metric="cosine").fit(x).kneighbors(x, return_distance=False)[:, 1:]
    occurrence = np.bincount(near.ravel(), minlength=len(x))
    u = unit(x)
    parts = np.array([np.mean(np.outer(u[:, k], u[:, k])[np.triu_indices(len(x), 1)]) for k in range(x.shape[1])])
    return {
        "mean cosine": cosines.mean(),
        "mean cosine, mean removed": centred.mean(),
        "positive share": (cosines > 0).mean(),
        "positive share, mean removed": (centred > 0).mean(),
        "mean norm": np.linalg.norm(x, axis=1).mean(),
        "norm deviation": np.linalg.norm(x, axis=1).std(),
        "norm of the mean vector": np.linalg.norm(x.mean(0)),
        "share of the mean vector": (x.mean(0) ** 2).sum() / (x**2).sum(1).mean(),
        "variance": values.sum(),
        "share of the first component": values[0] / values.sum(),
        "effective rank": np.exp(-(share * np.log(share)).sum()),
        "participation ratio": values.sum() ** 2 / (values**2).sum(),
        "IsoScore": (n * used - 1) / (n - 1),
        "partition isotropy": z.min() / z.max(),
        "hubness": scipy.stats.skew(occurrence),
        "largest hub": int(occurrence.max()),
        "antihubs": (occurrence == 0).mean(),
        "largest cosine share": parts.max() / cosines.mean(),
        "eigenvalues": values.tolist(),
        "occurrence": occurrence.tolist(),
        "histogram": np.histogram(cosines, bins=20, range=(-1, 1))[0].tolist(),
        "cosine parts": (parts / cosines.mean()).tolist(),
        "dimension means": x.mean(0).tolist(),
        "dimension deviations": x.std(0).tolist(),
    }


def compare(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    u, v = x - x.mean(0), y - y.mean(0)
    cka = np.linalg.norm(v.T @ u) ** 2 / (np.linalg.norm(u.T @ u) * np.linalg.norm(v.T @ v))
    width = max(x.shape[1], y.shape[1])
    wide = [np.pad(m, ((0, 0), (0, width - m.shape[1]))) for m in (x, y)]
    disparity = scipy.spatial.procrustes(*wide)[2]
    left, _, right = np.linalg.svd(u.T @ v, full_matrices=False)
    aligned = (unit(u @ left @ right) * unit(v)).sum(1)
    cosines = pair_cosines(x), pair_cosines(y)
    near = [
        NearestNeighbors(n_neighbors=11, metric="cosine").fit(m).kneighbors(m, return_distance=False)[:, 1:]
        for m in (x, y)
    ]
    kept = [len(set(p) & set(q)) / 10 for p, q in zip(*near)]
    return {
        "linear CKA": cka,
        "Procrustes disparity": disparity,
        "Procrustes similarity": np.sqrt(1 - disparity),
        "RSA (Spearman)": scipy.stats.spearmanr(*cosines)[0],
        "RSA (Pearson)": scipy.stats.pearsonr(*cosines)[0],
        "neighbours kept": np.mean(kept),
        "own cosine, aligned": aligned.mean(),
        "aligned": aligned.tolist(),
        "kept": kept,
    }


def undertrained(x, unused):
    x = x.astype(np.float64)
    mean = x[unused].mean(0)
    return (1 - (x @ mean) / np.maximum(1e-6, np.linalg.norm(x, axis=1) * np.linalg.norm(mean))).tolist()


groups = np.repeat(np.arange(6), 15)
ties = rng.integers(0, 6, (2, 40))
save_file({"a": a, "b": b, "c": c}, OUT / "spaces.safetensors")
(OUT / "spaces.json").write_text(
    json.dumps(
        {
            "a": geometry(a),
            "b": geometry(b),
            "a and b": compare(a, b),
            "a and c": compare(a, c),
            "undertrained": undertrained(a, [3, 5, 8]),
            "silhouette": silhouette_samples(a.astype(np.float64), groups, metric="cosine").tolist(),
            "x": ties[0].tolist(),
            "y": ties[1].tolist(),
            "spearman": scipy.stats.spearmanr(*ties)[0],
        },
        default=float,
    )
    + "\n"
)
