"""Pushing blobs, as the specification describes it under "Pushing blobs"."""

import socket

import pytest

from http_client import OCTETS, Repository, digest_of, status_of, with_query

pytestmark = [pytest.mark.protocol, pytest.mark.storages("directory", "s3", "swift")]

DATA = bytes(range(256)) * 40


def assert_pushed(repository, response, data=DATA, algorithm="sha256"):
    """The answer is that of a finished push, and the blob is there."""
    digest = digest_of(data, algorithm)
    assert response.status == 201, response
    assert response.header("Docker-Content-Digest") == digest
    location = repository.locate(response)
    assert repository.http.get(location).body == data
    assert repository.get_blob(digest).body == data


def assert_stands_at(repository, location, offset):
    """The upload answers its status: 204 with where it goes on and the last byte it has."""
    status = repository.http.get(location)
    assert status.status == 204, status
    assert status.header("Range") == f"0-{max(offset - 1, 0)}"
    return repository.locate(status)


# Monolithic.


def test_post_then_put(repository):
    begun = repository.begin()
    assert begun.status == 202
    assert begun.header("Docker-Upload-UUID")
    assert_pushed(repository, repository.put(repository.locate(begun), digest_of(DATA), DATA))


def test_put_in_chunked_coding(repository):
    location = repository.locate(repository.begin())
    assert_pushed(repository, repository.put(location, digest_of(DATA), iter([DATA[:100], DATA[100:]])))


def test_single_post(repository):
    target = f"{repository.base}/blobs/uploads/"
    done = repository.http.request("POST", with_query(target, digest=digest_of(DATA)), DATA,
                                   {"Content-Type": OCTETS})
    assert_pushed(repository, done)


def test_single_post_with_a_wrong_digest_stores_nothing(repository):
    target = with_query(f"{repository.base}/blobs/uploads/", digest=digest_of(b"other"))
    failed = repository.http.request("POST", target, DATA)
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]
    assert repository.get_blob(digest_of(b"other")).status == 404
    assert repository.get_blob(digest_of(DATA)).status == 404


def test_an_empty_blob_is_a_blob(repository):
    location = repository.locate(repository.begin())
    assert_pushed(repository, repository.put(location, digest_of(b""), b""), b"")


def test_pushing_what_is_there_already_succeeds(repository):
    for _ in range(2):
        location = repository.locate(repository.begin())
        assert_pushed(repository, repository.put(location, digest_of(DATA), DATA))


# Streamed.


def test_one_streamed_patch_then_an_empty_put(repository):
    location = repository.locate(repository.begin())
    sent = repository.http.request("PATCH", location, iter([DATA[:1], DATA[1:5000], DATA[5000:]]))
    assert sent.status == 202
    assert sent.header("Range") == f"0-{len(DATA) - 1}"
    assert_pushed(repository, repository.put(repository.locate(sent), digest_of(DATA)))


def test_a_patch_without_content_range_appends(repository):
    location = repository.locate(repository.begin())
    for part in (DATA[:3000], DATA[3000:]):
        sent = repository.patch(location, part)
        assert sent.status == 202, sent
        location = repository.locate(sent)
    assert_pushed(repository, repository.put(location, digest_of(DATA)))


def test_a_body_that_waits_for_100_continue(repository):
    location = repository.locate(repository.begin())
    with repository.http.socket() as connection:
        connection.sendall((f"PATCH {location} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                            f"Content-Length: {len(DATA)}\r\nConnection: close\r\n\r\n").encode())
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 100 ") and answer.endswith(b"\r\n\r\n"), answer
        connection.sendall(DATA)
        assert status_of(connection.recv(4096)) == 202


def test_a_refused_body_is_not_asked_for(repository):
    """An answer that needs no body comes instead of 100 Continue."""
    location = f"{repository.base}/blobs/uploads/00000000-0000-4000-8000-000000000000"
    with repository.http.socket() as connection:
        connection.sendall((f"PATCH {location} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                            f"Content-Length: 1000000000000\r\n\r\n").encode())
        assert status_of(connection.recv(4096)) == 404


# In chunks.


def test_chunks_with_content_range(repository):
    location = repository.locate(repository.begin())
    for start in range(0, len(DATA), 4000):
        part = DATA[start:start + 4000]
        sent = repository.patch(location, part, start)
        assert sent.status == 202, sent
        assert sent.header("Range") == f"0-{start + len(part) - 1}"
        location = repository.locate(sent)
    assert_pushed(repository, repository.put(location, digest_of(DATA)))


def test_the_last_chunk_may_come_with_the_put(repository):
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, DATA[:4000], 0))
    done = repository.put(location, digest_of(DATA), DATA[4000:],
                          {"Content-Range": f"4000-{len(DATA) - 1}"})
    assert_pushed(repository, done)


@pytest.mark.parametrize("start", [0, 3999, 4001, 10**18])
def test_a_chunk_out_of_order_is_416_and_changes_nothing(repository, start):
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, DATA[:4000], 0))
    failed = repository.patch(location, DATA[4000:], start)
    assert failed.status == 416, failed
    location = assert_stands_at(repository, location, 4000)
    location = repository.locate(repository.patch(location, DATA[4000:], 4000))
    assert_pushed(repository, repository.put(location, digest_of(DATA)))


def test_a_first_chunk_that_does_not_begin_with_0_is_416(repository):
    location = repository.locate(repository.begin())
    assert repository.patch(location, DATA, 1).status == 416


def test_a_last_chunk_out_of_order_is_416_and_leaves_the_upload(repository):
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, DATA[:4000], 0))
    failed = repository.put(location, digest_of(DATA), DATA[4000:],
                            {"Content-Range": f"5000-{len(DATA) + 999}"})
    assert failed.status == 416, failed
    location = assert_stands_at(repository, location, 4000)
    assert_pushed(repository, repository.put(location, digest_of(DATA), DATA[4000:]))


@pytest.mark.parametrize("value", ["0-", "-5", "x-y", "5-2", "0-99999"])
def test_a_content_range_that_is_none_is_refused(repository, value):
    """Also one whose length is not that of the body."""
    location = repository.locate(repository.begin())
    failed = repository.http.request("PATCH", location, DATA[:100], {"Content-Range": value})
    assert failed.status in (400, 416), failed
    assert_stands_at(repository, location, 0)


def test_the_status_of_an_upload(repository):
    location = repository.locate(repository.begin())
    assert_stands_at(repository, location, 0)
    repository.patch(location, DATA[:1234], 0)
    assert_stands_at(repository, location, 1234)


# Uploads that end early.


def test_a_body_that_breaks_off_can_go_on_where_it_broke(repository):
    location = repository.locate(repository.begin())
    with repository.http.socket() as connection:
        connection.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(DATA)}"
                           "\r\n\r\n".encode() + DATA[:5000])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
        assert answer == b"" or 400 <= status_of(answer) < 500, answer
    status = repository.http.get(location)
    assert status.status == 204, status
    assert status.header("Range") in ("0-0", "0-4999")
    have = 5000 if status.header("Range") == "0-4999" else 0
    location = repository.locate(repository.patch(repository.locate(status), DATA[have:], have))
    assert_pushed(repository, repository.put(location, digest_of(DATA)))


def test_a_put_that_breaks_off_stores_nothing(repository):
    location = repository.locate(repository.begin())
    digest = digest_of(DATA[:5000])  # what arrives hashes to what is asked for, and yet
    repository.http.raw(f"PUT {with_query(location, digest=digest)} HTTP/1.1\r\nHost: x\r\n"
                        f"Content-Length: {len(DATA)}\r\n\r\n".encode() + DATA[:5000])
    assert repository.get_blob(digest).status == 404


def test_cancelling_ends_an_upload(repository):
    location = repository.locate(repository.begin())
    location = repository.locate(repository.patch(location, DATA))
    assert repository.http.delete(location).status == 204
    for answer in (repository.http.get(location), repository.http.delete(location),
                   repository.patch(location, DATA),
                   repository.put(location, digest_of(DATA), DATA)):
        assert answer.status == 404
        assert answer.codes() == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize("upload", ["00000000-0000-4000-8000-000000000000", "no-uuid", ".."])
def test_an_unknown_upload_is_404(repository, upload):
    location = f"{repository.base}/blobs/uploads/{upload}"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        target = with_query(location, digest=digest_of(DATA)) if method == "PUT" else location
        answer = repository.http.request(method, target, DATA if method[0] == "P" else None)
        assert answer.status == 404, (method, answer)
        assert answer.codes() == ["BLOB_UPLOAD_UNKNOWN"]


def test_an_upload_belongs_to_its_repository(repository):
    location = repository.locate(repository.begin())
    foreign = location.replace(repository.name, repository.name + "/other")
    assert repository.patch(foreign, DATA).status == 404
    assert_stands_at(repository, location, 0)


def test_a_finished_upload_is_gone(repository):
    location = repository.locate(repository.begin())
    assert repository.put(location, digest_of(DATA), DATA).status == 201
    assert repository.http.get(location).status == 404


# Digests.


def test_a_wrong_digest_is_refused_and_nothing_is_stored(repository):
    location = repository.locate(repository.begin())
    failed = repository.put(location, digest_of(b"other"), DATA)
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]
    assert repository.get_blob(digest_of(b"other")).status == 404
    assert repository.get_blob(digest_of(DATA)).status == 404


@pytest.mark.parametrize("digest", [
    "", "sha256", "sha256:", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e",
    "sha256:" + "G" * 64, "sha256:" + "A" * 64, "sha256:" + "0" * 65, "sha512:" + "0" * 64,
    "../../../../etc/passwd"])
def test_what_is_no_digest_is_refused(repository, digest):
    location = repository.locate(repository.begin())
    for answer in (repository.put(location, digest, DATA),
                   repository.http.request(
                       "POST", with_query(f"{repository.base}/blobs/uploads/", digest=digest), DATA)):
        assert answer.status == 400, answer
        assert answer.codes() == ["DIGEST_INVALID"]


def test_a_put_without_a_digest_is_refused(repository):
    location = repository.locate(repository.begin())
    failed = repository.http.request("PUT", location, DATA)
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]


def test_sha512_announced_by_digest_algorithm(repository):
    begun = repository.begin(digest_algorithm="sha512")
    assert begun.status == 202
    location = repository.locate(repository.patch(repository.locate(begun), DATA))
    assert_pushed(repository, repository.put(location, digest_of(DATA, "sha512")), DATA, "sha512")


def test_sha512_that_was_not_announced(repository):
    location = repository.locate(repository.patch(repository.locate(repository.begin()), DATA))
    assert_pushed(repository, repository.put(location, digest_of(DATA, "sha512")), DATA, "sha512")


def test_sha512_in_a_single_post(repository):
    target = with_query(f"{repository.base}/blobs/uploads/", digest=digest_of(DATA, "sha512"))
    assert_pushed(repository, repository.http.request("POST", target, DATA), DATA, "sha512")


def test_a_wrong_sha512_is_refused(repository):
    location = repository.locate(repository.begin(digest_algorithm="sha512"))
    failed = repository.put(location, digest_of(b"other", "sha512"), DATA)
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]


def test_an_unknown_digest_algorithm_is_refused(repository):
    failed = repository.begin(digest_algorithm="md5")
    assert failed.status == 400
    assert failed.codes() == ["DIGEST_INVALID"]


# Mounting.


def other(repository, suffix="/source"):
    return Repository(repository.http, repository.name + suffix)


def test_a_mount_from_another_repository_needs_no_upload(repository):
    source = other(repository)
    digest = source.push_blob(DATA)
    assert repository.get_blob(digest).status == 404
    assert_pushed(repository, repository.begin(mount=digest, **{"from": source.name}))


def test_a_mount_without_from_finds_the_blob(repository):
    data = b"mounted from anywhere " + repository.name.encode()
    digest = other(repository).push_blob(data)
    assert_pushed(repository, repository.begin(mount=digest), data)


@pytest.mark.parametrize("parameters", [{}, {"from": "no/such"}, {"from": "test/has-it-not"}])
def test_a_mount_of_what_is_not_there_begins_an_upload(repository, parameters):
    data = f"unknown {parameters} {repository.name}".encode()
    Repository(repository.http, "test/has-it-not").push_blob(b"another blob")
    begun = repository.begin(mount=digest_of(data), **parameters)
    assert begun.status == 202, begun
    assert_pushed(repository, repository.put(repository.locate(begun), digest_of(data), data), data)


def test_a_mount_takes_only_what_from_serves(repository):
    """The blob exists, but not in the repository that was named."""
    data = b"elsewhere " + repository.name.encode()
    digest = other(repository).push_blob(data)
    other(repository, "/empty").push_blob(b"another blob")
    begun = repository.begin(mount=digest, **{"from": repository.name + "/empty"})
    assert begun.status == 202, begun
    assert repository.get_blob(digest).status == 404


def test_a_mount_of_sha512(repository):
    digest = other(repository).push_blob(DATA, "sha512")
    assert_pushed(repository, repository.begin(mount=digest, **{"from": other(repository).name}),
                  DATA, "sha512")
