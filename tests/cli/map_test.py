"""map and neighbours as their user types them."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import time
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]


def run(*arguments):
    return subprocess.run([EMBSCOPE, *arguments], capture_output=True, timeout=600)


def table(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)["columns"]


def word2vec(folder, count=400):
    """A small space of words on two lines, so that no test needs a model."""
    path = pathlib.Path(folder) / "words.txt"
    rows = [f"w{i} {1 + i % 7} {(i * 37 % 101) / 50} {(i * 53 % 89) / 40} {i % 2 * 3}" for i in range(count)]
    path.write_text(f"{count} 4\n" + "\n".join(rows) + "\n")
    return str(path)


class Maps(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.space = word2vec(self.folder.name)

    def test_every_method_maps_a_file_of_vectors_and_says_how_good_the_map_is(self):
        for method in ("tsne", "umap", "pca"):
            with self.subTest(method):
                done = run("map", "-m", self.space, "--tokens", "all", "--method", method, "--steps", "60")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(b"neighbours kept (10)", done.stdout)
                self.assertIn(b"trustworthiness", done.stdout)
                self.assertIn(b"rank correlation", done.stdout)

    def test_points_are_written_and_each_has_its_quality(self):
        points = pathlib.Path(self.folder.name) / "points.npy"
        columns = table(
            "map",
            "-m",
            self.space,
            "--tokens",
            "0:60",
            "--perplexity",
            "9",
            "--steps",
            "60",
            "--each",
            "--points",
            str(points),
        )
        self.assertEqual(len(columns["kept"]), 60)
        self.assertTrue(all(0 <= kept <= 1 for kept in columns["kept"]))
        data = points.read_bytes()
        values = struct.unpack("<120f", data[-480:])
        self.assertAlmostEqual(values[0], columns["x"][0], places=4)

    def test_a_stopped_map_goes_on_where_it_was(self):
        state = str(pathlib.Path(self.folder.name) / "state")
        options = ["map", "-m", self.space, "--tokens", "all", "--stall", "0"]
        whole = table(*options, "--steps", "400")
        running = subprocess.Popen(
            [EMBSCOPE, *options, "--steps", "300000", "--resume", state],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(1.5)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1]
        self.assertEqual(running.returncode, 1)
        self.assertIn(b"the same command goes on", said)
        short = str(pathlib.Path(self.folder.name) / "short")
        run(*options, "--steps", "400", "--resume", short)
        again = table(*options, "--steps", "400", "--resume", short)
        self.assertEqual(whole, again)

    def test_a_killed_map_goes_on_to_the_same_picture(self):
        folder = pathlib.Path(self.folder.name)
        state, options = (
            folder / "state",
            ["map", "-m", self.space, "--tokens", "all", "--stall", "0", "--steps", "30000"],
        )
        whole, again = folder / "whole.npy", folder / "again.npy"
        self.assertEqual(run(*options, "--points", str(whole)).returncode, 0)
        running = subprocess.Popen(
            [EMBSCOPE, *options, "--resume", str(state)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        saves = set()
        while len(saves) < 2:  # killed between two saves, not at an end
            self.assertIsNone(running.poll(), "ended before it could be killed")
            if state.exists():
                saves.add(state.stat().st_mtime_ns)
            time.sleep(0.01)
        time.sleep(0.2)
        running.kill()
        running.wait()
        self.assertEqual(
            {path.name for path in folder.iterdir()}, {"words.txt", "whole.npy", "state"}
        )  # nothing half written
        self.assertEqual(run(*options, "--resume", str(state), "--points", str(again)).returncode, 0)
        self.assertEqual(whole.read_bytes(), again.read_bytes())

    def test_a_state_of_other_vectors_is_refused(self):
        state = str(pathlib.Path(self.folder.name) / "state")
        run("map", "-m", self.space, "--tokens", "0:100", "--steps", "9", "--perplexity", "5", "--resume", state)
        done = run("map", "-m", self.space, "--tokens", "1:101", "--steps", "9", "--perplexity", "5", "--resume", state)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"other vectors", done.stderr)
        done = run("map", "-m", self.space, "--tokens", "0:100", "--steps", "9", "--perplexity", "6", "--resume", state)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"holds a map of perplexity 5", done.stderr)

    def test_words_are_added_to_a_map_that_stays_as_it_is(self):
        options = ["map", "-m", self.space, "--tokens", "0:90", "--perplexity", "9", "--steps", "90"]
        before, after = table(*options), table(*options, "--add", "w350")
        self.assertEqual(before["x"], after["x"][:90])
        self.assertEqual(after["token"][90:], ["w350"])

    def test_neighbours_of_all_are_written_and_printed(self):
        out = pathlib.Path(self.folder.name) / "near.npz"
        columns = table("neighbours", "--all", "-k", "3", "-m", self.space, "--metric", "euclidean", "--to", str(out))
        self.assertEqual(len(columns["id"]), 400)
        self.assertGreater(out.stat().st_size, 400 * 3 * 12)
        self.assertEqual(columns["euclidean"], sorted(columns["euclidean"]))

    def test_mistakes_get_one_line(self):
        for says, *arguments in (
            ("choose 1 to", "neighbours", "-m", self.space, "-k", "400"),
            ("choose cosine, euclidean or dot", "neighbours", "-m", self.space, "--metric", "manhattan"),
            ("choose tsne, umap or pca", "map", "-m", self.space, "--method", "som"),
            ("no such word", "map", "-m", self.space, "--words", "unheard"),
            ("only t-SNE keeps a state", "map", "-m", self.space, "--method", "pca", "--resume", "x"),
            ("choose 1 to 3.0", "map", "-m", self.space, "--tokens", "0:10"),
        ):
            with self.subTest(says):
                done = run(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(says, done.stderr.decode())
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
