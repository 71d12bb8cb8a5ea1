"""Commands that several files of tests run."""

CAPITAL = "The capital of Germany is"
MIX = ["mix", CAPITAL, "--replace", " Germany", "--with", " France", "--targets", " Berlin", " Paris"]
PATCH = ["patch", CAPITAL, "The capital of France is", "--target", " Berlin", "--against", " Paris"]
# A training of a few seconds: `train`, a text, these and a number of steps.
SMALL = "--layers 2 --heads 2 --width 16 --context 16 --batch 4 --warmup 5 --sample-tokens 0".split()


def captured(model, to):
    """A run of a tiny model that writes a file."""
    return ["run", "-m", str(model), "--ids", "1,2,3", "--capture", "blocks.*.resid_post", "--to", str(to)]
