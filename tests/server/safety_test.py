"""Who may come in, what a stranger learns, and what the rude can do: nothing that others notice."""

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import load
from client import CAPITAL, EMBSCOPE, PATIENCE, Server

REST = 300 if "EMBSCOPE_SANITIZED" in os.environ else 20  # seconds, for a block of the model under way


def setUpModule():
    global server, resting, rest_began
    server = Server()
    resting = [socket.create_connection((server.host, server.port)) for _ in range(6)]
    rest_began = time.monotonic()
    for connection in resting[1:]:
        connection.sendall(asked())


def asked():
    """A whole request, whose connection stays."""
    return f"GET /api/health HTTP/1.1\r\nHost: localhost\r\nCookie: {server.cookie}\r\n\r\n".encode()


def tearDownModule():
    assert server.stop() == 0


class Door(unittest.TestCase):
    def status(self, method="GET", path="/api/health", body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, _, answer = server.raw(method, path, body, named)
        return status, answer

    def test_without_a_cookie_nothing_is_said(self):
        for path in ("/", "/api/health", "/api/openapi.json", "/assets/x.js", "/api/nothing"):
            status, answer = self.status(path=path)
            self.assertEqual(status, 401)
            self.assertIn("embscope serve", json.loads(answer)["error"]["message"])

    def test_a_token_lets_one_browser_in(self):
        self.assertEqual(self.status(path=f"/?token={server.token}")[0], 401)  # was used in setUp
        self.assertEqual(self.status(path="/?token=")[0], 401)
        self.assertEqual(self.status(path="/?token=" + "0" * 64)[0], 401)
        fresh = Server()
        try:
            self.assertIn("HttpOnly", fresh.raw("GET", "/?token=" + self.next_token(fresh))[1]["Set-Cookie"])
        finally:
            fresh.stop()

    def next_token(self, fresh):
        while "for another one" not in (line := fresh.process.stdout.readline()):
            pass
        return line.split("token=")[1].strip()

    def test_the_cookie_is_strict_and_the_token_leaves_the_address(self):
        fresh = Server()
        try:
            status, headers, _ = fresh.raw("GET", f"/?token={self.next_token(fresh)}&view=%2F%2Fx")
            self.assertEqual((status, headers["Location"]), (303, "/?view=%2F%2Fx"))
            for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
                self.assertIn(part, headers["Set-Cookie"])
        finally:
            fresh.stop()

    def test_a_wrong_cookie(self):
        name = server.cookie.split("=")[0]
        for cookie in (
            f"{name}=",
            f"{name}={'0' * 64}",
            server.cookie[:-1],
            "x=" + server.cookie,
            server.cookie.upper(),
        ):
            self.assertEqual(self.status(Cookie=cookie)[0], 401, cookie)
        self.assertEqual(self.status(Cookie=f"a=b; {server.cookie}; c=d")[0], 200)

    def test_other_names_for_this_machine_are_refused(self):
        for host in (
            "evil.example",
            "evil.example:80",
            f"127.0.0.1.evil.example:{server.port}",
            "localhost.evil.example",
            "",
            "[::1",
            "localhost:80:80",
            "localhost:x",
            "192.168.1.7",
            "@localhost",
        ):
            self.assertEqual(self.status(Host=host, Cookie=server.cookie)[0], 421, host)
        for host in ("localhost", "localhost:9999", "127.0.0.1", f"127.0.0.1:{server.port}", "[::1]:80"):
            self.assertEqual(self.status(Host=host, Cookie=server.cookie)[0], 200, host)

    def test_other_sites_are_refused(self):
        own = f"http://127.0.0.1:{server.port}"
        body, kind = json.dumps({"text": "a"}), "application/json"
        self.assertEqual(
            self.status("POST", "/api/tokens", body, Cookie=server.cookie, Content_Type=kind, Origin=own)[0], 200
        )
        for origin in (
            "http://evil.example",
            "null",
            f"http://127.0.0.1:{server.port + 1}",
            own + ".evil.example",
            "file://",
        ):
            self.assertEqual(
                self.status("POST", "/api/tokens", body, Cookie=server.cookie, Content_Type=kind, Origin=origin)[0], 403
            )
            self.assertEqual(self.status(Cookie=server.cookie, Origin=origin)[0], 403)
        for site in ("cross-site", "same-site"):
            self.assertEqual(self.status(Cookie=server.cookie, Sec_Fetch_Site=site)[0], 403)
        self.assertEqual(
            self.status("POST", "/api/tokens", body, Cookie=server.cookie, Content_Type="text/plain")[0], 415
        )
        self.assertEqual(self.status("OPTIONS", "/api/tokens", Cookie=server.cookie, Origin=own)[0], 405)

    def test_every_answer_carries_the_policy(self):
        for path, cookie in (
            ("/", server.cookie),
            ("/api/health", server.cookie),
            ("/api/nothing", server.cookie),
            ("/", ""),
        ):
            _, headers, _ = server.raw("GET", path, None, {"Cookie": cookie})
            policy = headers["Content-Security-Policy"]
            for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                self.assertIn(part, policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertNotIn("Access-Control-Allow-Origin", headers)

    def test_paths_stay_inside(self):
        for path in (
            "/../../etc/passwd.txt",
            "/assets/..%2f..%2f..%2fetc%2fpasswd.txt",
            "/%2e%2e/%2e%2e/etc/passwd.x",
            "/assets/....//x.js",
            "//etc/passwd.x",
        ):
            self.assertEqual(self.status(path=path, Cookie=server.cookie)[0], 404, path)
        for path in ("/%", "/%zz", "/a%00b", "/api/vocabulary?q=%0"):
            self.assertEqual(self.status(path=path, Cookie=server.cookie)[0], 400, path)

    def test_loopback_unless_asked_and_then_with_a_warning(self):
        self.assertEqual(server.host, "127.0.0.1")
        wide = Server("--host", "0.0.0.0")
        wide.process.terminate()
        self.assertIn("other machines", wide.process.stderr.read())
        wide.stop()

    def test_addresses_that_cannot_be_had(self):
        def refused(*arguments):
            done = subprocess.run(
                [EMBSCOPE, "serve", "--no-open", *arguments], capture_output=True, text=True, timeout=30
            )
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            return done.returncode, done.stderr

        self.assertEqual(refused("--port", str(server.port))[0], 1)
        self.assertIn("the port is taken", refused("--port", str(server.port))[1])
        self.assertEqual(refused("--host", "nowhere.example")[0], 2)
        self.assertEqual(refused("--port", "70000")[0], 1)
        self.assertEqual(refused("-m", "no-such-model")[0], 1)


class Limits(unittest.TestCase):
    HEAD = "POST /api/tokens HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Type: application/json\r\n"

    def head(self):
        return self.HEAD.format(server.cookie).encode()

    def test_large_bodies_and_heads(self):
        answer = server.plain(self.head() + b"Content-Length: 2000000\r\n\r\n" + b"x" * 100000)
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        answer = server.plain(
            self.head() + b"Transfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b"x" * 65535 + b"\r\n") * 20
        )
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        answer = server.plain(self.head() + b"X: " + b"y" * 40000 + b"\r\n\r\n")
        self.assertIn(b" 431 ", answer.split(b"\r\n")[0])
        text = "word " * 200000  # just within
        status, _, _ = server.raw("POST", "/api/tokens", json.dumps({"text": text}), server.headers(""))
        self.assertEqual(status, 200)

    def test_what_is_no_http(self):
        for bytes_ in (
            *load.RUBBISH[:2],
            b"GET\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            b"\r\n\r\n\r\n" + b"\xff" * 100,
            self.head() + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
            self.head() + b"Content-Length: 18446744073709551617\r\n\r\n{}",
            self.head() + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            answer = server.plain(bytes_)
            self.assertIn(answer.split(b" ")[1] if answer else b"closed", (b"400", b"413", b"closed"), bytes_)
        answer = server.plain(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", wait=1)
        self.assertIn(b"400", answer.split(b"\r\n")[0])

    def test_requests_one_behind_the_other(self):
        one = asked()
        last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        self.assertEqual(server.plain(one * 20 + last).count(b"HTTP/1.1 200"), 21)

    def test_a_request_that_does_not_come_is_not_waited_for(self):
        start = time.monotonic()
        answer = server.plain(self.head()[:30], wait=30)
        self.assertLess(time.monotonic() - start, 20)
        self.assertTrue(answer == b"" or b" 408 " in answer)

    def test_a_client_that_leaves_stops_its_work(self):
        numbers = " ".join(str(i) for i in range(700))
        text = CAPITAL + " " + numbers
        mix = {"replace": " Germany", "with": " France", "targets": [" Berlin"], "steps": 65}
        asked = {
            "lens": {"text": numbers, "first": 0},
            "trace": {"text": text},
            "attribute": {"text": text},
            "trajectory": {"text": text},
            "mix": {"text": text, **mix},
            "edit": {"text": text, "edits": ["wte@' Germany' zero"]},
            "predict": {"text": text},
            "attention": {"text": " ".join(str(i) for i in range(200))},
        }
        for path, fields in asked.items():
            body = json.dumps(fields).encode()
            head = self.head().replace(b"/api/tokens", f"/api/{path}".encode())
            with self.subTest(path):
                with socket.create_connection((server.host, server.port)) as s:
                    s.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                    self.wait_until(lambda: self.busy_within(0.2) > 5)
                self.wait_until(lambda: self.busy_within(0.5) <= 2)  # hundredths of a second: it rests

    def busy_within(self, seconds):
        """Hundredths of a second of processor time that the server uses meanwhile."""
        before = server.processor_time()
        time.sleep(seconds)
        return round(100 * (server.processor_time() - before))

    def wait_until(self, holds):
        end = time.monotonic() + REST
        while not holds():
            self.assertLess(time.monotonic(), end, "it has not happened in time")

    def test_long_work_stands_in_nobodys_way(self):
        body = {"text": " ".join(str(i) for i in range(40))}
        threads = [threading.Thread(target=server.ask, args=("POST", "/api/lens", body)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        slowest = 0
        while any(t.is_alive() for t in threads) and slowest < 5:
            start = time.monotonic()
            self.assertEqual(server.ask("POST", "/api/tokens", {"text": CAPITAL})[0], 200)
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        self.assertLess(slowest, 2)

    def test_many_at_once_some_of_them_rude(self):
        seconds = float(os.environ.get("EMBSCOPE_LOAD_SECONDS", "5"))
        load.run(server, 60, 1.5)
        before = server.memory()
        requests, errors, p99 = load.run(server, 200, seconds)
        time.sleep(1)
        grown = server.memory() - before
        print(
            f"200 clients, {seconds:.0f} s: {requests} requests, 99th percentile {1000 * p99:.0f} ms, memory {grown >> 20:+} MiB"
        )
        self.assertEqual(errors, [])
        self.assertLess(grown, 128 << 20)

    def test_memory_is_flat(self):
        def some(n):
            for i in range(n):
                server.post(
                    "/api/mix/at",
                    text=f"{CAPITAL} {i}",
                    replace=" Germany",
                    **{"with": [" France"]},
                    targets=[" a"],
                    p=0.5,
                )
                server.ask("POST", "/api/edit", {"text": CAPITAL, "edits": [{"at": "wte@9", "do": "zero"}]})
                server.raw("GET", f"/api/matrix/tile/3/{i % 8}/0.png", None, {"Cookie": server.cookie})

        some(20)
        before = server.memory()
        some(60)
        self.assertLess(server.memory() - before, 48 << 20)


class Rest(unittest.TestCase):
    def test_who_rests_for_too_long_is_sent_away_and_may_leave_as_it_likes(self):
        """75 s, counted since this module began. Meant for a build with assertions: what comes after the end must find
        nobody who reads."""
        for i, connection in enumerate(resting):
            connection.settimeout(PATIENCE)
            said = b""
            while part := connection.recv(4096):
                said += part
            self.assertGreater(time.monotonic() - rest_began, 74)
            self.assertEqual(said[:15], b"HTTP/1.1 200 OK" if i else b"")
            try:
                connection.sendall([b"", asked(), b"GET", b"\r\n"][i % 4])
            except OSError:
                pass  # closed on that side altogether
            connection.close()
        self.assertEqual(server.ask("GET", "/api/health")[0], 200)


class End(unittest.TestCase):
    def test_only_regular_files_are_opened_and_nothing_waits_for_another(self):
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            os.mkdir(os.path.join(folder, "model"))
            os.mkfifo(os.path.join(folder, "model/config.json"))
            began = time.monotonic()
            for path in (pipe, os.path.join(folder, "model"), "/dev/zero") * 4:
                status, _, answer = server.raw("POST", "/api/models", json.dumps({"open": path}), server.headers(path))
                self.assertGreaterEqual(status, 400)
                self.assertRegex(
                    json.loads(answer)["error"]["message"], "not a regular file|holds no model.safetensors"
                )
            self.assertLess(time.monotonic() - began, PATIENCE / 4)
            self.assertEqual(
                server.raw("POST", "/api/predict", json.dumps({"text": "Hello", "k": 1}), server.headers("json"))[0],
                200,
            )

    def test_it_stops_at_once_whatever_is_open(self):
        own = Server()
        job = own.post("/api/jobs", kind="map", method="tsne", tokens="0:300", steps=100000)["id"]
        stream = own.events("GET", f"/api/jobs/{job}/events")
        next(stream)
        idle = socket.create_connection((own.host, own.port))
        start = time.monotonic()
        self.assertEqual(own.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)
        idle.close()
        stream.close()


if __name__ == "__main__":
    unittest.main()
