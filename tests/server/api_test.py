"""Every address against the command line's answer to the same question, and every kind of mistake."""

import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

from client import CAPITAL, EMBSCOPE, MIX, MIX_COMMAND, Server, command


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    assert server.stop() == 0


def pixels(png):
    """(width, height, rows of RGB) of an 8-bit PNG, all five filters."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        chunk = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height = struct.unpack(">II", chunk[:8])
        elif kind == b"IDAT":
            data += chunk
        at += 12 + size
    data, stride, rows, above = zlib.decompress(data), 3 * width, [], bytes(3 * width)
    for y in range(height):
        kind, line = data[y * (stride + 1)], bytearray(data[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            a, b, c = (line[i - 3] if i >= 3 else 0), above[i], (above[i - 3] if i >= 3 else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows.append([tuple(line[3 * x : 3 * x + 3]) for x in range(width)])
        above = bytes(line)
    return width, height, rows


class Answers(unittest.TestCase):
    def same_table(self, mine, theirs):
        self.assertEqual(mine["columns"], theirs["columns"])

    def test_health_and_models(self):
        self.assertEqual(server.get("/api/health")["models"], [server.get("/api/models")[0]["name"]])
        model = server.get("/api/models")[0]
        self.assertEqual((model["family"], model["vocab"], model["width"], model["blocks"]), ("llama", 49152, 576, 30))
        self.assertEqual(model["parameters"], 134515008)
        theirs = command("info")["sites"]["columns"]
        self.assertEqual([s["name"] for s in model["sites"]], theirs["site"])
        self.assertEqual([s["transformer_lens"] for s in model["sites"]], theirs["TransformerLens"])

    def test_opening_the_same_model_again_gives_the_same(self):
        again = server.post("/api/models", open="smollm2")
        self.assertEqual([again["name"]], server.get("/api/health")["models"])

    def test_tokens(self):
        text = "Grüße, 漢字 🎉\n"
        mine, theirs = server.post("/api/tokens", text=text), command("tokens", text)
        self.assertEqual(
            (mine["ids"], mine["labels"], mine["ranges"]), (theirs["ids"], theirs["pieces"], theirs["ranges"])
        )
        self.assertEqual("".join(mine["bytes"]), text.encode().hex())

    def test_vocabulary_puts_the_exact_token_first(self):
        tokens = server.get("/api/vocabulary?q=king&limit=4")["tokens"]
        self.assertEqual([t["label"] for t in tokens[:2]], ["king", "␣king"])
        self.assertEqual(server.get("/api/vocabulary?q=%20apple")["tokens"][0]["label"], "␣apple")
        labels = server.get("/api/vocabulary/labels")["labels"]
        self.assertEqual((len(labels), labels[tokens[1]["id"]]), (49152, "␣king"))
        attributes = server.get("/api/vocabulary/attributes")
        kind = attributes["kind"][attributes["kind_of"][tokens[1]["id"]]]
        self.assertEqual((kind, attributes["kind"][attributes["kind_of"][0]]), ("word after a space", "special"))
        self.assertEqual(len(attributes["norm"]), 49152)

    def test_predict(self):
        mine = server.post("/api/predict?figure=1", text=CAPITAL, k=7, targets=[" Berlin"])
        self.same_table(mine["table"], command("predict", CAPITAL, "-k", "7"))
        self.assertEqual(mine["targets"][0]["probability"], mine["table"]["columns"]["probability"][0])
        self.assertIn("vega-lite", mine["figure"]["$schema"])

    def test_generate_streams_what_the_command_writes(self):
        fields = {"text": CAPITAL, "count": 6, "temperature": 0.8, "seed": 3}
        events = list(server.events("POST", "/api/generate", fields))
        theirs = command("generate", CAPITAL, "-n", "6", "--temperature", "0.8", "--seed", "3")["columns"]
        self.assertEqual([d["id"] for e, d in events if e == "token"], theirs["id"])
        self.assertEqual([d["probability"] for e, d in events if e == "token"], theirs["probability"])
        self.assertEqual(events[-1], ("done", {"count": 6, "ended": "tokens"}))

    def test_vectors_and_expressions(self):
        words = [" apple", " pear"]
        mine = server.post("/api/vectors?figure=1", vectors=[f"'{w}'" for w in words])
        theirs = command("cosine", *words)["columns"]
        self.assertEqual(mine["cosines"][0][1], theirs["␣pear"][0])
        self.assertEqual(len(mine["vectors"][0]), 576)
        self.assertEqual(set(mine["figures"]), {"lines", "cosines"})
        token = server.get("/api/vocabulary?q=%20apple")["tokens"][0]["id"]
        by_id = server.post("/api/vectors", vectors=[f"#{token}", f"2 * #{token} - ' apple'"])
        self.assertEqual(by_id["vectors"][0], mine["vectors"][0])
        self.assertAlmostEqual(by_id["cosines"][0][1], 1, places=6)

    def test_similar(self):
        mine = server.post("/api/similar", vector="' apple'", k=12)
        theirs = command("similar", " apple", "-k", "12")
        self.same_table(mine["table"], theirs)
        values = server.post("/api/vectors", vectors=["' apple'"])["vectors"][0]
        own = server.post("/api/similar", vector=values, k=1)["table"]["columns"]
        self.assertEqual(own["token"], ["␣apple"])
        status, _, body = server.raw("POST", "/api/cosines", json.dumps({"vector": "' apple'"}), server.headers(""))
        cosines = struct.unpack("<49152f", body)
        best = int(theirs["columns"]["id"][0])
        self.assertAlmostEqual(cosines[best], theirs["columns"]["cosine"][0], places=6)

    def test_inside(self):
        mine = server.post("/api/trace?figure=1", text=CAPITAL)
        self.same_table(mine["tables"]["life"], command("trace", CAPITAL))
        self.same_table(mine["tables"]["lens"], command("trace", CAPITAL, "--lens"))
        mine = server.post("/api/lens", text=CAPITAL, target=" Paris")
        self.same_table(mine["tables"]["cells"], command("lens", CAPITAL, "--target", " Paris"))
        mine = server.post("/api/attention", text=CAPITAL, block=11)
        self.same_table(mine["tables"]["summary"], command("attention", CAPITAL, "--block", "11"))
        self.assertEqual((len(mine["patterns"]), len(mine["patterns"][0][4])), (9, 5))
        self.assertAlmostEqual(sum(mine["patterns"][8][3]), 1, places=5)
        mine = server.post("/api/attribute", text=CAPITAL, target=" Berlin", against=" Paris", sorted=True)
        self.same_table(
            mine["table"], command("attribute", CAPITAL, "--target", " Berlin", "--against", " Paris", "--sort")
        )

    def test_trajectory(self):
        mine = server.post("/api/trajectory?figure=1", text=CAPITAL, plane=["' Berlin'", "' Paris'"])
        self.assertEqual(len(mine["points"]), 31)
        self.assertEqual((mine["sites"][0], mine["sites"][-1]), ("blocks.0.resid_pre", "blocks.29.resid_post"))
        a, b = server.post("/api/vectors", vectors=["' Berlin'", "' is'"])["vectors"]
        along = (
            sum(x * y for x, y in zip(a, b)) / sum(x * x for x in a) ** 0.5
        )  # where ' is' starts, on the axis of ' Berlin'
        self.assertAlmostEqual(mine["points"][0][0], along, places=3)
        self.assertEqual(
            server.ask("POST", "/api/trajectory", {"text": CAPITAL, "plane": ["' a'", "2 * ' a'"]})[0], 422
        )

    def test_mix_and_every_step_of_it(self):
        mine = server.post("/api/mix?figure=1", **MIX)
        theirs = command(*MIX_COMMAND)
        self.same_table(mine["table"], theirs)
        self.assertTrue(mine["untouched_equals_p1"])
        for row in (0, 5, 16):
            columns = theirs["columns"]
            step = server.post("/api/mix/at", **MIX, p=columns["p"][row], k=1)
            self.assertEqual(
                [t["probability"] for t in step["targets"]], [columns["␣Berlin"][row], columns["␣Paris"][row]]
            )
            self.assertEqual(step["top"][0]["label"], columns["top"][row])

    def test_a_sweep_takes_the_edits_in_force_into_account(self):
        edits = [
            {"at": "wte@0", "do": "scale 2"},
            {"at": "blocks.9.mlp_out@-1", "do": "zero"},
            {"at": "wte", "do": "noise 0.05 seed 1"},
        ]
        mine = server.post("/api/mix", **MIX, steps=5, edits=edits)
        self.assertTrue(mine["untouched_equals_p1"])
        flags = [part for e in edits for part in ("--at", e["at"], "--do", e["do"])]
        self.same_table(
            mine["table"],
            command(*MIX_COMMAND, "--steps", "5", *flags),
        )
        for row, p in enumerate((0, 0.25, 0.5, 0.75, 1)):
            step = server.post("/api/mix/at", **MIX, p=p, k=0, edits=edits)
            self.assertEqual(
                [t["probability"] for t in step["targets"]],
                [mine["table"]["columns"][w][row] for w in ("␣Berlin", "␣Paris")],
            )

    def test_a_drag_step_with_edits_equals_the_edit(self):
        edits = [
            {"at": "blocks.4.resid_post@0", "do": "scale 2"},
            {"at": "blocks.9.mlp_out@-1", "do": "zero"},
            {"at": "blocks.12.attn_out", "do": "scale 0.5"},
        ]
        step = server.post("/api/mix/at", **MIX, p=0.25, k=3, edits=edits)
        whole = server.post(
            "/api/edit", text=CAPITAL, edits=edits + [{"at": "wte@' Germany'", "do": "mix 0.25 ' France'"}], top=3
        )
        columns = whole["table"]["columns"]
        self.assertEqual([t["id"] for t in step["top"]], columns["id"][:3])
        self.assertEqual([t["probability"] for t in step["top"]], columns["probability_after"][:3])

    def test_stage_is_the_run_with_edits_beside_the_run_without(self):
        edits = [{"at": "wte@3", "do": "mix 0.25 ' France'"}]
        mine = server.post("/api/stage", text=CAPITAL, edits=edits, targets=[" Paris"], k=5, vectors=True)
        theirs = server.post("/api/edit", text=CAPITAL, edits=edits, top=5, targets=[" Paris"])["table"]["columns"]
        for one in mine["top"] + mine["targets"]:
            row = theirs["id"].index(one["id"])
            self.assertAlmostEqual(one["probability"], theirs["probability_after"][row], places=4)
            self.assertAlmostEqual(one["before"], theirs["probability_before"][row], places=4)
        self.assertEqual(mine["labels"][3], "␣Germany")
        blocks = server.get("/api/models")[0]["blocks"]
        for grid in ("lengths", "moved", "felt"):
            self.assertEqual((len(mine[grid]), len(mine[grid][0])), (blocks + 1, 5))
        self.assertEqual([v > 0 for v in mine["felt"][0]], [False, False, False, True, False])
        self.assertEqual(max(abs(v) for row in mine["vectors"] for v in row), 127)
        self.assertNotIn("felt", server.post("/api/stage", text=CAPITAL))

    def test_a_vector_of_the_stage_is_the_token_s_row_before_any_block(self):
        one = server.post("/api/stage/vector", text=CAPITAL, block=-1, position=3)
        self.assertEqual(one["vector"], server.post("/api/vectors", vectors=["' Germany'"])["vectors"][0])
        changed = server.post("/api/stage/vector", text=CAPITAL, block=-1, position=3, edits=["wte@3 zero"])
        self.assertEqual((changed["before"], set(changed["vector"])), (one["vector"], {0}))

    def test_the_lens_takes_the_edits_in_force_into_account(self):
        edits = [{"at": "wte@3", "do": "mix 0 ' France'"}]
        cells = server.post("/api/lens", text=CAPITAL, edits=edits)["tables"]["cells"]["columns"]
        self.assertEqual(cells["top"][-1], server.post("/api/stage", text=CAPITAL, edits=edits)["top"][0]["label"])

    def test_edit(self):
        edit = {"at": "wte@' Germany'", "do": "mix 0.5 ' France'"}
        mine = server.post("/api/edit?figure=1", text=CAPITAL, edits=[edit], top=8)
        self.same_table(mine["table"], command("edit", CAPITAL, "--at", edit["at"], "--do", edit["do"]))

    def test_toy_and_geometry(self):
        self.same_table(server.get("/api/toy?figure=1")["table"], command("toy"))
        self.same_table(server.get("/api/geometry")["table"], command("heatmap"))

    def test_families(self):
        mine, theirs = server.get("/api/families")["tables"], command("families")
        for name in ("opens", "refused"):
            self.same_table(mine[name], theirs[name])

    def test_what_is_of_this_machine_has_no_address(self):
        for name in ("tour", "models"):
            self.assertEqual(server.ask("POST", "/api/jobs", {"kind": name})[0], 404, name)
        self.assertEqual(server.ask("POST", "/api/tour", {"folder": "/tmp"})[0], 404)

    def test_large_answers_are_compressed_and_kept(self):
        status, headers, body = server.raw(
            "GET", "/api/vocabulary/labels", None, {"Cookie": server.cookie, "Accept-Encoding": "gzip"}
        )
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
        self.assertEqual(json.loads(zlib.decompress(body, 31)), server.get("/api/vocabulary/labels"))
        status, _, body = server.raw(
            "GET", "/api/vocabulary/labels", None, {"Cookie": server.cookie, "If-None-Match": headers["ETag"]}
        )
        self.assertEqual((status, body), (304, b""))

    def test_head_has_no_body(self):
        status, headers, body = server.raw("HEAD", "/api/toy", None, {"Cookie": server.cookie})
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 100)

    def test_a_trace_of_a_long_text(self):
        text = (
            CAPITAL + " " + " ".join(str(i) for i in range(400))
        )  # over 1,000 tokens; the first position is that of the short text
        mine = server.post("/api/trace", text=text, position=4)
        self.same_table(mine["tables"]["life"], command("trace", CAPITAL))
        self.assertEqual(
            server.post("/api/trace", text=text)["position"], len(server.post("/api/tokens", text=text)["ids"]) - 1
        )

    def test_what_opens_a_model_again(self):
        self.assertEqual(server.get("/api/models")[0]["opens"], os.environ.get("EMBSCOPE_MODEL", "smollm2"))

    def test_openapi_is_the_table_of_routes(self):
        described = {
            (method.upper(), path)
            for path, methods in server.get("/api/openapi.json")["paths"].items()
            for method in methods
        }
        routes = {tuple(route) for route in server.get("/api/health")["addresses"]}
        self.assertEqual(described, routes)

    def test_every_analysis_is_an_address_and_a_job(self):
        names = [
            one["name"]
            for one in json.loads(subprocess.run([EMBSCOPE, "catalogue"], capture_output=True, check=True).stdout)
            if one["http"]
        ]
        paths = server.get("/api/openapi.json")["paths"]
        self.assertEqual([f"/api/{name}" for name in names if f"/api/{name}" not in paths], [])
        kinds = paths["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
            "kind"
        ]["enum"]
        self.assertIn("map", names)
        self.assertEqual(kinds, ["train", *names])

    def test_questions_to_the_vocabulary_are_the_commands(self):
        for name, fields, arguments in (
            ("geometry", {"k": 0, "pairs": False}, ["geometry", "-k", "0", "--no-pairs"]),
            ("norms", {"bins": 9}, ["geometry", "--show", "norms", "--bins", "9"]),
            ("dimensions", {}, ["geometry", "--show", "dimensions"]),
            ("undertrained", {"unused": "0:17"}, ["geometry", "--show", "undertrained", "--unused", "0:17"]),
            ("cosine", {"words": [" apple", " pear"]}, ["cosine", " apple", " pear"]),
            (
                "analogy",
                {"a": " man", "b": " king", "c": " woman", "k": 3},
                ["analogy", " man", " king", " woman", "-k", "3"],
            ),
            ("odd_one_out", {"words": [" apple", " pear", " car"]}, ["odd", " apple", " pear", " car"]),
        ):
            mine = server.post(f"/api/{name}", **fields) if fields else server.get(f"/api/{name}")
            table = mine["table"] if "table" in mine else mine["tables"]["measures"]
            self.same_table(table, command(*arguments))
        for name, fields in (
            ("analogies", {"file": "/etc/passwd"}),
            ("map", {"resume": "/tmp/x"}),
            ("layer_geometry", {"file": "/etc/passwd"}),
        ):
            status, answer = server.ask("POST", f"/api/{name}", fields)
            self.assertEqual((status, answer["error"]["where"]), (400, next(iter(fields))), name)
        self.assertEqual(server.ask("POST", "/api/judgements", {"file": "/etc/passwd"})[0], 404)

    def test_entropy_is_the_commands_and_a_jobs(self):
        mine = server.post("/api/entropy?figure=1", text=CAPITAL)
        self.same_table(mine["table"], command("entropy", CAPITAL))
        self.assertIn("vega-lite", mine["figure"]["$schema"])
        job = server.post("/api/jobs", kind="entropy", text=CAPITAL)["id"]
        while (done := server.get(f"/api/jobs/{job}"))["state"] in ("queued", "running"):
            time.sleep(0.05)
        self.assertEqual(done["result"]["table"], mine["table"])

    def test_openapi_has_the_fields_that_are_read(self):
        for path, methods in server.get("/api/openapi.json")["paths"].items():
            body = methods.get("post", {}).get("requestBody")
            if not body:
                continue
            schema = body["content"]["application/json"]["schema"]
            status, answer = server.ask("POST", path, {"no such field": 1})
            self.assertEqual(status, 400, path)
            known = answer["error"]["message"].partition("it has ")[2].split(", ")
            self.assertEqual(sorted(schema["properties"]), sorted(known), path)
            self.assertIs(schema["additionalProperties"], False, path)

    def test_openapi_lists_every_address(self):
        paths = server.get("/api/openapi.json")["paths"]
        for path in ("/api/tokens", "/api/mix/at", "/api/jobs/{id}/points", "/api/matrix/tile/{level}/{x}/{y}.png"):
            self.assertIn(path, paths)
        for path, methods in paths.items():
            for method in methods:
                asked = path.replace("{id}", "99").replace("{level}/{x}/{y}", "0/0/0")
                body = '{"no such field": 1}' if method == "post" else None  # nothing is worked at
                status, _, answer = server.raw(method.upper(), asked, body, server.headers(body))
                self.assertNotIn(b"no such address", answer, f"{method} {path}")
                self.assertNotEqual(status, 405, f"{method} {path}")


class Matrix(unittest.TestCase):
    def tile(self, path):
        status, _, body = server.raw("GET", path, None, {"Cookie": server.cookie})
        self.assertEqual(status, 200, body)
        return pixels(body)

    def test_levels_cover_the_matrix(self):
        matrix = server.get("/api/matrix")
        self.assertEqual((matrix["tokens"], matrix["dimensions"], matrix["tile"]), (49152, 576, 256))
        self.assertEqual((matrix["levels"][0]["width"], matrix["levels"][0]["height"]), (49152, 576))
        self.assertLessEqual(matrix["levels"][-1]["width"], 256)

    def colour(self, value, scale):
        size, full = min(1, abs(value) / scale), ((178, 24, 43) if value >= 0 else (33, 102, 172))
        return [255 + (f - 255) * size for f in full]

    def test_a_pixel_is_its_value_in_every_order(self):
        scale = server.get("/api/matrix")["range"]
        for orders in ("", "tokens=norm&dimensions=mean", "tokens=cluster&dimensions=cluster"):
            width, height, rows = self.tile(f"/api/matrix/tile/0/3/1.png?{orders}")
            self.assertEqual((width, height), (256, 256))
            cell = server.get(f"/api/matrix/value?x={3 * 256 + 17}&y={256 + 40}&{orders}")
            for mine, theirs in zip(rows[40][17], self.colour(cell["value"], scale)):
                self.assertAlmostEqual(mine, theirs, delta=0.51)
            vector = server.post("/api/vectors", vectors=[f"#{cell['token_id']}"])
            self.assertAlmostEqual(vector["vectors"][0][cell["dimension"]], cell["value"], places=6)
            self.assertAlmostEqual(vector["norms"][0], cell["token_norm"], places=4)

    def test_a_pixel_above_is_the_mean_of_what_it_covers(self):
        matrix = server.get("/api/matrix")
        for level in (2, 5):
            span = 2**level
            _, _, rows = self.tile(f"/api/matrix/tile/{level}/0/0.png")
            values = server.post("/api/vectors", vectors=[f"#{9 * span + i}" for i in range(span)])["vectors"]
            mean = sum(v[30] for v in values) / span
            for mine, theirs in zip(rows[30][9], self.colour(mean, matrix["range"])):
                self.assertAlmostEqual(mine, theirs, delta=0.51)

    def test_orders_rise(self):
        for order, key in (("mean", "token_mean"), ("norm", "token_norm")):
            cells = [server.get(f"/api/matrix/value?x={x}&y=0&tokens={order}")[key] for x in (0, 9000, 49151)]
            self.assertEqual(cells, sorted(cells))

    def test_beyond_the_edge(self):
        last = server.get("/api/matrix")["levels"][-1]
        _, _, rows = self.tile(f"/api/matrix/tile/{len(server.get('/api/matrix')['levels']) - 1}/0/0.png")
        if last["width"] < 256:
            self.assertEqual(rows[0][255], (232, 232, 232))
        for path in ("0/192/0", "0/0/3", "9/0/0", "-1/0/0", "0/-1/0"):
            self.assertEqual(server.ask("GET", f"/api/matrix/tile/{path}.png")[0], 422, path)
        self.assertEqual(server.ask("GET", "/api/matrix/tile/0/a/0.png")[0], 400)
        self.assertEqual(server.ask("GET", "/api/matrix/tile/0/0/0.png?tokens=colour")[0], 404)
        self.assertEqual(server.ask("GET", "/api/matrix/value?x=49152&y=0")[0], 422)
        self.assertIn("zoom in", server.ask("GET", "/api/matrix/values")[1]["error"]["message"])
        self.assertEqual(
            len(server.get("/api/matrix/values?left=10&right=14&top=3&bottom=9")["table"]["columns"]["token"]), 4
        )


class Mistakes(unittest.TestCase):
    def refused(self, status, where, method, path, fields=None):
        got, answer = server.ask(method, path, fields)
        self.assertEqual((got, answer["error"]["where"]), (status, where), answer)
        self.assertTrue(answer["error"]["message"])
        return answer["error"]

    def test_what_is_wrong_is_said(self):
        self.refused(404, "/api/nothing", "GET", "/api/nothing")
        self.refused(405, "/api/predict", "GET", "/api/predict")
        self.refused(400, "text", "POST", "/api/predict", {})
        self.refused(400, "text", "POST", "/api/predict", {"text": 5})
        self.refused(400, "text", "POST", "/api/predict", {"text": ""})
        self.refused(400, "words", "POST", "/api/predict", {"text": "a", "words": 3})
        self.refused(422, "k", "POST", "/api/predict", {"text": "a", "k": 0})
        self.refused(400, "k", "POST", "/api/predict", {"text": "a", "k": 1.5})
        self.refused(422, "text", "POST", "/api/predict", {"text": "a " * 9000})
        self.refused(404, "model 'x'", "GET", "/api/matrix?model=x")
        self.refused(400, "limit", "GET", "/api/vocabulary?limit=x")
        self.refused(404, "job '7000'", "GET", "/api/jobs/7000")
        self.refused(404, "job 'x'", "GET", "/api/jobs/x")
        self.refused(
            404, "job '\ufffd\ufffd\ufffd'", "GET", "/api/jobs/%E0%83%83"
        )  # bytes that look like UTF-8 and are not
        self.refused(422, "vector", "POST", "/api/similar", {"vector": [1, 2, 3]})
        self.refused(422, "vector", "POST", "/api/similar", {"vector": "0 * ' a'"})
        self.refused(400, "vector", "POST", "/api/similar", {})
        self.refused(400, "vectors", "POST", "/api/vectors", {"vectors": []})

    def test_edits_are_named_by_their_place_in_the_list(self):
        good = {"at": "wte@0", "do": "zero"}
        self.refused(
            422, "edits[1]", "POST", "/api/edit", {"text": CAPITAL, "edits": [good, {"at": "wte@9", "do": "zero"}]}
        )
        self.refused(404, "edits[0]", "POST", "/api/edit", {"text": CAPITAL, "edits": [{"at": "wtf@0", "do": "zero"}]})
        self.refused(400, "edits", "POST", "/api/edit", {"text": CAPITAL, "edits": []})

    def test_files_of_the_machine_are_not_read(self):
        self.refused(403, "file(...)", "POST", "/api/similar", {"vector": "file('/etc/passwd', 0)"})
        self.refused(
            403,
            "file(...)",
            "POST",
            "/api/edit",
            {"text": CAPITAL, "edits": [{"at": "wte@0", "do": "set file('/etc/passwd', 0)"}]},
        )
        self.refused(
            403,
            "file(...)",
            "POST",
            "/api/mix",
            {"text": CAPITAL, "replace": " Germany", "targets": [" a"], "vector": "' file' + file('x.npy', 0)"},
        )
        self.assertEqual(server.ask("POST", "/api/similar", {"vector": "' file'"})[0], 200)

    def test_bodies_that_are_no_json(self):
        for body in (
            "{",
            "[1]",
            "nul",
            '{"text": "\\ud800"}',
            "[" * 100 + "]" * 100,
            '{"text":' + '{"a":' * 40 + "1" + "}" * 41,
        ):
            status, _, answer = server.raw("POST", "/api/predict", body, server.headers(body))
            self.assertEqual(status, 400, body)
            self.assertIn("error", json.loads(answer))
        status, _, _ = server.raw("POST", "/api/predict", b'{"text": "\xff\xfe"}', server.headers(""))
        self.assertEqual(status, 400)
        self.refused(400, "k", "POST", "/api/predict", {"text": "a", "k": 10**400})
        for path in ("/api/mix/at", "/api/mix", "/api/predict", "/api/tokens"):
            status, _, answer = server.raw("POST", path, b"", server.headers(""))
            self.assertEqual(status, 400, (path, answer))  # a body that is missing is not a failure of the server's

    def test_what_would_take_too_much_memory(self):
        error = self.refused(413, "memory", "POST", "/api/attention", {"text": "word " * 4000, "block": 0})
        self.assertIn("MiB", error["message"])

    def test_the_server_goes_on(self):
        self.assertEqual(server.get("/api/health")["models"], [server.get("/api/models")[0]["name"]])


class Work(unittest.TestCase):
    def wait(self, job, *states, seconds=60):
        for _ in range(seconds * 20):
            answer = server.get(f"/api/jobs/{job}")
            if answer["state"] in states:
                return answer
            time.sleep(0.05)
        self.fail(f"still {answer}")

    def points(self, job, query=""):
        status, headers, body = server.raw("GET", f"/api/jobs/{job}/points{query}", None, {"Cookie": server.cookie})
        return int(headers.get("X-Embscope-Version", 0)), struct.unpack(f"<{len(body) // 4}f", body)

    def test_a_map_equals_the_command(self):
        for method in ("pca", "tsne"):
            job = server.post("/api/jobs", kind="map", method=method, tokens="0:120", steps=300, seed=2)["id"]
            done = self.wait(job, "done")
            theirs = command("map", "--tokens", "0:120", "--method", method, "--steps", "300", "--seed", "2")["columns"]
            _, points = self.points(job)
            self.assertEqual(list(points[0::2]), theirs["x"])
            self.assertEqual(list(points[1::2]), theirs["y"])
            self.assertEqual(server.get(f"/api/jobs/{job}/labels")["labels"], theirs["token"])
            self.assertEqual(done["result"]["tokens"], 120)
            self.assertEqual(
                server.get(f"/api/jobs/{job}/similar?token=7&k=3")["table"],
                server.post("/api/similar", vector="#7", k=3)["table"],
            )

    def test_a_map_of_what_tokens_become_equals_the_command(self):
        where = {"site": "blocks.2.resid_post", "after": "I see a"}
        job = server.post("/api/jobs", kind="map", method="pca", tokens="0:600", **where)["id"]
        self.wait(job, "done")
        theirs = command(
            "map", "--tokens", "0:600", "--method", "pca", "--site", where["site"], "--after", where["after"]
        )["columns"]
        _, points = self.points(job)
        self.assertEqual(list(points[0::2]), theirs["x"])
        self.assertEqual(list(points[1::2]), theirs["y"])
        for token, status in (("600", 404), ("-1", 422), ("x", 400)):
            self.assertEqual(server.ask("GET", f"/api/jobs/{job}/similar?token={token}")[0], status, token)
        for site, status in (("blocks.99.resid_post", 404), ("blocks.2.pattern", 400), ("logits", 400)):
            self.assertEqual(
                server.ask("POST", "/api/jobs", {"kind": "map", "tokens": "0:9", "site": site})[0], status, site
            )

    def test_neighbours_on_a_map_are_those_of_the_vectors_that_it_maps(self):
        site, words = "blocks.2.resid_post", [" cat", " dog", " paper", " king"]
        vectors, ids = [], []
        with tempfile.TemporaryDirectory() as folder:
            for word in words:
                path = pathlib.Path(folder, "run.json")
                command("run", "--text", "I see a" + word, "--capture", site, "--to", str(path))
                run = json.loads(path.read_text())
                vectors.append(run[site][-1]), ids.append(run["ids"][-1])
        job = server.post("/api/jobs", kind="map", method="pca", tokens=ids, site=site, after="I see a")["id"]
        self.wait(job, "done")
        near = server.get(f"/api/jobs/{job}/similar?token={ids[0]}")["table"]["columns"]
        product = lambda a, b: sum(x * y for x, y in zip(a, b))
        cosines = {
            i: product(v, vectors[0]) / math.sqrt(product(v, v) * product(vectors[0], vectors[0]))
            for i, v in zip(ids, vectors)
        }
        self.assertEqual(near["id"], sorted(ids[1:], key=cosines.get, reverse=True))
        for i, cosine in zip(near["id"], near["cosine"]):
            self.assertAlmostEqual(cosine, cosines[i], delta=1e-5)

    def test_a_map_is_seen_paused_resumed_and_cancelled(self):
        job = server.post("/api/jobs", kind="map", method="tsne", tokens="0:400", steps=100000)["id"]
        self.wait(job, "running")
        while self.points(job)[0] < 3:
            time.sleep(0.02)
        server.post(f"/api/jobs/{job}/pause")
        self.wait(job, "paused")
        first, again = self.points(job), self.points(job)
        self.assertEqual(first, again)
        server.post(f"/api/jobs/{job}/resume")
        self.wait(job, "running")
        while self.points(job)[0] == first[0]:
            time.sleep(0.02)
        self.assertEqual(server.ask("DELETE", f"/api/jobs/{job}")[0], 409)
        server.post(f"/api/jobs/{job}/cancel")
        self.wait(job, "cancelled")
        self.assertEqual(server.ask("POST", f"/api/jobs/{job}/pause")[0], 409)
        self.assertEqual(server.ask("DELETE", f"/api/jobs/{job}")[0], 200)
        self.assertEqual(server.ask("GET", f"/api/jobs/{job}")[0], 404)

    def test_the_time_left_follows_the_recent_pace_and_is_not_known_in_a_pause(self):
        job = server.post("/api/jobs", kind="map", method="tsne", tokens="0:2000", steps=100000)["id"]
        self.wait(job, "running")
        marks = []  # after its neighbours, which are 0.4 of the work, and not of its time
        while len(marks) < 2:
            now = server.get(f"/api/jobs/{job}")
            self.assertEqual(now["state"], "running")
            if now["fraction"] > 0.4 and (not marks or time.monotonic() > marks[0][0] + 2):
                marks.append((time.monotonic(), now))
            time.sleep(0.02)
        (begin, one), (end, other) = marks
        left = (1 - other["fraction"]) * (end - begin) / (other["fraction"] - one["fraction"])
        self.assertGreater(other["seconds_left"], left / 4)
        self.assertLess(other["seconds_left"], left * 4)
        server.post(f"/api/jobs/{job}/pause")
        self.assertIsNone(self.wait(job, "paused")["seconds_left"])
        server.post(f"/api/jobs/{job}/cancel")
        self.wait(job, "cancelled")

    def test_events_tell_the_way_and_the_end(self):
        job = server.post("/api/jobs", kind="map", method="tsne", tokens="0:300", steps=600)["id"]
        events = list(server.events("GET", f"/api/jobs/{job}/events"))
        self.assertEqual(events[-1][0], "done")
        fractions = [data["fraction"] for _, data in events]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(
            list(server.events("GET", f"/api/jobs/{job}/events"))[0][0], "done"
        )  # at once, of what has ended

    def test_patch_and_steer(self):
        job = server.post(
            "/api/jobs",
            kind="patch",
            clean="The capital of Germany is",
            corrupt="The capital of France is",
            target=" Berlin",
            against=" Paris",
            sites=["attn_out"],
            heads=False,
        )["id"]
        result = self.wait(job, "done")["result"]
        theirs = command(
            "patch",
            "The capital of Germany is",
            "The capital of France is",
            "--target",
            " Berlin",
            "--against",
            " Paris",
            "--sites",
            "attn_out",
            "--no-heads",
        )
        self.assertEqual(result["tables"]["grid"]["columns"], theirs["grid"]["columns"])
        job = server.post(
            "/api/jobs",
            kind="steer",
            text="I think dogs are",
            towards=["A great and happy day"],
            away=["A bad and sad day"],
            strengths=[-2, 0, 2],
            tokens=4,
        )["id"]
        result = self.wait(job, "done")["result"]
        theirs = command(
            "steer",
            "I think dogs are",
            "--towards",
            "A great and happy day",
            "--away",
            "A bad and sad day",
            "--strengths",
            "-2",
            "0",
            "2",
            "--tokens",
            "4",
        )
        self.assertEqual(result["table"]["columns"], theirs["columns"])

    def test_umap(self):
        job = server.post("/api/jobs", kind="map", method="umap", tokens="0:150", steps=40, seed=3)["id"]
        self.wait(job, "done")
        again = server.post("/api/jobs", kind="map", method="umap", tokens="0:150", steps=40, seed=3)["id"]
        self.wait(again, "done")
        self.assertEqual(len(self.points(job)[1]), 300)
        self.assertEqual(self.points(job)[1], self.points(again)[1])

    def test_train_a_small_model_and_look_at_it(self):
        text = "the cat sat on the mat and the dog sat on the log.\n" * 40
        job = server.post(
            "/api/jobs",
            kind="train",
            text=text,
            layers=1,
            heads=2,
            width=16,
            context=16,
            batch=4,
            steps=60,
            rate=0.01,
        )["id"]
        done = self.wait(job, "done")
        try:
            partial, result = done["partial"], done["result"]
            self.assertEqual(partial["steps"][-1], 60)
            self.assertLess(partial["losses"][-1], partial["losses"][0])
            self.assertTrue(partial["samples"][-1]["text"].startswith("the"))
            model = server.post("/api/models", open=result["model"])
            self.assertEqual((model["blocks"], model["width"]), (1, 16))
            labels = server.get(f"/api/jobs/{job}/labels")["labels"]
            self.assertEqual(len(self.points(job)[1]), 2 * len(labels))
            self.assertEqual(len(labels), model["vocab"])
            answer = server.post(f"/api/predict?model={model['name']}", text="the cat", k=2)
            self.assertEqual(answer["table"]["columns"]["rank"], [1, 2])
        finally:
            shutil.rmtree(done["result"]["model"], ignore_errors=True)
        old = {"kind": "train", "text": text, "learning_rate": 7}  # by its old name, and checked as the new one is
        self.assertEqual(server.ask("POST", "/api/jobs", old)[1]["error"]["where"], "learning_rate")
        self.assertEqual(server.ask("POST", "/api/jobs", {**old, "rate": 0.1})[0], 400)
        status, answer = server.ask("POST", "/api/jobs", {"kind": "train", "text": text, "layers": 48, "width": 2048})
        self.assertEqual((status, answer["error"]["where"]), (413, "memory"))

    def test_train_on_words_of_the_toy_text_and_move_through_the_steps(self):
        text = server.get("/api/toy/text")["text"]
        self.assertIn("The capital of Germany is Berlin.", text)
        job = server.post(
            "/api/jobs", kind="train", text=text, tokens="words", layers=1, heads=2, width=16, context=16, steps=48
        )["id"]
        done = self.wait(job, "done")
        try:
            frames = done["partial"]["frames"]
            self.assertEqual(frames, list(range(2, 49, 2)))
            labels = server.get(f"/api/jobs/{job}/labels")["labels"]
            self.assertLess({"␣Berlin", "␣Germany", "␣cat"}, set(labels))
            each = [self.points(job, f"?frame={i}")[1] for i in range(len(frames))]
            self.assertEqual({len(points) for points in each}, {2 * len(labels)})
            self.assertEqual(each[-1], self.points(job)[1])
            self.assertNotEqual(each[0], each[-1])
            for bad in (len(frames), 2**31 - 1):
                status, answer = server.ask("GET", f"/api/jobs/{job}/points?frame={bad}")
                self.assertEqual((status, answer["error"]["where"]), (404, f"frame {bad}"))
            self.assertEqual(server.ask("GET", f"/api/jobs/{job}/points?frame=x")[0], 400)
        finally:
            shutil.rmtree(done["result"]["model"], ignore_errors=True)

    def test_a_job_that_fails_says_why(self):
        job = server.post("/api/jobs", kind="map", method="tsne", tokens="0:10", perplexity=30)["id"]
        failed = self.wait(job, "failed")
        self.assertIn("perplexity", failed["error"]["message"])
        for fields in (
            {"kind": "dance"},
            {"kind": "map", "method": "dance"},
            {"kind": "map", "clean": "x"},
            {"kind": "map", "tokens": "9:5"},
            {"kind": "steer", "text": "a"},
            {},
        ):
            self.assertIn(server.ask("POST", "/api/jobs", fields)[0], (400, 404, 422), fields)

    def test_finished_jobs_are_kept_but_not_for_ever(self):
        for _ in range(24):
            self.wait(server.post("/api/jobs", kind="map", method="pca", tokens="0:10")["id"], "done")
        self.assertLessEqual(len(server.get("/api/jobs")), 17)


if __name__ == "__main__":
    unittest.main()
