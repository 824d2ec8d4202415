#!/usr/bin/env -S python3 -B
"""Bundles that the namespace lab's controller wrote while two faults were on: the program still names both, and nobody else.

Each case of data/cases.json has a story, the injected faults and a bundle: what a change of the localizer must not lose.
"""
import json
import subprocess
import sys
import unittest
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"


def verdict(file):
    done = subprocess.run([PROGRAM, "localize", "--bundle", str(file), "-o", "json"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 2):
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class LabBundles(unittest.TestCase):
    def test_the_injected_faults_are_named_and_nobody_else(self):
        cases = json.loads((DATA / "cases.json").read_text())
        self.assertEqual({case["bundle"] for case in cases}, {file.name for file in DATA.glob("*.xz")})
        for case in cases:
            with self.subTest(case["story"]):
                suspects = verdict(DATA / case["bundle"])["suspects"]
                groups = [{s["id"], *s["ambiguous_with"]} for s in suspects]
                for fault in case["faults"]:
                    self.assertTrue(any(fault in group for group in groups), f"{fault} is not named, but {groups}")
                strangers = [group for group in groups if not group & set(case["faults"])]
                self.assertEqual(strangers, [], "accused wrongly")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
