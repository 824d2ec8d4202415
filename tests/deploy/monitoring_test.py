"""The monitoring files against the real controller: what it exports, what the rules and the dashboard ask for and what the
operator's guide says are the same names; the files pass Prometheus' and Alertmanager's own checkers; and a real Prometheus
scrapes it all.

Argument: the folder with the built programs.
"""
import contextlib
import fcntl
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from support import ROOT, need, program_of_package, run, skip

FOLDER = ROOT / "deploy" / "monitoring"
GUIDE = ROOT / "deploy" / "README.md"
READY_SECONDS_MAX = 60
LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOCKS = []  # of the ports that this test was given
METRIC = re.compile(r"\b(?:faultline|process)_[a-z0-9_]+\b")
ALERT = re.compile(r"^ *- alert: (\w+)$", re.MULTILINE)
DASHBOARD_VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".+"}


def wait_for(what, look):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {READY_SECONDS_MAX} s in vain for {what}")


def free_port():
    """A TCP port of loopback that the kernel hands out to nobody, and no other test while this one runs: its file stays
    locked. Between the ports that tests/support/free_ports.h gives to others."""
    below = min(20_000, int(LOCAL_PORTS.read_text(encoding="ascii").split()[0]))
    for port in range(below - 2_000, below):
        try:
            lock = open(Path(tempfile.gettempdir()) / f"faultline-port-{port}.lock", "w", encoding="ascii")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.create_server(("127.0.0.1", port)):
                LOCKS.append(lock)
                return port
        except OSError:  # somebody else has it
            continue
    raise AssertionError("no free port on this machine")


@contextlib.contextmanager
def process(*argv, log):
    """A program that runs until the block ends; its log is shown when it ends before."""
    with open(log, "wb") as file, subprocess.Popen([str(word) for word in argv], stdout=file, stderr=file) as started:
        try:
            yield started
            if started.poll() is not None:
                raise AssertionError(f"{argv[0]} ended with {started.returncode}:\n{Path(log).read_text()}")
        finally:
            started.terminate()


def get(api, path):
    """The body of a GET over the controller's unix socket; None while nobody answers."""
    done = run("curl", "-sS", "--fail", "--unix-socket", api, f"http://localhost{path}", check=False)
    return done.stdout if done.returncode == 0 else None


@contextlib.contextmanager
def controller(binaries, folder):
    """The real controller with no probes; yields its socket once it serves /metrics."""
    api = folder / "controller.sock"
    config = folder / "controller.yaml"
    config.write_text(f"data_dir: {folder}/data\nlisten: tcp://127.0.0.1:*\napi: {{unix: {api}}}\n")
    with process(binaries / "faultline-controller", "--config", config, log=folder / "controller.log"):
        wait_for("the controller's /metrics", lambda: get(api, "/metrics"))
        yield api


def relay(api):
    """A TCP port of loopback that leads to the unix socket: Prometheus cannot open one. Ends with this process."""
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve():
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(api))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=copy, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def names_in(text):
    """Metrics that a text names. A name that ends in an underscore is the beginning of several, and no name."""
    return {name for name in METRIC.findall(text) if not name.endswith("_")}


def exported(exposition):
    """Names of the samples, without labels."""
    return {re.split(r"[{ ]", line)[0] for line in exposition.splitlines() if line and not line.startswith("#")}


def classic(exposition):
    """OpenMetrics as Prometheus' older text form, the one that promtool reads: a family has its samples' full name."""
    counters = set(re.findall(r"^# TYPE (\S+) counter$", exposition, re.MULTILINE))
    lines = []
    for line in exposition.splitlines():
        words = line.split(" ", 3)
        if line.startswith("# ") and len(words) > 2 and words[2] in counters:
            words[2] += "_total"
        if line != "# EOF":
            lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def dashboard_expressions():
    """(panel's title, expression with its variables filled in)"""
    for panel in json.loads((FOLDER / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in DASHBOARD_VARIABLES.items():
                expression = expression.replace(variable, value)
            yield panel["title"], expression


def anchors(markdown):
    """What a link to a heading is called, as code hosts make it."""
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


class Names(unittest.TestCase):
    """The same metrics everywhere. A failure lists what is missing where."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder, controller(BINARIES, Path(folder)) as api:
            cls.exposition = get(api, "/metrics")
        cls.exported = exported(cls.exposition)
        cls.rules = (FOLDER / "rules.yml").read_text()

    def same(self, where, named):
        unknown = sorted(named - self.exported)
        self.assertFalse(unknown, f"{where} names metrics that the controller does not export: {', '.join(unknown)}")

    def test_every_exported_metric_is_documented(self):
        missing = sorted(self.exported - names_in(GUIDE.read_text()))
        self.assertFalse(missing, "add a row to the tables of deploy/README.md, 'What to watch', for: " + ", ".join(missing))

    def test_every_documented_metric_is_exported(self):
        self.same("deploy/README.md", names_in(GUIDE.read_text()))

    def test_every_metric_of_a_rule_is_exported(self):
        expressions = re.sub(r"^ *(#|summary:|runbook:|- name:).*$", "", self.rules, flags=re.MULTILINE)
        self.same("rules.yml", names_in(expressions))

    def test_every_metric_of_the_dashboard_is_exported(self):
        for title, expression in dashboard_expressions():
            self.same(f"the panel {title!r}", names_in(expression))

    def test_no_series_is_made_per_node(self):
        labels = set(re.findall(r'[{,](\w+)="', self.exposition))
        self.assertLessEqual(labels, {"state", "direction", "version", "role", "condition", "by", "class", "le", "outcome"}, "a label that may have many values")

    def test_the_exposition_passes_the_linter(self):
        self.assertTrue(self.exposition.endswith("# EOF\n"))
        run(PROMTOOL, "check", "metrics", input=classic(self.exposition))

    def test_every_rule_names_a_section_of_the_guide(self):
        runbooks = re.findall(r"runbook: deploy/README\.md#(\S+)", self.rules)
        self.assertEqual(len(runbooks), len(ALERT.findall(self.rules)), "an alert has no runbook")
        self.assertLessEqual(set(runbooks), anchors(GUIDE.read_text()), "a runbook leads nowhere")

    def test_every_rule_fires_in_a_unit_test(self):
        tested = re.findall(r'alertname="(\w+)"', (FOLDER / "rules_test.yml").read_text())
        self.assertEqual(set(ALERT.findall(self.rules)), set(tested), "rules and rules_test.yml differ")


class Checkers(unittest.TestCase):
    """The files through the programs that will read them."""

    def test_rules(self):
        run(PROMTOOL, "check", "rules", FOLDER / "rules.yml")
        run(PROMTOOL, "test", "rules", FOLDER / "rules_test.yml")

    def test_scrape_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("faultline.token", "faultline-ca.pem"):
                (Path(folder) / name).write_text("given by the operator\n")
            (Path(folder) / "faultline-rules.yml").write_text((FOLDER / "rules.yml").read_text())
            config = Path(folder) / "prometheus.yml"
            config.write_text((FOLDER / "prometheus.yml").read_text().replace("/etc/prometheus/", f"{folder}/"))
            run(PROMTOOL, "check", "config", config)

    def test_alert_routing(self):
        run(AMTOOL, "check-config", FOLDER / "alertmanager.yml")
        for severity, receiver in (("critical", "oncall"), ("warning", "tickets"), ("info", "nobody")):
            told = run(AMTOOL, "config", "routes", "test", f"--config.file={FOLDER / 'alertmanager.yml'}",
                       f"severity={severity}").stdout
            self.assertEqual(told.strip(), receiver, severity)
        inhibited = set(re.findall(r"Faultline[A-Z]\w+", (FOLDER / "alertmanager.yml").read_text()))
        self.assertLessEqual(inhibited, set(ALERT.findall((FOLDER / "rules.yml").read_text())))

    def test_dashboard(self):
        document = json.loads((FOLDER / "grafana-dashboard.json").read_text())
        ids = [panel["id"] for panel in document["panels"]]
        self.assertEqual(len(ids), len(set(ids)), "two panels share an id")
        for _, expression in dashboard_expressions():
            self.assertNotIn("$", expression, "a variable that Grafana does not define or this test does not know")
        self.assertLessEqual({"instance", "datasource"}, {v["name"] for v in document["templating"]["list"]})


class Scraped(unittest.TestCase):
    def test_a_real_prometheus_scrapes_the_controller_and_answers_every_panel(self):
        with tempfile.TemporaryDirectory() as name, controller(BINARIES, Path(name)) as api:
            folder, port = Path(name), free_port()
            (folder / "prometheus.yml").write_text(
                "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                f"rule_files: [{FOLDER / 'rules.yml'}]\n"
                f"scrape_configs: [{{job_name: faultline, static_configs: [{{targets: ['127.0.0.1:{relay(api)}']}}]}}]\n")
            with process(PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
                         f"--web.listen-address=127.0.0.1:{port}", log=folder / "prometheus.log"):
                self.look(port)

    def look(self, port):
        def ask(query):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]

        def scraped():
            with contextlib.suppress(OSError):
                return ask('up{job="faultline"} == 1') or None

        wait_for("a scrape", scraped)
        wait_for("the second scrape, for rates", lambda: ask("count_over_time(faultline_build_info[1m]) > 1") or None)
        silent = [title for title, expression in dashboard_expressions()
                  if not ask(expression) and not re.search('packets_lost|by="zone"', expression)]  # nothing was measured
        self.assertFalse(silent, "panels without data on a running controller")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/rules", timeout=10) as answer:
            rules = [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
        self.assertEqual(len(rules), len(ALERT.findall((FOLDER / "rules.yml").read_text())))
        self.assertFalse([rule["name"] for rule in rules if rule.get("lastError")], "rules that cannot be evaluated")


if __name__ == "__main__":
    need("curl", "dpkg-deb", "apt-get", root=False)
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "faultline-controller").exists():
        skip("the controller is not built; the argument is the folder with the programs")
    BINARIES = Path(sys.argv.pop(1)).resolve()
    try:
        PROMTOOL = program_of_package("prometheus", "/usr/bin/promtool")
        PROMETHEUS = program_of_package("prometheus", "/usr/bin/prometheus")
        AMTOOL = program_of_package("prometheus-alertmanager", "/usr/bin/amtool")
    except AssertionError as error:
        skip(f"the packages prometheus and prometheus-alertmanager cannot be fetched: {error}")
    unittest.main(verbosity=2)
