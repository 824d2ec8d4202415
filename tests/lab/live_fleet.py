"""What a running fleet tells beside its verdict on the network, on the fleet of restart_test.py: a finding of `check` as an
incident, a capture of both ends, a cloud's tunnel that no trace shows, and a node that reports by way of another. Each
function asserts for `test`, a TestCase."""
import datetime
import subprocess

import cloud_snapshot
import netns
from fleet import CONTROL_PORT
from topology import CONTROLLER

CHECK_SETTINGS = "check: {every: 5s, incidents: [overlapping_subnets]}\n"
SEEN_SECONDS_MAX = 120
# Two networks of one host that overlap: what no packet of the fleet suffers from.
OVERLAP = ("link add c0 type bridge", "addr add 10.77.0.1/16 dev c0", "link set c0 up",
           "link add c1 type bridge", "addr add 10.77.1.1/24 dev c1", "link set c1 up")
TUNNEL_LOSS = ("-p", "udp", "-m", "statistic", "--mode", "random", "--probability", "0.25", "-j", "DROP")

CUT_NODE = "h4"
RELAYED_SECONDS_MAX = 180
RELAYED_WINDOWS_MIN = 2


def _inside(fabric, device, *argv):
    subprocess.run(netns.in_namespace(fabric, device, *argv), check=True, capture_output=True)


def office_of(fabric):
    """The hosts of the last leaf."""
    return {name for name in fabric.host_names if fabric.leaf_of(name) == f"leaf{fabric.leaves}"}


def write_snapshot(fleet, admit=True):
    addresses = {name: fleet.fabric.address(name) for name in fleet.fabric.host_names}
    return cloud_snapshot.write(fleet.folder / f"snapshot-{admit}", addresses, office_of(fleet.fabric), admit=admit)


def declare_cloud(fleet):
    """Puts what `topology import` makes of the snapshot into the controller's inventory; before the controller starts."""
    made = fleet.client.text("topology", "import", str(write_snapshot(fleet)))
    devices, ways = made.removeprefix("devices:\n").split("ways:\n")
    inventory = fleet.folder / "topology.yaml"
    inventory.write_text(inventory.read_text().replace("devices:\n", "devices:\n" + devices, 1) + "ways:\n" + ways)


def check_capture(test, fleet, folder):
    """Both ends of live flows: all that left one is at the other, and the files are there."""
    report = fleet.client.json("capture", "h1", fleet.fabric.host_names[-1], "--seconds", "3", "--dir", folder)
    test.assertEqual(report["verdict"], "arrives", report)
    test.assertGreater(report["forward"]["left"], 0)
    test.assertEqual((report["forward"]["missing"], report["return"]["missing"]), (0, 0), report)
    test.assertTrue(all(file.endswith(".pcapng") for file in report["files"]), report["files"])


def check_cloud(test, fleet):
    """Rules and measurements agree; a snapshot in which the group admits nobody is not of now."""
    counts = fleet.client.json("vpc", "compare", str(write_snapshot(fleet)), "--since", "30s")["counts"]
    test.assertGreater(counts.pop("works"), 0)
    test.assertEqual(set(counts.values()), {0}, counts)
    stale = fleet.client.json("vpc", "compare", str(write_snapshot(fleet, admit=False)), "--since", "30s")["counts"]
    test.assertGreater(stale["stale"], 0)
    test.assertEqual(stale["fails"], 0)


def check_tunnel(test, fleet, progress):
    """A quarter of what passes between office and cloud is lost: the tunnel is the suspect, though no trace shows it. Until a
    whole window shows both directions, one of them may be named first; nothing else ever."""
    leaf = f"leaf{fleet.fabric.leaves}"
    network = fleet.fabric.address(fleet.fabric.host_names[-1]).rsplit(".", 1)[0] + ".0/24"
    rules = [("-s", network, "!", "-d", network), ("-d", network, "!", "-s", network)]
    for rule in rules:
        _inside(fleet.fabric, leaf, "iptables", "-A", "FORWARD", *rule, *TUNNEL_LOSS)
    tunnel = ("tunnel", cloud_snapshot.OFFICE_TUNNEL)
    named = set()

    def look():
        suspects = [(s["kind"], s["id"]) for s in fleet.client.localize()["suspects"]]
        named.update(suspects[:1])
        return suspects[:1] == [tunnel], f"{suspects} suspected"

    progress.wait("the tunnel to be suspected", look, SEEN_SECONDS_MAX)
    for rule in rules:
        _inside(fleet.fabric, leaf, "iptables", "-D", "FORWARD", *rule, *TUNNEL_LOSS)
    others = {(kind, name) for kind, name in named - {tunnel} if kind != "link" or cloud_snapshot.OFFICE_TUNNEL not in name}
    test.assertEqual(others, set())


def break_configuration(fleet, node="h2"):
    for line in OVERLAP:
        _inside(fleet.fabric, node, "ip", *line.split())


def mend_configuration(fleet, node="h2"):
    for bridge in ("c0", "c1"):
        _inside(fleet.fabric, node, "ip", "link", "del", bridge)


def wait_finding(test, fleet, progress, state, node="h2"):
    """Until the incident of the finding is open, or resolved; returns it as `incident show` has it."""
    found = []

    def look():
        fleet.client.json("diagnose", node, "h1")  # has the probe tell its facts at once
        rows = fleet.client.json("incident", "list", "--since", "30m")["incidents"]
        found[:] = [row for row in rows if row["component"]["kind"] == "finding"]
        return any(row["state"] == state for row in found), ", ".join(row["state"] for row in found) or "none"

    progress.wait(f"the incident of the finding to be {state}", look, SEEN_SECONDS_MAX)
    test.assertEqual(len(found), 1, found)
    incident = fleet.client.json("incident", "show", found[0]["id"])
    test.assertEqual((incident["class"], incident["affected_nodes"]), ("overlapping_subnets", [node]))
    test.assertIn(f"{node} has 10.77.0.1/16 on c0", incident["remedy"]["evidence"])
    test.assertTrue(incident["remedy"]["command"].startswith("ip route get"))
    return incident


class CutOff:
    """A host that does not reach the controller's port any more; host to host nothing is wrong. Its probe notices, asks a peer
    and reports by way of that one, which takes most of a minute: other checks go on meanwhile."""

    def __init__(self, fleet, node=CUT_NODE):
        self._fleet, self._client, self._node = fleet, fleet.client, node
        self._rule = ("OUTPUT", "-p", "tcp", "-d", fleet.fabric.address(CONTROLLER), "--dport", str(CONTROL_PORT), "-j", "DROP")
        self._last = self._windows()[-1]  # that came by itself
        _inside(fleet.fabric, node, "iptables", "-I", *self._rule)

    def _windows(self):
        """When each stored window of what the host measures began, in seconds."""
        rows = self._client.json("history", self._node, "h1", "--since", "15m")["rows"]
        return sorted(datetime.datetime.fromisoformat(row["window_start"]).timestamp() for row in rows)

    def _row(self):
        row, = (r for r in self._client.json("node", "list")["nodes"] if r["name"] == self._node)
        return row

    def check_relayed(self, test, progress):
        """Windows of its arrive while it is shown as silent and by whom it reports."""
        fresh = set()

        def look():
            row = self._row()
            relay = (row["reach"] or {}).get("by_way_of")
            if row["state"] == "silent" and relay:
                fresh.add(row["last_window"])
            return len(fresh) > RELAYED_WINDOWS_MIN, f"{self._node} is {row['state']}, reports by way of {relay or 'nobody'}"

        progress.wait(f"windows of {self._node} by way of another", look, RELAYED_SECONDS_MAX)
        reach = self._row()["reach"]
        test.assertEqual(reach["condition"], "controller_way", reach)
        test.assertIn(reach["by_way_of"], set(self._fleet.fabric.host_names) - {self._node})
        by_way_of = f"reports by way of {reach['by_way_of']}"
        test.assertIn(by_way_of, self._client.text("node", "list"))
        test.assertIn(by_way_of, self._client.text("node", "show", self._node))

    def mend(self, test, progress, window_seconds):
        """It reports by itself again, and no window is missing."""
        _inside(self._fleet.fabric, self._node, "iptables", "-D", *self._rule)

        def look():
            row = self._row()
            return row["state"] == "live" and not row["reach"], f"{self._node} is {row['state']}, in question: {bool(row['reach'])}"

        progress.wait(f"{self._node} to report by itself", look, RELAYED_SECONDS_MAX)
        newest = self._windows()[-1]
        progress.wait("its next window", lambda: ((n := self._windows()[-1]) > newest, f"newest {n:.0f}"), RELAYED_SECONDS_MAX)
        expected = range(int(self._last), int(newest) + 1, window_seconds)
        test.assertEqual(set(expected) - {int(start) for start in self._windows()}, set(), "windows are missing")
