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


if __name__ == "__main__":
    unittest.main()
