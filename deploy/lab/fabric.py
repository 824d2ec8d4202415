#!/usr/bin/env -S python3 -B
"""The one fabric builder of the demo and of the lab tests: a routed leaf-spine network in network namespaces."""
import argparse
import os
import sys

import faults
import netns
from topology import Fabric, LabError

EXIT_FAILED = 1
EXIT_USAGE = 3


def parser():
    top = argparse.ArgumentParser(prog="fabric.py", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    def command(name, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--name", default="lab", help="the lab's name and the prefix of its namespaces (default: lab)")
        return sub

    up = command("up", "build the fabric")
    for what in ("spines", "leaves", "hosts"):
        up.add_argument(f"--{what}", type=int, default=4, help="(default: 4; hosts are per leaf)")
    up.add_argument("--family", type=int, choices=(4, 6), default=4, help="of IP (default: 4)")
    up.add_argument("--seed", type=int, default=1, help="of the routers' ECMP hashes and of black holes (default: 1)")
    command("down", "stop what runs in the fabric and remove it; also after a crash")
    command("heal", "end every fault")
    command("show", "list the fabric's devices, faults and the packets they dropped")
    fault = command("fault", "break something")
    fault.add_argument("kind", choices=[k for k in faults.KINDS + faults.SLOW_KINDS if k != "none"])
    fault.add_argument("--link", default="", metavar="leaf2:spine3", help="the direction from leaf2 to spine3")
    fault.add_argument("--device", default="", metavar="spine3", help="for `device`")
    fault.add_argument("--loss", default="2%", help="for `loss` and `device` (default: 2%%)")
    fault.add_argument("--delay-ms", type=float, default=5, help="for `latency` (default: 5)")
    execute = command("exec", "run a command on a device: exec --name NAME DEVICE -- COMMAND ...")
    execute.add_argument("device")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    return top


def show(fabric):
    print(f"lab {fabric.name}: {fabric.spines} spines, {fabric.leaves} leaves, {fabric.hosts} hosts per leaf, seed {fabric.seed}")
    for device in fabric.devices:
        ports = ", ".join(f"{peer} {own}" for peer, own, _ in fabric.interfaces(device))
        print(f"  {fabric.namespace(device):<20} {ports}")
    for fault in faults.active(fabric):
        print(f"  fault: {fault}")
    for link, packets in faults.dropped(fabric).items():
        print(f"  dropped on {link}: {packets}")


def execute(options):
    if options.command == "up":
        netns.build(Fabric(options.name, options.spines, options.leaves, options.hosts, options.seed, options.family))
        print(f"lab {options.name} is up; its inventory is {netns.state_dir(options.name) / 'topology.yaml'}")
        return
    if options.command == "down":
        netns.remove(options.name)
        return
    netns.require_root()
    fabric = netns.load(options.name)
    if options.command == "heal":
        faults.heal(fabric)
    elif options.command == "show":
        show(fabric)
    elif options.command == "exec":
        argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
        if options.device not in fabric.devices or not argv:
            raise LabError(f"exec needs a device of the lab and a command; devices: {' '.join(fabric.devices)}")
        command = netns.in_namespace(fabric, options.device, *argv)
        os.execvp(command[0], command)
    else:
        link = "" if options.kind == "device" else str(fabric.parse_link(options.link))
        faults.inject(fabric, faults.Fault(options.kind, link, options.device, faults.parse_ratio(options.loss),
                                           options.delay_ms))


def main():
    try:
        options = parser().parse_args()
    except SystemExit as stop:  # argparse's usage error is 2, which means "inconclusive" in this project
        return EXIT_USAGE if stop.code else 0
    try:
        execute(options)
    except LabError as error:
        print(f"fabric.py: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
