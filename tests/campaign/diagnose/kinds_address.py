"""Kinds of fault: addresses, masks, hardware addresses, the wire itself."""
from case import OTHERS_STAND_ON, Case, across, free_address, neighbors, on_nic_of, pair, switch_of

ANNOUNCE = ("python3 -c 'import socket,sys; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0x806); s.bind((sys.argv[1],0x806)); "
            "m=s.getsockname()[4]; ip=socket.inet_aton(sys.argv[2]); "
            "s.send(b\"\\xff\"*6+m+bytes.fromhex(\"08060001080006040001\")+m+ip+b\"\\x00\"*6+ip)' {port} {address}")


def duplicate_address(premises, rng):
    b, third = neighbors(premises, rng, plain=True)
    a = rng.choice([m for m in premises.members("lan1") + premises.members("lan2")
                    if m not in (b, third) and not premises.deaf(m, b)])
    add = f"address add {b.address}/24 dev {third.port}"
    return Case(a.name, b.name, ("duplicate_address",), f"{third.name} also has {b.name}'s address",
                [(third.name, f"ip {add}"), (third.name, ANNOUNCE.format(port=third.port, address=b.address))],
                [(third.name, f"ip address del {b.address}/24 dev {third.port}")])


def vip_held_twice(premises, rng):
    a, b, third = neighbors(premises, rng, 3)
    vip = free_address(b, rng)
    return Case(a.name, b.name, ("vip_held_twice",), f"{b.name} and {third.name} both hold the extra address {vip}",
                [(m.name, f"ip address add {vip}/{rng.choice((24, 32))} dev {m.port}") for m in (b, third)],
                [(m.name, f"ip address del {vip}/24 dev {m.port} 2>/dev/null || ip address del {vip}/32 dev {m.port}")
                 for m in (b, third)], target=vip)


def duplicate_mac(premises, rng):
    members = [m for m in premises.members(rng.choice(["lan1", "lan2"])) if m.name not in OTHERS_STAND_ON and not m.mode]
    if len(members) < 2:
        members = [m for m in premises.members("lan2") if m.name not in OTHERS_STAND_ON and not m.mode]
    b, third = rng.sample(members, 2)
    a = rng.choice([m for m in premises.members("lan1") + premises.members("lan2") if m not in (b, third)])
    mac = f"02:00:5e:{rng.randrange(256):02x}:{rng.randrange(256):02x}:{rng.randrange(256):02x}"
    lines = [(m.name, f"cat /sys/class/net/{m.port}/address > /run/{premises.name}-{m.name}.mac; "
                      f"ip link set {m.port} address {mac}") for m in (b, third)]
    return Case(a.name, b.name, ("duplicate_mac",), f"{b.name} and {third.name} have the MAC {mac}", lines,
                [(m.name, f"ip link set {m.port} address $(cat /run/{premises.name}-{m.name}.mac); "
                          f"rm /run/{premises.name}-{m.name}.mac") for m in (b, third)], (b.name, third.name))


def wrong_mask(premises, rng):
    """Too short: the other LAN seems to be on the wire. Too long: neighbors and the gateway seem to be far."""
    length = rng.choice((16, 20, 28))
    a, b = across(premises, rng) if length < 24 else neighbors(premises, rng)
    if length == 28:  # A beyond B's sixteen addresses
        b = premises.machines[rng.choice(["h2", "h3"])]
        a = premises.machines[rng.choice(["vm1"] if b.name == "h3" else ["vm1", "vm4"])]
    gateway = f" && ip route replace default via {b.gateway} onlink dev {b.port}" if length != 28 else (
        f" && ip route replace default via {b.gateway}")
    return Case(a.name, b.name, ("wrong_mask",), f"{b.name} has the mask /{length}",
                [(b.name, f"ip address del {b.address}/24 dev {b.port} && ip address add {b.address}/{length} dev {b.port}{gateway}")],
                [(b.name, f"ip address del {b.address}/{length} dev {b.port}")], (b.name,))


def mtu_mismatch(premises, rng):
    a, b = pair(premises, rng)
    mtu = rng.choice((1280, 1400, 1450))
    return Case(a.name, b.name, ("mtu_mismatch",), f"{b.name}'s {b.port} has MTU {mtu} among {1500}",
                [(b.name, f"ip link set {b.port} mtu {mtu}")], [], on_nic_of(premises, b))


def neighbor_wrong(premises, rng):
    a, b = pair(premises, rng)
    address = b.address if a.lan == b.lan else a.gateway
    return Case(a.name, b.name, ("neighbor_mac_wrong",), f"{a.name} has a permanent, wrong neighbor entry for {address}",
                [(a.name, f"ip neigh replace {address} lladdr 02:00:00:00:be:{rng.randrange(256):02x} dev {a.port} nud permanent")],
                [(a.name, f"ip neigh del {address} dev {a.port}")])


def arp_spoofing(premises, rng):
    """A third machine answers for B, or for A's gateway, and forwards nothing."""
    a, third = neighbors(premises, rng, plain=True)
    b = rng.choice([m for m in premises.members("lan2" if a.lan == "lan1" else "lan1")])
    return Case(a.name, b.name, ("arp_spoofing", "neighbor_mac_wrong", "duplicate_address"), f"{third.name} answers ARP for {a.name}'s gateway",
                [], [], helpers=[(third.name, ("arp_spoofer.py", third.port, a.gateway, a.address))])


def link_down(premises, rng):
    """The switch's port, or the machine's own interface."""
    a, b = pair(premises, rng)
    while b.name in OTHERS_STAND_ON or b.mode:  # others' cables
        a, b = pair(premises, rng)
    if rng.random() < 0.5:
        return Case(a.name, b.name, ("no_carrier",), f"the switch's port of {b.name} is down",
                    [(switch_of(b), f"ip link set {b.name} down")], [(switch_of(b), f"ip link set {b.name} up")], (b.name,))
    return Case(a.name, b.name, ("interface_down",), f"{b.name}'s {b.port} is set down", [(b.name, f"ip link set {b.port} down")],
                [], (b.name,))


def vlan_mismatch(premises, rng):
    """B's switch port is in another VLAN; in every other seed the switch tells so by LLDP."""
    a, b = neighbors(premises, rng)
    while b.mode or a.host == b.name:
        a, b = neighbors(premises, rng)
    told = rng.random() < 0.5 and not a.mode
    others = {m.name: 10 for m in premises.members(b.lan) if not m.mode and m is not b}
    return Case(a.name, b.name, ("vlan_mismatch",) if told else ("vlan_mismatch", "neighbor_unresolved"),
                f"{b.name}'s switch port is in another VLAN" + (", as LLDP tells" if told else ""),
                [(switch_of(b), f"ip link add name other type bridge && ip link set other up && ip link set {b.name} master other")],
                [(switch_of(b), f"ip link set {b.name} master lan && ip link del other")], lldp=others | {b.name: 20} if told else {})


KINDS = (duplicate_address, vip_held_twice, duplicate_mac, wrong_mask, mtu_mismatch, neighbor_wrong, arp_spoofing, link_down,
         vlan_mismatch)
