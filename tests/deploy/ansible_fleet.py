"""A fleet of booted machines for Ansible: one controller and N hosts on a bridge, reached over ssh with a generated key, and
a mirror on the bridge from which they install what the packages depend on. Ansible runs on the bridge, as from a jump host.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

from machine import Machine, Network
from packages import SYSTEM
from support import CACHE, ROOT, base_root, run

ANSIBLE = ROOT / "deploy" / "ansible"
CONTROLLER = "ctl"
USER = "deploy"
ROOT_PACKAGES = (*SYSTEM, "openssh-server", "python3", "sudo", "nftables")
MIRROR_PORT = 8000
# One window would do for a verdict on health; short ones keep the test short.
GROUP_VARS = """\
ansible_user: {user}
ansible_ssh_private_key_file: {key}
ansible_ssh_common_args: -o UserKnownHostsFile={known_hosts} -o ControlPersist=120s
faultline_packages_dir: {packages}
faultline_controller_config: {{window: {window}s, heartbeat: 1s, trace: {{per_second: 10}}}}
"""


def dependencies(packages, root):
    """Debian's packages that the package files need besides what is installed in the root, as apt works it out."""
    no_archives = CACHE / "no-archives"  # what this machine's apt has downloaded before is not named otherwise
    (no_archives / "partial").mkdir(parents=True, exist_ok=True)
    planned = run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "--print-uris",
                  "-o", f"Dir::Cache::archives={no_archives}",
                  "-o", f"Dir::State::status={root / 'var/lib/dpkg/status'}", *packages).stdout
    return sorted(set(re.findall(r"^'(?!file:|/)\S+/([^/_]+)_\S+\.deb'", planned, re.MULTILINE)))


def mirror_of(packages, root):
    """A folder that apt can install the dependencies from; made once and kept."""
    folder = CACHE / "mirror"
    have = {path.name.split("_")[0] for path in folder.glob("*.deb")}
    missing = [name for name in dependencies(packages, root) if name not in have]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", "-q", *missing, cwd=folder)
    (folder / "Packages").write_text(run("dpkg-scanpackages", "-m", ".", cwd=folder).stdout)
    return folder


class Play:
    """What one run of ansible-playbook said."""

    def __init__(self, code, output, seconds):
        self.code, self.output, self.seconds = code, output, seconds
        self.recap = {name: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counts)}
                      for name, counts in re.findall(r"^(\S+)\s+: (ok=.*)$", output, re.MULTILINE)}

    @property
    def text(self):
        """The output with line breaks and indentation taken as blanks: sentences are wrapped where they are long."""
        return re.sub(r"\s+", " ", self.output)

    def reasons(self):
        """The lines of the last failure's message."""
        return self.output.rsplit("fatal: ", maxsplit=1)[-1].split("\n\n")[0].splitlines()[1:]

    def total(self, what):
        return sum(counts[what] for counts in self.recap.values())

    def expect(self, code, why):
        if (self.code == 0) != (code == 0):
            raise AssertionError(f"{why}: ansible-playbook ended with {self.code}\n{self.output[-8000:]}")
        return self

    def __str__(self):
        return f"changed={self.total('changed')} failed={self.total('failed')} in {self.seconds:.0f} s"


class AnsibleFleet:
    """Machines NAME-ctl, NAME-h1 .. NAME-hN, known to Ansible as ctl, h1 .. hN."""

    def __init__(self, name, hosts, window_seconds):
        self.name, self.window_seconds = name, window_seconds
        self.hosts = [f"h{number}" for number in range(1, hosts + 1)]
        self.folder = CACHE / "ansible" / name
        self.machines, self.network = {}, None
        self._open = contextlib.ExitStack()

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "faultline-test", "-f", self.folder / "key")
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_):
        for controlled in self.folder.glob("cp/*"):
            run("ssh", "-O", "exit", "-o", f"ControlPath={controlled}", "any", check=False)
        self._open.close()

    def _start(self):
        tar = base_root(*ROOT_PACKAGES)
        self.network = self._open.enter_context(Network(f"{self.name}-net"))
        for host in (CONTROLLER, *self.hosts):
            self.machines[host] = self._open.enter_context(Machine(f"{self.name}-{host}", tar, self.network))
            self._prepare(self.machines[host])
        for machine in self.machines.values():
            machine.start()
        for machine in self.machines.values():
            machine.wait_booted()

    def serve_mirror(self, packages):
        """Serves what the package files depend on to all machines, as a distribution's mirror does."""
        folder = mirror_of(packages, self.machines[CONTROLLER].root)
        server = subprocess.Popen(
            ["ip", "netns", "exec", self.network.name, sys.executable, "-m", "http.server", str(MIRROR_PORT), "--bind",
             self.network.address, "--directory", str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self._open.callback(server.wait)
        self._open.callback(server.terminate)

    def _prepare(self, machine):
        """A user who logs in with the key and may become root, and the mirror as apt's only source."""
        public = (self.folder / "key.pub").read_text()
        machine.shell(f"useradd -m -s /bin/bash {USER} && mkdir -p -m 700 /home/{USER}/.ssh")
        authorized = machine.root / f"home/{USER}/.ssh/authorized_keys"
        authorized.write_text(public)
        machine.shell(f"chown -R {USER}: /home/{USER}/.ssh && chmod 600 /home/{USER}/.ssh/authorized_keys")
        (machine.root / "etc/sudoers.d/deploy").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
        for path in (machine.root / "etc/apt/sources.list", *(machine.root / "etc/apt/sources.list.d").glob("*")):
            path.unlink()
        source = f"deb [trusted=yes] http://{self.network.address}:{MIRROR_PORT}/ ./\n"
        (machine.root / "etc/apt/sources.list").write_text(source)
        host_key = (machine.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        with open(self.folder / "known_hosts", "a", encoding="ascii") as known:
            known.write(f"{machine.address} {host_key[0]} {host_key[1]}\n")

    def write_inventory(self, packages, host_lines):
        """host_lines: what stands behind each host's name; groups zone_*, rack_* and so on are made of `groups=`."""
        groups = {"faultline_controller": [CONTROLLER], "faultline_probes": self.hosts}
        text = [f"{CONTROLLER} ansible_host={self.machines[CONTROLLER].address}"]
        for host in self.hosts:
            variables, memberships = host_lines(host)
            text.append(f"{host} ansible_host={self.machines[host].address} {variables}")
            for group in memberships:
                groups.setdefault(group, []).append(host)
        for group, members in groups.items():
            text += ["", f"[{group}]", *members]
        (self.folder / "inventory.ini").write_text("\n".join(text) + "\n")
        (self.folder / "group_vars").mkdir(exist_ok=True)
        (self.folder / "group_vars" / "all.yml").write_text(GROUP_VARS.format(
            user=USER, key=self.folder / "key", known_hosts=self.folder / "known_hosts", packages=packages,
            window=self.window_seconds))

    def play(self, playbook, *options):
        """Runs a playbook as a user would, in deploy/ansible."""
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                       "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"), "LC_ALL": "C.UTF-8"}
        started = time.monotonic()
        done = self.network.run("ansible-playbook", "-i", self.folder / "inventory.ini", f"faultline.fleet.{playbook}", *options,
                                check=False, cwd=ANSIBLE, env=environment, stdin=subprocess.DEVNULL)
        play = Play(done.returncode, done.stdout + done.stderr, time.monotonic() - started)
        number = len(list(self.folder.glob("*.log")))
        (self.folder / f"{number:02}-{playbook}.log").write_text(play.output)
        return play

    def everywhere(self, script, hosts=None):
        """What a shell command says on each of the hosts, or on all machines."""
        return {host: self.machines[host].shell(script, check=False).stdout.strip() for host in hosts or self.machines}

    def logs(self):
        """(name, text) of all that ansible-playbook has said so far."""
        return [(path.name, path.read_text()) for path in sorted(self.folder.glob("*.log"))]

    def cli(self, *words):
        """A document of the controller's."""
        done = self.machines[CONTROLLER].run("faultline", *words, "-o", "json", check=False)
        if done.returncode not in (0, 1, 2):
            raise AssertionError(f"faultline {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def measuring(self):
        """Whether all hosts are live and every planned session between them reports."""
        try:
            status = self.cli("status")
        except AssertionError:
            return False
        sessions, count = status["sessions"], len(self.hosts)
        return status["nodes"]["live"] == count and sessions["planned"] >= count * (count - 1) and \
            sessions["reporting"] == sessions["planned"]
