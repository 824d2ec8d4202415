"""Faults on the lab fabric. A directed link is broken where its packets arrive: in the receiving device's namespace, on
the interface from the sending one, in the raw prerouting hook. That is before routing, so that packets whose TTL ends
there and packets to the device itself are hit like transit ones (the FORWARD chain sees neither).
"""
import hashlib
import json
import time
from dataclasses import asdict, dataclass

import netns
import slow
from topology import CONTROLLER, LabError

KINDS = ("loss", "blackhole", "mtu", "down", "device", "none")
SLOW_KINDS = ("latency", "congestion")  # nothing is broken, but packets are late
TABLE = "faultline_fault"
MTU_BYTES = 1400  # IP packets larger than this are swallowed, and nobody is told
BLACKHOLE_BUCKETS = 8  # one in eight 5-tuples
RATIO_SCALE = 1_000_000
CARRIER_SECONDS_MAX = 10


@dataclass(frozen=True)
class Fault:
    kind: str
    link: str = ""    # "leaf2>spine3"; the cable for `down`
    device: str = ""  # only for `device`
    loss: float = 0.0
    delay_ms: float = 0.0  # only for `latency`

    def __str__(self):
        if self.kind == "loss":
            return f"{self.loss:.2%} loss on {self.link}"
        if self.kind == "blackhole":
            return f"a black hole for one in {BLACKHOLE_BUCKETS} 5-tuples on {self.link}"
        if self.kind == "mtu":
            return f"an MTU black hole on {self.link}: packets over {MTU_BYTES} bytes vanish"
        if self.kind == "down":
            return f"cable {self.link.replace('>', '=')} down, without reroute"
        if self.kind == "device":
            return f"{self.loss:.2%} loss on every link in and out of {self.device}"
        if self.kind == "latency":
            return f"{self.delay_ms:g} ms more on {self.link}"
        if self.kind == "congestion":
            return f"{self.link} is congested in bursts"
        return "no fault"


def parse_ratio(text):
    """"2%" or "0.02"."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise LabError(f"--loss {text!r} is no ratio; write 2% or 0.02") from None
    if not 0 < value <= 1:
        raise LabError(f"--loss {text} is outside 0..100%")
    return value


def inject(fabric, fault):
    if fault.kind == "loss":
        _drop(fabric, fabric.parse_link(fault.link), _random_match(fault.loss))
    elif fault.kind == "blackhole":
        _drop(fabric, fabric.parse_link(fault.link), _bucket_match(fabric, fault.link))
    elif fault.kind == "mtu":
        _drop(fabric, fabric.parse_link(fault.link), f"meta length > {MTU_BYTES}")
    elif fault.kind == "device":
        _fail_device(fabric, fault)
    elif fault.kind == "down":
        cable = fabric.cable_of(fabric.parse_link(fault.link))
        netns.run("ip", "-n", fabric.namespace(cable.upper), "link", "set", "dev", cable.lower, "down")
    elif fault.kind == "latency":
        slow.delay(fabric, fabric.parse_link(fault.link), fault.delay_ms)
    elif fault.kind == "congestion":
        slow.congest(fabric, fabric.parse_link(fault.link))
    _remember(fabric, active(fabric) + [fault])


def heal(fabric):
    """Ends every fault. Interfaces that were down come up with the routes that the kernel had dropped."""
    cut = [fabric.cable_of(fabric.parse_link(fault.link)) for fault in active(fabric) if fault.kind == "down"]
    for cable in cut:
        netns.run("ip", "-n", fabric.namespace(cable.upper), "link", "set", "dev", cable.lower, "up")
    for cable in cut:  # now that all are up: a device's routes may lead over two of them
        netns.install_routes(fabric, cable.upper)
        _wait_carrier(fabric, cable)
    slow.heal(fabric, [fabric.parse_link(f.link) for f in active(fabric) if f.kind in SLOW_KINDS])
    for device in fabric.devices:
        netns.run(*netns.in_namespace(fabric, device, "nft", "-f", "-"),
                  stdin=f"add table inet {TABLE}\ndelete table inet {TABLE}\n")
    _remember(fabric, [])


def _wait_carrier(fabric, cable):
    """Link-up events are delayed by up to a second, and a neighbour that was asked for in vain is asked for again only
    after another: without this the fault would outlive its healing by that long."""
    deadline = time.monotonic() + CARRIER_SECONDS_MAX
    for device, port in ((cable.upper, cable.lower), (cable.lower, cable.upper)):
        command = ("ip", "-n", fabric.namespace(device), "-j", "link", "show", "dev", port)
        while json.loads(netns.run(*command))[0]["operstate"] != "UP":
            if time.monotonic() > deadline:
                raise LabError(f"the interface {port} of {device} did not come up again")
            time.sleep(0.05)
        netns.run("ip", "-n", fabric.namespace(device), "neigh", "flush", "dev", port)


def active(fabric):
    path = _record(fabric)
    return [Fault(**entry) for entry in json.loads(path.read_text())] if path.exists() else []


def dropped(fabric):
    """Packets dropped so far per directed link: the ground truth beside the product's estimate."""
    counts = {}
    for device in fabric.devices:
        text = netns.run(*netns.in_namespace(fabric, device, "nft", "-j", "list", "ruleset"))
        for item in json.loads(text)["nftables"]:
            rule = item.get("rule", {})
            if rule.get("table") == TABLE and "comment" in rule:
                packets = next(e["counter"]["packets"] for e in rule["expr"] if "counter" in e)
                counts[rule["comment"]] = counts.get(rule["comment"], 0) + packets
    return counts


def _random_match(ratio):
    return "" if ratio == 1 else f"numgen random mod {RATIO_SCALE} < {round(ratio * RATIO_SCALE)}"


def _bucket_match(fabric, link):
    seed = int.from_bytes(hashlib.sha256(f"{fabric.seed}/{link}".encode()).digest()[:4], "big")
    ip, protocol = ("ip", "ip protocol") if fabric.family == 4 else ("ip6", "ip6 nexthdr")
    return (f"meta l4proto {{ tcp, udp }} jhash {ip} saddr . {ip} daddr . {protocol} . th sport . th dport "
            f"mod {BLACKHOLE_BUCKETS} seed {seed:#x} == {seed % BLACKHOLE_BUCKETS}")


def _drop(fabric, link, match):
    # Neighbour discovery is spared, as ARP is by its nature.
    netns.run(*netns.in_namespace(fabric, link.target, "nft", "-f", "-"), stdin=f"""\
add table inet {TABLE}
add chain inet {TABLE} crossed {{ type filter hook prerouting priority raw; policy accept; }}
add rule inet {TABLE} crossed iifname "{link.source}" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
add rule inet {TABLE} crossed iifname "{link.source}" {match} counter drop comment "{link}"
""")


def _fail_device(fabric, fault):
    if fault.device not in fabric.routers:
        raise LabError(f"{fault.device!r} is no router of this fabric")
    for peer, _, _ in fabric.interfaces(fault.device):
        if peer == CONTROLLER:
            continue  # a leaf's fault is measured between hosts; the controller has no probe
        inbound = fabric.parse_link(f"{peer}:{fault.device}")
        _drop(fabric, inbound, _random_match(fault.loss))
        _drop(fabric, inbound.reverse, _random_match(fault.loss))


def _record(fabric):
    return netns.state_dir(fabric.name) / "faults.json"


def _remember(fabric, faults):
    _record(fabric).write_text(json.dumps([asdict(fault) for fault in faults]) + "\n")
