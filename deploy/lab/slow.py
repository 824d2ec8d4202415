"""Slow links of the lab: added latency, and congestion by cross traffic. Both need a process while they last.

Latency is added where packets arrive (slow_link.py). Congestion is real: the sending device's port becomes slow
(tbf with a queue of whole packets, so that small ones are dropped as often as large ones), and bursts of cross traffic
(cross_traffic.py) offer it more than it carries; the receiving device throws that traffic away.
"""
import os
import signal
import subprocess
import time
from pathlib import Path

import netns
import slow_link
from topology import LabError

PORT_BITS_PER_SECOND = 2_000_000
QUEUE_PACKETS = 20  # 83 ms of them at that rate
BURST_BYTES = 3000
CROSS_PORT = 9  # discard
CROSS_PACKETS_PER_SECOND = 290  # 1.2 times what the port carries
SINK_TABLE = "faultline_sink"
READY_SECONDS_MAX = 20
STOP_SECONDS_MAX = 5
HERE = Path(__file__).parent
_children = {}  # pid -> process, to reap those that this program started itself


def delay(fabric, link, delay_ms):
    if fabric.family != 4:
        raise LabError("latency is only made for IPv4 here")
    ready = _file(fabric, link, "ready")
    process = _start(fabric, link, link.target, HERE / "slow_link.py", "--interface", link.source, "--tap", f"slow-{link.source}",
                     "--delay-ms", str(delay_ms), "--ready", str(ready))
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"the latency of {link} could not be added: {_file(fabric, link, 'log').read_text().strip()}")
        time.sleep(0.02)


def congest(fabric, link):
    port = ("dev", link.target)
    tc = netns.in_namespace(fabric, link.source, "tc", "qdisc", "replace")
    netns.run(*tc, *port, "root", "handle", "1:", "tbf", "rate", str(PORT_BITS_PER_SECOND), "burst", str(BURST_BYTES),
              "latency", "100ms")
    netns.run(*tc, *port, "parent", "1:1", "handle", "10:", "pfifo", "limit", str(QUEUE_PACKETS))
    netns.run(*netns.in_namespace(fabric, link.target, "nft", "-f", "-"), stdin=f"""\
add table inet {SINK_TABLE}
add chain inet {SINK_TABLE} crossed {{ type filter hook prerouting priority raw; policy accept; }}
add rule inet {SINK_TABLE} crossed iifname "{link.source}" udp dport {CROSS_PORT} drop
""")
    address = next(there for peer, _, there in fabric.interfaces(link.source) if peer == link.target)
    _start(fabric, link, link.source, HERE / "cross_traffic.py", "--target", address, "--port", str(CROSS_PORT),
           "--packets-per-second", str(CROSS_PACKETS_PER_SECOND), "--seed", f"{fabric.seed}/{link}")


def heal(fabric, links):
    for link in links:
        for table in (f"ip {slow_link.TABLE}", f"inet {SINK_TABLE}"):
            netns.run(*netns.in_namespace(fabric, link.target, "nft", "-f", "-"), stdin=f"add table {table}\ndelete table {table}\n")
        _stop(fabric, link)
        subprocess.run(netns.in_namespace(fabric, link.source, "tc", "qdisc", "del", "dev", link.target, "root"),
                       capture_output=True, check=False)  # a link that was only delayed has none
        for what in ("ready", "pid", "log"):
            _file(fabric, link, what).unlink(missing_ok=True)


def _file(fabric, link, what):
    return netns.state_dir(fabric.name) / f"slow-{link.source}-{link.target}.{what}"


def _start(fabric, link, device, *argv):
    with _file(fabric, link, "log").open("wb") as log:
        process = subprocess.Popen(netns.in_namespace(fabric, device, *map(str, argv)), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True)
    _file(fabric, link, "pid").write_text(str(process.pid))
    _children[process.pid] = process
    return process


def _stop(fabric, link):
    """Whoever started it: `fabric.py heal` is another program than `fabric.py fault` was."""
    pid = int(_file(fabric, link, "pid").read_text())
    deadline = time.monotonic() + STOP_SECONDS_MAX
    number = signal.SIGTERM
    while pid in netns.processes(fabric.name):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            break
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        time.sleep(0.05)
    if child := _children.pop(pid, None):
        child.wait()
