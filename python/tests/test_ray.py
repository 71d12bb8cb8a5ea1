"""Extraction: shards by themselves (pyarrow alone), then by two workers of a local Ray, one of which is killed in the middle."""
import json
import os
import pathlib
import signal
import threading
import time

import numpy as np
import pytest

import embscope
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
    return extraction.Shard(model, corpus, folder, run, number, 256)


def rows(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    return [row for path in sorted(folder.glob("*.parquet")) for row in parquet.read_table(path).to_pylist()]


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
    assert "".join(lines[7].encode()[r["begin"]:r["end"]].decode() for r in seventh) == lines[7]
    bytes_of = {p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()}
    for part in list((tmp_path / "whole").glob("*.parquet"))[1:]:  # a part that is gone is made again, with those behind it
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
    with pytest.raises(embscope.UsageError, match="choose F32 or F16"):
        extraction.describe(smollm2, corpus[0], SITES, dtype="F8")
    with pytest.raises(embscope.NotFoundError, match="no such file"):
        extraction.describe(smollm2, tmp_path / "none", SITES)
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n{"txt": 3}\n')
    with pytest.raises(embscope.FormatError, match="bad.jsonl, line 2"):
        list(shard(smollm2, tmp_path / "bad.jsonl", tmp_path / "bad").windows({"line": 0, "byte": 0, "window": 0}))
    pytest.importorskip("pyarrow")
    shard(smollm2, corpus[0], tmp_path / "out").extract()
    with pytest.raises(embscope.UsageError, match="holds another extraction: part_tokens differ"):
        shard(smollm2, corpus[0], tmp_path / "out", part_tokens=65).extract()


def test_without_ray_the_command_that_installs_it_is_said(corpus, tmp_path, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(embscope.MissingDependencyError, match=r"pip install 'ray\[data\]'"):
        extraction.extract("smollm2", corpus[0], tmp_path / "out", SITES)


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
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False,
             runtime_env={"env_vars": {"PYTHONPATH": str(pathlib.Path(embscope.__file__).parents[1])}})
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
        done = extraction.extract("smollm2", path, tmp_path / "out", SITES, shards=4, part_tokens=512)
    finally:
        stop.set()
        thread.join()
        ray.shutdown()
    assert killed
    assert sum(one["tokens"] for one in done) == 6 * sum(len(smollm2.tokens(line)) for line in lines)
    alone = tmp_path / "alone"
    for number in range(4):
        shard(smollm2, path, alone, number, 4, 512)
        run = extraction.describe(smollm2, path, SITES, shards=4, part_tokens=512)
        extraction.Shard(smollm2, path, alone, run, number, 1024).extract()
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {p.name: p.read_bytes() for p in alone.iterdir()}
