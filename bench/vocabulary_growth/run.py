#!/usr/bin/env python3
"""How time and memory grow from 1,000 to 262,144 tokens: all pairs, the ten nearest of all, a t-SNE map.

    bench/vocabulary_growth/run.py build/release/embscope            writes results.json here and
    docs/pictures/growth.svg bench/vocabulary_growth/run.py build/release/embscope --draw     only draws what
    results.json holds

The vectors are a mixture of 2,000 clouds in 64 dimensions (needs numpy). Processor seconds are those of all threads
together, so that other work on the machine changes little; memory is the largest that the process held, without the
matrix itself.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PICTURE = HERE.parent.parent / "docs" / "pictures" / "growth.svg"
sys.path.insert(0, str(HERE.parent / "harness"))
from page import Axis  # noqa: E402

SIZES, WIDTH = (1024, 4096, 16384, 65536, 262144), 64
WORKS = {
    "all pairs": ["geometry", "--show", "pairs"],
    "10 neighbours of all": ["neighbours", "--all", "-k", "10"],
    "t-SNE, 750 steps": ["map", "--tokens", "all", "--stall", "0"],
}
COLOURS = dict(zip(WORKS, ("#0072B2", "#009E73", "#D55E00")))


def vectors(size):
    import numpy

    random = numpy.random.default_rng(1)
    centres = random.normal(size=(2000, WIDTH))
    return (centres[random.integers(0, 2000, size)] + 0.7 * random.normal(size=(size, WIDTH))).astype(numpy.float32)


def measured(command):
    """Processor seconds of all threads, and the largest memory in MB (by VmHWM: what wait4 tells includes this script's
    own)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory, status = 0, pathlib.Path(f"/proc/{process.pid}/status")
    while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        memory = max(memory, int(found[1])) if found else memory
        time.sleep(0.002)
    if ended[1] != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return ended[2].ru_utime + ended[2].ru_stime, memory / 1024


def run(embscope, sizes):
    import numpy

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = os.path.join(folder, f"{size}.npy")
            numpy.save(path, vectors(size))
            matrix = size * WIDTH * 4 / 2**20
            for work, command in WORKS.items():
                seconds, memory = measured([embscope, *command, "-m", path])
                rows.append(
                    {
                        "work": work,
                        "tokens": size,
                        "seconds": round(seconds, 3),
                        "beyond_matrix_mb": round(max(memory - matrix, 0), 1),
                    }
                )
                print(rows[-1], flush=True)
                (HERE / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def panel(rows, value, title, left):
    x = Axis(SIZES, left + 60, left + 330)
    y = Axis([row[value] for row in rows], 240, 50)
    out = [f"<text x='{left}' y='24' font-weight='600'>{title}</text>"]
    out += [f"<text x='{x(size):.0f}' y='262' text-anchor='middle'>{size:,}</text>" for size in SIZES]
    for decade in y.decades():
        out.append(
            f"<line x1='{left + 60}' x2='{left + 330}' y1='{y(decade):.0f}' y2='{y(decade):.0f}' stroke='#e3e8ee'/>"
            f"<text x='{left + 52}' y='{y(decade) + 4:.0f}' text-anchor='end'>{decade:g}</text>"
        )
    for work, colour in COLOURS.items():
        points = [(x(row["tokens"]), y(row[value])) for row in rows if row["work"] == work]
        out.append(
            f"<polyline points='{' '.join(f'{a:.1f},{b:.1f}' for a, b in points)}' fill='none' stroke='{colour}' stroke-width='2'/>"
        )
        out += [f"<circle cx='{a:.1f}' cy='{b:.1f}' r='3' fill='{colour}'/>" for a, b in points]
    return out


def draw(rows):
    legend = [
        f"<circle cx='{20 + 190 * i}' cy='290' r='5' fill='{colour}'/><text x='{32 + 190 * i}' y='294'>{work}</text>"
        for i, (work, colour) in enumerate(COLOURS.items())
    ]
    body = [
        *panel(rows, "seconds", "processor seconds (both threads) by tokens", 10),
        *panel(rows, "beyond_matrix_mb", "MB beyond the matrix by tokens", 380),
        *legend,
    ]
    PICTURE.write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='760' height='310' font-family='system-ui, sans-serif' "
        "font-size='12' fill='#3c4654'>\n<rect width='760' height='310' fill='white'/>\n"
        + "\n".join(body)
        + "\n</svg>\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embscope", type=pathlib.Path)
    parser.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    draw(
        json.loads((HERE / "results.json").read_text()) if options.draw else run(str(options.embscope.resolve()), SIZES)
    )


if __name__ == "__main__":
    main()
