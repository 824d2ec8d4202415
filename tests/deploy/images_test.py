"""The container images: built on a local base from ready programs, and run as compose.yaml says they are run."""
import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import yaml

import manifests
from podman import LIMITS, Link, Podman
from support import ROOT, base_root, need, run

CONTAINER = ROOT / "deploy" / "container"
PROBE_MB_MAX = 60
TAG = "test"
PROBE_IMAGE = f"localhost/faultline-probe:{TAG}"
CONTROLLER_IMAGE = f"localhost/faultline-controller:{TAG}"
STOP_SECONDS_MAX = 15  # then podman kills it, and the exit code is not 0
USER_OF = {CONTROLLER_IMAGE: "17400", PROBE_IMAGE: "17401"}
# What a service may have that a container started by hand here does not need.
NOT_RUN_HERE = {"restart", "logging", "stop_grace_period", "depends_on", "ports", "network_mode"}
FAST = {"FAULTLINE_WINDOW": "2s", "FAULTLINE_HEARTBEAT": "1s"}


def wait(what, condition, seconds):
    """Polls: what it waits for is in another process. Fails with the last thing that was seen."""
    deadline = time.monotonic() + seconds
    while True:
        done, seen = condition()
        if done:
            return seen
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s; the last that was seen: {seen}"
        time.sleep(0.2)


def build(podman, binaries):
    base = base_root()
    started = time.monotonic()
    options = [f"--option={word}" for word in ("--isolation=chroot", "--network=host", "--layers=false")]
    said = run(CONTAINER / "build.sh", f"--local-base={base}", "--binaries", binaries, "--tag", TAG, "--podman", " ".join(podman.words),
               *options).stdout
    print(f"both images built in {time.monotonic() - started:.0f} s")
    print("\n".join(line for line in said.splitlines() if " over its base" in line))
    over = float(re.search(r"faultline-probe:\S+ is \S+ MB, (\S+) MB over", said)[1])
    assert 0 < over <= PROBE_MB_MAX, f"the probe's image has {over} MB over its base, at most {PROBE_MB_MAX} are allowed"


def check_words(podman, image, program):
    """What the image says about itself."""
    image_says = json.loads(podman("image", "inspect", image).stdout)[0]
    config = image_says["Config"]
    user = USER_OF[image]
    assert config["User"] == f"{user}:{user}", config["User"]
    assert config["Entrypoint"] == [program], f"not the exec form: {config['Entrypoint']}"
    assert config["StopSignal"] in ("SIGTERM", "15"), config["StopSignal"]
    assert image_says["Healthcheck"]["Test"] == ["CMD", program, "--health"], image_says["Healthcheck"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["title"] == program and labels["licenses"] == "Apache-2.0", labels
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", labels["version"]) and "unknown" not in labels["created"], labels


def check_files(podman, image, program):
    """What is in the image: nothing that gives a privilege, no debug symbols, no compiler."""
    script = f"""
        grep -qaF .debug_info /usr/bin/{program} && echo "{program} is not stripped"
        for tool in cc gcc g++ cmake make ld; do command -v $tool && echo "$tool is in the image"; done
        find / -xdev -path /proc -prune -o -newer /etc/debian_version -perm /6000 -path '*faultline*' -print
        find /var/lib/apt/lists -type f | grep . && echo "package lists are in the image"
        true"""
    said = podman("run", "--rm", "--network", "none", *LIMITS, "--entrypoint", "sh", image, "-c", script)
    assert said.stdout == "", said.stdout


def words_of(compose, service, environment):
    """`podman run` words for a service of compose.yaml, so that what is run here is what that file says."""
    entry, words = dict(compose["services"][service]), []
    for key in NOT_RUN_HERE:
        entry.pop(key, None)
    image = re.sub(r":\$\{.*$", f":{TAG}", entry.pop("image"))
    if entry.pop("read_only", False):
        words += ["--read-only", "--read-only-tmpfs=false"]
    words += [f"--cap-drop={name}" for name in entry.pop("cap_drop", [])]
    words += [f"--security-opt={option}" for option in entry.pop("security_opt", [])]
    words += [f"--volume={volume}" for volume in entry.pop("volumes", [])]
    for key, value in {**entry.pop("environment", {}), **environment}.items():
        words.append(f"--env={key}={re.sub(r'[$][{]FAULTLINE_HOST_ADDRESS:[^}]*[}]', environment['FAULTLINE_ADDRESS'], value)}")
    assert not entry, f"compose.yaml has keys of {service} that this test does not know: {sorted(entry)}"
    return words, image


class Deployment:
    """The services of compose.yaml on a link: the controller and the probe `local` at one end, `peer` at the other."""

    def __init__(self, podman, link):
        self.podman, self.link = podman, link
        self._compose = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))

    def start(self, name, service, end, *words, **environment):
        environment = {"FAULTLINE_ADDRESS": self.link.addresses[end], **environment}
        given, image = words_of(self._compose, service, environment)
        given = [word.replace("=probe-state:", f"=state-of-{name}:") for word in given]
        self.podman("run", "--detach", "--name", name, *self.podman.run_words(self.link.ends[end]), *given, *words, image)

    def status(self):
        done = self.podman("exec", "controller", "faultline", "status", "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode in (0, 1, 2) and done.stdout else {"error": done.stderr}

    def give_token(self, node, volume):
        """As compose.yaml says: from one container into the other's volume."""
        token = self.podman("exec", "controller", "faultline", "node", "token", "create", "--node", node).stdout
        assert token.startswith("flt1_"), "no token"
        self.podman("run", "--rm", "--interactive", "--network", "none", *LIMITS, "--volume",
                    f"{volume}:/var/lib/faultline", "--entrypoint", "sh", PROBE_IMAGE, "-c",
                    "umask 077; cat >/var/lib/faultline/token", input=token)

    def node_ids(self):
        nodes = json.loads(self.podman("exec", "controller", "faultline", "node", "list", "-o", "json").stdout)["nodes"]
        return {node["name"]: (node["id"], node["key"]) for node in nodes}

    def healthy(self, name):
        """By the image's own HEALTHCHECK, and the sentence that its command says."""
        done = self.podman("healthcheck", "run", name, check=False)
        program = self.podman.inspect(name, "{{.Path}}")
        return done.returncode == 0, self.podman("exec", name, program, "--health", check=False).stdout.strip()

    def measuring(self, nodes):
        def look():
            status = self.status()
            done = "nodes" in status and status["nodes"]["live"] == nodes and status["sessions"]["planned"] > 0 \
                and status["sessions"]["reporting"] == status["sessions"]["planned"]
            return done, status
        return look

    def stop(self, name):
        """SIGTERM ends it in time and well."""
        started = time.monotonic()
        self.podman("stop", "--time", str(STOP_SECONDS_MAX), name)
        took, code = time.monotonic() - started, self.podman.inspect(name, "{{.State.ExitCode}}")
        assert code == "0", f"{name} ended with {code} on SIGTERM:\n{self.podman('logs', name, check=False).stderr}"
        print(f"{name}: SIGTERM, exit code 0 after {took:.2f} s")


def check_rights(podman, name, capabilities):
    """What the running process may do, as the kernel says."""
    pid = podman.inspect(name, "{{.State.Pid}}")
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    assert lines["NSpid"].split()[-1] == "1", "it is not PID 1"
    assert lines["Uid"].split()[0] in USER_OF.values(), lines["Uid"]
    assert lines["NoNewPrivs"] == "1"
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        assert int(lines[kind], 16) == capabilities, f"{name}: {kind} is {lines[kind]}, expected {capabilities:x}"
    denied = podman("exec", name, "sh", "-c", "echo x >/etc/faultline/x", check=False)
    assert denied.returncode != 0 and "Read-only file system" in denied.stderr, denied.stderr


def check_low_port(podman, link):
    """Without the capability, port 862 is refused with a sentence that says what is missing."""
    done = podman("run", "--rm", *podman.run_words(link.ends[1]), "--cap-drop=all", "--env=FAULTLINE_REFLECTOR_PORT=862",
                  f"--env=FAULTLINE_ADDRESS={link.addresses[1]}", "--volume=state-of-peer:/var/lib/faultline",
                  "--env=FAULTLINE_TOKEN_FILE=/var/lib/faultline/token", PROBE_IMAGE, check=False)
    assert done.returncode == 1 and "862" in done.stderr, f"{done.returncode}: {done.stderr}"


def check_state_container(podman):
    """The manifest's init container `state` gives a folder of root's to the probe, with the capabilities it asks for."""
    pod = manifests.one(manifests.written(), "DaemonSet", "faultline-probe")["spec"]["template"]
    state = next(c for c in manifests.containers(pod) if c["name"] == "state")
    with tempfile.TemporaryDirectory(prefix="faultline-host-") as folder:
        words = ["run", "--rm", "--network", "none", *LIMITS, "--read-only", "--security-opt=no-new-privileges", "--cap-drop=all",
                 *(f"--cap-add={name}" for name in state["securityContext"]["capabilities"]["add"]), "--user=0",
                 f"--volume={folder}:/var/lib/faultline", f"--entrypoint={state['command'][0]}", PROBE_IMAGE, *state["command"][1:]]
        for _ in range(2):  # the next pod finds it done
            podman(*words)
            made = (Path(folder) / "probe").stat()
            assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (17401, 17401, 0o700), made


def run_deployment(podman, link):
    fleet = Deployment(podman, link)
    fleet.start("controller", "controller", 0, **FAST)
    print("controller:", wait("the controller's health", lambda: fleet.healthy("controller"), 120))
    for node in ("local", "peer"):
        fleet.give_token(node, f"state-of-{node}")
    check_low_port(podman, link)
    fleet.start("local", "probe", 0)
    net_bind_service = 1 << 10
    fleet.start("peer", "probe", 1, "--cap-add=NET_BIND_SERVICE", FAULTLINE_REFLECTOR_PORT="862")
    started = time.monotonic()
    status = wait("measuring", fleet.measuring(2), 60)
    print(f"2 nodes live and {status['sessions']['reporting']} sessions reporting {time.monotonic() - started:.1f} s after start")
    check_rights(podman, "controller", 0)
    check_rights(podman, "local", 0)
    check_rights(podman, "peer", net_bind_service)
    for name in ("local", "peer"):
        print(f"{name}:", wait(f"health of {name}", lambda name=name: fleet.healthy(name), 30))

    before = fleet.node_ids()
    for name in ("local", "peer", "controller"):
        fleet.stop(name)
    for name in ("controller", "peer", "local"):
        podman("start", name)
    wait("measuring again", fleet.measuring(2), 60)
    assert fleet.node_ids() == before, f"identities changed over a restart: {before} and {fleet.node_ids()}"
    for name in ("local", "peer", "controller"):
        fleet.stop(name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin")
    binaries = parser.parse_args().binaries
    need("podman", "runc", "mmdebstrap", "ip", "strip")
    with Podman() as podman, Link("faultline-images") as link:
        build(podman, binaries)
        for image, program in ((PROBE_IMAGE, "faultline-probe"), (CONTROLLER_IMAGE, "faultline-controller")):
            check_words(podman, image, program)
            check_files(podman, image, program)
        check_state_container(podman)
        run_deployment(podman, link)


if __name__ == "__main__":
    main()
