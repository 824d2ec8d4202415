#!/usr/bin/env -S python3 -B
"""Many faults on the demo's fabric, judged and counted: how often the injected component is named first.

  demo_campaign.py --fault loss --loss 1% --seeds 1-20      one fleet, a drawn link per seed (fast)
  demo_campaign.py --fault loss --loss 1% --seeds 1-20 --plain   a whole demo.sh per seed
  demo_campaign.py --fault none blackhole device down --seeds 1    several kinds, one fleet

Exit code: 0 all held, 1 not, 3 usage. What must hold is set by --wrong-max, --false-max and --median-max.
"""
import argparse
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "lab"))

import demo  # noqa: E402
import faults  # noqa: E402
import netns  # noqa: E402
import options as demo_options  # noqa: E402
from progress import Progress  # noqa: E402

EXIT_USAGE = 3
COLUMNS = ("seed", "fault", "injected", "right", "alert_s", "resolve_s", "suspects", "false_suspects")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", nargs="+", choices=faults.KINDS, default=["loss"])
    parser.add_argument("--loss", default="1%")
    parser.add_argument("--seeds", default="1-20", help="1-20 or 7")
    parser.add_argument("--window", type=int, default=10, help="seconds (default: 10)")
    parser.add_argument("--name", default="campaign")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--plain", action="store_true", help="a demo.sh per seed instead of one fleet for all")
    parser.add_argument("--output", type=Path, help="append one JSON line per fault")
    parser.add_argument("--logs", type=Path, help="copy the logs there at the end")
    parser.add_argument("--wrong-max", type=int, default=0, help="named wrongly, at most (default: 0)")
    parser.add_argument("--false-max", type=int, default=0, help="false suspects over all, at most (default: 0)")
    parser.add_argument("--median-max", type=float, help="median seconds from fault to webhook, at most")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    given.seeds = range(int(first), int(last or first) + 1)
    return given


def demo_arguments(given, kind, seed):
    return ["--fault", kind, "--loss", given.loss, "--seed", str(seed), "--name", given.name,
            "--window", str(given.window), "--binaries", str(given.binaries)]


def run_plain(given, collect):
    for kind in given.fault:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                summary = Path(folder) / "summary.json"
                subprocess.run([ROOT / "deploy" / "demo.sh", *demo_arguments(given, kind, seed), "--summary", summary],
                               check=False)
                failed = {"fault": kind, "seed": seed, "injected": "", "right": False, "verdict": "the demo did not finish",
                          "alert_s": None, "resolve_s": None, "suspects": [], "false_suspects": []}
                collect(json.loads(summary.read_text()) if summary.exists() else failed)


def run_on_one_fleet(given, collect):
    progress = Progress(4 + len(given.fault) * len(given.seeds))
    fleet_options = demo_options.parse(demo_arguments(given, "none", given.seeds[0]))
    if given.logs:
        fleet_options = dataclasses.replace(fleet_options, logs=given.logs)
    running = demo.Demo(fleet_options, progress)
    complaints = []
    try:
        running.bring_up()
        for seed in given.seeds:
            for kind in given.fault:
                collect(one_fault(given, running, progress, kind, seed))
        probe_kib, controller_kib = running.fleet.memory()
        progress.say(f"\nlargest resident memory: a probe {probe_kib / 1024:.1f} MiB, the controller {controller_kib / 1024:.1f} MiB")
    except demo.FAILURES as error:
        complaints.append(str(error))
    except KeyboardInterrupt:
        complaints.append("interrupted")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        complaints += running.take_down()
    return complaints


def one_fault(given, running, progress, kind, seed):
    fault = demo_options.parse(demo_arguments(given, kind, seed)).fault
    progress.step(f"seed {seed}: {fault}")
    if kind == "none":
        outcome = running.scenario.watch_healthy()
    else:
        outcome, alerts_before = running.scenario.inject(fault)
        running.scenario.heal(outcome, alerts_before)
        running.scenario.wait_forgotten()
    (progress.good if outcome.right else progress.bad)(f"  {outcome.sentence}")
    return outcome.as_json() | {"seed": seed}


def cell(value):
    return ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)


def print_table(rows):
    cells = [COLUMNS] + [tuple(cell(row.get(column)) for column in COLUMNS) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    print()
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def held(given, rows, complaints):
    """Prints the totals; whether all that was asked of the campaign held."""
    print_table(rows)
    expected = len(given.fault) * len(given.seeds)
    wrong = expected - sum(row["right"] for row in rows)
    false_count = sum(len(row["false_suspects"]) for row in rows)
    delays = [row["alert_s"] for row in rows if row["alert_s"] is not None]
    print(f"\n{expected - wrong} of {expected} right, {false_count} false suspects")
    result = wrong <= given.wrong_max and false_count <= given.false_max and not complaints
    if delays:
        median = statistics.median(delays)
        print(f"seconds from fault to webhook: median {median:.1f}, largest {max(delays):.1f}")
        result &= given.median_max is None or median <= given.median_max
    for complaint in complaints:
        print(f"failed: {complaint}")
    return result


def main():
    try:
        given = parse()
    except SystemExit as stop:
        return EXIT_USAGE if stop.code else 0
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the campaign as root")
        return 0
    signal.signal(signal.SIGTERM, demo.interrupt)
    rows = []

    def collect(row):
        rows.append(row)
        if given.output:
            with given.output.open("a") as file:
                file.write(json.dumps(row) + "\n")

    try:
        if netns.exists(given.name):
            raise netns.LabError(f"a lab named {given.name!r} is up; choose another --name")
        complaints = run_plain(given, collect) if given.plain else run_on_one_fleet(given, collect)
    except netns.LabError as error:
        complaints = [str(error)]
    return 0 if held(given, rows, complaints or []) else 1


if __name__ == "__main__":
    sys.exit(main())
