"""What the tiny configurations of families have in common."""

VOCAB, CONTEXT = 40, 32

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
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
WINDOWS = dict(sliding_window=5, layer_types=["sliding_attention", "full_attention"])
GEMMA4_HEADS = dict(head_dim=8, global_head_dim=12, sliding_window=5)
GEMMA4 = dict(vocab_size_per_layer_input=VOCAB, **GEMMA4_HEADS)
MLA = dict(num_key_value_heads=4, q_lora_rank=12, kv_lora_rank=10, qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5)
EXPERTS = dict(num_experts_per_tok=2, moe_intermediate_size=12)
