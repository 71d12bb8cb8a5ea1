"""The commands as their user types them: answers, exit statuses, and one clear line for every mistake."""

import csv
import io
import json
import os
import pathlib
import re
import resource
import subprocess
import tempfile
import unittest

from experiments import CAPITAL, MIX

EMBSCOPE = os.environ["EMBSCOPE"]
PATIENCE = 3000 if "EMBSCOPE_SANITIZED" in os.environ else 300  # seconds for one command


def run(*arguments, cwd=None):
    return subprocess.run([EMBSCOPE, *arguments], capture_output=True, cwd=cwd, timeout=PATIENCE)


def table(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)["columns"]


class Answers(unittest.TestCase):
    def test_tokens(self):
        line = json.loads(run("tokens", CAPITAL, "--json").stdout)
        self.assertEqual(line["ids"], [504, 3575, 282, 4521, 314])
        self.assertEqual(line["pieces"][3], "␣Germany")
        self.assertEqual(line["ranges"][3], [14, 22])

    def test_gpt2_words(self):
        done = run("tokens", "--tokenizer", "gpt2", "--text", " apple", "--text", " pear", "--json")
        self.assertEqual([json.loads(line)["ids"] for line in done.stdout.splitlines()], [[17180], [25286]])

    def test_decoding_gives_the_bytes_back(self):
        for data in (b"caf\xc3\xa9 \xff\xfe\x00x", "漢字 🎉\n\t  end ".encode()):
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                ids = json.loads(run("tokens", "--tokenizer", "gpt2", "--file", file.name, "--json").stdout)["ids"]
            self.assertEqual(run("tokens", "--tokenizer", "gpt2", "--decode", ",".join(map(str, ids))).stdout, data)

    def test_a_byte_without_a_token_is_refused_rather_than_lost(self):
        with tempfile.NamedTemporaryFile() as file:  # SmolLM2's vocabulary lacks 21 of the 256 bytes
            file.write(b"x\xff")
            file.flush()
            done = run("tokens", "--file", file.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no token for the byte 0xFF at 1", done.stderr)

    def test_special_tokens_are_plain_text_unless_asked_for(self):
        text = "<|im_start|>user"
        self.assertEqual(json.loads(run("tokens", text, "--special", "--json").stdout)["ids"][0], 1)
        self.assertNotIn(1, json.loads(run("tokens", text, "--json").stdout)["ids"])

    def test_cosines(self):
        columns = table("cosine", "hello", "world", " hello", " world", " apple", " pear", " spaceship")
        self.assertAlmostEqual(columns["hello"][1], 0.30604, places=5)
        self.assertAlmostEqual(columns["␣hello"][3], 0.04912, places=5)
        self.assertAlmostEqual(columns["␣apple"][5], 0.63146, places=5)
        self.assertAlmostEqual(columns["␣apple"][6], 0.52489, places=5)

    def test_similar(self):
        columns = table("similar", " apple", "-k", "3")
        self.assertEqual(columns["token"][0], "␣apples")
        self.assertEqual(len(columns["id"]), 3)

    def test_predict(self):
        columns = table("predict", CAPITAL, "-k", "3")
        self.assertEqual(columns["token"], ["␣Berlin", "␣Hamburg", "␣the"])
        for found, expected in zip(columns["probability"], (0.79637, 0.0271, 0.0232)):
            self.assertAlmostEqual(found, expected, delta=2e-4)

    def test_mix(self):
        columns = table(*MIX)
        for row, berlin, paris in (
            (0, 0.00099, 0.77254),
            (8, 0.06462, 0.70532),
            (9, 0.19074, 0.54782),
            (16, 0.79637, 0.00667),
        ):
            self.assertAlmostEqual(columns["␣Berlin"][row], berlin, delta=2e-4)
            self.assertAlmostEqual(columns["␣Paris"][row], paris, delta=2e-4)
        self.assertIn(b"bit for bit", run(*MIX).stdout)

    def test_trace_ends_at_the_prediction(self):
        columns = table("trace", CAPITAL)
        self.assertEqual(columns["rank_predicted"][-1], 1)
        self.assertTrue(columns["top"][-1].startswith("␣Berlin"))
        self.assertEqual(columns["rank_own"][0], 1)

    def test_the_way_of_a_vector_turns_from_its_own_token_to_the_predicted_one(self):
        way = table("trajectory", CAPITAL, "--plane", "' is'", "' Berlin'")
        self.assertEqual(
            (way["block"], way["site"][0], way["site"][-1]),
            ([*range(-1, 30)], "blocks.0.resid_pre", "blocks.29.resid_post"),
        )
        self.assertEqual(way["x"][0], max(way["x"][:5]))
        self.assertEqual(way["y"][-1], max(way["y"]))
        free = run("trajectory", CAPITAL).stdout.decode()
        self.assertRegex(free, r"x: principal component 1 \(\d+ % of the variance\)")

    def test_run_writes_arrays(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "out.json")
            done = run(
                "run", "--text", CAPITAL, "--capture", "blocks.0.resid_post", "l_out-1", "logits", "--to", str(path)
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            arrays = json.loads(path.read_text())
            self.assertEqual(arrays["ids"], [504, 3575, 282, 4521, 314])
            self.assertEqual((len(arrays["blocks.1.resid_post"]), len(arrays["blocks.1.resid_post"][0])), (5, 576))
            last = arrays["logits"][4]
            self.assertEqual(max(range(len(last)), key=last.__getitem__), 11452)

    def test_an_edit_changes_the_answer(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "out.json")
            done = run(
                "run", "--text", CAPITAL, "--capture", "logits", "--edit", "wte@3 mix 0 ' France'", "--to", str(path)
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            last = json.loads(path.read_text())["logits"][4]
            self.assertEqual(
                max(range(len(last)), key=last.__getitem__),
                json.loads(run("tokens", " Paris", "--json").stdout)["ids"][0],
            )

    def test_map_is_the_same_for_the_same_seed_and_any_threads(self):
        first = table("map", "--tokens", "0:60", "--perplexity", "10", "--steps", "200", "--threads", "1")
        self.assertEqual(
            first, table("map", "--tokens", "0:60", "--perplexity", "10", "--steps", "200", "--threads", "2")
        )
        self.assertNotEqual(
            first, table("map", "--tokens", "0:60", "--perplexity", "10", "--steps", "200", "--seed", "2")
        )

    def test_the_help_lists_the_commands_by_what_they_are_for(self):
        sections = run("--help").stdout.decode().split("\n\n")[1:]
        headings = [section.strip().split(":\n")[0] for section in sections]
        self.assertEqual(headings[:4], ["Options", "Start here", "Look at a text", "Change a run"])
        self.assertTrue(sections[1].startswith("Start here:\n  tour "), sections[1])
        listed = re.findall(r"^  ([a-z]\S*)", "\n\n".join(sections[1:]), re.M)
        self.assertEqual(len(listed), len(set(listed)))
        completed = run("completion", "bash").stdout.decode()
        for command in listed:
            options = re.search(rf"^    {command}\) words=\"(.*)\" ;;$", completed, re.M)[1].split()
            wanted = re.findall(
                r"(?<![\w-])--[a-z][\w-]*", run(command, "--help").stdout.decode().split("\nExample")[0]
            )
            self.assertEqual(set(wanted) - set(options), set(), command)

    def test_help_names_each_value_and_fits_a_terminal(self):
        shown = run("mix", "--help").stdout.decode()
        self.assertIn("\n  -m, --model MODEL         The model: ", shown)
        self.assertIn("\n      --steps N             Number of mixtures from p = 0 to p = 1 (default: 17)\n", shown)
        self.assertIn(
            "\n                            \"' king' - ' man' + ' woman'\"\n", shown
        )  # a quotation stays whole
        for command in re.findall(r"^  ([a-z]\S*)", run("--help").stdout.decode(), re.M):
            for line in run(command, "--help").stdout.decode().split("\nExample")[0].splitlines()[2:]:
                self.assertLessEqual(len(line), 90, line)
                self.assertNotRegex(line, r"\b(INT|UINT|FLOAT|REQUIRED|Excludes)\b")

    def test_pca_toy_info_generate_completion(self):
        self.assertEqual(len(table("map", "--tokens", "0:30", "--method", "pca")["x"]), 30)
        self.assertEqual(table("toy")["animal"][-1], "cat, in context")
        self.assertIn(b"49152 x 576", run("info").stdout)
        self.assertEqual(run("generate", CAPITAL, "-n", "1").stdout.decode(), CAPITAL + " Berlin\n")
        for shell in ("bash", "zsh", "fish"):
            self.assertIn(b"predict", run("completion", shell).stdout)

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(run("predict", CAPITAL, "-k", "2", "--csv").stdout.decode())))
        self.assertEqual(rows[0], ["rank", "token", "id", "logit", "probability"])
        self.assertEqual(rows[1][1], "␣Berlin")

    def test_figures_are_saved(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("f.html", "f.json"):
                path = pathlib.Path(folder, name)
                self.assertEqual(run("toy", "--save", str(path)).returncode, 0)
                self.assertIn("vega-lite", path.read_text())
            self.assertEqual(
                json.loads(pathlib.Path(folder, "f.json").read_text())["title"]["text"],
                "A space of two dimensions that have names",
            )
            self.assertEqual(sorted(os.listdir(folder)), ["f.html", "f.json"])

    def test_what_has_no_figure_offers_none(self):
        for command in (
            "tokens x",
            "odd a b c",
            "info",
            "neighbours",
            "run --text x --capture wte --to y.npz",
            "extract x --at wte --to y",
            "train-tokenizer x --to y",
            "pull x",
            "serve",
            "tour",
            "completion bash",
        ):
            name, *rest = command.split()
            self.assertNotIn(b"--save ", run(name, "--help").stdout, name)
            done = run(name, *rest, "--save", "figure.html", "-m", "/nowhere")
            self.assertEqual((done.returncode, done.stdout), (2, b""), name)
            self.assertIn(b"--save", done.stderr, name)

    def test_verify_draws_types_and_not_sites(self):
        done = run("verify", "--against", "x", "--save", "figure.html", "-m", "/nowhere")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--save requires --types", done.stderr)

    def test_ids_are_whole_numbers(self):
        for command in (
            ["similar", " apple", "-k", "2"],
            ["predict", "Hello", "-k", "2"],
            ["lens", "Hello there"],
            ["trace", "Hello there"],
            ["map", "--tokens", "13855:13860", "--perplexity", "1"],
        ):
            printed = run(*command, "--json")
            columns = re.findall(
                r'"(?:id|rank|position|block|[a-z]+_rank|rank_[a-z]+)":\[([^\]]*)\]', printed.stdout.decode()
            )
            self.assertTrue(columns, printed.stderr)
            for column in columns:
                self.assertRegex(column, r"^(-?\d+|null)(,(-?\d+|null))*$", command)
            rows = list(csv.DictReader(io.StringIO(run(*command, "--csv").stdout.decode())))
            for name in {"id", "rank", "position", "block"} & rows[0].keys():
                self.assertTrue(all(re.fullmatch(r"-?\d*", row[name]) for row in rows), (command, name))

    def test_seeds_and_temperatures(self):
        greedy = run("generate", "The capital of Germany is", "-n", "6").stdout
        for temperature in ("1e-40", "1e-300", "1e-6"):
            self.assertEqual(
                run("generate", "The capital of Germany is", "-n", "6", "--temperature", temperature).stdout, greedy
            )
        for seed in ("-1", "18446744073709551616", "1.5", "x", ""):
            for command in (
                ["generate", "x", "-n", "1"],
                ["map", "--tokens", "0:9"],
                ["steer", "x"],
                ["train", "x", "--out", "y"],
                ["compare", "a", "b"],
            ):
                done = run(*command, "--seed", seed)
                self.assertEqual(done.returncode, 2, (command, seed, done.stderr))
                self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(
            run("generate", "x", "-n", "1", "--temperature", "1", "--seed", "18446744073709551615").returncode, 0
        )

    def test_tour(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("tour", "--to", folder + "/tour")
            self.assertEqual(done.returncode, 0, done.stderr)
            page = pathlib.Path(folder, "tour/report.html").read_text()
            for part in (
                "wte: 49,152 × 576",
                "98.665 %",
                "bit for bit",
                "p = 0.612",
                "5.27 %",
                "The loss falls from",
                "The map while training",
            ):
                self.assertIn(part, page)
            self.assertNotIn('src="http', page)
            self.assertGreaterEqual(len(list(pathlib.Path(folder, "tour/figures").glob("*.json"))), 11)

    def test_tour_lists_its_figures(self):
        with tempfile.TemporaryDirectory() as folder:
            figures = table("tour", "--quick", "--to", folder)
            files = sorted(path.stem for path in pathlib.Path(folder, "figures").iterdir())
            self.assertEqual(sorted(figures["figure"]), files)
            self.assertTrue(all(figures["title"]))

    def test_tour_has_texts_of_its_own(self):
        done = run("tour", "--no-bos", "-m", "/nowhere")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--no-bos", done.stderr)

    def test_families(self):
        found = json.loads(run("families", "--json").stdout)
        self.assertEqual(list(found), ["opens", "refused"])
        self.assertIn("gpt2", found["opens"]["columns"]["model_type"])
        rows = list(csv.DictReader(io.StringIO(run("families", "--csv").stdout.decode())))
        self.assertEqual([row["family"] for row in rows], found["opens"]["columns"]["family"])
        self.assertIn(b"refused by its name", run("families").stdout)

    def test_help_shows_an_example(self):
        for command in (
            "info",
            "tokens",
            "vector",
            "cosine",
            "similar",
            "heatmap",
            "geometry",
            "toy",
            "map",
            "predict",
            "generate",
            "mix",
            "trace",
            "trajectory",
            "run",
            "tour",
            "completion",
        ):
            done = run(command, "--help")
            self.assertEqual(done.returncode, 0, command)
            self.assertIn(b"embscope " + command.encode(), done.stdout, command)


class Mistakes(unittest.TestCase):
    def refused(self, status, fragment, *arguments):
        done = run(*arguments)
        message = done.stderr.decode()
        lines = [line for line in message.splitlines() if line.startswith("embscope: ")]
        self.assertEqual(done.returncode, status, f"{arguments}: {message}")
        self.assertEqual(len(lines), 1, f"{arguments}: {message}")
        self.assertIn(fragment, lines[0])
        return lines[0]

    def test_usage(self):
        for arguments in (
            ["nonsense"],
            ["predict"],
            ["predict", "x", "--nonsense"],
            ["predict", "x", "-k", "two"],
            ["predict", "x", "--json", "--csv"],
            ["mix", "x"],
            ["run", "--text", "x"],
            [],
            ["heatmap", "--pixels", "1"],
            ["predict", "x", "--threads", "0"],
        ):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr.startswith(b"embscope: "), arguments)

    def test_words_and_texts(self):
        self.refused(2, "empty", "predict", "")
        self.refused(2, "empty", "cosine", "")
        self.refused(2, "empty", "trace", "")
        self.refused(
            1, "does not occur", "mix", CAPITAL, "--replace", " Spain", "--with", " France", "--targets", " Paris"
        )
        self.refused(
            2, "more than once", "mix", "to be or not to be", "--replace", " be", "--with", " go", "--targets", " x"
        )
        self.refused(
            1, "part of a longer token", "mix", CAPITAL, "--replace", " Germ", "--with", " France", "--targets", " x"
        )
        self.refused(1, "context 8192", "predict", "a b " * 5000)
        self.refused(1, "at least 1", "predict", "x", "-k", "0")
        self.refused(1, "at least 1", "similar", "x", "-k", "-3")

    def test_ids_and_tokens(self):
        self.refused(1, "ids 0..49151", "tokens", "--decode", "49152")
        self.refused(2, "not a token id", "tokens", "--decode", "1,x")
        self.refused(2, "no text", "tokens")
        self.refused(1, "vocabulary has 0:49152", "map", "--tokens", "0:50000")
        self.refused(1, "vocabulary has 0:49152", "map", "--tokens", "9:3")
        self.refused(2, "expected 0:100", "map", "--tokens", "x")
        self.refused(1, "ids 0..49151", "run", "--ids", "1,99999", "--capture", "wte", "--to", "/tmp/x.npz")

    def test_sites_and_edits(self):
        at = lambda edit: ["run", "--text", CAPITAL, "--capture", "wte", "--to", "/tmp/x.npz", "--edit", edit]
        self.refused(
            1,
            "did you mean 'blocks.3.resid_post'",
            "run",
            "--text",
            "x",
            "--capture",
            "blocks.3.resid_pos",
            "--to",
            "/tmp/x.npz",
        )
        self.refused(1, "blocks 0..29", "run", "--text", "x", "--capture", "blocks.30.z", "--to", "/tmp/x.npz")
        self.refused(1, "rotary positions", "run", "--text", "x", "--capture", "wpe", "--to", "/tmp/x.npz")
        self.refused(1, "positions 0..4", *at("wte@5 zero"))
        self.refused(1, "no heads", *at("wte@1/2 zero"))
        self.refused(1, "heads 0..8", *at("blocks.2.z@1/9 zero"))
        self.refused(2, "character 7", *at("wte@1 frobnicate"))
        self.refused(2, "expected a number", *at("wte@1 scale"))
        self.refused(2, "not closed", *at("wte@1 set ' France"))
        self.refused(1, "needs a vector of 1536 values, got 576", *at("blocks.1.mlp_post@1 set ' France'"))
        self.refused(2, "holds no vector to mix", *MIX, "--site", "logits")
        self.refused(1, "choose 2", *MIX, "--steps", "1")

    def test_methods_and_maps(self):
        self.refused(1, "choose tsne, umap or pca", "map", "--method", "som")
        self.refused(1, "choose 1 to 3.0", "map", "--tokens", "0:10")
        self.refused(1, "at least 4", "map", "--tokens", "1,2,3", "--perplexity", "1")
        self.refused(1, "temperature", "generate", "x", "--temperature", "-1")
        self.refused(1, "top-p", "generate", "x", "--top-p", "0")
        self.refused(1, "positions 0..4", "trace", CAPITAL, "--position", "5")
        self.refused(1, "span no plane", "trajectory", CAPITAL, "--plane", "' is'", "2 * ' is'")
        self.refused(2, "bash, zsh and fish", "completion", "tcsh")

    def test_models(self):
        self.refused(1, "embscope pull", "info", "-m", "no-such-model")
        self.assertNotIn(
            "embscope pull", self.refused(1, "no such file or folder", "info", "-m", "/nowhere/model")
        )  # a path is nothing that a hub has
        with tempfile.TemporaryDirectory() as folder:
            real = pathlib.Path(
                os.environ.get("EMBSCOPE_CACHE")
                or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "embscope"
            )
            real = real / "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
            cut = pathlib.Path(folder, "cut.gguf")
            with open(real, "rb") as file:
                head = file.read(5_000_000)
            for data, fragment in (
                (b"", "empty"),
                (b"GGUF", "in the middle"),
                (head[:1000], "the file has"),
                (head, "the file has 5000000"),
                (b"<!doctype html>", "web page"),
                (b"PK\x03\x04", "zip"),
                (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
                (b"\x89PNG\r\n", "neither GGUF"),
            ):
                cut.write_bytes(data)
                self.refused(1, fragment, "info", "-m", str(cut))
            cut.unlink()
            self.refused(1, "holds no model.safetensors", "info", "-m", folder)

    def test_saving(self):
        self.refused(2, "save figures as", "toy", "--save", "/tmp/figure.gif")
        self.refused(2, "write to .npz", "run", "--text", "x", "--capture", "wte", "--to", "/tmp/x.mat")
        self.refused(2, "holds one array", "run", "--text", "x", "--capture", "wte", "ln_final", "--to", "/tmp/x.npy")

    def test_a_place_that_takes_no_file_is_refused_before_the_work(self):
        nowhere = "/no/such/folder/"
        for arguments in (
            ["toy", "--save", nowhere + "figure.json"],
            ["toy", "--save", nowhere + "figure.png"],
            ["map", "--points", nowhere + "points.npy"],
            ["map", "--resume", nowhere + "map"],
            ["neighbours", "--to", nowhere + "all.npz"],
            ["attribute", "x", "--gradient", "--to", nowhere + "gradients.npz"],
            ["run", "--text", "x", "--capture", "wte", "--to", nowhere + "out.npz"],
        ):
            self.assertIn(
                nowhere, self.refused(1, "cannot write", *arguments, "-m", "/nowhere/model")
            )  # which would be refused next
        with tempfile.TemporaryDirectory(suffix=".npz") as folder:
            self.refused(
                1, "it is a folder", "run", "--text", "x", "--capture", "wte", "--to", folder, "-m", "/nowhere/model"
            )
        self.refused(1, "cannot be made", "train-tokenizer", __file__, "--to", "/dev/null/tokenizer")

        def processor(*arguments):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            run(*arguments)
            return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

        self.refused(1, "cannot be made: Not a directory", "tour", "--to", "/dev/null/tour")
        with tempfile.TemporaryDirectory() as folder:
            self.assertLess(
                processor("tour", "--quick", "--to", "/dev/null/tour"), processor("tour", "--quick", "--to", folder) / 2
            )

    def test_only_regular_files_are_opened(self):
        with tempfile.TemporaryDirectory() as folder:
            pipe = str(pathlib.Path(folder, "pipe"))
            os.mkfifo(pipe)
            for arguments in (
                ["info", "-m", pipe],
                ["geometry", "-m", pipe],
                ["similar", "a", "-m", f"{pipe}:{pipe}"],
                ["tokens", "--file", pipe],
                ["tokens", "x", "--tokenizer", pipe],
                ["run", "--file", pipe, "--capture", "wte", "--to", folder + "/x.npz"],
                ["map", "--file", pipe],
                ["analogy", "--file", pipe],
                ["judgements", pipe],
                ["categories", "--file", pipe],
                ["train", pipe, "--out", folder + "/out"],
                ["train-tokenizer", pipe, "--to", folder + "/out"],
                ["extract", pipe, "--at", "wte", "--to", folder + "/out"],
                ["verify", "--against", pipe],
                ["edit", "x", "--edits", pipe],
                ["edit", "x", "--at", "wte@-1", "--do", f"set file('{pipe}', 0)"],
                ["geometry", "--file", pipe],
            ):
                self.assertIn("pipe", self.refused(1, "not a regular file", *arguments))
            for device in ("/dev/null", "/dev/zero"):
                self.refused(1, "is a device, not a regular file", "info", "-m", device)

    def test_a_plain_terminal_and_no_locale_change_no_byte(self):
        outputs = {
            subprocess.run(
                [EMBSCOPE, "tokens", "naïve 東京"], stdout=subprocess.PIPE, env={**os.environ, **more}
            ).stdout
            for more in ({"LANG": "C.UTF-8", "TERM": "xterm"}, {"LANG": "C", "LC_ALL": "C", "TERM": "dumb"})
        }
        self.assertEqual(len(outputs), 1)
        self.assertIn("ïve", outputs.pop().decode())

    def test_a_full_disk_on_standard_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([EMBSCOPE, "toy"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
