"""The peers' own Python environment, made from requirements.txt. A peer that cannot be installed is reported, not
fatal."""

import hashlib
import json
import pathlib
import subprocess
import sys

LONGEST = 1200  # seconds for one requirement: llama.cpp is compiled
REQUIREMENTS = pathlib.Path(__file__).parents[1] / "requirements.txt"


def requirements():
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    return [line for line in lines if line]


class Environment:
    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "bin" / "python"

    def site_packages(self):
        return next(self.folder.glob("lib/python3.*/site-packages"))

    def make(self, packages):
        """Installs these packages in the versions of requirements.txt, each once, and goes on where it was stopped;
        gives {requirement: why it could not be installed}. Delete installed.json to try those again."""
        record = self.folder / "installed.json"
        digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
        done = json.loads(record.read_text()) if record.exists() else {}
        if done.get("requirements") != digest:
            done = {"requirements": digest, "installed": [], "failed": {}}
        wanted = [line for line in requirements() if line.split("==")[0] in packages]
        missing = [line for line in wanted if line not in done["installed"] and line not in done["failed"]]
        if missing:
            print(f"making {self.folder}: up to 6 GB and many minutes, once", file=sys.stderr)
        if wanted and not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=True)
        for line in missing:
            error = self.install(line)
            if error:
                done["failed"][line] = error
            else:
                done["installed"].append(line)
            record.write_text(json.dumps(done, indent=1))
        return {line: why for line, why in done["failed"].items() if line in wanted}

    def install(self, requirement):
        """One requirement, with the versions of all of them as constraints; gives pip's complaint, or nothing."""
        print(f"  {requirement}", file=sys.stderr)
        command = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--prefer-binary",
        ]
        try:
            done = subprocess.run(
                [*command, "-c", str(REQUIREMENTS), requirement], capture_output=True, text=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return f"not installed within {LONGEST // 60} minutes"
        return done.stderr.strip()[-600:] if done.returncode else ""
