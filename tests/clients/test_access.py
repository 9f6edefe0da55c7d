"""Access control on a running server: users by a password file, a policy, and both while they change.

The whole matrix of endpoints and methods is tests/protocol/access_matrix_test.cpp; here are the same
rules through the options, the files and a socket.
"""

import base64
import json
import os
import time

import pytest

from http_client import OCI_MANIFEST, as_json, digest_of
from password_file import write_htpasswd

PASSWORDS = {name: f"{name}-password-5tQz8" for name in ("reader", "pusher", "deleter", "lister",
                                                         "admin", "stranger")}
POLICY = {
    "groups": {"readers": ["reader", "basic:pusher"]},
    "rules": [
        {"who": ["group:readers"], "repositories": ["team/**"], "actions": ["pull"]},
        {"who": ["pusher"], "repositories": ["team/**"], "actions": ["push"]},
        {"who": ["deleter"], "repositories": ["team/**"], "actions": ["delete"]},
        {"who": ["lister"], "repositories": ["team/**"], "actions": ["list"]},
        {"who": ["admin"], "repositories": ["**"], "actions": ["pull", "push", "delete", "list"]},
        {"who": ["admin"], "packages": ["*"], "actions": ["pull", "list", "administer"]},
        {"who": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]},
    ]}
BLOB = b"a blob"
CONFIG = b"{}"


def manifest():
    descriptor = {"mediaType": "application/octet-stream", "digest": digest_of(CONFIG),
                  "size": len(CONFIG)}
    return as_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor,
                    "layers": []})


def replace(file, text):
    """As an editor does: another file takes the name."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)


class Guarded:
    def __init__(self, servers, folder, *arguments):
        self.policy, self.users = folder / "policy.json", folder / "users"
        write_htpasswd(self.users, PASSWORDS)
        self.policy.write_text(json.dumps(POLICY))
        self.server = servers.start("--htpasswd", str(self.users), "--access-policy",
                                    str(self.policy), *arguments)

    def ask(self, who, method, target, body=None, **headers):
        fields = dict(headers)
        if who:
            credentials = f"{who}:{PASSWORDS[who]}".encode()
            fields["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        return self.server.http.request(method, target, body, fields)

    def status(self, who, method, target, body=None, **headers):
        return self.ask(who, method, target, body, **headers).status

    def fill(self, *repositories):
        for repository in repositories:
            for content in (BLOB, CONFIG):
                assert self.status("admin", "POST", f"/v2/{repository}/blobs/uploads/?digest="
                                   + digest_of(content), content) == 201
            answer = self.ask("admin", "PUT", f"/v2/{repository}/manifests/latest", manifest(),
                              **{"Content-Type": OCI_MANIFEST})
            assert answer.status == 201, answer.body


@pytest.fixture
def guarded(servers, tmp_path):
    started = Guarded(servers, tmp_path)
    started.fill("team/app", "other/app", "public/app")
    return started


def wait_for(look, what):
    until = time.monotonic() + 10
    while not look():
        assert time.monotonic() < until, what
        time.sleep(0.1)


PULLS = ("GET", "/v2/{}/manifests/latest"), ("HEAD", "/v2/{}/blobs/" + digest_of(BLOB)), \
    ("GET", "/v2/{}/tags/list"), ("GET", "/v2/{}/referrers/" + digest_of(manifest()))
PUSHES = ("POST", "/v2/{}/blobs/uploads/"), ("PUT", "/v2/{}/manifests/other")
REMOVALS = ("DELETE", "/v2/{}/manifests/none"), ("DELETE", "/v2/{}/blobs/" + digest_of(b"none"))
REPOSITORIES = "team/app", "other/app", "public/app", "other/none"
MAY = {"reader": {"team/app": PULLS},
       "pusher": {"team/app": PULLS + PUSHES},  # rules with one pattern are united
       "deleter": {"team/app": REMOVALS},
       "lister": {}, "stranger": {},
       "admin": {name: PULLS + PUSHES + REMOVALS for name in REPOSITORIES},
       None: {"public/app": PULLS}}


def test_who_may_do_what(guarded):
    for who, allowed in MAY.items():
        for repository in REPOSITORIES:
            for method, target in PULLS + PUSHES + REMOVALS:
                answer = guarded.ask(who, method, target.format(repository),
                                     manifest() if method == "PUT" else None,
                                     **({"Content-Type": OCI_MANIFEST} if method == "PUT" else {}))
                where = who, method, target.format(repository), answer.status, answer.body
                if (method, target) in allowed.get(repository, ()):
                    assert answer.status not in (401, 403), where
                    continue
                assert answer.status == (403 if who else 401), where
                challenge = answer.header("WWW-Authenticate")
                assert bool(challenge) == (who is None), where
                if method != "HEAD":
                    assert answer.codes() == ["DENIED" if who else "UNAUTHORIZED"]


def test_lists_show_what_may_be_seen(guarded):
    def catalog(who):
        return guarded.ask(who, "GET", "/v2/_catalog").json()["repositories"]

    assert catalog("admin") == ["other/app", "public/app", "team/app"]
    assert catalog("lister") == ["team/app"]
    assert guarded.status("reader", "GET", "/v2/_catalog") == 403
    assert guarded.status(None, "GET", "/v2/_catalog") == 401
    assert guarded.status("admin", "GET", "/repo") == 200
    assert guarded.status(None, "GET", "/repo") == 401
    assert guarded.status(None, "GET", "/health") == guarded.status(None, "GET", "/") == 200


def test_wrong_passwords_open_nothing(guarded):
    for header in ("Basic " + base64.b64encode(b"admin:wrong-1q2w3e").decode(), "Basic !", "Basic",
                   "Bearer x", "token=x", "Negotiate x"):
        answer = guarded.server.http.request("GET", "/v2/public/app/tags/list",
                                             headers={"Authorization": header})
        assert answer.status in (400, 401), (header, answer)


def test_the_policy_is_read_again_and_a_broken_one_is_not(guarded):
    target = "/v2/team/app/tags/list"
    assert guarded.status("stranger", "GET", target) == 403
    changed = dict(POLICY, rules=POLICY["rules"] + [
        {"who": ["stranger"], "repositories": ["team/app"], "actions": ["pull"]}])
    replace(guarded.policy, json.dumps(changed))
    wait_for(lambda: guarded.status("stranger", "GET", target) == 200, "the new policy")

    replace(guarded.policy, '{"rules": [\n{"who": ["everyone"], "repositories": ["**"]}]}')
    wait_for(lambda: guarded.status("stranger", "GET", target) and
             "what was read before stays in force" in guarded.server.daemon.output(),
             "a word on the broken policy")
    assert "policy.json:2: rules[0].actions: must be given" in guarded.server.daemon.output()
    assert guarded.status("stranger", "GET", target) == 200
    assert guarded.status(None, "GET", target) == 401

    guarded.policy.unlink()
    time.sleep(1.5)
    assert guarded.status("stranger", "GET", target) == 200
    replace(guarded.policy, json.dumps(POLICY))
    wait_for(lambda: guarded.status("stranger", "GET", target) == 403, "the first policy again")


def test_a_server_does_not_start_with_a_broken_policy(servers, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"rules": [{"who": ["ldap:x"], "repositories": ["**"], "actions": []}]}')
    with pytest.raises(AssertionError) as refused:
        servers.start("--access-policy", str(policy))
    assert "ldap:x" in str(refused.value)


def test_anonymous_pull_opens_pulls_alone(servers, tmp_path):
    guarded = Guarded(servers, tmp_path, "--anonymous-pull")
    guarded.fill("other/app")
    for method, target in PULLS:
        assert guarded.status(None, method, target.format("other/app")) == 200
    for method, target in PUSHES + REMOVALS:
        assert guarded.status(None, method, target.format("other/app")) == 401
    assert guarded.status(None, "GET", "/v2/_catalog") == 401
    assert guarded.status(None, "GET", "/repo") == 200


def test_a_mount_needs_both_repositories(guarded):
    guarded.fill("public/base")
    mount = f"?mount={digest_of(BLOB)}&from="

    def status(target, source):
        return guarded.status("pusher", "POST", f"/v2/{target}/blobs/uploads/{mount}{source}")

    assert status("team/new", "team/app") == 201
    assert status("team/next", "other/app") == 202
    assert status("team/next", "other/none") == 202
    assert status("other/new", "team/app") == 403
    assert guarded.status("pusher", "HEAD", "/v2/team/next/blobs/" + digest_of(BLOB)) == 404


def test_spellings_get_around_nothing(guarded):
    for path in ("other%2fapp", "team/..%2fother/app", "team/../other/app", "team%2f%2e%2e%2fother/app",
                 "OTHER/app", "other//app", "./other/app", "other/app/", "team/%00/../other/app"):
        for target in (f"/v2/{path}/manifests/latest", f"/v2/{path}/tags/list"):
            assert guarded.status("reader", "GET", target) >= 400, target
        assert guarded.status("pusher", "POST", f"/v2/{path}/blobs/uploads/") >= 400, path


def test_behind_a_proxy_failed_log_ins_count_for_the_client_that_it_tells_of(servers, tmp_path):
    guarded = Guarded(servers, tmp_path, "--trusted-proxy", "127.0.0.1")

    def log_in(name, password, client):
        credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
        return guarded.server.http.request("GET", "/v2/", headers={"Authorization": "Basic " + credentials,
                                   "X-Forwarded-For": client}).status

    statuses = [log_in("reader", f"guess-number-{i}", "192.0.2.1") for i in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert log_in("admin", PASSWORDS["admin"], "192.0.2.1") == 429
    assert log_in("admin", PASSWORDS["admin"], "192.0.2.2") == 200
