#!/usr/bin/env python3
"""Makes tests/data/reference/float8: a tiny Llama whose weights are floats of eight bits with factors, kept in the ways in which
models are shared, with PyTorch's dequantised values and transformers' logits in fp32; and all floats of eight bits. Run with
torch, transformers and safetensors installed; tests read only the data."""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

OUT = pathlib.Path(__file__).parent.parent / "data" / "reference" / "float8"
IDS = [5, 17, 3, 3, 88, 41, 0, 12]
SIZES = dict(
    vocab_size=90,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=32,
    tie_word_embeddings=False,
)
COMPRESSED = {
    "quant_method": "compressed-tensors",
    "format": "float-quantized",
    "ignore": ["lm_head"],
    "kv_cache_scheme": None,
    "quantization_status": "compressed",
}


def compressed(strategy, **more):
    weights = {"num_bits": 8, "type": "float", "symmetric": True, "dynamic": False, "strategy": strategy, **more}
    return {**COMPRESSED, "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}


# name: (rows and columns that share a factor, 0: all; what the factors are called; their dtype; config.json's part)
KINDS = {
    "blocks": (
        (16, 32),
        "weight_scale_inv",
        torch.float32,
        {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [16, 32]},
    ),
    "channels": ((1, 0), "weight_scale", torch.bfloat16, compressed("channel")),
    "tensor": ((0, 0), "weight_scale", torch.float32, compressed("tensor")),
    "compressed-blocks": ((32, 32), "weight_scale", torch.bfloat16, compressed("block", block_structure=[32, 32])),
}


def quantised(weight, blocks, dtype):
    """Values of eight bits and their factors, [rows of blocks, columns of blocks]."""
    rows, columns = (size or whole for size, whole in zip(blocks, weight.shape))
    parts = weight.reshape(weight.shape[0] // rows, rows, weight.shape[1] // columns, columns)
    scale = (parts.abs().amax((1, 3)) / 448).to(dtype)
    codes = (parts / scale.float()[:, None, :, None]).to(torch.float8_e4m3fn)
    values = codes.float() * scale.float()[:, None, :, None]
    return codes.reshape(weight.shape), scale, values.reshape(weight.shape)


def make(name, blocks, suffix, dtype, config):
    torch.manual_seed(7)
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).eval().float()
    tensors, dequantised = {}, {}
    for key, value in model.state_dict().items():
        if "_proj" not in key:
            tensors[key] = value + 0.1 * torch.randn(value.shape) if "norm" in key else 5 * value
            dequantised[key] = tensors[key]
            continue
        codes, scale, dequantised[key] = quantised(5 * value, blocks, dtype)
        tensors[key] = codes
        tensors[key.removesuffix("weight") + suffix] = scale.reshape(1) if name == "tensor" else scale
        if name == "tensor":
            tensors[key.removesuffix("weight") + "input_scale"] = torch.tensor([0.01])
    model.load_state_dict(dequantised)
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(
        json.dumps({"model_type": "llama", **SIZES, "rms_norm_eps": 1e-6, "quantization_config": config}, indent=1)
        + "\n"
    )
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0]
    down = dequantised["model.layers.0.mlp.down_proj.weight"]
    save_file({"logits": logits, "down": down.contiguous()}, folder / "expected.safetensors")


def make_codes():
    codes = torch.arange(256, dtype=torch.uint8)
    tensors = {}
    for name, dtype in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        tensors[name], tensors[name + "_values"] = codes.clone().view(dtype), codes.view(dtype).float()
    save_file(tensors, OUT / "codes.safetensors")


if __name__ == "__main__":
    for name, kind in KINDS.items():
        make(name, *kind)
    make_codes()
