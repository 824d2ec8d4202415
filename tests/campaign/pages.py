#!/usr/bin/env -S python3 -B
"""From a fault to one page and a resolve, a hundred times on one fleet: what reaches on-call, and how soon?

  pages.py --seeds 5000-5099 --output pages.jsonl

One fabric and fleet for all seeds; a real HTTP receiver collects the pages. Three of ten seeds are healthy runs, the others
have one fault each (page_runs.py). Per run the fault is injected, held for some windows after the first page, healed, and
all is watched until it is quiet again; every incident that opened meanwhile counts for the run.
All times are scaled with the window, so that a short window has the evidence and the delays of one of 10 s.
A seed whose line is in --output is not run again. Exit code: 0 all held, 1 not, 3 usage.
"""
import argparse
import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "lab"))

import demo  # noqa: E402
import faults  # noqa: E402
import netns  # noqa: E402
import options as demo_options  # noqa: E402
from client import read_alerts  # noqa: E402
from fleet import Rates  # noqa: E402
from page_runs import COLUMNS, FAULT_KINDS, draw, incidents_of, table, verdicts  # noqa: E402
from progress import Progress, WaitTimeout  # noqa: E402
from scenario import HORIZON_WINDOWS  # noqa: E402
from verdict import expected_component  # noqa: E402

EXIT_USAGE = 3
# Each run is a fault of its own: one at a place where an earlier run's was is no flap, which would be watched for longer.
NO_FLAPS = "incident: {reopen_within: 1s}\n"
FLEETS_MAX = 3  # a fleet that broke is brought up again this often
PRIORITY, GROUP_PRIORITY = -5, -15
QUIET_WINDOWS_MAX = 120
PACKETS_PER_WINDOW = 10  # per flow, as with the default plan
REPLY_TIMEOUT_SHARE = 0.2  # of the window, likewise; but no less than a busy machine needs
REPLY_TIMEOUT_MS_MIN = 500
PRODUCT_KIND = "faultline"
POLL_SECONDS = 0.2
DEMO_STEPS = 4  # of bringing the fleet up


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-10", help="1-20 or 7 (default: 1-10)")
    parser.add_argument("--kinds", nargs="+", choices=FAULT_KINDS, default=FAULT_KINDS, help=f"(default: {' '.join(FAULT_KINDS)})")
    parser.add_argument("--hosts", type=int, default=3, help="per leaf (default: 3)")
    parser.add_argument("--fabric-seed", type=int, default=1, help="of the ECMP hashes and the black holes' slices (default: 1)")
    parser.add_argument("--window", type=int, default=2, help="seconds, 2 to 60 (default: 2)")
    parser.add_argument("--packets", type=float, default=PACKETS_PER_WINDOW,
                        help=f"per flow and window (default: {PACKETS_PER_WINDOW})")
    parser.add_argument("--page-max", type=int, default=20, help="windows that a page is waited for (default: 20)")
    parser.add_argument("--hold", type=int, default=4, help="windows that a fault lasts after its first page (default: 4)")
    parser.add_argument("--healthy", type=int, default=15, help="windows that a healthy run is watched (default: 15)")
    parser.add_argument("--name", default="pages")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--output", type=Path, required=True, help="append one JSON line per run; seeds in it are skipped")
    parser.add_argument("--bundles", type=Path, help="keep a bundle of each run with a page that was wrong, or with none")
    parser.add_argument("--logs", type=Path, help="copy the logs there at the end")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    given.seeds = range(int(first), int(last or first) + 1)
    if not 2 <= given.window <= 60:
        parser.error("--window is 2 to 60 seconds")
    return given


def raise_priority(pids):
    """The packets of one machine stand for a fabric's: builds beside it must not lose them. Each process of the fleet is a
    session of its own, and where the kernel groups processes by session, only the group's priority counts beside others."""
    try:
        for pid in pids:
            os.setpriority(os.PRIO_PROCESS, pid, PRIORITY)
            group = Path(f"/proc/{pid}/autogroup")
            if group.exists():
                group.write_text(f"{GROUP_PRIORITY}")
    except PermissionError:
        print("the fleet runs at ordinary priority: this user may not raise it")
    except (ProcessLookupError, FileNotFoundError):
        pass  # one that just ended is found out by check_alive()


class Campaign:
    def __init__(self, given, progress):
        self._given, self._progress = given, progress
        options = demo_options.parse([
            "--fault", "none", "--name", given.name, "--hosts", str(given.hosts), "--seed", str(given.fabric_seed),
            "--window", str(given.window), "--binaries", str(given.binaries)])
        timeout = max(REPLY_TIMEOUT_MS_MIN, round(1000 * REPLY_TIMEOUT_SHARE * given.window))
        self._demo = demo.Demo(dataclasses.replace(options, logs=given.logs), progress, NO_FLAPS,
                               Rates(flow=given.packets / given.window, reply_timeout_ms=timeout))
        self._fabric, self._fleet, self._client = self._demo.fabric, self._demo.fleet, self._demo.fleet.client

    def bring_up(self):
        self._verdicts = []
        self._fleet.on_start = lambda process: raise_priority([process.pid])
        self._demo.bring_up()
        self._wait_quiet()  # what the start looks like is no run's matter

    def take_down(self):
        return self._demo.take_down()

    def run_seed(self, seed):
        fault = draw(self._fabric, seed, self._given.kinds)
        self._progress.step(f"seed {seed}: {fault}")
        self._alerts_before, self._verdicts = len(read_alerts(self._fleet.alerts_path)), []
        began_at, healed_at, dropped = time.time(), None, {}
        load = os.getloadavg()[0]
        if fault.kind == "none":
            self._watch(self._given.healthy, lambda: False)
        else:
            faults.inject(self._fabric, fault)
            began_at = time.time()
            self._watch(self._given.page_max, lambda: any(a.event == "opened" for a in self._alerts()))
            self._watch(self._given.hold, lambda: False)
            dropped = faults.dropped(self._fabric)
            faults.heal(self._fabric)
            healed_at = time.time()
        self._wait_quiet()
        found = incidents_of(self._fabric, fault, self._alerts(), began_at, healed_at, self._given.window)
        row = {"seed": seed, "kind": fault.kind, "fault": dataclasses.asdict(fault), "began_at": began_at, "healed_at": healed_at,
               "injected": str(expected_component(fault) or ""), "incidents": found, "product": self._product_alerts(),
               "window_s": self._given.window, "hosts": len(self._fabric.host_names), "dropped": dropped,
               "load": [load, os.getloadavg()[0]], "verdicts": self._verdicts}
        self._keep_bundle(row)
        self._tell(row)
        return row

    def _alerts(self):
        """Of this run, about the network."""
        return [a for a in read_alerts(self._fleet.alerts_path)[self._alerts_before:] if a.component.kind != PRODUCT_KIND]

    def _product_alerts(self):
        alerts = read_alerts(self._fleet.alerts_path)[self._alerts_before:]
        return [a.payload["summary"] for a in alerts if a.component.kind == PRODUCT_KIND and a.event == "opened"]

    def _watch(self, windows, done):
        """That long, or until it is done."""
        ends = time.monotonic() + windows * self._given.window
        while time.monotonic() < ends and not done():
            self._look()
            time.sleep(POLL_SECONDS)

    def _look(self):
        """The controller's status. What a window's verdict accuses goes into the run's line."""
        self._fleet.check_alive()
        status = self._client.status()
        if not self._verdicts or self._verdicts[-1][0] != status.window_judged:
            self._verdicts.append([status.window_judged, [[s["id"], s["class"], round(s["posterior"], 3), s["loss"]]
                                                          for s in status.suspects]])
        return status

    def _wait_quiet(self):
        """Until every incident is resolved, nobody is suspected, all measure, and the shortest horizon holds only windows
        of after this call. What is suspected but not paged a while later is the campaign's failure, not an endless wait."""
        judged = {self._client.status().window_judged}

        def look():
            status = self._look()
            judged.add(status.window_judged)
            quiet = not status.suspects and status.incidents_open == 0
            return (quiet and status.measuring(len(self._fabric.host_names)) and len(judged) > HORIZON_WINDOWS,
                    f"{status}, {status.incidents_open} open, {', '.join(s['id'] for s in status.suspects) or 'nobody'} suspected")

        self._progress.wait("a quiet fleet", look, QUIET_WINDOWS_MAX * self._given.window)

    def _keep_bundle(self, row):
        pages = [page["page"] for page in row["incidents"]]
        well = pages == ([] if row["kind"] == "none" else ["right"])
        if self._given.bundles is None or well:
            return
        self._given.bundles.mkdir(parents=True, exist_ok=True)
        file = self._given.bundles / f"seed{row['seed']}.jsonl"
        file.unlink(missing_ok=True)
        self._client.text("bundle", "create", "--since", f"{round(time.time() - row['began_at']) + 2 * self._given.window}s",
                          "--file", str(file))

    def _tell(self, row):
        pages = [f"{p['class']} {p['id']} ({p['page']}) after {p['paged_after']} windows, resolved after {p['resolved_after']}"
                 for p in row["incidents"]]
        well = len(pages) == (row["kind"] != "none") and all(p["page"] == "right" for p in row["incidents"])
        (self._progress.good if well else self._progress.bad)(f"  paged: {'; '.join(pages) or 'nothing'}")
        for text in row["product"]:
            self._progress.bad(f"  of the product: {text}")


def run_fleet(given, progress, seeds, collect):
    """Runs seeds (and takes them from the list) until all are done or the fleet broke; returns what went wrong. A seed in
    which the fleet broke is left for another try."""
    running, complaints = Campaign(given, progress), []
    try:
        running.bring_up()
        while seeds:
            collect(running.run_seed(seeds[0]))
            seeds.pop(0)
    except demo.FAILURES as error:
        complaints.append(str(error))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # taking down is bounded in time
        complaints += running.take_down()
        signal.signal(signal.SIGINT, demo.interrupt)
        signal.signal(signal.SIGTERM, demo.interrupt)
    return complaints


def campaign(given):
    """The rows of all seeds, also of those that an earlier run left in the output."""
    rows = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
    rows = [row for row in rows if row["seed"] in given.seeds]
    seeds = [seed for seed in given.seeds if seed not in {row["seed"] for row in rows}]

    def collect(row):
        rows.append(row)
        with given.output.open("a") as file:
            file.write(json.dumps(row) + "\n")

    progress = Progress(len(seeds) + DEMO_STEPS)
    for _ in range(FLEETS_MAX):
        if not seeds:
            break
        for complaint in run_fleet(given, progress, seeds, collect):
            progress.bad(f"  {complaint}")
    return rows


def print_table(rows):
    lines = [COLUMNS, *table(rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    print()
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    print()
    for demanded, measured, held in verdicts(rows):
        print(f"{'pass' if held else 'FAIL'}  {demanded}: {measured}")


def main():
    try:
        given = parse()
    except SystemExit as stop:
        return EXIT_USAGE if stop.code else 0
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the campaign as root")
        return 0
    signal.signal(signal.SIGTERM, demo.interrupt)
    raise_priority([os.getpid()])
    try:
        if netns.exists(given.name):
            raise netns.LabError(f"a lab named {given.name!r} is up; choose another --name")
        rows = campaign(given)
    except (netns.LabError, KeyboardInterrupt) as error:
        print(f"pages.py: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    print_table(rows)
    missing = len(given.seeds) - len(rows)
    print(f"\n{len(rows)} of {len(given.seeds)} runs done")
    return 0 if missing == 0 and all(held for _, _, held in verdicts(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
