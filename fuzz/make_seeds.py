#!/usr/bin/env python3
"""Writes fuzz/seeds: small valid inputs from which the fuzzers start. Run it after a format or a language has grown."""
import json
import pathlib
import struct

here = pathlib.Path(__file__).resolve().parent
data = here.parent / "tests/data/reference"


def seed(harness, name, content):
    folder = here / "seeds" / harness
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def gguf(keys, tensors):
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for name, kind, value in keys:
        out += text(name) + struct.pack("<I", kind) + value
    for name, sizes, kind, offset in tensors:
        out += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)
    return out + b"\0" * (-len(out) % 32)


def safetensors(header, values):
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + values


def npy(header, values):
    header = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


keys = [("general.alignment", 4, struct.pack("<I", 32)), ("a", 8, text("b")), ("c", 7, b"\1"), ("d", 6, struct.pack("<f", 1)),
        ("e", 9, struct.pack("<IQ", 8, 2) + text("x") + text("y")), ("f", 9, struct.pack("<IQ3i", 5, 3, 1, 2, 3))]
tensors = [("t", (4, 2), 0, 0), ("u", (32, 1), 8, 32)]
seed("archive", "gguf", gguf(keys, tensors) + b"\0" * 96)
seed("archive", "safetensors", safetensors({"__metadata__": {"format": "pt"}, "t": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}, bytes(8)))
seed("archive", "npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", bytes(8)))

byte_level = {"type": "ByteLevel", "add_prefix_space": False}
tokenizer = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b", ["ab", "a"]]},
             "added_tokens": [{"id": 3, "content": "<s>", "special": True}], "pre_tokenizer": byte_level}
seed("tokenizer_json", "any", json.dumps(tokenizer).encode() + b"\0")
seed("tokenizer_json", "around", b'"added_tokens":[{"id":256,"content":"<s>","special":true}],"pre_tokenizer":{"type":"Sequence","pretokenizers":'
     b'[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]}' + bytes(8) + b"\1")

for name, line in enumerate(["wte@' cat' mix 0.25 ' dog'", "blocks.1.resid_post@-1 add 2 * (' cat' - ' dog')", "blocks.0.z@3/0,5 zero",
                             "blocks.*.attn_out@-1 set run('The cat is')", "resid_mid@1..3 scale 2", "ln_final clamp 1,2 -1 1",
                             "wte noise 0.5 seed 3", "wte@0 rotate 30 ' cat'", "mlp_post@' is' project_out mean(' cat', ' dog')"]):
    seed("edit", f"text{name}", bytes([name & 1]) + line.encode())
seed("edit", "json", bytes([2]) + json.dumps([{"at": "wte@3", "do": "mix 0.25 ' dog'"}, "ln_final zero"]).encode())
seed("edit", "vector", bytes([4]) + b"2 * ' cat' - (' dog' + 1)")
seed("edit", "sites", bytes([7]) + b"blocks.0-1.hook_resid_post")

for name in ("tiny-gpt2", "tiny-llama"):
    seed("config", name, json.dumps(json.loads((data / name / "config.json").read_text())))
seed("text", "mixed", "It's 12 o'clock,\tété \u00a0 漢字 \U0001f600 don't  \n\n aaaa<|end|>\xff")

seed("word_vectors", "word2vec_text", "2 3\n cat 1 2 3\ndog 0.5 -1e3 .25\n")
seed("word_vectors", "word2vec_binary", b"2 2\ncat " + struct.pack("<2f", 1, 2) + b"\ndog " + struct.pack("<2f", 3, 4) + b"\n")
seed("word_vectors", "glove", ". . . 1 2 3\ndog 0.5 -1 0\n")
