#!/usr/bin/env -S python3 -B
"""The demo after packages and build: fabric, fleet, fault, verdict, takedown. Started by deploy/demo.sh."""
import json
import shutil
import signal
import subprocess
import sys

import netns
from client import CliError
from fleet import Fleet, Rates
from options import UsageError, parse
from progress import Progress, WaitTimeout
from scenario import Scenario
from topology import LabError

EXIT_RIGHT, EXIT_WRONG, EXIT_USAGE = 0, 1, 3
STEPS_TOTAL = 9
STEPS_BEFORE = 2  # packages and build, in demo.sh
READY_SECONDS_MAX = 60
FAILURES = (LabError, CliError, WaitTimeout, subprocess.TimeoutExpired)


class Demo:
    def __init__(self, options, progress, controller_settings="", rates=Rates()):
        self.options, self.fabric, self._progress = options, options.fabric, progress
        self.fleet = Fleet(self.fabric, options.binaries, options.window_seconds, rates, controller_settings)
        self.scenario = Scenario(self.fleet, progress)

    def bring_up(self):
        fabric, hosts = self.fabric, self.fabric.host_names
        self._progress.step(f"Fabric {fabric.name!r}: {fabric.spines} spines, {fabric.leaves} leaves, {len(hosts)} hosts")
        netns.build(fabric)
        self._progress.say(f"  {len(fabric.devices)} namespaces {fabric.name}-*, {len(fabric.cables)} cables")
        self._progress.step("Controller and webhook receiver, in-band on leaf1")
        self.fleet.start_controller()
        self.wait_controller()
        self._progress.step(f"{len(hosts)} probes join, each with a one-time token")
        for host in hosts:
            self.fleet.start_probe(host)
        self._progress.say(f"  {len(hosts)} tokens created, {len(hosts)} probes started")
        self._progress.step("Measuring")
        self.scenario.wait_measuring()
        for command in ("status", "matrix"):
            self._progress.say(f"  $ faultline {command}")
            self._progress.block(self.fleet.client.text(command))

    def wait_controller(self):
        def look():
            self.fleet.check_alive()
            answers = self.fleet.client.answers()
            return answers, "answers" if answers else "no answer yet"

        self._progress.wait("the controller's API", look, READY_SECONDS_MAX)

    def run_fault(self):
        fault = self.options.fault
        if fault.kind == "none":
            self._progress.step("Fault: none; a healthy fabric must stay silent")
            outcome = self.scenario.watch_healthy()
            self._progress.step("Nothing to heal")
            return outcome
        self._progress.step(f"Fault: {fault}")
        outcome, alerts_before = self.scenario.inject(fault)
        self._progress.step("Healing")
        self.scenario.heal(outcome, alerts_before)
        return outcome

    def report(self, outcome):
        probe_kib, controller_kib = self.fleet.memory()
        summary = outcome.as_json() | {
            "schema": "faultline.demo/1", "seed": self.fabric.seed, "hosts": len(self.fabric.host_names),
            "probe_rss_max_mib": round(probe_kib / 1024, 1), "controller_rss_max_mib": round(controller_kib / 1024, 1)}
        for key in ("alert_s", "resolve_s", "probe_rss_max_mib", "controller_rss_max_mib"):
            self._progress.say(f"  {FIGURES[key]:<44} {'-' if summary[key] is None else summary[key]}")
        self._progress.say(f"  {'accused wrongly':<44} {', '.join(summary['false_suspects']) or 'nobody'}")
        if self.options.summary:
            self.options.summary.write_text(json.dumps(summary) + "\n")

    def take_down(self):
        complaints = self.fleet.stop()
        if self.options.logs and self.fleet.folder.exists():
            shutil.copytree(self.fleet.folder / "log", self.options.logs, dirs_exist_ok=True)
        netns.remove(self.fabric.name)
        return complaints


FIGURES = {
    "alert_s": "seconds from the fault to the webhook",
    "resolve_s": "seconds from healing to the resolve",
    "probe_rss_max_mib": "resident memory of the largest probe, MiB",
    "controller_rss_max_mib": "resident memory of the controller, MiB",
}


def explain_kept(demo):
    fabric_tool = netns.__file__.replace("netns.py", "fabric.py")
    name, hosts = demo.fabric.name, demo.fabric.host_names
    print(f"""
The lab keeps running. Use it:
  export FAULTLINE_API={demo.fleet.client.api} PATH={demo.options.binaries}:$PATH
  faultline status; faultline localize; faultline path {hosts[0]} {hosts[-1]}
  {fabric_tool} fault loss --name {name} --link leaf2:spine1 --loss 2%
  {fabric_tool} heal --name {name}
  tail -f {demo.fleet.alerts_path}
Stop it, with all that belongs to it:
  {fabric_tool} down --name {name}""", flush=True)


def run(demo, progress):
    """The demo's exit code; the lab is down afterwards, whatever happened, unless it is to be kept."""
    code, kept = EXIT_WRONG, False
    try:
        demo.bring_up()
        outcome = demo.run_fault()
        progress.step("Figures")
        demo.report(outcome)
        code = EXIT_RIGHT if outcome.right and not outcome.bad_signatures else EXIT_WRONG
        (progress.good if outcome.right else progress.bad)(f"  {outcome.sentence}")
        if outcome.bad_signatures:
            progress.bad(f"  {outcome.bad_signatures} webhooks had a bad signature")
        kept = demo.options.keep
    except FAILURES as error:
        progress.bad(f"demo.sh: {error}")
    except KeyboardInterrupt:
        progress.bad("demo.sh: interrupted")
    finally:
        if kept:
            explain_kept(demo)
        else:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # taking down is bounded in time; half of it would leave things behind
            progress.say("  taking everything down")
            for complaint in demo.take_down():
                progress.bad(f"  {complaint}")
                code = EXIT_WRONG
    return code


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    try:
        options = parse(sys.argv[1:])
    except UsageError as error:
        print(f"demo.sh: {error} (see demo.sh --help)", file=sys.stderr)
        return EXIT_USAGE
    try:
        netns.require_root()
        if netns.exists(options.fabric.name):
            raise LabError(f"a lab named {options.fabric.name!r} is up (kept, or left by a crash); take it down with "
                           f"{netns.__file__.replace('netns.py', 'fabric.py')} down --name {options.fabric.name}, "
                           "or choose another --name")
    except LabError as error:
        print(f"demo.sh: {error}", file=sys.stderr)
        return EXIT_WRONG
    if options.check:
        return EXIT_RIGHT
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    progress = Progress(STEPS_TOTAL, STEPS_BEFORE)
    try:
        demo = Demo(options, progress)
    except LabError as error:
        print(f"demo.sh: {error}", file=sys.stderr)
        return EXIT_WRONG
    return run(demo, progress)


if __name__ == "__main__":
    sys.exit(main())
