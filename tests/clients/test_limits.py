"""Memory stays within its bounds: idle, with many transfers, and whatever a blob's size is."""

import random
import threading

import pytest

from http_client import Repository, digest_of, with_query
from programs import skip_if_instrumented

pytestmark = pytest.mark.protocol

MIB = 1 << 20


@pytest.fixture(autouse=True)
def not_instrumented():
    skip_if_instrumented()


def memory(server, field):
    """`VmRSS` (resident now) or `VmHWM` (at its highest) of a server, in bytes."""
    for line in open(f"/proc/{server.daemon.pid}/status", encoding="ascii"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


def stream(size, seed):
    generator = random.Random(seed)
    block = generator.randbytes(MIB)
    for number in range(size // MIB):
        yield number.to_bytes(8, "big") + block[8:]


def test_an_idle_server_takes_at_most_16_mib(registry):
    registry.http.get("/v2/")
    assert memory(registry, "VmRSS") <= 16 * MIB


def test_64_transfers_at_once_take_at_most_48_mib(registry):
    """Half of them pull and half of them push, 32 MiB each, at a pace that keeps all running."""
    size = 32 * MIB
    source = Repository(registry.http, "source")
    location = source.locate(source.begin())
    digest = digest_of(b"".join(stream(size, 1)))
    assert source.http.request("PUT", with_query(location, digest=digest),
                               stream(size, 1)).status == 201
    running = threading.Barrier(64)
    results = []

    def pull():
        connection = registry.http.connect()
        connection.request("GET", source.blob(digest))
        answer = connection.getresponse()
        running.wait(60)
        received = 0
        while part := answer.read(MIB):
            received += len(part)
        results.append((answer.status, received) == (200, size))
        connection.close()

    def push(number):
        repository = Repository(registry.http, f"target/{number}")

        def body():
            for index, part in enumerate(stream(size, 1)):
                if index == 1:
                    running.wait(60)
                yield part

        begun = repository.locate(repository.begin())
        done = repository.http.request("PUT", with_query(begun, digest=digest), body())
        results.append(done.status == 201)

    threads = [threading.Thread(target=pull) for _ in range(32)]
    threads += [threading.Thread(target=push, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert results == [True] * 64
    assert memory(registry, "VmHWM") <= 48 * MIB


def test_memory_does_not_grow_with_the_size_of_a_blob(servers):
    peaks = []
    for size in (16 * MIB, 512 * MIB):
        server = servers.start()
        repository = Repository(server.http, "large")
        done = repository.http.request("PATCH", repository.locate(repository.begin()), stream(size, 1))
        assert done.status == 202
        peaks.append(memory(server, "VmHWM"))
        server.finish()
    assert peaks[1] <= peaks[0] + 4 * MIB, [peak // MIB for peak in peaks]
