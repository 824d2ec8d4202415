"""UDP sockets inside lab namespaces, opened from one process: the instruments of the fabric's own tests.

A socket belongs to the namespace it was made in, so a test enters a namespace, opens its socket and leaves again.
"""
import ctypes
import os
import select
import socket
import struct
import time
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
IP_RECVERR = 11
MSG_ERRQUEUE = 0x2000
ICMP_ORIGIN = 2
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
QUIET_SECONDS = 0.5  # how long the network must be silent before what is missing counts as lost
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(namespace):
    """The calling thread is in `namespace` while the block runs."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as target:
        _enter(target)
        try:
            yield
        finally:
            _enter(home)


def _enter(handle):
    if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns failed")


class Passing:
    """Waits for UDP packets to an address that come to a node of a lab. What passes is noted from when this is made."""

    def __init__(self, namespace, address):
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._address = socket.inet_pton(self._family, address)
        with inside(namespace):
            kind = ETH_P_IPV6 if self._family == socket.AF_INET6 else ETH_P_IP
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))

    def close(self):
        self._socket.close()

    def wait(self, count, seconds_max):
        """Returns when so many have come."""
        deadline = time.monotonic() + seconds_max
        while count > 0:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            octets, (_, _, direction, *_) = self._socket.recvfrom(128)
            if direction != socket.PACKET_OUTGOING and self._is_to_address(octets):
                count -= 1

    def _is_to_address(self, octets):
        protocol, to = (octets[9], octets[16:20]) if self._family == socket.AF_INET else (octets[6], octets[24:40])
        return protocol == socket.IPPROTO_UDP and to == self._address


class Host:
    """One lab host with a UDP socket per source port."""

    def __init__(self, fabric, name, ports):
        self.name, self.address = name, fabric.address(name)
        self.sockets = {}
        self.counts = {}  # (source address, source port, own port) -> datagrams received
        with inside(fabric.namespace(name)):
            for port in ports:
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                opened.bind((self.address, port))
                opened.setblocking(False)
                self.sockets[port] = opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for opened in self.sockets.values():
            opened.close()

    def send(self, port, target, count):
        """Sends `count` datagrams; one pending ICMP error makes a send fail once, so a failed one is repeated."""
        for _ in range(count):
            try:
                self.sockets[port].sendto(b"faultline", target)
            except OSError:
                drain_errors(self.sockets[port])
                self.sockets[port].sendto(b"faultline", target)

    def receive(self, quiet_seconds=0.0, enough=None):
        """Counts what has arrived, until the network is quiet for so long, or so many are there."""
        by_socket = {s: port for port, s in self.sockets.items()}
        while sum(self.counts.values()) != enough:
            ready = select.select(list(by_socket), [], [], quiet_seconds)[0]
            if not ready:
                break
            for opened in ready:
                try:
                    _, source = opened.recvfrom(2048)
                except OSError:  # a queued ICMP error, not a datagram
                    drain_errors(opened)
                    continue
                key = (*source, by_socket[opened])
                self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts


def drain_errors(opened):
    """Addresses of the routers whose ICMP errors wait on a socket."""
    offenders = []
    while True:
        try:
            _, ancillary, _, _ = opened.recvmsg(512, 512, MSG_ERRQUEUE)
        except BlockingIOError:
            return offenders
        for level, kind, data in ancillary:
            if level == socket.IPPROTO_IP and kind == IP_RECVERR:
                origin = struct.unpack_from("=IB", data)[1]
                if origin == ICMP_ORIGIN:
                    offenders.append(socket.inet_ntoa(data[20:24]))


def trace(host, port, target, hops):
    """The router addresses that a fixed 5-tuple meets at TTL 1..hops; None where nobody answered."""
    opened, path = host.sockets[port], []
    for ttl in range(1, hops + 1):
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        host.send(port, target, 1)
        path.append(_wait_offender(opened))
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
    return path


def _wait_offender(opened):
    deadline = time.monotonic() + 2
    poll = select.poll()
    poll.register(opened, 0)  # POLLERR is always reported
    while True:
        left = deadline - time.monotonic()
        poll.poll(max(0, left) * 1000)
        if offenders := drain_errors(opened):  # asked at least once, however late this process gets to run
            return offenders[0]
        if left <= 0:
            return None
