"""What a running fleet tells beside its verdict on the network, on the fleet of restart_test.py: a finding of `check` as an
incident, a capture of both ends, and a cloud's tunnel that no trace shows. Each function asserts for `test`, a TestCase."""
import subprocess

import cloud_snapshot
import netns

CHECK_SETTINGS = "check: {every: 5s, incidents: [overlapping_subnets]}\n"
SEEN_SECONDS_MAX = 120
# Two networks of one host that overlap: what no packet of the fleet suffers from.
OVERLAP = ("link add c0 type bridge", "addr add 10.77.0.1/16 dev c0", "link set c0 up",
           "link add c1 type bridge", "addr add 10.77.1.1/24 dev c1", "link set c1 up")
TUNNEL_LOSS = ("-p", "udp", "-m", "statistic", "--mode", "random", "--probability", "0.25", "-j", "DROP")


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
