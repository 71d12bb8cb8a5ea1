"""The weights of tiny models: made from their names, so that no file keeps them; tests/forward/families.h computes them too."""

import numpy as np


def weights(name, count):
    """The same values for a name everywhere: FNV-1a of it, then one step of splitmix64 for each index; 24 bits, from -1
    to 1."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        x = (np.arange(count, dtype=np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)
