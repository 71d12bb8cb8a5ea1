#!/usr/bin/env python3
"""Writes tests/data/reference/layers.json: what NumPy measures of tiny-gpt2's vectors in context, layer by layer, as
transformers computed them (sites-*.safetensors, by make_tiny.py). Run with numpy and safetensors installed; tests read
only the data."""

import json
import pathlib

import numpy as np
from safetensors.numpy import load_file

DATA = pathlib.Path(__file__).parent.parent / "data/reference"
runs = [load_file(DATA / f"tiny-gpt2/sites-{i}.safetensors") for i in range(2)]
ids = np.concatenate(json.loads((DATA / "tiny-gpt2/ids.json").read_text()))
sites = ["blocks.0.resid_pre", *(f"blocks.{b}.resid_post" for b in range(3)), "ln_final"]


def measures(x):
    x = x.astype(np.float64)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = u @ u.T
    pairs = cosines[np.triu_indices(len(x), 1)]
    c = x - x.mean(0)
    c /= np.linalg.norm(c, axis=1, keepdims=True)
    of_token = [
        cosines[np.ix_(at, at)][np.triu_indices(len(at), 1)].mean()
        for at in (np.flatnonzero(ids == i) for i in np.unique(ids))
        if len(at) > 1
    ]
    spread = np.sqrt(np.clip(np.linalg.eigvalsh(np.cov(x.T)), 0, None))
    share = spread[spread > 1e-9 * spread.max()] / spread.sum()
    return {
        "mean_cosine": pairs.mean(),
        "positive_share": (pairs > 0).mean(),
        "centred_cosine": (c @ c.T)[np.triu_indices(len(x), 1)].mean(),
        "self_similarity": np.mean(of_token),
        "mean_norm": np.linalg.norm(x, axis=1).mean(),
        "mean_share": (x.mean(0) ** 2).sum() / (x**2).sum(1).mean(),
        "effective_rank": np.exp(-(share * np.log(share)).sum()),
    }


layers = {site: measures(np.concatenate([run[site] for run in runs])) for site in sites}
(DATA / "layers.json").write_text(json.dumps(layers, indent=1) + "\n")
