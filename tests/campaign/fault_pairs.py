"""Pairs of simultaneous faults: which are drawn for a seed, when two are distinguishable, who of them was named. Pure.

The footprint of a fault is the set of directed links that it breaks: one link, both directions of a cable, every link
of a device. A flow takes one path, so two faults meet on a flow when its path crosses both footprints.

Two faults are distinguishable when
  1. they break different cables, except that two devices may share the one between them: loss in both directions of a
     cable is the cable's fault, and loss on a bad device's link adds nothing to the device;
  2. of the paths that cross either, at least FREE_SHARE do not cross the other: what is left to accuse a fault is not all
     behind the other one, which may be a cut cable that lets nothing pass.
Distinguishable is not easy: two links of one spine are, though the spine explains both.
"""
import itertools
import math
import random

from faults import Fault
from topology import DirectedLink
from verdict import expected_component

LOSS_MIN, LOSS_MAX = 0.01, 0.05  # drawn with equal chance per factor
DELAY_MS_MIN, DELAY_MS_MAX = 3, 10  # likewise; the lab's own scatter on a busy machine is a millisecond or two
FREE_SHARE = 1 / 3
DRAWS_MAX = 1000


def pairs_of_kinds(kinds):
    """Every unordered pair, also of one kind twice."""
    return list(itertools.combinations_with_replacement(kinds, 2))


def fabric_paths(fabric):
    """The set of directed links of each path that a flow between two hosts may take; one host per leaf stands for all of
    its rack, and two where they talk to each other."""
    paths = []
    for source, target in itertools.permutations(fabric.host_names, 2):
        up, down = fabric.leaf_of(source), fabric.leaf_of(target)
        middles = [[up]] if up == down else [[up, spine, down] for spine in fabric.spine_names]
        paths += [frozenset(map(DirectedLink, hops, hops[1:])) for middle in middles for hops in [[source, *middle, target]]]
    return paths


def footprint(fabric, fault):
    if fault.kind == "device":
        links = [fabric.parse_link(f"{fault.device}:{peer}") for peer, _, _ in fabric.interfaces(fault.device)]
        return frozenset(links + [link.reverse for link in links])
    link = fabric.parse_link(fault.link)
    return frozenset([link, link.reverse] if fault.kind == "down" else [link])


def distinguishable(fabric, first, second, paths=None):
    """`paths` of fabric_paths(), when many pairs are asked for."""
    one, two = footprint(fabric, first), footprint(fabric, second)
    if {first.kind, second.kind} != {"device"} and (one | {link.reverse for link in one}) & two:
        return False
    paths = fabric_paths(fabric) if paths is None else paths
    crossing = [(bool(path & one), bool(path & two)) for path in paths]
    both = crossing.count((True, True))
    return all(both <= (1 - FREE_SHARE) * sum(flags[i] for flags in crossing) and any(flags[i] for flags in crossing)
               for i in (0, 1))


def draw_fault(fabric, kind, rng):
    size = rng.random()
    loss = round(_between(LOSS_MIN, LOSS_MAX, size), 4)
    if kind == "device":
        return Fault(kind, device=rng.choice(fabric.routers), loss=loss)
    return Fault(kind, link=str(rng.choice(fabric.fabric_links())), loss=loss if kind == "loss" else 0.0,
                 delay_ms=round(_between(DELAY_MS_MIN, DELAY_MS_MAX, size), 1) if kind == "latency" else 0.0)


def _between(least, most, share):
    return least * math.exp(share * math.log(most / least))


def draw_pair(fabric, kinds, seed):
    """Two distinguishable faults. Consecutive seeds take the pairs of kinds in turn, so that a run has as many of each."""
    pairs = pairs_of_kinds(kinds)
    rng = random.Random(f"two faults {seed}")
    paths = fabric_paths(fabric)
    for _ in range(DRAWS_MAX):
        first, second = (draw_fault(fabric, kind, rng) for kind in pairs[seed % len(pairs)])
        if distinguishable(fabric, first, second, paths):
            return first, second
    raise ValueError(f"this fabric has no two distinguishable faults of the kinds {' and '.join(pairs[seed % len(pairs)])}")


def group_of(suspect):
    """The ids that a suspect of a faultline.localize/1 document, or an incident, stands for."""
    return {suspect["id"], *suspect.get("ambiguous_with", ())}


def named(fault, suspects):
    """Whether the fault is a suspect or in a suspect's ambiguity group."""
    return any(expected_component(fault).id in group_of(suspect) for suspect in suspects)


def strangers(fabric, faults, suspects):
    """(ids of wrong suspects, ids of parts) among the suspects whose groups hold neither fault. A part lies wholly inside
    a fault: a link of a bad device or of a cut cable. It is too small a name for the right place; all else is wrong."""
    expected = {expected_component(fault).id for fault in faults}
    parts = {name for fault in faults for name in parts_of(fabric, fault)}
    ids = [s["id"] for s in suspects if not group_of(s) & expected]
    return sorted(i for i in ids if i not in parts), sorted(i for i in ids if i in parts)


def parts_of(fabric, fault):
    links = footprint(fabric, fault)
    return {str(link) for link in links} | {"=".join(sorted((link.source, link.target))) for link in links if link.reverse in links}


def summary(rows):
    """Cells of one line per pair of kinds, and of all."""
    by_pair = {}
    for row in rows:
        by_pair.setdefault(row["pair"], []).append(row)
    return [tally(pair, some) for pair, some in sorted(by_pair.items())] + [tally("all", rows)]


def tally(name, rows):
    counts = [sum(sum(row["named"]) == n for row in rows) for n in (2, 1, 0)]
    windows = sorted(row["windows"] for row in rows if all(row["named"]))
    told = f"{windows[len(windows) // 2]} (at most {windows[-1]})" if windows else "-"
    strange = [sum(len(row[key]) for row in rows) for key in ("wrong", "parts", "wrong_paged", "parts_paged")]
    return [name, len(rows), *counts, sum(all(row["paged"]) for row in rows), *strange, told]


COLUMNS = ("pair", "seeds", "both", "one", "none", "both paged", "wrong suspects", "parts", "wrong pages", "parts paged",
           "windows to name both")


def markdown(rows):
    table = [COLUMNS, ["---"] * len(COLUMNS), *summary(rows)]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in table)
