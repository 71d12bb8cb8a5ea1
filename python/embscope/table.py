"""Table, Figure and Result: what the analyses return."""

from __future__ import annotations

import html
import json
import os
import pathlib
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from . import _core
from ._program import offer_converter
from ._words import brief, listed
from .errors import needs

_MOST_ROWS = 20  # rows of a table that are displayed


class Table(Mapping):
    """Named columns of equal length: a mapping from names to NumPy arrays.

    Columns of numbers are float64 arrays over the engine's memory and cannot be written; ids, ranks, positions, blocks
    and counts are int64 (float64 where one is missing: NaN); columns of text are arrays of str. ``len(table)`` is the
    number of columns (it is a mapping), ``table.rows`` the number of rows.
    """

    def __init__(
        self, core: _core.Table, figure: Callable[[], Figure] | None = None, besides: dict[str, Any] | None = None
    ):
        self._core = core
        self.besides = besides or {}  # the other results of the analysis
        self._columns: dict[str, np.ndarray] = {}
        self._figure = figure

    @property
    def title(self) -> str:
        return self._core.title

    @property
    def rows(self) -> int:
        return self._core.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """The column, [rows]. Raises NotFoundError (a KeyError) that lists the names."""
        if name not in self._columns:
            column = _core.column(self._core, name)
            self._columns[name] = column if isinstance(column, np.ndarray) else np.array(column, dtype=str)
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.names())

    def __len__(self) -> int:
        return len(self._core.names())

    def records(self) -> list[dict[str, Any]]:
        """One dictionary per row."""
        return [dict(zip(self, row)) for row in zip(*(self[name].tolist() for name in self))]

    def to_pandas(self):
        """A pandas DataFrame (a copy). Raises MissingDependencyError without pandas."""
        pandas = needs("pandas", "Table.to_pandas")
        return pandas.DataFrame({name: self[name].copy() for name in self})

    def csv(self) -> str:
        """RFC 4180 with a header line, numbers with all their digits."""
        return self._core.csv()

    def json(self) -> str:
        return self._core.json()

    def figure(self) -> Figure:
        """The figure of this table."""
        if self._figure is None:
            raise NotImplementedError(f"the table '{self.title}' has no figure")
        return self._figure()

    def __str__(self) -> str:
        return self._core.text()

    def __repr__(self) -> str:
        return f"Table({brief(self.title, 200)!r}, {self.rows} rows: {listed(list(self))})"

    def _repr_html_(self) -> str:
        cell = lambda v: f"{v:.5g}" if isinstance(v, float) else html.escape(str(v))
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        columns = [self[name][:_MOST_ROWS].tolist() for name in self]
        body = "".join("<tr>" + "".join(f"<td>{cell(v)}</td>" for v in row) + "</tr>" for row in zip(*columns))
        more = f"<p>{_MOST_ROWS} of {self.rows:,} rows</p>" if self.rows > _MOST_ROWS else ""
        return f"<table><caption>{html.escape(self.title)}</caption><tr>{head}</tr>{body}</table>{more}"


class Figure:
    """A figure as a value: a Vega-Lite specification (version 6) with its data.

    JupyterLab, VS Code and Colab display it if it is the last line of a cell.
    """

    def __init__(self, core: _core.Figure):
        self._core = core

    @classmethod
    def of(cls, spec: dict[str, Any], name: str = "figure", title: str = "") -> Figure:
        """A figure of your own specification (Vega-Lite 6, data included)."""
        return cls(_core.Figure(name, title, json.dumps(spec)))

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def title(self) -> str:
        return self._core.title

    @property
    def spec(self) -> dict[str, Any]:
        """The Vega-Lite specification (a new dictionary each time)."""
        return json.loads(self._core.spec)

    def save(self, path: str | os.PathLike) -> None:
        """Saves by extension: .svg, .png, .html (self-contained, needs no network) or .json. The file is written
        completely or not at all.

        .svg and .png need vl-convert (`pip install vl-convert-python`). Raises UnsupportedError where it is missing,
        UsageError for another extension, InputOutputError.
        """
        offer_converter()
        self._core.save(pathlib.Path(path))

    def html(self) -> str:
        """A self-contained page."""
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "figure.html"
            self.save(page)
            return page.read_text()

    def to_altair(self):
        """An Altair chart that you can restyle, of the matching class (Chart, LayerChart, HConcatChart, ...). Raises
        MissingDependencyError without Altair."""
        altair = needs("altair", "Figure.to_altair")
        return altair.Chart.from_dict(self.spec)

    def __repr__(self) -> str:
        return f"Figure({brief(self.name, 200)!r}, {brief(self.title, 500)!r})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        spec = self.spec
        bundle = {"text/plain": repr(self)}
        if "google.colab" in sys.modules:  # displays only HTML
            bundle["text/html"] = self.html()
        else:  # each reader takes the version it knows; these figures use what both have
            bundle["application/vnd.vegalite.v6+json"] = spec
            bundle["application/vnd.vegalite.v6.json"] = spec
            bundle["application/vnd.vegalite.v5+json"] = {
                **spec,
                "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            }
        return bundle


def _in_short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape} array"
    if isinstance(value, (list, tuple, dict, set)) and len(value) > 8:
        return f"{type(value).__name__} of {len(value):,}"
    return brief(repr(value), 200)


class Result(types.SimpleNamespace):
    """The results of an analysis: tables, arrays and numbers by name, and ``figure()``. A result's only table is
    ``table``, as over HTTP."""

    def __init__(self, found: dict[str, Any], figure: Callable[[Result], Figure] | None, old: str = ""):
        super().__init__(**{name: Table(v) if isinstance(v, _core.Table) else v for name, v in found.items()})
        self._draw = figure
        self._old = old  # the name of ``table`` in the version before

    def figure(self) -> Figure:
        """The figure of the analysis."""
        if self._draw is None:
            raise NotImplementedError("this result has no figure")
        return self._draw(self)

    def __getattr__(self, name: str) -> Any:
        if name and name == vars(self).get("_old"):
            return self._by_old_name()
        raise AttributeError(f"a result has no '{name}': it has {', '.join(self._shown())}")

    def __getitem__(self, name: str) -> Any:
        return self._by_old_name() if name and name == self._old else self._shown()[name]

    def _by_old_name(self) -> Table:
        warnings.warn(
            f"'{self._old}' is now 'table'; the old name goes with the next version", DeprecationWarning, stacklevel=3
        )
        return self.table

    def keys(self):
        return self._shown().keys()

    def _shown(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __repr__(self) -> str:
        return brief(f"Result({', '.join(f'{name}={_in_short(value)}' for name, value in self._shown().items())})")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        figure = {} if self._draw is None else self.figure()._repr_mimebundle_()
        return {**figure, "text/plain": repr(self)}


def answered(answer: _core.Found, found: dict[str, Any], figures: list[str], one_table: bool, gives: str) -> Any:
    """What an analysis of the catalogue answers, with the engine's own pictures: a Table where that is the answer, else a
    Result. A table has the picture that is named like it; the only one of a result is its ``table``."""
    draw = lambda name: lambda *_: Figure(answer.figure(name))
    first = draw(figures[0]) if figures else None
    own = {
        name: Table(value, draw(name) if name in figures else None)
        for name, value in found.items()
        if isinstance(value, _core.Table)
    }
    if gives:
        return found[gives]
    name = next(iter(own), "")
    if not one_table:
        only = name if len(own) == 1 else ""
        return Result({"table" if key == only else key: own.get(key, found[key]) for key in found}, first, only)
    return Table(found[name], first, {other: own.get(other, value) for other, value in found.items() if other != name})


class Projected(Result):
    """Vectors as points: ``points`` [N, 2 or more], ``ids`` int32 [N], ``labels``; `figure` and the interactive
    `map`."""

    def map(self):
        """The interactive map (a widget): search, hover, zoom, selection. Raises MissingDependencyError without
        anywidget."""
        from .widget import Map

        return Map(self.points[:, :2], self.labels, self.ids)
