#!/usr/bin/env -S python3 -B
"""`faultline-probe test ping|port|mtu|trace|capture` and `run --once` against faults that a real kernel makes on a chain of
routers (chain.py)."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from chain import Chain, Faults, REFLECTOR_PORT, SPINES, address, addresses, end, run, stop

CHAIN = Chain("oneoff")
LAB, inside = CHAIN.lab, CHAIN.inside
PROBE, CLI = "faultline-probe", "faultline"
OK, FAULT, INCONCLUSIVE = 0, 1, 2
CAPTURE_EDGE_SECONDS = 0.6  # what is nearer to the begin or the end of a capture, half a second, is not compared

A, B = end("a"), end("b")
A6, B6 = end("a", 6), end("b", 6)
INNER = ("10.66.0.1", "10.66.0.2")  # of interfaces that are stacked on others
R2_TO_R3, R3 = address("r2", "r2", "r3"), address("r3", "r2", "r3")


class OneOff(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        CHAIN.remove()
        cls.addClassCleanup(CHAIN.remove)
        CHAIN.build()
        for where in (B, B6):
            cls.addClassCleanup(stop, CHAIN.start("b", "stamp_reflector.py", where, REFLECTOR_PORT))

    def setUp(self):
        self.faults = Faults(CHAIN, self.addCleanup)
        self.fault, self.drop, self.mtu = self.faults.make, self.faults.filter, self.faults.mtu

    def ask(self, *argv, code=None, node="a"):
        done = inside(node, PROBE, *argv, "-o", "json", check=False)
        self.assertTrue(done.stdout, done.stderr)
        report = json.loads(done.stdout)
        if code is not None:
            self.assertEqual(done.returncode, code, json.dumps(report)[:2000])
        text = inside(node, PROBE, *argv, check=False).stdout if os.environ.get("SHOW") else ""
        print(text, end="")
        return report

    # ---- ping and port

    def test_pings_of_every_kind_answer_over_both_families(self):
        for target in (B, B6):
            for method in ("icmp", "stamp"):
                report = self.ask("test", "ping", target, "--method", method, "-c", "4", "--interval", "20ms", "--dscp", "46",
                                   code=OK)
                self.assertEqual((report["verdict"], report["answered"], report["loss_ratio"]), ("answered", 4, 0))
                self.assertEqual(report["pings"][0]["ttl"], 60 if method == "icmp" else report["pings"][0]["ttl"])
                self.assertLess(report["rtt_us_min"], report["rtt_us_max"] + 0.1)
        report = self.ask("run", "--once", B, "-c", "5", "--interval", "20ms", "--size", "600", code=OK)
        self.assertEqual((report["schema"], report["sent"], report["answered"], report["size"]), ("faultline.test/1", 5, 5, 600))

    def test_loss_and_silence_are_told(self):
        self.drop("r3", "-d", B, "-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0")
        report = self.ask("test", "ping", B, "-c", "10", "--interval", "20ms", code=FAULT)
        self.assertEqual((report["verdict"], report["answered"]), ("lossy", 5))
        report = self.ask("test", "ping", "10.50.99.1", "-c", "2", "--interval", "20ms", "--timeout", "300ms")
        self.assertNotEqual(report.get("outcome"), "ok", report)

    def test_a_class_that_is_rewritten_on_the_way_is_seen(self):
        for family, target in ((4, B), (6, B6)):
            self.drop("r2", family=family, table="mangle", target=("-j", "DSCP", "--set-dscp", "0"))
            for method, kind in (("icmp", "dscp-differs"), ("stamp", "dscp-rewritten")):
                report = self.ask("test", "ping", target, "--method", method, "-c", "2", "--interval", "20ms", "--dscp", "46", code=OK)
                self.assertEqual([remark["kind"] for remark in report["remarks"]], [kind])
        self.doCleanups()
        report = self.ask("test", "ping", B, "--method", "stamp", "-c", "2", "--interval", "20ms", "--dscp", "46", code=OK)
        self.assertEqual((report["remarks"], report["pings"][0]["dscp_there"]), ([], 46))

    def test_quic_that_is_spoken_and_that_is_not(self):
        few = ("--method", "quic", "-c", "3", "--interval", "20ms", "--timeout", "500ms")
        for target in (B, B6):
            self.faults.start("b", "quic_responder.py", target, 443)
            report = self.ask("test", "ping", target, "--port", "443", *few, code=OK)
            self.assertEqual((report["verdict"], report["answered"]), ("open", 3))
            self.assertIn("QUIC", report["pings"][0]["note"])
            self.assertEqual(self.ask("test", "port", target, "443", "--quic", "-c", "2", "--interval", "20ms", code=OK)["verdict"], "open")
            self.assertEqual(self.ask("test", "ping", target, "--port", "444", *few, code=FAULT)["verdict"], "refused")
        self.drop("r3", "-p", "udp", "--dport", "443")
        self.assertEqual(self.ask("test", "ping", B, "--port", "443", *few, code=FAULT)["verdict"], "timeout")

    def test_what_lacks_for_icmp_is_said_and_never_silent(self):
        inside("a", "sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
        done = inside("a", "setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534", "--inh-caps=-all",
                      "--bounding-set=-all", PROBE_PATH, "test", "ping", B, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CAP_NET_RAW", done.stderr)
        inside("a", "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        done = inside("a", "setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534", "--inh-caps=-all",
                      "--bounding-set=-all", PROBE_PATH, "test", "ping", B, "-c", "1", check=False)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("ICMP datagram socket", done.stdout)

    def test_open_refused_filtered_and_silent_ports(self):
        server = subprocess.Popen(["ip", "netns", "exec", f"{LAB}-b", sys.executable, "-c",
                                   "import socket,time\ns=socket.create_server(('::',8080),family=socket.AF_INET6,dualstack_ipv6=True)"
                                   "\nprint('ready',flush=True)\ntime.sleep(60)"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        server.stdout.readline()
        for target in (B, B6):
            few = ("-c", "2", "--interval", "20ms", "--timeout", "500ms")
            self.assertEqual(self.ask("test", "port", target, "8080", *few, code=OK)["verdict"], "open")
            self.assertEqual(self.ask("test", "port", target, "8081", *few, code=FAULT)["verdict"], "refused")
            family = 6 if ":" in target else 4
            self.drop("r3", "-p", "tcp", "--dport", "8082", family=family, target=(
                "-j", "REJECT", "--reject-with", "icmp6-adm-prohibited" if family == 6 else "icmp-admin-prohibited"))
            report = self.ask("test", "port", target, "8082", *few, code=FAULT)
            self.assertEqual(report["verdict"], "filtered")
            self.assertIn(address("r3", "r2", "r3", family), report["summary"])
            self.drop("r3", "-p", "tcp", "--dport", "8083", family=family)
            self.assertEqual(self.ask("test", "port", target, "8083", *few, code=FAULT)["verdict"], "timeout")

    # ---- MTU

    def mtu_of(self, target=B, *argv, code=FAULT, method="icmp"):
        return self.ask("test", "mtu", target, "--method", method, "--timeout", "300ms", *argv, code=code)

    def test_a_healthy_path_carries_what_the_interface_takes(self):
        for target in (B, B6):
            for method, direction in (("icmp", "both"), ("stamp", "forward")):
                report = self.mtu_of(target, code=OK, method=method)
                self.assertEqual((report["verdict"], report["mtu"], report["direction"]), ("ok", 1500, direction))

    def test_a_low_mtu_is_named_with_the_router_that_says_so(self):
        self.mtu("r2", "r3", 1450)
        for target, family in ((B, 4), (B6, 6)):
            report = self.mtu_of(target)
            self.assertEqual((report["verdict"], report["mtu"]), ("low-mtu", 1450), report)
            self.assertIn("VXLAN over IPv4", report["arithmetic"])
            self.assertIn(report["told_by"], addresses("r2", family))

    def test_a_black_hole_is_placed(self):
        self.mtu("r2", "r3", 1400)
        self.faults.no_too_big("r2")
        report = self.mtu_of()
        self.assertEqual((report["verdict"], report["mtu"]), ("black-hole", 1400), report)
        self.assertEqual((report["last_reached"]["ttl"], report["first_missed"]["ttl"]), (3, 4), report)
        self.assertEqual(report["first_missed"]["address"], R3)
        self.assertLessEqual(report["large_sent"], 151)

    def test_a_black_hole_over_ipv6_is_placed(self):
        self.mtu("r2", "r3", 1400)
        self.faults.no_too_big("r2", 6)
        report = self.mtu_of(B6)
        self.assertEqual((report["verdict"], report["mtu"]), ("black-hole", 1400), report)
        self.assertEqual((report["last_reached"]["ttl"], report["first_missed"]["ttl"]), (3, 4), report)

    def test_an_interface_that_takes_less_than_its_neighbor_sends(self):
        self.mtu("b", "r3", 1400, both=False)
        report = self.mtu_of(B, "--far-mtu", "1400")
        self.assertEqual(report["verdict"], "interface-mismatch", report)
        self.assertIn(report["mtu"], (1400, 1404), "a kernel may take a VLAN tag's octets more")

    def test_loss_is_not_taken_for_a_size(self):
        # Of 20 small packets the third and so on; the first large one, which is the 21st, goes with them.
        self.drop("r3", "-d", B, "-m", "statistic", "--mode", "nth", "--every", "3", "--packet", "2")
        report = self.mtu_of()
        self.assertEqual((report["verdict"], report["mtu"]), ("loss", 1500), report)
        self.assertGreater(report["large_sent"], 1, "no large packet was lost")

    def test_what_the_kernel_remembers_of_a_path_is_not_believed(self):
        for family, target in ((4, B), (6, B6)):
            self.faults.route("a", target, "via", address("r1", "a", "r1", family), "mtu", "1300", family=family)
            for method in ("icmp", "stamp"):
                report = self.mtu_of(target, code=OK, method=method)
                self.assertEqual((report["verdict"], report["mtu"]), ("ok", 1500), report)
        self.doCleanups()
        for target in (B, B6):
            self.faults.learn_mtu(target, 1400)
            for method in ("icmp", "stamp"):
                report = self.mtu_of(target, code=OK, method=method)
                self.assertEqual((report["verdict"], report["mtu"]), ("ok", 1500), report)

    def test_each_direction_has_a_verdict_of_its_own(self):
        self.faults.route("r2", A, "via", address("s1", "s1", "r2"), "mtu", "1400")
        self.faults.no_too_big("r2")
        self.faults.start("a", "stamp_reflector.py", A, REFLECTOR_PORT)
        there = self.mtu_of(B, code=OK, method="stamp")
        self.assertEqual((there["verdict"], there["mtu"], there["direction"]), ("ok", 1500, "forward"), there)
        back = self.ask("test", "mtu", A, "--method", "stamp", "--timeout", "300ms", code=FAULT, node="b")
        self.assertEqual((back["verdict"], back["mtu"], back["direction"]), ("black-hole", 1400, "forward"), back)
        self.assertEqual((back["last_reached"]["ttl"], back["first_missed"]["ttl"]), (2, 3), back)
        self.assertEqual(self.mtu_of(code=OK)["mtu"], 1500, "an echo may come back in pieces: it tells nothing of the way back")

    # ---- trace

    def kinds(self, report):
        return {remark["kind"] for remark in report["remarks"]}

    def trace(self, target=B, *argv, code=OK):
        timeout = () if "--timeout" in argv else ("--timeout", "500ms")
        return self.ask("test", "trace", target, "--rate", "1000", *timeout, *argv, code=code)

    def test_all_four_paths_are_found(self):
        for target, family in ((B, 4), (B6, 6)):
            report = self.trace(target, "--flows", "64", "-c", "2")
            self.assertEqual(len(report["paths"]), 4, report["remarks"])
            self.assertEqual(sum(path["flows"] for path in report["paths"]), 64)
            spines = {path["hops"][1]["address"] for path in report["paths"]}
            self.assertEqual(spines, {address(s, "r1", s, family) for s in SPINES})
            for path in report["paths"]:
                self.assertEqual((len(path["hops"]), path["ended"], path["loss_ratio"]), (4, "reached", 0), path)
            self.assertEqual(self.kinds(report), {"load-balancing"})

    def test_loss_of_one_path_is_that_path_s(self):
        self.drop("s2", "-d", B, "-m", "statistic", "--mode", "random", "--probability", "0.5")
        report = self.trace(B, "--flows", "32", "-c", "8", code=FAULT)
        lossy = {path["hops"][1]["address"] for path in report["paths"] if path["hops"][1]["address"] and path["loss_ratio"]}
        self.assertEqual(lossy, {address("s2", "r1", "s2")}, report["paths"])

    def test_a_silent_router_and_a_limited_one(self):
        self.faults.no_time_exceeded("r2")
        report = self.trace(B, "--flows", "2", "-c", "4")
        self.assertIn("silent-hop", self.kinds(report))
        self.doCleanups()
        self.faults.sysctl("r3", "net.ipv4.icmp_ratelimit", 1000)
        report = self.trace(B, "--flows", "4", "-c", "10")
        self.assertIn("rate-limited-icmp", self.kinds(report))

    def test_a_nat_and_a_rewritten_ttl(self):
        for family, target in ((4, B), (6, B6)):
            outside = address("r2", "r2", "r3", family)
            self.drop("r2", "-p", "udp", "-d", target, family=family, table="nat", chain="POSTROUTING",
                      target=("-j", "SNAT", "--to-source", outside))
            report = self.trace(target, "--flows", "2")
            self.assertIn("nat", self.kinds(report))
            self.assertTrue(any(outside in remark["text"] for remark in report["remarks"]), report["remarks"])
            self.doCleanups()
            rewrite = ("-j", "TTL", "--ttl-set", "64") if family == 4 else ("-j", "HL", "--hl-set", "64")
            self.drop("r2", "-p", "udp", "-d", target, family=family, table="mangle", chain="PREROUTING", target=rewrite)
            report = self.trace(target, "--flows", "2")
            self.assertIn("ttl-tampering", self.kinds(report))
            self.assertNotIn("nat", self.kinds(report))
            self.doCleanups()

    def test_a_loop(self):
        self.faults.route("r3", B, "via", R2_TO_R3)
        report = self.trace(code=FAULT)
        self.assertEqual((report["verdict"], report["paths"][0]["ended"]), ("loop", "loop"))

    def test_a_host_that_is_not_there(self):
        # Undone last first: the routes that went with the address can come back only after it.
        self.addCleanup(inside, "b", "ip", "route", "replace", "10.50.0.0/16", "via", address("r3", "r3", "b"))
        self.fault("b", "ip", "addr", "del", f"{B}/30", "dev", "r3", undo=("ip", "addr", "add", f"{B}/30", "dev", "r3"))
        report = self.trace(B, "--timeout", "4s", code=FAULT)
        self.assertEqual(report["verdict"], "not-reached")

    # ---- capture

    def capture(self, code, far="b", target=B, source=A):
        """Both ends at once, while 40 packets of two flows cross; returns the comparison."""
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/{node}.pcapng" for node in ("a", far)]
            ends = [("a", "test", "capture", target, "--port", "862"), (far, "test", "capture", source, "--source-port", "862")]
            children = [subprocess.Popen(["ip", "netns", "exec", f"{LAB}-{node}", PROBE, *argv, "--seconds", "60", "-w", file],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                        for (node, *argv), file in zip(ends, files)]
            for child in children:
                self.assertIn("capturing", child.stderr.readline())
            time.sleep(CAPTURE_EDGE_SECONDS)
            senders = [subprocess.Popen(["ip", "netns", "exec", f"{LAB}-a", PROBE, "run", "--once", target, "-c", "20", "--interval",
                                         "100ms", "--source-port", port, "--dscp", "46"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
                       for port in ("40000", "40001")]
            for sender in senders:
                sender.communicate()
            time.sleep(CAPTURE_EDGE_SECONDS)
            for child in children:
                child.send_signal(signal.SIGINT)
            for child in children:
                child.communicate()
            done = run(CLI, "capture", "--files", *files, "-o", "json", check=False)
            self.assertTrue(done.stdout, done.stderr)
            if os.environ.get("SHOW"):
                print(run(CLI, "capture", "--files", *files, check=False).stdout)
            report = json.loads(done.stdout)
            self.assertEqual(done.returncode, code, json.dumps(report)[:3000])
            return report

    def altered(self, report, way, field):
        return [(row["before"], row["after"]) for row in report[way]["alterations"] if row["field"] == field]

    def test_a_healthy_way_arrives_as_it_was_sent(self):
        for target, source in ((B, A), (B6, A6)):
            report = self.capture(OK, target=target, source=source)
            self.assertEqual((report["verdict"], report["forward"]["left"], report["return"]["left"]), ("arrives", 40, 40))
            self.assertEqual((report["source"], report["target"]), (source, target))
            self.assertEqual(self.altered(report, "forward", "ttl"), [("255", "251")])
            self.assertTrue(any("from a to b 4 routers" in note for note in report["notes"]), report["notes"])
            self.assertEqual([flow["source_port"] for flow in report["flows"]], [40000, 40001])

    def test_loss_is_told_by_direction(self):
        every_fifth = ("-m", "statistic", "--mode", "nth", "--every", "5", "--packet", "0")
        self.drop("r3", "-d", B, *every_fifth)
        report = self.capture(FAULT)
        self.assertEqual((report["verdict"], report["forward"]["missing"], report["return"]["missing"]), ("lost-forward", 8, 0))
        self.doCleanups()
        self.drop("r2", "-d", A, *every_fifth)
        report = self.capture(FAULT)
        self.assertEqual((report["verdict"], report["forward"]["missing"], report["return"]["missing"]), ("lost-return", 0, 8))

    def test_total_loss_has_a_direction_too(self):
        self.drop("r3", "-d", A)
        report = self.capture(FAULT)
        self.assertEqual((report["verdict"], report["return"]["left"], report["return"]["missing"]), ("lost-return", 40, 40))

    def test_one_flow_that_vanishes_is_named(self):
        self.drop("r3", "-d", B, "-p", "udp", "--sport", "40001")
        report = self.capture(FAULT)
        self.assertEqual(report["forward"]["patterns"], [{"kind": "ports", "lost": [40001], "arrives_max": None}])

    def test_what_the_far_end_drops_itself_has_arrived(self):
        self.drop("b", "-p", "udp", "--dport", "862", chain="INPUT")
        report = self.capture(FAULT)
        self.assertEqual((report["verdict"], report["asked"], report["unanswered"]), ("not-answered", 40, 40))

    def test_what_the_near_end_drops_itself_never_left(self):
        self.drop("a", "-p", "udp", "--dport", "862", chain="OUTPUT")
        self.assertEqual(self.capture(FAULT)["verdict"], "not-sent")

    def test_a_rewritten_class_is_told(self):
        table = "add table ip rewrite; add chain ip rewrite f { type filter hook forward priority 0; }; "
        self.fault("r3", "nft", table + f"add rule ip rewrite f ip daddr {B} ip dscp set cs1",
                   undo=("nft", "delete table ip rewrite"))
        report = self.capture(FAULT)
        self.assertEqual((report["verdict"], self.altered(report, "forward", "dscp")), ("altered", [("46", "8")]))

    def test_nat_is_seen_and_is_no_loss(self):
        self.fault("r2", "iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "udp", "-d", B, "-j", "SNAT", "--to-source", f"{R2_TO_R3}:50000-50009",
                   undo=("iptables", "-t", "nat", "-F", "POSTROUTING"))
        report = self.capture(OK)
        self.assertEqual((report["verdict"], report["forward"]["left"], report["forward"]["missing"]), ("translated", 40, 0))
        sources = self.altered(report, "forward", "address-from")
        self.assertEqual([row[0] for row in sources], [f"{A}:40000", f"{A}:40001"])
        self.assertTrue(all(row[1].startswith(f"{R2_TO_R3}:5000") for row in sources), sources)

    def stacked(self, *kind):
        """Interfaces s0 at a and b on a cable of their own (or over the routers, for a tunnel), with a reflector behind; whether
        this kernel has the kind."""
        self.fault("a", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d0", "netns", f"{LAB}-b",
                   undo=("ip", "link", "del", "d0"))
        for node, own, other, inner in (("a", A, B, INNER[0]), ("b", B, A, INNER[1])):
            inside(node, "ip", "link", "set", "d0", "up")
            words = [{"OWN": own, "OTHER": other}.get(word, word) for word in kind]
            done = inside(node, "ip", "link", "add", *words, check=False)
            if done.returncode != 0:
                print(f"this kernel has no {' '.join(kind)}: {done.stderr.strip()}", file=sys.stderr)
                return False
            self.addCleanup(inside, node, "ip", "link", "del", "s0", check=False)
            if "bridge" in kind or "bond" in kind:
                inside(node, "ip", "link", "set", "d0", "down")
                inside(node, "ip", "link", "set", "d0", "master", "s0")
                inside(node, "ip", "link", "set", "d0", "up")
            inside(node, "ip", "addr", "add", f"{inner}/24", "dev", "s0")
            inside(node, "ip", "link", "set", "s0", "up")
        self.faults.start("b", "stamp_reflector.py", INNER[1], REFLECTOR_PORT)
        return True

    def test_packets_of_stacked_interfaces_are_captured_once(self):
        for kind in (("s0", "type", "bridge"), ("link", "d0", "name", "s0", "type", "vlan", "id", "7"), ("s0", "type", "bond")):
            if self.stacked(*kind):
                report = self.capture(OK, target=INNER[1], source=INNER[0])
                self.assertEqual((report["verdict"], report["forward"]["missing"], report["return"]["missing"]), ("arrives", 0, 0), kind)
                for way in ("forward", "return"):  # each once, though two interfaces see it
                    self.assertIn(report[way]["left"], range(30, 41), kind)
            self.doCleanups()

    def test_loss_below_a_tunnel_is_loss_of_what_is_in_it(self):
        if not self.stacked("s0", "type", "vxlan", "id", "7", "local", "OWN", "remote", "OTHER", "dstport", "4789"):
            return
        self.assertEqual(self.capture(OK, target=INNER[1], source=INNER[0])["verdict"], "arrives")
        self.drop("r3", "-p", "udp", "--dport", "4789", "-d", B, "-m", "statistic", "--mode", "nth", "--every", "5", "--packet", "0")
        report = self.capture(FAULT, target=INNER[1], source=INNER[0])
        self.assertEqual((report["verdict"], report["return"]["missing"]), ("lost-forward", 0))
        self.assertGreaterEqual(report["forward"]["missing"], 6)

    def test_a_capture_without_the_capability_is_refused_with_a_sentence(self):
        done = inside("a", "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", PROBE, "test", "capture", B,
                      "--seconds", "1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CAP_NET_RAW", done.stderr)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root")
        sys.exit(0)
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
        programs = Path(sys.argv.pop(1)).resolve()
        PROBE = PROBE_PATH = str(programs / PROBE)
        CLI = str(programs / CLI)
    unittest.main()
