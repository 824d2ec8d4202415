#!/usr/bin/env -S python3 -B
"""What a fleet costs: CPU, memory, disk and network of the controller and of its probes, measured on the lab's fabric.

  sizing.py --probes 16                                the default plan: what a probe costs
  sizing.py --probes 16 64 128 --flow-rate 0.2 --trace-rate 12 --paths    what a controller costs
  sizing.py --probes 1000 --leaves 20 --flows-per-node 16 --flow-rate 0.1 --seconds 300    a thousand real processes; two cores carry
                                                       400 of them

The controller's load depends on how many flows report, not on how often they send: with --flow-rate 0.2 one machine
carries a fleet whose packets it could not forward, and with --flows-per-node one whose results it could not solve. --paths waits until every path is known, because a verdict without
paths costs less. Figures are differences over --seconds of a fleet that measures. Exit code: 0 measured, 1 not, 3 usage.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "lab"))

import demo  # noqa: E402
import netns  # noqa: E402
from fleet import STOP_SECONDS_MAX, Fleet, Rates  # noqa: E402
from progress import Progress  # noqa: E402
from topology import Fabric, LabError  # noqa: E402

EXIT_USAGE = 3
LEAVES = 4
READY_SECONDS_MAX = 600
REPORTING_RATIO_MIN = 0.9  # at low rates a flow sends nothing in some windows
WINDOWS_RATIO_MIN = 0.99  # of those that begin and end while it is measured
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
DAY_SECONDS = 86400
NEIGHBOR_LIMITS = [Path(f"/proc/sys/net/ipv4/neigh/default/gc_thresh{n}") for n in (3, 2, 1)]
NEIGHBORS_PER_PROBE = 8  # at both ends of its link, and of those between switches


@dataclass(frozen=True)
class Reading:
    """One process's counters at one moment."""
    cpu_seconds: float
    resident_mib: float
    packets: int  # sent, over the interface of its namespace
    octets: int   # sent and received


def read(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
    packets = octets = 0
    for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]:
        name, _, counters = line.partition(":")
        if name.strip() != "lo":
            numbers = [int(n) for n in counters.split()]
            packets, octets = packets + numbers[9], octets + numbers[0] + numbers[8]
    return Reading(cpu, resident, packets, octets)


def metrics(fleet):
    """The controller's samples, by name with labels."""
    socket = fleet.folder / "controller" / "controller.sock"
    done = subprocess.run(["curl", "-sS", "--fail", "--unix-socket", socket, "http://localhost/metrics"],
                          capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise LabError(f"the controller's metrics cannot be read: {done.stderr.strip()}")
    lines = (line for line in done.stdout.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@contextmanager
def room_for_neighbors(count):
    """The kernel has one neighbor table for all namespaces of a machine: at its limit of 1,024 hosts do not even reach
    their switch. As it was afterwards."""
    before = [int(limit.read_text()) for limit in NEIGHBOR_LIMITS]
    try:
        for limit, value in zip(NEIGHBOR_LIMITS, before):
            limit.write_text(str(max(value, count)))
        yield
    finally:
        for limit, value in reversed(list(zip(NEIGHBOR_LIMITS, before))):
            limit.write_text(str(value))


class Sizing:
    def __init__(self, given, probes, progress):
        self._given, self._probes, self._progress, self._live_max = given, probes, progress, 0
        fabric = Fabric(given.name, spines=4, leaves=given.leaves, hosts=probes // given.leaves)
        self._fleet = Fleet(fabric, given.binaries, window_seconds=10,
                            rates=Rates(given.flow_rate, given.trace_rate, tracked_flows=given.flows_per_node))

    def run(self):
        """One row of the table; the fleet is gone afterwards."""
        try:
            with room_for_neighbors(NEIGHBORS_PER_PROBE * self._probes):
                self._bring_up()
                return self._measure()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for complaint in self._fleet.stop():
                self._progress.bad(f"  {complaint}")
            netns.remove(self._given.name)
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _bring_up(self):
        self._progress.step(f"{self._probes} probes, {self._given.flow_rate:g} packets per second and flow")
        netns.build(self._fleet.fabric)
        self._fleet.start_controller()
        self._progress.wait("the controller's API", self._answers, 60)
        for host in self._fleet.fabric.host_names:
            self._fleet.start_probe(host)
        self._progress.wait("the fleet to measure", self._look, READY_SECONDS_MAX)

    def _answers(self):
        self._fleet.check_alive()
        return self._fleet.client.answers(), "no answer yet"

    def _look(self):
        self._fleet.check_alive()
        status = self._fleet.client.status()
        self._live_max = max(self._live_max, status.nodes_live)
        if status.nodes_live < self._live_max / 2:
            raise LabError(f"this machine cannot carry {self._probes} probes: {status}")
        ready = status.nodes_live == self._probes and 0 < REPORTING_RATIO_MIN * status.planned <= status.reporting
        if self._given.paths:
            ready = ready and status.paths_expected == status.paths_forward == status.paths_return
        return ready, str(status)

    def _measure(self):
        fleet, given = self._fleet, self._given
        pids = [fleet.controller.pid, *(p.pid for p in fleet.probes)]
        self._progress.say(f"  measuring for {given.seconds} s")
        began, before, metrics_before = time.monotonic(), [read(pid) for pid in pids], metrics(fleet)
        solves, live = [], []
        while time.monotonic() - began < given.seconds:
            time.sleep(min(5, given.seconds))
            fleet.check_alive()
            solves.append(metrics(fleet)["faultline_solve_seconds"])
            live.append(fleet.client.status().nodes_live)
        took, after, metrics_after = time.monotonic() - began, [read(pid) for pid in pids], metrics(fleet)
        return self._row(took, list(zip(before, after)), (metrics_before, metrics_after), solves, min(live))

    def _bytes_per_batch(self):
        """What a stored batch takes when the write-ahead log has become tables, as it does at a start."""
        batches = metrics(self._fleet)["faultline_ingest_batches_total"]
        self._fleet.controller.terminate()
        if complaint := self._fleet.controller.finish(time.monotonic() + STOP_SECONDS_MAX):
            raise LabError(complaint)
        self._fleet.run_controller()
        self._progress.wait("the controller's API again", self._answers, 60)
        return metrics(self._fleet)["faultline_store_bytes"] / batches

    def _row(self, took, readings, metric_pair, solves, live_min):
        controller, probes = readings[0], readings[1:]
        cores = [(b.cpu_seconds - a.cpu_seconds) / took for a, b in probes]
        memory = [b.resident_mib for _, b in probes]
        earlier, later = metric_pair
        batches = "faultline_ingest_batches_total"
        batches_per_day = (later[batches] - earlier[batches]) / took * DAY_SECONDS
        return {
            "probes": self._probes, "sessions": int(later["faultline_sessions_reporting"]),
            "flow_rate": self._given.flow_rate, "seconds": round(took),
            "controller_cpu_%": round(100 * (controller[1].cpu_seconds - controller[0].cpu_seconds) / took, 1),
            "controller_mib": round(controller[1].resident_mib),
            "solve_s_max": round(max(solves), 2),
            "disk_mib_day": round(batches_per_day * self._bytes_per_batch() / 2**20),
            "control_kbit_s": round(8 * (controller[1].octets - controller[0].octets) / took / 1000, 1),
            "probe_cpu_%": round(100 * sum(cores) / len(cores), 2), "probe_cpu_%_max": round(100 * max(cores), 2),
            "probe_mib": round(sum(memory) / len(memory), 1), "probe_mib_max": round(max(memory), 1),
            "probe_packets_s": round(sum(b.packets - a.packets for a, b in probes) / took / len(probes)),
            "probe_kbit_s": round(8 * sum(b.octets - a.octets for a, b in probes) / took / len(probes) / 1000),
            "suspects": int(later["faultline_suspects"]), "incidents": int(later["faultline_incidents_opened_total"]),
            "live_min": live_min, "windows": int(later[batches] - earlier[batches]),
            "windows_expected": round(self._probes * took / self._fleet.window_seconds),
            "results_dropped": int(later["faultline_ingest_results_dropped_total"]),
        }


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, nargs="+", default=[16], help="fleet sizes, multiples of --leaves")
    parser.add_argument("--leaves", type=int, default=LEAVES, help=f"switches that the hosts hang on (default: {LEAVES})")
    parser.add_argument("--flows-per-node", type=int, default=512, help="tracked by one node at most (default: 512)")
    parser.add_argument("--flow-rate", type=float, default=1, help="packets per second and flow (default: 1)")
    parser.add_argument("--trace-rate", type=int, default=1, help="traces per second and node (default: 1)")
    parser.add_argument("--paths", action="store_true", help="measure only when every path is known")
    parser.add_argument("--seconds", type=int, default=60, help="how long to measure (default: 60)")
    parser.add_argument("--name", default="sizing")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--output", type=Path, help="append one JSON line per fleet")
    given = parser.parse_args()
    if any(n < given.leaves or n % given.leaves for n in given.probes) or given.seconds < 10:
        parser.error("--probes takes multiples of --leaves, --seconds at least 10")
    return given


def print_table(rows):
    """Figures down, fleets across: many figures, few fleets."""
    print()
    for name in rows[0]:
        print(f"{name:<18}" + "".join(f"{row[name]:>12}" for row in rows))


def trouble(row):
    """What a fleet may not come to, however large: nodes lost, windows missing or dropped."""
    if row["live_min"] < row["probes"]:
        return f"of {row['probes']} probes only {row['live_min']} were live all the time"
    if row["windows"] < WINDOWS_RATIO_MIN * row["windows_expected"]:
        return f"{row['windows']} windows came of {row['windows_expected']} expected"
    if row["results_dropped"]:
        return f"{row['results_dropped']} results were dropped"
    return None


def main():
    try:
        given = parse()
    except SystemExit as stop:
        return EXIT_USAGE if stop.code else 0
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the campaign as root")
        return 0
    signal.signal(signal.SIGTERM, demo.interrupt)
    progress, rows = Progress(len(given.probes)), []
    try:
        if netns.exists(given.name):
            raise LabError(f"a lab named {given.name!r} is up; choose another --name")
        for probes in given.probes:
            rows.append(Sizing(given, probes, progress).run())
            if given.output:
                with given.output.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    except (*demo.FAILURES, OSError) as error:
        progress.bad(f"sizing.py: {error}")
        return 1
    except KeyboardInterrupt:
        progress.bad("sizing.py: interrupted")
        return 1
    print_table(rows)
    for row in rows:
        if problem := trouble(row):
            progress.bad(f"sizing.py: {problem}")
            return 1
    print(f"every probe was live all the time, at least {WINDOWS_RATIO_MIN:.0%} of the windows expected were stored, no result was dropped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
