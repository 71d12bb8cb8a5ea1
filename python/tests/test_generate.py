"""Text that a model continues, conversations, and the models on this machine."""

import json
import shutil

import embscope
import pytest
from conftest import REFERENCE

TEMPLATE = "{% for m in messages %}{{ m.content }}. {% endfor %}"
ALPHABET = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!'", "Ġ"]


@pytest.fixture
def talking(tmp_path):
    """The tiny GPT-2 with a vocabulary of its characters and a chat template."""
    for file in ("config.json", "model.safetensors"):
        shutil.copy(REFERENCE / "tiny-gpt2" / file, tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(ALPHABET)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    return embscope.load(tmp_path)


def test_every_choice_changes_the_text(talking):
    plain = talking.generate("a cat", temperature=1)
    for change in ({"min_p": 0.9}, {"repetition_penalty": 5}, {"top_k": 1}, {"top_p": 0.01}, {"seed": 2}):
        assert talking.generate("a cat", temperature=1, **change) != plain, change
    stop = plain[4:6]
    assert talking.generate("a cat", temperature=1, stop=stop) == plain[: plain.index(stop)]
    assert talking.generate("a cat", temperature=1, stop=["~", stop]) == plain[: plain.index(stop)]


def test_a_full_context_warns_or_shifts(talking):
    with pytest.warns(RuntimeWarning, match="context is full"):
        talking.generate("a cat", tokens=200)
    told = []
    talking.generate("a cat", tokens=200, shift=True, on_token=lambda *token: told.append(token))
    assert len(told) == 200


def test_chat_continues_what_the_template_writes(talking):
    messages = [{"role": "user", "content": "a cat"}, {"role": "assistant", "content": "no"}]
    messages.append({"role": "user", "content": "why"})
    text = talking.conversation(messages)
    assert text == "a cat. no. why. "
    edits = ["blocks.0.mlp_out zero"]
    assert talking.chat(messages, tokens=8, edits=edits) == talking.generate(text, tokens=8, edits=edits)
    assert talking.chat("a cat", tokens=8) == talking.generate("a cat. ", tokens=8)


def test_what_is_wrong_is_an_error(talking, gpt2):
    with pytest.raises(embscope.RangeError, match="min-p"):
        talking.generate("a", min_p=2)
    for wrong in ({"temperature": "hot"}, {"stop": [1]}, {"shift": "yes"}, {"tokens": 1.5}):
        with pytest.raises(embscope.UsageError, match=next(iter(wrong))):
            talking.generate("a", **wrong)
    for messages in ([{"role": "user"}], ["a"], [{"role": "user", "content": 5}]):
        with pytest.raises(embscope.UsageError):
            talking.chat(messages)
    with pytest.raises(embscope.RangeError, match="the conversation has"):
        talking.chat("a" * 99)
    with pytest.raises(embscope.NotFoundError):
        gpt2.chat("a")


def test_models_lists_what_there_is(tmp_path, monkeypatch):
    for name in ("HOME", "EMBSCOPE_CACHE", "HF_HOME", "OLLAMA_MODELS"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    monkeypatch.setenv("LLAMA_CACHE", str(tmp_path))
    monkeypatch.delenv("EMBSCOPE_MODELS", raising=False)
    shutil.copy(REFERENCE / "tiny-llama/tiny-llama.gguf", tmp_path / "one.gguf")
    found = embscope.models()
    assert list(found["model"]) == ["llama.cpp:one"]
    assert list(found["opens"]) == ["yes"]
    assert embscope.load("llama.cpp:one").name == "llama.cpp:one"
