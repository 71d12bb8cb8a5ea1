#!/usr/bin/env python3
"""Random tokenizer.json files, whose ids, ranges and decoded texts by `embscope tokens` must be those of Hugging Face's
tokenizers, or which must be refused by name. Usage: compare_tokenizers.py [--files N] [--seed N] [--keep FOLDER] EMBSCOPE
"""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from make_tokenizers import TEXTS, pieces, trained, unigram, words
from tokenizers import Tokenizer, pre_tokenizers

PIECES = """the of words capital Germany it's we'LL don't isn't THE 'S 'ſ ſ's İstanbul ǅ ß ẞ ﬁ é É e\u0301 naïve a\u0308\u0323 ½ Ⅷ ² ３ ೧೨ ٣ 1 12 123 1234567 3.14
漢字 かな カナ ｶﾅ 한 \u1112\u1161\u11ab мир МИР αβγ Ωμέγα שלום مرحبا हिन्दी ไทย 𝔘𝔫 𝟙 🎉 👩\u200d👩\u200d👧 🇩🇪 ▁ ▁▁a _ __ a_b \u200b \u200d \u00ad \ufeff \ufffd \u0001 \u007f \u0085 \u008f
. , ... ?! -- = == ( ) [x] {y} <a> <s> </s> <m> <w> <pad> < > | ` ~ ^ $ + # @ % & * / \\ " ' “ ” ¡ ¿ § ` `` , 。 ！ ～ €100 $5 -1,000.50 +3e-7 aaaa aaaaaaaaaaaaaaaaaaaa abcabcd bcd xyz ZZZ A B
https://x.org/?a=1 def f(x): C:\\path \U000e0001 \u0378 \ud7ff \ue000""".split(" ")
SPACES = [" "] * 12 + [
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\t\t",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u2003 ",
    "\u1680",
    "",
    "",
    "",
    "",
    "        ",
    " \n ",
]
ADDED = [
    "<a>",
    "<a><b>",
    "<m>",
    "<w>",
    "the",
    " the",
    "É",
    "é",
    "e\u0301",
    "ab",
    "bc",
    "abcabcd",
    "bcd",
    "  ",
    "\n",
    "_",
    "▁",
    "▁a",
    "İ",
    "THE",
    "１２",
    "ﬁ",
    "<s>",
    "</s>",
    "漢",
    "s",
    "'",
    "12",
    " ",
    "of words",
    "🎉",
    "ſ",
]
PATTERNS = [
    r"\s+", r"\d", r"\d{1,3}", r"[aeiou]", r"(?=\d{3})", r"\w+|[^\w\s]+", r"\p{L}+", r"\p{Lu}", r"[^\s]+", r"\b", r"$", r"^", r"", r"a|b*", r"(?i:the|of)", r"\p{Han}+", r"\p{M}", r"\n",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[一-龥぀-ゟ゠-ヿ]+", r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]  # fmt: skip
STRINGS = [" ", "a", "the", "\n", "▁", "aa", "é", "'", "", "_", "  "]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
PLAIN_NORMALIZERS = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"]


class Maker:
    """Makes the parts of a file; each is one that the library itself accepts or the file is left out."""

    def __init__(self, rng, bases, charsmap):
        self.rng, self.bases, self.charsmap = rng, bases, charsmap

    def maybe(self, likely, value):
        return value() if self.rng.random() < likely else None

    def truth(self):
        return self.rng.random() < 0.5

    def pattern(self):
        return {"String": self.rng.choice(STRINGS)} if self.rng.random() < 0.3 else {"Regex": self.rng.choice(PATTERNS)}

    def normalizer(self, depth=0):
        kind = self.rng.choice([*PLAIN_NORMALIZERS, "Prepend", "Replace", "Replace", "Strip", "Precompiled", "Sequence", "Sequence", "BertNormalizer", "ByteLevel"])  # fmt: skip
        if kind in PLAIN_NORMALIZERS or kind == "ByteLevel":
            return {"type": kind}
        if kind == "Prepend":
            return {"type": kind, "prepend": self.rng.choice(["▁", " ", "the ", "é", "<a>", "_"])}
        if kind == "Replace":
            content = self.rng.choice(["▁", " ", "", "a", "the", "é", "\n", "$0", "_"])
            return {"type": kind, "pattern": self.pattern(), "content": content}
        if kind == "Strip":
            return {"type": kind, "strip_left": self.truth(), "strip_right": self.truth()}
        if kind == "Precompiled":
            return {"type": kind, "precompiled_charsmap": self.charsmap}
        if kind == "BertNormalizer":
            return self.bert()
        return {"type": kind, "normalizers": [self.normalizer(depth + 1) for _ in range(self.rng.randint(0, 3 if depth < 2 else 1))]}  # fmt: skip

    def bert(self):
        return {"type": "BertNormalizer", "clean_text": self.truth(), "handle_chinese_chars": self.truth(), "strip_accents": self.rng.choice([None, True, False]), "lowercase": self.truth()}  # fmt: skip

    def marks(self):
        """The normalizer of Llama's and Gemma's kind."""
        replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        steps = [*([{"type": "Prepend", "prepend": "▁"}] if self.truth() else []), replace]
        if self.rng.random() < 0.2:
            steps.insert(0, self.normalizer(2))
        return {"type": "Sequence", "normalizers": steps} if len(steps) > 1 or self.truth() else steps[0]

    def pre_tokenizer(self, depth=0):
        kind = self.rng.choice(["ByteLevel", "ByteLevel", "Split", "Split", "Split", "Metaspace", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit", "CharDelimiterSplit", "UnicodeScripts", "FixedLength", "BertPreTokenizer", "Sequence", "Sequence"])  # fmt: skip
        if kind == "ByteLevel":
            return {"type": kind, "add_prefix_space": self.truth(), "trim_offsets": self.truth(), "use_regex": self.truth()}  # fmt: skip
        if kind == "Split":
            return {"type": kind, "pattern": self.pattern(), "behavior": self.rng.choice(BEHAVIORS), "invert": self.truth()}  # fmt: skip
        if kind == "Metaspace":
            return {"type": kind, "replacement": self.rng.choice(["▁", "▁", "▁", "_", "é"]), "prepend_scheme": self.rng.choice(["always", "first", "never"]), "split": self.truth()}  # fmt: skip
        if kind == "Digits":
            return {"type": kind, "individual_digits": self.truth()}
        if kind == "Punctuation":
            return {"type": kind, "behavior": self.rng.choice(BEHAVIORS)}
        if kind == "CharDelimiterSplit":
            return {"type": kind, "delimiter": self.rng.choice(["e", " ", "▁", "é", "\n"])}
        if kind == "FixedLength":
            return {"type": kind, "length": self.rng.randint(1, 6)}
        if kind == "Sequence":
            return {"type": kind, "pretokenizers": [self.pre_tokenizer(depth + 1) for _ in range(self.rng.randint(0, 3 if depth < 2 else 1))]}  # fmt: skip
        return {"type": kind}

    def bytes_of(self, steps):
        if self.rng.random() < 0.15:
            return steps
        level = {"type": "ByteLevel", "add_prefix_space": self.truth(), "trim_offsets": True, "use_regex": self.truth()}
        return level if steps is None else {"type": "Sequence", "pretokenizers": [steps, level]}

    def added(self, vocab):
        chosen = self.rng.sample(ADDED, self.rng.randint(0, 5))
        if self.rng.random() < 0.3:
            chosen += self.rng.sample(vocab, 2)
        return [
            {
                "id": 0,
                "content": content,
                "single_word": self.rng.random() < 0.3,
                "lstrip": self.rng.random() < 0.3,
                "rstrip": self.rng.random() < 0.3,
                "normalized": self.truth(),
                "special": self.rng.random() < 0.4,
            }  # fmt: skip
            for content in dict.fromkeys(chosen)
        ]

    def model(self):
        base = self.rng.choice(["bytes"] * 4 + ["chars"] * 4 + ["unigram"] * 2 + ["words"] + ["pieces"] * 2)
        model = dict(self.bases[base])
        if base in ("words", "pieces"):
            return base, model
        if base == "unigram":
            model["byte_fallback"] = self.rng.random() < 0.3
            return base, model
        model["ignore_merges"] = self.rng.random() < 0.3
        model["fuse_unk"] = self.truth()
        model["byte_fallback"] = base == "chars" and self.truth()
        if base == "chars" and self.rng.random() < 0.3:
            model["unk_token"] = None
        return base, model

    def post_processor(self, added, depth=0):
        kind = self.rng.choice(["ByteLevel", "TemplateProcessing", "RobertaProcessing", "BertProcessing", "Sequence"])
        if kind == "ByteLevel":
            return {"type": kind, "add_prefix_space": self.truth(), "trim_offsets": False, "use_regex": self.truth()}
        if kind == "Sequence":
            return {"type": kind, "processors": [self.post_processor(added, depth + 1) for _ in range(self.rng.randint(0, 2 if depth < 2 else 0))]}  # fmt: skip
        if kind != "TemplateProcessing":
            more = {"trim_offsets": False, "add_prefix_space": self.truth()} if kind[0] == "R" else {}
            return {"type": kind, "sep": ["x", self.rng.randint(0, 60)], "cls": ["y", self.rng.randint(0, 60)]} | more
        text = [{"Sequence": {"id": "A", "type_id": 0}}]
        around = [[{"SpecialToken": {"id": name, "type_id": 0}} for name in self.rng.sample(["p", "q"], self.rng.randint(0, 2))] for _ in range(2)]  # fmt: skip
        tokens = {name: {"id": name, "ids": [self.rng.randint(0, 60) for _ in range(n)], "tokens": ["x"] * n} for name, n in (("p", 1), ("q", 2))}  # fmt: skip
        return {"type": kind, "single": around[0] + text + around[1], "pair": text + [{"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": tokens}  # fmt: skip

    def decoder(self, base):
        pieces = [{"type": "WordPiece", "prefix": "##", "cleanup": self.truth()}]
        options = {
            "words": [None],
            "pieces": [None, *pieces],
            "bytes": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}],
        }
        strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
        llama = [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]  # fmt: skip
        marks = [
            {"type": "Sequence", "decoders": llama},
            {"type": "Sequence", "decoders": [*llama, strip]},
            {
                "type": "Metaspace",
                "replacement": "▁",
                "prepend_scheme": self.rng.choice(["always", "first", "never"]),
                "split": True,
            },  # fmt: skip
        ]
        wild = [
            {"type": "WordPiece", "prefix": "##", "cleanup": True},
            {"type": "BPEDecoder", "suffix": "</w>"},
            {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
            {"type": "Strip", "content": "_", "start": 1, "stop": 1},
            {"type": "Fuse"},
            {"type": "ByteFallback"},
            {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
            {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
            {"type": "Sequence", "decoders": []},
            *options["bytes"],
            *marks,
        ]
        return self.rng.choice(wild if self.rng.random() < 0.2 else options.get(base, marks))

    def file(self):
        base, model = self.model()
        vocab = list(model["vocab"]) if isinstance(model["vocab"], dict) else [t for t, _ in model["vocab"]]
        normalizer = self.maybe(0.5, self.normalizer)
        steps = self.maybe(0.6, self.pre_tokenizer)
        if base == "bytes":
            steps = self.bytes_of(steps)
        elif base == "pieces" and self.rng.random() < 0.6:
            normalizer, steps = self.bert(), {"type": "BertPreTokenizer"}
        elif self.rng.random() < 0.6 and base != "words":
            space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": self.rng.choice(["always", "first", "never"]), "split": self.truth()}  # fmt: skip
            if self.truth():
                normalizer, steps = self.marks(), self.rng.choice([None, None, steps, {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}])  # fmt: skip
            else:
                steps = space if steps is None or self.truth() else {"type": "Sequence", "pretokenizers": [steps, space]}  # fmt: skip
        added = self.added(vocab)
        return base, {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": normalizer,
            "pre_tokenizer": steps,
            "post_processor": self.maybe(0.4, lambda: self.post_processor(added)),
            "decoder": self.maybe(0.8, lambda: self.decoder(base)),
            "model": model,
        }

    def text(self):
        out = ""
        for _ in range(self.rng.randint(1, 24)):
            out += self.rng.choice(PIECES) + self.rng.choice(SPACES)
        if self.truth():
            out = self.rng.choice(SPACES) + out
        return out or "a"


def theirs(tokenizer, text, special, around=False):
    tokenizer.encode_special_tokens = not special
    encoding = tokenizer.encode(text, add_special_tokens=around)
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return encoding.ids, [(at[b], at[e]) for b, e in encoding.offsets]


def ours(program, file, texts, special, around=False):
    """For each text its ids and ranges, or what the program says."""
    command = [
        program,
        "tokens",
        "--tokenizer",
        str(file),
        "--json",
        *(["--special"] if special else []),
        *(["--bos"] if around else []),
    ]
    texts = [f"--text={text}" for text in texts]
    run = subprocess.run([*command, *texts], capture_output=True, text=True)
    lines = run.stdout.splitlines()
    if run.returncode == 0 and len(lines) == len(texts):
        return [(v["ids"], [tuple(r) for r in v["ranges"]]) for v in map(json.loads, lines)]
    if not lines and len(run.stderr.splitlines()) == 1:
        return run.stderr.strip()
    out = []
    for text in texts:
        run = subprocess.run([*command, text], capture_output=True, text=True)
        value = json.loads(run.stdout) if run.returncode == 0 else None
        out.append((value["ids"], [tuple(r) for r in value["ranges"]]) if value else run.stderr.strip())
    return out


def decoded(program, file, ids):
    run = subprocess.run([program, "tokens", "--tokenizer", str(file), "--decode", ",".join(map(str, ids))], capture_output=True)  # fmt: skip
    return run.stdout if run.returncode == 0 else run.stderr.decode()


def have_equals(tokenizer, added):
    """Of added tokens that the normalizer makes equal, the library takes another one each time it is started."""
    contents = [token["content"] for token in added if token["normalized"]]
    if tokenizer.normalizer is not None:
        contents = [tokenizer.normalizer.normalize_str(content) for content in contents]
    return len(set(contents)) < len(contents)


def wrong_ranges(ids, mine, other, text):
    """Ours are bytes in order, and what was removed belongs to the token before it; theirs are whole characters, which
    several tokens may have, and of a replaced text its last character. They are not compared behind Precompiled, after
    which the library's are off by the characters that it removes."""
    raw = text.encode()
    last = 0
    for i, ((b, e), (c, d)) in enumerate(zip(mine, other)):
        if b < last or e < b or e > len(raw):
            return f"token {i}: {b}..{e} behind {last}"
        last = e
        if b < e and c < d and (e <= c or d <= b):
            return f"token {i}: {b}..{e} is not at {c}..{d}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=24)
    parser.add_argument("--keep", default=None)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        unigram_model, charsmap = unigram(folder)
    bases = {
        "bytes": trained(pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "chars": trained(pre_tokenizers.Metaspace(), True),
        "unigram": unigram_model,
        "words": words(),
        "pieces": pieces(),
    }
    counts = collections.Counter()
    refusals = collections.Counter()
    for seed in range(args.seed, args.seed + args.files):
        rng = random.Random(seed)
        maker = Maker(rng, bases, charsmap)
        base, file = maker.file()
        try:
            tokenizer = Tokenizer.from_str(json.dumps(file))
        except BaseException:
            counts["refused by the library"] += 1
            continue
        for token in file["added_tokens"]:
            token["id"] = tokenizer.token_to_id(token["content"])
        order = sorted(file["added_tokens"], key=lambda t: t["id"])
        file["added_tokens"] = order
        try:
            tokenizer = Tokenizer.from_str(json.dumps(file))
        except BaseException:
            counts["refused by the library"] += 1
            continue
        if have_equals(tokenizer, file["added_tokens"]):
            counts["the library chooses at random"] += 1
            continue
        texts = [maker.text() for _ in range(args.texts)] + [t for t in rng.sample(TEXTS, 6) if t and "\0" not in t]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            path = folder / "tokenizer.json"
            path.write_text(json.dumps(file))
            summary = {k: v for k, v in file.items() if k not in ("model", "version", "truncation", "padding")} | {"base": base, "model": {k: v for k, v in file["model"].items() if k not in ("vocab", "merges")}}  # fmt: skip
            bad = None
            for special, around in ((False, False), (True, False), (True, True)):
                answer = ours(args.program, path, texts, special, around)
                if isinstance(answer, str):
                    refusals[answer.split("': ")[-1].replace(str(path), "")[:110]] += 1
                    counts["refused"] += 1
                    break
                for text, one in zip(texts, answer):
                    try:
                        ids, offsets = theirs(tokenizer, text, special, around)
                    except BaseException:
                        counts["the library fails"] += 1
                        continue
                    if isinstance(one, str):
                        counts["text refused"] += 1
                        if "has no token for" not in one:
                            bad = bad or ("refused", text, one)
                        continue
                    if one[0] != ids:
                        bad = bad or ("ids", text, one[0], ids, special)
                    else:
                        unsure = around or "Precompiled" in json.dumps(file["normalizer"])
                        wrong = None if unsure else wrong_ranges(ids, one[1], offsets, text)
                        if wrong:
                            bad = bad or ("ranges", text, wrong, one[1], offsets, special)
                        counts["same"] += 1
                if bad:
                    break
            else:
                normalized = file["normalizer"] is not None and any(t["normalized"] for t in file["added_tokens"])
                steps = json.dumps(file["decoder"])
                marked = base in ("chars", "unigram") or "Metaspace" in json.dumps(file["pre_tokenizer"])
                literal = marked and not ("ByteFallback" in steps and "Replace" in steps)
                if (file["decoder"] is not None or base in ("words", "pieces")) and not normalized and not literal:
                    for text in texts[:6]:
                        try:
                            ids, _ = theirs(tokenizer, text, True)
                            wanted = tokenizer.decode(ids, skip_special_tokens=False)
                        except BaseException:
                            continue
                        got = decoded(args.program, path, ids) if ids else b""
                        try:
                            got = got.decode() if isinstance(got, bytes) else got
                        except UnicodeDecodeError:
                            continue
                        if got != wanted and "\ufffd" not in wanted:
                            bad = bad or ("decoded", text, got, wanted)
                        else:
                            counts["decoded"] += 1
            if bad:
                counts[f"DIFFERENT {bad[0]}"] += 1
                print(seed, bad[0], json.dumps(summary, ensure_ascii=False).replace(charsmap, "CHARSMAP"))
                for part in bad[1:]:
                    print("   ", repr(part)[:400])
                if args.keep:
                    pathlib.Path(args.keep, f"{seed}.json").write_text(json.dumps(file))
    print(dict(counts))
    for text, n in refusals.most_common():
        print(n, text)
    return 1 if any(k.startswith("DIFFERENT") for k in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
