"""Whole vocabularies that are not good, and what is asked of spaces without a model: one clear line, or an answer
without NaN."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]


def run(*arguments):
    return subprocess.run([EMBSCOPE, *map(str, arguments)], capture_output=True, text=True, timeout=300)


class Vocabularies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def npy(self, rows, name="v.npy"):
        """Rows of numbers in NumPy's format, version 1."""
        header = (
            f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}".ljust(117) + "\n"
        )
        path = self.folder / name
        path.write_bytes(
            b"\x93NUMPY\x01\x00"
            + struct.pack("<H", len(header))
            + header.encode()
            + b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        )
        return path

    def rows(self, count, width=6):
        return [
            [(i * 37 % 101) / 50 + (k == i % width), *((i * (53 + k) % 89) / 40 - 1 for k in range(1, width))]
            for i in range(count)
            for k in [0]
        ]

    def columns(self, *arguments):
        done = run(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("NaN", done.stdout)
        return json.loads(done.stdout)["columns"]

    def refused(self, says, *arguments):
        done = run(*arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_a_matrix_with_nan_is_refused_by_every_command(self):
        rows = self.rows(40)
        rows[7][2] = float("nan")
        path = self.npy(rows)
        for command in (
            ["geometry"],
            ["neighbours", "--all"],
            ["map", "--tokens", "all"],
            ["similar", "<3>"],
            ["odd", "<1>", "<2>", "<3>"],
            ["analogy", "<1>", "<2>", "<3>"],
        ):
            with self.subTest(command[0]):
                self.refused("vector 7 ('<7>') holds NaN or infinity", *command, "-m", path)
        self.refused("vector 7", "compare", path, path)

    def test_many_equal_rows_are_mapped_and_measured(self):
        rows = self.rows(60) + [[0.5, 0.25, -0.5, 0.1, 0.3, 0.2]] * 1200
        path = self.npy(rows)
        values = self.columns("map", "-m", path, "--tokens", "all", "--steps", "60")
        self.assertTrue(all(abs(x) < 1e6 for x in values["x"] + values["y"]))
        near = self.columns("neighbours", "-m", path, "-k", "3")
        self.assertEqual(near["nearest_id"][near["id"].index(60)], 61)
        self.assertEqual(near["nearest_id"][near["id"].index(1000)], 60)
        for show in ("measures", "pairs", "hubs", "spectrum"):
            self.columns("geometry", "-m", path, "--show", show, "-k", "3")
        self.columns("map", "-m", path, "--tokens", "all", "--method", "umap", "--steps", "20")

    def test_zero_rows_have_no_direction(self):
        rows = self.rows(40)
        rows[5] = rows[9] = [0.0] * 6
        path = self.npy(rows)
        table = self.columns("neighbours", "--all", "-m", path)
        self.assertEqual(len(table["id"]), 38)
        self.assertFalse({5, 9} & set(table["id"] + table["nearest_id"]))
        self.assertFalse(
            {5, 9} & set(self.columns("map", "--tokens", "all", "-m", path, "--perplexity", "5", "--steps", "20")["id"])
        )
        for command in (("neighbours", "--all"), ("map", "--tokens", "all", "--perplexity", "5", "--steps", "20")):
            done = run(*command, "-m", path)
            self.assertRegex(done.stdout + done.stderr, "2 .*zero", command)
        self.refused("zero", "similar", "<5>", "-m", path)
        self.columns(
            "map", "--tokens", "all", "-m", path, "--perplexity", "5", "--metric", "euclidean", "--steps", "20"
        )
        table = self.columns("geometry", "-m", path, "-k", "3")
        self.assertEqual(table["value"][table["measure"].index("zero vectors")], 2)

    def test_fewer_points_than_perplexity_allows(self):
        path = self.npy(self.rows(12))
        self.refused("a perplexity of 30 for 12 points: choose 1 to 3.7", "map", "--tokens", "all", "-m", path)
        self.refused(
            "10 neighbours of 10 vectors: choose 1 to 9", "neighbours", "-m", self.npy(self.rows(10), "ten.npy")
        )

    def test_more_dimensions_than_points(self):
        path = self.npy([[((i * 31 + k * 17) % 97) / 50 - 1 for k in range(200)] for i in range(30)])
        self.columns("geometry", "-m", path, "-k", "3")
        for method in ("tsne", "umap", "pca"):
            self.columns("map", "--tokens", "all", "-m", path, "--method", method, "--perplexity", "5", "--steps", "20")
        self.refused(
            "components",
            "map",
            "--tokens",
            "all",
            "-m",
            path,
            "--method",
            "pca",
            "--dimensions",
            "50",
            "--points",
            self.folder / "p.npy",
        )

    def test_labels_that_do_not_match(self):
        labels = self.folder / "labels.txt"
        labels.write_text("a\nb\nc\n")
        for command in (["geometry"], ["neighbours"], ["map"], ["similar", "a"]):
            self.refused(
                "3 labels for 12 vectors: one line is needed for each",
                *command,
                "-m",
                f"{self.npy(self.rows(12))}:{labels}",
            )

    def test_an_analogy_file_with_unknown_words_counts_them(self):
        labels = self.folder / "labels.txt"
        labels.write_text("".join(f"w{i}\n" for i in range(12)))
        questions = self.folder / "q.txt"
        questions.write_text(": kind\nw1 w2 w3 w4\nw1 w2 nobody w4\nw5 no-one w6 w7\n")
        space = f"{self.npy(self.rows(12))}:{labels}"
        table = self.columns("analogy", "--file", questions, "-m", space)
        self.assertEqual((table["questions"][0], table["known"][0]), (3, 1))
        self.assertIn(
            "2 words are not single rows: nobody, no-one", run("analogy", "--file", questions, "-m", space).stdout
        )

    def test_similar_works_by_every_metric_without_a_model(self):
        path, figure = self.npy(self.rows(50)), self.folder / "similar.json"
        vectors = self.rows(50)
        for metric in ("cosine", "euclidean", "dot"):
            for centred in ([], ["--centred"]):
                table = self.columns(
                    "similar", "<3>", "-m", path, "-k", "49", "--metric", metric, *centred, "--save", figure
                )
                self.assertEqual(sorted(table["id"]), [i for i in range(50) if i != 3])
                self.assertIn("vega-lite", figure.read_text())
                values = table[metric]
                self.assertEqual(values, sorted(values, reverse=metric != "euclidean"))
        nearest = min(
            (i for i in range(50) if i != 3), key=lambda i: sum((a - b) ** 2 for a, b in zip(vectors[i], vectors[3]))
        )
        self.assertEqual(self.columns("similar", "<3>", "-m", path, "--metric", "euclidean")["id"][0], nearest)
        self.refused("has no such word", "similar", "<77>", "-m", path)

    def test_principal_components_to_many_dimensions(self):
        path, points = self.npy(self.rows(80, 9)), self.folder / "points.npy"
        done = run("map", "--tokens", "all", "-m", path, "--method", "pca", "--dimensions", "5", "--points", points)
        self.assertEqual(done.returncode, 0, done.stderr)
        data = points.read_bytes()
        self.assertIn(b"(80,5)", data[:128])
        scores = [struct.unpack("<5f", data[-80 * 20 :][20 * i : 20 * i + 20]) for i in range(80)]
        spreads = [sum(row[c] ** 2 for row in scores) for c in range(5)]
        self.assertEqual(spreads, sorted(spreads, reverse=True))
        self.assertGreater(spreads[4], 0)
        self.refused("are for --method pca", "map", "--tokens", "all", "-m", path, "--dimensions", "5")


if __name__ == "__main__":
    unittest.main()
