"""Hooks: what they see, what they may do, and what becomes of those that misbehave."""

import gc
import threading

import embscope
import numpy as np
import pytest


def logits(model, ids):
    return model.run(ids[0]).logits


def test_a_hook_sees_what_is_captured_and_fires_once_for_each_row(gpt2, ids):
    seen = []

    def look(x, place):
        seen.append((place.site, place.row, place.first_position, x.copy()))

    with gpt2.hooks({"blocks.1.hook_resid_mid": look}):
        runs = gpt2.run(ids, capture=["blocks.1.resid_mid"])
    assert [entry[:3] for entry in seen] == [("blocks.1.resid_mid", 0, 0), ("blocks.1.resid_mid", 1, 0)]
    for (_, _, _, x), run in zip(seen, runs):
        assert np.array_equal(x, run["blocks.1.resid_mid"])


def test_a_pattern_hooks_every_block(gpt2, ids):
    seen = []
    with gpt2.hooks({"blocks.*.pattern": lambda x, place: seen.append((place.name, x.shape))}):
        gpt2.run(ids[1])
    assert seen == [(f"blocks.{b}.pattern", (4, 7, 7)) for b in range(3)]


def test_what_a_hook_writes_or_returns_is_what_the_model_goes_on_with(gpt2, ids):
    plain = logits(gpt2, ids)

    def write(x, place):
        x[-1] = 0

    def replace(x, place):
        y = x.copy()
        y[-1] = 0
        return y

    def fortran(x, place):
        return np.asfortranarray(replace(x, place))

    found = []
    for function in (write, replace, fortran):
        with gpt2.hooks({"blocks.2.attn_out": function}):
            found.append(logits(gpt2, ids))
    assert not np.array_equal(found[0], plain)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert np.array_equal(found[0], gpt2.run(ids[0], edits=["blocks.2.attn_out@-1 zero"]).logits)
    assert np.array_equal(logits(gpt2, ids), plain)


def test_a_handle_removes_exactly_its_own(gpt2, ids):
    calls = []
    handles = [gpt2.hook("wte", lambda x, place, n=n: calls.append(n)) for n in range(3)]
    handles[1].remove()
    handles[1].remove()
    assert gpt2.active_hooks() == [handles[0], handles[2]]
    gpt2.run(ids[0])
    assert calls == [0, 2]
    with handles[0]:
        pass
    handles[2].remove()
    assert gpt2.active_hooks() == []


def test_hooks_are_gone_after_the_block_even_when_it_raises(gpt2, ids):
    with pytest.raises(ZeroDivisionError):
        with gpt2.hooks({"wte": lambda x, place: 1 / 0}):
            gpt2.run(ids[0])
    assert gpt2.active_hooks() == []


def test_an_unknown_site_registers_nothing(gpt2):
    with pytest.raises(embscope.NotFoundError, match="did you mean"):
        with gpt2.hooks({"wte": print, "blocks.0.resid_pos": print}):
            pass
    assert gpt2.active_hooks() == []


def test_what_cannot_be_called_is_no_hook(gpt2):
    with pytest.raises(
        embscope.UsageError, match=r"\[hook at wte\] a int cannot be called: give a function of \(values, place\)"
    ):
        gpt2.hook("wte", 3)
    assert gpt2.active_hooks() == []


class Oops(BaseException):
    pass


def test_what_a_hook_raises_reaches_the_caller_and_the_model_stays_usable(gpt2, ids):
    plain = logits(gpt2, ids)

    def bad(x, place):
        x[:] = 7
        raise Oops("from the hook")

    for _ in range(20):
        with gpt2.hooks({"blocks.1.mlp_post": bad}), pytest.raises(Oops, match="from the hook"):
            gpt2.run(ids)
        assert np.array_equal(logits(gpt2, ids), plain)


@pytest.mark.parametrize(
    "given, kind, words",
    [
        (
            lambda x: x[:-1].copy(),
            embscope.ShapeError,
            r"\[hook at blocks.0.ln1\] returned an array of shape 12 x 48, needs 13 x 48",
        ),
        (lambda x: x.astype(np.float64), embscope.UsageError, "dtype is float64, needs float32"),
        (lambda x: x.astype(np.int32), embscope.UsageError, "dtype is int32, needs float32"),
        (lambda x: "no", embscope.UsageError, "a str is not an array"),
        (lambda x: 3.5, embscope.UsageError, "a float is not an array"),
    ],
)
def test_a_hook_that_returns_the_wrong_thing(gpt2, ids, given, kind, words):
    plain = logits(gpt2, ids)
    with gpt2.hooks({"blocks.0.ln1": lambda x, place: given(x)}), pytest.raises(kind, match=words):
        gpt2.run(ids[0])
    assert np.array_equal(logits(gpt2, ids), plain)


@pytest.mark.parametrize("keep", [lambda x: x, lambda x: x[2:], lambda x: x.T, memoryview])
def test_an_array_that_was_kept_is_told(gpt2, ids, keep):
    kept = []

    def hook(x, place):
        kept.append(keep(x))

    with gpt2.hooks({"wte": hook}), pytest.raises(embscope.UsageError, match=r"was kept: keep x.copy\(\)"):
        gpt2.run(ids[0])
    kept.clear()


def test_hooks_belong_to_the_thread_that_registered_them(gpt2, ids):
    calls = []
    with gpt2.hooks({"wte": lambda x, place: calls.append(threading.get_ident())}):
        other = threading.Thread(target=lambda: gpt2.run(ids[0]))
        other.start()
        other.join()
        assert calls == []
        gpt2.run(ids[0])
    assert calls == [threading.get_ident()]


def test_a_hook_may_run_the_model_itself(gpt2, ids):
    inner = []

    def hook(x, place):
        handle.remove()
        inner.append(gpt2.run(ids[1]).logits)

    handle = gpt2.hook("wte", hook)
    gpt2.run(ids[0])
    assert np.array_equal(inner[0], gpt2.run(ids[1]).logits)


def test_analyses_refuse_hooks_that_would_not_fire(gpt2, ids):
    with (
        gpt2.hooks({"wte": lambda x, place: None}),
        pytest.raises(embscope.UsageError, match="hooks act only on Model.run"),
    ):
        gpt2.lens(ids[0])


def test_memory_is_flat_over_many_runs(gpt2, ids):
    def resident():
        gc.collect()
        return int(open("/proc/self/statm").read().split()[1]) * 4096

    def round_():
        for _ in range(250):
            with gpt2.hooks({"blocks.*.resid_post": lambda x, place: x + 0}):
                gpt2.run(ids, capture=["pattern", "resid_post"], logits="all")

    round_()
    before = resident()
    round_()
    assert resident() - before < 4 << 20
