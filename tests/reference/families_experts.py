"""The same of families with experts."""

from families_common import CONTEXT, EXPERTS, GEMMA4, LLAMA, MLA, NOPAD, VOCAB, WINDOWS, YARN

RAMP = {"rope_theta": 100.0, "beta_fast": 0.5, "beta_slow": 0.05}  # neither end at a whole pair
MOE = {**LLAMA, "num_experts_per_tok": 2}
DEEPSEEK = dict(**MOE, n_routed_experts=8, moe_intermediate_size=12, n_shared_experts=2, first_k_dense_replace=1)
YARN_ALL = {**YARN, "mscale": 1.0, "mscale_all_dim": 0.8}

FAMILIES = {
    "gemma4_experts": (
        "gemma4_text",
        dict(
            **LLAMA,
            **GEMMA4,
            hidden_size_per_layer_input=6,
            num_kv_shared_layers=1,
            enable_moe_block=True,
            num_experts=4,
            top_k_experts=2,
            moe_intermediate_size=16,
            layer_types=["full_attention", "full_attention"],
        ),
        [{"top_k_experts": 1}],
    ),
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
    "solar_open": (
        "solar_open",
        dict(**LLAMA, **EXPERTS, head_dim=8, n_routed_experts=6, routed_scaling_factor=1.3),
        [{"norm_topk_prob": False}, {"routed_scaling_factor": 1.0}],
    ),
}
