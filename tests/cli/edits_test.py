"""What edits and captures cost and how they are refused, as their user types them; verify on .npz that others write."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import zipfile

from experiments import CAPITAL, MIX, PATCH

EMBSCOPE = os.environ["EMBSCOPE"]


def run(*arguments, cwd=None):
    return subprocess.run([EMBSCOPE, *arguments], capture_output=True, text=True, timeout=300, cwd=cwd)


class Explain(unittest.TestCase):
    def test_every_command_that_runs_the_model_says_what_it_shared_and_computed(self):
        with tempfile.TemporaryDirectory() as folder:
            corpus = pathlib.Path(folder, "corpus.txt")
            corpus.write_text("One line.\nAnother line.\n")
            for command in (
                ["predict", CAPITAL],
                ["generate", CAPITAL, "-n", "2"],
                ["trace", CAPITAL],
                ["trajectory", CAPITAL],
                ["lens", CAPITAL],
                ["attention", CAPITAL],
                ["attribute", CAPITAL],
                [*MIX, "--steps", "3"],
                ["edit", CAPITAL, "--at", "wte@3", "--do", "zero"],
                [*PATCH, "--heads-only"],
                [
                    "steer",
                    CAPITAL,
                    "--towards",
                    "so very good",
                    "--away",
                    "so very bad",
                    "--tokens",
                    "2",
                    "--strengths",
                    "1",
                ],
                ["run", "--text", CAPITAL, "--capture", "wte", "--to", os.path.join(folder, "a.npz")],
                ["extract", str(corpus), "--at", "blocks.0.resid_post", "--to", os.path.join(folder, "to")],
            ):
                done = run(*command, "--explain")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(
                    done.stdout, r"token-layers computed of [1-9]\d* asked for .* logits at \d+ positions", command[0]
                )

    def test_the_figures_are_those_of_all_runs_of_the_command(self):
        said = run("predict", CAPITAL, "--explain").stdout.splitlines()[-1]
        self.assertTrue(said.endswith("of 150 asked for (2.2 % shared or not needed); logits at 1 positions"), said)
        lens = run("lens", CAPITAL, "--explain").stdout.splitlines()[-1]
        self.assertTrue(
            lens.endswith("logits at 156 positions"), lens
        )  # of 31 residual vectors at 5 positions, and the run's

    def test_machines_get_their_table_alone(self):
        done = run("lens", CAPITAL, "--explain", "--json")
        json.loads(done.stdout)
        self.assertIn("token-layers computed", done.stderr)

    def test_a_capture_is_estimated_before_it_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            to = os.path.join(folder, "a.npz")
            done = run(
                "run",
                "--text",
                CAPITAL,
                "--capture",
                "blocks.*.resid_post",
                "blocks.3.pattern",
                "--to",
                to,
                "--explain",
            )
            self.assertRegex(done.stderr, r"about 346 kB of values, \d+\.\d s")  # 30 x 5 x 576 + 9 x 5 x 5 values
            self.assertEqual(run("run", "--text", CAPITAL, "--capture", "wte", "--to", to).stderr, "")


MISTAKES = [  # place, change, exit status, what is said
    ("blocks.3.resid_pst@3", "zero", 1, "[site blocks.3.resid_pst] no such site; did you mean 'blocks.3.resid_post'"),
    ("blocks.30.resid_post@3", "zero", 1, "block 30: the model has blocks 0..29"),
    ("wpe@3", "zero", 1, "[site wpe] this model has rotary positions"),
    ("transformer.h.3.attn.c_attn@3", "zero", 1, "here they are blocks.3.q, blocks.3.k and blocks.3.v"),
    ("blocks.3.attn.hook_result@3", "zero", 1, "blocks.3.z is what the heads give before W_O"),
    ("model.layers.3.mlp.down_proj@3", "zero", 1, "what it gives is blocks.3.mlp_out"),
    ("wte@5", "zero", 1, "position 5: the text has positions 0..4"),
    ("wte@-6", "zero", 1, "position -6: the text has positions 0..4"),
    ("wte@' Paris'", "zero", 1, "[word '␣Paris'] does not occur in the text"),
    ("wte@'ap'", "zero", 1, "is only part of a longer token"),
    ("blocks.2.z@3/9", "zero", 1, "head 9: this site has heads 0..8"),
    ("blocks.2.k@3/3", "zero", 1, "head 3: this site has heads 0..2"),
    ("blocks.2.mlp_out@3/1", "zero", 1, "this site has no heads"),
    ("blocks.2.mlp_post@3", "set ' France'", 1, "needs a vector of 1536 values, got 576"),
    ("blocks.2.z@3/1", "set run('Hello'@0) - ' France' + ' a'", 0, ""),
    ("wte@3", "set 2 * (' king' - ' man'", 2, "expected ')' at character 26 of"),
    ("wte@3", "zap", 2, "expected set, add, scale, mix, zero, project_out, rotate, clamp or noise at character 1 of"),
    ("wte@3", "scale nan", 2, "expected a number at character 7 of"),
    ("wte@3", "set 1e39", 2, "expected a number that fits at character 5 of"),
    ("wte@3", "set run('The capital'@5)", 1, "position 5: the text has positions 0..1"),
    ("wte@3", "set file('/no/such.npy', 0)", 1, "[/no/such.npy] cannot open"),
    ("wte@3", "clamp 576 0 1", 1, "dimension 576: there are 0..575"),
    ("wte@3", "clamp 5 2 1", 1, "no number lies there"),
    ("wte@3", "noise -1", 1, "the deviation of noise cannot be negative"),
    ("wte@3", "project_out 0", 1, "a zero vector has no direction"),
    ("blocks.2.pattern@3", "set ' France'", 1, "takes one value for all keys, got 576"),
]


class Mistakes(unittest.TestCase):
    def refused(self, done, status, says):
        lines = [line for line in done.stderr.splitlines() if line.startswith("embscope: ")]
        self.assertEqual((done.returncode, len(lines)), (status, int(status > 0)), done.stderr)
        self.assertIn(says, "".join(lines))

    def test_each_gets_one_line(self):
        for at, do, status, says in MISTAKES:
            with self.subTest(at=at, do=do):
                self.refused(run("edit", CAPITAL, "--at", at, "--do", do), status, says)

    def test_of_the_text_and_of_several_edits(self):
        for arguments, status, says in (
            (
                ["Paris is Paris is big", "--at", "wte@' is'", "--do", "zero"],
                2,
                "occurs more than once, at positions 1, 3: say which",
            ),
            (["", "--at", "wte@0", "--do", "zero"], 2, "the text is empty"),
            (
                [CAPITAL, "--at", "wte@3", "--do", "zero", "--at", "wte@3", "--do", "set 1"],
                2,
                "edit 2 wipes out what edit 1 does",
            ),
            (
                [CAPITAL, "--at", "wte@3", "--do", "zero", "--at", "wte@-2", "--do", "set 1"],
                2,
                "edit 2 wipes out what edit 1 does",
            ),
            ([CAPITAL, "--at", "wte@3", "--do", "zero", "--at", "wte@3"], 2, "one --do for each --at"),
            ([CAPITAL], 2, "nothing to do"),
        ):
            with self.subTest(arguments=arguments):
                self.refused(run("edit", *arguments), status, says)

    def test_values_that_are_not_finite_in_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            header = "{'descr': '<f4', 'fortran_order': False, 'shape': (576,), }".ljust(117) + "\n"
            pathlib.Path(folder, "nan.npy").write_bytes(
                b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + b"\x00\x00\xc0\x7f" * 576
            )
            done = run("edit", CAPITAL, "--at", "wte@3", "--do", "set file('nan.npy')", cwd=folder)
            self.refused(done, 1, "NaN or infinite")


class Verify(unittest.TestCase):
    def test_npz_as_numpy_writes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            ours, stored, packed = (os.path.join(folder, name) for name in ("ours.npz", "stored.npz", "packed.npz"))
            self.assertEqual(
                run("run", "--text", CAPITAL, "--capture", "blocks.2.resid_post", "ln_final", "--to", ours).returncode,
                0,
            )
            with zipfile.ZipFile(ours) as source:
                for path, how in ((stored, zipfile.ZIP_STORED), (packed, zipfile.ZIP_DEFLATED)):
                    with zipfile.ZipFile(path, "w", how) as copy:
                        for name in source.namelist():
                            with copy.open(name, "w", force_zip64=True) as member:  # as numpy.savez does
                                member.write(source.read(name))
            for path in (ours, stored):
                done = run("verify", "--against", path, "--tolerance", "0")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("the largest difference is 0 of", done.stdout)
            done = run("verify", "--against", packed)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is compressed or encrypted: save it with numpy.savez", done.stderr)


if __name__ == "__main__":
    unittest.main()
