#!/usr/bin/env -S python3 -B
"""deploy/install-deps.sh against a pretended package manager: what it says and does in each situation. No root needed."""
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "install-deps.sh"
REFUSED = "E: Packages need to be removed but remove is disabled."


class InstallDeps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name)
        self.log = self.bin / "calls"
        self.command("id", "echo ${FAKE_UID:-0}")

    def command(self, name, body):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\n{body}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def installed(self, *missing):
        cases = "".join(f"    *\\ {package}) exit 1 ;;\n" for package in missing)
        self.command("dpkg-query", f'case "$*" in\n{cases}    *) printf installed ;;\nesac')

    def run_script(self, *arguments, uid=0):
        environment = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", FAKE_UID=str(uid))
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, env=environment, check=False)

    def apt_calls(self):
        return [line for line in self.log.read_text().splitlines() if line.startswith("apt-get")]

    def test_a_machine_that_has_everything_is_left_alone_even_without_root(self):
        self.installed()
        self.command("apt-get", "exit 1")
        done = self.run_script(uid=1000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.apt_calls(), [])

    def test_without_root_it_names_the_command_to_run(self):
        self.installed("jq")
        self.command("apt-get", "exit 1")
        done = self.run_script(uid=1000)
        self.assertEqual(done.returncode, 1)
        self.assertIn("run this as root, or install: apt-get install --no-remove --no-install-recommends jq", done.stderr)

    def test_what_is_missing_is_installed_and_nothing_may_be_removed(self):
        self.installed("jq", "curl")
        self.command("apt-get", "exit 0")
        done = self.run_script("test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.apt_calls()[-1], "apt-get install --no-remove --no-install-recommends -y -q jq curl")

    def test_another_boost_is_explained_in_a_sentence(self):
        self.installed("libboost1.81-dev")
        self.command("apt-get", f'case "$*" in *--no-remove*) echo "{REFUSED}" >&2; exit 100 ;; '
                                '*) echo "Remv libboost1.74-dev [1.74.0]" ;; esac')
        done = self.run_script("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs Boost 1.81", done.stderr)
        self.assertIn("libboost1.74-dev", done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)

    def test_stale_package_lists_are_refreshed_once(self):
        self.installed("jq")
        fresh = self.bin / "fresh"
        self.command("apt-get", f'case "$*" in update*) touch {fresh} ;; '
                                f'*) [ -e {fresh} ] || {{ echo "E: Unable to locate package jq"; exit 100; }} ;; esac')
        done = self.run_script("test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sum(" update" in call for call in self.apt_calls()), 1)

    def test_an_unknown_group_is_a_usage_error(self):
        self.assertEqual(self.run_script("everything").returncode, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
