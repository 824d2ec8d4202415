"""Answers every QUIC long header of an unknown version with Version Negotiation (RFC 9000 sections 6.1 and 17.2.1).

  quic_responder.py ADDRESS PORT
"""
import socket
import sys

MINIMUM = 1200  # octets; a server ignores less
VERSIONS = b"\x00\x00\x00\x01" + b"\x6b\x33\x43\xcf"  # 1 and 2

sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = sock.recvfrom(65535)
    if len(data) < MINIMUM or not data[0] & 0x80 or data[1:5] in (VERSIONS[:4], VERSIONS[4:]):
        continue
    after = 6 + data[5]  # the destination's connection id ends here
    destination, source = data[5:after], data[after:after + 1 + data[after]]  # each with its length
    sock.sendto(b"\x80\0\0\0\0" + source + destination + VERSIONS, peer)
