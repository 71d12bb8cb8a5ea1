"""What every peer does: reads its arguments, times its work, prints one JSON line a size. The Python of measure.h."""

import argparse
import json
import os
import subprocess
import sys
import time

LONG_RUN = 10  # seconds
THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--text")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[0])
    parser.add_argument("--once", action="store_true", help="do the work once and print nothing but the answer")
    return parser.parse_args()


def tokens(count):
    """The token ids that the rows run on."""
    return [1000 + 7919 * i % 40000 for i in range(count)]


def small_tokens(count):
    """Ids of a model whose vocabulary has few tokens with a text: letters and bytes."""
    return [3 + 101 * i % 250 for i in range(count)]


def sample(logits):
    """Every hundredth logit of one position."""
    return [float(logit) for logit in logits[::100]]


def measure(args, size, work, answer, scale=1, **more):
    """Times `work()`, once to warm up and then `repeats` times; work of more than ten seconds runs once in all.
    `answer(result)` gives the numbers that must agree with ours, outside the time. Where the work is a sample of the
    row's, `scale` is the whole over the sample, and `indices` says which numbers of ours it answers."""
    seconds, result = timed(work)
    all_seconds = [seconds * scale]
    if seconds <= LONG_RUN:
        all_seconds = []
        for _ in range(args.repeats):
            del result
            seconds, result = timed(work)
            all_seconds.append(seconds * scale)
    print_line(size, all_seconds, memory_mb(), answer(result), scale=scale, **more)


def whole_process(work):
    """The row is a process from start to exit: `work()` gives the answer, and is run in fresh processes."""
    args = arguments()
    if args.once:
        print(json.dumps([float(number) for number in work(args)]))
    else:
        command = [sys.executable, *sys.argv, "--once"]
        measure_command(args, command, json.loads(last_line(command)))


def measure_command(args, command, answer):
    """Times a command from start to exit, again and again. The caller has run it once, for the answer."""
    launcher = os.path.join(os.environ["EMBSCOPE_BUILD"], "bench", "whole_process")
    found = json.loads(last_line([launcher, str(args.repeats), *command]))
    print_line(0, found["all"], found["memory_mb"], answer)


def last_line(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)  # its complaint stands on stderr already
    return done.stdout.splitlines()[-1]


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def memory_mb():
    """The kernel's high-water mark of this process."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def print_line(size, seconds, memory, answer, **more):
    print(
        json.dumps(
            {
                "size": size,
                "seconds": min(seconds),
                "all": seconds,
                "memory_mb": round(memory, 1),
                "answer": [float(number) for number in answer],
                **more,
            }
        ),
        flush=True,
    )
