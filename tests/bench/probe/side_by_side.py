#!/usr/bin/env -S python3 -B
"""What the probe costs and how well it times, beside other probers in the same run. Needs root.

  side_by_side.py cost       processor time per round trip beside fping's and prometheus-blackbox-exporter's
  side_by_side.py default    faultline-probe with the default plan of a thousand-node fleet: share of a core, memory
  side_by_side.py rate       50,000 packets/s for 60 s: is every reply matched?
  side_by_side.py bursts     what batches do to the round trips measured
  side_by_side.py load       round trips while another process keeps the same core busy
  side_by_side.py sessions   memory with as many flows as a plan may have and 16,000 reflected sessions

Builds two network namespaces with a veth pair, and removes them. Exit code: 0 measured, 1 not, 3 usage, 77 SKIPPED.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXIT_SKIPPED = 77
NEAR, FAR = "flbench-near", "flbench-far"
TARGETS = 1000
SETTLE_SECONDS = 25  # of faultline-probe: start, first windows
BLACKBOX_PORT = 9115
PROBE_YAML = """\
state_dir: {state}
address: 10.77.0.1
mesh_port: 0
ports: {{first: 61000, count: 16}}
"""
BLACKBOX_YAML = "modules: {icmp: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4}}}\n"
# Asks the exporter, on one connection, about one target after the other.
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", {port})
good = 0
for i in range({count}):
    connection.request("GET", f"/probe?module=icmp&target=10.78.{{i % 1000 // 250}}.{{1 + i % 250}}")
    good += b"probe_success 1" in connection.getresponse().read()
print(good)
"""


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True).stdout


def target(number):
    address = 0x0A4E0001 + number
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


class World:
    """The two namespaces, and what runs in them."""

    def __init__(self, binaries):
        self._binaries = Path(binaries)
        self.folder = Path(tempfile.mkdtemp(prefix="faultline-bench-"))
        self.state = self.folder / "state"
        self._started = []

    def __enter__(self):
        for name in (NEAR, FAR):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
            run("ip", "netns", "add", name)
        run("ip", "-n", NEAR, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", FAR)
        for name, address in ((NEAR, "10.77.0.1/24"), (FAR, "10.77.0.2/24")):
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "address", "add", address, "dev", "veth0")
            run("ip", "-n", name, "link", "set", "veth0", "up")
        run("ip", "-n", NEAR, "route", "add", "10.78.0.0/16", "via", "10.77.0.2")
        run("ip", "-n", FAR, "route", "add", "local", "10.78.0.0/16", "dev", "lo")
        return self

    def __exit__(self, *_):
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in (NEAR, FAR):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def argv(self, namespace, *argv, core=None):
        pin = [] if core is None else ["taskset", "-c", str(core)]
        return ["ip", "netns", "exec", namespace, *pin, *(str(a) for a in argv)]

    def bench(self, *argv):
        return [self._binaries / "probe_bench", *argv, "--state", self.state]

    def start(self, *argv, core=None, namespace=NEAR, **kwargs):
        process = subprocess.Popen(self.argv(namespace, *argv, core=core), text=True, **kwargs)
        self._started.append(process)
        return process

    def start_far(self, *options, core=None):
        run(*self.bench("state"))  # so that nobody has to make keys at the same time
        far = self.start(*self.bench("far", *options), core=core, namespace=FAR, stdout=subprocess.PIPE)
        time.sleep(0.5)
        return far

    def near(self, *options, core=None):
        return json.loads(run(*self.argv(NEAR, *self.bench("near", *options), core=core)))

    def probe(self, *shape):
        run(*self.bench("state", *shape))
        config = self.folder / "probe.yaml"
        config.write_text(PROBE_YAML.format(state=self.state))
        return self.start(self._binaries / "faultline-probe", "--config", config, stderr=subprocess.PIPE)


def end(process):
    """Sends SIGTERM; returns what it had to say."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    return out or err


def thread_seconds(pid):
    """Processor time of a process' threads, by name."""
    seconds = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            seconds[name] = seconds.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue  # it has ended
    return seconds


def resident_mib(pid):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(fields[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon", "VmHWM")]


def timed(argv, stdin=None):
    """Runs it; returns processor seconds, stdout and stderr."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(argv, stdout=out, stderr=err, stdin=stdin)
        usage = os.wait4(child.pid, 0)[2]
        out.seek(0)
        err.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read(), err.read()


def targets_file(world):
    path = world.folder / "targets"
    path.write_text("".join(f"{target(i)}\n" for i in range(TARGETS)))
    return path


def fping_cost(world, period_ms, count, interval_ms):
    """us per round trip: to all targets every period, `interval_ms` apart."""
    seconds, _, words = timed(world.argv(NEAR, "fping", "-q", "-i", interval_ms, "-p", period_ms, "-c", count,
                                         "-f", targets_file(world)))
    sent, back = (sum(int(n) for n in column) for column in zip(*re.findall(r"= (\d+)/(\d+)/", words), strict=True))
    print(f"    fping -i {interval_ms}: {back} of {sent} answered")
    return 1e6 * seconds / back


def blackbox_cost(world, count):
    config = world.folder / "blackbox.yaml"
    config.write_text(BLACKBOX_YAML)
    exporter = world.start("prometheus-blackbox-exporter", f"--config.file={config}",
                           f"--web.listen-address=127.0.0.1:{BLACKBOX_PORT}", stderr=subprocess.DEVNULL)
    ask = [sys.executable, "-c", ASK.format(port=BLACKBOX_PORT, count=count)]
    for _ in range(50):
        if subprocess.run(world.argv(NEAR, *ask), capture_output=True, check=False).returncode == 0:
            break
        time.sleep(0.1)
    before = sum(thread_seconds(exporter.pid).values())
    good = int(run(*world.argv(NEAR, *ask)))
    cost = 1e6 * (sum(thread_seconds(exporter.pid).values()) - before) / good
    end(exporter)
    print(f"    blackbox_exporter: {good} of {count} answered")
    return cost


def cost(world, given):
    """In turns, so that all see the same disturbances. fping is cheapest when it sends to all targets at once, which no
    network should be asked to bear; spread over the period, as the engine's packets are, it wakes for each."""
    world.start_far("--open")
    count = max(2, round(1000 * given.seconds / given.period))
    engine = ["--open", "--interval", given.period, "--window", 2, "--rate-max", 20000, "--seconds", given.seconds]
    spread = given.period // TARGETS
    runs = {"engine, RX and TX stamps": lambda: world.near(*engine)["us_per_round_trip"],
            "engine, RX stamps": lambda: world.near(*engine, "--receive-stamps-only")["us_per_round_trip"]}
    if shutil.which("fping"):
        runs["fping, all at once"] = lambda: fping_cost(world, given.period, count, 0)
        if spread:
            runs["fping, spread over the period"] = lambda: fping_cost(world, given.period, count, spread)
    if shutil.which("prometheus-blackbox-exporter"):
        runs["prometheus-blackbox-exporter"] = lambda: blackbox_cost(world, given.blackbox)
    for name in {"fping", "prometheus-blackbox-exporter"} - {name.split(",")[0] for name in runs}:
        print(f"  {name}: SKIPPED, not installed (deploy/install-deps.sh bench)")
    turns = []
    for turn in range(given.turns):
        print(f"  turn {turn + 1} of {given.turns}")
        turns.append({name: measure() for name, measure in runs.items()})
    print(f"processor time per round trip, us, {TARGETS} targets, every {given.period} ms (median of {given.turns} turns)")
    ours = next(iter(runs))
    for name in runs:
        ratios = sorted(turn[ours] / turn[name] for turn in turns)
        print(f"  {name:<30} {statistics.median(turn[name] for turn in turns):8.2f}   engine / it: "
              f"{statistics.median(ratios):.4f} ({ratios[0]:.4f} to {ratios[-1]:.4f})")
    print("  limits: fping 0.8, prometheus-blackbox-exporter 0.03")


def default(world, given):
    """The default plan of a thousand-node fleet at its budget: README.md."""
    print("faultline-probe, 1,000 flows to 1,000 targets, one packet a second each, one of 8 with 1,500 octets, "
          "authenticated;\n  1,000 nodes that measure it, 1,000 packets/s, each on its own time")
    far = world.start_far("--crowd", 1000)
    probe = world.probe("--large-one-in", 8)
    time.sleep(SETTLE_SECONDS)
    totals = []
    for turn in range(given.turns):
        before, began = thread_seconds(probe.pid), time.monotonic()
        time.sleep(given.seconds)
        lasted, after = time.monotonic() - began, thread_seconds(probe.pid)
        shares = {name: 100 * (seconds - before.get(name, 0)) / lasted for name, seconds in after.items()}
        totals.append(sum(shares.values()))
        print(f"  turn {turn + 1}: {totals[-1]:.2f} % of a core (at most 2): "
              + ", ".join(f"{name} {share:.2f}" for name, share in sorted(shares.items(), key=lambda x: -x[1]) if share > 0.01))
    print("  resident {:.1f} MiB, {:.1f} of them not of files; at most {:.1f}".format(*resident_mib(probe.pid)))
    print("  " + [line for line in end(probe).splitlines() if "stopped" in line][-1])
    print("  the far end: " + end(far).strip())
    if shutil.which("fping"):
        peer, ours = fping_cost(world, 1000, 10, 0), 10 * statistics.median(totals)
        print(f"  {ours:.1f} us for a packet sent and one reflected: {ours / peer:.2f} round trips of fping's, {peer:.1f} us here "
              f"(2 % of a core where they cost 3.7: {20 / 3.7:.1f})")


def rate(world, given):
    """1,000 flows every 19 ms: 52,600 packets/s, of which a stalled thread skips some turns."""
    world.start_far(*([] if given.authenticated else ["--open"]))
    near = world.near("--interval", 19, "--window", 1, "--rate-max", 55000, "--seconds", given.seconds,
                      *([] if given.authenticated else ["--open"]))
    print(f"{near['per_second']:.0f} packets/s for {near['seconds']:.0f} s: {near['sent']} sent (warm-up included), "
          f"{near['sent'] - near['replies']} without a reply matched; {near['us_per_round_trip']:.2f} us each, "
          f"{near['core_percent']:.0f} % of a core; dropped {near['receive_drops']}")


def bursts(world, given):
    """Batches beside one packet a wake. A processor that slept between two wakes has cold caches, and a virtual one has
    to be woken by its host: what batches alone do shows where loops of the lowest priority let no processor sleep."""
    world.start_far("--open")
    for awake in (False, True):
        loops = [world.start("chrt", "--idle", "0", "sh", "-c", "while :; do :; done", core=core)
                 for core in range(os.cpu_count() if awake else 0)]
        differences = []
        for _ in range(given.turns):
            batch = world.near("--open", "--window", 2, "--seconds", given.seconds)
            single = world.near("--open", "--window", 2, "--targets", 50, "--flows", 50, "--seconds", given.seconds)
            differences.append(batch["p50_us"] - single["p50_us"])
            print(f"  1,000 packets/s: p50 {batch['p50_us']} p99 {batch['p99_us']} us; "
                  f"50 packets/s, one a wake: p50 {single['p50_us']} p99 {single['p99_us']} us")
        if any(loop.poll() is not None for loop in loops):
            raise SystemExit("side_by_side.py: a loop that is to keep a processor awake has ended: is chrt there?")
        for loop in loops:
            end(loop)
        print(f"{'no processor sleeps' if awake else 'processors sleep'}: bias of the median by batches: "
              f"{statistics.median(differences):+.2f} us (at most 5 of the second)")


def fping_quantiles(world, seconds, core):
    _, out, _ = timed(world.argv(NEAR, "fping", "-c", round(50 * seconds), "-p", 20, "-i", 1, target(0), core=core))
    rtts = sorted(1000 * float(ms) for ms in re.findall(r"([\d.]+) ms \(", out))
    return rtts[len(rtts) // 2], rtts[int(0.99 * (len(rtts) - 1))]


def load(world, given):
    """Quiet and busy runs in turns: the prober pinned to core 0, the far end to the last."""
    world.start_far("--open", core=os.cpu_count() - 1)
    figures = {False: [], True: []}
    for _ in range(given.turns):
        for busy in (False, True):
            burner = world.start("sh", "-c", "while :; do :; done", core=0) if busy else None
            near = world.near("--open", "--window", 1, "--application", "--seconds", given.seconds, core=0)
            peer = fping_quantiles(world, given.seconds, 0) if shutil.which("fping") else (0, 0)
            if burner:
                end(burner)
            figures[busy].append((near["p50_us"], near["p99_us"], near["application"]["p50_us"],
                                  near["application"]["p99_us"], *peer))
            print(f"  {'busy ' if busy else 'quiet'}: probe p50 {near['p50_us']} p99 {near['p99_us']}; application p50 "
                  f"{near['application']['p50_us']} p99 {near['application']['p99_us']}; "
                  f"fping p50 {peer[0]:.1f} p99 {peer[1]:.1f} us")
    quiet, busy = ([statistics.median(column) for column in zip(*figures[b], strict=True)] for b in (False, True))
    print(f"the probe's median moves by {busy[0] - quiet[0]:+.2f} us ({quiet[0]:.2f} to {busy[0]:.2f}; at most "
          f"{max(2, 0.2 * quiet[0]):.2f}); its p99 under load is {busy[1] / busy[3]:.3f} of the application's (at most 0.333)")
    if shutil.which("fping"):
        print(f"fping's median moves by {busy[4] - quiet[4]:+.2f} us, its p99 by {busy[5] - quiet[5]:+.2f}")
    else:
        print("fping: SKIPPED, not installed (deploy/install-deps.sh bench)")


def sessions(world, _given):
    print("faultline-probe, 4,096 flows (as many as a plan may have) to 1,000 targets, one packet every 4 s each; "
          "1,000 packets/s of 16,000 sessions")
    far = world.start_far("--crowd", 1000, "--senders", 16000)
    probe = world.probe("--flows", 4096, "--interval", 4000)
    for _ in range(8):
        time.sleep(10)
        print("  resident {:.1f} MiB, {:.1f} of them not of files; at most {:.1f}".format(*resident_mib(probe.pid)))
    end(probe)
    print("  the far end: " + end(far).strip())


BENCHES = {"cost": (cost, 6), "default": (default, 20), "rate": (rate, 60), "bursts": (bursts, 6), "load": (load, 8),
           "sessions": (sessions, 0)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--binaries", default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--seconds", type=float, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--period", type=int, default=1000, help="of `cost`: ms between two packets to a target")
    parser.add_argument("--blackbox", type=int, default=1000, help="questions to the exporter in each turn")
    parser.add_argument("--authenticated", action="store_true", help="of `rate`: packets with an HMAC")
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("side_by_side.py: SKIPPED: network namespaces need root; nothing was measured", file=sys.stderr)
        return EXIT_SKIPPED
    bench, seconds = BENCHES[given.bench]
    given.seconds = given.seconds or seconds
    with World(given.binaries) as world:
        bench(world, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
