#!/usr/bin/env python3
"""Makes tests/data/families/gguf.json: how llama.cpp's converter would write the tiny models of make_families.py.

For each model: `metadata` (keys without the architecture's name before them begin with a dot) and `tensors`, by their names there:
`from` (tensors of the Hugging Face form, one behind the other, or as the parts of a new axis with `stack`), and what is done with
them: `half` (the first or second half of the rows), `interleave` (heads whose two halves alternate), `sorted` (fused queries,
keys and values by heads become three parts), `plus` (added to each value), `transpose`. Names come from the gguf package.
Run with gguf installed; the tests read only the data.
"""

import json
import pathlib
import re

import gguf

DATA = pathlib.Path(__file__).parent.parent / "data" / "families"
ARCH = gguf.MODEL_ARCH

# What the file cannot say is what llama.cpp takes for granted: `changes` of the configuration that say the same.
BOTH_SLIDING = {"layer_types": ["sliding_attention"] * 2}

# name of the model, architecture, what the converter does beside names
MODELS = {
    "mistral": ("LLAMA", {"interleave": True, "changes": {"sliding_window": None}}),
    "mixtral": ("LLAMA", {"interleave": True}),
    "gemma2": ("GEMMA2", {"plus": True, "changes": {"query_pre_attn_scalar": 8}}),
    "gemma3_text": ("GEMMA3", {"plus": True, "changes": {**BOTH_SLIDING, "query_pre_attn_scalar": 8}}),
    "gpt_neox": ("GPTNEOX", {"sorted": True}),
    "gpt_neox_serial": ("GPTNEOX", {"sorted": True}),
    "phi3": ("PHI3", {}),
    "olmo": ("OLMO", {"interleave": True}),
    "olmo2": ("OLMO2", {}),
    "olmo3": ("OLMO2", {"changes": BOTH_SLIDING}),
    "phi_plain": ("PHI2", {}),
    "smollm3": ("SMOLLM3", {"interleave": True, "changes": {"no_rope_layers": [1, 1]}}),
    "olmoe": ("OLMOE", {}),
    "bloom": ("BLOOM", {"sorted": True}),
    "falcon": ("FALCON", {"sorted": True}),
    "falcon_grouped": ("FALCON", {"sorted": True}),
    "mpt": ("MPT", {}),
    "stablelm": ("STABLELM", {}),
    "stablelm_parallel": ("STABLELM", {}),
    "stablelm_norms": ("STABLELM", {}),
    "granite": ("GRANITE", {"interleave": True}),
    "granitemoe": ("GRANITE_MOE", {"interleave": True}),
    "granitemoeshared": ("GRANITE_MOE", {"interleave": True}),
    "cohere": ("COMMAND_R", {}),
    "cohere2": ("COHERE2", {"changes": BOTH_SLIDING}),
    "starcoder2": ("STARCODER2", {}),
    "gpt_bigcode": ("STARCODER", {}),
    "nemotron": ("NEMOTRON", {"plus": True}),
    "arcee": ("ARCEE", {"interleave": True}),
    "phimoe": (
        "PHIMOE",
        {"changes": {"router_jitter_noise": 0.01, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}},
    ),
    "qwen2_moe": ("QWEN2MOE", {}),
    "qwen3_moe": ("QWEN3MOE", {}),
    "gpt_oss": ("GPT_OSS", {"changes": {"swiglu_limit": 7.0}}),
}


def metadata(c, arch):
    """What the converter writes, where the configuration says it (the tiny models need no more)."""
    first = lambda *names: next((c[n] for n in names if c.get(n) is not None), None)  # noqa: E731
    width, heads = first("hidden_size", "n_embd", "d_model"), first("num_attention_heads", "n_head", "n_heads")
    kv = first("num_key_value_heads", "num_kv_heads")
    if c["model_type"] in ("falcon", "gpt_bigcode") and not c.get("new_decoder_architecture"):
        kv = 1 if c["multi_query"] else heads
    rope = c.get("rope_parameters") or {}
    rope = rope.get("full_attention", rope)
    head = first("head_dim") or width // heads
    found = {
        ".embedding_length": width,
        ".block_count": first("num_hidden_layers", "n_layer", "n_layers"),
        ".attention.head_count": heads,
        ".attention.head_count_kv": kv or heads,
        ".feed_forward_length": first("intermediate_size", "n_inner", "ffn_hidden_size")
        or (4 if "expansion_ratio" not in c else c["expansion_ratio"]) * width,
        ".context_length": first("max_position_embeddings", "n_positions", "max_seq_len") or 2048,
        ".rope.freq_base": rope.get("rope_theta"),
        ".expert_count": first("num_local_experts", "num_experts"),
        ".expert_used_count": c.get("num_experts_per_tok"),
        ".expert_feed_forward_length": c.get("moe_intermediate_size"),
        ".expert_shared_feed_forward_length": first("shared_expert_intermediate_size", "shared_intermediate_size"),
        ".attention.sliding_window": c.get("sliding_window") or None,
        ".attn_logit_softcapping": c.get("attn_logit_softcapping"),
        ".final_logit_softcapping": c.get("final_logit_softcapping"),
        ".attention.clamp_kqv": first("clip_qkv") or (c.get("attn_config") or {}).get("clip_qkv"),
        ".attention.scale": c.get("attention_multiplier"),
        ".embedding_scale": c.get("embedding_multiplier"),
        ".residual_scale": c.get("residual_multiplier"),
        ".logit_scale": first("logits_scaling", "logit_scale"),
        ".use_parallel_residual": c.get("use_parallel_residual"),
    }
    if c.get("head_dim"):
        found |= {".attention.key_length": head, ".attention.value_length": head}
    if "rope_theta" in rope:
        found[".rope.dimension_count"] = int(head * rope.get("partial_rotary_factor", 1))
    if rope.get("rope_type") == "yarn":
        found |= {
            ".rope.scaling.type": "yarn",
            ".rope.scaling.factor": rope["factor"],
            ".rope.scaling.original_context_length": rope["original_max_position_embeddings"],
            ".rope.scaling.yarn_beta_fast": rope.get("beta_fast", 32.0),
            ".rope.scaling.yarn_beta_slow": rope.get("beta_slow", 1.0),
        }
    epsilon = first("rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps", "norm_epsilon", "norm_eps") or 1e-5
    rms = first("rms_norm_eps") is not None and arch != "OLMO"
    found[".attention.layer_norm_rms_epsilon" if rms else ".attention.layer_norm_epsilon"] = epsilon
    if arch == "MPT":
        found[".attention.max_alibi_bias"] = 8.0
    if arch == "FALCON":
        found[".tensor_data_layout"] = "jploski"
    return {k: v for k, v in found.items() if v is not None}


def gguf_name(names, name):
    return written_name(names, name) or written_name(names, name.removeprefix("transformer."))


def written_name(names, name):
    for suffix in (".weight", ".bias"):
        if name.endswith(suffix):
            found = names.get_name(name.removesuffix(suffix))
            return found and found + suffix
    found = names.get_name(name)
    return found and found + ".weight"


def experts(written, tensors):
    """Tensors of one expert each become those of all, and fused ones are taken apart."""
    parts = {"w1": "gate", "w2": "down", "w3": "up", "gate_proj": "gate", "down_proj": "down", "up_proj": "up"}
    rest = []
    for name in tensors:
        block = re.search(r"layers\.(\d+)\.", name)
        one = re.search(r"experts\.(\d+)\.(\w+)\.weight$", name)
        if one:
            to = f"blk.{block[1]}.ffn_{parts[one[2]]}_exps.weight"
            written.setdefault(to, {"from": [], "stack": True})["from"].append(name)
        elif name.endswith("input_linear.weight"):
            kind = "exps" if "block_sparse_moe" in name else "shexp"
            for half, part in enumerate(("gate", "up")):
                written[f"blk.{block[1]}.ffn_{part}_{kind}.weight"] = {"from": [name], "half": half}
        elif name.endswith("output_linear.weight"):
            kind = "exps" if "block_sparse_moe" in name else "shexp"
            written[f"blk.{block[1]}.ffn_down_{kind}.weight"] = {"from": [name]}
        elif "experts.gate_up_proj" in name:  # gpt-oss: gate and up in turn
            bias = name.endswith("_bias")
            for half, part in enumerate(("gate", "up")):
                to = f"blk.{block[1]}.ffn_{part}_exps.{'bias' if bias else 'weight'}"
                written[to] = {"from": [name], "transpose": not bias, "turn": half}
        elif "experts.down_proj" in name:
            bias = name.endswith("_bias")
            to = f"blk.{block[1]}.ffn_down_exps.{'bias' if bias else 'weight'}"
            written[to] = {"from": [name], "transpose": not bias}
        else:
            rest.append(name)
    return rest


def make(name, arch, does):
    model = json.loads((DATA / f"{name}.json").read_text())
    config, tensors = model["config"], model["tensors"]
    names = gguf.get_tensor_name_map(ARCH[arch], 2)
    written = {}
    for tensor in experts(written, tensors):
        if ".norms." in tensor:  # a gain of each head
            block, which = re.search(r"layers\.(\d+)\..*\.([qk])_layernorm", tensor).groups()
            written.setdefault(f"blk.{block}.attn_{which}_norm.weight", {"from": [], "stack": True})["from"].append(
                tensor
            )
            continue
        to = gguf_name(names, tensor)
        if to is None:
            raise KeyError(f"{name}: no name for {tensor}")
        entry = {"from": [tensor]}
        if does.get("interleave") and re.search(r"[qk]_proj\.", tensor):
            entry["interleave"] = "q_proj" in tensor and "q" or "k"
        if does.get("plus") and tensor.endswith("norm.weight"):
            entry["plus"] = 1
        if does.get("sorted") and "query_key_value" in tensor:
            entry["sorted"] = True
        if to.endswith("shexp.weight") and "gate_inp" in to:
            entry["row"] = True
        written[to] = entry
    changes = does.get("changes", {})
    return {
        "architecture": gguf.MODEL_ARCH_NAMES[ARCH[arch]],
        "changes": changes,
        "metadata": metadata(config | changes, arch),
        "tensors": written,
    }


def main():
    made = {}
    for name, (arch, does) in MODELS.items():
        try:
            made[name] = make(name, arch, does)
        except KeyError as error:
            print(error)
    lines = [f"{json.dumps(name)}: {json.dumps(model)}" for name, model in made.items()]
    (DATA / "gguf.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
