"""Training from Python: the same bits for a seed, a model that loads, vectors that are watched as they form."""

import time

import embscope
import numpy as np
import pytest

TEXT = "the cat sat on the mat. the dog sat on the log. a cat and a dog sat. " * 30
SIZES = dict(layers=1, heads=2, width=16, context=16, batch=4, evaluate=10, snapshot=10)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    return folder, embscope.train(TEXT, folder, steps=30, rate=1e-2, warmup=5, **SIZES)


def test_training_lowers_the_loss_and_leaves_a_model(run):
    folder, log = run
    assert list(log) == ["step", "loss", "held-out", "learning rate", "gradient norm"] and log.rows == 30
    assert log["loss"][-5:].mean() < log["loss"][0] - 0.5 and np.isfinite(log["held-out"][[9, 19, 29]]).all()
    assert log.figure().spec
    model = embscope.load(folder)
    assert model.config["blocks"] == 1 and np.isfinite(model.run("the cat").logits).all()


def test_a_seed_gives_its_bits_and_another_seed_others(run, tmp_path):
    _, log = run
    again = embscope.train(TEXT, tmp_path / "again", steps=30, rate=1e-2, warmup=5, **SIZES)
    assert np.array_equal(again["loss"], log["loss"])
    other = embscope.train(TEXT, tmp_path / "other", steps=30, rate=1e-2, warmup=5, seed=2, **SIZES)
    assert not np.array_equal(other["loss"], log["loss"])
    compared = embscope.compare(embscope.load(tmp_path / "again"), str(run[0]))
    assert compared.measures["value"][compared.measures["measure"].tolist().index("own cosine")] == pytest.approx(1)


def test_growth_follows_the_snapshots(run):
    found = embscope.growth(run[0], words=["c"], mapped=10, method="pca")
    steps = found.shape["step"].tolist()
    assert steps[0] == 0 and steps[-1] == 30 and steps == sorted(steps)
    assert set(found.neighbours["word"]) == {"c"} and found.frequency["count"][0] == found.frequency["count"].max()
    assert all(f.spec for f in (found.figure(), found.shape.figure(), found.frequency.figure()))
    with pytest.raises(embscope.NotFoundError):
        embscope.growth(run[0] / "training")


def test_a_stopped_run_goes_on_as_if_it_never_had(run, tmp_path):
    def stop(fraction, what):
        assert what.startswith("step ") and "loss" in what
        time.sleep(0.02)
        return False

    with pytest.raises(embscope.CancelledError, match=r"stopped after step \d+: embscope.resume continues"):
        embscope.train(TEXT, tmp_path / "run", steps=3000, progress=stop, **SIZES)
    resumed = embscope.resume(tmp_path / "run")
    assert np.array_equal(resumed["loss"], embscope.train(TEXT, tmp_path / "whole", steps=3000, **SIZES)["loss"])


@pytest.mark.parametrize(
    "options, kind, words",
    [
        (dict(step=3), embscope.UsageError, "no option 'step': the options are accumulate"),
        (dict(out="x"), TypeError, "out"),
        (dict(steps="many"), embscope.UsageError, r"\[steps\] must be a whole number"),
        (dict(heads=3), embscope.UsageError, "3 heads"),
        (dict(context=100000), embscope.UsageError, "a context of 100000 needs at least"),
    ],
)
def test_requests_that_are_refused(options, kind, words, tmp_path):
    with pytest.raises(kind, match=words):
        embscope.train(TEXT, tmp_path / "none", **options)
    assert not (tmp_path / "none/model.safetensors").exists()


def test_a_folder_that_holds_a_run_is_refused(run):
    with pytest.raises(embscope.UsageError, match="run"):
        embscope.train(TEXT, run[0], steps=3)
