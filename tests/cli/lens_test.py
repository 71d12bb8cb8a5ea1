"""lens, attention and attribute as their user types them: published figures of the default model, pictures,
mistakes."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from experiments import CAPITAL

EMBSCOPE = os.environ["EMBSCOPE"]
LONG = "The quick brown fox jumps over the lazy dog, and then it sleeps. " * 12


def run(*arguments):
    return subprocess.run([EMBSCOPE, *arguments], capture_output=True, timeout=300)


def table(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)["columns"]


def figure(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "figure.json")
        done = run(*arguments, "--json", "--save", str(path))
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(path.read_text())


def refused(test, status, fragment, *arguments):
    done = run(*arguments)
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("embscope: ")]
    test.assertEqual(done.returncode, status, f"{arguments}: {done.stderr}")
    test.assertEqual(len(lines), 1, f"{arguments}: {done.stderr}")
    test.assertIn(fragment, lines[0])


class Lens(unittest.TestCase):
    def test_ends_at_the_prediction(self):
        cells = table("lens", CAPITAL)
        self.assertEqual(len(cells["block"]), 31 * 5)
        self.assertEqual((cells["block"][0], cells["block"][-1]), (-1, 29))
        self.assertEqual(cells["token"][-5:], ["The", "␣capital", "␣of", "␣Germany", "␣is"])
        self.assertEqual((cells["top"][-1], cells["target_rank"][-1]), ("␣Berlin", 1))
        self.assertEqual(cells["target_probability"][-1], table("predict", CAPITAL, "-k", "1")["probability"][0])

    def test_a_target_and_several_tokens_a_cell(self):
        self.assertEqual(table("lens", CAPITAL, "--target", " Paris")["target_rank"][-1], 7)
        tops = table("lens", CAPITAL, "--top", "3", "--positions=-1:")
        self.assertEqual(tops["token"][-3:], ["␣Berlin", "␣Hamburg", "␣the"])
        self.assertEqual(len(tops["token"]), 31 * 3)

    def test_people_get_a_grid_and_the_block_from_which_the_answer_stands(self):
        text = run("lens", CAPITAL).stdout.decode()
        self.assertIn("4 ␣is", text.splitlines()[1])
        self.assertIn("␣Berlin 80%", text)
        self.assertIn("likeliest at position 4 from block 29 on", text)
        self.assertIn(
            "not the likeliest at position 4 (rank 7)", run("lens", CAPITAL, "--target", " Paris").stdout.decode()
        )

    def test_long_texts_show_their_end(self):
        done = run("lens", LONG)
        self.assertIn(b"the last 16 of 193 positions", done.stdout)
        picture = figure("lens", LONG, "--positions", ":40")
        self.assertEqual(picture["width"], 32 * 66)
        self.assertIn("the last 32 of 40 positions", picture["title"]["subtitle"])
        rows = picture["data"]["values"]
        self.assertEqual(len(rows), 31 * 32)
        self.assertTrue(rows[0]["after"] == "29" and rows[-1]["after"] == "embedding")
        self.assertTrue(rows[0]["at"].startswith("8 ") and rows[-1]["at"].startswith("39 "))

    def test_mistakes(self):
        refused(self, 2, "empty", "lens", "")
        refused(self, 2, "empty", "lens", CAPITAL, "--target", "")
        refused(self, 1, "context 8192", "lens", "a b " * 5000)
        refused(self, 1, "the text has 0:5", "lens", CAPITAL, "--positions", "3:6")
        refused(self, 1, "the text has 0:5", "lens", CAPITAL, "--positions", "3:3")
        refused(self, 2, "expected FIRST:LAST", "lens", CAPITAL, "--positions", "x:")
        refused(self, 2, "expected FIRST:LAST", "lens", CAPITAL, "--positions", "3")
        refused(self, 1, "choose 1 to 1000", "lens", CAPITAL, "--top", "0")
        self.assertIn(b"its final one is used", run("lens", CAPITAL, "--target", " Kuala Lumpur").stderr)


class Attention(unittest.TestCase):
    def test_table(self):
        heads = table("attention", CAPITAL, "--block", "16")
        self.assertEqual(heads["head"], list(range(9)))
        self.assertAlmostEqual(heads["previous"][0], 0.86, delta=0.01)  # this head looks at the token before
        self.assertEqual(table("attention", CAPITAL, "--block", "16", "--heads", "5,0")["head"], [5, 0])
        self.assertEqual(len(table("attention", CAPITAL, "--every")["head"]), 270)

    def test_the_block_is_chosen_and_said(self):
        every = table("attention", CAPITAL, "--every")
        share = {}
        for block, first in zip(every["block"], every["first"]):
            share[block] = share.get(block, 0) + first
        block = min(share, key=share.get)
        self.assertEqual(set(table("attention", CAPITAL)["block"]), {block})
        self.assertIn(
            f"block {block:.0f}: its heads look least at the first token".encode(), run("attention", CAPITAL).stdout
        )

    def test_few_tokens_are_cells_and_many_are_pixels(self):
        few = figure("attention", CAPITAL)
        self.assertEqual(few["spec"]["mark"], "rect")
        self.assertEqual(len(few["data"]["values"]), 9 * 15)  # a query sees no later key
        self.assertAlmostEqual(sum(cell["share"] for cell in few["data"]["values"]), 9 * 5, places=4)
        self.assertEqual(few["columns"], 3)
        many = figure("attention", LONG, "--heads", "1,2,3,4,5")
        self.assertEqual(many["spec"]["mark"]["type"], "image")
        self.assertEqual(len(many["data"]["values"]), 5)
        self.assertTrue(all(facet["url"].startswith("data:image/png;base64,iVBOR") for facet in many["data"]["values"]))
        self.assertEqual(many["spec"]["encoding"]["x"]["scale"]["domain"], [0, 193])

    def test_mistakes(self):
        refused(self, 2, "empty", "attention", "")
        refused(self, 1, "blocks 0..29", "attention", CAPITAL, "--block", "30")
        refused(self, 1, "blocks 0..29", "attention", CAPITAL, "--block=-1")
        refused(self, 1, "heads 0..8", "attention", CAPITAL, "--heads", "0,9")
        refused(self, 2, "exclude", "attention", CAPITAL, "--block", "3", "--every")
        refused(self, 2, "--heads", "attention", CAPITAL, "--heads", "x")


class Attribute(unittest.TestCase):
    def test_parts_sum_to_the_logit(self):
        parts = table("attribute", CAPITAL)
        self.assertEqual(len(parts["part"]), 1 + 30 * (9 + 1))
        logit = table("predict", CAPITAL, "-k", "1")["logit"][0]
        self.assertAlmostEqual(sum(parts["value"]), logit, delta=1e-4 * logit)
        self.assertIn(
            "␣Berlin after ␣is at position 4: the parts sum to 15.57", run("attribute", CAPITAL).stdout.decode()
        )

    def test_against_and_sorted(self):
        parts = table("attribute", CAPITAL, "--target", " Berlin", "--against", " Paris", "--sort")
        self.assertEqual((parts["part"][0], parts["block"][0]), ("head", 29))
        sizes = [abs(value) for value in parts["value"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertAlmostEqual(sum(parts["value"]), 4.783, delta=2e-3)

    def test_a_position_before_the_last(self):
        parts = table("attribute", CAPITAL, "--position", "1", "--target", " of")
        logit = table("lens", CAPITAL, "--target", " of")["target_logit"][-4]
        self.assertAlmostEqual(sum(parts["value"]), logit, delta=1e-4 * logit)

    def test_figure(self):
        for more in ([], ["--sort"]):  # bars and cells in the order of the pass, however the table is sorted
            bars, heads = figure("attribute", CAPITAL, *more)["vconcat"]
            places = bars["layer"][0]["encoding"]["x"]["scale"]["domain"]
            self.assertEqual(places, ["wte", *map(str, range(30))])
            self.assertEqual([row["place"] for row in bars["layer"][0]["data"]["values"]][::2], places[1:])
            self.assertEqual(len(heads["data"]["values"]), 270)
            whole = sum(row["value"] for layer in bars["layer"] for row in layer["data"]["values"])
            self.assertAlmostEqual(whole, 15.572, delta=2e-3)

    def test_mistakes(self):
        refused(self, 2, "empty", "attribute", "")
        refused(self, 2, "empty", "attribute", CAPITAL, "--target", "")
        refused(self, 1, "positions 0..4", "attribute", CAPITAL, "--position", "5")
        refused(self, 2, "choose two tokens", "attribute", CAPITAL, "--against", " Berlin")
        refused(self, 1, "context 8192", "attribute", "a b " * 5000)
        self.assertIn(b"its final one is used", run("attribute", CAPITAL, "--against", " Kuala Lumpur").stderr)


class Help(unittest.TestCase):
    def test_shows_an_example(self):
        for command in ("lens", "attention", "attribute"):
            done = run(command, "--help")
            self.assertEqual(done.returncode, 0, command)
            self.assertIn(b"embscope " + command.encode(), done.stdout, command)


if __name__ == "__main__":
    unittest.main()
