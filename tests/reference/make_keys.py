#!/usr/bin/env python3
"""Makes tests/data/reference/keys.json: what transformers computes when one key of a tiny model's config.json is
changed, key by key, and with keys that other families or versions have. `logits`: of the last position, the first 8 of
them; null where transformers refuses.

Run with torch and transformers installed; the tests read only the data.
"""

import contextlib
import io
import json
import os
import pathlib
import shutil
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"  # what is missing is not looked for elsewhere

import torch
import transformers

DATA = pathlib.Path(__file__).parent.parent / "data" / "reference"
IDS = [[5, 17, 3, 3, 88, 41, 0, 12, 96, 7, 29, 64, 50]]
MISSING = "(missing)"  # the key is taken out

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
ROPES = [
    {"rope_type": "linear", "factor": 2.0},
    {"type": "linear", "factor": 2.0},
    {"rope_type": "dynamic", "factor": 2.0},
    LLAMA3,
    YARN,
    {**YARN, "attention_factor": 1.5},
    {**YARN, "beta_fast": 8.0, "beta_slow": 2.0},
    {**YARN, "mscale": 0.7, "mscale_all_dim": 1.3},
    {**YARN, "truncate": False},
    {"rope_type": "yarn", "factor": 4.0},
    {"rope_type": "default", "rope_theta": 500.0},
    {"rope_type": "default", "factor": 2.0},
    {"rope_type": "linear", "rope_theta": 300.0, "factor": 3.0},
    {"rope_type": "spiral"},
    {
        "rope_type": "longrope",
        "short_factor": [1.0, 1.5, 2.0, 3.0],
        "long_factor": [4.0, 5.0, 6.0, 7.0],
        "original_max_position_embeddings": 32,
    },
    {"rope_type": "default", "partial_rotary_factor": 0.5},
    {"rope_type": "default", "mrope_section": [1, 1, 2]},
    {},
]
OTHERS = {
    "tiny-gpt2": [
        {"n_ctx": 64},
        {"n_ctx": 32},
        {"hidden_size": 48},
        {"max_position_embeddings": 64},
        {"is_causal": True},
        {"is_causal": False},
    ],
    "tiny-llama": [
        {"rope_theta": 500.0},
        {"rope_theta": 500.0, "rope_parameters": {"rope_type": "default"}},
        {"rope_theta": 500.0, "rope_parameters": MISSING},
        {"partial_rotary_factor": 0.5},
        {"is_causal": False},
        {"is_causal": True},
        {"num_attention_heads": 2, "num_key_value_heads": 2},
        {"original_max_position_embeddings": 16, "rope_parameters": {"rope_type": "yarn", "factor": 4.0}},
    ]
    + [{"rope_parameters": rope} for rope in ROPES]
    + [{"rope_scaling": rope} for rope in ROPES],
}
# Keys that other families read, with values that would matter to them.
FOREIGN = {
    "attention_multiplier": 0.5,
    "embedding_multiplier": 2.0,
    "residual_multiplier": 0.5,
    "logits_scaling": 4.0,
    "logit_scale": 0.0625,
    "scale_emb": 12,
    "sliding_window": 4,
    "use_sliding_window": True,
    "max_window_layers": 1,
    "layer_types": ["sliding_attention"] * 3,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "clip_qkv": 1.0,
    "alibi": True,
    "parallel_attn": True,
    "use_parallel_residual": True,
    "use_qk_norm": True,
    "qk_layernorm": True,
    "query_pre_attn_scalar": 16,
    "no_rope_layers": [0, 1, 1],
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 8,
    "quantization_config": {"quant_method": "gptq", "bits": 4},
    "is_encoder_decoder": True,
    "rope_interleaved": True,
    "rotary_pct": 0.25,
    "head_dim_v": 4,
    "v_head_dim": 4,
    "kv_lora_rank": 8,
    "position_embedding_type": "alibi",
    "attention_chunk_size": 8,
    "softcap": 3.0,
    "per_layer_config": {"0": {"hidden_act": "gelu"}},
    "some_new_key": 3,
    "some_new_switch": True,
    "vision_config": {"hidden_size": 8},
}


def changed(value):
    """Another value of the same kind, or of none."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int):
        return [value + 1, 2 * value + 2, None]
    if isinstance(value, float):
        return [value * 10 + 0.1, None]
    if isinstance(value, str):
        return [
            "relu" if value in ("silu", "gelu_new") else "something else",
            "gelu" if value in ("silu", "gelu_new") else "",
            None,
        ]
    return [None, 7] if value is not None else [7]


def logits(name, changes):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = json.loads((DATA / name / "config.json").read_text())
        for key, value in changes.items():
            config.pop(key, None) if value == MISSING else config.__setitem__(key, value)
        (folder / "config.json").write_text(json.dumps(config))
        shutil.copy(DATA / name / "model.safetensors", folder)
        try:
            with contextlib.redirect_stderr(io.StringIO()), torch.no_grad():
                kind = transformers.LlamaForCausalLM if "llama" in name else transformers.GPT2LMHeadModel
                model, info = kind.from_pretrained(
                    folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
                )
                if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
                    return None  # transformers would go on with random values, or without a tensor of the file
                return [round(x, 6) for x in model.eval()(torch.tensor(IDS)).logits[0, -1, :8].tolist()]
        except Exception:
            return None


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    cases = []
    for name, others in OTHERS.items():
        config = json.loads((DATA / name / "config.json").read_text())
        every = [{}] + [
            {key: value} for key in config if key != "model_type" for value in [*changed(config[key]), MISSING]
        ]
        for changes in every + others + [{key: value} for key, value in FOREIGN.items()]:
            cases.append({"model": name, "changes": changes, "logits": logits(name, changes)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (DATA / "keys.json").write_text(f"[{lines}]\n")
    print(len(cases), "cases,", sum(case["logits"] is None for case in cases), "refused by transformers")


if __name__ == "__main__":
    main()
