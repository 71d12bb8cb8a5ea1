#!/usr/bin/env python3
"""Makes tests/data/reference: tiny models with fixed random weights, and every site of their forward pass as computed
by transformers in fp32. Run with torch, transformers, safetensors and gguf installed; tests read only the data.

Names are Embscope's sites; shapes are without the batch axis. `scores` are scaled, before the softmax; only keys a
query may see are compared.
"""

import json
import math
import pathlib
import sys

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

OUT = pathlib.Path(__file__).parent.parent / "data" / "reference"
TEXTS = [[5, 17, 3, 3, 88, 41, 0, 12, 96, 7, 29, 64, 50], [9, 1, 77, 30, 2, 61, 13]]


def randomise(model, seed):
    """Every parameter, norms and biases too: no term of a formula may vanish."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if "norm" in name or "ln_" in name:
            p.data = (1 if name.endswith("weight") else 0) + 0.2 * noise
        elif p.dim() == 1:
            p.data = 0.2 * noise
        elif "wte" in name or "wpe" in name or "embed" in name:
            p.data = 0.5 * noise
        else:
            p.data = noise / math.sqrt(p.shape[0] if isinstance(model, GPT2LMHeadModel) else p.shape[1])
    return model.eval().float()


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), -1)


def attention(sites, block, q, k, v, scale):
    """q [T,H,K], k and v [T,KV,K] as they meet: scores, pattern, z."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.einsum("thk,shk->hts", q, k) * scale
    mask = torch.triu(torch.ones(scores.shape[1:], dtype=torch.bool), 1)
    pattern = scores.masked_fill(mask, -torch.inf).softmax(-1)
    z = torch.einsum("hts,shk->thk", pattern, v)
    sites[f"{block}.scores"], sites[f"{block}.pattern"], sites[f"{block}.z"] = scores.masked_fill(mask, 0), pattern, z
    return z


def norm(sites, name, module, x, centred):
    mean = x.mean(-1, keepdim=True) if centred else 0
    epsilon = module.eps if centred else module.variance_epsilon
    scale = ((x - mean).pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
    sites[f"{name}.scale"], sites[f"{name}.normalized"] = scale, (x - mean) / scale
    sites[name] = module(x)
    return sites[name]


@torch.no_grad()
def gpt2_sites(model, ids):
    t, sites, c = model.transformer, {}, model.config
    ids = torch.tensor(ids)
    sites["wte"], sites["wpe"] = t.wte(ids), t.wpe(torch.arange(len(ids)))
    x = sites["wte"] + sites["wpe"]
    for l, h in enumerate(t.h):
        b = f"blocks.{l}"
        sites[f"{b}.resid_pre"] = x
        q, k, v = (
            p.view(len(ids), c.n_head, -1)
            for p in h.attn.c_attn(norm(sites, f"{b}.ln1", h.ln_1, x, True)).split(c.n_embd, -1)
        )
        sites[f"{b}.q"], sites[f"{b}.k"], sites[f"{b}.v"] = q, k, v
        sites[f"{b}.attn_out"] = h.attn.c_proj(attention(sites, b, q, k, v, q.shape[-1] ** -0.5).reshape(len(ids), -1))
        x = sites[f"{b}.resid_mid"] = x + sites[f"{b}.attn_out"]
        sites[f"{b}.mlp_pre"] = h.mlp.c_fc(norm(sites, f"{b}.ln2", h.ln_2, x, True))
        sites[f"{b}.mlp_post"] = h.mlp.act(sites[f"{b}.mlp_pre"])
        sites[f"{b}.mlp_out"] = h.mlp.c_proj(sites[f"{b}.mlp_post"])
        x = sites[f"{b}.resid_post"] = x + sites[f"{b}.mlp_out"]
    sites["logits"] = model.lm_head(norm(sites, "ln_final", t.ln_f, x, True))
    return sites


@torch.no_grad()
def llama_sites(model, ids):
    m, sites = model.model, {}
    ids = torch.tensor(ids)
    x = sites["wte"] = m.embed_tokens(ids)
    cos, sin = (p[0].unsqueeze(1) for p in m.rotary_emb(x.unsqueeze(0), torch.arange(len(ids)).unsqueeze(0)))
    for l, h in enumerate(m.layers):
        b = f"blocks.{l}"
        sites[f"{b}.resid_pre"] = x
        n, a = norm(sites, f"{b}.ln1", h.input_layernorm, x, False), h.self_attn
        q, k, v = (p(n).view(len(ids), -1, a.head_dim) for p in (a.q_proj, a.k_proj, a.v_proj))
        sites[f"{b}.q"], sites[f"{b}.k"], sites[f"{b}.v"] = q, k, v
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        sites[f"{b}.rot_q"], sites[f"{b}.rot_k"] = q, k
        sites[f"{b}.attn_out"] = a.o_proj(attention(sites, b, q, k, v, a.head_dim**-0.5).reshape(len(ids), -1))
        x = sites[f"{b}.resid_mid"] = x + sites[f"{b}.attn_out"]
        n = norm(sites, f"{b}.ln2", h.post_attention_layernorm, x, False)
        sites[f"{b}.mlp_pre"], sites[f"{b}.mlp_up"] = h.mlp.gate_proj(n), h.mlp.up_proj(n)
        sites[f"{b}.mlp_post"] = h.mlp.act_fn(sites[f"{b}.mlp_pre"]) * sites[f"{b}.mlp_up"]
        sites[f"{b}.mlp_out"] = h.mlp.down_proj(sites[f"{b}.mlp_post"])
        x = sites[f"{b}.resid_post"] = x + sites[f"{b}.mlp_out"]
    sites["logits"] = model.lm_head(norm(sites, "ln_final", m.norm, x, False))
    return sites


def write(name, model, sites_of, dtype=torch.float32):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    for p in model.parameters():  # the rounded weights, computed with in fp32; buffers (rotary frequencies) stay exact
        p.data = p.data.to(dtype).float()
    state = {k: v.detach().to(dtype).clone().contiguous() for k, v in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1, default=str) + "\n")
    for i, ids in enumerate(TEXTS):
        sites = sites_of(model, ids)
        whole = model(torch.tensor([ids])).logits[0]
        difference = (whole - sites["logits"]).abs().max().item()
        assert difference < 2e-5, (
            name,
            difference,
        )  # what is taken apart above is what transformers computes as a whole
        save_file({k: v.float().clone().contiguous() for k, v in sites.items()}, folder / f"sites-{i}.safetensors")
    (folder / "ids.json").write_text(json.dumps(TEXTS) + "\n")
    print(name, "ok")
    return model


def interleave(weight, heads):
    """llama.cpp keeps the two halves of each head of Q and K interleaved."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path, model):
    c = model.config
    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_key_length(c.head_dim)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_rope_freq_base(10000.0)
    names = {
        "embed_tokens": "token_embd",
        "norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "q_proj": "attn_q",
        "k_proj": "attn_k",
        "v_proj": "attn_v",
        "o_proj": "attn_output",
        "gate_proj": "ffn_gate",
        "up_proj": "ffn_up",
        "down_proj": "ffn_down",
    }
    for name, tensor in model.state_dict().items():
        value = tensor.detach().numpy()
        parts = name.split(".")
        if name == "lm_head.weight":
            new = "output.weight"
        elif "layers" in parts:
            new = f"blk.{parts[2]}.{names[parts[-2]]}.weight"
        else:
            new = f"{names[parts[-2]]}.weight"
        if "q_proj" in name:
            value = interleave(value, c.num_attention_heads)
        if "k_proj" in name:
            value = interleave(value, c.num_key_value_heads)
        w.add_tensor(new, np.ascontiguousarray(value))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    print("torch", torch.__version__, "transformers", transformers.__version__, file=sys.stderr)
    small = dict(
        vocab_size=97,
        n_positions=64,
        n_embd=48,
        n_layer=3,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="eager",
    )
    write("tiny-gpt2", randomise(GPT2LMHeadModel(GPT2Config(**small)), 1), gpt2_sites)
    write(
        "tiny-gpt2-relu",
        randomise(GPT2LMHeadModel(GPT2Config(**{**small, "n_layer": 1}, activation_function="relu", n_inner=80)), 2),
        gpt2_sites,
    )
    llama = dict(
        vocab_size=101,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        attn_implementation="eager",
    )
    model = write(
        "tiny-llama", randomise(LlamaForCausalLM(LlamaConfig(**llama, tie_word_embeddings=False)), 3), llama_sites
    )
    write_gguf(OUT / "tiny-llama" / "tiny-llama.gguf", model)
    tied = LlamaConfig(
        **{**llama, "num_hidden_layers": 2, "head_dim": 16},
        tie_word_embeddings=True,
        attention_bias=True,
        mlp_bias=True,
    )
    write("tiny-llama-bf16", randomise(LlamaForCausalLM(tied), 4), llama_sites, torch.bfloat16)
    write("tiny-llama-f16", randomise(LlamaForCausalLM(tied), 5), llama_sites, torch.float16)


if __name__ == "__main__":
    main()
