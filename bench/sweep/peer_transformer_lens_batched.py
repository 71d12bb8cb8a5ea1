"""TransformerLens, all mixtures as one batch by a hook on the embedding."""

import models
from experiment import Experiment, answer
from measure import arguments, measure

args = arguments()
torch, model = models.torch(), models.transformer_lens_bridge(args.model)
experiment = Experiment(args.model, model.W_E)


def sweep(steps):
    def change(embedded, hook):
        embedded[:, experiment.position] = experiment.mixtures(steps)
        return embedded

    ids = torch.tensor([experiment.ids] * steps)
    return experiment.probabilities(model.run_with_hooks(ids, fwd_hooks=[("hook_embed", change)])[:, -1])


for size in args.sizes:
    measure(args, size, lambda: sweep(size), answer)
