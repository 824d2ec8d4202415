"""The Debian packages of this tree, for the tests that install them.

They are made by deploy/package.sh and kept in build/deploy/packages under a name that says from what, so that tests that
run one after the other make them once.
"""
import hashlib
import os
import re
import sys
from pathlib import Path

from support import CACHE, ROOT, base_root, run, skip

SCRIPT = ROOT / "deploy/package.sh"
NAMES = ("faultline-probe", "faultline-controller", "faultline")
INPUTS = (ROOT / "CMakeLists.txt", SCRIPT, ROOT / "deploy/debian", ROOT / "deploy/systemd", ROOT / "deploy/config")
# What a Debian machine has besides the packages' own dependencies.
SYSTEM = ("systemd", "systemd-sysv", "dbus", "iproute2", "procps")

# The date is fixed: the last commit's would make other packages of the same files.
BUILD_ENVIRONMENT = {"DEB_BUILD_OPTIONS": "noautodbgsym", "SOURCE_DATE_EPOCH": "1795348800"}


def binaries():
    """Where the built programs are: the test's first argument (ctest's build), else the release build."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/bin")
    for name in NAMES:
        if not (folder / name).exists():
            skip(f"{folder / name} is not built; deploy/build.sh release builds it")
    return folder


def build(version=None):
    """The packages as {name: path}, without debug symbols; made unless the same ones are there."""
    folder = CACHE / "packages" / _digest(version)
    if not folder.exists():
        unfinished = folder.with_name(f"unfinished-{os.getpid()}")
        build_into(unfinished, version)
        unfinished.rename(folder)
    return found_in(folder)


def build_into(folder, version=None):
    words = ["--version", version] if version else []
    run(SCRIPT, "--output", folder, "--binaries", binaries(), *words, env={**os.environ, **BUILD_ENVIRONMENT})
    return found_in(folder)


def found_in(folder):
    return {name: next(folder.glob(f"{name}_*.deb")) for name in NAMES}


def root_for(packages):
    """A base_root() that holds what the packages depend on, and nothing else that is not in every Debian system."""
    wanted = set(SYSTEM)
    for package in packages.values():
        fields = run("dpkg-deb", "-f", package, "Depends", "Pre-Depends").stdout
        for clause in re.sub(r"^[A-Z][\w-]*: ", "", fields, flags=re.MULTILINE).replace("\n", ",").split(","):
            name = clause.split("|", maxsplit=1)[0].split("(", maxsplit=1)[0].strip()
            if name and name not in packages:
                wanted.add(name)
    return base_root(*wanted)


def _digest(version):
    digest = hashlib.sha256(f"{version} {BUILD_ENVIRONMENT}".encode())
    files = [path for top in INPUTS for path in (sorted(top.rglob("*")) if top.is_dir() else [top]) if path.is_file()]
    for path in [*files, *(binaries() / name for name in NAMES)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
