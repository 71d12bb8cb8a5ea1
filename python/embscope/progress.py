"""Progress of long computations: a line in a terminal or a notebook, with nothing to install; tqdm's bar if tqdm is
installed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = bool | None | Callable[[float, str], bool | None]

_PATIENCE = 0.5  # seconds of work before anything is shown


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and "IPKernelApp" in getattr(shell.get_ipython(), "config", {})


def _bar(fraction: float, what: str) -> str:
    done = round(24 * fraction)
    return f"{'#' * done}{'.' * (24 - done)} {100 * fraction:3.0f} %  {what}"


class Line:
    """Called with (fraction, what) by the waiting thread, at most twenty times a second."""

    def __init__(self):
        self.started = time.monotonic()
        self.shown = None

    def __call__(self, fraction: float, what: str) -> None:
        if self.shown is None:
            if time.monotonic() - self.started < _PATIENCE:
                return
            self.shown = self._open()
        self.shown(fraction, what)

    def _open(self) -> Callable[[float, str], None]:
        tqdm = sys.modules.get("tqdm")
        if tqdm is None and (_in_notebook() or sys.stderr.isatty()):
            try:
                import tqdm
            except ImportError:
                tqdm = None
        if tqdm is not None:
            import tqdm.auto

            self.bar = tqdm.auto.tqdm(total=100, leave=False, bar_format="{l_bar}{bar}| {elapsed}")
            return self._tqdm
        if _in_notebook():
            from IPython.display import display

            self.handle = display({"text/plain": ""}, raw=True, display_id=True)
            return lambda fraction, what: self.handle.update({"text/plain": _bar(fraction, what)}, raw=True)
        if sys.stderr.isatty():
            return lambda fraction, what: print(f"\r\x1b[K{_bar(fraction, what)}", end="", file=sys.stderr, flush=True)
        return lambda fraction, what: None

    def _tqdm(self, fraction: float, what: str) -> None:
        self.bar.set_description(what, refresh=False)
        self.bar.update(100 * fraction - self.bar.n)

    def close(self) -> None:
        if self.shown is None:
            return
        if hasattr(self, "bar"):
            self.bar.close()
        elif hasattr(self, "handle"):
            self.handle.update({"text/plain": ""}, raw=True)
        elif sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class shown:
    """``with shown(progress) as p:`` gives the function that the engine calls: the caller's function, a Line, or None
    for False."""

    def __init__(self, progress: Progress):
        self.given = progress

    def __enter__(self):
        self.line = Line() if self.given is None or self.given is True else None
        return self.line or self.given or None

    def __exit__(self, *raised):
        if self.line is not None:
            self.line.close()
