#!/usr/bin/env -S python3 -B
"""The controller is killed with SIGKILL while probes run and an incident is open: nothing is lost, nothing is counted
twice, the incident survives, and the probes come back by themselves. Then, on the same fleet, what else a running one tells
(live_fleet.py): a finding as an incident, a capture, a cloud's rules and its tunnel, and a node that is cut off from the controller
and reports by way of another. Needs root."""
import datetime
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "lab"))

import demo  # noqa: E402
import faults  # noqa: E402
import live_fleet  # noqa: E402
import options  # noqa: E402
from client import read_alerts  # noqa: E402
from cross_check import cross_check  # noqa: E402
from progress import Progress  # noqa: E402

NAME = os.environ.get("LAB_NAME", "labrestart")
FLOWS_PER_PAIR = 8
WINDOW_SECONDS = 5
WINDOWS_AWAY = 3  # how many windows end while the controller is down
CATCH_UP_SECONDS_MAX = 180


def logged_at(log, words):
    """Seconds since the epoch of the newest line that holds the words."""
    line = [line for line in log.read_text().splitlines() if words in line][-1]
    return datetime.datetime.fromisoformat(line.split()[0]).timestamp()


class Restart(unittest.TestCase):
    def setUp(self):
        self.progress = Progress(4 + 4)
        # Three leaves: with two, a link up to a spine and the link down from it carry the same flows.
        arguments = ["--name", NAME, "--spines", "2", "--leaves", "3", "--hosts", "2", "--fault", "none",
                     "--window", str(WINDOW_SECONDS)]
        self.demo = demo.Demo(options.parse([*arguments, "--binaries", BINARIES]), self.progress, live_fleet.CHECK_SETTINGS)
        self.addCleanup(self.demo.take_down)
        self.demo.bring_up()
        self.fleet, self.client = self.demo.fleet, self.demo.fleet.client

    def windows(self):
        """{start of the window: row} of one pair's stored history."""
        rows = self.client.json("history", "h1", "h3", "--since", "30m")["rows"]
        self.assertEqual(len(rows), len({row["window_start"] for row in rows}), "a window appears twice")
        return {datetime.datetime.fromisoformat(row["window_start"]).timestamp(): row for row in rows}

    def wait_window(self, what, look):
        self.progress.wait(what, look, CATCH_UP_SECONDS_MAX)

    def away(self):
        """Kills the controller and lets probes spool some windows; returns how far its data went."""
        last = max(self.windows())
        self.fleet.controller.kill()
        spool_until = last + (WINDOWS_AWAY + 1) * WINDOW_SECONDS
        self.wait_window(f"{WINDOWS_AWAY} windows without a controller", lambda: (
            datetime.datetime.now().timestamp() > spool_until, f"{WINDOWS_AWAY} windows to spool"))
        return last

    def seconds_to_return(self):
        """From the controller's line that it is ready again to the last probe that it welcomed; told, not asserted."""
        logs = self.fleet.folder / "log"
        ready = logged_at(logs / "controller.log", "controller: ready")
        return max(logged_at(log, "welcomed by") for log in logs.glob("probe-*.log")) - ready

    def test_a_killed_controller_loses_nothing_and_counts_nothing_twice(self):
        self.progress.step("Fault before the kill")
        fault = faults.Fault("loss", link="leaf1>spine1", loss=0.2)
        outcome, alerts_before = self.demo.scenario.inject(fault)
        self.assertTrue(outcome.right, outcome.sentence)
        incident = self.client.open_incidents()[0]["id"]
        self.check_bundle()

        self.progress.step("The controller is killed and started again")
        last = self.away()
        live_fleet.declare_cloud(self.fleet)
        self.fleet.run_controller()
        self.demo.wait_controller()
        self.assertEqual([i["id"] for i in self.client.open_incidents()], [incident], "the incident did not survive")
        self.demo.scenario.wait_measuring()
        self.progress.say(f"  every probe was welcomed again within {self.seconds_to_return():.1f} s of the controller's return")
        self.wait_window("the spooled windows", lambda: (
            max(self.windows()) > last + (WINDOWS_AWAY + 2) * WINDOW_SECONDS, f"{len(self.windows())} windows stored"))
        self.check_windows()
        opened = [a for a in read_alerts(self.fleet.alerts_path) if a.event == "opened"]
        self.assertEqual([a.incident_id for a in opened], [incident], "the same fault was paged twice")

        self.progress.step("Healing")
        self.demo.scenario.heal(outcome, alerts_before)
        self.check_the_rest()

    def check_the_rest(self):
        self.progress.step("What else a running fleet tells")
        live_fleet.break_configuration(self.fleet)
        live_fleet.check_cloud(self, self.fleet)
        with tempfile.TemporaryDirectory() as folder:
            live_fleet.check_capture(self, self.fleet, folder)
        incident = live_fleet.wait_finding(self, self.fleet, self.progress, "open")
        alerts = []

        def told():  # the webhook leaves after the incident can be seen
            alerts[:] = [a for a in read_alerts(self.fleet.alerts_path) if a.incident_id == incident["id"]]
            return bool(alerts), f"{len(alerts)} webhooks"

        self.progress.wait("the finding's webhook", told, live_fleet.SEEN_SECONDS_MAX)
        alert, = alerts
        self.assertEqual((alert.event, alert.payload["remedy"]), ("opened", incident["remedy"]))
        live_fleet.mend_configuration(self.fleet)
        known = self.incidents()
        cut = live_fleet.CutOff(self.fleet)  # what follows is judged without it at first, and then with what comes by way of another
        live_fleet.check_tunnel(self, self.fleet, self.progress)
        live_fleet.wait_finding(self, self.fleet, self.progress, "resolved")
        cut.check_relayed(self, self.progress)
        self.assertEqual({(kind, name) for kind, name in self.incidents() - known if kind != "tunnel"}, set())
        cut.mend(self, self.progress, WINDOW_SECONDS)

    def incidents(self):
        rows = self.client.json("incident", "list", "--since", "30m")["incidents"]
        return {(row["component"]["kind"], row["component"]["id"]) for row in rows}

    def check_bundle(self):
        with tempfile.TemporaryDirectory() as folder:
            live, differences = cross_check(self.client, WINDOW_SECONDS, folder)
        self.assertTrue(live["suspects"], "the fault is not in the span that was compared")
        self.assertEqual(differences, [], "a bundle of the controller gives another verdict than the controller")

    def check_windows(self):
        windows = self.windows()
        whole = sorted(windows)[2:-1]  # the pair's first windows and the newest may be partial
        expected = range(int(whole[0]), int(whole[-1]) + 1, WINDOW_SECONDS)
        self.assertEqual([int(start) for start in whole], list(expected), "windows are missing")
        for start in whole:
            row = windows[start]
            self.assertEqual(row["flows"], FLOWS_PER_PAIR, f"flows are missing at {row['window_start']}")
            self.assertLess(row["sent"], 1.5 * FLOWS_PER_PAIR * WINDOW_SECONDS, f"counted twice at {row['window_start']}")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: the lab needs root; run the lab tests as root")
        sys.exit(0)
    BINARIES = sys.argv.pop(1)
    unittest.main(verbosity=2)
