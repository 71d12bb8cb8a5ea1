#!/usr/bin/env python3
"""UMAP of 5,000 vectors held against umap-learn's: the same neighbours, epochs, min_dist and metric; judged by
scikit-learn.

    pip install umap-learn; bench/umap_5000/against_umap_learn.py build/release/embscope MATRIX.npy

MATRIX.npy holds the vectors [N, D], of which the first 5,000 are mapped. Prints trustworthiness and the share of the 10
nearest that are kept, for each map.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

COUNT, K = 5000, 10


def nearest(vectors, metric):
    return NearestNeighbors(n_neighbors=K, metric=metric, algorithm="brute").fit(vectors).kneighbors()[1]


def judged(name, vectors, points, seconds):
    kept = numpy.mean(
        [len(set(a) & set(b)) / K for a, b in zip(nearest(vectors, "cosine"), nearest(points, "euclidean"))]
    )
    trust = trustworthiness(vectors, points, n_neighbors=K, metric="cosine")
    print(
        f"{name:11} neighbours kept (10) {kept:.3f}, trustworthiness {trust:.3f}, processor {seconds:.1f} s", flush=True
    )


def ours(embscope, path, folder):
    points = pathlib.Path(folder) / "points.npy"
    subprocess.run(
        [
            embscope,
            "map",
            "-m",
            path,
            "--tokens",
            "all",
            "--method",
            "umap",
            "--neighbours",
            "15",
            "--min-dist",
            "0.1",
            "--steps",
            "500",
            "--points",
            points,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return numpy.load(points)


def theirs(vectors):
    from umap import UMAP

    return UMAP(n_neighbors=15, min_dist=0.1, n_epochs=500, metric="cosine", random_state=1).fit_transform(vectors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embscope")
    parser.add_argument("matrix")
    options = parser.parse_args()
    vectors = numpy.load(options.matrix, mmap_mode="r")[:COUNT].astype(numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vectors.npy"
        numpy.save(path, vectors)
        for name, made in (
            ("embscope", lambda: ours(options.embscope, path, folder)),
            ("umap-learn", lambda: theirs(vectors)),
        ):
            begin = time.process_time() + children()
            points = made()
            judged(name, vectors, points, time.process_time() + children() - begin)


def children():
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
