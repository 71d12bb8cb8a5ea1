"""llama.cpp through llama-cpp-python, logits of every position. It computes with quantised activations."""
from llama_cpp import Llama

from answer import sample
from measure import THREADS, arguments, measure, tokens

args = arguments()
longest = max(args.sizes)
model = Llama(args.model, n_ctx=longest, n_batch=longest, n_ubatch=longest, n_threads=THREADS, n_threads_batch=THREADS,
              logits_all=True, verbose=False)


def logits(ids):
    model.reset()
    model.eval(ids)
    return model.scores[:len(ids)]


for size in args.sizes:
    ids = tokens(size)
    measure(args, size, lambda: logits(ids), sample)
