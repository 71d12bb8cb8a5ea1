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
from recipe import weights
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).parent.parent / "data" / "families"
VOCAB, CONTEXT, TARGET, AGAINST, POSITION, EDITED = 40, 32, 11, 7, 9, 3
TEXT = [5, 17, 3, 3, 38, 31, 0, 12, 36, 7, 29, 24, 10, 9, 1, 37]
LONG = [(7 * i * i + 3 * i + 5) % VOCAB for i in range(CONTEXT)]

LLAMA = dict(
    vocab_size=VOCAB,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=CONTEXT,
    pad_token_id=None,
    bos_token_id=1,
    eos_token_id=2,
)
NOPAD = dict(pad_token_id=None, bos_token_id=1, eos_token_id=2)
GPT2 = dict(vocab_size=VOCAB, n_embd=24, n_layer=2, n_head=4, n_positions=CONTEXT, **NOPAD)
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 8}

# model_type, configuration, and changes that must be seen. A name of its own where a family comes in several kinds.
FAMILIES = {
    "gpt2_inverse": (
        "gpt2",
        dict(**GPT2, scale_attn_by_inverse_layer_idx=True),
        [{"scale_attn_by_inverse_layer_idx": False}],
    ),
    "mistral": (
        "mistral",
        dict(**LLAMA, sliding_window=5),
        [{"sliding_window": None}, {"sliding_window": 6}, {"rope_parameters": {"rope_theta": 100}}],
    ),
    "qwen2": (
        "qwen2",
        dict(**LLAMA, use_sliding_window=True, sliding_window=5, max_window_layers=1, tie_word_embeddings=True),
        [{"layer_types": ["full_attention"] * 2}],
    ),
    "qwen3": ("qwen3", dict(**LLAMA, head_dim=8, rope_parameters=YARN), [{"rope_parameters": {"rope_theta": 10000}}]),
    "gemma": ("gemma", dict(**{**LLAMA, "num_key_value_heads": 1}, head_dim=8), []),
    "gemma2": (
        "gemma2",
        dict(
            **LLAMA,
            head_dim=8,
            query_pre_attn_scalar=12,
            sliding_window=5,
            attn_logit_softcapping=1.5,
            final_logit_softcapping=3.0,
        ),
        [
            {"attn_logit_softcapping": None},
            {"final_logit_softcapping": None},
            {"query_pre_attn_scalar": 8},
            {"layer_types": ["full_attention"] * 2},
        ],
    ),
    "gemma3_text": (
        "gemma3_text",
        dict(
            **LLAMA,
            head_dim=8,
            query_pre_attn_scalar=12,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention"],
        ),
        [{"layer_types": ["full_attention"] * 2}, {"query_pre_attn_scalar": 8}],
    ),
    "gpt_neox": (
        "gpt_neox",
        dict(
            **{k: v for k, v in LLAMA.items() if k != "num_key_value_heads"},
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.34, "rope_theta": 10000.0},
        ),
        [{"use_parallel_residual": False}, {"hidden_act": "gelu_new"}],
    ),
    "gpt_neox_serial": (
        "gpt_neox",
        dict(
            **{k: v for k, v in LLAMA.items() if k != "num_key_value_heads"},
            use_parallel_residual=False,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 1.0, "rope_theta": 100.0},
        ),
        [{"use_parallel_residual": True}],
    ),
    "opt": (
        "opt",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            ffn_dim=40,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
            word_embed_proj_dim=24,
            **NOPAD,
        ),
        [{"activation_function": "gelu"}],
    ),
    "phi": (
        "phi",
        dict(
            **LLAMA,
            qk_layernorm=True,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 10000.0},
        ),
        [{"hidden_act": "relu"}],
    ),
    "phi3": ("phi3", dict(**LLAMA, sliding_window=6), [{"sliding_window": None}]),
    "smollm3": (
        "smollm3",
        dict(**LLAMA, no_rope_layers=[1, 0]),
        [{"no_rope_layers": [1, 1]}, {"no_rope_layers": [0, 1]}],
    ),
    "olmo": ("olmo", dict(**LLAMA, clip_qkv=0.7), [{"clip_qkv": None}]),
    "olmo2": ("olmo2", dict(**LLAMA), [{"rope_parameters": {"rope_theta": 100}}]),
    "gptj": ("gptj", dict(**GPT2, rotary_dim=4), [{"rotary_dim": 6}]),
    "gpt_neo": (
        "gpt_neo",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            num_layers=2,
            num_heads=4,
            max_position_embeddings=CONTEXT,
            window_size=5,
            attention_types=[[["global", "local"], 1]],
            **NOPAD,
        ),
        [{"attention_layers": ["global", "global"]}, {"window_size": 6}],
    ),
    "bloom": ("bloom", dict(vocab_size=VOCAB, hidden_size=30, n_layer=2, n_head=5, **NOPAD), []),
    "falcon": (
        "falcon",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
            **NOPAD,
        ),
        [{"activation": "relu"}],
    ),
    "falcon_grouped": (
        "falcon",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_kv_heads=2,
            new_decoder_architecture=True,
            bias=True,
            max_position_embeddings=CONTEXT,
            **NOPAD,
        ),
        [],
    ),
    "falcon_serial": (
        "falcon",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            multi_query=False,
            parallel_attn=False,
            bias=True,
            max_position_embeddings=CONTEXT,
            **NOPAD,
        ),
        [],
    ),
    "stablelm": (
        "stablelm",
        dict(
            **LLAMA,
            use_qkv_bias=True,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 10000.0},
        ),
        [],
    ),
    "stablelm_parallel": (
        "stablelm",
        dict(
            **LLAMA,
            use_parallel_residual=True,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 10000.0},
        ),
        [],
    ),
    "granite": (
        "granite",
        dict(**LLAMA, embedding_multiplier=3.0, residual_multiplier=0.4, attention_multiplier=0.6, logits_scaling=2.5),
        [
            {"embedding_multiplier": 1.0},
            {"residual_multiplier": 1.0},
            {"attention_multiplier": 0.4},
            {"logits_scaling": 1.0},
        ],
    ),
    "cohere": ("cohere", dict(**LLAMA, use_qk_norm=True, logit_scale=0.3), [{"logit_scale": 1.0}]),
    "cohere2": (
        "cohere2",
        dict(**LLAMA, sliding_window=5, layer_types=["sliding_attention", "full_attention"]),
        [{"layer_types": ["full_attention", "sliding_attention"]}, {"sliding_window": 9}],
    ),
    "starcoder2": ("starcoder2", dict(**LLAMA, sliding_window=7), [{"sliding_window": None}]),
    "gpt_bigcode": ("gpt_bigcode", dict(**GPT2), [{"activation_function": "relu"}]),
    "gpt_bigcode_heads": ("gpt_bigcode", dict(**GPT2, multi_query=False), []),
    "mpt": (
        "mpt",
        dict(
            vocab_size=VOCAB,
            d_model=30,
            n_layers=2,
            n_heads=5,
            max_seq_len=CONTEXT,
            attn_config={"clip_qkv": 0.9, "alibi": True},
            **NOPAD,
        ),
        [],
    ),
    "glm": ("glm", dict(**LLAMA, head_dim=8), []),
    "glm4": ("glm4", dict(**LLAMA, head_dim=8), []),
    "nemotron": ("nemotron", dict(**LLAMA, head_dim=8), []),
    "arcee": ("arcee", dict(**LLAMA), []),
    "helium": ("helium", dict(**LLAMA, head_dim=6), []),
}

RAMP = {"rope_theta": 100.0, "beta_fast": 0.5, "beta_slow": 0.05}  # neither end at a whole pair
MOE = {**LLAMA, "num_experts_per_tok": 2}
DEEPSEEK = dict(**MOE, n_routed_experts=8, moe_intermediate_size=12, n_shared_experts=2, first_k_dense_replace=1)
MLA = dict(num_key_value_heads=4, q_lora_rank=12, kv_lora_rank=10, qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5)
YARN_ALL = {**YARN, "mscale": 1.0, "mscale_all_dim": 0.8}

FAMILIES |= {
    "mixtral": ("mixtral", dict(**MOE, num_local_experts=5), [{"num_experts_per_tok": 1}, {"num_experts_per_tok": 3}]),
    "qwen2_moe": (
        "qwen2_moe",
        dict(**MOE, num_experts=6, moe_intermediate_size=12, shared_expert_intermediate_size=20),
        [{"norm_topk_prob": True}, {"num_experts_per_tok": 3}],
    ),
    "qwen3_moe": (
        "qwen3_moe",
        dict(**MOE, num_experts=6, moe_intermediate_size=12, head_dim=8, norm_topk_prob=True),
        [{"norm_topk_prob": False}],
    ),
    "qwen3_moe_mixed": (
        "qwen3_moe",
        dict(**MOE, num_experts=6, moe_intermediate_size=12, head_dim=8, mlp_only_layers=[0]),
        [{"norm_topk_prob": True}],
    ),
    "olmoe": ("olmoe", dict(**MOE, num_experts=6, clip_qkv=0.9), [{"norm_topk_prob": True}, {"clip_qkv": None}]),
    "gpt_oss": (
        "gpt_oss",
        dict(
            **MOE,
            num_local_experts=5,
            head_dim=8,
            sliding_window=5,
            swiglu_limit=1.5,
            rope_parameters={**YARN, "truncate": False, **RAMP},
        ),
        [
            {"swiglu_limit": 7.0},
            {"swiglu_alpha": 1.0},
            {"layer_types": ["full_attention"] * 2},
            {"rope_parameters": {**YARN, "truncate": True, **RAMP}},
        ],
    ),
    "granitemoe": (
        "granitemoe",
        dict(
            **MOE,
            num_local_experts=5,
            embedding_multiplier=3.0,
            residual_multiplier=0.4,
            attention_multiplier=0.6,
            logits_scaling=2.5,
        ),
        [{"residual_multiplier": 1.0}, {"num_experts_per_tok": 3}],
    ),
    "granitemoeshared": (
        "granitemoeshared",
        dict(**MOE, num_local_experts=5, shared_intermediate_size=20),
        [{"num_experts_per_tok": 3}],
    ),
    "deepseek_v2": (
        "deepseek_v2",
        dict(
            **{**DEEPSEEK, **MLA},
            topk_method="group_limited_greedy",
            n_group=4,
            topk_group=1,
            routed_scaling_factor=1.7,
            rope_parameters=YARN_ALL,
        ),
        [{"topk_method": "greedy"}, {"routed_scaling_factor": 1.0}, {"rope_parameters": YARN}],
    ),
    "deepseek_v2_lite": (
        "deepseek_v2",
        dict(**{**DEEPSEEK, **MLA, "q_lora_rank": None}, topk_method="greedy"),
        [{"routed_scaling_factor": 2.0}],
    ),
    "deepseek_v3": (
        "deepseek_v3",
        dict(**{**DEEPSEEK, **MLA}, n_group=4, topk_group=2, rope_parameters=YARN_ALL),
        [
            {"norm_topk_prob": False},
            {"routed_scaling_factor": 1.0},
            {"n_group": 1, "topk_group": 1},
            {"rope_interleave": False},
            {"topk_group": 1},
        ],
    ),
    "dots1": ("dots1", dict(**DEEPSEEK, routed_scaling_factor=1.3), [{"norm_topk_prob": True}]),
    "glm4_moe": (
        "glm4_moe",
        dict(
            **DEEPSEEK,
            use_qk_norm=True,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 10000.0},
        ),
        [{"norm_topk_prob": False}, {"routed_scaling_factor": 2.0}],
    ),
    "ernie4_5": ("ernie4_5", dict(**LLAMA, head_dim=6), []),
    "ernie4_5_moe": (
        "ernie4_5_moe",
        dict(**LLAMA, moe_num_experts=5, moe_k=2, moe_intermediate_size=12, moe_num_shared_experts=2),
        [{"moe_k": 3}],
    ),
    "minimax_m2": (
        "minimax_m2",
        dict(
            **MOE,
            num_local_experts=5,
            head_dim=8,
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.5, "rope_theta": 10000.0},
        ),
        [{"num_experts_per_tok": 3}],
    ),
}

PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
WINDOWS = dict(sliding_window=5, layer_types=["sliding_attention", "full_attention"])

FAMILIES |= {
    "olmo3": (
        "olmo3",
        dict(**LLAMA, **WINDOWS, rope_parameters={"full_attention": YARN, "sliding_attention": PLAIN}),
        [
            {"rope_parameters": {"full_attention": PLAIN, "sliding_attention": PLAIN}},
            {"layer_types": ["full_attention"] * 2},
            {"sliding_window": 9},
        ],
    ),
    "exaone4": (
        "exaone4",
        dict(**LLAMA, **WINDOWS),
        [{"layer_types": ["full_attention", "sliding_attention"]}, {"sliding_window": 9}],
    ),
    "hunyuan_v1_dense": (
        "hunyuan_v1_dense",
        dict(
            **LLAMA,
            head_dim=8,
            rope_parameters={"rope_type": "dynamic", "rope_theta": 100.0, "alpha": 50.0, "factor": 1.0},
        ),
        [{"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}],
    ),
    "seed_oss": ("seed_oss", dict(**LLAMA, head_dim=8), []),
    "cwm": ("cwm", dict(**LLAMA, **WINDOWS, head_dim=8, rope_parameters=PLAIN), [{"sliding_window": 9}]),
    "ministral": ("ministral", dict(**LLAMA, **WINDOWS, head_dim=6), [{"layer_types": ["full_attention"] * 2}]),
    "ministral3": (
        "ministral3",
        dict(**LLAMA, head_dim=8, rope_parameters={**YARN, "llama_4_scaling_beta": 0.4}),
        [{"rope_parameters": {**YARN, "llama_4_scaling_beta": 0.0}}],
    ),
    "llama4_text": (
        "llama4_text",
        dict(
            **{**LLAMA, "intermediate_size": 12},
            intermediate_size_mlp=40,
            num_local_experts=5,
            num_experts_per_tok=1,
            interleave_moe_layer_step=2,
            no_rope_layers=[1, 0],
            attention_chunk_size=6,
            floor_scale=4,
            attn_scale=0.5,
            head_dim=8,
        ),
        [
            {"attention_chunk_size": 7},
            {"attn_scale": 0.1},
            {"floor_scale": 8},
            {"attn_temperature_tuning": False},
            {"use_qk_norm": False},
            {"no_rope_layers": [0, 0]},
        ],
    ),
    # layer_types apart from no_rope_layers
    "llama4_chunks": (
        "llama4_text",
        dict(
            **{**LLAMA, "intermediate_size": 12},
            intermediate_size_mlp=40,
            num_local_experts=5,
            num_experts_per_tok=1,
            interleave_moe_layer_step=2,
            no_rope_layers=[1, 0],
            layer_types=["full_attention", "chunked_attention"],
            attention_chunk_size=6,
            head_dim=8,
        ),
        [{"layer_types": None}, {"attention_chunk_size": 7}],
    ),
    "codegen": ("codegen", dict(**GPT2, rotary_dim=4), [{"rotary_dim": 6}]),
    "xglm": (
        "xglm",
        dict(
            vocab_size=VOCAB,
            d_model=24,
            ffn_dim=40,
            num_layers=2,
            attention_heads=4,
            max_position_embeddings=CONTEXT,
            **NOPAD,
        ),
        [{"scale_embedding": False}, {"activation_function": "relu"}],
    ),
    "falcon_alibi": (
        "falcon",
        dict(
            vocab_size=VOCAB,
            hidden_size=30,
            num_hidden_layers=2,
            num_attention_heads=5,
            multi_query=False,
            parallel_attn=False,
            alibi=True,
            bias=True,
            **NOPAD,
        ),
        [{"alibi": False}],
    ),
    "phi_plain": ("phi", dict(**LLAMA, rope_parameters={**PLAIN, "partial_rotary_factor": 0.67}), []),
    "stablelm_norms": (
        "stablelm",
        dict(**LLAMA, qk_layernorm=True, rope_parameters={**PLAIN, "partial_rotary_factor": 0.67}),
        [],
    ),
}

EXPERTS = dict(num_experts_per_tok=2, moe_intermediate_size=12)

FAMILIES |= {
    "minicpm3": (
        "minicpm3",
        dict(**{**LLAMA, **MLA}, scale_emb=3, scale_depth=0.6, dim_model_base=10),
        [{"scale_emb": 1}, {"scale_depth": 1.4}, {"dim_model_base": 24}],
    ),
    "nanochat": ("nanochat", dict(**LLAMA, final_logit_softcapping=1.5), [{"final_logit_softcapping": None}]),
    "dbrx": (
        "dbrx",
        dict(
            vocab_size=VOCAB,
            d_model=24,
            n_heads=4,
            n_layers=2,
            max_seq_len=CONTEXT,
            attn_config={"kv_n_heads": 2, "clip_qkv": 0.9, "rope_theta": 10000.0},
            ffn_config={"ffn_hidden_size": 12, "moe_num_experts": 5, "moe_top_k": 2},
            **NOPAD,
        ),
        [
            {"ffn_config": {"ffn_hidden_size": 12, "moe_num_experts": 5, "moe_top_k": 3}},
            {
                "ffn_config": {
                    "ffn_hidden_size": 12,
                    "moe_num_experts": 5,
                    "moe_top_k": 2,
                    "moe_normalize_expert_weights": None,
                }
            },
            {"attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0}},
        ],
    ),
    "internlm3": ("internlm3", dict(**LLAMA, head_dim=8, attention_bias=True, mlp_bias=True), []),
    "vaultgemma": (
        "vaultgemma",
        dict(
            **LLAMA,
            head_dim=8,
            query_pre_attn_scalar=12,
            sliding_window=5,
            attn_logit_softcapping=1.5,
            final_logit_softcapping=3.0,
        ),
        [{"attn_logit_softcapping": None}, {"final_logit_softcapping": None}, {"query_pre_attn_scalar": 8}],
    ),
    "hunyuan_v1_moe": (
        "hunyuan_v1_moe",
        dict(**{**LLAMA, "intermediate_size": 12}, head_dim=8, num_experts=5, moe_topk=2),
        [{"moe_topk": 3}],
    ),
    "exaone_moe": (
        "exaone_moe",
        dict(**LLAMA, **WINDOWS, **EXPERTS, num_experts=6, first_k_dense_replace=1),
        [{"norm_topk_prob": False}, {"routed_scaling_factor": 1.0}, {"sliding_window": 9}],
    ),
    "glm4_moe_lite": (
        "glm4_moe_lite",
        dict(**{**LLAMA, **MLA}, **EXPERTS, n_routed_experts=6),
        [{"norm_topk_prob": False}, {"routed_scaling_factor": 1.0}, {"rope_interleave": False}],
    ),
    "flex_olmo": (
        "flex_olmo",
        dict(**LLAMA, num_experts=5, num_experts_per_tok=2),
        [{"num_experts_per_tok": 3}],
    ),
    "hyperclovax": (
        "hyperclovax",
        dict(**LLAMA, embedding_multiplier=3.0, residual_multiplier=0.4, attention_multiplier=0.6, logits_scaling=0.4),
        [
            {"embedding_multiplier": 1.0},
            {"residual_multiplier": 1.0},
            {"attention_multiplier": 0.4},
            {"logits_scaling": 1.0},
            {"use_post_norm": False},
        ],
    ),
    "apertus": (
        "apertus",
        dict(
            **LLAMA,
            head_dim=8,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 100.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 16,
            },
        ),
        [{"rope_parameters": PLAIN}],
    ),
    "phimoe": (
        "phimoe",
        dict(
            **MOE,
            num_local_experts=6,
            router_jitter_noise=0.3,
            attention_bias=True,
            lm_head_bias=True,
            rope_parameters={
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "short_factor": [1.0, 1.5, 2.0],
                "long_factor": [2.0, 3.0, 4.0],
                "short_mscale": 1.3,
                "long_mscale": 1.5,
                "original_max_position_embeddings": CONTEXT,
            },
        ),
        [{"router_jitter_noise": 0.01}],
    ),
    "jais2": ("jais2", dict(**LLAMA), []),
    "iquestcoder": ("iquestcoder", dict(**LLAMA, head_dim=8, attention_bias=True, mlp_bias=True), []),
    "persimmon": (
        "persimmon",
        dict(
            **{k: v for k, v in LLAMA.items() if k != "num_key_value_heads"},
            rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.67, "rope_theta": 100.0},
        ),
        [{"hidden_act": "relu"}, {"rope_parameters": {"partial_rotary_factor": 0.34, "rope_theta": 100.0}}],
    ),
    "biogpt": (
        "biogpt",
        dict(
            vocab_size=VOCAB,
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
            **NOPAD,
        ),
        [{"scale_embedding": False}, {"hidden_act": "gelu_new"}],
    ),
    "ctrl": ("ctrl", dict(**GPT2, dff=40), []),
    "granite_swa": (
        "granite_swa",
        dict(
            **LLAMA,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention"],
            layer_rope_theta=[100.0, 10000.0],
            attention_multiplier=0.6,
        ),
        [
            {"layer_types": ["full_attention"] * 2},
            {"layer_rope_theta": [100.0, 0]},
            {"layer_rope_theta": [10000.0, 10000.0]},
        ],
    ),
    "granitemoe_swa": (
        "granitemoe_swa",
        dict(
            **MOE,
            num_local_experts=5,
            shared_intermediate_size=20,
            sliding_window=5,
            layer_types=["full_attention", "sliding_attention"],
            layer_rope_theta=[0, 100.0],
        ),
        [{"layer_types": ["full_attention"] * 2}, {"layer_rope_theta": [100.0, 100.0]}],
    ),
    "mellum": (
        "mellum",
        dict(
            **MOE,
            num_experts=6,
            moe_intermediate_size=12,
            head_dim=8,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention"],
            mlp_layer_types=["sparse", "dense"],
        ),
        [
            {"layer_types": ["full_attention"] * 2},
            {"norm_topk_prob": False},
            {"rope_parameters": {kind: {"rope_theta": 100.0} for kind in ("full_attention", "sliding_attention")}},
        ],
    ),
    "flint": (
        "flint",
        dict(
            **MOE,
            num_experts=6,
            moe_intermediate_size=12,
            shared_expert_intermediate_size=20,
            head_dim=8,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention"],
            mlp_only_layers=[1],
        ),
        [{"layer_types": ["full_attention"] * 2}, {"norm_topk_prob": False}],
    ),
    "hy_v3": (
        "hy_v3",
        dict(**MOE, num_experts=6, moe_intermediate_size=12, head_dim=8, num_shared_experts=2),
        [{"router_scaling_factor": 1.0}, {"num_experts_per_tok": 3}],
    ),
    "sarvam_moe": (
        "sarvam_moe",
        dict(**LLAMA, **EXPERTS, head_dim=8, n_routed_experts=6, n_shared_experts=2),
        [{"routed_scaling_factor": 1.0}, {"norm_topk_prob": False}],
    ),
    "sarvam_mla": (
        "sarvam_mla",
        dict(**{**DEEPSEEK, **MLA, "q_lora_rank": None}, rope_parameters=YARN_ALL),
        [{"routed_scaling_factor": 1.0}, {"rope_parameters": YARN}],
    ),
    "youtu": ("youtu", dict(**{**LLAMA, **MLA}), [{"rope_interleave": False}]),
    "solar_open": (
        "solar_open",
        dict(**LLAMA, **EXPERTS, head_dim=8, n_routed_experts=6, routed_scaling_factor=1.3),
        [{"norm_topk_prob": False}, {"routed_scaling_factor": 1.0}],
    ),
}

# Families whose code is beside their weights on the hub: they are others' in transformers under other names. `config`:
# what is said otherwise (`without`: what is not said; `only`: all that is said); `renamed`: (there, here); `fused`: what
# has queries, keys and values in one, by heads or `stacked`; `unit_head`: rows of the head are divided by their length;
# `alibi`: in place of a rotation.
DERIVED = {
    "internlm2": (
        "llama",
        dict(**LLAMA, rope_theta=1000.0),
        [{"rope_theta": 10000.0}],
        dict(
            config={
                "model_type": "internlm2",
                "hidden_act": "silu",
                "rope_theta": 1000.0,
                "bias": False,
                "attn_implementation": "eager",
                "auto_map": {},
            },
            renamed=[
                ("model.embed_tokens", "model.tok_embeddings"),
                ("lm_head", "output"),
                ("input_layernorm", "attention_norm"),
                ("post_attention_layernorm", "ffn_norm"),
                ("self_attn.o_proj", "attention.wo"),
                ("self_attn", "attention"),
                ("mlp.gate_proj", "feed_forward.w1"),
                ("mlp.up_proj", "feed_forward.w3"),
                ("mlp.down_proj", "feed_forward.w2"),
                ("mlp", "feed_forward"),
            ],
            fused="attention.wqkv",
        ),
    ),
    "minicpm": (
        "granite",
        dict(
            **LLAMA,
            embedding_multiplier=3.0,
            residual_multiplier=0.6 / 2**0.5,
            attention_multiplier=6**-0.5,
            logits_scaling=2.4,
            tie_word_embeddings=True,
        ),
        [{"scale_emb": 1}, {"scale_depth": 1.4}, {"dim_model_base": 24}],
        dict(
            config={
                "model_type": "minicpm",
                "hidden_act": "silu",
                "scale_emb": 3,
                "scale_depth": 0.6,
                "dim_model_base": 10,
            }
        ),
    ),
    "baichuan": (
        "llama",
        {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"},
        [],
        dict(
            config={"model_type": "baichuan", "hidden_act": "silu", "z_loss_weight": 0, "model_max_length": CONTEXT},
            without=["num_key_value_heads", "head_dim", "attention_bias", "mlp_bias"],
            fused="self_attn.W_pack",
            stacked=True,
            unit_head=True,
        ),
    ),
    "baichuan_alibi": (
        "llama",
        {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"},
        [{"max_position_embeddings": CONTEXT}],
        dict(
            config={"model_type": "baichuan", "hidden_act": "silu", "model_max_length": CONTEXT},
            without=["max_position_embeddings", "num_key_value_heads", "head_dim", "attention_bias", "mlp_bias"],
            fused="self_attn.W_pack",
            stacked=True,
            alibi=True,
        ),
    ),
    "qwen": (
        "qwen2",
        dict(**{**LLAMA, "num_key_value_heads": 4}),
        [{"rotary_emb_base": 100}, {"layer_norm_epsilon": 0.1}],
        dict(
            only={
                "model_type": "qwen",
                "attn_dropout_prob": 0.0,
                "bf16": False,
                "emb_dropout_prob": 0.0,
                "hidden_size": 24,
                "intermediate_size": 80,
                "kv_channels": 6,
                "layer_norm_epsilon": 1e-6,
                "max_position_embeddings": 4 * CONTEXT,
                "no_bias": True,
                "num_attention_heads": 4,
                "num_hidden_layers": 2,
                "onnx_safe": None,
                "rotary_emb_base": 10000,
                "rotary_pct": 1.0,
                "scale_attn_weights": True,
                "seq_length": CONTEXT,
                "softmax_in_fp32": False,
                "tie_word_embeddings": False,
                "use_cache_kernel": False,
                "use_cache_quantization": False,
                "use_dynamic_ntk": True,
                "use_flash_attn": "auto",
                "use_logn_attn": True,
                "vocab_size": VOCAB,
            },
            renamed=[
                ("model.embed_tokens", "transformer.wte"),
                ("model.norm", "transformer.ln_f"),
                ("model.layers", "transformer.h"),
                ("input_layernorm", "ln_1"),
                ("post_attention_layernorm", "ln_2"),
                ("self_attn.o_proj", "attn.c_proj"),
                ("self_attn", "attn"),
                ("mlp.gate_proj", "mlp.w2"),
                ("mlp.up_proj", "mlp.w1"),
                ("mlp.down_proj", "mlp.c_proj"),
            ],
            fused="attn.c_attn",
            stacked=True,
        ),
    ),
    "chatglm": (
        "glm",
        dict(**LLAMA, head_dim=8, attention_bias=True, rope_parameters={"rope_theta": 20000.0}, rms_norm_eps=1e-5),
        [{"rope_ratio": 1}],
        dict(
            only={
                "model_type": "chatglm",
                "add_bias_linear": False,
                "add_qkv_bias": True,
                "apply_query_key_layer_scaling": True,
                "apply_residual_connection_post_layernorm": False,
                "attention_dropout": 0.0,
                "attention_softmax_in_fp32": True,
                "bias_dropout_fusion": True,
                "classifier_dropout": None,
                "ffn_hidden_size": 40,
                "fp32_residual_connection": False,
                "hidden_dropout": 0.0,
                "hidden_size": 24,
                "kv_channels": 8,
                "layernorm_epsilon": 1e-5,
                "multi_query_attention": True,
                "multi_query_group_num": 2,
                "num_attention_heads": 4,
                "num_layers": 2,
                "original_rope": True,
                "padded_vocab_size": VOCAB,
                "post_layer_norm": True,
                "pre_seq_len": None,
                "prefix_projection": False,
                "quantization_bit": 0,
                "rmsnorm": True,
                "rope_ratio": 2,
                "seq_length": CONTEXT,
                "tie_word_embeddings": False,
                "eos_token_id": 2,
                "pad_token_id": 0,
                "vocab_size": VOCAB,
            },
            renamed=[
                ("model.embed_tokens", "transformer.embedding.word_embeddings"),
                ("model.norm", "transformer.encoder.final_layernorm"),
                ("model.layers", "transformer.encoder.layers"),
                ("lm_head", "transformer.output_layer"),
                ("self_attn.o_proj", "self_attention.dense"),
                ("self_attn", "self_attention"),
                ("mlp.gate_up_proj", "mlp.dense_h_to_4h"),
                ("mlp.down_proj", "mlp.dense_4h_to_h"),
            ],
            fused="self_attention.query_key_value",
            stacked=True,
        ),
    ),
    "orion": (
        "stablelm",
        dict(**LLAMA, rope_parameters={"partial_rotary_factor": 1.0, "rope_theta": 10000.0}),
        [{"rms_norm_eps": 0.1}],
        dict(
            config={"model_type": "orion", "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0},
            without=["layer_norm_eps", "use_qkv_bias", "use_parallel_residual", "qk_layernorm"],
        ),
    ),
    "stablelm_epoch": (
        "stablelm",
        dict(
            **{**LLAMA, "num_key_value_heads": 4},
            use_qkv_bias=True,
            rope_parameters={"partial_rotary_factor": 0.67, "rope_theta": 100.0},
        ),
        [{"rope_pct": 1.0}, {"rope_theta": 10000}],
        dict(
            only={
                "model_type": "stablelm_epoch",
                "hidden_act": "silu",
                "hidden_size": 24,
                "intermediate_size": 40,
                "max_position_embeddings": CONTEXT,
                "norm_eps": 1e-5,
                "num_attention_heads": 4,
                "num_heads": 4,
                "num_hidden_layers": 2,
                "num_key_value_heads": 4,
                "rope_pct": 0.67,
                "rope_theta": 100,
                "rotary_scaling_factor": 1.0,
                "tie_word_embeddings": False,
                "use_qkv_bias": True,
                "vocab_size": VOCAB,
            },
        ),
    ),
    "internlm": (
        "llama",
        dict(**{**LLAMA, "num_key_value_heads": 4}, attention_bias=True),
        [{"rotary": {"base": 100, "type": "dynamic"}}],
        dict(
            config={
                "model_type": "internlm",
                "hidden_act": "silu",
                "bias": True,
                "rotary": {"base": 10000, "type": "dynamic"},
            },
            without=["attention_bias", "mlp_bias", "num_key_value_heads", "head_dim"],
        ),
    ),
    "bailing_moe_v2": (
        "sarvam_moe",
        dict(
            **LLAMA,
            **EXPERTS,
            head_dim=8,
            n_routed_experts=8,
            n_shared_experts=2,
            n_group=4,
            topk_group=2,
            rope_parameters={"partial_rotary_factor": 0.5, "rope_theta": 600000.0},
        ),
        [{"n_group": 1, "topk_group": 1}, {"partial_rotary_factor": 1.0}, {"routed_scaling_factor": 1.0}],
        dict(
            only={
                "model_type": "bailing_moe_v2",
                "attention_dropout": 0.0,
                "embedding_dropout": 0.0,
                "eos_token_id": 2,
                "first_k_dense_replace": 1,
                "head_dim": 8,
                "hidden_act": "silu",
                "hidden_size": 24,
                "initializer_range": 0.02,
                "intermediate_size": 40,
                "max_position_embeddings": CONTEXT,
                "max_window_layers": 20,
                "moe_intermediate_size": 12,
                "moe_router_enable_expert_bias": True,
                "n_group": 4,
                "norm_topk_prob": True,
                "num_attention_heads": 4,
                "num_experts": 8,
                "num_experts_per_tok": 2,
                "num_hidden_layers": 2,
                "num_key_value_heads": 2,
                "num_nextn_predict_layers": 0,
                "num_shared_experts": 2,
                "output_dropout": 0.0,
                "output_router_logits": False,
                "partial_rotary_factor": 0.5,
                "rms_norm_eps": 1e-6,
                "rope_scaling": None,
                "rope_theta": 600000,
                "routed_scaling_factor": 2.5,
                "router_dtype": "fp32",
                "score_function": "sigmoid",
                "tie_word_embeddings": False,
                "topk_group": 2,
                "use_bias": False,
                "use_qk_norm": True,
                "use_qkv_bias": False,
                "use_rmsnorm": True,
                "using_split_qkv_in_self_attention": False,
                "vocab_size": VOCAB,
            },
            renamed=[
                ("model.embed_tokens", "model.word_embeddings"),
                ("self_attn.o_proj", "attention.dense"),
                ("self_attn.q_norm", "attention.query_layernorm"),
                ("self_attn.k_norm", "attention.key_layernorm"),
                ("self_attn", "attention"),
            ],
        ),
    ),
    "exaone": (
        "llama",
        dict(**LLAMA),
        [],
        dict(
            config={
                "model_type": "exaone",
                "num_layers": 2,
                "activation_function": "silu",
                "layer_norm_epsilon": 1e-6,
                "rms_norm_eps": None,
                "num_hidden_layers": None,
            },
            renamed=[
                ("model.embed_tokens", "transformer.wte"),
                ("model.norm", "transformer.ln_f"),
                ("model.layers", "transformer.h"),
                ("input_layernorm", "ln_1"),
                ("post_attention_layernorm", "ln_2"),
                ("self_attn.o_proj", "attn.attention.out_proj"),
                ("self_attn.q_proj", "attn.attention.q_proj"),
                ("self_attn.k_proj", "attn.attention.k_proj"),
                ("self_attn.v_proj", "attn.attention.v_proj"),
                ("self_attn", "attn"),
                ("mlp.gate_proj", "mlp.c_fc_0"),
                ("mlp.up_proj", "mlp.c_fc_1"),
                ("mlp.down_proj", "mlp.c_proj"),
            ],
        ),
    ),
}
FAMILIES |= {name: found[:3] for name, found in DERIVED.items()}
# What the other family's configuration says and this one has another word for, or none.
SAID_OTHERWISE = (
    "hidden_act",
    "rope_parameters",
    "embedding_multiplier",
    "residual_multiplier",
    "attention_multiplier",
    "logits_scaling",
    "architectures",
)


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
    norm = "norm" in name or "ln_" in name
    plus_one = kind in ("gemma", "gemma2", "gemma3_text", "nemotron", "vaultgemma")
    if norm:
        return (0.4, 0.0) if name.endswith("bias") or plus_one else (0.4, 1.0)
    if len(shape) == 1 or name.endswith("_bias"):
        return 0.4, 0.0
    if any(part in name for part in ("wte", "wpe", "embed", "word_embeddings")):
        return 0.8, 0.0
    inputs = (
        shape[0] if kind == "gpt2" else shape[1] if kind in ("gpt_oss", "llama4_text") or len(shape) == 2 else shape[2]
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
    return output[0] if isinstance(output, tuple) else output


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
            return (value, *output[1:]) if isinstance(output, tuple) else value

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
