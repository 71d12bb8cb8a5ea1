"""scripts/setup chooses the names of packages by the system."""

import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]


def names_on(system, version):
    with tempfile.NamedTemporaryFile("w") as release:
        release.write(f'NAME="x y"\nID={system}\nVERSION_ID="{version}"\n')
        release.flush()
        return subprocess.run(
            [ROOT / "scripts/setup", "--names", "python3-dev"],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "EMBSCOPE_OS_RELEASE": release.name},
        )


class Setup(unittest.TestCase):
    def test_names_of_each_system(self):
        for system, version, boost in (
            ("debian", "12", "libboost1.81-dev"),
            ("debian", "13", "libboost1.83-dev"),
            ("ubuntu", "24.04", "libboost1.83-dev"),
            ("fedora", "41", "boost-devel"),
        ):
            done = names_on(system, version)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(boost, done.stdout.splitlines())
        self.assertIn("python3-devel", done.stdout.splitlines())

    def test_a_system_without_the_libraries_is_refused_by_name(self):
        for system, version in (("ubuntu", "22.04"), ("arch", "")):
            done = names_on(system, version)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"{system}-{version}", done.stderr)
            self.assertIn("install.md", done.stderr)


if __name__ == "__main__":
    unittest.main()
