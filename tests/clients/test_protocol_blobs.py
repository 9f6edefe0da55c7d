"""Pulling blobs: whole, in ranges, under conditions, and only where they belong."""

import pytest

from http_client import OCTETS, Repository, digest_of

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3", "swift")]

DATA = bytes(n * 7 % 251 for n in range(10000))


@pytest.fixture
def digest(repository):
    return repository.push_blob(DATA)


def test_a_blob_comes_with_its_digest_and_length(repository, digest):
    answer = repository.get_blob(digest)
    assert answer.status == 200
    assert answer.body == DATA
    assert answer.header("Content-Length") == str(len(DATA))
    assert answer.header("Docker-Content-Digest") == digest
    assert answer.header("Content-Type") == OCTETS
    assert answer.header("Accept-Ranges") == "bytes"


def test_head_is_get_without_the_body(repository, digest):
    get, head = repository.get_blob(digest), repository.head_blob(digest)
    assert head.status == 200
    assert head.body == b""
    for name in ("Content-Length", "Docker-Content-Digest", "Content-Type", "ETag"):
        assert head.header(name) == get.header(name), name


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unknown_blob_is_404(repository, method):
    answer = repository.http.request(method, repository.blob(digest_of(b"never pushed")))
    assert answer.status == 404
    if method == "GET":
        assert answer.codes() == ["BLOB_UNKNOWN"]
    else:
        assert answer.body == b""


def test_a_repository_serves_only_its_own_blobs(repository, digest):
    stranger = Repository(repository.http, repository.name + "/stranger")
    assert stranger.get_blob(digest).status == 404
    assert stranger.head_blob(digest).status == 404


def test_a_blob_of_sha512_is_not_found_by_sha256(repository):
    data = b"named by sha512"
    long = repository.push_blob(data, "sha512")
    assert repository.get_blob(long).header("Docker-Content-Digest") == long
    assert repository.get_blob(digest_of(data)).status == 404


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "latest", "sha256:" + "A" * 64])
def test_what_is_no_digest_is_refused(repository, digest):
    answer = repository.get_blob(digest)
    assert answer.status == 400
    assert answer.codes() == ["DIGEST_INVALID"]


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=0-9", 0, 9), ("bytes=0-0", 0, 0), ("bytes=9999-9999", 9999, 9999),
    ("bytes=10-", 10, 9999), ("bytes=-500", 9500, 9999), ("bytes=-99999", 0, 9999),
    ("bytes=5-99999", 5, 9999), ("bytes=0-18446744073709551615", 0, 9999)])
def test_a_range_gives_206_and_just_those_bytes(repository, digest, asked, first, last):
    answer = repository.get_blob(digest, Range=asked)
    assert answer.status == 206
    assert answer.body == DATA[first:last + 1]
    assert answer.header("Content-Range") == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.header("Content-Length") == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=10000-", "bytes=10000-10005", "bytes=-0",
                                   "bytes=99999999999999999999-"])
def test_a_range_outside_the_blob_is_416(repository, digest, asked):
    answer = repository.get_blob(digest, Range=asked)
    assert answer.status == 416
    assert answer.header("Content-Range") == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1", "5-9",
                                   "lines=0-1", "bytes=0-1,5-6", "bytes=--5", "bytes=0x0-0x9"])
def test_a_range_that_is_none_is_ignored(repository, digest, asked):
    """RFC 9110 leaves the choice; everything is what an older client expects."""
    answer = repository.get_blob(digest, Range=asked)
    assert answer.status == 200
    assert answer.body == DATA


def test_a_range_of_an_empty_blob_is_416(repository):
    empty = repository.push_blob(b"")
    assert repository.get_blob(empty, Range="bytes=0-").status == 416
    assert repository.get_blob(empty).body == b""


def test_if_none_match_spares_the_transfer(repository, digest):
    tag = repository.get_blob(digest).header("ETag")
    for value in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = repository.get_blob(digest, If_None_Match=value)
        assert answer.status == 304, value
        assert answer.body == b""
        assert answer.header("ETag") == tag
        assert repository.head_blob(digest, If_None_Match=value).status == 304
    assert repository.get_blob(digest, If_None_Match='"other"').body == DATA


def test_if_range_with_another_tag_gives_everything(repository, digest):
    tag = repository.get_blob(digest).header("ETag")
    assert repository.get_blob(digest, Range="bytes=0-9", If_Range=tag).status == 206
    assert repository.get_blob(digest, Range="bytes=0-9", If_Range='"other"').body == DATA


def test_a_deleted_blob_is_gone_and_can_be_pushed_again(repository, digest):
    assert repository.delete_blob(digest).status == 202
    assert repository.get_blob(digest).status == 404
    assert repository.head_blob(digest).status == 404
    again = repository.delete_blob(digest)
    assert again.status == 404
    assert again.codes() == ["BLOB_UNKNOWN"]
    assert repository.push_blob(DATA) == digest
    assert repository.get_blob(digest).body == DATA


def test_a_deleted_blob_stays_where_else_it_is(repository, digest):
    second = Repository(repository.http, repository.name + "/second")
    second.push_blob(DATA)
    assert repository.delete_blob(digest).status == 202
    assert second.get_blob(digest).body == DATA


def test_a_blob_that_a_manifest_refers_to_is_not_deleted(repository):
    layer = b"held by a manifest"
    repository.push_image("held", layers=[layer])
    refused = repository.delete_blob(digest_of(layer))
    assert refused.status == 405
    assert refused.codes() == ["DENIED"]
    assert repository.get_blob(digest_of(layer)).body == layer
    digest = repository.head_manifest("held").header("Docker-Content-Digest")
    assert repository.delete_manifest(digest).status == 202
    assert repository.delete_blob(digest_of(layer)).status == 202
