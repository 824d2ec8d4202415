"""The units in a booted system: both programs started by systemd on one machine, killed, hung, reloaded, upgraded, stopped."""
import json
import re
import shutil
import sys
import time

import packages
from machine import Machine, Network, need_machines
from support import need, program_of_package, run

NEWER = "0.2.0~test1"
PREFIX = "faultline-test-units"
CONTROLLER, PROBE = "faultline-controller", "faultline-probe"
EXPOSURE_MAX = {PROBE: 2.5, CONTROLLER: 2.0}
CAP_NET_BIND_SERVICE = 1 << 10
FACTS_SECONDS_MAX = 60
LIVE_SECONDS_MAX = 60
# A hang is noticed sooner than with the unit's own 30 s, by the same machinery; what a busy machine holds up is no hang.
WATCHDOG_SECONDS = 15
SHORT_WATCHDOG = f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\nTimeoutAbortSec=4\n"
DATA = "/var/lib/faultline/controller"


class Service:
    """One unit of a booted machine, as systemctl sees it."""

    def __init__(self, machine, name):
        self.machine, self.name = machine, name

    def show(self, *properties):
        said = self.machine.run("systemctl", "show", self.name, "-p", ",".join(properties)).stdout
        return dict(line.split("=", 1) for line in said.splitlines())

    def pid(self):
        return int(self.show("MainPID")["MainPID"])

    def microseconds(self, timestamp):
        """When that was, since the machine's start; 0 before it was."""
        return int(self.show(timestamp)[timestamp])

    def act(self, action, check=True):
        return self.machine.run("systemctl", action, self.name, check=check)

    def active(self):
        return self.show("ActiveState")["ActiveState"] == "active"

    def status_of_process(self):
        text = self.machine.run("cat", f"/proc/{self.pid()}/status").stdout
        return dict(line.split(":\t", 1) for line in text.splitlines())

    def wait_for_another(self, pid, seconds):
        """Until it runs again under another process id, which it returns."""
        self.machine.wait(f"another process of {self.name}",
                          lambda: self.active() and self.pid() not in (0, pid), seconds)
        return self.pid()


def faultline(machine, *words, user="oncall", check=True):
    return machine.run("runuser", "-u", user, "--", "faultline", *words, check=check)


def wait_api(machine):
    machine.wait("the API", lambda: faultline(machine, "node", "list", check=False).returncode == 0, 30)


def live_nodes(machine):
    said = faultline(machine, "-o", "json", "status", check=False).stdout
    return json.loads(said)["nodes"].get("live") if said.startswith("{") and '"nodes"' in said else None


def wait_live(machine, why):
    machine.wait(f"one live node {why}", lambda: live_nodes(machine) == 1, LIVE_SECONDS_MAX)


def exposure_is_low(machine):
    for unit, most in EXPOSURE_MAX.items():
        said = machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={most * 10:.0f}", unit, check=False)
        level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)[1])
        print(f"exposure of {unit}: {level} (at most {most})")
        assert level <= most and said.returncode == 0, said.stdout


def controller_runs_as_installed_and_probe_waits(controller, probe):
    assert controller.active(), controller.machine.journal(CONTROLLER)
    assert not probe.active() and probe.show("UnitFileState")["UnitFileState"] == "disabled"
    assert probe.act("start", check=False).returncode != 0, "the probe starts without an address"
    probe.machine.wait("the reason", lambda: "probe.yaml: address is missing" in probe.machine.journal(PROBE), 10)
    probe.act("stop")


def operators_only(machine):
    machine.run("useradd", "--system", "--groups", "faultline", "oncall")
    machine.run("useradd", "--system", "stranger")
    wait_api(machine)
    refused = faultline(machine, "node", "list", user="stranger", check=False)
    assert refused.returncode == 5 and "ask for membership of the group" in refused.stderr, refused
    modes = machine.run("stat", "-c", "%a %U %G", "/run/faultline", "/run/faultline/controller.sock").stdout
    assert modes == "750 faultline faultline\n660 faultline faultline\n", modes


def configure(machine, controller, probe):
    with open(machine.root / "etc/faultline/controller.yaml", "a", encoding="utf-8") as file:
        file.write(f"advertise: ['tcp://{machine.address}:7400']\n")
    controller.act("restart")
    wait_api(machine)
    token = faultline(machine, "node", "token", "create", "--node", "h1").stdout
    machine.run("install", "-m", "0600", "-o", PROBE, "-g", PROBE, "/dev/stdin", "/etc/faultline/token", input=token)
    with open(machine.root / "etc/faultline/probe.yaml", "a", encoding="utf-8") as file:
        file.write(f"address: {machine.address}\n")
    machine.run("systemctl", "enable", "--now", PROBE)
    wait_live(machine, "after joining")


def least_privilege(controller, probe):
    for service, capabilities in ((controller, 0), (probe, CAP_NET_BIND_SERVICE)):
        status = service.status_of_process()
        for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == capabilities, f"{service.name}: {name} is {status[name]}"
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
        assert status["Uid"].split()[0] != "0", status["Uid"]
    limits = controller.machine.run("cat", f"/proc/{controller.pid()}/limits").stdout
    assert re.search(r"Max open files +16384 ", limits), limits


def readiness_is_told(services):
    for service in services:
        shown = service.show("Type", "NotifyAccess", "StatusText", "WatchdogUSec", "WatchdogTimestampMonotonic", "NRestarts")
        print(f"{service.name}: {shown}")
        assert shown["Type"] == "notify" and shown["NotifyAccess"] == "main" and shown["WatchdogUSec"] == "30s", shown
        assert shown["StatusText"], f"{service.name} says nothing of itself"
        assert int(shown["WatchdogTimestampMonotonic"]) > 0, f"{service.name} never said that it is alive"


def killed_comes_back(machine, controller, probe):
    for service in (controller, probe):
        pid = service.pid()
        machine.run("kill", "-9", str(pid))
        service.wait_for_another(pid, 30)
        assert int(service.show("NRestarts")["NRestarts"]) >= 1, service.name
    wait_live(machine, "after both were killed")


def hung_comes_back(machine, probe):
    folder = machine.root / f"etc/systemd/system/{PROBE}.service.d"
    folder.mkdir()
    (folder / "watchdog.conf").write_text(SHORT_WATCHDOG)
    machine.run("systemctl", "daemon-reload")
    probe.act("restart")
    pid, started = probe.pid(), probe.microseconds("ActiveEnterTimestampMonotonic")
    assert started > 0, "the probe is not active"
    machine.wait("a sign of life when a watchdog that was not fed would have ended it",
                 lambda: probe.microseconds("WatchdogTimestampMonotonic") > started + WATCHDOG_SECONDS * 1_000_000, 120)
    assert probe.pid() == pid, f"the watchdog ended a probe that was well\n{machine.journal(PROBE)}"
    machine.run("kill", "-STOP", str(pid))
    probe.wait_for_another(pid, 120)
    assert "Watchdog timeout" in machine.journal(PROBE), machine.journal(PROBE)
    shutil.rmtree(folder)
    machine.run("systemctl", "daemon-reload")
    probe.act("restart")
    wait_live(machine, "after a hang")


def reload_keeps_the_process(machine, controller):
    pid = controller.pid()
    controller.act("reload")
    path = machine.root / "etc/faultline/controller.yaml"
    good = path.read_text()
    path.write_text(good + "nonsense: 1\n")
    assert controller.act("reload", check=False).returncode != 0, "a wrong file was reloaded"
    assert "nonsense is not a known key" in machine.journal(CONTROLLER), machine.journal(CONTROLLER)
    path.write_text(good)
    assert controller.active() and controller.pid() == pid, machine.journal(CONTROLLER)
    wait_live(machine, "after a reload")


def reload_of_the_probe_keeps_what_it_measures(machine, probe):
    pid = probe.pid()
    path = machine.root / "etc/faultline/probe.yaml"
    good = path.read_text()
    path.write_text(good + "strangers: {allow: [192.0.2.0/24]}\n")
    probe.act("reload")
    machine.wait("the probe to say what it took into use",
                 lambda: "hangup: taken into use: strangers" in machine.journal(PROBE), 60)
    path.write_text(good + "nonsense: 1\n")
    assert probe.act("reload", check=False).returncode != 0, "a wrong file was reloaded"
    path.write_text(good)
    probe.act("reload")
    assert probe.active() and probe.pid() == pid, machine.journal(PROBE)
    wait_live(machine, "after the probe's reload")


def upgrade_restarts_what_runs(machine, controller, probe, newer):
    before = controller.pid(), probe.pid()
    edited = (machine.root / "etc/faultline/controller.yaml").read_text()
    machine.install(*newer.values())
    controller.wait_for_another(before[0], 30)
    probe.wait_for_another(before[1], 30)
    assert (machine.root / "etc/faultline/controller.yaml").read_text() == edited
    wait_live(machine, "after an upgrade")


def reboot_brings_both_back(machine):
    machine.stop()
    machine.boot()
    wait_live(machine, "after a reboot")


def stops_in_good_order(machine, controller, probe):
    for service in (probe, controller):
        service.act("stop")
        shown = service.show("ActiveState", "Result", "ExecMainStatus")
        assert shown == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}, (service.name, shown)
    left = machine.run("ls", "/run/faultline", check=False)
    assert left.returncode != 0, f"left of a controller that is stopped: {left.stdout}"


def store(machine, *words):
    """Reads or changes the store from outside, as ldb does: its format is one key."""
    ldb = program_of_package("rocksdb-tools", "/usr/bin/ldb")
    folder = next((machine.root / DATA.lstrip("/")).rglob("CURRENT")).parent
    said = run(ldb, f"--db={folder}", *words).stdout
    machine.run("chown", "-R", "faultline:", DATA)
    return said.strip()


def downgrade_of_the_data_is_refused(machine, controller, older):
    version = store(machine, "get", "format")
    store(machine, "put", "format", "999")
    machine.install(*older.values())
    machine.wait("a refusal", lambda: "was written by a newer version" in machine.journal(CONTROLLER), 30)
    assert not controller.active()
    controller.act("stop")
    assert store(machine, "get", "format") == "999", "the data was changed all the same"
    store(machine, "put", "format", version)
    controller.act("start")
    wait_api(machine)
    assert json.loads(faultline(machine, "-o", "json", "node", "list").stdout)["nodes"][0]["name"] == "h1"


def removal_stops_what_runs(machine, controller, probe):
    probe.act("start")
    wait_live(machine, "before the removal")
    pids = controller.pid(), probe.pid()
    machine.run("dpkg", "--purge", *packages.NAMES)
    for pid in pids:
        assert machine.run("kill", "-0", str(pid), check=False).returncode != 0, f"process {pid} outlived its package"
    assert not (machine.root / "var/lib/faultline").exists() and not (machine.root / "etc/faultline").exists()


def facts_are_read(machine):
    """The hardening leaves the probe what its facts are made of: /proc/stat, /proc/sys, netlink."""
    def facts():
        node, = json.loads(faultline(machine, "-o", "json", "node", "list").stdout)["nodes"]
        said = faultline(machine, "-o", "json", "facts", "show", node["name"], check=False)
        return json.loads(said.stdout) if said.returncode == 0 else None

    machine.wait("the probe's facts", facts, FACTS_SECONDS_MAX)
    read = facts()
    for what in ("cpu", "sysctls", "interfaces", "addresses", "routes", "listeners"):
        assert read.get(what), f"the probe told nothing of {what}: {read['unknown']}"


def nothing_was_forbidden(machine):
    """A hardening that the programs run into shows as EPERM in what they log."""
    for unit in (CONTROLLER, PROBE):
        words = machine.journal(unit)
        for sign in ("Operation not permitted", "Function not implemented", "Address family not supported"):
            assert sign not in words, words


def main():
    need_machines()
    need("dpkg-buildpackage", "dh")
    older, newer = packages.build(), packages.build(NEWER)
    root = packages.root_for(older)
    began = time.monotonic()
    with Network(f"{PREFIX}-net") as network, Machine(PREFIX, root, network) as machine:
        controller, probe = Service(machine, CONTROLLER), Service(machine, PROBE)
        (machine.root / "etc/dpkg/dpkg.cfg.d/unattended").write_text("force-confdef\nforce-confold\n")
        machine.boot()
        machine.install(*older.values())
        exposure_is_low(machine)
        controller_runs_as_installed_and_probe_waits(controller, probe)
        operators_only(machine)
        configure(machine, controller, probe)
        least_privilege(controller, probe)
        facts_are_read(machine)
        readiness_is_told((controller, probe))
        killed_comes_back(machine, controller, probe)
        hung_comes_back(machine, probe)
        reload_keeps_the_process(machine, controller)
        reload_of_the_probe_keeps_what_it_measures(machine, probe)
        upgrade_restarts_what_runs(machine, controller, probe, newer)
        nothing_was_forbidden(machine)
        reboot_brings_both_back(machine)
        stops_in_good_order(machine, controller, probe)
        downgrade_of_the_data_is_refused(machine, controller, older)
        removal_stops_what_runs(machine, controller, probe)
    print(f"units: everything held, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
