"""The Ansible collection against booted machines: one controller and N probes, from nothing to measuring, unchanged by a second
run, upgraded while they measure, checked, and removed.

    ansible_test.py [BINARIES] [--hosts 8] [--window 10]

CI runs three hosts with short windows; a campaign by hand runs eight with those that users have.
"""
import argparse
import functools
import re
import sys
import threading
import time

import packages
from ansible_continuity import Continuity
from ansible_fleet import ANSIBLE, CONTROLLER, AnsibleFleet
from machine import need_machines
from support import need, run

NEWER, NEWEST = "9.9.9~test1", "9.9.9~test2"
BLOCK = """\
nft -f - <<END
table inet blocked {
  chain input {
    type filter hook input priority 0
    tcp dport 7401 drop
    udp dport 862 drop
  }
}
END
"""


def labels_of(host):
    """What the inventory says of a host: its variables and its groups. h1 is a hypervisor, h3 runs on it; h2 has no token."""
    if host == "h3":
        return "faultline_hypervisor=h1 faultline_labels='{\"tenant\": \"blue\"}'", ["zone_east"]
    return f"faultline_rack=r{int(host[1:]) % 2} faultline_enrolment={'key' if host == 'h2' else 'token'}", ["zone_east" if int(host[1:]) <= 4 else "zone_west"]


def the_collection_is_clean():
    for command in (["yamllint", "-c", ".yamllint", "."], ["ansible-lint", "-c", ".ansible-lint", "--offline", "-q", "--nocolor"]):
        done = run(*command, cwd=ANSIBLE, check=False)
        assert done.returncode == 0, f"{command[0]} has findings:\n{done.stdout}{done.stderr}"


def check_mode_changes_nothing_on_bare_hosts(fleet):
    play = fleet.play("site", "--check", "--diff").expect(0, "check mode on bare hosts")
    assert play.total("changed") == len(fleet.machines), play.output
    left = fleet.everywhere("ls -d /etc/faultline* /var/lib/faultline* /usr/bin/faultline* /var/cache/faultline* 2>/dev/null || true")
    assert not any(left.values()), f"check mode left {left}"


def from_nothing_to_measuring(fleet):
    """Prints the newcomer's clock; what ansible-playbook says is kept in all detail for the search for secrets."""
    done, clock = threading.Event(), []
    started = time.monotonic()

    def watch():
        while not done.is_set() and not clock:
            if fleet.measuring():
                clock.append(time.monotonic() - started)
            done.wait(1)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        play = fleet.play("site", "-vvv", "--diff").expect(0, "the deployment")
    finally:
        done.set()
        watcher.join()
    if not clock and fleet.measuring():  # only since the watcher looked last
        clock.append(time.monotonic() - started)
    assert clock, "the playbook said that all measure, but the controller does not"
    print(f"NEWCOMER'S CLOCK: {clock[0]:.0f} s from ansible-playbook to {len(fleet.hosts)} probes measuring "
          f"(windows of {fleet.window_seconds} s); the playbook ended after {play.seconds:.0f} s")


def labels_are_the_inventorys(fleet):
    nodes = {node["name"]: node for node in fleet.cli("node", "list")["nodes"]}
    assert sorted(nodes) == fleet.hosts
    assert nodes["h1"]["labels"] == {"rack": "r1", "zone": "east"} and nodes["h1"]["kind"] == "host", nodes["h1"]
    assert nodes["h3"]["labels"] == {"zone": "east", "hypervisor": "h1", "tenant": "blue"}, nodes["h3"]
    assert nodes["h3"]["kind"] == "vm", nodes["h3"]


def no_secret_was_shown(fleet):
    """Neither a token, known by its prefix, nor a private key is in what Ansible said or in any journal."""
    made = fleet.cli("node", "token", "create", "--node", "never")
    fleet.cli("node", "token", "remove", made["id"])
    secrets = {made["token"][:made["token"].index("_") + 1]}
    for machine in fleet.machines.values():
        for path in machine.root.glob("var/lib/faultline/*/*.key"):
            secrets |= set(re.findall(r"^secret (\S+)", path.read_text(), re.MULTILINE))
    assert len(secrets) == 1 + len(fleet.machines), "not every machine has a private key to look for"
    texts = fleet.logs() + list(fleet.everywhere("journalctl --no-pager -q; cat /var/log/auth.log 2>/dev/null || true").items())
    assert any("Place the token" in text and "censored" in text for _, text in texts), "the token's task was not seen"
    for where, text in texts:
        found = [secret for secret in secrets if secret in text]
        assert not found, f"a secret is in {where}"
    left = fleet.everywhere("ls /etc/faultline/token /home/*/.ansible/tmp/* /root/.ansible/tmp/* 2>/dev/null || true")
    assert not any(left.values()), f"files are left that held tokens: {left}"


def a_second_run_changes_nothing(fleet):
    for options in ([], ["--check", "--diff"]):
        play = fleet.play("site", *options).expect(0, "the second run")
        assert play.total("changed") == 0, f"site {options} changed something the second time:\n{play.output[-6000:]}"
        print(f"second run {options}: {play}")


def wrong_variables_are_told(fleet):
    play = fleet.play("site", "--limit", "h1", "-e", "faultline_verison=1").expect(1, "an unknown variable")
    assert "h1 has variables that nothing knows: faultline_verison" in play.text, play.output
    play = fleet.play("site", "--limit", "h1", "-e", "faultline_enrolment=magic").expect(1, "a wrong value")
    assert "value of faultline_enrolment must be one of: token, key, got: magic" in play.text, play.output


def versions(fleet):
    return fleet.everywhere("dpkg-query -W -f '${Version}' faultline-probe", fleet.hosts)


def upgrade_that_stops(fleet, folder, version, bad, reason):
    """An upgrade to the packages of `folder` that must stop at the host `bad` for `reason`; the later ones stay as they are."""
    place, before = fleet.hosts.index(bad), versions(fleet)
    untouched = fleet.hosts[place + 1:]
    play = fleet.play("upgrade", "-e", f"faultline_packages_dir={folder}").expect(1, f"an upgrade that {bad} cannot do")
    assert f"The upgrade stops at {bad}: " in play.text and reason in play.text, play.output[-4000:]
    assert f"Not touched: {', '.join(untouched)}." in play.text, play.output[-4000:]
    now = versions(fleet)
    assert all(now[host] == version for host in fleet.hosts[:place]), now
    assert all(now[host] == before[host] for host in untouched), now
    print(f"upgrade that fails on {bad}: {play}; {len(untouched)} hosts untouched; told as:\n" +
          "\n".join(f"    {line}" for line in play.reasons()))


def upgraded_under_load(fleet, newer):
    """First with a host that refuses the package: it stops there, and all go on measuring. Then to the end."""
    continuity = Continuity(fleet)
    bad = fleet.hosts[len(fleet.hosts) // 2]
    fleet.machines[bad].run("apt-mark", "hold", "faultline-probe")
    upgrade_that_stops(fleet, newer, NEWER, bad, "Held packages were changed")
    fleet.machines[bad].run("apt-mark", "unhold", "faultline-probe")
    play = fleet.play("upgrade", "-e", f"faultline_packages_dir={newer}", "-e", "faultline_upgrade_serial=2").expect(0, "the upgrade")
    assert set(versions(fleet).values()) == {NEWER}, versions(fleet)
    print(f"upgrade: {play}")
    keys_change(fleet)
    continuity.check()


def keys_change(fleet):
    """All nodes and the controller get new keys, and only those are trusted."""
    def keys():
        trust = fleet.cli("trust", "list")
        return {key["key"] for owner in (trust["controller"], *trust["nodes"]) for key in owner["keys"]}
    before = keys()
    play = fleet.play("rekey", "-e", "faultline_rekey_serial=50%", "-e", "faultline_rekey_controller=true").expect(0, "new keys")
    assert len(before) == len(keys()) == len(fleet.machines) and not before & keys(), "old keys are still trusted"
    print(f"new keys: {play}")


def an_upgrade_that_does_not_start(fleet, newest):
    """The package is there, but the service does not start any more: the host is down, and nobody else goes the same way."""
    bad = fleet.hosts[1]
    drop_in = fleet.machines[bad].root / "etc/systemd/system/faultline-probe.service.d/broken.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nExecStartPre=/bin/false\n")
    fleet.machines[bad].run("systemctl", "daemon-reload")
    upgrade_that_stops(fleet, newest, NEWEST, bad, "faultline-probe")
    drop_in.unlink()
    fleet.machines[bad].run("systemctl", "daemon-reload")
    fleet.play("upgrade", "-e", f"faultline_packages_dir={newest}").expect(0, "the upgrade, after it was mended")
    assert set(versions(fleet).values()) == {NEWEST}, versions(fleet)


def blocked_ports_are_named(fleet):
    machine = fleet.machines["h2"]
    machine.shell(BLOCK)
    play = fleet.play("check", "-e", f"faultline_measuring_wait={10 * fleet.window_seconds}").expect(1, "a check with blocked ports")
    for expected in (f"h1 cannot reach h2 at {machine.address} port 7401/tcp: no answer within 4 s",
                     f"open 7401/tcp on h2 ({machine.address}) for h1",
                     f"gets an answer from h2 ({machine.address}): open 862/udp on h2"):
        assert expected in play.text, f"'{expected}' is not in:\n{play.output[-6000:]}"
    machine.run("nft", "delete", "table", "inet", "blocked")
    print(f"blocked ports: {play}; told as:\n" + "\n".join(f"    {line}" for line in play.reasons()))


def removal(fleet):
    last = fleet.hosts[-1]
    fleet.play("remove").expect(1, "a removal of everything that nobody asked for")
    fleet.play("remove", "--limit", last).expect(0, "the removal of one node")
    assert last not in [node["name"] for node in fleet.cli("node", "list")["nodes"]]
    gone = fleet.everywhere("dpkg-query -W -f '${db:Status-Status}' faultline-probe; pgrep -c faultline-probe || true", [last])
    assert gone[last] == "config-files0", gone
    again = fleet.play("remove", "--limit", last).expect(0, "the removal of one node, again")
    assert again.total("changed") == 0, again.output[-4000:]
    fleet.play("remove", "-e", "faultline_remove_all=true", "-e", "faultline_purge=true").expect(0, "the removal of everything")
    left = fleet.everywhere("ls -d /etc/faultline /var/lib/faultline /usr/bin/faultline* 2>/dev/null || true; dpkg -l | grep faultline || true")
    assert not any(left.values()), f"the removal left {left}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries", nargs="?")
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--window", type=int, default=2)
    options = parser.parse_args()
    assert options.hosts >= 3, "the steps need three hosts"
    sys.argv[1:] = [options.binaries] if options.binaries else []
    need_machines()
    need("ansible-playbook", "ansible-lint", "yamllint", "ssh", "ssh-keygen", "dpkg-scanpackages", "apt-get")

    the_collection_is_clean()
    older, newer = (next(iter(packages.build(version).values())).parent for version in (None, NEWER))
    steps = [check_mode_changes_nothing_on_bare_hosts, from_nothing_to_measuring, labels_are_the_inventorys, no_secret_was_shown,
             a_second_run_changes_nothing, wrong_variables_are_told, functools.partial(upgraded_under_load, newer=newer)]
    if options.hosts > 3:  # takes a while: not in CI
        newest = next(iter(packages.build(NEWEST).values())).parent
        steps.append(functools.partial(an_upgrade_that_does_not_start, newest=newest))
    with AnsibleFleet("faultline-test-ansible", options.hosts, options.window) as fleet:
        fleet.serve_mirror(sorted(older.glob("*.deb")))
        fleet.write_inventory(older, labels_of)
        for step in (*steps, blocked_ports_are_named, removal):
            started = time.monotonic()
            step(fleet)
            name = getattr(step, "__name__", None) or step.func.__name__
            print(f"ok: {name} ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
