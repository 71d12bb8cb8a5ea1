"""The analyses say what the command line says; tables, figures and widgets are what notebooks expect of them."""

import importlib.util
import json
import os
import subprocess
import sys

import embscope
import numpy as np
import pytest
from conftest import SENTENCE

PROGRAM = os.environ.get("EMBSCOPE")


def said(*arguments):
    if not PROGRAM:
        pytest.skip("EMBSCOPE names no program")
    done = subprocess.run([PROGRAM, *arguments, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def says(*arguments):
    return said(*arguments)["columns"]


def same(table, columns):
    assert list(table) == list(columns)
    for name in table:
        if table[name].dtype.kind in "fi":
            want = np.array([np.nan if v is None else v for v in columns[name]], float)
            np.testing.assert_allclose(table[name], want, rtol=1e-12)
        else:
            assert table[name].tolist() == columns[name]


def test_the_command_line_prints_the_same_tables(smollm2):
    same(smollm2.predict(SENTENCE, 4), says("predict", SENTENCE, "-k", "4"))
    same(smollm2.similar(" apple", 5), says("similar", " apple", "-k", "5"))
    same(
        smollm2.mix(SENTENCE, " Germany", " France", [" Berlin", " Paris"], steps=5).table,
        says(
            "mix",
            SENTENCE,
            "--replace",
            " Germany",
            "--with",
            " France",
            "--targets",
            " Berlin",
            " Paris",
            "--steps",
            "5",
        ),
    )


def test_tokens_have_ids_labels_and_bytes(smollm2):
    tokens = smollm2.tokens("Grüße, Welt")
    data = "Grüße, Welt".encode()
    assert b"".join(data[a:b] for a, b in tokens.ranges) == data
    assert smollm2.decode(tokens) == "Grüße, Welt" and len(tokens) == len(tokens.labels) == len(list(tokens))
    assert tokens.ids.dtype == np.int32 and "span" in tokens._repr_html_()
    assert smollm2.token(" Germany") == 4521 and smollm2.label(4521) == "␣Germany"


def test_mixing_crosses_and_shares_work(smollm2):
    result = smollm2.sweep(SENTENCE, " Germany", " France", [" Berlin", " Paris"])
    assert result.untouched_equals_p1 and len(result.crossings) == 1 and 0 < result.crossings[0] < 1
    assert result.cost["computed"] < result.cost["asked"] / 2
    assert result.table["p"].tolist() == np.linspace(0, 1, 17).tolist()


def test_patching_attribution_lens_and_attention_hold_together(gpt2, ids):
    clean, corrupt = ids[1], [*ids[1][:2], 50, *ids[1][3:]]
    patched = gpt2.patch(clean, corrupt, 3, 9)
    full = (patched.grid["site"] == "blocks.L.resid_pre") | (patched.grid["site"] == "resid_pre")
    assert full.any()
    last = full & (patched.grid["block"] == 0) & (patched.grid["position"] == 2)
    np.testing.assert_allclose(patched.grid["restored"][last], 1, atol=1e-4)
    parts = gpt2.attribute(clean, 3, 9)
    assert abs(parts.logit - parts.sum) < 1e-4 and abs(parts.logit - patched.clean) < 1e-4
    cells = gpt2.lens(clean, target=3).cells
    run = gpt2.run(clean, logits="all", capture="blocks.1.pattern")
    np.testing.assert_array_equal(cells["target_logit"][cells["block"] == 2].astype(np.float32), run.logits[:, 3])
    attention = gpt2.attention(clean, block=1)
    np.testing.assert_allclose(attention.patterns, run["blocks.1.pattern"], atol=1e-6)
    np.testing.assert_allclose(attention.patterns.sum(-1), 1, atol=1e-5)


def test_gradients_are_slopes(gpt2, ids):
    """What an edit "add" changes for a small amount (central difference), at sites of every shape; what comes after
    cannot matter."""
    found = gpt2.gradient(
        ids[0], 3, 9, position=7, sites=["blocks.1.hook_resid_post", "blocks.0.z", "blocks.2.mlp_post"]
    )
    assert (
        list(found.gradients) == list(found.activations) == ["blocks.1.resid_post", "blocks.0.z", "blocks.2.mlp_post"]
    )
    run = gpt2.run(ids[0], capture=list(found.gradients), logits="all")
    assert abs(found.logit - (run.logits[7, 3] - run.logits[7, 9])) < 1e-4 and (
        found.position,
        found.target,
        found.against,
    ) == (7, 3, 9)
    moved = lambda site, vector, amount: (
        gpt2.run(ids[0][:8], edits=[embscope.Edit(site, "add", vector, amount, positions=[5])], of=[3, 9]).logits
    )
    for site, gradient in found.gradients.items():
        assert gradient.shape == (8, *run[site].shape[1:]) and np.array_equal(found.activations[site], run[site][:8])
        vector = np.random.default_rng(7).standard_normal(gradient[5].shape).astype(np.float32)
        up, down = (float(np.subtract(*moved(site, vector.ravel(), amount))) for amount in (1e-2, -1e-2))
        np.testing.assert_allclose((gradient[5] * vector).sum(), (up - down) / 2e-2, rtol=2e-2, atol=2e-3)


def test_gradients_are_the_command_lines(smollm2):
    found = smollm2.gradient(SENTENCE, " Berlin", " Paris")
    same(found.table, says("attribute", SENTENCE, "--gradient", "--target", " Berlin", "--against", " Paris"))
    assert found.gradients["blocks.3.z"].shape == (5, 9, 64) and found.figure().title and found._repr_mimebundle_()
    alone = smollm2.gradient(SENTENCE, sites="blocks.29.resid_post")
    assert alone.against is None and smollm2.label(alone.target) == smollm2.predict(SENTENCE, 1)["token"][0]


def test_estimated_patches_are_the_command_lines(smollm2):
    pair = (SENTENCE, "The capital of France is")
    answers = ("--target", " Berlin", "--against", " Paris", "--no-heads", "--sites", "resid_pre")
    estimate = smollm2.patch(*pair, " Berlin", " Paris", ["resid_pre"], heads=False, approximate=True)
    same(estimate.grid, said("patch", *pair, *answers, "--approximate")["grid"]["columns"])
    both = smollm2.patch_agreement(*pair, " Berlin", " Paris", ["resid_pre"], heads=False)
    same(both.patches, says("patch", *pair, *answers, "--both"))
    assert (
        np.array_equal(both.patches["estimated"], estimate.grid["restored"])
        and both.sites["patches"].tolist() == [150]
        and both.figure().title
    )


@pytest.mark.parametrize(
    "ask, kind, words",
    [
        (lambda m, ids: m.gradient([], 3), embscope.UsageError, "empty"),
        (lambda m, ids: m.gradient(ids, 3, 3), embscope.UsageError, "itself"),
        (lambda m, ids: m.gradient(ids, 97), embscope.RangeError, "97"),
        (lambda m, ids: m.gradient(ids, 3, position=13), embscope.RangeError, "13"),
        (lambda m, ids: m.gradient(ids, 3, sites="blocks.0.resid_pos"), embscope.NotFoundError, "did you mean"),
        (lambda m, ids: m.patch(ids, ids, 3, 9, approximate=True), embscope.UsageError, "same|agree"),
        (lambda m, ids: m.patch_agreement(ids, ids[:-1], 3, 9), embscope.ShapeError, "12"),
    ],
)
def test_gradients_that_make_no_sense(gpt2, ids, ask, kind, words):
    with pytest.raises(kind, match=words):
        ask(gpt2, ids[0])


def test_edits_steering_and_generation(smollm2):
    found = smollm2.edit(SENTENCE, "wte@' Germany' set ' France'", follow=[" Paris"])
    assert found.divergence > 0.1 and "␣Paris" in found.table["token"]
    seen = []
    text = smollm2.generate(SENTENCE, tokens=5, on_token=lambda id, data, p: seen.append(data))
    assert b"".join(seen).decode() == text and text.startswith(" Berlin")
    assert smollm2.generate(SENTENCE, tokens=5, on_token=lambda *_: False) in text
    steered = smollm2.steer(
        "I think that", "blocks.9.resid_post", [" I love this"], [" I hate this"], strengths=[0, 2], tokens=3
    )
    assert steered.direction.shape == (576,) and steered.table["strength"].tolist() == [0, 2]
    again = smollm2.steer(
        "I think that", "blocks.9.resid_post", direction=steered.direction, strengths=[0, 2], tokens=3
    )
    assert again.table["text"].tolist() == steered.table["text"].tolist()


def test_a_table_is_a_mapping_of_arrays(smollm2):
    table = smollm2.predict(SENTENCE, 3)
    assert list(table) == ["rank", "token", "id", "logit", "probability"] and table.rows == 3 and len(table) == 5
    with pytest.raises(ValueError):
        table["logit"][0] = 0
    with pytest.raises(KeyError, match="there are"):
        table["logits"]
    column = table["logit"]
    del table
    assert np.isfinite(column).all()


def test_a_table_shows_itself_and_becomes_pandas(smollm2):
    table = smollm2.cosines([" a", " </"])
    assert "␣&lt;/" in table._repr_html_() and "␣</" not in table._repr_html_()
    pandas = pytest.importorskip("pandas")
    frame = smollm2.predict(SENTENCE, 3).to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame.shape == (3, 5)
    assert smollm2.predict(SENTENCE, 3).records()[0]["rank"] == 1


def test_figures_show_themselves_save_themselves_and_become_altair(smollm2, tmp_path):
    figure = smollm2.predict(SENTENCE, 3).figure()
    bundle = figure._repr_mimebundle_()
    assert bundle["application/vnd.vegalite.v6+json"] == figure.spec and "vega-lite/v6" in figure.spec["$schema"]
    assert "vega-lite/v5" in bundle["application/vnd.vegalite.v5+json"]["$schema"]
    for ending, start in (("html", b"<!"), ("json", b"{")):
        figure.save(tmp_path / f"f.{ending}")
        assert (tmp_path / f"f.{ending}").read_bytes().lstrip().startswith(start)
    with pytest.raises(embscope.UsageError):
        figure.save(tmp_path / "f.bmp")
    try:
        figure.save(tmp_path / "f.svg")
        assert b"<svg" in (tmp_path / "f.svg").read_bytes()
    except embscope.UnsupportedError as error:
        assert "vl-convert" in str(error)


def test_pictures_are_drawn_by_what_pip_installed_beside_the_module(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "EMBSCOPE_CACHE": str(tmp_path)}
    environment.pop("EMBSCOPE_VL_CONVERT", None)
    save = [sys.executable, "-c", "import embscope; embscope.toy_space().figure().save('toy.svg')"]
    if importlib.util.find_spec("vl_convert") is None:
        done = subprocess.run(save, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.stderr.count("pip install vl-convert-python") == 1 and done.returncode == 1
    (tmp_path / "vl_convert.py").write_text(
        "def get_vegalite_versions(): return ['6']\ndef vegalite_to_svg(spec, vl_version): return '<svg>drawn</svg>'\n"
    )
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    subprocess.run(save, check=True, env=environment, cwd=tmp_path)
    assert (tmp_path / "toy.svg").read_text() == "<svg>drawn</svg>"


def test_figures_become_altair_charts_of_the_class_that_fits(smollm2):
    altair = pytest.importorskip("altair")
    random = embscope.Space.of(
        np.random.default_rng(1).standard_normal((40, 4)).astype(np.float32), [f"w{i}" for i in range(40)]
    )
    kinds = [
        (smollm2.predict(SENTENCE, 3), altair.LayerChart),
        (smollm2.vectors([" a", " b"]), altair.HConcatChart),
        (smollm2.trace(SENTENCE), altair.VConcatChart),
        (smollm2.attention(SENTENCE), altair.FacetChart),
        (smollm2.edit(SENTENCE, "wte@3 zero"), altair.Chart),
        (smollm2.space.categories(), altair.LayerChart),
        (smollm2.layer_similarity(SENTENCE), altair.LayerChart),
        (embscope.compare(random, random), altair.HConcatChart),
        (random.pairs(), altair.LayerChart),
        (random.hubs(3), altair.Chart),
        (embscope.toy_space(), altair.LayerChart),
    ]
    for found, kind in kinds:
        chart = found.figure().to_altair()
        assert type(chart) is kind and chart.to_dict()["$schema"]  # as Altair's own schema wants it


def test_colab_gets_a_page(smollm2, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "google.colab", object())
    page = smollm2.predict(SENTENCE, 3).figure()._repr_mimebundle_()["text/html"]
    assert "vega" in page and 'src="http' not in page


def test_projections_of_tokens(smollm2):
    result = smollm2.tsne(range(1000, 1060), perplexity=10, steps=50, exaggerated_steps=25)
    assert result.points.shape == (60, 2) and len(result.labels) == 60 and result.figure().spec
    assert smollm2.pca([" a", " b", " c"]).points.shape == (3, 2)


def test_the_map_is_a_widget_whose_selection_comes_back(smollm2):
    pytest.importorskip("anywidget")
    view = embscope.Map(np.arange(6, dtype=np.float64).reshape(3, 2), ["a", "b\0", "c"], [7, 8, 9])
    assert np.frombuffer(view.points, np.float32).tolist() == [0, 1, 2, 3, 4, 5]
    view.selection = [2, 1]
    assert view.selected == ["c", "b␀"]
    with pytest.raises(Exception, match="no point 3"):
        view.selection = [3]
    with pytest.raises(embscope.ShapeError, match="2 labels for points of shape 3 x 2"):
        embscope.Map(np.zeros((3, 2)), ["a", "b"])
    source = str(view._esm)
    assert "http://" not in source and "https://" not in source and "import " not in source
