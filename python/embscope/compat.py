"""Names and conventions of other tools, for code that was written for them.

`Model.run`, `hook` and `hooks` accept these names directly. This module adds the rest: the batch axis that PyTorch
users expect, nnsight's paths, and the tables of names.

    from embscope import compat compat.names(model)                                  # site -> its names in
    TransformerLens, Hugging Face, nnsight logits, cache = compat.run_with_cache(model, text)   # TransformerLens's call
    and its shapes out = compat.forward(model, ids, output_hidden_states=True)  # transformers' call and its shapes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from .errors import NotFoundError
from .model import Handle, Model, Text

# The parts of nnsight's path that say how a value is read, not where.
_OUTPUT = re.compile(r"\.(output|inputs?)(\[0\]|\[0\]\[0\])*(\.save\(\))?$")


def site(model: Model, name: str) -> str:
    """Embscope's own name for a site of TransformerLens, Hugging Face or nnsight ("transformer.h.3.output[0]",
    "model.layers[3].mlp.output", "transformer.h[2].attn.c_proj.input"). Raises NotFoundError with the nearest names."""
    what = _OUTPUT.search(name.strip())
    path = re.sub(r"\[(-?\d+)\]", r".\1", _OUTPUT.sub("", name.strip()))
    if what and what.group(1) != "output":
        return _input_of(model, path)
    return model.site(path)


def _input_of(model: Model, path: str) -> str:
    """The site of a module's input, for the modules whose input is a site."""
    into = [
        (r"(?:transformer\.h|model\.layers)\.(\d+)", "blocks.{}.resid_pre"),
        (r"(?:transformer\.h\.(\d+)\.attn\.c_proj|model\.layers\.(\d+)\.self_attn\.o_proj)", "blocks.{}.z"),
        (r"(?:transformer\.h\.(\d+)\.ln_2|model\.layers\.(\d+)\.post_attention_layernorm)", "blocks.{}.resid_mid"),
        (r"(?:transformer\.h\.(\d+)\.mlp|model\.layers\.(\d+)\.mlp)", "blocks.{}.ln2"),
        (r"(?:transformer\.h\.(\d+)\.mlp\.c_proj|model\.layers\.(\d+)\.mlp\.down_proj)", "blocks.{}.mlp_post"),
        (r"(?:transformer\.ln_f|model\.norm)", f"blocks.{model.config['blocks'] - 1}.resid_post"),
        (r"lm_head", "ln_final"),
    ]
    for pattern, name in into:
        found = re.fullmatch(pattern, path)
        if found:
            return model.site(name.format(*(g for g in found.groups() if g is not None)))
    raise NotFoundError(
        f"{path}.input",
        "Embscope has no site for the input of this module; "
        "use the output of the module before it (embscope info lists the sites)",
    )


def names(model: Model) -> dict[str, dict[str, str]]:
    """Every site of the model with its names in other tools; {} stands for the number of the block."""
    return {
        s["site"]: {"transformer_lens": s["transformer_lens"], "hugging_face": s["hugging_face"], "gguf": s["gguf"]}
        for s in model.sites()
    }


class Cache(Mapping):
    """TransformerLens's ActivationCache: arrays [1, ...] under its names, ("resid_post", 3) and "resid_post" with a
    block too."""

    def __init__(self, model: Model, run):
        self._model, self._run = model, run

    def __getitem__(self, key: str | tuple) -> np.ndarray:
        """[1, T, ...]: a view with a batch axis of one, no copy."""
        if isinstance(key, tuple):
            key = f"blocks.{key[1]}.{key[0]}"
        return self._run[site(self._model, key)][None]

    def __iter__(self) -> Iterator[str]:
        return iter(self._run)

    def __len__(self) -> int:
        return len(self._run)


def run_with_cache(model: Model, text: Text, names_filter: str | Sequence[str] | Callable[[str], bool] | None = None):
    """TransformerLens's `run_with_cache`: logits [1, T, V] and a Cache. `names_filter` is a name, several, or a
    function of Embscope's names; None captures every site."""
    every = [
        name
        for s in model.sites()
        for name in model._core.expand(s["site"].removeprefix("blocks.L.").replace("{}", "*"))
    ]
    if names_filter is None:
        wanted = every
    elif callable(names_filter):
        wanted = [name for name in every if names_filter(name)]
    else:
        wanted = [site(model, n) for n in ([names_filter] if isinstance(names_filter, str) else names_filter)]
    run = model.run(text, capture=wanted, logits="all")
    return run.logits[None], Cache(model, run)


def run_with_hooks(model: Model, text: Text, fwd_hooks: Sequence[tuple[str, Callable]]) -> np.ndarray:
    """TransformerLens's `run_with_hooks`: logits [1, T, V]. Each function gets values [1, T, ...] and an object with
    `name`; it may write in place, or return a replacement."""
    handles: list[Handle] = []
    try:
        for name, function in fwd_hooks:
            handles.append(model.hook(site(model, name), _batched(function)))
        return model.run(text, logits="all").logits[None]
    finally:
        for handle in handles:
            handle.remove()


def _batched(function: Callable) -> Callable:
    def hook(values, place):
        given = function(values[None], SimpleNamespace(name=place.site, hook_name=place.site))
        return None if given is None else given[0]

    return hook


def forward(
    model: Model, ids: Text, output_hidden_states: bool = False, output_attentions: bool = False
) -> SimpleNamespace:
    """transformers' model(input_ids): ``logits`` [1, T, V]; ``hidden_states``, L + 1 arrays [1, T, D] of which the last
    is after the final norm, as transformers has it; ``attentions``, L arrays [1, H, T, T]."""
    blocks = model.config["blocks"]
    hidden = [f"blocks.{b}.resid_pre" for b in range(blocks)] + ["ln_final"] if output_hidden_states else []
    maps = [f"blocks.{b}.pattern" for b in range(blocks)] if output_attentions else []
    run = model.run(ids, capture=hidden + maps, logits="all")
    return SimpleNamespace(
        logits=run.logits[None],
        hidden_states=tuple(run[h][None] for h in hidden) or None,
        attentions=tuple(run[m][None] for m in maps) or None,
    )
