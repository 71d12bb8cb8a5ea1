#!/usr/bin/env python3
"""Makes tests/data/reference/tokens.json: texts with their ids by Hugging Face's tokenizers, for the GPT-2 vocabulary
(encoder.json, vocab.bpe) and SmolLM2's (from its GGUF), both in the cache."""

import json
import pathlib
import random

import gguf
from tokenizers import Tokenizer, models, pre_tokenizers

CACHE = pathlib.Path.home() / ".cache/embscope"
OUT = pathlib.Path(__file__).parent.parent / "data/reference/tokens.json"

TEXTS = [
    "",
    " ",
    "  ",
    "\n",
    "\t",
    " \n ",
    "a",
    " a",
    "a ",
    "  a",
    "a  b",
    "a   b  ",
    "\n\na",
    "a\n\n\nb",
    " \n  a\t\tb",
    "\r\n\r\nx",
    "x\u00a0y",
    "\u3000z\u2003w",
    "It's we're I've I'm you'll he'd can't 'S 'RE don''t ''s !'s",
    "1 12 123 1234 3.14159 1,000,000",
    "abc123def 4x4",
    "x=1;y+=2//z",
    "foo_bar(baz)[0]->qux::<T>",
    "The capital of Germany is",
    "naïve café Ångström",
    "Привет, мир!",
    "こんにちは世界",
    "你好,世界。",
    "مرحبا بالعالم",
    "हिन्दी में पाठ",
    "สวัสดีชาวโลก",
    "한국어 텍스트",
    "🎉🎊 party 👩‍👩‍👧‍👦 family",
    "e\u0301 combining",
    "Ⅷ ½ ² ೧೨ 𝟙𝟚",
    "a\u200bb\u200dc",
    "\ufeffbom",
    "ﬁ ligature Straße ẞ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "\u0085next\u2028line",
    "....!!!???",
    "---===***",
    "$100 €200 £300",
    "http://example.com/?a=1&b=2#c",
    "C:\\path\\to",
    "def f(x):\n    return x**2\n",
    "\tif (a) {\n\t\tb();\n\t}\n",
    "a" * 200,
    "ab" * 100,
    " " * 50 + "x",
    "\n" * 20,
    "supercalifragilisticexpialidocious",
    "<|endoftext|>",
    "hello<|im_end|>world",
]


def random_texts():
    rng = random.Random(7)
    alphabets = [
        "abcdefghij  \n",
        "aB1 '",
        "éàü ñ",
        "日本語 漢字",
        "0123456789 ",
        "!?.,;:'\" ",
        "\t\n\r  x",
        "абв где",
        "🎉a ½1",
    ]
    for _ in range(160):
        yield "".join(rng.choice(rng.choice(alphabets)) for _ in range(rng.randint(1, 40)))


def byte_level(vocab, merges, digits):
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level]) if digits else level
    )
    return tokenizer


def main():
    folder = CACHE / "tokenizers/gpt2"
    vocab = json.loads((folder / "encoder.json").read_text())
    merges = [tuple(line.split()) for line in (folder / "vocab.bpe").read_text().splitlines()[1:] if line]
    gpt2 = byte_level(vocab, merges, False)
    fields = gguf.GGUFReader(next((CACHE / "models/smollm2").glob("*.gguf"))).fields
    tokens, lines = (fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "merges"))
    smollm2 = byte_level({t: i for i, t in enumerate(tokens)}, [tuple(line.split(" ")) for line in lines], True)
    cases = []
    for text in TEXTS + list(random_texts()):
        case = {"text": text, "gpt2": gpt2.encode(text, add_special_tokens=False).ids}
        ids = smollm2.encode(text, add_special_tokens=False).ids
        if sum(len(tokens[i]) for i in ids) == len(text.encode()):  # no byte was dropped for want of a token
            case["smollm2"] = ids
        cases.append(case)
    OUT.write_text(json.dumps(cases, ensure_ascii=True, indent=None, separators=(",", ":")) + "\n")
    print(len(cases), sum("smollm2" in c for c in cases))


if __name__ == "__main__":
    main()
