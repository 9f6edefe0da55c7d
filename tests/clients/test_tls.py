"""TLS: what is spoken, certificates that change, clients that show one, and peers that misbehave."""

import http.client
import os
import random
import shutil
import socket
import ssl
import time

import pytest

from certificates import Authority
from crowd import run_at_once
from http_client import Http, Repository, digest_of, with_query
from images import images
from programs import PKGREG, find_program, run, wait_until

MIB = 1 << 20


class Https(Http):
    """Requests over TLS, each on a connection of its own."""

    def __init__(self, server, context, timeout=30):
        super().__init__(server.host, server.port, timeout)
        self.context = context

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout,
                                           context=self.context)

    def secure_socket(self, **options):
        return self.context.wrap_socket(self.socket(), server_hostname=self.host, **options)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Another authority")


@pytest.fixture
def files(authority, tmp_path):
    """Certificate and key where a server reads them."""
    return install(authority.issue("first"), tmp_path)


def install(pair, folder):
    """Puts a pair in the place of another one, as a renewal does."""
    for source, name in zip(pair, ("tls.pem", "tls.key")):
        shutil.copy(source, folder / f"{name}.new")
        os.replace(folder / f"{name}.new", folder / name)
    return folder / "tls.pem", folder / "tls.key"


def tls_arguments(files):
    return "--tls-cert", str(files[0]), "--tls-key", str(files[1])


def trusting(authority, pair=None, **settings):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if pair:
        context.load_cert_chain(*map(str, pair))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.fixture
def server(servers, files):
    return servers.start(*tls_arguments(files))


@pytest.fixture
def https(server, authority):
    return Https(server, trusting(authority))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# What is spoken.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken_with_a_current_cipher(server, authority, version):
    https = Https(server, trusting(authority, minimum_version=version, maximum_version=version))
    with https.secure_socket() as secure:
        assert secure.version() == version.name.replace("_", ".")
        name, _, bits = secure.cipher()
        assert ("GCM" in name or "CHACHA20" in name) and bits >= 128, name
    assert https.get("/v2/").status == 200


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(server, version):
    done = run("openssl", "s_client", "-connect", server.address, version, "-cipher",
               "ALL:@SECLEVEL=0", check=False, input="")
    assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout, done


def test_old_ciphers_are_refused(server):
    for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384", "NULL"):
        done = run("openssl", "s_client", "-connect", server.address, "-tls1_2", "-cipher",
                   f"{cipher}:@SECLEVEL=0", check=False, input="")
        assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout, done


def test_http_1_1_is_agreed_on_and_nothing_else(server, authority):
    offers = {("h2", "http/1.1"): "http/1.1", ("http/1.1",): "http/1.1"}
    for offered, chosen in offers.items():
        context = trusting(authority)
        context.set_alpn_protocols(list(offered))
        with Https(server, context).secure_socket() as secure:
            assert secure.selected_alpn_protocol() == chosen
    context = trusting(authority)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        Https(server, context).secure_socket()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(server, authority, version):
    context = trusting(authority, minimum_version=version, maximum_version=version)
    https = Https(server, context)

    def ask(session=None):
        with https.secure_socket(session=session) as secure:
            secure.sendall(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while secure.recv(4096):
                pass
            return secure.session, secure.session_reused

    session, reused = ask()
    assert not reused
    assert ask(session)[1]


def test_content_goes_in_and_out_whole(https):
    repository = Repository(https, "secure/content")
    data = random.Random(1).randbytes(33 * MIB + 17)
    digest = repository.push_blob(data)
    assert digest_of(repository.get_blob(digest).body) == digest
    part = repository.get_blob(digest, Range="bytes=1000000-2999999")
    assert part.status == 206 and part.body == data[1_000_000:3_000_000]
    location = repository.locate(repository.begin())
    chunks = (data[start:start + 100_003] for start in range(0, 5 * MIB, 100_003))
    done = https.request("PATCH", location, chunks, {"Content-Type": "application/octet-stream"})
    assert done.status == 202
    sent = data[:(5 * MIB + 100_002) // 100_003 * 100_003]
    assert repository.put(repository.locate(done), digest_of(sent)).status == 201
    body = repository.push_image("v1")
    assert repository.get_manifest("v1").body == body


def test_many_requests_share_a_connection(https):
    repository = Repository(https, "secure/keep-alive")
    data = random.Random(2).randbytes(300_000)
    digest = repository.push_blob(data)
    connection = https.connect()
    for _ in range(50):
        for target, body in (("/v2/", b"{}"), (f"/v2/secure/keep-alive/blobs/{digest}", data)):
            answer = https.request("GET", target, connection=connection)
            assert answer.status == 200 and (answer.body == body or target == "/v2/")
    connection.close()


def test_pipelined_requests_are_answered_in_order(https):
    with https.secure_socket() as secure:
        secure.sendall(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n" * 20
                       + b"GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := secure.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 21


def test_clients_at_once_get_their_own_answers(https):
    repository = Repository(https, "secure/crowd")
    blobs = [random.Random(number).randbytes(200_000 + number) for number in range(8)]
    for data in blobs:
        repository.push_blob(data)

    def pull(number):
        for turn in range(10):
            data = blobs[(number + turn) % len(blobs)]
            assert repository.get_blob(digest_of(data)).body == data

    run_at_once([lambda number=number: pull(number) for number in range(16)])


def test_a_slow_reader_gets_all_and_holds_nobody_up(https):
    repository = Repository(https, "secure/slow")
    data = random.Random(3).randbytes(24 * MIB)
    digest = repository.push_blob(data)
    with https.secure_socket() as secure:
        secure.sendall(f"GET /v2/secure/slow/blobs/{digest} HTTP/1.1\r\nHost: a\r\n"
                       "Connection: close\r\n\r\n".encode())
        time.sleep(0.5)  # until every buffer on the way is full
        begun = time.monotonic()
        assert https.get("/v2/").status == 200
        assert time.monotonic() - begun < 5
        received = bytearray()
        while piece := secure.recv(1 << 20):
            received += piece
            if len(received) < 2 * MIB:
                time.sleep(0.01)
    assert bytes(received.split(b"\r\n\r\n", 1)[1]) == data


def test_a_body_that_is_cut_off_is_no_content(https):
    """Without `close_notify` an end may be an attacker's (RFC 8446, 6.1)."""
    repository = Repository(https, "secure/cut")
    data = b"all of it"
    location = repository.locate(repository.begin())
    with https.secure_socket() as secure:
        secure.sendall(
            f"PUT {with_query(location, digest=digest_of(data))} HTTP/1.1\r\nHost: a\r\n"
            "Transfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n".encode())
        time.sleep(0.2)
        secure.shutdown(socket.SHUT_RDWR)
    time.sleep(0.2)
    assert repository.get_blob(digest_of(data)).status == 404


# Peers that do not speak TLS.


def test_plain_http_at_the_port_is_told_to_use_https(server):
    answer = Http(server.host, server.port).get("/v2/")
    assert answer.status == 400 and b"use https" in answer.body


def test_peers_that_send_noise_or_nothing_are_cut_off(servers, files, authority):
    server = servers.start(*tls_arguments(files), "--header-timeout", "1")
    noise = random.Random(4)
    for data in (b"", b"\x16\x03\x01", b"\x16\x03\x01\xff\xff" + bytes(70), noise.randbytes(1000)):
        with socket.create_connection((server.host, server.port), 10) as peer:
            peer.sendall(data)
            try:
                while peer.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert Https(server, trusting(authority)).get("/v2/").status == 200


def test_a_plain_port_redirects(servers, files, authority):
    port = free_port()
    server = servers.start(*tls_arguments(files), "--redirect-http", f"127.0.0.1:{port}")
    answer = Http("127.0.0.1", port).get("/v2/_catalog?n=5")
    assert answer.status == 308
    assert answer.header("Location") == f"https://127.0.0.1:{server.port}/v2/_catalog?n=5"
    done = run(find_program("curl"), "-sS", "-L", "--cacert", authority.certificate,
               f"http://127.0.0.1:{port}/v2/", "-o", os.devnull, "-w", "%{http_code} %{scheme}")
    assert done.stdout.lower() == "200 https"


# Certificates.


def shown_by(https):
    with https.secure_socket() as secure:
        return dict(pair for part in secure.getpeercert()["subject"] for pair in part)["commonName"]


def test_a_new_certificate_is_used_and_no_connection_is_dropped(server, https, files, authority):
    connection = https.connect()
    assert https.request("GET", "/v2/", connection=connection).status == 200
    assert shown_by(https) == "first"
    install(authority.issue("second"), files[0].parent)
    wait_until(lambda: shown_by(https) == "second", "the new certificate", 10)
    assert https.request("GET", "/v2/", connection=connection).status == 200
    connection.close()


def test_a_certificate_that_cannot_be_used_is_told_and_the_old_one_stays(server, https, files, authority):
    secret = files[1].read_text().splitlines()[1]
    files[0].write_text("no certificate")
    wait_until(lambda: "tls.pem" in server.daemon.stderr(), "a warning", 10)
    assert shown_by(https) == "first"
    install(authority.issue("third"), files[0].parent)
    wait_until(lambda: shown_by(https) == "third", "the next certificate", 10)
    assert secret not in server.daemon.output()


def test_clients_must_show_a_certificate_where_that_is_required(servers, files, authority, other_authority):
    server = servers.start(*tls_arguments(files), "--tls-client-ca", str(authority.certificate),
                           "--tls-require-client-cert")
    known = Https(server, trusting(authority, authority.issue("client")))
    assert known.get("/v2/").status == 200
    for pair in (None, other_authority.issue("stranger")):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            Https(server, trusting(authority, pair)).get("/v2/")
    assert known.get("/v2/").status == 200


def test_clients_may_show_a_certificate_where_that_is_optional(servers, files, authority, other_authority):
    server = servers.start(*tls_arguments(files), "--tls-client-ca", str(authority.certificate))
    assert Https(server, trusting(authority)).get("/v2/").status == 200
    assert Https(server, trusting(authority, authority.issue("client"))).get("/v2/").status == 200
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        Https(server, trusting(authority, other_authority.issue("stranger"))).get("/v2/")


def refused(*arguments):
    done = run(PKGREG, "serve", "--storage", "memory:", "--listen", "127.0.0.1:0", *arguments,
               check=False, timeout=20)
    assert done.returncode == 2, done
    return done.stderr


def test_what_cannot_be_used_is_refused_at_the_start(files, authority, tmp_path):
    certificate, key = map(str, files)
    assert "tls-key" in refused("--tls-cert", certificate)
    assert "tls-cert" in refused("--tls-key", key)
    assert "redirect" in refused("--redirect-http", "127.0.0.1:0")
    missing = str(tmp_path / "missing.pem")
    assert missing in refused("--tls-cert", missing, "--tls-key", key)
    other = str(authority.issue("other")[1])
    assert other in refused("--tls-cert", certificate, "--tls-key", other)
    locked = str(tmp_path / "locked.key")
    run("openssl", "ec", "-in", key, "-aes256", "-passout", "pass:word", "-out", locked)
    assert "passphrase" in refused("--tls-cert", certificate, "--tls-key", locked)
    assert key in refused("--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", key)


def test_rsa_certificates_work(servers, authority, tmp_path):
    pair = authority.issue("rsa", key=("rsa:2048",))
    server = servers.start(*tls_arguments(install(pair, tmp_path)))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(authority, minimum_version=version, maximum_version=version)
        assert Https(server, context).get("/v2/").status == 200


@pytest.mark.skopeo
def test_skopeo_copies_over_tls(server, authority, tmp_path):
    trust = tmp_path / "trust"
    trust.mkdir()
    shutil.copy(authority.certificate, trust / "ca.crt")
    target = f"docker://{server.address}/secure/image:v1"
    skopeo = [find_program("skopeo"), "copy", "--insecure-policy"]
    source = f"oci:{images().path}:index"
    refusal = run(*skopeo, source, target, check=False)
    assert refusal.returncode != 0 and "certificate" in refusal.stderr
    run(*skopeo, "--all", "--dest-cert-dir", trust, source, target)
    run(*skopeo, "--all", "--src-cert-dir", trust, target, f"oci:{tmp_path / 'back'}:v1")
