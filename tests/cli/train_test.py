"""train, train-tokenizer and growth as programs: what they leave behind, killed at any moment, on a full disk, with bad
input."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import experiments
from limits import full_disk

PROGRAM = os.environ["EMBSCOPE"]
SMALL = [*experiments.SMALL, "--rate", "0.005"]
TEXT = "".join("the cat sat on the mat. " if i % 3 == 0 else "a dog ran to the hill. " for i in range(80))


def embscope(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


class Train(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.text = self.path / "text.txt"
        self.text.write_text(TEXT)

    def train(self, out, *more, **options):
        small = [part for name, value in zip(SMALL[::2], SMALL[1::2]) if name not in more for part in (name, value)]
        return embscope("train", self.text, "--out", self.path / out, *small, *more, **options)

    def same_run(self, a, b):
        for file in ("model.safetensors", "training/state.safetensors", "training/log.csv"):
            self.assertEqual((self.path / a / file).read_bytes(), (self.path / b / file).read_bytes(), file)

    def test_a_model_comes_out_that_the_other_commands_open(self):
        done = self.train("run", "--steps", 40, "--evaluate-every", 20, "--save", self.path / "loss.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"step 20/40  loss \d\.\d+  held-out \d\.\d+  \d+ tokens/s  \d+ s left")
        self.assertIn("Loss while training", (self.path / "loss.json").read_text())
        generated = embscope("generate", "-m", self.path / "run", "the cat", "-n", 5)
        self.assertEqual(generated.returncode, 0, generated.stderr)
        grown = embscope(
            "growth",
            self.path / "run",
            "--words",
            "c",
            "--method",
            "pca",
            "--json",
            "--save",
            self.path / "growth.html",
            "--frames",
            self.path / "frames",
        )
        self.assertEqual(grown.returncode, 0, grown.stderr)
        columns = json.loads(grown.stdout)["columns"]
        self.assertEqual(columns["step"], [0, 1, 2, 5, 10, 20, 40])
        self.assertLess(columns["norm"][0], columns["norm"][-1])
        self.assertIn("The map", (self.path / "growth.html").read_text())
        self.assertEqual(len(list((self.path / "frames").iterdir())), 7)

    def test_killed_at_any_moment_and_resumed_it_gives_the_same_bits(self):
        steps = ("--steps", 400, "--checkpoint-every", 3, "--dropout", "0.1")
        straight = self.train("straight", *steps)
        self.assertEqual(straight.returncode, 0, straight.stderr)
        command = [PROGRAM, "train", self.text, "--out", self.path / "killed", *SMALL, *map(str, steps), "--quiet"]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        state = self.path / "killed/training/run.json"
        for _ in range(4):  # at whatever moment: in a step, or while a file is written
            while not state.exists() and run.poll() is None:
                time.sleep(0.01)
            time.sleep(0.15)
            run.send_signal(signal.SIGKILL)
            run.communicate()
            run = subprocess.Popen(
                [PROGRAM, "train", "--resume", "--out", self.path / "killed", "--quiet"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        said = run.communicate()[1]
        self.assertEqual(run.returncode, 0, said)
        self.same_run("killed", "straight")

    def test_two_seeds_make_two_models(self):
        done = self.train("seeds", "--steps", 5, "--seeds", 1, 2, "--csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[0], "seed,folder,loss,held-out")
        one, two = ((self.path / f"seeds/seed-{seed}/model.safetensors").read_bytes() for seed in (1, 2))
        self.assertNotEqual(one, two)

    def test_a_vocabulary_of_ones_own(self):
        made = embscope("train-tokenizer", self.text, "--size", 270, "--to", self.path / "words")
        self.assertEqual(made.returncode, 0, made.stderr)
        done = self.train("run", "--steps", 3, "--tokens", self.path / "words")
        self.assertEqual(done.returncode, 0, done.stderr)
        tokens = embscope("tokens", "-m", self.path / "run", "the cat", "--json")
        self.assertEqual(tokens.returncode, 0, tokens.stderr)

    def test_a_full_disk_at_the_first_checkpoint_leaves_nothing_half(self):
        self.assertEqual(self.train("run", "--steps", 6, "--checkpoint-every", 2).returncode, 0)
        size = (self.path / "run/training/state.safetensors").stat().st_size
        done = self.train("full", "--steps", 6, "--checkpoint-every", 2, **full_disk(size // 2))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^embscope: \[.*state\.safetensors\] cannot write: ")
        self.assertEqual([f for f in (self.path / "full").rglob("*.tmp-*")], [])

    def test_a_full_disk_at_a_later_checkpoint_keeps_the_one_before_and_the_run_goes_on_when_there_is_room(self):
        steps = ("--steps", 600, "--checkpoint-every", 2)
        self.assertEqual(self.train("straight", *steps).returncode, 0)
        state = self.path / "full/training/state.safetensors"
        command = [PROGRAM, "train", self.text, "--out", self.path / "full", *SMALL, *map(str, steps), "--quiet"]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not (self.path / "full/training/run.json").exists() and run.poll() is None:
            time.sleep(0.005)
        size = state.stat().st_size
        resource.prlimit(
            run.pid, resource.RLIMIT_FSIZE, (size // 2, size // 2)
        )  # from now on a write fails, as on a full disk
        said = run.communicate()[1]
        self.assertEqual(run.returncode, 1, said)
        self.assertRegex(said, r"^embscope: \[.*\] cannot write: ")
        self.assertEqual([f for f in (self.path / "full").rglob("*.tmp-*")], [])
        self.assertEqual(
            embscope("generate", "-m", self.path / "full", "the", "-n", 2).returncode, 0
        )  # the model of the checkpoint before
        self.assertEqual(embscope("train", "--resume", "--out", self.path / "full", "--quiet").returncode, 0)
        self.same_run("full", "straight")

    def test_a_loss_that_is_no_number_stops_it_and_says_where_it_came_from(self):
        done = self.train(
            "run",
            "--steps",
            50,
            "--checkpoint-every",
            1,
            "--rate",
            "1e30",
            "--least-rate",
            0,
            "--warmup",
            0,
            "--clip",
            0,
        )
        self.assertEqual(done.returncode, 1)
        self.assertRegex(
            done.stderr.splitlines()[-1],
            r"the loss is no longer a finite number at step \d+; first in the .*\. The checkpoint of step \d+ is kept in ",
        )
        self.assertEqual(embscope("info", "-m", self.path / "run").returncode, 0)

    def test_the_checkpoint_of_another_configuration_is_refused(self):
        self.assertEqual(self.train("run", "--steps", 2).returncode, 0)
        for name, more in (("wider", ("--width", 32)), ("deeper", ("--layers", 3)), ("heads", ("--heads", 4))):
            self.assertEqual(self.train(name, "--steps", 2, *more).returncode, 0)
            shutil.copy(self.path / name / "training/state.safetensors", self.path / "run/training/state.safetensors")
            done = embscope("train", "--resume", "--out", self.path / "run")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("the state of another model", done.stderr)

    def test_goes_on_from_a_model_with_dropout_and_accumulation(self):
        self.assertEqual(self.train("first", "--steps", 60).returncode, 0)
        more = self.train(
            "second",
            "--from",
            self.path / "first",
            "--steps",
            6,
            "--accumulate",
            3,
            "--dropout",
            "0.1",
            "--warmup",
            0,
            "--json",
        )
        self.assertEqual(more.returncode, 0, more.stderr)
        self.assertLess(json.loads(more.stdout)["columns"]["loss"][0], 2.0)  # not the 2.8 of random weights
        self.text.write_text("Ω" * 40 + TEXT)
        other = self.train("third", "--from", self.path / "first", "--steps", 2)
        self.assertEqual(other.returncode, 1)
        self.assertIn("the vocabulary does not fit this text", other.stderr)

    def test_bad_input_gets_one_line(self):
        binary = self.path / "binary"
        binary.write_bytes(bytes(range(256)) * 8)
        short = self.path / "short"
        short.write_text("abc")
        empty = self.path / "empty"
        empty.write_text("")
        for arguments, status, says in (
            (["train", empty, "--out", self.path / "a"], 2, "empty"),
            (["train", short, "--out", self.path / "a"], 2, "a context of 64 needs at least 65"),
            (["train", binary, "--out", self.path / "a"], 1, "--tokens bytes trains on any bytes"),
            (["train", self.text, "--out", self.path / "a", "--width", 10], 2, "does not divide"),
            (["train", "--out", self.path / "a"], 2, "a text is needed"),
            (["train", "--resume", "--out", self.path / "a"], 1, "no run to go on with"),
            (["train", "--resume", "--out", self.path / "a", "--width", 8], 2, "--width with --resume"),
            (["train", self.path / "none", "--out", self.path / "a"], 1, "none"),
            (["train-tokenizer", self.text, "--size", 5, "--to", self.path / "a"], 2, "choose 256"),
            (["growth", self.path], 1, "holds no model.safetensors"),
        ):
            done = embscope(*arguments)
            self.assertEqual(done.returncode, status, f"{arguments}: {done.stderr}")
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(says, done.stderr)
        self.assertEqual(
            embscope("train", binary, "--out", self.path / "b", *SMALL, "--tokens", "bytes", "--steps", 2).returncode, 0
        )


if __name__ == "__main__":
    unittest.main()
