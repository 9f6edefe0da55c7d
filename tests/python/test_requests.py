"""Requests without a socket: as a client would send them, answered as a server would."""

import io
import json
import urllib.request

import pytest

import pkgreg
from content import OCI_MANIFEST, UNKNOWN, digest_of, push_image

LARGE = bytes(range(256)) * 12000


def test_a_manifest_is_answered(registry, app):
    manifest = push_image(app, "v1")
    response = registry.handle("GET", "/v2/team/app/manifests/v1")
    assert response.status == 200 and response.content_length == len(manifest)
    assert response.headers["content-type"] == response.headers["Content-Type"] == OCI_MANIFEST
    assert response.headers["Docker-Content-Digest"] == digest_of(manifest)
    assert response.read(10) + response.read() == manifest and response.read() == b""
    assert registry.handle("GET", "/v2/team/app/manifests/v1").body == manifest
    assert "200" in repr(response)


def test_head_has_no_body(registry, app):
    manifest = push_image(app, "v1")
    response = registry.handle("HEAD", "/v2/team/app/manifests/v1")
    assert (response.status, response.content_length, response.read()) == (200, len(manifest), b"")


def test_headers_are_a_mapping(registry, app):
    push_image(app, "v1")
    headers = registry.handle("GET", "/v2/team/app/manifests/v1").headers
    assert headers.get("No-Such-Field") is None and "ETag" in headers
    with pytest.raises(KeyError):
        headers["No-Such-Field"]
    assert dict(headers) == dict(headers.pairs) and len(headers) == len(headers.pairs)


def test_what_is_wrong_is_a_response(registry):
    response = registry.handle("GET", "/v2/team/app/manifests/v1")
    assert response.status == 404
    assert json.loads(response.body)["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert registry.handle("BREW", "/v2/").status == 405
    assert registry.handle("GET", "nonsense").status == 400


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
def test_a_body_goes_in(any_registry, wrap):
    response = any_registry.handle("POST", f"/v2/app/blobs/uploads/?digest={digest_of(LARGE)}",
                                   body=wrap(LARGE))
    assert response.status == 201, response.body
    assert any_registry.repository("app").read_blob(digest_of(LARGE)) == LARGE


def test_fields_go_in(registry, app):
    app.push_blob(LARGE)
    target = f"/v2/team/app/blobs/{digest_of(LARGE)}"
    response = registry.handle("GET", target, {"Range": "bytes=1000-1999"}, client="a test")
    assert response.status == 206 and response.body == LARGE[1000:2000]
    pairs = [("Accept", "text/plain"), ("range", "bytes=-5")]
    assert registry.handle("GET", target, pairs).body == LARGE[-5:]
    many = {f"X-Field-{number}": "ü" for number in range(60)}
    assert registry.handle("GET", target, many).status == 200
    # The next request has none of it.
    assert registry.handle("GET", target).status == 200
    empty = registry.handle("PUT", "/v2/team/app/manifests/v1", body=b"")
    assert empty.status == 400


def test_a_large_body_is_read_as_it_is_asked_for(any_registry):
    app = any_registry.repository("app")
    app.push_blob(LARGE)
    target = f"/v2/app/blobs/{digest_of(LARGE)}"
    with any_registry.handle("GET", target) as response:
        room = bytearray(1000)
        assert response.readinto(room) == 1000 and room == LARGE[:1000]
        assert response.read(0) == b""
        assert response.read(500) == LARGE[1000:1500]
        assert response.read(len(LARGE) - 1600) == LARGE[1500:-100]
        assert response.read(1 << 40) == LARGE[-100:] and response.read() == b""
    response = any_registry.handle("GET", target)
    assert response.body == LARGE and response.body == LARGE and response.read() == LARGE
    with any_registry.handle("GET", target) as response:
        response.read(10)
    with pytest.raises(ValueError):
        response.read(10)
    with pytest.raises(TypeError):
        any_registry.handle("GET", target).readinto(b"read-only")
    small = any_registry.handle("GET", "/v2/")
    room = bytearray(100)
    assert room[:small.readinto(room)] == any_registry.handle("GET", "/v2/").body


def test_a_response_keeps_its_registry(tmp_path):
    def ask():
        registry = pkgreg.Registry(tmp_path / "storage")
        registry.repository("app").push_blob(LARGE)
        return registry.handle("GET", f"/v2/app/blobs/{digest_of(LARGE)}")

    response = ask()
    with pytest.warns(ResourceWarning):
        assert response.read() == LARGE
        del response


def test_what_reading_a_body_raises_comes_out(registry):
    class Failing:
        def __init__(self):
            self.left = 3

        def read(self, size):
            self.left -= 1
            if not self.left:
                raise LookupError("mine")
            return b"x" * 10

    for _ in range(3):
        with pytest.raises(LookupError, match="mine"):
            registry.handle("POST", f"/v2/a/blobs/uploads/?digest={UNKNOWN}", body=Failing())
    assert registry.handle("GET", "/v2/").status == 200
    for wrong in (5, "text"):
        with pytest.raises(TypeError):
            registry.handle("POST", "/v2/a/blobs/uploads/", body=wrong)
    with pytest.raises(AttributeError):
        registry.handle("GET", None)


def test_a_request_inside_a_request_is_its_own(registry, app):
    manifest = push_image(app, "v1")

    class Asking:
        answers = []

        def read(self, size):
            if self.answers:
                return b""
            self.answers.append(registry.handle("GET", "/v2/team/app/manifests/v1").body)
            return b"content"

    response = registry.handle("POST", f"/v2/a/blobs/uploads/?digest={digest_of(b'content')}",
                               body=Asking())
    assert response.status == 201 and Asking.answers == [manifest]


def test_a_server_answers_the_same(registry, app):
    manifest = push_image(app, "v1")
    with registry.serve() as server:
        with urllib.request.urlopen(f"{server.url}/v2/team/app/manifests/v1") as answer:
            assert answer.read() == manifest


@pytest.fixture
def guarded(tmp_path):
    """Opened with a policy: `alice` and the group `ops` push to team/, everybody pulls there."""
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"rules": [
        {"who": ["embedder:alice", "group:ops"], "repositories": ["team/**"],
         "actions": ["pull", "push"]},
        {"who": ["everyone"], "repositories": ["team/**"], "actions": ["pull"]}]}))
    options = {"pkgreg": {"access": {"policy": str(policy)}}}
    with pkgreg.Registry("memory:", options) as opened:
        yield opened


def test_a_policy_decides_by_the_identity(guarded):
    def status(repository, **who):
        return guarded.handle("POST", f"/v2/{repository}/blobs/uploads/", **who).status

    assert status("team/app", identity="alice") == 202
    assert status("team/app", identity="bob", groups=["dev", "ops"]) == 202
    assert status("team/app", identity="bob") == 403
    assert status("other/app", identity="alice") == 403
    assert status("team/app", identity="") in (401, 403)
    assert status("team/app") in (401, 403), "the last call's identity is gone"
    assert guarded.handle("GET", "/v2/team/app/tags/list", identity="bob").status == 404
    with pytest.raises(pkgreg.PkgregError, match="groups"):
        status("team/app", groups=["ops"])


def test_direct_calls_are_not_asked(guarded):
    repository = guarded.repository("other/app")
    assert repository.read_blob(repository.push_blob(b"content")) == b"content"
