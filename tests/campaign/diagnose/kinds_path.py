"""Kinds of fault on the way: MTU, loss, delay, congestion, some flows only."""
from case import Case, across, neighbors, switch_of
from kinds_filter import nft, nft_gone

LOSS = ("path_loss", "lossy", "lossy_there", "lossy_back")
DELAY = ("path_delay", "slow")
WINDOWS_SETTLE = 12.0  # seconds: some windows of measurements with the fault in them
TRANSIT = {"r1": "10.50.0.0", "r2": "10.50.0.1"}
OTHER = {"r1": "r2", "r2": "r1"}


def _low_mtu(rng):
    mtu = rng.choice((1280, 1300, 1400, 1450))
    return mtu, [(router, f"ip link set wan mtu {mtu}") for router in TRANSIT]


def mtu_black_hole(premises, rng):
    a, b = across(premises, rng)
    mtu, breaks = _low_mtu(rng)
    silent = nft("type filter hook output priority 0", "icmp type destination-unreachable icmp code frag-needed drop")
    return Case(a.name, b.name, ("mtu_black_hole", "path_mtu"), f"the link between the routers carries {mtu} bytes, and they do not say so",
                [*breaks, *((router, silent) for router in TRANSIT)], [(router, nft_gone()) for router in TRANSIT], ("r1", "r2"))


def mtu_low(premises, rng):
    a, b = across(premises, rng)
    mtu, breaks = _low_mtu(rng)
    return Case(a.name, b.name, ("mtu_low", "path_mtu"), f"the link between the routers carries {mtu} bytes, and they say so", breaks, [],
                ("r1", "r2"))


def loss(premises, rng):
    """Random, in one direction: between the routers, or on the cable of one machine."""
    percent = rng.choice((3, 5, 10, 20, 30))
    drop = f"numgen random mod 100 < {percent} drop"
    if rng.random() < 0.5:
        a, b = across(premises, rng)
        router = rng.choice(tuple(TRANSIT))
        return Case(a.name, b.name, LOSS, f"{percent} % of what {router} gets from the other router is lost",
                    [(router, nft("type filter hook prerouting priority -300", f'iifname "wan" {drop}'))], [(router, nft_gone())],
                    settle=WINDOWS_SETTLE)
    a, b = neighbors(premises, rng)
    while b.mode or a.host == b.name:
        a, b = neighbors(premises, rng)
    return Case(a.name, b.name, (*LOSS, "lossy_with_all"), f"{percent} % of what {b.name}'s switch gets from it is lost",
                [(switch_of(b), nft(f'type filter hook ingress device "{b.name}" priority 0', drop, family="netdev"))],
                [(switch_of(b), nft_gone("netdev"))], settle=WINDOWS_SETTLE)


def delay(premises, rng):
    a, b = across(premises, rng)
    router, milliseconds = rng.choice(tuple(TRANSIT)), rng.choice((15, 30, 60, 90))
    slow = ("slow_link.py", "--interface", "wan", "--tap", "slow", "--delay-ms", str(milliseconds), "--ready",
            f"/run/{premises.name}-slow.ready")
    return Case(a.name, b.name, DELAY, f"{router} gets each packet of the other router {milliseconds} ms late",
                mends=[(router, f"nft delete table ip faultline_slow; rm -f /run/{premises.name}-slow.ready")], helpers=[(router, slow)],
                settle=WINDOWS_SETTLE)


def congestion(premises, rng):
    """A port of 2 Mbit/s with a short queue, offered a little more in bursts; what fills it is thrown away behind it."""
    a, b = across(premises, rng)
    router = rng.choice(tuple(TRANSIT))
    cross = ("cross_traffic.py", "--target", TRANSIT[OTHER[router]], "--port", "9", "--packets-per-second", "290", "--seed",
             str(rng.random()))
    qdisc = ("tc qdisc replace dev wan root handle 1: tbf rate 2000000 burst 3000 latency 100ms && "
             "tc qdisc replace dev wan parent 1:1 handle 10: pfifo limit 20")
    return Case(a.name, b.name, ("path_congested", *LOSS, *DELAY), f"{router}'s port to the other router is congested",
                [(router, qdisc), (OTHER[router], nft("type filter hook prerouting priority -300", 'iifname "wan" udp dport 9 drop'))],
                [(router, "tc qdisc del dev wan root"), (OTHER[router], nft_gone())], helpers=[(router, cross)],
                settle=WINDOWS_SETTLE)


def partial_black_hole(premises, rng):
    """As a member of a bundle of links that takes packets and loses them: some 5-tuples, always the same."""
    a, b = across(premises, rng)
    router, buckets = rng.choice(tuple(TRANSIT)), rng.choice((2, 3, 4))
    match = (f"meta l4proto {{ tcp, udp }} jhash ip saddr . ip daddr . th sport . th dport mod {buckets} "
             f"seed {rng.randrange(1 << 32):#x} == 0 drop")
    return Case(a.name, b.name, ("flows_dead", "path_blackhole"), f"one of {buckets} flows that {router} gets from the other router vanishes",
                [(router, nft("type filter hook prerouting priority -300", f'iifname "wan" {match}'))], [(router, nft_gone())],
                settle=WINDOWS_SETTLE)


KINDS = (mtu_black_hole, mtu_low, loss, delay, congestion, partial_black_hole)
