"""Makes a case's fault on premises that are up, and takes it away again."""
import json
import socket
import struct
import subprocess
from pathlib import Path

import netns
import premises_netns
from packets import inside
from premises import ROUTERS
from topology import LabError

HERE = Path(__file__).resolve().parent
LAB = HERE.parents[2] / "deploy" / "lab"
STOP_SECONDS_MAX = 5
NETLINK_NETFILTER, NLM_F_REQUEST, NLM_F_ACK = 12, 1, 4
CT_DELETE = 1 << 8 | 2  # of the subsystem ctnetlink


class Breaker:
    def __init__(self, premises):
        self.premises = premises
        self._helpers = []

    def folder(self, machine):
        """What the stand-in of lldpcli finds on that machine."""
        return netns.state_dir(self.premises.name) / "machines" / machine

    def make(self, case):
        for machine, vlan in case.lldp.items():
            self.folder(machine).mkdir(parents=True, exist_ok=True)
            (self.folder(machine) / "lldp.json").write_text(json.dumps(lldp(machine, vlan)))
        for device, line in case.breaks:
            premises_netns.run_on(self.premises, device, line)
        for device, argv in case.helpers:
            self._helpers.append(self.run_helper(device, argv))
        self._forget_flows()
        premises_netns.forget_neighbors(self.premises)

    def _forget_flows(self):
        """NAT takes only flows that its namespace does not track yet, and keeps taking those that it began."""
        for device in (*ROUTERS, *self.premises.machines):
            with inside(self.premises.namespace(device)):
                flush_conntrack()

    def mend(self, case):
        for helper in self._helpers:
            helper.terminate()
        for helper in self._helpers:
            helper.wait(STOP_SECONDS_MAX)
        self._helpers.clear()
        for machine in case.lldp:
            (self.folder(machine) / "lldp.json").unlink(missing_ok=True)
        failed = []
        for device, line in case.mends:
            try:
                premises_netns.run_on(self.premises, device, line)
            except LabError as error:
                failed.append(str(error))
        premises_netns.restore(self.premises, case.touched)
        self._forget_flows()
        premises_netns.forget_neighbors(self.premises)
        if failed:
            raise LabError(f"a fault could not be mended: {'; '.join(failed)}")

    def run_helper(self, device, argv):
        """A program in the device's namespace, from this folder or the lab's; taking the premises down ends it at the latest."""
        path = next(folder / argv[0] for folder in (HERE, LAB) if (folder / argv[0]).exists())
        return subprocess.Popen(netns.in_namespace(self.premises, device, str(path), *argv[1:]), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def flush_conntrack():
    """Of the namespace that this thread is in: IPCTNL_MSG_CT_DELETE without a tuple (linux/netfilter/nfnetlink_conntrack.h)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as opened:
        opened.settimeout(1)
        body = struct.pack("=BBH", 0, 0, 0)
        opened.send(struct.pack("=IHHII", 16 + len(body), CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        opened.recv(4096)


def lldp(machine, vlan):
    """What a switch tells of the port that the machine is plugged into, in lldpcli's form."""
    return {"lldp": {"interface": {"eth0": {
        "via": "LLDP", "chassis": {"sw": {"id": {"type": "mac", "value": "02:00:00:00:00:01"}}},
        "port": {"id": {"type": "ifname", "value": machine}}, "vlan": {"vlan-id": str(vlan), "pvid": True}}}}}
