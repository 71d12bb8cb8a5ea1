"""The results as one page that needs nothing else: machine, table, what stands in the way where a goal is missed,
curves."""

import math
from html import escape

from notes import TRIED

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 1080px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .4em .7em; border-bottom: 1px solid #e3e8ee;
  text-align: right; vertical-align: top; }
td:first-child, th:first-child, td:last-child, th:last-child { text-align: left; }
small { color: #5b6675; } .good { color: #00704f; } .bad { color: #b34700; } svg { margin: 0 1em 1em 0; }
"""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def html(results):
    machine = results["machine"]
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Embscope: benchmark</title>",
        f"<style>{STYLE}</style><h1>Embscope beside its peers</h1>",
        f"<p>{escape(machine['cpu'])}, {machine['cores']} cores; {machine['date']}. Measured limits of this machine: "
        f"<b>{machine['gemm_gflops']:.0f} GFLOP/s</b> in the packed matrix product, "
        f"<b>{machine['memory_gb_per_s']:.1f} GB/s</b> from memory.</p>",
        "<p>Best of several runs, all cores for everyone (tokenizing: one thread). Answers were compared before times. "
        "The limit is what arithmetic or memory alone takes at the measured rates.</p>",
        table(results["rows"]),
        *missed(results["rows"]),
        "<h2>How the cost grows</h2>",
        *map(plot, results["curves"]),
        "<p><small>Both axes are logarithmic. Dashed: one thread.</small></p>",
        not_installed(results["not_installed"]),
        "</html>\n",
    ]
    return "\n".join(parts)


def table(rows):
    head = "<tr><th>work<th>ours<th>goal<th>limit<th>ours / limit<th>memory<th>peers, their time over ours</tr>"
    return f"<table>{head}{''.join(map(line, rows))}</table>"


def line(row):
    reached = "good" if row["ours"] <= row["goal"] else "bad"
    limit = row["limit"]
    beside = row.get("beside", "")
    cells = [
        f"<b>{row['row']}</b><br><small>{escape(row['about'])}{'. Beside the peers: ' * bool(beside)}{escape(beside)}</small>",
        f"<span class='{reached}'>{time(row['ours'])}</span>",
        time(row["goal"]),
        time(limit) if limit else "-",
        f"{row['ours'] / limit:.1f}" if limit else "-",
        f"{row['memory_mb']:.0f} MB",
        "<br>".join(peers(row)),
    ]
    return f"<tr><td>{'<td>'.join(cells)}</tr>"


def missed(rows):
    """A section for each row that does not reach its goal: where the time goes, and what was tried."""
    short = [row for row in rows if row["ours"] > row["goal"]]
    if short:
        yield "<h2>What stands in the way</h2>"
    for row in short:
        yield f"<h3>{row['row']}: {time(row['ours'])}, the goal is {time(row['goal'])}</h3>"
        yield f"<p>{escape(TRIED.get(row['row'], ''))}</p>"
        lines = "".join(
            f"<tr><td>{share:.1f} %<td style='text-align: left'>{escape(symbol)}</tr>"
            for share, symbol in row.get("profile", [])
        )
        if lines:
            yield f"<table><tr><th>of the time<th style='text-align: left'>in</tr>{lines}</table>"


def peers(row):
    for name, seconds in row["peers"].items():
        note = row["notes"].get(name, "")
        yield (
            f"{escape(name)}: {time(seconds)}, <b>{seconds / row['ours']:.1f} times</b>, {row['peers_memory_mb'][name]:.0f} MB; "
            f"<small>answers apart by {row['differences'][name]:.0e}{'; ' * bool(note)}{escape(note)}</small>"
        )
    for name, why in row["failed"].items():
        yield f"{escape(name)}: <small class='bad'>{escape(why)}</small>"


def not_installed(failures):
    lines = "".join(f"<li>{escape(name)}: <small>{escape(why)}</small>" for name, why in failures.items())
    return f"<h2>Not installed here</h2><ul>{lines}</ul>" if failures else ""


def time(seconds):
    return f"{seconds:.3g} s" if seconds >= 0.1 else f"{1000 * seconds:.3g} ms"


class Axis:
    """A logarithmic axis from `low` to `high` in values, from `start` to `end` in pixels."""

    def __init__(self, values, start, end):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        self.start, self.end = start, end

    def __call__(self, value):
        return self.start + (math.log10(value) - self.low) / max(self.high - self.low, 1e-9) * (self.end - self.start)

    def decades(self):
        return [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]


def plot(curve):
    points = [point for line in curve["lines"] for point in line["points"]]
    x, y = Axis([p[0] for p in points], 70, 340), Axis([p[1] for p in points], 250, 40)
    sizes = sorted({p[0] for p in points})
    programs = list(dict.fromkeys(line["program"] for line in curve["lines"]))
    return "".join(
        [
            "<svg width='520' height='310' font-family='system-ui, sans-serif' font-size='12' fill='#3c4654'>",
            f"<text x='70' y='20' font-weight='600'>{escape(curve['row'])}: seconds by {escape(curve['axis'])}</text>",
            *(f"<text x='{x(size):.0f}' y='275' text-anchor='middle'>{size}</text>" for size in sizes),
            *(
                f"<text x='62' y='{y(v) + 4:.0f}' text-anchor='end'>{time(v)}</text>"
                f"<line x1='70' x2='340' y1='{y(v):.0f}' y2='{y(v):.0f}' stroke='#e3e8ee'/>"
                for v in y.decades()
            ),
            *(trace(line, x, y, COLOURS[programs.index(line["program"])]) for line in curve["lines"]),
            "</svg>",
        ]
    )


def trace(line, x, y, colour):
    path = " ".join(f"{x(size):.1f},{y(seconds):.1f}" for size, seconds in line["points"])
    dashes = "stroke-dasharray='5 4'" if line["threads"] == 1 else ""
    end_size, end_seconds = line["points"][-1]
    threads = "1 thread" if line["threads"] == 1 else f"{line['threads']} threads"
    return (
        f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2' {dashes}/>"
        f"<text x='{x(end_size) + 6:.0f}' y='{y(end_seconds) + 4:.0f}' fill='{colour}'>{line['program']}, {threads}</text>"
    )
