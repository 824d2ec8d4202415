"""The tab key: a real shell, the printed script, the real program, and a controller that knows three nodes."""
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ANSWERS = {
    "/api/v1/nodes": {"schema": "faultline.nodes/1", "nodes": [
        {"name": "h1", "state": "live"}, {"name": "h10", "state": "silent"}, {"name": "leaf:2", "state": "live"}]},
    "/api/v1/incidents?state=all": {"schema": "faultline.incidents/1", "incidents": [
        {"id": "i-42", "summary": "link a>b loses 1 %"}, {"id": "i-7", "summary": "x"}]},
    "/api/v1/tokens": {"schema": "faultline.tokens/1", "tokens": [{"id": "1f0c5a9b22e4", "node": None}]},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass


class Shell:
    """Asks one shell for what it would complete. `line` ends where the cursor is."""

    def __init__(self, name, program, folder):
        self.name, self.program, self.folder = name, program, folder
        self.script = folder / f"completion.{name}"
        printed = subprocess.run([program, "--print-completion", name], capture_output=True, text=True, check=True)
        assert printed.stderr == ""
        self.script.write_text(printed.stdout)
        self.environment = {"PATH": f"{Path(program).parent}:{os.environ['PATH']}", "HOME": str(folder),
                            "FAULTLINE_API": f"unix:{folder}/api.sock", "FAULTLINE_TIMEOUT": "60s", "TERM": "dumb"}

    def ask(self, line, **environment):
        done = subprocess.run(self.command(line), capture_output=True, text=True, check=False, cwd=self.folder, timeout=90,
                              env={**self.environment, **environment})
        assert done.stderr == "", (line, done.stderr)
        return sorted(filter(None, done.stdout.splitlines()))

    def command(self, line):
        return {"bash": self.bash, "zsh": self.zsh, "fish": self.fish}[self.name](line)

    def bash(self, line):
        # As readline calls it: words split at blanks and at = and :, the last one up to the cursor.
        words = []
        for word in line.split(" "):
            piece = ""
            for character in word:
                if character in "=:":
                    words += [piece, character] if piece else [character]
                    piece = ""
                else:
                    piece += character
            words += [piece] if piece or not word or word[-1] not in "=:" else [""]
        listed = " ".join(f"'{word}'" for word in words)
        return ["bash", "--norc", "-c", f"source {self.script}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
                "$(complete -p faultline | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\""]

    def zsh(self, line):
        # _describe is what shows candidates; here it prints them.
        words = line.split(" ")
        listed = " ".join(f"'{word}'" for word in words)
        return ["zsh", "-f", "-c", "compdef() { }; compset() { }; _files() { print -l -- *(N); }; "
                "_describe() { local each; for each in \"${candidates[@]}\"; do each=${each//\\\\:/$'\\1'}; "
                "print -r -- ${${each%%:*}//$'\\1'/:}; done; }; "
                f"source {self.script}; words=({listed}); CURRENT={len(words)}; _faultline"]

    def fish(self, line):
        # --do-complete prints a description after a tab.
        return ["fish", "--no-config", "-c", f"source {self.script}; complete --do-complete '{line}' | string split -f1 \\t"]


def check(shell):
    commands = shell.ask("faultline ")
    for command in ("status", "localize", "node", "incident", "explain"):
        assert command in commands, commands
    assert "complete" not in commands, "hidden"
    assert shell.ask("faultline st") == ["status"]
    assert shell.ask("faultline node token ") == ["create", "list", "remove"]
    assert shell.ask("faultline localize --ex") == ["--explain"]
    assert "--api" in shell.ask("faultline node list --"), "options of the program"
    assert "--lifetime" in shell.ask("faultline node token create --")
    assert shell.ask("faultline status -o ") == ["json", "table"]
    assert shell.ask("faultline incident list --state ") == ["all", "open", "pending", "resolved"]
    assert shell.ask("faultline -o json node show h") == ["h1", "h10"]
    assert shell.ask("faultline path h1 h10 ") == [], "there is no third name"
    assert shell.ask("faultline path h1 h1") == ["h1", "h10"]
    assert shell.ask("faultline incident show i-4") == ["i-42"]
    assert shell.ask("faultline node token remove ") == ["1f0c5a9b22e4"]
    assert shell.ask("faultline explain status ") == []
    (shell.folder / "capture.jsonl").touch()
    assert "capture.jsonl" in shell.ask("faultline localize --bundle cap")


def check_controllers(shell):
    """Which controller is asked, and that one who does not answer costs no more than a moment and no word."""
    elsewhere = {"FAULTLINE_API": "unix:/nonexistent.sock"}
    assert shell.ask("faultline node show ", **elsewhere) == []
    assert shell.ask(f"faultline --api unix:{shell.folder}/api.sock node show h1", **elsewhere) == ["h1", "h10"]
    assert shell.ask("faultline node show h", FAULTLINE_TIMEOUT="soon") == [], "the moment is only for who gave no time"
    with socketserver.UnixStreamServer(f"{shell.folder}/mute.sock", Handler):  # connects, and never answers
        began = time.monotonic()
        assert shell.ask("faultline node show ", FAULTLINE_API=f"unix:{shell.folder}/mute.sock", FAULTLINE_TIMEOUT="") == []
        assert time.monotonic() - began < 20, "a guard against a hang, not a promise"


def check_bash_words(shell):
    assert shell.ask("faultline --output=") == ["json", "table"], "bash replaces what follows the ="
    assert shell.ask("faultline --output=js") == ["json"]
    assert shell.ask("faultline node show leaf:") == ["2"], "and what follows the :"


def main():
    name, program = sys.argv[1], str(Path(sys.argv[2]).resolve())
    if shutil.which(name) is None:
        print(f"SKIPPED: {name} is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        shell = Shell(name, program, Path(folder))
        with socketserver.ThreadingUnixStreamServer(f"{folder}/api.sock", Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            check(shell)
            check_controllers(shell)
            if name == "bash":
                check_bash_words(shell)
            server.shutdown()
    print(f"{name} completes commands, options, values, files and names")


main()
