#!/usr/bin/python
"""One-use tokens for nodes that are to join, made on the controller."""
DOCUMENTATION = r"""
---
module: join_token
short_description: Make one-use tokens with which nodes join
version_added: "0.1.0"
description:
  - Runs on the controller's machine. Makes one token for each node, after revoking one that an interrupted run has left.
  - The result holds secrets. Use it with C(no_log) only.
  - Makes none when the controller knows a node of that name already, unless I(replace) is set; then the old one is removed,
    and its key refused from then on.
  - What went wrong is returned in C(problem), because C(no_log) would hide the message of a failure.
options:
  nodes:
    description: Names of the nodes that are to join.
    type: list
    elements: str
    required: true
  lifetime:
    description: How long the tokens may be used, such as 1h.
    type: str
    default: 1h
  replace:
    description: Remove a node of the same name first.
    type: bool
    default: false
  program:
    description: The command line's path.
    type: path
    default: /usr/bin/faultline
author: The Faultline authors
attributes:
  check_mode: {support: full, description: Makes no token and says that it would.}
"""
EXAMPLES = r"""
- name: A token for h3
  faultline.fleet.join_token:
    nodes: [h3]
  register: made
  no_log: true
"""
RETURN = r"""
tokens:
  description: The tokens, by the nodes' names. Secret.
  returned: always
  type: dict
problem:
  description: Why there are none; empty when there are. No secret.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.faultline.fleet.plugins.module_utils.fleet_cli import CliError, FleetCli

KNOWN = ("the controller knows a node named {} already, but this machine has not joined as it: it was installed anew, or two "
         "machines have one name. If it was installed anew, run again with -e faultline_replace_node=true (the old key is "
         "refused from then on); else give it another name with faultline_node_name.")


def make_room(cli, nodes, replace):
    """Removes what stands in the way of new tokens: open tokens and, where that is wanted, nodes of the same names."""
    names = set(nodes)
    known = names & {node["name"] for node in cli.json("node", "list")["nodes"]}
    if known and not replace:
        raise CliError("\n".join(KNOWN.format(name) for name in sorted(known)))
    for name in sorted(known):
        cli.json("node", "remove", name)
    for token in cli.json("node", "token", "list")["tokens"]:
        if token["node"] in names:
            cli.json("node", "token", "remove", token["id"])


def create(cli, name, lifetime):
    return cli.json("node", "token", "create", "--node", name, "--lifetime", lifetime)["token"]


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        nodes=dict(type="list", elements="str", required=True),
        lifetime=dict(type="str", default="1h"),
        replace=dict(type="bool", default=False),
        program=dict(type="path", default="/usr/bin/faultline")))
    given = module.params
    if module.check_mode:
        module.exit_json(changed=bool(given["nodes"]), tokens={}, problem="")
    cli = FleetCli(module, given["program"])
    try:
        make_room(cli, given["nodes"], given["replace"])
        tokens = {name: create(cli, name, given["lifetime"]) for name in given["nodes"]}
    except CliError as error:
        module.exit_json(changed=False, tokens={}, problem=str(error))
    module.exit_json(changed=bool(tokens), tokens=tokens, problem="")


if __name__ == "__main__":
    main()
