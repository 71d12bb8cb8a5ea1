"""Models where other programs keep them: `embscope models`, `-m STORE:NAME` and short names, over stores made here."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference"
GGUF = (DATA / "tiny-llama/tiny-llama.gguf").read_bytes()
MODEL = "application/vnd.ollama.image.model"


class Stores(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        keep = {
            k: v for k, v in os.environ.items() if not k.startswith(("EMBSCOPE_", "HF_", "XDG_", "OLLAMA", "LLAMA"))
        }
        self.environment = {**keep, "HOME": str(self.home)}

    def embscope(self, *arguments, **environment):
        return subprocess.run(
            [EMBSCOPE, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**self.environment, **environment},
        )

    def opens(self, name, **environment):
        """The model that a name opens, as `info` calls it."""
        done = self.embscope("info", "-m", name, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)["model"]

    def refused(self, name, *fragments, **environment):
        done = self.embscope("info", "-m", name, **environment)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)

    def models(self, **environment):
        done = self.embscope("models", "--json", **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        columns = json.loads(done.stdout)["columns"]
        return {row[0]: dict(zip(columns, row)) for row in zip(*columns.values())}

    def put(self, path, data=GGUF):
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def ollama(self, name, layers=None, store=".ollama/models", data=GGUF):
        """A manifest, and the blob that it names."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.put(f"{store}/blobs/{digest.replace(':', '-')}", data)
        if layers is None:
            layers = [{"mediaType": MODEL, "digest": digest, "size": len(data)}]
        self.put(f"{store}/manifests/{name}", json.dumps({"schemaVersion": 2, "layers": layers}).encode())
        return digest

    def test_a_machine_without_models(self):
        self.assertEqual(self.models(), {})
        self.assertIn("there are none", self.embscope("models").stdout)
        self.refused("ollama:qwen3", "this machine has no such store", "embscope models")

    def test_every_store_is_listed_and_opens_by_its_name(self):
        self.ollama("registry.ollama.ai/library/qwen3/4b")
        self.ollama("registry.ollama.ai/someone/mine/latest")
        self.ollama("hf.co/owner/Tiny-GGUF/Q8_0")
        self.put(".lmstudio/models/pub/Tiny-GGUF/Tiny-Q4_K_M.gguf")
        self.put(".lmstudio/models/pub/Tiny-GGUF/Tiny-Q8_0.gguf")
        self.put(".lmstudio/models/pub/Tiny-GGUF/mmproj-Tiny.gguf")
        self.put(".cache/lm-studio/models/old/One-GGUF/one.gguf")
        self.put(".cache/llama.cpp/owner_two.gguf")
        self.put(".local/share/nomic.ai/GPT4All/three.gguf")
        self.put("mine/sub/four.gguf")
        self.put(".cache/embscope/models/owner--own/model.gguf")
        hub = self.home / ".cache/huggingface/hub/models--owner--hub/snapshots/0123"
        shutil.copytree(DATA / "tiny-gpt2", hub)
        listed = self.models(EMBSCOPE_MODELS=f"/nowhere:{self.home / 'mine'}")
        names = {
            "owner/own": "embscope",
            "owner/hub": "hf",
            "ollama:qwen3:4b": "ollama",
            "ollama:someone/mine:latest": "ollama",
            "ollama:hf.co/owner/Tiny-GGUF:Q8_0": "ollama",
            "lmstudio:pub/Tiny-GGUF:Q4_K_M": "lmstudio",
            "lmstudio:pub/Tiny-GGUF:Q8_0": "lmstudio",
            "lmstudio:old/One-GGUF": "lmstudio",
            "llama.cpp:owner_two": "llama.cpp",
            "gpt4all:three": "gpt4all",
            "folder:sub/four": "folder",
        }
        self.assertEqual({name: model["store"] for name, model in listed.items()}, names)
        for name, model in listed.items():
            self.assertEqual(model["opens"], "yes", name)
            self.assertEqual(model["type"], "F32")
            self.assertEqual(model["family"], "gpt2" if name == "owner/hub" else "llama")
            self.assertEqual(self.opens(name, EMBSCOPE_MODELS=str(self.home / "mine")), name)
        self.assertEqual(listed["ollama:qwen3:4b"]["size"], len(GGUF))
        self.assertEqual(self.opens("hf:owner/hub"), "owner/hub")
        self.assertEqual(self.opens("embscope:owner/own"), "owner/own")

    def test_folders_that_the_environment_names(self):
        self.ollama("registry.ollama.ai/library/a/latest", store="elsewhere")
        self.put("llama/b.gguf")
        self.assertEqual(self.opens("ollama:a", OLLAMA_MODELS=str(self.home / "elsewhere")), "ollama:a:latest")
        self.assertEqual(self.opens("llama.cpp:b", LLAMA_CACHE=str(self.home / "llama")), "llama.cpp:b")
        self.put("studio/pub/c/c.gguf")
        self.put(".lmstudio/settings.json", json.dumps({"downloadsFolder": str(self.home / "studio")}).encode())
        self.assertEqual(self.opens("lmstudio:pub/c"), "lmstudio:pub/c")

    def test_short_names_that_only_one_model_has(self):
        self.ollama("registry.ollama.ai/library/qwen3/4b")
        self.put(".lmstudio/models/pub/Llama-Tiny-GGUF/Llama-Tiny-Q4_K_M.gguf")
        for short in ("qwen3", "qwen3:4b", "Qwen3"):
            self.assertEqual(self.opens(short), "ollama:qwen3:4b")
        for short in ("pub/Llama-Tiny-GGUF", "Llama-Tiny", "llama-tiny-gguf"):
            self.assertEqual(self.opens(short), "lmstudio:pub/Llama-Tiny-GGUF")

    def test_two_models_of_one_name_are_asked_about(self):
        self.ollama("registry.ollama.ai/library/tiny/1b")
        self.ollama("registry.ollama.ai/library/tiny/4b")
        self.put(".cache/llama.cpp/tiny.gguf")
        self.refused("tiny", "name one of: llama.cpp:tiny, ollama:tiny:1b, ollama:tiny:4b")
        self.refused("ollama:tiny", "name one of: ollama:tiny:1b, ollama:tiny:4b")
        self.ollama("registry.ollama.ai/library/tiny/latest")
        self.assertEqual(self.opens("ollama:tiny"), "ollama:tiny:latest")  # as Ollama has it
        self.put("a/same.gguf")
        self.put("b/same.gguf")
        both = f"{self.home / 'a'}:{self.home / 'b'}"
        self.refused("same", f"{self.home}/a/same.gguf, {self.home}/b/same.gguf", EMBSCOPE_MODELS=both)

    def test_what_embscope_s_own_cache_has_comes_first(self):
        self.put(".cache/embscope/models/tiny/model.gguf")
        self.put(".cache/llama.cpp/tiny.gguf")
        self.assertEqual(self.opens("tiny"), "tiny")

    def test_several_files_of_one_folder_by_their_tags(self):
        for tag in ("Q4_K_M", "Q8_0"):
            self.put(f".cache/embscope/models/owner--t/t-{tag}.gguf")
        self.assertEqual(sorted(self.models()), ["owner/t:Q4_K_M", "owner/t:Q8_0"])
        self.assertEqual(self.opens("owner/t:q8_0"), "owner/t:q8_0")
        self.refused("owner/t", "holds 2 .gguf files", "Q4_K_M, Q8_0")
        self.refused("owner/t:Q5_0", "has Q4_K_M, Q8_0")

    def test_manifests_that_cannot_be_followed_are_refused_by_name(self):
        good = {"mediaType": MODEL, "digest": "sha256:" + "a" * 64, "size": 5}
        outside = self.put("outside.gguf")
        link = self.home / ".ollama/models/blobs" / ("sha256-" + "c" * 64)
        link.parent.mkdir(parents=True)
        link.symlink_to(outside)
        cases = {
            "gone": ([good], "which is not there"),
            "up": ([{**good, "digest": "sha256:../../outside.gguf"}], "is not a SHA-256"),
            "link": ([{"mediaType": MODEL, "digest": "sha256:" + "c" * 64}], "outside of the store"),
            "adapter": ([{**good, "mediaType": "application/vnd.ollama.image.adapter"}], "image.adapter"),
            "none": ([], "names no weights"),
            "wrong": ([{"mediaType": MODEL}], "'digest'"),
        }
        for name, (layers, fragment) in cases.items():
            self.ollama(f"registry.ollama.ai/library/{name}/latest", layers)
            self.refused(f"ollama:{name}", f"ollama:{name}:latest", fragment)
        digest = self.ollama("registry.ollama.ai/library/short/latest")
        layer = {"mediaType": MODEL, "digest": digest, "size": 7}
        self.ollama("registry.ollama.ai/library/short/latest", [layer])
        self.refused("ollama:short", "states 7 bytes")
        self.put(".ollama/models/manifests/registry.ollama.ai/library/text/latest", b"<html>")
        self.refused("ollama:text", "not valid JSON")
        listed = self.models()
        self.assertEqual(len(listed), len(cases) + 2)
        self.assertTrue(all(model["opens"] != "yes" for model in listed.values()))
        text = self.embscope("models").stdout
        self.assertIn("ollama:gone:latest does not open: ", text)

    def test_what_does_not_open_says_why(self):
        self.put(".cache/llama.cpp/cut.gguf", GGUF[:1000])
        self.put(".cache/llama.cpp/other.gguf", GGUF.replace(b"llama", b"mamba"))
        listed = self.models()
        self.assertIn("[gguf] cut.gguf", listed["llama.cpp:cut"]["opens"])
        self.assertIn("mamba", listed["llama.cpp:other"]["opens"])
        self.assertEqual(listed["llama.cpp:other"]["family"], "mamba")

    def test_ollama_s_names_with_what_is_usual(self):
        self.ollama("registry.ollama.ai/library/qwen3/4b")
        self.ollama("registry.ollama.ai/someone/mine/latest")
        for name in ("qwen3:4b", "library/qwen3:4b", "registry.ollama.ai/library/qwen3:4b", "qwen3", "Qwen3:4B"):
            self.assertEqual(self.opens("ollama:" + name), "ollama:qwen3:4b")
        self.assertEqual(self.opens("ollama:registry.ollama.ai/someone/mine"), "ollama:someone/mine:latest")
        for name in ("../../../etc/passwd", "qwen3:4b/../4b", "qwen3:", ":4b", "/etc/passwd", "qwen3:8b"):
            self.refused("ollama:" + name, "is not in ")
        for store in ("ollama", "hf", "lmstudio", "folder"):
            self.refused(store + ":", "names a store and no model in it")

    def test_what_the_hub_s_cache_has_in_part_is_listed_and_says_why_it_does_not_open(self):
        hub = self.home / ".cache/huggingface/hub"
        for name, files in {"whole": ["config.json", "model.safetensors"], "part": ["config.json"]}.items():
            snapshot = hub / f"models--own--{name}/snapshots/0123"
            snapshot.mkdir(parents=True)
            for file in files:
                blob = hub / f"models--own--{name}/blobs" / file
                blob.parent.mkdir(exist_ok=True)
                shutil.copy(DATA / "tiny-gpt2" / file, blob)
                (snapshot / file).symlink_to(os.path.relpath(blob, snapshot))
        (hub / "models--own--part/blobs/0.incomplete").write_bytes(b"x")
        (hub / "models--own--part/snapshots/0123/model.safetensors").symlink_to("../../blobs/gone")
        listed = self.models()
        self.assertEqual(listed["own/whole"]["opens"], "yes")
        self.assertEqual(listed["own/part"]["opens"], "is not complete: 'embscope pull own/part' fetches it")
        self.assertEqual(listed["own/part"]["family"], "gpt2")
        self.refused("hf:own/part", "holds no model.safetensors", HF_HUB_OFFLINE="1")

    def test_files_that_are_none(self):
        folder = self.home / ".cache/llama.cpp"
        self.put(".cache/llama.cpp/good.gguf")
        self.put(".cache/llama.cpp/folder.gguf/inner.gguf")
        self.put(".cache/llama.cpp/empty.gguf", b"")
        (folder / "gone.gguf").symlink_to("nowhere")
        (folder / "loop.gguf").symlink_to("loop.gguf")
        os.mkfifo(folder / "pipe.gguf")
        opens = {name.removeprefix("llama.cpp:"): model["opens"] for name, model in self.models().items()}
        self.assertEqual(set(opens), {"good", "folder.gguf/inner", "empty", "gone", "loop", "pipe"})
        self.assertEqual({name for name, why in opens.items() if why == "yes"}, {"good", "folder.gguf/inner"})
        self.assertIn("a link that leads nowhere", opens["gone"])
        self.assertIn("a link that leads nowhere", opens["loop"])
        self.assertIn("named pipe", opens["pipe"])
        for name in ("empty", "gone", "loop", "pipe"):
            self.refused("llama.cpp:" + name, name + ".gguf")

    def test_names_of_any_bytes_are_listed_as_text_in_one_line(self):
        for name in (b"new\nline", b"\xff\xfe", b"esc\x1b[31m"):
            path = os.path.join(os.fsencode(self.home), b".cache/llama.cpp", name + b".gguf")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(GGUF)
        names = {"llama.cpp:new\\x0aline", "llama.cpp:\ufffd\ufffd", "llama.cpp:esc\\x1b[31m"}
        self.assertEqual(set(self.models()), names)
        text = self.embscope("models").stdout
        self.assertEqual(len(text.splitlines()), 2 + len(names))
        self.assertNotIn("\x1b", text)

    def test_folders_that_cannot_be_read_are_named(self):
        done = self.embscope("models", EMBSCOPE_MODELS=f"{self.home}/none:{self.put('file')}")
        self.assertIn(f"EMBSCOPE_MODELS: {self.home}/none cannot be read: No such file", done.stderr)
        self.assertIn(f"EMBSCOPE_MODELS: {self.home}/file cannot be read: Not a directory", done.stderr)
        self.assertEqual(done.returncode, 0)
        if os.geteuid() != 0:
            (self.home / ".lmstudio/models").mkdir(parents=True, mode=0)
            self.assertIn(".lmstudio/models cannot be read: Permission denied", self.embscope("models").stderr)

    def test_thousands_of_files_take_no_time(self):
        for i in range(2000):
            self.put(f"many/{i}.txt", b"x")
        for i in range(200):
            self.put(f"many/{i}/m{i}.gguf")
        start = time.monotonic()
        self.assertEqual(len(self.models(EMBSCOPE_MODELS=str(self.home / "many"))), 200)
        self.assertEqual(self.opens("m199", EMBSCOPE_MODELS=str(self.home / "many")), "folder:199/m199")
        self.assertLess(time.monotonic() - start, 20)

    def test_stores_are_only_read(self):
        self.ollama("registry.ollama.ai/library/qwen3/4b")
        self.put(".lmstudio/models/pub/c/c.gguf")

        def state():
            return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(self.home.rglob("*"))}

        before = state()
        self.models()
        self.opens("qwen3")
        self.assertEqual(state(), before)

    def test_a_link_that_leads_back_ends(self):
        self.put(".lmstudio/models/pub/c/c.gguf")
        (self.home / ".lmstudio/models/pub/c/again").symlink_to(self.home / ".lmstudio/models")
        self.assertEqual(self.opens("c"), "lmstudio:pub/c")


if __name__ == "__main__":
    unittest.main()
