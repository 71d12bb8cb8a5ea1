"""llama.cpp, logits of every position, by its C interface: xllamacpp's wheel exports it. It computes with quantised
activations."""

import ctypes
import importlib.util
import pathlib

import numpy
from answer import sample
from measure import THREADS, arguments, measure, tokens

args = arguments()
longest = max(args.sizes)


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
        ("llama_decode", whole, pointer, Batch),
        ("llama_get_logits", ctypes.POINTER(ctypes.c_float), pointer),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, takes
    return lib


llama = library()
silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)
llama.llama_log_set(silent, None)
llama.ggml_backend_load_all()
llama.llama_backend_init()
model = llama.llama_model_load_from_file(args.model.encode(), llama.llama_model_default_params())
parameters = llama.llama_context_default_params()
parameters.first[0:3] = [longest] * 3  # of the context, of a batch, of what is computed at once
context = llama.llama_init_from_model(model, parameters)
llama.llama_set_n_threads(context, THREADS, THREADS)
vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
batch = llama.llama_batch_init(longest, 0, 1)


def logits(ids):
    llama.llama_memory_clear(llama.llama_get_memory(context), True)
    batch.count = len(ids)
    for i, token in enumerate(ids):
        batch.tokens[i], batch.positions[i], batch.sequences[i], batch.logits[i] = token, i, 1, 1
        batch.sequence_ids[i][0] = 0
    if llama.llama_decode(context, batch) != 0:
        raise RuntimeError("llama_decode failed")
    return numpy.ctypeslib.as_array(llama.llama_get_logits(context), (len(ids), vocabulary))


for size in args.sizes:
    ids = tokens(size)
    measure(args, size, lambda: logits(ids), sample)
