"""transformers, one mixture after the other through inputs_embeds."""

import models
from experiment import Experiment, answer
from measure import arguments, measure

args = arguments()
torch, model = models.torch(), models.transformers_model(args.model)
experiment = Experiment(args.model, model.get_input_embeddings().weight)
embedded = model.get_input_embeddings()(torch.tensor([experiment.ids]))


def last_logits(vector):
    changed = embedded.clone()
    changed[0, experiment.position] = vector
    return model(inputs_embeds=changed, use_cache=False).logits[:, -1]


def sweep(steps):
    return experiment.probabilities(torch.cat([last_logits(vector) for vector in experiment.mixtures(steps)]))


for size in args.sizes:
    measure(args, size, lambda: sweep(size), answer)
