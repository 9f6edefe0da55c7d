"""A certificate of a DC/OS cluster's authority: log-in, signing, names, renewal, and all that can be away,
refused, or broken on the way."""

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import stat
import threading
import time

import pytest

from certificates import Authority
from container_tools import Skopeo
from dcos_cluster import (ACCOUNT, INFO, LOGIN, SECRET, SECRETS, SIGN, Cluster, RsaKey)
from http_client import Http, Repository, digest_of
from images import closure, images
from programs import PKGREG, SANITIZER_REPORTS, Daemon, find_program, run, wait_until
from registry_server import RegistryServer

OWN_NAME = "registry.marathon.l4lb.thisdcos.directory"
PRIVATE_KEY = re.compile(r"PRIVATE KEY-----\n([^-]+)")

pytestmark = pytest.mark.cfssl


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster") / "c")
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(shared_cluster):
    """The cluster, as it was at the beginning."""
    shared_cluster.answers.clear()
    shared_cluster.requests.clear()
    shared_cluster.revoked.clear()
    shared_cluster.secrets.clear()
    shared_cluster.life, shared_cluster.may_sign = None, True
    shared_cluster.token_lifetime = 5 * 24 * 3600
    if shared_cluster.server is None:
        shared_cluster.come_back()
    return shared_cluster


class Task:
    """A registry as the cluster's task: with a sandbox, in which the account's secret is a file."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.sandbox = cluster, folder, folder / "sandbox"
        self.sandbox.mkdir()
        self.file = self.sandbox / "pkgreg-cluster" / "tls.pem"
        self.secret = self.sandbox / SECRET
        self.secret.write_text(cluster.account_secret())
        self.environment = {**os.environ, "MESOS_SANDBOX": str(self.sandbox)}
        self.servers, self.keys = [], set()

    def arguments(self, *more):
        arguments = ["--cluster-name", "127.0.0.1", "--cluster-name", "localhost", *map(str, more)]
        for name, value in (("--cluster-url", self.cluster.url), ("--cluster-ca", str(self.cluster.ca_file))):
            if name not in arguments:
                arguments += [name, value]
        return arguments

    def start(self, *more, environment=None):
        """A server that listens already."""
        server = RegistryServer(self.folder / f"server-{len(self.servers)}", self.folder / "storage",
                                self.arguments(*more), env=environment or self.environment)
        self.servers.append(server.daemon)
        return server

    def launch(self, *more, environment=None):
        """The program, whatever becomes of it."""
        daemon = Daemon([PKGREG, "serve", "--storage", self.folder / "storage", "--listen", "127.0.0.1:0",
                         *self.arguments(*more)], self.folder / f"server-{len(self.servers)}", "pkgreg",
                        environment or self.environment)
        self.servers.append(daemon)
        return daemon

    def refused(self, *more, environment=None, code=2):
        """What it says on its way out."""
        daemon = self.launch(*more, environment=environment)
        wait_until(lambda: not daemon.running(), "its end\n" + daemon.output())
        assert daemon.process.returncode == code, daemon.output()
        assert daemon.stdout() == ""
        return daemon.stderr()

    def note_key(self):
        """Remembers the key that is served now, so that it is looked for in the logs."""
        if self.file.exists():
            self.keys.update(line for text in PRIVATE_KEY.findall(self.file.read_text())
                             for line in text.split())

    def finish(self):
        self.note_key()
        for daemon in self.servers:
            code = daemon.terminate() if daemon.running() else daemon.process.returncode
            text = daemon.output()
            assert code in (0, 1, 2), text
            for report in SANITIZER_REPORTS:
                assert report not in text, text
            for hidden in [*self.cluster.hidden(), *self.keys]:
                assert hidden not in text, f"a secret is in the output: {text}"


@pytest.fixture
def task(request, cluster, tmp_path):
    task = Task(cluster, tmp_path)
    yield task
    task.finish()


def trusting(cluster):
    return ssl.create_default_context(cafile=str(cluster.ca_file))


class Https(Http):
    """Requests over TLS, by who trusts the cluster's authority alone."""

    def __init__(self, server, cluster):
        super().__init__(server.host, server.port)
        self.context = trusting(cluster)

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)

    def shown(self):
        """The certificate that a new connection is shown, as ssl tells it."""
        with self.context.wrap_socket(self.socket(), server_hostname=self.host) as secure:
            return secure.getpeercert()


# From end to end.


@pytest.mark.skopeo
def test_images_go_in_and_out_for_who_trusts_the_clusters_authority_alone(task, cluster, tmp_path):
    server = task.start()
    layout, skopeo = images(), Skopeo(tmp_path, server.address)
    folder = tmp_path / "trusted"
    folder.mkdir()
    shutil.copy(cluster.ca_file, folder / "ca.crt")
    refused = skopeo("copy", f"oci:{layout.path}:image", skopeo.remote("a/b:1"), check=False)
    assert refused.returncode != 0 and "unknown authority" in refused.stderr
    skopeo("copy", "--dest-cert-dir", folder, f"oci:{layout.path}:image", skopeo.remote("a/b:1"))
    skopeo.forget()
    skopeo("copy", "--src-cert-dir", folder, skopeo.remote("a/b:1"), f"oci:{tmp_path / 'back'}:image")
    back = type(layout)(tmp_path / "back")
    assert closure(back, back.root("image")) == closure(layout, layout.root("image"))


def test_the_certificate_holds_the_services_name_and_those_of_the_options(task, cluster):
    options = task.folder / "options.json"
    options.write_text(json.dumps({"service": {"name": "/my/custom/dcos-registry"},
                                   "pkgreg": {"cluster": {"names": ["registry.example.com", "::1"]}}}))
    server = task.start("--options", options, "--cluster-name", "a.example.com")
    shown = Https(server, cluster).shown()
    assert set(shown["subjectAltName"]) == {
        ("DNS", "mycustomdcos-registry.marathon.l4lb.thisdcos.directory"), ("DNS", "localhost"),
        ("DNS", "a.example.com"), ("IP Address", "127.0.0.1")}, "the command line wins over the file"
    assert dict(part[0] for part in shown["subject"])["commonName"].startswith("mycustomdcos-registry.")
    assert dict(part[0] for part in shown["issuer"])["commonName"] == "Cluster CA"


def test_names_of_the_options_file(task, cluster):
    options = task.folder / "options.json"
    options.write_text(json.dumps({"pkgreg": {"cluster": {
        "url": cluster.url, "ca": str(cluster.ca_file), "certificate": "on",
        "names": ["127.0.0.1", "::1", "*.example.com", "x" * 60 + ".example.com"]}}}))
    server = RegistryServer(task.folder / "by-file", task.folder / "storage", ("--options", str(options)),
                            env=task.environment)
    try:
        names = {name for _, name in Https(server, cluster).shown()["subjectAltName"]}
    finally:
        server.stop()
    assert names == {OWN_NAME, "127.0.0.1", "0:0:0:0:0:0:0:1", "*.example.com", "x" * 60 + ".example.com"}


def test_a_name_that_is_too_long_for_a_common_name_is_held_all_the_same(task, cluster):
    name = "/" + "folder/" * 10 + "registry"
    options = task.folder / "options.json"
    options.write_text(json.dumps({"service": {"name": name}}))
    shown = Https(task.start("--options", options), cluster).shown()
    assert ("DNS", name.replace("/", "") + ".marathon.l4lb.thisdcos.directory") in shown["subjectAltName"]
    assert dict(part[0] for part in shown["subject"])["commonName"] == "127.0.0.1"


def test_key_and_certificate_are_for_this_user_alone(task, cluster):
    task.start()
    assert stat.S_IMODE(task.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(task.file.parent.stat().st_mode) == 0o700
    assert [path.name for path in task.file.parent.iterdir()] == ["tls.pem"], "nothing unfinished is left"
    text = run("openssl", "pkey", "-in", task.file, "-noout", "-text").stdout
    assert "prime256v1" in text


def test_the_registry_shows_the_authority_so_that_trust_can_fetch_it(task, cluster, tmp_path):
    server = task.start()
    line = run("openssl", "x509", "-in", cluster.ca_file, "-noout", "-fingerprint", "-sha256").stdout
    run(PKGREG, "trust", "--docker", "--host", server.address, "--fetch", "--fingerprint",
        line.strip().split("=")[1], "--root", tmp_path / "root")
    written, = [path for path in (tmp_path / "root").rglob("ca.crt")]
    assert written.read_text() == cluster.ca_file.read_text()


def test_the_account_logs_in_with_a_token_of_its_own_and_asks_with_iams(task, cluster):
    """What the stand-in for IAM accepts was signed by the account's key; CFSSL sees only what it lets
    through."""
    task.start()
    assert [path for _, path in cluster.requests] == [INFO, LOGIN, SIGN]


# Renewal.


def serial_of(shown):
    return shown["serialNumber"]


def test_renewals_drop_no_connection_and_leave_no_moment_without_a_certificate(task, cluster):
    cluster.life = 8
    server = task.start()
    https = Https(server, cluster)
    kept = https.connect()

    def ask():
        kept.request("GET", "/v2/")
        answer = kept.getresponse()
        return answer.status, answer.read()

    assert ask()[0] == 200
    data = os.urandom(1 << 20)
    pieces, sent, answers = 120, threading.Event(), []

    def slowly():
        for i in range(pieces):
            time.sleep(0.15)
            yield data[i * len(data) // pieces:(i + 1) * len(data) // pieces]
        sent.set()

    target = f"/v2/a/slow/blobs/uploads/?digest={digest_of(data)}"
    upload = threading.Thread(target=lambda: answers.append(https.request("POST", target, slowly())))
    upload.start()
    serials, began = [], time.monotonic()
    while not sent.is_set() and time.monotonic() - began < 60:
        serials.append(serial_of(https.shown()))  # which ssl refuses where it has ended
        assert ask()[0] == 200
        task.note_key()
        time.sleep(0.1)
    upload.join(30)
    assert answers and answers[0].status == 201, answers
    assert len(set(serials)) >= 3, serials
    assert Https(server, cluster).get(f"/v2/a/slow/blobs/{digest_of(data)}").body == data
    kept.close()


def test_an_authority_that_is_away_at_a_renewal_is_asked_until_it_is_back(task, cluster):
    cluster.life = 14
    server = task.start()
    https = Https(server, cluster)
    first = serial_of(https.shown())
    cluster.go_away()
    errors = server.daemon.stderr
    server.daemon.wait_until(lambda: "cannot be renewed" in errors(), "a failure is told", 20)
    assert serial_of(https.shown()) == first and https.get("/v2/").status == 200
    server.daemon.wait_until(lambda: re.search(r"error.*cannot be renewed", errors()), "it is told loudly", 20)
    server.daemon.wait_until(lambda: "HAS ENDED" in errors(), "the end is told", 20)
    cluster.life = None
    cluster.come_back()
    wait_until(lambda: tried(https) not in (None, first), "the new one is shown", 20, pause=0.2)
    assert re.search(r"warning.*cannot be renewed", errors()), "gently at first"


def tried(https):
    """The serial number that is shown, or None where it has ended."""
    try:
        return serial_of(https.shown())
    except ssl.SSLCertVerificationError:
        return None


def test_a_token_that_has_ended_or_was_revoked_is_got_anew(task, cluster):
    cluster.life, cluster.token_lifetime = 5, 2
    server = task.start()
    https = Https(server, cluster)
    first = serial_of(https.shown())
    wait_until(lambda: serial_of(https.shown()) != first, "a renewal", 20, pause=0.2)
    assert cluster.count(LOGIN) == cluster.count(SIGN) == 2, "one for each: they end in between"
    cluster.token_lifetime = 3600
    wait_until(lambda: cluster.count(SIGN) == 4, "two more renewals", 20)
    assert cluster.count(LOGIN) == 3, "one token serves both"
    cluster.revoked.update(cluster.tokens)
    before = cluster.count(LOGIN)
    wait_until(lambda: cluster.count(LOGIN) == before + 1, "another log-in", 20)
    wait_until(lambda: "cannot be renewed" not in server.daemon.stderr(), "no failure")


# What is away at the start.


def started(daemon):
    return daemon.stdout().startswith("listening on https://")


@pytest.mark.parametrize("away", ["masters", LOGIN, SIGN, INFO])
def test_what_is_away_at_the_start_is_waited_for(task, cluster, away):
    if away == "masters":
        cluster.go_away()
    else:
        cluster.answers[away] = (503, b"<html>starting</html>")
    daemon = task.launch()
    waiting = "waiting for a certificate of the cluster's authority"
    daemon.wait_until(lambda: daemon.stderr().count(waiting) >= 2, "it asks again")
    assert daemon.stdout() == "", "it listens to nobody before"
    assert ("127.0.0.1" in daemon.stderr()) and ("503" in daemon.stderr() or away == "masters")
    if away == "masters":
        cluster.come_back()
    cluster.answers.clear()
    daemon.wait_until(lambda: started(daemon), "it listens")


def test_the_order_to_stop_ends_the_waiting(task, cluster):
    cluster.go_away()
    daemon = task.launch()
    daemon.wait_until(lambda: "waiting for a certificate" in daemon.stderr(), "it waits")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_until(lambda: "SIGHUP" in daemon.stderr(), "it goes on after SIGHUP")
    began = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - began < 5


def test_a_service_that_says_nothing_does_not_hold_up_the_end(task, cluster):
    """IAM accepts the connection and then is silent."""
    stuck = threading.Event()
    log_in = cluster._log_in
    cluster._log_in = lambda wanted: stuck.wait(30) and log_in(wanted)
    try:
        daemon = task.launch()
        wait_until(lambda: cluster.count(LOGIN) == 1, "it asks")
        began = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - began < 5
    finally:
        stuck.set()
        del cluster._log_in


def test_masters_that_are_not_trusted_are_told_of_nothing(task, cluster, tmp_path):
    other = Authority(tmp_path / "other").certificate
    daemon = task.launch("--cluster-ca", other)
    daemon.wait_until(lambda: "waiting for a certificate" in daemon.stderr(), "it waits")
    assert cluster.requests == [] and "certificate" in daemon.stderr()


GARBAGE = {
    "login-empty-object": (LOGIN, b"{}"),
    "login-text": (LOGIN, b"not JSON"),
    "login-nothing": (LOGIN, b""),
    "login-number": (LOGIN, b'{"token": 7}'),
    "login-blank": (LOGIN, b'{"token": "a b"}'),
    "login-twice": (LOGIN, b'{"token": "one", "token": "two"}'),
    "login-line-break": (LOGIN, b'{"token": "x\\r\\nHost: evil"}'),
    "sign-page": (SIGN, b"<html>"),
    "sign-empty-object": (SIGN, b"{}"),
    "sign-array": (SIGN, b"[]"),
    "sign-no-utf-8": (SIGN, b"\xff\xfe"),
    "sign-deep": (SIGN, b"{" * 100_000),
    "sign-no-result": (SIGN, b'{"success": true}'),
    "sign-success-is-text": (SIGN, b'{"success": "yes"}'),
    "sign-no-certificate": (SIGN, b'{"success": true, "result": {"certificate": ""}}'),
    "sign-no-pem": (SIGN, b'{"success": true, "result": {"certificate": "no PEM"}}'),
    "info-no-result": (INFO, b'{"success": true, "result": null}'),
    "info-huge": (INFO, b"x" * (2 << 20)),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_no_answer(task, cluster, name):
    path, garbage = GARBAGE[name]
    cluster.answers[path] = [(200, garbage)]
    daemon = task.launch()
    daemon.wait_until(lambda: started(daemon), "it listens")
    assert daemon.stderr().count("waiting for a certificate") == 1, daemon.output()
    assert "evil" not in daemon.output()
    assert Https(RunningAt(daemon), cluster).get("/v2/").status == 200


def test_the_file_of_trusted_authorities_tells_who_signed_where_the_authority_does_not(task, cluster):
    cluster.answers[INFO] = (200, b'{"success": true, "result": {"certificate": "no PEM"}}')
    task.start()
    assert task.file.read_text().count("BEGIN CERTIFICATE") == 2


def test_what_another_authority_signed_is_not_served(task, cluster, tmp_path):
    """Neither the authority's word nor the file of trusted ones tells who that is."""
    other = Authority(tmp_path / "other", "Another CA").certificate.read_text()
    cluster.answers[INFO] = (200, json.dumps({"success": True, "result": {"certificate": other}}).encode())
    masters = task.folder / "masters.pem"
    shutil.copy(cluster.certificate[0], masters)  # enough to trust the masters
    daemon = task.launch("--cluster-ca", masters)
    daemon.wait_until(lambda: "not signed by the authority" in daemon.stderr(), "it is told")
    assert daemon.stdout() == "" and not task.file.exists()


class RunningAt:
    """Where a program that was launched listens."""

    def __init__(self, daemon):
        match = re.match(r"listening on https://([\d.]+):(\d+)", daemon.stdout())
        self.host, self.port = match[1], int(match[2])


def other_certificate(cluster, *arguments, **settings):
    certificate, _ = cluster.authority.issue(*arguments, **settings)
    return json.dumps({"success": True, "result": {"certificate": certificate.read_text()},
                       "errors": [], "messages": []}).encode()


def test_a_certificate_that_is_not_what_was_asked_for_is_not_served(task, cluster, tmp_path):
    """For another key."""
    cluster.answers[SIGN] = [(200, other_certificate(cluster, "registry", (OWN_NAME, "127.0.0.1", "localhost")))]
    daemon = task.launch()
    daemon.wait_until(lambda: started(daemon), "it listens")
    assert "belongs to another key" in daemon.stderr()
    assert Https(RunningAt(daemon), cluster).get("/v2/").status == 200


# What is refused.


def test_an_account_that_iam_does_not_know_is_told(task, cluster):
    task.secret.write_text(cluster.account_secret(uid="nobody"))
    told = task.refused(code=1)
    assert "IAM does not take the service account nobody" in told and "401" in told
    assert "no such account" in told and "public key" in told


def test_a_key_that_is_not_the_accounts_is_told(task, cluster, tmp_path):
    other = RsaKey(tmp_path, "other")
    task.secret.write_text(cluster.account_secret(private_key=other.private.read_text()))
    told = task.refused(code=1)
    assert "IAM does not take the service account " + ACCOUNT in told and "not by this key" in told
    assert other.private.read_text().splitlines()[1] not in told


def test_an_account_without_the_permission_is_told_which(task, cluster):
    cluster.may_sign = False
    assert "dcos:adminrouter:ops:ca:rw" in task.refused(code=1)


def test_a_token_that_the_authority_does_not_take_is_no_reason_to_go_on(task, cluster):
    cluster.answers[SIGN] = (401, b'{"title": "Unauthorized"}')
    told = task.refused(code=1)
    assert "does not take the token" in told and cluster.count(LOGIN) == 1


def test_a_request_that_the_profile_refuses_is_told(task, cluster):
    told = task.refused("--cluster-profile", "narrow", code=1)
    assert "the cluster's authority does not sign" in told and "pkgreg.cluster.names" in told
    assert re.search(r"answers 400: \S", told), "the authority's own words"


# A certificate that was kept.


def test_a_restart_serves_what_was_kept_while_all_is_away(task, cluster):
    server = task.start()
    first = serial_of(Https(server, cluster).shown())
    server.stop()
    cluster.go_away()
    again = task.start()
    assert serial_of(Https(again, cluster).shown()) == first
    assert "was kept" in again.daemon.stderr()


def test_a_kept_certificate_that_is_due_is_served_and_renewed(task, cluster):
    cluster.life = 6
    server = task.start()
    server.stop()
    first = run("openssl", "x509", "-in", task.file, "-noout", "-serial").stdout
    cluster.life = None
    time.sleep(4.2)
    again = task.start()
    wait_until(lambda: run("openssl", "x509", "-in", task.file, "-noout", "-serial").stdout != first,
               "it is renewed at once", 10)
    assert "was kept" in again.daemon.stderr()


@pytest.mark.parametrize("why", ["other names", "ended", "half a file", "no key", "empty"])
def test_a_kept_certificate_that_is_no_good_is_replaced(task, cluster, why):
    cluster.life = 2 if why == "ended" else None
    more = ("--cluster-name", "other.example.com") if why == "other names" else ()
    server = task.start()
    server.stop()
    before = task.file.read_text()
    cluster.life = None
    if why == "ended":
        time.sleep(2.5)
    elif why == "half a file":
        task.file.write_text(before[:600])
    elif why == "no key":
        task.file.write_text(before[before.index("-----BEGIN CERT"):])
    elif why == "empty":
        task.file.write_text("")
    again = task.start(*more)
    assert task.file.read_text() != before and "is not used" in again.daemon.stderr()
    assert Https(again, cluster).get("/v2/").status == 200


# The account's secret, and whether there is one.


@pytest.mark.parametrize("changes, told", [
    ({"scheme": "HS256"}, "scheme"), ({"scheme": None}, "scheme"), ({"uid": None}, "uid"), ({"uid": ""}, "uid"),
    ({"uid": "a b"}, "uid"), ({"uid": 7}, "uid"), ({"private_key": None}, "private_key"),
    ({"private_key": "-----BEGIN PRIVATE KEY-----\nabc"}, "private_key"),
    ({"login_endpoint": None}, "login_endpoint"), ({"login_endpoint": "master.mesos"}, "login_endpoint"),
    ({"login_endpoint": "http://master.mesos/acs/api/v1/auth/login"}, "https://"),
])
def test_a_secret_that_is_no_service_account_is_told(task, cluster, changes, told):
    task.secret.write_text(cluster.account_secret(**changes))
    said = task.refused()
    assert told in said and str(task.secret) in said and "service-account-secret-path" in said


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "KEY", '{"uid": "KEY", "uid": "KEY"}',
                                  '{"KEY": 1, "KEY": 2}'])
def test_a_secret_that_is_no_json_is_told_without_showing_it(task, cluster, text):
    key = cluster.account_key.private.read_text()
    task.secret.write_text(text.replace("KEY", json.dumps(key)[1:-1]))
    said = task.refused()
    assert str(task.secret) in said and "scheme" in said, "the form that it should have"
    assert key.splitlines()[1] not in said


def test_without_an_account_there_is_no_tls(task):
    """As options of the original product work without a cluster."""
    task.secret.unlink()
    daemon = task.launch()
    daemon.wait_until(lambda: daemon.stdout().startswith("listening on http://"), "it listens")


def test_an_account_that_is_asked_for_must_be_there(task):
    task.secret.unlink()
    said = task.refused("--cluster-certificate", "on")
    assert "service-account-secret-path" in said and str(task.secret) in said
    options = task.folder / "options.json"
    options.write_text('{"registry": {"service-account-secret-path": "my/account"}}')
    assert str(task.sandbox / "my/account") in task.refused("--options", options)


def test_an_account_that_is_named_outside_of_a_cluster_is_warned_of(task):
    options = task.folder / "options.json"
    options.write_text('{"registry": {"service-account-secret-path": "my/account"}}')
    environment = {name: value for name, value in task.environment.items() if name != "MESOS_SANDBOX"}
    daemon = task.launch("--options", options, environment=environment)
    daemon.wait_until(lambda: daemon.stdout().startswith("listening on http://"), "it listens")
    assert "my/account" in daemon.stderr()


def test_an_account_in_a_folder_of_secrets(task, cluster):
    folder = task.folder / "secrets"
    folder.mkdir()
    task.secret.rename(folder / SECRET)
    environment = {name: value for name, value in task.environment.items() if name != "MESOS_SANDBOX"}
    arguments = ("--secrets-dir", folder)
    assert "pkgreg.cluster.directory" in task.refused(*arguments, environment=environment)
    kept = task.folder / "kept" / "deep"
    server = task.start(*arguments, "--cluster-directory", kept, environment=environment)
    assert Https(server, cluster).get("/v2/").status == 200 and (kept / "tls.pem").exists()


@pytest.mark.parametrize("reason", ["off", "another certificate", "plain HTTP is allowed"])
def test_no_certificate_is_got_where_the_options_say_otherwise(task, cluster, reason):
    pair = cluster.authority.issue("own")
    arguments = {"off": ("--cluster-certificate", "off"), "plain HTTP is allowed": ("--allow-http",),
                 "another certificate": ("--tls-cert", pair[0], "--tls-key", pair[1])}[reason]
    task.start(*arguments)
    assert cluster.requests == [] and not task.file.exists()


@pytest.mark.parametrize("arguments, told", [
    (("--cluster-url", "http://master.mesos"), "pkgreg.cluster.url"),
    (("--cluster-url", "https://user@master.mesos"), "pkgreg.cluster.url"),
    (("--cluster-url", "master.mesos"), "pkgreg.cluster.url"),
    (("--cluster-ca", "/nowhere/ca.pem"), "pkgreg.cluster.ca"),
    (("--cluster-name", "a b"), "pkgreg.cluster.names"),
    (("--cluster-name", "a..b"), "pkgreg.cluster.names"),
    (("--cluster-name", "10.0.0.256"), "pkgreg.cluster.names"),
    (("--cluster-name", "a,DNS:b"), "pkgreg.cluster.names"),
])
def test_options_that_cannot_work_are_told(task, cluster, arguments, told):
    assert told in task.refused(*arguments)
    assert cluster.requests == []


def test_a_directory_that_cannot_be_written_to_is_told(task, cluster):
    file = task.folder / "file"
    file.write_text("")
    assert str(file) in task.refused("--cluster-directory", file / "below", code=1)


# Secrets of the store.


def s3_options(task, storage, secret):
    document = {"registry": {"s3": {"credential-secret-path": secret, "bucket": storage.bucket,
                                    "path": storage.path, "endpoint": storage.endpoint}}}
    options = task.folder / "options.json"
    options.write_text(json.dumps(document))
    return options


def credentials_file(storage):
    return (f"[default]\naws_access_key_id = {storage.server.access_key}\n"
            f"aws_secret_access_key = {storage.server.secret_key}\n")


@pytest.fixture
def launch_on_bucket(task, cluster):
    def launch(options):
        daemon = Daemon([PKGREG, "serve", "--listen", "127.0.0.1:0", *task.arguments("--options", options)],
                        task.folder / f"server-{len(task.servers)}", "pkgreg", task.environment)
        task.servers.append(daemon)
        return daemon
    return launch


@pytest.mark.storages("s3")
@pytest.mark.parametrize("raw", [False, True])
def test_the_keys_of_a_bucket_come_from_the_secret_store(task, cluster, new_storage, tmp_path, raw,
                                                         launch_on_bucket):
    storage = new_storage(tmp_path)
    text = credentials_file(storage)
    cluster.secrets["folder/s3 keys"] = text.encode() if raw else text
    cluster.answers[SECRETS + "folder/s3%20keys"] = [(503, b"")]
    daemon = launch_on_bucket(s3_options(task, storage, "/folder/s3 keys"))
    daemon.wait_until(lambda: started(daemon), "it listens")
    assert "waiting for the secret '/folder/s3 keys'" in daemon.stderr()
    pushed = Repository(Https(RunningAt(daemon), cluster), "a/b").push_blob(b"content")
    assert storage.sizes() and pushed
    file = task.sandbox / "pkgreg-cluster/secrets/folder/s3 keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.read_text() == text
    assert storage.server.secret_key not in daemon.output()
    storage.free()


@pytest.mark.parametrize("status, told", [(404, "There is no such secret"), (403, "dcos:secrets:default")])
def test_a_secret_that_the_store_does_not_give_is_told(task, cluster, launch_on_bucket, status, told):
    if status == 403:
        cluster.answers[SECRETS + "keys"] = (403, b'{"title": "Forbidden"}')
    options = task.folder / "options.json"
    options.write_text(json.dumps({"registry": {"s3": {
        "credential-secret-path": "keys", "bucket": "bkt", "path": "p", "endpoint": "http://127.0.0.1:1"}}}))
    daemon = launch_on_bucket(options)
    wait_until(lambda: not daemon.running(), "its end")
    assert daemon.process.returncode == 1 and told in daemon.stderr() and "'keys'" in daemon.stderr()
