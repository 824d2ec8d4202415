#!/usr/bin/python
"""Which TCP ports can be reached from this machine, and if not, why."""
DOCUMENTATION = r"""
---
module: tcp_reach
short_description: Check that TCP ports can be reached from this machine, all at once
version_added: "0.1.0"
description:
  - Connects to every target at the same time and closes the connection at once; nothing is sent.
  - Fails with one sentence for each target that cannot be reached; it says what was seen and what to open.
options:
  source:
    description: Name of this machine, for the sentences.
    type: str
    required: true
  targets:
    description: What to connect to.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the machine., type: str, required: true}
      address: {description: Its address., type: str, required: true}
      port: {description: The port., type: int, required: true}
  service:
    description: What listens there, for the sentences.
    type: str
    required: true
  timeout:
    description: Seconds after which a connection counts as dropped.
    type: int
    default: 4
author: The Faultline authors
attributes:
  check_mode: {support: full, description: It changes nothing.}
"""
EXAMPLES = r"""
- name: The controller can be reached
  faultline.fleet.tcp_reach:
    source: h3
    service: faultline-controller
    targets: [{name: ctl, address: 192.0.2.10, port: 7400}]
"""
RETURN = r"""
problems:
  description: One sentence for each target that cannot be reached.
  returned: always
  type: list
  elements: str
reached:
  description: Names of the targets that can.
  returned: always
  type: list
  elements: str
"""

import errno
import os
import select
import socket
import time

from ansible.module_utils.basic import AnsibleModule

OPEN, REFUSED, DROPPED, NO_ROUTE, FORBIDDEN, OTHER = "open", "refused", "dropped", "no route", "forbidden", "other"
STATE_OF_ERRNO = {
    0: OPEN,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: DROPPED,
    errno.ENETUNREACH: NO_ROUTE,
    errno.EHOSTUNREACH: NO_ROUTE,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
}


def sentence(source, target, service, state, detail, timeout):
    """What is wrong with one connection and what to do about it."""
    name, port = target["name"], target["port"]
    opened = f"open {port}/tcp on {name} ({target['address']}) for {source}"
    return f"{source} cannot reach {name} at {target['address']} port {port}/tcp: " + {
        REFUSED: f"the connection is refused. Either {service} does not run on {name}, or a firewall rejects it: {opened}.",
        DROPPED: f"no answer within {timeout} s, so a firewall drops it or {name} is down: {opened}.",
        NO_ROUTE: f"{detail}. The address or a route is wrong, or a firewall rejects it: check them, then {opened}.",
        FORBIDDEN: f"{detail}. {source} itself forbids it: allow outgoing connections to port {port}/tcp there.",
        OTHER: f"{detail}.",
    }[state]


def connect_all(targets, timeout):
    """(state, detail) for each target; takes no longer than `timeout` seconds besides looking names up."""
    found = [None] * len(targets)
    waiting = {}
    poller = select.poll()
    for index, target in enumerate(targets):
        try:
            family, kind, protocol, _name, address = socket.getaddrinfo(
                target["address"], target["port"], type=socket.SOCK_STREAM)[0]
            connection = socket.socket(family, kind, protocol)
        except OSError as error:
            found[index] = (OTHER, str(error))
            continue
        connection.setblocking(False)
        code = connection.connect_ex(address)
        if code == errno.EINPROGRESS:
            waiting[connection.fileno()] = (index, connection)
            poller.register(connection, select.POLLOUT)
        else:
            found[index] = outcome(code)
            connection.close()
    collect(poller, waiting, found, time.time() + timeout)
    return found


def collect(poller, waiting, found, deadline):
    """Waits for the connections under way; those that are still so at the deadline were dropped."""
    while waiting:
        left = deadline - time.time()
        for descriptor, _event in poller.poll(max(0, left * 1000)) if left > 0 else []:
            index, connection = waiting.pop(descriptor)
            poller.unregister(descriptor)
            found[index] = outcome(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            connection.close()
        if left <= 0:
            for index, connection in waiting.values():
                found[index] = (DROPPED, "")
                connection.close()
            return


def outcome(code):
    return STATE_OF_ERRNO.get(code, OTHER), os.strerror(code)


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        source=dict(type="str", required=True),
        service=dict(type="str", required=True),
        timeout=dict(type="int", default=4),
        targets=dict(type="list", elements="dict", required=True, options=dict(
            name=dict(type="str", required=True), address=dict(type="str", required=True),
            port=dict(type="int", required=True)))))
    given = module.params
    results = list(zip(given["targets"], connect_all(given["targets"], given["timeout"])))
    problems = [sentence(given["source"], target, given["service"], state, detail, given["timeout"])
                for target, (state, detail) in results if state != OPEN]
    reached = [target["name"] for target, (state, _detail) in results if state == OPEN]
    if problems:
        module.fail_json(msg="\n".join(problems), problems=problems, reached=reached)
    module.exit_json(changed=False, problems=[], reached=reached)


if __name__ == "__main__":
    main()
