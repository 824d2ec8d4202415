#!/usr/bin/env -S python3 -B
"""Router advertisements (RFC 4861, section 4.2) on interfaces: router_advert.py INTERFACE=PREFIX:: ... Runs a day at most.

The lab's routers send them, as a real one does, so that hosts have an IPv6 address and gateway that nobody configured.
"""
import socket
import struct
import sys
import time

SECONDS_BETWEEN, LIFETIME_SECONDS, RUN_SECONDS_MAX = 3, 60, 86_400
TYPE_ADVERTISEMENT, OPTION_PREFIX, ON_LINK_AUTONOMOUS, PREFIX_LENGTH = 134, 3, 0xC0, 64
ALL_NODES, HOP_LIMIT = "ff02::1", 255


def advertisement(prefix):
    """Without a checksum: the kernel fills it in."""
    head = struct.pack("!BBHBBHII", TYPE_ADVERTISEMENT, 0, 0, 64, 0, LIFETIME_SECONDS, 0, 0)
    option = struct.pack("!BBBBIII", OPTION_PREFIX, 4, PREFIX_LENGTH, ON_LINK_AUTONOMOUS, LIFETIME_SECONDS, LIFETIME_SECONDS, 0)
    return head + option + socket.inet_pton(socket.AF_INET6, prefix)


def main():
    opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
    targets = [argument.split("=") for argument in sys.argv[1:]]
    stop_at = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < stop_at:
        for interface, prefix in targets:
            try:
                opened.sendto(advertisement(prefix), (ALL_NODES, 0, 0, socket.if_nametoindex(interface)))
            except OSError:
                pass  # the interface is down: part of a fault
        time.sleep(SECONDS_BETWEEN)


if __name__ == "__main__":
    main()
