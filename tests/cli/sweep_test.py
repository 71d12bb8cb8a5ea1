"""Hostile values for every option of every command, as its own help lists them: one clear line and an exit code that is not 0, or
an answer of numbers; no crash, no hang, nothing half written."""

import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

from letters import write_model_of_letters

EMBSCOPE = os.environ["EMBSCOPE"]
SECONDS = 120 if "EMBSCOPE_SANITIZED" in os.environ else 40

# A call of each command that succeeds. {m}: a model, {f}: a folder of files; each call has a working folder of its own.
CALLS = {
    "tokens": ["a cat", "-m", "{m}"],
    "predict": ["a cat", "-m", "{m}"],
    "entropy": ["a cat", "-m", "{m}"],
    "generate": ["a cat", "-m", "{m}", "-n", "3"],
    "chat": ["-m", "{m}", "-n", "3"],
    "trace": ["a cat", "-m", "{m}"],
    "trajectory": ["a cat", "-m", "{m}"],
    "lens": ["a cat", "-m", "{m}"],
    "attention": ["a cat", "-m", "{m}"],
    "attribute": ["a cat", "-m", "{m}"],
    "mix": ["a cat", "--replace", "c", "--with", "b", "--targets", "a", "-m", "{m}", "--steps", "3"],
    "edit": ["a cat", "--at", "blocks.0.mlp_out", "--do", "zero", "-m", "{m}"],
    "patch": ["a cat", "a dog", "--target", "a", "--against", "b", "-m", "{m}"],
    "steer": ["a cat", "--towards", "a", "--away", "b", "-m", "{m}", "--tokens", "3"],
    "similar": ["a", "-m", "{m}"],
    "neighbours": ["-k", "2", "-m", "{m}"],
    "vectors": ["a", "b", "-m", "{m}"],
    "cosine": ["a", "b", "-m", "{m}"],
    "odd": ["a", "b", "c", "-m", "{m}"],
    "analogy": ["a", "b", "c", "-m", "{m}"],
    "judgements": ["{f}/judgements.csv", "-m", "{m}"],
    "categories": ["--file", "{f}/categories.csv", "-m", "{m}"],
    "map": ["-m", "{m}", "--tokens", "0:50", "--method", "pca"],
    "geometry": ["-m", "{m}"],
    "heatmap": ["-m", "{m}"],
    "toy": [],
    "train": ["{f}/text.txt", "--out", "run", "--steps", "1", "--layers", "1", "--width", "8", "--heads", "1"],
    "train-tokenizer": ["{f}/text.txt", "--size", "258", "--to", "tokenizer"],
    "info": ["-m", "{m}"],
    "families": [],
    "compare": ["{m}", "{m}"],
    "run": ["--text", "a cat", "-m", "{m}", "--capture", "logits", "--to", "out.json"],
    "extract": ["{f}/text.txt", "-m", "{m}", "--at", "blocks.0.resid_post", "--to", "out"],
}
# What talks to others, or has no values of its own; `models` looks at the whole machine, `tour` takes minutes.
ELSEWHERE = {"serve", "pull", "models", "doctor", "catalogue", "completion", "tour", "growth", "verify"}

# Options that a call of its own would need, and values that mean years of work.
SKIPPED = {("geometry", "--bins"), ("geometry", "--unused"), ("train", "--steps", "2147483647")}

NEVER = {  # values that no option of the kind may take
    "N": ["", "x", "nan", "1e999", "99999999999999999999", "1.5", "-99999999999"],
    "NUMBER": ["", "x", "nan", "inf", "-inf", "1e999"],
    "SEED": ["", "x", "-1", "1.5", "nan", "18446744073709551616"],
    "IDS": ["-1", "99999999999", "x", "1,,2"],
    "EDIT": ["", "nonsense", "wte@999 zero", "wte scale nan", "wte scale 1e999", "nowhere zero", "wte set ((", "wte"],
    "SITES": ["", "nowhere", "wte@999", "wte@-999", "blocks.99.mlp_out", "blocks.0.z/99"],
    "CHANGE": ["", "scale nan", "scale 1e999", "vanish", "set ' "],
    "VECTOR": ["((", "'", "1 +", "file('/nowhere.npy', 0)"],
    "MODEL": ["/dev/null", "there", "{f}/none", "{f}/pipe", "hf:", "ollama:../../x", "x" * 5000],
}
PERHAPS = {  # values that some take
    "N": ["-1", "0", "2147483647"],
    "NUMBER": ["-1", "0", "1e300", "1e-320"],
    "SEED": ["18446744073709551615"],
    "IDS": [""],
    "WORD": ["", "#999999999", "@99", "\n", b"\xff\xfe", "x" * 3000, "constructor"],
    "NAME": ["", "-1", "blocks.99.mlp_out", b"\xff\xfe", "x" * 3000, "../../etc/passwd"],
    "FILE": ["", "{f}/text.txt/x", "there", "{f}/pipe", "/dev/full", "/dev/null/x", "x" * 300, b"\xff\n"],
    "VECTOR": ["", "' a' * 1e999", "0:1.0"],
    "TEXT": ["", b"\xff\xfe", "a" * 3000, "\x1b[31m", "漢字"],
    "": ["", "nonsense", b"\xff\xfe"],
}


def options_of(command):
    """[(name, kind, positional)] of a command, from its help."""
    done = subprocess.run([EMBSCOPE, command, "--help"], capture_output=True, text=True, timeout=SECONDS)
    options, positional = [], False
    for line in done.stdout.splitlines():
        if line in ("Positionals:", "Options:"):
            positional = line == "Positionals:"
        elif line == "Example:":
            break
        elif positional and (found := re.match(r"  ([A-Z0-9_]+)( |$)", line)):
            options.append((found[1], "TEXT" if found[1] == "TEXT" else "WORD", True))
        elif found := re.match(r"  (?:-\w, |    )(--[\w-]+)(?: ([A-Z][A-Z/]*|[\w-]+(?:\|[\w-]+)+))?( |$)", line):
            options.append((found[1], found[2] or "FLAG", False))
        elif found := re.match(r"  (-\w) ([A-Z]+) ", line):
            options.append((found[1], found[2], False))
    return options


def values_of(kind):
    never, perhaps = NEVER.get(kind, []), PERHAPS.get(kind, [] if kind in NEVER else PERHAPS[""])
    return [(value, True) for value in never] + [(value, False) for value in perhaps]


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.model, cls.files = cls.root / "model", cls.root / "files"
        cls.model.mkdir(), cls.files.mkdir()
        write_model_of_letters(cls.model)
        (cls.files / "text.txt").write_text("a cat is a cat. a dog is a dog.\n" * 200)
        (cls.files / "judgements.csv").write_text("a,b,1\nb,c,2\na,c,3\n")
        (cls.files / "categories.csv").write_text(": x\na b\n: y\nc d\n")
        os.mkfifo(cls.files / "pipe")

    def filled(self, argument):
        if isinstance(argument, bytes):
            return argument
        return argument.replace("{m}", str(self.model)).replace("{f}", str(self.files))

    def call(self, command, arguments):
        """(exit code, standard output, standard error, the names that are there then)"""
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            os.mkdir(folder + "/there")
            done = subprocess.run(
                [EMBSCOPE, command, *map(self.filled, arguments)],
                input=b"a cat\n" if command == "chat" else b"",
                capture_output=True,
                timeout=SECONDS,
                cwd=folder,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "EMBSCOPE_CACHE": folder + "/cache"},
            )
            left = [str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*")]
            return done.returncode, done.stdout, done.stderr, sorted(set(left) - {"there"})

    def problem(self, command, arguments, never):
        """What is wrong with how a call ends; None if nothing."""
        try:
            status, out, err, left = self.call(command, arguments)
        except subprocess.TimeoutExpired:
            return "does not end"
        except ValueError:
            return None  # a zero byte cannot be given
        lines = err.decode("utf-8", "replace").splitlines()
        if status == 0:
            if never:
                return "is taken"
            return "prints nan" if re.search(rb"(?i)(?<![\w.\"'-])-?(nan|inf)(?![\w\"'])", out) else None
        if status not in (1, 2):
            return f"ends with {status}: {err[:300]}"
        if not lines or not lines[-1].startswith("embscope: ") or sum(x.startswith("embscope: ") for x in lines) != 1:
            return f"has no one line: {err[:300]}"
        if out and command != "tokens":  # a text after the other
            return f"prints a part of an answer: {out[:100]}"
        if len(lines[-1]) > 2000:
            return f"says too much: {lines[-1][:100]}"
        if re.search(
            r"terminate called|std::|CLI::|basic_string|vector::|unordered_map|json\.exception",
            err.decode("utf-8", "replace"),
        ):
            return f"speaks of its inside: {lines[-1]}"
        if left and b"its training diverged" not in err:
            return f"leaves {left}"
        return None

    def changed(self, base, name, kind, positional, value):
        """The arguments with this value for the option."""
        if positional:
            first = [] if base and base[0].startswith("-") else base[1:]
            return [value, *first] if base and not base[0].startswith("-") else [value, *base]
        arguments = list(base)
        short = {"--model": "-m", "--tokens": "-n"}.get(name, name)
        for known in (name, short):
            if known in arguments:
                at = arguments.index(known)
                del arguments[at : at + 2]
        # An empty value, and one that looks like an option, are given with "=".
        if isinstance(value, str) and name.startswith("--"):
            return [*arguments, f"{name}={value}"]
        return [*arguments, name, value]

    def test_every_command_is_swept(self):
        done = subprocess.run([EMBSCOPE, "--help"], capture_output=True, text=True)
        names = set(re.findall(r"^  ([a-z-]+)  ", done.stdout, re.MULTILINE))
        self.assertEqual(names, set(CALLS) | ELSEWHERE)

    def test_what_cannot_be_printed(self):
        for command, base in CALLS.items():
            arguments = [EMBSCOPE, command, *map(self.filled, base)]
            with tempfile.TemporaryDirectory(dir=self.root) as folder, open("/dev/full", "wb") as full:
                done = subprocess.run(arguments, input=b"a cat\n", stdout=full, stderr=subprocess.PIPE, cwd=folder)
                self.assertEqual(done.returncode, 1, command)
                self.assertIn(b"embscope: [standard output] cannot write", done.stderr.splitlines()[-1], command)
            with tempfile.TemporaryDirectory(dir=self.root) as folder:
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run(arguments, input=b"a cat\n", stdout=writer, stderr=subprocess.PIPE, cwd=folder)
                os.close(writer)
                self.assertIn(done.returncode, (1, -signal.SIGPIPE), command)

    def test_hostile_values(self):
        calls = []
        for command, base in CALLS.items():
            status, _, err, _ = self.call(command, base)
            self.assertEqual(status, 0, f"{command}: {err}")
            options = options_of(command)
            self.assertGreater(len(options), 0, command)
            for name, kind, positional in options:
                if kind == "FLAG":
                    continue
                for value, never in values_of(kind):
                    if (command, name) in SKIPPED or (command, name, value) in SKIPPED:
                        continue
                    calls.append((command, self.changed(base, name, kind, positional, value), never))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda call: self.problem(*call), calls))
        wrong = [f"{c} {[str(a)[:60] for a in args]}: {what}" for (c, args, _), what in zip(calls, found) if what]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(calls)} calls")


if __name__ == "__main__":
    unittest.main()
