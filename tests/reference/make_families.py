#!/usr/bin/env python3
"""Makes tests/data/families: a tiny model of each family, and what transformers computes with it in fp32.

NAME.json           the configuration as transformers saves it, the tensors of its file [shape, scale, shift], the
texts, and `features`: changes
                    of the configuration each of which must be seen in the logits
NAME.safetensors    `logits` [T, V], `long` (of the last positions of a text as long as the context), `edited` (with a
vector added to what
                    the first block gives at position 3), what each module of the second block gives (by its name), and
                    `gradient/MODULE`, of the logit difference of tokens 11 and 7 at position 9

Weights are not kept: value i of a tensor is `weights(name, i) * scale + shift`, which the tests compute too. Run with
torch and transformers installed, with the names of families to make or with none for all; the tests read only the data.
"""

import json
import math
import os
import pathlib
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from families_common import CONTEXT, VOCAB
from families_dense import FAMILIES as DENSE
from families_experts import FAMILIES as EXPERTS
from families_of_hub import DERIVED, SAID_OTHERWISE
from recipe import weights
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).parent.parent / "data" / "families"
TARGET, AGAINST, POSITION, EDITED = 11, 7, 9, 3
TEXT = [5, 17, 3, 3, 38, 31, 0, 12, 36, 7, 29, 24, 10, 9, 1, 37]
LONG = [(7 * i * i + 3 * i + 5) % VOCAB for i in range(CONTEXT)]

FAMILIES = {**DENSE, **EXPERTS, **{name: found[:3] for name, found in DERIVED.items()}}


def own_name(name, how):
    for there, here in how.get("renamed", []):
        if there in name:
            name = name.replace(there, here, 1)
    return name


def fused_name(name, how):
    """The tensor in which queries, keys and values are, and which of them it is."""
    for which, part in enumerate(("q_proj", "k_proj", "v_proj")):
        if how.get("fused") and f"self_attn.{part}" in name:
            return own_name(name.replace(f"self_attn.{part}", how["fused"]), how), which
    return None


def heads_of(config):
    heads = config["num_attention_heads"]
    return heads, config.get("num_key_value_heads", heads), config.get("head_dim", config["hidden_size"] // heads)


def parts_of(fused, config, how):
    """Rows of all three -> queries, keys and values: one below the other, or [KV groups of (queries, key, value)]."""
    heads, kv, width = heads_of(config)
    if how.get("stacked"):
        return fused.split([heads * width, kv * width, kv * width])
    rows = fused.reshape(kv, heads // kv + 2, -1, fused.shape[-1])
    return [part.reshape(-1, fused.shape[-1]) for part in (rows[:, :-2], rows[:, -2], rows[:, -1])]


def scale_and_shift(kind, name, shape):
    """Every part of a formula must show: gains about 1, biases that matter, scores that spread."""
    if name.endswith((".beta", ".eps")):  # what xIELU does not train
        return (0.0, 0.5) if name.endswith("beta") else (0.0, -1e-6)
    norm = "norm" in name or "ln_" in name or name.endswith(("router.scale", "per_expert_scale", "layer_scalar"))
    plus_one = kind in ("gemma", "gemma2", "gemma3_text", "nemotron", "vaultgemma")
    if norm:
        return (0.4, 0.0) if name.endswith("bias") or plus_one else (0.4, 1.0)
    if len(shape) == 1 or name.endswith("_bias"):
        return 0.4, 0.0
    if any(part in name for part in ("wte", "wpe", "embed", "word_embeddings")):
        return 0.8, 0.0
    inputs = (
        shape[0]
        if kind in ("gpt2", "openai-gpt")
        else shape[1]
        if kind in ("gpt_oss", "llama4_text") or len(shape) == 2
        else shape[2]
    )
    return 2.4 / math.sqrt(inputs), 0.0


def saved(kind, config, folder, how):
    """The model as a file has it, with our weights: its tensors' recipe and the model itself."""
    attention = "sdpa" if config.get("alibi") else "eager"  # eager adds Falcon's biases twice
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(kind, **config), attn_implementation=attention
    ).float()
    model.save_pretrained(folder)
    state = load_file(folder / "model.safetensors")
    recipe = {}
    for name, tensor in state.items():
        fused, shape = fused_name(name, how), list(tensor.shape)
        own = fused[0] if fused else own_name(name, how)
        if fused:
            heads, kv, width = heads_of(config)
            shape[0] = (heads + 2 * kv) * width
        scale, shift = scale_and_shift(kind, name, shape)
        recipe[own] = [shape, scale, shift]
        values = weights(own, math.prod(shape)) * np.float32(scale) + np.float32(shift)
        values = torch.from_numpy(values).reshape(shape)
        if how.get("unit_head") and name == "lm_head.weight":
            values = torch.nn.functional.normalize(values)
        state[name] = (parts_of(values, config, how)[fused[1]] if fused else values).contiguous()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    return recipe, model.eval()


def first(output):
    return output[0] if isinstance(output, (tuple, list)) else output


def block_of(model, number):
    return next(
        (name, module)
        for name, module in model.named_modules()
        if name.endswith(f".{number}")
        and isinstance(model.get_submodule(name.rsplit(".", 1)[0]), torch.nn.ModuleList)
        and name.count(".") in (2, 3)
    )


def slopes(heads):
    """Of ALiBi (Press et al. 2022), for a power of two."""
    return torch.tensor([2 ** (-8 * (h + 1) / heads) for h in range(heads)])


def in_place_of_rotation(model, count):
    """ALiBi as a mask, and no position that turns anything."""
    keys = torch.arange(count)
    mask = torch.where(keys[None] <= keys[:, None], keys.float()[None] * 1.0, -torch.inf)
    bias = slopes(model.config.num_attention_heads)[:, None, None] * keys.float()
    return dict(
        attention_mask=torch.where(torch.isinf(mask), mask, bias)[None],
        position_ids=torch.zeros(1, count, dtype=torch.long),
    )


def run(model, ids, keep=(), change=None):
    kept, handles = {}, []
    for name, module in keep:

        def hook(_module, _input, output, name=name):
            value = first(output)
            router = torch.is_tensor(value) and value.dim() == 2 and name.rsplit(".", 1)[1] in ("gate", "router")
            if router:
                value.retain_grad() if value.requires_grad else None
                kept[name] = value, value.detach().clone()[None]
            elif torch.is_tensor(value) and value.dim() == 3 and value.shape[:2] == (1, len(ids)):
                if value.requires_grad:
                    value.retain_grad()
                # some are added to in place afterwards; what is clipped in place is meant clipped
                clipped = getattr(model.config, "clip_qkv", None) is not None and "self_attn." in name
                kept[name] = value, value.detach() if clipped and "o_proj" not in name else value.detach().clone()

        handles.append(module.register_forward_hook(hook))
    if change is not None:
        handles.append(change[0].register_forward_hook(change[1]))
    more = in_place_of_rotation(model, len(ids)) if getattr(model, "alibi", False) else {}
    logits = model(torch.tensor([ids]), use_cache=False, **more).logits[0]
    for handle in handles:
        handle.remove()
    return logits, kept


def make(name):
    kind, config, features = FAMILIES[name]
    how = DERIVED[name][3] if name in DERIVED else {}
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        recipe, model = saved(kind, config, folder, how)
        written = json.loads((folder / "config.json").read_text())
        if how:
            unsaid = (*SAID_OTHERWISE, *how.get("without", []))
            written = {key: value for key, value in written.items() if key not in unsaid} | how.get("config", {})
            written = how.get("only", written)
            model.alibi = how.get("alibi", False)
        block_name, block = block_of(model, 1)
        keep = [(block_name, block)] + [
            (f"{block_name}.{n}", m) for n, m in block.named_modules() if n and "drop" not in n and n.count(".") < 2
        ]
        logits, kept = run(model, TEXT, keep)
        (logits[POSITION, TARGET] - logits[POSITION, AGAINST]).backward()
        expected = {"logits": logits}
        for site, (value, given) in kept.items():
            site = own_name(site, how)
            expected[site] = given[0]
            if value.grad is not None:
                expected[f"gradient/{site}"] = value.grad if value.dim() == 2 else value.grad[0]

        def edit(_module, _input, output):
            value = first(output).clone()
            value[0, EDITED] += 0.5 * torch.sin(torch.arange(value.shape[-1]).float())
            return (value, *output[1:]) if isinstance(output, (tuple, list)) else value

        with torch.no_grad():
            expected["edited"] = run(model, TEXT, change=(block_of(model, 0)[1], edit))[0][-1]
            expected["long"] = run(model, LONG)[0][-2:]
        save_file(
            {k: v.detach().float().clone().contiguous() for k, v in expected.items()}, OUT / f"{name}.safetensors"
        )
    lines = {"config": written, "tensors": recipe, "text": TEXT, "long": LONG, "features": features}
    (OUT / f"{name}.json").write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in lines.items()) + "\n}\n"
    )
    print(f"{name}: {len(recipe)} tensors, {len(kept)} modules, logits to {logits.abs().max().item():.2f}", flush=True)


def main():
    print("torch", torch.__version__, "transformers", transformers.__version__, file=sys.stderr)
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or FAMILIES:
        try:
            make(name)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
