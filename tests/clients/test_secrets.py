"""No secret in any output: that the search finds what it has to, and a server that is told secrets in
every place of a request."""

import base64
import http.client
import json

import pytest

from http_client import Http, Response
from programs import PKGREG, run
from secret_watch import Leak, SecretWatch, watch

pytestmark = pytest.mark.protocol


def leaks(watch, text):
    watch.said("a test", text)
    return bool(watch.findings())


def test_a_secret_is_found_however_it_is_written():
    watch = SecretWatch()
    watch.register("pass/word \"1\" long", "a password")
    watch.register_login("alice", "correct horse")
    for text in ('it is pass/word "1" long', "?p=pass%2Fword%20%221%22%20long&x=1",
                 'p=pass%2Fword+%221%22+long', '{"p":"pass/word \\"1\\" long"}',
                 base64.b64encode(b'pass/word "1" long').decode(),
                 "Basic " + base64.b64encode(b"alice:correct horse").decode()):
        assert leaks(watch, text), text
    for text in ("", "password", "pass/word", "alice", base64.b64encode(b"alice:wrong").decode()):
        assert not leaks(watch, text), text


def test_what_is_shown_of_a_finding_is_not_the_secret():
    watch = SecretWatch()
    watch.register("correct horse")
    watch.said("a log", "the password correct horse was wrong")
    with pytest.raises(Leak) as leak:
        watch.check()
    assert "a log" in str(leak.value) and "correct horse" not in str(leak.value)
    watch.check()  # what was told once is not told again


def test_files_are_searched_as_they_grow(tmp_path):
    watch = SecretWatch()
    watch.register("correct horse")
    file = tmp_path / "log"
    watch.watch_file(file)
    assert not watch.findings()
    file.write_text("fine\nthe correct ")
    assert not watch.findings()
    with file.open("a") as log:
        log.write("horse\n")
    assert len(watch.findings()) == 1
    assert not watch.findings()
    file.write_text("correct horse\n")  # moved away and begun anew
    assert len(watch.findings()) == 1


def test_private_keys_are_searched_line_by_line(tmp_path):
    watch = SecretWatch()
    key = tmp_path / "a.key"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    watch.register_key(key)
    assert leaks(watch, key.read_text().splitlines()[2])
    assert not leaks(watch, "-----BEGIN PRIVATE KEY-----")


def test_a_secret_that_is_too_short_is_refused():
    with pytest.raises(ValueError):
        SecretWatch().register("abc")


def test_secrets_of_exchanges_are_registered_by_themselves():
    watch = SecretWatch()

    def answer(status, body=b"", **fields):
        message = http.client.HTTPMessage()
        for name, value in fields.items():
            message[name] = value
        return Response(status, message, body)

    watch.exchanged("GET", "/", {"authorization": "Bearer abcdefghijklmn.op"}, answer(200))
    watch.exchanged("GET", "/token", {}, answer(200, b'{"token":"tokentokentoken"}'))
    watch.exchanged("GET", "/", {}, answer(307, Location="http://s3/x?X-Amz-Signature=0123456789abcdef&y=1"))
    for text in ("abcdefghijklmn.op", "tokentokentoken", "0123456789abcdef"):
        assert leaks(watch, text), text
    watch.exchanged("GET", "/", {}, answer(401, b"you said tokentokentoken"))
    assert len(watch.findings()) == 1


SECRET = "s3cr3t-Fk29xQ"

BASIC = base64.b64encode(f"alice:{SECRET}".encode()).decode()
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9." + SECRET


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("target", [
    "/v2/", "/v2/team/app/manifests/v1", "/v2/team/app/blobs/uploads/", "/v2/UPPER/tags/list", "/none",
    "/repo", "/api/v1/packages", f"/v2/_catalog?token={SECRET}", f"/v2/_catalog?X-Amz-Signature={SECRET}",
    f"/v2/_catalog?password={SECRET}&n=1", f"/token?password={SECRET}", f"/v2/_catalog?n=x&secret={SECRET}"])
def test_a_server_repeats_no_credentials(servers_with_logs, method, target):
    """In every place of a request where one can stand; logs and errors are searched afterwards."""
    watch.register_login("alice", SECRET)
    watch.register(TOKEN, "a token")
    server = servers_with_logs
    for authorization in (f"Basic {BASIC}", f"Bearer {TOKEN}", f"token={TOKEN}", f"basic  {BASIC}",
                          f"Digest {TOKEN}", TOKEN, f"Basic {TOKEN}", f"Bearer {BASIC} x"):
        answer = server.http.request(method, target, headers={"Authorization": authorization,
                                                              "Cookie": f"session={TOKEN}"})
        assert answer.status < 500, answer
        text = json.dumps([dict(answer.headers), answer.body.decode("utf-8", "replace")])
        # In a path parameter it is the client's own; an answer need not repeat it either.
        assert SECRET not in text and BASIC not in text, text


@pytest.fixture(scope="module")
def servers_with_logs(tmp_path_factory):
    from registry_server import RegistryServer
    folder = tmp_path_factory.mktemp("logs")
    server = RegistryServer(folder, "memory:", ("--log-level", "debug"))
    yield server
    server.finish()
