"""A question of the catalogue of analyses: its values as the engine takes them, its answer as Python has it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from . import _core
from .errors import UsageError
from .progress import Progress, shown
from .table import answered

_VECTORS = ("direction", "vector")


def asked(
    core: _core.Opened | _core.Space | None,
    name: str,
    values: dict[str, Any],
    progress: Progress,
    old: Mapping[str, tuple[str, Any]] | None = None,
) -> Any:
    """An analysis asked of a model or a space; what is not given is left to it. `old`: values under names of the version before."""
    for before, (now, value) in (old or {}).items():
        if value is not None:
            warnings.warn(
                f"{name}: '{before}' is now '{now}'; the old name goes with the next version",
                DeprecationWarning,
                stacklevel=4,
            )
            values = {**values, now: value}
    given = _given(values)
    with shown(progress) as p:
        answer, *found = _core.ask_alone(name, given, p) if core is None else _core.ask(core, name, given, p)
    for remark in answer.remarks:
        warnings.warn(remark, stacklevel=4)
    return answered(answer, *found)


def written(
    core: _core.Opened, name: str, values: dict[str, Any], on_token: Callable[[int, bytes, float], Any] | None
) -> str:
    """A text that the model writes; ``on_token`` is called with each new token."""
    found = _core.ask(core, name, _given(values), None, on_token)[1]
    if found["ended"] == "context":
        warnings.warn(
            "the context is full, and the text ends here; shift=True continues it", RuntimeWarning, stacklevel=4
        )
    return found["text"]


def messages_of(messages: str | Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """A text is a message of the user's."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    for one in messages:
        if not isinstance(one, Mapping) or set(one) != {"role", "content"}:
            raise UsageError("messages", f"{one!r} is not a message: give {{'role': ..., 'content': ...}}")
    return [dict(one) for one in messages]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given at all, as the engine takes it."""
    return {
        field: messages_of(value) if field == "messages" else _plain(field, value)
        for field, value in values.items()
        if value is not None and not (isinstance(value, tuple) and not value)
    }


def _plain(name: str, value: Any) -> Any:
    """A value as the engine takes it: numbers, texts, edits, models and spaces, and lists of these."""
    if name == "text" and isinstance(value, (bytes, bytearray)):
        raise UsageError(
            name, f"the text is a {type(value).__name__}, needs a str: pathlib.Path(...).read_text() reads one"
        )
    if hasattr(value, "_core"):
        return value._quiet() if hasattr(value, "_quiet") else value._core
    if isinstance(value, (str, bool, int, float, _core.Edit)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    dtype = getattr(value, "dtype", None)
    if name in _VECTORS and dtype is not None and str(dtype).rpartition(".")[2] != "float32":
        raise UsageError(name, f"dtype is {dtype}, needs float32: use x.astype('float32')")  # as every array of vectors
    if isinstance(value, (bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise UsageError(
            name, f"a {type(value).__name__} is not understood here: give a text, numbers, or a list of these"
        )
    return [_plain(name, one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
