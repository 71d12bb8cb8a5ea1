"""The catalogue's analyses from Python: every one is there, asked as its description says; old names are told."""

import inspect
import json
import os
import subprocess

import embscope
import numpy as np
import pytest
from conftest import REFERENCE, SENTENCE

PROGRAM = os.environ.get("EMBSCOPE")


def test_every_analysis_is_a_method_with_its_fields():
    if not PROGRAM:
        pytest.skip("EMBSCOPE names no program")
    for analysis in json.loads(subprocess.run([PROGRAM, "catalogue"], capture_output=True, check=True).stdout):
        owner = embscope if analysis["needs"] == "nothing" else embscope.Model
        method = getattr(owner, analysis["name"])
        names = [name.rstrip("_") for name in inspect.signature(method).parameters if name not in ("self", "on_token")]
        fields = [field["name"] for field in analysis["fields"]]
        assert names[: len(fields)] == fields
        assert analysis["what"].split()[0] in method.__doc__ or analysis["name"] in ("heatmap", "neighbours")
        if analysis["needs"] == "space":
            assert hasattr(embscope.Space, analysis["name"])


def test_questions_to_a_space_are_those_to_its_model(gpt2):
    space = gpt2.space
    assert space.norms(5)["vectors"].tolist() == gpt2.norms(5)["vectors"].tolist()
    assert (
        space.map(tokens="0:20", method="pca").points.tolist() == gpt2.map(tokens="0:20", method="pca").points.tolist()
    )
    near = gpt2.similar("#5", 3)
    assert (
        near["id"].tolist() == gpt2.similar(vector=gpt2.wte[5], exclude=[5], k=3)["id"].tolist() and near.figure().spec
    )
    with pytest.raises(embscope.UnsupportedError, match="is not a model"):
        space.similar(vector="' a'")
    with pytest.raises(embscope.UsageError, match="name at least one"):
        gpt2.vectors([])
    assert embscope.toy().figure().spec == embscope.toy_space().figure().spec


def test_what_an_answer_lacks_is_a_warning():
    vectors = np.eye(6, dtype=np.float32)
    vectors[2] = 0
    space = embscope.Space.of(vectors, list("abcdef"))
    with pytest.warns(UserWarning, match="1 vector is zero, has no direction and is left out: c"):
        assert "c" not in space.similar("a", 9)["token"]


def test_entropy_is_that_of_the_runs_probabilities(gpt2, ids):
    found = gpt2.entropy(ids[0])
    logits = gpt2.run(ids[0], logits="all").logits.astype(np.float64)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    entropy = -(p * np.log2(p)).sum(-1)
    np.testing.assert_allclose(found.table["entropy"], entropy, rtol=1e-9)
    surprise = -np.log2(p[np.arange(len(ids[0]) - 1), ids[0][1:]])
    np.testing.assert_allclose(found.table["surprise"][1:], surprise, rtol=1e-9)
    assert abs(found.mean_surprise - surprise.mean()) < 1e-9 and np.isnan(found.table["surprise"][0])
    assert found.figure().title == "How sure the model is of the next token"


def test_the_only_table_of_a_result_is_its_table(gpt2, ids):
    found = gpt2.entropy(ids[0])
    assert "table" in found.keys() and found["table"] is found.table
    with pytest.raises(AttributeError, match="a result has no 'table': it has measures"):
        _ = gpt2.geometry(pairs=False, k=0).table


def test_old_names_are_told(smollm2):
    result = smollm2.entropy(SENTENCE)
    with pytest.warns(DeprecationWarning, match="'positions' is now 'table'"):
        assert result.positions is result.table
    with pytest.warns(DeprecationWarning, match="'positions' is now 'table'"):
        assert result["positions"] is result.table
    with pytest.warns(DeprecationWarning, match="'follow' is now 'targets'"):
        old = smollm2.edit(SENTENCE, "wte@3 zero", follow=[" Paris"])
    assert (
        old.table["token"].tolist() == smollm2.edit(SENTENCE, "wte@3 zero", targets=[" Paris"]).table["token"].tolist()
    )


def test_texts_and_ids_are_one_question(smollm2):
    ids = smollm2.tokens(SENTENCE)
    for given in (ids, list(ids), ids.ids):
        assert smollm2.predict(given, 3)["logit"].tolist() == smollm2.predict(SENTENCE, 3)["logit"].tolist()


def test_predictions_with_edits_and_targets(smollm2):
    table = smollm2.predict(SENTENCE, 3, edits=["wte@' Germany' set ' France'"], targets=[" Paris", 4521])
    assert table["token"][0] == "␣Paris" and [one["rank"] for one in table.besides["targets"]][0] == 1
    assert table.besides["targets"][1]["id"] == 4521


@pytest.mark.parametrize(
    "ask, kind, words",
    [
        (lambda m: m.trace(SENTENCE, top=0), embscope.RangeError, "choose 1 to 1000"),
        (lambda m: m.trace(b"x"), embscope.UsageError, "bytes"),
        (lambda m: m.trace({"a": 1}), embscope.UsageError, "dict"),
        (lambda m: m.trace(SENTENCE, position=1.5), embscope.UsageError, "whole number"),
        (lambda m: m.mix([1, 2], " a", " b", [" c"]), embscope.UsageError, "in words"),
        (lambda m: m.lens(""), embscope.UsageError, "empty"),
    ],
)
def test_questions_that_make_no_sense(smollm2, ask, kind, words):
    with pytest.raises(kind, match=words):
        ask(smollm2)


def test_a_model_and_a_space_are_named_or_given(gpt2, tmp_path):
    path = str(REFERENCE / "tiny-gpt2-relu")
    named, given = gpt2.compare(path, k=0), gpt2.compare(embscope.load(path), k=0)
    np.testing.assert_array_equal(named.measures["value"], given.measures["value"])
    assert gpt2.space.compare(gpt2, k=0).matched == named.matched
    assert gpt2.quantisation(gpt2).worst == 0
    with gpt2.hooks({"wte": lambda values, place: None}), pytest.raises(embscope.UsageError, match="hooks"):
        gpt2.space.compare(gpt2)


def test_activations_of_other_software(gpt2, ids, tmp_path):
    run = gpt2.run(ids[0], capture="blocks.1.resid_post")
    arrays = {"blocks.1.resid_post": run["blocks.1.resid_post"], "ids": np.array(ids[0], dtype=np.int64)}
    np.savez(tmp_path / "same.npz", **arrays)
    np.savez(tmp_path / "other.npz", **{**arrays, "blocks.1.resid_post": arrays["blocks.1.resid_post"] + 1})
    same, other = (gpt2.verify(tmp_path / f"{name}.npz", tolerance=0) for name in ("same", "other"))
    assert (same.passed, same.worst, other.passed) == (True, 0, False) and other.worst > 0
    assert same["worst"] == 0 and list(same.keys()) == ["table", "passed_over", "worst", "passed"]


def test_two_seeds_of_one_training(tmp_path):
    text = "the cat sat on the mat. a dog ran to the hill. " * 40
    found = embscope.train_seeds(
        text, tmp_path / "runs", seeds=[1, 2], layers=1, heads=1, width=8, context=8, batch=2, steps=3, warmup=1
    )
    assert found.seeds["seed"].tolist() == [1, 2] and found.log.rows == 6 and found.figure().spec
    assert embscope.load(tmp_path / "runs/seed-2").config["width"] == 8


def test_what_opens_and_what_is_refused():
    found = embscope.families()
    assert list(found.keys()) == ["opens", "refused"]
    assert "gpt2" in found.opens["model_type"] and list(found.refused) == ["what", "model_type"]


def test_the_tour_of_a_model(smollm2, tmp_path):
    found = smollm2.tour(tmp_path / "tour", quick=True)
    report = tmp_path / "tour/report.html"
    assert found.report == str(report) and not found.drawn
    names = sorted(path.stem for path in (tmp_path / "tour/figures").iterdir())
    assert names == sorted(found.table["figure"])
    assert f"-m {smollm2.path}" in report.read_text()
