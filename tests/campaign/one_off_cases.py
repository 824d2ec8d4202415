"""The faults of MTU and path that one_off_campaign.py makes on tests/lab/chain.py, each with what `faultline-probe test` must say
of it. A case is drawn from its kind and seed alone, so that a row of figures can be repeated."""
import random
from dataclasses import dataclass

from chain import MTU, SPINES, address, addresses, end

HEALTHY = "healthy"
# Where packets from a to b leave a router: its nodes, and the next one's.
STAGES = {"r1": (("r1",), SPINES), "spines": (SPINES, ("r2",)), "r2": (("r2",), ("r3",)), "r3": (("r3",), ("b",))}
HOP = {"a": 0, "r1": 1, "spines": 2, "r2": 3, "r3": 4}
TARGET_HOP = 5
USUAL_MTUS = (1280, 1300, 1340, 1372, 1400, 1412, 1420, 1438, 1450, 1454, 1472, 1480)  # below 1280 a kernel gives IPv6 up
VLAN_TAG = 4  # a kernel receives as many octets more than its interface's MTU
HARMLESS = {"load-balancing"}  # what a trace of this chain may always remark
MTU_OPTIONS = ("--timeout", "300ms")
TRACE_OPTIONS = ("--rate", "1000")
TRACED_BEFORE_CHANGE = 20  # packets of several hundred, at the router that loses its part
TRACE_SECONDS_MAX = 30


@dataclass
class Case:
    family: int
    what: str
    arguments: tuple  # of `faultline-probe test`
    breaks: callable  # (Faults) -> None
    expected: str
    judge: callable  # report -> bool
    during: callable = None  # while the test runs: (Faults) -> None


def stage_links(stage):
    return [(left, right) for left in STAGES[stage][0] for right in STAGES[stage][1]]


def stage_addresses(stage, family):
    return set().union(*(addresses(node, family) for node in STAGES[stage][0]))


def link_between(left, right):
    """The link's name is its left end's and its right end's, from a to b."""
    order = ("a", "r1", *SPINES, "r2", "r3", "b")
    return (left, right) if order.index(left) < order.index(right) else (right, left)


def next_hop(node, neighbor, family):
    return address(neighbor, *link_between(node, neighbor), family)


def host_routes(faults, stage, family, octets):
    """The stage's routers pass on only so much to b, though their interfaces take more."""
    for node in STAGES[stage][0]:
        hops = sum((["nexthop", "via", next_hop(node, neighbor, family)] for neighbor in STAGES[stage][1]), [])
        if stage == "r3":
            hops = ["dev", "b"]
        faults.route(node, end("b", family), "mtu", str(octets), *hops, family=family)


def return_routes(faults, family, octets):
    for spine in SPINES:
        faults.route(spine, end("a", family), "via", next_hop(spine, "r1", family), "mtu", str(octets), family=family)


def drawn_mtu(rng):
    return rng.choice((rng.choice(USUAL_MTUS), rng.randint(1281, 1490)))


def mtu_test(family, method, *more):
    return ("mtu", end("b", family), "--method", method, *MTU_OPTIONS, *more)


def trace_test(family, flows, *more):
    return ("trace", end("b", family), "--flows", str(flows), *TRACE_OPTIONS, *more)


# ---- what is right

def told(stage, family, octets):
    def judge(report):
        return (report["verdict"], report["mtu"]) == ("low-mtu", octets) and report["told_by"] in stage_addresses(stage, family)
    return f"low-mtu {octets} by {stage}", judge


def ttl_of(hop):
    return hop["ttl"] if hop else None


def hole(last, missed, octets, tagged=False, verdict="black-hole"):
    """`last` and `missed` are hops; 0 is this machine, TARGET_HOP the target."""
    allowed = (octets, octets + VLAN_TAG) if tagged else (octets,)
    expected = (last or None, None if missed == TARGET_HOP else missed)

    def judge(report):
        found = (ttl_of(report["last_reached"]), ttl_of(report["first_missed"]))
        return report["verdict"] == verdict and report["mtu"] in allowed and found == expected
    return f"{verdict} {octets} between hops {last} and {missed}", judge


def mtu_verdict(verdict, octets):
    return f"{verdict} {octets}", lambda report: (report["verdict"], report["mtu"]) == (verdict, octets)


def remarks(report):
    return {remark["kind"] for remark in report["remarks"]}


def traced(verdict, *kinds, harmless=HARMLESS, also=lambda report: True):
    """The verdict with these remarks and no others but harmless ones."""
    def judge(report):
        return report["verdict"] == verdict and remarks(report) - harmless == set(kinds) and also(report)
    return " ".join((verdict, *kinds)), judge


def ended(how, by, hops=None):
    def judge(report):
        return all(path["ended"] == how and (by is None or path["ended_by"] in by) and hops in (None, len(path["hops"]))
                   for path in report["paths"])
    return judge


# ---- MTU

def swallow_too_big(rng, faults, stage, family):
    where = rng.choice(("own", "a") if stage == "r1" else ("own", "r1", "a"))
    if where == "own":
        for node in STAGES[stage][0]:
            faults.no_too_big(node, family)
    else:
        faults.no_too_big(where, family, chain="INPUT" if where == "a" else "FORWARD")


def lose(rng, faults, family, share):
    """At random, towards b or back."""
    faults.filter("r3", rng.choice(("-d", "-s")), end("b", family), "-m", "statistic", "--mode", "random", "--probability", str(share),
                  family=family)


def low_mtu(rng, filtered, loss, by_route):
    family, stage, octets = rng.choice((4, 6)), rng.choice(tuple(STAGES)), drawn_mtu(rng)
    method = "stamp" if by_route else rng.choice(("icmp", "stamp"))
    share = rng.choice((0.01, 0.02, 0.03)) if loss else 0

    def breaks(faults):
        if by_route:
            host_routes(faults, stage, family, octets)
        else:
            for left, right in stage_links(stage):
                faults.mtu(left, right, octets, both=stage != "r3")
        if filtered:
            swallow_too_big(rng, faults, stage, family)
        if loss:
            lose(rng, faults, family, share)
    right = hole(HOP[stage], HOP[stage] + 1, octets) if filtered else told(stage, family, octets)
    what = f"{octets} octets after {stage}{', not told' if filtered else ''}{f', {share:.0%} lost' if loss else ''}"
    return Case(family, what, mtu_test(family, method), breaks, *right)


def return_only(rng):
    family, octets = rng.choice((4, 6)), drawn_mtu(rng)
    return Case(family, f"{octets} octets on the way back only", mtu_test(family, "stamp"),
                lambda faults: return_routes(faults, family, octets), *mtu_verdict("ok", MTU))


def two_limits(rng):
    family, method = rng.choice((4, 6)), rng.choice(("icmp", "stamp"))
    first, second = sorted(rng.sample(tuple(STAGES), 2), key=lambda stage: HOP[stage])
    low = rng.randint(1281, 1400)
    high = rng.randint(low + 10, 1490)

    def breaks(faults):
        for stage, octets in ((first, high), (second, low)):
            for left, right in stage_links(stage):
                faults.mtu(left, right, octets, both=stage != "r3")
        for node in STAGES[second][0]:
            faults.no_too_big(node, family)
    return Case(family, f"{high} octets after {first}, told; {low} after {second}, not told", mtu_test(family, method), breaks,
                *hole(HOP[second], HOP[second] + 1, low))


def silent_hole(rng):
    family, method, stage, octets = rng.choice((4, 6)), rng.choice(("icmp", "stamp")), rng.choice(("r1", "spines", "r2")), drawn_mtu(rng)

    def breaks(faults):
        for left, right in stage_links(stage):
            faults.mtu(left, right, octets)
        for node in STAGES[stage][0]:
            faults.no_too_big(node, family)
            faults.no_time_exceeded(node, family)
    return Case(family, f"{octets} octets after {stage}, which says nothing at all", mtu_test(family, method), breaks,
                *hole(HOP[stage] - 1, HOP[stage] + 1, octets))


def segment_mismatch(rng):
    """A router's neighbor receives less than it is sent."""
    family, method, octets = rng.choice((4, 6)), rng.choice(("icmp", "stamp")), drawn_mtu(rng)
    stage = rng.choice(("a", *STAGES))
    links = [("a", "r1")] if stage == "a" else stage_links(stage)

    def breaks(faults):
        for left, right in links:
            faults.mtu(right, left, octets, both=False)
    return Case(family, f"what is behind {stage} receives {octets} octets", mtu_test(family, method), breaks,
                *hole(HOP[stage], HOP[stage] + 1, octets, tagged=True))


def interface_mismatch(rng):
    family, method, octets = rng.choice((4, 6)), rng.choice(("icmp", "stamp")), drawn_mtu(rng)
    return Case(family, f"the target's interface takes {octets} octets, its router's {MTU}",
                mtu_test(family, method, "--far-mtu", str(octets)), lambda faults: faults.mtu("b", "r3", octets, both=False),
                *hole(HOP["r3"], TARGET_HOP, octets, tagged=True, verdict="interface-mismatch"))


def poisoned(rng, low):
    """The kernel believes in a smaller MTU than there is: configured, or once told."""
    family, method, octets = rng.choice((4, 6)), rng.choice(("icmp", "stamp")), rng.randint(1420, 1490)
    target, believed, learned = end("b", family), rng.randint(1281, 1400), rng.random() < 0.5

    def breaks(faults):
        if learned:
            faults.learn_mtu(target, believed)
        else:
            faults.route("a", target, "via", next_hop("a", "r1", family), "mtu", str(believed), family=family)
        if low:
            faults.mtu("r2", "r3", octets)
    right = told("r2", family, octets) if low else mtu_verdict("ok", MTU)
    what = f"the kernel {'was told' if learned else 'is configured'} {believed} octets" + (f", it is {octets} after r2" if low else "")
    return Case(family, what, mtu_test(family, method), breaks, *right)


def plain_loss(rng):
    family, method, every = rng.choice((4, 6)), rng.choice(("icmp", "stamp")), rng.choice((3, 4, 5, 6))
    way, node = rng.choice(("-d", "-s")), rng.choice(("r1", "r2", "r3"))
    rule = (way, end("b", family), "-m", "statistic", "--mode", "nth", "--every", str(every), "--packet", str(rng.randrange(every)))
    return Case(family, f"one packet in {every} is lost at {node} ({way})", mtu_test(family, method),
                lambda faults: faults.filter(node, *rule, family=family), *mtu_verdict("loss", MTU))


def filtered_target(rng):
    family, node, says = rng.choice((4, 6)), rng.choice(("r2", "r3")), rng.random() < 0.5
    rejected = ("-j", "REJECT", "--reject-with", "icmp-admin-prohibited" if family == 4 else "icmp6-adm-prohibited")
    echo = ("-p", "icmp", "--icmp-type", "echo-request") if family == 4 else ("-p", "icmpv6", "--icmpv6-type", "echo-request")
    return Case(family, f"{node} {'refuses' if says else 'swallows'} echo requests", mtu_test(family, "icmp"),
                lambda faults: faults.filter(node, *echo, family=family, target=rejected if says else ("-j", "DROP")),
                "unreachable", lambda report: report["verdict"] == "unreachable")


# ---- paths

def loop(rng):
    family, near, far = rng.choice((4, 6)), *rng.choice((("r2", "r3"), ("r1", "spines")))
    nodes = SPINES if far == "spines" else (far,)

    def breaks(faults):
        for node in nodes:
            faults.route(node, end("b", family), "via", next_hop(node, near, family), family=family)
    by = addresses(near, family).union(*(addresses(node, family) for node in nodes))
    return Case(family, f"{far} sends back to {near}", trace_test(family, rng.choice((1, 4))), breaks,
                *traced("loop", "loop", also=ended("loop", by)))


def silent_hop(rng):
    family, stage = rng.choice((4, 6)), rng.choice(tuple(STAGES))

    def breaks(faults):
        for node in STAGES[stage][0]:
            faults.no_time_exceeded(node, family)

    def also(report):
        return all(hop["address"] is None for path in report["paths"] for hop in path["hops"] if hop["ttl"] == HOP[stage])
    return Case(family, f"{stage} says nothing", trace_test(family, rng.choice((1, 4, 16))), breaks,
                *traced("reached", "silent-hop", also=also))


def filtered_icmp(rng):
    family, node = rng.choice((4, 6)), rng.choice(("a", "r1"))
    return Case(family, f"{node} lets no \"time exceeded\" through", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.no_time_exceeded(node, family, chain="INPUT" if node == "a" else "FORWARD"),
                *traced("reached", "silent-hop"))


def limited_hop(rng):
    family, node = rng.choice((4, 6)), rng.choice(("r1", "r2", "r3"))
    key = "net.ipv4.icmp_ratelimit" if family == 4 else "net.ipv6.icmp.ratelimit"
    by = addresses(node, family)

    def also(report):
        return all(any(name in remark["text"] for name in by) for remark in report["remarks"] if remark["kind"] == "rate-limited-icmp")
    return Case(family, f"{node} limits its ICMP", trace_test(family, 4, "-c", "10"), lambda faults: faults.sysctl(node, key, 1000),
                *traced("reached", "rate-limited-icmp", also=also))


def nat(rng):
    family, node, neighbor = rng.choice((4, 6)), *rng.choice((("r2", "r3"), ("r3", "b")))
    outside = address(node, node, neighbor, family)
    to = rng.choice((outside, f"{outside}:50000-50999" if family == 4 else f"[{outside}]:50000-50999"))
    return Case(family, f"{node} translates to {to}", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.filter(node, "-p", "udp", "-d", end("b", family), family=family, table="nat", chain="POSTROUTING",
                                             target=("-j", "SNAT", "--to-source", to)),
                *traced("reached", "nat"))


def rewritten_ttl(rng):
    family, node, ttl = rng.choice((4, 6)), rng.choice(("r1", "r2", "r3")), str(rng.choice((32, 64, 128)))
    target = ("-j", "TTL", "--ttl-set", ttl) if family == 4 else ("-j", "HL", "--hl-set", ttl)
    return Case(family, f"{node} sets the TTL to {ttl}", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.filter(node, "-p", "udp", "-d", end("b", family), family=family, table="mangle", chain="PREROUTING",
                                             target=target),
                *traced("reached", "ttl-tampering"))


def path_loss(rng):
    family, spine, share = rng.choice((4, 6)), rng.choice(SPINES), rng.choice((0.3, 0.5))

    def also(report):
        lossy = {path["hops"][1]["address"] for path in report["paths"] if path["loss_ratio"] and len(path["hops"]) > 1}
        return lossy == {address(spine, "r1", spine, family)}
    return Case(family, f"{spine} loses {share:.0%}", trace_test(family, 32, "-c", "8"),
                lambda faults: faults.filter(spine, "-d", end("b", family), "-m", "statistic", "--mode", "random", "--probability",
                                             str(share), family=family),
                *traced("lossy", also=also))


def route_change(rng):
    family, (before, after) = rng.choice((4, 6)), rng.sample(SPINES, 2)
    target, under_way = end("b", family), []

    def breaks(faults):
        faults.route("r1", target, "via", next_hop("r1", before, family), family=family)
        under_way.append(faults.passing(before, target))

    def during(faults):
        under_way.pop().wait(TRACED_BEFORE_CHANGE, TRACE_SECONDS_MAX)
        faults.reroute("r1", target, "via", next_hop("r1", after, family), family=family)
    return Case(family, f"r1 changes from {before} to {after}", ("trace", target, "--flows", "2", "-c", "40", "--rate", "100"),
                breaks, *traced("reached", "route-change", harmless=set()), during=during)


def no_route(rng):
    family, node = rng.choice((4, 6)), rng.choice(("r1", "r2", "r3"))
    words = ("ip", f"-{family}", "route")
    return Case(family, f"{node} has no route", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.make(node, *words, "add", "unreachable", end("b", family),
                                           undo=(*words, "del", "unreachable", end("b", family))),
                *traced("not-reached", also=ended("unreachable", addresses(node, family))))


def rejected(rng):
    family, node = rng.choice((4, 6)), rng.choice(("r1", "r2", "r3"))
    with_ = "icmp-admin-prohibited" if family == 4 else "icmp6-adm-prohibited"
    return Case(family, f"{node} refuses UDP", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.filter(node, "-p", "udp", "-d", end("b", family), family=family,
                                             target=("-j", "REJECT", "--reject-with", with_)),
                *traced("not-reached", also=ended("unreachable", addresses(node, family), HOP[node])))


def swallowed(rng):
    family, node = rng.choice((4, 6)), rng.choice(("r1", "r2", "r3"))
    return Case(family, f"{node} swallows UDP", trace_test(family, rng.choice((1, 4))),
                lambda faults: faults.filter(node, "-p", "udp", "-d", end("b", family), family=family),
                *traced("not-reached", also=ended("silent", None, HOP[node])))


def healthy(rng):
    family, kind = rng.choice((4, 6)), rng.choice(("icmp", "stamp", "small", "trace", "trace"))
    if kind == "trace":
        flows = rng.choice((1, 4, 16, 64))
        return Case(family, f"{flows} flows", trace_test(family, flows), lambda faults: None, *traced("reached"))
    octets = drawn_mtu(rng) if kind == "small" else MTU
    method = kind if kind != "small" else rng.choice(("icmp", "stamp"))

    def breaks(faults):
        if octets != MTU:
            faults.mtu("a", "r1", octets)
    return Case(family, f"a's interface takes {octets} octets", mtu_test(family, method), breaks, *mtu_verdict("ok", octets))


KINDS = {  # kind: how many of the 200, and how it is drawn
    "mtu-told": (16, lambda rng: low_mtu(rng, False, False, False)),
    "mtu-hole": (16, lambda rng: low_mtu(rng, True, False, False)),
    "mtu-told-loss": (8, lambda rng: low_mtu(rng, False, True, False)),
    "mtu-hole-loss": (8, lambda rng: low_mtu(rng, True, True, False)),
    "mtu-forward-told": (8, lambda rng: low_mtu(rng, False, False, True)),
    "mtu-forward-hole": (8, lambda rng: low_mtu(rng, True, False, True)),
    "mtu-return-only": (8, return_only), "mtu-two-limits": (8, two_limits), "mtu-silent-hole": (8, silent_hole),
    "segment-mismatch": (10, segment_mismatch), "interface-mismatch": (10, interface_mismatch),
    "poisoned": (8, lambda rng: poisoned(rng, False)), "poisoned-low": (8, lambda rng: poisoned(rng, True)),
    "plain-loss": (10, plain_loss), "filtered-target": (6, filtered_target),
    "loop": (6, loop), "silent-hop": (6, silent_hop), "filtered-icmp": (6, filtered_icmp), "limited-hop": (6, limited_hop),
    "nat": (6, nat), "rewritten-ttl": (6, rewritten_ttl), "path-loss": (6, path_loss), "route-change": (6, route_change),
    "no-route": (4, no_route), "rejected": (4, rejected), "swallowed": (4, swallowed), HEALTHY: (50, healthy)}


def draw(kind, seed):
    return KINDS[kind][1](random.Random(f"{kind}-{seed}"))
