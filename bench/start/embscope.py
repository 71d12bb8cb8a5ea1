"""embscope cosine, from start to exit."""

import json
import os
import subprocess

from measure import arguments, measure_command

args = arguments()
command = [os.environ["EMBSCOPE"], "cosine", "hello", "world", "-m", args.model, "--json"]
table = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
measure_command(args, command, [table["columns"]["hello"][1]])
