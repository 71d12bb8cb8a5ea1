"""serve --class: one code lets any number in, who open nothing and write nothing, each with experiments of their
own."""

import concurrent.futures
import http.client
import json
import os
import re
import tempfile
import time
import unittest

from client import CAPITAL, MIX, PATIENCE, Server

STEER = {"kind": "steer", "text": CAPITAL, "towards": ["a good day"], "away": ["a bad day"], "tokens": 2}


def setUpModule():
    global server, code
    server = Server("--class")
    line = server.process.stdout.readline()
    code = re.search(r"with the code (\S+),", line)[1]
    assert f"?class={code}" in line, line


def tearDownModule():
    assert server.stop() == 0


class Guest:
    def __init__(self, typed=None):
        status, headers, _ = server.raw("GET", f"/?class={typed or code}")
        assert status == 303, status
        assert headers["Location"] == "/"
        self.cookie = headers["Set-Cookie"].split(";")[0]
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)

    def __del__(self):
        self.connection.close()

    def ask(self, method, path, fields=None):
        body = None if fields is None else json.dumps(fields)
        headers = {"Cookie": self.cookie, **({"Content-Type": "application/json"} if body else {})}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if "json" in response.headers["Content-Type"] else answer

    def wait(self, job):
        for _ in range(20 * PATIENCE):
            status, answer = self.ask("GET", f"/api/jobs/{job}")
            if status != 200 or answer["state"] in ("done", "failed", "cancelled"):
                return status, answer
            time.sleep(0.05)
        raise AssertionError(answer)


class Code(unittest.TestCase):
    def test_lets_any_number_in_and_is_not_spent(self):
        self.assertEqual(len({Guest().cookie for _ in range(3)}), 3)
        self.assertRegex(code, r"^[a-z1-9]{4}-[a-z1-9]{4}$")

    def test_is_read_however_it_is_typed(self):
        for typed in (code.upper(), code.replace("-", ""), code.replace("-", "%20"), f"%20{code}%20"):
            Guest(typed)

    def test_another_code_is_refused(self):
        for typed in ("", "x", code[:-1], code + "a", code[:-1] + ("a" if code[-1] != "a" else "b")):
            status, headers, _ = server.raw("GET", f"/?class={typed}")
            self.assertEqual((status, headers["Set-Cookie"]), (401, None), typed)
        self.assertEqual(server.raw("GET", f"/api/health?class={code}")[0], 401)  # the front door only

    def test_whoever_is_in_stays_who_they_are(self):
        guest = Guest()
        for cookie in (guest.cookie, server.cookie):
            status, headers, _ = server.raw("GET", f"/?class={code}&view=map", None, {"Cookie": cookie})
            self.assertEqual((status, headers["Location"], headers["Set-Cookie"]), (303, "/?view=map", None))

    def test_without_class_there_is_no_code(self):
        plain = Server()
        try:
            for typed in ("", code, "-"):
                self.assertEqual(plain.raw("GET", f"/?class={typed}")[0], 401)
        finally:
            plain.stop()


class Page(unittest.TestCase):
    def page(self, path, at=None):
        status, headers, body = (at or server).raw("GET", path, None, {"Accept": "text/html,application/xhtml+xml"})
        self.assertEqual(status, 401, path)
        self.assertTrue(headers["Content-Type"].startswith("text/html"), path)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", headers["Content-Security-Policy"])
        return headers, body.decode()

    def test_a_closed_door_says_what_to_do(self):
        headers, body = self.page("/")
        self.assertIn('<form action="/" method="get">', body)
        self.assertIn("form-action 'self'", headers["Content-Security-Policy"])
        nonce = re.search(r"style-src 'nonce-(\w+)'", headers["Content-Security-Policy"])[1]
        self.assertIn(f'<style nonce="{nonce}">', body)
        self.assertIn("This address has been used already", self.page(f"/?token={server.token}")[1])
        self.assertIn("This is not the code of the class", self.page("/?class=nonsense")[1])
        self.assertNotIn("nonsense<", self.page("/?class=nonsense%3Cb%3E")[1])

    def test_without_a_class_there_is_no_form(self):
        plain = Server()
        try:
            headers, body = self.page("/", plain)
            self.assertNotIn("<form", body)
            self.assertIn("embscope serve", body)
            self.assertIn("This address has been used already", self.page(f"/?token={plain.token}", plain)[1])
        finally:
            plain.stop()

    def test_programs_are_told_in_json(self):
        for path, accept in (("/api/health", "text/html"), ("/", "*/*"), ("/assets/x.js", "*/*")):
            status, headers, body = server.raw("GET", path, None, {"Accept": accept})
            self.assertEqual((status, json.loads(body)["error"]["code"]), (401, "unauthorized"), path)


class Guests(unittest.TestCase):
    def test_open_no_models_and_write_no_files(self):
        guest = Guest()
        with tempfile.TemporaryDirectory() as folder:
            for path in ("smollm2", "/etc/passwd", folder, folder + "/nothing", "../x", ""):
                status, answer = guest.ask("POST", "/api/models", {"open": path})
                self.assertEqual(
                    (status, answer["error"]["code"], answer["error"]["where"]), (403, "forbidden", "/api/models"), path
                )
            self.assertEqual(guest.ask("GET", "/api/models/available")[0], 403)
        status, answer = guest.ask("POST", "/api/jobs", {"kind": "train", "text": "a b c d " * 50, "steps": 2})
        self.assertEqual((status, answer["error"]["code"]), (403, "forbidden"))
        self.assertEqual(server.ask("POST", "/api/models", {"open": "smollm2"})[0], 200)  # the owner may

    def test_are_not_told_where_the_files_lie(self):
        guest = Guest()
        model = guest.ask("GET", "/api/models")[1][0]
        self.assertEqual((model["path"], model["opens"]), ("", model["name"]))
        self.assertNotIn(os.sep, json.dumps({k: v for k, v in model.items() if k != "sites"}))
        self.assertIs(guest.ask("GET", "/api/health")[1]["guest"], True)
        self.assertIs(server.get("/api/health")["guest"], False)

    def test_have_their_own_jobs(self):
        one, other = Guest(), Guest()
        job = one.ask("POST", "/api/jobs", STEER)[1]["id"]
        self.assertEqual([j["id"] for j in one.ask("GET", "/api/jobs")[1]], [job])
        self.assertEqual(one.wait(job)[1]["state"], "done")
        mine = server.post("/api/jobs", **STEER)["id"]
        for stranger, theirs in ((other, job), (other, mine), (one, mine)):
            self.assertNotIn(theirs, [j["id"] for j in stranger.ask("GET", "/api/jobs")[1]])
            for method, path in (
                ("GET", ""),
                ("DELETE", ""),
                ("GET", "/points"),
                ("GET", "/ids"),
                ("GET", "/labels"),
                ("GET", "/similar?token=1"),
                ("GET", "/events"),
                ("POST", "/pause"),
                ("POST", "/resume"),
                ("POST", "/cancel"),
            ):
                status, answer = stranger.ask(method, f"/api/jobs/{theirs}{path}", {} if method == "POST" else None)
                self.assertEqual((status, answer["error"]["code"]), (404, "not_found"), (method, path))
        self.assertEqual(server.ask("GET", f"/api/jobs/{job}")[0], 404)
        server.wait(mine)
        self.assertEqual(one.ask("DELETE", f"/api/jobs/{job}")[0], 200)

    def test_a_guest_who_starts_too_much_stops_nobody_else(self):
        greedy, modest = Guest(), Guest()
        slow = {**STEER, "tokens": 300}
        started = [greedy.ask("POST", "/api/jobs", slow) for _ in range(5)]
        self.assertEqual([status for status, _ in started], [202, 202, 202, 503, 503])
        self.assertEqual(modest.ask("POST", "/api/jobs", STEER)[0], 202)
        for status, answer in started[:3]:
            greedy.ask("POST", f"/api/jobs/{answer['id']}/cancel", {})


class Forty(unittest.TestCase):
    def test_at_once_without_an_error(self):
        def visit(number):
            guest, errors = Guest(), []

            def ask(method, path, fields=None):
                status, answer = guest.ask(method, path, fields)
                if status not in (200, 202):
                    errors.append((path, status, answer))
                return answer

            ask("GET", "/")
            ask("GET", "/api/health")
            ask("POST", "/api/tokens", {"text": f"{CAPITAL} {number}"})
            job = ask("POST", "/api/jobs", {**STEER, "text": f"{number} is"})
            for step in range(6):
                answer = ask("POST", "/api/mix/at", {**MIX, "text": f"{number}. {CAPITAL}", "p": step / 5})
                self.assertEqual(answer["p"], step / 5)
            status, ended = guest.wait(job["id"])
            return errors, status, ended["state"], ended["result"]["table"]["columns"]["text"][0]

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            visits = list(pool.map(visit, range(40)))
        for errors, status, state, text in visits:
            self.assertEqual((errors, status, state), ([], 200, "done"))
        self.assertEqual(server.get("/api/jobs"), [])


if __name__ == "__main__":
    unittest.main()
