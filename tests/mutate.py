#!/usr/bin/env python3
"""Mutation testing: changes one operator or number of a room's sources at a time, rebuilds, and runs the tests of that
room and, while these pass, of the rooms that are built on it.

    tests/mutate.py ROOM [--count 20] [--seed 1] [--build build/release] [--tests PROGRAM ...]

A mutant that no test notices survives and is printed: either a test is missing, or the change makes no difference.
The sources are put back after each, also when the run is ended (SIGTERM, Ctrl-C); they must be committed before. The
build is one without EMBSCOPE_WERROR: compilers warn of some mutants.
"""

import argparse
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys

import rooms

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST_MEMORY = 8 << 30
SWAPS = [
    (r"(?<![<>=!+\-*/&|])<(?![<=>])(?= )", "<="),
    (r" > ", " >= "),
    (r" <= ", " < "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r" % ", " / "),
    (r" \+= ", " -= "),
    (r"\+\+", "--"),
    (r"(?<=[ (\[])0(?=[;,)\]])", "1"),
    (r"(?<=[ (\[])1(?=[;,)\]])", "2"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"(?<=if \()(?!!)(?=\w)", "!"),
    (r"\bcontinue;", "break;"),
    (r"^(\s+)throw .*;$", r"\1;"),
    (r"return false;", "return true;"),
]


def mutants(room):
    for path in sorted((ROOT / "src" / room).glob("*.cpp")):
        for number, line in enumerate(path.read_text().split("\n")):
            code = line.split("//")[0]
            if (
                code.lstrip().startswith(("#", "template", "using", "static constexpr", "constexpr"))
                or '"' in code
                or "->" in code
                and "auto" in code
            ):
                continue
            for pattern, new in SWAPS:
                for match in re.finditer(pattern, code):
                    changed = code[: match.start()] + match.expand(new) + code[match.end() :]
                    if changed != code:
                        yield path, number, line, changed + line[len(code) :]


def programs_of(room):
    """The test programs that a mistake in this room could fail: its own first."""
    known = rooms.known_rooms((ROOT / "CMakeLists.txt").read_text())
    above = [name for name in known if name != room and room in known[name] and (ROOT / "tests" / name).is_dir()]
    return [f"{name}_test" for name in [room, *sorted(above, key=lambda name: len(known[name]))]]


def limit_memory():
    """A loop that no longer ends must not take the machine with it."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def passes(command, seconds):
    try:
        return (
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                cwd=ROOT,
                preexec_fn=limit_memory,
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def refuse_uncommitted():
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", "src"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    if changed:
        sys.exit(
            f"mutate: src holds changes that are not committed, and mutants are written over it: commit them first\n{changed.rstrip()}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default="build/release")
    parser.add_argument(
        "--tests", nargs="*", help="test programs; by default the room's own and those of the rooms built on it"
    )
    options = parser.parse_args()
    refuse_uncommitted()
    if "EMBSCOPE_WERROR:BOOL=ON" in (ROOT / options.build / "CMakeCache.txt").read_text():
        sys.exit(
            f"mutate: {options.build} takes warnings for errors, and mutants that are warned of would not compile: configure one with -DEMBSCOPE_WERROR=OFF"
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("mutate: ended"))
    programs = options.tests or programs_of(options.room)
    build = ["cmake", "--build", options.build, "--target", *programs]
    tests = [[f"{options.build}/tests/{program}", "--gtest_brief=1"] for program in programs]
    if not passes(build, 3600) or not all(passes(test, 900) for test in tests):
        sys.exit("mutate: the tests must pass before the sources are changed")
    every = list(mutants(options.room))
    sample = random.Random(options.seed).sample(every, min(options.count, len(every)))
    tally = {"killed": 0, "did not compile": 0, "survived": 0}
    for path, number, old, new in sample:
        text = path.read_text()
        lines = text.split("\n")
        lines[number] = new
        try:
            path.write_text("\n".join(lines))
            fate = (
                "did not compile"
                if not passes(build, 900)
                else "survived"
                if all(passes(test, 300) for test in tests)
                else "killed"
            )
        finally:
            path.write_text(text)
        tally[fate] += 1
        if fate == "survived":
            print(f"survived: {path.relative_to(ROOT)}:{number + 1}\n  - {old.strip()}\n  + {new.strip()}", flush=True)
    passes(build, 3600)
    print(
        f"{options.room}: of {len(every)} possible mutants {len(sample)} were tried:",
        ", ".join(f"{n} {fate}" for fate, n in tally.items()),
    )


if __name__ == "__main__":
    main()
