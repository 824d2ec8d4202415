#!/usr/bin/env -S python3 -B
"""200 faults of MTU and path and 50 healthy chains: does `faultline-probe test mtu|trace` name each, and accuse nobody in health?

  one_off_campaign.py --output one_off.jsonl

One chain of routers (tests/lab/chain.py) for all cases. Per kind and seed (one_off_cases.py) the fault is made, the test run, its
own verdict judged, the fault mended. A case whose line is in --output already is not run again.
Exit code: 0 at most --wrong-max faults wrong and no healthy chain accused, 1 not, 3 usage.
"""
import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "campaign" / "diagnose")]

import frame  # noqa: E402
from chain import Chain, Faults, REFLECTOR_PORT, end, stop  # noqa: E402
from one_off_cases import KINDS, draw  # noqa: E402

TEST_SECONDS_MAX = 60
FIRST_SEED = 7001


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help=f"of each kind (default: {FIRST_SEED})")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS), help="(default: all)")
    parser.add_argument("--each", type=int, help="so many of each kind (default: 200 faults and 50 healthy ones in all)")
    parser.add_argument("--wrong-max", type=int, default=2, help="of the faults (default: 2)")
    parser.add_argument("--name", default="oneoffc", help="of the lab (default: oneoffc)")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--output", type=Path, help="append one JSON line per case; cases in it are not run again")
    return parser.parse_args()


def cases_of(given):
    """By seed first, so that a run that is stopped has seen all kinds."""
    cases = [(kind, given.first_seed + i) for kind in given.kinds for i in range(given.each or KINDS[kind][0])]
    return sorted(cases, key=lambda case: case[1])


class Campaign:
    def __init__(self, given):
        self._probe, self._chain = str((given.binaries / "faultline-probe").resolve()), Chain(given.name)

    def __enter__(self):
        self._stack = ExitStack()
        with ExitStack() as stack:
            self._chain.remove()
            stack.callback(self._chain.remove)
            self._chain.build()
            for family in (4, 6):
                stack.callback(stop, self._chain.start("b", "stamp_reflector.py", end("b", family), REFLECTOR_PORT))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def run(self, kind, seed):
        case = draw(kind, seed)
        print(f"{kind} {seed}: IPv{case.family}, {case.what}", flush=True)
        began, report = time.monotonic(), {}
        with ExitStack() as mending:
            mending.callback(self._forget)
            faults = Faults(self._chain, mending.callback)
            try:
                case.breaks(faults)
                began = time.monotonic()
                report = self._ask(case, faults)
                right, error = case.judge(report), ""
            except (RuntimeError, OSError, subprocess.SubprocessError, json.JSONDecodeError, KeyError) as problem:
                right, error = False, f"{type(problem).__name__}: {problem}"
        row = {"kind": kind, "seed": seed, "family": case.family, "what": case.what, "arguments": case.arguments,
               "expected": case.expected, "code": report.get("verdict", ""), "summary": report.get("summary", error), "right": right,
               "seconds": round(time.monotonic() - began, 2)}
        if not right:
            row["report"] = report
        print(f"    {'right' if right else 'WRONG'}: {row['code']} {row['summary']}", flush=True)
        return row

    def _forget(self):
        self._chain.forget("a")
        self._chain.forget("b")

    def _ask(self, case, faults):
        child = subprocess.Popen(["ip", "netns", "exec", self._chain.namespace("a"), self._probe, "test", *case.arguments, "-o", "json"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            if case.during:
                case.during(faults)
            output, errors = child.communicate(timeout=TEST_SECONDS_MAX)
        except BaseException:
            child.kill()
            child.communicate()
            raise
        if not output:
            raise RuntimeError(errors.strip())
        return json.loads(output)


def campaign(given):
    return frame.rows_of(cases_of(given), given.output, lambda: Campaign(given))


def is_good(given, rows):
    figures = frame.print_figures(rows, "chains")
    return figures["cases"] - figures["right"] <= given.wrong_max and not figures["accused"]


if __name__ == "__main__":
    sys.exit(frame.run(parse, campaign, (RuntimeError, OSError), is_good))
