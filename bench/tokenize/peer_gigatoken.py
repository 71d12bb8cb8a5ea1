"""gigatoken, through its own call, on one thread."""

import gigatoken
from answer import checksum
from measure import arguments, measure
from tokenizers import ByteLevelBPETokenizer

args = arguments()
hugging_face = ByteLevelBPETokenizer(f"{args.model}/vocab.json", f"{args.model}/merges.txt")
tokenizer = gigatoken.Tokenizer(hugging_face._tokenizer)
with open(args.text, "rb") as file:
    text = file.read()
measure(args, 0, lambda: tokenizer.encode(text), checksum)
