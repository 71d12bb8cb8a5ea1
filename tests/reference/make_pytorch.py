#!/usr/bin/env python3
"""Checkpoints as PyTorch writes them, of small random tensors, beside the same as safetensors. Needs torch and safetensors.
Writes tests/data/reference/pytorch/."""

import collections
import pathlib

import safetensors.torch
import torch

TO = pathlib.Path(__file__).resolve().parent.parent / "data/reference/pytorch"


def main():
    TO.mkdir(exist_ok=True)
    torch.manual_seed(5)
    base = torch.randn(4, 6)
    tensors = collections.OrderedDict(
        f32=torch.randn(3, 5),
        f16=torch.randn(2, 7).half(),
        bf16=torch.randn(8).bfloat16(),
        f64=torch.randn(2, 2).double(),
        i64=torch.arange(5),
        i32=torch.arange(3, dtype=torch.int32),
        i16=torch.arange(2, dtype=torch.int16),
        i8=torch.tensor([-1, 2], dtype=torch.int8),
        u8=torch.tensor([250, 2], dtype=torch.uint8),
        boolean=torch.tensor([True, False, True]),
        scalar=torch.tensor(1.5),
        empty=torch.zeros(0, 4),
        base=base,
        rows=base[1:3],  # a part of another's storage
        tied=base,
    )
    tensors._metadata = collections.OrderedDict({"": {"version": 1}})  # as Module.state_dict has it
    plain = {name: tensor.clone() for name, tensor in tensors.items()}
    safetensors.torch.save_file(plain, TO / "tensors.safetensors")
    torch.save(tensors, TO / "zip.pt")
    torch.save(tensors, TO / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(tensors, TO / "protocol4.pt", pickle_protocol=4)
    parameter = torch.nn.Parameter(tensors["f32"])
    training = {"epoch": 3, "loss": 0.5, "state_dict": {"f32": parameter}, "optimizer": {"step": torch.zeros(1)}}
    torch.save(training, TO / "training.pt")
    torch.save({"turned": tensors["f32"].T}, TO / "turned.pt")
    torch.save({"a": {"x": base}, "b": {"x": base}}, TO / "several.pt")
    torch.save({"x": tensors["f32"].to_sparse()}, TO / "sparse.pt")
    torch.save(torch.nn.Linear(2, 2), TO / "module.pt")
    print(sum(file.stat().st_size for file in TO.iterdir()), "bytes")


main()
