#!/usr/bin/env python3
"""Makes tests/data/reference/tiktoken.json: a small table of ranks, and the ids that tiktoken gives for texts with the
patterns of the encodings that Embscope knows, and mistral-common for a tekken.json. Needs tiktoken, mistral-common, tokenizers."""

import base64
import json
import pathlib
import tempfile
import unicodedata

import tiktoken
from make_tokenizers import LLAMA3, O200K, SAMPLE, TEXTS
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tiktoken_ext import openai_public
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

OUT = pathlib.Path(__file__).parent.parent / "data/reference/tiktoken.json"
HAN = r"[^\p{Han}]"
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
ENDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
KIMI = "|".join(
    [
        r"[\p{Han}]+",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{UPPER}&&{HAN}]*[{LOWER}&&{HAN}]+{ENDS}",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{UPPER}&&{HAN}]+[{LOWER}&&{HAN}]*{ENDS}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
TEKKEN = O200K.replace(ENDS, "").replace("{1,3}", "")
MORE = ["a\n  ", "a\n\n \n  ", " \n", "x  \r\n", "漢字abc漢字DEF漢", "HELLOworld'S don'T", "ſ'ſ x", "a/\n//b"]


def ranks():
    """The tokens of a small byte-pair encoding, in the order in which they were found."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([SAMPLE], trainer)
    byte_of, more = {}, 256
    for b in range(256):
        if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174:
            byte_of[chr(b)] = b
        else:
            byte_of[chr(more)] = b
            more += 1
    words = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    words = [bytes(byte_of[c] for c in word) for word in words]
    return [bytes([b]) for b in range(256)] + [word for word in words if len(word) > 1]


def patterns():
    openai_public.load_tiktoken_bpe = lambda *_args, **_more: {}
    yield "r50k_base.tiktoken", openai_public.r50k_base()["pat_str"], {}
    yield "cl100k_base.tiktoken", openai_public.cl100k_base()["pat_str"], {}
    yield "o200k_base.tiktoken", openai_public.o200k_base()["pat_str"], {}
    yield "qwen.tiktoken", LLAMA3.replace("{1,3}", ""), {"nfc": True}
    yield "llama3.tiktoken", LLAMA3, {}
    yield "tiktoken.model", KIMI, {"config": {"tokenizer_class": "TikTokenTokenizer"}}
    yield "tokenizer.model", LLAMA3, {"config": {"tokenizer_class": "ChatGLM4Tokenizer"}}


def tekken(words, texts):
    vocab = [
        {"rank": i, "token_bytes": base64.b64encode(word).decode(), "token_str": None} for i, word in enumerate(words)
    ]
    config = {
        "pattern": TEKKEN,
        "num_vocab_tokens": len(vocab),
        "default_vocab_size": len(vocab) + 20,  # the last ten are left out
        "default_num_special_tokens": 30,
        "version": "v3",
    }
    file = {"config": config, "vocab": vocab}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tekken.json"
        path.write_text(json.dumps(file))
        tokenizer = Tekkenizer.from_file(path)
        return {"config": config, "ids": [tokenizer.encode(text, bos=True, eos=False) for text in texts]}


def main():
    words = ranks()
    texts = TEXTS + MORE
    out = {"ranks": [base64.b64encode(word).decode() for word in words], "texts": texts, "encodings": []}
    for file, pattern, more in patterns():
        encoding = tiktoken.Encoding(
            "one", pat_str=pattern, mergeable_ranks={w: i for i, w in enumerate(words)}, special_tokens={}
        )
        form = (lambda text: unicodedata.normalize("NFC", text)) if more.get("nfc") else str
        case = {"file": file, "ids": [encoding.encode_ordinary(form(text)) for text in texts]}
        out["encodings"].append(case | ({"config": more["config"]} if "config" in more else {}))
    out["tekken"] = tekken(words, texts)
    OUT.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(len(words), len(texts), OUT.stat().st_size)


if __name__ == "__main__":
    main()
