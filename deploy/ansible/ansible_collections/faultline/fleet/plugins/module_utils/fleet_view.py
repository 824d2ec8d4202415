"""What the controller's documents say about nodes that should measure. Pure: documents in, sentences out."""
from datetime import datetime, timezone

SILENT_WINDOWS_MAX = 3
PAIRS_NAMED_MAX = 12


def parse_time(text):
    """A time of the API (RFC 3339 in UTC) in seconds; 0 for none."""
    if not text:
        return 0.0
    whole = text.rstrip("Z").split(".")[0]
    return datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()


class Expectation:
    """What is waited for. `since`: only windows that begin later count, in seconds. `version`: what the nodes' software must
    say, or empty. `ports`: control, reflector, first and last source port, for the sentences."""

    def __init__(self, names, controller, ports, since=0.0, version=""):
        self.names, self.controller, self.ports = sorted(names), controller, ports
        self.since, self.version = since, version


def problems(expected, status, nodes, matrix):
    """Sentences on what keeps the expected nodes from measuring; none when all do.

    `status`, `nodes` and `matrix` are the API's documents of those names; the matrix is by node."""
    known = {node["name"]: node for node in nodes["nodes"]}
    found = []
    for name in expected.names:
        found += problems_of_node(expected, name, known.get(name), status)
    if found:
        return found
    if expected.since and matrix["rows"] and parse_time(matrix["from"]) < expected.since:
        return ["no window that began since then has been judged yet."]
    found = dead_pairs(expected, known, matrix)
    sessions = status["sessions"]
    if not found and sessions["reporting"] < sessions["planned"]:
        found.append(f"{sessions['planned'] - sessions['reporting']} of {sessions['planned']} planned sessions do not report; "
                     "`faultline node list` on the controller shows which node's last window is old.")
    if not found and len(known) > 1 and sessions["planned"] == 0:
        found.append("the controller has planned no session yet.")
    return found


def problems_of_node(expected, name, node, status):
    if node is None:
        return [f"{name} has not joined: the controller knows no node of that name. `journalctl -u faultline-probe` on {name} "
                "says why."]
    where = f"{name} ({node['address']})" if node["address"] else name
    if node["state"] != "live":
        heard = f"since {node['last_seen']}" if node["last_seen"] else "yet"
        return [f"{where} has not been heard {heard}: see `journalctl -u faultline-probe` there; open {expected.ports.control}/tcp "
                f"on the controller {expected.controller} for it."]
    if node["plan_revision"] is None:
        return [f"{where} is connected but has not taken up a plan; see `journalctl -u faultline-probe` there."]
    if expected.version and expected.version not in (node["software"] or ""):
        return [f"{where} runs {node['software']}, not {expected.version}."]
    ended = parse_time(node["last_window"])
    oldest = parse_time(status["generated_at"]) - SILENT_WINDOWS_MAX * status["window_s"]
    if status["nodes"]["total"] > 1 and (ended <= oldest or ended - status["window_s"] < expected.since):
        last = f"its last window ended {node['last_window']}" if ended else "it has not reported a window yet"
        return [f"{where} is connected, but {last}; see `journalctl -u faultline-probe` there."]
    return []


def dead_pairs(expected, known, matrix):
    """Pairs of which no packet of the interval was answered; where one end is common to all of its pairs, that end."""
    pairs = [(row["from"], to, cell["sent"])
             for row in matrix["rows"] for to, cell in zip(matrix["groups"], row["cells"])
             if cell and cell["sent"] and cell["rtt_p50_us"] is None  # a loss can be counted in a later window than its packet
             and {row["from"], to} & set(expected.names)]
    measured = [(row["from"], to) for row in matrix["rows"] for to, cell in zip(matrix["groups"], row["cells"]) if cell]
    found, explained = [], set()
    for name in sorted({to for _, to, _ in pairs}):
        sources = [source for source, to in measured if to == name]
        dead = [source for source, to, _ in pairs if to == name]
        if len(sources) > 1 and len(dead) == len(sources):
            explained |= {(source, name) for source in dead}
            found.append(f"none of {len(sources)} nodes gets an answer from {_where(known, name)}: {_opening(expected, name)} for "
                         "all nodes.")
    for source, to, sent in pairs:
        if (source, to) not in explained:
            found.append(f"{_where(known, source)} gets no answer from {_where(known, to)}: none of {sent} packets was answered; "
                         f"{_opening(expected, to)} for {source}.")
    if len(found) > PAIRS_NAMED_MAX:
        found[PAIRS_NAMED_MAX:] = [f"... and {len(found) - PAIRS_NAMED_MAX} more."]
    return found


def _opening(expected, name):
    ports = expected.ports
    return (f"open {ports.reflector}/udp on {name}, and {ports.source_first}-{ports.source_last}/udp on the sender for the "
            "answers (on both hosts and on what is between)")


def _where(known, name):
    address = known.get(name, {}).get("address")
    return f"{name} ({address})" if address else name


def new_incidents(before, incidents):
    """Sentences on open incidents that are not among the ids `before`."""
    return [f"incident {incident['id']} was opened: {incident['summary']}" for incident in incidents["incidents"]
            if incident["state"] == "open" and incident["id"] not in before]
