"""What follows from the catalogue of analyses, as `embscope catalogue` prints it: the Python functions and the
explorer's types."""

import keyword
import re
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
    "texts": "Text | Sequence[Text]",
    "file": "str | os.PathLike",
    "ids": "str | Sequence[int]",
    "other": "Any",
    "share": "str | int",
    "seeds": "Sequence[int]",
    "messages": "str | Sequence[Mapping[str, str]]",
}
LISTS = ("edits", "tokens", "names", "integers", "numbers", "vectors", "seeds")
LISTENER = "on_token: Callable[[int, bytes, float], Any] | None = None"


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
    if analysis["fields"]:
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
    elif analysis["gives"]:
        what = next(part["what"] for part in parts if part["name"] == analysis["gives"])
        paragraphs.append(f"The answer is this: {what[0].lower()}{what[1:]}.")
    else:
        tables = [part for part in parts if part["kind"] == "table"]
        only = tables[0] if len(tables) == 1 else None
        paragraphs.append("The answer has:")
        paragraphs.append(listed([("table" if part is only else part["name"], part["what"]) for part in parts]))
    return "\n\n".join(paragraphs)


def function(analysis):
    """A method, or where nothing is needed a function of the module."""
    fields, alone = analysis["fields"], analysis["needs"] == "nothing"
    old = [] if analysis["gives"] == "text" else [field for field in fields if "old" in field]
    written = analysis["gives"] == "text"  # by the model, token by token
    listed = []
    for field in fields:
        optional = any("=" in one for one in listed)
        listed.append(parameter(field) + " | None = None" * (field["required"] and optional))
        if written and field["name"] == "edits":
            listed.append(LISTENER)
    parameters = [*([] if alone else ["self"]), *listed, *([] if written else ["progress: Progress = None"])]
    if old:
        parameters += ["*", *(f"{field['old']}: Any = None" for field in old)]
    part = next((part for part in analysis["answer"] if part["name"] == analysis["gives"]), None)
    gives = ARGUMENTS[part["kind"]] if part else "Table" if analysis["one_table"] else "Result"
    indent = "" if alone else "    "
    head = filled(parameters, f"{indent}def {analysis['name']}(", f") -> {gives}:")
    values = [f'"{f["name"]}": {argument(f["name"])}' for f in fields]
    names = "" if not old else ", {" + ", ".join(f'"{f["old"]}": ("{f["name"]}", {f["old"]})' for f in old) + "}"
    ask = (
        "self._write("
        if written
        else "asked(None, "
        if alone
        else "self._ask("
        if analysis["needs"] == "transformer"
        else "self._look("
    )
    call = filled(values, f'{indent}    return {ask}"{analysis["name"]}", {{', "},") if values else None
    call = call or f'{indent}    return {ask}"{analysis["name"]}", {{}},'
    doc = textwrap.indent(docstring(analysis), indent + "    ").strip()
    last = "on_token)" if written else f"progress{names})"
    return f'{head}\n{indent}    """{doc}\n{indent}    """\n{call}\n{indent}{" " * 21}{last}\n'


def python(analyses):
    of = lambda *needs: "\n".join(function(one) for one in analyses if one["needs"] in needs)
    return "\n".join(
        [
            f'"""The analyses of models and of spaces of vectors. {MADE}"""',
            "from __future__ import annotations\n",
            "import os",
            "from collections.abc import Callable, Mapping, Sequence",
            "from typing import Any, Union\n",
            "import numpy as np\n",
            "from ._ask import asked",
            "from .progress import Progress",
            "from .table import Result, Table\n",
            "Text = Union[str, Sequence[int], np.ndarray]  # a text, or its token ids\n\n",
            of("nothing") + "\n",
            "class Looks:",
            '    """What can be asked of a space of vectors, and of a model: of its embedding matrix."""\n',
            "    def _look(self, name: str, values: dict[str, Any], progress: Progress,",
            "              old: Mapping[str, tuple[str, Any]] | None = None) -> Any:",
            "        raise NotImplementedError\n",
            of("space") + "\n",
            "class Analyses(Looks):",
            '    """What can be asked of an open model, and is answered alike by every client."""\n',
            "    def _write(self, name: str, values: dict[str, Any],",
            "               on_token: Callable[[int, bytes, float], Any] | None) -> str:",
            "        raise NotImplementedError\n",
            "    def _ask(self, name: str, values: dict[str, Any], progress: Progress,",
            "             old: Mapping[str, tuple[str, Any]] | None = None) -> Any:",
            "        raise NotImplementedError\n",
            of("model", "transformer"),
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
    "texts": "string | number[] | (string | number[])[]",
    "ids": "string | number[]",
    "other": "string",
    "seeds": "number[]",
    "messages": "{ role: string; content: string }[]",
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
    fields = [field for field in analysis["fields"] if field["kind"] != "file"]
    asked = [(f["name"], "" if f["required"] else "?", ASKED[f["kind"]], f["what"]) for f in fields]
    method = "POST" if fields else "GET"
    parts = analysis["answer"]
    answered = [(p["name"], "", ANSWERED[p["kind"]], p["what"]) for p in parts if p["kind"] not in ("table", "figure")]
    answered += group(parts, "table", "table", "tables") + group(parts, "figure", "figure", "figures")
    return (
        f"/** {analysis['what']}: {method} /api/{analysis['name']} */\nexport interface {name}Request {{\n{members(asked)}}}\n\n"
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
            "\n".join(interfaces(one) for one in analyses if one["http"]),
        ]
    )


# The fuzzers' dictionaries

VALUES = [
    "[]",
    "{}",
    "null",
    "true",
    "-1",
    "1e308",
    "9223372036854775807",
    '"wte"',
    '"blocks.*.z"',
    '"pca"',
    "\\u0000",
    "\\ud800",
    "%00",
    "%ff",
]
# Of edits: places, vectors, and values that are hard to read.
PLACES = ["blocks.", "blocks.*.", "0-1", "@-1", "@", "/", "..", "[2]"]
VECTORS = ["mean(", "run(", "file(", "file('/etc/passwd', 0)", "' cat'", "' dog'", "' is'", "'cat'", "#69"]
HARD = ["2147483647", "-2147483648", "1e38", "99999999999", "\n"]


def entries(words):
    quoted = [word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\x0a") for word in words]
    return "".join(f'"{word}"\n' for word in sorted(quoted))


def api_dictionary(api):
    """The words of the HTTP API: addresses, names of the query and of bodies, and values that are hard to read."""
    words = set(VALUES)
    for path, methods in api["paths"].items():
        for method, how in methods.items():
            words.add(f"{method.upper()} {re.sub('{[a-z]+}', '1', path)}")
            words.update(f"&{one['name']}=" for one in how.get("parameters", []) if one.get("in") == "query")
            body = how.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            words.update(f'"{field}":' for field in body.get("properties", {}))
    return entries(words)


def edit_dictionary(sites, forms):
    """The words of edits. `forms`: of each operation, such as "rotate DEGREES V"."""
    words = {*PLACES, *VECTORS, *HARD, *(site.removeprefix("blocks.L.") for site in sites)}
    for form in forms:
        name, *values = re.split(r"[ \[\]]+", form)
        words.update([name + " " * bool(values), *(f" {word} " for word in values if word.islower())])
    return entries(words)
