#!/usr/bin/env -S python3 -B
"""`faultline-probe facts` in a namespace against what `ip -j` says of it: every kind of interface that this kernel has."""
import json
import os
import subprocess
import sys
import time
import unittest

SPACE, PEER = "facts-node", "facts-peer"
PROBE = "faultline-probe"
# Each stands alone: a kernel without the kind is told in the output, and the others are compared.
KINDS = {
    "bridge": "link add br0 type bridge",
    "port": "link set v1 master br0",
    "vlan": "link add link v0 name v0.100 type vlan id 100",
    "vxlan": "link add vx0 type vxlan id 42 dev v0 local 10.1.0.1 remote 10.1.0.2 dstport 4789",
    "vxlan6": "link add vx6 type vxlan id 43 local fd01::1 remote fd01::2 dstport 4790 nolearning",
    "bond": "link add bond0 type bond mode 802.3ad",
    "macvtap": "link add link v0 name mt0 type macvtap mode bridge",
    "macvlan": "link add link v0 name mv0 type macvlan mode private",
    "tap": "tuntap add dev tap0 mode tap",
    "dummy": "link add d0 type dummy",
}
SETUP = """\
link set lo up
link set v0 up
link set v1 up
link set v0 mtu 1400
addr add 10.1.0.1/24 dev v0
addr add 10.1.0.9/24 dev v0
addr add 10.9.0.1 peer 10.9.0.2/32 dev v1
addr add fd01::1/64 dev v0 nodad
neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev v0
neigh add fd01::77 lladdr 02:00:00:00:00:78 dev v0
route add default via 10.1.0.2 dev v0 metric 50
route add 10.2.0.0/16 proto static mtu 1300 nexthop via 10.1.0.2 dev v0 weight 2 nexthop via 10.9.0.2 dev v1
route add blackhole 10.3.0.0/16
route add 10.4.0.0/16 via 10.1.0.2 table 100
route add fd02::/64 via fd01::2 dev v0
rule add from 10.1.0.9/32 lookup 100 priority 1000
rule add fwmark 7 iif v1 lookup 100 priority 1001
"""


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"`{' '.join(argv)}` failed: {done.stderr.strip()}")
    return done


def ip(*argv, check=True):
    return run("ip", "-n", SPACE, *argv, check=check)


def ip_json(*argv):
    return json.loads(ip("-j", "-d", *argv).stdout or "[]")


class Facts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.tearDownClass()
        for space in (SPACE, PEER):
            run("ip", "netns", "add", space)
        cls.addClassCleanup(cls.tearDownClass)
        run("ip", "-n", SPACE, "link", "add", "v0", "type", "veth", "peer", "name", "p0", "netns", PEER)
        run("ip", "-n", SPACE, "link", "add", "v1", "type", "veth", "peer", "name", "p1", "netns", PEER)
        for name in ("p0", "p1"):
            run("ip", "-n", PEER, "link", "set", name, "up")
        for line in SETUP.splitlines():
            ip(*line.split())
        cls.missing = sorted(kind for kind, line in KINDS.items() if ip(*line.split(), check=False).returncode != 0)
        run("ip", "netns", "exec", SPACE, "sysctl", "-qw", "net.ipv4.conf.v0.rp_filter=2", "net.ipv4.ip_forward=1")
        done = run("ip", "netns", "exec", SPACE, PROBE, "facts")
        cls.facts = json.loads(done.stdout)
        cls.interfaces = {i["name"]: i for i in cls.facts["interfaces"]["items"]}
        cls.by_ip = {i["ifname"]: i for i in ip_json("link", "show")}

    @classmethod
    def tearDownClass(cls):
        for space in (SPACE, PEER):
            run("ip", "netns", "del", space, check=False)

    def test_interfaces_are_the_same(self):
        self.assertEqual(set(self.interfaces), set(self.by_ip))
        for name, theirs in self.by_ip.items():
            ours = self.interfaces[name]
            with self.subTest(interface=name):
                self.assertEqual(ours["index"], theirs["ifindex"])
                self.assertEqual(ours["mtu"], theirs["mtu"])
                self.assertEqual(ours["state"], theirs["operstate"].lower())
                self.assertEqual(ours["up"], "UP" in theirs["flags"])
                if ours["up"]:
                    self.assertEqual(ours["carrier"], "LOWER_UP" in theirs["flags"])
                if "LOOPBACK" not in theirs["flags"] and theirs["link_type"] == "ether":
                    self.assertEqual(ours["mac"], theirs["address"])
                self.assertEqual(ours.get("kind", ""), theirs.get("linkinfo", {}).get("info_kind", ""))
                self.assertEqual(ours.get("master"), theirs.get("master"))
                self.assertEqual(ours.get("lower"), theirs.get("link"))
                self.assertEqual(ours.get("peer_elsewhere", False), "link_netnsid" in theirs)

    def test_kinds_are_told_with_their_own_settings(self):
        for name, theirs in self.by_ip.items():
            data = theirs.get("linkinfo", {}).get("info_data", {})
            ours = self.interfaces[name]
            with self.subTest(interface=name):
                if ours.get("kind") == "vxlan":
                    vxlan = ours["vxlan"]
                    self.assertEqual((vxlan["vni"], vxlan["port"]), (data["id"], data["port"]))
                    self.assertEqual(vxlan.get("underlay"), data.get("link"))
                    self.assertEqual(vxlan["remote"], data.get("remote", data.get("remote6")))
                    self.assertEqual(vxlan["local"], data.get("local", data.get("local6")))
                    self.assertEqual(vxlan.get("learning", False), data["learning"])
                if ours.get("kind") == "vlan":
                    self.assertEqual(ours["vlan"], data["id"])
                if ours.get("kind") in ("macvlan", "macvtap", "bond"):
                    self.assertEqual(ours["mode"], data["mode"])
        if "tap" not in self.missing:
            self.assertEqual(self.interfaces["tap0"]["mode"], "tap")

    def test_addresses_are_the_same(self):
        theirs = {(i["ifname"], f"{a['local']}/{a['prefixlen']}", a["scope"], a.get("secondary", False))
                  for i in ip_json("addr", "show") for a in i["addr_info"]}
        ours = {(a["interface"], a["address"], a["scope"], a.get("secondary", False))
                for a in self.facts["addresses"]["items"]}
        self.assertEqual(ours, theirs)
        self.assertEqual(self.facts["addresses"]["total"], len(theirs))

    def test_routes_are_the_same(self):
        theirs = set()
        for family in ("-4", "-6"):
            for route in ip_json(family, "route", "show", "table", "all"):
                if route.get("type", "unicast") in ("local", "broadcast", "multicast", "anycast"):
                    continue
                hops = route.get("nexthops") or [route]
                destination = route["dst"] if route["dst"] != "default" else ("::/0" if family == "-6" else "0.0.0.0/0")
                if "/" not in destination:
                    destination += "/128" if family == "-6" else "/32"
                theirs.add((destination, route.get("type", "unicast"), str(route.get("table", "main")), route.get("metric", 0),
                            tuple(sorted((h.get("gateway"), h.get("dev"), h.get("weight", 1)) for h in hops if h.get("dev")))))
        ours = {(r["destination"], r["type"], {254: "main"}.get(r["table"], str(r["table"])), r.get("metric", 0),
                 tuple(sorted((h.get("gateway"), h.get("interface"), h["weight"])
                              for h in r.get("next_hops", []) if r["type"] == "unicast")))
                for r in self.facts["routes"]["items"]}
        theirs = {(d, t, table, metric, hops if t == "unicast" else ()) for d, t, table, metric, hops in theirs}
        self.assertEqual(ours, theirs)
        multipath = next(r for r in self.facts["routes"]["items"] if r["destination"] == "10.2.0.0/16")
        self.assertEqual((multipath["mtu"], multipath["protocol"], len(multipath["next_hops"])), (1300, "static", 2))

    def test_rules_are_the_same(self):
        tables = {"local": 255, "main": 254, "default": 253}
        theirs = {(r["priority"], tables.get(r["table"]) or int(r["table"]), r.get("src"), r.get("iif"))
                  for r in json.loads(ip("-j", "-4", "rule", "show").stdout)}
        ours = {(r["priority"], r["table"], r.get("from", "all").removesuffix("/32"), r.get("input"))
                for r in self.facts["rules"]["items"] if not r.get("v6")}
        self.assertEqual(ours, theirs)

    def test_neighbors_are_the_same(self):
        theirs = {(n["dst"], n["dev"], n.get("lladdr")) for n in ip_json("neigh", "show") if "PERMANENT" in n["state"]}
        ours = {(n["address"], n["interface"], n.get("mac")) for n in self.facts["neighbors"]["items"]
                if n["state"] == "permanent"}
        self.assertEqual(ours, theirs)
        self.assertEqual(len(ours), 2)

    def test_what_a_bridge_learned_is_the_same(self):
        ip("link", "set", "br0", "up")
        run("bridge", "-n", SPACE, "fdb", "add", "02:00:00:00:00:79", "dev", "v1", "master", "dynamic")
        facts = json.loads(run("ip", "netns", "exec", SPACE, PROBE, "facts").stdout)
        theirs = {(e["master"], e["ifname"], e["mac"]) for e in json.loads(run("bridge", "-n", SPACE, "-j", "fdb", "show").stdout)
                  if "master" in e and e["state"] != "permanent" and "self" not in e.get("flags", [])}
        ours = {(e["bridge"], e["port"], e["mac"]) for e in facts["bridge_entries"]["items"]}
        self.assertEqual(ours, theirs)
        self.assertIn(("br0", "v1", "02:00:00:00:00:79"), ours)

    def test_settings_are_those_of_the_namespace(self):
        self.assertEqual(self.interfaces["v0"]["rp_filter"], 2)
        self.assertEqual(self.interfaces["v0"]["forwarding"], 1)
        self.assertEqual(self.facts["sysctls"]["net.ipv4.ip_forward"], 1)

    def test_a_listener_and_a_firewall_are_found(self):
        rules = "table inet t { chain i { type filter hook input priority 0; policy drop; udp dport 862 accept; }; }"
        subprocess.run(["ip", "netns", "exec", SPACE, "nft", rules], check=True)
        self.addCleanup(run, "ip", "netns", "exec", SPACE, "nft", "flush", "ruleset")
        code = ("import socket,subprocess,sys; s=socket.socket(); s.bind(('127.0.0.1',7777)); s.listen(); "
                "u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind(('0.0.0.0',862)); "
                "sys.stdout.write(subprocess.run([sys.argv[1],'facts'],capture_output=True,text=True).stdout)")
        facts = json.loads(run("ip", "netns", "exec", SPACE, sys.executable, "-c", code, PROBE).stdout)
        listeners = {(entry["protocol"], entry["address"], entry["port"]) for entry in facts["listeners"]["items"]}
        self.assertEqual(listeners, {("tcp", "127.0.0.1", 7777), ("udp", "0.0.0.0", 862)})
        chain, = facts["firewall"]["chains"]
        self.assertEqual((chain["hook"], chain["policy"], chain["rules"]), ("input", "drop", 1))
        rule, = facts["firewall"]["rules"]["items"]
        self.assertEqual((rule["verdict"], rule["protocol"], rule["ports"]), ("accept", "udp", ["862"]))

    def test_without_privilege_the_firewall_is_unknown_and_the_rest_is_read(self):
        done = run("ip", "netns", "exec", SPACE, "setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all",
                   "--bounding-set=-all", PROBE, "facts")
        facts = json.loads(done.stdout)
        self.assertNotIn("firewall", facts)
        why = next(u["why"] for u in facts["unknown"] if u["what"] == "firewall")
        self.assertIn("not permitted", why)
        self.assertEqual({i["name"] for i in facts["interfaces"]["items"]}, set(self.by_ip))


LLDPD = "/usr/sbin/lldpd"


@unittest.skipUnless(os.access(LLDPD, os.X_OK), "lldpd is not installed")
class Lldp(unittest.TestCase):
    """Two real lldpd on one cable, each with a /run of its own: its socket is a file, which namespaces of networks share."""

    def daemon(self, space, name):
        script = f"mount -t tmpfs tmpfs /run && mkdir /run/lldpd && hostname {name} && exec {LLDPD} -d"
        child = subprocess.Popen(["ip", "netns", "exec", space, "unshare", "-m", "-u", "sh", "-c", script],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            child.terminate()
            child.wait(10)
        self.addCleanup(end)
        return child

    def beside(self, child, *argv):
        return run("nsenter", "-t", str(child.pid), "-m", "-n", "-u", *argv, check=False)

    def test_the_port_at_the_other_end_is_told_as_its_lldpd_calls_it(self):
        for space in ("lldp-node", "lldp-switch"):
            run("ip", "netns", "add", space)
            self.addCleanup(run, "ip", "netns", "del", space)
        run("ip", "-n", "lldp-node", "link", "add", "eth0", "type", "veth", "peer", "name", "swp7", "netns", "lldp-switch")
        run("ip", "-n", "lldp-node", "link", "set", "eth0", "up")
        run("ip", "-n", "lldp-switch", "link", "set", "swp7", "up")
        node, switch = self.daemon("lldp-node", "node1"), self.daemon("lldp-switch", "leaf9")
        for _ in range(60):  # at most half a minute
            time.sleep(0.5)
            self.beside(switch, "lldpcli", "update")
            facts = json.loads(self.beside(node, PROBE, "facts").stdout or "{}")
            if facts.get("lldp"):
                break
        self.assertEqual([(n["interface"], n["chassis"], n["port"]) for n in facts["lldp"]], [("eth0", "leaf9", "swp7")])


class Cost(unittest.TestCase):
    def test_a_big_namespace_costs_less_than_a_thousandth_of_a_processor(self):
        """3,000 routes and 900 neighbors: processor time, against the pause that follows."""
        run("ip", "netns", "add", "facts-big")
        self.addCleanup(run, "ip", "netns", "del", "facts-big")
        lines = ["link add v0 type veth peer name v1", "link set v0 up", "addr add 10.0.0.1/16 dev v0"]
        lines += [f"route add 172.{16 + i // 250}.{i % 250}.0/24 via 10.0.0.2" for i in range(3000)]
        lines += [f"neigh add 10.0.{i // 250}.{i % 250 + 3} lladdr 02:00:00:00:00:01 dev v0" for i in range(900)]
        batch = subprocess.run(["ip", "-n", "facts-big", "-batch", "-"], input="\n".join(lines), text=True,
                               capture_output=True, check=False)
        self.assertEqual(batch.returncode, 0, batch.stderr)
        done = run("ip", "netns", "exec", "facts-big", PROBE, "facts", "--cost")
        facts = json.loads(done.stdout)
        print("big namespace:", done.stderr.strip(), file=sys.stderr)
        self.assertEqual((facts["routes"]["total"], len(facts["routes"]["items"])), (3001, 512))
        self.assertEqual((facts["neighbors"]["total"], len(facts["neighbors"]["items"])), (900, 512))
        milliseconds = float(done.stderr.split("took ")[1].split(" ms")[0])
        self.assertLess(milliseconds, 60, "more than a thousandth of a processor at one collection a minute")


def main():
    global PROBE
    PROBE = os.path.join(os.path.abspath(sys.argv.pop(1)), "faultline-probe") if len(sys.argv) > 1 else PROBE
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root")
        return
    result = unittest.main(exit=False).result
    if not os.access(LLDPD, os.X_OK):
        print("lldpd is not installed, so LLDP was not seen (Debian: lldpd)")
    missing = getattr(Facts, "missing", [])
    print("compared with ip:", ", ".join(sorted(set(KINDS) - set(missing))))
    if missing:
        print("this kernel does not offer, so not compared here:", ", ".join(missing))
    sys.exit(0 if result.wasSuccessful() else 1)


main()
