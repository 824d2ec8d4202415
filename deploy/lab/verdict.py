"""Whether the product named the fault that the lab injected. Pure."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Component:
    kind: str
    id: str

    def __str__(self):
        return f"{self.kind} {self.id}"


def expected_component(fault):
    """What must be named first: the link in its direction, a cut cable as the cable, a bad device as the device."""
    if fault.kind in ("loss", "blackhole", "mtu", "latency", "congestion"):
        return Component("link", fault.link)
    if fault.kind == "down":
        return Component("cable", "=".join(sorted(fault.link.split(">"))))
    if fault.kind == "device":
        return Component("device", fault.device)
    return None


def suspects_of(localize):
    """The suspects of a faultline.localize/1 document, in its order."""
    return [Component(s["kind"], s["id"]) for s in localize["suspects"]]


def judge(fault, suspects):
    """(right, one sentence)."""
    expected = expected_component(fault)
    if expected is None:
        if suspects:
            return False, f"nothing was broken, but {', '.join(map(str, suspects))} was accused"
        return True, "nothing was broken and nothing is accused"
    if not suspects:
        return False, f"{expected} is at fault, but nothing is accused"
    if suspects[0] != expected:
        return False, f"{expected} is at fault, but {suspects[0]} is named first"
    return True, f"{expected} is at fault and is named first"


def false_suspects(fault, suspects):
    expected = expected_component(fault)
    return [s for s in suspects if s != expected]
