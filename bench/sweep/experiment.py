"""The sweep as the peers see it: which tokens, and how the vectors are mixed."""

import models

TEXT, REPLACE, WITH, TARGETS = "The capital of Germany is", " Germany", " France", (" Berlin", " Paris")


class Experiment:
    def __init__(self, path, matrix):
        """`matrix` [V, D] is the model's wte."""
        encode = models.transformers_tokenizer(path).encode
        self.ids, self.targets = encode(TEXT), [encode(target)[-1] for target in TARGETS]
        self.position = self.ids.index(encode(REPLACE)[-1])
        self.source, self.distractor = matrix[encode(REPLACE)[-1]], matrix[encode(WITH)[-1]]

    def mixtures(self, steps):
        """[steps, D], from the distractor to the source."""
        p = models.torch().linspace(0, 1, steps)[:, None]
        return p * self.source + (1 - p) * self.distractor

    def probabilities(self, logits):
        """Logits [steps, V] -> the targets' probabilities [steps, 2]."""
        return logits.double().softmax(-1)[:, self.targets]


def answer(probabilities):
    return probabilities.T.flatten().tolist()
