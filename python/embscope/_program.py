"""The command line that the wheel carries."""
from __future__ import annotations

import os
import pathlib
import sys


def program() -> pathlib.Path:
    """The `embscope` program in this package."""
    return pathlib.Path(__file__).with_name("bin") / "embscope"


def main() -> None:
    path = program()
    if not path.exists():
        sys.exit("embscope: this installation has no command line: install the wheel, or build it with scripts/tour")
    os.execv(path, ["embscope", *sys.argv[1:]])
