#!/usr/bin/env python3
"""Makes tests/data/reference/quants.safetensors: random blocks of every quantised type as bytes, and what gguf's own
dequantisation makes of them."""
import pathlib

import gguf
import numpy as np
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent.parent / "data/reference/quants.safetensors"
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}

rng = np.random.default_rng(3)
arrays = {}
for name, halves in HALVES.items():
    kind = gguf.GGMLQuantizationType[name]
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (6, size), dtype=np.uint8)
    for at in halves:  # scales as finite halves, one of them subnormal, one zero
        scales = np.array([0.01, -0.5, 3e-7, 0.0, 1.25, -2e-3], dtype=np.float16)
        blocks[:, at:at + 2] = scales.view(np.uint8).reshape(6, 2)
    arrays[name] = blocks
    arrays[name + ".values"] = gguf.quants.dequantize(blocks, kind).astype(np.float32).reshape(6, -1)
halves = np.array([0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x7c00, 0x8000, 0x83ff, 0xbc00, 0xfbff, 0xfc00], dtype=np.uint16)
arrays["F16"] = halves.view(np.uint8).reshape(1, -1)
arrays["F16.values"] = halves.view(np.float16).astype(np.float32).reshape(1, -1)
save_file(arrays, OUT)
