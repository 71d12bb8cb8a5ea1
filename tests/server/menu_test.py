"""What the explorer's menus need: the models that open by name, and the map of all tokens, computed once and kept."""

import os
import pathlib
import struct
import tempfile
import time
import unittest

from client import PATIENCE, Server

TINY = pathlib.Path(__file__).resolve().parents[1] / "data/reference/tiny-llama"


def ready(server):
    """The state of the map when it is no longer computed."""
    for _ in range(20 * PATIENCE):
        status = server.get("/api/map")
        if status["state"] != "computing":
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def points(server):
    status, headers, body = server.raw("GET", "/api/map/points", None, {"Cookie": server.cookie})
    assert status == 200
    return struct.unpack(f"<{len(body) // 4}f", body)


class Menu(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cache = pathlib.Path(self.folder.name, "cache")
        self.cache.mkdir()
        self.before = {name: os.environ.get(name) for name in ("EMBSCOPE_CACHE", "HF_HUB_CACHE", "LLAMA_CACHE")}
        os.environ.update(EMBSCOPE_CACHE=str(self.cache), HF_HUB_CACHE=self.folder.name + "/hub")
        os.environ.update(LLAMA_CACHE=self.folder.name + "/llama")

    def tearDown(self):
        self.own_caches()
        self.folder.cleanup()

    def own_caches(self):
        for name, value in self.before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})

    def with_server(self, *arguments):
        server = Server("-m", str(TINY), *arguments)
        self.addCleanup(server.stop)
        return server

    def test_models_that_open_by_name(self):
        mine = self.cache / "models" / "own"
        mine.mkdir(parents=True)
        for file in ("config.json", "model.safetensors"):
            (mine / file).write_bytes((TINY / file).read_bytes())
        half = self.cache / "models" / "half"
        half.mkdir()
        (half / "config.json").write_bytes((TINY / "config.json").read_bytes())
        server = self.with_server()
        self.assertEqual(server.get("/api/models/available"), {"models": [{"name": "own", "open": False}]})
        server.post("/api/models", open="own")
        self.assertEqual(server.get("/api/models/available"), {"models": [{"name": "own", "open": True}]})
        theirs = pathlib.Path(self.folder.name, "llama/tiny.gguf")
        theirs.parent.mkdir()
        theirs.write_bytes((TINY / "tiny-llama.gguf").read_bytes())
        found = [{"name": "llama.cpp:tiny", "open": False}, {"name": "own", "open": True}]
        self.assertEqual(server.get("/api/models/available"), {"models": found})
        self.assertEqual(server.post("/api/models", open="llama.cpp:tiny")["opens"], "llama.cpp:tiny")
        self.assertIs(server.get("/api/models/available")["models"][0]["open"], True)

    def test_the_map_is_computed_once_and_kept(self):
        first = self.with_server()
        self.assertIn(first.get("/api/map")["state"], ("computing", "ready"))  # the first who asks lets it begin
        status = ready(first)
        self.assertEqual(
            (status["state"], status["from_cache"], status["note"], status["fraction"]), ("ready", False, "", 1)
        )
        made = points(first)
        self.assertEqual(len(made), 2 * status["tokens"])
        self.assertEqual(len(list((self.cache / "maps").iterdir())), 1)
        second = self.with_server()
        status = ready(second)
        self.assertEqual((status["state"], status["from_cache"]), ("ready", True))
        self.assertEqual(points(second), made)

    def test_a_damaged_map_is_made_again(self):
        server = self.with_server()
        ready(server)
        made, (file,) = points(server), (self.cache / "maps").iterdir()
        for damage in (b"", b"rubbish", file.read_bytes()[:200]):
            file.write_bytes(damage)
            again = self.with_server()
            self.assertIs(ready(again)["from_cache"], False)
            self.assertEqual(points(again), made)

    def test_a_cache_that_takes_no_file_is_not_fatal(self):
        (self.cache / "maps").write_text("in the way")
        server = self.with_server()
        status = ready(server)
        self.assertEqual(status["state"], "ready")
        self.assertIn("not kept for the next start", status["note"])
        self.assertEqual(len(points(server)), 2 * status["tokens"])

    def test_the_server_ends_while_the_map_is_made(self):
        self.own_caches()
        server = Server()
        server.get("/api/map")
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 15)


if __name__ == "__main__":
    unittest.main()
