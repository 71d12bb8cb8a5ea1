"""embscope tour, from start to exit, without what the peers leave out too: the cosines of all pairs (a row of
their own), a text that the model writes and a small model that is trained.
Its numbers are read from the figures that it wrote."""

import json
import os
import pathlib
import subprocess
import tempfile

from measure import arguments, measure_command


def values(folder, figure, field):
    specification = json.loads(next(folder.glob(f"figures/*-{figure}.json")).read_text())
    data = specification.get("data") or specification["layer"][0]["data"]
    return [row[field] for row in data["values"]]


args = arguments()
with tempfile.TemporaryDirectory() as place:
    command = [os.environ["EMBSCOPE"], "tour", "--quick", "-m", args.model, "--to", place]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    folder = pathlib.Path(place)
    answer = values(folder, "cosines", "cosine") + values(folder, "predict", "probability")
    measure_command(args, command, answer + values(folder, "mix", "probability"))
