"""llama.cpp, logits of every position."""

from answer import sample
from llama_cpp import Llama
from measure import arguments, measure, tokens

args = arguments()
llama = Llama(args.model, max(args.sizes))


def logits(ids):
    llama.clear()
    return llama.run(ids, every=True)


for size in args.sizes:
    ids = tokens(size)
    measure(args, size, lambda: logits(ids), sample)
