#!/usr/bin/env python3
"""Makes tests/data/reference/pieces.json: small SentencePiece models of every kind, the ids and the decoded texts that
the library gives for texts, and the ids that llama.cpp gives for the unigrams of one of them in a GGUF file (model t5).
Needs sentencepiece and what make_pres.py needs."""

import base64
import json
import pathlib
import tempfile

import sentencepiece
from make_pres import library, tokens, write
from make_tokenizers import SAMPLE, TEXTS
from sentencepiece import sentencepiece_model_pb2

OUT = pathlib.Path(__file__).parent.parent / "data/reference/pieces.json"
# A rule that removes, one that makes several, one of several, spaces from others, a space among others.
RULES = {
    "\u200b": "",
    "½": "1/2",
    "e\u0301": "é",
    "é\u0327": "ȩ́",
    "\t": " ",
    "\n": " ",
    "\u3000": " ",
    "…": " .",
    "ﬁ": "fi",
    "Å": "A",
    "th": "þ",
}
USERS = ["<ud>", "ab▁c", "the", "▁x", "…", "a\u200bb", ","]
KINDS = {
    "unigram": {"user_defined_symbols": USERS, "byte_fallback": True, "rules": True},
    "unigram as it is": {"remove_extra_whitespaces": False, "add_dummy_prefix": False},
    "unigram, spaces behind": {"treat_whitespace_as_suffix": True, "rules": True},
    "unigram, all spaces": {"user_defined_symbols": USERS, "remove_extra_whitespaces": False, "rules": True},
    "bpe": {"model_type": "bpe", "user_defined_symbols": USERS, "byte_fallback": True, "rules": True},
    "bpe, spaces behind": {"model_type": "bpe", "treat_whitespace_as_suffix": True, "user_defined_symbols": USERS},
    "bpe, all spaces": {"model_type": "bpe", "remove_extra_whitespaces": False, "user_defined_symbols": USERS},
    "characters": {"model_type": "char", "user_defined_symbols": USERS, "rules": True},
}
MORE = [
    "  a \u3000 b…  c\u200b ",
    "…",
    "\u200b",
    "a…b …the",
    "<ud>ab c<ud> x ab▁c",
    "e\u0301\u0327 ½ ﬁ a\u200bb",
    "a▁",
    "▁▁a ▁",
    "ththe the  the",
    "   ",
    "the, of" + " " * 23 + "words,,   ,      in",
    "the capital of Germany the others wrote " * 40,
]
LONG = "漢字漢字漢字 ____ ==="  # many times, where equal ways to cut it differ by how sums are rounded
MODES = [(before, single) for before in (False, True) for single in (False, True)]


def trained(folder, rules=False, **options):
    text = pathlib.Path(folder) / "text.txt"
    text.write_text("\n".join(SAMPLE.split("\n") * 20))
    table = pathlib.Path(folder) / "rules.tsv"
    hexes = [" ".join(f"{ord(c):X}" for c in text) for pair in RULES.items() for text in pair]
    table.write_text("".join(f"{a}\t{b}\n" for a, b in zip(hexes[::2], hexes[1::2])))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=f"{folder}/m",
        vocab_size=400 if options.get("byte_fallback") else 150,
        character_coverage=0.98,
        hard_vocab_limit=False,
        minloglevel=2,
        **({"normalization_rule_tsv": str(table)} if rules else {"normalization_rule_name": "identity"}),
        **options,
    )
    return (pathlib.Path(folder) / "m.model").read_bytes()


def in_gguf(path, model, before, single):
    pieces = model.pieces

    def more(writer):
        writer.add_token_scores([piece.score for piece in pieces])
        writer.add_unk_token_id(0)
        writer.add_add_space_prefix(before)
        writer.add_remove_extra_whitespaces(single)
        writer.add_precompiled_charsmap(model.normalizer_spec.precompiled_charsmap)

    write(path, "t5", [piece.piece for piece in pieces], [piece.type for piece in pieces], more)


def main():
    texts = [text for text in TEXTS + MORE if text and "\0" not in text]
    out = {"texts": texts, "long": LONG, "models": []}
    models = {}
    for name, options in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            models[name] = trained(folder, **options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=models[name])
        ids = [processor.encode(text) for text in texts]
        decoded = [processor.decode(one) for one in ids]
        model = base64.b64encode(models[name]).decode()
        hashed = 0
        for i in processor.encode(LONG * 6000):
            hashed = (hashed * 1000003 + i) % 2**64
        case = {"name": name, "model": model, "ids": ids, "decoded": decoded, "long": f"{hashed:x}"}
        out["models"].append(case)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(models["unigram, all spaces"])
    lib = library()
    out["gguf"] = {
        "tokens": [piece.piece for piece in model.pieces],
        "scores": [piece.score for piece in model.pieces],
        "types": [piece.type for piece in model.pieces],
        "map": base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode(),
        "modes": [],
    }
    for before, single in MODES:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "one.gguf"
            in_gguf(path, model, before, single)
            out["gguf"]["modes"].append({"before": before, "single": single, "ids": tokens(lib, path, texts)})
    OUT.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(len(texts), OUT.stat().st_size)


if __name__ == "__main__":
    main()
