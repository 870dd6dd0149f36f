# SPDX-License-Identifier: MIT
"""What the tests of `openforbc bench` share: a state directory of their own, definitions, runs, and how often what was expected came."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

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


def measure(name, text, *args, status=0, where=TMP / "defs"):
    """Defines, runs twice, and returns the results."""
    path = define(name, text, where)
    p = run("-j", "bench", "run", path, "--trials", "2", "--max-trials", "2", *args)
    if p.returncode != status:
        that(f"{name}: runs", False, p.stdout, p.stderr)
        return []
    return json.loads(p.stdout).get("results", [])


def metric(found, name):
    return next((r for r in found if r.get("metric") == name), {})


WALL = "metrics: {time: {from: wall, unit: s, better: lower}}\n"


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
