"""A small STAMP reflector of another hand (RFC 8762, stateless, unauthenticated), for tests without a controller. Of the TLVs of
RFC 8972 it knows Location and Class of Service; SSID 0xFFFC is answered with the base packet, as schemas/stamp.md says.

  stamp_reflector.py ADDRESS PORT
"""
import ipaddress
import socket
import struct
import sys
import time

NTP_EPOCH = 2208988800
BASE, SMALLEST, SSID_MTU = 44, 41, b"\xff\xfc"
UNRECOGNIZED, MALFORMED = 0x80, 0x40
LOCATION, CLASS_OF_SERVICE = 2, 4
PLACES = {4: (0, 5, 6), 7: (1, 8, 9)}  # sub-TLV asked: which endpoint, and its type with an IPv4 and with an IPv6 address
IP_RECVTOS, IP_RECVTTL = 13, 12  # Linux; Python names neither
CONTROL = {socket.AF_INET: (socket.IPPROTO_IP, (IP_RECVTTL, IP_RECVTOS), socket.IP_TTL, socket.IP_TOS),
           socket.AF_INET6: (socket.IPPROTO_IPV6, (socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS), socket.IPV6_HOPLIMIT,
                             socket.IPV6_TCLASS)}


def ntp(seconds):
    whole = int(seconds)
    return struct.pack("!II", (whole + NTP_EPOCH) & 0xFFFFFFFF, int((seconds - whole) * 2**32))


def slots(octets, at):
    """Where each (sub-)TLV begins and ends, as far as they are whole."""
    while at + 4 <= len(octets):
        stop = at + 4 + struct.unpack_from("!H", octets, at + 2)[0]
        if stop > len(octets):
            octets[at] |= MALFORMED
            return
        yield at, stop
        at = stop


def locate(value, ends):
    """`ends`: the destination's address and port, and the source's."""
    struct.pack_into("!HH", value, 0, ends[0][1], ends[1][1])
    for at, stop in slots(value, 4):
        if value[at + 1] in PLACES and stop - at == 20:
            which, v4, v6 = PLACES[value[at + 1]]
            address = ipaddress.ip_address(ends[which][0])
            value[at:at + 2] = bytes([0, v4 if address.version == 4 else v6])
            value[at + 4:stop] = address.packed.ljust(16, b"\0")
    return value


def tlvs(octets, ends, traffic_class):
    octets = bytearray(octets)
    if octets[1:2] in (b"", b"\0"):
        return octets  # padding from before RFC 8972
    for at, stop in slots(octets, 0):
        kind = octets[at + 1]
        if kind == LOCATION:
            octets[at + 4:stop] = locate(octets[at + 4:stop], ends)
        elif kind == CLASS_OF_SERVICE and stop - at == 8:
            wanted = octets[at + 4] >> 2
            refused = 1  # it answers with the DSCP of its socket
            word = wanted << 26 | (traffic_class >> 2) << 20 | (traffic_class & 3) << 18 | refused << 16
            octets[at + 4:stop] = struct.pack("!I", word)
        elif kind != 1:  # Extra Padding
            octets[at] |= UNRECOGNIZED
            continue
        octets[at] &= ~UNRECOGNIZED
    return octets


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    level, wanted, ttl_kind, class_kind = CONTROL[family]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    for option in wanted:
        sock.setsockopt(level, option, 1)
    sock.bind((address, port))
    print("ready", flush=True)
    while True:
        data, control, _, peer = sock.recvmsg(65535, 256)
        received = time.time()
        if len(data) < SMALLEST:
            continue
        heard = {kind: octets[0] for _, kind, octets in control}
        reply = data[:4] + ntp(time.time()) + b"\x80\x01" + data[14:16] + ntp(received) + data[:14] + b"\0\0"
        reply += bytes([heard.get(ttl_kind, 0)]) + b"\0\0\0"
        if data[14:16] != SSID_MTU:
            reply += tlvs(data[BASE:], (sock.getsockname(), peer), heard.get(class_kind, 0))
        sock.sendto(reply[:len(data)], peer)


if __name__ == "__main__":
    main()
