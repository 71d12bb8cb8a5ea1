"""Opens the models of the benchmark in the peers, each with as many threads as ours."""

import os

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")

import measure  # noqa: E402


def place(path):
    """Where transformers finds a folder or a GGUF file."""
    folder, name = os.path.split(path)
    return (folder, {"gguf_file": name}) if name.endswith(".gguf") else (path, {})


def torch():
    import torch

    torch.set_num_threads(measure.THREADS)
    torch.set_grad_enabled(False)
    return torch


def transformers_model(path):
    torch()
    from transformers import AutoModelForCausalLM

    folder, options = place(path)
    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32", **options).eval()


def transformers_tokenizer(path):
    from transformers import AutoTokenizer

    folder, options = place(path)
    return AutoTokenizer.from_pretrained(folder, **options)


def embedding_matrix(path):
    """The embedding matrix of a GGUF file as fp32 NumPy."""
    import gguf

    tensor = next(t for t in gguf.GGUFReader(path).tensors if t.name == "token_embd.weight")
    return gguf.dequantize(tensor.data, tensor.tensor_type).astype("float32")


def transformer_lens_bridge(path):
    """With the weights as they lie in the file (no folding, no centring)."""
    torch()
    from transformer_lens.model_bridge import TransformerBridge

    return TransformerBridge.boot_transformers(path, tokenizer=transformers_tokenizer(path), device="cpu")
