"""A model for texts of letters: the tiny GPT-2 with a vocabulary of its characters, and a chat template."""

import json
import pathlib
import shutil

DATA = pathlib.Path(__file__).parent.parent / "data/reference"
TEMPLATE = "{% for m in messages %}{{ m.content }}. {% endfor %}"


def write_model_of_letters(folder):
    for file in ("config.json", "model.safetensors"):
        shutil.copy(DATA / "tiny-gpt2" / file, folder)
    tokens = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!'", "Ġ"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
