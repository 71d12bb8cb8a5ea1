#!/usr/bin/env python3
"""Writes fuzz/seeds, small valid inputs from which the fuzzers start. Run it after a format, a language or the API has
grown; the API's words are in fuzz/dictionaries/api, which scripts/reference writes."""

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


keys = [
    ("general.alignment", 4, struct.pack("<I", 32)),
    ("a", 8, text("b")),
    ("c", 7, b"\1"),
    ("d", 6, struct.pack("<f", 1)),
    ("e", 9, struct.pack("<IQ", 8, 2) + text("x") + text("y")),
    ("f", 9, struct.pack("<IQ3i", 5, 3, 1, 2, 3)),
]
tensors = [("t", (4, 2), 0, 0), ("u", (32, 1), 8, 32)]
seed("archive", "gguf", gguf(keys, tensors) + b"\0" * 96)
seed(
    "archive",
    "safetensors",
    safetensors(
        {"__metadata__": {"format": "pt"}, "t": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}, bytes(8)
    ),
)
seed("archive", "npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", bytes(8)))

storage = b"((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\00X\3\0\0\0cpuK\x10tQ"
tensor = (
    b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + b"K\0K\2K\4\x86K\4K\1\x86\x89ccollections\nOrderedDict\n)RtR"
)
seed("pytorch", "dict", b"\x80\2}q\0X\1\0\0\0x" + tensor + b"s.")
seed("pytorch", "nested", b"\x80\2}X\n\0\0\0state_dict}(X\1\0\0\0x" + tensor + b"q\1X\1\0\0\0yh\1us.")

byte_level = {"type": "ByteLevel", "add_prefix_space": False}
tokenizer = {
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b", ["ab", "a"]]},
    "added_tokens": [{"id": 3, "content": "<s>", "special": True}],
    "pre_tokenizer": byte_level,
}
seed("tokenizer_json", "any", json.dumps(tokenizer).encode() + b"\0")
seed(
    "tokenizer_json",
    "around",
    b'"added_tokens":[{"id":256,"content":"<s>","special":true}],"pre_tokenizer":{"type":"Sequence","pretokenizers":'
    b'[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]}' + bytes(8) + b"\1",
)

for name, line in enumerate(
    [
        "wte@' cat' mix 0.25 ' dog'",
        "blocks.1.resid_post@-1 add 2 * (' cat' - ' dog')",
        "blocks.0.z@3/0,5 zero",
        "blocks.*.attn_out@-1 set run('The cat is')",
        "resid_mid@1..3 scale 2",
        "ln_final clamp 1,2 -1 1",
        "wte noise 0.5 seed 3",
        "wte@0 rotate 30 ' cat'",
        "mlp_post@' is' project_out mean(' cat', ' dog')",
    ]
):
    seed("edit", f"text{name}", bytes([name & 1]) + line.encode())
seed("edit", "parts", b"\0wte@' cat'\nset ' dog' + #69")
seed("edit", "file", b"\0wte@' cat'\nset mean(' dog', file('/etc/passwd', 0))")
seed("edit", "json", bytes([2]) + json.dumps([{"at": "wte@3", "do": "mix 0.25 ' dog'"}, "ln_final zero"]).encode())
seed("edit", "vector", bytes([4]) + b"2 * ' cat' - (' dog' + 1)")
seed("edit", "sites", bytes([7]) + b"blocks.0-1.hook_resid_post")

for name in ("tiny-gpt2", "tiny-llama"):
    seed("config", name, json.dumps(json.loads((data / name / "config.json").read_text())))
seed("text", "mixed", "It's 12 o'clock,\tété \u00a0 漢字 \U0001f600 don't  \n\n aaaa<|end|>\xff")

seed("word_vectors", "word2vec_text", "2 3\n cat 1 2 3\ndog 0.5 -1e3 .25\n")
seed(
    "word_vectors",
    "word2vec_binary",
    b"2 2\ncat " + struct.pack("<2f", 1, 2) + b"\ndog " + struct.pack("<2f", 3, 4) + b"\n",
)
seed("word_vectors", "glove", ". . . 1 2 3\ndog 0.5 -1 0\n")

text = "The cat is a dog"
mix = {"text": text, "replace": " cat", "with": [" dog"], "targets": [" is", " a"]}
posts = [
    ("tokens", {"text": text, "special": True}),
    (
        "predict?figure=1",
        {
            "text": text,
            "k": 3,
            "targets": [" cat"],
            "edits": ["wte@' cat' mix 0.25 ' dog'", {"at": "blocks.1.z@-1", "do": "zero"}],
        },
    ),
    (
        "generate",
        {"text": text, "count": 3, "temperature": 0.8, "top_k": 5, "top_p": 0.9, "seed": 3, "edits": ["ln_final zero"]},
    ),
    ("vectors?figure=1", {"vectors": ["' cat'", "2 * #72 - ' is'"]}),
    ("similar?figure=1", {"vector": "' cat' - ' dog'", "k": 5, "exclude": [" a"]}),
    ("cosines", {"vector": "mean(' cat', ' dog')"}),
    ("trace?figure=1", {"text": text, "position": 1, "top": 3}),
    ("lens?figure=1", {"text": text, "target": " is", "top": 2, "first": 1, "last": 3}),
    ("attention?figure=1", {"text": text, "block": 1, "heads": [0, 3]}),
    ("attribute?figure=1", {"text": text, "target": " cat", "against": " dog", "position": -1, "sorted": True}),
    ("trajectory?figure=1", {"text": text, "position": 2, "plane": ["' cat'", "' dog'"]}),
    ("mix?figure=1", {**mix, "steps": 3, "site": "blocks.0.resid_post", "edits": ["wte@0 scale 2"]}),
    ("mix/at", {**mix, "p": 0.25, "k": 3}),
    ("edit?figure=1", {"text": text, "edits": ["blocks.0.attn_out@-1 add ' cat'"], "top": 3, "targets": [" is"]}),
    ("jobs", {"kind": "map", "method": "tsne", "tokens": "0:40", "perplexity": 5, "steps": 20, "seed": 2}),
    (
        "jobs",
        {
            "kind": "map",
            "method": "umap",
            "tokens": [69, 72, 74, 76, 77, 1, 2, 3],
            "neighbours": 3,
            "min_dist": 0.2,
            "steps": 9,
        },
    ),
    ("jobs", {"kind": "map", "method": "pca", "site": "blocks.1.resid_post", "after": "The", "tokens": "0:9"}),
    (
        "jobs",
        {
            "kind": "patch",
            "clean": "The cat",
            "corrupt": "The dog",
            "target": " is",
            "against": " a",
            "sites": ["resid_pre"],
            "heads": True,
        },
    ),
    (
        "jobs",
        {
            "kind": "steer",
            "text": "The",
            "site": "blocks.1.resid_post",
            "towards": [" cat"],
            "away": [" dog"],
            "strengths": [0, 4],
            "targets": [" is"],
            "tokens": 3,
            "temperature": 0.5,
            "seed": 1,
        },
    ),
    (
        "jobs",
        {
            "kind": "train",
            "text": text * 3,
            "tokens": "bytes",
            "layers": 1,
            "heads": 2,
            "width": 16,
            "context": 8,
            "batch": 2,
            "steps": 2,
            "learning_rate": 0.01,
            "seed": 1,
        },
    ),
]
gets = [
    "health",
    "openapi.json",
    "models",
    "vocabulary?q=%20cat&limit=3",
    "vocabulary/labels",
    "vocabulary/attributes",
    "geometry?figure=1",
    "toy?figure=1",
    "matrix",
    "matrix/tile/0/0/0.png?tokens=norm&dimensions=cluster",
    "matrix/value?x=3&y=5&tokens=mean&dimensions=deviation",
    "matrix/values?left=1&right=4&top=2&bottom=5",
    "jobs",
    "jobs/1",
    "jobs/1/similar?token=69&k=3",
]
for name, (address, fields) in enumerate(posts):
    seed("api", f"post{name}", f"POST /api/{address}\n{json.dumps(fields)}")
for name, address in enumerate(gets):
    seed("api", f"get{name}", f"GET /api/{address}\n")


def request(line, *fields, body=""):
    """The first byte says where it is cut in two."""
    return b"\x30" + "\r\n".join([f"{line} HTTP/1.1", "Host: localhost:PORT", *fields, "", body]).encode()


cookie, kind = "Cookie: SESSION", "Content-Type: application/json"
tokens = json.dumps({"text": text})
health = request("GET /api/health", cookie)
seed("http", "enter", request("GET /?token=TOKEN&view=life"))
seed("http", "page", request("GET /", cookie, "Accept-Encoding: gzip", "Sec-Fetch-Site: same-origin"))
seed("http", "stranger", request("GET /api/health"))
seed(
    "http",
    "other_site",
    request("POST /api/tokens", cookie, kind, "Origin: http://evil.example", "Content-Length: 2", body="{}"),
)
seed("http", "other_name", request("GET /", cookie).replace(b"localhost:PORT", b"evil.example"))
seed("http", "head", request("HEAD /api/vocabulary/labels", cookie) + health[1:])
seed("http", "etag", request("GET /api/vocabulary/labels", cookie, 'If-None-Match: "x"'))
seed(
    "http",
    "post",
    request(
        "POST /api/tokens", cookie, kind, "Origin: http://localhost:PORT", f"Content-Length: {len(tokens)}", body=tokens
    ),
)
seed(
    "http",
    "chunks",
    request(
        "POST /api/tokens", cookie, kind, "Transfer-Encoding: chunked", body=f"{len(tokens):x}\r\n{tokens}\r\n0\r\n\r\n"
    ),
)
seed(
    "http",
    "continue",
    request("POST /api/tokens", cookie, kind, "Expect: 100-continue", f"Content-Length: {len(tokens)}", body=tokens),
)
seed("http", "row", health + health[1:] + request("GET /api/toy", cookie, "Connection: close")[1:])
seed(
    "http", "events", request("POST /api/generate", cookie, kind, "Content-Length: 24", body='{"text":"The","count":2}')
)
seed("http", "twice", request("GET /", cookie, "Host: evil.example"))


for name, template in json.loads((data / "chat.json").read_text())["templates"].items():
    seed("chat", name.replace(" ", "_"), template)
