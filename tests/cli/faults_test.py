"""Processes that are killed, disks that are full, folders that may not be written, memory that runs out: the old file
or the new one, one clear line, and the next run goes on. EMBSCOPE_KILLS=100 kills a hundred times each (3
otherwise)."""

import json
import os
import pathlib
import random
import resource
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import time
import unittest

import pull_test
from experiments import SMALL, captured
from limits import full_disk, limited

EMBSCOPE = os.environ["EMBSCOPE"]
TINY = pathlib.Path(__file__).parent.parent / "data/reference"
KILLS = int(os.environ.get("EMBSCOPE_KILLS", "3"))
SANITIZED = "EMBSCOPE_SANITIZED" in os.environ  # sanitizers reserve terabytes of addresses: no limit on those


class Killed(unittest.TestCase):
    """kill -9 at a random moment of a command, many times over."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = random.Random(7)

    def seconds(self, *command, **environment):
        start = time.monotonic()
        done = subprocess.run([EMBSCOPE, *command], capture_output=True, timeout=600, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return time.monotonic() - start

    def kill(self, whole, *command, **environment):
        """Runs the command and kills it somewhere within `whole` seconds. Returns whether it was still running."""
        process = subprocess.Popen(
            [EMBSCOPE, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        time.sleep(self.random.uniform(0, whole))
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL

    def every_file(self, folder, check, *command):
        """What lies in the folder after each kill is whole by `check`, whether old files were there or not."""
        whole = self.seconds(*command)
        good = contents(folder)
        self.assertTrue(good)
        killed = 0
        while killed < KILLS:
            if self.random.random() < 0.5:
                shutil.rmtree(folder)
                folder.mkdir()
            killed += self.kill(whole, *command)
            for name, content in contents(folder).items():
                if ".tmp-" not in name.name:
                    check(name, content, good)
        self.seconds(*command)
        for name, content in contents(folder).items():
            check(name, content, good)
        self.assertEqual(contents(folder).keys(), good.keys())
        report(self, killed)

    def goes_on(self, folder, start, again, begun, part=lambda: None, **environment):
        """Killed again and again, each run goes on where the last one ended: in the end there is what an undisturbed
        run leaves. `again` is the command once `begun()`; `part` checks what a killed run has left."""
        whole = self.seconds(*start, **environment)
        good = contents(folder)
        killed = ended = 0
        while killed < KILLS:
            shutil.rmtree(folder)
            command = start
            while self.kill(whole, *command, **environment):
                killed += 1
                part()
                command = again if begun() else start
            self.assertEqual(contents(folder), good)
            ended += 1
        report(self, killed, ended)

    def same(self, name, content, good):
        self.assertEqual(content, good[name], name)

    def test_run(self):
        out = self.folder / "out"
        out.mkdir()
        self.every_file(out, self.same, *captured(TINY / "tiny-gpt2", out / "out.safetensors"))

    def test_map_save(self):
        out = self.folder / "out"
        out.mkdir()
        self.every_file(out, self.same, "map", "--tokens", "0:120", "--steps", "250", "--save", str(out / "map.json"))

    def test_tour(self):
        def whole(name, content, _):  # the report holds times: its end shows that it is whole
            if name.suffix == ".json":
                json.loads(content)
            else:
                self.assertTrue(content.rstrip().endswith(b"</html>"), name)

        self.every_file(self.folder / "tour", whole, "tour", "--quick", "--to", str(self.folder / "tour"))

    def test_extract(self):
        model, corpus, out = self.folder / "model", self.folder / "corpus.txt", self.folder / "out"
        shutil.copytree(TINY / "tiny-gpt2", model)
        characters = string.ascii_letters + string.digits + ".,!'\u0120"
        (model / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(characters)}))
        (model / "merges.txt").write_text("#version: 0.2\n")
        corpus.write_text("".join(f"text number {i} of this corpus\n" for i in range(1500)))
        command = [
            "extract",
            str(corpus),
            "--at",
            "blocks.0.resid_post",
            "blocks.1.z",
            "--to",
            str(out),
            "-m",
            str(model),
            "--part-tokens",
            "200",
        ]
        self.goes_on(out, command, command, lambda: True)

    def test_train(self):
        """Killed in a step, while a checkpoint is written, before there is one: going on gives the bits of a run that
        never was."""
        text, out = self.folder / "text.txt", self.folder / "out"
        text.write_text("the cat sat on the mat. a dog ran to the hill. " * 60)
        start = [
            "train",
            str(text),
            "--out",
            str(out),
            *SMALL,
            "--steps",
            "300",
            "--checkpoint-every",
            "3",
            "--dropout",
            "0.1",
            "--quiet",
        ]
        self.goes_on(
            out, start, ["train", "--resume", "--out", str(out), "--quiet"], (out / "training/run.json").exists
        )

    def test_pull(self):
        server = pull_test.Server(SlowHub)
        pull_test.threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        cache = self.folder / "cache"
        model = cache / "models/owner--tiny"

        def part():
            for name, content in pull_test.FILES.items():
                if (model / name).exists():
                    self.assertEqual((model / name).read_bytes(), content, name)

        self.goes_on(
            cache,
            ["pull", "owner/tiny"],
            ["pull", "owner/tiny"],
            lambda: True,
            part,
            EMBSCOPE_CACHE=str(cache),
            HF_TOKEN="",
            no_proxy="*",
            HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
            HF_HOME=str(self.folder / "hf"),
        )
        self.assertEqual({n: (model / n).read_bytes() for n in pull_test.FILES}, pull_test.FILES)


def contents(folder):
    """Every file below the folder, except for locks and the marks of the machine."""
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def report(test, killed, ended=None):
    print(
        f"{test._testMethodName[5:]}: killed {killed} times" + (f", {ended} whole results" if ended else ""),
        file=sys.stderr,
    )


class Cut(unittest.TestCase):
    """A model's file that another program makes shorter while a command reads it."""

    def test_ends_the_command_with_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder, "model.gguf")
            cache = pathlib.Path(
                os.environ.get("EMBSCOPE_CACHE")
                or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "embscope"
            )
            shutil.copy(cache / "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", model)
            process = subprocess.Popen(
                [EMBSCOPE, "generate", "Once upon a time", "-n", "2000", "--shift", "-m", str(model)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self.assertTrue(process.stdout.read(1))  # it is at work
            os.truncate(model, model.stat().st_size // 2)
            _, errors = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 1, errors)
            self.assertEqual(
                errors.decode().splitlines()[-1:],
                [f"embscope: [{model}] became shorter or unreadable while it was in use: open it again"],
            )


class SlowHub(pull_test.Hub):
    """A hub that sends in pieces, so that there is a middle to be killed in."""

    def send(self, status, body=b"", headers=(), head=False, cut=None):
        if head or len(body) < 10_000:
            return super().send(status, body, headers, head, cut)
        super().send(status, body, headers, head=True)
        for at in range(0, len(body), 40_000):
            try:
                self.wfile.write(body[at : at + 40_000])
            except OSError:
                return
            time.sleep(0.01)


class Refusals(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refused(self, fragment, *command, **more):
        done = subprocess.run([EMBSCOPE, *command], capture_output=True, text=True, timeout=300, **more)
        self.assertEqual(done.returncode, 1, (done.stdout[-500:], done.stderr))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(fragment, done.stderr)

    def test_a_name_with_control_characters_neither_breaks_the_line_nor_steers_the_terminal(self):
        header = b'{"\\u001b[2J\\n":7}'
        path = self.folder / "a\n\x1bb.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        (self.folder / "config.json").write_text('{"model_type":"gpt2"}')
        self.refused("a\\n\\x1bb.safetensors header] '\\x1b[2J\\n': expected an object", "info", "-m", str(path))

    WRITERS = [
        captured(TINY / "tiny-gpt2", "{}/out.npz"),
        ("heatmap", "--save", "{}/heatmap.png"),
        ("map", "--tokens", "0:20", "--method", "pca", "--save", "{}/map.html"),
    ]

    def writers(self, folder):
        for command in self.WRITERS:
            yield [part.format(folder) for part in command]

    def test_a_limit_on_the_size_of_files(self):
        for command in self.writers(self.folder):
            self.refused("cannot write: File too large", *command, **full_disk(2000))
            self.assertEqual(list(self.folder.iterdir()), [], command)

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if (
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(disk)], capture_output=True).returncode
            != 0
        ):
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", str(disk)])
        (disk / "map.html").write_text("old")
        for command in self.writers(disk):
            self.refused("No space left on device", *command)
        self.assertEqual([(p.name, p.read_text()) for p in disk.iterdir()], [("map.html", "old")])

    def test_a_machine_without_a_folder_for_temporary_files(self):
        environment = {**os.environ, "TMPDIR": "/nowhere"}
        self.refused("[temporary files]", "tour", "--to", str(self.folder / "tour"), env=environment)

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_machine_without_proc(self):
        path = self.folder / "a.json"
        command = [EMBSCOPE, "heatmap", "--save", str(path)]
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
        if subprocess.run([*hidden, "true"], capture_output=True).returncode != 0:
            self.skipTest("mounting is not allowed here")
        done = subprocess.run([*hidden, *command], capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        json.loads(path.read_text())
        self.assertEqual([p.name for p in self.folder.iterdir()], ["a.json"])

    def test_a_read_only_folder(self):
        locked = self.folder / "locked"
        locked.mkdir()
        shutil.copytree(TINY / "tiny-gpt2", self.folder / "model")
        for path in [self.folder, *self.folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        self.addCleanup(self.folder.chmod, 0o755)
        self.addCleanup(locked.chmod, 0o755)
        if os.geteuid() == 0 and not os.access(EMBSCOPE, os.X_OK):
            self.skipTest("another user cannot run the program")
        ordinary = {"user": 65534} if os.geteuid() == 0 else {}
        try:
            self.refused(
                "cannot write: Permission denied",
                "run",
                "-m",
                str(self.folder / "model"),
                "--ids",
                "1,2,3",
                "--capture",
                "wte",
                "--to",
                str(locked / "out.npz"),
                **ordinary,
            )
        except PermissionError:
            self.skipTest("another user cannot reach the program")
        self.assertEqual(list(locked.iterdir()), [])

    @unittest.skipIf(SANITIZED, "sanitizers need all addresses")
    def test_a_limit_on_memory(self):
        """From too little for anything to enough: it works, or it says in one line that it does not."""
        worked = refused = 0
        for megabytes in (60, 100, 150, 200, 300, 450, 700, 1500, 6000):
            done = subprocess.run(
                [EMBSCOPE, "predict", "The capital of Germany is", "--json", "--threads", "1"],
                capture_output=True,
                text=True,
                timeout=300,
                preexec_fn=limited(resource.RLIMIT_AS, megabytes << 20),
            )
            if done.returncode == 0:
                worked += 1
                json.loads(done.stdout)
                continue
            refused += 1
            self.assertIn(done.returncode, (1, 127), (megabytes, done.stderr))  # 127: too little to load the program
            self.assertEqual(len(done.stderr.splitlines()), 1, (megabytes, done.stderr))
            if done.returncode == 1:
                self.assertRegex(done.stderr, "not enough memory|[Cc]annot allocate memory", megabytes)
        self.assertGreater(worked, 0)
        self.assertGreater(refused, 0)


if __name__ == "__main__":
    unittest.main()
