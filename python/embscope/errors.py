"""Errors: one class for each kind of error, all of them EmbscopeError, with the engine's messages."""

from __future__ import annotations

import re


class EmbscopeError(Exception):
    """The base class of all errors of Embscope. ``str(error)`` is one line: ``[where] what was wrong, and what to do``.

    Attributes: ``code`` (``"shape"``, ``"not_found"``, ...), ``where`` (a file, a site, a parameter), ``message``.
    """

    code = "usage"

    def __init__(self, where: str, message: str):
        super().__init__(f"[{where}] {message}")
        self.where = where
        self.message = message

    def __str__(self) -> str:
        return f"[{self.where}] {self.message}"

    def __reduce__(self):
        return type(self), (self.where, self.message)


class UsageError(EmbscopeError, ValueError):
    """The request cannot be understood; also a ValueError."""

    code = "usage"


class ArgumentError(UsageError, TypeError):
    """An argument of a wrong type; also a TypeError."""


class NotFoundError(EmbscopeError, KeyError):
    """A file, word, site, token or model that does not exist; also a KeyError."""

    code = "not_found"


class FormatError(EmbscopeError, ValueError):
    """A file or text whose content does not match its format; also a ValueError."""

    code = "format"


class UnsupportedError(EmbscopeError, NotImplementedError):
    """Valid, but not supported by Embscope; also a NotImplementedError."""

    code = "unsupported"


class ShapeError(EmbscopeError, ValueError):
    """Sizes that do not match; also a ValueError."""

    code = "shape"


class RangeError(EmbscopeError, ValueError, IndexError):
    """A number outside its bounds; also a ValueError and an IndexError."""

    code = "range"


class InputOutputError(EmbscopeError, OSError):
    """The operating system refused to read or write; also an OSError."""

    code = "io"


class NetworkError(EmbscopeError, ConnectionError):
    """A server refused, or the connection broke; also a ConnectionError."""

    code = "network"


class CancelledError(EmbscopeError):
    """A progress function returned False."""

    code = "cancelled"


class MissingDependencyError(EmbscopeError, ImportError):
    """An optional package is not installed; the message has the command that installs it. Also an ImportError."""

    code = "unsupported"


# Of two classes with one code the first: the engine misses no package.
_CLASSES = {kind.code: kind for kind in reversed(EmbscopeError.__subclasses__())}


def made(code: str, where: str, message: str) -> EmbscopeError:
    """The Python exception for the engine's error. "--resume" and "--part-tokens" in its message become
    `embscope.resume` and part_tokens; commands in quotes are not changed."""

    def here(found: re.Match) -> str:
        option = found[1]
        return found[0] if option is None else "embscope.resume" if option == "resume" else option.replace("-", "_")

    return _CLASSES[code](where, re.sub(r"'embscope [^']*'|--([a-z][a-z-]*)", here, message))


def needs(package: str, what: str):
    """The optional package, or MissingDependencyError with the command that installs it."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = {"ray": "ray[data]"}.get(package.split(".")[0], package.split(".")[0])
        raise MissingDependencyError(what, f"needs {package}, which is not installed: pip install '{name}'") from error
