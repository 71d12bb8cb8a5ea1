"""generate and chat over HTTP: the fields of the command, and why a text ended."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from client import EMBSCOPE, Server

TINY = pathlib.Path(__file__).resolve().parents[1] / "data/reference/tiny-gpt2"


class Generate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name)
        for file in ("config.json", "model.safetensors"):
            shutil.copy(TINY / file, cls.model)
        tokens = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!'", "Ġ"]
        (cls.model / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
        (cls.model / "merges.txt").write_text("#version: 0.2\n")
        (cls.model / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}. {% endfor %}")
        cls.server = Server("-m", str(cls.model))
        cls.addClassCleanup(cls.server.stop)

    def events(self, path, **fields):
        events = list(self.server.events("POST", path, fields))
        text = "".join(bytes.fromhex(data["bytes"]).decode() for event, data in events if event == "token")
        return text, *events[-1]

    def command(self, text, *arguments):
        command = [str(EMBSCOPE), "generate", text, "-m", str(self.model), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout[len(text) : -1]

    def test_every_choice_is_that_of_the_command(self):
        fields = dict(count=12, temperature=1, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.5, seed=4)
        options = [f"--{name.replace('_', '-')}" for name in fields]
        options[0] = "-n"
        arguments = [part for pair in zip(options, fields.values()) for part in pair]
        text, event, data = self.events("/api/generate", text="a cat", **fields)
        self.assertEqual(text, self.command("a cat", *arguments))
        self.assertEqual((event, data), ("done", {"count": 12, "ended": "tokens"}))

    def test_stop_words_edits_and_a_full_context(self):
        plain = self.events("/api/generate", text="a cat", temperature=1)[0]
        text, _, data = self.events("/api/generate", text="a cat", temperature=1, stop=["~", plain[4:6]])
        self.assertEqual((text, data["ended"]), (plain[: plain.index(plain[4:6])], "stop word"))
        self.assertEqual(self.events("/api/generate", text="a cat", count=200)[2]["ended"], "context")
        self.assertEqual(self.events("/api/generate", text="a cat", count=200, shift=True)[2]["count"], 200)

    def test_chat_is_the_text_that_the_template_makes(self):
        messages = [{"role": "user", "content": "a cat"}, {"role": "assistant", "content": "no"}]
        messages.append({"role": "user", "content": "why"})
        edit = "blocks.0.mlp_out zero"
        text, event, data = self.events("/api/chat", messages=messages, count=8, edits=[edit])
        self.assertEqual(text, self.command("a cat. no. why. ", "-n", 8, "--edit", edit))
        self.assertEqual((event, data["count"]), ("done", 8))

    def test_what_is_wrong_is_refused(self):
        for fields in (
            {},
            {"messages": []},
            {"messages": "hi"},
            {"messages": ["hi"]},
            {"messages": [{"role": "user"}]},
            {"messages": [{"role": "user", "content": "a", "name": "b"}]},
            {"messages": [{"role": "user", "content": "a"}], "min_p": 2},
            {"messages": [{"role": "user", "content": "a"}], "edits": ["wte@0 set file('x.npy')"]},
            {"messages": [{"role": "user", "content": "a" * 99}]},
        ):
            body = json.dumps(fields)
            status, _, answer = self.server.raw("POST", "/api/chat", body, self.server.headers(body))
            self.assertTrue(status in (400, 403, 422) or b"event: failed" in answer, (fields, status, answer))
            self.assertNotIn(b"event: token", answer)


if __name__ == "__main__":
    unittest.main()
