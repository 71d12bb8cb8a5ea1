"""The notebooks run from their first cell to their last, and what a cell ends with can be shown."""

import ast
import json
import time

import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def show(value):
    """What Jupyter asks of the last line of a cell."""
    if value is None:
        return
    bundle = getattr(value, "_repr_mimebundle_", lambda: {})()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert bundle or repr(value)
    page = getattr(value, "_repr_html_", lambda: "<p>")()
    assert page.strip()
    json.dumps({kind: data for kind, data in (bundle or {}).items() if kind.endswith("json")}, allow_nan=False)


def run_cell(source, names):
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if last is not None:
        show(eval(compile(last, "<cell>", "eval"), names))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(path.read_text())
    names, started = {"__name__": "__main__"}, time.process_time()
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], f"cell {number} of {path.name} stores outputs"
            try:
                run_cell("".join(cell["source"]), names)
            except Exception as error:
                raise AssertionError(f"{path.name}, cell {number}: {error}") from error
    assert time.process_time() - started < 120  # on two cores: a minute
