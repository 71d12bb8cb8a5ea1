"""`embscope pull` against a hub on loopback that behaves, breaks off, lies and refuses."""
import hashlib
import http.server
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import threading
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference/tiny-gpt2"
FILES = {"config.json": (DATA / "config.json").read_bytes(), "model.safetensors": (DATA / "model.safetensors").read_bytes()}


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(head=True)

    def do_GET(self):
        self.answer(head=False)

    def send(self, status, body=b"", headers=(), head=False, cut=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head:
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def answer(self, head):
        hub = self.server
        hub.seen.append((self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if hub.status:
            return self.send(hub.status, head=head)
        if self.path.startswith("/api/models/"):
            return self.send(200, json.dumps({"siblings": [{"rfilename": n} for n in hub.names]}).encode(), head=head)
        name = self.path.rsplit("/", 1)[1]
        data = FILES[name]
        large = name.endswith(".safetensors")
        etag = hashlib.sha256(data).hexdigest() if large else git_sha1(data)
        if hub.wrong_hash and large:
            etag = "0" * 64
        headers = [("ETag", f'"{etag}"'), ("X-Linked-Size", str(len(data))), ("X-Linked-ETag", f'"{etag}"')]
        if head:
            return self.send(200, data, headers, head=True)
        if hub.store and large and not self.path.startswith("/store"):
            return self.send(302, b"", [("Location", hub.store + "/store/" + name)])
        status, body = 200, data
        if self.headers.get("Range"):
            status, body = 206, data[int(self.headers["Range"][6:-1]):]
        cut = None
        if hub.cut and large:
            cut, hub.cut = hub.cut, None
        self.send(status, body, cut=cut)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that gave up is part of these tests


class Pull(unittest.TestCase):
    def hub(self):
        server = Server(("127.0.0.1", 0), Hub)
        server.seen, server.names = [], list(FILES) + ["../escape.json", "sub/other.bin", "pytorch_model.bin"]
        server.status = server.cut = server.store = None
        server.wrong_hash = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name)
        self.server = self.hub()

    def pull(self, name="owner/tiny", limit=None, **environment):
        address = f"http://127.0.0.1:{self.server.server_port}"
        env = {**os.environ, "EMBSCOPE_CACHE": str(self.cache), "HF_ENDPOINT": address, "HF_HOME": str(self.cache / "hf"), "HF_TOKEN": "", "no_proxy": "*", **environment}
        preexec = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
        return subprocess.run([EMBSCOPE, "pull", name], capture_output=True, text=True, env=env, timeout=60, preexec_fn=preexec)

    def refused(self, done, *fragments):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)
        self.assertFalse((self.folder / "model.safetensors").exists())

    @property
    def folder(self):
        return self.cache / "models/owner--tiny"

    def whole(self):
        return {n: (self.folder / n).read_bytes() for n in FILES} == FILES

    def test_fetches_what_a_model_needs_and_opens(self):
        done = self.pull()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.whole())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), [".lock", "config.json", "model.safetensors"])
        info = subprocess.run([EMBSCOPE, "info", "-m", "owner/tiny"], capture_output=True, text=True, env={**os.environ, "EMBSCOPE_CACHE": str(self.cache)})
        self.assertIn("97 x 48", info.stdout, info.stderr)

    def test_does_not_fetch_twice(self):
        self.pull()
        self.server.seen.clear()
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual([c for c, path, *_ in self.server.seen if c == "GET" and "resolve" in path], [])

    def test_a_cut_connection_resumes(self):
        self.server.cut = 100_000
        self.refused(self.pull(), "run the command again")
        self.assertEqual((self.folder / "model.safetensors.part").stat().st_size, 100_000)
        self.server.seen.clear()
        self.assertEqual(self.pull().returncode, 0)
        self.assertIn("bytes=100000-", [r for _, _, r, _ in self.server.seen])
        self.assertTrue(self.whole())

    def test_a_wrong_hash(self):
        self.server.wrong_hash = True
        self.refused(self.pull(), "hash")
        self.assertFalse((self.folder / "model.safetensors.part").exists())

    def test_401_and_404(self):
        self.server.status = 401
        self.refused(self.pull(), "status 401", "HF_TOKEN")
        self.server.status = 404
        self.refused(self.pull(), "status 404", "check the name")

    def test_a_full_disk_keeps_what_was_fetched(self):
        self.refused(self.pull(limit=65536), "cannot write")
        self.assertEqual(self.pull().returncode, 0)
        self.assertTrue(self.whole())

    def test_the_token_is_sent_to_the_hub_and_not_along_a_redirect(self):
        other = self.hub()
        self.server.store = f"http://localhost:{other.server_port}"
        self.assertEqual(self.pull(HF_TOKEN="secret").returncode, 0)
        self.assertTrue(all(a == "Bearer secret" for *_, a in self.server.seen))
        self.assertEqual([a for *_, a in other.seen], [None])
        self.assertTrue(self.whole())

    def test_a_token_file(self):
        (self.cache / "hf").mkdir()
        (self.cache / "hf/token").write_text("from-file\n")
        self.pull()
        self.assertTrue(all(a == "Bearer from-file" for *_, a in self.server.seen))

    def test_nobody_there(self):
        self.refused(self.pull(HF_ENDPOINT="http://127.0.0.1:9"), "127.0.0.1:9")

    def test_names(self):
        for name in ("no-owner", "../x/y", "a/b/c", "a/", "a/..", "a b/c"):
            done = self.pull(name)
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("OWNER/NAME", done.stderr)


if __name__ == "__main__":
    unittest.main()
