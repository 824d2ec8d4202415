"""Enrolment in Kubernetes: the real enrol.sh, key.sh, controller and probe, against an API server that is acted."""
import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import manifests
from kubernetes_api import FakeKubernetes, probe_pod
from support import ROOT, need, run

BASE = manifests.KUBERNETES / "base"
CONTROLLER_ADDRESS, PROBE_ADDRESS = "127.77.0.1", "127.77.0.2"  # loopback; nobody else's
SECONDS_MAX = 30
RACK = {"topology.kubernetes.io/zone": "eu-west-1b", "faultline/rack": "r17"}


def wait(what, condition):
    """Polls: what it waits for is in another process."""
    deadline = time.monotonic() + SECONDS_MAX
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {SECONDS_MAX} s"
        time.sleep(0.1)
    return value


class Process:
    """A program in the background; its words are kept, and it must end well on SIGTERM."""

    def __init__(self, name, words, environment, log):
        self.name, self.log = name, log
        with open(log, "w", encoding="utf-8") as file:
            self._process = subprocess.Popen(list(map(str, words)), env=environment, stdout=file, stderr=file)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if kind is not None:
            print(f"--- {self.name}\n{self.said()}")
        else:
            assert code == 0, f"{self.name} ended with {code} on SIGTERM:\n{self.said()}"

    def said(self):
        return Path(self.log).read_text(encoding="utf-8")


class Cluster:
    """What the manifests make of one controller's pod and of the probes' pods, as processes."""

    def __init__(self, binaries, work, kubernetes):
        self.work, self.kubernetes, self.socket = work, kubernetes, work / "controller.sock"
        self.environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "FAULTLINE_API": f"unix:{self.socket}"}

    def controller(self):
        environment = {**self.environment, "FAULTLINE_DATA_DIR": f"{self.work}/data", "FAULTLINE_API_UNIX": str(self.socket),
                       "FAULTLINE_LISTEN": f"tcp://{CONTROLLER_ADDRESS}:7400", "FAULTLINE_WINDOW": "2s",
                       "FAULTLINE_HEARTBEAT": "1s"}
        environment.pop("FAULTLINE_API")
        words = ["faultline-controller", "--config", BASE / "config" / "controller.yaml"]
        return Process("controller", words, environment, self.work / "controller.log")

    def enrol(self):
        environment = {**self.environment, "ENDPOINT": f"tcp://{CONTROLLER_ADDRESS}:7400", "NAMESPACE": "faultline",
                       "KUBERNETES_API": self.kubernetes.url, "ACCOUNT": str(self.kubernetes.folder), "ALIVE_FILE": f"{self.work}/alive",
                       "WATCH_SECONDS": "3", "RETRY_SECONDS": "1"}
        return Process("enrol", ["bash", BASE / "enrol.sh"], environment, self.work / "enrol.log")

    def probe_environment(self, name):
        return {**self.environment, "FAULTLINE_ADDRESS": PROBE_ADDRESS, "FAULTLINE_STATE_DIR": f"{self.work}/{name}",
                "TEMPLATE": str(BASE / "config"), "CONFIG": f"{self.work}/{name}.yaml", "CONTROLLERS": f"{self.work}/controllers"}

    def key_log(self, name):
        """What the init container `key` of this pod prints."""
        (self.work / "controllers").write_text(self.kubernetes.maps["faultline-controller-keys"]["controllers"], encoding="ascii")
        return run("sh", BASE / "key.sh", env=self.probe_environment(name)).stdout

    def probe(self, name):
        words = ["faultline-probe", "--config", f"{self.work}/{name}.yaml"]
        return Process(f"probe {name}", words, self.probe_environment(name), self.work / f"{name}.log")

    def nodes(self):
        done = run("faultline", "node", "list", "-o", "json", check=False, env=self.environment)
        return {node["name"]: node for node in json.loads(done.stdout)["nodes"]} if done.returncode == 0 else {}


def rules():
    documents = manifests.written()
    return manifests.one(documents, "Role", "faultline-enrol")["rules"] + \
        manifests.one(documents, "ClusterRole", "faultline-enrol-nodes")["rules"]


def check_joining(cluster, kubernetes):
    """A pod that prints its key becomes a node with the labels that Kubernetes knows, and measures."""
    kubernetes.nodes["worker-1"] = RACK
    # The real order: the probe starts as soon as its key is printed, which may be before it is trusted.
    log = cluster.key_log("a")
    with cluster.probe("a"):
        kubernetes.put_pod(probe_pod("probe-a", "worker-1", key_done=False), "")
        kubernetes.put_pod(probe_pod("probe-a", "worker-1"), log)
        wait("the node's joining", lambda: cluster.nodes().get("worker-1", {}).get("state") == "live")
    node = cluster.nodes()["worker-1"]
    assert node["labels"] == {"zone": "eu-west-1b", "rack": "r17"}, node["labels"]
    assert node["key"] == log.split()[1], node


def check_refusals(cluster, kubernetes, enrol):
    """Who is no pod of the daemon set, and who takes a known node's place, gets nowhere."""
    key = cluster.nodes()["worker-1"]["key"]
    kubernetes.nodes["worker-2"] = {}
    kubernetes.put_pod(probe_pod("stranger", "worker-2", owner="something-else"), f"faultline-node-key {'ab' * 32}\n")
    kubernetes.put_pod(probe_pod("talker", "worker-2"), "faultline-node-key $(reboot)\nfaultline-node-key ABC\n")
    kubernetes.put_pod(probe_pod("impostor", "worker-1"), f"faultline-node-key {'cd' * 32}\n")
    wait("the refusals", lambda: "knows it by another key" in enrol.said() and "talker has printed no key" in enrol.said())
    nodes = cluster.nodes()
    assert set(nodes) == {"worker-1"} and nodes["worker-1"]["key"] == key, nodes


def check_waiting(cluster, kubernetes):
    """A key that comes late, on a node without labels, is found when the pods are looked at anew."""
    for name in ("talker", "impostor"):
        del kubernetes.pods[name]
    kubernetes.put_pod(probe_pod("late", "worker-2"), f"faultline-node-key {'ef' * 32}\n")
    wait("the late node", lambda: cluster.nodes().get("worker-2", {}).get("labels") == {})


def check_labels_anew(cluster, kubernetes):
    """A node that was given other labels in Kubernetes has them here when an operator has removed it."""
    kubernetes.nodes["worker-1"] = {"topology.kubernetes.io/zone": "eu-west-1c"}
    run("faultline", "node", "remove", "worker-1", env=cluster.environment)
    wait("the other labels", lambda: cluster.nodes().get("worker-1", {}).get("labels") == {"zone": "eu-west-1c"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    binaries = parser.parse_args().binaries.resolve()
    need("curl", "jq", "openssl", root=False)
    with tempfile.TemporaryDirectory(prefix="faultline-enrolment-") as folder:
        work = Path(folder)
        account = work / "account"
        account.mkdir()
        with FakeKubernetes(CONTROLLER_ADDRESS, account, "token-of-the-account", rules()) as kubernetes:
            cluster = Cluster(binaries, work, kubernetes)
            # The pods' order is anybody's guess: enrolment first.
            with cluster.enrol() as enrol, cluster.controller():
                wait("the published keys", lambda: "controllers" in kubernetes.maps.get("faultline-controller-keys", {}))
                check_joining(cluster, kubernetes)
                check_refusals(cluster, kubernetes, enrol)
                check_waiting(cluster, kubernetes)
                check_labels_anew(cluster, kubernetes)
                assert "token-of-the-account" not in enrol.said()
                print(enrol.said(), end="")
            assert kubernetes.denied == [], f"the manifests do not allow: {kubernetes.denied}"


if __name__ == "__main__":
    main()
