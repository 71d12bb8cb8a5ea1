"""embscope extract against what befalls long work: kill -9, a full disk, another run's folder, a second process."""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import string
import subprocess
import tempfile
import time
import unittest

from limits import full_disk

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference"


class Extract(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.model = self.root / "model"
        shutil.copytree(DATA / "tiny-gpt2", self.model)
        characters = string.ascii_letters + string.digits + ".,!'\u0120"
        (self.model / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(characters)}))
        (self.model / "merges.txt").write_text("#version: 0.2\n")
        self.corpus = self.root / "corpus.txt"
        self.corpus.write_text("".join(f"text number {i} of this corpus\n" for i in range(1500)))

    def command(self, to, *more):
        return [
            EMBSCOPE,
            "extract",
            str(self.corpus),
            "--at",
            "blocks.0.resid_post",
            "blocks.1.z",
            "--to",
            str(self.root / to),
            "-m",
            str(self.model),
            "--part-tokens",
            "200",
            "--threads",
            "1",
            "--json",
            *more,
        ]

    def run_it(self, to, *more, **options):
        return subprocess.run(self.command(to, *more), capture_output=True, text=True, timeout=120, **options)

    def columns(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return {name: values[0] for name, values in json.loads(done.stdout)["columns"].items()}

    def digests(self, to):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((self.root / to).iterdir())}

    def test_killed_again_and_again_nothing_is_lost_and_nothing_twice(self):
        whole = self.columns(self.run_it("whole"))
        self.assertEqual(whole["documents"], 1500)
        kills = 0
        for wait in (0.05, 0.1, 0.15, 0.2, 0.1, 0.3):
            process = subprocess.Popen(self.command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(wait)
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        self.assertGreater(kills, 0)
        last = self.columns(self.run_it("killed"))
        self.assertEqual({**last, "tokens_before": 0}, whole)
        self.assertEqual(self.digests("killed"), self.digests("whole"))  # the manifest too, and nothing left over

    def test_a_full_disk_half_way(self):
        self.columns(self.run_it("whole"))
        small = min(path.stat().st_size for path in (self.root / "whole").glob("*.safetensors"))
        full = self.run_it("full", **full_disk(small - 1))
        self.assertEqual((full.returncode, len(full.stderr.splitlines())), (1, 1), full.stderr)
        self.assertIn("cannot write: File too large", full.stderr)
        self.assertEqual(list((self.root / "full").glob("*.tmp-*")), [])
        self.columns(self.run_it("full"))
        self.assertEqual(self.digests("full"), self.digests("whole"))

    def test_one_process_at_a_time(self):
        first = subprocess.Popen(self.command("busy"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (self.root / "busy" / "manifest.json").exists():
            self.assertIsNone(first.poll(), "ended before it began")
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)
        second = self.run_it("busy")
        first.send_signal(signal.SIGCONT)
        self.assertEqual(second.returncode, 2, second.stderr)
        self.assertIn("another process is extracting into this folder", second.stderr)
        self.assertEqual(first.wait(), 0)

    def test_mistakes_get_one_line(self):
        (self.root / "mine").mkdir()
        (self.root / "mine" / "thesis.tex").write_text("mine")
        (self.root / "file").write_text("")
        bad = self.root / "bad.txt"
        bad.write_bytes(b"good\nbad \xff\n")
        cases = [
            (["--shard", "8/8"], 1, "shard 8/8: there are shards 0 to 7"),
            (["--shard", "1-8"], 2, "expected i/N"),
            (["--dtype", "fp8"], 2, "fp8"),
            (["--at", "blocks.9.z"], 1, "blocks.9.z"),
            (["--at", "blocks.0.pattern"], 2, "each pair of positions"),
            (["--to", str(self.root / "mine")], 2, "holds no extraction"),
            (["--to", str(self.root / "file")], 1, "cannot be made: Not a directory"),
        ]
        for more, status, says in cases:
            command = self.command("new")
            for option, value in zip(more[::2], more[1::2]):
                if option in command:
                    at = command.index(option)
                    end = next(i for i in range(at + 1, len(command)) if command[i].startswith("-"))
                    command[at:end] = []
                command += [option, value]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (status, 1), (more, done.stderr))
            self.assertIn(says, done.stderr)
        self.corpus = bad
        self.assertIn("bad.txt line 2] byte 4 is 0xFF, which is not UTF-8", self.run_it("bad").stderr)
        self.corpus = self.root / "absent.txt"
        self.assertEqual(self.run_it("absent").returncode, 1)


if __name__ == "__main__":
    unittest.main()
