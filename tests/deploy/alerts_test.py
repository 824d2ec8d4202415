"""Receivers of alerts, as they are: Alertmanager from the distribution (asserted with amtool), a webhook over TLS whose
certificate nobody vouches for, a program, and one that is down; each told by the real controller and the real CLI.

Argument: the folder with the built programs.
"""
import contextlib
import http.server
import json
import ssl
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from monitoring_test import free_port, get, process, wait_for
from support import need, program_of_package, run, skip

SECRET = "a-secret-that-no-output-may-show"


@contextlib.contextmanager
def receiver(certificate=None):
    """An HTTP receiver on loopback, over TLS with (certificate, key); yields its port and the bodies that it got."""
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # the name is http.server's
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], bodies
    finally:
        server.shutdown()
        server.server_close()


def make_certificate(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "crt.pem")
    return folder / "crt.pem", folder / "key.pem"


@contextlib.contextmanager
def controller(folder, receivers):
    """The real controller with these receivers; yields its API socket."""
    api, config = folder / "controller.sock", folder / "controller.yaml"
    config.write_text(f"data_dir: {folder}/data\nlisten: tcp://127.0.0.1:*\napi: {{socket: {api}}}\n{receivers}")
    with process(BINARIES / "faultline-controller", "--config", config, log=folder / "controller.log"):
        wait_for("the controller's /metrics", lambda: get(api, "/metrics"))
        yield api


def with_its_files(program):
    """Debian's Alertmanager reads its templates from /usr/share; of a package that is not installed, lay them over it."""
    share = program.parents[1] / "share"
    if Path("/usr/share/prometheus/alertmanager").exists() or program.parents[1] == Path("/usr"):
        return [program]
    mount = f"mount -t overlay overlay -o lowerdir={share}:/usr/share /usr/share"
    return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$0" "$@"', program]


class Told(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = Path(kept.name)

    def alert(self, *words):
        return run(BINARIES / "faultline", "--api", f"unix:{self.folder}/controller.sock", "alert", *words, check=False)

    def told(self, *words):
        done = self.alert("test", *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_alerts_appear_in_a_real_alertmanager_are_grouped_and_end(self):
        port, peer = free_port(), free_port()
        with receiver() as (hook, notified):
            config = self.folder / "alertmanager.yml"
            config.write_text(
                "route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s}\n"
                f"receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{hook}/'}}]}}]\n")
            one = f"{{name: %s, kind: alertmanager, url: 'http://127.0.0.1:{port}', labels: {{team: network}}}}"
            with process(*with_its_files(ALERTMANAGER), f"--config.file={config}", f"--storage.path={self.folder / 'am'}",
                         f"--web.listen-address=127.0.0.1:{port}", f"--cluster.listen-address=127.0.0.1:{peer}",
                         log=self.folder / "am.log"), \
                    controller(self.folder, f"receivers: [{one % 'first'}, {one % 'second'}]\n"):
                def query(*matchers):
                    done = run(AMTOOL, f"--alertmanager.url=http://127.0.0.1:{port}", "alert", "query", "-o", "json",
                               *matchers, check=False)
                    return json.loads(done.stdout or "[]") if done.returncode == 0 else None

                wait_for("Alertmanager", lambda: query() is not None or None)
                self.told("first")
                self.told("second")
                self.told("first")  # again is no other alert
                alerts = wait_for("both alerts", lambda: query("team=network") if len(query("team=network")) == 2 else None)
                self.assertEqual({a["labels"]["incident"] for a in alerts}, {"test-first", "test-second"})
                self.assertEqual({a["labels"]["alertname"] for a in alerts}, {"FaultlineProduct"})
                group = wait_for("one notification of both", lambda: next(
                    (n for n in notified if len(n["alerts"]) == 2 and n["status"] == "firing"), None))
                self.assertEqual(group["groupLabels"], {"alertname": "FaultlineProduct"})
                self.told("first", "--resolve")
                wait_for("the end of the first", lambda: [a["labels"]["incident"] for a in query()] == ["test-second"]
                         or None)
                self.told("second", "--resolve")
                wait_for("the end of the second", lambda: query() == [] or None)
                wait_for("the group's end", lambda: next((n for n in notified if n["status"] == "resolved"), None))

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        certificate = make_certificate(self.folder)
        with receiver(certificate) as (port, bodies):
            hook = f"url: 'https://127.0.0.1:{port}/'"
            with controller(self.folder, f"receivers: [{{name: bad, {hook}}}, "
                                         f"{{name: good, {hook}, ca_file: {certificate[0]}}}]\n"):
                refused = self.alert("test", "bad")
                self.assertEqual(refused.returncode, 4, refused.stdout)
                self.assertIn("did not take it: SSL", refused.stdout)
                self.assertEqual(bodies, [])
                self.told("good")
                self.assertEqual(bodies[0]["summary"], "test of receiver good: nothing is wrong")

    def test_what_a_receiver_lacks_is_shown_and_no_secret_is(self):
        secret, output = self.folder / "hook.secret", self.folder / "paged"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        page = self.folder / "page"
        page.write_text(f"#!/bin/sh\ncat >{output}\n")
        page.chmod(0o755)
        down = free_port()
        with receiver() as (beat, beats), controller(self.folder, (
                f"receivers:\n  - {{name: down, url: 'http://127.0.0.1:{down}/', secret_file: {secret}}}\n"
                f"  - {{name: script, kind: exec, command: [{page}]}}\n"
                f"dead_mans_switch: {{url: 'http://127.0.0.1:{beat}/'}}\n")):
            self.told("script")
            self.assertEqual(json.loads(output.read_text())["incident"], "test-script")
            failed = self.alert("test", "down")
            self.assertEqual(failed.returncode, 4, failed.stdout)
            self.assertIn("connect to server", failed.stdout)
            unknown = self.alert("test", "nobody")
            self.assertEqual(unknown.returncode, 3, unknown.stderr)
            self.assertIn("there is no receiver nobody", unknown.stderr)
            listed = self.alert("list").stdout
            self.assertRegex(listed, r"(?m)^down +webhook +0 ")
            self.assertRegex(listed, r"(?m)^script +exec +0 ")
            self.assertEqual(wait_for("a heartbeat", lambda: beats or None)[0]["schema"], "faultline.heartbeat/1")
            shown = listed + failed.stdout + failed.stderr + (self.folder / "controller.log").read_text()
            self.assertNotIn(SECRET, shown)


if __name__ == "__main__":
    need("curl", "dpkg-deb", "apt-get", "openssl", root=False)
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "faultline-controller").exists():
        skip("the controller is not built; the argument is the folder with the programs")
    BINARIES = Path(sys.argv.pop(1)).resolve()
    try:
        ALERTMANAGER = program_of_package("prometheus-alertmanager", "/usr/bin/prometheus-alertmanager")
        AMTOOL = program_of_package("prometheus-alertmanager", "/usr/bin/amtool")
    except AssertionError as error:
        skip(f"the package prometheus-alertmanager cannot be fetched: {error}")
    unittest.main(verbosity=2)
