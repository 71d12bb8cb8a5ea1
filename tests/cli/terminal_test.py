"""`chat` and `generate` at a terminal (a pseudo-terminal), and text that comes in pieces: whole characters, nothing that controls the
terminal, Ctrl-C ends an answer, Ctrl-D the conversation."""

import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference"
PATIENCE = 60


def alphabet():
    """GPT-2's characters for bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def model_of_bytes(folder, tokens):
    """The tiny model with a token for each of these bytes."""
    for file in ("config.json", "model.safetensors"):
        shutil.copy(DATA / "tiny-gpt2" / file, folder)
    characters = alphabet()
    (folder / "vocab.json").write_text(json.dumps({characters[b]: i for i, b in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}.{% endfor %}")
    return folder


class Terminal:
    """A program at a pseudo-terminal."""

    def __init__(self, *arguments):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execv(EMBSCOPE, [EMBSCOPE, *map(str, arguments)])
        self.seen = b""
        self.at = 0

    def read(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        try:
            part = os.read(self.terminal, 65536) if ready else b""
        except OSError:
            return False  # it has ended
        self.seen += part
        return True

    def until(self, text):
        """What comes up to `text`, which is passed."""
        end = time.monotonic() + PATIENCE
        while (found := self.seen.find(text, self.at)) < 0:
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f"{text} does not come: {self.seen[self.at :]}")
        before, self.at = self.seen[self.at : found], found + len(text)
        return before

    def type(self, keys):
        os.write(self.terminal, keys)

    def status(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.read(0.05)
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                os.close(self.terminal)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.process, signal.SIGKILL)
        raise AssertionError("does not end")


class Chat(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!' "
        self.model = model_of_bytes(pathlib.Path(folder.name), letters)

    def chat(self, *arguments):
        terminal = Terminal("chat", "-m", self.model, *arguments)
        terminal.until(b"/help lists commands")
        terminal.until(b"> ")
        return terminal

    def test_messages_commands_and_the_end(self):
        chat = self.chat("-n", 5)
        chat.type(b"a cat\n")
        self.assertIn(b"tokens, ", chat.until(b" a second"))
        chat.until(b"> ")
        chat.type(b"\n")
        self.assertEqual(chat.until(b"> ").strip(), b"", "an empty line is no message")
        for line, answer in (
            (b"/nonsense", b"there is no command /nonsense: /help lists them"),
            (b"/edit", b"/edit needs an edit, or off"),
            (b"/edit nowhere zero", b"site nowhere: no such site"),
            (b"/edit blocks.0.mlp_out zero", b""),
            (b"/edits", b"blocks.0.mlp_out zero"),
            (b"/again", b"a second"),
            (b"\xff\xfe", b"has no token for the byte 0xFF"),
            (b"a" * 80, b"begin a new one, or let the oldest"),
            (b"x" * 4000, b"begin a new one, or let the oldest"),
            (b"/new", b""),
            (b"/again", b"there is no answer yet"),
        ):
            chat.type(line + b"\n")
            self.assertIn(answer, chat.until(b"\n> "), line)
        chat.type(b"\x04")
        self.assertEqual(chat.status(), 0)

    def test_ctrl_c_ends_an_answer_and_not_the_conversation(self):
        chat = self.chat("-n", 1000000, "--shift")
        chat.type(b"a cat\n")
        chat.until(b"\r\n")
        while len(chat.seen) < chat.at + 200:
            chat.read(1)
        chat.type(b"\x03")
        chat.until(b"tokens, ")
        chat.until(b"> ")
        chat.type(b"/bye\n")
        self.assertEqual(chat.status(), 0)

    def test_ctrl_c_at_the_prompt_ends(self):
        chat = self.chat()
        chat.type(b"\x03")
        self.assertEqual(chat.status(), -signal.SIGINT)


class LiveText(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_characters_come_as_a_whole(self):
        model = model_of_bytes(self.folder, [*range(0xC2, 0xDF), *range(0x80, 0xC0), *b"abcd"])  # all rows
        characters = halves = pieces = 0
        for seed in range(1, 13):
            arguments = ["generate", "\u00e9", "-m", str(model), "-n", "500", "--temperature", "4", "--shift"]
            process = subprocess.Popen([EMBSCOPE, *arguments, "--seed", str(seed)], stdout=subprocess.PIPE, bufsize=0)
            parts = []
            while part := os.read(process.stdout.fileno(), 65536):
                parts.append(part)
            process.stdout.close()
            self.assertEqual(process.wait(), 0)
            done = subprocess.run([EMBSCOPE, *arguments, "--seed", str(seed), "--csv"], capture_output=True, check=True)
            whole = b"".join(parts)
            self.assertEqual(len(whole), len(done.stdout.splitlines()) - 1 + 2 + 1, "a byte for each token")
            text = "".join(part.decode("utf-8", "surrogateescape") for part in parts)
            self.assertEqual(text, whole.decode("utf-8", "surrogateescape"))
            pieces += len(parts)
            characters += sum(0x80 <= ord(c) < 0xD800 for c in text)
            halves += sum(ord(c) >= 0xDC80 for c in text)
        self.assertGreater(min(characters, halves, pieces), 20)

    def test_nothing_controls_the_terminal(self):
        controls = [b for b in range(32) if b not in (9, 10)] + [127]
        model = model_of_bytes(self.folder, [*controls, 0xC2, *range(0x80, 0xA0), 97])
        arguments = ("generate", "a", "-m", model, "-n", "50", "--temperature", "3")
        terminal = Terminal(*arguments)
        self.assertEqual(terminal.status(), 0)
        self.assertIn(b"\\x", terminal.seen)
        self.assertEqual([b for b in terminal.seen.replace(b"\r\n", b"") if b < 32 or b == 127], [])
        piped = subprocess.run([EMBSCOPE, *map(str, arguments)], capture_output=True)
        self.assertNotIn(b"\\x", piped.stdout, "a pipe gets the bytes")
        self.assertTrue(any(b < 32 and b != 10 for b in piped.stdout))


if __name__ == "__main__":
    unittest.main()
