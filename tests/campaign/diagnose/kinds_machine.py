"""Kinds: how VMs are connected (unreachable by design), overlays, probers in trouble, IPv6's own; and pairs in health."""
from case import OTHERS_STAND_ON, Case, neighbors, pair
from kinds_filter import nft, nft_gone

STARVED_CODES = ("prober_overloaded", "cpu_throttled", "not_the_network")
BY_DESIGN = ("unreachable_by_design",)


def _host(premises, rng, *but):
    return rng.choice([m for m in premises.machines.values() if not m.mode and m.name not in but])


def nat_by_design(premises, rng):
    """Nobody starts a conversation with a VM behind NAT."""
    return Case(_host(premises, rng, "h2").name, "vm2", BY_DESIGN, "vm2 is behind h2's NAT")


def isolated_by_design(premises, rng):
    a, b = rng.sample([_host(premises, rng, "h4").name, "vm3"], 2)
    return Case(a, b, BY_DESIGN, "vm3's network ends at h4")


def macvlan_by_design(premises, rng):
    a, b = rng.sample(rng.choice((["h3", "vm4"], ["h6", "vm7"])), 2)
    return Case(a, b, BY_DESIGN, "a macvlan or macvtap and its own host do not hear each other")


def overlay_by_design(premises, rng):
    a, b = rng.sample([_host(premises, rng).name, rng.choice(("vm5", "vm6"))], 2)
    return Case(a, b, BY_DESIGN, "an overlay without a gateway")


def vxlan_mtu(premises, rng):
    """VMs that send what VXLAN's 50 bytes no longer fit: they have the usual MTU, or the underlay's was lowered under them."""
    a, b = rng.sample(["vm5", "vm6"], 2)
    if rng.random() < 0.5:
        breaks = [("h1", "ip link set vnet5 mtu 1500"), ("h5", "ip link set vnet6 mtu 1500")]
        breaks += [(vm, "ip link set eth0 mtu 1500") for vm in (a, b)]
        return Case(a, b, ("vxlan_mtu", "mtu_mismatch"), "the VMs of the overlay have MTU 1500, the overlay 1450", breaks, [],
                    ("h1", "h5", "vm5", "vm6"))
    mtu = rng.choice((1400, 1450, 1480))
    return Case(a, b, ("vxlan_mtu",), f"the overlay's underlay has MTU {mtu}, the overlay 1450",
                [("h1", f"ip link set br0 mtu {mtu} && ip link set eth0 mtu {mtu}"), ("h5", f"ip link set eth0 mtu {mtu}")], [],
                ("h1", "h5"))


def vxlan_mismatch(premises, rng):
    a, b = rng.sample(["vm5", "vm6"], 2)
    host = rng.choice(("h1", "h5"))
    make = "ip link del vx0; ip {line}; ip link set vx0 master ov0 mtu 1450 up"
    other = premises.overlay_link(host, vni=rng.randrange(43, 99))
    if rng.random() < 0.5:
        other = premises.overlay_link(host).replace("4789", "8472")
    return Case(a, b, ("vxlan_mismatch",), f"{host}'s end of the overlay: {other}", [(host, make.format(line=other))],
                [(host, make.format(line=premises.overlay_link(host)))], (host,))


def prober_starved(premises, rng):
    a, b = pair(premises, rng)
    return Case(a.name, b.name, STARVED_CODES, f"{a.name}'s probe gets a hundredth of a processor", starved=(a.name,), settle=15)


def prober_down(premises, rng):
    a, b = pair(premises, rng)
    return Case(a.name, b.name, ("probe_silent", "probe_down"), f"{b.name}'s probe stands still", paused=(b.name,), settle=15)


def ra_missing(premises, rng):
    """Router advertisements do not reach B any more, and it has forgotten the earlier ones."""
    a, b = neighbors(premises, rng, plain=True)
    flush = f"ip -6 address flush dev {b.port} scope global; ip -6 route flush dev {b.port} proto ra"
    return Case(a.name, b.name, ("ra_missing",), f"{b.name} takes no router advertisements",
                [(b.name, f"sysctl -qw net.ipv6.conf.{b.port}.accept_ra=0; {flush}")],
                [(b.name, f"sysctl -qw net.ipv6.conf.{b.port}.accept_ra=1")], fires=("ra_missing",))


def rogue_ra(premises, rng):
    a, third = neighbors(premises, rng, plain=True)
    b = rng.choice([m for m in premises.members(a.lan) if m not in (a, third)])
    return Case(a.name, b.name, ("rogue_ra",), f"{third.name} advertises itself as an IPv6 router", fires=("rogue_ra",),
                helpers=[(third.name, ("router_advert.py", f"{third.port}=fd66::"))], settle=5,
                mends=[(m.name, f"ip -6 route flush dev {m.port} proto ra; ip -6 address flush dev {m.port} to fd66::/64")
                       for m in premises.members(a.lan)])


def dad_failed(premises, rng):
    """The same IPv6 address at two machines: the second one's fails its check, unless that is lost: then both keep it."""
    b, third = neighbors(premises, rng)
    a = rng.choice([m for m in premises.members(b.lan) if m not in (b, third) and not premises.deaf(m, b)])
    address = f"fd50:{b.lan[-1]}::{rng.randrange(0x1000, 0xffff):x}/64"
    return Case(a.name, b.name, ("dad_failed", "duplicate_address"), f"{b.name} adds {third.name}'s {address}",
                [(third.name, f"ip address add {address} dev {third.port} nodad"), (b.name, f"ip address add {address} dev {b.port}")],
                [(m.name, f"ip address del {address} dev {m.port}") for m in (b, third)],
                fires=("dad_failed", "vip_held_twice"))


def healthy(premises, rng):
    """Nothing is broken between the two. In some cases there is between others."""
    variant = rng.randrange(5)
    if variant == 0:
        a, b = rng.sample([premises.machines["vm5"], premises.machines["vm6"]], 2)
        return Case(a.name, b.name, ("healthy",), "nothing")
    a, b = pair(premises, rng)
    if variant == 1:
        port = rng.randrange(2000, 7000)
        return Case(a.name, b.name, ("healthy",), f"nothing; {b.name} listens on {port}",
                    helpers=[(b.name, ("listener.py", b.address, str(port)))], arguments=("--port", str(port)))
    others = [m for m in premises.machines.values() if m.lan and m not in (a, b) and m.name not in OTHERS_STAND_ON]
    third = rng.choice(others)
    if variant == 2:
        return Case(a.name, b.name, ("healthy",), f"only {third.name} has no default route", [(third.name, "ip route del default")], [],
                    (third.name,))
    if variant == 3:
        return Case(a.name, b.name, ("healthy",), f"only {third.name} drops what is for it",
                    [(third.name, nft("type filter hook input priority 0", "udp dport 862 drop"))], [(third.name, nft_gone())])
    return Case(a.name, b.name, ("healthy",), "nothing")


KINDS = (nat_by_design, isolated_by_design, macvlan_by_design, overlay_by_design, vxlan_mtu, vxlan_mismatch, prober_starved,
         prober_down, ra_missing, rogue_ra, dad_failed, healthy)
