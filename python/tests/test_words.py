"""Results in Python: whole numbers are integers, objects show themselves briefly, mistakes are told in the engine's
words."""

import os

import embscope
import numpy as np
import pytest
from conftest import SENTENCE

RANDOM = np.random.default_rng(5).standard_normal((60, 8)).astype(np.float32)


@pytest.fixture
def space():
    return embscope.Space.of(RANDOM, [f"w{i}" for i in range(60)], "random")


def test_ids_index_arrays(smollm2):
    table = smollm2.similar(" apple", 10)
    assert {table[name].dtype.kind for name in ("rank", "id")} == {"i"} and table["cosine"].dtype == np.float64
    assert smollm2.wte[table["id"]].shape == (10, 576)
    assert table["rank"].tolist() == list(range(1, 11)) and all(type(r["id"]) is int for r in table.records())
    assert not table["id"].flags.writeable
    life = smollm2.trace(SENTENCE).life
    assert life["block"].dtype.kind == "i"


def test_reprs_are_short(space, smollm2):
    long = "x" * 10_000
    named = embscope.Space.of(RANDOM, [f"w{i}" for i in range(60)], long)
    many = embscope.Space.of(np.ones((6000, 3), np.float32), ["a long label of a row"] * 6000, "many")
    tokens = smollm2.tokens(SENTENCE * 200)
    shown = [
        named,
        many.pca(),
        tokens,
        smollm2,
        named.geometry(),
        named.hubs(3),
        named.hubs(3).figure(),
        space.categories,
    ] + [
        smollm2.run(SENTENCE, capture=["resid_post", "z"]),
        embscope.Figure.of({}, long, long),
        smollm2.run([SENTENCE] * 40),
    ]
    for one in shown:
        assert len(repr(one)) < 2000, type(one)
    assert repr(tokens).endswith(f"({len(tokens):,}))") and "6,000" in repr(many.pca())


@pytest.mark.parametrize(
    "labels, says",
    [
        ([0, 1, 2], "label 0 is 0, a int; needed: str"),
        (["a", None, "b"], "label 1 is None"),
        (["a", b"b", "c"], "label 1 is b'b'"),
    ],
)
def test_labels_that_are_no_text(labels, says):
    with pytest.raises(embscope.EmbscopeError, match=says):
        embscope.Space.of(RANDOM[:3], labels)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, s: embscope.load(5),
        lambda m, s: embscope.open_space(None),
        lambda m, s: m.tokens(3.5),
        lambda m, s: m.similar(["a"]),
        lambda m, s: m.predict("x", k="5"),
        lambda m, s: m.predict({}),
        lambda m, s: embscope.Space.of(RANDOM, 5),
        lambda m, s: s.row(7),
        lambda m, s: s.analogy(1, 2, 3),
        lambda m, s: s.hubs("many"),
        lambda m, s: s.geometry(k=1.5),
        lambda m, s: s.pca(count="two"),
        lambda m, s: s.neighbours(k=None),
        lambda m, s: s.tsne(perplexity="large"),
        lambda m, s: s.judgements(3),
        lambda m, s: s.odd_one_out([1, 2, 3]),
        lambda m, s: embscope.tsne(RANDOM, steps="9"),
        lambda m, s: embscope.set_threads("four"),
        lambda m, s: m.run(SENTENCE, capture=[3]),
        lambda m, s: m.generate("x", temperature="hot"),
        lambda m, s: embscope.pull(5),
    ],
)
def test_a_wrong_type_is_an_error_of_embscope(smollm2, space, call):
    with pytest.raises(embscope.EmbscopeError) as caught:
        call(smollm2, space)
    assert (
        "incompatible function arguments" not in str(caught.value)
        and len(str(caught.value)) < 1000
        and "\n" not in str(caught.value)
    )


def test_a_callback_s_own_type_error_stays_what_it_is(smollm2):
    def hook(values, place):
        raise TypeError("mine")

    with smollm2.hooks({"wte": hook}), pytest.raises(TypeError, match="^mine$") as caught:
        smollm2.run(SENTENCE)
    assert not isinstance(caught.value, embscope.EmbscopeError)


@pytest.mark.parametrize("seed", [-1, 1 << 64, 1 << 200, 1.5, "1"])
def test_seeds_out_of_range(smollm2, space, seed, tmp_path):
    for call in (
        lambda: embscope.tsne(RANDOM, seed=seed),
        lambda: embscope.umap(RANDOM, seed=seed),
        lambda: space.tsne(seed=seed),
        lambda: smollm2.generate("x", 1, seed=seed),
        lambda: embscope.compare(space, space, seed=seed),
        lambda: embscope.Edit("wte", "noise", seed=seed),
        lambda: embscope.train("text", tmp_path / "out", seed=seed),
    ):
        with pytest.raises(embscope.EmbscopeError, match="seed"):
            call()
    assert embscope.tsne(RANDOM, perplexity=5, steps=1, seed=(1 << 64) - 1).shape == (60, 2)


def test_a_tiny_temperature_is_greedy(smollm2):
    greedy = smollm2.generate(SENTENCE, 5)
    assert smollm2.generate(SENTENCE, 5, temperature=1e-40) == greedy


def test_rows_of_zeros(space):
    vectors = RANDOM.copy()
    vectors[[3, 7]] = 0
    some = embscope.Space.of(vectors, space.labels, "some")
    ids, cosines = some.neighbours(4)
    assert (ids[3] == -1).all() and np.isnan(cosines[7]).all() and not (np.isin(ids[0], [3, 7])).any()
    with pytest.warns(UserWarning, match="2 of 60 vectors are zero, have no direction and are left out: w3, w7"):
        made = some.tsne(steps=10, perplexity=5)
    assert made.points.shape == (58, 2) and 3 not in made.ids.tolist() and "w7" not in made.labels


def test_only_regular_files_are_opened(tmp_path, space):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for call in (
        lambda: embscope.load(pipe),
        lambda: embscope.open_space(pipe),
        lambda: space.judgements(pipe),
        lambda: space.analogies(pipe),
        lambda: space.categories(pipe),
    ):
        with pytest.raises(embscope.InputOutputError, match="is a named pipe, not a regular file"):
            call()


def test_a_space_of_projector_s_files(tmp_path):
    (tmp_path / "vectors.tsv").write_text("1.0\t0.1\n0.9\t0.2\n")
    (tmp_path / "metadata.tsv").write_bytes(b"\xef\xbb\xbfword\tcount\r\ncat\t5\r\ndog\t4\r\n")
    for name in (tmp_path / "vectors.tsv", f"{tmp_path / 'vectors.tsv'}:{tmp_path / 'metadata.tsv'}"):
        assert embscope.open_space(name).labels == ["cat", "dog"]
