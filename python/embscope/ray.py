"""Activations of a corpus by many workers: Ray Data with one loaded model in each, Parquet files, and the command
line's manifest.

The corpus is cut into shards (document n belongs to shard n mod `shards`), a shard into parts. A part is one Parquet
file that appears whole or not at all, and the shard's manifest then says where the next one begins. A worker that dies
is started again by Ray and goes on at the first part that is missing: nothing is lost, nothing is there twice, and the
files are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import FormatError, InputOutputError, NotFoundError, UsageError, needs
from .model import Model, Tokens, load

_MOST = 1 << 20  # bytes hashed at each end of a file
_DTYPES = {
    "fp32": ("F32", np.float32),
    "fp16": ("F16", np.float16),
}  # as the command line says it, and as the manifest does


def fingerprint(path: str | os.PathLike) -> str:
    """Size and both ends of a file, hashed: the same as in the command line's manifest."""
    if not os.path.isfile(path):  # opening a named pipe would block
        raise InputOutputError(os.fspath(path), "is not a regular file")
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(min(_MOST, size))
        file.seek(max(len(head), size - min(_MOST, size)))
        return hashlib.sha256(f"{size}:".encode() + head + file.read()).hexdigest()[:32]


@dataclass
class Window:
    """Consecutive tokens of a document, at most as many as the model's context holds; `next` is the place after it."""

    line: int
    ids: list[int]
    ranges: list[tuple[int, int]]
    next: dict[str, int]


def _documents(corpus: pathlib.Path, field: str, line: int, byte: int) -> Iterator[tuple[int, int, int, str]]:
    """Yields (number of the line, its first byte, the byte after it, its text), starting at a place; empty lines have
    no text."""
    as_json = corpus.suffix in (".jsonl", ".ndjson")
    with open(corpus, "rb") as file:
        file.seek(byte)
        for number, raw in enumerate(file, line):
            start, byte = byte, byte + len(raw)
            try:
                text = raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig" if start == 0 else "utf-8")
                if as_json and text.strip():
                    text = json.loads(text)[field]
                if not isinstance(text, str):
                    raise TypeError(f"'{field}' is not text")
            except (ValueError, KeyError, TypeError) as error:
                raise FormatError(f"{corpus}, line {number + 1}", f"{error!s} ({type(error).__name__})") from None
            yield number, start, byte, text


def _cut(tokens: Tokens, context: int) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Ids and ranges of a document's windows. Each window begins with the beginning-of-text token, if there is one."""
    ids, ranges = tokens.ids.tolist(), tokens.ranges
    bos = 1 if ids and ranges[0][0] == ranges[0][1] else 0
    most = context - bos
    starts = range(bos, len(ids), most)
    return [(ids[:bos] + ids[at : at + most], [(ranges[at][0],) * 2] * bos + ranges[at : at + most]) for at in starts]


class Shard:
    """One shard's share of the work, by one worker."""

    def __init__(
        self,
        model: Model,
        corpus: pathlib.Path,
        folder: pathlib.Path,
        run: dict[str, Any],
        shard: int,
        batch_tokens: int,
    ):
        self.model, self.corpus, self.folder, self.run, self.batch_tokens = model, corpus, folder, run, batch_tokens
        self.shard = shard
        self.tag = "" if run["shards"] == 1 else f"-{shard}-of-{run['shards']}"
        self.manifest = folder / f"manifest{self.tag}.json"

    def finished(self) -> tuple[list[dict], bool]:
        """The finished parts, and whether the extraction is complete. Raises UsageError for parts of another
        extraction."""
        if not self.manifest.exists():
            return [], False
        manifest = json.loads(self.manifest.read_text())
        differs = [key for key in {**manifest["run"], **self.run} if manifest["run"].get(key) != self.run.get(key)]
        if differs:
            raise UsageError(
                str(self.folder), f"holds another extraction: {', '.join(sorted(differs))} differ; choose a new folder"
            )
        for n, part in enumerate(manifest["parts"]):
            path = self.folder / part["file"]
            if not path.exists() or path.stat().st_size != part["bytes"]:
                return manifest["parts"][:n], False
        return manifest["parts"], manifest["complete"]

    def windows(self, place: dict[str, int]) -> Iterator[Window]:
        """Starting at a place. The limits of the windows depend only on the corpus and the request."""
        wanted = place["window"]
        for line, byte, after, text in _documents(self.corpus, self.run["field"], place["line"], place["byte"]):
            if line % self.run["shards"] == self.shard and text:
                cut = _cut(self.model.tokens(text), self.model.config["context"])
                for number in range(wanted, len(cut)):
                    last = number + 1 == len(cut)
                    following = (line + 1, after, 0) if last else (line, byte, number + 1)
                    yield Window(line, *cut[number], dict(zip(("line", "byte", "window"), following)))
            wanted = 0

    def extract(self) -> dict[str, int]:
        """Writes the missing parts. Returns the counts of the whole shard."""
        parts, complete = self.finished()
        before = sum(part["tokens"] for part in parts)
        held, tokens = [], 0
        if not complete:
            for window in self.windows(parts[-1]["next"] if parts else {"line": 0, "byte": 0, "window": 0}):
                held.append(window)
                tokens += len(window.ids)
                if tokens >= self.run["part_tokens"]:
                    self._add(parts, held)
                    held, tokens = [], 0
            if held:
                self._add(parts, held)
            self._write_manifest(parts, True)
        return {
            "shard": self.shard,
            "parts": len(parts),
            "tokens": sum(p["tokens"] for p in parts),
            "tokens_before": before,
            "bytes": sum(p["bytes"] for p in parts),
        }

    def _add(self, parts: list[dict], windows: list[Window]) -> None:
        name = f"part{self.tag}-{len(parts):05}.parquet"
        self._write(self.folder / name, windows)
        parts.append(
            {
                "file": name,
                "tokens": sum(len(w.ids) for w in windows),
                "documents": len({w.line for w in windows}),
                "bytes": (self.folder / name).stat().st_size,
                "next": windows[-1].next,
            }
        )
        self._write_manifest(parts, False)

    def _write_manifest(self, parts: list[dict], complete: bool) -> None:
        temporary = self.manifest.with_name(f"{self.manifest.name}.tmp-{os.getpid()}")
        temporary.write_text(json.dumps({"run": self.run, "parts": parts, "complete": complete}) + "\n")
        os.replace(temporary, self.manifest)

    def _write(self, path: pathlib.Path, windows: list[Window]) -> None:
        arrow, parquet = needs("pyarrow", "embscope.ray"), needs("pyarrow.parquet", "embscope.ray")
        temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
        writer = None
        try:
            for batch in _batches(windows, self.batch_tokens):
                table = self._rows(arrow, batch)
                writer = writer or parquet.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
            writer.close()
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _rows(self, arrow, windows: list[Window]):
        """One row for each token: its place as in the command line's files, and a list of fixed length for each
        site."""
        runs = self.model.run([w.ids for w in windows], capture=self.run["sites"], logits=None, progress=False)
        lengths = [len(w.ids) for w in windows]
        columns = {
            "token_ids": np.concatenate([np.array(w.ids, np.int64) for w in windows]),
            "document": np.repeat([w.line for w in windows], lengths),
            "position": np.concatenate([np.arange(n) for n in lengths]),
            "begin": np.array([r[0] for w in windows for r in w.ranges], np.int64),
            "end": np.array([r[1] for w in windows for r in w.ranges], np.int64),
        }
        kind = next(kind for name, kind in _DTYPES.values() if name == self.run["dtype"])
        for site in self.run["sites"]:
            values = np.concatenate([run[site].reshape(n, -1) for run, n in zip(runs, lengths)]).astype(kind)
            columns[site] = arrow.FixedSizeListArray.from_arrays(arrow.array(values.ravel()), values.shape[1])
        return arrow.table(columns)


def _batches(windows: list[Window], most: int) -> Iterator[list[Window]]:
    batch, tokens = [], 0
    for window in windows:
        if batch and tokens + len(window.ids) > most:
            yield batch
            batch, tokens = [], 0
        batch.append(window)
        tokens += len(window.ids)
    yield batch


class _Worker:
    """A process of Ray with one model open."""

    def __init__(self, name: str, threads: int, corpus: str, folder: str, run: dict[str, Any], batch_tokens: int):
        from . import set_threads

        set_threads(threads)
        self.model = load(name)
        self.rest = pathlib.Path(corpus), pathlib.Path(folder), run
        self.batch_tokens = batch_tokens

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        done = [Shard(self.model, *self.rest, int(shard), self.batch_tokens).extract() for shard in batch["id"]]
        return {key: np.array([one[key] for one in done]) for key in done[0]}


def describe(
    model: Model,
    corpus: str | os.PathLike,
    sites: Sequence[str],
    dtype: str = "fp32",
    shards: int = 1,
    part_tokens: int = 32768,
    field: str = "text",
) -> dict[str, Any]:
    """Everything that determines the content of the files: the manifest's "run", with the same keys as the command
    line's."""
    if dtype not in _DTYPES:
        raise UsageError("dtype", f"'{dtype}': choose fp32 or fp16")
    if not os.path.exists(corpus):
        raise NotFoundError(str(corpus), "no such file")
    names = [name for pattern in sites for name in model._core.expand(pattern)]
    maps = [name for name in names if name.endswith((".scores", ".pattern"))]
    if maps or not names:
        raise UsageError("sites", f"'{maps[0]}' has no vector for each position" if maps else "name at least one")
    return {
        "format": "embscope extraction 1",
        "corpus": fingerprint(corpus),
        "field": field,
        "keep_invalid": False,
        "model": model.name,
        "model_files": [fingerprint(file) for file in model._core.files],
        "sites": names,
        "dtype": _DTYPES[dtype][0],
        "part_tokens": part_tokens,
        "shards": shards,
        "container": "parquet",
    }


def extract(
    corpus: str | os.PathLike,
    folder: str | os.PathLike,
    sites: Sequence[str] | str,
    model: str | os.PathLike = "smollm2",
    dtype: str = "fp32",
    shards: int | None = None,
    workers: int = 2,
    cpus: int = 1,
    part_tokens: int = 32768,
    batch_tokens: int = 1024,
    field: str = "text",
) -> list[dict[str, int]]:
    """Writes the activations of a corpus (.jsonl, or text with one document per line) as Parquet files; returns a
    dictionary a shard.

    A row is a token: token_ids, document (number of its line), position, begin and end (bytes of the document), and for
    each site a list of fixed length ("fp32" or "fp16"). `folder`, `corpus` and the model must be where every worker
    sees them. `workers` processes of `cpus` cores each open the model once; `shards` (4 for each worker) are shared out
    among them. Calling it again goes on where an earlier call, or a worker, was stopped.

    Raises MissingDependencyError without ray[data], UsageError for a folder that holds another extraction, FormatError
    with the line for a corpus that is not UTF-8 or JSON.
    """
    ray = needs("ray", "embscope.ray.extract")
    data = needs("ray.data", "embscope.ray.extract")
    shards = shards or 4 * workers
    name = os.path.abspath(model) if os.path.exists(model) else os.fspath(model)
    with load(name) as opened:
        run = describe(opened, corpus, [sites] if isinstance(sites, str) else sites, dtype, shards, part_tokens, field)
    target = pathlib.Path(folder).absolute()
    target.mkdir(parents=True, exist_ok=True)
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    arguments = name, cpus, os.path.abspath(corpus), str(target), run, batch_tokens
    # Items and not a range: reading tasks would wait forever for a core if the workers use all of them.
    items = data.from_items([{"id": shard} for shard in range(shards)], override_num_blocks=shards)
    work = items.map_batches(_Worker, fn_constructor_args=arguments, batch_size=1, num_cpus=cpus, concurrency=workers)
    return sorted(work.take_all(), key=lambda one: one["shard"])
