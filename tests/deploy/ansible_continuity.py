"""Whether a fleet measured on while it was upgraded: nothing acknowledged is lost, no window is missing but those in which a node
of the pair restarted, nothing was refused or dropped, and nobody was accused.
"""
import re
import time
from datetime import datetime, timezone

DRAINED_SECONDS_MAX = 60


def seconds_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


class Continuity:
    """Looks when it is made, and judges all that was measured from then on in check()."""

    def __init__(self, fleet):
        self._fleet = fleet
        self._pairs = [(source, to) for source in fleet.hosts for to in fleet.hosts if source != to]
        self._started = time.time()
        self._before = self._histories(60)
        assert all(self._before.values()), "some pairs measured nothing before"

    def check(self):
        fleet, window = self._fleet, self._fleet.window_seconds
        ended = time.time()
        time.sleep(3 * window)  # until the windows in which it ended are judged
        self._wait_drained()
        after = self._histories(time.time() - self._started + 120)
        self._nothing_stored_is_gone(after)
        excused = {host: self._restarts(host) for host in fleet.hosts}
        assert all(excused.values()), f"some nodes did not restart: {excused}"
        missing = self._missing(after, excused, ended)
        assert not missing, f"{len(missing)} windows are missing without an excuse, such as {missing[:5]}"
        self._nothing_was_refused()
        incidents = fleet.cli("incident", "list", "--state", "all")["incidents"]
        assert not incidents, f"a false incident was opened: {[incident['summary'] for incident in incidents]}"
        windows = sum(len(rows) for rows in after.values())
        print(f"continuity: {windows} windows of {len(self._pairs)} pairs over {ended - self._started:.0f} s, "
              f"{sum(map(len, excused.values()))} restarts, none missing, no incident")

    def _histories(self, seconds):
        """{pair: {start of the window: its row}}"""
        found = {}
        for source, to in self._pairs:
            document = self._fleet.cli("history", source, to, "--since", f"{int(seconds)}s")
            assert not document["truncated"]
            found[source, to] = {seconds_of(row["window_start"]): row for row in document["rows"]}
        return found

    def _nothing_stored_is_gone(self, after):
        settled = self._started - 3 * self._fleet.window_seconds  # later ones may still have grown
        for pair, rows in self._before.items():
            for start, row in rows.items():
                if start < settled:
                    assert after[pair].get(start) == row, f"what was stored of {pair} at {start} is not what it was"

    def _restarts(self, host):
        """[(when it began to stop, when it ran again)] since the start, from the journal of the host."""
        lines = self._fleet.machines[host].shell(
            f"journalctl -q --no-pager -o short-unix -u faultline-probe --since @{int(self._started)}").stdout.splitlines()
        found, stopping = [], None
        for line in lines:
            at = float(line.split()[0])
            if re.search(r" systemd\[1\]: Stopping faultline-probe", line):
                stopping = at
            elif re.search(r" systemd\[1\]: Started faultline-probe", line) and stopping:
                found.append((stopping, at))
                stopping = None
        return found

    def _missing(self, after, excused, ended):
        """[(pair, start)] of windows that lie in the time of the upgrade and that no restart explains."""
        window, missing = self._fleet.window_seconds, []
        first = (self._started // window + 1) * window
        for pair in self._pairs:
            for start in range(int(first), int(ended - window), window):
                # Excused are the window in which it stopped, and those that it had begun when it was ready.
                within = any(stop - window < start <= run + window for host in pair for stop, run in excused[host])
                if not within and start not in after[pair]:
                    missing.append((pair, start))
        return missing

    def _wait_drained(self):
        deadline = time.monotonic() + DRAINED_SECONDS_MAX
        while any(node["spool_batches"] > 3 for node in self._fleet.cli("node", "list")["nodes"]):
            assert time.monotonic() < deadline, "the spools do not drain"
            time.sleep(1)

    def _nothing_was_refused(self):
        ingest = self._fleet.cli("status")["ingest"]
        assert ingest["gaps"] == 0 and ingest["refused"] == 0 and ingest["results_dropped"] == 0, ingest
        dropped = {node["name"]: node["results_dropped"] for node in self._fleet.cli("node", "list")["nodes"]}
        assert not any(dropped.values()), dropped
