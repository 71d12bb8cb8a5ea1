#!/usr/bin/env python3
"""A Llama in GGUF whose blocks are random: the size and speed of a real model, without its meaning.

    make_llama.py PATH [--type Q4_K] [--size 1.1B]

The scales are such that activations stay finite. The vocabulary has a token for each byte and unused ones."""

import argparse
import pathlib

import gguf
import numpy

SIZES = {
    "tiny": dict(width=256, blocks=2, heads=4, kv_heads=2, mlp=512, vocab=512),
    "1.1B": dict(width=2048, blocks=22, heads=32, kv_heads=4, mlp=5632, vocab=32000),
    "8B": dict(width=4096, blocks=32, heads=32, kv_heads=8, mlp=14336, vocab=128256),
}
# Where a block's half-precision scales lie, and what its integers are multiplied by beyond them.
HALVES = {
    "Q8_0": ([0], 127),
    "Q4_0": ([0], 8),
    "Q4_1": ([0, 2], 15),
    "Q5_0": ([0], 16),
    "Q5_1": ([0, 2], 31),
    "Q2_K": ([80, 82], 45),
    "Q3_K": ([108], 128),
    "Q4_K": ([0, 2], 900),
    "Q5_K": ([0, 2], 1900),
    "Q6_K": ([208], 4000),
    "IQ4_NL": ([0], 127),
    "IQ4_XS": ([0], 4000),
}


def blocks(rng, kind, rows, columns):
    """Random blocks whose values are of the order of 1 / sqrt(columns)."""
    size = 1 / numpy.sqrt(columns)
    if kind in ("F32", "F16", "BF16"):
        values = rng.standard_normal((rows, columns), dtype=numpy.float32) * numpy.float32(size)
        return gguf.quants.quantize(values, gguf.GGMLQuantizationType[kind])
    elements, length = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    data = rng.integers(0, 256, (rows * columns // elements, length), dtype=numpy.uint8)
    places, largest = HALVES[kind]
    for i, at in enumerate(places):
        scales = (size / largest * (1 + rng.random(len(data)) * (-1 if i else 1))).astype(numpy.float16)
        data[:, at : at + 2] = scales.view(numpy.uint8).reshape(-1, 2)
    return data.reshape(rows, -1)


def write_vocabulary(writer, vocab):
    """Of SentencePiece's kind: three control tokens, the bytes, the space mark and letters, then unused ones."""
    tokens = (
        ["<unk>", "<s>", "</s>"]
        + [f"<0x{byte:02X}>" for byte in range(256)]
        + ["\u2581"]
        + [chr(97 + i) for i in range(26)]
    )
    kinds = [2, 3, 3] + [6] * 256 + [1] * 27
    tokens, kinds = tokens[:vocab], kinds[:vocab]
    unused = vocab - len(tokens)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens + [f"<unused{i}>" for i in range(unused)])
    writer.add_token_scores([-float(i) for i in range(vocab)])
    writer.add_token_types(kinds + [5] * unused)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def make(path, kind, sizes, seed=1):
    rng = numpy.random.default_rng(seed)
    d, kv = sizes["width"], sizes["width"] // sizes["heads"] * sizes["kv_heads"]
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    writer.add_context_length(2048)
    writer.add_embedding_length(d)
    writer.add_block_count(sizes["blocks"])
    writer.add_feed_forward_length(sizes["mlp"])
    writer.add_head_count(sizes["heads"])
    writer.add_head_count_kv(sizes["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(sizes["vocab"])
    write_vocabulary(writer, sizes["vocab"])

    def matrix(name, rows, columns):
        writer.add_tensor(name, blocks(rng, kind, rows, columns), raw_dtype=gguf.GGMLQuantizationType[kind])

    def gain(name):
        writer.add_tensor(name, numpy.ones(d, dtype=numpy.float32))

    matrix("token_embd.weight", sizes["vocab"], d)
    for l in range(sizes["blocks"]):
        gain(f"blk.{l}.attn_norm.weight")
        gain(f"blk.{l}.ffn_norm.weight")
        for name, rows, columns in (
            ("attn_q", d, d),
            ("attn_k", kv, d),
            ("attn_v", kv, d),
            ("attn_output", d, d),
            ("ffn_gate", sizes["mlp"], d),
            ("ffn_up", sizes["mlp"], d),
            ("ffn_down", d, sizes["mlp"]),
        ):
            matrix(f"blk.{l}.{name}.weight", rows, columns)
    gain("output_norm.weight")
    matrix("output.weight", sizes["vocab"], d)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--type", default="Q4_K")
    parser.add_argument("--size", choices=SIZES, default="1.1B")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    make(arguments.path, arguments.type, SIZES[arguments.size], arguments.seed)
