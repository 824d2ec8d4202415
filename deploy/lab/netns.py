"""Building and removing the fabric of topology.py out of network namespaces, with `ip -batch`.

Each namespace is named <lab>-<device>, so labs run side by side and `remove` finds all of a crashed one by its name.
Everything a lab writes is below /var/lib/faultline-lab/<lab>/.
"""
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from topology import Fabric, LabError

STATE_ROOT = Path("/var/lib/faultline-lab")
NETNS_ROOT = Path("/run/netns")
HASH_SEED_SYSCTL = Path("/proc/sys/net/ipv4/fib_multipath_hash_seed")
STOP_SECONDS_MAX = 10

COMMON_SYSCTLS = """\
net.ipv4.conf.all.rp_filter=0
net.ipv4.conf.default.rp_filter=0
"""
NO_IPV6_SYSCTLS = """\
net.ipv6.conf.all.disable_ipv6=1
net.ipv6.conf.default.disable_ipv6=1
"""
# Addresses are the lab's alone, and used at once.
IPV6_SYSCTLS = """\
net.ipv6.conf.default.accept_dad=0
net.ipv6.conf.default.accept_ra=0
net.ipv6.conf.default.autoconf=0
net.ipv6.auto_flowlabels=0
"""
# 0x37: source and destination address, protocol, source and destination port. Policy 1 (L4) would follow the sender's
# socket hash through veth, so that two sockets with one 5-tuple could take two paths.
# The icmp keys keep the kernel from rate-limiting the answers to TTL probes, as hardware routers do less strictly.
ROUTER_SYSCTLS = """\
net.ipv4.ip_forward=1
net.ipv4.fib_multipath_hash_policy=3
net.ipv4.fib_multipath_hash_fields=0x37
net.ipv4.icmp_errors_use_inbound_ifaddr=1
net.ipv4.icmp_ratelimit=0
net.ipv4.icmp_msgs_per_sec=1000000
net.ipv4.icmp_msgs_burst=100000
"""
# No flow label among the fields: a router of this kind of fabric hashes the 5-tuple.
IPV6_ROUTER_SYSCTLS = """\
net.ipv6.conf.all.forwarding=1
net.ipv6.fib_multipath_hash_policy=3
net.ipv6.fib_multipath_hash_fields=0x37
net.ipv6.icmp.ratelimit=0
"""


def run(*argv, stdin=None):
    """Runs a command and returns its stdout; a failure becomes a LabError with the command's own words."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().replace("\n", "; ")
        raise LabError(f"`{' '.join(argv)}` failed: {words or f'exit code {done.returncode}'}")
    return done.stdout


def require_root():
    if os.geteuid() != 0:
        raise LabError("network namespaces need root; run this again as root (for example with sudo)")


def state_dir(name):
    return STATE_ROOT / name


def namespaces(name):
    """Existing namespaces of a lab, by directory listing: also those of a lab whose state was lost."""
    if not NETNS_ROOT.is_dir():
        return []
    return sorted(entry.name for entry in NETNS_ROOT.iterdir() if entry.name.startswith(f"{name}-"))


def exists(name):
    return state_dir(name).exists() or bool(namespaces(name))


def load(name):
    try:
        spec = json.loads((state_dir(name) / "fabric.json").read_text())
    except FileNotFoundError:
        raise LabError(f"no lab named {name!r} is up") from None
    return Fabric(**spec)


def in_namespace(fabric, device, *argv):
    """The command line that runs argv on a device."""
    return ["ip", "netns", "exec", fabric.namespace(device), *argv]


def build(fabric):
    require_root()
    if exists(fabric.name):
        raise LabError(f"a lab named {fabric.name!r} is already up; take it down first, or choose another --name")
    try:
        _write_state(fabric)
        _make(fabric)
    except BaseException:  # also Ctrl-C: half a fabric is of no use
        remove(fabric.name)
        raise


def _write_state(fabric):
    state_dir(fabric.name).mkdir(parents=True, mode=0o700)
    spec = {f.name: getattr(fabric, f.name) for f in dataclasses.fields(fabric) if f.init}
    (state_dir(fabric.name) / "fabric.json").write_text(json.dumps(spec) + "\n")
    (state_dir(fabric.name) / "topology.yaml").write_text(fabric.inventory())


def _make(fabric):
    run("ip", "-batch", "-", stdin="".join(f"netns add {fabric.namespace(d)}\n" for d in fabric.devices))
    for device in fabric.devices:  # before the links: they take their settings from conf.default when they are made
        run(*in_namespace(fabric, device, "sysctl", "-q", "-e", "-p", "-"), stdin=_sysctls(fabric, device))
    run("ip", "-batch", "-", stdin="".join(
        f"link add name {c.lower} netns {fabric.namespace(c.upper)} type veth "
        f"peer name {c.upper} netns {fabric.namespace(c.lower)}\n" for c in fabric.cables))
    for device in fabric.devices:
        ports = ["link set dev lo up\n"]
        for peer, own, _ in fabric.interfaces(device):
            ports += [f"address add {own}/{fabric.cable_prefix_length} dev {peer}\n", f"link set dev {peer} up\n"]
        run("ip", "-n", fabric.namespace(device), "-batch", "-", stdin="".join(ports))
    for device in fabric.devices:  # after all links are up: a hop over a link without carrier would be born dead
        install_routes(fabric, device)


def _sysctls(fabric, device):
    text = COMMON_SYSCTLS + (NO_IPV6_SYSCTLS if fabric.family == 4 else IPV6_SYSCTLS)
    if device not in fabric.routers:
        return text
    text += ROUTER_SYSCTLS + ("" if fabric.family == 4 else IPV6_ROUTER_SYSCTLS)
    if HASH_SEED_SYSCTL.exists():
        text += f"net.ipv4.fib_multipath_hash_seed={fabric.hash_seed(device)}\n"
    return text


def install_routes(fabric, device):
    """(Re)installs a device's static routes; the kernel drops those of an interface that was set down."""
    lines = []
    for route in fabric.routes(device, shuffle_hops=not HASH_SEED_SYSCTL.exists()):
        hops = " ".join(f"nexthop via {address} dev {interface}" for address, interface in route.hops)
        lines.append(f"route replace {route.prefix} {hops}\n")
    run("ip", "-n", fabric.namespace(device), "-batch", "-", stdin="".join(lines))


def processes(name):
    pids = []
    for namespace in namespaces(name):
        pids += [int(pid) for pid in run("ip", "netns", "pids", namespace).split()]
    return pids


def _signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it ended by itself


def stop_processes(name):
    """Ends what runs in the lab's namespaces: asked first, killed when it has not left in time."""
    _signal_all(processes(name), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while processes(name) and time.monotonic() < deadline:
        time.sleep(0.05)  # polls, because the processes need not be our children
    _signal_all(processes(name), signal.SIGKILL)
    while processes(name) and time.monotonic() < deadline + STOP_SECONDS_MAX:
        time.sleep(0.05)


def remove(name):
    """Takes a lab down, whatever state it is in; taking down what is not there is no error."""
    require_root()
    stop_processes(name)
    for namespace in namespaces(name):
        run("ip", "netns", "delete", namespace)
    shutil.rmtree(state_dir(name), ignore_errors=True)
    try:
        STATE_ROOT.rmdir()
    except OSError:
        pass  # another lab is up, or it was never made
