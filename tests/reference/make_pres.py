#!/usr/bin/env python3
"""Makes tests/data/reference/pres.json: the ids that llama.cpp gives for texts, for each name of tokenizer.ggml.pre. The
vocabulary is the one of bytes in tokenizers.json. Needs gguf, numpy and xllamacpp, whose library is called by its C interface."""

import ctypes
import importlib.util
import json
import pathlib
import re
import tempfile

import gguf
import numpy
from make_tokenizers import TEXTS

DATA = pathlib.Path(__file__).parent.parent / "data/reference"
SOURCE = pathlib.Path(__file__).parent.parent.parent / "src/model/tokenizer_gguf.cpp"
MORE = [
    "  " * 40 + "x",
    "1234567890 12 12345",
    "a  1000 b",
    "10000000b ٣",
    "İıſ's'S'ReX",
    "a/\n//b",
    "e!\r\n\r\n x",
    "ﬁ豈\ud7ff한",
    " \u2029 \u202fa \u3000、b\u2003c",
    "ab\u0301漢字々〇DEF'S かな漢ka'll fooBar\u0324'Re \u0651x",
]


BLOCK = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
TENSORS = [
    ("token_embd", -1, 32),
    ("output", -1, 32),
    ("output_norm", 32),
    ("blk.0.attn_norm", 32),
    ("blk.0.ffn_norm", 32),
    *((f"blk.0.{name}", 32, 32) for name in BLOCK),
]


class Parameters(ctypes.Structure):
    """Larger than the library's: it writes what it needs."""

    _fields_ = [("all", ctypes.c_char * 1024)]


def names():
    """One name of each row of the table, and all others with the row they stand in."""
    table = SOURCE.read_text().split("known_pres()")[1].split("return pres;")[0]
    rows = re.findall(r'\{"([^{}]*?)",\s*(?:\{\}|PreTokenizer)', table)
    return [re.sub(r'"\s*"', "", row).split() for row in rows]


def write(path, kind, tokens, types, more):
    """A model of one block with these tokens; more(writer) adds what its tokenizer needs."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_vocab_size(len(tokens))
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    more(writer)
    for name, *shape in TENSORS:
        writer.add_tensor(f"{name}.weight", numpy.zeros([len(tokens) if n < 0 else n for n in shape], numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_bytes(path, pre, vocab, merges):
    """Byte-level BPE, with a beginning of text."""

    def more(writer):
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges(merges)
        writer.add_bos_token_id(len(vocab))
        writer.add_eos_token_id(len(vocab))
        writer.add_sep_token_id(len(vocab))

    write(path, "gpt2", [*sorted(vocab, key=vocab.get), "<s>"], [1] * len(vocab) + [3], more)


def library():
    folder = pathlib.Path(importlib.util.find_spec("xllamacpp").origin).parent
    lib = ctypes.CDLL(str(next(folder.glob("*.so"))))
    pointer, whole, truth = ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool
    for name, result, *takes in (
        ("llama_model_default_params", Parameters),
        ("llama_model_load_from_file", pointer, ctypes.c_char_p, Parameters),
        ("llama_model_get_vocab", pointer, pointer),
        ("llama_tokenize", whole, pointer, ctypes.c_char_p, whole, ctypes.POINTER(whole), whole, truth, truth),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, takes
    lib.silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    lib.llama_log_set(lib.silent, None)
    lib.ggml_backend_load_all()
    lib.llama_backend_init()
    return lib


def tokens(lib, path, texts):
    model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
    assert model, path
    vocab, out = lib.llama_model_get_vocab(model), []
    for text in texts:
        raw = text.encode()
        room = (ctypes.c_int32 * (len(raw) + 8))()
        out.append(room[: lib.llama_tokenize(vocab, raw, len(raw), room, len(raw) + 8, False, False)])
    return out


def main():
    model = json.loads((DATA / "tokenizers.json").read_text())["bases"]["bytes"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    texts = [text for text in TEXTS + MORE if text and "\0" not in text]
    lib = library()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in names():
            ids = []
            for name in row:
                path = pathlib.Path(folder) / f"{name}.gguf"
                write_bytes(path, name, model["vocab"], merges)
                ids.append(tokens(lib, path, texts))
                assert ids[-1] == ids[0], (row[0], name)
            rows.append({"names": row, "ids": ids[0]})
    (DATA / "pres.json").write_text(json.dumps({"texts": texts, "rows": rows}, separators=(",", ":")) + "\n")
    print(len(rows), "rows,", sum(len(row["names"]) for row in rows), "names,", (DATA / "pres.json").stat().st_size)


if __name__ == "__main__":
    main()
