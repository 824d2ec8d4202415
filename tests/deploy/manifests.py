"""The Kubernetes manifests as kustomize renders them, and questions about them that more than one test asks."""
import shutil

import yaml

from support import ROOT, run

KUBERNETES = ROOT / "deploy" / "container" / "kubernetes"
OVERLAYS = (".", "with-api")  # what an operator applies


def can_render():
    return shutil.which("kubectl") is not None


def render(overlay):
    return [document for document in yaml.safe_load_all(run("kubectl", "kustomize", KUBERNETES / overlay).stdout) if document]


def written():
    """The base's documents as they are in the files, for where kubectl is missing: no generated maps, no namespaces."""
    resources = yaml.safe_load((KUBERNETES / "base" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [document for name in resources
            for document in yaml.safe_load_all((KUBERNETES / "base" / name).read_text(encoding="utf-8")) if document]


def one(documents, kind, name):
    found = [d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} documents are {kind} {name}"
    return found[0]


def pods(documents):
    """(name, pod template) of everything that makes pods."""
    return [(d["metadata"]["name"], d["spec"]["template"]) for d in documents if d["kind"] in ("DaemonSet", "StatefulSet")]


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
