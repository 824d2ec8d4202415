"""As much of the Kubernetes API as enrolment asks for, over TLS, with the rights that the manifests give and no others."""
import json
import queue
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support import run

ROUTES = (
    ("pods", re.compile(r"/api/v1/namespaces/faultline/pods")),
    ("pods/log", re.compile(r"/api/v1/namespaces/faultline/pods/(?P<name>[^/]+)/log")),
    ("configmaps", re.compile(r"/api/v1/namespaces/faultline/configmaps/(?P<name>[^/]+)")),
    ("nodes", re.compile(r"/api/v1/nodes/(?P<name>[^/]+)")),
)


def probe_pod(name, node, owner="faultline-probe", key_done=True):
    state = {"terminated": {"exitCode": 0}} if key_done else {"running": {}}
    return {"kind": "Pod", "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "faultline-probe"},
                                        "ownerReferences": [{"kind": "DaemonSet", "name": owner, "controller": True}]},
            "spec": {"nodeName": node}, "status": {"initContainerStatuses": [{"name": "key", "state": state}]}}


class FakeKubernetes:
    """Serves until the `with` ends. `rules` are those of the Role and the ClusterRole of the account with `token`."""

    def __init__(self, address, folder, token, rules):
        self.token, self.rules, self.folder = token, rules, folder
        self.pods, self.logs, self.nodes, self.maps = {}, {}, {}, {}
        self.denied = []
        self._watchers, self._lock = [], threading.Lock()
        self._make_certificate(address)
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca.crt", folder / "tls.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self.url = f"https://{address}:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def put_pod(self, pod, log):
        """A pod appears, or changes, and has this log."""
        name = pod["metadata"]["name"]
        with self._lock:
            event = "MODIFIED" if name in self.pods else "ADDED"
            self.pods[name], self.logs[name] = pod, log
            for watcher in self._watchers:
                watcher.put({"type": event, "object": pod})

    def watch(self, seconds, send):
        events = queue.Queue()
        with self._lock:
            now = list(self.pods.values())
            self._watchers.append(events)
        try:
            for pod in now:
                send({"type": "ADDED", "object": pod})
            while True:
                send(events.get(timeout=seconds))
        except queue.Empty:
            pass
        finally:
            with self._lock:
                self._watchers.remove(events)

    def allows(self, verb, resource, name):
        return any(verb in rule["verbs"] and resource in rule["resources"] and
                   ("resourceNames" not in rule or name in rule["resourceNames"]) for rule in self.rules)

    def _make_certificate(self, address):
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=kubernetes", "-addext",
            f"subjectAltName=IP:{address}", "-keyout", self.folder / "tls.key", "-out", self.folder / "ca.crt")
        (self.folder / "token").write_text(self.token, encoding="ascii")

    def _handler(self):
        kubernetes = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):  # noqa: N802
                self._serve("get")

            def do_PATCH(self):  # noqa: N802
                self._serve("patch")

            def _serve(self, verb):
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                resource, match = next(((r, m) for r, p in ROUTES if (m := p.fullmatch(url.path))), (None, None))
                name = match.groupdict().get("name") if match else None
                verb = "watch" if query.get("watch") == ["1"] else verb
                if self.headers["Authorization"] != f"Bearer {kubernetes.token}":
                    return self._answer(401, {"message": "Unauthorized"})
                if resource is None or not kubernetes.allows(verb, resource, name):
                    kubernetes.denied.append(f"{verb} {self.path}")
                    return self._answer(403, {"message": "Forbidden"})
                if verb == "watch":
                    return self._watch(float(query["timeoutSeconds"][0]))
                if verb == "patch":
                    patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    kubernetes.maps.setdefault(name, {}).update(patch["data"])
                    return self._answer(200, {"kind": "ConfigMap"})
                if resource == "pods/log":
                    assert query["container"] == ["key"]
                    return self._answer(200, kubernetes.logs[name])
                if name not in kubernetes.nodes:
                    return self._answer(404, {"message": "not found"})
                return self._answer(200, {"kind": "Node", "metadata": {"name": name, "labels": kubernetes.nodes[name]}})

            def _watch(self, seconds):
                self.send_response(200)
                self.end_headers()

                def send(event):
                    self.wfile.write(json.dumps(event).encode() + b"\n")
                    self.wfile.flush()
                try:
                    kubernetes.watch(seconds, send)
                except OSError:
                    pass  # the client has gone

            def _answer(self, code, body):
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler
