import json
import pathlib

import embscope
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests/data/reference"
TINY = ["tiny-gpt2", "tiny-gpt2-relu", "tiny-llama", "tiny-llama-bf16", "tiny-llama-f16"]
SENTENCE = "The capital of Germany is"


def read_safetensors(path):
    """float32 arrays of a .safetensors file, read without Embscope."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["dtype"] == "F32", (path, name)
            begin, end = entry["data_offsets"]
            out[name] = np.frombuffer(data[8 + size + begin : 8 + size + end], np.float32).reshape(entry["shape"])
    return out


@pytest.fixture(params=TINY)
def tiny(request):
    return REFERENCE / request.param


@pytest.fixture
def gpt2():
    return embscope.load(REFERENCE / "tiny-gpt2")


@pytest.fixture
def ids():
    return json.loads((REFERENCE / "tiny-gpt2/ids.json").read_text())


@pytest.fixture(scope="session")
def smollm2():
    return embscope.load("smollm2")
