"""The Kubernetes manifests: against the published schemas, and against each other, the images and the programs."""
import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import manifests
from support import CACHE, ROOT, need, run

CONTAINER = ROOT / "deploy" / "container"
# The schemas of Kubernetes' own OpenAPI description: as validators, which know formats and ranges, and as types, by which
# the compiler finds fields that do not exist (the API server would drop them without a word).
PACKAGES = ("kubernetes-models@5.1.0", "typescript@5.9.3")
INSTALL_SECONDS_MAX = 240
PORTS = {"control": 7400, "api": 7443, "stamp": 61862, "mesh": 7401}
MAY_BE_ROOT = {("faultline-probe", "state"): ["CHOWN", "FOWNER"]}


def schemas():
    """The folder of the packages, or why they cannot be had."""
    folder = CACHE / ("npm-" + "-".join(re.sub(r"[^a-z0-9.]+", "_", name) for name in PACKAGES))
    if shutil.which("npm") is None:
        return None, "npm is not installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "npm.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return folder, ""
        try:
            done = run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES,
                       check=False, timeout=INSTALL_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return None, f"npm has not brought {' '.join(PACKAGES)} within {INSTALL_SECONDS_MAX} s"
        if done.returncode != 0:
            return None, f"npm cannot bring {' '.join(PACKAGES)}: {done.stderr.strip().splitlines()[:1]}"
        (folder / "complete").touch()
    return folder, ""


def group_of(document):
    """The package's module of an apiVersion: v1, apps/v1, networking.k8s.io/v1."""
    return document["apiVersion"]


def find_mistakes(folder, documents):
    """What the schemas say against these documents, in words."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        types, checks = [], []
        for number, document in enumerate(documents):
            kind, module = document["kind"], f"kubernetes-models/{group_of(document)}"
            types.append(f'import type {{I{kind} as T{number}}} from "{module}";\n'
                         f"export const document{number}: T{number} = {json.dumps(document)};")
            name = f"{kind} {document['metadata']['name']}"
            checks.append(f'import {{{kind} as C{number}}} from "{module}";\n'
                          f"try {{ new C{number}({json.dumps(document)}).validate(); }}\n"
                          f"catch (error) {{ console.log({json.dumps(name)} + ': ' + error.message); }}")
        typed, check = Path(work) / "types.ts", Path(work) / "check.mjs"
        typed.write_text("\n".join(types), encoding="utf-8")
        check.write_text("\n".join(sorted(checks)), encoding="utf-8")
        compiled = run(folder / "node_modules" / ".bin" / "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module",
                       "nodenext", "--moduleResolution", "nodenext", typed, check=False)
        checked = run("node", check)
    lines = compiled.stdout.splitlines() + checked.stdout.splitlines()
    assert compiled.returncode == 0 or lines, compiled.stderr
    return lines


def check_schemas(folder, rendered):
    documents = [document for each in rendered for document in each]
    mistakes = find_mistakes(folder, documents)
    assert not mistakes, "\n".join(mistakes)
    # That it would have found something: a field that does not exist, and a value of another type.
    broken = [json.loads(json.dumps(manifests.one(rendered[0], "DaemonSet", "faultline-probe"))) for _ in range(2)]
    broken[0]["spec"]["template"]["spec"]["hostNetwrok"] = True
    broken[1]["spec"]["minReadySeconds"] = "ten"
    found = "\n".join(find_mistakes(folder, broken))
    assert "hostNetwrok" in found, f"a misspelt field is not found: {found}"
    assert "minReadySeconds must be" in found, f"a wrong type is not found: {found}"
    print(f"{len(documents)} documents are as the published schemas say")


def check_selectors(documents):
    """Every selector finds the pods that it means, and every port by name is one of theirs."""
    templates = dict(manifests.pods(documents))
    assert set(templates) == {"faultline-probe", "faultline-controller"}
    for document in documents:
        kind, spec = document["kind"], document.get("spec", {})
        if kind in ("DaemonSet", "StatefulSet", "PodDisruptionBudget"):
            wanted = spec["selector"]["matchLabels"]
        elif kind == "Service":
            wanted = spec["selector"]
        elif kind == "NetworkPolicy":
            wanted = spec["podSelector"]["matchLabels"]
        else:
            continue
        chosen = [name for name, pod in templates.items() if wanted.items() <= pod["metadata"]["labels"].items()]
        assert len(chosen) == 1, f"{kind} {document['metadata']['name']} selects {chosen}"
        ports = {port["name"] for c in manifests.containers(templates[chosen[0]]) for port in c.get("ports", [])}
        named = [port["targetPort"] for port in spec.get("ports", [])] if kind == "Service" else \
            [port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]] if kind == "NetworkPolicy" else []
        assert set(named) <= ports, f"{kind} {document['metadata']['name']} names ports {named}; the pods have {ports}"


def check_references(documents):
    """Maps, secrets, accounts and volumes that are named are there."""
    names = {(d["kind"], d["metadata"]["name"]) for d in documents} | {("ConfigMap", "kube-root-ca.crt")}
    for name, pod in manifests.pods(documents):
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in names
        claims = []
        if name == "faultline-controller":
            claims = manifests.one(documents, "StatefulSet", name)["spec"]["volumeClaimTemplates"]
        volumes = {claim["metadata"]["name"] for claim in claims} | {v["name"] for v in pod["spec"]["volumes"]}
        for volume in pod["spec"]["volumes"]:
            sources = [volume] + volume.get("projected", {}).get("sources", [])
            for source in sources:
                if "configMap" in source:
                    assert ("ConfigMap", source["configMap"]["name"]) in names, source
                if "secret" in source:
                    assert ("Secret", source["secret"]["secretName"]) in names, source
        for container in manifests.containers(pod):
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= volumes, f"{name}/{container['name']} mounts {mounted - volumes}, which is no volume"
    for binding in (d for d in documents if d["kind"].endswith("RoleBinding")):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in names
        for subject in binding["subjects"]:
            assert (subject["kind"], subject["name"]) in names and subject["namespace"] == "faultline", subject


def check_rights(documents):
    """What `restricted` demands of each container, but for the one that must give a folder away."""
    for name, pod in manifests.pods(documents):
        spec = pod["spec"]
        user = int(re.search(r"^USER (\d+):", (CONTAINER / f"Containerfile.{name.split('-')[1]}").read_text("utf-8"), re.M)[1])
        context = spec["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] == user == context["runAsGroup"], f"{name}: the image's user is {user}"
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
        for container in manifests.containers(pod):
            label, own = f"{name}/{container['name']}", container["securityContext"]
            assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"] and not own.get("privileged"), label
            added = MAY_BE_ROOT.get((name, container["name"]), [])
            assert own["capabilities"]["drop"] == ["ALL"] and own["capabilities"].get("add", []) == added, label
            assert added or own.get("runAsUser", user) == user, label
            assert "memory" in container["resources"]["limits"] and "cpu" in container["resources"]["requests"], label
        tokens = [c["name"] for c in manifests.containers(pod) if any(m["name"] == "account" for m in c["volumeMounts"])]
        assert tokens == (["enrol"] if name == "faultline-controller" else []), f"{name}: {tokens} may ask Kubernetes"


def check_ports(documents):
    readme = (CONTAINER / "README.md").read_text(encoding="utf-8")
    for name, pod in manifests.pods(documents):
        for container in manifests.containers(pod):
            for port in container.get("ports", []):
                assert PORTS[port["name"]] == port["containerPort"], f"{name}: {port}"
                assert f"{port['containerPort']}/{port['protocol'].lower()}" in readme, f"README.md does not name {port}"


def check_api_configuration(binaries, documents, work):
    """with-api's variables are settings that the controller takes, with a certificate where they say."""
    pod = manifests.one(documents, "StatefulSet", "faultline-controller")["spec"]["template"]["spec"]
    variables = {entry["name"]: entry["value"].replace("/tls/", f"{work}/") for entry in pod["containers"][0].get("env", [])}
    if not variables:
        return  # the base: no API on the network
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=faultline-api.faultline.svc",
        "-keyout", f"{work}/tls.key", "-out", f"{work}/tls.crt")
    config = manifests.KUBERNETES / "base" / "config" / "controller.yaml"
    words = [binaries / "faultline-controller", "--config", config, "--check-config"]
    run(*words, env=variables)
    assert run(*words, env={**variables, "FAULTLINE_API_TLS_LISTEN": "nonsense"}, check=False).returncode == 1, \
        "FAULTLINE_API_TLS_LISTEN is no variable of this controller"


def check_configurations(binaries, documents):
    """The programs take the files that the pods get, as the pods get them."""
    with tempfile.TemporaryDirectory(prefix="faultline-k8s-") as work:
        base = manifests.KUBERNETES / "base"
        run(binaries / "faultline-controller", "--config", base / "config" / "controller.yaml", "--check-config")
        check_api_configuration(binaries, documents, work)
        entry = f'  - {{endpoint: "tcp://faultline-controller.faultline.svc:7400", key: {"5a" * 32}}}\n'
        (Path(work) / "controllers").write_text(entry, encoding="ascii")
        pod = manifests.one(documents, "DaemonSet", "faultline-probe")["spec"]["template"]["spec"]
        variables = {entry["name"]: "192.0.2.7" for entry in pod["containers"][0]["env"]}
        environment = {**variables, "PATH": f"{binaries}:{os.environ['PATH']}", "TEMPLATE": str(base / "config"),
                       "CONFIG": f"{work}/probe.yaml", "CONTROLLERS": f"{work}/controllers", "FAULTLINE_STATE_DIR": f"{work}/state"}
        said = run("sh", base / "key.sh", env=environment).stdout
        assert re.fullmatch(r"faultline-node-key [0-9a-f]{64}\n", said), said
        assert run("sh", base / "key.sh", env=environment).stdout == said, "the node's key changed when its pod was replaced"
        run(binaries / "faultline-probe", "--config", f"{work}/probe.yaml", "--check-config", env=environment)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    binaries = parser.parse_args().binaries.resolve()
    need("node", "openssl", root=False)
    left_out = []
    folder, why = schemas()
    if folder is None:
        left_out.append(f"the published schemas: {why}")
    if manifests.can_render():
        rendered = [manifests.render(overlay) for overlay in manifests.OVERLAYS]
        for documents in rendered:
            check_selectors(documents)
            check_references(documents)
            check_rights(documents)
            check_ports(documents)
        documents = rendered[-1]
    else:
        left_out.append("kustomize: kubectl is not installed")
        documents = manifests.written()
        check_rights(documents)
        check_ports(documents)
    if folder is not None:
        check_schemas(folder, rendered if manifests.can_render() else [documents])
    check_configurations(binaries, documents)
    if left_out:
        print(f"SKIPPED: {'; '.join(left_out)}")


if __name__ == "__main__":
    main()
