#!/usr/bin/env python3
"""Makes tests/data/reference/peers.json: what transformers with hooks, TransformerLens and nnsight say of the tiny
models, each asked in its own way: the four tasks of docs/how-to/coming-from-elsewhere.md. Run with torch, transformers,
transformer-lens 4 and nnsight installed; tests read only the data.
"""

import json
import pathlib
import re
import shutil
import tempfile

import nnsight
import tokenizers
import torch
import transformers
from transformer_lens.model_bridge import TransformerBridge

DATA = pathlib.Path(__file__).parent.parent / "data" / "reference"
CLEAN, CORRUPT = [9, 1, 77, 30, 2, 61, 13], [9, 1, 50, 30, 2, 61, 13]
BLOCK, HEAD, POSITION = 1, 2, 2


def parts(name, model):
    """Of the family: the block and the module whose input is the heads' outputs, side by side."""
    block = model.transformer.h[BLOCK] if "gpt2" in name else model.model.layers[BLOCK]
    return block, block.attn.c_proj if "gpt2" in name else block.self_attn.o_proj


def first(output):
    return output[0] if isinstance(output, tuple) else output


def load(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def by_transformers(name, folder):
    model = load(folder)
    block, projection = parts(name, model)
    width = model.config.hidden_size // model.config.num_attention_heads
    kept = {}

    def run(ids, module=None, hook=None, before=True):
        handle = module and (module.register_forward_pre_hook(hook) if before else module.register_forward_hook(hook))
        out = model(torch.tensor([ids]), output_attentions=True)
        if handle:
            handle.remove()
        return out

    def silence(module, inputs):
        z = inputs[0].clone()
        z[..., HEAD * width : (HEAD + 1) * width] = 0
        return (z, *inputs[1:])

    def patch(module, inputs):
        x = inputs[0].clone()
        x[:, POSITION] = kept["pre"][:, POSITION]
        return (x, *inputs[1:])

    run(CLEAN, block, lambda module, inputs: kept.update(pre=inputs[0]))
    out = run(CLEAN, block, lambda module, inputs, output: kept.update(post=first(output)), before=False)
    return {
        "residual": kept["post"][0, -1],
        "pattern": out.attentions[BLOCK][0, :, -1],
        "silenced": run(CLEAN, projection, silence).logits[0, -1],
        "patched": run(CORRUPT, block, patch).logits[0, -1],
    }


def with_tokenizer(folder, into, size):
    """TransformerLens wants a tokenizer in the folder; the tiny models have none."""
    for file in ("config.json", "model.safetensors"):
        shutil.copy(folder / file, into)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({f"t{i}": i for i in range(size)}, unk_token="t0"))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="t0", eos_token="t0", pad_token="t0"
    ).save_pretrained(into)
    return transformers.PreTrainedTokenizerFast.from_pretrained(into)


def by_transformer_lens(name, folder):
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    with tempfile.TemporaryDirectory() as into:
        model = TransformerBridge.boot_transformers(into, tokenizer=with_tokenizer(folder, into, size), device="cpu")
    _, cache = model.run_with_cache(torch.tensor([CLEAN]))

    def silence(z, hook):
        z[:, :, HEAD] = 0
        return z

    def patch(x, hook):
        x[:, POSITION] = cache[f"blocks.{BLOCK}.hook_resid_pre"][:, POSITION]
        return x

    run = lambda ids, site, hook: model.run_with_hooks(
        torch.tensor([ids]), fwd_hooks=[(f"blocks.{BLOCK}.{site}", hook)]
    )
    return {
        "residual": cache[f"blocks.{BLOCK}.hook_resid_post"][0, -1],
        "pattern": cache[f"blocks.{BLOCK}.attn.hook_pattern"][0, :, -1],
        "silenced": run(CLEAN, "attn.hook_z", silence)[0, -1],
        "patched": run(CORRUPT, "hook_resid_pre", patch)[0, -1],
    }


def by_nnsight(name, folder):
    plain = load(folder)
    width = plain.config.hidden_size // plain.config.num_attention_heads
    model = nnsight.NNsight(plain)
    block, projection = parts(name, model)
    attention = block.attn if "gpt2" in name else block.self_attn
    clean, corrupt = torch.tensor([CLEAN]), torch.tensor([CORRUPT])
    with model.trace(clean):
        before = block.input.save()
        pattern = attention.output[1].save()
        after = block.output.save()
    with model.trace(clean):
        projection.input[..., HEAD * width : (HEAD + 1) * width] = 0
        silenced = model.lm_head.output.save()
    with model.trace(corrupt):
        block.input[:, POSITION] = before[:, POSITION]
        patched = model.lm_head.output.save()
    return {
        "residual": first(after)[0, -1],
        "pattern": pattern[0, :, -1],
        "silenced": silenced[0, -1],
        "patched": patched[0, -1],
    }


def main():
    torch.set_grad_enabled(False)
    tools = {"transformers": by_transformers, "transformer_lens": by_transformer_lens, "nnsight": by_nnsight}
    found = {"clean": CLEAN, "corrupt": CORRUPT, "block": BLOCK, "head": HEAD, "position": POSITION}
    for name in ("tiny-gpt2", "tiny-llama"):
        for tool, ask in tools.items():
            for task, values in ask(name, DATA / name).items():
                found.setdefault(name, {}).setdefault(task, {})[tool] = [
                    float(f"{v:.7g}") for v in values.flatten().tolist()
                ]
    text = json.dumps(found, indent=1)
    lines = re.sub(r"\[[^\[\]{}]*\]", lambda numbers: re.sub(r"\s+", " ", numbers.group()), text)  # a list a line
    (DATA / "peers.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
