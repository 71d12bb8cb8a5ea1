"""The program for Windows: its answers have the bits of this machine's program, and files, names, the console and the
server are what Windows makes of them. EMBSCOPE_EXE is its path; elsewhere than on Windows WINE is what runs it, and
EMBSCOPE this machine's program, which it is compared with."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

EXE, EMBSCOPE, WINE = os.environ["EMBSCOPE_EXE"], os.environ.get("EMBSCOPE"), os.environ.get("WINE")
CACHE = os.environ.get("EMBSCOPE_CACHE") or str(pathlib.Path.home() / ".cache/embscope")
TOY = pathlib.Path(__file__).parents[2] / "data/toy.txt"
BERLIN = "The capital of Germany is"


def named(path):
    """A path of this machine as Windows names it."""
    return "Z:" + str(path).replace("/", "\\") if WINE else str(path)


def start(out, errors, *arguments):
    environment = {**os.environ, "EMBSCOPE_CACHE": named(CACHE), "WINEDEBUG": "-all"}
    command = [WINE, EXE] if WINE else [EXE]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=environment
    )


def windows(*arguments):
    # Into files: Wine's own processes, which live on, would hold a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        status = start(out, errors, *arguments).wait(timeout=300)
        out.seek(0), errors.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read(), errors.read())


def here(*arguments):
    return subprocess.run([EMBSCOPE, *map(str, arguments)], capture_output=True, timeout=600)


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="a folder with ünïcödé ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def succeeds(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()


@unittest.skipUnless(EMBSCOPE, "EMBSCOPE names no program to compare with")
class Answers(InAFolder):
    """The bits of this machine's program."""

    def same(self, *arguments):
        self.assertEqual(self.succeeds(here(*arguments)), self.succeeds(windows(*arguments)))

    def same_files(self, one, other):
        names = {p.relative_to(one) for p in one.rglob("*") if p.is_file()}
        self.assertEqual(names, {p.relative_to(other) for p in other.rglob("*") if p.is_file()})
        for name in names:
            self.assertEqual((one / name).read_bytes(), (other / name).read_bytes(), name)

    def test_help(self):
        self.same("--help")
        self.same("mix", "--help")

    def test_tokens(self):
        self.same("tokens", "Zażółć gęślą jaźń 東京 👍🏽\r\n \"\\ ' %PATH% *", "--json")

    def test_tables(self):
        self.same("info")
        self.same("similar", " Germany", "--csv")
        self.same("analogy", " man", " king", " woman", "-k", "3")

    def test_numbers(self):
        self.same("predict", BERLIN, "--json")
        self.same(
            "mix", BERLIN, "--replace", " Germany", "--with", " France", "--targets", " Berlin", " Paris", "--json"
        )

    def test_every_activation(self):
        options = ["run", "--text", BERLIN, "--threads", "2", "--capture", "blocks.*.resid_post", "logits", "--to"]
        self.succeeds(here(*options, self.folder / "here.npz"))
        self.succeeds(windows(*options, named(self.folder / "there.npz")))
        self.assertEqual((self.folder / "here.npz").read_bytes(), (self.folder / "there.npz").read_bytes())

    def test_training(self):
        options = "--steps 3 --layers 1 --width 32 --heads 2 --context 16 --seed 7 --quiet".split()
        self.succeeds(here("train", TOY, "--out", self.folder / "here", *options))
        self.succeeds(windows("train", named(TOY), "--out", named(self.folder / "there"), *options))
        self.same_files(self.folder / "here", self.folder / "there")

    def test_tour(self):
        self.assertEqual(here("tour", "--quick", "--to", self.folder / "here").returncode, 0)
        self.assertEqual(windows("tour", "--quick", "--to", named(self.folder / "there")).returncode, 0)
        # A loss that is printed is a logarithm of the system's C library, whose last place may be another.
        for folder in ("here", "there"):
            (self.folder / folder / "figures/11-training.json").unlink()
        self.same_files(self.folder / "here/figures", self.folder / "there/figures")
        self.assertTrue((self.folder / "there/report.html").exists())


class Files(InAFolder):
    def save(self, path):
        return windows("similar", " Germany", "--save", path)

    def test_names_with_spaces_and_beyond_ascii(self):
        path = self.folder / "東京 👍 map.html"
        self.assertIn("東京 👍 map.html", self.succeeds(self.save(named(path))))
        self.assertIn(b"vega", path.read_bytes())

    def test_a_path_of_300_characters(self):
        deep = self.folder
        while len(str(deep)) < 300:
            deep /= "x" * 40
        deep.mkdir(parents=True)
        self.succeeds(self.save(named(deep / "figure.json")))
        json.loads((deep / "figure.json").read_text())

    def test_names_that_windows_forbids_are_refused(self):
        for name in ("con.html", "NUL.json", "com1.html", "a<b.html", "what?.html", "a.html.", "b.json "):
            done = self.save(named(self.folder) + "\\" + name)
            self.assertEqual(done.returncode, 2 if name.endswith((".", " ")) else 1, name)
            self.assertRegex(done.stderr.decode(), "Windows|save figures as", name)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_file_is_replaced_whole(self):
        path = self.folder / "figure.json"
        path.write_text("old")
        self.succeeds(self.save(named(path)))
        json.loads(path.read_text())
        self.assertEqual([p.name for p in self.folder.iterdir()], ["figure.json"])

    def test_a_folder_in_the_way_and_a_file_that_is_not_there(self):
        (self.folder / "a.html").mkdir()
        done = self.save(named(self.folder / "a.html"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("is a folder", done.stderr.decode())
        done = windows("info", "-m", named(self.folder / "none.gguf"))
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (1, 1))


class System(unittest.TestCase):
    def test_doctor(self):
        done = windows("doctor")
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in ("Windows", "x86_64", "instruction sets", "memory"):
            self.assertIn(part, done.stdout.decode())

    def test_models(self):
        done = windows("models")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("smollm2", done.stdout.decode())


class Server(unittest.TestCase):
    def setUp(self):
        self.out = tempfile.NamedTemporaryFile()
        self.addCleanup(self.out.close)
        self.process = start(self.out, subprocess.DEVNULL, "serve", "--port", "0", "--no-open")
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        found = self.wait_for(r"http://127\.0\.0\.1:(\d+)/\?token=(\w+)")
        self.port, token = found.groups()
        self.headers = {"Content-Type": "application/json"}
        status, headers, _ = self.ask("GET", f"/?token={token}")
        self.assertEqual(status, 303)
        self.headers["Cookie"] = headers["Set-Cookie"].split(";")[0]

    def wait_for(self, pattern):
        for _ in range(600):
            found = re.search(pattern, pathlib.Path(self.out.name).read_text())
            if found:
                return found
            time.sleep(0.1)
        self.fail(f"the server does not say {pattern}")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=300)
        connection.request(method, path, body and json.dumps(body), self.headers)
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def test_it_answers_and_ctrl_c_stops_it(self):
        self.assertEqual(self.ask("GET", "/")[0], 200)
        status, _, body = self.ask("POST", "/api/predict", {"text": BERLIN})
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["table"]["columns"]["probability"][0], 0.7963618433568951)
        second = windows("serve", "--port", self.port, "--no-open")
        self.assertIn("the port is taken", second.stderr.decode())
        if WINE:  # which makes Ctrl-C of it
            self.process.send_signal(signal.SIGINT)
            self.assertEqual(self.process.wait(timeout=60), 0)
            self.wait_for("stopped")


if __name__ == "__main__":
    unittest.main()
