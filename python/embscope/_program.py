"""The command line that the wheel carries."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys


def program() -> pathlib.Path:
    """The `embscope` program in this package."""
    return pathlib.Path(__file__).with_name("bin") / "embscope"


def offer_converter() -> None:
    """What draws .svg and .png is a Python with vl_convert: this one, where it has it and no other was named."""
    if "EMBSCOPE_VL_CONVERT" not in os.environ and sys.executable and importlib.util.find_spec("vl_convert"):
        os.environ["EMBSCOPE_VL_CONVERT"] = sys.executable


def main() -> None:
    path = program()
    if not path.exists():
        sys.exit("embscope: this installation has no command line: install the wheel, or build it with scripts/tour")
    offer_converter()
    os.execv(path, ["embscope", *sys.argv[1:]])
