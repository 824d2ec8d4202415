"""The Debian packages in a clean root, which is not booted here: made, checked, installed, upgraded, removed, purged."""
import os
import stat
import sys
import tempfile
from pathlib import Path

import packages
from machine import Machine, need_machines
from support import ROOT, need, run

NEWER = "0.2.0~test1"
PREFIX = "faultline-test-packages"
# path: mode, owner, group after installation
INSTALLED = {
    "/usr/bin/faultline": (0o755, "root", "root"),
    "/usr/bin/faultline-controller": (0o755, "root", "root"),
    "/usr/bin/faultline-probe": (0o755, "root", "root"),
    "/lib/systemd/system/faultline-controller.service": (0o644, "root", "root"),
    "/lib/systemd/system/faultline-probe.service": (0o644, "root", "root"),
    "/etc/faultline": (0o755, "root", "root"),
    "/etc/faultline/controller.yaml": (0o640, "root", "faultline"),
    "/etc/faultline/probe.yaml": (0o640, "root", "faultline-probe"),
    "/var/lib/faultline": (0o755, "root", "root"),
    "/var/lib/faultline/controller": (0o700, "faultline", "faultline"),
    "/var/lib/faultline/probe": (0o700, "faultline-probe", "faultline-probe"),
    "/usr/share/man/man1/faultline.1.gz": (0o644, "root", "root"),
    "/usr/share/man/man8/faultline-controller.8.gz": (0o644, "root", "root"),
    "/usr/share/man/man8/faultline-probe.8.gz": (0o644, "root", "root"),
    "/usr/share/bash-completion/completions/faultline": (0o644, "root", "root"),
    "/usr/share/zsh/vendor-completions/_faultline": (0o644, "root", "root"),
    "/usr/share/fish/vendor_completions.d/faultline.fish": (0o644, "root", "root"),
    "/usr/share/doc/faultline-controller/README.Debian": (0o644, "root", "root"),
    "/usr/share/doc/faultline-probe/README.Debian": (0o644, "root", "root"),
}
CONFFILES = ("etc/faultline/controller.yaml", "etc/faultline/probe.yaml")
WANTS = "etc/systemd/system/multi-user.target.wants"
# What dpkg and the system keep of any package that ever was there; the users stay on purpose (deploy/debian/README.md).
KEPT_BY_SYSTEM = ("/var/lib/dpkg/", "/var/log/", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-",
                  "/etc/.pwd.lock", "/var/cache/ldconfig/aux-cache", "/dev/")


def checks_of_lintian(debs):
    said = run("lintian", "--allow-root", "--fail-on", "error", *debs.values())
    print(said.stdout, end="")
    assert "W: " not in said.stdout, "lintian warns"


def same_binaries_give_the_same_bytes(debs):
    with tempfile.TemporaryDirectory() as folder:
        for name, path in packages.build_into(Path(folder)).items():
            assert path.read_bytes() == debs[name].read_bytes(), f"{name} differs from one build to the next"


def what_is_wrong_is_said():
    for words, sentence in ((["--version", "1.0-1"], "is not a Debian version"), (["--binaries", "/nowhere"], "is not there"),
                            (["--output"], "needs a value")):
        done = run(ROOT / "deploy/package.sh", *words, check=False)
        assert done.returncode in (1, 3) and sentence in done.stderr, (words, done)


def files_are_owned_as_meant(machine):
    for path, expected in INSTALLED.items():
        words = machine.run("stat", "-c", "%a %U %G", path).stdout.split()
        assert (int(words[0], 8), words[1], words[2]) == expected, f"{path} is {words}"
    for user in ("faultline", "faultline-probe"):
        entry = machine.run("getent", "passwd", user).stdout.strip().split(":")
        assert int(entry[2]) < 1000 and entry[6] == "/usr/sbin/nologin", entry
    examples = machine.root / "usr/share/doc"
    for name in ("controller", "probe"):
        shipped = examples / f"faultline-{name}/examples/{name}.yaml"
        assert shipped.read_bytes() == (ROOT / f"deploy/config/{name}.yaml").read_bytes(), shipped
    wanted = sorted(path.name for path in (machine.root / WANTS).glob("faultline*"))
    assert wanted == ["faultline-controller.service"], f"enabled: {wanted}"


def programs_run_with_what_they_depend_on(machine):
    for name in packages.NAMES:
        said = machine.run(name, *(["explain", "ECONNREFUSED"] if name == "faultline" else ["--version"])).stdout
        assert said.strip(), name
        assert ".debug_info" not in run("readelf", "-SW", machine.root / "usr/bin" / name).stdout, f"{name} is not stripped"
    machine.run("faultline-controller", "--check-config")
    refused = machine.run("faultline-probe", "--check-config", check=False)
    assert refused.returncode != 0 and "address is missing" in refused.stderr, refused
    machine.run("bash", "-n", "/usr/share/bash-completion/completions/faultline")


def with_another_conffile(deb, folder):
    """The same package with another default in its configuration: what makes dpkg ask."""
    run("dpkg-deb", "-R", deb, folder / "tree")
    with open(folder / "tree/etc/faultline/controller.yaml", "a", encoding="utf-8") as file:
        file.write("# a default that is new in this version\n")
    run("dpkg-deb", "--root-owner-group", "-b", folder / "tree", folder / deb.name)
    return folder / deb.name


def upgrade_keeps_what_was_edited(machine, newer):
    edited = {}
    for path in CONFFILES:
        edited[path] = (machine.root / path).read_text() + "# edited by an operator\n"
        (machine.root / path).write_text(edited[path])
    (machine.root / "etc/faultline/token").write_text("a token\n")
    (machine.root / "etc/faultline/topology.yaml").write_text("devices: []\n")
    for name in ("controller", "probe"):
        (machine.root / f"var/lib/faultline/{name}/state").write_text(name)
    machine.shell("chown faultline: /etc/faultline/controller.yaml; chmod 0600 /etc/faultline/controller.yaml")
    with tempfile.TemporaryDirectory() as folder:
        asks = with_another_conffile(newer["faultline-controller"], Path(folder))
        machine.install(asks, newer["faultline-probe"], newer["faultline"])
    for name in packages.NAMES:
        assert machine.run("dpkg-query", "-W", "-f=${Version}", name).stdout == NEWER, name
    for path, text in edited.items():
        assert (machine.root / path).read_text() == text, f"{path} was not kept"
    assert machine.run("stat", "-c", "%a %U", "/etc/faultline/controller.yaml").stdout == "600 faultline\n"
    assert (machine.root / "etc/faultline/controller.yaml.dpkg-dist").exists(), "the new default is nowhere to be seen"
    wanted = sorted(path.name for path in (machine.root / WANTS).glob("faultline*"))
    assert wanted == ["faultline-controller.service"], f"enabled by the upgrade: {wanted}"


def remove_keeps_state_and_configuration(machine):
    machine.run("dpkg", "--remove", *packages.NAMES)
    for path in (*CONFFILES, "etc/faultline/token", "var/lib/faultline/controller/state", "var/lib/faultline/probe/state"):
        assert (machine.root / path).exists(), f"{path} did not outlive a removal"
    for path in ("usr/bin/faultline", "usr/bin/faultline-probe", "lib/systemd/system/faultline-controller.service"):
        assert not (machine.root / path).exists(), f"{path} outlived a removal"


def purge_of_one_leaves_the_other(machine):
    machine.run("dpkg", "--purge", "faultline-controller")
    for path in ("etc/faultline/controller.yaml", "etc/faultline/topology.yaml", "var/lib/faultline/controller"):
        assert not (machine.root / path).exists(), f"{path} outlived a purge"
    for path in ("etc/faultline/probe.yaml", "etc/faultline/token", "var/lib/faultline/probe/state"):
        assert (machine.root / path).exists(), f"{path} went with the controller"


def purge_of_all_leaves_nothing(machine, before):
    machine.run("dpkg", "--purge", *packages.NAMES)
    after = everything_in(machine.root)
    left = sorted(path for path in after - before if not path.startswith(KEPT_BY_SYSTEM))
    gone = sorted(path for path in before - after if not path.startswith(KEPT_BY_SYSTEM))
    assert not left, f"left after a purge: {left}"
    assert not gone, f"gone with a purge, but not ours: {gone}"


def everything_in(root):
    paths = set()
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder) / name
            if not stat.S_ISSOCK(path.lstat().st_mode):
                paths.add("/" + str(path.relative_to(root)))
    return paths


def main():
    need_machines()
    need("dpkg-buildpackage", "dh", "lintian")
    debs, newer = packages.build(), packages.build(NEWER)
    checks_of_lintian(debs)
    same_binaries_give_the_same_bytes(debs)
    what_is_wrong_is_said()
    with Machine(PREFIX, packages.root_for(debs)) as machine:
        (machine.root / "etc/dpkg/dpkg.cfg.d/unattended").write_text("force-confdef\nforce-confold\n")
        before = everything_in(machine.root)
        said = machine.install(*debs.values())
        assert "not configured and not started" in said.stdout, said.stdout
        files_are_owned_as_meant(machine)
        programs_run_with_what_they_depend_on(machine)
        upgrade_keeps_what_was_edited(machine, newer)
        remove_keeps_state_and_configuration(machine)
        machine.install(*debs.values())  # again, over what was kept
        machine.run("dpkg", "--remove", *packages.NAMES)
        purge_of_one_leaves_the_other(machine)
        purge_of_all_leaves_nothing(machine, before)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1024:.0f} KiB" for path in debs.values())
    print(f"packages: {sizes}; installed, upgraded, removed, purged, nothing left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
