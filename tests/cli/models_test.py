"""Model folders that contradict themselves, and models of very different sizes."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
SANITIZED = "EMBSCOPE_SANITIZED" in os.environ
DATA = pathlib.Path(__file__).parent.parent / "data/reference"


class Models(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def copy(self, name, config=None, drop=()):
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(DATA / name, folder)
        path = folder / "config.json"
        values = {**json.loads(path.read_text()), **(config or {})}
        path.write_text(json.dumps({k: v for k, v in values.items() if k not in drop}))
        return folder

    def run_ids(self, model, *more):
        return subprocess.run(
            [
                EMBSCOPE,
                "run",
                "-m",
                str(model),
                "--ids",
                "1,2,3",
                "--capture",
                "logits",
                "--to",
                str(self.root / "o.json"),
                *more,
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def refused(self, fragment, model):
        done = self.run_ids(model)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(fragment, done.stderr)

    def test_good_models_run(self):
        for name in (
            "tiny-gpt2",
            "tiny-llama",
            "tiny-llama-bf16",
            "tiny-gpt2/model.safetensors",
            "tiny-llama/tiny-llama.gguf",
        ):
            self.assertEqual(self.run_ids(DATA / name).returncode, 0, name)

    def test_configs(self):
        cases = [
            ("tiny-gpt2", {"model_type": "bert"}, "model_type 'bert'"),
            ("tiny-gpt2", {"n_embd": 47}, "does not divide"),
            ("tiny-gpt2", {"n_embd": 96}, "expected 97 x 96, found 97 x 48"),
            ("tiny-gpt2", {"n_layer": 4}, "no tensor 'transformer.h.3"),
            ("tiny-gpt2", {"n_layer": -1}, "blocks of -1"),
            ("tiny-gpt2", {"n_layer": 10**12}, "blocks of"),
            ("tiny-gpt2", {"n_head": 0}, "heads of 0"),
            ("tiny-gpt2", {"n_head": "four"}, "'n_head': expected a whole number, found \"four\""),
            ("tiny-gpt2", {"vocab_size": 96}, "expected 96 x 48, found 97 x 48"),
            ("tiny-gpt2", {"vocab_size": 1.5}, "expected a whole number"),
            ("tiny-gpt2", {"n_positions": 65}, "expected 65 x 48"),
            ("tiny-gpt2", {"activation_function": "swoosh"}, "'swoosh'"),
            ("tiny-gpt2", {"scale_attn_by_inverse_layer_idx": "yes"}, "expected true or false"),
            ("tiny-gpt2", {"layer_norm_epsilon": -1}, "epsilon"),
            ("tiny-gpt2", {"n_inner": 7}, "expected 48 x 7"),
            ("tiny-llama", {"num_key_value_heads": 4}, "do not divide"),
            ("tiny-llama", {"head_dim": 7}, "even head width"),
            ("tiny-llama", {"hidden_act": "swoosh"}, "'swoosh'"),
            ("tiny-llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "'factor' is missing"),
            ("tiny-llama", {"rope_parameters": {"rope_type": "spiral"}}, "'spiral'"),
            ("tiny-llama", {"rms_norm_eps": None}, "expected a number, found null"),
            ("tiny-llama", {"rope_parameters": {"rope_theta": 0}}, "must be positive"),
            ("tiny-llama", {"intermediate_size": 81}, "expected 81 x 48, found 80 x 48"),
            ("tiny-llama", {"hidden_size": None}, "expected a whole number, found null"),
        ]
        for name, config, fragment in cases:
            with self.subTest(config=config):
                self.refused(fragment, self.copy(name, config))
        self.refused("'n_embd' is missing", self.copy("tiny-gpt2", drop=("n_embd",)))

    def test_files(self):
        folder = self.copy("tiny-gpt2")
        (folder / "config.json").write_text("")
        self.refused("empty", folder)
        (folder / "config.json").write_text('{\n  "a": }')
        self.refused("line 2, column", folder)
        (folder / "config.json").write_text('{"n_embd": 1, "n_embd": 2}')
        self.refused("'n_embd' occurs twice", folder)
        (folder / "config.json").unlink()
        self.refused("config.json", folder)

    def test_weights_that_are_no_numbers(self):
        for value in (float("nan"), float("inf")):
            folder = self.copy("tiny-gpt2")
            data = bytearray((folder / "model.safetensors").read_bytes())
            (length,) = struct.unpack_from("<Q", data)
            begin, _ = json.loads(data[8 : 8 + length])["transformer.h.1.mlp.c_fc.weight"]["data_offsets"]
            struct.pack_into("<f", data, 8 + length + begin + 40, value)
            (folder / "model.safetensors").write_bytes(data)
            self.refused("block 1: up holds NaN or infinite values", folder)

    def test_a_model_without_a_tokenizer_says_so(self):
        done = subprocess.run([EMBSCOPE, "predict", "x", "-m", str(DATA / "tiny-gpt2")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no tokenizer beside the model", done.stderr)

    def test_tokenizers_that_contradict_themselves(self):
        good = {
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        }
        cases = [
            ({"model": {**good["model"], "merges": ["a c"]}}, "not in the vocabulary"),
            ({"model": {**good["model"], "merges": ["a"]}}, "expected two tokens"),
            ({"model": {**good["model"], "merges": [1]}}, "expected two tokens"),
            ({"model": {**good["model"], "vocab": {"a": -1}}}, "expected an id"),
            ({"model": {**good["model"], "vocab": {"a": 0, "b": 0}}}, "have the same id 0"),
            ({"model": {**good["model"], "vocab": {}}}, "empty"),
            ({"model": {**good["model"], "type": "Syllables"}}, "'Syllables'"),
            ({"pre_tokenizer": {"type": "UnicodeScripts"}}, "'UnicodeScripts'"),
            ({"added_tokens": [{"id": 10**9, "content": "x"}]}, "expected an id below"),
            ({"added_tokens": [{"content": "x"}]}, "'id' is missing"),
            ({"model": 3}, "expected an object"),
        ]
        path = self.root / "tokenizer.json"
        run = lambda: subprocess.run(
            [EMBSCOPE, "tokens", "--tokenizer", str(self.root), "--text", "ab", "--json"],
            capture_output=True,
            text=True,
        )
        path.write_text(json.dumps(good))
        self.assertEqual(json.loads(run().stdout)["ids"], [2])
        for change, fragment in cases:
            with self.subTest(change=change):
                path.write_text(json.dumps({**good, **change}))
                done = run()
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(fragment, done.stderr)

    def test_words_of_a_6_GB_model_read_only_their_rows(self):
        """GPT-2 XL's shapes in a sparse file: a few rows are read, whatever the size of the file."""
        folder = self.root / "xl"
        folder.mkdir()
        width, blocks, vocab = 1600, 48, 50257
        shapes = {
            "wte.weight": [vocab, width],
            "wpe.weight": [1024, width],
            "ln_f.weight": [width],
            "ln_f.bias": [width],
        }
        for l in range(blocks):
            for name, shape in {
                "ln_1.weight": [width],
                "ln_1.bias": [width],
                "ln_2.weight": [width],
                "ln_2.bias": [width],
                "attn.c_attn.weight": [width, 3 * width],
                "attn.c_attn.bias": [3 * width],
                "attn.c_proj.weight": [width, width],
                "attn.c_proj.bias": [width],
                "mlp.c_fc.weight": [width, 4 * width],
                "mlp.c_fc.bias": [4 * width],
                "mlp.c_proj.weight": [4 * width, width],
                "mlp.c_proj.bias": [width],
            }.items():
                shapes[f"h.{l}.{name}"] = shape
        header, at = {}, 0
        for name, shape in shapes.items():
            size = 4
            for s in shape:
                size *= s
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / "model.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for token in (17180, 25286):
                file.seek(8 + len(text) + token * width * 4)
                file.write(struct.pack(f"<{width}f", *([1.0] * (width - 1) + [float(token)])))
            file.truncate(8 + len(text) + at)
        (folder / "config.json").write_text(
            json.dumps(
                {
                    "model_type": "gpt2",
                    "vocab_size": vocab,
                    "n_embd": width,
                    "n_layer": blocks,
                    "n_head": 25,
                    "n_positions": 1024,
                }
            )
        )
        cache = pathlib.Path(
            os.environ.get("EMBSCOPE_CACHE")
            or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "embscope"
        )
        for name in ("encoder.json", "vocab.bpe"):
            shutil.copy(cache / "tokenizers/gpt2" / name, folder)
        self.assertGreater(os.stat(folder / "model.safetensors").st_size, 6_000_000_000)
        # What a process was before it became the program counts too: a small one starts it, not this one.
        started = subprocess.run(
            [
                sys.executable,
                "-c",
                "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)",
                EMBSCOPE,
                "cosine",
                " apple",
                " pear",
                "-m",
                str(folder),
                "--json",
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertAlmostEqual(json.loads(started.stdout)["columns"]["␣apple"][1], 1, places=4)
        self.assertLess(
            int(started.stderr), 200_000 if SANITIZED else 60_000
        )  # kilobytes; a sanitizer keeps a shadow of what is used


if __name__ == "__main__":
    unittest.main()
