"""Spaces from files, through the command line: what is opened, what is refused, in one line."""

import html
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
WORDS = "6 3\nman 1 .1 0\nwoman 1 -.1 0\nking 1 .1 1\nqueen 1 -.1 1\napple -1 0 .2\nking 1 0 0\n"


def run(*arguments):
    return subprocess.run([EMBSCOPE, *map(str, arguments)], capture_output=True, text=True, timeout=120)


class Spaces(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.words = self.file("words.txt", WORDS)

    def file(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text)
        return path

    def table(self, *arguments):
        done = run(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["columns"]

    def refused(self, message, *arguments, status=1):
        done = run(*arguments)
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(message, done.stderr)

    def test_geometry_of_a_file(self):
        table = self.table("geometry", "-m", self.words, "-k", "2")
        values = dict(zip(table["measure"], table["value"]))
        self.assertEqual(values["vectors"], 6)
        self.assertEqual(values["dimensions"], 3)
        for show in ("pairs", "quantiles", "dimensions", "spectrum", "norms", "hubs", "undertrained"):
            figure = pathlib.Path(self.folder.name) / f"{show}.json"
            self.table("geometry", "-m", self.words, "--show", show, "--save", figure)
            self.assertIn("vega-lite", figure.read_text())

    def test_analogy(self):
        self.assertEqual(self.table("analogy", "man", "king", "woman", "-m", self.words)["token"][0], "queen")
        questions = self.file("q.txt", ": gender\nman king woman queen\nman king lady queen\n")
        figure = pathlib.Path(self.folder.name) / "a.json"
        table = self.table("analogy", "-m", self.words, "--file", questions, "--save", figure)
        self.assertEqual((table["questions"], table["known"], table["add"]), ([2, 2], [1, 1], [1, 1]))
        self.assertIn("vega-lite", figure.read_text())
        self.refused("is not a single row of words.txt", "analogy", "man", "king", "lady", "-m", self.words)
        self.refused("give three", "analogy", "man", "-m", self.words, status=2)
        self.refused("none of the questions' words", "analogy", "-m", self.file("x.txt", "1 1\nx 1\n"), status=2)

    def test_judgements_categories_odd(self):
        judged = run(
            "judgements",
            self.file("j.csv", "Word 1,Word 2,Human (mean)\nman,woman,9\nking,queen,8\nman,apple,1\nman,lady,5\n"),
            "-m",
            self.words,
        )
        self.assertIn("over 3 of 4 pairs", judged.stdout, judged.stderr)
        self.assertIn("1 words are not single rows: lady", judged.stdout)
        table = self.table(
            "categories", "--file", self.file("c.txt", ": people\nman woman\n: royals\nking queen\n"), "-m", self.words
        )
        self.assertEqual(table["category"], ["people", "royals", "all"])
        self.assertEqual(self.table("odd", "man", "woman", "apple", "-m", self.words)["word"][0], "apple")

    def test_compare(self):
        other = self.file("other.txt", "4 2\nqueen 1 2\nking 3 1\nman 0 1\nelse 4 4\n")
        figure = pathlib.Path(self.folder.name) / "c.json"
        table = self.table("compare", self.words, other, "-k", "1", "--save", figure)
        values = dict(zip(table["measure"], table["value"]))
        self.assertEqual(values["matched"], 3)
        self.assertIsNone(values["own cosine"])
        self.assertIn("vega-lite", figure.read_text())
        self.refused(
            "labels of words.txt and x.txt match", "compare", self.words, self.file("x.txt", "1 1\nx 1\n"), status=2
        )
        self.refused("a second model or file is needed", "compare", self.words, status=2)

    def test_commands_of_models_on_files_of_vectors(self):
        words = self.file("v.txt", "cat 1 0.1\ndog 0.9 0.2\ncar 0.1 1\n")
        self.assertAlmostEqual(self.table("cosine", "cat", "dog", "-m", words)["dog"][0], 0.992928, places=5)
        vectors = self.table("vector", "cat", "car", "-m", words)
        self.assertEqual((vectors["dimension"], [round(x, 6) for x in vectors["cat"]]), ([0, 1], [1, 0.1]))
        self.assertEqual(self.table("info", "-m", words)["value"], ["v.txt", "cat .. car", "3 x 2"])
        self.refused("has no such word", "cosine", "cat", "cow", "-m", words)
        for command in (
            ["heatmap"],
            ["predict", "cat"],
            ["lens", "cat"],
            ["run", "--ids", "1", "--capture", "wte", "--to", "x.npz"],
            ["tokens", "cat"],
        ):
            self.refused("holds word vectors, and is not a model", *command, "-m", words)

    def test_windows_line_ends_and_a_mark_change_nothing(self):
        windows = lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
        questions, judged, kinds = (
            ": gender\nman king woman queen\n",
            "man,woman,9\nking,queen,8\nman,apple,1\n",
            ": people\nman woman\n: royals\nking queen\n",
        )
        for name, text, *arguments in (
            ("w.txt", WORDS, "geometry", "-m", None),
            ("q.txt", questions, "analogy", "-m", self.words, "--file", None),
            ("j.csv", judged, "judgements", None, "-m", self.words),
            ("k.txt", kinds, "categories", "-m", self.words, "--file", None),
            ("m.txt", "man\nwoman\nking\nqueen\n", "map", "--perplexity", "1", "-m", self.words, "--file", None),
        ):
            path = self.file(name, text)
            arguments = [path if a is None else a for a in arguments]
            plain = run(*arguments)
            self.assertEqual(plain.returncode, 0, plain.stderr)
            path.write_bytes(windows(text))
            marked = run(*arguments)
            self.assertEqual((marked.stdout, marked.stderr), (plain.stdout, plain.stderr), name)

    def test_rows_of_zeros_are_left_out_with_a_remark(self):
        words = self.file("z.txt", "<pad> 0 0\ncat 1 0.1\ndog 0.9 0.2\ncar 0.1 1\nbus 0 0.9\n")
        remark = "1 vector is zero, has no direction and is left out: <pad>\n"
        for arguments in (
            ["similar", "cat", "-k", "9"],
            ["neighbours", "-k", "1"],
            ["map", "--tokens", "all", "--perplexity", "1"],
            ["map", "--tokens", "all", "--method", "umap", "--neighbours", "2"],
            ["map", "--tokens", "all", "--method", "pca"],
        ):
            done = run(*arguments, "-m", words, "--json")
            self.assertEqual((done.returncode, done.stderr), (0, remark), arguments)
            self.assertNotIn("<pad>", json.loads(done.stdout)["columns"]["token"])
        self.assertEqual(
            len(
                self.table("map", "--tokens", "all", "--perplexity", "1.2", "--metric", "euclidean", "-m", words)[
                    "token"
                ]
            ),
            5,
        )
        table = self.table("neighbours", "-k", "1", "-m", words)
        self.assertEqual(dict(zip(table["id"], table["nearest_id"])), {1: 2, 2: 1, 3: 4, 4: 3})
        self.refused("a zero vector has no direction", "similar", "<pad>", "-m", words)

    def test_figures_hold_for_any_word(self):
        words = [
            "constructor",
            "toString",
            "__proto__",
            "hasOwnProperty",
            "a.b[0]",
            '"quoted"',
            "back\\slash",
            "comma,",
            "plain",
        ]
        path = self.file("odd.txt", "".join(f"{w} {i % 3} {i % 2 + 1} {i}\n" for i, w in enumerate(words)))
        for command in (
            ["similar", "plain", "-k", "8"],
            ["cosine", *words],
            ["vector", "constructor", "__proto__"],
            ["map", "--tokens", "all", "--perplexity", "2"],
        ):
            figure = pathlib.Path(self.folder.name) / "figure.svg"
            figure.unlink(missing_ok=True)
            done = run(*command, "-m", path, "--save", figure)
            if "needs vl-convert" in done.stderr:
                self.skipTest("vl-convert is not here")
            self.assertEqual(done.returncode, 0, done.stderr)
            drawn = html.unescape(figure.read_text())
            for word in (
                words if command[0] in ("similar", "cosine") else command[1:3] if command[0] == "vector" else ["plain"]
            ):
                if [word] != command[1:2] or command[0] != "similar":
                    self.assertIn(word, drawn, (command[0], word))

    def test_two_columns_never_share_a_name(self):
        words = self.file("n.txt", "word 1 0\ndimension 0 1\n")
        self.assertEqual(
            list(self.table("cosine", "word", "dimension", "-m", words)), ["word", "word (2)", "dimension"]
        )
        self.assertEqual(
            list(self.table("vector", "word", "dimension", "-m", words)), ["dimension", "word", "dimension (2)"]
        )

    def test_files_that_lie(self):
        self.refused("line 1 says 3 vectors, the file has 1", "geometry", "-m", self.file("w.txt", "3 1\na 1\n"))
        self.refused("holds NaN or infinity", "geometry", "-m", self.file("n.txt", "2 1\na nan\nb 1\n"))
        self.refused("not zero: at least 2 are needed", "geometry", "-m", self.file("z.txt", "2 1\na 0\nb 1\n"))


if __name__ == "__main__":
    unittest.main()
