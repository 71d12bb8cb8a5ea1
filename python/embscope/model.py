"""Model: an open language model and all its analyses."""

from __future__ import annotations

import contextlib
import html
import os
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core, projection
from ._ask import asked, messages_of, written
from ._catalogue import Analyses, Text
from ._words import brief, listed
from .errors import NotFoundError, RangeError, UsageError
from .progress import Progress, shown
from .space import Space, projected
from .table import Figure, Projected

Hook = Callable[..., Any]


class Tokens:
    """A text's tokens. ``ids`` is an int32 array [T]; ``labels`` are readable names; ``ranges`` are byte ranges in the
    text's UTF-8."""

    def __init__(self, text: str, ids: list[int], ranges: list[tuple[int, int]], labels: list[str]):
        self.text = text
        self.ids = np.array(ids, dtype=np.int32)
        self.ranges = ranges
        self.labels = labels

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __getitem__(self, at):
        return self.ids[at]

    def __repr__(self) -> str:
        return f"Tokens({listed([f'{i}:{label}' for i, label in zip(self.ids.tolist(), self.labels)])})"

    def _repr_html_(self) -> str:
        span = '<span style="background:hsl({} 60% 88%);color:#111;border-radius:3px;padding:1px 3px" title="position {}, id {}">{}</span>'
        return " ".join(
            span.format(47 * i % 360, i, token, html.escape(label))
            for i, (token, label) in enumerate(zip(self.ids.tolist(), self.labels))
        )


def Edit(
    site: str,
    change: str,
    vector: Any = None,
    amount: float = 1.0,
    positions: Sequence[int] = (),
    heads: Sequence[int] = (),
    rows: Sequence[int] = (),
    dimensions: Sequence[int] = (),
    low: float = 0.0,
    high: float = 0.0,
    seed: int = 1,
) -> _core.Edit:
    """An edit as data. Where: `site` (or a pattern of sites), `positions`, `heads`, `rows` of the batch; empty: all.

    `change` is an operation by its name in the text form: "set", "add", "mix", ...; `embscope edit --help` lists all,
    the how-to page on interventions says what each makes of the vector there. `amount` is its number (the share of a
    mixture, the degrees of a rotation, the deviation of noise), `dimensions`, `low` and `high` are for clamp, `seed`
    for noise.

    `vector` is float32 (see `pca` for the accepted arrays), or one number for every dimension. The text form, such as
    "wte@3 mix 0.25 ' France'", is accepted wherever an Edit is. Raises NotFoundError for an unknown change.
    """
    if isinstance(vector, (int, float)):
        vector = np.array([vector], dtype=np.float32)
    try:
        return _core.edit(
            site, change, vector, amount, list(positions), list(heads), list(rows), list(dimensions), low, high, seed
        )
    except TypeError:
        raise UsageError(
            "Edit", "positions, heads, rows and dimensions are lists of whole numbers; amount, low and high are numbers"
        ) from None


class Run(Mapping):
    """The result of one text: a mapping from sites to arrays over the engine's memory, and ``logits``.

    Arrays are [T, D], [T, H, K], [T, F], or [H, T, T] for scores and pattern. Values are those after edits and hooks.
    ``logits`` is [V] (of the last position), [T, V], or None; with ``of``, the requested tokens in place of V.
    """

    def __init__(self, model: Model, ids: Sequence[int], arrays: dict[str, np.ndarray], logits, cost: dict[str, float]):
        self._model = model
        self._arrays = arrays
        self.ids = ids
        self.logits = logits
        self.cost = cost  # of the whole batch: token-layers requested and computed

    def __getitem__(self, site: str) -> np.ndarray:
        if site in self._arrays:
            return self._arrays[site]
        name = self._model.site(site)
        if name not in self._arrays:
            raise NotFoundError(site, f"was not captured; captured: {', '.join(self._arrays) or 'nothing'}")
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        arrays = listed([f"{name} {list(a.shape)}" for name, a in self._arrays.items()])
        return f"Run({len(self.ids)} tokens; {arrays or 'nothing captured'}; logits {None if self.logits is None else list(self.logits.shape)})"


class Runs(list):
    """A Run for each row of a batch."""

    def __repr__(self) -> str:
        return f"Runs({len(self):,} rows{': ' + repr(self[0]) if self else ''}{', ...' if len(self) > 1 else ''})"

    def stack(self, site: str) -> np.ndarray:
        """The rows' arrays as one array, [B, ...] (a copy). Raises ValueError for rows of unequal length."""
        return np.stack([run[site] for run in self])


@dataclass(frozen=True)
class Place:
    """Where a hook is called: the `site`, the `row` of the batch, and the position of its first value (0 without a
    cache)."""

    site: str
    row: int
    first_position: int

    @property
    def name(self) -> str:
        return self.site


class Handle:
    """One registered hook. ``remove()`` removes only this hook; removing it again has no effect."""

    def __init__(self, hooks: list[Handle], site: str, function: Hook):
        self.site = site
        self.function = function
        self._hooks = hooks

    def remove(self) -> None:
        with contextlib.suppress(ValueError):
            self._hooks.remove(self)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *raised) -> None:
        self.remove()

    def _called(self, values: np.ndarray, site: str, row: int, first: int):
        try:
            return self.function(values, Place(site, row, first))
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # they hold arrays over memory that the engine is about to free
            raise

    def __repr__(self) -> str:
        return f"Handle({brief(self.site, 200)}: {brief(str(getattr(self.function, '__name__', self.function)), 200)})"


def load(name: str | os.PathLike, bos: bool = True) -> Model:
    """Opens a model: a name in the cache ("smollm2", "gpt2"), a folder in Hugging Face's layout, a .gguf, or a
    .safetensors beside its config.json. The file is mapped, not read: opening takes milliseconds. With ``bos=False``
    the model gets only the text, without the beginning-of-text token that its tokenizer adds.

    Raises NotFoundError (with the known names), FormatError, UnsupportedError, ShapeError, InputOutputError.
    """
    return Model(_core.load(os.fspath(name), bos))


class Model(Analyses):
    """An open language model. Made by `embscope.load`.

    It may be shared by any number of threads. Hooks belong to the thread that registered them. `close` releases the
    file; using the model afterwards is a UsageError. `with embscope.load(...) as model:` closes it at the end.
    """

    def __init__(self, core: _core.Opened):
        self._open: _core.Opened | None = core
        self._hooks = threading.local()
        self._labels: list[str] | None = None
        self._cached: dict[str, Any] = {}

    # What it is

    @property
    def _core(self) -> _core.Opened:
        if self._open is None:
            raise UsageError("model", "it was closed: open it again with embscope.load")
        return self._open

    def close(self) -> None:
        """Releases the file and the packed weights. Arrays made before stay valid."""
        self._open = None
        self._cached.clear()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def path(self) -> str:
        """The file or folder that it was opened from."""
        return self._core.path

    @property
    def config(self) -> dict[str, Any]:
        """vocab (V), width (D), blocks (L), heads (H), kv_heads, head_width (K), mlp_width (F), context, tied, bos,
        eos."""
        return self._core.config

    def sites(self) -> list[dict[str, str]]:
        """Every site of this model, in the order of a forward pass: its name, shape, and names in other tools."""
        return self._core.sites

    def site(self, name: str) -> str:
        """Embscope's own name for a site. Accepts the names of TransformerLens, Hugging Face and llama.cpp.

        Raises NotFoundError with the nearest names."""
        return self._core.site(name)

    def __repr__(self) -> str:
        if self._open is None:
            return "Model(closed)"
        c = self.config
        return f"Model({brief(self.name, 200)!r}: {c['family']}, {c['blocks']} blocks, {c['width']} wide, {c['vocab']:,} tokens)"

    # Text and tokens

    def tokens(self, text: str, special: bool = False, bos: bool = True) -> Tokens:
        """The text's tokens, after the beginning-of-text token if the tokenizer's configuration adds it (never with
        ``bos=False``). ``special``: recognise special tokens written in the text."""
        return Tokens(text, *self._core.tokens(_text(text), special, bos))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD. Raises RangeError."""
        return self._core.decode(_ids(ids)).decode("utf-8", "replace")

    def label(self, token: int) -> str:
        """A readable name for one token: spaces as ␣, bytes that are not text as <0xE2>. Raises RangeError."""
        (id,), vocab = _ids([token]), self.config["vocab"]
        if not 0 <= id < vocab:
            raise RangeError("label", f"token id {id}: the vocabulary has ids 0..{vocab - 1}")
        return self._core.label(id)

    @property
    def labels(self) -> list[str]:
        """The `label` of every token, a list of V."""
        if self._labels is None:
            self._labels = self._core.labels()
        return self._labels

    def token(self, word: str | int) -> int:
        """The id of the token that a text names: "#11452", or a word: as written if that is one token, otherwise with a
        space before it if that is one token, otherwise its last piece. "##5" is the text "#5"."""
        return self._core.word(word) if isinstance(word, str) else _ids([word])[0]

    # Vectors

    @property
    def wte(self) -> np.ndarray:
        """The embedding matrix [V, D], read-only. If the file contains float32 it is the file's own memory: nothing is
        read or copied. Otherwise (float16, bfloat16, quantised) it is decoded once, on first use, and takes 4 V D
        bytes."""
        return _core.wte(self._core)

    def embed(self, what: str | int | Sequence) -> np.ndarray:
        """Embedding vectors: [D] for a word (by its token: see `token`) or an id; [N, D] for a list of words or ids, or
        Tokens.

        Reads only these rows of the file. Raises RangeError for an id outside the vocabulary."""
        if isinstance(what, str) or not isinstance(what, Iterable):
            return self._core.rows([self.token(what)])[0]
        return self._core.rows([self.token(one) for one in what])

    def vector(self, expression: str, site: str = "wte", position: int = -1) -> np.ndarray:
        """A vector expression, [D]: "' king' - ' man' + ' woman'", "mean(' a', ' b')", "run('a text'@-1)" at `site`."""
        return self._core.vector(expression, site, position)

    def heatmap(self, pixels: int = 1600) -> Figure:
        """The whole embedding matrix as a picture: tokens across, dimensions down, each pixel the mean of its cells."""
        return super().heatmap(pixels).figure()

    @property
    def space(self) -> Space:
        """The embedding matrix as a `Space` of V labelled vectors. Made once and cached.

        Raises RangeError for a model whose matrix contains NaN (with the row)."""
        if "space" not in self._cached:
            self._cached["space"] = Space(_core.space_of(self._core))
        return self._cached["space"]

    def tsne(self, tokens: Sequence | None = None, progress: Progress = None, **options) -> Projected:
        """t-SNE of the embeddings of `tokens` (ids or words; None: all): ``points`` [N, 2], ``ids``, ``labels``, a
        figure.

        `options` are those of `embscope.tsne`."""
        return self._map(
            tokens, "t-SNE", lambda vectors: {"points": projection.tsne(vectors, progress=progress, **options)}
        )

    def umap(self, tokens: Sequence | None = None, progress: Progress = None, **options) -> Projected:
        """UMAP of the embeddings of `tokens` (ids or words; None: all): ``points`` [N, 2], ``ids``, ``labels``, a
        figure.

        `options` are those of `embscope.umap`."""
        return self._map(
            tokens, "UMAP", lambda vectors: {"points": projection.umap(vectors, progress=progress, **options)}
        )

    def pca(self, tokens: Sequence | None = None, count: int = 2) -> Projected:
        """Principal components of the embeddings of `tokens`: ``points`` [N, count], ``ids``, ``labels``,
        ``explained``."""
        return self._map(
            tokens,
            "Principal components",
            lambda vectors: dict(zip(("points", "explained"), projection.pca(vectors, count))),
        )

    def neighbours(
        self, k: int = 10, metric: str = "cosine", centred: bool = False, progress: Progress = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The exact k nearest tokens of every token: ids int32 [V, k] and values float32 [V, k]. See
        `embscope.neighbours`."""
        return projection.neighbours(self.wte, k, None, metric, centred, progress)

    def _map(self, tokens: Sequence | None, what: str, project: Callable[[np.ndarray], dict[str, Any]]) -> Projected:
        ids = list(range(self.config["vocab"])) if tokens is None else [self.token(t) for t in tokens]
        found = project(self.wte if tokens is None else self._core.rows(ids))
        return projected(
            ids=ids,
            labels=[self._core.label(i) for i in ids],
            title=f"{what} of {len(ids):,} tokens of {self.name}",
            **found,
        )

    # The forward pass

    def run(
        self,
        text: Text | Sequence[Text],
        capture: Sequence[str] | str = (),
        edits: Sequence = (),
        logits: str | None = "last",
        of: Sequence[str | int] = (),
        progress: Progress = None,
    ) -> Run | Runs:
        """One forward pass over a text, token ids, or a batch (a list) of either: a Run, or Runs for a batch.

        capture  sites or patterns of sites: "blocks.3.resid_post", "blocks.*.z", "pattern"; other tools' names too
        edits    text forms ("wte@' Germany' mix 0.25 ' France'") or `Edit`s, applied in this order
        logits   "last" (of the last position), "all" or None
        of       tokens or words: only their logits are returned

        Rows of a batch may differ in length; each gives the same bits as alone. Arrays are the engine's own memory, not
        copies. Hooks of this thread are called. Raises UsageError for an empty text, RangeError for ids out of range
        and texts longer than the context, NotFoundError for unknown sites, ShapeError for vectors of a wrong length.
        """
        batch = _is_batch(text)
        texts = list(text) if batch else [text]
        rows = [self._ids(t) for t in texts]
        sites = [capture] if isinstance(capture, str) else list(capture)
        hooks = [(h.site, h._called) for h in self.active_hooks()]
        with shown(progress) as p:
            found, cost = self._core.run(
                rows,
                [t if isinstance(t, str) else "" for t in texts],
                sites,
                _edits(edits),
                "none" if logits is None else logits,
                [self.token(t) for t in of],
                hooks,
                p,
            )
        runs = Runs(Run(self, ids, arrays, last, cost) for ids, (arrays, last) in zip(rows, found))
        return runs if batch else runs[0]

    def _ids(self, text: Text) -> list[int]:
        return self._core.tokens(text, False, True)[0] if isinstance(text, str) else _ids(text)

    def unembed(self, residual: Any) -> np.ndarray:
        """Final norm and unembedding of residual vectors [N, D] -> logits [N, V]: the logit lens. For the last
        resid_post these are the logits of the run, bit for bit."""
        return self._core.unembed(residual)

    def hook(self, site: str, function: Hook) -> Handle:
        """Calls ``function(values, place)`` whenever a `run` of this thread reaches the site (or a site of the
        pattern).

        `values` is a writable array [T, ...] over the engine's own memory: the model continues with what is written
        there. The function may also return a replacement of the same shape. It is called once for each row of a batch;
        `place` has the row and the site. Keeping the array is a UsageError; keep ``values.copy()`` instead. An
        exception in the function ends the run and reaches its caller; the model stays usable. Raises NotFoundError for
        an unknown site.
        """
        self._core.expand(site)
        if not callable(function):
            raise UsageError(
                f"hook at {site}", f"a {type(function).__name__} cannot be called: give a function of (values, place)"
            )
        handle = Handle(self.active_hooks(), site, function)
        self.active_hooks().append(handle)
        return handle

    @contextlib.contextmanager
    def hooks(self, functions: Mapping[str, Hook]):
        """``with model.hooks({site: function}) as handles:`` registers hooks (see `hook`) and removes them at the
        end."""
        for site in functions:
            self._core.expand(site)
        handles = [self.hook(site, function) for site, function in functions.items()]
        try:
            yield handles
        finally:
            for handle in handles:
                handle.remove()

    def active_hooks(self) -> list[Handle]:
        """The hooks of this thread, in the order in which they are called."""
        if not hasattr(self._hooks, "list"):
            self._hooks.list = []
        return self._hooks.list

    def _quiet(self) -> _core.Opened:
        """Analyses do not call hooks, so registered hooks are an error."""
        if self.active_hooks():
            raise UsageError(
                "hooks",
                f"hooks act only on Model.run, and {len(self.active_hooks())} would not be called here: "
                "remove them, or use edits",
            )
        return self._core

    # Predictions and analyses

    def conversation(self, messages: str | Sequence[Mapping[str, str]], answer: bool = True) -> str:
        """Messages as the model's chat template writes them; with `answer` up to where the model's own begins."""
        said = messages_of(messages)
        return _core.conversation(self._core, [(_text(one["role"]), _text(one["content"])) for one in said], answer)

    sweep = Analyses.mix

    cosines = Analyses.cosine

    def _ask(self, name: str, values: dict[str, Any], progress: Progress, old: Any = None) -> Any:
        return asked(self._quiet(), name, values, progress, old)

    def _look(self, name: str, values: dict[str, Any], progress: Progress, old: Any = None) -> Any:
        return asked(self._core, name, values, progress, old)

    def _write(self, name: str, values: dict[str, Any], on_token: Callable[[int, bytes, float], Any] | None) -> str:
        if "text" in values:
            _text(values["text"])
        return written(self._quiet(), name, values, on_token)

    # Vectors in context

    def text_space(self, text: Text | Sequence[Text], site: str, positions: int = 2048) -> Space:
        """One site's vectors at a text's positions (at most `positions`) as a `Space`, labelled "position token". Texts
        longer than the context are split into rows. Raises ShapeError for a site without a vector [D] for each
        position."""
        return Space(_core.text_space(self._quiet(), self._rows(text), site, positions))

    def words_in_context(
        self, words: Sequence[str], text: str, site: str = "ln_final", progress: Progress = None
    ) -> Space:
        """Words as vectors in context: each word replaces {} in `text`, and its vector is that at `site` at its last
        token. Words of several tokens have vectors too. Raises UsageError for a text without {}."""
        with shown(progress) as p:
            return Space(_core.words_in_context(self._quiet(), _words(words), text, site, p))

    def _rows(self, text: Text | Sequence[Text]) -> list[list[int]]:
        """The rows that are run: each text split at the context length."""
        texts = text if _is_batch(text) else [text]
        context = self.config["context"]
        return [ids[at : at + context] for ids in map(self._ids, texts) for at in range(0, len(ids), context)]


def _is_batch(text: Text | Sequence[Text]) -> bool:
    several = not isinstance(text, (str, bytes)) and isinstance(text, (Sequence, np.ndarray, Tokens))
    return several and len(text) > 0 and isinstance(text[0], (str, Sequence, np.ndarray, Tokens))


def _ids(ids: Sequence[int] | np.ndarray) -> list[int]:
    if isinstance(ids, (bytes, bytearray)) or not isinstance(ids, Iterable):
        raise UsageError("text", f"a {type(ids).__name__} is not text: give a str, token ids, or a list of these")
    out = []
    for one in ids:
        if isinstance(one, (bool, np.bool_)) or not isinstance(one, (int, np.integer)):
            raise UsageError("text", f"{one!r} is not a token id: give a text, whole numbers, or a list of these")
        if not -(2**31) <= one < 2**31:
            raise RangeError("text", f"{one} is not a token id")
        out.append(int(one))
    return out


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise UsageError("text", f"a {type(text).__name__} is not text: give a str (ids can be decoded: model.decode)")
    return text


def _words(words: Sequence[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def _edits(edits: Sequence) -> list:
    given = [edits] if isinstance(edits, (str, _core.Edit)) else list(edits)
    if not all(isinstance(one, (str, _core.Edit)) for one in given):
        raise UsageError("edits", 'give text such as "wte@3 zero" or embscope.Edit(...)')
    return given
