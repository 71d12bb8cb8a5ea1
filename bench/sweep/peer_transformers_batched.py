"""transformers, all mixtures as one batch through inputs_embeds."""

import models
from experiment import Experiment, answer
from measure import arguments, measure

args = arguments()
torch, model = models.torch(), models.transformers_model(args.model)
experiment = Experiment(args.model, model.get_input_embeddings().weight)
embedded = model.get_input_embeddings()(torch.tensor([experiment.ids]))


def sweep(steps):
    changed = embedded.repeat(steps, 1, 1)
    changed[:, experiment.position] = experiment.mixtures(steps)
    return experiment.probabilities(model(inputs_embeds=changed, use_cache=False, logits_to_keep=1).logits[:, -1])


for size in args.sizes:
    measure(args, size, lambda: sweep(size), answer)
