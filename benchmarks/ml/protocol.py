# SPDX-License-Identifier: MIT
"""The runner's line protocol (openforbc-benchmark(5)), for programs in Python. By hand, without a runner, it just runs for a while."""
import os
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

    def iterate(self, iteration):
        """Iterations until the end. Returns how many, and the seconds that they took."""
        count, first = 0, time.monotonic_ns()
        while count == 0 or not self.is_over():
            start = time.monotonic_ns()
            iteration()
            self.say(f"ITERATION {start} {time.monotonic_ns()}")
            count += 1
        return count, (time.monotonic_ns() - first) / 1e9

    def result(self, name, value):
        self.say(f"RESULT {name} {value}")
        if not self.socket:
            print(f"{name}: {value:g}")
