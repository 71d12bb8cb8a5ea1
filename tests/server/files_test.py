"""No request reads a file of the machine by an expression, however it is written; and none tells whether a path
exists."""

import json
import pathlib
import struct
import tempfile
import unittest

from client import CAPITAL, Server

WIDTH = 576
JOBS = {
    "patch": {
        "clean": "a cat",
        "corrupt": "a dog",
        "target": " a",
        "against": " b",
        "sites": ["resid_pre"],
        "heads": False,
    },
    "steer": {"text": CAPITAL, "towards": ["a good day"], "away": ["a bad day"], "tokens": 1},
}


def setUpModule():
    global server, folder, there
    server = Server()
    folder = tempfile.TemporaryDirectory()
    there = pathlib.Path(folder.name, "row.npy")
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (1, {WIDTH}), }}".ljust(117) + "\n"
    there.write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<f", 1) * WIDTH
    )


def tearDownModule():
    folder.cleanup()
    assert server.stop() == 0


def spellings(path):
    """Vector expressions that name a file."""
    call = f"file('{path}', 0)"
    return [
        call,
        f'file("{path}")',
        f"  file  (  '{path}' , 'a' , -1 )",
        f"-{call}",
        f"0 * {call}",
        f"0 {call}",
        f"2 * (' cat' - (({call})))",
        f"mean(' cat', {call})",
        f"' file' + {call}",
        f'"it\'s" + {call}',
        f"run('file(')@0 + {call}",
        f"run('file('@0) + {call}",
        f"#5 + {call}",
        f"run({call})",
        f"mean({call}, {call})",
        f"file('{path}'",
        f"file'{path}'",
        f"FILE('{path}')",
        f"\tfile('{path}')",
        f"file\n('{path}')",
        f"file\u00a0('{path}')",
        f"// x\nfile('{path}')",
        f"f ile('{path}')",
    ]


def halves(path):
    """(at, do): a whole edit cut in two at every place where that could hide the file, and every change with one in
    it."""
    call = f"file('{path}', 0)"
    whole = f"wte@' of' set {call}"
    pairs = [(whole[:i], whole[i:]) for i in range(len(whole) + 1)]
    pairs += [(whole[:i].rstrip(), whole[i:].lstrip()) for i in range(len(whole) + 1)]
    pairs += [
        ("wte@' of", f"Germany' set {call}"),
        ('wte@" of', f'Germany" set {call}'),
        ("wte@' of\\", f"' set {call}"),
        ("wte@' of'", f"' set {call}"),
        ("wte@0 set '", f"' + {call}"),
        (f"wte@0 set {call} +", "set ' cat'"),
        (call, "zero"),
        (f"wte@{call}", "zero"),
        (f"wte/{call}", "zero"),
        ("wte@0", f"zero {call}"),
        ("wte@0", f"clamp * {call} 1"),
        ("wte@0", f"noise 1 seed {call}"),
        ("wte@0\u0000", f"set {call}"),
    ]
    return pairs + [
        ("wte@0", f"{change} {one}")
        for change in ("set", "add", "mix 0.5", "project_out", "rotate 30")
        for one in spellings(path)
    ]


def requests(path):
    """Every address and field that takes an expression."""
    for one in spellings(path):
        for address in ("/api/similar", "/api/cosines"):
            yield address, {"vector": one}
        yield "/api/vectors", {"vectors": ["' cat'", one]}
        yield "/api/trajectory", {"text": CAPITAL, "plane": ["' cat'", one]}
        for address in ("/api/mix", "/api/mix/at"):
            yield address, {"text": CAPITAL, "replace": " Germany", "targets": [" Berlin"], "vector": one}
    for at, do in halves(path):
        edit = {"at": at, "do": do}
        yield "/api/edit", {"text": CAPITAL, "edits": [edit]}
    for edit in [
        {"at": "wte@' of", "do": f"Germany' set file('{path}', 0)"},
        f"wte@0 set file('{path}', 0)",
        {"at": "wte@0", "do": f"add file('{path}')"},
    ]:
        for edits in (edit, [edit], ["wte@0 zero", edit], [[edit]], [{"at": edit, "do": edit}]):
            for address, more in (
                ("/api/edit", {}),
                ("/api/predict", {}),
                ("/api/generate", {"count": 1}),
                ("/api/lens", {}),
                ("/api/stage", {}),
                ("/api/stage/vector", {}),
                ("/api/mix", {"replace": " Germany", "with": " France", "targets": [" Berlin"]}),
                ("/api/mix/at", {"replace": " Germany", "with": " France", "targets": [" Berlin"]}),
            ):
                yield address, {"text": CAPITAL, "edits": edits, **more}


def answer(address, fields):
    body = json.dumps(fields)
    status, _, said = server.raw("POST", address, body, server.headers(body))
    return status, said


class Files(unittest.TestCase):
    def test_none_is_read_and_none_is_told_of(self):
        with_it = [answer(*request) for request in requests(there)]
        away = there.rename(there.with_name("away"))
        try:
            without = [answer(*request) for request in requests(there)]
        finally:
            away.rename(there)
        self.assertGreater(len(with_it), 300)
        for request, one, other in zip(requests(there), with_it, without, strict=True):
            self.assertIn(one[0], (400, 403, 404, 422), (request, one))
            self.assertEqual(one, other, request)

    def test_a_word_called_file_is_a_word(self):
        for expression in ("' file'", "\"file('x')\"", "'file(' + ' cat'"):
            self.assertEqual(answer("/api/similar", {"vector": expression})[0], 200, expression)
        self.assertEqual(
            answer("/api/edit", {"text": "the file is", "edits": [{"at": "wte@' file'", "do": "zero"}]})[0], 200
        )

    def test_fields_that_are_words_are_words(self):
        call = f"file('{there}', 0)"
        status, said = answer("/api/predict", {"text": CAPITAL, "targets": [call]})
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(said)["words"][0]["text"], call)
        self.assertEqual(
            answer("/api/mix", {"text": CAPITAL, "replace": call, "with": " France", "targets": [" Berlin"]})[0], 404
        )

    def test_a_job_reads_none_either(self):
        for kind, fields in JOBS.items():
            for name in fields:
                status, said = answer("/api/jobs", {"kind": kind, **fields, name: f"file('{there}', 0)"})
                if status == 202:  # the field is a text or a word, and is that
                    server.wait(json.loads(said)["id"])
                else:
                    self.assertIn(status, (400, 404, 422), (kind, name, said))
            self.assertEqual(
                answer("/api/jobs", {"kind": kind, **fields, "edits": [f"wte set file('{there}')"]})[0], 400
            )

    def test_an_analysis_as_a_job_is_refused_too(self):
        mix = {"replace": " Germany", "with": " France", "targets": [" Berlin"]}
        edits = [{"at": "wte@0", "do": f"set file('{there}', 0)"}]
        for kind, fields in (
            ("edit", {"edits": edits}),
            ("predict", {"edits": edits}),
            ("lens", {"edits": edits}),
            ("mix", {**mix, "edits": edits}),
            ("mix", {**mix, "with": None, "vector": f"file('{there}', 0)"}),
            ("trajectory", {"plane": ["' cat'", f"file('{there}', 0)"]}),
        ):
            status, said = answer("/api/jobs", {"kind": kind, "text": CAPITAL, **fields})
            error = json.loads(said)["error"] if status != 202 else server.wait(json.loads(said)["id"])["error"]
            self.assertEqual((error["code"], error["where"]), ("forbidden", "file(...)"), (kind, fields))

    def test_the_refusal_says_what_to_do(self):
        status, said = answer(
            "/api/edit", {"text": CAPITAL, "edits": [{"at": "wte@0", "do": f"set file('{there}', 0)"}]}
        )
        self.assertEqual(
            (status, json.loads(said)["error"]),
            (
                403,
                {
                    "code": "forbidden",
                    "where": "file(...)",
                    "message": "files of this machine are not read for a request: use the command line",
                },
            ),
        )


if __name__ == "__main__":
    unittest.main()
