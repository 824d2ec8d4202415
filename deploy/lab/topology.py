"""The shape of the lab fabric: names, addresses and routes of a leaf-spine network. Pure: no command is run here.

Every cable is a /31, the upper device (spine over leaf, leaf over host) has the even address:
  spine S - leaf L        10.0.S.2L   - 10.0.S.2L+1
  leaf L  - its host I    10.1.L.2I   - 10.1.L.2I+1      (I = 1..hosts)
  leaf 1  - controller    10.1.1.0    - 10.1.1.1         (in-band: it is a port of leaf1 like any host's)
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
    cables: tuple = field(init=False)

    def __post_init__(self):
        if not NAME_PATTERN.fullmatch(self.name):
            raise LabError(f"the lab's name {self.name!r} must be 1-12 lower-case letters and digits, a letter first")
        for what, value, least, most in (("spines", self.spines, 1, SPINES_MAX), ("leaves", self.leaves, 2, LEAVES_MAX),
                                         ("hosts", self.hosts, 1, HOSTS_PER_LEAF_MAX)):
            if not least <= value <= most:
                raise LabError(f"--{what} {value} is outside {least}..{most}")
        object.__setattr__(self, "cables", tuple(self._cables()))

    def _cables(self):
        for spine in range(1, self.spines + 1):
            for leaf in range(1, self.leaves + 1):
                yield Cable(f"spine{spine}", f"leaf{leaf}", f"10.0.{spine}.{2 * leaf}", f"10.0.{spine}.{2 * leaf + 1}")
        yield Cable("leaf1", CONTROLLER, "10.1.1.0", "10.1.1.1")
        for leaf in range(1, self.leaves + 1):
            for index in range(1, self.hosts + 1):
                yield Cable(f"leaf{leaf}", self.host_name(leaf, index),
                            f"10.1.{leaf}.{2 * index}", f"10.1.{leaf}.{2 * index + 1}")

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
            return [Route(f"10.1.{leaf}.0/24", ((ports[f"leaf{leaf}"], f"leaf{leaf}"),)) for leaf in range(1, self.leaves + 1)]
        if not device.startswith("leaf"):
            peer, address = next(iter(ports.items()))
            return [Route("default", ((address, peer),))]
        uplinks = [(ports[spine], spine) for spine in self.spine_names]
        if shuffle_hops:
            random.Random(self.hash_seed(device)).shuffle(uplinks)
        remote = [Route(f"10.1.{leaf}.0/24", tuple(uplinks)) for leaf in range(1, self.leaves + 1) if f"leaf{leaf}" != device]
        return remote + [Route(f"10.0.{spine}.0/24", ((ports[f"spine{spine}"], f"spine{spine}"),))
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
                lines.append(f"      - {{name: {peer}, address: {own}{cabled}}}")
        return "\n".join(lines) + "\n"
