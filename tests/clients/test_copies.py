"""Copies between this library and registries with access control: the program's own server, by
passwords and by its tokens, and Debian's docker-registry with a password file."""

import json
import os
import random
import socket
import sys

import pytest

import secret_watch
from password_file import write_htpasswd
from programs import BUILD, ROOT, Daemon, find_program, skip_if_instrumented, wait_until

os.environ.setdefault("PKGREG_LIBRARY", str(BUILD / "release" / "capi" / "libpkgreg.so.1"))
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import pkgreg  # noqa: E402

pytestmark = pytest.mark.protocol

USERS = {"writer": "writer-password-7hTs2", "reader": "reader-password-9kWq4"}
WRONG = "wrong-password-3nLx8"
POLICY = {"rules": [
    {"who": ["writer", "reader"], "repositories": ["team/**"], "actions": ["pull"]},
    {"who": ["writer"], "repositories": ["team/**"], "actions": ["pull", "push"]},
    {"who": ["anonymous"], "repositories": ["team/public"], "actions": ["pull"]}]}
LAYERS = [random.Random(number).randbytes(1 << 20) for number in range(6)]
METHODS = ("basic", "endpoint")


def credentials(name, password=None):
    return {"username": name, "password": password or USERS[name]}


@pytest.fixture
def guarded(servers, tmp_path):
    """Starts servers with passwords, or with tokens for them, and that policy."""
    users, policy = tmp_path / "htpasswd", tmp_path / "policy.json"
    write_htpasswd(users, USERS)
    secret_watch.register(WRONG)
    policy.write_text(json.dumps(POLICY))

    def start(method, **more):
        tokens = ("--token-endpoint",) if method == "endpoint" else ()
        return servers.start("--htpasswd", users, "--access-policy", policy, *tokens, **more)
    return start


@pytest.fixture
def local():
    with pkgreg.Registry("memory:") as registry:
        yield registry


@pytest.fixture
def image(local):
    """The image mine:v1 with several layers; its digest."""
    mine = local.repository("mine")
    blobs = [mine.push_blob(content) for content in (b"{}", *LAYERS)]
    sizes = [2, *map(len, LAYERS)]
    parts = [{"mediaType": "application/octet-stream", "digest": digest, "size": size}
             for digest, size in zip(blobs, sizes)]
    return mine.put_manifest({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": parts[0], "layers": parts[1:]}, "v1")


def copied_back(source, progress=None, **options):
    """Pulls an image into an empty registry; its digest, once all layers are as they were."""
    with pkgreg.Registry("memory:") as empty:
        back = empty.repository("back")
        empty.on_progress(progress)
        digest = back.pull(source, "v1", **options)
        for part, content in zip(json.loads(back.manifest("v1").data)["layers"], LAYERS):
            assert back.read_blob(part["digest"]) == content
        return digest


@pytest.mark.parametrize("method", METHODS)
def test_who_may_copies(guarded, local, image, method):
    server = guarded(method)
    address = f"http://{server.address}/team/app:v1"
    local.repository("mine").push(address, "v1", **credentials("writer"))
    local.repository("mine").push(address, "v1", **credentials("writer"))  # all of it is there
    assert copied_back(address, **credentials("reader")) == image


@pytest.mark.parametrize("method", METHODS)
def test_who_may_not_is_told_and_leaves_nothing(guarded, local, image, method):
    server = guarded(method)
    mine, address = local.repository("mine"), f"http://{server.address}/team/app:v1"
    for name, password in (("writer", WRONG), ("nobody", WRONG)):
        with pytest.raises(pkgreg.UnauthorizedError, match="does not accept|a token from") as told:
            mine.push(address, "v1", **credentials(name, password))
        assert WRONG not in str(told.value)
    with pytest.raises(pkgreg.UnauthorizedError, match="'username' and 'password'"):
        mine.push(address, "v1")
    with pytest.raises(pkgreg.DeniedError, match="may not.*team/app.*ask whoever runs"):
        mine.push(address, "v1", **credentials("reader"))
    with pytest.raises(pkgreg.DeniedError):
        mine.push(f"http://{server.address}/elsewhere:v1", "v1", **credentials("writer"))
    mine.push(address, "v1", **credentials("writer"))
    with pytest.raises(pkgreg.UnauthorizedError):
        mine.pull(address, "stolen", **credentials("reader", WRONG))
    with pytest.raises(pkgreg.UnauthorizedError, match="'username' and 'password'"):
        mine.pull(address, "stolen")
    assert list(mine.tags()) == ["v1"]


@pytest.mark.parametrize("method", METHODS)
def test_strangers_copy_what_everybody_may_pull(guarded, local, image, method):
    server = guarded(method)
    address = f"http://{server.address}/team/public:v1"
    local.repository("mine").push(address, "v1", **credentials("writer"))
    assert copied_back(address) == image


def tokens_given(server):
    return server.daemon.stderr().count('"GET /token?')


def test_a_token_that_ends_in_the_middle_of_a_copy_is_renewed(faked_clock, guarded, local, image):
    skip_if_instrumented()
    server = guarded("endpoint", env=faked_clock.environment())
    address = f"http://{server.address}/team/app:v1"
    blobs, hours = set(), 0

    def expire(progress):
        """When a copy comes to another blob, all tokens that were given so far are too old."""
        nonlocal hours
        if progress.subject.startswith("sha256:") and progress.subject not in blobs:
            blobs.add(progress.subject)
            hours += 1
            faked_clock.set(3600 * hours)

    local.on_progress(expire)
    for copy in (lambda: local.repository("mine").push(address, "v1", **credentials("writer")),
                 lambda: copied_back(address, expire, **credentials("writer"))):
        blobs.clear()
        hours_before, tokens_before = hours, tokens_given(server)
        copy()
        assert hours - hours_before == 1 + len(LAYERS)
        wait_until(lambda: tokens_given(server) - tokens_before >= hours - hours_before,
                   "a token for each blob")


@pytest.fixture
def docker_registry(tmp_path):
    """The address of Debian's docker-registry, with the users' passwords."""
    program = find_program("docker-registry")
    if program is None:
        missing = "docker-registry is not installed (cmake/packages.sh test installs it)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    users = tmp_path / "htpasswd"
    write_htpasswd(users, USERS)
    secret_watch.register(WRONG)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/root\n"
                      f"http:\n  addr: {address}\n"
                      f"auth:\n  htpasswd:\n    realm: test\n    path: {users}\n")
    daemon = Daemon([program, "serve", config], tmp_path, "docker-registry")
    daemon.wait_until(lambda: "listening on" in daemon.stderr() + daemon.stdout(), "it listens")
    yield address
    daemon.terminate()


def test_docker_registry_with_passwords(docker_registry, local, image):
    mine, address = local.repository("mine"), f"http://{docker_registry}/team/app:v1"
    with pytest.raises(pkgreg.UnauthorizedError) as told:
        mine.push(address, "v1", **credentials("writer", WRONG))
    assert WRONG not in str(told.value)
    with pytest.raises(pkgreg.UnauthorizedError, match="'username' and 'password'"):
        mine.push(address, "v1")
    mine.push(address, "v1", **credentials("writer"))
    assert copied_back(address, **credentials("reader")) == image
    with pytest.raises(pkgreg.UnauthorizedError):
        mine.pull(address, **credentials("reader", WRONG))
