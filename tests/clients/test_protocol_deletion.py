"""Deletion: of tags, manifests and whole repositories; and the switches that forbid changes."""

import pytest

from http_client import (OCI_INDEX, OCI_MANIFEST, Repository, as_json, descriptor_of, digest_of,
                         image_index)

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3", "swift")]


@pytest.fixture
def body(repository):
    return repository.push_image("one", "two")


def test_deleting_a_tag_leaves_the_manifest(repository, body):
    assert repository.delete_manifest("one").status == 202
    assert repository.get_manifest("one").status == 404
    assert repository.get_manifest("two").body == body
    assert repository.get_manifest(digest_of(body)).body == body
    assert repository.tags().json()["tags"] == ["two"]


def test_deleting_a_manifest_removes_its_tags(repository, body):
    other = repository.push_image("other", layers=[b"another layer"])
    assert repository.delete_manifest(digest_of(body)).status == 202
    for reference in ("one", "two", digest_of(body)):
        assert repository.get_manifest(reference).status == 404
    assert repository.get_manifest("other").body == other
    assert repository.tags().json()["tags"] == ["other"]


def test_a_deleted_manifest_can_be_pushed_again(repository, body):
    repository.delete_manifest(digest_of(body))
    assert repository.push_image("one") == body
    assert repository.get_manifest("one").body == body
    assert repository.get_manifest("two").status == 404


@pytest.mark.parametrize("reference", ["never", digest_of(b"never")])
def test_deleting_what_is_not_there_is_404(repository, body, reference):
    failed = repository.delete_manifest(reference)
    assert failed.status == 404
    assert failed.codes() == ["MANIFEST_UNKNOWN"]


def test_deleting_in_an_unknown_repository_is_404(shared_registry):
    unknown = Repository(shared_registry.http, "no/such")
    for answer in (unknown.delete_manifest("v1"), unknown.delete_manifest(digest_of(b"x")),
                   unknown.delete_blob(digest_of(b"x")), unknown.http.delete("/v2/no/such/")):
        assert answer.status == 404


def test_a_manifest_that_an_index_refers_to_is_not_deleted(repository, body):
    index = as_json(image_index([descriptor_of(OCI_MANIFEST, body)]))
    repository.put_manifest("index", index, OCI_INDEX)
    refused = repository.delete_manifest(digest_of(body))
    assert refused.status == 405
    assert refused.codes() == ["DENIED"]
    assert repository.get_manifest("one").body == body, "a refusal changes nothing"
    assert repository.delete_manifest("one").status == 202, "a tag may go at any time"
    assert repository.delete_manifest(digest_of(index)).status == 202
    assert repository.delete_manifest(digest_of(body)).status == 202


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_whole_repository_is_deleted_in_one_call(repository, body, slash):
    neighbours = [Repository(repository.http, repository.name + suffix) for suffix in ("/sub", "x")]
    for neighbour in neighbours:
        neighbour.push_image("kept")
    attached = as_json(image_index([], subject=descriptor_of(OCI_MANIFEST, body)))
    repository.put_manifest("attached", attached, OCI_INDEX)
    layer = digest_of(b"a layer")

    assert repository.http.delete(repository.base + slash).status == 202
    for reference in ("one", "two", "attached", digest_of(body), digest_of(attached)):
        assert repository.get_manifest(reference).status == 404
    assert repository.get_blob(layer).status == 404
    assert repository.tags().codes() == ["NAME_UNKNOWN"]
    catalog = repository.http.get("/v2/_catalog?last=" + repository.name[:-1]).json()["repositories"]
    assert repository.name not in catalog
    assert repository.http.delete(repository.base + slash).codes() == ["NAME_UNKNOWN"]
    for neighbour in neighbours:
        assert neighbour.name in catalog
        assert neighbour.get_manifest("kept").status == 200
        assert neighbour.get_blob(layer).status == 200

    assert repository.push_image("one") == body
    assert repository.tags().json()["tags"] == ["one"]
    assert repository.referrers(digest_of(body)).json()["manifests"] == []


def deletions(repository, body):
    """One answer for each kind of deletion."""
    return [repository.delete_manifest("one"), repository.delete_manifest(digest_of(body)),
            repository.delete_blob(digest_of(b"a layer")), repository.http.delete(repository.base + "/")]


def test_with_deletion_off_every_deletion_is_405(servers):
    repository = Repository(servers.start("--no-delete").http, "kept")
    body = repository.push_image("one")
    for answer in deletions(repository, body):
        assert answer.status == 405
        assert answer.codes() == ["UNSUPPORTED"]
    assert repository.get_manifest("one").body == body
    # Giving up an upload deletes nothing that was stored.
    assert repository.http.delete(repository.locate(repository.begin())).status == 204


def test_in_read_only_mode_everything_can_be_read_and_nothing_changed(servers):
    first = servers.start()
    body = Repository(first.http, "kept").push_image("one")
    first.stop()
    repository = Repository(servers.start("--read-only", storage=first.storage).http, "kept")
    upload = f"{repository.base}/blobs/uploads/00000000-0000-4000-8000-000000000000"
    changes = deletions(repository, body) + [
        repository.begin(), repository.begin(mount=digest_of(b"a layer"), **{"from": "kept"}),
        repository.patch(upload, b"x"), repository.put(upload, digest_of(b"x"), b"x"),
        repository.put_manifest("new", body)]
    for answer in changes:
        assert answer.status == 405, answer
        assert answer.codes() == ["UNSUPPORTED"]
    assert repository.get_manifest("one").body == body
    assert repository.get_blob(digest_of(b"a layer")).body == b"a layer"
    assert repository.tags().json()["tags"] == ["one"]
    assert repository.http.get("/v2/_catalog").json() == {"repositories": ["kept"]}
    assert repository.referrers(digest_of(body)).json()["manifests"] == []
