"""`embscope doctor`: one screen about this machine."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]


class Doctor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)

    def test_doctor_fits_a_screen(self):
        done = subprocess.run([EMBSCOPE, "doctor"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(len(done.stdout.splitlines()), 24)
        for part in ("instruction sets", "threads", "memory", "cache", "fetching models", "Python"):
            self.assertIn(part, done.stdout)
        done = subprocess.run([EMBSCOPE, "doctor", "--json"], capture_output=True, text=True, timeout=60)
        columns = json.loads(done.stdout)["columns"]
        self.assertEqual(list(columns), ["what", "found", "missing"])
        for found, missing in zip(columns["found"], columns["missing"]):
            self.assertTrue(found != "-" or missing)

    def test_doctor_says_how_to_get_what_is_missing(self):
        for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
            (self.home / name).write_text("no library")
        environment = {
            **os.environ,
            "LD_LIBRARY_PATH": str(self.home),
            "EMBSCOPE_VL_CONVERT": "/nowhere",
            "PATH": "/nowhere",
            "HOME": str(self.home),
            "EMBSCOPE_CACHE": str(self.home / "cache"),
        }
        done = subprocess.run(
            [EMBSCOPE, "doctor", "--json"], capture_output=True, text=True, env=environment, timeout=60
        )
        columns = json.loads(done.stdout)["columns"]
        missing = {what: missing for what, missing in zip(columns["what"], columns["missing"]) if missing}
        self.assertIn("apt install libcurl4", missing["fetching models"])
        self.assertIn("apt install python3", missing["Python"])
        self.assertIn("vl-convert", missing["figures as .svg and .png"])
        self.assertIn("embscope pull", missing["models"])
        self.assertFalse((self.home / "cache").exists())

    def rows(self, **options):
        environment = {**os.environ, **options.pop("environment", {})}
        done = subprocess.run(
            [EMBSCOPE, "doctor", "--json"], capture_output=True, text=True, timeout=60, env=environment, **options
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        columns = json.loads(done.stdout)["columns"]
        return {row[0]: row[1:] for row in zip(columns["what"], columns["found"], columns["missing"])}

    def test_one_processor_of_several(self):
        one = {min(os.sched_getaffinity(0))}
        self.assertRegex(self.rows(preexec_fn=lambda: os.sched_setaffinity(0, one))["threads"][0], "^1 of ")

    def test_instruction_sets_without_fused_multiply_add(self):
        found, missing = self.rows(environment={"EMBSCOPE_SIMD": "SCALAR"})["instruction sets"]
        self.assertIn("SCALAR (in use)", found)
        self.assertIn("fused multiply-add", missing)

    def test_a_home_that_nothing_can_be_written_to(self):
        rows = self.rows(environment={"HOME": "/proc", "EMBSCOPE_CACHE": "", "XDG_CACHE_HOME": ""}, cwd="/proc")
        self.assertIn("cannot write", rows["cache"][1])
        self.assertEqual(rows["figures as .svg and .png"][1].count("cannot write"), 0)


if __name__ == "__main__":
    unittest.main()
