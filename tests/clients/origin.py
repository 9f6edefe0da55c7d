"""Servers that `pkgreg build` fetches from: one for files, which fails as a test wants it to, and one
that stands in front of a registry and asks who comes."""

import base64
import http.client
import http.server
import json
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.origin.answer(self)

    do_POST = do_HEAD = do_GET

    def send(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self):
        """Ends the connection so that the client sees a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # connections break here on purpose


class Origin:
    """A server on a thread; `requests` are the (method, target, fields) that came. With a
    `certificate`, the files of it and of its key, it speaks TLS and is called localhost."""

    def __init__(self, certificate=None):
        self.requests, self.lock = [], threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.origin = self
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.address}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake is left to the connection's own thread.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.url = f"https://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def answer(self, handler):
        fields = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            self.requests.append((handler.command, handler.path, fields))
        self.behave(handler, fields)

    def targets(self):
        return [target for _, target, _ in self.requests]

    def fields_of(self, target):
        return [fields for _, asked, fields in self.requests if asked == target]


class Files(Origin):
    """Serves `content` by path, with ETag and ranges. `faults[path]` is a list of what goes wrong,
    one entry a request: a status, `reset:N` or `cut:N` after N bytes, `stall` (until `released`)."""

    def __init__(self, content):
        super().__init__()
        self.content, self.faults = content, defaultdict(list)
        self.etag, self.redirects, self.released = '"1"', {}, threading.Event()
        self.stalled = threading.Event()
        self.active = self.most = 0

    def __exit__(self, *arguments):
        self.released.set()
        super().__exit__(*arguments)

    def behave(self, handler, fields):
        path = urlsplit(handler.path).path
        with self.lock:
            fault = self.faults[path].pop(0) if self.faults[path] else None
            self.active += 1
            self.most = max(self.most, self.active)
        try:
            if path in self.redirects:
                handler.send(302, Location=self.redirects[path])
            elif isinstance(fault, int):
                handler.send(fault, b"no", Retry_After="0")
            elif path not in self.content:
                handler.send(404)
            else:
                self.serve(handler, self.content[path], fields, fault)
        finally:
            with self.lock:
                self.active -= 1

    def serve(self, handler, body, fields, fault):
        status, begin = 200, 0
        if "range" in fields and fields.get("if-range", self.etag) == self.etag:
            status, begin = 206, int(fields["range"].removeprefix("bytes=").removesuffix("-"))
        handler.send_response(status)
        if self.etag:
            handler.send_header("ETag", self.etag)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - begin))
        handler.end_headers()
        if fault == "slow":
            time.sleep(0.2)
        if fault == "stall":
            handler.wfile.write(body[begin:begin + 1000])
            handler.wfile.flush()
            self.stalled.set()
            self.released.wait(60)
            handler.close_connection = True
        elif fault and fault.startswith(("reset:", "cut:")):
            kind, _, size = fault.partition(":")
            handler.wfile.write(body[begin:begin + int(size)])
            handler.wfile.flush()
            # What is on its way must be taken before a reset throws it away.
            time.sleep(0.1)
            handler.reset() if kind == "reset" else handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        else:
            handler.wfile.write(body[begin:])


class Gate(Origin):
    """Stands in front of a registry. `scheme` is what it asks for: `bearer`, `basic` or None. A user
    `me` has the password `secret word` and the identity token `refresh`; where `anonymous` is set,
    a token needs no credentials. `blobs_at`: another origin to which blobs are redirected. `faults`:
    by target, what is answered in place of the registry's answer: status, body, media type."""

    def __init__(self, registry, scheme=None, anonymous=False, blobs_at=None, certificate=None):
        super().__init__(certificate)
        self.registry, self.scheme, self.anonymous = registry, scheme, anonymous
        self.blobs_at, self.token, self.tokens_given = blobs_at, "token-0", 0
        self.uses_left, self.faults = None, {}

    def behave(self, handler, fields):
        if urlsplit(handler.path).path == "/token":
            self.give_token(handler, fields)
        elif not self.admits(fields):
            self.challenge(handler)
        elif handler.path in self.faults:
            status, body, kind = self.faults[handler.path]
            handler.send(status, body, Content_Type=kind)
        elif self.blobs_at and "/blobs/" in handler.path:
            handler.send(307, Location=self.blobs_at.url + handler.path)
        else:
            self.forward(handler, fields)

    @staticmethod
    def knows(fields):
        expected = base64.b64encode(b"me:secret word").decode()
        return fields.get("authorization") == f"Basic {expected}"

    def admits(self, fields):
        if self.scheme == "basic":
            return self.knows(fields)
        if self.scheme != "bearer":
            return True
        with self.lock:
            admitted = fields.get("authorization") == f"Bearer {self.token}"
            if admitted and self.uses_left is not None:
                self.uses_left -= 1
                if self.uses_left == 0:
                    self.token, self.uses_left = None, None
            return admitted

    def challenge(self, handler):
        body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}).encode()
        name = handler.path.removeprefix("/v2/").rpartition("/")[0].rpartition("/")[0]
        handler.send(401, body, WWW_Authenticate='Basic realm="gate"' if self.scheme == "basic" else
                     f'Bearer realm="{self.url}/token",service="gate",scope="repository:{name}:pull"')

    def give_token(self, handler, fields):
        form = {}
        if handler.command == "POST":
            form = parse_qs(handler.rfile.read(int(fields["content-length"])).decode())
        if not (self.anonymous or self.knows(fields) or form.get("refresh_token") == ["refresh"]):
            handler.send(401)
            return
        with self.lock:
            self.tokens_given += 1
            self.token = f"token-{self.tokens_given}"
        name = "access_token" if form else "token"
        handler.send(200, json.dumps({name: self.token, "expires_in": 60}).encode())

    def forward(self, handler, fields):
        connection = http.client.HTTPConnection(self.registry.host, self.registry.port, timeout=20)
        kept = {name: fields[name] for name in ("accept", "range") if name in fields}
        connection.request(handler.command, handler.path, headers=kept)
        answer = connection.getresponse()
        handler.send_response(answer.status)
        for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "Content-Range"):
            if answer.getheader(name):
                handler.send_header(name, answer.getheader(name))
        handler.end_headers()
        while data := answer.read(65536):
            handler.wfile.write(data)
        connection.close()
