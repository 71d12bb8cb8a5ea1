"""`verify --types`: how far the weights of one file are from those of another."""

import array
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference"


def tensors_of(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    parts = {}
    for name, entry in header.items():
        begin, end = (8 + size + at for at in entry["data_offsets"])
        parts[name] = (entry["shape"], array.array("f", data[begin:end]))
    return parts


def write(path, parts, dtype):
    header, data = {}, b""
    for name, (shape, values) in parts.items():
        packed = values.tobytes() if dtype == "F32" else struct.pack(f"<{len(values)}e", *values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def error(values, reference):
    differences = sum((a - b) ** 2 for a, b in zip(values, reference))
    return math.sqrt(differences / sum(b * b for b in reference))


class Types(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.reference = DATA / "tiny-gpt2"
        self.parts = tensors_of(self.reference / "model.safetensors")

    def model(self, parts, dtype="F16", config=None):
        folder = self.root / "model"
        folder.mkdir(exist_ok=True)
        shutil.copy(config or self.reference / "config.json", folder)
        write(folder / "model.safetensors", parts, dtype)
        return folder

    def types(self, model, reference=None, *more, status=0):
        command = [EMBSCOPE, "verify", "-m", str(model), "--types", str(reference or self.reference), *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def table(self, model, reference=None):
        columns = json.loads(self.types(model, reference, "--json").stdout)["columns"]
        return {row[0]: dict(zip(columns, row)) for row in zip(*columns.values())}

    def test_errors_are_those_of_the_weights(self):
        found = self.table(self.model(self.parts))
        for here, there in (("wte", "wte.weight"), ("wpe", "wpe.weight"), ("blocks.1.up", "h.1.mlp.c_fc.weight")):
            key = there if there in self.parts else "transformer." + there
            values = self.parts[key][1]
            halves = struct.unpack(f"<{len(values)}e", struct.pack(f"<{len(values)}e", *values))
            self.assertAlmostEqual(found[here]["error"], error(halves, values), delta=1e-9)
            self.assertEqual((found[here]["type"], found[here]["reference"]), ("F16", "F32"))

    def test_a_row_that_is_off_is_named(self):
        key = next(name for name in self.parts if name.endswith("wte.weight"))
        shape, values = self.parts[key]
        width = shape[1]
        for i in range(5 * width, 6 * width):
            values[i] *= 2
        model = self.model(self.parts, "F32")
        row = self.table(model)["wte"]
        self.assertEqual((row["worst_row"], row["row_error"]), (5, 1))
        text = self.types(model, None, "--worst", "1").stdout
        self.assertIn("rows that are farthest off", text)
        self.assertRegex(text, r"\nwte +5 +1\.000000 +F32\n")

    def test_a_gguf_of_the_same_model_does_not_differ(self):
        found = self.table(DATA / "tiny-llama/tiny-llama.gguf", DATA / "tiny-llama")
        self.assertEqual({row["error"] for row in found.values()}, {0})
        self.assertIn("blocks.2.gate", found)

    def test_a_figure(self):
        self.types(self.model(self.parts), None, "--save", str(self.root / "types.json"))
        spec = json.loads((self.root / "types.json").read_text())
        dots, bars = spec["vconcat"]
        self.assertEqual(len(dots["data"]["values"]), len(self.table(self.root / "model")))
        self.assertAlmostEqual(sum(one["share"] for one in bars["data"]["values"]), 1, delta=1e-6)

    def test_what_is_not_the_same_model_is_refused(self):
        done = self.types(DATA / "tiny-llama", status=1)
        self.assertIn("not the same model", done.stderr)
        key = next(name for name in self.parts if name.endswith("wte.weight"))
        self.parts[key][1][7] = math.inf
        done = self.types(self.model(self.parts, "F32"), status=1)
        self.assertIn("[wte] holds weights that are not finite", done.stderr)
        for arguments in ((), ("--types", "x", "--against", "y")):
            command = [EMBSCOPE, "verify", "-m", str(self.reference), *arguments]
            self.assertEqual(subprocess.run(command, capture_output=True, timeout=60).returncode, 2)


if __name__ == "__main__":
    unittest.main()
