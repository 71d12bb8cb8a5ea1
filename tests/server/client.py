"""A server of one's own on a free port, and a browser's manners: the one-time token, then the cookie."""

import atexit
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

EMBSCOPE = os.environ["EMBSCOPE"]
CAPITAL = "The capital of Germany is"
# A mixture, as a request and as a command.
MIX = {"text": CAPITAL, "replace": " Germany", "with": [" France"], "targets": [" Berlin", " Paris"]}
MIX_COMMAND = ["mix", CAPITAL, "--replace", " Germany", "--with", " France", "--targets", " Berlin", " Paris"]
PATIENCE = 1200 if "EMBSCOPE_SANITIZED" in os.environ else 300  # seconds for one answer


def command(*arguments):
    """What the command line says to the same question, as JSON."""
    done = subprocess.run([EMBSCOPE, *arguments, "--json"], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def cache_of_its_own():
    """A cache folder that goes away with the tests, with the models of the user's: what they train stays in it."""
    theirs = pathlib.Path(
        os.environ.get("EMBSCOPE_CACHE")
        or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "embscope"
    )
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    own = pathlib.Path(folder.name)
    (own / "models").mkdir()
    for path in theirs.glob("*"):
        if path.name != "models":
            (own / path.name).symlink_to(path)
    for model in (theirs / "models").glob("*"):
        (own / "models" / model.name).symlink_to(model)
    return str(own)


os.environ["EMBSCOPE_CACHE"] = cache_of_its_own()


class Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [EMBSCOPE, "serve", "--port", "0", "--no-open", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.line = self.process.stdout.readline()
        found = re.search(r"http://([\d.]+):(\d+)/\?token=(\w+)", self.line)
        if not found:
            self.process.kill()
            raise AssertionError(f"no address: {self.line!r} {self.process.stderr.read()}")
        self.host, self.port, self.token = found[1], int(found[2]), found[3]
        status, headers, _ = self.raw("GET", f"/?token={self.token}")
        assert status == 303, status
        self.cookie = headers["Set-Cookie"].split(";")[0]

    def raw(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def headers(self, body):
        return {"Cookie": self.cookie, **({"Content-Type": "application/json"} if body is not None else {})}

    def ask(self, method, path, fields=None):
        """(status, JSON)"""
        body = None if fields is None else json.dumps(fields)
        status, _, answer = self.raw(method, path, body, self.headers(body))
        return status, json.loads(answer)

    def get(self, path):
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path, **fields):
        status, answer = self.ask("POST", path, fields)
        assert status in (200, 202), answer
        return answer

    def events(self, method, path, fields=None):
        """Yields (event, data) until the server ends the stream."""
        body = None if fields is None else json.dumps(fields)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, self.headers(body))
            response = connection.getresponse()
            assert response.status == 200, response.read()
            assert response.headers["Content-Type"] == "text/event-stream"
            event = None
            for line in response:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    event = text[7:]
                elif text.startswith("data: "):
                    yield event, json.loads(text[6:])
        finally:
            connection.close()

    def wait(self, job, seconds=PATIENCE):
        """The job when it has ended."""
        for _ in range(seconds * 20):
            status = self.get(f"/api/jobs/{job}")
            if status["state"] in ("done", "failed", "cancelled"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"still {status}")

    def plain(self, data, wait=5):
        """Bytes sent as they are; what comes back until the server closes."""
        with socket.create_connection((self.host, self.port), timeout=wait) as s:
            s.sendall(data)
            out = b""
            try:
                while chunk := s.recv(65536):
                    out += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return out

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def processor_time(self):
        """Seconds that it has used so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            return sum(map(int, stat.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
