"""The shape of the lab fabric: names, addresses and routes of a leaf-spine network. Pure: no command is run here.

Every cable is a /31, the upper device (spine over leaf, leaf over host) has the even address:
  spine S - leaf L        10.0.S.2L   - 10.0.S.2L+1
  leaf L  - its host I    10.1.L.2I   - 10.1.L.2I+1      (I = 1..hosts)
  leaf 1  - controller    10.1.1.0    - 10.1.1.1         (in-band: it is a port of leaf1 like any host's)
With IPv6 (--family 6) the same numbers, in hexadecimal, are 2001:db8:0:S::2L and 2001:db8:1:L::2I, and a cable is a /127.
An interface is named after the device at its other end.
"""
import hashlib
import random
import re
from dataclasses import dataclass, field

CONTROLLER = "controller"
SPINES_MAX = 64
LEAVES_MAX = 100
HOSTS_PER_LEAF_MAX = 100
SPINE_NET, HOST_NET = 0, 1
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,11}")


class LabError(Exception):
    """Something the user can act on; its text is one sentence."""


@dataclass(frozen=True)
class Cable:
    upper: str
    lower: str
    upper_address: str
    lower_address: str


@dataclass(frozen=True)
class DirectedLink:
    source: str
    target: str

    def __str__(self):
        return f"{self.source}>{self.target}"

    @property
    def reverse(self):
        return DirectedLink(self.target, self.source)


@dataclass(frozen=True)
class Route:
    """Destination prefix and its next hops as (address, interface); several hops are one ECMP route."""
    prefix: str
    hops: tuple


@dataclass(frozen=True)
class Fabric:
    name: str
    spines: int = 4
    leaves: int = 4
    hosts: int = 4  # per leaf
    seed: int = 1
    family: int = 4  # 4 or 6, of every address
    cables: tuple = field(init=False)

    def __post_init__(self):
        if not NAME_PATTERN.fullmatch(self.name):
            raise LabError(f"the lab's name {self.name!r} must be 1-12 lower-case letters and digits, a letter first")
        for what, value, least, most in (("spines", self.spines, 1, SPINES_MAX), ("leaves", self.leaves, 2, LEAVES_MAX),
                                         ("hosts", self.hosts, 1, HOSTS_PER_LEAF_MAX)):
            if not least <= value <= most:
                raise LabError(f"--{what} {value} is outside {least}..{most}")
        if self.family not in (4, 6):
            raise LabError(f"--family {self.family} is neither 4 nor 6")
        object.__setattr__(self, "cables", tuple(self._cables()))

    def _cables(self):
        for spine in range(1, self.spines + 1):
            for leaf in range(1, self.leaves + 1):
                yield self._cable(f"spine{spine}", f"leaf{leaf}", SPINE_NET, spine, leaf)
        yield self._cable("leaf1", CONTROLLER, HOST_NET, 1, 0)
        for leaf in range(1, self.leaves + 1):
            for index in range(1, self.hosts + 1):
                yield self._cable(f"leaf{leaf}", self.host_name(leaf, index), HOST_NET, leaf, index)

    def _cable(self, upper, lower, net, switch, number):
        return Cable(upper, lower, self._address(net, switch, 2 * number), self._address(net, switch, 2 * number + 1))

    def _address(self, net, switch, number):
        # ::0 of a /127 is the subnet-router anycast address, which no host may speak from.
        return f"10.{net}.{switch}.{number}" if self.family == 4 else f"2001:db8:{net}:{switch:x}::{number + 2:x}"

    def _prefix(self, net, switch):
        return f"10.{net}.{switch}.0/24" if self.family == 4 else f"2001:db8:{net}:{switch:x}::/64"

    @property
    def cable_prefix_length(self):
        return 31 if self.family == 4 else 127

    def host_name(self, leaf, index):
        return f"h{(leaf - 1) * self.hosts + index}"

    @property
    def spine_names(self):
        return [f"spine{i}" for i in range(1, self.spines + 1)]

    @property
    def leaf_names(self):
        return [f"leaf{i}" for i in range(1, self.leaves + 1)]

    @property
    def routers(self):
        return self.spine_names + self.leaf_names

    @property
    def host_names(self):
        return [f"h{i}" for i in range(1, self.leaves * self.hosts + 1)]

    @property
    def devices(self):
        return self.routers + [CONTROLLER] + self.host_names

    def namespace(self, device):
        return f"{self.name}-{device}"

    def interfaces(self, device):
        """(peer, own address, peer's address) of each port."""
        for cable in self.cables:
            if cable.upper == device:
                yield cable.lower, cable.upper_address, cable.lower_address
            elif cable.lower == device:
                yield cable.upper, cable.lower_address, cable.upper_address

    def address(self, host):
        """A host's (or the controller's) only address."""
        return next(own for _, own, _ in self.interfaces(host))

    def leaf_of(self, host):
        return next(peer for peer, _, _ in self.interfaces(host))

    def hash_seed(self, router):
        """An own ECMP hash seed per router, so that a flow's way back is not the mirror of its way out."""
        digest = hashlib.sha256(f"{self.seed}/{router}".encode()).digest()
        return int.from_bytes(digest[:4], "big") | 1

    def routes(self, device, shuffle_hops=False):
        """Static routes of a device. `shuffle_hops` orders the ECMP hops by the router's own seed: it stands in for
        the hash seed where the kernel (before 6.11) has none."""
        ports = {peer: address for peer, _, address in self.interfaces(device)}
        if device.startswith("spine"):
            return [Route(self._prefix(HOST_NET, leaf), ((ports[f"leaf{leaf}"], f"leaf{leaf}"),))
                    for leaf in range(1, self.leaves + 1)]
        if not device.startswith("leaf"):
            peer, address = next(iter(ports.items()))
            return [Route("0.0.0.0/0" if self.family == 4 else "::/0", ((address, peer),))]
        uplinks = [(ports[spine], spine) for spine in self.spine_names]
        if shuffle_hops:
            random.Random(self.hash_seed(device)).shuffle(uplinks)
        remote = [Route(self._prefix(HOST_NET, leaf), tuple(uplinks))
                  for leaf in range(1, self.leaves + 1) if f"leaf{leaf}" != device]
        return remote + [Route(self._prefix(SPINE_NET, spine), ((ports[f"spine{spine}"], f"spine{spine}"),))
                         for spine in range(1, self.spines + 1)]

    def fabric_links(self):
        """The directed links between leaves and spines: what a single fault can be pinned to."""
        links = [DirectedLink(c.lower, c.upper) for c in self.cables if c.upper.startswith("spine")]
        return links + [link.reverse for link in links]

    def seeded_link(self):
        """The link a run takes when none is named. Consecutive seeds take different links until all were used."""
        links = self.fabric_links()
        random.Random("faultline lab links").shuffle(links)
        return links[self.seed % len(links)]

    def parse_link(self, text):
        """"leaf2:spine3" (or "leaf2>spine3") is the direction from leaf2 to spine3."""
        parts = re.split("[:>]", text)
        if len(parts) == 2:
            for cable in self.cables:
                if set(parts) == {cable.upper, cable.lower}:
                    return DirectedLink(*parts)
        raise LabError(f"--link {text!r} names no cable of this fabric; write it as leaf2:spine3")

    def cable_of(self, link):
        return next(c for c in self.cables if {c.upper, c.lower} == {link.source, link.target})

    def inventory(self):
        """topology.yaml: what an operator would export from an inventory system, for the controller."""
        lines = [f"# Written by the lab for fabric {self.name!r}: every switch with its interfaces.", "devices:"]
        for router in self.routers:
            tier = "spine" if router in self.spine_names else "leaf"
            lines += [f"  - name: {router}", "    kind: switch", f"    tier: {tier}", "    interfaces:"]
            for peer, own, _ in self.interfaces(router):
                cabled = f", peer: {peer}/{router}" if peer in self.routers else ""
                lines.append(f"      - {{name: {peer}, address: '{own}'{cabled}}}")
        return "\n".join(lines) + "\n"
