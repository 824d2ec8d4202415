#!/usr/bin/env -S python3 -B
"""`faultline-probe test ping|port|mtu|trace|capture` and `run --once` against faults that a real kernel makes.

    a - r1 = s1 s2 s3 s4 = r2 - r3 - b      four next hops between r1 and r2; IPv4 and IPv6
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LAB = "oneoff"
PROBE, CLI = "faultline-probe", "faultline"
SPINES = ("s1", "s2", "s3", "s4")
NODES = ("a", "r1", *SPINES, "r2", "r3", "b")
ROUTERS = NODES[1:-1]
LINKS = [("a", "r1"), *(("r1", s) for s in SPINES), *((s, "r2") for s in SPINES), ("r2", "r3"), ("r3", "b")]
SYSCTLS = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.fib_multipath_hash_policy=3",
           "net.ipv4.fib_multipath_hash_fields=0x37", "net.ipv6.fib_multipath_hash_policy=3",
           "net.ipv6.fib_multipath_hash_fields=0x37", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000",
           "net.ipv4.icmp_msgs_burst=100000", "net.ipv6.icmp.ratelimit=0", "net.ipv4.icmp_errors_use_inbound_ifaddr=1"]
OK, FAULT, INCONCLUSIVE = 0, 1, 2


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()}")
    return done


def inside(node, *argv, check=True):
    return run("ip", "netns", "exec", f"{LAB}-{node}", *argv, check=check)


def index(left, right):
    return LINKS.index((left, right)) + 1


def address(node, left, right, family=4):
    last = 1 if node == left else 2
    return f"10.50.{index(left, right)}.{last}" if family == 4 else f"fd50:{index(left, right)}::{last}"


A, B = address("a", "a", "r1"), address("b", "r3", "b")
A6, B6 = address("a", "a", "r1", 6), address("b", "r3", "b", 6)
INNER = ("10.66.0.1", "10.66.0.2")  # of interfaces that are stacked on others
R2_TO_R3, R3 = address("r2", "r2", "r3"), address("r3", "r2", "r3")


def build():
    for node in NODES:
        run("ip", "netns", "add", f"{LAB}-{node}")
        keys = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", *(SYSCTLS if node in ROUTERS else [])]
        inside(node, "sysctl", "-qw", *keys)
        inside(node, "ip", "link", "set", "lo", "up")
    for left, right in LINKS:
        run("ip", "-n", f"{LAB}-{left}", "link", "add", "name", right, "type", "veth", "peer", "name", left, "netns", f"{LAB}-{right}")
        for node, device in ((left, right), (right, left)):
            inside(node, "ip", "addr", "add", f"{address(node, left, right)}/30", "dev", device)
            inside(node, "ip", "addr", "add", f"{address(node, left, right, 6)}/64", "dev", device, "nodad")
            inside(node, "ip", "link", "set", "dev", device, "up")
    for family, net in ((4, "10.50.{}.0/30"), (6, "fd50:{}::/64")):
        def route(node, to, *via):
            for left, right in to:
                hops = sum((["nexthop", "via", hop] for hop in via), [])
                inside(node, "ip", f"-{family}", "route", "add", net.format(index(left, right)), *hops)
        left_links, right_links = LINKS[:5], LINKS[5:]
        hop = lambda node, left, right: address(node, left, right, family)  # noqa: E731
        route("a", LINKS[1:], hop("r1", "a", "r1"))
        route("b", LINKS[:-1], hop("r3", "r3", "b"))
        route("r1", LINKS[-2:], *(hop(s, "r1", s) for s in SPINES))
        route("r2", LINKS[:1], *(hop(s, s, "r2") for s in SPINES))
        route("r2", LINKS[-1:], hop("r3", "r2", "r3"))
        route("r3", LINKS[:-2], hop("r2", "r2", "r3"))
        for spine in SPINES:
            route(spine, left_links[:1], hop("r1", "r1", spine))
            route(spine, right_links[-2:], hop("r2", spine, "r2"))


def remove():
    for node in NODES:
        run("ip", "netns", "del", f"{LAB}-{node}", check=False)


class OneOff(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        remove()
        cls.addClassCleanup(remove)
        build()
        here = Path(__file__).parent
        cls.reflectors = []
        for where in (B, B6):
            child = subprocess.Popen(["ip", "netns", "exec", f"{LAB}-b", sys.executable, "-B", here / "stamp_reflector.py",
                                      where, "862"], stdout=subprocess.PIPE, text=True)
            cls.addClassCleanup(child.wait)
            cls.addClassCleanup(child.terminate)
            child.stdout.readline()

    def fault(self, node, *argv, undo):
        inside(node, *argv)
        self.addCleanup(inside, node, *undo)

    def drop(self, node, *match, family=4, chain="FORWARD", target=("-j", "DROP")):
        tool = "iptables" if family == 4 else "ip6tables"
        self.fault(node, tool, "-I", chain, *match, *target, undo=(tool, "-D", chain, *match, *target))

    def mtu(self, left, right, octets, both=True):
        self.fault(left, "ip", "link", "set", "dev", right, "mtu", str(octets), undo=("ip", "link", "set", "dev", right, "mtu", "1500"))
        if both:
            self.fault(right, "ip", "link", "set", "dev", left, "mtu", str(octets), undo=("ip", "link", "set", "dev", left, "mtu", "1500"))

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
        self.fault("r2", "iptables", "-t", "mangle", "-A", "FORWARD", "-j", "DSCP", "--set-dscp", "0",
                   undo=("iptables", "-t", "mangle", "-D", "FORWARD", "-j", "DSCP", "--set-dscp", "0"))
        report = self.ask("test", "ping", B, "-c", "2", "--interval", "20ms", "--dscp", "46", code=OK)
        self.assertEqual(report["remarks"][0]["kind"], "dscp-differs")

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
            for method in ("icmp", "stamp"):
                report = self.mtu_of(target, code=OK, method=method)
                self.assertEqual((report["verdict"], report["mtu"], report["direction"]), ("ok", 1500, "both"))

    def test_a_low_mtu_is_named_with_the_router_that_says_so(self):
        self.mtu("r2", "r3", 1450)
        for target, family in ((B, 4), (B6, 6)):
            report = self.mtu_of(target)
            self.assertEqual((report["verdict"], report["mtu"]), ("low-mtu", 1450), report)
            self.assertIn("VXLAN over IPv4", report["arithmetic"])
            self.assertTrue(report["told_by"].startswith("10.50." if family == 4 else "fd50:"))

    def test_a_black_hole_is_placed(self):
        self.mtu("r2", "r3", 1400)
        self.drop("r2", "-p", "icmp", "--icmp-type", "fragmentation-needed", chain="OUTPUT")
        report = self.mtu_of()
        self.assertEqual((report["verdict"], report["mtu"]), ("black-hole", 1400), report)
        self.assertEqual((report["last_reached"]["ttl"], report["first_missed"]["ttl"]), (3, 4), report)
        self.assertEqual(report["first_missed"]["address"], R3)
        self.assertLessEqual(report["large_sent"], 151)

    def test_a_black_hole_over_ipv6_is_placed(self):
        self.mtu("r2", "r3", 1400)
        self.drop("r2", "-p", "icmpv6", "--icmpv6-type", "packet-too-big", family=6, chain="OUTPUT")
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

    def test_a_silent_router_a_limited_one_and_a_nat(self):
        self.drop("r2", "-p", "icmp", "--icmp-type", "time-exceeded", chain="OUTPUT")
        report = self.trace(B, "--flows", "2", "-c", "4")
        self.assertIn("silent-hop", self.kinds(report))
        self.doCleanups()
        inside("r3", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=1000")
        self.addCleanup(inside, "r3", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")
        report = self.trace(B, "--flows", "4", "-c", "10")
        self.assertIn("rate-limited-icmp", self.kinds(report))

    def test_a_loop(self):
        self.fault("r3", "ip", "route", "replace", f"{B}/32", "via", R2_TO_R3, undo=("ip", "route", "del", f"{B}/32"))
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
            children = [subprocess.Popen(["ip", "netns", "exec", f"{LAB}-{node}", PROBE, *argv, "--seconds", "5", "-w", file],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                        for (node, *argv), file in zip(ends, files)]
            for child in children:
                self.assertIn("capturing", child.stderr.readline())
            time.sleep(0.6)
            senders = [subprocess.Popen(["ip", "netns", "exec", f"{LAB}-a", PROBE, "run", "--once", target, "-c", "20", "--interval",
                                         "100ms", "--source-port", port, "--dscp", "46"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
                       for port in ("40000", "40001")]
            for child in (*senders, *children):
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
        child = subprocess.Popen(["ip", "netns", "exec", f"{LAB}-b", sys.executable, "-B", Path(__file__).parent / "stamp_reflector.py",
                                  INNER[1], "862"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.terminate)
        child.stdout.readline()
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
        programs = Path(sys.argv.pop(1))
        PROBE = PROBE_PATH = str(programs / PROBE)
        CLI = str(programs / CLI)
    unittest.main()
