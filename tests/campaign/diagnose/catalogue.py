"""All kinds of the catalogue, and how a seed becomes a case. Pure."""
import random

import kinds_address
import kinds_filter
import kinds_machine
import kinds_path
import kinds_route

KINDS = {kind.__name__: kind for module in (kinds_address, kinds_route, kinds_filter, kinds_path, kinds_machine)
         for kind in module.KINDS}
FAULTS = [name for name in KINDS if name != "healthy"]
# What is measured between the two does not change.
QUIET = {"vip_held_twice", "mtu_mismatch", "icmp_filtered", "port_closed", "port_filtered", "mtu_black_hole", "mtu_low", "vxlan_mtu",
         "ra_missing", "rogue_ra", "dad_failed", "nat_by_design", "isolated_by_design", "macvlan_by_design", "overlay_by_design"}


def draw(premises, kind, seed):
    return KINDS[kind](premises, random.Random(f"{seed}/{kind}"))
