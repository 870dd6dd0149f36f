# SPDX-License-Identifier: MIT
"""What the tests of `openforbc bench` share: a state directory of their own, definitions, runs, and how often what was expected came."""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for jobs in the background

PROGRAM = os.path.realpath(sys.argv[1])
HERE = pathlib.Path(__file__).resolve().parent
TMP = pathlib.Path(tempfile.mkdtemp())
counts = {"passed": 0, "failed": 0, "skipped": 0}
env = dict(os.environ, OPENFORBC_STATE=str(TMP / "state"), LC_ALL="C", TMPDIR=str(TMP / "scratch"))
for unwanted in ("OPENFORBC_HOST", "OPENFORBC_DEVICE", "OPENFORBC_CONNECT"):
    env.pop(unwanted, None)


def that(name, holds, *why):
    counts["passed" if holds else "failed"] += 1
    print(("ok      " if holds else "FAILED  ") + name)
    if not holds:
        for line in "\n".join(map(str, why)).splitlines()[:30]:
            print("        " + line)
    sys.stdout.flush()


def run(*args, **more):
    return subprocess.run([PROGRAM, *map(str, args)], env=env | more, text=True, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)


def expect(name, status, *args, says=None, **more):
    p = run(*args, **more)
    ok = p.returncode == status and (says is None or re.search(says, p.stdout + p.stderr))
    that(name, ok, f"exit {p.returncode}, not {status}: openforbc {' '.join(map(str, args))}", p.stdout, p.stderr)
    return p


def results(*args):
    p = run("-j", "bench", "results", *args)
    return json.loads(p.stdout)["results"] if p.returncode == 0 else []


def define(name, text, where=TMP / "defs"):
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{name}.yaml"
    path.write_text(f"version: 1\nname: {name}\n" + textwrap.dedent(text))
    return path


def status_of(found):
    """What the status of a run says: something broke, all was skipped, or neither."""
    verdicts = {r["verdict"] for r in found}
    return 1 if verdicts & {"failed", "timeout", "invalid", "throttled", "lost"} else 7 if verdicts == {"skipped"} else 0


def measure(name, text, *args, where=TMP / "defs"):
    """Defines, runs twice, and returns the results."""
    path = define(name, text, where)
    p = run("-j", "bench", "run", path, "--trials", "2", "--max-trials", "2", *args)
    found = json.loads(p.stdout).get("results", []) if p.stdout else []
    if not found or p.returncode != status_of(found):
        that(f"{name}: runs, and the status says what came out", False, p.returncode, p.stdout, p.stderr)
    return found


def metric(found, name):
    return next((r for r in found if r.get("metric") == name), {})


WALL = "metrics: {time: {from: wall, unit: s, better: lower}}\n"


def alive(mark):
    """Processes with the mark in their command line."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass  # it has ended meanwhile
    return found


def trial_numbers(label, state=TMP / "state", column="number"):
    """Of every trial of the last run with that label, in order."""
    db = sqlite3.connect(state / "results.db")
    runs = db.execute("SELECT rowid FROM run WHERE label = ? ORDER BY started_unix_s DESC", (label,)).fetchall()
    return sorted(n for (n,) in db.execute(f"SELECT {column} FROM trial WHERE cell IN (SELECT rowid FROM cell WHERE run = ?)", runs[0]))


LAYOUTS = """\
version: 1
layouts:
  halves:
    gpus:
      - match: {index: 0}
        modes: {mig: on}
        partitions: [{type: mig:3g.71gb, count: 2}]
  small:
    gpus:
      - match: {index: 0}
        modes: {mig: on}
        partitions: [{type: mig:1g.18gb, count: 3}]
"""


class Swept:
    """An emulated host with two partitions, and what must be there again afterwards."""

    def __init__(self, seconds="0.02"):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=TMP))
        self.env = {"OPENFORBC_STATE": str(self.dir), "OPENFORBC_HOST": "emulated:h200", "TMPDIR": str(self.dir / "scratch")}
        (self.dir / "scratch").mkdir()
        run("partition", "create", "h200-0", "1g.18gb", "--name", "mine", **self.env)
        run("partition", "create", "h200-0", "2g.35gb", "--name", "other", **self.env)
        self.before = self.state()
        self.layouts = self.dir / "layouts.yaml"
        self.layouts.write_text(LAYOUTS)
        self.quick = define("quick", f"command: [sleep, '{seconds}']\n" + WALL, self.dir / "defs")

    def state(self):
        listed = json.loads(run("-j", "partition", "list", **self.env).stdout)["partitions"]
        gpus = json.loads(run("-j", "gpu", "list", **self.env).stdout)["gpus"]
        return sorted(str([p[k] for k in ("uuid", "name", "type", "placement", "state")]) for p in listed), str(gpus)

    def command(self, *more, trials=3):
        return [PROGRAM, "-j", "bench", "sweep", str(self.layouts), str(self.quick), "--trials", str(trials), "--max-trials",
                str(trials), *more]


def finish(*tests):
    """Runs them, prints the last line, returns the exit status."""
    (TMP / "scratch").mkdir()
    try:
        for test in tests:
            test()
        that("nothing is left of the outputs", len(os.listdir(TMP / "scratch")) <= 1, os.listdir(TMP / "scratch"))
    finally:
        shutil.rmtree(TMP, ignore_errors=True)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"] != 0
