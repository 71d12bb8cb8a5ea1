"""llama.cpp, logits of the last position."""

from llama_cpp import Llama
from measure import arguments, measure, sample, small_tokens

args = arguments()
llama = Llama(args.model, max(args.sizes))


def prompt(ids):
    llama.clear()
    return llama.run(ids)


for size in args.sizes:
    ids = small_tokens(size)
    measure(args, size, lambda: prompt(ids), lambda logits: sample(logits[0]))
