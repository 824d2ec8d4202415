#!/usr/bin/env -S python3 -B
"""Two simultaneous faults on the lab's fabric, every pair of kinds: are both named?

  two_faults.py --seeds 5001-5040 --output two_faults.jsonl --markdown two_faults.md

One fabric and fleet for all seeds. Per seed two distinguishable faults (fault_pairs.py) are injected at once; both are
named when the verdict of one window holds each as a suspect or in a suspect's ambiguity group. After that the run waits
until both are paged, heals, and waits until the fleet is healthy and the horizon holds none of it.
A seed whose line is in --output already is not run again. Exit code: 0 all held, 1 not, 3 usage.
"""
import argparse
import dataclasses
import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "lab"), str(ROOT / "tests" / "lab")]

import demo  # noqa: E402
import faults  # noqa: E402
import netns  # noqa: E402
import options as demo_options  # noqa: E402
from cross_check import cross_check  # noqa: E402
from fault_pairs import COLUMNS, draw_pair, group_of, markdown, named, strangers, summary  # noqa: E402
from progress import Progress, WaitTimeout  # noqa: E402
from scenario import HORIZON_WINDOWS  # noqa: E402
from verdict import expected_component  # noqa: E402

EXIT_USAGE = 3
KINDS = [kind for kind in faults.KINDS if kind != "none"]
HEALTHY_SECONDS_MAX = 240
# Each seed is a fault of its own: one at a place where an earlier seed's was is no flap, which would be watched for longer.
NO_FLAPS = "incident: {reopen_within: 1s}\n"
FLEETS_MAX = 3  # a fleet that broke is brought up again this often
PRIORITY = -5
BUNDLE_WINDOWS_BEFORE = 2
INCIDENT_KEYS = ("kind", "id", "class", "posterior", "ambiguous_with", "opened_at", "resolved_at", "summary")
DEMO_STEPS = 4  # of bringing the fleet up
LIVE_LAG_WINDOWS = 3  # a window is judged this much later than it ends, at most


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-10", help="1-20 or 7 (default: 1-10)")
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, *faults.SLOW_KINDS], default=KINDS,
                        help=f"(default: {' '.join(KINDS)})")
    parser.add_argument("--hosts", type=int, default=3, help="per leaf (default: 3)")
    parser.add_argument("--fabric-seed", type=int, default=1, help="of the ECMP hashes and the black holes' slices (default: 1)")
    parser.add_argument("--window", type=int, default=3, help="seconds (default: 3)")
    parser.add_argument("--windows-max", type=int, default=12, help="windows within which both must be named (default: 12)")
    parser.add_argument("--missed-max", type=int, default=2, help="seeds in which not both were named, at most (default: 2)")
    parser.add_argument("--name", default="twofaults")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--output", type=Path, required=True, help="append one JSON line per seed; seeds in it are skipped")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--bundles", type=Path, help="keep a bundle of each seed that was missed or had a wrong suspect")
    parser.add_argument("--cross-check", action="store_true", help="each seed: does a bundle give the controller's verdict?")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    given.seeds = range(int(first), int(last or first) + 1)
    return given


def raise_priority():
    """What the fleet inherits. The packets of one machine stand for a fabric's: builds beside it must not lose them."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        print("the fleet runs at ordinary priority: this user may not raise it")


class Campaign:
    def __init__(self, given, progress):
        self._given, self._progress = given, progress
        self._demo = demo.Demo(demo_options.parse([
            "--fault", "none", "--name", given.name, "--hosts", str(given.hosts), "--seed", str(given.fabric_seed),
            "--window", str(given.window), "--binaries", str(given.binaries)]), progress, NO_FLAPS)
        self._fabric, self._fleet = self._demo.fabric, self._demo.fleet
        self._client = self._demo.fleet.client

    def bring_up(self):
        self._demo.bring_up()

    def take_down(self):
        return self._demo.take_down()

    def run_seed(self, seed):
        pair = draw_pair(self._fabric, self._given.kinds, seed)
        self._progress.step(f"seed {seed}: {pair[0]}; {pair[1]}")
        for fault in pair:
            faults.inject(self._fabric, fault)
        injected_at = time.time()
        row = self._watch(pair, injected_at) | {
            "seed": seed, "pair": " + ".join(fault.kind for fault in pair), "faults": [dataclasses.asdict(f) for f in pair],
            "injected": [str(expected_component(f)) for f in pair], "injected_at": injected_at,
            "window_s": self._given.window, "hosts": len(self._fabric.host_names), "fabric_seed": self._given.fabric_seed,
            "dropped": faults.dropped(self._fabric), "load": os.getloadavg()[0], "nodes_live": self._client.status().nodes_live}
        if self._given.cross_check:
            _, row["bundle_differs"] = cross_check(self._client, self._given.window, self._fleet.folder)
        row["heal_at"] = time.time()
        faults.heal(self._fabric)
        row["healed_at"] = time.time()
        row["incidents"] = self._wait_healthy(injected_at)
        row["wrong_paged"], row["parts_paged"] = strangers(self._fabric, pair, row["incidents"])
        row["healthy_at"] = time.time()
        self._keep_bundle(seed, row)
        self._tell(row)
        return row

    def _watch(self, pair, injected_at):
        """Judged windows from the injection on, until both faults are paged or the windows are used up."""
        row = {"named": [False, False], "windows": None, "paged": [False, False], "wrong": [], "parts": [], "verdicts": []}
        first_end = None

        def look():
            nonlocal first_end
            self._fleet.check_alive()
            verdict = self._client.localize()
            judged = verdict["judged_until"]
            ended = _seconds(judged)
            if ended > injected_at and (not row["verdicts"] or row["verdicts"][-1]["judged_until"] != judged):
                first_end = first_end or ended
                count = round((ended - first_end) / self._given.window) + 1
                self._note(row, pair, verdict, judged, count)
            incidents = [i | i["component"] for i in self._client.open_incidents()]
            row["paged"] = [named(fault, incidents) for fault in pair]
            used = row["verdicts"][-1]["window"] if row["verdicts"] else 0
            done = all(row["named"]) and all(row["paged"]) or used >= self._given.windows_max
            return done, f"window {used}: {', '.join(s['id'] for s in verdict['suspects']) or 'nobody'}"

        seconds = (self._given.windows_max + LIVE_LAG_WINDOWS) * self._given.window
        try:
            self._progress.wait("both to be named and paged", look, seconds)
        except WaitTimeout:
            pass  # windows that were judged late are windows in which nobody was named
        return row

    def _note(self, row, pair, verdict, judged, count):
        """The verdict that decides is the first that names both, else the newest."""
        row["verdicts"].append({"window": count, "judged_until": judged, "packets": verdict["packets"], "lost": verdict["lost"],
                                "suspects": [[s["kind"], s["class"], round(s["posterior"], 4), *sorted(
                                    group_of(s), key=lambda name: name != s["id"])] for s in verdict["suspects"]]})
        if not all(row["named"]):
            row["named"] = [named(fault, verdict["suspects"]) for fault in pair]
            row["windows"] = count if all(row["named"]) else None
            row["wrong"], row["parts"] = strangers(self._fabric, pair, verdict["suspects"])

    def _keep_bundle(self, seed, row):
        """Of the seeds worth a look: from before the injection until all was quiet again."""
        if self._given.bundles is None or all(row["named"]) and not row["wrong"] + row["wrong_paged"]:
            return
        self._given.bundles.mkdir(parents=True, exist_ok=True)
        file = self._given.bundles / f"seed{seed}.jsonl"
        file.unlink(missing_ok=True)
        since = round(time.time() - row["injected_at"]) + BUNDLE_WINDOWS_BEFORE * self._given.window
        self._client.text("bundle", "create", "--since", f"{since}s", "--file", str(file))
        subprocess.run(["xz", "-f", file], check=True)

    def _wait_healthy(self, injected_at):
        """Returns the incidents that were opened from the injection until all is quiet again."""
        paged = {}
        judged = {self._client.status().window_judged}

        def look():
            self._fleet.check_alive()
            status = self._client.status()
            judged.add(status.window_judged)
            for incident in self._client.json("incident", "list")["incidents"]:
                if _seconds(incident["opened_at"]) > injected_at:
                    paged[incident["id"]] = incident | incident["component"]
            quiet = not self._client.localize()["suspects"] and status.incidents_open == 0
            measuring = status.measuring(len(self._fabric.host_names))
            return quiet and measuring and len(judged) > HORIZON_WINDOWS, str(status)

        self._progress.wait("a healthy fleet", look, HEALTHY_SECONDS_MAX)
        return [{key: incident[key] for key in INCIDENT_KEYS} for incident in paged.values()]

    def _tell(self, row):
        tell = self._progress.good if all(row["named"]) and not row["wrong"] else self._progress.bad
        tell(f"  named {sum(row['named'])} of 2 after {row['windows']} windows, paged {sum(row['paged'])}, wrong suspects: "
             f"{', '.join(row['wrong']) or 'none'}, wrong pages: {', '.join(row['wrong_paged']) or 'none'}")


def _seconds(text):
    """RFC 3339 to seconds since the epoch; 0 without a time."""
    return datetime.datetime.fromisoformat(text).timestamp() if text else 0.0


def broken(given, seed, error):
    """The line of a seed in which the fleet itself failed: it counts as missed."""
    pair = draw_pair(demo_options.parse(["--hosts", str(given.hosts)]).fabric, given.kinds, seed)
    return {"seed": seed, "pair": " + ".join(fault.kind for fault in pair), "injected": [str(expected_component(f)) for f in pair],
            "named": [False, False], "paged": [False, False], "windows": None, "wrong": [], "parts": [], "wrong_paged": [], "parts_paged": [],
            "error": error}


def run_fleet(given, progress, seeds, collect):
    """Runs seeds (and takes them from the list) until all are done or the fleet broke; returns what went wrong."""
    running, complaints = Campaign(given, progress), []
    try:
        running.bring_up()
        while seeds:
            seed = seeds.pop(0)
            try:
                collect(running.run_seed(seed))
            except demo.FAILURES as error:
                collect(broken(given, seed, str(error)))
                raise
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
        if given.markdown:
            given.markdown.write_text(markdown(rows))

    progress = Progress(len(seeds) + DEMO_STEPS)
    for _ in range(FLEETS_MAX):
        if not seeds:
            break
        for complaint in run_fleet(given, progress, seeds, collect):
            progress.bad(f"  {complaint}")
    return rows


def print_table(rows):
    lines = [COLUMNS, *([str(cell) for cell in line] for line in summary(rows))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    print()
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def main():
    try:
        given = parse()
    except SystemExit as stop:
        return EXIT_USAGE if stop.code else 0
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the campaign as root")
        return 0
    signal.signal(signal.SIGTERM, demo.interrupt)
    raise_priority()
    try:
        if netns.exists(given.name):
            raise netns.LabError(f"a lab named {given.name!r} is up; choose another --name")
        rows = campaign(given)
    except (netns.LabError, KeyboardInterrupt) as error:
        print(f"two_faults.py: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    print_table(rows)
    missed = len(given.seeds) - sum(all(row["named"]) for row in rows)
    for row in rows:
        for difference in row.get("bundle_differs", ()):
            print(f"seed {row['seed']}: {difference}")
    print(f"\nboth named in {len(given.seeds) - missed} of {len(given.seeds)} seeds")
    differ = any(row.get("bundle_differs") for row in rows)
    return 0 if missed <= given.missed_max and not differ else 1


if __name__ == "__main__":
    sys.exit(main())
