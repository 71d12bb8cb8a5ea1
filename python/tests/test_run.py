"""Runs: captures, logits, batches, edits; compared with transformers' numbers that are committed."""

import json

import embscope
import numpy as np
import pytest
from conftest import REFERENCE, SENTENCE, read_safetensors


def test_every_site_has_the_numbers_of_transformers(tiny):
    model = embscope.load(tiny)
    for i, row in enumerate(json.loads((tiny / "ids.json").read_text())):
        reference = read_safetensors(tiny / f"sites-{i}.safetensors")
        names = [name for name in reference if name != "logits"]
        run = model.run(row, capture=names, logits="all")
        assert set(run) == set(names)
        for name in names:
            got, want = run[name], reference[name]
            if name.endswith("scores"):
                seen = np.tril(np.ones(want.shape[1:], bool))
                got, want = got[:, seen], want[:, seen]
            np.testing.assert_allclose(got.reshape(want.shape), want, atol=2e-4, rtol=2e-4, err_msg=name)
        np.testing.assert_allclose(run.logits, reference["logits"], atol=5e-4, rtol=2e-4)


def test_a_row_of_a_batch_gives_the_bits_of_the_row_alone(gpt2, ids):
    together = gpt2.run(ids, capture="resid_post", logits="all")
    for row, run in zip(ids, together):
        alone = gpt2.run(row, capture="resid_post", logits="all")
        for site in alone:
            assert np.array_equal(alone[site], run[site])
        assert np.array_equal(alone.logits, run.logits)


def test_names_of_other_tools_find_the_same_array(gpt2, ids):
    run = gpt2.run(ids[0], capture=["blocks.1.hook_resid_post", "transformer.h.0.mlp"])
    assert list(run) == ["blocks.1.resid_post", "blocks.0.mlp_out"]
    assert run["transformer.h.1"] is run["blocks.1.resid_post"]
    with pytest.raises(embscope.NotFoundError, match="was not captured; captured: blocks.1.resid_post"):
        run["blocks.2.resid_post"]
    with pytest.raises(KeyError, match="did you mean"):
        gpt2.run(ids[0], capture=["blocks.1.resid_pst"])


def test_captured_arrays_are_the_engines_memory_and_outlive_the_model(ids):
    with embscope.load(REFERENCE / "tiny-gpt2") as model:
        array = model.run(ids[0], capture=["blocks.0.z"])["blocks.0.z"]
    assert array.shape == (13, 4, 12) and array.dtype == np.float32 and array.flags.c_contiguous
    assert not array.flags.owndata
    before = array.copy()
    np.testing.assert_array_equal(array, before)
    with pytest.raises(embscope.UsageError, match="it was closed: open it again with embscope.load"):
        model.run(ids[0])
    with pytest.raises(ValueError):
        model.wte  # noqa: B018


def test_logits_of_the_last_position_of_all_of_some_tokens_and_none(gpt2, ids):
    every = gpt2.run(ids[0], logits="all").logits
    assert every.shape == (13, 97)
    assert np.array_equal(gpt2.run(ids[0]).logits, every[-1])
    assert np.array_equal(gpt2.run(ids[0], of=[3, 5]).logits, every[-1, [3, 5]])
    assert gpt2.run(ids[0], logits=None).logits is None
    with pytest.raises(embscope.UsageError, match="choose 'last', 'all' or None"):
        gpt2.run(ids[0], logits="some")


def test_edits_as_text_and_as_objects_say_the_same(gpt2, ids):
    vector = np.linspace(-1, 1, 48, dtype=np.float32)
    as_object = gpt2.run(
        ids[0], edits=[embscope.Edit("blocks.1.resid_pre", "add", vector, amount=2, positions=[3, -1])]
    ).logits
    hooked = gpt2

    def add(x, place):
        x[[3, -1]] += 2 * vector

    with hooked.hooks({"blocks.1.resid_pre": add}):
        by_hook = gpt2.run(ids[0]).logits
    np.testing.assert_allclose(as_object, by_hook, atol=1e-6)
    zero_text = gpt2.run(ids[0], edits=["blocks.0.z@2/1,3 zero"]).logits
    zero_object = gpt2.run(ids[0], edits=[embscope.Edit("blocks.0.z", "zero", positions=[2], heads=[1, 3])]).logits
    assert np.array_equal(zero_text, zero_object)
    assert not np.array_equal(zero_text, gpt2.run(ids[0]).logits)


def test_edits_touch_the_rows_they_name(gpt2, ids):
    row = ids[0]
    untouched, touched = gpt2.run([row, row], edits=[embscope.Edit("wte", "zero", rows=[1])])
    assert np.array_equal(untouched.logits, gpt2.run(row).logits)
    assert np.array_equal(touched.logits, gpt2.run(row, edits=["wte zero"]).logits)
    both = gpt2.run([row, row], edits=["wte@0 zero"])
    assert np.array_equal(both[0].logits, both[1].logits)


def test_edits_that_mean_nothing_are_refused(gpt2, ids):
    with pytest.raises(embscope.NotFoundError, match="no change 'zeros'; did you mean 'zero'"):
        embscope.Edit("wte", "zeros")
    with pytest.raises(embscope.ShapeError):
        gpt2.run(ids[0], edits=[embscope.Edit("wte", "set", np.ones(47, np.float32))])
    with pytest.raises(embscope.RangeError):
        gpt2.run(ids[0], edits=[embscope.Edit("wte", "zero", positions=[13])])
    with pytest.raises(embscope.UsageError, match="embscope.Edit"):
        gpt2.run(ids[0], edits=[3])


@pytest.mark.parametrize(
    "text, kind, words",
    [
        ([], embscope.UsageError, "run"),
        ([97], embscope.RangeError, "97"),
        ([-1], embscope.RangeError, "-1"),
        (b"a text", embscope.UsageError, "a bytes is not text: give a str"),
        (None, embscope.UsageError, "a NoneType is not text"),
        (3, embscope.UsageError, "a int is not text"),
        ([1.5], embscope.UsageError, "1.5 is not a token id"),
        ([True], embscope.UsageError, "not a token id"),
        ([0] * 65, embscope.RangeError, "64"),
        ([2**40], embscope.RangeError, "not a token id"),
        ("a text", embscope.NotFoundError, "tokenizer"),
    ],
)
def test_texts_that_cannot_be_run(gpt2, text, kind, words):
    with pytest.raises(kind, match=words):
        gpt2.run(text)


def test_words_of_a_text_are_places_for_edits(smollm2):
    swapped = smollm2.run(SENTENCE, edits=["wte@' Germany' set ' France'"], of=[" Berlin", " Paris"]).logits
    plain = smollm2.run(SENTENCE, of=[" Berlin", " Paris"]).logits
    assert plain[0] > plain[1] and swapped[0] < swapped[1]
    by_vector = smollm2.run(
        SENTENCE, edits=[embscope.Edit("wte", "set", smollm2.embed(" France"), positions=[3])], of=[" Berlin", " Paris"]
    )
    assert np.array_equal(by_vector.logits, swapped)


def test_the_lens_of_the_last_residual_is_the_logits(gpt2, ids):
    run = gpt2.run(ids[0], capture=["blocks.2.resid_post"], logits="all")
    assert np.array_equal(gpt2.unembed(run["blocks.2.resid_post"]), run.logits)


def test_a_run_takes_any_number_of_edits(gpt2, ids):
    one = gpt2.run(ids[0], edits=["wte@3 scale 0.5"]).logits
    many = gpt2.run(ids[0], edits=["wte@3 scale 0.5", *(embscope.Edit("wte", "add", 0.0) for _ in range(300))]).logits
    assert many.tolist() == one.tolist()
