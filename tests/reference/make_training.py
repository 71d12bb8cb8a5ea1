#!/usr/bin/env python3
"""Makes tests/data/training: a tiny GPT-2 with random weights, and what PyTorch's autograd and AdamW make of it:
logits, the loss, every gradient, then the losses, gradient norms and weights of ten steps; and the vocabulary that
Hugging Face's tokenizers makes of text.txt. Run with torch, transformers, tokenizers and safetensors installed; tests
read only the data.
"""

import math
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

OUT = pathlib.Path(__file__).parent.parent / "data" / "training"
ROWS, LENGTH, VOCAB, STEPS = 3, 11, 29, 10
RATES = [0.001 * (step + 1) if step < 3 else 0.003 * 0.8 ** (step - 3) for step in range(STEPS)]


def tiny():
    """Sizes that are not multiples of a vector or a panel."""
    config = GPT2Config(
        vocab_size=VOCAB,
        n_positions=14,
        n_embd=20,
        n_layer=2,
        n_head=2,
        activation_function="gelu_new",
        resid_pdrop=0,
        embd_pdrop=0,
        attn_pdrop=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config).float()
    generator = torch.Generator().manual_seed(3)
    for name, p in model.named_parameters():  # norms and biases too: no term of a formula may vanish
        noise = torch.randn(p.shape, generator=generator)
        if "ln_" in name:
            p.data = (1 if name.endswith("weight") else 0) + 0.2 * noise
        elif p.dim() == 1:
            p.data = 0.2 * noise
        else:
            p.data = noise * (0.5 if "wte" in name or "wpe" in name else 1 / math.sqrt(p.shape[0]))
    return model


def batch():
    ids = torch.tensor([[(r * 31 + t * t * 7 + t // 2) % VOCAB for t in range(LENGTH + 1)] for r in range(ROWS)])
    return ids[:, :-1], ids[:, 1:]


def loss_of(model, inputs, targets):
    logits = model(inputs).logits
    return logits, torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB), targets.reshape(-1))


def main():
    model = tiny()
    model.save_pretrained(OUT)
    (OUT / "generation_config.json").unlink(missing_ok=True)
    inputs, targets = batch()
    arrays = {"inputs": inputs.contiguous(), "targets": targets.contiguous()}
    logits, loss = loss_of(model, inputs, targets)
    loss.backward()
    arrays["logits"], arrays["loss"] = logits.detach(), loss.detach().reshape(1)
    for name, p in model.named_parameters():
        arrays[f"gradient.{name}"] = p.grad.clone()
    decays = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    adam = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.95), eps=1e-8
    )
    losses, norms = [], []
    for rate in RATES:
        for group in adam.param_groups:
            group["lr"] = rate
        adam.zero_grad()
        _, loss = loss_of(model, inputs, targets)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        adam.step()
        losses.append(loss.detach())
    arrays["rates"], arrays["losses"], arrays["norms"] = torch.tensor(RATES), torch.stack(losses), torch.stack(norms)
    for name, p in model.named_parameters():
        arrays[f"after.{name}"] = p.detach()
    save_file({name: a.contiguous().clone() for name, a in arrays.items()}, OUT / "expected.safetensors")


def vocabulary():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([(OUT / "text.txt").read_text()], trainer)
    (OUT / "bpe").mkdir(exist_ok=True)
    tokenizer.save(str(OUT / "bpe" / "tokenizer.json"), pretty=False)


if __name__ == "__main__":
    main()
    vocabulary()
