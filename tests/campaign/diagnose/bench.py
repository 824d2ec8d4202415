"""The premises with a whole fleet on them, and the life of one case: break, ask, mend."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "lab"))

import netns  # noqa: E402
import premises_netns  # noqa: E402
from breaker import Breaker  # noqa: E402
from fleet import Fleet, Rates  # noqa: E402
from packets import inside  # noqa: E402
from topology import LabError  # noqa: E402

JOIN_SECONDS_MAX, PROBE_PORT = 120, 862
WINDOWS_UNTIL_KNOWN = 5  # after the join: the first ones are of a plan that still grows
STARVED_GROUP = Path("/sys/fs/cgroup/cpu")  # version 1, as this kernel mounts it
STARVED_PERIOD_US, STARVED_QUOTA_US = 100_000, 1_000
LLDP_STUB = "#!/bin/sh\nexec cat {folder}/lldp.json\n"
# The probe takes lldpcli from the system's folders only: one is laid over in the mount namespace of `ip netns exec`, which also
# hides the control groups.
OVER_USR_SBIN = ("sh", "-ec", 'mount -t overlay overlay -o "lowerdir=$1:/usr/sbin" /usr/sbin; shift; '
                 "mount -t tmpfs tmpfs /sys/fs/cgroup; mkdir /sys/fs/cgroup/cpu; "
                 'mount -t cgroup -o cpu cgroup /sys/fs/cgroup/cpu; exec "$@"', "sh")


class Bench:
    def __init__(self, premises, binaries, window_seconds):
        self.premises, self.binaries = premises, binaries
        self.fleet = Fleet(premises, binaries, window_seconds, Rates(flows_per_pair=4))
        self.client = self.fleet.client
        self._breaker, self._pids = Breaker(premises), {}

    def bring_up_premises(self):
        """Without a fleet: for what machines say of themselves."""
        premises_netns.build(self.premises)
        for router, prefix in (("r1", "fd50:1::"), ("r2", "fd50:2::")):
            self._breaker.run_helper(router, ("router_advert.py", f"lan={prefix}"))
        for machine in self.premises.machines:
            (self._breaker.folder(machine) / "sbin").mkdir(parents=True)

    def bring_up(self):
        self.bring_up_premises()
        self.fleet.start_controller()
        self._wait("the controller to answer", self.client.answers, JOIN_SECONDS_MAX)
        for machine in self.premises.machines.values():
            self._stub(machine.name)
            kind = "vm" if machine.mode else "host"
            self.fleet.start_probe(machine.name, f"kind: {kind}\n",
                                   (*OVER_USR_SBIN, self._breaker.folder(machine.name) / "sbin"))
            self._pids[machine.name] = self.fleet.probes[-1].pid
        self._wait("all probes to join", lambda: self.client.status().nodes_live == len(self.premises.machines), JOIN_SECONDS_MAX)
        time.sleep(WINDOWS_UNTIL_KNOWN * self.fleet.window_seconds)

    def _stub(self, machine):
        folder = self._breaker.folder(machine)
        stub = folder / "sbin" / "lldpcli"
        stub.write_text(LLDP_STUB.format(folder=folder))
        stub.chmod(0o755)

    def take_down(self):
        complaints = self.fleet.stop()
        netns.remove(self.premises.name)
        return complaints

    def facts(self, machine):
        """As `faultline-probe facts` collects them there."""
        self._stub(machine)
        argv = netns.in_namespace(self.premises, machine, *OVER_USR_SBIN, str(self._breaker.folder(machine) / "sbin"),
                                  str(self.binaries / "faultline-probe"), "facts")
        return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    def talk(self):
        """A packet from each machine to each other one, as a fleet sends: neighbor tables and bridges learn from them."""
        machines = self.premises.machines.values()
        for machine in machines:
            with inside(self.premises.namespace(machine.name)):
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for other in machines:
                try:
                    opened.sendto(b"?", (other.address, PROBE_PORT))
                except OSError:
                    pass  # no way there
            opened.close()

    def run(self, case, ask):
        """What `ask` returns while the fault is there. Whatever happens, the fault is taken away again."""
        try:
            self._breaker.make(case)
            for machine in case.paused:
                os.kill(self._pids[machine], signal.SIGSTOP)
            for machine in case.starved:
                self._starve(machine)
            time.sleep(case.settle)
            self.fleet.check_alive()
            return ask()
        finally:
            for machine in case.paused:
                os.kill(self._pids[machine], signal.SIGCONT)
            for machine in case.starved:
                self._feed(machine)
            self._breaker.mend(case)

    def _starve(self, machine):
        group = STARVED_GROUP / f"{self.premises.name}-{machine}"
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(STARVED_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(STARVED_QUOTA_US))
        (group / "cgroup.procs").write_text(str(self._pids[machine]))

    def _feed(self, machine):
        group = STARVED_GROUP / f"{self.premises.name}-{machine}"
        if group.exists():
            (STARVED_GROUP / "cgroup.procs").write_text(str(self._pids[machine]))
            group.rmdir()

    def _wait(self, what, ready, seconds):
        deadline = time.monotonic() + seconds
        while not ready():
            self.fleet.check_alive()
            if time.monotonic() > deadline:
                raise LabError(f"waited {seconds} s in vain for {what}")
            time.sleep(0.2)
