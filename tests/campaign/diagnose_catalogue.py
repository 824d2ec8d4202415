#!/usr/bin/env -S python3 -B
"""The catalogue of faults between two machines: does `faultline diagnose A B` name each, and accuse nobody in health?

  diagnose_catalogue.py --seeds 5001-5004 --healthy 20 --output catalogue.jsonl --records records/

One fleet on the premises (deploy/lab/premises.py) for all cases. Per kind and seed the fault is made, the CLI asked, the
answer judged, the fault mended. A case whose line is in --output already is not run again.
Exit code: 0 at least --share-min right and no healthy pair accused, 1 not, 3 usage.
"""
import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "lab"), str(ROOT / "tests" / "campaign" / "diagnose")]

import frame  # noqa: E402
import netns  # noqa: E402
from bench import Bench  # noqa: E402
from catalogue import FAULTS, QUIET, draw  # noqa: E402
from client import CliError  # noqa: E402
from premises import Premises  # noqa: E402
from score import HEALTHY, broken_row, row_of  # noqa: E402

FAILURES = (netns.LabError, CliError, OSError, subprocess.SubprocessError, json.JSONDecodeError, KeyError)
RESOLVE_SECONDS = 4.0  # until a neighbor that does not answer counts as failed
PAUSE_SECONDS = 1.0  # from one case's mending to the next case


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-1", help="1-4 or 7, for each kind (default: 1)")
    parser.add_argument("--kinds", nargs="*", choices=FAULTS, default=FAULTS, help="(default: all)")
    parser.add_argument("--healthy", type=int, default=0, help="how many healthy pairs beside them (default: 0)")
    parser.add_argument("--window", type=int, default=3, help="seconds (default: 3)")
    parser.add_argument("--share-min", type=float, default=0.96, help="of the faults, to be named (default: 0.96)")
    parser.add_argument("--name", default="premises")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--output", type=Path, help="append one JSON line per case; cases in it are not run again")
    parser.add_argument("--records", type=Path, help="keep what a diagnosis was made of, for each wrong answer")
    parser.add_argument("--facts", type=Path, help="no fleet and no diagnosis: keep all machines' facts there, a folder per case "
                        "for `faultline check --facts` and `faultline diagnose A B --facts`")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    given.seeds = range(int(first), int(last or first) + 1)
    return given


class Campaign:
    def __init__(self, given):
        self._given, self.premises = given, Premises(given.name)
        self.bench = Bench(self.premises, given.binaries, given.window)

    def __enter__(self):
        try:
            if self._given.facts:
                self.bench.bring_up_premises()
            else:
                self.bench.bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # taking down is bounded in time
        for complaint in self.bench.take_down():
            print(complaint)

    def run(self, kind, seed):
        case = draw(self.premises, kind, seed)
        if self._given.facts:
            case.settle, case.paused, case.starved = 0.5, (), ()
        print(f"{kind} {seed}: {case.a} {case.target or case.b}: {case.what}", flush=True)
        try:
            row = self.bench.run(case, lambda: self._ask(kind, seed, case))
        except FAILURES as error:
            row = broken_row(kind, seed, case, str(error))
        time.sleep(PAUSE_SECONDS)
        print(f"    {'right' if row['right'] else 'WRONG'}: {row['code']} {row['sentence']}", flush=True)
        return row

    def _ask(self, kind, seed, case):
        if self._given.facts:
            return self._keep_facts(kind, seed, case)
        arguments = ["diagnose", case.a, case.target or case.b, *case.arguments]
        record = self._given.records / f"{kind}-{seed}.json" if self._given.records else None
        if record:
            record.parent.mkdir(parents=True, exist_ok=True)
            arguments += ["--record", str(record)]
        began = time.monotonic()
        document = self.bench.client.json(*arguments)
        row = row_of(kind, seed, case, document, time.monotonic() - began)
        if record and row["right"]:
            record.unlink(missing_ok=True)
        return row

    def _keep_facts(self, kind, seed, case):
        self.bench.talk()
        time.sleep(RESOLVE_SECONDS)
        folder = self._given.facts / f"{kind}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        for machine in self.premises.machines:
            (folder / f"{machine}.json").write_text(json.dumps(self.bench.facts(machine)))
        return broken_row(kind, seed, case, "facts kept") | {"right": True}


def cases_of(given):
    """Pairs in health first, then what leaves no gap in the measurements: a loss is remembered for a minute."""
    healthy = [(HEALTHY, given.seeds[0] + index) for index in range(given.healthy)]
    kinds = sorted(given.kinds, key=lambda kind: kind not in QUIET)
    return healthy + [(kind, seed) for kind in kinds for seed in given.seeds]


def campaign(given):
    return frame.rows_of(cases_of(given), given.output, lambda: Campaign(given))


def is_good(given, rows):
    figures = frame.print_figures(rows, "pairs")
    return (figures["share"] is None or figures["share"] >= given.share_min) and not figures["accused"]


if __name__ == "__main__":
    sys.exit(frame.run(parse, campaign, (netns.LabError,), is_good))
