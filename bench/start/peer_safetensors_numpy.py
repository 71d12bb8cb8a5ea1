"""safetensors and NumPy: two rows of the matrix, found by the vocabulary's own file, and their cosine."""

import json

from measure import whole_process


def cosine(args):
    import numpy
    from safetensors import safe_open

    with open(f"{args.model}/vocab.json") as file:
        ids = json.load(file)
    with safe_open(f"{args.model}/model.safetensors", "numpy") as file:
        matrix = file.get_slice("wte.weight")
        a, b = (matrix[ids[word]].astype(float) for word in ("hello", "world"))
    return [a @ b / numpy.sqrt((a @ a) * (b @ b))]


whole_process(cosine)
