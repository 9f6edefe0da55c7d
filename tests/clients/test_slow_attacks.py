"""slowhttptest in its three modes: hundreds of connections that send or read as slowly as they may. A
real client beside them goes on as if they were not there, and the limits end them."""

import json
import random
import re
import statistics
import threading
import time

import pytest

from http_client import Repository, digest_of, with_query
from programs import find_program, run, wait_until

pytestmark = pytest.mark.attacks

CONNECTIONS = 300
LIMITS = {"header-timeout-seconds": 3, "stall-timeout-seconds": 3, "idle-timeout-seconds": 3}
DATA = random.Random(7).randbytes(8 << 20)
# A pull and a push of 8 MiB are some 50 ms on a machine with nothing else to do; a single one may meet
# the attack's own work on the same cores.
USUAL_SECONDS, LONGEST_SECONDS = 0.5, 8.0


@pytest.fixture
def server(servers, tmp_path):
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"pkgreg": LIMITS}))
    return servers.start("--options", options)


def attack(server, target, *arguments):
    """Runs slowhttptest for 12 seconds; what it says at its end."""
    done = run(find_program("slowhttptest"), *arguments, "-c", CONNECTIONS, "-r", 150, "-l", 12, "-p", 3,
               "-u", f"http://{server.address}{target}", timeout=30)
    said = done.stdout + done.stderr
    assert "service available:   YES" in re.sub(r"\x1b\[[0-9;]*m", "", said), said
    return said


class Client:
    """Pulls and pushes until it is told to stop; how long each round took."""

    def __init__(self, server):
        self.repository = Repository(server.http, "real/client")
        self.digest = self.repository.push_blob(DATA)
        self.rounds, self.failure, self.stopping = [], None, threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        number = 0
        try:
            while not self.stopping.is_set():
                begun = time.monotonic()
                assert self.repository.get_blob(self.digest).body == DATA
                self.repository.push_blob(DATA + str(number).encode())
                self.rounds.append(time.monotonic() - begun)
                number += 1
                self.stopping.wait(0.2)
        except Exception as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)

    def check(self):
        assert self.failure is None, self.failure
        assert len(self.rounds) >= 8, self.rounds
        assert statistics.median(self.rounds) < USUAL_SECONDS, self.rounds
        assert max(self.rounds) < LONGEST_SECONDS, self.rounds


def check_ended(server, said, pattern):
    """The server has ended the attack's connections, as the access log says with its lines."""
    wait_until(lambda: len(re.findall(pattern, server.daemon.stderr())) >= CONNECTIONS // 2,
               f"{pattern} in the access log of {said[-800:]}")


def test_slow_heads_are_cut_off_and_hold_nobody_up(server):
    with Client(server) as client:
        said = attack(server, "/v2/", "-H", "-i", 1, "-x", 24)
    client.check()
    assert "No open connections left" in said, said
    check_ended(server, said, r'" 408 ')


def test_slow_bodies_are_cut_off_and_hold_nobody_up(server):
    target = with_query("/v2/slow/body/blobs/uploads/", digest=digest_of(b"never comes"))
    with Client(server) as client:
        said = attack(server, target, "-B", "-i", 1, "-x", 10, "-s", 1 << 20, "-t", "POST")
    client.check()
    assert "No open connections left" in said, said
    check_ended(server, said, r'"POST /v2/slow/body/blobs/uploads/[^"]*" 4\d\d ')
    assert Repository(server.http, "slow/body").get_blob(digest_of(b"never comes")).status == 404


def test_slow_readers_are_cut_off_and_hold_nobody_up(server):
    repository = Repository(server.http, "slow/read")
    digest = repository.push_blob(DATA * 4)
    with Client(server) as client:
        said = attack(server, repository.blob(digest), "-X", "-n", 1, "-w", 256, "-y", 512, "-z", 16, "-k", 1)
    client.check()
    check_ended(server, said, r'"GET /v2/slow/read/blobs/[^\n]* incomplete')
    assert digest_of(repository.get_blob(digest).body) == digest
