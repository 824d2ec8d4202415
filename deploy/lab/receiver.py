#!/usr/bin/env -S python3 -B
"""A webhook receiver that does what an on-call system should: checks the signature, then keeps the payload.

Each request becomes one JSON line in the output file: {"received_at", "signature", "payload"}, where `signature` is
"ok" or one sentence on what is wrong with it; only "ok" is answered with 200.

The signature: X-Faultline-Signature: sha256=<hex of HMAC-SHA-256(secret, timestamp "." body)>, with the timestamp of
X-Faultline-Timestamp in Unix seconds.
"""
import argparse
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AGE_SECONDS_MAX = 300  # an older timestamp may be a replay
BODY_BYTES_MAX = 1 << 20


def check_signature(secret, timestamp, signature, body, now):
    """"ok", or what is wrong."""
    if not timestamp or not signature:
        return "the timestamp or signature header is missing"
    try:
        age = now - int(timestamp)
    except ValueError:
        return f"the timestamp {timestamp!r} is no number of seconds"
    if abs(age) > AGE_SECONDS_MAX:
        return f"the timestamp is {age:.0f} s off"
    expected = "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return "ok" if hmac.compare_digest(expected, signature) else "the signature does not match the body"


def handler_class(secret, output):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # the name is http.server's
            length = int(self.headers.get("Content-Length") or 0)
            if length > BODY_BYTES_MAX:
                self.send_error(413)
                return
            body, now = self.rfile.read(length), time.time()
            verdict = check_signature(secret, self.headers.get("X-Faultline-Timestamp"),
                                      self.headers.get("X-Faultline-Signature"), body, now)
            try:
                payload = json.loads(body)
            except ValueError:
                payload, verdict = body.decode(errors="replace"), "the body is no JSON"
            with output.open("a") as file:
                file.write(json.dumps({"received_at": now, "signature": verdict, "payload": payload}) + "\n")
            self.send_response(200 if verdict == "ok" else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass  # the output file is the log

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9099)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    secret = options.secret_file.read_bytes().strip()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler_class(secret, options.output))
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
