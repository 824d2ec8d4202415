"""podman as the deployment tests use it: storage of its own that is gone afterwards, and no service manager.

    with Podman() as podman, Link("images") as link:
        podman("run", "--rm", *podman.run_words(link.ends[0]), "localhost/image", "true")
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

from machine import wait
from support import CACHE, run

# The machine's hard limits may be below podman's defaults.
LIMITS = ("--ulimit", "nofile=1024:2048", "--ulimit", "nproc=1024:2048")


def is_overlay(folder):
    return run("stat", "--file-system", "--format", "%T", folder).stdout.strip() == "overlayfs"


def users_of(folder):
    """Processes that have the folder in their command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if folder.encode() in words:
            found.append(int(entry.name))
    return found


class Podman:
    def __enter__(self):
        CACHE.mkdir(parents=True, exist_ok=True)
        self._root = tempfile.mkdtemp(prefix="images-", dir=CACHE)
        self._run = tempfile.mkdtemp(prefix="faultline-images-")  # short: it holds sockets
        self.words = ["podman", "--root", self._root, "--runroot", self._run, "--tmpdir", f"{self._run}/tmp",
                      f"--storage-driver={'vfs' if is_overlay(CACHE) else 'overlay'}",  # overlays do not nest
                      "--cgroup-manager=cgroupfs", "--events-backend=file", "--runtime", "runc"]
        return self

    def __exit__(self, *_):
        subprocess.run([*self.words, "rm", "--all", "--force", "--time", "0"], capture_output=True, check=False)
        # Each container that ended is tidied up by a podman of its own, in its own time, which mounts the storage again.
        wait("the end of podman's own cleaning", lambda: not users_of(self._root), seconds=60)
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            left = [line.split()[1] for line in mounts if self._root in line or self._run in line]
        for point in sorted(left, reverse=True):
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.rmtree(self._root)

    def __call__(self, *words, check=True, **options):
        return run(*self.words, *words, check=check, **options)

    def run_words(self, namespace):
        return [*LIMITS, "--network", f"ns:/run/netns/{namespace}"]

    def inspect(self, name, template):
        return self("inspect", "--format", template, name).stdout.strip()


class Link:
    """Two network namespaces, NAME-1 and NAME-2, joined by a cable, with the addresses 10.91.0.1 and 10.91.0.2."""

    def __init__(self, name):
        self.ends = [f"{name}-1", f"{name}-2"]
        self.addresses = ["10.91.0.1", "10.91.0.2"]

    def __enter__(self):
        self.remove()
        for end in self.ends:
            run("ip", "netns", "add", end)
            run("ip", "-n", end, "link", "set", "lo", "up")
        run("ip", "-n", self.ends[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.ends[1])
        for end, address in zip(self.ends, self.addresses):
            run("ip", "-n", end, "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", end, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for end in self.ends:
            if os.path.exists(f"/run/netns/{end}"):
                run("ip", "netns", "del", end)
