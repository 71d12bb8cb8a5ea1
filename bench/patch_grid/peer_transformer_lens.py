"""TransformerLens: run_with_cache once, then run_with_hooks for every cell."""

import models
from grid import TARGET, clean, corrupted, measure_sample
from measure import arguments

args = arguments()
torch, model = models.torch(), models.transformer_lens_bridge(args.model)


def patched_logit(cache, site, block, position):
    name = f"blocks.{block}.hook_{site}"

    def patch(values, hook):
        values[:, position] = cache[name][:, position]
        return values

    return model.run_with_hooks(torch.tensor([corrupted]), fwd_hooks=[(name, patch)])[0, -1, TARGET]


measure_sample(args, lambda: model.run_with_cache(torch.tensor([clean]))[1], patched_logit)
