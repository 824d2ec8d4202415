"""The operator's CLI as the lab uses it, and the names of the JSON fields it reads: the one place that knows them."""
import json
import subprocess

from verdict import Component

EXIT_CODES_WITH_ANSWER = (0, 1, 2)  # healthy, fault found, inconclusive
ANSWER_SECONDS_MAX = 60


class CliError(Exception):
    """The CLI failed; its text is what it said."""


class Client:
    def __init__(self, binary, socket):
        self.binary, self.api = str(binary), f"unix:{socket}"

    def text(self, *arguments):
        """A command's table, as an operator sees it."""
        return self._run(*arguments)

    def json(self, *arguments):
        return json.loads(self._run(*arguments, "-o", "json"))

    def create_token(self, node):
        return self.json("node", "token", "create", "--node", node)["token"]

    def answers(self):
        """Whether the controller serves its API."""
        try:
            self.json("status")
        except CliError:
            return False
        return True

    def status(self):
        return Status(self.json("status"))

    def localize(self, *arguments):
        return self.json("localize", *arguments)

    def open_incidents(self):
        return [i for i in self.json("incident", "list")["incidents"] if i["state"] == "open"]

    def _run(self, *arguments):
        done = subprocess.run([self.binary, "--api", self.api, *arguments], capture_output=True, text=True,
                              timeout=ANSWER_SECONDS_MAX, check=False)
        if done.returncode not in EXIT_CODES_WITH_ANSWER:
            words = done.stderr.strip() or done.stdout.strip()
            raise CliError(f"`faultline {' '.join(arguments)}` ended with code {done.returncode}: {words}")
        return done.stdout


class Status:
    """What the demo watches in a faultline.status document."""

    def __init__(self, document):
        self.nodes_live = document["nodes"]["live"]
        self.planned = document["sessions"]["planned"]
        self.reporting = document["sessions"]["reporting"]
        self.paths_expected = document["paths"]["expected"]
        self.paths_forward = document["paths"]["forward_known"]
        self.paths_return = document["paths"]["return_known"]
        self.window_judged = document["window_judged"]
        self.suspects = document["suspects"]
        self.incidents_open = document["incidents_open"]

    def measuring(self, nodes):
        """Every node is live, every planned session reported in the last window and every path is known."""
        return (self.nodes_live == nodes and 0 < self.planned == self.reporting
                and self.paths_expected == self.paths_forward == self.paths_return)

    def __str__(self):
        return (f"{self.nodes_live} nodes live, {self.reporting}/{self.planned} sessions reporting, paths "
                f"{self.paths_forward}/{self.paths_expected} forward and {self.paths_return}/{self.paths_expected} return")


class Alert:
    """One received webhook."""

    def __init__(self, line):
        self.received_at = line["received_at"]
        self.signature = line["signature"]
        self.payload = line["payload"]
        self.event = self.payload["event"]  # opened, updated, resolved
        self.incident_id = self.payload["incident"]
        self.component = Component(self.payload["component"]["kind"], self.payload["component"]["id"])


def read_alerts(path):
    if not path.exists():
        return []
    return [Alert(json.loads(line)) for line in path.read_text().splitlines()]
