"""skopeo: what it copies into the registry comes back the same, digest by digest."""

import json

import pytest

from container_tools import Skopeo
from http_client import Repository, digest_of
from images import closure, dir_contents, docker_archive, images, large_image, write_dir

pytestmark = [pytest.mark.skopeo, pytest.mark.storages("directory", "s3")]


@pytest.fixture
def skopeo(tmp_path, registry):
    return Skopeo(tmp_path, registry.address)


def assert_same(sent, tag, got):
    """What came back under `tag` is what was sent: the same blobs, and no other."""
    assert got.root(tag)["digest"] == sent.root(tag)["digest"]
    assert got.blobs() == closure(sent, sent.root(tag))


@pytest.mark.parametrize("tag", ["image", "zstd", "artifact"])
def test_an_image_comes_back_digest_by_digest(skopeo, tmp_path, tag):
    sent = images()
    skopeo.push(sent, tag, f"library/{tag}:1")
    assert_same(sent, tag, skopeo.pull(f"library/{tag}:1", tmp_path / "back", tag))


def test_an_index_comes_back_with_all_its_architectures(skopeo, tmp_path):
    sent = images()
    skopeo.push(sent, "index", "multi/index:1", "--all")
    assert_same(sent, "index", skopeo.pull("multi/index:1", tmp_path / "back", "index", "--all"))


@pytest.mark.parametrize("tag", ["docker", "docker-list"])
def test_docker_schema_2_comes_back_digest_by_digest(skopeo, tmp_path, tag):
    sent = write_dir(images(), tag, tmp_path / "sent")
    skopeo("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"dir:{sent}",
           skopeo.remote(f"library/{tag}:1"))
    skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false",
           skopeo.remote(f"library/{tag}:1"), f"dir:{tmp_path / 'back'}")
    assert dir_contents(tmp_path / "back") == dir_contents(sent)


def test_an_image_is_pulled_by_digest(skopeo, tmp_path):
    sent = images()
    skopeo.push(sent, "image", "library/image:1")
    digest = sent.root("image")["digest"]
    assert_same(sent, "image", skopeo.pull(f"library/image@{digest}", tmp_path / "back", "image"))


def test_a_copy_between_repositories_mounts_the_blobs(skopeo, registry):
    sent = images()
    skopeo.push(sent, "image", "first/image:1")
    digest = sent.root("image")["digest"]
    done = skopeo("--debug", "copy", "--preserve-digests", "--src-tls-verify=false",
                  "--dest-tls-verify=false", skopeo.remote("first/image:1"),
                  skopeo.remote("second/image:1"))
    # Which layers it asks for is its own choice (its cache may not know all of them yet); the config
    # it always sends. What it asked for was mounted, and nothing was sent twice.
    mounted = done.stderr.count("... mount OK")
    assert mounted >= 1
    sends = len(sent.manifest("image")["layers"]) - mounted + 1
    assert done.stderr.count('msg="PATCH ') == sends, done.stderr
    answer = registry.http.get("/v2/second/image/manifests/1", Accept="*/*")
    assert answer.header("Docker-Content-Digest") == digest


def test_docker_archive_goes_in_and_out(skopeo, tmp_path):
    archive = tmp_path / "image.tar"
    config = docker_archive(archive, "example.test/archive:1")
    skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{archive}",
           skopeo.remote("library/archive:1"))
    assert skopeo.inspect("library/archive:1", "--raw")["config"]["digest"] == config
    skopeo("copy", "--src-tls-verify=false", skopeo.remote("library/archive:1"),
           f"docker-archive:{tmp_path / 'back.tar'}:example.test/archive:1")
    layers = skopeo("inspect", "--config", f"docker-archive:{tmp_path / 'back.tar'}")
    sent = images()
    expected = json.loads(sent.read(sent.manifest("image")["config"]))
    assert json.loads(layers.stdout)["rootfs"] == expected["rootfs"]


def test_dir_goes_in_and_out(skopeo, tmp_path):
    sent = write_dir(images(), "image", tmp_path / "sent")
    skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"dir:{sent}",
           skopeo.remote("library/dir:1"))
    skopeo("copy", "--preserve-digests", "--src-tls-verify=false", skopeo.remote("library/dir:1"),
           f"dir:{tmp_path / 'back'}")
    assert dir_contents(tmp_path / "back") == dir_contents(sent)


def test_inspect_shows_manifest_config_and_tags(skopeo):
    sent = images()
    skopeo.push(sent, "image", "library/image:1")
    skopeo.push(sent, "image", "library/image:latest")
    raw = skopeo("inspect", "--tls-verify=false", "--raw", skopeo.remote("library/image:1")).stdout
    assert digest_of(raw.encode()) == sent.root("image")["digest"]
    config = skopeo.inspect("library/image:1", "--config")
    assert config["rootfs"] == json.loads(sent.read(sent.manifest("image")["config"]))["rootfs"]
    summary = skopeo.inspect("library/image:1")
    assert summary["Digest"] == sent.root("image")["digest"]
    assert summary["RepoTags"] == ["1", "latest"]
    assert summary["Layers"] == [layer["digest"] for layer in sent.manifest("image")["layers"]]


def test_list_tags_gives_all_of_them_over_several_pages(skopeo, registry):
    skopeo.push(images(), "image", "library/image:first")
    repository = Repository(registry.http, "library/image")
    manifest = repository.get_manifest("first")
    tags = [f"v{number:04}" for number in range(1100)]
    for first in range(0, len(tags), 50):
        done = repository.put_manifest(manifest.header("Docker-Content-Digest"), manifest.body,
                                       manifest.header("Content-Type"), tag=tags[first:first + 50])
        assert done.status == 201, done
    listed = json.loads(skopeo("list-tags", "--tls-verify=false",
                               skopeo.remote("library/image")).stdout)
    assert listed["Tags"] == ["first", *tags]


def test_delete_removes_the_image(skopeo, registry):
    sent = images()
    skopeo.push(sent, "image", "library/image:1")
    skopeo("delete", "--tls-verify=false", skopeo.remote("library/image:1"))
    assert registry.http.get("/v2/library/image/manifests/1").status == 404
    digest = sent.root("image")["digest"]
    assert registry.http.get(f"/v2/library/image/manifests/{digest}").status == 404
    gone = skopeo("inspect", "--tls-verify=false", skopeo.remote("library/image:1"), check=False)
    assert gone.returncode != 0 and "manifest unknown" in gone.stderr.lower(), gone.stderr


def test_sync_to_a_directory_and_back_into_another_repository(skopeo, registry, tmp_path):
    sent = images()
    for tag in ("1", "2"):
        skopeo.push(sent, "image", f"library/image:{tag}")
    skopeo("sync", "--src-tls-verify=false", "--src", "docker", "--dest", "dir",
           f"{registry.address}/library/image", tmp_path)
    assert {folder.name for folder in tmp_path.glob("image:*")} == {"image:1", "image:2"}
    source = tmp_path / "source"
    source.mkdir()
    for tag in ("1", "2"):
        (tmp_path / f"image:{tag}").rename(source / f"image:{tag}")
    skopeo("sync", "--dest-tls-verify=false", "--src", "dir", "--dest", "docker", source,
           f"{registry.address}/copied")
    for tag in ("1", "2"):
        answer = registry.http.head(f"/v2/copied/image/manifests/{tag}", Accept="*/*")
        assert answer.header("Docker-Content-Digest") == sent.root("image")["digest"]


@pytest.mark.large
def test_a_layer_of_one_gibibyte_comes_back_digest_by_digest(skopeo, tmp_path):
    sent = large_image()
    skopeo.push(sent, "large", "library/large:1", timeout=300)
    skopeo.forget()
    got = skopeo.pull("library/large:1", tmp_path / "back", "large", timeout=300)
    assert_same(sent, "large", got)


def test_a_missing_repository_is_reported_as_such(skopeo):
    failed = skopeo("inspect", "--tls-verify=false", skopeo.remote("no/such:1"), check=False)
    assert failed.returncode != 0
    assert "unknown" in failed.stderr.lower(), failed.stderr
