#!/usr/bin/env python3
"""What transformers computes for a text at every module of a model, for `embscope verify -m MODEL --against OUT.safetensors`.

    python3 scripts/activations.py MODEL "The capital of Germany is" OUT.safetensors

MODEL is a folder in Hugging Face's layout, or a name on its hub. Needs torch, transformers and safetensors. The arrays
have transformers' own names (transformer.h.0.ln_1, model.layers.0.mlp, ...), which Embscope understands.
"""
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(name, text, out):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32).eval()
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
    save_file(found, out)
    print(f"{len(found) - 1} arrays for {ids.shape[1]} tokens in {out}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
