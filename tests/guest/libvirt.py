# SPDX-License-Identifier: MIT
"""A libvirt daemon of our own: an ordinary user's, with all of its files below one directory."""
import os
import shutil
import subprocess
import time

EMULATOR = "/usr/bin/qemu-system-x86_64"


def missing():
    """What is not installed, for the reason of a skip; "" when all is there."""
    for program in ("libvirtd", "virsh", "qemu-system-x86_64"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    return ""


def domain(name, machine="q35", devices="", kind="qemu"):
    return f"""<domain type='{kind}'>
  <name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  <features><acpi/></features>
  <devices><emulator>{EMULATOR}</emulator>{devices}</devices>
</domain>
"""


# A guest whose root ports are all taken: by its USB controller and its balloon.
FULL_PORTS = ("<controller type='pci' index='0' model='pcie-root'/>"
              "<controller type='pci' index='1' model='pcie-root-port'/>"
              "<controller type='pci' index='2' model='pcie-root-port'/>")


class Libvirt:
    def __init__(self, directory):
        self.directory = directory
        self.socket = os.path.join(directory, "sock", "libvirt-sock")
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        self.process = None

    @staticmethod
    def as_user():
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []

    def start(self):
        os.makedirs(os.path.join(self.directory, "sock"), exist_ok=True)
        config = os.path.join(self.directory, "libvirtd.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f'unix_sock_dir = "{self.directory}/sock"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0777"\n')
        env = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": self.directory, "LC_ALL": "C"}
        for what in ("RUNTIME_DIR", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME"):
            path = os.path.join(self.directory, what.lower())
            os.makedirs(path, mode=0o700, exist_ok=True)
            env["XDG_" + what] = path
        command = ["libvirtd", "-f", config, "-p", os.path.join(self.directory, "pid")]
        if os.geteuid() == 0:  # root's daemon would use the files of the system
            for top, dirs, files in os.walk(self.directory):
                for path in [top] + [os.path.join(top, f) for f in files + dirs]:
                    os.chown(path, 65534, 65534)
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen([*self.as_user(), *command], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(200):
            if os.path.exists(self.socket) and self.virsh("version", check=False).returncode == 0:
                return
            time.sleep(0.05)
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
            raise SystemExit("libvirtd does not start:\n" + log.read())

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def virsh(self, *args, check=True, text=None):
        return subprocess.run(["virsh", "-q", "-c", self.uri, *args], check=check, text=True, input=text,
                              capture_output=True)

    def define(self, xml):
        path = os.path.join(self.directory, "define.xml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(xml)
        p = self.virsh("define", path, check=False)
        if p.returncode:
            raise SystemExit(p.stderr)

    def xml(self, name):
        return self.virsh("dumpxml", "--inactive", name).stdout
