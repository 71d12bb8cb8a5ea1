#!/usr/bin/env python3
"""Makes tests/data/reference/gradients.safetensors: the gradient of a logit difference by every site of the tiny
models, as PyTorch's autograd computes it through make_tiny.py's forward passes. Names are MODEL/SITE. scores, *.scale
and *.normalized are not steps of those passes; finite differences hold them instead."""

import torch
from make_tiny import OUT, TEXTS, gpt2_sites, llama_sites
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

TARGET, AGAINST, POSITION = 11, 42, 5


def main():
    gradients = {}
    for name, sites_of in (
        ("tiny-gpt2", gpt2_sites),
        ("tiny-gpt2-relu", gpt2_sites),
        ("tiny-llama", llama_sites),
        ("tiny-llama-bf16", llama_sites),
    ):
        model = AutoModelForCausalLM.from_pretrained(
            OUT / name, attn_implementation="eager", torch_dtype=torch.float32
        ).eval()
        sites = sites_of.__wrapped__(model, TEXTS[1][: POSITION + 1])
        logits = sites["logits"][POSITION]
        found = torch.autograd.grad(logits[TARGET] - logits[AGAINST], list(sites.values()), allow_unused=True)
        gradients |= {f"{name}/{site}": g.clone().contiguous() for site, g in zip(sites, found) if g is not None}
    save_file(gradients, OUT / "gradients.safetensors")
    print(len(gradients), "gradients; torch", torch.__version__)


if __name__ == "__main__":
    main()
