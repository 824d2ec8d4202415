#!/usr/bin/env -S python3 -B
"""Accepts TCP connections and closes them: listener.py ADDRESS PORT. Runs an hour at most."""
import socket
import sys
import time

RUN_SECONDS_MAX = 3600


def main():
    opened = socket.create_server((sys.argv[1], int(sys.argv[2])))
    opened.settimeout(1)
    stop_at = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < stop_at:
        try:
            opened.accept()[0].close()
        except TimeoutError:
            pass


if __name__ == "__main__":
    main()
