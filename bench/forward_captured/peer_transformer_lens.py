"""TransformerLens, run_with_cache: every hook point and the logits."""

import models
from measure import arguments, measure, tokens

SITES = ("attn.hook_q", "attn.hook_z", "hook_attn_out", "mlp.hook_post", "hook_resid_post", "attn.hook_pattern")

args = arguments()
torch, model = models.torch(), models.transformer_lens_bridge(args.model)


def sample(result):
    """Every 37th value of what some sites of the first and last block hold for the last token (for pattern, in head
    0)."""
    out = []
    for block in (0, 11):
        for site in SITES:
            values = result[1][f"blocks.{block}.{site}"][0]
            out += (values[0, -1] if site.endswith("pattern") else values[-1]).flatten()[::37].tolist()
    return out


for size in args.sizes:
    ids = torch.tensor([tokens(size)])
    measure(args, size, lambda: model.run_with_cache(ids), sample)
