#!/usr/bin/env python3
"""Prints the software bill of materials of a release (CycloneDX 1.5): what is linked into the program or embedded in it,
with versions from the packages that are installed. Usage: bill_of_materials.py VERSION SECONDS"""

import datetime
import json
import pathlib
import re
import subprocess
import sys

# (name, Debian's package with the version that is linked, licence)
LINKED = [
    ("Boost", "libboost1.81-dev", "BSL-1.0"),
    ("Highway", "libhwy-dev", "Apache-2.0"),
    ("CLI11", "libcli11-dev", "BSD-3-Clause"),
    ("fmt", "libfmt-dev", "MIT"),
    ("utf8proc", "libutf8proc-dev", "MIT"),
    ("Oniguruma", "libonig-dev", "BSD-2-Clause"),
    ("libpng", "libpng-dev", "libpng-2.0"),
    ("zlib", "zlib1g-dev", "Zlib"),
    ("OpenSSL", "libssl-dev", "Apache-2.0"),
    ("curl", "libcurl4-openssl-dev", "curl"),
    ("c-ares", "libc-ares-dev", "MIT"),
    ("GNU C Library", "libc6-dev", "LGPL-2.1-or-later"),
    ("libstdc++", "libstdc++-12-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"),
]


def debian(package):
    asked = ["dpkg-query", "-W", "-f", "${Version}\n", package]
    done = subprocess.run(asked, capture_output=True, text=True)
    return done.stdout.split("\n")[0] or None


def component(name, version, licence, purl):
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"expression": licence} if " " in licence else {"license": {"id": licence}}],
        "purl": purl,
    }


def assets():
    """Vega's scripts, as scripts/fetch.py pins them."""
    text = (pathlib.Path(__file__).parent.parent / "scripts/fetch.py").read_text()
    for name, version in re.findall(r'NPM,\s+"(vega[\w-]*)",\s+"([\d.]+)"', text):
        yield component(name, version, "BSD-3-Clause", f"pkg:npm/{name}@{version}")


def main(version, seconds):
    parts = [
        component(name, found, licence, f"pkg:deb/debian/{package}@{found}")
        for name, package, licence in LINKED
        if (found := debian(package))
    ]
    time = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": "embscope",
                "name": "embscope",
                "version": version,
                "purl": f"pkg:generic/embscope@{version}",
            },
        },
        "components": parts + list(assets()),
    }
    json.dump(bill, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
