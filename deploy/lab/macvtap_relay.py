#!/usr/bin/env -S python3 -B
"""The part of a hypervisor between a macvtap and a VM's NIC: macvtap_relay.py MACVTAP VM_NAMESPACE NIC. Run in the host's namespace.

A macvtap gives frames to a file instead of to an interface. This opens it, makes a tap with the macvtap's own hardware address
in the VM's namespace, and carries frames between the two until it is asked to stop; a day at most.
"""
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000  # without a header: the kernel then fills in checksums and cuts segments itself
CLONE_NEWNET = 0x40000000
FRAME_BYTES_MAX, RUN_SECONDS_MAX = 65_536, 86_400
libc = ctypes.CDLL(None, use_errno=True)


def open_macvtap(name):
    """No udev makes the device's node here."""
    folder, = Path(f"/sys/class/net/{name}").glob("tap*")
    major, minor = (int(part) for part in (folder / "dev").read_text().split(":"))
    with tempfile.TemporaryDirectory() as place:
        node = os.path.join(place, "tap")
        os.mknod(node, 0o600 | 0o020000, os.makedev(major, minor))
        opened = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(opened, TUNSETIFF, struct.pack("16sH22x", b"", IFF_TAP | IFF_NO_PI))
    return opened


def open_nic(namespace, name, hardware_address):
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as target:
        if libc.setns(target.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        opened = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(opened, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        subprocess.run(["ip", "link", "set", "dev", name, "address", hardware_address], check=True)
        libc.setns(home.fileno(), CLONE_NEWNET)
    return opened


def copy(source, target):
    try:
        os.write(target, os.read(source, FRAME_BYTES_MAX))
    except (BlockingIOError, OSError):
        pass  # one of the two is down: as good as an unplugged cable


def main():
    macvtap, namespace, nic = sys.argv[1:]
    hardware_address = Path(f"/sys/class/net/{macvtap}/address").read_text().strip()
    outside, inside = open_macvtap(macvtap), open_nic(namespace, nic, hardware_address)
    other = {outside: inside, inside: outside}
    stop_at = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < stop_at:
        for source in select.select(list(other), [], [], 1)[0]:
            copy(source, other[source])


if __name__ == "__main__":
    main()
