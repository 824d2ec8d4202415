"""A small STAMP reflector of another hand (RFC 8762, stateless, unauthenticated), for tests without a controller."""
import socket
import struct
import sys
import time

NTP_EPOCH = 2208988800


def ntp(seconds):
    whole = int(seconds)
    return struct.pack("!II", (whole + NTP_EPOCH) & 0xFFFFFFFF, int((seconds - whole) * 2**32))


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    level, want, kind = ((socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, socket.IPV6_HOPLIMIT) if ":" in address
                         else (socket.IPPROTO_IP, 12, socket.IP_TTL))
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(level, want, 1)
    sock.bind((address, port))
    print("ready", flush=True)
    while True:
        data, control, _, peer = sock.recvmsg(65535, 256)
        received = time.time()
        ttl = next((c[2][0] for c in control if c[1] == kind), 0)
        if len(data) < 41:
            continue
        reply = data[:4] + ntp(time.time()) + b"\x80\x01" + data[14:16] + ntp(received) + data[:14] + b"\0\0"
        reply += bytes([ttl]) + b"\0\0\0" + data[44:]
        sock.sendto(reply[:len(data)], peer)


if __name__ == "__main__":
    main()
