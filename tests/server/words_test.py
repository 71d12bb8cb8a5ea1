"""A word, a word with its space, "#ID" and a position mean the same over HTTP and on the command line, and answers say
what each stands for."""

import subprocess
import unittest

from client import CAPITAL, EMBSCOPE, Server, command

CATS = "The cat saw the cat and the cat"


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    assert server.stop() == 0


def token(text):
    return server.post("/api/predict", text=CAPITAL, targets=[text])["words"][0]


class Words(unittest.TestCase):
    def test_what_each_stands_for(self):
        germany = token(" Germany")
        self.assertEqual((germany["label"], germany["read"], germany["single"]), ("␣Germany", "as_written", True))
        by_id = token(f"#{germany['id']}")
        self.assertEqual((by_id["id"], by_id["label"], by_id["read"]), (germany["id"], "␣Germany", "by_id"))
        banana = token("banana")
        self.assertEqual(
            (banana["label"], banana["read"], banana["single"], banana["text"]),
            ("␣banana", "with_space", True, "banana"),
        )
        self.assertEqual(banana["reading"], "␣banana: the word with its space, 1 token")
        long = token("unfathomableness")
        self.assertEqual((long["single"], long["label"], long["read"]), (False, long["pieces"][-1], "as_written"))
        self.assertIn(f"the last of {len(long['pieces'])} tokens", long["reading"])
        literal = token("##5")
        self.assertEqual((literal["pieces"], literal["read"]), (["#", "5"], "as_written"))

    def test_ids_beyond_the_matrix_are_refused_by_name(self):
        for text in ("#49152", "#-1", "#99999999999999999999"):
            for path, fields in (
                ("/api/predict", {"text": CAPITAL, "targets": [text]}),
                ("/api/lens", {"text": CAPITAL, "target": text}),
                ("/api/attribute", {"text": CAPITAL, "against": text}),
                ("/api/mix", {"text": CAPITAL, "replace": " Germany", "with": text, "targets": " a"}),
                ("/api/mix/at", {"text": CAPITAL, "replace": " Germany", "with": " a", "targets": text}),
                ("/api/edit", {"text": CAPITAL, "edits": ["wte@0 zero"], "targets": [text]}),
                ("/api/jobs", {"kind": "patch", "clean": "a", "corrupt": "b", "target": text, "against": " a"}),
                ("/api/jobs", {"kind": "steer", "text": "a", "towards": "b", "away": "c", "targets": text}),
            ):
                status, answer = server.ask("POST", path, fields)
                self.assertEqual((status, answer["error"]["where"]), (422, f"token '{text}'"), (path, answer))
            done = subprocess.run([EMBSCOPE, "cosine", "--", " cat", text], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"[token '{text}'] the embedding matrix has rows 0:49152", done.stderr)

    def test_the_command_line_reads_them_alike(self):
        germany = token(" Germany")["id"]
        by_word, by_id = command("similar", " Germany"), command("similar", f"#{germany}")
        self.assertEqual(by_word, by_id)
        self.assertEqual(by_word["columns"], server.post("/api/similar", vector=f"#{germany}")["table"]["columns"])
        self.assertEqual(list(command("cosine", "banana", " cat")["columns"]), ["word", "␣banana", "␣cat"])
        mine = server.post(
            "/api/mix", text=CAPITAL, replace=f"#{germany}", targets=["#3", "banana"], **{"with": "Belgium"}
        )
        theirs = command("mix", CAPITAL, "--replace", f"#{germany}", "--with", "Belgium", "--targets", "#3", "banana")
        self.assertEqual(mine["table"]["columns"], theirs["columns"])
        self.assertEqual((mine["replaced"], mine["mixed_in"]), ("␣Germany", "␣Belgium"))
        self.assertEqual(list(mine["table"]["columns"])[2], "␣banana")
        self.assertEqual([w["text"] for w in mine["words"]], ["Belgium", "#3", "banana"])

    def test_expressions_name_their_tokens(self):
        answer = server.post("/api/similar", vector="' king' - 'man' + #123 + mean(run(' x')) ", k=3)
        self.assertEqual(
            [(w["text"], w["read"]) for w in answer["words"]],
            [(" king", "as_written"), ("man", "as_written"), ("#123", "by_id")],
        )
        ids = {w["id"] for w in answer["words"]}
        self.assertFalse(
            ids & set(answer["table"]["columns"]["id"]), "neighbours are others than the words of the expression"
        )
        edited = server.post(
            "/api/edit", text=CAPITAL, edits=[{"at": "wte@' Germany'", "do": "set 'banana'"}], targets=["#5"]
        )
        self.assertEqual([w["label"] for w in edited["words"]][0], "␣banana")

    def test_a_repeated_word_is_named_by_its_occurrence(self):
        at = {
            name: server.post("/api/mix/at", text=CATS, replace=name, targets=" dog", p=1, **{"with": " dog"})[
                "position"
            ]
            for name in (" cat[1]", " cat[2]", " cat[3]", " cat[-1]", "cat[2]", "@4", "4", "-1", "@-1")
        }
        self.assertEqual(
            at,
            {" cat[1]": 1, " cat[2]": 4, " cat[3]": 7, " cat[-1]": 7, "cat[2]": 4, "@4": 4, "4": 4, "-1": 7, "@-1": 7},
        )
        cat = token(" cat")["id"]
        self.assertEqual(
            server.post("/api/mix/at", text=CATS, replace=f"#{cat}[2]", targets=" dog", p=1, **{"with": " dog"})[
                "position"
            ],
            4,
        )
        by_edit = server.post("/api/edit", text=CATS, edits=["wte@' cat'[2] zero"])
        self.assertEqual(by_edit["table"], server.post("/api/edit", text=CATS, edits=["wte@4 zero"])["table"])
        for name, says in (
            (" cat", "at positions 1, 4, 7"),
            (" cat[4]", "it occurs 3 times"),
            (" cat[0]", "count from 1"),
            ("#4", "position 4 is written 4 or @4"),
            ("9", "positions 0..7"),
        ):
            status, answer = server.ask(
                "POST", "/api/mix", {"text": CATS, "replace": name, "with": " dog", "targets": " a"}
            )
            self.assertIn(says, answer["error"]["message"], (name, status))
        table = command("mix", CATS, "--replace", " cat[2]", "--with", " dog", "--targets", " and")
        self.assertEqual(
            table["columns"],
            server.post("/api/mix", text=CATS, replace="@4", targets=" and", **{"with": " dog"})["table"]["columns"],
        )


if __name__ == "__main__":
    unittest.main()
