"""What the deployment tests share: loud skips, commands that show their words on failure, and a clean Debian root."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "deploy"
SUITE = "bookworm"


def skip(reason):
    """Ends the test as a skip that ctest reports; never a pass."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(0)


def need(*commands, root=True):
    """Skips the test where a privilege or a program is missing."""
    if root and os.geteuid() != 0:
        skip("this test needs root")
    for command in commands:
        if shutil.which(command) is None:
            skip(f"{command} is not installed; deploy/install-deps.sh deploy installs it")


def run(*command, check=True, **options):
    """Runs a command and returns what it said (stdout and stderr apart); its failure shows its words."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def base_root(*packages):
    """The path of a tar file with a minimal Debian 12 root that holds `packages` besides; made once and kept."""
    wanted = sorted(set(packages))
    name = hashlib.sha256(" ".join([SUITE, *wanted]).encode()).hexdigest()[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    tar = CACHE / f"root-{name}.tar"
    with open(CACHE / "root.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tar.exists():
            unfinished = CACHE / f"unfinished-{name}.tar"
            run("mmdebstrap", "--variant=minbase", f"--include={','.join(['ca-certificates', *wanted])}", SUITE, unfinished)
            unfinished.rename(tar)
    return tar


def program_of_package(package, path):
    """A program of a Debian package without installing it (and without starting its service): its path."""
    program = CACHE / "programs" / package / path.lstrip("/")
    if not program.exists():
        folder = CACHE / "programs" / package
        folder.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", "-q", package, cwd=folder)
        run("dpkg-deb", "-x", next(folder.glob("*.deb")), folder)
    return program
