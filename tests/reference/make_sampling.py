#!/usr/bin/env python3
"""What transformers' logits processors leave of logits: repetition penalty, temperature, top k, top p and min p, each alone and in the
order of its own generation, for random logits, ties, -inf, choices that keep everything or one token. Needs transformers and
torch. Writes tests/data/reference/sampling.json."""

import itertools
import json
import math
import pathlib

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

TO = pathlib.Path(__file__).resolve().parent.parent / "data/reference/sampling.json"
NONE = -math.inf
generator = torch.Generator().manual_seed(22)


def random(size, scale):
    """Of few bits, so that JSON and fp32 hold them exactly."""
    return [round(x * 64) / 64 for x in (torch.randn(size, generator=generator) * scale).tolist()]


LOGITS = {
    "random": random(24, 2),
    "sharp": random(24, 8),
    "flat": random(24, 0.2),
    "ties": [2.0, 0.5, 2.0, -1.0, 0.5, 2.0, -1.0, 0.5],
    "all equal": [1.5] * 8,
    "few": [0.75, NONE, -2.25, NONE, NONE, 3.5, NONE, -0.5],
    "one": [NONE, NONE, -4.0, NONE],
    "large": [30000.0, 29998.5, 29999.0, -30000.0],
    "single": [0.25],
}
TEXTS = [[], [0], [2, 0, 2, 2], [3, 1, 3]]
CHOICES = {
    "repetition_penalty": [1.0, 1.3, 0.7, 5.0],
    "temperature": [1.0, 0.3, 2.5],
    "top_k": [0, 1, 3, 1000],
    "top_p": [1.0, 0.9, 0.55, 1e-9],
    "min_p": [0.0, 0.1, 1.0],
}
NEUTRAL = {name: values[0] for name, values in CHOICES.items()}


def processors(c):
    """As GenerationMixin._get_logits_processor puts them together with do_sample=True."""
    out = LogitsProcessorList()
    if c["repetition_penalty"] != 1:
        out.append(RepetitionPenaltyLogitsProcessor(c["repetition_penalty"]))
    if c["temperature"] != 1:
        out.append(TemperatureLogitsWarper(c["temperature"]))
    if c["top_k"] != 0:
        out.append(TopKLogitsWarper(c["top_k"]))
    if c["top_p"] < 1:
        out.append(TopPLogitsWarper(c["top_p"]))
    if c["min_p"] > 0:
        out.append(MinPLogitsWarper(c["min_p"]))
    return out


def choices():
    """Each value alone, and all pairs and some of all at once."""
    yield NEUTRAL
    for first, second in itertools.combinations(CHOICES, 2):
        for a, b in itertools.product(CHOICES[first][1:], CHOICES[second][1:]):
            yield {**NEUTRAL, first: a, second: b}
    for name, values in CHOICES.items():
        for value in values[1:]:
            yield {**NEUTRAL, name: value}
    for values in itertools.product([1.3, 0.7], [0.3, 2.5], [3, 1000], [0.9, 0.55], [0.1]):
        yield dict(zip(CHOICES, values))


def main():
    cases = []
    for at, choice in enumerate(choices()):
        for name, logits in LOGITS.items():
            text = TEXTS[at % len(TEXTS)] if choice["repetition_penalty"] != 1 else []
            ids = [i for i in text if i < len(logits)]
            scores = torch.tensor([logits], dtype=torch.float64)
            left = processors(choice)(torch.tensor([ids], dtype=torch.long), scores)
            kept = torch.softmax(left, -1)[0].tolist()
            given = {k: v for k, v in choice.items() if v != NEUTRAL[k]}
            probabilities = [float(f"{p:.9g}") for p in kept]
            cases.append({"logits": name, "text": ids, **given, "probabilities": probabilities})
    logits = {name: [None if x == NONE else x for x in values] for name, values in LOGITS.items()}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    TO.write_text(f'{{"logits": {json.dumps(logits)},\n"cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {TO.stat().st_size} bytes")


main()
