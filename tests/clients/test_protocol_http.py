"""HTTP/1.1 as the server speaks it, good input and bad: the right status, and the server goes on."""

import json
import socket
import time

import pytest

from http_client import OCI_MANIFEST, Repository, digest_of, status_of, with_query

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3")]

TOP = "GET /v2/ HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(autouse=True)
def goes_on(shared_registry):
    """After every test the server still answers."""
    yield
    assert shared_registry.http.get("/v2/").status == 200


@pytest.fixture
def http(shared_registry):
    return shared_registry.http


def raw(http, text):
    return http.raw(text if isinstance(text, bytes) else text.encode())


def read_response(connection):
    """One response with a Content-Length from a socket: its head and its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        assert data, received
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.partition(b":")[2]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    assert len(body) == length, "more came than the response announced"
    return head, body


# What every answer has.


def test_the_base_says_that_this_is_a_registry(http):
    answer = http.get("/v2/")
    assert answer.status == 200
    assert answer.header("Docker-Distribution-API-Version") == "registry/2.0"
    assert answer.header("Date")


def test_errors_have_the_form_of_the_specification(http):
    for target in ("/v2/x/blobs/sha256:x", "/v2/x/tags/list", "/v2/x/nothing"):
        answer = http.get(target)
        assert 400 <= answer.status < 500
        assert answer.header("Docker-Distribution-API-Version") == "registry/2.0"
        for error in answer.json()["errors"]:
            assert error["code"].replace("_", "").isalpha() and error["code"].isupper()
            assert error["message"]


@pytest.mark.parametrize("method, target", [
    ("PUT", "/v2/"), ("POST", "/v2/a/tags/list"), ("PATCH", "/v2/a/manifests/v1"),
    ("PUT", "/v2/a/blobs/" + digest_of(b"")), ("DELETE", "/v2/_catalog"), ("TRACE", "/v2/"),
    ("POST", "/v2/a/referrers/" + digest_of(b"")), ("BREW", "/v2/a/manifests/v1")])
def test_a_method_that_a_path_does_not_take_is_405(http, method, target):
    answer = http.request(method, target)
    assert answer.status == 405
    assert "GET" in answer.header("Allow")
    assert answer.codes() == ["UNSUPPORTED"]


# Connections.


def test_a_connection_is_kept(http):
    connection = http.connect()
    for _ in range(3):
        assert http.request("GET", "/v2/", connection=connection).status == 200
        used = connection.sock.getsockname()
        assert http.request("GET", "/v2/x/tags/list", connection=connection).status == 404
        assert connection.sock.getsockname() == used, "the connection was closed after an error"
    connection.close()


def test_requests_in_a_pipeline_are_answered_in_order(http, repository):
    repository.push_image("v1")
    targets = ["/v2/", repository.manifest("v1"), f"{repository.base}/tags/list", "/v2/"]
    with http.socket() as connection:
        connection.sendall("".join(
            f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets).encode())
        bodies = []
        received = b""
        while len(bodies) < len(targets):
            head, separator, rest = received.partition(b"\r\n\r\n")
            if separator:
                length = next(int(line.partition(b":")[2]) for line in head.split(b"\r\n")
                              if line.lower().startswith(b"content-length:"))
                if len(rest) >= length:
                    bodies.append(rest[:length])
                    received = rest[length:]
                    continue
            data = connection.recv(65536)
            assert data, received
            received += data
    assert bodies == [http.get(target).body for target in targets]


def test_connection_close_is_honoured(http):
    answer = raw(http, TOP + "Connection: close\r\n\r\n" + TOP + "\r\n")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"connection: close" in answer.lower()


def test_http_1_0_closes_unless_asked_to_keep(http):
    with http.socket() as connection:
        connection.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
        head, _ = read_response(connection)
        assert status_of(head) == 200
        assert connection.recv(1) == b""


def test_a_request_in_small_pieces(http):
    with http.socket() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (TOP + "\r\n").encode():
            connection.sendall(bytes([byte]))
        assert status_of(read_response(connection)[0]) == 200


def test_many_connections_at_once(http):
    connections = [http.socket() for _ in range(300)]
    for connection in connections:
        connection.sendall((TOP + "\r\n").encode())
    for connection in connections:
        assert status_of(read_response(connection)[0]) == 200
        connection.close()


def test_an_absolute_target_is_understood(http):
    answer = raw(http, "GET http://registry.test/v2/ HTTP/1.1\r\nHost: registry.test\r\n"
                       "Connection: close\r\n\r\n")
    assert status_of(answer) == 200


def test_ipv6(servers):
    server = servers.start(listen="[::1]:0")
    assert server.address.startswith("[::1]:")
    body = Repository(server.http, "six").push_image("v1")
    assert Repository(server.http, "six").get_manifest("v1").body == body


# Slow clients.


def test_slow_and_silent_clients_are_cut_off(servers, tmp_path):
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"pkgreg": {
        "header-timeout-seconds": 1, "stall-timeout-seconds": 1, "idle-timeout-seconds": 1}}))
    server = servers.start("--options", options)
    location = Repository(server.http, "slow").locate(Repository(server.http, "slow").begin())
    openings = {
        "idle": b"",
        "headers": b"GET /v2/ HTTP/1.1\r\nHost:",
        "body": f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx".encode()}
    connections = {}
    for name, opening in openings.items():
        connections[name] = server.http.socket()
        connections[name].sendall(opening)
    started = time.monotonic()
    for name, connection in connections.items():
        connection.settimeout(10)
        received = b""
        try:
            while data := connection.recv(4096):
                received += data
        except ConnectionResetError:
            pass
        assert time.monotonic() - started < 8, f"{name} was not cut off"
        assert received == b"" or status_of(received) == 408, (name, received)
        connection.close()
    assert server.http.get("/v2/").status == 200


def test_a_limit_on_connections_holds_and_ends(servers, tmp_path):
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"pkgreg": {"max-connections": 4}}))
    server = servers.start("--options", options)
    first = [server.http.socket() for _ in range(4)]
    for connection in first:
        connection.sendall((TOP + "\r\n").encode())
        assert status_of(read_response(connection)[0]) == 200
    late = server.http.socket()
    late.sendall((TOP + "\r\n").encode())
    late.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.recv(1)
    first[0].close()
    late.settimeout(10)
    assert status_of(read_response(late)[0]) == 200
    for connection in (*first, late):
        connection.close()


# Names that lead elsewhere.


@pytest.mark.parametrize("path", [
    "/v2/../../../etc/passwd/manifests/v1", "/v2/a/../b/manifests/v1", "/v2/./a/tags/list",
    "/v2/%2e%2e/%2e%2e/etc/tags/list", "/v2/..%2f..%2fetc/tags/list", "/v2/a//b/tags/list",
    "/v2/a%00b/tags/list", "/v2/a\\b/tags/list", "/v2/_uploads/tags/list", "/v2/.hidden/tags/list",
    "/v2/UPPER/tags/list", "/v2/a%20b/tags/list", "/v2/%c3%a9/tags/list", "/v2/-a/tags/list",
    "/v2/a-/tags/list", "/v2/a___b/tags/list", "/v2/a..b/tags/list", "/v2/" + "x" * 256 + "/tags/list",
    "/v2/a+b/tags/list", "/v2/a:b/tags/list"])
def test_what_is_no_name_is_refused(http, path):
    for method, target in (("GET", path), ("PUT", path.replace("tags/list", "manifests/v1")),
                           ("POST", path.replace("tags/list", "blobs/uploads/"))):
        answer = raw(http, f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                           "Connection: close\r\n\r\n")
        assert status_of(answer) in (400, 404, 405), answer
        assert b"root:" not in answer
        if method != "GET":
            assert b"NAME_INVALID" in answer or b"UNSUPPORTED" in answer or b"NAME_UNKNOWN" in answer


def test_an_invalid_name_has_its_code(http):
    answer = http.get("/v2/UPPER/tags/list")
    assert answer.status == 400
    assert answer.codes() == ["NAME_INVALID"]


@pytest.mark.parametrize("target", ["/v2/%", "/v2/%zz/tags/list", "/v2/a/tags/list?n=%",
                                    "/v2/a%2"])
def test_broken_percent_encoding_is_refused(http, target):
    assert 400 <= http.get(target).status < 500


# Requests that break the grammar.


@pytest.mark.parametrize("text", [
    "NONSENSE\r\n\r\n", "GET\r\n\r\n", "GET /v2/\r\n\r\n", "GET /v2/ HTTP/9.9\r\n\r\n",
    "GET /v2/ HTTP/1.1 extra\r\n\r\n", "G\x00T /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /v2/ HTTP/1.1\r\n\r\n",  # no Host
    "GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    TOP + "No colon here\r\n\r\n", TOP + "Bad name: x\r\n\r\n", TOP + "X : y\r\n\r\n",
    TOP + "X: a\r\n folded\r\n\r\n", TOP + "X: a\x00b\r\n\r\n", TOP + ": x\r\n\r\n",
    TOP + "Content-Length: x\r\n\r\n", TOP + "Content-Length: -1\r\n\r\n",
    TOP + "Content-Length: 1, 2\r\n\r\n", TOP + "Content-Length: +5\r\n\r\n",
    TOP + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    TOP + "Content-Length: 99999999999999999999999\r\n\r\n",
    TOP + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    TOP + "Transfer-Encoding: gzip\r\n\r\n",
    TOP + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    TOP + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
], ids=repr)
def test_a_malformed_request_is_refused_and_the_connection_closed(http, text):
    answer = http.raw(text.encode("latin-1"))
    assert status_of(answer) in (400, 501, 505), answer
    assert answer.count(b"\r\nContent-Length: ") == 1, "one answer, and then the end"


@pytest.mark.parametrize("chunks", [
    b"x\r\n", b"-1\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\nabc\n0\n\n",
    b"ffffffffffffffffff\r\nabc", b"3\r\nabc0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"\r\n", b" 3\r\nabc\r\n",
    b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 100_000,
    b"3\r\nabc\r\n"], ids=lambda chunks: f"{chunks[:16]!r}")
def test_malformed_chunking_is_refused_and_stores_nothing(repository, chunks):
    digest = digest_of(b"abc")
    location = repository.locate(repository.begin())
    answer = repository.http.raw(
        f"PUT {with_query(location, digest=digest)} HTTP/1.1\r\nHost: x\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)
    assert answer == b"" or status_of(answer) in (400, 431), answer
    assert repository.get_blob(digest).status == 404


def test_good_chunking_with_extensions_and_trailers_is_accepted(repository):
    location = with_query(repository.locate(repository.begin()), digest=digest_of(b"abcdef"))
    answer = repository.http.raw(
        f"PUT {location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "3;name=value\r\nabc\r\n003\r\ndef\r\n0\r\nTrailer: x\r\n\r\n".encode())
    assert status_of(answer) == 201, answer


@pytest.mark.parametrize("fields", [
    "X-Big: " + "x" * 100_000 + "\r\n", "X-Many: y\r\n" * 2000, "X" * 70_000 + ": y\r\n"],
    ids=["one large", "many", "a long name"])
def test_huge_headers_are_431(http, fields):
    assert status_of(raw(http, TOP + fields + "\r\n")) == 431


def test_a_huge_target_is_refused(http):
    assert status_of(raw(http, f"GET /v2/{'x' * 100_000} HTTP/1.1\r\nHost: x\r\n\r\n")) in (414, 431)


def test_endless_garbage_is_cut_off(http):
    answer = http.raw(b"\xff" * 2_000_000)
    assert answer == b"" or 400 <= status_of(answer) < 500


def test_a_manifest_whose_body_is_cut_off_is_not_stored(repository):
    body = repository.push_image()
    repository.http.raw(f"PUT {repository.manifest('cut')} HTTP/1.1\r\nHost: x\r\n"
                        f"Content-Type: {OCI_MANIFEST}\r\nContent-Length: {len(body) + 10}\r\n\r\n"
                        .encode() + body)
    assert repository.get_manifest("cut").status == 404


def test_a_client_that_leaves_in_the_middle_of_a_pull(repository):
    digest = repository.push_blob(bytes(8 << 20))
    for _ in range(20):
        with repository.http.socket() as connection:
            connection.sendall(f"GET {repository.blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.recv(1000)
    assert len(repository.get_blob(digest).body) == 8 << 20


def test_a_body_that_is_not_read_does_not_spoil_the_connection(http):
    """A refused push: what was sent of its body is never taken for the next request."""
    smuggled = (TOP + "\r\n").encode()
    with http.socket() as connection:
        connection.sendall(b"PUT /v2/UPPER/manifests/v1 HTTP/1.1\r\nHost: x\r\n"
                           + f"Content-Length: {len(smuggled)}\r\n\r\n".encode() + smuggled)
        head, _ = read_response(connection)
        assert status_of(head) == 400
        connection.settimeout(1)
        try:
            assert connection.recv(4096) == b"", "a second response to one request"
        except TimeoutError:
            pass  # the connection was kept, and nothing more was said on it
