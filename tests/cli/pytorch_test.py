"""Checkpoints of PyTorch's as models: the older form, whole and in shards, made here of what safetensors holds."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

EMBSCOPE = os.environ["EMBSCOPE"]
DATA = pathlib.Path(__file__).parent.parent / "data/reference/tiny-gpt2"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def checkpoint(tensors):
    """As torch.save(..., _use_new_zipfile_serialization=False) writes it."""
    entries, data = b"", b""
    for key, (name, (shape, values)) in enumerate(tensors.items()):
        count = len(values) // 4
        storage = (
            b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu") + number(count) + b"NtQ"
        )
        strides = [1] * len(shape)
        for axis in reversed(range(len(shape) - 1)):
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        arguments = storage + number(0) + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
        entries += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"
        data += struct.pack("<Q", count) + values
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    system = b"\x80\x02}" + text("little_endian") + b"\x88s."
    keys = b"\x80\x02](" + b"".join(text(str(key)) for key in range(len(tensors))) + b"e."
    return magic + b"\x80\x02M\xe9\x03." + system + b"\x80\x02}(" + entries + b"u." + keys + data


class PyTorch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copy(DATA / "config.json", self.root)
        data = (DATA / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        cut = {name: [8 + size + at for at in entry["data_offsets"]] for name, entry in header.items()}
        self.tensors = {name: (header[name]["shape"], data[begin:end]) for name, (begin, end) in cut.items()}

    def logits(self, model):
        to = self.root / "logits.json"
        command = [EMBSCOPE, "run", "-m", str(model), "--ids", "1,2,3", "--capture", "logits", "--to", str(to)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return to.read_text()

    def test_a_model_has_the_bits_of_its_safetensors(self):
        (self.root / "pytorch_model.bin").write_bytes(checkpoint(self.tensors))
        expected = self.logits(DATA)
        self.assertEqual(self.logits(self.root), expected)
        self.assertEqual(self.logits(self.root / "pytorch_model.bin"), expected)

    def test_shards(self):
        names = sorted(self.tensors)
        halves = names[::2], names[1::2]
        index = {}
        for i, half in enumerate(halves):
            file = f"pytorch_model-0000{i + 1}-of-00002.bin"
            (self.root / file).write_bytes(checkpoint({name: self.tensors[name] for name in half}))
            index.update(dict.fromkeys(half, file))
        (self.root / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
        self.assertEqual(self.logits(self.root), self.logits(DATA))

    def test_a_checkpoint_that_calls_is_refused_and_nothing_is_done(self):
        proof = self.root / "proof"
        (self.root / "pytorch_model.bin").write_bytes(
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02cposix\nsystem\n(" + text(f"touch {proof}") + b"tR."
        )
        done = subprocess.run([EMBSCOPE, "info", "-m", str(self.root)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))
        self.assertIn("'posix.system'", done.stderr)
        self.assertFalse(proof.exists())


if __name__ == "__main__":
    unittest.main()
