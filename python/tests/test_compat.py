"""Other tools' names and calls: the numbers that transformers gave (committed), and theirs live where they are installed."""
import json

import numpy as np
import pytest

import embscope
from conftest import REFERENCE, read_safetensors
from embscope import compat

CASES = [("tiny-gpt2", {
    "blocks.1.hook_resid_pre": "blocks.1.resid_pre", "transformer.h[1].input": "blocks.1.resid_pre",
    "transformer.h.1.output[0]": "blocks.1.resid_post", "transformer.h[1].output[0].save()": "blocks.1.resid_post",
    "transformer.h[2].attn.c_proj.input": "blocks.2.z", "transformer.h.2.mlp.output": "blocks.2.mlp_out",
    "blocks.2.attn.hook_pattern": "blocks.2.pattern", "transformer.ln_f.input": "blocks.2.resid_post",
    "transformer.ln_f": "ln_final", "lm_head.output": "logits", "transformer.wte": "wte", "hook_embed": "wte"}),
    ("tiny-llama", {
        "model.layers[0].output[0]": "blocks.0.resid_post", "model.layers.1.self_attn.o_proj.input": "blocks.1.z",
        "model.layers[2].mlp.down_proj.input": "blocks.2.mlp_post", "model.layers.1.post_attention_layernorm.input": "blocks.1.resid_mid",
        "model.layers.1.mlp.input": "blocks.1.ln2", "model.norm.input": "blocks.2.resid_post", "model.embed_tokens": "wte"})]


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
        np.testing.assert_allclose(cache[f"blocks.{block}.attn.hook_pattern"][0], reference[f"blocks.{block}.pattern"], atol=2e-5)
    assert len(cache) == len([n for n in reference if n != "logits"]) + 1


def test_forward_has_the_shapes_and_numbers_of_transformers(gpt2, ids):
    reference = read_safetensors(REFERENCE / "tiny-gpt2/sites-0.safetensors")
    out = compat.forward(gpt2, ids[0], output_hidden_states=True, output_attentions=True)
    assert [h.shape for h in out.hidden_states] == [(1, 13, 48)] * 4 and [a.shape for a in out.attentions] == [(1, 4, 13, 13)] * 3
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


def test_transformers_itself_says_the_same(gpt2, ids):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(REFERENCE / "tiny-gpt2").eval()
    kept = {}
    theirs.transformer.h[1].mlp.register_forward_hook(lambda module, inputs, output: kept.update(mlp=output))
    with torch.no_grad():
        out = theirs(torch.tensor([ids[0]]), output_hidden_states=True)
    ours = compat.forward(gpt2, ids[0], output_hidden_states=True)
    np.testing.assert_allclose(ours.logits, out.logits, atol=5e-4)
    for a, b in zip(ours.hidden_states, out.hidden_states):
        np.testing.assert_allclose(a, b, atol=2e-4)
    np.testing.assert_allclose(gpt2.run(ids[0], capture="transformer.h.1.mlp")["blocks.1.mlp_out"], kept["mlp"][0], atol=2e-4)


def test_transformer_lens_itself_says_the_same(gpt2, ids):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    lens = pytest.importorskip("transformer_lens")
    loaded = transformers.GPT2LMHeadModel.from_pretrained(REFERENCE / "tiny-gpt2").eval()
    theirs = lens.HookedTransformer.from_pretrained_no_processing("gpt2", hf_model=loaded, hf_config=loaded.config, tokenizer=None)
    with torch.no_grad():
        logits, cache = theirs.run_with_cache(torch.tensor([ids[0]]))
    ours_logits, ours = compat.run_with_cache(gpt2, ids[0])
    np.testing.assert_allclose(ours_logits, logits, atol=5e-4)
    for name in ("blocks.1.hook_resid_mid", "blocks.2.attn.hook_z", "blocks.0.mlp.hook_post", "blocks.1.attn.hook_pattern"):
        np.testing.assert_allclose(ours[name], cache[name], atol=3e-4)


def test_nnsight_itself_says_the_same(gpt2, ids):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    nnsight = pytest.importorskip("nnsight")
    theirs = nnsight.NNsight(transformers.GPT2LMHeadModel.from_pretrained(REFERENCE / "tiny-gpt2").eval())
    with torch.no_grad(), theirs.trace(torch.tensor([ids[0]])):
        z = theirs.transformer.h[2].attn.c_proj.input.save()
        logits = theirs.lm_head.output.save()
    run = gpt2.run(ids[0], capture=[compat.site(gpt2, "transformer.h[2].attn.c_proj.input")], logits="all")
    np.testing.assert_allclose(run["blocks.2.z"].reshape(13, 48), z.detach()[0], atol=3e-4)
    np.testing.assert_allclose(run.logits, logits.detach()[0], atol=5e-4)
