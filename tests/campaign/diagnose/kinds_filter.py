"""Kinds of fault: firewalls, address translation, ports."""
from case import Case, across, pair, router_of

REFLECTOR_PORT = 862
FIREWALL = ("firewall_drops", "firewall_drops_probe", "firewall_may_drop")
TABLE = "catalogue"  # of every nftables rule of the catalogue


def nft(chain, *rules, family="ip"):
    """A line of shell that adds a base chain with rules."""
    body = " ".join(f"{rule};" for rule in rules)
    return f"nft 'table {family} {TABLE} {{ chain c {{ {chain}; {body} }}; }}'"


def nft_gone(family="ip"):
    return f"nft delete table {family} {TABLE}"


def firewall_input(premises, rng):
    """B's own firewall against A, against the port, or against everybody whom it does not know."""
    a, b = pair(premises, rng)
    variant = rng.randrange(5)
    rule = {0: f"-s {a.address} -p udp --dport {REFLECTOR_PORT} -j DROP", 1: f"-s {a.address} -j DROP",
            2: f"-p udp --dport {REFLECTOR_PORT} -j DROP"}.get(variant)
    if rule:
        breaks, mends = f"iptables -A INPUT {rule}", f"iptables -D INPUT {rule}"
    elif variant == 3:
        breaks = nft("type filter hook input priority 0; policy drop", "ct state established,related accept", 'iifname "lo" accept',
                     'iifname "m0" accept', "tcp dport 22 accept", "icmp type echo-request accept", family="inet")
        mends = nft_gone("inet")
    else:
        breaks, mends = nft("type filter hook input priority 0", f"ip saddr {a.address} drop"), nft_gone()
    return Case(a.name, b.name, FIREWALL, f"{b.name}'s input: {rule or ('policy drop' if variant == 3 else 'nft, A')}",
                [(b.name, breaks)], [(b.name, mends)])


def firewall_output(premises, rng):
    a, b = pair(premises, rng)
    if rng.random() < 0.5:
        rule = f"-d {b.address} -p udp -j DROP"
        breaks, mends = f"iptables -A OUTPUT {rule}", f"iptables -D OUTPUT {rule}"
    else:
        breaks, mends = nft("type filter hook output priority 0", f"ip daddr {b.address} drop"), nft_gone()
    return Case(a.name, b.name, FIREWALL, f"{a.name}'s output drops what is for {b.name}", [(a.name, breaks)],
                [(a.name, mends)])


def one_way_drop(premises, rng):
    """By a router that says nothing of itself: only the two ends' counters show the direction."""
    a, b = across(premises, rng)
    router, (source, target) = rng.choice(("r1", "r2")), rng.sample((a, b), 2)
    if rng.random() < 0.5:
        rule = f"-s {source.address} -d {target.address} -p udp -j DROP"
        breaks, mends = f"iptables -A FORWARD {rule}", f"iptables -D FORWARD {rule}"
    else:
        breaks = nft("type filter hook forward priority 0", f"ip saddr {source.address} ip daddr {target.address} drop")
        mends = nft_gone()
    return Case(a.name, b.name, ("one_way", "path_blackhole"), f"{router} drops {source.name} -> {target.name}", [(router, breaks)],
                [(router, mends)])


def icmp_filtered(premises, rng):
    a, b = across(premises, rng)
    if rng.random() < 0.5:
        rule = "-p icmp --icmp-type echo-request -j DROP"
        return Case(a.name, b.name, ("icmp_filtered",), f"{b.name} drops ICMP echo", [(b.name, f"iptables -A INPUT {rule}")],
                    [(b.name, f"iptables -D INPUT {rule}")])
    return Case(a.name, b.name, ("icmp_filtered",), f"{router_of(b)} forwards no ICMP echo",
                [(router_of(b), nft("type filter hook forward priority 0", "icmp type { echo-request, echo-reply } drop"))],
                [(router_of(b), nft_gone())])


def port_closed(premises, rng):
    a, b = pair(premises, rng)
    port = rng.randrange(2000, 7000)
    return Case(a.name, b.name, ("port_closed",), f"nobody listens on {b.name}'s port {port}", arguments=("--port", str(port)))


def port_filtered(premises, rng):
    """Somebody listens, and a firewall drops what is for them: B's own, or a router's."""
    a, b = across(premises, rng)
    port = rng.randrange(2000, 7000)
    where, hook = rng.choice(((b.name, "input"), (router_of(b), "forward")))
    return Case(a.name, b.name, ("port_filtered", "port_timeout", "firewall_drops"), f"{where} drops TCP {port}, where {b.name} listens",
                [(where, nft(f"type filter hook {hook} priority 0", f"tcp dport {port} drop"))], [(where, nft_gone())],
                helpers=[(b.name, ("listener.py", b.address, str(port)))], arguments=("--port", str(port)))


def dnat(premises, rng):
    """What is for B reaches another machine."""
    a, b = across(premises, rng)
    other = rng.choice([m for m in premises.members(b.lan) if m not in (a, b) and not premises.deaf(m, b)])
    where = rng.choice((b.name, router_of(b)))
    rule = f"ip saddr {a.address} ip daddr {b.address} udp dport {REFLECTOR_PORT} dnat to {other.address}"
    return Case(a.name, b.name, ("address_rewritten",) if where == b.name else ("address_rewritten", "one_way"), f"{where} sends {a.name}'s packets for {b.name} to {other.name} (DNAT)",
                [(where, nft("type nat hook prerouting priority -100", rule))], [(where, nft_gone())])


def snat(premises, rng):
    """A router that hides A behind its own address."""
    a, b = across(premises, rng)
    router = router_of(b)
    return Case(a.name, b.name, ("address_rewritten", "behind_nat", "one_way"), f"{router} hides {a.name} behind its own address",
                [(router, nft("type nat hook postrouting priority 100", f"ip saddr {a.address} ip daddr {b.address} masquerade"))],
                [(router, nft_gone())])


def bridge_filter(premises, rng):
    """br_netfilter, as Docker leaves it: frames between the ports of a bridge meet a closed FORWARD chain."""
    b = rng.choice([m for m in premises.machines.values() if m.lan and m.name not in ("h1", "vm1")])
    a, b = rng.sample(["vm1", b.name], 2)
    extra = rng.choice(("true", "iptables -A FORWARD -i docker0 -j ACCEPT"))
    return Case(a, b, ("bridge_filter_drop",), "h1's FORWARD chain is closed, and bridged frames pass it",
                [("h1", f"sysctl -qw net.bridge.bridge-nf-call-iptables=1; iptables -P FORWARD DROP; {extra}")],
                [("h1", "sysctl -qw net.bridge.bridge-nf-call-iptables=0; iptables -P FORWARD ACCEPT; iptables -F FORWARD")])


KINDS = (firewall_input, firewall_output, one_way_drop, icmp_filtered, port_closed, port_filtered, dnat, snat, bridge_filter)
