"""Hugging Face's tokenizers."""

from answer import checksum
from measure import arguments, measure
from tokenizers import ByteLevelBPETokenizer

args = arguments()
tokenizer = ByteLevelBPETokenizer(f"{args.model}/vocab.json", f"{args.model}/merges.txt")
with open(args.text, encoding="utf-8", newline="") as file:
    text = file.read()
measure(args, 0, lambda: tokenizer.encode(text), lambda encoded: checksum(encoded.ids))
