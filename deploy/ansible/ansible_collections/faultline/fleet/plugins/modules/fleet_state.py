#!/usr/bin/python
"""Waits until the controller sees nodes measuring, or says what is wrong with those that do not."""
DOCUMENTATION = r"""
---
module: fleet_state
short_description: Wait until the controller sees nodes measuring
version_added: "0.1.0"
description:
  - Runs on the controller's machine and asks the controller once a second, for at most I(wait) seconds.
  - Nodes measure when they are live, have taken up a plan, reported a window lately, and get answers from their peers.
  - Fails with one sentence for each thing that is wrong; it says which node, and what to open.
  - Without I(nodes) it answers at once with what the controller knows.
options:
  nodes:
    description: Names of the nodes that should measure.
    type: list
    elements: str
    default: []
  wait:
    description: How many seconds they may take.
    type: int
    default: 120
  fresh:
    description: Whether only windows count that begin after this question.
    type: bool
    default: false
  version:
    description: The version that the nodes must run; empty for any.
    type: str
    default: ""
  incidents_before:
    description: Ids of the incidents that were open before; another one that opens meanwhile is a failure. Left out, none is.
    type: list
    elements: str
  controller:
    description: The controller's address, for the sentences.
    type: str
    default: ""
  control_port: {description: For the sentences., type: int, default: 7400}
  reflector_port: {description: For the sentences., type: int, default: 862}
  source_port_first: {description: For the sentences., type: int, default: 61000}
  source_port_count: {description: For the sentences., type: int, default: 16}
  program:
    description: The command line's path.
    type: path
    default: /usr/bin/faultline
author: The Faultline authors
attributes:
  check_mode: {support: full, description: It changes nothing.}
"""
EXAMPLES = r"""
- name: All three measure within two minutes
  faultline.fleet.fleet_state:
    nodes: [h1, h2, h3]
    wait: 120
"""
RETURN = r"""
known:
  description: Name, address and liveness of every node that the controller knows.
  returned: always
  type: list
  elements: dict
incidents_open:
  description: Ids of the open incidents.
  returned: always
  type: list
  elements: str
window_s:
  description: Length of the fleet's windows in seconds.
  returned: always
  type: float
problems:
  description: What was wrong at the end; empty on success.
  returned: always
  type: list
  elements: str
waited_s:
  description: How long it took.
  returned: always
  type: float
"""

import time
from collections import namedtuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.faultline.fleet.plugins.module_utils import fleet_view
from ansible_collections.faultline.fleet.plugins.module_utils.fleet_cli import CliError, FleetCli

Ports = namedtuple("Ports", "control reflector source_first source_last")


def look(cli, expected, incidents_before):
    """What the controller knows now, and what is wrong with it."""
    status, nodes = cli.json("status"), cli.json("node", "list")
    incidents = cli.json("incident", "list")
    matrix = cli.json("matrix", "--by", "node") if len(nodes["nodes"]) > 1 else {"groups": [], "rows": []}
    wrong = fleet_view.problems(expected, status, nodes, matrix) if expected.names else []
    opened = fleet_view.new_incidents(incidents_before, incidents) if incidents_before is not None else []
    known = [dict(name=node["name"], address=node["address"], live=node["state"] == "live") for node in nodes["nodes"]]
    return dict(known=known, window_s=status["window_s"], problems=wrong + opened, fatal=bool(opened),
                incidents_open=[incident["id"] for incident in incidents["incidents"] if incident["state"] == "open"])


def wait(cli, expected, incidents_before, seconds):
    """The last look: the first at which nothing is wrong, or at which waiting longer would not help."""
    started = time.monotonic()
    while True:
        try:
            if expected.since is None:
                expected.since = fleet_view.parse_time(cli.json("status")["generated_at"])
            seen = look(cli, expected, incidents_before)
        except CliError as error:  # it may be starting
            seen = dict(known=[], incidents_open=[], window_s=0.0, fatal=False, problems=[f"the controller: {error}"])
        seen["waited_s"] = round(time.monotonic() - started, 1)
        if not seen["problems"] or seen.pop("fatal") or seen["waited_s"] >= seconds:
            return seen
        time.sleep(1)


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        nodes=dict(type="list", elements="str", default=[]),
        wait=dict(type="int", default=120),
        fresh=dict(type="bool", default=False),
        version=dict(type="str", default=""),
        incidents_before=dict(type="list", elements="str"),
        controller=dict(type="str", default=""),
        control_port=dict(type="int", default=7400),
        reflector_port=dict(type="int", default=862),
        source_port_first=dict(type="int", default=61000),
        source_port_count=dict(type="int", default=16),
        program=dict(type="path", default="/usr/bin/faultline")))
    given = module.params
    ports = Ports(given["control_port"], given["reflector_port"], given["source_port_first"],
                  given["source_port_first"] + given["source_port_count"] - 1)
    expected = fleet_view.Expectation(given["nodes"], given["controller"], ports, None if given["fresh"] else 0.0,
                                      given["version"])
    seen = wait(FleetCli(module, given["program"]), expected, given["incidents_before"], given["wait"])
    if seen["problems"]:
        module.fail_json(msg="\n".join(seen["problems"]), **seen)
    module.exit_json(changed=False, **seen)


if __name__ == "__main__":
    main()
