"""llama.cpp: sixteen further tokens behind a prompt."""

from llama_cpp import Llama
from measure import arguments, measure, sample, small_tokens

FURTHER = 16

args = arguments()
llama = Llama(args.model, max(args.sizes) + FURTHER)

for size in args.sizes:
    ids = small_tokens(size + FURTHER)
    llama.clear()
    llama.run(ids[:size])

    def further():
        llama.forget(size)
        for i in range(size, size + FURTHER):
            logits = llama.run(ids[i : i + 1], i)
        return logits

    measure(args, size, further, lambda logits: sample(logits[0]), scale=1 / FURTHER)
