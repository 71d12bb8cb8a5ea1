"""`generate` with every choice, and `chat` over a pipe."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from letters import write_model_of_letters

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference"


class Generate(unittest.TestCase):
    """The tiny model with a byte-level vocabulary of its characters."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.model = pathlib.Path(cls.folder.name)
        write_model_of_letters(cls.model)

    def run_(self, *arguments, stdin="", status=0):
        command = [EMBSCOPE, arguments[0], "-m", str(self.model), *map(str, arguments[1:])]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def text(self, *arguments):
        return self.run_("generate", "a cat", "--temperature", 1, *arguments).stdout[5:-1]

    def test_every_choice_is_taken(self):
        plain = self.text()
        for change in (("--min-p", 0.9), ("--repetition-penalty", 5), ("--top-k", 1), ("--top-p", 0.01), ("--seed", 9)):
            self.assertNotEqual(self.text(*change), plain, change)
        self.assertEqual(self.text("--min-p", 0, "--repetition-penalty", 1, "--top-k", 0, "--seed", 1), plain)

    def test_stop_words(self):
        plain = self.text()
        stop = plain[5:8]
        self.assertEqual(self.text("--stop", "not there", "--stop", stop), plain[: plain.index(stop)])

    def test_edits_in_force(self):
        self.assertNotEqual(self.text("--edit", "blocks.0.mlp_out zero"), self.text())

    def test_a_full_context_is_told_or_shifted(self):
        done = self.run_("generate", "a cat", "-n", 200)
        self.assertIn("the context of 64 tokens is full", done.stderr)
        done = self.run_("generate", "a cat", "-n", 200, "--shift", "--csv")
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (201, ""))

    def test_what_is_no_choice_is_refused(self):
        for wrong in (("--min-p", 2), ("--repetition-penalty", 0), ("--stop", "")):
            done = self.run_("generate", "a cat", *wrong, status=1)
            self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1))
        done = self.run_("generate", "a cat", "--shift", "--edit", "wte@1 zero", status=2)
        self.assertIn("positions", done.stderr)

    def test_chat_answers_line_by_line(self):
        done = self.run_("chat", "-n", 6, stdin="a cat\n\na dog\n/new\na cat\n/bye\nnever\n")
        first, second, third = done.stdout.splitlines()
        self.assertEqual(first, third)
        answer = self.run_("generate", "a cat. ", "-n", 6).stdout[len("a cat. ") : -1]
        self.assertEqual(first, answer)
        text = f"a cat. {answer}. a dog. "
        self.assertEqual(second, self.run_("generate", text, "-n", 6).stdout[len(text) : -1])

    def test_chat_with_a_system_message_an_edit_and_a_template(self):
        form = self.model / "other.jinja"
        form.write_text("{{ messages | map(attribute='content') | join('!') }}")
        edit = ("--edit", "blocks.0.mlp_out zero")
        done = self.run_("chat", "-n", 6, "--system", "Be", "--template", form, *edit, stdin="a cat\n")
        self.assertEqual(done.stdout, self.run_("generate", "Be!a cat", "-n", 6, *edit).stdout[len("Be!a cat") :])

    def test_edits_of_a_chat_hold_for_the_whole_conversation(self):
        edit = "blocks.0.mlp_out zero"
        script = f"a cat\n/edit {edit}\n/edits\na dog\n/again\n/edit off\n/edits\n/again\n"
        done = self.run_("chat", "-n", 6, stdin=script)
        first, listed, edited, again, plain = done.stdout.splitlines()
        self.assertEqual(listed, edit)
        text = f"a cat. {first}. a dog. "
        with_edit = self.run_("generate", text, "-n", 6, "--edit", edit).stdout[len(text) : -1]
        self.assertEqual((edited, again), (with_edit, with_edit))
        self.assertEqual(plain, self.run_("generate", text, "-n", 6).stdout[len(text) : -1])
        self.assertIn("no edits are in force", done.stderr)

    def test_commands_of_a_chat(self):
        done = self.run_("chat", stdin="/help\n/bye\n")
        names = [line.split()[0] for line in done.stdout.splitlines()]
        self.assertEqual(names, ["/edit", "/edits", "/again", "/new", "/help", "/bye"])
        for wrong, status, why in (
            ("/dance", 2, "there is no command /dance: /help lists them"),
            ("/edit", 2, "/edit needs an edit, or off"),
            ("/edit nonsense zero", 1, "site nonsense: no such site"),
            ("/again", 2, "there is no answer yet to give again"),
        ):
            done = self.run_("chat", stdin=wrong + "\n", status=status)
            self.assertIn(why, done.stderr)
            self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1))

    def test_chat_that_does_not_fit_is_refused(self):
        done = self.run_("chat", stdin="a" * 80 + "\n", status=1)
        self.assertIn("the conversation has 82 tokens, the context 64", done.stderr)

    def test_chat_without_a_template_says_so(self):
        done = subprocess.run(
            [EMBSCOPE, "chat", "-m", str(DATA / "tiny-gpt2")], input="a\n", capture_output=True, text=True, timeout=60
        )
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))


if __name__ == "__main__":
    unittest.main()
