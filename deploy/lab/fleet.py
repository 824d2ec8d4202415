"""The product on the lab fabric: one controller, a probe per host and a webhook receiver, each in its own namespace."""
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import netns
from client import Client
from topology import CONTROLLER, LabError

PROGRAMS = ("faultline-controller", "faultline-probe", "faultline")
CONTROL_PORT = 7400
WEBHOOK_PORT = 9099
STOP_SECONDS_MAX = 15
LOG_LINES_SHOWN = 15

CONTROLLER_YAML = """\
data_dir: {folder}/data
listen: {endpoint}
advertise: ['{endpoint}']
api: {{socket: {folder}/controller.sock}}
topology: {topology}
window: {window}
plan: {{flows_per_pair: {flows_per_pair}, tracked_flows_per_node_max: {tracked_flows}, packets_per_second_per_flow: {flow_rate}, packets_per_second_per_node_max: 1000, reply_timeout: {reply_ms}ms, lease: 1h}}
trace: {{per_second: {trace_rate}, router_packets_per_second_max: 1000000}}
receivers:
  - {{name: oncall, url: "http://127.0.0.1:{webhook_port}/alerts", secret_file: {folder}/webhook.secret}}
log: {{level: info, format: text}}
"""

PROBE_YAML = """\
state_dir: {folder}/state
token_file: {folder}/token
name: {name}
address: '{address}'
labels: {{rack: {rack}}}
ports: {{first: 61000, count: 16}}
spool: {{size_max: 64MiB}}
log: {{level: info, format: text}}
"""


@dataclass(frozen=True)
class Rates:
    """Packets per second: of each flow, and of one node's traces. The lab's routers answer every trace, so that it need
    not wait as long as a real fabric. A reply after `reply_timeout_ms` counts as lost."""
    flow: float = 1
    trace: int = 10
    reply_timeout_ms: int = 2000
    flows_per_pair: int = 8
    tracked_flows: int = 512  # of one node, at most


class Process:
    """A program in a namespace, in a session of its own: Ctrl-C reaches only the demo, which then stops the others."""

    def __init__(self, fabric, device, name, argv, log):
        self.name, self.log = name, log
        with log.open("ab") as file:
            self._process = subprocess.Popen(netns.in_namespace(fabric, device, *map(str, argv)), stdin=subprocess.DEVNULL,
                                             stdout=file, stderr=file, start_new_session=True)
        self.pid = self._process.pid  # `ip netns exec` becomes the program

    def check_alive(self):
        if self._process.poll() is not None:
            raise LabError(f"{self.name} ended with code {self._process.returncode}; the end of its log:\n{self.tail()}")

    def tail(self):
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(f"    {line}" for line in lines)

    def terminate(self):
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def finish(self, deadline):
        """Waits for the end; returns one sentence if it was not a clean one."""
        try:
            code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{self.name} did not end when asked and was killed"
        return "" if code == 0 else f"{self.name} ended with code {code} when asked to stop"

    def memory_kib_max(self):
        """The largest resident set so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise LabError(f"{self.name} is no longer running")


class Fleet:
    def __init__(self, fabric, binaries, window_seconds, rates=Rates(), controller_settings=""):
        """`controller_settings` is YAML for controller.yaml beyond what the lab itself sets."""
        for name in PROGRAMS:
            if not (binaries / name).is_file():
                raise LabError(f"{binaries / name} is not built; run deploy/build.sh release")
        self.fabric, self._binaries, self.window_seconds, self._rates = fabric, binaries, window_seconds, rates
        self._controller_settings = controller_settings
        self.folder = netns.state_dir(fabric.name)
        self.alerts_path = self.folder / "controller" / "alerts.jsonl"
        self.client = Client(binaries / "faultline", self.folder / "controller" / "controller.sock")
        self.controller = self.receiver = None
        self.probes = []
        self.on_start = lambda process: None  # called with each process that was started

    def start_controller(self):
        folder = self.folder / "controller"
        (folder / "data").mkdir(parents=True)
        secret = folder / "webhook.secret"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32) + "\n")
        self.receiver = self._start(CONTROLLER, "receiver", [
            Path(__file__).with_name("receiver.py"), "--port", WEBHOOK_PORT, "--secret-file", secret,
            "--output", self.alerts_path])
        (folder / "controller.yaml").write_text(CONTROLLER_YAML.format(
            folder=folder, endpoint=self._endpoint(), webhook_port=WEBHOOK_PORT,
            topology=self.folder / "topology.yaml", window=f"{self.window_seconds}s", flow_rate=self._rates.flow,
            trace_rate=self._rates.trace, flows_per_pair=self._rates.flows_per_pair,
            tracked_flows=self._rates.tracked_flows,
            reply_ms=min(self._rates.reply_timeout_ms, 1000 * self.window_seconds)) + self._controller_settings)
        self.run_controller()

    def _endpoint(self):
        address = self.fabric.address(CONTROLLER)
        return f"tcp://{address}:{CONTROL_PORT}" if self.fabric.family == 4 else f"tcp://[{address}]:{CONTROL_PORT}"

    def run_controller(self):
        """Also to start it again on the same data after it was killed."""
        self.controller = self._start(CONTROLLER, "controller", [
            self._binaries / "faultline-controller", "--config", self.folder / "controller" / "controller.yaml"])

    def start_probe(self, name, settings="", prefix=()):
        """`settings` is YAML for probe.yaml beyond the lab's own, `prefix` a command line that runs the program."""
        rack = self.fabric.leaf_of(name)
        folder = self.folder / "probes" / name
        (folder / "state").mkdir(parents=True, mode=0o700)
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(self.client.create_token(name) + "\n")
        (folder / "probe.yaml").write_text(PROBE_YAML.format(
            folder=folder, name=name, address=self.fabric.address(name), rack=rack) + settings)
        self.probes.append(self._start(name, f"probe {name}", [
            *prefix, self._binaries / "faultline-probe", "--config", folder / "probe.yaml"]))

    def _start(self, device, name, argv):
        log = self.folder / "log" / f"{name.replace(' ', '-')}.log"
        log.parent.mkdir(exist_ok=True)
        process = Process(self.fabric, device, name, argv, log)
        self.on_start(process)
        return process

    def processes(self):
        return [p for p in (*self.probes, self.controller, self.receiver) if p]

    def check_alive(self):
        for process in self.processes():
            process.check_alive()

    def memory(self):
        """Largest resident sets so far, in KiB: of any probe, and of the controller."""
        return max(p.memory_kib_max() for p in self.probes), self.controller.memory_kib_max()

    def stop(self):
        """Asks all to end, probes first, and waits. Returns sentences on those that did not end cleanly."""
        complaints = []
        for group in (self.probes, [self.controller], [self.receiver]):
            group = [p for p in group if p]
            for process in group:
                process.terminate()
            deadline = time.monotonic() + STOP_SECONDS_MAX
            complaints += [c for p in group if p is not self.receiver and (c := p.finish(deadline))]
            if group == [self.receiver]:
                self.receiver.finish(deadline)  # Python ends by the signal; its code means nothing
        self.probes, self.controller, self.receiver = [], None, None
        return complaints
