# SPDX-License-Identifier: MIT
"""What the tests of agents share: agents, a controller written from the description of the protocol, a real sshd."""
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import textwrap
import time

import harness
from harness import PROGRAM, TMP, counts, env, run

SILENT_S, HANG_S, IDLE_S = 10, 15, 60  # AGENT_SILENT_S, AGENT_HANG_S, AGENT_IDLE_S
if "ASAN_OPTIONS" in env:  # what a session says at its end is lost
    env["ASAN_OPTIONS"] += f":log_path={TMP}/sanitizer"
TOKEN = "correct horse battery staple, thirty-two and more"
PROTOCOL = 3


def skip(name, why):
    counts["skipped"] += 1
    print(f"skipped {name}: {why}")


def start(*args, prefix=(), **more):
    return subprocess.Popen([*prefix, PROGRAM, *map(str, args)], env=env | more, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def results(p):
    try:
        return json.loads(p.stdout).get("results", [])
    except json.JSONDecodeError:
        return []


def wait_until(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    return condition()


def processes(marker):
    """Those whose command line has the marker."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (p / "cmdline").read_bytes().split(b"\0"):
                found.append(int(p.name))
        except OSError:
            pass
    return found


def children(pid):
    try:
        return [int(c) for c in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def define(name, text, *states):
    """For the controller, and for agents of these state directories."""
    for state in ("state", *states):
        harness.define(name, text, TMP / state / "benchmarks")


def secret(name, text=TOKEN, mode=0o600):
    path = TMP / name
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


class Agent:
    """One that listens on TCP, with a state directory of its own."""

    def __init__(self, state, token, address="127.0.0.1:0", prefix=()):
        self.is_forked = "--fork" in prefix
        self.process = start("--state", TMP / state, "bench", "agent", "--listen", f"tcp://{address}", "--token-file", token,
                             prefix=prefix)
        line = self.process.stderr.readline()
        self.address = line.split()[-1] if line.startswith("listening") else line
        self.port = int(self.address.rsplit(":", 1)[1])

    def session(self):
        """The process that serves the present controller."""
        found = wait_until(lambda: children(self.process.pid))
        return found[0] if found else None

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if self.is_forked else signal.SIGTERM)  # unshare heeds no other
        try:
            self.said = self.process.communicate(timeout=15)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.said = self.process.communicate()[1]
        return self.process.returncode


def local(state):
    return f"exec:{PROGRAM} --state {TMP / state} bench agent --stdio"


FEW = ("--trials", "2", "--max-trials", "2")


def export(run_id):
    p = run("bench", "export", run_id, "--keep-names")
    return [json.loads(line) for line in p.stdout.splitlines()]


def proof(token, role, agents, controllers):
    text = f"openforbc bench agent {PROTOCOL} {role} {agents} {controllers}"
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


class Wire:
    """A controller that is written here from the description of the protocol."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.f = self.s.makefile("rb")

    def line(self):
        return self.f.readline()

    def message(self):
        line = self.line()
        return json.loads(line) if line else {}

    def send(self, m):
        try:
            self.s.sendall((m if isinstance(m, bytes) else json.dumps(m).encode()) + b"\n")
        except OSError:
            pass

    def login(self, nonce="c" * 64, token=TOKEN, protocol=PROTOCOL, **more):
        self.hello = self.message()
        self.nonce = nonce
        self.send({"kind": "login", "protocol": protocol, "program": "test", "nonce": nonce,
                   "proof": proof(token, "controller", self.hello["nonce"], nonce)} | more)
        return self.message()

    def key(self):
        return proof(TOKEN, "lines", self.hello["nonce"], self.nonce)

    def signed(self, m, number, key=None):
        text = json.dumps(m)
        mac = hmac.new((key or self.key()).encode(), f"controller {number} {text}".encode(), hashlib.sha256).hexdigest()
        return f"{mac} {text}".encode()

    def close(self):
        self.f.close()
        self.s.close()


class Sshd:
    """A server of this user, with keys of its own, that lets in who has the key "client"."""

    def __init__(self):
        self.where = TMP / "sshd"
        self.where.mkdir()
        for key in ("host", "client", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.where / key], check=True)
        shutil.copy(self.where / "client.pub", self.where / "authorized")
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        kept = {"OPENFORBC_STATE": TMP / "a", "TMPDIR": TMP / "scratch", "LC_ALL": "C"} | {k: env[k] for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if k in env}
        (self.where / "config").write_text(textwrap.dedent(f"""\
            ListenAddress 127.0.0.1:{self.port}
            HostKey {self.where}/host
            AuthorizedKeysFile {self.where}/authorized
            SetEnv {" ".join(f'"{k}={v}"' for k, v in kept.items())}
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin yes
            """))
        # a server of root insists on an empty directory, which its service makes
        self.empty = pathlib.Path("/run/sshd") if os.geteuid() == 0 and not os.path.exists("/run/sshd") else None
        if self.empty:
            self.empty.mkdir(mode=0o755)
        self.process = subprocess.Popen([self.program(), "-D", "-e", "-f", self.where / "config"], stdin=subprocess.DEVNULL,
                                        stderr=open(self.where / "log", "w", encoding="utf8"))
        self.up = wait_until(lambda: self.process.poll() is not None or "listening" in self.log(), 10) and self.process.poll() is None

    @staticmethod
    def program():
        return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def log(self):
        return (self.where / "log").read_text(errors="replace")

    def path(self, key, known=True):
        """Where an `ssh` is that is the real one, with this key."""
        bin_ = self.where / f"bin-{key}-{known}"
        if not bin_.exists():
            bin_.mkdir()
            words = (self.where / "host.pub").read_text().split()
            (bin_ / "known").write_text(f"[127.0.0.1]:{self.port} {words[0]} {words[1]}\n" if known else "")
            (bin_ / "ssh").write_text(f"#!/bin/sh\nexec {shutil.which('ssh')} -F none -i {self.where}/{key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes "
                                      f"-o UserKnownHostsFile={bin_}/known -o GlobalKnownHostsFile=/dev/null \"$@\"\n")
            (bin_ / "ssh").chmod(0o755)
        return {"PATH": f"{bin_}:{os.environ['PATH']}"}

    def connections(self):
        """The processes of the server behind each connection; what they started is not among them."""
        found, more = [], [self.process.pid]
        while more:
            more = [c for p in more for c in children(p) if pathlib.Path(f"/proc/{c}/comm").read_text().startswith("sshd")]
            found += more
        return found

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=15)
        if self.empty:
            self.empty.rmdir()
