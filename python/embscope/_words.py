"""Error messages for wrong types and seeds, and short representations of objects."""

from __future__ import annotations

import functools
import inspect
import operator
import os
import re
from collections.abc import Callable
from typing import Any

from .errors import ArgumentError, EmbscopeError, RangeError

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_LONGEST = 1000  # characters of a repr


def brief(text: str, most: int = _LONGEST) -> str:
    """The text, or its beginning and its length."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def listed(items, most: int = 20) -> str:
    """The first items, and the number of all."""
    shown = ", ".join(brief(str(item), 100) for _, item in zip(range(most), items))
    return brief(shown if len(items) <= most else f"{shown}, ... ({len(items):,})")


def in_words(namespace: dict[str, Any], names: list[str]) -> None:
    """Wraps the public functions, and the public methods of the classes, among `names`: an argument of a wrong type
    becomes an ArgumentError with a short message, a seed outside 0 to 2^64 - 1 a RangeError."""
    for name in names:
        found = namespace[name]
        if inspect.isfunction(found):
            namespace[name] = _worded(found)
        elif (
            inspect.isclass(found) and found.__module__.startswith(__package__) and not issubclass(found, BaseException)
        ):
            for method, function in list(vars(found).items()):
                if method.startswith("_") and method != "__init__":
                    continue
                if inspect.isfunction(function):
                    setattr(found, method, _worded(function))
                elif isinstance(function, (classmethod, staticmethod)):
                    setattr(found, method, type(function)(_worded(function.__func__)))


def _worded(function: Callable) -> Callable:
    if getattr(function, "_worded", False) or inspect.isgeneratorfunction(function):
        return function
    signature = inspect.signature(function)
    takes_seed = any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in signature.parameters.values())

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            if takes_seed:
                _check_seed(signature, args, kwargs)
            return function(*args, **kwargs)
        except TypeError as error:
            if isinstance(error, EmbscopeError) or not _is_ours(error.__traceback__):
                raise
            raise ArgumentError(function.__qualname__, _words(str(error), signature)) from None

    call._worded = True
    return call


def _check_seed(signature: inspect.Signature, args: tuple, kwargs: dict[str, Any]) -> None:
    seed = kwargs.get("seed")
    if seed is None and "seed" in signature.parameters:
        seed = signature.bind_partial(*args).arguments.get("seed")
    if seed is None:
        return
    try:
        number = operator.index(seed)
    except TypeError:
        raise ArgumentError("seed", f"{brief(repr(seed), 100)} is not a whole number") from None
    if not 0 <= number < 1 << 64:
        raise RangeError("seed", f"{brief(str(number), 100)}: a whole number from 0 to 18446744073709551615 is needed")


def _is_ours(trace) -> bool:
    """Whether the error was raised in this package: errors of a hook or a callback are not changed."""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return os.path.dirname(os.path.abspath(trace.tb_frame.f_code.co_filename)) == _PACKAGE


def _words(message: str, signature: inspect.Signature) -> str:
    """An argument that there is not, with those that there are; or from the binding's message the types given and
    needed."""
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    if unknown is not None:
        known = sorted(name for name in signature.parameters if name != "self")
        return f"no option '{unknown[1]}': the options are {', '.join(known)}"
    needed = re.search(r"1\. \w+\((.*)\) ->", message)
    given = re.search(r"Invoked with types: (.*)", message)
    if needed is None or given is None:
        return message.splitlines()[0]
    plain = re.sub(r"\b(?:embscope\._core|collections\.abc|embscope\.\w+)\.|\barg\d*: |, /|, \*", "", needed[1])
    return f"given {brief(given[1], 300)}; needed: {brief(plain, 300)}"
