#!/usr/bin/env python3
"""Makes tests/data/reference/quants.safetensors: random blocks of every quantised type as bytes, and what gguf's own
dequantisation makes of them (of Q8_K, which it does not read, what ggml's dequantize_row_q8_K does; of F8, what PyTorch
does)."""

import pathlib

import gguf
import numpy as np
import torch
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent.parent / "data/reference/quants.safetensors"
# Where a block has its scales in half precision.
HALVES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ1_S": [0],
    "IQ1_M": [],
    "IQ2_XXS": [0],
    "IQ2_XS": [0],
    "IQ2_S": [0],
    "IQ3_XXS": [0],
    "IQ3_S": [0],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "TQ1_0": [52],
    "TQ2_0": [64],
    "MXFP4": [],
    "NVFP4": [],
    "BF16": [],
}

rng = np.random.default_rng(3)
# finite halves, one of them subnormal, one zero
SCALES = np.array([0.01, -0.5, 3e-7, 0.0, 1.25, -2e-3], dtype=np.float16)


def random_blocks(name):
    elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    blocks = rng.integers(0, 256, (6, size if elements > 1 else 64), dtype=np.uint8)
    for at in HALVES[name]:
        blocks[:, at : at + 2] = SCALES.view(np.uint8).reshape(6, 2)
    if name == "IQ1_M":  # its scale is in the high nibbles of four words
        for i, scale in enumerate(SCALES.view(np.uint16)):
            for part in range(4):
                blocks[i, 49 + 2 * part] = blocks[i, 49 + 2 * part] & 15 | (int(scale) >> 4 * part & 15) << 4
    if name == "MXFP4":
        blocks[:, 0] = [0, 1, 2, 100, 127, 150]
    if name == "NVFP4":
        blocks[:, :4] = rng.permutation(
            np.array([0, 1, 7, 8, 0x3F, 0x7E, 0x7F, 0x80, *range(16, 32)], dtype=np.uint8)
        ).reshape(6, 4)
    if name == "BF16":  # no exponent of infinities
        blocks[:, 1::2] &= 0xBF
    return blocks


arrays = {}
for name in HALVES:
    arrays[name] = random_blocks(name)
    with np.errstate(over="ignore"):
        arrays[name + ".values"] = (
            gguf.quants.dequantize(arrays[name], gguf.GGMLQuantizationType[name]).astype(np.float32).reshape(6, -1)
        )
q8_k = rng.integers(0, 256, (6, 292), dtype=np.uint8)
q8_k[:, :4] = SCALES.astype(np.float32).view(np.uint8).reshape(6, 4)
arrays["Q8_K"] = q8_k
arrays["Q8_K.values"] = q8_k[:, :4].copy().view(np.float32) * q8_k[:, 4:260].view(np.int8).astype(np.float32)
halves = np.array([0, 1, 0x3FF, 0x400, 0x3C00, 0x7BFF, 0x7C00, 0x8000, 0x83FF, 0xBC00, 0xFBFF, 0xFC00], dtype=np.uint16)
arrays["F16"] = halves.view(np.uint8).reshape(1, -1)
arrays["F16.values"] = halves.view(np.float16).astype(np.float32).reshape(1, -1)
for name, dtype in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)):
    arrays[name] = np.arange(256, dtype=np.uint8).reshape(1, -1)
    arrays[name + ".values"] = torch.from_numpy(arrays[name]).view(dtype).float().numpy()
save_file(arrays, OUT)
