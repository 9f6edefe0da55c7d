"""Copies of images from and to other registries: one of our own, and Debian's docker-registry."""

import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

import pkgreg
from content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, push_image

LAYER = os.urandom(3 << 20)


@pytest.fixture
def remote(pkgreg_registry):
    """A registry with the image team/app:v1, and an index of it, `all`."""
    app = pkgreg_registry.repository("team/app")
    manifest = push_image(app, "v1", LAYER)
    platform = {"os": "linux", "architecture": "amd64"}
    app.put_manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        descriptor(manifest, OCI_MANIFEST, platform=platform)]}, "all")
    return pkgreg_registry


def test_an_image_is_pulled(any_registry, remote):
    mirror, app = any_registry.repository("mirror/app"), remote.repository("team/app")
    assert mirror.pull(f"http://{remote.host}/team/app:v1", "v1") == app.manifest("v1").digest
    assert mirror.manifest("v1") == app.manifest("v1")
    assert mirror.read_blob(digest_of(LAYER)) == LAYER
    index = mirror.pull(f"{remote.url}/team/app:all")
    assert mirror.manifest(index) == app.manifest("all")
    assert mirror.pull(f"{remote.url}/team/app:all", "one", platforms=["linux/amd64"]) == (
        app.manifest("v1").digest)


def test_an_image_is_pushed(any_registry, remote):
    mine = any_registry.repository("mine")
    manifest = push_image(mine, "v1", LAYER)
    mine.push(f"{remote.url}/team/new:v2", "v1")
    assert remote.repository("team/new").manifest("v2").data == manifest
    mine.push(f"{remote.url}/team/new", digest_of(manifest))
    assert list(remote.repository("team/new").tags()) == ["latest", "v2"]


def test_what_is_wrong_is_told(registry, remote):
    mine = registry.repository("mine")
    with pytest.raises(pkgreg.ManifestUnknownError, match=f"{remote.host}/team/app"):
        mine.pull(f"{remote.url}/team/app:v9")
    with pytest.raises(pkgreg.ManifestUnknownError):
        mine.push(f"{remote.url}/team/app:v9", "nothing")
    with pytest.raises(pkgreg.ManifestUnknownError, match="windows/amd64"):
        mine.pull(f"{remote.url}/team/app:all", platforms=["windows/amd64"])
    for wrong in ({"platforms": ["nonsense"]}, {"ca": "/nowhere.pem"}):
        with pytest.raises(pkgreg.InvalidArgumentError):
            mine.pull(f"{remote.url}/team/app:v1", **wrong)
    with pytest.raises(TypeError):
        mine.pull(f"{remote.url}/team/app:v1", platforms="linux/amd64")
    with pytest.raises(pkgreg.InvalidOptionsError):
        mine.pull(f"{remote.url}/team/app:v1", username=5)
    with pytest.raises(pkgreg.InvalidArgumentError):
        mine.pull("Not An Image")


def test_progress_is_told_and_can_stop(registry, remote):
    mine, told = registry.repository("mine"), []
    registry.on_progress(told.append)
    mine.pull(f"{remote.url}/team/app:v1")
    assert told[-1] == pkgreg.Progress("pull", digest_of(LAYER), len(LAYER), len(LAYER))
    registry.on_progress(lambda progress: False)
    with pytest.raises(pkgreg.CancelledError):
        mine.pull(f"{remote.url}/team/app:v1")

    def interrupt(progress):
        raise KeyboardInterrupt

    registry.on_progress(interrupt)
    with pytest.raises(KeyboardInterrupt):
        mine.push(f"{remote.url}/team/new", "latest")


def test_a_progress_function_cannot_wait_for_the_library(registry, remote):
    registry.on_progress(lambda progress: registry.close())
    with pytest.raises(pkgreg.WouldDeadlockError):
        registry.repository("mine").pull(f"{remote.url}/team/app:v1")
    assert not registry.closed
    refused = []

    def replace(progress):
        try:
            registry.on_progress(None)
        except pkgreg.WouldDeadlockError as error:
            refused.append(error)

    registry.on_progress(replace)
    registry.repository("mine").pull(f"{remote.url}/team/app:v1")
    assert refused


def test_closing_ends_a_copy_that_waits(registry):
    ended = []

    def pull(image):
        with pytest.raises(pkgreg.ClosedError):
            registry.repository("a").pull(image)
        ended.append(True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        image = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        puller = threading.Thread(target=pull, args=(image,))
        puller.start()
        connection, _ = listener.accept()
        with connection:
            registry.close()
            puller.join(20)
    assert ended


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The files of a certificate for the loopback, which signed itself, and of its key."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-days", "1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_over_tls_the_authority_can_be_named(registry, certificate):
    cert, key = certificate
    options = {"pkgreg": {"listen": ["127.0.0.1:0"], "tls-cert": str(cert), "tls-key": str(key)}}
    with pkgreg.Registry("memory:", options) as other, other.serve(None) as server:
        manifest = push_image(other.repository("team/app"), "v1", LAYER)
        host = server.url.partition("https://")[2]
        assert host
        mine = registry.repository("mine")
        with pytest.raises(pkgreg.UnavailableError, match="'ca' names a PEM file"):
            mine.pull(f"{host}/team/app:v1")
        assert mine.pull(f"{host}/team/app:v1", "v1", ca=cert) == digest_of(manifest)
        mine.push(f"https://{host}/team/new:v1", "v1", ca=str(cert))
        assert other.repository("team/new").read_blob(digest_of(LAYER)) == LAYER


def test_who_speaks_no_tls_is_told_how_to_be_asked(registry, remote):
    with pytest.raises(pkgreg.UnavailableError, match="http:// in front"):
        registry.repository("mine").pull(f"{remote.host}/team/app:v1")


@pytest.fixture
def docker_registry(tmp_path):
    """The URL of Debian's docker-registry on an empty directory."""
    program = shutil.which("docker-registry")
    if program is None:
        missing = "docker-registry is not installed (cmake/packages.sh test installs it)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/root\n"
                      f"http:\n  addr: {address}\n")
    with open(tmp_path / "log", "wb") as log, subprocess.Popen(
            [program, "serve", config], stdout=log, stderr=log) as process:
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://{address}/v2/").close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://{address}"
        finally:
            process.terminate()


def test_another_registry_takes_and_gives_an_image(any_registry, docker_registry):
    mine = any_registry.repository("mine")
    manifest = push_image(mine, "v1", LAYER)
    mine.push(f"{docker_registry}/team/app:v1", "v1")
    mine.push(f"{docker_registry}/team/app:v2", "v1")  # all of it is there now
    back = any_registry.repository("back")
    mine.delete()
    assert back.pull(f"{docker_registry}/team/app:v2", "v2") == digest_of(manifest)
    assert back.manifest("v2").data == manifest and back.read_blob(digest_of(LAYER)) == LAYER
