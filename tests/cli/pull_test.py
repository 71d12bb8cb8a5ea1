"""`embscope pull` against a hub on loopback that behaves, breaks off, lies and refuses."""

import fcntl
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

from limits import full_disk

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference/tiny-gpt2"
FILES = {
    "config.json": (DATA / "config.json").read_bytes(),
    "model.safetensors": (DATA / "model.safetensors").read_bytes(),
}


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
            listing = hub.listing or json.dumps({"siblings": [{"rfilename": n} for n in hub.names]}).encode()
            return self.send(200, listing, head=head)
        name = self.path.rsplit("/", 1)[1]
        data = hub.files[name]
        large = name.endswith((".safetensors", ".gguf"))
        etag = hashlib.sha256(data).hexdigest() if large else git_sha1(data)
        if hub.wrong_hash and large:
            etag = "0" * 64
        stated = {"ETag": f'"{etag}"', "X-Linked-Size": str(hub.size or len(data)), "X-Linked-ETag": f'"{etag}"'}
        headers = [(name, stated[name]) for name in hub.states]
        if head:
            return self.send(200, data, headers, head=True)
        if hub.store and large and not self.path.startswith("/store"):
            return self.send(302, b"", [("Location", hub.store + "/store/" + name)])
        status, body = 200, data
        if self.headers.get("Range") and not hub.whole_only:
            status, body = 206, data[int(self.headers["Range"][6:-1]) :]
        cut = None
        if hub.cut and large:
            cut, hub.cut = hub.cut, None
        self.send(status, body, cut=cut)


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, handler=Hub):
        super().__init__(("127.0.0.1", 0), handler)
        self.seen, self.files, self.names = [], dict(FILES), list(FILES)
        self.status = self.cut = self.store = self.listing = self.size = None
        self.states = ["ETag", "X-Linked-Size", "X-Linked-ETag"]
        self.wrong_hash = self.whole_only = False

    def handle_error(self, *_):
        pass  # a client that gave up is part of these tests


class Pull(unittest.TestCase):
    def hub(self):
        server = Server()
        server.names += ["../escape.json", "sub/other.bin", ".hidden", "pytorch_model.bin"]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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
        env = {
            **os.environ,
            "EMBSCOPE_CACHE": str(self.cache),
            "HF_ENDPOINT": address,
            "HF_HOME": str(self.cache / "hf"),
            "HF_TOKEN": "",
            "no_proxy": "*",
            **environment,
        }
        options = full_disk(limit, env) if limit else {"env": env}
        return subprocess.run([EMBSCOPE, "pull", name], capture_output=True, text=True, timeout=60, **options)

    def refused(self, done, *fragments):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)
        self.assertFalse((self.folder / "model.safetensors").exists())

    @property
    def folder(self):
        return self.cache / "models/owner--tiny"

    @property
    def part(self):
        return self.folder / "model.safetensors.part"

    def fetched(self):
        return [
            path.rsplit("/", 1)[1] for command, path, *_ in self.server.seen if command == "GET" and "resolve" in path
        ]

    def info(self):
        environment = {**os.environ, "EMBSCOPE_CACHE": str(self.cache)}
        return subprocess.run(
            [EMBSCOPE, "info", "-m", "owner/tiny"], capture_output=True, text=True, env=environment
        ).stdout

    def whole(self):
        return {n: (self.folder / n).read_bytes() for n in FILES} == FILES

    def test_fetches_what_a_model_needs_and_opens(self):
        done = self.pull()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.whole())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), [".lock", "config.json", "model.safetensors"])
        self.assertIn("97 x 48", self.info())

    def test_does_not_fetch_twice(self):
        self.pull()
        self.server.seen.clear()
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual(self.fetched(), [])

    def test_a_cut_connection_resumes(self):
        self.server.cut = 100_000
        self.refused(self.pull(), "run the command again")
        self.assertEqual(self.part.stat().st_size, 100_000)
        self.server.seen.clear()
        self.assertEqual(self.pull().returncode, 0)
        self.assertIn("bytes=100000-", [r for _, _, r, _ in self.server.seen])
        self.assertTrue(self.whole())

    def test_a_wrong_hash(self):
        self.server.wrong_hash = True
        self.refused(self.pull(), "hash")
        self.assertFalse(self.part.exists())

    def test_a_server_that_refuses(self):
        for status, says in ((401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "check the name"), (503, "try again later")):
            self.server.status = status
            self.refused(self.pull(), f"status {status}", says)

    def test_a_list_that_is_none(self):
        for listing, says in (
            (b"<html>", "not valid JSON"),
            (b"{}", "'siblings' is missing"),
            (b'{"siblings":[7]}', "expected an object"),
            (b" " * (65 << 20), "larger than 64 MiB"),
        ):
            self.server.listing = listing
            self.refused(self.pull(), "/api/models/owner/tiny", says)

    def test_a_repository_without_a_model(self):
        self.server.names = ["README.md", "model.safetensors"]
        self.refused(self.pull(), "owner/tiny", "holds no config.json")
        self.server.names = ["config.json"]
        self.refused(self.pull(), "owner/tiny", "holds no model.safetensors and no pytorch_model.bin")
        self.assertEqual(self.fetched(), [])

    def test_checkpoints_of_pytorch_where_there_is_no_safetensors(self):
        names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
        index = "pytorch_model.bin.index.json"
        self.server.files = {"config.json": FILES["config.json"], index: b"{}", **dict.fromkeys(names, b"x")}
        self.server.names = [*names, "pytorch_model.bin.other", index, "config.json"]
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual(self.fetched(), ["config.json", index, *names])

    def test_shards_come_after_the_small_files_and_open(self):
        weights = FILES["model.safetensors"]
        header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
        shard = "model-00001-of-00001.safetensors"
        index = json.dumps({"weight_map": {name: shard for name in header if name != "__metadata__"}}).encode()
        self.server.files = {"config.json": FILES["config.json"], shard: weights, "model.safetensors.index.json": index}
        self.server.names = [shard, "model-card.md", "model.safetensors.index.json", "config.json"]
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual(self.fetched(), ["config.json", "model.safetensors.index.json", shard])
        self.assertIn("97 x 48", self.info())

    def gguf_hub(self, *tags):
        """The hub has a repository of GGUF files, one in a folder, one that is not a model."""
        gguf = (DATA.parent / "tiny-llama/tiny-llama.gguf").read_bytes()
        files = {f"Tiny-{tag}.gguf": gguf + tag.encode() for tag in tags}
        self.server.files = {"README.md": b"", "mmproj-Tiny.gguf": b"", **files}
        self.server.names = [*self.server.files, "../Tiny-Q2_K.gguf", "sub/Tiny-F16.gguf"]
        self.server.files["Tiny-F16.gguf"] = gguf
        return gguf

    def test_a_gguf_by_its_tag(self):
        self.gguf_hub("Q4_K_M", "Q8_0")
        done = self.pull("owner/tiny")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(
            "holds 3 .gguf files: fetch one with 'embscope pull owner/tiny:TAG', TAG one of F16, Q4_K_M, Q8_0",
            done.stderr,
        )
        self.refused(self.pull("owner/tiny:Q5_K_M"), "none of this tag", "F16, Q4_K_M, Q8_0")
        self.assertFalse(self.folder.exists())
        done = self.pull("owner/tiny:q8_0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("-m owner/tiny:q8_0", done.stdout)
        self.assertEqual(self.fetched(), ["Tiny-Q8_0.gguf"])
        self.assertEqual(self.pull("owner/tiny:F16").returncode, 0)
        self.assertIn("/sub/Tiny-F16.gguf", self.server.seen[-1][1])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), [".lock", "Tiny-F16.gguf", "Tiny-Q8_0.gguf"])

    def test_a_repository_with_one_gguf_needs_no_tag(self):
        gguf = self.gguf_hub("Q4_0")
        self.server.names.remove("sub/Tiny-F16.gguf")
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual((self.folder / "Tiny-Q4_0.gguf").read_bytes(), gguf + b"Q4_0")

    def test_what_ollama_or_lm_studio_have_fetched_is_used_where_it_lies(self):
        gguf = self.gguf_hub("Q4_0")
        digest = hashlib.sha256(gguf + b"Q4_0").hexdigest()
        home = self.cache / "home"
        blob = home / f".ollama/models/blobs/sha256-{digest}"
        manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/tiny/latest"
        studio = home / ".lmstudio/models/owner/tiny/Tiny-Q4_0.gguf"
        for path in (blob, manifest, studio):
            path.parent.mkdir(parents=True)
        layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
        manifest.write_text(json.dumps({"layers": [layer]}))
        studio.write_bytes(gguf + b"other")  # of this name, but another file
        blob.write_bytes(gguf + b"Q4_0")
        for store, name in (("ollama", "ollama:tiny:latest"), ("lmstudio", "lmstudio:owner/tiny")):
            done = self.pull("owner/tiny:Q4_0", HOME=str(home))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"another program has fetched it already ({store})", done.stdout)
            self.assertIn(f"use it with -m {name}\n", done.stdout)
            manifest.unlink(missing_ok=True)
            studio.write_bytes(gguf + b"Q4_0")
        self.assertEqual(self.fetched(), [])
        self.assertFalse(self.folder.exists())
        studio.write_bytes(gguf + b"Q4_1")  # the hub's has another hash
        self.assertEqual(self.pull("owner/tiny:Q4_0", HOME=str(home)).returncode, 0)
        self.assertEqual(self.fetched(), ["Tiny-Q4_0.gguf"])

    def test_what_the_hub_s_own_library_has_fetched_is_used_where_it_lies(self):
        repository = self.cache / "hf/hub/models--owner--tiny"
        snapshot = repository / "snapshots" / ("a" * 40)
        for folder in (snapshot, repository / "blobs", repository / "refs"):
            folder.mkdir(parents=True)
        (repository / "refs/main").write_text("a" * 40)
        for name, data in FILES.items():
            etag = hashlib.sha256(data).hexdigest() if name.endswith(".safetensors") else git_sha1(data)
            (repository / "blobs" / etag).write_bytes(data)
            (snapshot / name).symlink_to(repository / "blobs" / etag)
        done = self.pull()
        self.assertIn("another program has fetched it already (hf)", done.stdout)
        self.assertEqual(self.fetched(), [])
        self.server.files["config.json"] += b"\n"  # the hub has a newer one
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual(self.fetched(), ["config.json", "model.safetensors"])

    def test_short_names_lie_where_the_hub_has_them(self):
        for name, repository in (
            ("gpt2", "openai-community/gpt2"),
            ("distilgpt2", "distilbert/distilgpt2"),
            ("smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct"),  # which a command without -m asks for
        ):
            self.server.seen.clear()
            self.assertEqual(self.pull(name).returncode, 0)
            self.assertEqual(self.server.seen[0][1], f"/api/models/{repository}")
            self.assertTrue((self.cache / "models" / name / "model.safetensors").exists())

    def test_a_hub_that_states_size_and_hash_in_http_s_own_headers(self):
        self.server.states = ["ETag"]
        self.assertEqual(self.pull(HF_ENDPOINT=f"http://127.0.0.1:{self.server.server_port}/").returncode, 0)
        self.assertTrue(self.whole())

    def test_a_hub_that_states_no_hash(self):
        self.server.states = ["X-Linked-Size"]
        self.refused(self.pull(), "states no hash")

    def test_a_file_shorter_than_stated(self):
        self.server.size = len(FILES["config.json"]) + 1
        self.refused(self.pull(), "config.json", f"ended after {self.server.size - 1} of {self.server.size} bytes")

    def test_a_disk_that_is_too_small_is_known_before_anything_is_fetched(self):
        self.server.size = 1 << 60
        self.refused(self.pull(), "bytes free", f"{1 << 60} are needed")
        self.assertEqual(self.fetched(), [])

    def test_a_cache_or_a_home_where_no_folder_can_be_made(self):
        for environment in ({"EMBSCOPE_CACHE": "/proc/none"}, {"EMBSCOPE_CACHE": "", "HOME": "/proc"}):
            self.refused(
                self.pull(XDG_CACHE_HOME="", **environment), "[/proc/", "cannot be made: No such file or directory"
            )
        self.assertEqual(self.fetched(), [])

    def test_a_part_that_is_whole_is_checked_and_not_fetched(self):
        self.folder.mkdir(parents=True)
        self.part.write_bytes(FILES["model.safetensors"])
        self.assertEqual(self.pull().returncode, 0)
        self.assertEqual(self.fetched(), ["config.json"])
        self.assertTrue(self.whole())

    def test_a_part_that_is_too_long_starts_over(self):
        self.folder.mkdir(parents=True)
        self.part.write_bytes(FILES["model.safetensors"] + b"more")
        self.assertEqual(self.pull().returncode, 0)
        self.assertTrue(self.whole())

    def test_a_server_without_ranges_starts_over(self):
        self.folder.mkdir(parents=True)
        self.part.write_bytes(b"x" * 1000)
        self.server.whole_only = True
        self.assertEqual(self.pull().returncode, 0)
        self.assertIn("bytes=1000-", [r for _, _, r, _ in self.server.seen])
        self.assertTrue(self.whole())

    def test_another_process_at_the_same_model(self):
        self.folder.mkdir(parents=True)
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(self.pull(), "another process is fetching this model")

    def test_things_in_the_way(self):
        self.folder.mkdir(parents=True)
        self.part.symlink_to(self.cache / "nowhere/file")
        self.refused(self.pull(), "model.safetensors.part", "cannot write")
        (self.folder / ".lock").unlink()
        (self.folder / ".lock").mkdir()
        self.refused(self.pull(), "owner--tiny/.lock", "is a folder")
        shutil.rmtree(self.cache / "models")
        (self.cache / "models").write_text("")
        self.refused(self.pull(), "owner--tiny", "cannot be made")

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

    def test_a_redirect_to_a_file_of_this_machine_is_not_followed(self):
        (self.cache / "store").mkdir()
        (self.cache / "store/model.safetensors").write_bytes(FILES["model.safetensors"])
        self.server.store = f"file://{self.cache}"
        self.refused(self.pull(), "rotocol")

    def test_https_with_a_certificate_that_ssl_cert_file_vouches_for_and_no_other(self):
        certificate, key = self.cache / "hub.pem", self.cache / "key.pem"
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=hub",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                key,
                "-out",
                certificate,
            ],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        address = f"https://127.0.0.1:{self.server.server_port}"
        self.refused(self.pull(HF_ENDPOINT=address), address, "certificate")
        self.assertEqual(self.pull(HF_ENDPOINT=address, SSL_CERT_FILE=str(certificate)).returncode, 0)
        self.assertTrue(self.whole())

    def test_a_machine_without_libcurl_says_how_to_get_it(self):
        for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
            (self.cache / name).write_text("no library")
        self.refused(self.pull(LD_LIBRARY_PATH=str(self.cache)), "apt install libcurl4")

    def test_a_token_file(self):
        (self.cache / "hf").mkdir()
        (self.cache / "hf/token").write_text("from-file\n")
        self.pull()
        self.assertTrue(all(a == "Bearer from-file" for *_, a in self.server.seen))

    def test_nobody_there(self):
        self.refused(self.pull(HF_ENDPOINT="http://127.0.0.1:9"), "127.0.0.1:9")
        self.assertEqual(list(self.cache.iterdir()), [])

    def test_what_failed_before_the_first_byte_leaves_nothing(self):
        self.server.status = 404
        self.refused(self.pull("owner/mistyped"), "status 404")
        self.assertEqual(list(self.cache.iterdir()), [])
        self.server.status, self.server.size = None, 1 << 60  # the list is answered, the first file is not
        self.refused(self.pull(), "bytes free")
        self.assertEqual(list(self.cache.iterdir()), [])
        (self.cache / "models/other").mkdir(parents=True)
        self.refused(self.pull(), "bytes free")
        self.assertEqual([p.name for p in (self.cache / "models").iterdir()], ["other"])

    def test_what_failed_later_goes_on_and_is_no_model_until_then(self):
        self.server.cut = 100_000
        self.refused(self.pull(), "run the command again")
        environment = {**os.environ, "EMBSCOPE_CACHE": str(self.cache), "HF_HOME": str(self.cache / "hf")}
        for name, says in (("owner/tiny", "'embscope pull owner/tiny' goes on"), ("other", "the cache has no models")):
            done = subprocess.run([EMBSCOPE, "info", "-m", name], capture_output=True, text=True, env=environment)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)

    def test_offline_says_so_and_asks_nobody(self):
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            for value in ("1", "true", "YES", "on"):
                self.refused(self.pull(**{variable: value}), "offline", "HF_HUB_OFFLINE")
        self.assertEqual(self.server.seen, [])
        self.assertEqual(self.pull(HF_HUB_OFFLINE="0").returncode, 0)

    def test_a_token_file_elsewhere(self):
        (self.cache / "my-token").write_text("moved\r\n")
        self.pull(HF_TOKEN_PATH=str(self.cache / "my-token"))
        self.assertTrue(all(a == "Bearer moved" for *_, a in self.server.seen))

    def test_names(self):
        for name in ("no-owner", "../x/y", "a/b/c", "a/", "a/..", "a b/c"):
            done = self.pull(name)
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("OWNER/NAME", done.stderr)


if __name__ == "__main__":
    unittest.main()
