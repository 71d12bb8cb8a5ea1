"""By row, what was tried and what stands in the way: shown on the page where a row misses its goal."""

TRIED = {
    "start_gpt2": "Most of it is the tokenizer: reading 50,257 tokens from vocab.json and 50,000 merges, and the two tables of them, all of "
    "which a word needs. Tried and kept: no library whose start-up measures a clock (5 ms of Highway's), one pass over the "
    "JSON without a tree, blocks of merges whose memory is asked for ahead, lists made once at their size (a page of fresh "
    "memory costs 3 microseconds here). Tried and left: linking everything statically, which saves half a millisecond.",
    "sweep": "40 token rows go through matrices of 340 MB and 17 through the unembedding of 154 MB: at this machine's rate of memory "
    "the weights alone take 11 ms, the arithmetic 34 ms. The rest is tiles of 14 rows that 17 and 40 rows do not fill.",
    "forward_gpt2": "Nearly all of it is the inner loop of the matrix product, which runs at 95 % of its measured rate. What remains is the "
    "softmax of 12 x 12 x 1,024 x 512 scores and the rearrangement of rows.",
    "forward_gpt2_captured": "2.2 GB of values are written besides. Buffers given back are kept, so that a pass writes to memory that is there; maps "
    "of attention are handed over without a copy, the other sites are copied once.",
    "forward_smol": "Weights are decoded to fp32 once, so the arithmetic is that of a model in fp32: 301 GFLOP, 1.40 s at the measured rate. "
    "The inner loop takes 85 % of the time. Its sums are short (576 values) and its heads narrow (64), so that more of the "
    "time than in GPT-2 goes into rearranging rows for the tiles (4 %), softmax and SiLU (3 %). Tried and kept: what a "
    "key-value head's three query heads share is rearranged once (4 %).",
    "train_4x128": "60 % of the time is the inner loop of the matrix products, near its measured rate; the rest is packing of operands that are "
    "used once, and element-wise work over small arrays. Tried and kept: GELU by one exponential, vectorised packing, fewer "
    "waits between threads. Not tried: packing within AdamW, a fused softmax and cross-entropy.",
}
