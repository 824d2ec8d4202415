"""Builds the machines of premises.py out of network namespaces, and puts one back into its state after a fault.

`netns.remove` takes all down: namespaces and folder are named as a fabric's are.
"""
import json
import subprocess
import time
from pathlib import Path

import netns
from premises import macvtap_of
from topology import CONTROLLER, LabError

RELAY_SECONDS_MAX = 20
_relays = []  # to be reaped when this program ends; netns.remove() stops them

NAT_RULES = """\
table ip nat {
  chain post { type nat hook postrouting priority 100; ip saddr 192.168.122.0/24 oifname "eth0" masquerade; }
}
"""


def build(premises):
    netns.require_root()
    if netns.exists(premises.name):
        raise LabError(f"a lab named {premises.name!r} is already up; take it down first, or choose another --name")
    try:
        _make(premises)
    except BaseException:  # also Ctrl-C: half of it is of no use
        netns.remove(premises.name)
        raise


def _make(premises):
    folder = netns.state_dir(premises.name)
    folder.mkdir(parents=True, mode=0o700)
    (folder / "topology.yaml").write_text(premises.inventory())
    batch("".join(f"netns add {premises.namespace(d)}\n" for d in premises.devices))
    for device in premises.devices:  # before the links: they take their settings from conf.default when they are made
        run_on(premises, device, "sysctl -q -e -p -", stdin=premises.sysctls(device))
    batch("".join(f"link add name {a_port} netns {premises.namespace(a)} type veth peer name {b_port} netns {premises.namespace(b)}\n"
                  for (a, a_port), (b, b_port) in premises.cables()))
    for machine in premises.machines.values():
        if machine.mode == "macvlan":
            batch(f"link add link {premises.machines[machine.host].port} name eth0 netns {premises.namespace(machine.name)} "
                  "type macvlan mode bridge\n", premises, machine.host)
    for machine in premises.machines.values():
        if machine.mode == "macvtap":
            _make_macvtap(premises, machine)
    for device in premises.devices:
        batch("".join(f"{line}\n" for line in premises.making(device)), premises, device)
    restore(premises, premises.devices)
    for machine in premises.machines.values():
        if machine.mode == "nat":
            run_on(premises, machine.host, "nft -f -", stdin=NAT_RULES)


def _make_macvtap(premises, machine):
    """The relay makes the VM's NIC, and ends with the premises."""
    name = macvtap_of(machine)
    batch(f"link add link {premises.machines[machine.host].port} name {name} type macvtap mode bridge\n", premises, machine.host)
    relay = Path(__file__).with_name("macvtap_relay.py")
    _relays.append(subprocess.Popen(
        netns.in_namespace(premises, machine.host, str(relay), name, premises.namespace(machine.name), machine.port),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
    deadline = time.monotonic() + RELAY_SECONDS_MAX
    show = ["ip", "-n", premises.namespace(machine.name), "link", "show", "dev", machine.port]
    while subprocess.run(show, capture_output=True, check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise LabError(f"the relay of {machine.name}'s macvtap did not start")
        time.sleep(0.05)


def batch(lines, premises=None, device=None):
    where = ("-n", premises.namespace(device)) if premises else ()
    netns.run("ip", *where, "-batch", "-", stdin=lines)


def restore(premises, devices):
    """Links up with their MTU, addresses and routes as planned. What a fault added is the fault's own to take away."""
    for device in devices:
        lines = premises.settings(device)
        routes = [line for line in lines if line.startswith("route")]
        batch("".join(f"{line}\n" for line in lines if line not in routes), premises, device)
    for device in devices:  # now that carriers are up
        batch("".join(f"{line}\n" for line in premises.settings(device) if line.startswith("route")), premises, device)


def run_on(premises, device, command, stdin=None):
    """A line of shell on a device."""
    return netns.run(*netns.in_namespace(premises, device, "sh", "-ec", command), stdin=stdin)


def forget_neighbors(premises):
    """As after some minutes: who was resolved before a change is asked for anew. Permanent entries stay."""
    for device in premises.devices:
        if device != CONTROLLER:
            subprocess.run(["ip", "-n", premises.namespace(device), "neigh", "flush", "all"], capture_output=True, check=False)


def mac_of(premises, device, port):
    return json.loads(netns.run("ip", "-n", premises.namespace(device), "-j", "link", "show", "dev", port))[0]["address"]
