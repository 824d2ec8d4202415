"""The premises with a whole fleet on them, and the life of one case: break, ask, mend, wait until all is as before."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import netns
import premises_netns
from fleet import Fleet, Rates
from topology import LabError

HERE = Path(__file__).resolve().parent
LAB = HERE.parents[2] / "deploy" / "lab"
JOIN_SECONDS_MAX, MEND_SECONDS_MAX, STOP_SECONDS_MAX = 90, 40, 5
STARVED_GROUP = Path("/sys/fs/cgroup/cpu")  # version 1, as this kernel mounts it
STARVED_PERIOD_US, STARVED_QUOTA_US = 100_000, 1_000
LLDP_STUB = "#!/bin/sh\nexec cat {folder}/lldp.json\n"
# The probe takes lldpcli from the system's folders only: one is laid over in the mount namespace of `ip netns exec`.
OVER_USR_SBIN = ("sh", "-ec", 'mount -t overlay overlay -o "lowerdir=$1:/usr/sbin" /usr/sbin; shift; exec "$@"', "sh")
CONTROLLER_SETTINGS = ""


class Bench:
    def __init__(self, premises, binaries, window_seconds):
        self.premises, self.binaries = premises, binaries
        self.fleet = Fleet(premises, binaries, window_seconds, Rates(flows_per_pair=4), CONTROLLER_SETTINGS)
        self.client = self.fleet.client
        self._advertiser, self._pids = None, {}

    def bring_up(self):
        premises_netns.build(self.premises)
        for router, lan in (("r1", "fd50:1::"), ("r2", "fd50:2::")):
            self._helper(router, ("router_advert.py", f"lan={lan}"))
        self.fleet.start_controller()
        self._wait("the controller to answer", self.client.answers, JOIN_SECONDS_MAX)
        for machine in self.premises.machines.values():
            folder = self.folder(machine.name)
            (folder / "sbin").mkdir(parents=True)
            stub = folder / "sbin" / "lldpcli"
            stub.write_text(LLDP_STUB.format(folder=folder))
            stub.chmod(0o755)
            kind = "vm" if machine.mode else "host"
            self.fleet.start_probe(machine.name, f"kind: {kind}\n", (*OVER_USR_SBIN, folder / "sbin"))
            self._pids[machine.name] = self.fleet.probes[-1].pid
        self._wait("all probes to join", lambda: self.client.status().nodes_live == len(self.premises.machines), JOIN_SECONDS_MAX)

    def take_down(self):
        complaints = self.fleet.stop()
        netns.remove(self.premises.name)
        return complaints

    def folder(self, machine):
        return self.fleet.folder / "machines" / machine

    def facts(self, machine):
        """As `faultline-probe facts` collects them there, written to a file."""
        argv = netns.in_namespace(self.premises, machine, *map(str, OVER_USR_SBIN), str(self.folder(machine) / "sbin"),
                                  str(self.binaries / "faultline-probe"), "facts")
        return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    def run(self, case, ask):
        """What `ask` returns while the fault is there. Whatever happens, the fault is taken away again."""
        helpers = []
        try:
            self._break(case, helpers)
            time.sleep(case.settle)
            self.fleet.check_alive()
            return ask()
        finally:
            self._mend(case, helpers)

    def _break(self, case, helpers):
        for machine, vlan in case.lldp.items():
            (self.folder(machine) / "lldp.json").write_text(json.dumps(_lldp(machine, vlan)))
        for device, line in case.breaks:
            premises_netns.run_on(self.premises, device, line)
        for device, argv in case.helpers:
            helpers.append(self._helper(device, argv))
        for machine in case.paused:
            os.kill(self._pids[machine], signal.SIGSTOP)
        for machine in case.starved:
            self._starve(machine)
        premises_netns.forget_neighbors(self.premises)

    def _mend(self, case, helpers):
        for machine in case.paused:
            os.kill(self._pids[machine], signal.SIGCONT)
        for machine in case.starved:
            self._feed(machine)
        for helper in helpers:
            helper.terminate()
        for helper in helpers:
            helper.wait(STOP_SECONDS_MAX)
        for machine in case.lldp:
            (self.folder(machine) / "lldp.json").unlink()
        failed = []
        for device, line in case.mends:
            try:
                premises_netns.run_on(self.premises, device, line)
            except LabError as error:
                failed.append(str(error))
        premises_netns.restore(self.premises, case.touched)
        premises_netns.forget_neighbors(self.premises)
        if failed:
            raise LabError(f"a fault could not be mended: {'; '.join(failed)}")

    def _helper(self, device, argv):
        """A program in the device's namespace, from this folder or the lab's; `take_down` ends what is left of them."""
        path = next(folder / argv[0] for folder in (HERE, LAB) if (folder / argv[0]).exists())
        return subprocess.Popen(netns.in_namespace(self.premises, device, str(path), *argv[1:]), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def _starve(self, machine):
        group = STARVED_GROUP / f"{self.premises.name}-{machine}"
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(STARVED_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(STARVED_QUOTA_US))
        (group / "cgroup.procs").write_text(str(self._pids[machine]))

    def _feed(self, machine):
        group = STARVED_GROUP / f"{self.premises.name}-{machine}"
        (STARVED_GROUP / "cgroup.procs").write_text(str(self._pids[machine]))
        group.rmdir()

    def _wait(self, what, ready, seconds):
        deadline = time.monotonic() + seconds
        while not ready():
            self.fleet.check_alive()
            if time.monotonic() > deadline:
                raise LabError(f"waited {seconds} s in vain for {what}")
            time.sleep(0.2)


def _lldp(machine, vlan):
    """What a switch tells of the port that the machine is plugged into, in lldpcli's form."""
    interface = "eth0"
    return {"lldp": {"interface": {interface: {
        "via": "LLDP", "chassis": {"sw": {"id": {"type": "mac", "value": "02:00:00:00:00:01"}}},
        "port": {"id": {"type": "ifname", "value": machine}}, "vlan": {"vlan-id": str(vlan), "pvid": True}}}}}


