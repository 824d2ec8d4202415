#!/usr/bin/env -S python3 -B
"""The premises and the catalogue's faults with plain sockets: does each fault do what its kind says, and is it mended?

A catalogue whose faults break something else, or nothing, makes every figure about a diagnosis worthless.
"""
import os
import socket
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "lab"), str(ROOT / "tests" / "campaign" / "diagnose")]

import netns  # noqa: E402
import premises_netns  # noqa: E402
from breaker import Breaker  # noqa: E402
from catalogue import KINDS, draw  # noqa: E402
from packets import inside  # noqa: E402
from premises import Premises  # noqa: E402

NAME, PORT, SEED = "premisestest", 862, 11
TRIES, WAIT_SECONDS, CARRIER_SECONDS_MAX = 3, 0.4, 5
LARGE = 1472  # with the headers of IPv4 and UDP as large as Ethernet carries
# What a socket at A and one at B see: `dead` not one answer; `large` only small packets; `works` all of it.
DEAD = {"duplicate_mac", "neighbor_wrong", "arp_spoofing", "link_down", "vlan_mismatch", "gateway_missing", "missing_return_route",
        "router_lacks_return", "route_rejects", "wrong_gateway", "gateway_dead", "rp_filter", "policy_route", "route_captured",
        "routing_loop", "forwarding_off", "firewall_input", "firewall_output", "one_way_drop", "dnat", "bridge_filter",
        "nat_by_design", "isolated_by_design", "macvlan_by_design", "overlay_by_design", "vxlan_mismatch"}
LARGE_ONLY = {"mtu_mismatch", "mtu_black_hole", "mtu_low"}
UNSURE = {"duplicate_mac", "duplicate_address", "wrong_mask", "loss", "congestion", "partial_black_hole", "vxlan_mtu"}


class Echo:
    """B answers on the probe's port whatever comes, from a socket of this process inside B's namespace."""

    def __init__(self, premises, a, b):
        with inside(premises.namespace(b)):
            self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.server.bind((premises.address(b), PORT))
        with inside(premises.namespace(a)):
            self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.client.bind((premises.address(a), 0))
        for opened in (self.server, self.client):
            opened.settimeout(WAIT_SECONDS)
        self.target = (premises.address(b), PORT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        self.client.close()

    def answered(self, size=32, tries=TRIES):
        for number in range(tries):
            payload = bytes([number]) * size
            try:
                self.client.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE: never in fragments
                self.client.sendto(payload, self.target)
                data, sender = self.server.recvfrom(2048)
                self.server.setsockopt(socket.IPPROTO_IP, 10, 3)
                self.server.sendto(data, sender)
                if self.client.recvfrom(2048) == (payload, self.target):
                    return True
            except OSError:
                pass  # lost, or the kernel knows that it cannot be sent
        return False


class Catalogue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        netns.remove(NAME)
        cls.premises = Premises(NAME)
        premises_netns.build(cls.premises)
        cls.addClassCleanup(netns.remove, NAME)
        cls.breaker = Breaker(cls.premises)

    def reach(self, a, b):
        with Echo(self.premises, a, b) as echo:
            if not echo.answered():
                return "dead"
            return "works" if echo.answered(LARGE) or "vm5" in (a, b) or "vm6" in (a, b) else "large"

    def wait_for(self, a, b, wanted):
        deadline = time.monotonic() + CARRIER_SECONDS_MAX
        while (seen := self.reach(a, b)) != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        return seen

    def test_every_kind_does_what_it_says_and_is_mended(self):
        for kind in KINDS:
            case = draw(self.premises, kind, SEED)
            if case.paused or case.starved:
                continue  # of the prober, not of the network
            with self.subTest(kind=kind, a=case.a, b=case.b, what=case.what):
                usual = "dead" if kind.endswith("_by_design") else "works"
                self.assertEqual(self.wait_for(case.a, case.b, usual), usual, "before the fault")
                wanted = "dead" if kind in DEAD else "large" if kind in LARGE_ONLY else "works"
                self.breaker.make(case)
                try:
                    if kind not in UNSURE:
                        self.assertEqual(self.wait_for(case.a, case.b, wanted), wanted, "while the fault is there")
                finally:
                    self.breaker.mend(case)
                self.assertEqual(self.wait_for(case.a, case.b, usual), usual, "after it was mended")

    def test_modes_keep_from_each_other_what_they_should(self):
        for a, b, wanted in (("vm1", "h3", "works"), ("vm1", "h6", "works"), ("vm2", "h5", "works"), ("h5", "vm2", "dead"),
                             ("h2", "vm2", "works"), ("vm3", "h1", "dead"), ("vm4", "h3", "dead"), ("vm4", "h2", "works"),
                             ("vm4", "h5", "works"), ("vm7", "h6", "dead"), ("vm7", "h4", "works"), ("h1", "vm7", "works"), ("vm5", "vm6", "works"), ("h1", "vm5", "dead")):
            with self.subTest(a=a, b=b):
                self.assertEqual(self.wait_for(a, b, wanted), wanted)


def main():
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root")
        return
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)


main()
