"""tiktoken, its GPT-2 encoding from the two files that OpenAI published."""

import tiktoken
from answer import checksum
from measure import arguments, measure
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""  # tiktoken_ext's own

args = arguments()
ranks = data_gym_to_mergeable_bpe_ranks(f"{args.model}/merges.txt", f"{args.model}/vocab.json")
encoding = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})
with open(args.text, encoding="utf-8", newline="") as file:
    text = file.read()
measure(args, 0, lambda: encoding.encode_ordinary(text), checksum)
