#!/usr/bin/env -S python3 -B
"""The demo as a user runs it: its verdict, what it leaves behind, and that Ctrl-C leaves nothing. Needs root."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "lab"))

import netns  # noqa: E402

PROBE_MIB_MAX = 20
CONTROLLER_MIB_MAX = 200
INTERRUPT_SECONDS_MAX = 120


class Demo(unittest.TestCase):
    def command(self, name, *arguments):
        self.name = name
        self.addCleanup(netns.remove, name)
        return [ROOT / "deploy" / "demo.sh", "--binaries", BINARIES, "--name", name, *arguments]

    def assert_nothing_is_left(self):
        self.assertEqual(netns.namespaces(self.name), [])
        self.assertFalse(netns.state_dir(self.name).exists())
        with_name = subprocess.run(["pgrep", "-f", f"{netns.STATE_ROOT}/{self.name}/"], capture_output=True, text=True, check=False)
        self.assertEqual(with_name.stdout, "", "processes are left")

    def test_one_percent_loss_on_one_link_is_named_and_nothing_is_left(self):
        with tempfile.TemporaryDirectory() as folder:
            summary = Path(folder) / "summary.json"
            done = subprocess.run(self.command("labdemo", "--fault", "loss", "--loss", "1%", "--link", "leaf2:spine3",
                                               "--summary", summary), check=False)
            self.assertEqual(done.returncode, 0, "the demo's own words are above")
            figures = json.loads(summary.read_text())
        self.assertEqual(figures["suspects"][0], "link leaf2>spine3")
        self.assertLess(figures["probe_rss_max_mib"], PROBE_MIB_MAX)
        self.assertLess(figures["controller_rss_max_mib"], CONTROLLER_MIB_MAX)
        self.assert_nothing_is_left()

    def test_a_lossy_link_is_named_over_ipv6_too(self):
        done = subprocess.run(self.command("labsix", "--family", "6", "--fault", "loss", "--loss", "5%", "--link", "leaf2:spine2",
                                           "--spines", "2", "--leaves", "3", "--hosts", "2", "--window", "5"), check=False)
        self.assertEqual(done.returncode, 0, "the demo's own words are above")
        self.assert_nothing_is_left()

    def test_an_interrupt_takes_everything_down(self):
        running = subprocess.Popen(self.command("labintr", "--leaves", "2", "--hosts", "1"), stdout=subprocess.PIPE, text=True)
        for line in running.stdout:
            print(line, end="")
            if "waiting for 2 nodes" in line:
                break
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        running.communicate(timeout=INTERRUPT_SECONDS_MAX)
        print(f"taken down in {time.monotonic() - began:.1f} s")
        self.assertEqual(running.returncode, 1)
        self.assert_nothing_is_left()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: the demo needs root; run the lab tests as root")
        sys.exit(0)
    BINARIES = sys.argv.pop(1)
    unittest.main(verbosity=2)
