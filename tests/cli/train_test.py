"""train, train-tokenizer and growth as programs: what they leave behind, killed at any moment, on a full disk, with bad input."""
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["EMBSCOPE"]
TEXT = "".join("the cat sat on the mat. " if i % 3 == 0 else "a dog ran to the hill. " for i in range(80))
SMALL = ["--layers", "2", "--heads", "2", "--width", "16", "--context", "16", "--batch", "4", "--warmup", "5", "--rate", "0.005",
         "--sample-tokens", "0"]


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
        return embscope("train", self.text, "--out", self.path / out, *SMALL, *more, **options)

    def test_a_model_comes_out_that_the_other_commands_open(self):
        done = self.train("run", "--steps", 40, "--evaluate-every", 20, "--save", self.path / "loss.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"step 20/40  loss \d\.\d+  held-out \d\.\d+  \d+ tokens/s  \d+ s left")
        self.assertIn("Loss while training", (self.path / "loss.json").read_text())
        generated = embscope("generate", "-m", self.path / "run", "the cat", "-n", 5)
        self.assertEqual(generated.returncode, 0, generated.stderr)
        grown = embscope("growth", self.path / "run", "--words", "c", "--method", "pca", "--json", "--save", self.path / "growth.html",
                         "--frames", self.path / "frames")
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
            run = subprocess.Popen([PROGRAM, "train", "--resume", "--out", self.path / "killed", "--quiet"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        said = run.communicate()[1]
        self.assertEqual(run.returncode, 0, said)
        for file in ("model.safetensors", "training/state.safetensors", "training/log.csv"):
            self.assertEqual((self.path / "killed" / file).read_bytes(), (self.path / "straight" / file).read_bytes(), file)

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

    def test_a_full_disk_leaves_the_checkpoint_before(self):
        self.assertEqual(self.train("run", "--steps", 6, "--checkpoint-every", 2).returncode, 0)
        size = (self.path / "run/training/state.safetensors").stat().st_size

        def full():  # a write beyond this size fails, as on a full disk
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
        done = self.train("full", "--steps", 6, "--checkpoint-every", 2, preexec_fn=full)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^embscope: \[.*state\.safetensors\] cannot write: ")
        self.assertEqual([f for f in (self.path / "full").rglob("*.tmp-*")], [])

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
                (["growth", self.path], 1, "holds no model.safetensors")):
            done = embscope(*arguments)
            self.assertEqual(done.returncode, status, f"{arguments}: {done.stderr}")
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(says, done.stderr)
        self.assertEqual(embscope("train", binary, "--out", self.path / "b", *SMALL, "--tokens", "bytes", "--steps", 2).returncode, 0)


if __name__ == "__main__":
    unittest.main()
