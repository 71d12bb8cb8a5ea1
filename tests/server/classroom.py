#!/usr/bin/env python3
"""A class at work: visitors who drag the slider of an experiment, all at once. How long does a step take?

    EMBSCOPE=build/release/embscope tests/server/classroom.py --visitors 40 --seconds 30 --own

Each visitor comes in by the code, and sends the next step of the drag when the last one is answered and `--pause`
seconds have passed, as the page does. All have the same experiment, or with --own each another text. Prints the steps,
errors, median and 95th percentile, and what these depend on: the processor time that the server used, and the machine's
load.
"""

import argparse
import http.client
import json
import os
import random
import re
import threading
import time

from client import CAPITAL, Server

NAMES = ["Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo"]


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


class Visitor(threading.Thread):
    def __init__(self, server, code, number, options, until):
        super().__init__()
        self.server, self.code, self.number, self.options, self.until = server, code, number, options, until
        self.times, self.errors = [], []

    def run(self):
        chance = random.Random(self.number)
        text = f"{NAMES[self.number % 8]} {self.number} says: {CAPITAL}" if self.options.own else CAPITAL
        fields = {"text": text, "replace": " Germany", "with": [" France"], "targets": [" Berlin", " Paris"]}
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        connection.request("GET", f"/?class={self.code}")
        response = connection.getresponse()
        response.read()
        headers = {"Cookie": response.headers["Set-Cookie"].split(";")[0], "Content-Type": "application/json"}
        p = chance.random()
        while time.monotonic() < self.until:
            p = min(1, max(0, p + chance.uniform(-0.1, 0.1)))  # a hand that goes to and fro
            start = time.monotonic()
            connection.request("POST", "/api/mix/at", json.dumps({**fields, "p": round(p, 2)}), headers)
            response = connection.getresponse()
            response.read()
            self.times.append(time.monotonic() - start)
            if response.status != 200:
                self.errors.append(response.status)
            time.sleep(self.options.pause)
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--own", action="store_true")
    options = parser.parse_args()
    server = Server("--class")
    code = re.search(r"with the code (\S+),", server.process.stdout.readline())[1]
    server.post("/api/predict", text=CAPITAL)  # the weights are packed
    used = server.processor_time()
    visitors = [Visitor(server, code, i, options, time.monotonic() + options.seconds) for i in range(options.visitors)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    used = server.processor_time() - used
    times = [t for v in visitors for t in v.times]
    errors = [e for v in visitors for e in v.errors]
    print(
        f"{options.visitors} visitors, {'each their own text' if options.own else 'one experiment'}, {options.seconds:.0f} s: {len(times)} steps, "
        f"{len(errors)} errors, median {1000 * percentile(times, 0.5):.0f} ms, 95th percentile {1000 * percentile(times, 0.95):.0f} ms; "
        f"{used / options.seconds:.2f} processors used of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}"
    )
    server.stop()


if __name__ == "__main__":
    main()
