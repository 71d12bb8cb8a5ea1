"""What the rows run on, made once in the cache: GPT-2 with random weights, SmolLM2, and two texts."""

import ast
import json
import pathlib
import shutil
import subprocess

GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "vocab_size": 50257,
    "n_positions": 1024,
    "n_ctx": 1024,
    "n_embd": 768,
    "n_layer": 12,
    "n_head": 12,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": 50256,
    "eos_token_id": 50256,
}
PROSE = (
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
)  # packages whose docstrings are read
ENGLISH_BYTES, CODE_BYTES = 4_400_000, 8_000_000


def smol(cache):
    return cache / "models" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def gpt2(cache, make_gpt2):
    """A folder in Hugging Face's layout."""
    folder = cache / "bench" / "gpt2"
    if not (folder / "config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(cache / "tokenizers" / "gpt2" / "encoder.json", folder / "vocab.json")
        shutil.copy(cache / "tokenizers" / "gpt2" / "vocab.bpe", folder / "merges.txt")
        subprocess.run([make_gpt2, folder / "model.safetensors"], check=True)
        (folder / "config.json").write_text(json.dumps(GPT2))
    return folder


def llama(cache, size, kind, environment):
    """A Llama of random blocks: llama-1.1B-Q4_K."""
    path = cache / "bench" / f"llama-{size}-{kind}.gguf"
    if not path.exists():
        script = pathlib.Path(__file__).with_name("make_llama.py")
        subprocess.run([environment.python, script, path, "--size", size, "--type", kind], check=True)
    return path


def text(cache, name, environment):
    """English: the docstrings of pinned packages. Code: their source. Both the same on every machine."""
    path = cache / "bench" / f"{name}.txt"
    if not path.exists():
        pieces, size = {"english": (docstrings, ENGLISH_BYTES), "code": (sources, CODE_BYTES)}[name]
        path.write_bytes(joined(pieces(environment.site_packages()), size))
    return path


def joined(pieces, size):
    out = bytearray()
    for piece in pieces:
        out += piece.encode() + b"\n\n"
        if len(out) >= size:
            return bytes(out[:size]).decode(errors="ignore").encode()
    raise RuntimeError(f"the peers' packages hold only {len(out)} bytes of text, {size} are needed")


def sources(site_packages):
    for package in PROSE:
        for path in sorted(pathlib.Path(site_packages, package).rglob("*.py")):
            yield path.read_text(encoding="utf-8")


def docstrings(site_packages):
    """Without the lines that are code."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for source in sources(site_packages):
        for node in ast.walk(ast.parse(source)):
            found = ast.get_docstring(node) if isinstance(node, documented) else None
            if found:
                yield "\n".join(line for line in found.splitlines() if not line.lstrip().startswith((">>>", "...")))
