"""The same bytes for one thread or several, and on every instruction set that has fused multiply-add."""
import array
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
TINY = pathlib.Path(__file__).parent.parent / "data/reference"
CAPITAL = "The capital of Germany is"
# With the default model: logits of all positions, and the analyses as their users call them.
COMMANDS = [["predict", CAPITAL, "-k", "50"], ["similar", " apple", "-k", "20"], ["mix", CAPITAL, "--replace", " Germany", "--with", " France", "--targets", " Berlin", " Paris", "--steps", "4"],
            ["lens", CAPITAL], ["attention", CAPITAL], ["attribute", CAPITAL], ["map", "--tokens", "0:200"]]
CAPTURES = ["--capture", "blocks.*.resid_post", "--capture", "blocks.*.pattern", "--capture", "logits"]


def run(*arguments, **environment):
    done = subprocess.run([EMBSCOPE, *arguments], capture_output=True, timeout=600, env={**os.environ, **environment})
    assert done.returncode == 0, (arguments, environment, done.stderr.decode())
    return done.stdout


def targets():
    columns = json.loads(run("info", "--kernels", "--json"))["columns"]
    return list(zip(columns["name"], columns["fused"]))


def settings():
    """One thread and the widest instructions first; then what must not make a difference."""
    fused = [name for name, has in targets() if has == "yes"]
    yield {"OMP_NUM_THREADS": "1"}
    yield {"OMP_NUM_THREADS": "2"}
    for name in fused[1:]:
        yield {"OMP_NUM_THREADS": "3", "EMBSCOPE_SIMD": name}


def captured(model, ids, folder, **environment):
    path = pathlib.Path(folder, "run.safetensors")
    run("run", "-m", str(TINY / model), "--ids", ids, *CAPTURES, "--to", str(path), **environment)
    return path.read_bytes()


def floats(content, name):
    """A tensor of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    begin, end = json.loads(content[8:8 + length])[name]["data_offsets"]
    return array.array("f", content[8 + length + begin:8 + length + end])


class Determinism(unittest.TestCase):
    def test_every_command_gives_the_same_bytes(self):
        for command in COMMANDS:
            digests = {hashlib.sha256(run(*command, "--json", **setting)).hexdigest() for setting in settings()}
            self.assertEqual(len(digests), 1, command)

    def test_every_captured_vector_has_the_same_bits(self):
        with tempfile.TemporaryDirectory() as folder:
            for model in ("tiny-gpt2", "tiny-llama"):
                values = {captured(model, "3,1,4,1,5,9,2,6", folder, **setting) for setting in settings()}
                self.assertEqual(len(values), 1, model)

    def test_training_gives_the_same_bits(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder, "text.txt")
            text.write_text("the cat sat on the mat. a dog ran to the hill. " * 60)
            models = set()
            for number, setting in enumerate(settings()):
                out = pathlib.Path(folder, str(number))
                run("train", str(text), "--out", str(out), "--layers", "2", "--heads", "2", "--width", "32", "--context", "32", "--batch", "6", "--warmup", "5",
                    "--dropout", "0.1", "--steps", "30", "--sample-tokens", "0", "--quiet", **setting)
                models.add((out / "model.safetensors").read_bytes())
            self.assertEqual(len(models), 1)

    def test_without_fused_multiply_add_logits_are_near(self):
        """Each product is rounded before it is added: at most 2e-6 of the largest logit here (docs/testing.md has more)."""
        for model in ("tiny-gpt2", "tiny-llama"):
            with tempfile.TemporaryDirectory() as folder:
                logits = {name: floats(captured(model, "3,1,4,1,5,9,2,6", folder, EMBSCOPE_SIMD=name), "logits") for name, _ in targets()}
            first = logits[targets()[0][0]]
            largest = max(map(abs, first))
            for name, values in logits.items():
                self.assertLess(max(abs(a - b) for a, b in zip(first, values)) / largest, 2e-6, (model, name))

    def test_an_unknown_instruction_set_is_refused(self):
        done = subprocess.run([EMBSCOPE, "info"], capture_output=True, timeout=60, env={**os.environ, "EMBSCOPE_SIMD": "AVX9"})
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no instruction set 'AVX9' here: there are ", done.stderr)


if __name__ == "__main__":
    unittest.main()
