#!/usr/bin/env -S python3 -B
"""Holds every packet that arrives on an interface for a while: the added latency of one directed link.

For kernels without netem. A packet socket sees what arrives; an nftables rule drops the original before routing; its copy
is written, later, to a tap device with the interface's own hardware address, and the kernel takes it from there. Packets
whose TTL ends here pass at once and by the interface itself: its address in the ICMP error names the link.
Runs until it is asked to stop; then it lets the held ones go.
"""
import argparse
import collections
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

TABLE = "faultline_slow"
TUNSETIFF, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_IP = 0x0800
VNET_HEADER_SIZE = 10  # says which checksums and segments the sender's kernel has left open
TTL_AT = VNET_HEADER_SIZE + 14 + 8
PACKET_BYTES_MAX = 1 << 17
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 1 << 22  # the machine's own limit, 200 KiB, is some hundred packets: lost while this waits its turn
PRIORITY = -15  # its own lateness would look like a queue; where real time is refused
REAL_TIME_PRIORITY = 10
HELD_MAX = 20_000  # beyond it the newest are dropped, as a full queue would


def open_tap(name, hardware_address):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(tap, TUNSETVNETHDRSZ, struct.pack("i", VNET_HEADER_SIZE))
    for argv in (("address", hardware_address), ("arp", "off"), ("up",)):
        subprocess.run(["ip", "link", "set", "dev", name, *argv], check=True)
    return tap


def open_interface(name):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    opened.bind((name, ETH_P_IP))
    opened.setblocking(False)
    return opened


def drop_originals(interface):
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input=f"""\
add table ip {TABLE}
add chain ip {TABLE} crossed {{ type filter hook prerouting priority raw - 1; policy accept; }}
add rule ip {TABLE} crossed iifname "{interface}" ip ttl > 1 drop
""")


def forward(opened, tap, delay_seconds, stop):
    """First in, first out: all are held equally long."""
    held = collections.deque()
    while True:
        timeout = max(0.0, held[0][0] - time.monotonic()) if held else None
        ready = select.select([opened, stop], [], [], timeout)[0]
        if stop in ready:
            break
        if ready:
            take(opened, held, time.monotonic() + delay_seconds)
        while held and held[0][0] <= time.monotonic():
            os.write(tap, held.popleft()[1])
    for _, packet in held:
        os.write(tap, packet)


def take(opened, held, due):
    while True:
        try:
            packet = opened.recv(PACKET_BYTES_MAX)
        except (BlockingIOError, InterruptedError):
            return
        if len(packet) > TTL_AT and packet[TTL_AT] > 1 and len(held) < HELD_MAX:
            held.append((due, packet))


def be_prompt():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REAL_TIME_PRIORITY))
    except OSError:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interface", required=True)
    parser.add_argument("--tap", required=True, help="name of the tap device to make")
    parser.add_argument("--delay-ms", type=float, required=True)
    parser.add_argument("--ready", type=Path, required=True, help="made once packets are held")
    given = parser.parse_args()
    be_prompt()
    stop, stopper = socket.socketpair()
    signal.signal(signal.SIGTERM, lambda *_: stopper.send(b"stop"))
    address = Path(f"/sys/class/net/{given.interface}/address").read_text().strip()
    tap, opened = open_tap(given.tap, address), open_interface(given.interface)
    drop_originals(given.interface)
    take(opened, [], 0)  # what came before the rule went its own way
    given.ready.touch()
    forward(opened, tap, given.delay_ms / 1000, stop)


if __name__ == "__main__":
    main()
