# SPDX-License-Identifier: MIT
"""hog.py SECONDS PROGRAM [ARGUMENT ...]: speaks the runner's protocol for a program that knows nothing of it and runs until it is told to end, as a
neighbour of others (bench run --against). It warms up for so many seconds; an iteration is a tenth of a second in which it ran."""
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ml"))
from protocol import Runner  # noqa: E402

SLICE_S = 0.1
END_S = 20


def ended(child):
    sys.exit(f"'{sys.argv[2]}' ended by itself with status {child.returncode}")


def main():
    runner = Runner()
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
    time.sleep(float(sys.argv[1]))
    runner.ready(1)
    while True:
        start = time.monotonic_ns()
        time.sleep(SLICE_S)
        if child.poll() is not None:
            ended(child)
        runner.say(f"ITERATION {start} {time.monotonic_ns()}")
        if runner.is_over():
            break
    child.terminate()
    status = child.wait(timeout=END_S)
    if status not in (0, -signal.SIGTERM):
        ended(child)


main()
