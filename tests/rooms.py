#!/usr/bin/env python3
"""Holds every #include to the table of rooms in CMakeLists.txt: a room knows itself and the rooms named there, and
includes from each of them."""

import pathlib
import re
import sys


def known_rooms(cmake):
    """room -> the rooms that it knows directly, itself among them."""
    known = {}
    for name, rest in re.findall(r"^room\((\w+)([^)]*)\)", cmake, re.M):
        knows = re.search(r"KNOWS ([\w ]+?)(?: PARTS|$)", rest)
        known[name] = {name} | set(knows.group(1).split() if knows else [])
    return known


def room_of(include):
    """ "embscope/ROOM/noun.h" and "ROOM/noun.h"."""
    head, *rest = include.split("/")
    return rest[0] if head == "embscope" else head


def offences(root):
    allowed = known_rooms((root / "CMakeLists.txt").read_text())
    used = {room: {room} for room in allowed}
    for part in ("src", "include/embscope", "apps", "python"):
        for file in sorted(p for p in (root / part).rglob("*") if p.suffix in (".h", ".cpp")):
            name = file.relative_to(root)
            room = file.relative_to(root / part).parts[0] if part in ("src", "include/embscope") else None
            if room is not None and room not in allowed:
                yield f"{name}: belongs to no room"
                continue
            for include in re.findall(r'^#include "([^"]+)"', file.read_text(), re.M):
                target = room_of(include)
                if target not in allowed:
                    continue
                if room is None:
                    if not include.startswith("embscope/"):
                        yield f"{name}: {part} may include only include/embscope, not {include}"
                elif target not in allowed[room]:
                    yield f"{name}: the room {room} does not know {target} ({include})"
                else:
                    used[room].add(target)
    for room in allowed:
        for target in sorted(allowed[room] - used[room]):
            yield f"CMakeLists.txt: the room {room} says that it knows {target}, and includes nothing of it"


def self_test():
    allowed = known_rooms("room(base PARTS x)\nroom(tensor KNOWS base PARTS y)\nroom(text KNOWS tensor)\n")
    assert allowed == {"base": {"base"}, "tensor": {"base", "tensor"}, "text": {"tensor", "text"}}, allowed


if __name__ == "__main__":
    self_test()
    found = list(offences(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "every include is allowed")
    sys.exit(bool(found))
