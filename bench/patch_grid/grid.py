"""The grid as the peers see it. They run a sample of it, since one run costs them much, and say so."""

from measure import measure, tokens

BLOCKS, POSITIONS, TARGET, CORRUPTION = 12, 16, 6342, 7
SITES = ("resid_pre", "attn_out", "mlp_out")
CELLS = [(site, block, position) for site in SITES for block in range(BLOCKS) for position in range(POSITIONS)]
TIMED = range(0, len(CELLS), 24)

clean = tokens(POSITIONS)
corrupted = [CORRUPTION, *clean[1:]]


def measure_sample(args, setup, patched_logit):
    """`setup()` runs the clean text; `patched_logit(its result, site, block, position)` is one run of the grid."""

    def work():
        cache = setup()
        return [patched_logit(cache, *CELLS[i]) for i in TIMED]

    measure(args, POSITIONS, work, list, scale=len(CELLS) / len(TIMED), indices=list(TIMED))
