#!/usr/bin/env python3
"""Many clients at once, some of them rude: does anyone well-behaved notice?

    EMBSCOPE=build/release/embscope tests/server/load.py --seconds 120 --clients 200

Well-behaved clients ask and read at once. Among them are slow readers, half-open connections, and some that send what
is not HTTP. Prints the requests, errors and 99th percentile of the well-behaved, the server's memory before and after,
and what the figure depends on: the processor time that it used, and the machine's load (others may work on it).
"""

import argparse
import http.client
import json
import os
import random
import socket
import threading
import time

from client import CAPITAL, MIX, Server

KINDS = [
    ("GET", "/api/health", None),
    ("POST", "/api/tokens", {"text": CAPITAL}),
    ("GET", "/", None),
    ("GET", "/api/vocabulary?q=king&limit=10", None),
    ("GET", "/api/matrix/tile/8/0/0.png", None),
    ("POST", "/api/mix/at", {**MIX, "p": 0.5}),
    ("GET", "/api/jobs", None),
]
RUBBISH = [
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /api/tokens HTTP/1.1\r\nHost: x\r\n",
    b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"\0" * 500,
]


class Load:
    def __init__(self, server, seconds):
        self.server, self.until = server, time.monotonic() + seconds
        self.lock, self.times, self.errors = threading.Lock(), [], []

    def over(self):
        return time.monotonic() > self.until

    def polite(self, seed):
        """A browser: one connection, thinks for a moment between requests."""
        chance = random.Random(seed)
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        while not self.over():
            method, path, fields = chance.choice(KINDS)
            body = None if fields is None else json.dumps(fields)
            start = time.monotonic()
            try:
                connection.request(method, path, body, self.server.headers(body))
                response = connection.getresponse()
                response.read()
                problem = None if response.status == 200 else f"{path}: {response.status}"
            except (OSError, http.client.HTTPException) as error:
                problem = f"{path}: {error!r}"
                connection.close()
            with self.lock:
                self.times.append(time.monotonic() - start)
                if problem:
                    self.errors.append(problem)
            time.sleep(chance.uniform(0.5, 1.5))
        connection.close()

    def slow_reader(self, _):
        """Asks for much and reads a little at a time."""
        while not self.over():
            with socket.create_connection((self.server.host, self.server.port), timeout=60) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.sendall(
                    f"GET /api/vocabulary/labels HTTP/1.1\r\nHost: localhost\r\nCookie: {self.server.cookie}\r\n\r\n".encode()
                )
                while not self.over() and s.recv(1024):
                    time.sleep(0.05)

    def half_open(self, _):
        """Begins a request and says nothing more."""
        while not self.over():
            with socket.create_connection((self.server.host, self.server.port), timeout=60) as s:
                s.sendall(b"POST /api/tokens HTTP/1.1\r\nHost: local")
                time.sleep(min(3, max(0, self.until - time.monotonic())))

    def rude(self, seed):
        chance = random.Random(seed)
        while not self.over():
            try:
                with socket.create_connection((self.server.host, self.server.port), timeout=2) as s:
                    s.sendall(chance.choice(RUBBISH))
                    s.recv(4096)
            except OSError:
                pass
            time.sleep(0.2)


def run(server, clients, seconds):
    """-> (requests, errors, 99th percentile in seconds)"""
    load = Load(server, seconds)
    share = [(load.polite, 0.7), (load.slow_reader, 0.1), (load.half_open, 0.1), (load.rude, 0.1)]
    threads = [threading.Thread(target=what, args=(i,)) for what, part in share for i in range(round(part * clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(load.times)
    return len(times), load.errors, times[min(len(times) - 1, int(0.99 * len(times)))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=200)
    o = parser.parse_args()
    server = Server()
    try:
        run(server, o.clients, 3)  # what is made once is made before the memory is looked at
        before, used = server.memory(), server.processor_time()
        requests, errors, p99 = run(server, o.clients, o.seconds)
        used = server.processor_time() - used
        time.sleep(1)
        print(
            f"{o.clients} clients, {o.seconds:.0f} s: {requests} requests of the well-behaved, {len(errors)} errors, "
            f"99th percentile {1000 * p99:.0f} ms, memory {before >> 20} -> {server.memory() >> 20} MiB; "
            f"{used / o.seconds:.2f} processors used, load {os.getloadavg()[0]:.0f} on {os.cpu_count()}"
        )
        for error in errors[:5]:
            print("  ", error)
    finally:
        server.stop()
