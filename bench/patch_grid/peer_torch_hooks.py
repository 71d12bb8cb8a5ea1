"""PyTorch's own hooks on transformers' GPT-2."""

from contextlib import contextmanager

import models
from grid import BLOCKS, SITES, TARGET, clean, corrupted, measure_sample
from measure import arguments

args = arguments()
torch, model = models.torch(), models.transformers_model(args.model)


@contextmanager
def changed(site, block, change):
    """Inside, `change` sees the vectors [1, T, D] of a site, and what it returns takes their place."""
    layer = model.transformer.h[block]
    if site == "resid_pre":
        handle = layer.register_forward_pre_hook(lambda module, inputs: (change(inputs[0]), *inputs[1:]))
    elif site == "attn_out":
        handle = layer.attn.register_forward_hook(lambda module, inputs, out: (change(out[0]), *out[1:]))
    else:
        handle = layer.mlp.register_forward_hook(lambda module, inputs, out: change(out))
    try:
        yield
    finally:
        handle.remove()


def clean_values(site, block):
    kept = []

    def keep(values):
        kept.append(values.clone())
        return values

    with changed(site, block, keep):
        model(torch.tensor([clean]), use_cache=False)
    return kept[0]


def setup():
    return {(site, block): clean_values(site, block) for site in SITES for block in range(BLOCKS)}


def patched_logit(cache, site, block, position):
    def patch(values):
        values = values.clone()
        values[:, position] = cache[site, block][:, position]
        return values

    with changed(site, block, patch):
        return model(torch.tensor([corrupted]), use_cache=False).logits[0, -1, TARGET]


measure_sample(args, setup, patched_logit)
