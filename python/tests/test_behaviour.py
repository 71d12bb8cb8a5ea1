"""Threads, fork, Ctrl-C, progress, errors, missing packages."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import embscope
import numpy as np
import pytest
from conftest import REFERENCE, SENTENCE

RANDOM = np.random.default_rng(2).standard_normal((3000, 64)).astype(np.float32)


def test_threads_may_share_a_model(gpt2, ids):
    want = gpt2.run(ids, capture="resid_post", logits="all")
    wrong = []

    def work():
        for _ in range(30):
            got = gpt2.run(ids, capture="resid_post", logits="all")
            if any(not np.array_equal(a[s], b[s]) for a, b in zip(want, got) for s in a):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_model_closed_by_another_thread_finishes_what_it_began(ids):
    model = embscope.load(REFERENCE / "tiny-gpt2")
    want = model.run(ids[0]).logits
    said = []

    def work():
        while True:
            try:
                assert np.array_equal(model.run(ids[0]).logits, want)
            except embscope.UsageError as error:
                said.append(str(error))
                return

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)
    model.close()
    thread.join(30)
    assert len(said) == 1 and "it was closed" in said[0]


def test_other_threads_run_during_work():
    ticks = []

    def tick():
        while not stop.wait(0.005):
            ticks.append(time.monotonic())

    stop = threading.Event()
    thread = threading.Thread(target=tick)
    thread.start()
    embscope.tsne(RANDOM, steps=15, exaggerated_steps=10)
    stop.set()
    thread.join()
    assert len(ticks) > 5 and max(np.diff(ticks)) < 1


def test_a_child_made_by_fork_works(gpt2, ids):
    want = gpt2.run(ids[0]).logits
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b"same" if np.array_equal(gpt2.run(ids[0]).logits, want) else b"differs")
        finally:
            os._exit(0)
    os.close(write)
    deadline = time.monotonic() + 30
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.read(read, 16) == b"same"
    os.close(read)


def interrupted(call):
    """Seconds from a Ctrl-C half a second into `call` to the KeyboardInterrupt."""
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
        return time.monotonic() - sent[0]
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def seconds_until_idle(most):
    """Until the engine's own threads have stopped too."""
    started = time.monotonic()
    while time.monotonic() - started < most:
        before = time.process_time()
        time.sleep(0.1)
        if time.process_time() - before < 0.02:
            return time.monotonic() - started
    return most


@pytest.mark.parametrize(
    "what", ["tsne", "map of all", "neighbours", "run", "generate", "pairs", "geometry", "patch", "train", "extract"]
)
def test_ctrl_c_stops_work_within_a_quarter_of_a_second(what, smollm2, tmp_path):
    (tmp_path / "corpus.txt").write_text((f"{SENTENCE} Berlin. " * 40 + "\n") * 400)
    calls = {
        "tsne": lambda: embscope.tsne(RANDOM, steps=100000),
        "map of all": smollm2.tsne,
        "neighbours": smollm2.neighbours,
        "pairs": smollm2.pairs,
        "geometry": smollm2.geometry,
        "generate": lambda: smollm2.generate(SENTENCE, tokens=5000),
        "run": lambda: smollm2.run([list(range(1000, 2000))] * 30, logits=None, capture="resid_post"),
        "patch": lambda: smollm2.patch(f"{SENTENCE} " * 20, "The capital of France is " * 20, " Berlin", " Paris"),
        "train": lambda: embscope.train(f"{SENTENCE} Berlin. " * 500, tmp_path / f"run{time.monotonic()}", steps=10**6),
        "extract": lambda: smollm2.extract(tmp_path / "corpus.txt", tmp_path / f"out{time.monotonic()}", "resid_post"),
    }
    waits = [interrupted(calls[what])]
    if waits[0] > 0.25:  # a busy machine may be late once
        waits.append(interrupted(calls[what]))
    assert min(waits) < 0.25, waits
    assert seconds_until_idle(20) < 10  # at the next block, batch or step; not at the end
    assert np.isfinite(smollm2.run(SENTENCE).logits).all()


def test_progress_is_told_and_may_stop(capsys):
    seen = []
    embscope.tsne(RANDOM[:600], steps=150, progress=lambda fraction, what: seen.append((fraction, what)))
    assert seen == sorted(seen, key=lambda one: one[0])
    assert all(0 <= fraction <= 1 and what for fraction, what in seen)
    with pytest.raises(embscope.CancelledError):
        embscope.tsne(RANDOM, steps=100000, progress=lambda fraction, what: False)
    with pytest.raises(ZeroDivisionError):
        embscope.tsne(RANDOM, steps=100000, progress=lambda fraction, what: 1 / 0)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_line_of_progress_that_goes_away(monkeypatch, capsys):
    monkeypatch.setattr(embscope.progress, "_PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(embscope.progress, "_in_notebook", lambda: False)
    with embscope.progress.shown(None) as line:
        line(0.5, "half")
    assert capsys.readouterr().err == "\r\x1b[K############............  50 %  half\r\x1b[K"


def test_errors_name_what_python_has():
    """The engine says what to do in the command line's words; here options are arguments. A command in quotes is
    one."""
    words = lambda message: embscope.errors.made("usage", "x", message).message
    assert words("give a smaller --context, or --part-tokens") == "give a smaller context, or part_tokens"
    assert words("--resume goes on with it") == "embscope.resume goes on with it"
    assert words("'embscope train TEXT --out FOLDER' makes one") == "'embscope train TEXT --out FOLDER' makes one"


@pytest.mark.parametrize(
    "ask, kind, words",
    [
        (lambda m: m.embed(1.5), embscope.UsageError, "1.5 is not a token id"),
        (lambda m: m.embed([" a", 1.5]), embscope.UsageError, "1.5 is not a token id"),
        (lambda m: m.embed(2**40), embscope.RangeError, "is not a token id"),
        (lambda m: m.embed(49152), embscope.RangeError, "0..49151"),
        (lambda m: m.label(49152), embscope.RangeError, "the vocabulary has ids 0..49151"),
        (lambda m: m.label(-1), embscope.RangeError, "0..49151"),
        (lambda m: m.generate([1, 2]), embscope.UsageError, "a list is not text: give a str"),
        (lambda m: m.tokens(None), embscope.UsageError, "is not text"),
        (lambda m: m.run("a", of=[1.5]), embscope.UsageError, "1.5 is not a token id"),
        (
            lambda m: embscope.Edit("wte", "zero", positions="a"),
            embscope.UsageError,
            "positions, heads, rows and dimensions are lists of whole numbers",
        ),
        (lambda m: embscope.train(b"bytes", "/nowhere"), embscope.UsageError, "the text is a bytes, needs a str"),
        (
            lambda m: embscope.load("/nowhere/model"),
            embscope.NotFoundError,
            "no such file or folder, and the cache has [^;]*$",
        ),
    ],
)
def test_values_of_another_kind(smollm2, ask, kind, words):
    with pytest.raises(kind, match=words):
        ask(smollm2)


def test_errors_have_their_kind_place_and_words(tmp_path):
    with pytest.raises(embscope.NotFoundError) as caught:
        embscope.load(tmp_path / "nothing")
    assert isinstance(caught.value, KeyError) and caught.value.code == "not_found"
    assert str(caught.value) == f"[{caught.value.where}] {caught.value.message}"
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is embscope.NotFoundError and str(again) == str(caught.value)
    (tmp_path / "x.gguf").write_bytes(b"GGUF\0\0\0")
    with pytest.raises(embscope.FormatError, match="x.gguf"):
        embscope.load(tmp_path / "x.gguf")
    assert issubclass(embscope.InputOutputError, OSError) and issubclass(embscope.RangeError, IndexError)


@pytest.mark.parametrize(
    "package, call",
    [
        ("pandas", lambda table: table.to_pandas()),
        ("altair", lambda table: table.figure().to_altair()),
        ("anywidget", lambda table: embscope.Map(np.zeros((1, 2)), ["a"])),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(package, call, monkeypatch, smollm2):
    table = smollm2.predict(SENTENCE, 3)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(embscope.widget, "_class", None)
    with pytest.raises(ImportError, match=rf"needs {package}, which is not installed: pip install '{package}'"):
        call(table)


def test_a_part_of_a_missing_package_is_named_by_what_is_installed(monkeypatch):
    for part, install in (("ray.data", "ray[data]"), ("pyarrow.parquet", "pyarrow")):
        monkeypatch.setitem(sys.modules, part, None)
        with pytest.raises(embscope.MissingDependencyError) as caught:
            embscope.errors.needs(part, "embscope.ray")
        assert str(caught.value) == f"[embscope.ray] needs {part}, which is not installed: pip install '{install}'"


def test_importing_is_quick_and_prints_nothing():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, embscope; print(sorted({'pandas', 'altair', 'IPython', 'torch', 'ray'} & set(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


def test_the_number_of_threads_changes_no_bit(gpt2, ids):
    before = embscope.threads()
    want = gpt2.run(ids[0], logits="all").logits
    try:
        embscope.set_threads(1)
        assert np.array_equal(gpt2.run(ids[0], logits="all").logits, want)
        with pytest.raises(embscope.RangeError):
            embscope.set_threads(0)
    finally:
        embscope.set_threads(before)
