"""One case of the catalogue: what is broken between which two machines, how it is mended, and what verdict is right.

Pure: a case is shell lines for devices; `bench.py` runs them. A kind is a function of the premises and a random generator, so
that a seed always gives the same case.
"""
from dataclasses import dataclass, field

from premises import ON_A_NIC

OTHERS_STAND_ON = ("h1", "h3", "h6")  # hosts whose NIC is a VM's, too


@dataclass
class Case:
    a: str
    b: str
    codes: tuple  # verdicts that are right; more than one where the evidence cannot decide
    what: str  # one sentence: what was done
    breaks: list = field(default_factory=list)  # (device, line of shell)
    mends: list = field(default_factory=list)
    touched: tuple = ()  # devices whose planned state is restored afterwards
    helpers: list = field(default_factory=list)  # (device, argv) of programs that run meanwhile
    paused: tuple = ()  # machines whose probe stands still
    starved: tuple = ()  # machines whose probe gets hardly any processor time
    lldp: dict = field(default_factory=dict)  # machine -> VLAN that its switch tells
    target: str = ""  # an address to diagnose instead of B
    arguments: tuple = ()  # of `faultline diagnose`
    settle: float = 12.0  # seconds from the fault to the question: four windows
    fires: tuple = ()  # codes of findings of which one is enough, for what does not stand between A and B


def across(premises, rng):
    """Two machines of different LANs."""
    lans = ["lan1", "lan2"]
    rng.shuffle(lans)
    return tuple(rng.choice(premises.members(lan)) for lan in lans)


def neighbors(premises, rng, count=2, plain=False):
    """Machines of one LAN that hear each other; plain: none that others stand on."""
    lan = rng.choice(["lan1", "lan2"])
    members = [m for m in premises.members(lan) if not plain or m.name not in OTHERS_STAND_ON]
    while True:
        chosen = rng.sample(members, count)
        if not premises.deaf(*chosen):
            return chosen


def pair(premises, rng):
    return across(premises, rng) if rng.random() < 0.5 else tuple(neighbors(premises, rng))


def on_nic_of(premises, machine):
    """The machine and the VMs whose NIC is part of its own: they get its lower MTU, and do not get the higher one back."""
    return machine.name, *(m.name for m in premises.machines.values() if m.host == machine.name and m.mode in ON_A_NIC)


def switch_of(machine):
    return "sw1" if machine.lan == "lan1" else "sw2"


def router_of(machine):
    return "r1" if machine.lan == "lan1" else "r2"


def free_address(machine, rng):
    """One of the machine's network that nobody has."""
    return machine.address.rsplit(".", 1)[0] + f".{rng.randrange(150, 250)}"
