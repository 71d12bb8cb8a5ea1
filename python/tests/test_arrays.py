"""Arrays in and out: dtypes, orders, devices, DLPack, who owns what."""

import pathlib
import sys

import embscope
import numpy as np
import pytest
from conftest import REFERENCE

RANDOM = np.random.default_rng(1).standard_normal((40, 12)).astype(np.float32)


def test_wte_is_the_files_memory_where_it_holds_float32(gpt2):
    wte = gpt2.wte
    assert wte.shape == (97, 48) and wte.dtype == np.float32 and not wte.flags.writeable
    with pytest.raises(ValueError):
        wte[0, 0] = 1
    assert gpt2.wte.ctypes.data == wte.ctypes.data
    data = (REFERENCE / "tiny-gpt2/model.safetensors").read_bytes()
    assert wte.tobytes() in data
    maps = open("/proc/self/maps").read().splitlines()
    spans = [line.split() for line in maps if "tiny-gpt2/model.safetensors" in line]
    assert any(int(s[0].split("-")[0], 16) <= wte.ctypes.data < int(s[0].split("-")[1], 16) for s in spans)


def test_wte_outlives_its_model():
    wte = embscope.load(REFERENCE / "tiny-gpt2").wte
    assert np.isfinite(wte).all()


def test_quantised_rows_are_decoded_once(smollm2):
    wte = smollm2.wte
    assert wte.shape == (49152, 576) and not wte.flags.writeable
    assert smollm2.wte.ctypes.data == wte.ctypes.data
    assert np.array_equal(wte[[7, 4521]], smollm2.embed([7, 4521]))
    assert np.array_equal(smollm2.embed(" Germany"), wte[4521])


@pytest.mark.parametrize(
    "array, kind, words",
    [
        (
            RANDOM.astype(np.float64),
            embscope.UsageError,
            r"\[pca\] dtype is float64, needs float32: use x.astype\('float32'\)",
        ),
        (RANDOM.astype(np.float16), embscope.UsageError, "dtype is float16"),
        (RANDOM.astype(np.int64), embscope.UsageError, "dtype is int64"),
        (RANDOM > 0, embscope.UsageError, "dtype is bool"),
        (RANDOM.astype(np.complex64), embscope.UsageError, "dtype is complex64"),
        (RANDOM[0], embscope.ShapeError, r"has 1 axes \(12\), needs 2"),
        (RANDOM[None], embscope.ShapeError, r"has 3 axes \(1 x 40 x 12\), needs 2"),
        (RANDOM.astype(">f4"), embscope.UsageError, "dtype is >f4, needs float32"),
        (RANDOM.astype(object), embscope.UsageError, "dtype is object, needs float32"),
        (RANDOM.astype(str), embscope.UsageError, "dtype is <U32, needs float32"),
        (np.ma.masked_greater(RANDOM, 1), embscope.UsageError, "what a masked array hides"),
        ("text", embscope.UsageError, "a str is not an array"),
        (None, embscope.UsageError, "a NoneType is not an array"),
        (RANDOM.tolist(), embscope.UsageError, "a list is not an array"),
        (RANDOM[:1], embscope.RangeError, "pca"),
        (RANDOM[:0], embscope.RangeError, "pca"),
        (np.where(RANDOM > 1, np.nan, RANDOM).astype(np.float32), embscope.RangeError, "pca"),
    ],
)
def test_arrays_that_are_refused(array, kind, words):
    with pytest.raises(kind, match=words):
        embscope.pca(array)


def test_other_orders_are_copied():
    points, shares = embscope.pca(RANDOM)
    wide = np.repeat(RANDOM, 2, axis=1)
    for same in (
        np.asfortranarray(RANDOM),
        wide[:, ::2],
        np.flip(np.flip(RANDOM).copy()),
        RANDOM.T.copy().T,
        RANDOM[:, :],
    ):
        again, _ = embscope.pca(same)
        assert np.array_equal(again, points)
    centred = RANDOM - RANDOM.mean(0)
    values = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(shares, (values**2 / (values**2).sum())[:2], rtol=1e-4)


def test_arrays_that_are_only_readable_and_unaligned_enter():
    fixed = RANDOM.copy()
    fixed.flags.writeable = False
    odd = np.frombuffer(b"\0" * 4 + RANDOM.tobytes(), np.float32, offset=4).reshape(RANDOM.shape)
    assert np.array_equal(embscope.pca(fixed)[0], embscope.pca(RANDOM)[0])
    assert np.array_equal(embscope.pca(odd)[0], embscope.pca(RANDOM)[0])


class Dlpack:
    """What speaks DLPack and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)  # the CPU


def test_dlpack_enters():
    assert np.array_equal(embscope.pca(Dlpack(RANDOM))[0], embscope.pca(RANDOM)[0])


def test_arrays_leave_by_dlpack(gpt2, ids):
    array = gpt2.run(ids[0], capture=["wte"])["wte"]
    assert np.from_dlpack(array).ctypes.data == array.ctypes.data


def kilobytes_of(call):
    """By how much the memory of this process grew at most."""
    peak = lambda: int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of before
    before = peak()
    call()
    return peak() - before


def refused(array):
    with pytest.raises(embscope.RangeError):  # after the array has been taken
        embscope.pca(array, count=10**6)


@pytest.mark.parametrize(
    "dress",
    [lambda a: a, Dlpack, lambda a: pytest.importorskip("torch").from_numpy(a)],
    ids=["numpy", "dlpack", "torch"],
)
def test_row_major_float32_enters_without_a_copy(dress):
    array = np.ones((4000, 4000), np.float32)
    given = dress(array)
    assert kilobytes_of(lambda: refused(given)) < 8_000
    assert kilobytes_of(lambda: refused(np.asfortranarray(array))) > 60_000  # what a copy takes


@pytest.mark.parametrize(
    "call",
    [
        lambda model, a: embscope.tsne(a),
        lambda model, a: embscope.umap(a),
        lambda model, a: embscope.neighbours(a),
        lambda model, a: model.unembed(a),
        lambda model, a: embscope.neighbours(RANDOM, to=a[0]),
        lambda model, a: embscope.Space.of(a, ["x"] * 40),
        lambda model, a: embscope.Edit("wte", "set", a[0]),
        lambda model, a: model.steer("x", "wte", direction=a[0]),
    ],
)
def test_every_call_refuses_other_element_types(call, gpt2):
    with pytest.raises(embscope.UsageError, match=r"dtype is float64, needs float32: use x.astype"):
        call(gpt2, RANDOM.astype(np.float64))


def test_a_torch_tensor_says_where_it_lies():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(RANDOM.copy())
    assert np.array_equal(embscope.pca(tensor)[0], embscope.pca(RANDOM)[0])
    with pytest.raises(embscope.UsageError, match=r"requires grad: use x.detach\(\)"):
        embscope.pca(tensor.clone().requires_grad_())
    with pytest.raises(embscope.UsageError, match="on meta, needs the CPU"):
        embscope.pca(tensor.to("meta"))
    with pytest.raises(embscope.UsageError, match="dtype is bfloat16, needs float32"):
        embscope.pca(tensor.to(torch.bfloat16))


def test_a_large_array_is_not_copied_on_its_way_in(gpt2):
    residual = np.zeros((2000, 48), np.float32)
    references = sys.getrefcount(residual)
    for _ in range(50):
        gpt2.unembed(residual)
    assert sys.getrefcount(residual) == references


def test_tsne_is_the_same_each_time_and_knows_its_limits():
    points = embscope.tsne(RANDOM, perplexity=5, steps=60, exaggerated_steps=30)
    assert points.shape == (40, 2)
    assert np.array_equal(points, embscope.tsne(RANDOM, perplexity=5, steps=60, exaggerated_steps=30))
    with pytest.raises(embscope.RangeError):
        embscope.tsne(RANDOM, perplexity=30)
    with pytest.raises(embscope.UsageError, match="choose 'cosine' or 'euclidean'"):
        embscope.tsne(RANDOM, metric="manhattan")
