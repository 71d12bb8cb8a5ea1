"""llama.cpp by its C interface: xllamacpp's wheel exports it. It computes with quantised activations."""

import ctypes
import importlib.util
import pathlib

import numpy
from measure import THREADS


class Parameters(ctypes.Structure):
    """Of models and contexts, larger than either: what lies behind the first fields is left as the library gives it."""

    _fields_ = [("first", ctypes.c_uint32 * 4), ("rest", ctypes.c_char * 1008)]


class Batch(ctypes.Structure):
    _fields_ = [
        ("count", ctypes.c_int32),
        ("tokens", ctypes.POINTER(ctypes.c_int32)),
        ("embeddings", ctypes.c_void_p),
        ("positions", ctypes.POINTER(ctypes.c_int32)),
        ("sequences", ctypes.POINTER(ctypes.c_int32)),
        ("sequence_ids", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


def library():
    folder = pathlib.Path(importlib.util.find_spec("xllamacpp").origin).parent
    lib = ctypes.CDLL(str(next(folder.glob("*.so"))))
    pointer, whole = ctypes.c_void_p, ctypes.c_int32
    for name, result, *takes in (
        ("llama_model_default_params", Parameters),
        ("llama_context_default_params", Parameters),
        ("llama_model_load_from_file", pointer, ctypes.c_char_p, Parameters),
        ("llama_init_from_model", pointer, pointer, Parameters),
        ("llama_set_n_threads", None, pointer, whole, whole),
        ("llama_model_get_vocab", pointer, pointer),
        ("llama_vocab_n_tokens", whole, pointer),
        ("llama_batch_init", Batch, whole, whole, whole),
        ("llama_get_memory", pointer, pointer),
        ("llama_memory_clear", None, pointer, ctypes.c_bool),
        ("llama_memory_seq_rm", ctypes.c_bool, pointer, whole, whole, whole),
        ("llama_decode", whole, pointer, Batch),
        ("llama_get_logits", ctypes.POINTER(ctypes.c_float), pointer),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, takes
    return lib


class Llama:
    """A model with room for `longest` tokens."""

    def __init__(self, path, longest):
        self.lib = library()
        silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)
        self.kept = silent
        self.lib.llama_log_set(silent, None)
        self.lib.ggml_backend_load_all()
        self.lib.llama_backend_init()
        model = self.lib.llama_model_load_from_file(path.encode(), self.lib.llama_model_default_params())
        parameters = self.lib.llama_context_default_params()
        parameters.first[0:3] = [longest] * 3  # of the context, of a batch, of what is computed at once
        self.context = self.lib.llama_init_from_model(model, parameters)
        self.lib.llama_set_n_threads(self.context, THREADS, THREADS)
        self.vocabulary = self.lib.llama_vocab_n_tokens(self.lib.llama_model_get_vocab(model))
        self.batch = self.lib.llama_batch_init(longest, 0, 1)

    def clear(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def forget(self, first):
        """Positions from `first` on."""
        self.lib.llama_memory_seq_rm(self.lib.llama_get_memory(self.context), 0, first, -1)

    def run(self, ids, first=0, every=False):
        """Tokens at positions from `first` on -> logits of the last, [1, V], or of every one."""
        batch = self.batch
        batch.count = len(ids)
        for i, token in enumerate(ids):
            batch.tokens[i], batch.positions[i], batch.sequences[i] = token, first + i, 1
            batch.logits[i], batch.sequence_ids[i][0] = every or i == len(ids) - 1, 0
        if self.lib.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        rows = len(ids) if every else 1
        return numpy.ctypeslib.as_array(self.lib.llama_get_logits(self.context), (rows, self.vocabulary))
