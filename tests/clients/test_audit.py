"""The audit log and the limits of a running server, as operators and clients meet them."""

import base64
import json
import os
import random
import time

import pytest

import secret_watch
from http_client import Http, Repository, digest_of
from password_file import write_htpasswd
from programs import PKGREG, run, wait_until

pytestmark = pytest.mark.protocol

PASSWORD = "correct-horse-battery"
DATA = random.Random(11).randbytes(24 << 20)


class LoggedIn(Http):
    """Every request with a name and a password."""

    def __init__(self, server, name="alice", password=PASSWORD):
        super().__init__(server.host, server.port)
        self.login = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def request(self, method, target, body=None, headers=(), connection=None):
        return super().request(method, target, body, {**dict(headers), "Authorization": self.login},
                               connection)


@pytest.fixture
def htpasswd(tmp_path):
    file = tmp_path / "htpasswd"
    write_htpasswd(file, {"alice": PASSWORD})
    return file


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "audit.log"
    secret_watch.watch_file(file)
    return file


def entries(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def wait_for(file, count):
    return wait_until(lambda: len(entries(file)) >= count and entries(file), f"{count} entries in {file}", 5)


def test_changes_are_told_with_who_and_what(servers, htpasswd, log):
    server = servers.start("--htpasswd", htpasswd, "--audit-log", log)
    body = Repository(LoggedIn(server), "team/app").push_image("v1")
    assert Repository(LoggedIn(server), "team/app").delete_manifest("v1").status == 202
    all_of_them = wait_for(log, 4)
    assert [entry["action"] for entry in all_of_them] == ["push-blob", "push-blob", "push-manifest", "delete-tag"]
    for entry in all_of_them:
        assert entry["kind"] == "basic" and entry["name"] == "alice" and entry["result"] == "done"
        assert entry["repository"] == "team/app" and entry["client"].startswith("127.0.0.1:")
        assert entry["request"] and entry["time"].endswith("Z")
    assert all_of_them[2]["digest"] == digest_of(body) and all_of_them[2]["reference"] == "v1"


def test_refused_log_ins_are_told_without_the_password(servers, htpasswd, log):
    server = servers.start("--htpasswd", htpasswd, "--audit-log", log)
    secret_watch.register_login("alice", "wrong-password-7")
    assert server.http.get("/v2/").status == 401
    assert LoggedIn(server, "alice", "wrong-password-7").get("/v2/").status == 401
    assert LoggedIn(server).get("/v2/").status == 200
    (entry,) = wait_for(log, 1)
    assert (entry["action"], entry["result"], entry["status"]) == ("log-in", "refused", 401)


def test_log_ins_at_the_token_endpoint_are_told_and_limited(servers, htpasswd, log):
    server = servers.start("--htpasswd", htpasswd, "--token-endpoint", "--audit-log", log,
                           "--max-requests-per-second", "4")
    secret_watch.register_login("alice", "wrong-password-7")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = "grant_type=password&service=pkgreg&username=alice&password=wrong-password-7"
    right = f"grant_type=password&service=pkgreg&username=alice&password={PASSWORD}"
    assert server.http.request("POST", "/token", wrong, form).status == 401
    assert LoggedIn(server, "alice", "wrong-password-7").get("/token?service=pkgreg").status == 401
    assert server.http.request("POST", "/token", right, form).status == 200
    for entry in wait_for(log, 2):
        assert (entry["action"], entry["result"], entry["status"]) == ("log-in", "refused", 401)
    statuses = [server.http.request("POST", "/token", right, form).status for _ in range(12)]
    assert 429 in statuses, statuses
    assert len(entries(log)) == 2


def test_a_log_that_is_moved_away_is_made_anew(servers, log):
    server = servers.start("--audit-log", log)
    repository = Repository(server.http, "a")
    repository.push_blob(b"one")
    wait_for(log, 1)
    os.rename(log, f"{log}.1")
    repository.push_blob(b"two")
    (entry,) = wait_for(log, 1)
    assert entry["digest"] == digest_of(b"two")


def test_a_full_disk_is_told_once_and_stops_nobody(servers):
    server = servers.start("--audit-log", "/dev/full")
    repository = Repository(server.http, "a")
    for number in range(20):
        repository.push_blob(b"%d" % number)
    wait_until(lambda: "the audit log /dev/full cannot be written" in server.daemon.stderr(), "a word of it")
    assert server.daemon.stderr().count("cannot be written") == 1


def test_the_log_can_be_standard_error(servers):
    server = servers.start("--audit-log", "-")
    Repository(server.http, "a").push_blob(b"one")
    wait_until(lambda: '"action":"push-blob"' in server.daemon.stderr(), "the entry")


def test_a_rate_is_kept_and_the_answer_says_when_to_come_back(servers, tmp_path):
    server = servers.start("--max-requests-per-second", "5")
    statuses = [server.http.get("/v2/").status for _ in range(20)]
    assert statuses[:5] == [200] * 5 and statuses.count(429) >= 10, statuses
    refused = server.http.get("/v2/")
    while refused.status == 200:
        refused = server.http.get("/v2/")
    assert refused.codes() == ["TOOMANYREQUESTS"] and int(refused.header("Retry-After")) >= 1
    time.sleep(int(refused.header("Retry-After")))
    assert server.http.get("/v2/").status == 200
    assert all(server.http.get("/health").status == 200 for _ in range(20))


def test_a_transfer_counts_until_its_last_byte(servers):
    server = servers.start("--max-requests-at-once", "1")
    repository = Repository(server.http, "a")
    digest = repository.push_blob(DATA)
    with server.http.socket() as slow:
        slow.sendall(f"GET {repository.blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert slow.recv(1000)
        assert server.http.get("/v2/").status == 429
        received = 1000
        while received < len(DATA):
            received += len(slow.recv(1 << 20))
        wait_until(lambda: server.http.get("/v2/").status == 200, "the turn to end", 5)
    # One that is broken off ends as well.
    with server.http.socket() as gone:
        gone.sendall(f"GET {repository.blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert gone.recv(1000)
        assert server.http.get("/v2/").status == 429
    wait_until(lambda: server.http.get("/v2/").status == 200, "the turn to end", 5)


def test_options_that_cannot_work_are_refused_at_the_start(tmp_path):
    file = tmp_path / "none" / "audit.log"
    done = run(PKGREG, "serve", "--storage", "memory:", "--listen", "127.0.0.1:0", "--audit-log", file,
               check=False, timeout=20)
    assert done.returncode == 2 and str(file) in done.stderr, done
