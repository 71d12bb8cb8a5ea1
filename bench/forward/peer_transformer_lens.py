"""TransformerLens, logits of every position."""

import models
from answer import sample
from measure import arguments, measure, tokens

args = arguments()
torch, model = models.torch(), models.transformer_lens_bridge(args.model)
for size in args.sizes:
    ids = torch.tensor([tokens(size)])
    measure(args, size, lambda: model(ids)[0], sample)
