"""A small site of hosts and virtual machines: names, cables, addresses and routes. Pure: no command is run here.

    h1 h2 h3 - sw1 - r1 ======= r2 - sw2 - h4 h5 h6       two LANs, two routers, everyone also on the out-of-band network
    vm1@h1 bridged   vm2@h2 behind NAT   vm3@h4 isolated   vm4@h3 macvlan   vm7@h6 macvtap
    vm5@h1 and vm6@h5 in an overlay (VXLAN)

Where `topology.py` is a fabric whose links fail, this is the wiring in which configurations fail: masks, gateways, filters,
ways of connecting a VM. The out-of-band network (m0, 10.99.0.0/24) keeps the controller within reach whatever is broken.
"""
from dataclasses import dataclass

from topology import CONTROLLER

MTU, OVERLAY_MTU = 1500, 1450
LAN_NETWORKS = {"lan1": "10.50.1", "lan2": "10.50.2"}
TRANSIT = {"r1": "10.50.0.0", "r2": "10.50.0.1"}
ROUTERS = {"r1": "lan1", "r2": "lan2"}
VNI = 42
V6_PREFIXES = {"lan1": "fd50:1::", "lan2": "fd50:2::"}  # advertised by the routers, never configured


@dataclass(frozen=True)
class Machine:
    """One that runs a probe. `port` is the interface that holds `address`."""
    name: str
    address: str
    length: int = 24
    port: str = "eth0"
    lan: str = ""  # of those that are members of one
    mode: str = ""  # how a VM is connected
    host: str = ""  # of a VM
    gateway: str = ""


def _member(name, lan, number, **more):
    network = LAN_NETWORKS[lan]
    return Machine(name, f"{network}.{number}", lan=lan, gateway=f"{network}.1", **more)


MACHINES = (
    _member("h1", "lan1", 11, port="br0"), _member("h2", "lan1", 12), _member("h3", "lan1", 13),
    _member("h4", "lan2", 11), _member("h5", "lan2", 12), _member("h6", "lan2", 13),
    _member("vm1", "lan1", 21, mode="bridged", host="h1"),
    Machine("vm2", "192.168.122.2", mode="nat", host="h2", gateway="192.168.122.1"),
    Machine("vm3", "192.168.100.2", mode="isolated", host="h4"),
    _member("vm4", "lan1", 24, mode="macvlan", host="h3"),
    Machine("vm5", "10.60.0.5", mode="overlay", host="h1"),
    Machine("vm6", "10.60.0.6", mode="overlay", host="h5"),
    _member("vm7", "lan2", 24, mode="macvtap", host="h6"),
)
# veth pairs: device:interface device:interface. A switch's port is named after what is plugged in.
CABLES = (
    "sw1:h1 h1:eth0", "sw1:h2 h2:eth0", "sw1:h3 h3:eth0", "sw1:r1 r1:lan", "sw2:h4 h4:eth0", "sw2:h5 h5:eth0", "sw2:h6 h6:eth0",
    "sw2:r2 r2:lan", "r1:wan r2:wan", "h1:vnet1 vm1:eth0", "h2:vnet2 vm2:eth0", "h4:vnet3 vm3:eth0", "h1:vnet5 vm5:eth0",
    "h5:vnet6 vm6:eth0",
)
BRIDGES = {  # device: bridge: its ports
    "sw1": {"lan": ("h1", "h2", "h3", "r1")}, "sw2": {"lan": ("h4", "h5", "h6", "r2")},
    "h1": {"br0": ("eth0", "vnet1"), "ov0": ("vnet5",)}, "h2": {"virbr0": ("vnet2",)}, "h4": {"virbr1": ("vnet3",)},
    "h5": {"ov0": ("vnet6",)},
}
HOST_ADDRESSES = {"h2": "192.168.122.1/24 dev virbr0", "h4": "192.168.100.1/24 dev virbr1"}  # of the VMs' networks
OVERLAY_ENDS = {"h1": ("br0", "h5"), "h5": ("eth0", "h1")}
OUT_OF_BAND = "oob"
ON_A_NIC = ("macvlan", "macvtap")  # modes in which a VM and its own host do not hear each other
SYSCTLS = """\
net.ipv4.conf.all.rp_filter=0
net.ipv4.conf.default.rp_filter=0
net.ipv6.conf.default.router_solicitation_delay=0
net.bridge.bridge-nf-call-iptables=0
net.bridge.bridge-nf-call-ip6tables=0
net.bridge.bridge-nf-call-arptables=0
"""
# Like the fabric's routers: hardware answers every trace of the lab's size.
ROUTER_SYSCTLS = """\
net.ipv4.ip_forward=1
net.ipv6.conf.all.forwarding=1
net.ipv4.icmp_errors_use_inbound_ifaddr=1
net.ipv4.icmp_ratelimit=0
net.ipv4.icmp_msgs_per_sec=1000000
net.ipv4.icmp_msgs_burst=100000
"""


def macvtap_of(machine):
    """The host's interface for that VM."""
    return f"tap{machine.name}"


class Premises:
    def __init__(self, name="premises", seed=1):
        self.name, self.seed = name, seed
        self.machines = {machine.name: machine for machine in MACHINES}
        self.infrastructure = (OUT_OF_BAND, *BRIDGES.keys() - self.machines.keys(), *ROUTERS)
        self.devices = (*sorted(self.infrastructure), *self.machines, CONTROLLER)

    def namespace(self, device):
        return f"{self.name}-{device}"

    def address(self, device):
        return self.machines[device].address if device in self.machines else self.management_address(device)

    def leaf_of(self, device):
        """What stands for a rack."""
        machine = self.machines[device]
        return machine.lan or self.machines[machine.host].lan

    def management_address(self, device):
        if device == CONTROLLER:
            return "10.99.0.1"
        return f"10.99.0.{10 + list(self.machines).index(device)}"

    def deaf(self, *machines):
        """Whether a VM and a host are among them that do not hear each other by design."""
        names = {machine.name for machine in machines}
        return any(m.mode in ON_A_NIC and m.host in names for m in machines)

    def members(self, lan):
        return [m for m in self.machines.values() if m.lan == lan]

    def cables(self):
        return [tuple(tuple(end.split(":")) for end in cable.split()) for cable in CABLES] + [
            ((OUT_OF_BAND, device), (device, "m0")) for device in (*self.machines, CONTROLLER)]

    def bridges(self):
        return BRIDGES | {OUT_OF_BAND: {"lan": (*self.machines, CONTROLLER)}}

    def sysctls(self, device):
        text = SYSCTLS + (ROUTER_SYSCTLS if device in ROUTERS else "")
        if device in (OUT_OF_BAND, CONTROLLER) or device.startswith("sw"):
            text += "net.ipv6.conf.all.disable_ipv6=1\nnet.ipv6.conf.default.disable_ipv6=1\n"
        if any(m.mode == "nat" and m.host == device for m in self.machines.values()):
            text += "net.ipv4.ip_forward=1\n"
        return text

    def making(self, device):
        """Lines of `ip -batch` that make what a device has beside its cables; once, in a new namespace."""
        lines = []
        for bridge, ports in self.bridges().get(device, {}).items():
            lines.append(f"link add name {bridge} type bridge forward_delay 0 mcast_snooping 0")
            lines += [f"link set {port} master {bridge}" for port in ports]
        if device in OVERLAY_ENDS:
            underlay, other = OVERLAY_ENDS[device]
            lines += [self.overlay_link(device, underlay, other), "link set vx0 master ov0"]
        return lines

    def overlay_link(self, device, underlay=None, other=None, vni=VNI):
        underlay, other = (underlay, other) if other else OVERLAY_ENDS[device]
        return (f"link add name vx0 type vxlan id {vni} local {self.address(device)} remote {self.address(other)} dev {underlay} "
                "dstport 4789")

    def settings(self, device):
        """Lines of `ip -batch` that give a device its state, also again after a fault took it: links, addresses, routes."""
        lines = ["link set lo up"]
        ports = [name for end in self.cables() for owner, name in end if owner == device]
        ports += self.bridges().get(device, {})
        if device in OVERLAY_ENDS:
            ports.append("vx0")
        overlay = {"vx0", "ov0", "vnet5", "vnet6"} | ({"eth0"} if self._mode(device) == "overlay" else set())
        if self._mode(device) in ON_A_NIC:
            ports.append("eth0")
        ports += [macvtap_of(m) for m in self.machines.values() if m.mode == "macvtap" and m.host == device]
        lines += [f"link set {port} mtu {OVERLAY_MTU if port in overlay else MTU} up" for port in ports]
        return lines + self._addresses(device)

    def _mode(self, device):
        return self.machines[device].mode if device in self.machines else ""

    def _addresses(self, device):
        lines = []
        if device in self.machines or device == CONTROLLER:
            lines.append(f"address replace {self.management_address(device)}/24 dev m0")
        if device in self.machines:
            machine = self.machines[device]
            lines.append(f"address replace {machine.address}/{machine.length} dev {machine.port}")
            if device in HOST_ADDRESSES:
                lines.append(f"address replace {HOST_ADDRESSES[device]}")
            if machine.gateway:
                lines.append(f"route replace default via {machine.gateway}")
        if device in ROUTERS:
            lan, = (network for router, network in ROUTERS.items() if router == device)
            other, = (router for router in ROUTERS if router != device)
            lines += [f"address replace {LAN_NETWORKS[lan]}.1/24 dev lan", f"address replace {TRANSIT[device]}/31 dev wan",
                      f"route replace {LAN_NETWORKS[ROUTERS[other]]}.0/24 via {TRANSIT[other]}",
                      f"address replace {V6_PREFIXES[lan]}1/64 dev lan nodad"]
        return lines

    def inventory(self):
        """topology.yaml: the routers, which run no probe."""
        text = "devices:\n"
        for router, lan in ROUTERS.items():
            other = next(r for r in ROUTERS if r != router)
            text += (f"  - name: {router}\n    kind: router\n    interfaces:\n"
                     f"      - {{name: lan, address: {LAN_NETWORKS[lan]}.1}}\n"
                     f"      - {{name: wan, address: {TRANSIT[router]}, peer: {other}/wan}}\n")
        return text
