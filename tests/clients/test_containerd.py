"""containerd, by ctr: pushed from one namespace, pulled into another, the same content."""

import subprocess

import pytest

from container_tools import Containerd, Skopeo
from http_client import Repository
from images import closure, images

pytestmark = pytest.mark.containerd


@pytest.fixture(scope="module")
def containerd(tmp_path_factory):
    daemon = Containerd(tmp_path_factory.mktemp("containerd"))
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def imported(containerd, tmp_path_factory):
    """Our images, in containerd as `local:<tag>`."""
    sent = images()
    archive = tmp_path_factory.mktemp("import") / "layout.tar"
    subprocess.run(["tar", "-C", sent.path, "-cf", archive, "."], check=True)
    containerd("images", "import", "--all-platforms", "--no-unpack", "--base-name", "local", archive)
    archive.unlink()
    return sent


@pytest.mark.parametrize("tag", ["image", "zstd", "docker", "index", "docker-list"])
def test_what_is_pushed_is_fetched_digest_by_digest(containerd, imported, registry, tag):
    reference = f"{registry.address}/library/{tag}:1"
    containerd("images", "push", "--plain-http", reference, f"local:{tag}")
    root = imported.root(tag)["digest"]
    answer = Repository(registry.http, f"library/{tag}").get_manifest("1")
    assert answer.header("Docker-Content-Digest") == root
    namespace = f"fetched-{tag}"
    containerd("content", "fetch", "--plain-http", "--all-platforms", reference, namespace=namespace)
    assert containerd.digests(namespace) == closure(imported, imported.root(tag))


def test_a_pull_unpacks_into_a_snapshot(containerd, imported, registry):
    Skopeo(registry.folder, registry.address).push(imported, "image", "library/image:1")
    reference = f"{registry.address}/library/image:1"
    containerd("images", "pull", "--plain-http", reference, namespace="pulled")
    assert containerd.digests("pulled") == closure(imported, imported.root("image"))
    listed = containerd("images", "ls", namespace="pulled").stdout
    assert reference in listed and imported.root("image")["digest"] in listed
    assert len(containerd("snapshots", "ls", namespace="pulled").stdout.splitlines()) == 1 + len(
        imported.manifest("image")["layers"])


def test_a_pull_by_digest(containerd, imported, registry):
    Skopeo(registry.folder, registry.address).push(imported, "image", "library/image:1")
    digest = imported.root("image")["digest"]
    containerd("content", "fetch", "--plain-http", f"{registry.address}/library/image@{digest}",
               namespace="by-digest")
    assert containerd.digests("by-digest") == closure(imported, imported.root("image"))


def test_a_second_push_sends_nothing_new(containerd, imported, registry):
    for name in ("first/image:1", "first/image:2", "second/image:1"):
        containerd("images", "push", "--plain-http", f"{registry.address}/{name}", "local:image")
    for name, tag in (("first/image", "2"), ("second/image", "1")):
        answer = Repository(registry.http, name).get_manifest(tag)
        assert answer.header("Docker-Content-Digest") == imported.root("image")["digest"]


def test_a_missing_image_is_reported_as_such(containerd, registry):
    failed = containerd("images", "pull", "--plain-http", f"{registry.address}/no/such:1", check=False)
    assert failed.returncode != 0
    assert "not found" in failed.stderr
