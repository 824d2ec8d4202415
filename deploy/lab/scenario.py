"""One fault's life on a running fleet: inject, wait for the page, ask who it was, heal, wait for the resolve.

The demo runs one, the campaign many on the same fleet.
"""
import json
import time
from dataclasses import dataclass, field

import faults
import verdict
from client import read_alerts
from progress import WaitTimeout

MEASURING_SECONDS_MAX = 240
ALERT_SECONDS_MAX = 180
RESOLVE_SECONDS_MAX = 300
HORIZON_WINDOWS = 6  # the controller's default
QUIET_WINDOWS = 6  # how long a healthy fabric is watched


@dataclass
class Outcome:
    fault: faults.Fault
    right: bool = False
    sentence: str = ""
    alert_seconds: float | None = None  # from the fault to the webhook
    resolve_seconds: float | None = None  # from healing to the resolving webhook
    suspects: list = field(default_factory=list)
    false_suspects: list = field(default_factory=list)
    bad_signatures: int = 0

    def as_json(self):
        return {"fault": self.fault.kind, "injected": str(verdict.expected_component(self.fault) or ""),
                "loss": self.fault.loss or None, "right": self.right, "verdict": self.sentence,
                "alert_s": _rounded(self.alert_seconds), "resolve_s": _rounded(self.resolve_seconds),
                "suspects": [str(s) for s in self.suspects], "false_suspects": [str(s) for s in self.false_suspects],
                "bad_signatures": self.bad_signatures}


def _rounded(seconds):
    return None if seconds is None else round(seconds, 1)


def judgement(status):
    named = ", ".join(s["id"] for s in status.suspects) or "nobody"
    return f"window {status.window_judged} judged, {named} suspected, {status.incidents_open} open"


class Scenario:
    def __init__(self, fleet, progress):
        self._fleet, self._progress, self._client = fleet, progress, fleet.client
        self._fabric = fleet.fabric

    def wait_measuring(self):
        """Until every planned session reports and every flow's path is known in both directions."""
        nodes = len(self._fabric.host_names)

        def look():
            self._fleet.check_alive()
            status = self._client.status()
            return status.measuring(nodes), status

        return self._progress.wait(f"{nodes} nodes, every planned session and every path", look, MEASURING_SECONDS_MAX)

    def wait_forgotten(self):
        """After healing, until the localizer's horizon holds no window of the fault, so that the next one is judged alone."""
        judged = {self._client.status().window_judged}

        def look():
            self._fleet.check_alive()
            judged.add(self._client.status().window_judged)
            suspects = verdict.suspects_of(self._client.localize())
            seen = len(judged) - 1
            state = f"{seen}/{HORIZON_WINDOWS} windows, {', '.join(map(str, suspects)) or 'nobody'} suspected"
            return seen >= HORIZON_WINDOWS and not suspects, state

        self._progress.wait("the last fault's windows to leave the horizon", look, RESOLVE_SECONDS_MAX)

    def watch_healthy(self, windows=QUIET_WINDOWS):
        """Nothing is broken: watches so many judged windows and fails at the first accusation."""
        outcome = Outcome(faults.Fault("none"))
        before = len(self._alerts(outcome))
        judged = {self._client.status().window_judged}

        def look():
            self._fleet.check_alive()
            judged.add(self._client.status().window_judged)
            outcome.suspects = verdict.suspects_of(self._client.localize())
            outcome.suspects += [alert.component for alert in self._alerts(outcome)[before:]]
            seen = len(judged) - 1
            return seen >= windows or bool(outcome.suspects), f"{seen}/{windows} windows, {len(outcome.suspects)} accused"

        self._progress.wait(f"{windows} judged windows without an accusation", look, RESOLVE_SECONDS_MAX)
        outcome.right, outcome.sentence = verdict.judge(outcome.fault, outcome.suspects)
        outcome.false_suspects = outcome.suspects
        return outcome

    def inject(self, fault):
        """Breaks the fabric, waits for the page and judges who was named."""
        outcome = Outcome(fault)
        before = len(self._alerts(outcome))
        injected_at = time.time()
        faults.inject(self._fabric, fault)
        pages = []

        def look():
            self._fleet.check_alive()
            pages[:] = [a for a in self._alerts(outcome)[before:] if a.event == "opened"]
            status = self._client.status()
            return bool(pages), f"{judgement(status)}, {len(pages)} webhooks"

        try:
            self._progress.wait("the webhook that opens the incident", look, ALERT_SECONDS_MAX)
        except WaitTimeout:
            outcome.sentence = f"{verdict.expected_component(fault)} is at fault, but nobody was paged in {ALERT_SECONDS_MAX} s"
            return outcome, before
        outcome.alert_seconds = pages[0].received_at - injected_at
        self._progress.say(f"  webhook after {outcome.alert_seconds:.1f} s, signature {pages[0].signature}:")
        self._progress.block(json.dumps(pages[0].payload, indent=2))
        self._progress.say("  $ faultline localize")
        self._progress.block(self._client.text("localize"))
        outcome.suspects = verdict.suspects_of(self._client.localize())
        outcome.right, outcome.sentence = verdict.judge(fault, outcome.suspects)
        if outcome.right and pages[0].component != verdict.expected_component(fault):
            outcome.right = False
            outcome.sentence = f"localize names the fault, but the webhook names {pages[0].component}"
        return outcome, before

    def heal(self, outcome, alerts_before):
        """Ends the fault and waits until every incident that it opened is resolved by webhook."""
        healed_at = time.time()
        dropped = faults.dropped(self._fabric)
        faults.heal(self._fabric)
        counted = f"; the fault had dropped {sum(dropped.values())} packets" if dropped else ""  # a cut cable counts nothing
        self._progress.say(f"  healed{counted}")

        def look():
            self._fleet.check_alive()
            alerts = self._alerts(outcome)[alerts_before:]
            opened = {a.incident_id for a in alerts if a.event == "opened"}
            resolved = {a.incident_id for a in alerts if a.event == "resolved"}
            status = self._client.status()
            done = opened <= resolved and status.incidents_open == 0
            return done, f"{judgement(status)}, {len(resolved)}/{len(opened)} resolved"

        self._progress.wait("the webhook that resolves it", look, RESOLVE_SECONDS_MAX)
        alerts = self._alerts(outcome)[alerts_before:]
        accused = outcome.suspects + [a.component for a in alerts if a.event == "opened"]
        outcome.false_suspects = sorted(set(verdict.false_suspects(outcome.fault, accused)), key=str)
        resolved_at = [a.received_at for a in alerts if a.event == "resolved"]
        if resolved_at:
            outcome.resolve_seconds = max(resolved_at) - healed_at
            self._progress.say(f"  resolved {outcome.resolve_seconds:.1f} s after healing")

    def _alerts(self, outcome):
        alerts = read_alerts(self._fleet.alerts_path)
        outcome.bad_signatures = sum(a.signature != "ok" for a in alerts)
        return alerts
