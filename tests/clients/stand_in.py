"""A server that answers as a test wants it to, also as no registry would."""

import json
import socket
import ssl
import struct
import threading


def answer(status, document, *fields, reason="Reason"):
    """An HTTP answer that ends its connection."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    head = [f"HTTP/1.1 {status} {reason}", "Content-Type: application/json",
            f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def error(status, code, message):
    return answer(status, {"errors": [{"code": code, "message": message}]})


def reset(connection):
    """Closes so that the other side sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Request:
    """The head of a request, as it came; `read` takes more of the body."""

    def __init__(self, connection):
        self.connection, self.received = connection, bytearray()
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.fields = {name.lower(): value.strip()
                       for name, _, value in (field.partition(":") for field in fields)}

    def _more(self):
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError("the client went away")
        self.received += data

    def read(self, size=None):
        """`size` bytes of the body, or all of it; asks for it first where the client waits."""
        size = int(self.fields.get("content-length", 0)) if size is None else size
        if self.fields.get("expect") == "100-continue" and not self.received:
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self.received) < size:
            self._more()
        return self.received[:size]


class StandIn:
    """Calls `behave(request)` for every request. What that gives back is sent; with None it has done
    all there is to do. `requests` are those that came. `tls` is a certificate and its key."""

    def __init__(self, behave, tls=None):
        self.behave, self.requests = behave, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        scheme, self.context = "http", None
        if tls is not None:
            scheme, self.context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # A shutdown wakes the thread; closing alone would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            with connection:
                try:
                    if self.context is not None:
                        connection = self.context.wrap_socket(connection, server_side=True)
                    request = Request(connection)
                    self.requests.append(request)
                    if (data := self.behave(request)) is not None:
                        connection.sendall(data)
                except OSError:
                    pass  # the client may go away at any time
