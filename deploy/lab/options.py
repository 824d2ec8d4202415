"""The demo's options as values; demo.sh holds the help text."""
import argparse
from dataclasses import dataclass
from pathlib import Path

import faults
from topology import Fabric, LabError


WINDOW_SECONDS = range(1, 61)  # as the controller allows


class UsageError(Exception):
    """Wrong options; its text says which."""


@dataclass(frozen=True)
class Options:
    fabric: Fabric
    fault: faults.Fault
    keep: bool
    summary: Path | None
    logs: Path | None
    binaries: Path
    window_seconds: int
    check: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(message)


def _parser():
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--fault", choices=faults.KINDS, default="loss")
    parser.add_argument("--loss", default="2%")
    parser.add_argument("--link")
    parser.add_argument("--device")
    for what in ("spines", "leaves", "hosts"):
        parser.add_argument(f"--{what}", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", type=int, choices=(4, 6), default=4)
    parser.add_argument("--name", default="demo")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--summary", type=Path)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--binaries", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "release" / "bin")
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--check", action="store_true")
    return parser


def parse(arguments):
    given = _parser().parse_args(arguments)
    try:
        fabric = Fabric(given.name, given.spines, given.leaves, given.hosts, given.seed, given.family)
        fault = _fault(fabric, given)
        if given.window not in WINDOW_SECONDS:
            raise LabError(f"--window is {WINDOW_SECONDS.start} to {WINDOW_SECONDS.stop - 1} seconds")
    except LabError as error:
        raise UsageError(str(error)) from None
    return Options(fabric, fault, given.keep, given.summary, given.logs, given.binaries.resolve(), given.window, given.check)


def _fault(fabric, given):
    if given.fault == "none":
        return faults.Fault("none")
    loss = faults.parse_ratio(given.loss) if given.fault in ("loss", "device") else 0.0
    link = fabric.parse_link(given.link) if given.link else fabric.seeded_link()
    if given.fault == "device":
        ends = [end for end in (link.source, link.target) if end.startswith("spine")]
        device = given.device or (ends[0] if ends else "")
        if device not in fabric.routers:
            raise LabError(f"--device {device!r} is no router of this fabric")
        return faults.Fault("device", device=device, loss=loss)
    return faults.Fault(given.fault, link=str(link), loss=loss)
