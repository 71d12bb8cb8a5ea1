"""The article's figures with transformers, scikit-learn and matplotlib, each saved as a picture."""

import os
import tempfile

import models
from measure import whole_process

WORDS = ("hello", "world", " hello", " world", " apple", " pear", " spaceship")
TEXT, REPLACE, WITH, TARGETS, STEPS = "The capital of Germany is", " Germany", " France", (" Berlin", " Paris"), 17


def article(args):
    with tempfile.TemporaryDirectory() as folder:
        return Article(args.model, folder).draw()


class Article:
    def __init__(self, path, folder):
        import matplotlib

        matplotlib.use("Agg")
        self.torch, self.folder = models.torch(), folder
        self.encode, self.model = models.transformers_tokenizer(path).encode, models.transformers_model(path)
        self.matrix = self.model.get_input_embeddings().weight

    def draw(self):
        self.two_words()
        self.heatmap()
        self.map()
        return [*self.cosines(), *self.prediction(), *self.sweep()]

    def vector(self, word):
        return self.matrix[self.encode(word)[-1]]

    def save(self, name, figure):
        import matplotlib.pyplot

        figure.savefig(os.path.join(self.folder, f"{name}.png"))
        matplotlib.pyplot.close(figure)

    def axes(self, **size):
        import matplotlib.pyplot

        return matplotlib.pyplot.subplots(**size)

    def two_words(self):
        apple, pear = self.vector(" apple"), self.vector(" pear")
        figure, (lines, cloud) = self.axes(ncols=2)
        lines.plot(apple)
        lines.plot(pear)
        cloud.scatter(apple, pear)
        self.save("vectors", figure)

    def heatmap(self):
        figure, axes = self.axes(figsize=(16, 8))
        axes.imshow(self.matrix.T.numpy(), aspect="auto", cmap="coolwarm", vmin=-0.1, vmax=0.1)
        self.save("heatmap", figure)

    def map(self):
        from sklearn.manifold import TSNE

        points = TSNE(metric="cosine", perplexity=30, init="pca", max_iter=750).fit_transform(self.matrix[:100].numpy())
        figure, axes = self.axes()
        axes.scatter(*points.T)
        self.save("map", figure)

    def cosines(self):
        units = self.torch.nn.functional.normalize(self.torch.stack([self.vector(word) for word in WORDS]))
        cosines = units @ units.T
        figure, axes = self.axes()
        axes.imshow(cosines)
        self.save("cosines", figure)
        return cosines.flatten().tolist()

    def prediction(self):
        logits = self.model(self.torch.tensor([self.encode(TEXT)])).logits[0, -1]
        top = logits.double().softmax(-1).topk(10).values
        figure, axes = self.axes()
        axes.barh(range(10), top)
        self.save("predict", figure)
        return top.tolist()

    def sweep(self):
        ids, position = self.encode(TEXT), self.encode(TEXT).index(self.encode(REPLACE)[-1])
        embedded = self.matrix[ids].repeat(STEPS, 1, 1)
        p = self.torch.linspace(0, 1, STEPS)[:, None]
        embedded[:, position] = p * self.vector(REPLACE) + (1 - p) * self.vector(WITH)
        probabilities = self.model(inputs_embeds=embedded).logits[:, -1].double().softmax(-1)
        chosen = probabilities[:, [self.encode(target)[-1] for target in TARGETS]]
        figure, axes = self.axes()
        axes.plot(p, chosen)
        self.save("mix", figure)
        return chosen.T.flatten().tolist()


whole_process(article)
