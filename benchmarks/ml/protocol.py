# SPDX-License-Identifier: MIT
"""The runner's line protocol (openforbc-benchmark(5)), for programs in Python. By hand, without a runner, it just runs for a while."""
import os
import random
import socket
import time


class Runner:
    def __init__(self, seconds=3.0):
        number = os.environ.get("OPENFORBC_BENCH_FD")
        self.socket = socket.socket(fileno=int(number)) if number else None
        self.ends = None
        self.seconds = seconds

    def say(self, line):
        if self.socket:
            self.socket.sendall((line + "\n").encode())

    def ready(self, work):
        """Warm-up is over; `work` is what one iteration does. Returns when all instances may go."""
        self.say(f"WORK {work}")
        self.say("READY")
        if self.socket and b"GO" not in self.socket.recv(64):
            raise SystemExit("the runner is gone")
        self.ends = time.monotonic() + self.seconds

    def is_over(self):
        """True as soon as the runner says STOP, or is gone."""
        if not self.socket:
            return time.monotonic() >= self.ends
        try:
            self.socket.recv(64, socket.MSG_DONTWAIT)
            return True
        except BlockingIOError:
            return False

    def iterate(self, iteration, rate=0, seed=1):
        """
        Iterations until the end. Returns how many, and the seconds that they took. With a rate they come as requests of users do: so
        many a second, independent of each other and of how long the last one took (Poisson); one that is late starts at once.
        """
        gaps = random.Random(seed)
        count, first = 0, time.monotonic_ns()
        due = first
        while count == 0 or not self.is_over():
            if rate:
                due += int(1e9 * gaps.expovariate(rate))
                time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            start = time.monotonic_ns()
            iteration()
            self.say(f"ITERATION {start} {time.monotonic_ns()}" + (f" {due}" if rate else ""))
            count += 1
        return count, (time.monotonic_ns() - first) / 1e9

    def result(self, name, value):
        self.say(f"RESULT {name} {value}")
        if not self.socket:
            print(f"{name}: {value:g}")
