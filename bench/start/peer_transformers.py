"""transformers: tokenizer and model from their files, cosine of two words."""

import models
from measure import whole_process


def cosine(args):
    torch = models.torch()
    tokenizer, model = models.transformers_tokenizer(args.model), models.transformers_model(args.model)
    a, b = (model.get_input_embeddings().weight[tokenizer.encode(word)[-1]] for word in ("hello", "world"))
    return [torch.nn.functional.cosine_similarity(a, b, dim=0)]


whole_process(cosine)
