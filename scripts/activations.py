#!/usr/bin/env python3
"""What transformers computes for a text at every module of a model, for `embscope verify -m MODEL --against OUT`.

    python3 scripts/activations.py MODEL "The capital of Germany is" OUT.safetensors
    python3 scripts/activations.py MODEL "The capital of Germany is" OUT.npz

MODEL is a folder in Hugging Face's layout, a name on its hub, or a GGUF file. Needs torch, transformers and safetensors
(of a GGUF file gguf too). The arrays have transformers' own names (transformer.h.0.ln_1, model.layers.0.mlp, ...),
which Embscope understands.
"""

import os
import sys

import numpy
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(name, text, out):
    folder, file = os.path.split(name)
    where, options = (folder, {"gguf_file": file}) if name.endswith(".gguf") else (name, {})
    tokenizer = AutoTokenizer.from_pretrained(where, **options)
    model = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **options).eval()
    found = {}

    def keep(path):
        def hook(module, inputs, output):
            value = output[0] if isinstance(output, tuple) else output
            if isinstance(value, torch.Tensor):
                found[path] = value.detach().reshape(value.shape[-2:]).contiguous().clone()

        return hook

    for path, module in model.named_modules():
        if path and "dropout" not in path and "rotary" not in path:
            module.register_forward_hook(keep(path))
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        model(ids)
    found["ids"] = ids[0].to(torch.int64)
    if out.endswith(".npz"):
        numpy.savez(out, **{name: value.numpy() for name, value in found.items()})
    else:
        save_file(found, out)
    print(f"{len(found) - 1} arrays for {ids.shape[1]} tokens in {out}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
