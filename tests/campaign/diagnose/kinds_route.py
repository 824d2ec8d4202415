"""Kinds of fault: routes, gateways, the reverse-path filter."""
from case import Case, across, pair, router_of

DEAD_GATEWAY = ("gateway_dead", "gateway_unresolved", "next_hop_dead")
LANS = {"lan1": "10.50.1.0/24", "lan2": "10.50.2.0/24"}


def gateway_missing(premises, rng):
    a, b = across(premises, rng)
    return Case(a.name, b.name, ("gateway_missing", "missing_return_route", "no_route"), f"{b.name} has no default route",
                [(b.name, "ip route del default")], [], (b.name,))


def missing_return_route(premises, rng):
    """B has routes, only not to where A is."""
    a, b = across(premises, rng)
    wanted = [f"ip route replace 10.5{i}.0.0/16 via {b.gateway}" for i in rng.sample(range(1, 10), 2)]
    return Case(a.name, b.name, ("missing_return_route", "gateway_missing", "no_route"), f"{b.name} has routes, and none to {a.name}",
                [(b.name, " && ".join(["ip route del default", *wanted]))],
                [(b.name, " && ".join(line.replace("replace", "del") for line in wanted))], (b.name,))


def router_lacks_return(premises, rng):
    a, b = across(premises, rng)
    return Case(a.name, b.name, ("missing_return_route", "path_breaks", "one_way"), f"{router_of(b)} has no route back to {a.lan}",
                [(router_of(b), f"ip route del {LANS[a.lan]}")], [], (router_of(b),))


def route_rejects(premises, rng):
    a, b = pair(premises, rng)
    kind, length = rng.choice(("unreachable", "blackhole", "prohibit")), rng.choice((32, 28))
    base = f"{b.address.rsplit('.', 1)[0]}.{int(b.address.rsplit('.', 1)[1]) // 16 * 16}"
    prefix = f"{b.address}/32" if length == 32 else f"{base}/28"
    return Case(a.name, b.name, ("route_discards",), f"{a.name} has a route of type {kind} to {prefix}",
                [(a.name, f"ip route add {kind} {prefix}")], [(a.name, f"ip route del {kind} {prefix}")])


def wrong_gateway(premises, rng):
    """By a machine of the segment that forwards nothing."""
    a, b = across(premises, rng)
    other = rng.choice([m for m in premises.members(b.lan) if m is not b and m.name != "h2" and not premises.deaf(m, b)])
    return Case(a.name, b.name, ("wrong_gateway", "gateway_unusual", "forwarding_off"), f"{b.name}'s default route is by {other.name}",
                [(b.name, f"ip route replace default via {other.address}")], [], (b.name,))


def gateway_dead(premises, rng):
    a, b = across(premises, rng)
    if rng.random() < 0.5:
        return Case(a.name, b.name, DEAD_GATEWAY, f"{b.name}'s default route is by an address that nobody has",
                    [(b.name, f"ip route replace default via {b.address.rsplit('.', 1)[0]}.{rng.randrange(150, 250)}")], [],
                    (b.name,))
    return Case(a.name, b.name, DEAD_GATEWAY, f"the gateway {router_of(b)} of {b.name} is down",
                [(router_of(b), "ip link set lan down")], [], (router_of(b),))


def rp_filter(premises, rng):
    """The way back is by the out-of-band interface, and the filter is strict. Without the filter the detour works."""
    a, b = across(premises, rng)
    back = rng.choice((f"{a.address}/32", LANS[a.lan]))
    way = f"{back} via {premises.management_address(a.name)} dev m0"
    return Case(a.name, b.name, ("rp_filter_asymmetric",), f"{b.name} answers {back} by m0, with a strict reverse-path filter",
                [(b.name, f"ip route add {way} && sysctl -qw net.ipv4.conf.{b.port}.rp_filter=1")],
                [(b.name, f"sysctl -qw net.ipv4.conf.{b.port}.rp_filter=0; ip route del {way}")])


def policy_route(premises, rng):
    a, b = pair(premises, rng)
    return Case(a.name, b.name, ("policy_route", "route_discards"), f"a rule of {b.name} sends what leaves its address into a black hole",
                [(b.name, f"ip rule add from {b.address} lookup 77 priority 100 && ip route add blackhole default table 77")],
                [(b.name, f"ip rule del from {b.address} lookup 77 priority 100; ip route flush table 77")])


def route_captured(premises, rng):
    """A container bridge whose network holds A's address."""
    a, b = across(premises, rng)
    network = a.address.rsplit(".", 1)[0]
    address = rng.choice((f"{network}.1/24", f"{network}.129/16", f"{network}.254/20"))
    return Case(a.name, b.name, ("overlapping_subnets", "route_captured"), f"{b.name} has docker0 with {address}, where {a.name} is",
                [(b.name, f"ip link add name docker0 type bridge && ip address add {address} dev docker0 && "
                          "ip link add name veth9 type veth peer name veth8 && ip link set veth9 master docker0 && "
                          "ip link set veth9 up && ip link set veth8 up && ip link set docker0 up")],
                [(b.name, "ip link del docker0; ip link del veth9")])


def routing_loop(premises, rng):
    a, b = across(premises, rng)
    here, there = router_of(a), router_of(b)
    back = {"r1": "10.50.0.0", "r2": "10.50.0.1"}[here]
    prefix = rng.choice((f"{b.address}/32", f"{b.address.rsplit('.', 1)[0]}.0/27"))
    return Case(a.name, b.name, ("routing_loop",), f"{there} sends {prefix} back to {here}",
                [(there, f"ip route add {prefix} via {back}")], [(there, f"ip route del {prefix} via {back}")])


def forwarding_off(premises, rng):
    """The host of a VM behind NAT no longer forwards."""
    b = rng.choice([m for m in premises.machines.values() if not m.mode and m.name != "h2"])
    return Case("vm2", b.name, ("forwarding_off",), "h2, the gateway of vm2, forwards nothing",
                [("h2", "sysctl -qw net.ipv4.ip_forward=0")],
                [("h2", "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0")])


KINDS = (gateway_missing, missing_return_route, router_lacks_return, route_rejects, wrong_gateway, gateway_dead, rp_filter,
         policy_route, route_captured, routing_loop, forwarding_off)
