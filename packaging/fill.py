#!/usr/bin/env python3
"""Fills what package managers read (packaging/) with a release's version and hashes.
Usage: fill.py VERSION SECONDS FOLDER     FOLDER has the release's files; the filled ones go into FOLDER/manifests"""

import email.utils
import hashlib
import pathlib
import shutil
import sys

HOME = "https://github.com/embscope/embscope"
PARTS = ("homebrew", "conda", "winget", "debian")
HASHES = {"SHA256_SOURCE": "source.tar.gz", "SHA256_WINDOWS": "windows-x86_64.zip"}


def values(version, seconds, folder):
    found = {"HOME": HOME, "VERSION": version, "DATE": email.utils.formatdate(seconds)}
    for name, end in HASHES.items():
        file = folder / f"embscope-{version}-{end}"
        if file.exists():  # a release may be made without Windows: its manifest is not, then
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def main(version, seconds, folder):
    folder = pathlib.Path(folder)
    known = values(version, int(seconds), folder)
    for part in PARTS:
        place = folder / "manifests" / part
        shutil.copytree(pathlib.Path(__file__).parent / part, place, dirs_exist_ok=True)
        for file in sorted(p for p in place.rglob("*") if p.is_file()):
            text = file.read_text()
            for name, value in known.items():
                text = text.replace(f"@{name}@", value)
            file.write_text(text)
        if any("@SHA256_" in p.read_text() for p in place.rglob("*") if p.is_file()):
            shutil.rmtree(place)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
