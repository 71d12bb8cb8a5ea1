#!/usr/bin/env python3
"""Makes tests/data/reference/tiny-glm4-moe: a tiny mixture of experts whose sizes are all different, from which the page
of sites is written (scripts/reference). Run with torch and transformers installed."""

import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

OUT = pathlib.Path(__file__).parent.parent / "data" / "reference" / "tiny-glm4-moe"


def main():
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        "glm4_moe",
        vocab_size=42,
        hidden_size=24,
        intermediate_size=40,
        moe_intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        max_position_embeddings=32,
        n_routed_experts=8,
        num_experts_per_tok=3,
        n_shared_experts=1,
        first_k_dense_replace=1,
        use_qk_norm=True,
        pad_token_id=None,
        rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 10000.0},
    )
    model = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    model.save_pretrained(OUT)
    (OUT / "generation_config.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
