"""Who may include whom: the table of the architecture, as data."""

# Lowest first: a folder may include itself and what stands before it in its own group, and all of `common` unless its
# own lines below say otherwise. The PURE folders are those whose CMakeLists.txt says so.
COMMON = ("base", "stats", "model", "ondemand", "facts", "capture", "crypto", "wire", "obs", "config", "async", "zmq", "net", "service", "manual",
          "precompiled")
PROBE = ("stamp", "session", "trace", "ping", "icmp", "tcp", "quic", "mtu", "paths", "core", "engine", "capture", "tester", "facts", "spool",
         "uplink", "mesh", "app")
CONTROLLER = ("access", "fleet", "topology", "plan", "changes", "capture", "detect", "localize", "incident", "diagnose", "vpc", "explain",
              "ingest", "store", "backup", "notify", "core", "api", "app", "cli", "admin")
GROUPS = {"common": COMMON, "probe": PROBE, "controller": CONTROLLER}

# Pure leaves never include each other: they meet in controller/core, through values of common/model.
LEAVES = ("access", "fleet", "topology", "plan", "changes", "capture", "detect", "localize", "incident", "diagnose", "vpc", "explain")

# The CLI is a thin client: it links neither RocksDB nor ZeroMQ.
CLI_MAY_USE = ("controller/capture", "common/capture", "controller/diagnose", "controller/explain", "controller/localize", "controller/plan", "controller/topology",
               "controller/vpc", "common/base", "common/facts", "common/model", "common/stats", "common/config", "common/obs",
               "common/manual", "common/ondemand")

# Headers of shell folders that are pure themselves and that PURE folders may use.
PURE_HEADERS = {
    "common/crypto/digest.h": "a digest is a function of its message",
    "common/crypto/mac.h": "a MAC is a function of its key and message",
    "common/config/document.h": "turns text into fields; only load_file() reads a file",
    "controller/notify/alert.h": "the webhook's body",
    "controller/notify/routes.h": "which receivers an alert is for",
    "controller/notify/template.h": "an alert in an operator's words",
    "controller/notify/watchdog.h": "when the product itself is unwell",
    "controller/notify/outbox.h": "which alert goes where when; the sender is the shell",
}


def objection(source, header, pure):
    """Why a file of folder `source` ("group/name") may not include `header`; empty if it may."""
    target = "/".join(header.split("/")[:-1][:2])
    if source == target:
        return ""
    source_group, target_group = source.split("/")[0], target.split("/")[0]
    if target_group == "tests":
        return "" if source_group == "tests" else "nothing uses tests/; move what is shared below common/"
    if source_group == "tests" or target_group not in GROUPS:
        return ""
    if {source_group, target_group} == {"probe", "controller"}:
        return "probe/ and controller/ never include each other; what both need belongs in common/"
    if source_group == "common" and target_group != "common":
        return "common/ is below probe/ and controller/; pass a value or an interface instead"
    if source in pure and target not in pure and header not in PURE_HEADERS:
        return f"{source} is PURE and {target} is not; take the result as an argument, or move the call to the shell"
    return _order_objection(source, target)


def _order_objection(source, target):
    if source == "controller/cli" and target not in CLI_MAY_USE:
        return f"the CLI is a thin client; it may use only {', '.join(CLI_MAY_USE)}"
    source_group, source_name = _parts(source)
    target_group, target_name = _parts(target)
    if source_group != target_group or not source_name:  # main.cc of a group may use all of it
        return ""
    if source_group == "controller" and source_name in LEAVES and target_name in LEAVES:
        return "the pure leaves never include each other; let controller/core pass values between them"
    order = GROUPS[source_group]
    for name in (source_name, target_name):
        if name not in order:
            return f"{source_group}/{name} has no place in tests/tidy/layers.py; give it one"
    if order.index(target_name) > order.index(source_name):
        return f"{target} is above {source}; turn the dependency round"
    return ""


def _parts(folder):
    group, _, name = folder.partition("/")
    return group, name
