#!/usr/bin/env python3
"""Makes tests/data/families/llama_cpp.json: tiny GGUF files of many architectures, and what llama.cpp computes with them.

For each: `architecture`, `metadata` (keys that begin with a dot come after the architecture's name), `tensors` with
[shape, scale, shift] of their weights (those of recipe.py, by the names here), and `log_probabilities` [P, V]
of the token after `texts` (numbers of tokens of `text`), as llama.cpp computes them on a processor with all in fp32.
`table`: llama.cpp looks its GELU up in a table of half precision, or has another GELU than the model.

Run with gguf, xllamacpp and torch installed, with names of files to make or with none for all.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from recipe import weights

DATA = pathlib.Path(__file__).parent.parent / "data" / "families"
VOCAB, WIDTH, HIDDEN, HEADS, KV, CONTEXT = 40, 24, 40, 4, 2, 32
TEXT = [(7 * i * i + 3 * i + 5) % VOCAB for i in range(CONTEXT)]
TEXTS = [6, 15, 31]


class File:
    """A GGUF file that is put together: each method adds keys and tensors."""

    def __init__(self, architecture, blocks=2, head=6, kv=KV, norm="rms", norm_bias=None, tied=False, context=CONTEXT):
        self.architecture, self.blocks, self.head, self.kv = architecture, blocks, head, kv
        self.bias = norm == "layer" if norm_bias is None else norm_bias
        self.metadata, self.tensors, self.table = {}, {}, False
        epsilon = ".attention.layer_norm_rms_epsilon" if norm == "rms" else ".attention.layer_norm_epsilon"
        self.keys(
            {
                ".vocab_size": VOCAB,
                ".embedding_length": WIDTH,
                ".block_count": blocks,
                ".attention.head_count": HEADS,
                ".attention.head_count_kv": kv,
                ".feed_forward_length": HIDDEN,
                ".context_length": context,
                ".rope.freq_base": 10000.0,
                ".rope.dimension_count": head,
                epsilon: 1e-5,
            }
        )
        if architecture in ("gpt2", "starcoder", "bloom", "mpt", "refact", "jais"):
            self.without(".rope.freq_base", ".rope.dimension_count")
        if head * HEADS != WIDTH:
            self.keys({".attention.key_length": head, ".attention.value_length": head})
        self.put("token_embd.weight", VOCAB, WIDTH, scale=0.8)
        self.norm("output_norm")
        if not tied:
            self.put("output.weight", VOCAB, WIDTH)

    def keys(self, more):
        self.metadata |= more
        return self

    def without(self, *names):
        for name in names:
            self.metadata.pop(name, None)
        return self

    def put(self, name, *shape, scale=None, shift=0.0):
        if scale is None:
            scale = round(2.4 / math.sqrt(shape[-1]), 6)
        self.tensors[name] = [list(shape), scale, shift]

    def norm(self, name, width=WIDTH, bias=None):
        shape = width if isinstance(width, tuple) else (width,)
        self.put(f"{name}.weight", *shape, scale=0.4, shift=1.0)
        if self.bias if bias is None else bias:
            self.put(f"{name}.bias", *shape, scale=0.4)

    def linear(self, name, out, width=WIDTH, bias=False):
        self.put(f"{name}.weight", out, width)
        if bias:
            self.put(f"{name}.bias", out, scale=0.4)

    def each(self, only=None):
        return [f"blk.{l}." for l in (range(self.blocks) if only is None else only)]

    def norms(self, *names, bias=None):
        for at in self.each():
            for name in names:
                self.norm(at + name, bias=bias)
        return self

    def attention(self, bias=False, out_bias=False, fused=False, heads_norm=None):
        """heads_norm: "each" (one gain for all heads), "own" (one for each), "whole"."""
        q, kv = HEADS * self.head, self.kv * self.head
        for at in self.each():
            if fused:
                self.linear(at + "attn_qkv", q + 2 * kv, bias=bias)
            else:
                for name, out in (("attn_q", q), ("attn_k", kv), ("attn_v", kv)):
                    self.linear(at + name, out, bias=bias)
            self.linear(at + "attn_output", WIDTH, q, bias=out_bias)
            for name, heads in (("attn_q_norm", HEADS), ("attn_k_norm", self.kv)):
                if heads_norm == "each":
                    self.norm(at + name, self.head, bias=False)
                if heads_norm == "own":
                    self.norm(at + name, (heads, self.head), bias=False)
                if heads_norm == "whole":
                    self.norm(at + name, heads * self.head, bias=False)
        return self

    def mlp(self, gated=True, bias=False, fused=False, hidden=HIDDEN, only=None):
        for at in self.each(only):
            if gated and not fused:
                self.linear(at + "ffn_gate", hidden, bias=bias)
            self.linear(at + "ffn_up", 2 * hidden if fused else hidden, bias=bias)
            self.linear(at + "ffn_down", WIDTH, hidden, bias=bias)
        return self

    def experts(
        self, count=6, chosen=2, hidden=12, shared=0, only=None, bias=False, correction=False, key=True, gate=""
    ):
        self.keys({".expert_count": count, ".expert_used_count": chosen})
        if key:
            self.keys({".expert_feed_forward_length": hidden})
        for at in self.each(only):
            self.linear(at + "ffn_gate_inp", count, bias=bias)
            for name, out, width in (("gate", hidden, WIDTH), ("up", hidden, WIDTH), ("down", WIDTH, hidden)):
                self.put(f"{at}ffn_{name}_exps.weight", count, out, width)
                if bias:
                    self.put(f"{at}ffn_{name}_exps.bias", count, out, scale=0.4)
            if correction:
                self.put(at + ("exp_probs_b.bias" if correction is True else correction), count, scale=0.4)
            if shared:
                self.linear(at + "ffn_gate_shexp", shared)
                self.linear(at + "ffn_up_shexp", shared)
                self.linear(at + "ffn_down_shexp", WIDTH, shared)
        return self

    def looked_up(self):
        self.table = True
        return self


def llama(architecture, **kinds):
    """RMSNorms before, no biases, a gated MLP."""
    return File(architecture, **kinds).norms("attn_norm", "ffn_norm")


def mla(architecture, query_rank=12, rank=10, own=6, turned=4, value=5, absorbed=False, **kinds):
    """Latent attention; `absorbed`: with keys and values apart and what llama.cpp calls MLA."""
    file = File(architecture, head=own + turned, kv=1 if absorbed else HEADS, **kinds).norms("attn_norm", "ffn_norm")
    file.keys({".rope.dimension_count": turned, ".attention.kv_lora_rank": rank})
    file.keys({".attention.key_length": own + turned, ".attention.value_length": value})
    if absorbed:
        file.keys({".attention.key_length": rank + turned, ".attention.value_length": rank})
        file.keys({".attention.key_length_mla": own + turned, ".attention.value_length_mla": value})
    if query_rank:
        file.keys({".attention.q_lora_rank": query_rank})
    for at in file.each():
        if query_rank:
            file.linear(at + "attn_q_a", query_rank)
            file.norm(at + "attn_q_a_norm", query_rank)
            file.linear(at + "attn_q_b", HEADS * (own + turned), query_rank)
        else:
            file.linear(at + "attn_q", HEADS * (own + turned))
        file.linear(at + "attn_kv_a_mqa", rank + turned)
        file.norm(at + "attn_kv_a_norm", rank)
        if absorbed:
            file.put(at + "attn_k_b.weight", HEADS, rank, own)
            file.put(at + "attn_v_b.weight", HEADS, value, rank)
        else:
            file.linear(at + "attn_kv_b", HEADS * (own + value), rank)
        file.linear(at + "attn_output", WIDTH, HEADS * value)
    return file


def rope_freqs(file):
    file.put("rope_freqs.weight", file.head // 2, scale=0.5, shift=2.0)
    return file


YARN = {
    ".rope.scaling.type": "yarn",
    ".rope.scaling.factor": 4.0,
    ".rope.scaling.original_context_length": 8,
}
WINDOW = {".attention.sliding_window": 5}


def gemma(architecture, blocks=2, post=True, **kinds):
    file = File(architecture, blocks=blocks, head=8, tied=True, **kinds).norms("attn_norm", "ffn_norm")
    return file.norms("post_attention_norm", "post_ffw_norm").looked_up() if post else file.looked_up()


def gemma4(blocks, windowed, kv, hidden, shared=0, keys_as_values=(), per_layer=0, experts=0):
    """Blocks with a window have heads of 8, the others of 12."""
    file = File("gemma4", blocks=blocks, head=12, tied=True)
    file.keys(
        {
            ".attention.key_length_swa": 8,
            ".attention.value_length_swa": 8,
            ".rope.dimension_count_swa": 8,
            ".rope.freq_base": 1e6,
            ".rope.freq_base_swa": 1e4,
            ".attention.sliding_window": 5,
            ".attention.sliding_window_pattern": windowed,
            ".attention.shared_kv_layers": shared,
            ".attention.head_count_kv": kv,
            ".feed_forward_length": hidden,
            ".embedding_length_per_layer_input": per_layer,
            ".final_logit_softcapping": 8.0,
        }
    )
    file.norms("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    for l, at in enumerate(file.each()):
        width = 8 if windowed[l] else 12
        file.linear(at + "attn_q", HEADS * width)
        file.norm(at + "attn_q_norm", width)
        file.linear(at + "attn_output", WIDTH, HEADS * width)
        if l < blocks - shared:
            file.linear(at + "attn_k", kv[l] * width)
            file.norm(at + "attn_k_norm", width)
            if l not in keys_as_values:
                file.linear(at + "attn_v", kv[l] * width)
        file.mlp(hidden=hidden[l], only=[l])
        file.put(at + "layer_output_scale.weight", 1, scale=0.4, shift=1.0)
    file.put("rope_freqs.weight", 6, scale=0.5, shift=2.0)
    if per_layer:
        file.put("per_layer_token_embd.weight", VOCAB, blocks * per_layer, scale=0.8)
        file.linear("per_layer_model_proj", blocks * per_layer)
        file.norm("per_layer_proj_norm", per_layer)
        file.norms("post_norm")
        for at in file.each():
            file.linear(at + "inp_gate", per_layer)
            file.linear(at + "proj", WIDTH, per_layer)
    if experts:
        file.keys({".expert_count": experts, ".expert_used_count": 2, ".expert_feed_forward_length": 16})
        file.norms("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2")
        for at in file.each():
            file.linear(at + "ffn_gate_inp", experts)
            file.put(at + "ffn_gate_inp.scale", WIDTH, scale=0.4, shift=1.0)
            file.put(at + "ffn_gate_up_exps.weight", experts, 32, WIDTH)
            file.put(at + "ffn_down_exps.weight", experts, WIDTH, 16)
            file.put(at + "ffn_down_exps.scale", experts, scale=0.4, shift=1.0)
    return file.looked_up()


def sinks(file):
    for at in file.each():
        file.put(at + "attn_sinks.weight", HEADS, scale=0.8)
    return file


def learned(architecture, kv=HEADS):
    file = File(architecture, norm="layer", kv=kv).norms("attn_norm", "ffn_norm")
    file.put("position_embd.weight", CONTEXT, WIDTH, scale=0.5)
    return file.looked_up()


def gptneox(parallel):
    return (
        File("gptneox", norm="layer", kv=HEADS)
        .keys({".use_parallel_residual": parallel, ".rope.dimension_count": 4})
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True, out_bias=True, fused=True)
        .mlp(gated=False, bias=True)
        .looked_up()
    )


def head_norm(file, name, width):
    file.norm(name, width)
    return file


FILES = {
    "llama": lambda: llama("llama").attention().mlp(),
    "llama_biases": lambda: llama("llama", tied=True).attention(bias=True, out_bias=True).mlp(bias=True),
    "llama_factors": lambda: rope_freqs(llama("llama", head=8).attention().mlp()),
    "llama_linear": lambda: (
        llama("llama").keys({".rope.scaling.type": "linear", ".rope.scaling.factor": 2.5}).attention().mlp()
    ),
    "llama_yarn": lambda: llama("llama", head=8).keys(YARN).attention().mlp(),
    "llama_experts": lambda: llama("llama").attention().experts(hidden=HIDDEN, key=False),
    "mistral3": lambda: llama("mistral3", head=8).keys({**YARN, ".attention.temperature_scale": 0.3}).attention().mlp(),
    "qwen": lambda: (
        llama("qwen", kv=HEADS).keys({".feed_forward_length": 2 * HIDDEN}).attention(fused=True, bias=True).mlp()
    ),
    "qwen2": lambda: llama("qwen2").attention(bias=True).mlp(),
    "qwen3": lambda: llama("qwen3", head=8).attention(heads_norm="each").mlp(),
    "qwen3_yarn": lambda: llama("qwen3", head=8).keys(YARN).attention(heads_norm="each").mlp(),
    "qwen3moe": lambda: llama("qwen3moe", head=8).attention(heads_norm="each").experts(),
    "gemma": lambda: gemma("gemma", post=False, kv=1).attention().mlp(),
    "gemma2": lambda: (
        gemma("gemma2", blocks=3)
        .keys({**WINDOW, ".attn_logit_softcapping": 1.5, ".final_logit_softcapping": 3.0})
        .attention()
        .mlp()
    ),
    "gemma4": lambda: gemma4(5, [True, True, False, True, False], [2] * 5, [40, 40, 40, 80, 80], shared=2, per_layer=6),
    "gemma4_experts": lambda: gemma4(2, [True, False], [2, 1], [40, 40], keys_as_values=[1], experts=4),
    "gemma3": lambda: gemma("gemma3", blocks=7).keys(WINDOW).attention(heads_norm="each").mlp(),
    "gemma3_pattern": lambda: (
        gemma("gemma3", blocks=4)
        .keys({**WINDOW, ".attention.sliding_window_pattern": 2})
        .attention(heads_norm="each")
        .mlp()
    ),
    "phi2": lambda: (
        head_bias(File("phi2", norm="layer", kv=HEADS))
        .keys({".rope.dimension_count": 4})
        .norms("attn_norm")
        .attention(bias=True, out_bias=True)
        .mlp(gated=False, bias=True)
        .looked_up()
    ),
    "phi2_fused": lambda: (
        head_bias(File("phi2", norm="layer", kv=HEADS))
        .keys({".rope.dimension_count": 4})
        .norms("attn_norm")
        .attention(bias=True, out_bias=True, fused=True)
        .mlp(gated=False, bias=True)
        .looked_up()
    ),
    "phi3": lambda: llama("phi3").attention(fused=True).mlp(fused=True),
    "phi3_partial": lambda: llama("phi3").keys({".rope.dimension_count": 4}).attention(fused=True).mlp(fused=True),
    "olmo": lambda: (
        llama_without_gains(File("olmo", norm="layer")).keys({".attention.clamp_kqv": 0.7}).attention().mlp()
    ),
    "olmo2": lambda: File("olmo2").norms("post_attention_norm", "post_ffw_norm").attention(heads_norm="whole").mlp(),
    "olmo3": lambda: (
        File("olmo2", blocks=5, head=6)
        .keys({**WINDOW, **YARN})
        .norms("post_attention_norm", "post_ffw_norm")
        .attention(heads_norm="whole")
        .mlp()
    ),
    "olmoe": lambda: llama("olmoe", kv=HEADS).attention(heads_norm="whole").experts(hidden=HIDDEN, key=False),
    "gpt2": lambda: learned("gpt2").attention(bias=True, out_bias=True, fused=True).mlp(gated=False, bias=True),
    "starcoder": lambda: (
        learned("starcoder", kv=1).attention(bias=True, out_bias=True, fused=True).mlp(gated=False, bias=True)
    ),
    "starcoder2": lambda: (
        File("starcoder2", norm="layer")
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True, out_bias=True)
        .mlp(gated=False, bias=True)
        .looked_up()
    ),
    "gptneox": lambda: gptneox(parallel=True),
    "gptneox_serial": lambda: gptneox(parallel=False),
    "falcon": lambda: (
        File("falcon", norm="layer", kv=1)
        .keys({".tensor_data_layout": "jploski"})
        .norms("attn_norm")
        .attention(fused=True)
        .mlp(gated=False)
        .looked_up()
    ),
    "falcon_two_norms": lambda: (
        File("falcon", norm="layer")
        .keys({".tensor_data_layout": "jploski"})
        .norms("attn_norm", "attn_norm_2")
        .attention(fused=True)
        .mlp(gated=False)
        .looked_up()
    ),
    "bloom": lambda: bloom(File("bloom", norm="layer", kv=HEADS).norms("attn_norm", "ffn_norm")),
    "mpt": lambda: (
        File("mpt", norm="layer", norm_bias=False, kv=HEADS)
        .keys({".attention.max_alibi_bias": 8.0, ".attention.clamp_kqv": 0.9})
        .norms("attn_norm", "ffn_norm")
        .attention(fused=True)
        .mlp(gated=False)
        .looked_up()
    ),
    "stablelm": lambda: (
        File("stablelm", norm="layer")
        .keys({".rope.dimension_count": 4, ".use_parallel_residual": False})
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True)
        .mlp()
    ),
    "stablelm_parallel": lambda: (
        File("stablelm", norm="layer")
        .keys({".rope.dimension_count": 4, ".use_parallel_residual": True})
        .norms("attn_norm")
        .attention(heads_norm="own")
        .mlp()
    ),
    "command-r": lambda: (
        File("command-r", norm="layer", norm_bias=False, tied=True)
        .keys({".logit_scale": 0.3})
        .norms("attn_norm")
        .attention()
        .mlp()
    ),
    "cohere2": lambda: (
        File("cohere2", blocks=5, norm="layer", norm_bias=False, tied=True)
        .keys({".logit_scale": 0.3, **WINDOW})
        .norms("attn_norm")
        .attention()
        .mlp()
    ),
    "granite": lambda: (
        llama("granite")
        .keys({".attention.scale": 0.6, ".embedding_scale": 3.0, ".residual_scale": 0.4, ".logit_scale": 2.5})
        .attention()
        .mlp()
    ),
    "granitemoe": lambda: (
        llama("granitemoe")
        .keys({".attention.scale": 0.6, ".embedding_scale": 3.0, ".residual_scale": 0.4, ".logit_scale": 2.5})
        .keys({".expert_shared_feed_forward_length": 20})
        .attention()
        .experts(hidden=HIDDEN, key=False, shared=20)
    ),
    "nemotron": lambda: (
        File("nemotron", norm="layer")
        .keys({".rope.dimension_count": 4})
        .norms("attn_norm", "ffn_norm")
        .attention()
        .mlp(gated=False)
    ),
    "smollm3": lambda: llama("smollm3", blocks=4, tied=True).attention().mlp(),
    "arcee": lambda: llama("arcee").attention().mlp(gated=False),
    "gpt-oss": lambda: sinks(
        File("gpt-oss", head=8)
        .norms("attn_norm", "post_attention_norm")
        .keys(WINDOW)
        .attention(bias=True, out_bias=True)
        .experts(bias=True, hidden=HIDDEN)
    ),
    "qwen2moe": lambda: shared_gate(
        llama("qwen2moe").keys({".expert_shared_feed_forward_length": 20}).attention(bias=True).experts(shared=20)
    ),
    "deepseek2": lambda: (
        mla("deepseek2")
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 2, ".expert_weights_scale": 1.7})
        .keys({".expert_gating_func": 1, ".expert_weights_norm": False})
        .mlp(only=[0])
        .experts(shared=24, only=[1])
    ),
    "deepseek2_lite": lambda: (
        mla("deepseek2", query_rank=0, blocks=27)
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 2, ".expert_weights_scale": 1.0})
        .keys({**YARN, ".rope.scaling.yarn_log_multiplier": 0.0707})
        .mlp(only=[0])
        .experts(shared=24, only=range(1, 27))
    ),
    "deepseek3": lambda: (
        mla("deepseek2", absorbed=True)
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 2, ".expert_weights_scale": 2.5})
        .keys(
            {
                ".expert_gating_func": 2,
                ".expert_weights_norm": True,
                ".expert_group_count": 4,
                ".expert_group_used_count": 2,
            }
        )
        .keys({**YARN, ".rope.scaling.yarn_log_multiplier": 0.1})
        .mlp(only=[0])
        .experts(count=8, shared=24, only=[1], correction=True)
    ),
    "deepseek": lambda: (
        llama("deepseek", kv=HEADS)
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 2, ".expert_weights_scale": 1.0})
        .attention()
        .mlp(only=[0])
        .experts(shared=24, only=[1])
    ),
    "dots1": lambda: (
        llama("dots1", kv=HEADS, head=8)
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 2, ".expert_weights_scale": 1.3})
        .keys({".expert_gating_func": 2, ".expert_weights_norm": True})
        .attention(heads_norm="each")
        .mlp(only=[0])
        .experts(shared=24, only=[1], correction=True)
    ),
    "glm4": lambda: (
        llama("glm4", head=8)
        .keys({".rope.dimension_count": 4})
        .norms("post_attention_norm", "post_ffw_norm")
        .attention(bias=True)
        .mlp(fused=True)
    ),
    "chatglm": lambda: (
        llama("chatglm", head=6).keys({".rope.dimension_count": 4}).attention(fused=True, bias=True).mlp(fused=True)
    ),
    "glm4moe": lambda: (
        File("glm4moe", head=8)
        .keys({".rope.dimension_count": 4, ".leading_dense_block_count": 1, ".expert_shared_count": 1})
        .keys({".expert_weights_scale": 1.3, ".expert_gating_func": 2, ".expert_weights_norm": True})
        .norms("attn_norm", "post_attention_norm")
        .attention(bias=True, heads_norm="each")
        .mlp(only=[0])
        .experts(shared=12, only=[1], correction=True)
    ),
    "glm4moe_predicting": lambda: predicting(
        File("glm4moe", head=8, blocks=3)
        .keys({".rope.dimension_count": 4, ".leading_dense_block_count": 1, ".expert_shared_count": 1})
        .keys({".expert_weights_scale": 1.3, ".expert_gating_func": 2, ".expert_weights_norm": True})
        .norms("attn_norm", "post_attention_norm")
        .attention(bias=True, heads_norm="each")
        .mlp(only=[0])
        .experts(shared=12, only=[1, 2], correction=True)
    ),
    "ernie4_5": lambda: llama("ernie4_5").attention().mlp(),
    "ernie4_5-moe": lambda: (
        llama("ernie4_5-moe")
        .keys({".interleave_moe_layer_step": 1, ".leading_dense_block_count": 1, ".expert_shared_count": 2})
        .keys({".expert_shared_feed_forward_length": 24})
        .attention()
        .mlp(only=[0])
        .experts(shared=24, only=[1], correction=True)
    ),
    "exaone": lambda: llama("exaone").attention().mlp(),
    "exaone4": lambda: File("exaone4").norms("post_attention_norm", "post_ffw_norm").attention(heads_norm="each").mlp(),
    "hunyuan-dense": lambda: llama("hunyuan-dense", head=8).attention(heads_norm="each").mlp(),
    "hunyuan-moe": lambda: (
        llama("hunyuan-moe", head=8)
        .keys({".expert_shared_feed_forward_length": 20})
        .attention(heads_norm="each")
        .experts(hidden=HIDDEN, shared=20)
    ),
    "seed_oss": lambda: File("seed_oss", head=8).norms("attn_norm", "post_attention_norm").attention(bias=True).mlp(),
    "internlm2": lambda: llama("internlm2").attention().mlp(),
    "minicpm": lambda: (
        llama("minicpm").keys({".embedding_scale": 3.0, ".residual_scale": 0.4, ".logit_scale": 2.5}).attention().mlp()
    ),
    "minicpm3": lambda: small_embedding(mla("minicpm3", tied=True).mlp()),
    "dbrx": lambda: (
        File("dbrx", norm="layer", norm_bias=False)
        .keys({".attention.clamp_kqv": 0.9})
        .norms("attn_norm", "attn_output_norm")
        .attention(fused=True)
        .experts(hidden=HIDDEN, key=False)
    ),
    "apertus": lambda: (
        llama("apertus", head=8)
        .keys({"xielu.alpha_n": [0.6, 0.9], "xielu.alpha_p": [0.7, 1.1]})
        .keys({"xielu.beta": [0.5, 0.5], "xielu.eps": [-1e-6, -1e-6]})
        .attention(heads_norm="each")
        .mlp(gated=False)
    ),
    "llama4": lambda: (
        llama("llama4", blocks=4, head=8)
        .keys({".interleave_moe_layer_step": 2})
        .attention()
        .mlp(only=[0, 2])
        .experts(shared=12, only=[1, 3], chosen=1)
    ),
    "minimax-m2": lambda: (
        llama("minimax-m2", head=8)
        .keys({".rope.dimension_count": 4, ".expert_gating_func": 2})
        .attention(heads_norm="whole")
        .experts(hidden=HIDDEN, correction=True)
    ),
    "orion": lambda: File("orion", norm="layer", kv=HEADS).norms("attn_norm", "ffn_norm").attention().mlp(),
    "xverse": lambda: llama("xverse", kv=HEADS).attention().mlp(),
    "baichuan": lambda: llama("baichuan", kv=HEADS, blocks=32).attention().mlp(),
    "baichuan_alibi": lambda: llama("baichuan", kv=HEADS, blocks=40).attention().mlp(),
    "refact": lambda: llama("refact", kv=1).attention().mlp(),
    "bailingmoe": lambda: (
        llama("bailingmoe")
        .keys(
            {
                ".leading_dense_block_count": 0,
                ".expert_shared_count": 1,
                ".expert_weights_scale": 1.0,
                ".expert_weights_norm": True,
            }
        )
        .attention()
        .experts(shared=12)
    ),
    "codeshell": lambda: (
        File("codeshell", norm="layer")
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True, out_bias=True, fused=True)
        .mlp(gated=False, bias=True)
        .looked_up()
    ),
    "qwen2vl": lambda: (
        llama("qwen2vl").keys({".rope.dimension_sections": [1, 1, 1, 0]}).attention(bias=True).mlp().looked_up()
    ),
    "qwen3vl": lambda: (
        llama("qwen3vl", head=8).keys({".rope.dimension_sections": [2, 1, 1, 0]}).attention(heads_norm="each").mlp()
    ),
    "qwen3vlmoe": lambda: (
        llama("qwen3vlmoe", head=8)
        .keys({".rope.dimension_sections": [2, 1, 1, 0]})
        .attention(heads_norm="each")
        .experts()
    ),
    "bailingmoe2": lambda: (
        llama("bailingmoe2")
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 1, ".expert_weights_scale": 2.5})
        .keys({".expert_gating_func": 2, ".expert_weights_norm": True, ".expert_group_count": 4})
        .keys({".expert_group_used_count": 2, ".rope.dimension_count": 4})
        .attention(fused=True, heads_norm="each")
        .mlp(only=[0])
        .experts(count=8, shared=12, only=[1], correction=True)
    ),
    "exaone-moe": lambda: (
        llama("exaone-moe", blocks=5, head=8)
        .keys({**WINDOW, ".attention.sliding_window_pattern": [True, True, True, False, True]})
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 1, ".expert_weights_scale": 2.5})
        .keys({".expert_gating_func": 2, ".expert_weights_norm": True})
        .attention(heads_norm="each")
        .mlp(only=[0])
        .experts(shared=12, only=range(1, 5), correction=True)
    ),
    "mellum": lambda: (
        llama("mellum", blocks=5, head=8)
        .keys({**WINDOW, **YARN, ".attention.sliding_window_pattern": 4})
        .attention(heads_norm="each")
        .experts()
    ),
    "hy_v3": lambda: (
        llama("hy_v3", head=8)
        .keys({".leading_dense_block_count": 1, ".expert_shared_count": 1, ".expert_weights_scale": 2.8})
        .keys({".expert_gating_func": 2, ".expert_weights_norm": True})
        .attention(heads_norm="each")
        .mlp(only=[0])
        .experts(shared=12, only=[1], correction="exp_probs_b")
    ),
    "granite_swa": lambda: sinks(
        llama("granite_swa", blocks=4)
        .keys({".attention.scale": 0.6, ".embedding_scale": 3.0, ".residual_scale": 0.4, ".logit_scale": 2.5})
        .keys({**WINDOW, ".attention.sliding_window_pattern": [False, True, True, True]})
        .keys({".attention.rope_pattern": [True, False, True, True]})
        .attention()
        .mlp()
    ),
    "jais": lambda: (
        File("jais", norm="layer", kv=HEADS)
        .keys({".attention.max_alibi_bias": 8.0})
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True, out_bias=True, fused=True)
        .mlp(bias=True)
    ),
    "jais2": lambda: (
        File("jais2", norm="layer")
        .norms("attn_norm", "ffn_norm")
        .attention(bias=True, out_bias=True)
        .mlp(gated=False, bias=True)
    ),
    "plamo": lambda: File("plamo").norms("attn_norm").attention().mlp(),
    "pangu-embedded": lambda: llama("pangu-embedded").attention(bias=True, out_bias=True).mlp(),
    "plm": lambda: mla("plm", query_rank=0, tied=True).mlp(gated=False),
}


def llama_without_gains(file):
    for name in ("output_norm.weight", "output_norm.bias"):
        file.tensors.pop(name)
    return file


def bloom(file):
    file.norm("token_embd_norm")
    return file.attention(bias=True, out_bias=True, fused=True).mlp(gated=False, bias=True).looked_up()


def shared_gate(file):
    for at in file.each():
        file.put(at + "ffn_gate_inp_shexp.weight", WIDTH)
    return file


def small_embedding(file):
    file.put("token_embd.weight", VOCAB, WIDTH, scale=0.05)
    return file


def predicting(file):
    """The last block is for training alone."""
    at = f"blk.{file.blocks - 1}.nextn."
    file.keys({".nextn_predict_layers": 1})
    file.put(at + "eh_proj.weight", WIDTH, 2 * WIDTH)
    file.norm(at + "enorm")
    file.norm(at + "hnorm")
    return file


def head_bias(file):
    file.put("output.bias", VOCAB, scale=0.4)
    return file


def write(file, path):
    import gguf

    writer = gguf.GGUFWriter(path, file.architecture)
    for key, value in file.metadata.items():
        name = file.architecture * key.startswith(".") + key
        if isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
        elif isinstance(value, float):
            writer.add_float32(name, value)
        elif isinstance(value, str):
            writer.add_string(name, value)
        else:
            writer.add_array(name, value)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([chr(0x41 + i) for i in range(VOCAB)])
    writer.add_token_merges(["A B"])
    writer.add_token_types([1] * VOCAB)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, (shape, scale, shift) in file.tensors.items():
        values = weights(name, math.prod(shape)) * np.float32(scale) + np.float32(shift)
        writer.add_tensor(name, values.reshape(shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ask(path):
    """The log-probabilities after the texts: in a process of its own, since llama.cpp may abort."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup = 2 * CONTEXT, 1, 0, False
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.verbosity, params.use_jinja, params.cpuparams.n_threads, params.cache_prompt = 1, False, 1, False
    server = xllamacpp.Server(params)
    rows = []
    for count in TEXTS:
        asked = {
            "prompt": TEXT[:count],
            "n_predict": 1,
            "n_probs": VOCAB,
            "temperature": -1,
            "samplers": [],
            "cache_prompt": False,
        }
        answer = server.handle_completions(asked)
        answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        row = [None] * VOCAB
        for token in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
            row[token["id"]] = round(token["logprob"], 6)
        assert None not in row, row
        rows.append(row)
    print(json.dumps(rows))


def make(name):
    file = FILES[name]()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "m.gguf"
        write(file, path)
        done = subprocess.run([sys.executable, __file__, "--ask", path], capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("[[")]
    if not lines:
        errors = [line for line in done.stderr.splitlines() if " E " in line or "rror" in line or "ASSERT" in line]
        print(f"{name}: {' / '.join(errors[:2]) or done.stderr[-300:]}", flush=True)
        return None
    print(f"{name}: {len(file.tensors)} tensors", flush=True)
    return {
        "architecture": file.architecture,
        "table": file.table,
        "metadata": file.metadata,
        "tensors": file.tensors,
        "log_probabilities": json.loads(lines[-1]),
    }


def main():
    if sys.argv[1:2] == ["--ask"]:
        return ask(sys.argv[2])
    out = DATA / "llama_cpp.json"
    made = json.loads(out.read_text()) if out.exists() else {}
    made |= {"text": TEXT, "texts": TEXTS}
    for name in sys.argv[1:] or FILES:
        one = make(name)
        if one:
            made[name] = one
    out.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in made.items()) + "\n}\n")


if __name__ == "__main__":
    main()
