"""The same observations give the same suspects, in the controller and from its bundle.

Compared are `localize --at T` of a running controller and `localize --bundle FILE --at T` of a bundle that it wrote, over
the same span, number by number: both see every window with the paths of its own time. T lies a window back, for reports are
on their way; one that is later still (a cut cable holds up what probes say, too) would be in one of them only, so the
controller is asked before and after.
"""
import datetime
import time
from pathlib import Path

SPAN_WINDOWS = 6
BACK_WINDOWS = 1
MARGIN_WINDOWS = 3
TRIES_MAX = 5
TOLERANCE = 1e-12  # of a number: sums in another order differ in their last digit


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def differences(left, right, where=""):
    """Sentences on where two JSON values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        return [d for key in sorted({*left, *right}) for d in differences(left.get(key), right.get(key), f"{where}.{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [d for i, pair in enumerate(zip(left, right)) for d in differences(*pair, f"{where}[{i}]")]
    if isinstance(left, float) or isinstance(right, float):
        if left is not None and right is not None and abs(left - right) <= TOLERANCE * max(1, abs(left)):
            return []
    return [] if left == right else [f"{where[1:]}: {left} live, {right} from the bundle"]


def cross_check(client, window_seconds, folder):
    """(the live document, sentences on where the bundle's verdict differs from it)."""
    span = f"{SPAN_WINDOWS * window_seconds}s"
    file = Path(folder) / "cross_check.jsonl"
    for _ in range(TRIES_MAX):
        judged = seconds(client.localize()["judged_until"])
        until = rfc3339(judged - BACK_WINDOWS * window_seconds)
        live = verdict_of(client.localize("--at", until, "--since", span))
        since = round(time.time() - judged) + (SPAN_WINDOWS + BACK_WINDOWS + MARGIN_WINDOWS) * window_seconds
        file.unlink(missing_ok=True)
        client.text("bundle", "create", "--since", f"{since}s", "--file", str(file))
        offline = verdict_of(client.localize("--bundle", str(file), "--at", until, "--horizon", span))
        if live == verdict_of(client.localize("--at", until, "--since", span)):
            break  # else a report or a path came late, between the two
    file.unlink()
    return live, differences(live, offline)


def verdict_of(document):
    keys = ("suspects", "observations", "components", "packets", "lost", "unexplained_bad_flows", "enough_data")
    return {key: document[key] for key in keys}
