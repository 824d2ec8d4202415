#!/usr/bin/env -S python3 -B
"""The lab fabric does what the demo claims of it. Needs root; without it the test reports SKIPPED."""
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "lab"))

import faults  # noqa: E402
import netns  # noqa: E402
import packets  # noqa: E402
from topology import Fabric, LabError  # noqa: E402

NAME = f"t{os.getpid() % 1000000}"
PORTS = range(42000, 42016)
REFLECTOR_PORT = 862
PACKETS = 200
DELAY_MS = 20
DELAY_SAMPLES = 8
CONGESTION_SECONDS_MAX = 60
SLOW_LINK_SECONDS_MAX = 10  # that the program of a slow link may stand still
BURST = 10  # per port between two reads: a socket buffer must not be what loses packets


def setUpModule():
    global fabric
    fabric = Fabric(NAME, seed=7)
    netns.build(fabric)


def tearDownModule():
    netns.remove(NAME)


def spine_of(path):
    """The spine among a traced path's addresses: 10.0.<spine>.<even>."""
    return f"spine{path[1].split('.')[2]}"


def paths(source, target, ports=PORTS):
    """{source port: spine} of the flows from one host to another's reflector."""
    with packets.Host(fabric, source, ports) as host:
        return {p: spine_of(packets.trace(host, p, (fabric.address(target), REFLECTOR_PORT), 3)) for p in ports}


def exchange(source, target, count=PACKETS, patience=packets.QUIET_SECONDS):
    """{source port: packets that arrived} at the target, of `count` sent on each port."""
    with packets.Host(fabric, source, PORTS) as sender, packets.Host(fabric, target, [REFLECTOR_PORT]) as receiver:
        for sent in range(0, count, BURST):
            for port in PORTS:
                sender.send(port, (receiver.address, REFLECTOR_PORT), min(BURST, count - sent))
            receiver.receive()
        arrived = receiver.receive(patience, enough=count * len(PORTS))
        return {p: arrived.get((sender.address, p, REFLECTOR_PORT), 0) for p in PORTS}


def one_way_ms(source, target, port):
    """The fastest of some packets: on a busy machine any other may be late for reasons of its own."""
    fastest = float("inf")
    with packets.Host(fabric, source, [port]) as sender, packets.Host(fabric, target, [REFLECTOR_PORT]) as receiver:
        for count in range(1, DELAY_SAMPLES + 1):
            began = time.monotonic()
            sender.send(port, (receiver.address, REFLECTOR_PORT), 1)
            while sum(receiver.receive().values()) < count and time.monotonic() < began + packets.QUIET_SECONDS:
                pass
            fastest = min(fastest, (time.monotonic() - began) * 1000)
    return fastest


class HealthyFabric(unittest.TestCase):
    def test_source_ports_spread_over_all_spines(self):
        seen = set(paths("h1", "h9").values()) | set(paths("h6", "h14").values())
        self.assertEqual(seen, set(fabric.spine_names))

    def test_a_five_tuple_keeps_its_path(self):
        self.assertEqual(paths("h1", "h9"), paths("h1", "h9"))

    def test_the_way_back_is_not_the_mirror_of_the_way_out(self):
        out = paths("h1", "h9")
        with packets.Host(fabric, "h9", [REFLECTOR_PORT]) as reflector:
            back = {p: spine_of(packets.trace(reflector, REFLECTOR_PORT, (fabric.address("h1"), p), 3)) for p in PORTS}
        differ = [p for p in PORTS if out[p] != back[p]]
        self.assertGreaterEqual(len(differ), len(PORTS) // 2)

    def test_a_trace_names_the_inbound_interfaces(self):
        with packets.Host(fabric, "h1", [42000]) as host:
            path = packets.trace(host, 42000, (fabric.address("h5"), REFLECTOR_PORT), 3)
        spine = path[1].split(".")[2]
        self.assertEqual(path, ["10.1.1.2", f"10.0.{spine}.2", f"10.0.{spine}.5"])

    def test_nothing_is_lost_and_ttl_probes_are_not_rate_limited(self):
        self.assertEqual(exchange("h1", "h9"), {p: PACKETS for p in PORTS})
        with packets.Host(fabric, "h2", [42000]) as host:
            answers = [packets.trace(host, 42000, (fabric.address("h9"), REFLECTOR_PORT), 3) for _ in range(100)]
        self.assertNotIn(None, [hop for path in answers for hop in path])


class FaultyFabric(unittest.TestCase):
    def tearDown(self):
        faults.heal(fabric)
        self.assertEqual(exchange("h5", "h13", 20), {p: 20 for p in PORTS}, "healing left something broken")

    def flows_by_spine(self, source, target, spine):
        taken = paths(source, target)
        crossing = [p for p in PORTS if taken[p] == spine]
        self.assertTrue(crossing, "no flow crosses the link under test; choose another seed")
        return crossing, [p for p in PORTS if p not in crossing]

    def test_loss_hits_one_direction_of_one_link(self):
        crossing, others = self.flows_by_spine("h5", "h9", "spine3")
        mirror = paths("h9", "h5")
        faults.inject(fabric, faults.Fault("loss", "leaf2>spine3", loss=0.2))
        arrived = exchange("h5", "h9")
        self.assertEqual({p: arrived[p] for p in others}, {p: PACKETS for p in others})
        lost = 1 - sum(arrived[p] for p in crossing) / (PACKETS * len(crossing))
        self.assertTrue(0.1 < lost < 0.3, f"lost {lost:.1%} of what crosses the link")
        self.assertIn("spine3", mirror.values())
        self.assertEqual(exchange("h9", "h5"), {p: PACKETS for p in PORTS}, "the other direction lost packets")
        self.assertEqual(set(faults.dropped(fabric)), {"leaf2>spine3"})

    def test_loss_hits_probes_whose_ttl_ends_behind_the_link(self):
        crossing, _ = self.flows_by_spine("h5", "h9", "spine3")
        faults.inject(fabric, faults.Fault("loss", "leaf2>spine3", loss=1.0))
        with packets.Host(fabric, "h5", crossing[:1]) as host:
            path = packets.trace(host, crossing[0], (fabric.address("h9"), REFLECTOR_PORT), 2)
        self.assertIsNotNone(path[0])
        self.assertIsNone(path[1])

    def test_a_black_hole_takes_whole_flows_and_leaves_the_others_alone(self):
        targets = fabric.host_names[8:]
        spines = {target: paths("h5", target) for target in targets}
        faults.inject(fabric, faults.Fault("blackhole", "leaf2>spine3"))
        dead = crossing = 0
        for target in targets:
            for port, count in exchange("h5", target, 20).items():
                crosses = spines[target][port] == "spine3"
                self.assertIn(count, (0, 20) if crosses else (20,), "a flow was hit in part, or beside the link")
                crossing += crosses
                dead += count == 0
        self.assertTrue(0 < dead < crossing / 2, f"{dead} of {crossing} flows over the link are dead")

    def test_a_cable_that_is_down_loses_both_directions_and_nothing_reroutes(self):
        crossing, others = self.flows_by_spine("h5", "h9", "spine3")
        back = paths("h9", "h5")
        faults.inject(fabric, faults.Fault("down", "leaf2>spine3"))
        self.assertEqual(exchange("h5", "h9", 20), {p: 0 if p in crossing else 20 for p in PORTS})
        self.assertEqual(exchange("h9", "h5", 20), {p: 0 if back[p] == "spine3" else 20 for p in PORTS})
        self.assertTrue(others)

    def test_two_cables_of_one_device_are_healed_together(self):
        faults.inject(fabric, faults.Fault("down", "leaf2>spine3"))
        faults.inject(fabric, faults.Fault("down", "leaf4>spine3"))
        faults.heal(fabric)
        for source, target in (("h5", "h13"), ("h13", "h5"), ("h1", "h5"), ("h1", "h13")):
            self.assertEqual(exchange(source, target, 20), {p: 20 for p in PORTS})

    def test_a_bad_device_loses_on_all_its_links(self):
        pairs = {pair: self.flows_by_spine(*pair, "spine3") for pair in (("h1", "h9"), ("h13", "h5"))}
        faults.inject(fabric, faults.Fault("device", device="spine3", loss=0.2))
        for (source, target), (crossing, others) in pairs.items():
            arrived = exchange(source, target)
            self.assertEqual({p: arrived[p] for p in others}, {p: PACKETS for p in others})
            self.assertLess(sum(arrived[p] for p in crossing), 0.8 * PACKETS * len(crossing))


    def test_latency_holds_one_direction_of_one_link_and_loses_nothing(self):
        crossing, others = self.flows_by_spine("h5", "h9", "spine3")
        routes = paths("h5", "h9")
        back = paths("h9", "h5")
        faults.inject(fabric, faults.Fault("latency", "leaf2>spine3", delay_ms=DELAY_MS))
        self.assertGreaterEqual(one_way_ms("h5", "h9", crossing[0]), DELAY_MS)
        self.assertLess(one_way_ms("h5", "h9", others[0]), DELAY_MS)
        reverse = next(p for p in PORTS if back[p] == "spine3")
        self.assertLess(one_way_ms("h9", "h5", reverse), DELAY_MS)
        # A program carries them over the slow link, and may have to wait for its turn.
        self.assertEqual(exchange("h5", "h9", patience=SLOW_LINK_SECONDS_MAX), {p: PACKETS for p in PORTS})
        self.assertEqual(paths("h5", "h9"), routes, "a delayed link is traced otherwise")

    def test_congestion_delays_and_drops_on_one_direction_of_one_link(self):
        crossing, others = self.flows_by_spine("h5", "h9", "spine3")
        faults.inject(fabric, faults.Fault("congestion", "leaf2>spine3"))
        late, arrived, deadline = 0.0, dict.fromkeys(PORTS, 0), time.monotonic() + CONGESTION_SECONDS_MAX
        sent = 0
        while (late < DELAY_MS or sum(arrived[p] for p in crossing) == sent * len(crossing)) and time.monotonic() < deadline:
            for port, count in exchange("h5", "h9", 20).items():
                arrived[port] += count
            sent += 20
            late = max(late, one_way_ms("h5", "h9", crossing[0]))
        self.assertGreaterEqual(late, DELAY_MS, "the queue never filled")
        self.assertLess(sum(arrived[p] for p in crossing), sent * len(crossing), "the full queue dropped nothing")
        self.assertEqual({p: arrived[p] for p in others}, {p: sent for p in others})


class Takedown(unittest.TestCase):
    def test_a_lab_beside_another_is_removed_with_its_processes(self):
        other = Fabric(f"{NAME}b", spines=1, leaves=2, hosts=1)
        netns.build(other)
        with self.assertRaises(LabError):
            netns.build(other)
        stubborn = subprocess.Popen(netns.in_namespace(other, "h1", "sh", "-c", "trap '' TERM; while :; do read x; done"),
                                    stdin=subprocess.PIPE)
        self.addCleanup(stubborn.stdin.close)
        netns.STOP_SECONDS_MAX = 1
        netns.remove(other.name)
        self.assertNotEqual(stubborn.wait(), 0)
        self.assertFalse(netns.exists(other.name))
        self.assertTrue(netns.exists(NAME), "taking one lab down touched the other")
        netns.remove(other.name)  # again: no error


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the lab tests as root")
        sys.exit(0)
    unittest.main(verbosity=2)
