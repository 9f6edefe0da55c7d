"""podman and buildah: built from scratch, pushed, and pulled into a storage that never saw it."""

import json
import shutil

import pytest

from container_tools import Podman, Skopeo
from http_client import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Repository
from images import OCI_LAYER_ZSTD, images

pytestmark = [pytest.mark.podman, pytest.mark.buildah]

CONTAINERFILE = """
FROM scratch
COPY ldconfig /sbin/ldconfig
COPY files /opt/files
RUN ["/sbin/ldconfig"]
LABEL org.example.made-by=tests
CMD ["/sbin/ldconfig", "--version"]
"""
BUILT = "localhost/built:1"


@pytest.fixture
def podman(tmp_path):
    return Podman(tmp_path)


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    """A storage with an image, BUILT, that buildah built with a step that ran inside it."""
    folder = tmp_path_factory.mktemp("builder")
    builder = Podman(folder)
    context = folder / "context"
    context.mkdir()
    # Debian's ldconfig is linked statically: it runs in an image that has nothing else.
    shutil.copy("/sbin/ldconfig", context / "ldconfig")
    shutil.copytree("/usr/lib/python3.11/asyncio", context / "files")
    (context / "Containerfile").write_text(CONTAINERFILE)
    builder.buildah("bud", "--isolation", "chroot", "--layers", "-t", BUILT,
                    "-f", context / "Containerfile", context)
    return builder


@pytest.mark.storages("directory", "s3")
def test_what_was_built_and_pushed_is_what_another_storage_pulls(builder, podman, registry):
    reference = f"{registry.address}/built/image:1"
    digest = builder.push(BUILT, f"docker://{reference}")
    manifest = Repository(registry.http, "built/image").get_manifest("1")
    assert manifest.header("Docker-Content-Digest") == digest
    assert len(manifest.json()["layers"]) >= 3
    podman.pull(reference)
    assert podman.image(reference)["Digest"] == digest
    assert podman.image(reference)["Id"] == builder.image(BUILT)["Id"]
    assert podman.image(reference)["RootFS"] == builder.image(BUILT)["RootFS"]
    assert podman.image(reference)["Labels"]["org.example.made-by"] == "tests"


def test_buildah_pushes_and_pulls(builder, podman, registry):
    reference = f"{registry.address}/built/image:1"
    builder.buildah("push", "--tls-verify=false", BUILT, f"docker://{reference}")
    podman.buildah("pull", "--tls-verify=false", reference)
    assert podman.image(reference)["Id"] == builder.image(BUILT)["Id"]


@pytest.mark.storages("directory", "s3")
def test_zstd_layers_go_in_and_out(builder, podman, registry):
    reference = f"{registry.address}/built/zstd:1"
    builder.push("--compression-format", "zstd", "--format", "oci", BUILT, f"docker://{reference}")
    manifest = Repository(registry.http, "built/zstd").get_manifest("1")
    assert manifest.header("Content-Type") == OCI_MANIFEST
    assert {layer["mediaType"] for layer in manifest.json()["layers"]} == {OCI_LAYER_ZSTD}
    podman.pull(reference)
    assert podman.image(reference)["RootFS"] == builder.image(BUILT)["RootFS"]


@pytest.mark.parametrize("kind, media_type", [("oci", OCI_INDEX), ("v2s2", DOCKER_LIST)])
def test_a_manifest_list_is_pushed_with_all_its_images(podman, registry, tmp_path, kind, media_type):
    sent = images()
    Skopeo(tmp_path, registry.address).push(sent, "index", "multi/source:1", "--all")
    name, source = f"{registry.address}/multi/list:1", f"{registry.address}/multi/source"
    podman("manifest", "create", name)
    entries = json.loads(sent.read(sent.root("index")))["manifests"]
    for entry in entries:
        podman("manifest", "add", "--tls-verify=false", name, f"docker://{source}@{entry['digest']}")
    podman("manifest", "push", "--tls-verify=false", "--all", "--format", kind, name,
           f"docker://{name}")
    repository = Repository(registry.http, "multi/list")
    answer = repository.get_manifest("1")
    assert answer.header("Content-Type") == media_type
    listed = answer.json()["manifests"]
    assert {entry["platform"]["architecture"] for entry in listed} == {"amd64", "arm64"}
    for entry in listed:
        manifest = repository.get_manifest(entry["digest"]).json()
        for part in (manifest["config"], *manifest["layers"]):
            assert repository.head_blob(part["digest"]).header("Content-Length") == str(part["size"])
    if kind == "oci":
        assert {entry["digest"] for entry in listed} == {entry["digest"] for entry in entries}
    second = Podman(tmp_path, "second")
    second("pull", "--tls-verify=false", "--arch", "arm64", "--variant", "v8", name)
    assert second.image(name)["Architecture"] == "arm64"


def test_search_finds_repositories_and_tags(podman, registry):
    for name in ("first/app", "second/app"):
        Repository(registry.http, name).push_image("1", "2")
    found = podman("search", "--tls-verify=false", "--format", "{{.Name}}", f"{registry.address}/first")
    assert found.stdout.split() == [f"{registry.address}/first/app"]
    tags = podman("search", "--tls-verify=false", "--list-tags", f"{registry.address}/second/app")
    assert [line.split()[1] for line in tags.stdout.splitlines()] == ["TAG", "1", "2"]
