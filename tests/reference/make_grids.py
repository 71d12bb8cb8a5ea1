#!/usr/bin/env python3
"""Writes src/tensor/grids.h: the codebooks of ggml's types of one to three bits, as gguf has them. A codebook's rows
are kept as the numbers 0, 1, 2 ... that stand for the values in `grid_map`: two bits each where it has three values,
three where it has eight."""

import pathlib

import gguf.quants
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent.parent / "src/tensor/grids.h"
NAMES = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S")

lines = [
    "// Made by tests/reference/make_grids.py from gguf-py (MIT license): the codebooks of ggml's IQ types, a row a number, the",
    "// first value in its lowest bits. Two bits a value stand for 8, 25, 43 (IQ2) or -1, 0, 1 (IQ1), three for 4, 12 .. 62 (IQ3_XXS)",
    "// or 1, 3 .. 15 (IQ3_S).",
    "#pragma once",
    "",
    "#include <cstdint>",
    "",
    "// clang-format off: rows of numbers",
    "namespace embscope {",
    "",
]
for name in NAMES:
    kind = getattr(gguf.quants, name)
    kind.init_grid()
    values = list(kind.grid_map)
    bits = 2 if len(values) == 3 else 3
    rows = np.vectorize(values.index)(kind.grid.reshape(kind.grid_shape)).astype(np.uint64)
    packed = [sum(int(v) << bits * i for i, v in enumerate(row)) for row in rows]
    lines.append(f"inline constexpr std::uint16_t {name.lower()}_grid[{len(packed)}] = {{")
    line = "   "
    for number in packed:
        if len(line) + len(f" {number},") > 120:
            lines.append(line)
            line = "   "
        line += f" {number},"
    lines += [line, "};", ""]
OUT.write_text("\n".join(lines + ["}  // namespace embscope", ""]))
