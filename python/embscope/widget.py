"""The map of a vocabulary as a widget: search, hover, zoom, and a selection that Python can read. Needs anywidget."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import ShapeError, needs

_SCRIPT = pathlib.Path(__file__).with_name("map.js")


def _widget_class():
    anywidget = needs("anywidget", "embscope.Map")
    traitlets = needs("traitlets", "embscope.Map")

    class Map(anywidget.AnyWidget):
        """Points [N, 2] with labels. ``selection``: indices of the points that are selected, by the user (Shift and
        drag, a click, or Enter in the search field) or from Python; ``selected``: their labels."""

        _esm = _SCRIPT
        points = traitlets.Bytes().tag(sync=True)
        labels = traitlets.Unicode().tag(sync=True)
        ids = traitlets.List(traitlets.Int()).tag(sync=True)
        selection = traitlets.List(traitlets.Int()).tag(sync=True)

        def __repr__(self) -> str:
            return f"Map({len(self.points) // 8:,} points, {len(self.selection):,} selected)"

        @property
        def selected(self) -> list[str]:
            names = self.labels.split("\0")
            return [names[i] for i in self.selection]

        @traitlets.validate("selection")
        def _within(self, proposal):
            count = len(self.points) // 8
            wrong = [i for i in proposal["value"] if not 0 <= i < count]
            if wrong:
                raise traitlets.TraitError(f"selection: no point {wrong[0]}: there are {count:,} points")
            return proposal["value"]

    return Map


def Map(points: Any, labels: Sequence[str], ids: Sequence[int] | None = None):
    """An interactive map of points [N, 2] with labels, for notebooks: search, hover, zoom, selection.

    `model.tsne().map()` makes one of a vocabulary. Raises ShapeError if the sizes do not match, MissingDependencyError
    without anywidget (says how to install it).
    """
    array = np.ascontiguousarray(points, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 2 or len(labels) != len(array):
        raise ShapeError(
            "Map",
            f"{len(labels)} labels for points of shape {' x '.join(map(str, array.shape))}: needs N x 2 and N labels",
        )
    global _class
    if _class is None:
        _class = _widget_class()
    numbers = list(range(len(array))) if ids is None else [int(i) for i in ids]
    return _class(points=array.tobytes(), labels="\0".join(label.replace("\0", "␀") for label in labels), ids=numbers)


_class = None
