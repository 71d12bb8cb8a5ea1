"""Other tools' names and calls, and the numbers that they themselves gave for the same tasks (committed)."""

import json

import embscope
import numpy as np
import pytest
from conftest import REFERENCE, read_safetensors
from embscope import compat

CASES = [
    (
        "tiny-gpt2",
        {
            "blocks.1.hook_resid_pre": "blocks.1.resid_pre",
            "transformer.h[1].input": "blocks.1.resid_pre",
            "transformer.h.1.output[0]": "blocks.1.resid_post",
            "transformer.h[1].output[0].save()": "blocks.1.resid_post",
            "transformer.h[2].attn.c_proj.input": "blocks.2.z",
            "transformer.h.2.mlp.output": "blocks.2.mlp_out",
            "blocks.2.attn.hook_pattern": "blocks.2.pattern",
            "transformer.ln_f.input": "blocks.2.resid_post",
            "transformer.ln_f": "ln_final",
            "lm_head.output": "logits",
            "transformer.wte": "wte",
            "hook_embed": "wte",
        },
    ),
    (
        "tiny-llama",
        {
            "model.layers[0].output[0]": "blocks.0.resid_post",
            "model.layers.1.self_attn.o_proj.input": "blocks.1.z",
            "model.layers[2].mlp.down_proj.input": "blocks.2.mlp_post",
            "model.layers.1.post_attention_layernorm.input": "blocks.1.resid_mid",
            "model.layers.1.mlp.input": "blocks.1.ln2",
            "model.norm.input": "blocks.2.resid_post",
            "model.embed_tokens": "wte",
        },
    ),
]


@pytest.mark.parametrize("name, sites", CASES)
def test_names_of_others_are_sites(name, sites):
    model = embscope.load(REFERENCE / name)
    assert {theirs: compat.site(model, theirs) for theirs in sites} == sites
    with pytest.raises(embscope.NotFoundError):
        compat.site(model, "transformer.h.9.output")
    with pytest.raises(embscope.NotFoundError, match="no site for the input"):
        compat.site(model, "transformer.wte.input")


@pytest.mark.parametrize("name", ["tiny-gpt2", "tiny-llama"])
def test_run_with_cache_has_the_numbers_of_transformers(name, ids):
    folder = REFERENCE / name
    model, reference = embscope.load(folder), read_safetensors(folder / "sites-0.safetensors")
    row = json.loads((folder / "ids.json").read_text())[0]
    logits, cache = compat.run_with_cache(model, row)
    np.testing.assert_allclose(logits[0], reference["logits"], atol=5e-4)
    for block in range(3):
        np.testing.assert_allclose(cache["resid_post", block][0], reference[f"blocks.{block}.resid_post"], atol=2e-4)
        np.testing.assert_allclose(cache[f"blocks.{block}.attn.hook_z"][0], reference[f"blocks.{block}.z"], atol=2e-4)
        np.testing.assert_allclose(
            cache[f"blocks.{block}.attn.hook_pattern"][0], reference[f"blocks.{block}.pattern"], atol=2e-5
        )
    assert len(cache) == len([n for n in reference if n != "logits"]) + 1


def test_forward_has_the_shapes_and_numbers_of_transformers(gpt2, ids):
    reference = read_safetensors(REFERENCE / "tiny-gpt2/sites-0.safetensors")
    out = compat.forward(gpt2, ids[0], output_hidden_states=True, output_attentions=True)
    assert [h.shape for h in out.hidden_states] == [(1, 13, 48)] * 4 and [a.shape for a in out.attentions] == [
        (1, 4, 13, 13)
    ] * 3
    np.testing.assert_allclose(out.hidden_states[1][0], reference["blocks.0.resid_post"], atol=2e-4)
    np.testing.assert_allclose(out.hidden_states[3][0], reference["ln_final"], atol=2e-4)
    assert compat.forward(gpt2, ids[0]).hidden_states is None


def test_run_with_hooks_is_an_edit(gpt2, ids):
    def ablate(z, hook):
        assert hook.name == "blocks.1.z"
        z[:, :, 2] = 0
        return z

    by_hook = compat.run_with_hooks(gpt2, ids[0], [("blocks.1.attn.hook_z", ablate)])
    assert np.array_equal(by_hook[0], gpt2.run(ids[0], edits=["blocks.1.z/2 zero"], logits="all").logits)
    assert gpt2.active_hooks() == []


PEERS = json.loads(
    (REFERENCE / "peers.json").read_text()
)  # made by tests/reference/make_peers.py with the tools themselves


def ours(model):
    """The tasks of docs/how-to/coming-from-elsewhere.md in Embscope's own way."""
    clean, corrupt, block, head, position = (PEERS[name] for name in ("clean", "corrupt", "block", "head", "position"))
    run = model.run(
        clean, capture=[f"blocks.{block}.resid_pre", f"blocks.{block}.resid_post", f"blocks.{block}.pattern"]
    )
    put = embscope.Edit(
        f"blocks.{block}.resid_pre", "set", run[f"blocks.{block}.resid_pre"][position], positions=[position]
    )
    return {
        "residual": run[f"blocks.{block}.resid_post"][-1],
        "pattern": run[f"blocks.{block}.pattern"][:, -1],
        "silenced": model.run(clean, edits=[f"blocks.{block}.z/{head} zero"]).logits,
        "patched": model.run(corrupt, edits=[put]).logits,
    }


@pytest.mark.parametrize("name", ["tiny-gpt2", "tiny-llama"])
def test_transformers_transformer_lens_and_nnsight_say_the_same(name):
    found = ours(embscope.load(REFERENCE / name))
    assert set(PEERS[name]) == set(found)
    for task, tools in PEERS[name].items():
        assert set(tools) == {"transformers", "transformer_lens", "nnsight"}
        for tool, values in tools.items():
            np.testing.assert_allclose(found[task].ravel(), values, atol=2e-4, err_msg=f"{task} by {tool}")
            assert np.abs(values).max() > 0.1


@pytest.mark.parametrize("name", ["tiny-gpt2", "tiny-llama"])
def test_their_calls_give_the_same_by_compat(name):
    model, block = embscope.load(REFERENCE / name), PEERS["block"]
    _, cache = compat.run_with_cache(model, PEERS["clean"])

    def silence(z, hook):
        z[:, :, PEERS["head"]] = 0
        return z

    def patch(x, hook):
        x[:, PEERS["position"]] = cache[f"blocks.{block}.hook_resid_pre"][:, PEERS["position"]]
        return x

    silenced = compat.run_with_hooks(model, PEERS["clean"], [(f"blocks.{block}.attn.hook_z", silence)])
    patched = compat.run_with_hooks(model, PEERS["corrupt"], [(f"blocks.{block}.hook_resid_pre", patch)])
    want = PEERS[name]
    np.testing.assert_allclose(silenced[0, -1], want["silenced"]["transformer_lens"], atol=2e-4)
    np.testing.assert_allclose(patched[0, -1], want["patched"]["transformer_lens"], atol=2e-4)
    np.testing.assert_allclose(cache["resid_post", block][0, -1], want["residual"]["transformer_lens"], atol=2e-4)
    out = compat.forward(model, PEERS["clean"], output_hidden_states=True, output_attentions=True)
    np.testing.assert_allclose(out.hidden_states[block + 1][0, -1], want["residual"]["transformers"], atol=2e-4)
    np.testing.assert_allclose(out.attentions[block][0, :, -1].ravel(), want["pattern"]["transformers"], atol=2e-4)
