"""Booted machines for the deployment tests: Debian roots with systemd as PID 1, each in its own network namespace.

A Machine is a systemd-nspawn container over an overlay of an unpacked root (support.base_root), so that ten of them cost
no more disk than what they write. A Network is a bridge in a namespace of its own that machines are plugged into; the
host itself gets no interface. Two traps are handled here, once:
- nspawn must not run under `ip netns exec` (that hides /sys/fs/cgroup): it is given the namespace by path.
- nspawn with --keep-unit boots every machine in the *same* cgroup, where one machine's systemd would kill the services
  of another: each machine is put into a cgroup of its own first.

    with Network("demo") as network, Machine("demo-h1", root, network) as machine:
        machine.boot()
        print(machine.run("systemctl", "is-system-running").stdout, machine.address)
"""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from support import CACHE, need, run

CGROUP_ROOTS = [path for path in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))
                if (path / "cgroup.procs").exists()]
BOOT_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TERM": "dumb"}
# Timers of the distribution that would only load a machine that lives for a minute.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "systemd-networkd-wait-online.service")
# The wrapper moves itself into the machine's cgroups before it becomes nspawn.
IN_CGROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'


def need_machines():
    """Skips the test where machines cannot be booted."""
    need("systemd-nspawn", "nsenter", "setpriv", "ip", "mmdebstrap")


def wait(what, condition, seconds, interval=0.1):
    """Returns the first true value of condition(); fails naming `what` after so many seconds. It polls, because what it
    waits for is in another machine."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(interval)


def unpacked(tar):
    """The folder with the root of a base_root() tar, unpacked once and never changed."""
    folder = tar.with_suffix("")
    if not folder.exists():
        unfinished = tar.with_suffix(f".unfinished-{os.getpid()}")
        unfinished.mkdir()
        run("tar", "-xpf", tar, "-C", unfinished, "--xattrs", "--xattrs-include=*", "--numeric-owner")
        try:
            unfinished.rename(folder)
        except OSError:  # another test was quicker
            shutil.rmtree(unfinished)
    return folder


class Network:
    """A bridge in the namespace NAME, with the address PREFIX.1; machines get PREFIX.2 and so on."""

    def __init__(self, name, prefix="10.90.0"):
        self.name, self.prefix, self._count = name, prefix, 1
        self.address = f"{prefix}.1"

    def __enter__(self):
        self.remove()
        run("ip", "netns", "add", self.name)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", "bridge", "type", "bridge")
        self._ip("address", "add", f"{self.address}/24", "dev", "bridge")
        self._ip("link", "set", "bridge", "up")
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        run("ip", "netns", "delete", self.name, check=False)  # no error where it is not there

    def attach(self, namespace):
        """Plugs a machine's namespace in as eth0 and returns its address."""
        self._count += 1
        address, port = f"{self.prefix}.{self._count}", f"port{self._count}"
        self._ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._ip("link", "set", port, "master", "bridge", "up")
        run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
        run("ip", "-n", namespace, "route", "add", "default", "via", self.address)
        return address

    def run(self, *command, **options):
        """Runs a program of this machine on the bridge, from where all machines are reached."""
        return run("ip", "netns", "exec", self.name, *command, **options)

    def _ip(self, *words):
        run("ip", "-n", self.name, *words)


class Machine:
    """One machine. `root` is its file system, also readable and writable from outside, booted or not."""

    def __init__(self, name, tar, network=None):
        self.name, self._tar, self._network = name, tar, network
        self.address = "127.0.0.1"  # until it is made, and without a network
        self._folder = CACHE / "machines" / name
        self.root = self._folder / "root"
        self._process = None

    def __enter__(self):
        self.remove()
        for folder in ("upper", "work", "root"):
            (self._folder / folder).mkdir(parents=True)
        self._fill()
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        if self._network:
            self.address = self._network.attach(self.name)
        for unit in MASKED:
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        return self

    def __exit__(self, *_):
        self.remove()

    def boot(self):
        """Starts the machine and returns when systemd has settled. A failed unit is the caller's to judge."""
        self.start()
        self.wait_booted()

    def start(self):
        """Starts the machine and returns at once: several machines boot side by side. To be called on the main thread:
        the machine is asked to stop when the thread ends that started it."""
        folders = [root / f"faultline-{self.name}" for root in CGROUP_ROOTS]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        with open(self._folder / "console", "wb") as console:
            self._process = subprocess.Popen(
                ["sh", "-c", IN_CGROUPS, "sh", *folders, "--", "setpriv", "--pdeathsig", "TERM",
                 *self._nspawn("--boot", "--console=pipe")],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)

    def wait_booted(self, seconds=BOOT_SECONDS_MAX):
        def settled():
            if self._process.poll() is not None:
                raise AssertionError(f"{self.name} did not boot:\n{self.console()}")
            return self._leader() and self.run("systemctl", "is-system-running", check=False).stdout.strip() in (
                "running", "degraded")
        wait(f"the boot of {self.name}", settled, seconds)

    def run(self, *command, check=True, **options):
        """Runs a command as root: inside the booted machine, or while it is down in a container of its own."""
        leader = self._leader()
        enter = ["nsenter", "-t", leader, "-a"] if leader else self._nspawn("--as-pid2", "--pipe")
        return run(*enter, "--", *command, check=check, env=ENVIRONMENT, **options)

    def shell(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    def wait(self, what, condition, seconds):
        """Like wait(); a failure also shows the end of the machine's journal."""
        try:
            return wait(f"{self.name}: {what}", condition, seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.journal()[-6000:]}") from None

    def journal(self, unit=None):
        """What the machine logged, or one unit of it: plain messages with their time."""
        if self._leader():
            self.run("journalctl", "--sync", check=False)  # what was said is read, not what is written by now
        words = ["-u", unit] if unit else ["-n", "60"]
        return self.run("journalctl", "--no-pager", "-q", "-o", "short-iso", *words, check=False).stdout

    def install(self, *packages):
        """Installs package files of the host with dpkg; what they depend on must be in the root."""
        folder = self.root / "var/cache/faultline-test"
        folder.mkdir(parents=True, exist_ok=True)
        names = [shutil.copy(package, folder) and f"/var/cache/faultline-test/{Path(package).name}" for package in packages]
        done = self.run("dpkg", "-i", *names, check=False)
        shutil.rmtree(folder)
        if done.returncode != 0:
            raise AssertionError(f"{self.name}: dpkg -i {names} failed\n{done.stdout}\n{done.stderr}")
        return done

    def stop(self, seconds=STOP_SECONDS_MAX):
        """Shuts the machine down in good order; one that does not end in time is killed."""
        if self._process is None:
            return
        self._process.terminate()  # nspawn asks PID 1 to power off
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait(STOP_SECONDS_MAX)
        self._process = None
        self._remove_cgroups()

    def power_off(self):
        """Pulls the plug: everything in the machine is killed at once."""
        self._kill()
        self._process.wait(STOP_SECONDS_MAX)
        self._process = None
        self._remove_cgroups()

    def remove(self):
        """Stops the machine and removes all of it, also what a test that was killed has left of this name."""
        self.stop()
        self._kill()
        self._remove_cgroups()
        if self._folder.exists():
            run("umount", "-l", self.root, check=False)  # not mounted where the root was copied
            shutil.rmtree(self._folder)
        run("ip", "netns", "delete", self.name, check=False)

    def console(self):
        return (self._folder / "console").read_text(errors="replace")

    def _fill(self):
        lower = unpacked(self._tar)
        mounted = run("mount", "-t", "overlay", f"faultline-{self.name}", self.root, "-o",
                      f"lowerdir={lower},upperdir={self._folder}/upper,workdir={self._folder}/work", check=False)
        if mounted.returncode != 0:  # an overlay on an overlay, as in some containers
            self.root.rmdir()
            run("cp", "-a", "--reflink=auto", lower, self.root)

    def _nspawn(self, *how):
        return ["systemd-nspawn", "--quiet", "-D", self.root, "--machine", self.name,
                f"--network-namespace-path=/run/netns/{self.name}", "--register=no", "--keep-unit", "--resolv-conf=off",
                "--timezone=off", "--link-journal=no", *how]

    def _leader(self):
        """PID 1 of the machine as seen from outside, or nothing while there is none."""
        if self._process is None:
            return None
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return children[0] if children and Path(f"/proc/{children[0]}/comm").read_text() == "systemd\n" else None
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            return None

    def _pids(self):
        return {int(pid) for root in CGROUP_ROOTS for folder in (root / f"faultline-{self.name}").rglob("cgroup.procs")
                for pid in folder.read_text().split() if pid != "0"}

    def _kill(self):
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while (pids := self._pids()) and time.monotonic() < deadline:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it went with its PID 1
            time.sleep(0.05)

    def _remove_cgroups(self):
        for root in CGROUP_ROOTS:
            folder = root / f"faultline-{self.name}"
            if folder.exists():
                below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
                for path in [*below, folder]:
                    wait(f"the end of cgroup {path}", lambda path=path: _rmdir(path), STOP_SECONDS_MAX)


def _rmdir(path):
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # the kernel is still emptying it
        return False
    return True
