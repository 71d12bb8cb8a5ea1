#!/usr/bin/env python3
"""Holds every #include to the table of rooms in CMakeLists.txt: a room knows itself and the rooms named there."""

import pathlib
import re
import sys

PUBLIC = {  # public header -> its room
    "error": "base",
    "progress": "base",
    "threads": "base",
    "tensor": "tensor",
    "table": "tensor",
    "tokenizer": "text",
    "tokenizer_spec": "text",
    "utf8": "text",
    "prompt": "text",
    "simd": "kernels",
    "archive": "files",
    "text_file": "files",
    "model": "model",
    "named_token": "model",
    "site": "forward",
    "edit": "forward",
    "transformer": "forward",
    "known_models": "model",
    "training": "train",
    "vocabulary": "train",
    "training_run": "train",
    "gradient": "train",
    "growth": "analysis",
    "similarity": "analysis",
    "predict": "analysis",
    "residual_stream": "analysis",
    "mix": "analysis",
    "trace": "analysis",
    "lens": "analysis",
    "intervention": "analysis",
    "patching": "analysis",
    "steering": "analysis",
    "attention_patterns": "analysis",
    "attribution": "analysis",
    "extract": "analysis",
    "verify": "analysis",
    "projection": "project",
    "figure": "figure",
    "hub": "hub",
    "space": "space",
    "trajectory": "analysis",
    "in_context": "analysis",
    "matrix_tiles": "figure",
    "neighbours": "project",
    "map_quality": "project",
    "geometry": "analysis",
    "catalogue": "catalogue",
    "analogy": "analysis",
    "words": "analysis",
    "compare": "analysis",
}


def known_rooms(cmake):
    """room -> every room it may include, through others too."""
    direct = {}
    for name, rest in re.findall(r"^room\((\w+)([^)]*)\)", cmake, re.M):
        knows = re.search(r"KNOWS ([\w ]+?)(?: PARTS|$)", rest)
        direct[name] = set(knows.group(1).split()) if knows else set()

    def reach(room):
        return {room} | {r for known in direct[room] for r in reach(known)}

    return {room: reach(room) for room in direct}


def offences(root):
    allowed = known_rooms((root / "CMakeLists.txt").read_text())
    files = [
        f
        for part in ("src", "include", "apps", "python")
        for f in sorted((root / part).rglob("*"))
        if f.suffix in (".h", ".cpp")
    ]
    for file in files:
        parts = file.relative_to(root).parts
        room = parts[1] if parts[0] == "src" else PUBLIC.get(file.stem) if parts[0] == "include" else None
        if parts[0] == "include" and room is None:
            yield f"{file.relative_to(root)}: a public header without a room"
            continue
        for include in re.findall(r'^#include "([^"]+)"', file.read_text(), re.M):
            head, _, tail = include.partition("/")
            target = (
                PUBLIC.get(pathlib.Path(tail).stem)
                if head == "embscope"
                else head
                if (root / "src" / head).is_dir()
                else None
            )
            if target is None or include.startswith("hwy/"):
                continue
            if parts[0] in ("apps", "python") and head != "embscope":
                yield f"{file.relative_to(root)}: {parts[0]} may include only include/embscope, not {include}"
            if room is not None and target not in allowed[room]:
                yield f"{file.relative_to(root)}: the room {room} may not know {target} ({include})"


def self_test():
    allowed = known_rooms("room(base PARTS x)\nroom(tensor KNOWS base PARTS y)\nroom(text KNOWS tensor)\n")
    assert allowed == {"base": {"base"}, "tensor": {"base", "tensor"}, "text": {"base", "tensor", "text"}}, allowed


if __name__ == "__main__":
    self_test()
    found = list(offences(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "every include is allowed")
    sys.exit(bool(found))
