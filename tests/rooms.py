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


# Elsewhere than in these folders nothing asks the system: what may be included is of C++ or of a library.
SYSTEM = ("src/base/", "src/hub/")
STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits cmath
    compare complex concepts condition_variable coroutine csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime
    cwchar deque exception filesystem format forward_list fstream functional future initializer_list iomanip ios iosfwd
    iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional
    ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream
    stack stdexcept stop_token streambuf string string_view system_error thread tuple type_traits typeindex typeinfo
    unordered_map unordered_set utility valarray variant vector version""".split()
)
LIBRARIES = ("boost/", "CLI/", "fmt/", "hwy/", "nanobind/", "oniguruma.h", "png.h", "utf8proc.h", "zlib.h")
CALLS = re.compile(
    r"\b(?:getenv|getpid|isatty|fileno|localtime_r|localtime_s|fork|popen|mkdtemp|mkstemp)\s*\(|#\s*if.*\b_WIN32\b"
)


def system_offences(name, text):
    """What asks for the system outside the folders that may."""
    if str(name).startswith(SYSTEM):
        return
    for header in re.findall(r"^\s*#\s*include <([^>]+)>", text, re.M):
        if header not in STANDARD and not header.startswith(LIBRARIES):
            yield f"{name}: <{header}> is of one system: src/base has a function for it, or should have one"
    for call in CALLS.findall(re.sub(r"//.*|\"(?:[^\"\\\n]|\\.)*\"|R\"\((?:.|\n)*?\)\"", "", text)):
        yield f"{name}: {call.strip('( ')} is of one system: src/base has a function for it"


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
            text = file.read_text()
            yield from system_offences(name, text)
            for include in re.findall(r'^#include "([^"]+)"', text, re.M):
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
    bad = '#include <unistd.h>\n#include <vector>\nif (getenv("HOME"))  // fork()\n'
    assert len(list(system_offences("src/text/a.cpp", bad))) == 2
    assert not list(system_offences("src/base/posix/a.cpp", bad))


if __name__ == "__main__":
    self_test()
    found = list(offences(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "every include is allowed")
    sys.exit(bool(found))
