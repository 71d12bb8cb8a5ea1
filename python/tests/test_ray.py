"""Extraction: shards by themselves (pyarrow alone), then by two workers of a local Ray, one of which is killed in the
middle."""

import json
import os
import pathlib
import signal
import threading
import time

import embscope
import numpy as np
import pytest
from conftest import SENTENCE
from embscope import ray as extraction

SITES = ["blocks.3.resid_post", "blocks.0.z"]


@pytest.fixture
def corpus(tmp_path):
    lines = [f"{SENTENCE} number {i}, and {'so on ' * (i % 7)}" for i in range(40)]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    return path, lines


def shard(model, corpus, folder, number=0, shards=1, part_tokens=64):
    folder.mkdir(exist_ok=True)
    run = extraction.describe(model, corpus, SITES, shards=shards, part_tokens=part_tokens)
    return extraction.Shard(model, corpus, folder, run, number, 1024)


def rows(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    return [row for path in sorted(folder.glob("*.parquet")) for row in parquet.read_table(path).to_pylist()]


def tensor(path, name):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8 : 8 + size])[name]
    begin, end = entry["data_offsets"]
    return np.frombuffer(
        data[8 + size + begin : 8 + size + end], {"F32": np.float32, "I64": np.int64}[entry["dtype"]]
    ).reshape(entry["shape"])


def test_a_shard_holds_what_runs_give_and_goes_on_where_it_stopped(corpus, tmp_path, smollm2):
    pytest.importorskip("pyarrow")
    path, lines = corpus
    whole = shard(smollm2, path, tmp_path / "whole")
    done = whole.extract()
    assert done["parts"] > 2 and done["tokens"] == sum(len(smollm2.tokens(line)) for line in lines)
    found = rows(tmp_path / "whole")
    assert [r["document"] for r in found] == sorted(r["document"] for r in found)
    seventh = [r for r in found if r["document"] == 7]
    run = smollm2.run(lines[7], capture=SITES)
    assert np.array_equal([r["blocks.3.resid_post"] for r in seventh], run["blocks.3.resid_post"])
    assert np.array_equal([r["blocks.0.z"] for r in seventh], run["blocks.0.z"].reshape(len(seventh), -1))
    assert "".join(lines[7].encode()[r["begin"] : r["end"]].decode() for r in seventh) == lines[7]
    bytes_of = {p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()}
    for part in list((tmp_path / "whole").glob("*.parquet"))[
        1:
    ]:  # a part that is gone is made again, with those behind it
        part.unlink()
    again = shard(smollm2, path, tmp_path / "whole").extract()
    assert again["tokens"] == done["tokens"] and again["tokens_before"] < done["tokens"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()} == bytes_of


def test_shards_share_the_documents(corpus, tmp_path, smollm2):
    pytest.importorskip("pyarrow")
    for number in range(3):
        shard(smollm2, corpus[0], tmp_path / "three", number, 3).extract()
    found = rows(tmp_path / "three")
    assert sorted({r["document"] for r in found}) == list(range(40))
    assert len(found) == sum(len(smollm2.tokens(line)) for line in corpus[1])


def test_what_cannot_be_extracted_is_told(corpus, tmp_path, smollm2):
    with pytest.raises(embscope.UsageError, match="blocks.0.pattern' has no vector"):
        extraction.describe(smollm2, corpus[0], ["blocks.0.pattern"])
    with pytest.raises(embscope.UsageError, match="choose fp32 or fp16"):
        extraction.describe(smollm2, corpus[0], SITES, dtype="fp8")
    with pytest.raises(embscope.NotFoundError, match="no such file"):
        extraction.describe(smollm2, tmp_path / "none", SITES)
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n{"txt": 3}\n')
    with pytest.raises(embscope.FormatError, match="bad.jsonl, line 2"):
        list(shard(smollm2, tmp_path / "bad.jsonl", tmp_path / "bad").windows({"line": 0, "byte": 0, "window": 0}))
    pytest.importorskip("pyarrow")
    shard(smollm2, corpus[0], tmp_path / "out").extract()
    with pytest.raises(embscope.UsageError, match="holds another extraction: part_tokens differ"):
        shard(smollm2, corpus[0], tmp_path / "out", part_tokens=65).extract()


def test_the_manifest_is_the_command_lines(corpus, tmp_path, smollm2):
    """Field by field; what differs is the container, and with it the bytes of the files."""
    pytest.importorskip("pyarrow")
    done = smollm2.extract(corpus[0], tmp_path / "ours", SITES, shard=1, shards=3, part_tokens=64)
    shard(smollm2, corpus[0], tmp_path / "theirs", 1, 3).extract()
    name = "manifest-1-of-3.json"
    ours, theirs = (json.loads((tmp_path / folder / name).read_text()) for folder in ("ours", "theirs"))
    assert theirs["run"].pop("container") == "parquet" and theirs["run"] == ours["run"]
    assert list(theirs) == list(ours) and theirs["complete"] and ours["complete"]
    without = lambda part: {**part, "file": part["file"].split(".")[0], "bytes": None}
    assert [without(part) for part in theirs["parts"]] == [without(part) for part in ours["parts"]] and len(
        ours["parts"]
    ) == done["parts"]


@pytest.mark.parametrize("bos", [False, True])
def test_rows_are_the_command_lines_past_the_context_too(tmp_path, bos):
    """A long document has windows; a beginning-of-text token, where the tokenizer asks for one, stands before each."""
    pytest.importorskip("pyarrow")
    embscope.train(
        "a long document, end\n" * 20, tmp_path / "model", steps=1, layers=2, heads=2, width=16, context=16, batch=1
    )
    if bos:
        tokenizer = json.loads((tmp_path / "model/tokenizer.json").read_text())
        tokenizer["added_tokens"] = [{"id": tokenizer["model"]["vocab"]["e"], "content": "e", "special": True}]
        (tmp_path / "model/tokenizer.json").write_text(json.dumps(tokenizer))
        (tmp_path / "model/tokenizer_config.json").write_text('{"add_bos_token": true, "bos_token": "e"}')
    (tmp_path / "c.txt").write_text("on\n" + "a long document " * 5 + "\n\nend\n")
    sites = ["blocks.1.resid_post"]
    with embscope.load(tmp_path / "model") as model:
        assert (model.tokens("on").ids[0] == model.token("e")) == bos
        model.extract(tmp_path / "c.txt", tmp_path / "ours", sites, part_tokens=30)
        (tmp_path / "theirs").mkdir()
        run = extraction.describe(model, tmp_path / "c.txt", sites, part_tokens=30)
        extraction.Shard(model, tmp_path / "c.txt", tmp_path / "theirs", run, 0, 1024).extract()
    found, parts = rows(tmp_path / "theirs"), sorted((tmp_path / "ours").glob("*.safetensors"))
    for name in ("token_ids", "document", "position", "begin", "end", *sites):
        want = np.concatenate([tensor(part, name) for part in parts])
        assert np.array_equal(np.array([row[name] for row in found], want.dtype), want), name
    assert max(row["position"] for row in found) == 15 and len(parts) > 2


def test_without_ray_the_command_that_installs_it_is_said(corpus, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(embscope.MissingDependencyError, match=r"pip install 'ray\[data\]'"):
        extraction.extract(corpus[0], tmp_path / "out", SITES)


def worker_processes():
    """Processes of Ray that hold an open model."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if "_Worker" in (entry / "cmdline").read_text() and "smollm2" in (entry / "maps").read_text():
                    yield int(entry.name)
            except OSError:
                continue


def test_two_workers_of_a_local_ray_one_of_them_killed(corpus, tmp_path, smollm2):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    path, lines = corpus
    path.write_text(path.read_text() * 6)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(pathlib.Path(embscope.__file__).parents[1])}},
    )
    killed = []

    def kill():
        while not killed and not stop.is_set():
            if list((tmp_path / "out").glob("*.parquet")):
                for process in worker_processes():
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
                    return
            time.sleep(0.02)

    stop = threading.Event()
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        done = extraction.extract(path, tmp_path / "out", SITES, shards=4, part_tokens=512)
    finally:
        stop.set()
        thread.join()
        ray.shutdown()
    assert killed
    assert sum(one["tokens"] for one in done) == 6 * sum(len(smollm2.tokens(line)) for line in lines)
    alone = tmp_path / "alone"
    for number in range(4):
        shard(smollm2, path, alone, number, 4, 512).extract()
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {
        p.name: p.read_bytes() for p in alone.iterdir()
    }
