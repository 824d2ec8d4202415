#!/usr/bin/env -S python3 -B
"""Bursts of UDP over one link, a little more than it can carry: they fill its queue, then pause. Stops when asked, and by
itself when its parent's bound of time is over."""
import argparse
import random
import socket
import time

PACKET_BYTES = 1000
BURST_SECONDS = (0.3, 1.5)  # a burst and a pause, each drawn evenly
BATCHES_PER_SECOND = 100
RUN_SECONDS_MAX = 3600


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="address of the link's far end")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--packets-per-second", type=float, required=True)
    parser.add_argument("--seed", required=True)
    given = parser.parse_args()
    rng, opened = random.Random(given.seed), socket.socket(socket.AF_INET6 if ":" in given.target else socket.AF_INET, socket.SOCK_DGRAM)
    opened.connect((given.target, given.port))
    payload, stop_at = bytes(PACKET_BYTES), time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < stop_at:
        began, sent = time.monotonic(), 0
        length = rng.uniform(*BURST_SECONDS)
        while (elapsed := time.monotonic() - began) < length:
            due = int(elapsed * given.packets_per_second)
            for _ in range(due - sent):
                try:
                    opened.send(payload)
                except OSError:
                    pass  # a full queue says so to its own host
            sent = max(sent, due)
            time.sleep(1 / BATCHES_PER_SECOND)
        time.sleep(rng.uniform(*BURST_SECONDS))


if __name__ == "__main__":
    main()
