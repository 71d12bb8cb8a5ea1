"""The documentation holds: its examples run and print what the pages say, its links and names exist, its reference is
fresh.

What a fenced block of a page means:

    ```console          is run. A line `$ COMMAND` (`\\` at its end continues it) goes to sh; the lines below are what
    it prints,
                        standard error included. The blocks of a page share one empty folder, in which `docs` and
                        `tests` are those of the repository.
    ```sh               is not run (it needs a network, or minutes); its embscope commands and options must exist.
    ```LANG file=NAME   is written to that folder as NAME; where the repository has a file NAME, the block must equal
    it.

Output is compared word by word. A line `...` stands for any lines, a word `...` for any words, `...` in a word for any
part of it. Numbers with a decimal point
may differ by three in the last digit: processors and kernels round differently. A command fails, and only then, when
its output begins with `embscope: `.

EMBSCOPE names the program; EMBSCOPE_EXAMPLE the built docs/how-to/cpp, without which its example is not run;
EMBSCOPE_PYTHON a Python with NumPy for the examples that need it (else python3; without NumPy they are not run).
"""

import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EMBSCOPE = pathlib.Path(os.environ["EMBSCOPE"]).resolve()
PATIENCE = 3000 if "EMBSCOPE_SANITIZED" in os.environ else 600  # seconds for one example
EXAMPLE = os.environ.get("EMBSCOPE_EXAMPLE")
PYTHON = os.environ.get("EMBSCOPE_PYTHON") or "python3"
MADE = ROOT / "docs/reference"


def pages(made=False):
    found = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if made or MADE not in page.parents]


# What a page says


class Block:
    def __init__(self, language, name, line, text):
        self.language, self.name, self.line, self.text = language, name, line, text


def blocks(page):
    lines = page.read_text().splitlines()
    at = 0
    while at < len(lines):
        fence = re.match(r"```(\w*)(?: file=(\S+))?\s*$", lines[at])
        if fence:
            end = lines.index("```", at + 1)
            yield Block(fence.group(1), fence.group(2), at + 1, "\n".join(lines[at + 1 : end]))
            at = end
        at += 1


def examples(block):
    """(line, command, expected lines) of a console block."""
    command, expected, line = None, [], 0
    for number, text in enumerate(block.text.splitlines(), block.line + 1):
        if command is not None and command.endswith("\\") and not expected:
            command += "\n" + text
        elif text.startswith("$ "):
            if command is not None:
                yield line, command, expected
            command, expected, line = text[2:], [], number
        elif command is None:
            raise AssertionError(f"line {number}: a console block begins with '$ '")
        else:
            expected.append(text)
    if command is not None:
        yield line, command, expected


def prose(page):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def spans(page):
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(page))


# Expected and found

NUMBER = re.compile(r"[-+]?\d+\.\d+")


def same_word(expected, found):
    if "..." in expected:
        return re.fullmatch(r"\S*".join(map(re.escape, expected.split("..."))), found) is not None
    if NUMBER.sub("0", expected) != NUMBER.sub("0", found):
        return False
    for a, b in zip(NUMBER.findall(expected), NUMBER.findall(found)):
        digits = len(a.partition(".")[2])
        if digits != len(b.partition(".")[2]) or abs(float(a) - float(b)) > 3.001 * 10**-digits:
            return False
    return True


def matches(expected, found, same, wild):
    """Whether two lists agree where `wild` in the first stands for any part of the second."""
    reach = {0}  # how much of `found` may be used up
    for item in expected:
        if item == wild:
            reach = set(range(min(reach), len(found) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(found) and same(item, found[at])}
    return len(found) in reach


def same_line(expected, found):
    return matches(expected.split(), found.split(), same_word, "...")


def same_output(expected, found):
    trimmed = lambda lines: "\n".join(line.rstrip() for line in lines).strip("\n").splitlines()
    return matches(trimmed(expected), trimmed(found), same_line, "...")


# What the program has


@functools.cache
def ask(*arguments):
    done = subprocess.run([EMBSCOPE, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"embscope {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def options(command=()):
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", ask(*command, "--help").partition("\nExample")[0]))


def commands():
    return re.findall(r"^  ([a-z]\S*)", ask("--help"), re.M)


def sites():
    """Every name of every site of the reference, with L for the block."""
    return set(
        re.findall(
            r"`([^`]+)`",
            "\n".join(re.findall(r"^\| `.*$", (MADE / "sites.md").read_text().partition("| written")[0], re.M)),
        )
    )


def mistakes_of(line):
    """What is wrong with the embscope commands of a shell line."""
    try:
        words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    except ValueError:
        words = line.split()
    for at, word in enumerate(words):
        # shlex with punctuation characters keeps paths and options whole; EMBSCOPE=... only names the program
        if (
            "=" in word
            or pathlib.PurePath(word).name != "embscope"
            or at + 1 == len(words)
            or not re.match(r"[-\w]", words[at + 1])
        ):
            continue
        name, known = words[at + 1], options()
        if name in commands():
            known = options((name,))
        elif not name.startswith("-"):
            if name != "COMMAND":
                yield f"there is no command '{name}'"
            continue
        for option in words[at + 1 :]:
            if set(option) <= set("|&;()<>"):
                break
            if re.match(r"--?[a-z]", option) and option.partition("=")[0] not in known:
                yield f"'embscope {name}' has no option {option}"


class Examples(unittest.TestCase):
    """One test a page, made below."""

    def check(self, page):
        with tempfile.TemporaryDirectory() as top:
            tools, folder = pathlib.Path(top, "bin"), pathlib.Path(top, "folder")
            tools.mkdir(), folder.mkdir()
            (tools / "embscope").symlink_to(EMBSCOPE)
            if EXAMPLE:
                (tools / "probe").symlink_to(pathlib.Path(EXAMPLE).resolve())
            for part in ("docs", "tests"):
                (folder / part).symlink_to(ROOT / part)
            environment = {
                name: value for name, value in os.environ.items() if name not in ("EMBSCOPE_MODEL", "EMBSCOPE")
            }
            environment |= {"PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
            for block in blocks(page):
                if block.name and not (ROOT / block.name).exists():
                    (folder / block.name).write_text(block.text + "\n")
                for line, command, expected in examples(block) if block.language == "console" else ():
                    with self.subTest(f"{page.relative_to(ROOT)}:{line}"):
                        self.run_example(command, expected, folder, environment)

    def run_example(self, command, expected, folder, environment):
        script = re.match(r"python3 (\S+\.py)", command)
        if script:
            if "import numpy" in (folder / script.group(1)).read_text() and not has_numpy():
                print(f"no NumPy: not run: {command}", file=sys.stderr)
                return
            command = shlex.quote(PYTHON) + command[len("python3") :]
        if command.split()[0] == "probe" and not EXAMPLE:
            print(f"no EMBSCOPE_EXAMPLE: not run: {command}", file=sys.stderr)
            return
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )
        found = done.stdout.decode(errors="replace").splitlines()
        fails = any(line.startswith("embscope: ") for line in expected)
        status = f"status {done.returncode}, {'a failure' if fails else '0'} expected"
        if fails != (done.returncode != 0) or not same_output(expected, found):
            self.fail(
                "\n".join([f"$ {command}", f"--- the page says ({status})", *expected, "--- the program says", *found])
            )


@functools.cache
def has_numpy():
    return subprocess.run([PYTHON, "-c", "import numpy"], capture_output=True).returncode == 0


def add_examples():
    for page in pages():
        if any(block.language == "console" for block in blocks(page)):
            name = "test_" + re.sub(r"\W+", "_", str(page.relative_to(ROOT).with_suffix(""))).lower()
            setattr(Examples, name, lambda self, page=page: self.check(page))


add_examples()


class Names(unittest.TestCase):
    def test_shown_files_are_the_files(self):
        for page in pages():
            for block in blocks(page):
                if block.name and (ROOT / block.name).exists():
                    with self.subTest(f"{page.relative_to(ROOT)}:{block.line}"):
                        self.assertEqual(
                            block.text.splitlines(), (ROOT / block.name).read_text().splitlines(), block.name
                        )

    def test_commands_and_options_exist(self):
        known = set().union(options(), *(options((name,)) for name in commands()))
        for page in pages():
            where = page.relative_to(ROOT)
            lines = [
                line
                for block in blocks(page)
                if block.language == "sh"
                for line in block.text.replace("\\\n", " ").splitlines()
            ]
            for line in [*lines, *(span for span in spans(page) if span.startswith("embscope "))]:
                with self.subTest(f"{where}: {line}"):
                    self.assertEqual(list(mistakes_of(line)), [])
            for span in spans(page):
                if re.fullmatch(r"--[a-z][\w-]*", span):
                    self.assertIn(span, known, where)

    def test_sites_exist(self):
        names = sites()
        ends = {name.removeprefix("blocks.L.") for name in names}
        for page in pages():
            for span in spans(page):
                site = re.sub(r"(?<=[.-])(?:\d+-\d+|-?\d+|\*)(?=\.|$)", "L", span)
                with self.subTest(f"{page.relative_to(ROOT)}: {span}"):
                    if re.fullmatch(r"(blocks|blk|transformer\.h|model\.layers)\.[\w.]+", site):
                        self.assertTrue(site in names, "docs/reference/sites.md has no such site")
                    elif re.fullmatch(r"(resid|attn|mlp|rot|hook)_\w+|ln1[\w.]*|ln2[\w.]*|ln_final[\w.]*", site):
                        self.assertTrue(
                            site in ends or any(name.endswith("." + site) for name in names),
                            "docs/reference/sites.md has no such site",
                        )

    def test_links_and_files_exist(self):
        for page in pages(made=True):
            for text, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", prose(page)):
                if re.match(r"\w+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (page.parent / path).resolve() if path else page
                with self.subTest(f"{page.relative_to(ROOT)}: [{text}]({target})"):
                    self.assertTrue(file.exists(), f"there is no {path}")
                    if anchor:
                        self.assertIn(anchor, anchors(file))
            for span in spans(page):
                if re.fullmatch(r"(docs|src|include|tests|scripts|apps|cmake|bench)/[\w./-]*", span):
                    with self.subTest(f"{page.relative_to(ROOT)}: {span}"):
                        self.assertTrue((ROOT / span).exists())

    def test_every_page_can_be_found(self):
        index = (ROOT / "docs/README.md").read_text()
        for page in sorted((ROOT / "docs").rglob("*.md")):
            name = str(page.relative_to(ROOT / "docs"))
            if name != "README.md":
                self.assertIn(f"({name})", index, "docs/README.md does not name it")


def anchors(page):
    """As GitHub makes them of headings."""
    seen = {}
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        yield slug if seen[slug] == 0 else f"{slug}-{seen[slug]}"


class Reference(unittest.TestCase):
    def test_is_fresh(self):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/reference", "--check"],
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"EMBSCOPE": str(EMBSCOPE)},
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Convention(unittest.TestCase):
    """The comparison itself: it forgives rounding, spacing and what `...` stands for, and nothing else."""

    def test_output(self):
        same = lambda a, b: same_output(a.splitlines(), b.splitlines())
        self.assertTrue(same("a   b\n...\nz", "a b\nc\nd\nz  \n"))
        self.assertTrue(same("...\nz", "z"))
        self.assertTrue(same("wrote ... bytes", "wrote 12 of 13 bytes"))
        self.assertTrue(same("a,1...", "a,1.25"))
        self.assertFalse(same("a,1...", "a,2.25"))
        self.assertTrue(same("p = 0.7963,", "p = 0.7965,"))
        for a, b in (
            ("p 0.7963", "p 0.7969"),
            ("p 0.7963", "p 0.796"),
            ("n 7", "n 8"),
            ("a", ""),
            ("", "a"),
            ("a\n...", "b\na"),
            ("-0.5", "0.5"),
        ):
            self.assertFalse(same(a, b), (a, b))

    def test_examples(self):
        found = list(examples(Block("console", None, 1, "$ one \\\n  --two\nthree\n\n$ four")))
        self.assertEqual(found, [(2, "one \\\n  --two", ["three", ""]), (6, "four", [])])

    def test_mistakes(self):
        self.assertEqual(list(mistakes_of('embscope predict "x" -k 3 --save f.svg | less -S')), [])
        self.assertEqual(list(mistakes_of("build/release/embscope predct x")), ["there is no command 'predct'"])
        self.assertEqual(
            list(mistakes_of("embscope toy --nonsense && ls --all")), ["'embscope toy' has no option --nonsense"]
        )


if __name__ == "__main__":
    unittest.main()
