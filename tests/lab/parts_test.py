#!/usr/bin/env -S python3 -B
"""The lab's parts that need neither root nor namespaces: topology, verdict, signature, options."""
import hashlib
import hmac
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "lab"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "campaign"))

import fault_pairs  # noqa: E402
import faults  # noqa: E402
import options  # noqa: E402
import receiver  # noqa: E402
import verdict  # noqa: E402
from cross_check import differences  # noqa: E402
from topology import Fabric, LabError  # noqa: E402
from verdict import Component  # noqa: E402


class Topology(unittest.TestCase):
    def test_no_address_is_given_twice(self):
        fabric = Fabric("lab", spines=5, leaves=7, hosts=3)
        addresses = [a for c in fabric.cables for a in (c.upper_address, c.lower_address)]
        self.assertEqual(len(addresses), len(set(addresses)))
        self.assertEqual(len(fabric.host_names), 21)

    def test_consecutive_seeds_break_different_links(self):
        links = {str(Fabric("lab", seed=seed).seeded_link()) for seed in range(1, 21)}
        self.assertEqual(len(links), 20)

    def test_routers_hash_differently_and_each_seed_differently(self):
        seeds = {Fabric("lab", seed=s).hash_seed(r) for s in (1, 2) for r in Fabric("lab").routers}
        self.assertEqual(len(seeds), 16)

    def test_without_hash_seeds_the_order_of_the_hops_tells_routers_apart(self):
        fabric = Fabric("lab")
        orders = {tuple(port for _, port in fabric.routes(leaf, shuffle_hops=True)[0].hops) for leaf in fabric.leaf_names}
        self.assertGreater(len(orders), 1)
        self.assertEqual({frozenset(order) for order in orders}, {frozenset(fabric.spine_names)})

    def test_a_link_must_exist(self):
        self.assertEqual(str(Fabric("lab").parse_link("leaf2:spine3")), "leaf2>spine3")
        for text in ("leaf2", "leaf2:leaf3", "h1:leaf2", "a:b:c"):
            with self.assertRaises(LabError):
                Fabric("lab").parse_link(text)


class Verdict(unittest.TestCase):
    def right(self, fault, *suspects):
        return verdict.judge(fault, [Component(*s.split(" ")) for s in suspects])[0]

    def test_the_direction_must_be_right(self):
        fault = faults.Fault("loss", link="leaf2>spine3", loss=0.01)
        self.assertTrue(self.right(fault, "link leaf2>spine3", "link leaf1>spine1"))
        for suspects in (["link spine3>leaf2"], ["cable leaf2=spine3"], ["device spine3"], [],
                         ["link leaf1>spine1", "link leaf2>spine3"]):
            self.assertFalse(self.right(fault, *suspects), suspects)

    def test_a_cut_cable_is_a_cable_and_a_bad_device_a_device(self):
        down = faults.Fault("down", link="spine3>leaf2")
        self.assertTrue(self.right(down, "cable leaf2=spine3"))
        self.assertFalse(self.right(down, "link spine3>leaf2"))
        device = faults.Fault("device", device="spine3", loss=0.02)
        self.assertTrue(self.right(device, "device spine3"))
        self.assertFalse(self.right(device, "link leaf1>spine3"))

    def test_a_healthy_fabric_must_stay_silent(self):
        self.assertTrue(self.right(faults.Fault("none")))
        self.assertFalse(self.right(faults.Fault("none"), "link leaf2>spine3"))


class FaultPairs(unittest.TestCase):
    fabric = Fabric("lab", hosts=3)
    down = faults.Fault("down", link="leaf1>spine1")
    spine, leaf = faults.Fault("device", device="spine1", loss=0.02), faults.Fault("device", device="leaf1", loss=0.02)

    def loss(self, link):
        return faults.Fault("loss", link=link, loss=0.02)

    def test_faults_that_hide_each_other_are_not_drawn(self):
        for first, second in ((self.loss("leaf2>spine1"), self.loss("spine1>leaf2")), (self.loss("leaf2>spine1"), self.spine),
                              (self.loss("spine1>leaf1"), self.down), (self.down, self.leaf), (self.spine, self.spine)):
            self.assertFalse(fault_pairs.distinguishable(self.fabric, first, second), (str(first), str(second)))
        # Whatever reaches leaf1 over the only other spine comes from the leaf that loses.
        narrow = Fabric("lab", spines=1, leaves=2, hosts=1)
        self.assertFalse(fault_pairs.distinguishable(narrow, self.loss("leaf2>spine1"), self.loss("spine1>leaf1")))

    def test_faults_that_only_meet_on_some_paths_are(self):
        for first, second in ((self.loss("leaf2>spine1"), self.loss("leaf3>spine1")), (self.down, self.loss("leaf2>spine1")),
                              (self.spine, self.leaf), (self.loss("leaf2>spine1"), self.loss("spine1>leaf3"))):
            self.assertTrue(fault_pairs.distinguishable(self.fabric, first, second), (str(first), str(second)))

    def test_as_many_seeds_as_pairs_take_each_pair_once_and_always_alike(self):
        kinds = [k for k in faults.KINDS if k != "none"]
        count = len(fault_pairs.pairs_of_kinds(kinds))
        drawn = [fault_pairs.draw_pair(self.fabric, kinds, seed) for seed in range(count)]
        self.assertEqual(len({tuple(fault.kind for fault in pair) for pair in drawn}), count)
        self.assertEqual(drawn, [fault_pairs.draw_pair(self.fabric, kinds, seed) for seed in range(count)])

    def test_a_fault_is_named_by_its_group_and_a_part_is_not_its_name(self):
        pair = (self.down, self.loss("leaf2>spine3"))
        suspects = [{"id": "spine4>leaf2", "ambiguous_with": ["leaf2>spine3"]}, {"id": "leaf1>spine1", "ambiguous_with": []},
                    {"id": "spine3", "ambiguous_with": []}]
        self.assertEqual([fault_pairs.named(fault, suspects) for fault in pair], [False, True])
        self.assertEqual(fault_pairs.strangers(self.fabric, pair, suspects), (["spine3"], ["leaf1>spine1"]))


class CrossCheck(unittest.TestCase):
    def test_two_verdicts_differ_in_a_name_or_a_number_but_not_in_the_last_digit(self):
        verdict = {"suspects": [{"id": "a>b", "loss": 0.02, "since": 5}], "lost": 3}
        self.assertEqual(differences(verdict, {"suspects": [{"id": "a>b", "loss": 0.02 + 1e-14, "since": 5}], "lost": 3}), [])
        for other in ({"suspects": [], "lost": 3}, {"suspects": [{"id": "b>a", "loss": 0.02, "since": 5}], "lost": 3},
                      {"suspects": [{"id": "a>b", "loss": 0.02 + 1e-9, "since": 5}], "lost": 3},
                      {"suspects": [{"id": "a>b", "loss": None, "since": 5}], "lost": 3}):
            self.assertEqual(len(differences(verdict, other)), 1, other)


class Signature(unittest.TestCase):
    def verdict(self, timestamp="1000", body=b"{}", secret=b"s", signature=None, now=1001):
        valid = "sha256=" + hmac.new(b"s", b"1000.{}", hashlib.sha256).hexdigest()
        return receiver.check_signature(secret, timestamp, signature or valid, body, now)

    def test_only_the_signed_body_at_its_time_passes(self):
        self.assertEqual(self.verdict(), "ok")
        for changed in ({"body": b"{ }"}, {"timestamp": "1001"}, {"secret": b"t"}, {"signature": "sha256=00"},
                        {"now": 2000}, {"timestamp": "x"}, {"timestamp": None}):
            self.assertNotEqual(self.verdict(**changed), "ok", changed)


class Options(unittest.TestCase):
    def test_defaults_and_drawn_links(self):
        given = options.parse(["--seed", "4"])
        self.assertEqual(given.fault, faults.Fault("loss", link=str(given.fabric.seeded_link()), loss=0.02))
        self.assertIn(options.parse(["--fault", "device"]).fault.device, given.fabric.spine_names)

    def test_wrong_options_are_usage_errors(self):
        for arguments in (["--fault", "magic"], ["--loss", "200%"], ["--loss", "much"], ["--link", "leaf2:leaf3"],
                          ["--spines", "0"], ["--hosts", "x"], ["--name", "A b"], ["--what"], ["extra"],
                          ["--fault", "device", "--device", "h1"]):
            with self.assertRaises(options.UsageError, msg=arguments):
                options.parse(arguments)


if __name__ == "__main__":
    unittest.main()
