"""A routed chain of namespaces, four next hops wide, and the faults of MTU and path that a real kernel makes on it.

    a - r1 = s1 s2 s3 s4 = r2 - r3 - b      IPv4 and IPv6
"""
import subprocess
import sys
from pathlib import Path

from packets import Passing

SPINES = ("s1", "s2", "s3", "s4")
NODES = ("a", "r1", *SPINES, "r2", "r3", "b")
ROUTERS = NODES[1:-1]
LINKS = [("a", "r1"), *(("r1", s) for s in SPINES), *((s, "r2") for s in SPINES), ("r2", "r3"), ("r3", "b")]
# A neighbor is not asked for before one's own address is known to be nobody else's, which takes a second.
HOST_SYSCTLS = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", "net.ipv6.conf.all.accept_dad=0",
                "net.ipv6.conf.default.accept_dad=0"]
SYSCTLS = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.fib_multipath_hash_policy=3",
           "net.ipv4.fib_multipath_hash_fields=0x37", "net.ipv6.fib_multipath_hash_policy=3",
           "net.ipv6.fib_multipath_hash_fields=0x37", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000",
           "net.ipv4.icmp_msgs_burst=100000", "net.ipv6.icmp.ratelimit=0", "net.ipv4.icmp_errors_use_inbound_ifaddr=1"]
NETS = {4: "10.50.{}.0/30", 6: "fd50:{}::/64"}
MTU = 1500
REFLECTOR_PORT = 862


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()}")
    return done


def index(left, right):
    return LINKS.index((left, right)) + 1


def net(left, right, family=4):
    return NETS[family].format(index(left, right))


def address(node, left, right, family=4):
    last = 1 if node == left else 2
    return f"10.50.{index(left, right)}.{last}" if family == 4 else f"fd50:{index(left, right)}::{last}"


def addresses(node, family=4):
    """All that a node has."""
    return {address(node, left, right, family) for left, right in LINKS if node in (left, right)}


def end(node, family=4):
    """The address of `a` or `b`."""
    return address("a", "a", "r1", family) if node == "a" else address("b", "r3", "b", family)


def stop(child):
    child.terminate()
    child.wait()
    child.stdout.close()


class Chain:
    """The namespaces, named after the lab so that two labs do not meet."""

    def __init__(self, lab):
        self.lab = lab

    def namespace(self, node):
        return f"{self.lab}-{node}"

    def inside(self, node, *argv, check=True):
        return run("ip", "netns", "exec", self.namespace(node), *argv, check=check)

    def build(self):
        for node in NODES:
            run("ip", "netns", "add", self.namespace(node))
            self.inside(node, "sysctl", "-qw", *HOST_SYSCTLS, *(SYSCTLS if node in ROUTERS else []))
            self.inside(node, "ip", "link", "set", "lo", "up")
        for left, right in LINKS:
            run("ip", "-n", self.namespace(left), "link", "add", "name", right, "type", "veth", "peer", "name", left, "netns",
                self.namespace(right))
            for node, device in ((left, right), (right, left)):
                self.inside(node, "ip", "addr", "add", f"{address(node, left, right)}/30", "dev", device)
                self.inside(node, "ip", "addr", "add", f"{address(node, left, right, 6)}/64", "dev", device, "nodad")
                self.inside(node, "ip", "link", "set", "dev", device, "up")
        for family in NETS:
            self._routes(family)

    def _routes(self, family):
        def route(node, to, *via):
            for left, right in to:
                hops = sum((["nexthop", "via", hop] for hop in via), [])
                self.inside(node, "ip", f"-{family}", "route", "add", net(left, right, family), *hops)
        left_links, right_links = LINKS[:5], LINKS[5:]
        hop = lambda node, left, right: address(node, left, right, family)  # noqa: E731
        route("a", LINKS[1:], hop("r1", "a", "r1"))
        route("b", LINKS[:-1], hop("r3", "r3", "b"))
        route("r1", LINKS[-2:], *(hop(s, "r1", s) for s in SPINES))
        route("r2", LINKS[:1], *(hop(s, s, "r2") for s in SPINES))
        route("r2", LINKS[-1:], hop("r3", "r2", "r3"))
        route("r3", LINKS[:-2], hop("r2", "r2", "r3"))
        for spine in SPINES:
            route(spine, left_links[:1], hop("r1", "r1", spine))
            route(spine, right_links[-2:], hop("r2", spine, "r2"))

    def remove(self):
        for node in NODES:
            run("ip", "netns", "del", self.namespace(node), check=False)

    def start(self, node, script, *arguments):
        """A script of this folder, once it says that it is ready."""
        child = subprocess.Popen(["ip", "netns", "exec", self.namespace(node), sys.executable, "-B", Path(__file__).parent / script,
                                  *map(str, arguments)], stdout=subprocess.PIPE, text=True)
        if child.stdout.readline() != "ready\n":
            stop(child)
            raise RuntimeError(f"{script} does not start on {node}")
        return child

    def forget(self, node):
        """What the node's kernel has learned of paths."""
        for family in NETS:
            self.inside(node, "ip", f"-{family}", "route", "flush", "cache")


# Sends a datagram that may not be fragmented, until the kernel itself refuses it; 40 may be lost before that.
LARGE_DATAGRAM = """
import select, socket, sys
target, octets = sys.argv[1], int(sys.argv[2])
v6 = ":" in target
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, 23 if v6 else 10, 2)  # MTU_DISCOVER: DO
s.connect((target, 9))
for _ in range(40):
    try:
        s.send(bytes(octets))
    except OSError:  # the target's "port unreachable", or: too long
        pass
    select.select([s], [], [], 0.05)
    if s.getsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, 24 if v6 else 14) < octets:  # MTU
        break
"""


class Faults:
    """What is broken on a chain, and how it is mended: `later(function, *arguments)` is called last first."""

    def __init__(self, chain, later):
        self._chain, self._later = chain, later

    def make(self, node, *argv, undo):
        self._chain.inside(node, *argv)
        self._later(self._chain.inside, node, *undo)

    def filter(self, node, *match, family=4, chain="FORWARD", table="filter", target=("-j", "DROP")):
        tool = "iptables" if family == 4 else "ip6tables"
        rule = (*match, *target)
        self.make(node, tool, "-w", "-t", table, "-I", chain, *rule, undo=(tool, "-w", "-t", table, "-D", chain, *rule))

    def mtu(self, left, right, octets, both=True):
        for node, device in ((left, right), (right, left))[: 2 if both else 1]:
            self.make(node, "ip", "link", "set", "dev", device, "mtu", str(octets),
                      undo=("ip", "link", "set", "dev", device, "mtu", str(MTU)))

    def sysctl(self, node, key, value):
        before = self._chain.inside(node, "sysctl", "-n", key).stdout.strip()
        self.make(node, "sysctl", "-qw", f"{key}={value}", undo=("sysctl", "-qw", f"{key}={before}"))

    def route(self, node, to, *words, family=4):
        """A host's route beside what there is."""
        self.make(node, "ip", f"-{family}", "route", "replace", to, *words, undo=("ip", f"-{family}", "route", "del", to))

    def reroute(self, node, to, *words, family=4):
        """Changes what route() made, which is mended with it."""
        self._chain.inside(node, "ip", f"-{family}", "route", "replace", to, *words)

    def learn_mtu(self, target, octets):
        """a's kernel is told of a smaller MTU by a router that is well again afterwards."""
        self._later(self._chain.forget, "a")
        self._chain.forget("a")
        self.mtu("r2", "r3", octets)
        self._chain.inside("a", sys.executable, "-c", LARGE_DATAGRAM, target, str(MTU - 100))
        learned = self._chain.inside("a", "ip", "route", "get", target).stdout
        if f"mtu {octets}" not in learned:
            raise RuntimeError(f"the kernel did not learn {octets} octets: {learned}")
        self.mtu("r2", "r3", MTU)

    def start(self, node, script, *arguments):
        child = self._chain.start(node, script, *arguments)
        self._later(stop, child)

    def passing(self, node, target):
        """What notices UDP packets to `target` that come to the node, from now on."""
        passing = Passing(self._chain.namespace(node), target)
        self._later(passing.close)
        return passing

    def no_too_big(self, node, family=4, chain="OUTPUT"):
        """The node swallows what says "packet too big"."""
        self.filter(node, *PACKET_TOO_BIG[family], family=family, chain=chain)

    def no_time_exceeded(self, node, family=4, chain="OUTPUT"):
        self.filter(node, *TIME_EXCEEDED[family], family=family, chain=chain)


PACKET_TOO_BIG = {4: ("-p", "icmp", "--icmp-type", "fragmentation-needed"),
                  6: ("-p", "icmpv6", "--icmpv6-type", "packet-too-big")}
TIME_EXCEEDED = {4: ("-p", "icmp", "--icmp-type", "time-exceeded"), 6: ("-p", "icmpv6", "--icmpv6-type", "time-exceeded")}
