"""A real dockerd: build, push, forget, pull; the same image, by every digest that docker shows."""

import json
import shutil
import subprocess

import pytest

from container_tools import Docker
from http_client import DOCKER_LIST, DOCKER_MANIFEST, Repository
from images import docker_archive, large_image

pytestmark = pytest.mark.docker

DOCKERFILE = """
FROM scratch
COPY ldconfig /sbin/ldconfig
COPY files /opt/files
RUN ["/sbin/ldconfig"]
LABEL org.example.made-by=tests
CMD ["/sbin/ldconfig", "--version"]
"""


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    daemon = Docker(tmp_path_factory.mktemp("docker"))
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def built(docker, tmp_path_factory):
    """An image that docker built, as `built:1`."""
    context = tmp_path_factory.mktemp("context")
    shutil.copy("/sbin/ldconfig", context / "ldconfig")
    shutil.copytree("/usr/lib/python3.11/asyncio", context / "files")
    (context / "Dockerfile").write_text(DOCKERFILE)
    docker("build", "--network", "none", "-t", "built:1", context)
    shutil.rmtree(context)
    return docker.image("built:1")


def tagged(docker, registry, name):
    reference = f"{registry.address}/{name}"
    docker("tag", "built:1", reference)
    return reference


@pytest.mark.storages("directory", "s3")
def test_a_built_image_comes_back_after_it_was_removed(docker, built, registry):
    reference = tagged(docker, registry, "built/image:1")
    digest, _ = docker.push(reference)
    answer = Repository(registry.http, "built/image").get_manifest("1")
    assert answer.header("Docker-Content-Digest") == digest
    assert answer.header("Content-Type") == DOCKER_MANIFEST
    assert answer.json()["config"]["digest"] == built["Id"]
    docker("rmi", reference)
    docker("pull", reference)
    pulled = docker.image(reference)
    assert pulled["Id"] == built["Id"]
    assert pulled["RootFS"] == built["RootFS"]
    assert f"{registry.address}/built/image@{digest}" in pulled["RepoDigests"]


def test_another_daemon_pulls_and_runs_it(docker, built, registry, tmp_path):
    reference = tagged(docker, registry, "built/image:1")
    digest, _ = docker.push(reference)
    second = Docker(tmp_path, "second")
    try:
        second("pull", f"{registry.address}/built/image@{digest}")
        second("pull", reference)
        assert second.image(reference)["Id"] == built["Id"]
        ran = second("run", "--rm", "--network", "none", reference)
        assert "ldconfig" in ran.stdout
    finally:
        second.stop()


def test_all_tags_are_pushed_and_pulled(docker, built, registry):
    for tag in ("1", "1.0", "latest"):
        reference = tagged(docker, registry, f"built/tags:{tag}")
    name = reference.rpartition(":")[0]
    docker("push", "--all-tags", name)
    repository = Repository(registry.http, "built/tags")
    assert repository.tags().json()["tags"] == ["1", "1.0", "latest"]
    docker("rmi", *(f"{name}:{tag}" for tag in ("1", "1.0", "latest")))
    docker("pull", "--all-tags", name)
    for tag in ("1", "1.0", "latest"):
        assert docker.image(f"{name}:{tag}")["Id"] == built["Id"]


@pytest.mark.storages("directory", "s3")
def test_a_second_push_skips_and_a_second_repository_mounts(docker, built, registry):
    docker.push(tagged(docker, registry, "first/image:1"))
    _, again = docker.push(tagged(docker, registry, "first/image:2"))
    assert again.count("Layer already exists") == len(built["RootFS"]["Layers"])
    _, mounted = docker.push(tagged(docker, registry, "second/image:1"))
    assert mounted.count("Mounted from first/image") == len(built["RootFS"]["Layers"])
    for name, tag in (("first/image", "2"), ("second/image", "1")):
        assert Repository(registry.http, name).get_manifest(tag).json()["config"]["digest"] == built["Id"]


def test_a_loaded_image_keeps_its_config(docker, registry, tmp_path):
    reference = f"{registry.address}/loaded/image:1"
    config = docker_archive(tmp_path / "image.tar", reference)
    docker("load", "-i", tmp_path / "image.tar")
    docker.push(reference)
    docker("rmi", reference)
    docker("pull", reference)
    assert docker.image(reference)["Id"] == config


def test_a_manifest_list(docker, built, registry):
    digests = {}
    for architecture in ("amd64", "arm64"):
        reference = tagged(docker, registry, f"multi/list:{architecture}")
        digests[architecture], _ = docker.push(reference)
    name = f"{registry.address}/multi/list"
    docker("manifest", "create", "--insecure", f"{name}:all", f"{name}:amd64")
    docker("manifest", "annotate", f"{name}:all", f"{name}:amd64", "--arch", "amd64")
    docker("manifest", "push", "--insecure", f"{name}:all")
    answer = Repository(registry.http, "multi/list").get_manifest("all")
    assert answer.header("Content-Type") == DOCKER_LIST
    shown = json.loads(docker("manifest", "inspect", "--insecure", f"{name}:all").stdout)
    assert shown == answer.json()
    docker("rmi", f"{name}:amd64", f"{name}:arm64")
    docker("pull", f"{name}:all")
    assert docker.image(f"{name}:all")["Id"] == built["Id"]


def test_a_missing_image_is_reported_as_such(docker, registry):
    failed = docker("pull", f"{registry.address}/no/such:1", check=False)
    assert failed.returncode != 0
    assert "not found" in failed.stderr or "manifest unknown" in failed.stderr, failed.stderr


@pytest.mark.large
def test_a_layer_of_one_gibibyte_comes_back(docker, registry):
    sent = large_image()
    layer = sent.manifest("large")["layers"][0]
    reference = f"{registry.address}/large/image:1"
    with open(sent.blob_path(layer["digest"]), "rb") as tar:
        subprocess.run([*docker.command(), "import", "-", reference], stdin=tar, check=True,
                       env=docker.environment, timeout=300, stdout=subprocess.DEVNULL)
    image = docker.image(reference)
    assert image["RootFS"]["Layers"] == [layer["digest"]]
    digest, _ = docker.push(reference, timeout=600)
    docker("rmi", reference)
    docker("pull", reference, timeout=600)
    pulled = docker.image(reference)
    assert pulled["Id"] == image["Id"]
    assert pulled["RootFS"]["Layers"] == [layer["digest"]]
    assert f"{registry.address}/large/image@{digest}" in pulled["RepoDigests"]
