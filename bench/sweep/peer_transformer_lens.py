"""TransformerLens, one mixture after the other by a hook on the embedding."""

import models
from experiment import Experiment, answer
from measure import arguments, measure

args = arguments()
torch, model = models.torch(), models.transformer_lens_bridge(args.model)
experiment = Experiment(args.model, model.W_E)
ids = torch.tensor([experiment.ids])


def last_logits(vector):
    def change(embedded, hook):
        embedded[:, experiment.position] = vector
        return embedded

    return model.run_with_hooks(ids, fwd_hooks=[("hook_embed", change)])[:, -1]


def sweep(steps):
    return experiment.probabilities(torch.cat([last_logits(vector) for vector in experiment.mixtures(steps)]))


for size in args.sizes:
    measure(args, size, lambda: sweep(size), answer)
