#!/usr/bin/env python3
"""Makes tests/data/reference/tokenizers.json: small tokenizers of every kind of step that tokenizer.json knows, and the
ids that Hugging Face's tokenizers give for a list of texts. A case is a base (a vocabulary of bytes, of characters or
of a unigram model) and the parts of the file that it changes."""

import base64
import json
import pathlib
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

OUT = pathlib.Path(__file__).parent.parent / "data/reference/tokenizers.json"
SAMPLE = (
    "It's the capital of Germany, isn't it? We'LL read THE words that the others wrote in 1999 and 2024.\n\n    for word in words:\n"
    "        if word is None: return [0, 10, 100, 1000]\nПривет, мир! naïve café 漢字漢字 ____ ==== \t\n e\u0301 ½ Ⅷ <a><b> the the other words "
) * 3
TEXTS = [
    "",
    " ",
    "  ",
    "a",
    " a",
    "a b",
    "the capital of Germany",
    " the  words\n\n of  it ",
    "It's 12345 x1y22z333 ½ Ⅷ",
    "\t\tif word:\r\n  return\n",
    "naïve nai\u0308ve \u212b \ufb01 \u00c5 A\u030a \u1e9b\u0323 한 \u1112\u1161\u11ab",
    "Привет, МИР! ǅ İstanbul ſ",
    "漢字かな カナ",
    "___a--b==c!?(d)[e]{f}<g>",
    "e\u0301\u0327 a\u200bb\u200dc\u2028d\u00a0e\u3000f",
    "🎉🎊 👩\u200d👩\u200d👧",
    "▁a ▁▁b _c",
    "<s>the<a>words<a><b></s>",
    "x<a> y <b>z < a>",
    "the<m>, a <m> b",
    "aw<w>b <w> <w>c a<w>",
    "abcabcd bcd ab",
    "don't we'RE 'tis 'ſ",
    "a\x00b\x01c\x7fd\x85e\x8ff",
    "\ufeffbom \ufffd",
    "Ａｂｃ１２ ⅷ ㌀",
    "-1,000.50 +3e-7 $5",
    "  lead",
    "trail  ",
    "É é E\u0301",
    "Éa\u0301<é>b",
    "x<m> \n\n  b<n> <n>\n c <n>",
    "हिन्दी a\u0488b \u32ff\ua7f2 \U00010d50",
]


def trained(pre, chars=False):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>" if chars else None))
    tokenizer.pre_tokenizer = pre
    special = ["<unk>"] + [f"<0x{b:02X}>" for b in range(256)] if chars else []
    alphabet = [] if chars else pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [SAMPLE],
        trainers.BpeTrainer(
            vocab_size=520 if chars else 420, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return json.loads(tokenizer.to_str())["model"]


def words():
    """Whole words, lower case and not, with punctuation."""
    found = [word for word, _ in pre_tokenizers.Whitespace().pre_tokenize_str(SAMPLE)]
    return {
        "type": "WordLevel",
        "unk_token": "[UNK]",
        "vocab": {w: i for i, w in enumerate(dict.fromkeys(["[UNK]", *found]))},
    }


def pieces():
    """Letters, alone and within words, and the pieces that they make."""
    letters = sorted(set("".join(SAMPLE.lower().split())) | set("éеαβ漢字かなカ"))
    made = [
        "the",
        "##he",
        "cap",
        "##ital",
        "##it",
        "of",
        "ger",
        "##many",
        "##ma",
        "it",
        "is",
        "##n",
        "##ords",
        "read",
        "wh",
        "12",
        "##34",
        "##345",
        "##the",
    ]
    vocab = ["[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters if c not in "ï½"), *made]
    return {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 18,
        "vocab": {token: i for i, token in enumerate(dict.fromkeys(vocab))},
    }


def unigram(folder):
    text = pathlib.Path(folder) / "text.txt"
    text.write_text("\n".join(SAMPLE.split("\n") * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=f"{folder}/m",
        vocab_size=110,
        model_type="unigram",
        byte_fallback=False,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((pathlib.Path(folder) / "m.model").read_bytes())
    vocab = [[p.piece, p.score] for p in model.pieces]
    return {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}, base64.b64encode(
        model.normalizer_spec.precompiled_charsmap
    ).decode()


def added(content, i, **options):
    return {
        "id": i,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": False,
    } | options


def split(pattern, behavior="Isolated", invert=False, regex=True):
    return {
        "type": "Split",
        "pattern": {"Regex" if regex else "String": pattern},
        "behavior": behavior,
        "invert": invert,
    }


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme="always", split=True, replacement="▁"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": split}


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}


def cases(charsmap, bytes_vocab, chars_size):
    yield "bytes", "gpt2", {"pre_tokenizer": byte_level()}
    yield "bytes", "gpt2 with a prefix", {"pre_tokenizer": byte_level(True)}
    yield "bytes", "no pattern", {"pre_tokenizer": byte_level(False, False)}
    yield "bytes", "llama3", {"pre_tokenizer": sequence(split(LLAMA3), byte_level(False, False))}
    yield (
        "bytes",
        "llama3 removed and inverted",
        {"pre_tokenizer": sequence(split(LLAMA3, "Removed", True), byte_level(False, False))},
    )
    yield "bytes", "llama3 removed", {"pre_tokenizer": sequence(split(LLAMA3, "Removed"), byte_level(False, False))}
    yield "bytes", "llama3 then gpt2", {"pre_tokenizer": sequence(split(LLAMA3), byte_level())}
    yield (
        "bytes",
        "llama3 with a prefix for each word",
        {"pre_tokenizer": sequence(split(LLAMA3), byte_level(True, False))},
    )
    yield (
        "bytes",
        "single digits as qwen2",
        {
            "pre_tokenizer": sequence(split(LLAMA3.replace("{1,3}", "")), byte_level(False, False)),
            "normalizer": {"type": "NFC"},
        },
    )
    yield "bytes", "o200k", {"pre_tokenizer": sequence(split(O200K), byte_level(False, False))}
    yield (
        "bytes",
        "falcon",
        {
            "pre_tokenizer": sequence(
                {"type": "Punctuation", "behavior": "Contiguous"},
                byte_level(),
                {"type": "Digits", "individual_digits": False},
                split("[0-9][0-9][0-9]"),
            )
        },
    )
    yield (
        "bytes",
        "bytes and then digits",
        {"pre_tokenizer": sequence(byte_level(False, False), {"type": "Digits", "individual_digits": True})},
    )
    for single in (True, False):
        yield (
            "bytes",
            f"digits {single}",
            {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": single}, byte_level())},
        )
        yield (
            "bytes",
            f"digits with a prefix {single}",
            {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": single}, byte_level(True))},
        )
    for behavior in BEHAVIORS:
        yield (
            "bytes",
            f"punctuation {behavior}",
            {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": behavior}, byte_level(False, False))},
        )
        for invert in (False, True):
            yield (
                "bytes",
                f"split {behavior} {invert}",
                {"pre_tokenizer": sequence(split(r"\s+|[aeiou]", behavior, invert), byte_level(False, False))},
            )
        yield (
            "bytes",
            f"text {behavior}",
            {"pre_tokenizer": sequence(split("a", behavior, False, False), byte_level(False, False))},
        )
    yield (
        "bytes",
        "a lookahead that matches nothing",
        {"pre_tokenizer": sequence(split(r"(?=\d{3})"), byte_level(False, False))},
    )
    yield "bytes", "whitespace", {"pre_tokenizer": sequence({"type": "Whitespace"}, byte_level(False, False))}
    yield "bytes", "bert", {"pre_tokenizer": sequence({"type": "BertPreTokenizer"}, byte_level(False, False))}
    yield "bytes", "bytes of bytes", {"pre_tokenizer": sequence(byte_level(), byte_level(True))}
    yield (
        "bytes",
        "whitespace and a prefix for each word",
        {"pre_tokenizer": sequence({"type": "Whitespace"}, byte_level(True))},
    )
    yield "bytes", "an empty text", {"pre_tokenizer": sequence(split("", "Removed", False, False), byte_level())}
    yield (
        "bytes",
        "whitespace split",
        {"pre_tokenizer": sequence({"type": "WhitespaceSplit"}, byte_level(False, False))},
    )
    yield (
        "bytes",
        "delimiter",
        {"pre_tokenizer": sequence({"type": "CharDelimiterSplit", "delimiter": "e"}, byte_level(False, False))},
    )
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield "bytes", name, {"normalizer": {"type": name}}
    yield (
        "bytes",
        "accents stripped",
        {
            "normalizer": {
                "type": "Sequence",
                "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}],
            }
        },
    )
    for left, right in ((True, False), (False, True), (True, True), (False, False)):
        yield (
            "bytes",
            f"strip {left} {right}",
            {"normalizer": {"type": "Strip", "strip_left": left, "strip_right": right}},
        )
    yield "bytes", "prepend", {"normalizer": {"type": "Prepend", "prepend": "the "}}
    yield "bytes", "replace", {"normalizer": {"type": "Replace", "pattern": {"String": "the"}, "content": "a"}}
    yield (
        "bytes",
        "replace a pattern",
        {"normalizer": {"type": "Replace", "pattern": {"Regex": r"\s{2,}|\d"}, "content": " "}},
    )
    yield (
        "bytes",
        "replace by nothing",
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "[aeiou]"}, "content": ""}},
    )
    yield "bytes", "precompiled", {"normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap}}
    yield "bytes", "an empty normalizer", {"normalizer": {"type": "Sequence", "normalizers": []}}
    n = len(bytes_vocab)
    yield (
        "bytes",
        "added",
        {
            "added_tokens": [
                added("<s>", n, special=True),
                added("<a>", n + 1),
                added("<a><b>", n + 2),
                added("<m>", n + 3, lstrip=True, rstrip=True),
                added("<w>", n + 4, single_word=True),
                added("</s>", n + 5, special=True),
            ]
        },
    )
    yield (
        "bytes",
        "added on one side",
        {
            "added_tokens": [
                added("<m>", n, lstrip=True),
                added("<a>", n + 1, rstrip=True),
                added("the", n + 2, single_word=True),
                added("<s>", n + 3, special=True, lstrip=True),
            ]
        },
    )
    yield (
        "bytes",
        "white space between two added tokens",
        {
            "added_tokens": [
                added("<m>", n, rstrip=True),
                added("\n", n + 1),
                added("<n>", n + 2, lstrip=True, rstrip=True),
                added(" c", n + 3),
            ]
        },
    )
    yield (
        "bytes",
        "overlapping",
        {
            "added_tokens": [
                added("ab", n, special=True),
                added("bc", n + 1),
                added("abcabcd", n + 2),
                added("bcd", n + 3),
                added("c", n + 4),
            ]
        },
    )
    yield (
        "bytes",
        "normalized",
        {
            "normalizer": {"type": "NFD"},
            "added_tokens": [
                added("<é>", n, normalized=True),
                added("É", n + 1),
                added("é", n + 2, normalized=True),
                added("  ", n + 3, normalized=True),
            ],
        },
    )
    yield (
        "bytes",
        "lowercase and normalized",
        {
            "normalizer": {"type": "Lowercase"},
            "added_tokens": [
                added("THE", n, normalized=True),
                added("Words", n + 1),
                added("<S>", n + 2, special=True, normalized=True),
            ],
        },
    )
    yield (
        "bytes",
        "words of the model",
        {"added_tokens": [added(t, bytes_vocab[t], special=t == "Ġ") for t in ("Ġthe", "it", "x", "Ġ")]},
    )
    template = [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "</s>", "type_id": 0}},
    ]
    around = [added("<s>", n, special=True), added("</s>", n + 1, special=True)]
    specials = {
        "<s>": {"id": "<s>", "ids": [n], "tokens": ["<s>"]},
        "</s>": {"id": "</s>", "ids": [n + 1, n], "tokens": ["</s>", "<s>"]},
    }
    post = {
        "type": "TemplateProcessing",
        "single": template,
        "pair": template + [{"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": specials,
    }
    yield "bytes", "template", {"added_tokens": around, "post_processor": post}
    yield (
        "bytes",
        "sequence of processors",
        {"added_tokens": around, "post_processor": {"type": "Sequence", "processors": [byte_level(True), post]}},
    )
    for kind in ("RobertaProcessing", "BertProcessing"):
        more = {"trim_offsets": True, "add_prefix_space": True} if kind[0] == "R" else {}
        yield (
            "bytes",
            kind,
            {
                "added_tokens": around,
                "post_processor": {"type": kind, "cls": ["<s>", n], "sep": ["</s>", n + 1]} | more,
            },
        )
    prepend = {"type": "Prepend", "prepend": "▁"}
    fallback = {"byte_fallback": True, "fuse_unk": True}
    yield (
        "chars",
        "llama2",
        {
            "normalizer": {"type": "Sequence", "normalizers": [prepend, REPLACE]},
            "model": fallback,
            "added_tokens": [added("<s>", chars_size, special=True), added("<a>", chars_size + 1)],
        },
    )
    yield (
        "chars",
        "llama2 with normalized tokens",
        {
            "normalizer": {"type": "Sequence", "normalizers": [prepend, REPLACE]},
            "model": fallback,
            "added_tokens": [
                added("<a>", chars_size, normalized=True),
                added("▁<b>", chars_size + 1, normalized=True),
                added("b c", chars_size + 2),
            ],
        },
    )
    yield (
        "chars",
        "metaspace with normalized tokens",
        {
            "pre_tokenizer": metaspace(),
            "model": fallback,
            "added_tokens": [added(" <a>", chars_size, normalized=True), added("▁▁", chars_size + 1, normalized=True)],
        },
    )
    yield "chars", "replaced only", {"normalizer": REPLACE, "model": fallback}
    yield (
        "chars",
        "gemma2",
        {"normalizer": REPLACE, "pre_tokenizer": split(" ", "MergedWithPrevious", False, False), "model": fallback},
    )
    yield (
        "chars",
        "marks and a pattern",
        {"normalizer": REPLACE, "pre_tokenizer": split(r"\n|\s+|▁t", "MergedWithNext"), "model": fallback},
    )
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            yield (
                "chars",
                f"metaspace {scheme} {cut}",
                {
                    "pre_tokenizer": metaspace(scheme, cut),
                    "model": fallback,
                    "added_tokens": [added("<a>", chars_size)],
                },
            )
    # Which part of a text is its first, where a normalizer changed the beginning.
    isolated = {"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": False}
    for name, normalizer in (
        ("a text", {"type": "Replace", "pattern": {"String": "the"}, "content": "a"}),
        ("one letter", {"type": "Replace", "pattern": {"Regex": "^[a-zI]"}, "content": "words of"}),
        ("spaces", {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "ab"}),
        ("nothing", {"type": "Replace", "pattern": {"Regex": "^"}, "content": "the "}),
        ("what is put in front", {"type": "Prepend", "prepend": "the "}),
        ("what is left out", {"type": "Strip", "strip_left": True, "strip_right": False}),
    ):
        changes = {"normalizer": normalizer, "model": fallback}
        yield "chars", f"metaspace first behind {name}", changes | {"pre_tokenizer": metaspace("first")}
        yield (
            "chars",
            f"metaspace first in parts behind {name}",
            changes | {"pre_tokenizer": sequence(isolated, metaspace("first"))},
        )
    yield "chars", "another metaspace", {"pre_tokenizer": metaspace("always", True, "_"), "model": fallback}
    yield (
        "chars",
        "metaspace behind a split",
        {"pre_tokenizer": sequence({"type": "WhitespaceSplit"}, metaspace()), "model": fallback},
    )
    yield "chars", "unknown", {"model": {"fuse_unk": False}}
    yield "chars", "unknown fused", {"model": {"fuse_unk": True}}
    level = {"type": "ByteLevel"}
    yield "bytes", "normalizer of bytes", {"normalizer": level, "pre_tokenizer": None}
    yield (
        "bytes",
        "normalizer of bytes, split",
        {
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, level]},
            "pre_tokenizer": split(r"Ġ?[A-Za-z]+|[^A-Za-zĠ]+"),
            "added_tokens": [added("the", 0, normalized=True), added("É", 1, normalized=True), added("<a>", 2)],
        },
    )
    yield "chars", "unknown in words", {"pre_tokenizer": metaspace(), "model": {"fuse_unk": True}}
    yield (
        "chars",
        "NFC and marks",
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, prepend, REPLACE]}, "model": fallback},
    )
    yield "chars", "whole words", {"pre_tokenizer": metaspace(), "model": fallback | {"ignore_merges": True}}
    nmt = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": charsmap},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ],
    }
    yield "unigram", "unigram", {"normalizer": nmt, "pre_tokenizer": metaspace()}
    yield "unigram", "unigram, one word", {"pre_tokenizer": metaspace("always", False)}
    yield "unigram", "unigram without marks", {}
    yield (
        "chars",
        "parts of three characters",
        {"pre_tokenizer": {"type": "FixedLength", "length": 3}, "model": fallback},
    )
    yield "words", "whole words of a model", {"pre_tokenizer": {"type": "Whitespace"}}
    yield "words", "words between spaces", {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}  # fmt: skip
    around = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]  # fmt: skip
    yield (
        "pieces",
        "BERT",
        {
            "normalizer": bert,
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": around,
                "pair": around,
                "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for i, t in ((1, "[CLS]"), (2, "[SEP]"))},
            },
        },
    )
    for name, value in (("clean_text", False), ("handle_chinese_chars", False), ("strip_accents", False), ("lowercase", False)):  # fmt: skip
        changes = {"normalizer": bert | {name: value}, "pre_tokenizer": {"type": "BertPreTokenizer"}}
        yield "pieces", f"BERT without {name}", changes
    yield "pieces", "long pieces", {"pre_tokenizer": {"type": "FixedLength", "length": 19}}


def main():
    with tempfile.TemporaryDirectory() as folder:
        unigram_model, charsmap = unigram(folder)
    bases = {
        "bytes": trained(pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "chars": trained(pre_tokenizers.Metaspace(), True),
        "unigram": unigram_model,
        "words": words(),
        "pieces": pieces(),
    }
    empty = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
    }
    out = {"texts": TEXTS, "bases": bases, "charsmap": charsmap, "cases": []}
    for base, name, changes in cases("CHARSMAP", bases["bytes"]["vocab"], len(bases["chars"]["vocab"])):
        if base == "bytes":
            changes = {"pre_tokenizer": byte_level()} | changes
        whole = (
            empty
            | {"model": bases[base] | changes.get("model", {})}
            | {k: v for k, v in changes.items() if k != "model"}
        )
        tokenizer = Tokenizer.from_str(json.dumps(whole).replace("CHARSMAP", charsmap))
        for token in changes.get("added_tokens", []):  # as the library gives them: a word of the model keeps its id
            token["id"] = tokenizer.token_to_id(token["content"])
        case = {"name": name, "base": base, "changes": changes}
        for key, special, around in (("ids", False, False), ("special", True, False), ("around", True, True)):
            tokenizer.encode_special_tokens = not special
            ids = [tokenizer.encode(text, add_special_tokens=around).ids for text in TEXTS]
            if ids != case.get("ids"):
                case[key] = ids
        out["cases"].append(case)
    OUT.write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(len(out["cases"]), OUT.stat().st_size)


if __name__ == "__main__":
    main()
