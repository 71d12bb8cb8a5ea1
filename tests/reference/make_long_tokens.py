#!/usr/bin/env python3
"""Prints the hashes that tests/model/long_text_test.cpp expects: a mixed text of a megabyte, made by a small generator
that both know, through Hugging Face's tokenizers for the GPT-2 vocabulary and SmolLM2's (both in the cache)."""

import json

import gguf
from make_tokens import CACHE, byte_level

WORDS = (
    "the of and to in is that for it was on are as with his they at be this from have or by one had not but what all were when we there can an "
    "your which their said if do will each about how up out them then she many some so these would other into has more her two like him see "
    "time could no make than first been its who now people my made over did down only way find use may water long little very after words "
    "called just where most know"
).split()
MARKS = [".", ",", "!?", "...", "--", "'s", "'ll", "n't", "(", ")", '"', ":", ";", "/", "@#", "_", "'RE", " '", "=="]
SPACES = [" ", "  ", "\n", "\n\n", "\t", " \n  ", "\r\n", "   \t "]
PLAIN = [(0xC0, 0x17E), (0x3B1, 0x3C9), (0x410, 0x44F)]
EVERY = PLAIN + [
    (0x4E00, 0x9FA5),
    (0x3041, 0x3096),
    (0xAC00, 0xD7A3),
    (0x627, 0x64A),
    (0x905, 0x939),
    (0xE01, 0xE30),
    (0x1F600, 0x1F64F),
    (0x1D7CE, 0x1D7FF),
    (0x2000, 0x200A),
    (0x300, 0x36F),
    (0x2160, 0x2188),
]


class Dice:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def chunk(number):
    dice, text = Dice(number), ""
    for _ in range(500):
        kind = dice.below(10)
        if kind < 4:
            word = WORDS[dice.below(len(WORDS))]
            text += " " + (word.capitalize() if dice.below(4) == 0 else word)
        elif kind == 4:
            text += str(dice.below(100000))
        elif kind == 5:
            text += MARKS[dice.below(len(MARKS))]
        elif kind == 6:
            text += SPACES[dice.below(len(SPACES))]
        else:
            ranges = EVERY if number % 2 else PLAIN
            first, last = ranges[dice.below(len(ranges))]
            for _ in range(1 + dice.below(6)):
                text += chr(first + dice.below(last - first + 1))
    return text


def main():
    folder = CACHE / "tokenizers/gpt2"
    vocab = json.loads((folder / "encoder.json").read_text())
    merges = [tuple(line.split()) for line in (folder / "vocab.bpe").read_text().splitlines()[1:] if line]
    fields = gguf.GGUFReader(next((CACHE / "models/smollm2").glob("*.gguf"))).fields
    tokens, lines = (fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "merges"))
    for name, tokenizer, step, texts in (
        ("gpt2", byte_level(vocab, merges, False), 1, list(vocab)),
        (
            "smollm2",
            byte_level({t: i for i, t in enumerate(tokens)}, [tuple(x.split(" ")) for x in lines], True),
            2,
            tokens,
        ),
    ):
        hashed, count, size = 0xCBF29CE484222325, 0, 0
        for number in range(0, 400, step):
            text = chunk(number)
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            assert sum(len(texts[i]) for i in ids) == len(text.encode()), (
                name,
                number,
            )  # no byte was dropped for want of a token
            for i in ids:  # FNV-1a over 32-bit ids
                hashed = (hashed ^ i) * 0x100000001B3 % 2**64
            count += len(ids)
            size += len(text.encode())
        print(f'{{"{name}", {step}, {size}, {count}, 0x{hashed:016x}}}')


if __name__ == "__main__":
    main()
