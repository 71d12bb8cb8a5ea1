"""The same bytes for one thread or several, and on every instruction set that has fused multiply-add."""

import array
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from experiments import CAPITAL, MIX, PATCH

EMBSCOPE = os.environ["EMBSCOPE"]
TINY = pathlib.Path(__file__).parent.parent / "data/reference"
TEXT = pathlib.Path(__file__).parent.parent / "data/training/text.txt"
# With the default model: logits of all positions, and the analyses as their users call them.
COMMANDS = [
    ["predict", CAPITAL, "-k", "50"],
    ["similar", " apple", "-k", "20"],
    [*MIX, "--steps", "4"],
    ["lens", CAPITAL],
    ["attention", CAPITAL],
    ["attribute", CAPITAL],
    ["map", "--tokens", "0:200"],
]
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
    begin, end = json.loads(content[8 : 8 + length])[name]["data_offsets"]
    return array.array("f", content[8 + length + begin : 8 + length + end])


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
        def trained(**environment):
            with tempfile.TemporaryDirectory() as folder:
                run(
                    "train",
                    str(TEXT),
                    "--out",
                    f"{folder}/run",
                    "--layers",
                    "2",
                    "--heads",
                    "3",
                    "--width",
                    "48",
                    "--context",
                    "40",
                    "--batch",
                    "7",
                    "--accumulate",
                    "2",
                    "--dropout",
                    "0.1",
                    "--steps",
                    "12",
                    "--checkpoint-every",
                    "5",
                    "--evaluate-every",
                    "4",
                    "--quiet",
                    **environment,
                )
                return [
                    pathlib.Path(folder, "run", name).read_bytes()
                    for name in ("model.safetensors", "training/state.safetensors", "training/log.csv")
                ]

        first, *others = [trained(**setting) for setting in settings()]
        for other in others:
            self.assertEqual([a == b for a, b in zip(first, other)], [True] * 3)

    def test_without_fused_multiply_add_logits_are_near(self):
        """Each product is rounded before it is added: at most 2e-6 of the largest logit here (docs/testing.md has
        more)."""
        for model in ("tiny-gpt2", "tiny-llama"):
            with tempfile.TemporaryDirectory() as folder:
                logits = {
                    name: floats(captured(model, "3,1,4,1,5,9,2,6", folder, EMBSCOPE_SIMD=name), "logits")
                    for name, _ in targets()
                }
            first = logits[targets()[0][0]]
            largest = max(map(abs, first))
            for name, values in logits.items():
                self.assertLess(max(abs(a - b) for a, b in zip(first, values)) / largest, 2e-6, (model, name))

    def test_gradients_have_the_same_bytes(self):
        for command in (
            ["attribute", CAPITAL, "--gradient"],
            [*PATCH, "--approximate"],
        ):
            digests = {hashlib.sha256(run(*command, "--json", **setting)).hexdigest() for setting in settings()}
            self.assertEqual(len(digests), 1, command)

    def test_an_unknown_instruction_set_is_refused(self):
        done = subprocess.run(
            [EMBSCOPE, "info"], capture_output=True, timeout=60, env={**os.environ, "EMBSCOPE_SIMD": "AVX9"}
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no instruction set 'AVX9' here: there are ", done.stderr)


if __name__ == "__main__":
    unittest.main()
