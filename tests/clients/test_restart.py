"""Crashes, shutdowns and crowds: what was acknowledged is there afterwards, whatever happened."""

import http.client
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from crowd import Crowd, check_whole, run_at_once
from http_client import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Repository, as_json, descriptor_of
from http_client import digest_of, image_manifest, status_of, with_query
from programs import PKGREG, run

pytestmark = pytest.mark.restart
over_s3_too = pytest.mark.storages("directory", "s3")

BROKEN = (ConnectionError, http.client.HTTPException, TimeoutError, OSError)
ROUNDS = {"directory": 100, "s3": 20}


class Pusher(threading.Thread):
    """A client that pushes and deletes until its server dies, and notes what was acknowledged."""

    def __init__(self, server, number, seed):
        super().__init__()
        self.repository = Repository(server.http, f"crash/{number}")
        self.random = random.Random(seed)
        self.blobs, self.manifests = set(), {}
        # A tag is used once: its manifest's digest when there, False when deleted, None when its
        # deletion was asked for and never answered.
        self.tags = {}
        self.refused = None

    def run(self):
        try:
            while True:
                self.push_image()
        except BROKEN:
            pass
        except AssertionError as error:
            self.refused = error

    def push_blob(self):
        size = self.random.choice((1, 1000, 30_000, 200_000))
        data = self.random.randbytes(size)
        digest = digest_of(data)
        repository = self.repository
        way = self.random.randrange(3)
        if way == 0:
            done = repository.http.request("POST", with_query(f"{repository.base}/blobs/uploads/",
                                                              digest=digest), data)
        else:
            begun = repository.begin()
            assert begun.status == 202, begun
            location = repository.locate(begun)
            if way == 1:
                done = repository.put(location, digest, data)
            else:
                middle = size // 2
                for part in (data[:middle], data[middle:]):
                    sent = repository.http.request("PATCH", location, iter([part or b"", b""]))
                    assert sent.status == 202, sent
                    location = repository.locate(sent)
                done = repository.put(location, digest)
        assert done.status == 201, done
        self.blobs.add(digest)
        return data

    def push_image(self):
        config, layer = self.push_blob(), self.push_blob()
        body = as_json(image_manifest(descriptor_of(OCI_CONFIG, config),
                                      [descriptor_of(OCI_LAYER, layer)]))
        tag = f"t{digest_of(body)[-12:]}"
        done = self.repository.put_manifest(tag, body)
        assert done.status == 201, done
        self.manifests[digest_of(body)] = body
        self.tags[tag] = digest_of(body)
        if self.random.random() < 0.3:
            tag = self.random.choice([tag for tag, digest in self.tags.items() if digest])
            self.tags[tag] = None
            assert self.repository.delete_manifest(tag).status == 202
            self.tags[tag] = False

    def check(self, server):
        """Everything that was acknowledged is there, and hashes right."""
        assert self.refused is None, self.refused
        repository = Repository(server.http, self.repository.name)
        connection = server.http.connect()

        def get(target):
            return server.http.request("GET", target, connection=connection)

        for digest in self.blobs:
            answer = get(repository.blob(digest))
            assert answer.status == 200, f"an acknowledged blob is lost: {digest}: {answer}"
            assert digest_of(answer.body) == digest
        for digest, body in self.manifests.items():
            answer = get(repository.manifest(digest))
            assert answer.status == 200, f"an acknowledged manifest is lost: {digest}: {answer}"
            assert answer.body == body
        for tag, digest in self.tags.items():
            answer = get(repository.manifest(tag))
            if digest:
                assert answer.header("Docker-Content-Digest") == digest, f"tag {tag}: {answer}"
            elif digest is False:
                assert answer.status == 404, f"a deletion that was acknowledged is undone: {tag}"
        connection.close()


def temporary_files(server):
    """What a directory keeps while it writes; a bucket has none."""
    if not isinstance(server.storage, Path):
        return []
    return [file for file in (server.storage / ".tmp").rglob("*") if file.is_file()]


@over_s3_too
def test_kills_at_random_moments_lose_nothing_that_was_acknowledged(servers, storage_kind):
    moments, rounds = random.Random(20240229), ROUNDS[storage_kind]
    pushers = []
    server = servers.start()
    for number in range(rounds):
        current = [Pusher(server, client, f"{number}-{client}") for client in range(3)]
        for pusher in current:
            pusher.start()
        # By progress, not by the clock, so that a slow machine is killed at work as well.
        enough, deadline = moments.randrange(10), time.monotonic() + 5
        while (sum(len(pusher.blobs) for pusher in current) < enough
               and time.monotonic() < deadline):
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.01))
        server.kill()
        for pusher in current:
            pusher.join(30)
        server = servers.start(storage=server.storage)
        assert temporary_files(server) == []
        for pusher in current:
            pusher.check(server)
        pushers += current
    assert sum(len(pusher.blobs) for pusher in pushers) > rounds, "hardly anything was pushed"
    for pusher in pushers:
        pusher.check(server)
    check_whole(server)


@over_s3_too
def test_a_kill_in_the_middle_of_a_large_body(servers):
    server = servers.start()
    repository = Repository(server.http, "large")
    kept = repository.push_blob(b"kept")
    location = repository.locate(repository.begin())
    with server.http.socket() as connection:
        connection.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 30}"
                           "\r\n\r\n".encode() + bytes(20 << 20))
        server.kill()
    server = servers.start(storage=server.storage)
    assert temporary_files(server) == []
    repository = Repository(server.http, "large")
    assert repository.get_blob(kept).body == b"kept"
    assert repository.http.get(location).status in (204, 404)


# Shutdown.


def wait_for_refusal(server):
    """Waits until new connections are refused, or answered with 503."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if server.http.get("/v2/").status == 503:
                return
        except BROKEN:
            return
        time.sleep(0.02)
    raise AssertionError("the server takes new requests long after SIGTERM")


@over_s3_too
def test_sigterm_lets_running_transfers_finish(servers):
    server = servers.start("--grace", "300")
    repository = Repository(server.http, "drain")
    data = random.Random(3).randbytes(32 << 20)
    digest = repository.push_blob(data)
    location = repository.locate(repository.begin())
    half = len(data) // 2
    with server.http.socket() as pull, server.http.socket() as push, server.http.socket() as idle:
        idle.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(idle.recv(4096)) == 200
        pull.sendall(f"GET {repository.blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = bytearray(pull.recv(4096))
        push.sendall(f"PUT {with_query(location, digest=digest)} HTTP/1.1\r\nHost: x\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data[:half])
        server.daemon.process.send_signal(signal.SIGTERM)
        wait_for_refusal(server)
        assert server.daemon.running(), "it ended while transfers were running"
        push.sendall(data[half:])
        answer = push.recv(65536)
        assert status_of(answer) == 201, answer
        while part := pull.recv(1 << 20):
            received += part
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert status_of(head) == 200
        assert len(body) == len(data), "a running transfer was cut off"
        assert digest_of(body) == digest
        assert idle.recv(4096) == b"", "an idle connection is closed"
    server.stop()


@over_s3_too
def test_sigterm_ends_an_idle_server_at_once(registry):
    registry.http.get("/v2/")
    started = time.monotonic()
    registry.stop()
    assert time.monotonic() - started < 2


@over_s3_too
def test_what_is_stored_is_there_after_a_restart(servers):
    first = servers.start()
    body = Repository(first.http, "kept").push_image("v1")
    first.stop()
    second = servers.start(storage=first.storage)
    repository = Repository(second.http, "kept")
    assert repository.get_manifest("v1").body == body
    assert repository.tags().json()["tags"] == ["v1"]
    assert second.http.get("/v2/_catalog").json() == {"repositories": ["kept"]}


def test_memory_storage_keeps_nothing(servers):
    server = servers.start(storage="memory:")
    body = Repository(server.http, "gone").push_image("v1")
    assert Repository(server.http, "gone").get_manifest("v1").body == body
    server.stop()
    again = servers.start(storage="memory:")
    assert Repository(again.http, "gone").get_manifest("v1").status == 404


def test_a_second_server_on_the_same_directory_is_refused(registry):
    refused = run(PKGREG, "serve", "--storage", registry.storage, "--listen", "127.0.0.1:0",
                  check=False, timeout=20)
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert str(registry.storage) in refused.stderr
    assert str(registry.daemon.pid) in refused.stderr, "the message names who has it"
    assert registry.http.get("/v2/").status == 200
    registry.kill()
    # The lock went with the process.
    free = subprocess.Popen([PKGREG, "serve", "--storage", registry.storage, "--listen",
                             "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert free.stdout.readline().startswith(b"listening on ")
    finally:
        free.terminate()
        assert free.wait(20) == 0


# A crowd.


@pytest.mark.concurrent
@over_s3_too
def test_200_pushes_and_deletes_at_once_from_16_clients(registry):
    """Only answers of the protocol, and what nobody deleted is there and whole."""
    Crowd([registry], seed=7).run()


@pytest.mark.concurrent
@over_s3_too
def test_16_clients_push_the_same_blob_and_tag_at_once(registry):
    data = random.Random(5).randbytes(1 << 20)

    def client(number):
        repository = Repository(registry.http, f"same/{number % 2}")
        location = repository.locate(repository.begin())
        body = as_json(image_manifest(descriptor_of(OCI_CONFIG, data), []))
        return (repository.put(location, digest_of(data), data).status,
                repository.put_manifest("tag", body, OCI_MANIFEST).status)

    answers = run_at_once([lambda number=number: client(number) for number in range(16)])
    assert answers == [(201, 201)] * 16
    check_whole(registry)


@pytest.mark.concurrent
@over_s3_too
def test_a_tag_that_is_rewritten_all_the_time_is_always_there(registry):
    repository = Repository(registry.http, "moving")
    bodies = [repository.push_image("moving", layers=[f"layer {n}".encode()]) for n in range(4)]
    stop = threading.Event()
    problems = []

    def writer(number):
        own = Repository(registry.http, "moving")
        while not stop.is_set():
            answer = own.put_manifest("moving", bodies[number])
            if answer.status != 201:
                problems.append(answer)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            answer = repository.get_manifest("moving")
            assert answer.body in bodies, answer
            assert repository.tags().json()["tags"] == ["moving"]
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert problems == []


