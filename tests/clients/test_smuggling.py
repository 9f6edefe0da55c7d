"""Request smuggling: bytes that two servers might cut into requests in two ways. None of them makes the
registry answer a request that was not one, nor another client's with the wrong answer: directly, over
TLS, and behind a real nginx.

Each case holds the request `GET /v2/smuggled-<case>/tags/list` in a place where it is none. What a
server took for a request stands in its access log.
"""

import re
import socket
import ssl
from http.client import HTTPSConnection

import pytest

from certificates import Authority
from http_client import Http
from nginx_proxy import NginxProxy
from programs import wait_until

pytestmark = pytest.mark.protocol

HOST = b"Host: x\r\n"
PUT = b"PUT /v2/smuggling/manifests/v1 HTTP/1.1\r\n" + HOST

CODINGS = {
    "plain": b"Transfer-Encoding: chunked", "upper": b"TRANSFER-ENCODING: CHUNKED",
    "misspelt": b"Transfer-Encoding: xchunked", "blank before colon": b"Transfer-Encoding : chunked",
    "tab before colon": b"Transfer-Encoding\t: chunked", "tab": b"Transfer-Encoding:\tchunked",
    "vertical tab": b"Transfer-Encoding: \x0bchunked", "form feed": b"Transfer-Encoding:\x0cchunked",
    "no-break space": b"Transfer-Encoding:\xa0chunked", "nul behind": b"Transfer-Encoding: chunked\x00",
    "nul in name": b"Transfer-Encoding\x00: chunked", "quoted": b'Transfer-Encoding: "chunked"',
    "with identity": b"Transfer-Encoding: chunked, identity",
    "identity first": b"Transfer-Encoding: identity, chunked", "twice": b"Transfer-Encoding: chunked, chunked",
    "comma": b"Transfer-Encoding: chunked,", "leading comma": b"Transfer-Encoding: ,chunked",
    "parameter": b"Transfer-Encoding: chunked;q=1", "empty": b"Transfer-Encoding:",
    "two fields": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "other behind": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "other before": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "leading blank": b" Transfer-Encoding: chunked", "folded": b"X: y\r\n Transfer-Encoding: chunked",
    "value folded": b"Transfer-Encoding:\r\n chunked", "behind bare LF": b"X: y\nTransfer-Encoding: chunked",
    "behind bare CR": b"X: y\rTransfer-Encoding: chunked", "underscore": b"Transfer_Encoding: chunked",
    "bare LF end": b"Transfer-Encoding: chunked\n", "bare CR end": b"Transfer-Encoding: chunked\r",
    "colon twice": b"Transfer-Encoding:: chunked",
}

LENGTHS = ("+{0}", "-{0}", "{0},{0}", "{0}, {0}", "{0},0", "0,{0}", "0x{0:x}", "{0}.0", "{0}e0", "{0} 0", "0 {0}",
           "{0}\x0b", "\x0b{0}", "{0}\x00", "{0};", "", "_{0}", "1_{0}", "{0}\r\n 0", "18446744073709551616",
           "18446744073709551{0}", "99999999999999999999999999", "-0", "+0", "\xa00", "0\r\nContent-Length: {0}",
           "{0}\r\nContent-Length: 0", "{0}\r\nContent-Length: {0}", "0\nContent-Length: {0}",
           "0\r\nContent-Length : {0}", "0\r\nContent-Length\t: {0}", "0\r\n Content-Length: {0}",
           "0\r\nContent-Length:\r\n {0}", "0\rContent-Length: {0}", "0\r\nContent-Length\x00: {0}")


def framings(inner):
    """Two fields that disagree about where the body ends; `inner` follows for one of them."""
    for name, coding in CODINGS.items():
        whole = b"0\r\n\r\n" + inner
        yield f"CL.TE {name}", (PUT + b"Content-Length: %d\r\n" % len(whole) + coding + b"\r\n\r\n" + whole)
        yield f"TE.CL order {name}", (PUT + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(whole) + whole)
        size = b"%x\r\n" % len(inner)
        if name != "underscore":  # another field: the length counts, and what follows is a request
            yield f"TE.CL {name}", (PUT + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(size)
                                    + size + inner + b"\r\n0\r\n\r\n")
        # Close: what follows the body is no request in any reading.
        yield f"coding alone {name}", (PUT + b"Connection: close\r\n" + coding + b"\r\n\r\n0\r\n\r\n" + inner)
    for form in LENGTHS:
        value = form.format(len(inner)).encode("latin-1")
        yield f"length {form!r}", PUT + b"Content-Length: " + value + b"\r\n\r\n" + inner


def chunks(inner):
    """Chunks that are none; `inner` stands where a careless reader goes on."""
    head = PUT + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    size = b"%x" % len(inner)
    for name, body in {
            "hex prefix": b"0x0\r\n\r\n" + inner, "minus": b"-0\r\n\r\n" + inner, "plus": b"+0\r\n\r\n" + inner,
            "minus size": b"-1\r\n\r\n" + inner, "blank before": b" 0\r\n\r\n" + inner,
            "blank behind": b"0 \r\n\r\n" + inner, "tab behind": b"0\t\r\n\r\n" + inner,
            "overflow": b"1" + b"0" * 16 + b"\r\n" + inner, "overflow to size": b"1" + b"0" * 16 + size + b"\r\n" + inner,
            "largest": b"f" * 16 + b"\r\n" + inner, "many zeros": b"0" * 40 + size + b"\r\n" + inner,
            "underscore": b"0_" + size + b"\r\n" + inner, "no size": b"\r\n\r\n" + inner,
            "bare LF": b"0\n\n" + inner, "bare CR": b"0\r\r" + inner, "bare LF at the end": b"0\r\n\n" + inner,
            "too long": b"3\r\nabcd\r\n0\r\n\r\n" + inner, "too short": b"5\r\nabc\r\n0\r\n\r\n" + inner,
            "no end": b"3\r\nabc0\r\n\r\n" + inner, "end of other bytes": b"3\r\nabcXX0\r\n\r\n" + inner,
            "LF for end": b"3\r\nabc\n0\r\n\r\n" + inner,
            "extension with LF": b"0;a\n\r\n" + inner, "extension with CR": b"0;a\rb\r\n\r\n" + inner,
            "extension hides": b"3;\n0\r\n\r\n" + inner, "extension": b"0;a=b\r\n\r\n" + inner,
            "quoted extension": b'0;a="\r\n\r\n' + inner,
            "trailers": b"0\r\nX: y\r\n\r\n" + inner, "trailer of length": b"0\r\nContent-Length: 9\r\n\r\n" + inner,
            "trailer with LF": b"0\r\nX: y\n\r\n" + inner, "trailer of inner": b"0\r\n" + inner,
            "nul in size": b"0\x00\r\n\r\n" + inner}.items():
        yield f"chunk {name}", head + body


def lines(inner):
    """Request lines and heads that end where only some think that they end."""
    close = b"Connection: close\r\n"
    for name, text in {
            "HTTP/0.9": b"GET /v2/\r\n" + inner, "HTTP/0.9 without CR": b"GET /v2/\n" + inner,
            "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner,
            "HTTP/1.1 lower": b"GET /v2/ http/1.1\r\n" + HOST + b"\r\n" + inner,
            "HTTP/1.2": b"GET /v2/ HTTP/1.2\r\n" + HOST + close + b"\r\n" + inner,
            "version twice": b"GET /v2/ HTTP/1.1 HTTP/1.1\r\n" + HOST + b"\r\n" + inner,
            "bare LF": b"GET /v2/ HTTP/1.1\nHost: x\n\n" + inner,
            "bare CR": b"GET /v2/ HTTP/1.1\rHost: x\r\r" + inner,
            "LF in the middle": b"GET /v2/ HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" + inner,
            "nul in target": b"GET /v2/\x00 HTTP/1.1\r\n" + HOST + b"\r\n" + inner,
            "nul in value": b"GET /v2/ HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n" + inner,
            "folded": b"GET /v2/ HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n" + inner,
            "closed": b"GET /v2/ HTTP/1.1\r\n" + HOST + close + b"\r\n" + inner,
            "closed by 1.0": b"GET /v2/ HTTP/1.0\r\n" + HOST + b"\r\n" + inner,
            "authority form": b"GET x:80 HTTP/1.1\r\n" + HOST + b"\r\n" + inner,
            "connect": b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n" + inner,
            "absolute form": b"GET http://y/v2/ HTTP/1.1\r\n" + HOST + close + b"\r\n" + inner,
            "two hosts": b"GET /v2/ HTTP/1.1\r\n" + HOST + b"Host: y\r\n\r\n" + inner,
            "no host": b"GET /v2/ HTTP/1.1\r\n\r\n" + inner,
            "body of GET": b"GET /v2/ HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(inner) + inner,
            "body of DELETE": (b"DELETE /v2/x/manifests/v1 HTTP/1.1\r\n" + HOST
                               + b"Content-Length: %d\r\n\r\n" % len(inner) + inner),
            "expectation": PUT + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner,
            "length of 1.0": (b"PUT /v2/x/manifests/v1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                              + inner)}.items():
        yield f"line {name}", text


def cases():
    """Names and bytes; the number of a case is in its inner request."""
    names = [(kind, name) for kind in (framings, chunks, lines) for name, _ in kind(b"")]
    return [(name, dict(kind(b"GET /v2/smuggled-%d/tags/list HTTP/1.1\r\n" % number + HOST + b"\r\n"))[name])
            for number, (kind, name) in enumerate(names)]


def smuggled(text):
    return {int(number) for number in re.findall(r"/v2/smuggled-(\d+)/tags/list", text)}


def exchange(connection, data):
    """Sends bytes and gives back what comes until the end, or until nothing more does."""
    received = b""
    connection.settimeout(0.25)
    try:
        connection.sendall(data)
        if not isinstance(connection, ssl.SSLSocket):
            connection.settimeout(10)
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            received += piece
    except OSError:
        pass
    finally:
        connection.close()
    return received


def access_log(server):
    """All that the server has logged; a last request shows that nothing is missing."""
    assert server.get("/v2/last/tags/list").status == 404
    daemon = server.daemon
    wait_until(lambda: "/v2/last/tags/list" in daemon.stderr(), "the access log")
    return daemon.stderr()


class Server:
    """A registry, and how it is spoken to."""

    def __init__(self, running, connect, get):
        self.daemon, self.connect, self.get = running.daemon, connect, get


@pytest.fixture(params=["plain", "tls"])
def server(request, servers, tmp_path):
    if request.param == "plain":
        running = servers.start()
        return Server(running, running.http.socket, running.http.get)
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue("server")
    running = servers.start("--tls-cert", certificate, "--tls-key", key)
    context = ssl.create_default_context(cafile=str(authority.certificate))

    def connect():
        return context.wrap_socket(running.http.socket(), server_hostname=running.host)

    def get(target):
        connection = HTTPSConnection(running.host, running.port, timeout=30, context=context)
        try:
            return running.http.request("GET", target, connection=connection)
        finally:
            connection.close()
    return Server(running, connect, get)


def test_no_request_is_smuggled(server):
    answers = []
    for number, (name, data) in enumerate(cases()):
        answer = exchange(server.connect(), data)
        # An interim 100 is no answer.
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer) if status != b"100"]
        answers.append((name, statuses))
    several = [(name, statuses) for name, statuses in answers if len(statuses) > 1]
    assert not several, "more than one answer to one request"
    taken = smuggled(access_log(server))
    names = [name for name, _ in cases()]
    assert not taken, [names[number] for number in taken]
    assert not [answer for answer in answers if any(status >= 500 and status not in (501, 505)
                                                    for status in answer[1])]
    # Most are refused; those that are fine requests with a body that nobody mistakes are not.
    refused = [name for name, statuses in answers if statuses and statuses[0] in (400, 501, 505)]
    assert len(refused) > len(answers) * 3 // 4, len(refused)
    fine = {name for name, statuses in answers if statuses and statuses[0] == 200}
    assert {"line closed", "line absolute form", "line body of GET"} <= fine, fine


@pytest.mark.nginx
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_nginx_both_see_the_same_requests(servers, tmp_path, scheme):
    """What nginx passes on is cut by the registry as nginx cut it, and each client gets its own answer
    although all share the connections between the two."""
    arguments = ()
    if scheme == "https":
        certificate, key = Authority(tmp_path / "authority").issue("server")
        arguments = ("--tls-cert", certificate, "--tls-key", key)
    registry = servers.start(*arguments)
    proxy = NginxProxy(tmp_path / "nginx", registry.address, scheme)
    try:
        http = Http(proxy.host, proxy.port)
        for number, (name, data) in enumerate(cases()):
            exchange(http.socket(), data)
            answer = http.get(f"/v2/victim-{number}/tags/list")
            assert answer.status == 404 and f"victim-{number}'" in answer.message(), (name, answer)
        assert http.get("/v2/last/tags/list").status == 404
        wait_until(lambda: "/v2/last/tags/list" in registry.daemon.stderr(), "the access log")
        by_nginx = {number for number in range(len(cases()))
                    if ("GET", f"/v2/smuggled-{number}/tags/list") in proxy.requests()}
        names = [name for name, _ in cases()]
        only_here = smuggled(registry.daemon.stderr()) - by_nginx
        assert not only_here, [names[number] for number in only_here]
    finally:
        proxy.stop()
