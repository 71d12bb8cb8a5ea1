"""Spaces: the same numbers as the command line, NumPy's own for small exact cases, and what is refused."""

import json

import embscope
import numpy as np
import pytest
from conftest import REFERENCE, SENTENCE
from test_analyses import same, says

RANDOM = np.random.default_rng(5).standard_normal((60, 8)).astype(np.float32)
LABELS = [f"w{i}" for i in range(60)]


@pytest.fixture
def space():
    return embscope.Space.of(RANDOM, LABELS, "random")


def measure(table, name):
    return table["value"][table["measure"].tolist().index(name)]


def test_a_space_holds_its_vectors_and_labels(space, gpt2):
    assert (space.name, len(space), space.labels) == ("random", 60, LABELS)
    assert np.array_equal(space.vectors, RANDOM) and not space.vectors.flags.writeable and space.row("w7") == 7
    vectors = space.vectors
    del space
    assert np.array_equal(vectors, RANDOM)
    assert np.array_equal(gpt2.space.vectors, gpt2.wte) and gpt2.space is gpt2.space
    with pytest.raises(embscope.NotFoundError, match="'none'.*random has no such word"):
        embscope.Space.of(RANDOM, LABELS, "random").row("none")


def test_geometry_is_numpys(space):
    found = space.geometry()
    lengths = np.linalg.norm(RANDOM.astype(float), axis=1)
    unit = RANDOM / lengths[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(60, 1)]
    assert abs(measure(found.measures, "mean norm") - lengths.mean()) < 1e-6
    assert abs(measure(found.measures, "mean cosine") - cosines.mean()) < 1e-6
    np.testing.assert_allclose(
        found.spectrum["variance"], np.linalg.eigvalsh(np.cov(RANDOM.T.astype(float)))[::-1], rtol=1e-5
    )
    assert found.norms["vectors"].sum() == 60
    pairs = space.pairs(bins=20)
    assert (
        pairs.pairs == 1770
        and pairs.histogram["pairs"].sum() == 1770
        and abs(pairs.positive_share - (cosines > 0).mean()) < 1e-9
    )
    assert abs(space.pairs(centred=True).mean) < 0.05 and pairs.quantiles.rows > 3
    assert (
        all(t.figure().spec for t in (found.spectrum, found.norms, space.hubs(3), space.dimensions()))
        and found.figure().spec
    )
    assert space.hubs(3)["occurrence"].sum() == 180


def test_spaces_say_what_the_command_line_says(tmp_path):
    model = embscope.load(REFERENCE / "tiny-gpt2")
    name = str(REFERENCE / "tiny-gpt2")
    same(model.geometry().measures, says("geometry", "-m", name))
    same(model.pairs(bins=40).histogram, says("geometry", "-m", name, "--show", "pairs"))
    other = str(REFERENCE / "tiny-gpt2-relu")
    same(model.compare(other).measures, says("compare", name, other))
    np.save(tmp_path / "v.npy", RANDOM)
    (tmp_path / "v.txt").write_text("\n".join(LABELS) + "\n")
    named = f"{tmp_path / 'v.npy'}:{tmp_path / 'v.txt'}"
    opened = embscope.open_space(named)
    assert np.array_equal(opened.vectors, RANDOM) and opened.labels == LABELS
    same(opened.analogy("w1", "w2", "w3", 4), says("analogy", "w1", "w2", "w3", "-m", named, "-k", "4"))
    same(opened.hubs(5), says("geometry", "-m", named, "--show", "hubs", "-k", "5"))


def test_analogies_and_words_of_a_real_model(smollm2):
    nearest = smollm2.analogy("man", "king", "woman", 3)
    assert "␣queen" in nearest["token"].tolist() and nearest["question"][nearest["token"].tolist().index("␣king")] == 1
    space = smollm2.space
    apart = space.categories()
    assert apart.categories.rows == 11 and apart.figure().spec and apart.unknown == []
    assert space.odd_one_out(["apple", "pear", "banana", "truck"])["word"][0] == "␣truck"


def test_analogies_and_judgements_of_files(space, tmp_path):
    (tmp_path / "q.txt").write_text(": shift\nw1 w2 w3 w4\nw1 w2 w3 nowhere\n")
    found = space.analogies(tmp_path / "q.txt")
    assert found.relations["known"].tolist() == [1, 1] and found.unknown == ["nowhere"] and found.figure().spec
    (tmp_path / "j.txt").write_text(
        "".join(
            f"w{i},w{i + 1},{c}\n"
            for i, c in enumerate(
                (RANDOM[:9] * RANDOM[1:10]).sum(1)
                / np.linalg.norm(RANDOM[:9], axis=1)
                / np.linalg.norm(RANDOM[1:10], axis=1)
            )
        )
    )
    judged = space.judgements(tmp_path / "j.txt")
    assert abs(judged.spearman - 1) < 1e-9 and (judged.known, judged.asked) == (9, 9)
    with pytest.raises(embscope.NotFoundError):
        space.judgements(tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_text("w1,w2,much\n")
    with pytest.raises(embscope.FormatError, match="bad.txt"):
        space.judgements(tmp_path / "bad.txt")


def test_a_space_turned_is_the_same_space(space):
    turn, _ = np.linalg.qr(np.random.default_rng(6).standard_normal((8, 8)))
    turned = embscope.Space.of((RANDOM @ turn).astype(np.float32), LABELS)
    found = embscope.compare(space, turned)
    assert abs(measure(found.measures, "linear CKA") - 1) < 1e-5 and measure(found.measures, "neighbours kept") > 0.99
    assert (found.matched, found.only_a, found.only_b) == (60, 0, 0) and found.figure().spec
    with pytest.raises(embscope.UsageError):
        embscope.compare(space, embscope.Space.of(RANDOM, [f"x{i}" for i in range(60)]))
    with pytest.raises(embscope.UsageError, match="a list is not a space"):
        embscope.compare(space, [1, 2])


def test_vectors_in_context(gpt2, ids):
    run = gpt2.run(ids[0], capture="blocks.1.resid_post")
    there = gpt2.text_space(ids[0], "blocks.1.hook_resid_post")
    assert np.array_equal(there.vectors, run["blocks.1.resid_post"])
    layers = gpt2.layer_geometry([ids[0], ids[1]])
    assert (
        layers["layer"].tolist() == [0, 1, 2, 3, 4]
        and layers["vectors"][0] == len(ids[0]) + len(ids[1])
        and layers.figure().spec
    )
    alike = gpt2.layer_similarity(ids[0])
    assert alike.figure().spec and alike["cka"][0] == pytest.approx(1)
    with pytest.raises(embscope.ShapeError):
        gpt2.text_space(ids[0], "blocks.1.pattern")
    with (
        gpt2.hooks({"wte": lambda values, place: None}),
        pytest.raises(embscope.UsageError, match="1 would not be called"),
    ):
        gpt2.layer_geometry(ids[0])


def test_words_in_context_of_a_real_model(smollm2):
    space = smollm2.words_in_context(["apple", "pear"], "I ate an {}", "blocks.2.resid_post")
    run = smollm2.run("I ate an apple", capture="blocks.2.resid_post")
    assert np.array_equal(space.vectors[0], run["blocks.2.resid_post"][-1])
    with pytest.raises(embscope.UsageError):
        smollm2.words_in_context(["apple"], "I ate")


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: embscope.Space.of(RANDOM, LABELS[:3]), embscope.ShapeError, "3 labels for 60 vectors"),
        (lambda: embscope.Space.of(RANDOM.astype(float), LABELS), embscope.UsageError, "float64"),
        (
            lambda: embscope.Space.of(np.where(RANDOM > 1, np.nan, RANDOM).astype(np.float32), LABELS),
            embscope.RangeError,
            "NaN",
        ),
        (lambda: embscope.open_space("/nowhere/v.npy"), embscope.NotFoundError, "nowhere"),
    ],
)
def test_spaces_that_are_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_fortran_vectors_make_the_same_space(space):
    assert np.array_equal(embscope.Space.of(np.asfortranarray(RANDOM), LABELS).vectors, space.vectors)


def test_umap_keeps_clusters_apart_and_is_the_same_for_a_seed(smollm2):
    centres = np.random.default_rng(3).standard_normal((3, 16)) * 8
    vectors = (np.repeat(centres, 30, axis=0) + np.random.default_rng(4).standard_normal((90, 16))).astype(np.float32)
    points = embscope.umap(vectors, neighbours=10, metric="euclidean")
    group = np.repeat(np.arange(3), 30)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (group[distances.argmin(1)] == group).all()
    assert np.array_equal(points, embscope.umap(vectors, neighbours=10, metric="euclidean"))
    assert smollm2.umap(range(1000, 1060), neighbours=10, epochs=20).points.shape == (60, 2)
    with pytest.raises(embscope.RangeError):
        embscope.umap(vectors[:5])
    with pytest.raises(embscope.UsageError, match="choose 'cosine' or 'euclidean'"):
        embscope.umap(vectors, metric="l1")


def test_extraction_is_the_command_lines(smollm2, tmp_path):
    corpus = tmp_path / "c.txt"
    corpus.write_text(f"{SENTENCE}\n\nA second document.\n" * 5)
    done = smollm2.extract(corpus, tmp_path / "ours", "blocks.3.resid_post", dtype="fp16", part_tokens=20)
    theirs = says(
        "extract",
        str(corpus),
        "--at",
        "blocks.3.resid_post",
        "--to",
        str(tmp_path / "theirs"),
        "--dtype",
        "fp16",
        "--part-tokens",
        "20",
    )
    assert {name: done[name] for name in ("documents", "tokens", "bytes", "tokens_before")} == {
        name: theirs[name][0] for name in ("documents", "tokens", "bytes", "tokens_before")
    }
    read = lambda folder: {p.name: p.read_bytes() for p in (tmp_path / folder).iterdir() if p.name != "lock"}
    assert read("ours") == read("theirs") and done["parts"] > 1
    assert json.loads((tmp_path / "ours/manifest.json").read_text())["complete"]
    assert (
        smollm2.extract(corpus, tmp_path / "ours", "blocks.3.resid_post", dtype="fp16", part_tokens=20)["tokens_before"]
        == done["tokens"]
    )
    with pytest.raises(embscope.UsageError, match="choose fp32, fp16 or bf16"):
        smollm2.extract(corpus, tmp_path / "x", "wte", dtype="float32")
    with pytest.raises(embscope.UsageError, match="dtype"):
        smollm2.extract(corpus, tmp_path / "ours", "blocks.3.resid_post", part_tokens=20)
    with pytest.raises(embscope.NotFoundError):
        smollm2.extract(tmp_path / "none.txt", tmp_path / "y", "wte")
