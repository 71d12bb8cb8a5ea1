"""What follows from the catalogue of analyses, as `embscope catalogue` prints it: the Python functions and the
explorer's types."""

import keyword
import textwrap

MADE = "Made by scripts/reference from src/catalogue: change that, not this file."


# Python

ARGUMENTS = {
    "text": "Text",
    "name": "str",
    "token": "str | int",
    "integer": "int",
    "seed": "int",
    "number": "float",
    "flag": "bool",
    "vector": "str | Sequence[float] | np.ndarray",
    "edits": "Sequence | str",
    "tokens": "Sequence[str | int] | str",
    "names": "Sequence[str] | str",
    "integers": "Sequence[int]",
    "numbers": "Sequence[float]",
    "vectors": "Sequence[str | Sequence[float] | np.ndarray]",
}
LISTS = ("edits", "tokens", "names", "integers", "numbers", "vectors")


def argument(name):
    return name + "_" if keyword.iskeyword(name) else name


def parameter(field):
    kind, name = ARGUMENTS[field["kind"]], argument(field["name"])
    if field["required"]:
        return f"{name}: {kind}"
    if "initial" in field:
        initial = field["initial"]
        return f"{name}: {kind} = {tuple(initial) if isinstance(initial, list) else initial!r}"
    return f"{name}: {kind} = ()" if field["kind"] in LISTS else f"{name}: {kind} | None = None"


def wrapped(text, first="", rest=""):
    return textwrap.fill(
        text, 112, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def filled(parts, first, last):
    """Parts with commas between them as lines of at most 112 columns, none cut; all but the first line stand below its
    end."""
    lines, indent = [first], " " * len(first)
    for i, part in enumerate(parts):
        part += "," if i + 1 < len(parts) else last
        if len(lines[-1]) + 1 + len(part) > 112 and lines[-1] != first:
            lines.append(indent + part)
        else:
            lines[-1] += ("" if lines[-1] == first else " ") + part
    return "\n".join(lines)


def listed(entries):
    """Names and what they are, in columns."""
    width = max(len(name) for name, _ in entries) + 2
    return "\n".join(wrapped(what, name.ljust(width), " " * width) for name, what in entries)


def docstring(analysis):
    parts = [part for part in analysis["answer"] if part["kind"] != "figure"]
    paragraphs = [wrapped(analysis["what"].rstrip("?.") + ("?" if analysis["what"].endswith("?") else "."))]
    if analysis["more"]:
        paragraphs.append(wrapped(analysis["more"]))
    paragraphs.append(listed([(argument(f["name"]), f["what"]) for f in analysis["fields"]]))
    if analysis["one_table"]:
        table = next(part for part in parts if part["kind"] == "table")
        rest = [
            f"``{part['name']}`` ({part['what'][0].lower()}{part['what'][1:]})" for part in parts if part is not table
        ]
        paragraphs.append(
            wrapped(
                "The answer is a table. "
                + table["what"]
                + "."
                + (f" Its ``besides`` has {', '.join(rest)}." if rest else "")
            )
        )
    else:
        paragraphs.append("The answer has:")
        paragraphs.append(listed([(f"{part['name']}", part["what"]) for part in parts]))
    return "\n\n".join(paragraphs)


def function(analysis):
    fields = analysis["fields"]
    old = [field for field in fields if "old" in field]
    parameters = ["self", *map(parameter, fields), "progress: Progress = None"]
    if old:
        parameters += ["*", *(f"{field['old']}: Any = None" for field in old)]
    gives = "Table" if analysis["one_table"] else "Result"
    head = filled(parameters, f"    def {analysis['name']}(", f") -> {gives}:")
    values = [f'"{f["name"]}": {argument(f["name"])}' for f in fields]
    names = "" if not old else ", {" + ", ".join(f'"{f["old"]}": ("{f["name"]}", {f["old"]})' for f in old) + "}"
    call = filled(values, f'        return self._ask("{analysis["name"]}", {{', "},")
    doc = textwrap.indent(docstring(analysis), "        ").strip()
    return f'{head}\n        """{doc}\n        """\n{call}\n{" " * 25}progress{names})\n'


def python(analyses):
    return "\n".join(
        [
            f'"""The analyses of an open model. {MADE}"""',
            "from __future__ import annotations\n",
            "from collections.abc import Mapping, Sequence",
            "from typing import Any, Union\n",
            "import numpy as np\n",
            "from .progress import Progress",
            "from .table import Result, Table\n",
            "Text = Union[str, Sequence[int], np.ndarray]  # a text, or its token ids\n\n",
            "class Analyses:",
            '    """The analyses of an open model, with the same answers in every client."""\n',
            "    def _ask(self, name: str, values: dict[str, Any], progress: Progress,",
            "             old: Mapping[str, tuple[str, Any]] | None = None) -> Any:",
            "        raise NotImplementedError\n",
            "\n".join(map(function, analyses)),
        ]
    )


# TypeScript

ASKED = {
    "text": "string | number[]",
    "name": "string",
    "token": "string | number",
    "integer": "number",
    "seed": "number",
    "number": "number",
    "flag": "boolean",
    "vector": "string | number[]",
    "edits": "(string | { at: string; do: string })[]",
    "tokens": "(string | number)[]",
    "names": "string[]",
    "integers": "number[]",
    "numbers": "number[]",
    "vectors": "(string | number[])[]",
}
ANSWERED = {
    "name": "string",
    "token": "Token | null",
    "integer": "number",
    "number": "number",
    "flag": "boolean",
    "tokens": "Token[]",
    "names": "string[]",
    "integers": "number[]",
    "numbers": "(number | null)[]",
    "table": "Table",
    "figure": "Figure",
    "rows": "any[]",
    "arrays": "Record<string, any[]>",
    "odds": "Likelihood[]",
    "cost": "Cost",
}


def members(entries):
    return "".join(f"  /** {what} */\n  {name}{mark}: {kind};\n" for name, mark, kind, what in entries)


def group(parts, kind, one, several):
    found = [part for part in parts if part["kind"] == kind]
    mark = "?" if kind == "figure" else ""  # only where it is asked for
    if len(found) == 1:
        return [(one, mark, ANSWERED[kind], found[0]["what"])]
    if not found:
        return []
    inner = " ".join(f"{part['name']}: {ANSWERED[kind]};" for part in found)
    return [(several, mark, "{ " + inner + " }", "; ".join(f"{part['name']}: {part['what']}" for part in found))]


def interfaces(analysis):
    name = "".join(word.capitalize() for word in analysis["name"].split("_"))
    asked = [(f["name"], "" if f["required"] else "?", ASKED[f["kind"]], f["what"]) for f in analysis["fields"]]
    parts = analysis["answer"]
    answered = [(p["name"], "", ANSWERED[p["kind"]], p["what"]) for p in parts if p["kind"] not in ("table", "figure")]
    answered += group(parts, "table", "table", "tables") + group(parts, "figure", "figure", "figures")
    return (
        f"/** {analysis['what']}: POST /api/{analysis['name']} */\nexport interface {name}Request {{\n{members(asked)}}}\n\n"
        f"export interface {name}Answer {{\n{members(answered)}}}\n"
    )


def typescript(analyses):
    return "\n".join(
        [
            f"// What the analyses are asked and answer over HTTP. {MADE}\n",
            "export interface Table {\n  title: string;\n  columns: Record<string, (string | number | null)[]>;\n}\n",
            "/** A Vega-Lite specification, made by the engine. */\nexport type Figure = Record<string, unknown>;\n",
            "export interface Token {\n  id: number;\n  label: string;\n}\n",
            "export interface Likelihood extends Token {\n  probability: number;\n  rank: number;\n}\n",
            "export interface Cost {\n  asked: number;\n  computed: number;\n  logit_rows: number;\n}\n",
            "\n".join(map(interfaces, analyses)),
        ]
    )
