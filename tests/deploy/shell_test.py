"""Every shell script of the repository passes shellcheck, and every YAML file yamllint."""
import subprocess
import unittest

from support import ROOT, need, run

# Long lines are prose in the catalog of error codes and in the API's description.
YAMLLINT = ("{extends: default, rules: {line-length: disable, document-start: disable, comments-indentation: disable, "
            "comments: {min-spaces-from-content: 1}, braces: {max-spaces-inside: 1}, truthy: {check-keys: false}}}")
SHELLS = ("sh", "bash", "dash")


def files():
    """What belongs to the repository: tracked, or new and not ignored."""
    listed = run("git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def is_shell(path):
    if path.suffix in (".sh", ".bash"):
        return True
    with path.open("rb") as file:
        words = file.readline(128).decode(errors="replace").removeprefix("#!").split()
        file.seek(0)
        return file.read(2) == b"#!" and any(word.rpartition("/")[2] in SHELLS for word in words)


def complaints(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


class Scripts(unittest.TestCase):
    maxDiff = None

    def test_every_shell_script_passes_shellcheck(self):
        scripts = [path for path in files() if is_shell(path)]
        self.assertIn(ROOT / "tests" / "run.sh", scripts)
        self.assertIn(ROOT / ".ci" / "run", scripts, "scripts without a suffix are found by their first line")
        self.assertEqual(complaints("shellcheck", "--external-sources", *scripts), "")

    def test_every_yaml_file_passes_yamllint(self):
        # Templates are no YAML before they are filled in; roles bring a configuration of their own (deploy/ansible).
        documents = [path for path in files() if path.suffix in (".yml", ".yaml") and "templates" not in path.parts
                     and (ROOT / "deploy" / "ansible") not in path.parents]
        self.assertIn(ROOT / "deploy" / "monitoring" / "rules.yml", documents)
        self.assertEqual(complaints("yamllint", "-d", YAMLLINT, *documents), "")


if __name__ == "__main__":
    need("git", "shellcheck", "yamllint", root=False)
    unittest.main(verbosity=2)
