"""Log-ins: real clients against every method of proof, each refused before and let in afterwards."""

import base64
import time

import pytest

import secret_watch
from certificates import Authority
from container_tools import Containerd, Docker, Podman, Skopeo
from http_client import Repository
from images import closure, docker_archive, images
from password_file import write_htpasswd
from programs import PKGREG, run
from token_issuer import SigningKey, TokenIssuer

NAME, PASSWORD = "alice", "correct-horse-battery"
WRONG = "wrong-horse-battery"
METHODS = ("basic", "endpoint", "issuer", "dcos")


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Site:
    """A server with a method of proof, and the name and password that it takes."""

    def __init__(self, servers, folder, method, *more):
        self.name, self.password, self.issuer = NAME, PASSWORD, None
        folder.mkdir(parents=True, exist_ok=True)
        arguments = []
        if method in ("basic", "endpoint"):
            users = folder / "htpasswd"
            write_htpasswd(users, {NAME: PASSWORD})
            arguments += ["--htpasswd", str(users)]
        if method == "endpoint":
            arguments += ["--token-endpoint"]
        if method == "issuer":
            self.issuer = TokenIssuer(folder, NAME, PASSWORD)
            arguments += ["--token-keys", f"{self.issuer.address}/keys", "--token-issuer", "stand-in",
                          "--token-realm", f"{self.issuer.address}/token"]
        if method == "dcos":
            self.iam = SigningKey(folder, "iam")
            keys = folder / "jwks.json"
            keys.write_text(self.iam.jwk_set())
            arguments += ["--dcos-keys", str(keys)]
            self.password = self.iam.sign({"uid": NAME, "exp": int(time.time()) + 3600})
        secret_watch.register_login(self.name, self.password)
        secret_watch.register(WRONG)
        self.server = servers.start(*arguments, *more)
        self.address, self.http = self.server.address, self.server.http

    def stop(self):
        if self.issuer:
            self.issuer.stop()


@pytest.fixture
def site(servers, tmp_path):
    made = []

    def make(method, *more):
        made.append(Site(servers, tmp_path / f"site-{method}-{len(made)}", method, *more))
        return made[-1]
    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    daemon = Docker(tmp_path_factory.mktemp("docker"))
    archive = tmp_path_factory.mktemp("archive") / "image.tar"
    docker_archive(archive, "local/image:1")
    daemon("load", "-i", archive)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def containerd(tmp_path_factory):
    daemon = Containerd(tmp_path_factory.mktemp("containerd"))
    sent = images()
    archive = tmp_path_factory.mktemp("import") / "layout.tar"
    run("tar", "-C", sent.path, "-cf", archive, ".")
    daemon("images", "import", "--all-platforms", "--no-unpack", "--base-name", "local", archive)
    yield daemon
    daemon.stop()


# Each client as three actions: push, pull, log in. The first two give back whether it went well.

class DockerClient:
    def __init__(self, docker, site):
        self.docker, self.site = docker, site
        self.reference = f"{site.address}/team/image:1"
        docker("tag", "local/image:1", self.reference)
        docker("logout", site.address)

    def log_in(self, password):
        done = run(*self.docker.command(), "login", "-u", self.site.name, "--password-stdin",
                   self.site.address, env=self.docker.environment, input=password, check=False)
        return done.returncode == 0

    def push(self):
        return self.docker("push", self.reference, check=False).returncode == 0

    def pull(self):
        self.docker("rmi", self.reference, check=False)
        done = self.docker("pull", self.reference, check=False).returncode == 0
        self.docker("tag", "local/image:1", self.reference)
        return done


class SkopeoClient:
    def __init__(self, folder, site):
        self.skopeo, self.site, self.folder = Skopeo(folder, site.address), site, folder
        self.pulled = 0

    def log_in(self, password):
        done = run("skopeo", "login", "--tls-verify=false", "-u", self.site.name, "--password-stdin",
                   self.site.address, env=self.skopeo.environment, input=password, check=False)
        return done.returncode == 0

    def push(self):
        return self.skopeo("copy", "--dest-tls-verify=false", f"oci:{images().path}:image",
                           self.skopeo.remote("team/image:1"), check=False).returncode == 0

    def pull(self):
        self.pulled += 1
        return self.skopeo("copy", "--src-tls-verify=false", self.skopeo.remote("team/image:1"),
                           f"dir:{self.folder}/pulled-{self.pulled}", check=False).returncode == 0


class PodmanClient:
    def __init__(self, folder, site):
        self.podman, self.site = Podman(folder), site
        archive = folder / "image.tar"
        docker_archive(archive, "localhost/image:1")
        self.podman("load", "-i", archive)
        self.reference = f"{site.address}/team/image:1"

    def log_in(self, password):
        return self.podman("login", "--tls-verify=false", "-u", self.site.name, "-p", password,
                           self.site.address, check=False).returncode == 0

    def push(self):
        return self.podman("push", "--tls-verify=false", "localhost/image:1", self.reference,
                           check=False).returncode == 0

    def pull(self):
        self.podman("rmi", self.reference, check=False)
        return self.podman("pull", "--tls-verify=false", self.reference, check=False).returncode == 0


class ContainerdClient:
    """ctr has no log-in: the name and password come with each command."""

    def __init__(self, containerd, site):
        self.containerd, self.site, self.user = containerd, site, ()
        self.reference = f"{site.address}/team/image:1"
        self.namespaces = 0

    def log_in(self, password):
        self.user = ("--user", f"{self.site.name}:{password}")
        return self.push()

    def push(self):
        return self.containerd("images", "push", "--plain-http", *self.user, self.reference,
                               "local:image", check=False).returncode == 0

    def pull(self):
        self.namespaces += 1
        namespace = f"{self.site.address}-{self.namespaces}".replace(".", "-").replace(":", "-")
        done = self.containerd("content", "fetch", "--plain-http", *self.user, self.reference,
                               namespace=namespace, check=False)
        return done.returncode == 0 and self.containerd.digests(namespace) == closure(
            images(), images().root("image"))


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name))
                        for name in ("docker", "podman", "skopeo", "containerd")])
def client(request, tmp_path):
    """Makes the client for a site."""
    def make(site):
        if request.param == "docker":
            return DockerClient(request.getfixturevalue("docker"), site)
        if request.param == "podman":
            return PodmanClient(tmp_path, site)
        if request.param == "containerd":
            return ContainerdClient(request.getfixturevalue("containerd"), site)
        return SkopeoClient(tmp_path, site)
    return make


@pytest.mark.parametrize("method", METHODS)
def test_a_client_logs_in_pushes_and_pulls(client, site, method):
    one = client(here := site(method))
    assert not one.push(), "a stranger pushed"
    assert not one.pull(), "a stranger pulled"
    assert not one.log_in(WRONG), "a wrong password was taken"
    assert not one.push(), "with a wrong password something was pushed"
    assert one.log_in(here.password)
    assert one.push()
    assert one.pull()


@pytest.fixture
def hosts_folder(tmp_path):
    """Writes what containerd is told of a registry: a folder for `--hosts-dir`."""
    def write(address, more=""):
        folder = tmp_path / "certs.d"
        (folder / address).mkdir(parents=True, exist_ok=True)
        (folder / address / "hosts.toml").write_text(
            f'server = "http://{address}"\n\n[host."http://{address}"]\n'
            f'  capabilities = ["pull", "resolve", "push"]\n{more}')
        return folder
    return write


def copies(containerd, site, *arguments):
    """Whether an image can be pushed, and pulled into a namespace of its own."""
    reference = f"{site.address}/team/image:1"
    namespace = f"hosts-{site.address}".replace(".", "-").replace(":", "-")
    done = [containerd("images", "push", *arguments, reference, "local:image", check=False),
            containerd("content", "fetch", *arguments, reference, namespace=namespace, check=False)]
    return [each.returncode == 0 for each in done]


@pytest.mark.containerd
@pytest.mark.parametrize("method", METHODS)
def test_containerd_is_told_of_a_registry_by_hosts_toml(containerd, site, hosts_folder, method):
    here = site(method)
    folder = hosts_folder(here.address)
    assert copies(containerd, here, "--hosts-dir", folder) == [False, False]
    wrong = ("--hosts-dir", folder, "--user", f"{here.name}:{WRONG}")
    assert copies(containerd, here, *wrong) == [False, False]
    right = ("--hosts-dir", folder, "--user", f"{here.name}:{here.password}")
    assert copies(containerd, here, *right) == [True, True]


@pytest.mark.containerd
@pytest.mark.parametrize("method", ("basic", "endpoint"))
def test_containerd_brings_a_password_that_hosts_toml_has(containerd, site, hosts_folder, method):
    here = site(method)
    field = basic(here.name, here.password)["Authorization"]
    folder = hosts_folder(here.address, f'  [host."http://{here.address}".header]\n'
                                        f'    Authorization = "{field}"\n')
    assert copies(containerd, here, "--hosts-dir", folder) == [True, True]


def test_strangers_pull_where_everybody_may_and_log_in_to_push(client, site):
    here = site("endpoint", "--anonymous-pull")
    one = client(here)
    assert not one.push(), "a stranger pushed"
    assert one.log_in(here.password)
    assert one.push()
    stranger = client(here)  # with a home of its own, where nobody has logged in
    assert stranger.pull()


# The protocol, without a client in between.

def test_an_answer_says_how_to_log_in_and_for_what(site):
    assert site("basic").http.get("/v2/").header("WWW-Authenticate").startswith('Basic realm="pkgreg"')
    here = site("endpoint")
    assert here.http.get("/v2/").header("WWW-Authenticate") == (
        f'Bearer realm="http://{here.address}/token",service="pkgreg"')
    refused = here.http.request("POST", "/v2/team/image/blobs/uploads/")
    assert refused.status == 401 and refused.codes() == ["UNAUTHORIZED"]
    assert refused.header("WWW-Authenticate") == (
        f'Bearer realm="http://{here.address}/token",service="pkgreg",'
        'scope="repository:team/image:pull,push"')
    # A token that grants less says so.
    token = here.http.request("GET", "/token?scope=repository:team/image:pull",
                              headers=basic(NAME, PASSWORD)).json()["token"]
    refused = here.http.request("POST", "/v2/team/image/blobs/uploads/", headers=bearer(token))
    assert refused.status == 401
    assert 'error="insufficient_scope"' in refused.header("WWW-Authenticate")


def test_passwords_are_taken_beside_tokens(site):
    here = site("endpoint")
    answer = here.http.request("GET", "/v2/_catalog", headers=basic(NAME, PASSWORD))
    assert answer.status == 200
    assert here.http.request("GET", "/v2/_catalog", headers=basic(NAME, WRONG)).status == 401


def test_a_token_of_the_endpoint_allows_what_was_asked_for(site):
    here = site("endpoint")
    token = here.http.request(
        "GET", "/token?service=pkgreg&scope=repository:team/image:pull,push",
        headers=basic(NAME, PASSWORD)).json()["token"]

    def push_to(name):
        return here.http.request("POST", f"/v2/{name}/blobs/uploads/", headers=bearer(token)).status
    assert push_to("team/image") == 202
    assert push_to("team/other") == 401
    assert push_to("team/image/below") == 401
    # Instances restarted with a new key know it no more; it can be asked for again.
    refused = site("endpoint").http.request("GET", "/v2/", headers=bearer(token))
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.header("WWW-Authenticate")


@pytest.mark.parametrize("problem, changed", [
    ("is expired", {"exp": 1}),
    ("is not valid yet", {"nbf": 9999999999, "exp": 99999999999}),
    ("is for another service", {"aud": "other"}),
    ("is of another issuer", {"iss": "other"}),
])
def test_tokens_of_an_issuer_are_judged(site, problem, changed):
    here = site("issuer")
    scope = ["repository:team/image:pull,push"]
    good = here.issuer.token(scope)
    assert here.http.request("POST", "/v2/team/image/blobs/uploads/",
                             headers=bearer(good)).status == 202
    bad = here.http.request("POST", "/v2/team/image/blobs/uploads/",
                            headers=bearer(here.issuer.token(scope, **changed)))
    assert bad.status == 401 and problem in bad.message(), bad
    assert 'error="invalid_token"' in bad.header("WWW-Authenticate")


def test_keys_are_asked_for_again_and_kept_while_the_issuer_is_away(site, tmp_path):
    here = site("issuer")
    assert here.http.request("GET", "/v2/", headers=bearer(here.issuer.token())).status == 200
    asked = here.issuer.requests.count("GET /keys")
    other = SigningKey(tmp_path / "other", "other")
    for _ in range(5):
        stranger = bearer(other.sign(here.issuer.claims()))
        assert here.http.request("GET", "/v2/", headers=stranger).status == 401
    assert here.issuer.requests.count("GET /keys") <= asked + 1
    here.issuer.stop()
    assert here.http.request("GET", "/v2/", headers=bearer(here.issuer.token())).status == 200


def test_dcos_tokens_are_taken_as_the_cluster_writes_them(site):
    here = site("dcos")
    assert here.http.request("GET", "/v2/", headers={"Authorization": f"token={here.password}"}
                             ).status == 200
    assert here.http.request("GET", "/v2/", headers=basic("bob", here.password)).status == 401
    old = here.iam.sign({"uid": NAME, "exp": 1})
    assert here.http.request("GET", "/v2/", headers={"Authorization": f"token={old}"}).status == 401


def test_who_guesses_is_told_when_to_come_back(site):
    here = site("basic")
    for number in range(10):
        assert here.http.request("GET", "/v2/", headers=basic(NAME, f"guess-{number}")).status == 401
    late = here.http.request("GET", "/v2/", headers=basic(NAME, "guess"))
    assert late.status == 429 and late.codes() == ["TOOMANYREQUESTS"]
    assert 1 <= int(late.header("Retry-After")) <= 60
    assert here.http.get("/health").status == 200


@pytest.mark.skopeo
def test_a_certificate_is_a_log_in(servers, tmp_path):
    authority = Authority(tmp_path / "ca")
    chain, key = authority.issue("registry")
    certificate, client_key = authority.issue("node-1")
    server = servers.start("--tls-cert", str(chain), "--tls-key", str(key), "--tls-client-ca",
                           str(authority.certificate), "--tls-require-client-cert")
    skopeo = Skopeo(tmp_path, server.address)
    folder = tmp_path / "certs"
    folder.mkdir()
    for name, file in (("ca.crt", authority.certificate), ("client.cert", certificate),
                       ("client.key", client_key)):
        (folder / name).write_bytes(file.read_bytes())
    sent = images()
    skopeo("copy", f"--dest-cert-dir={folder}", f"oci:{sent.path}:image",
           skopeo.remote("team/image:1"))
    skopeo("copy", f"--src-cert-dir={folder}", skopeo.remote("team/image:1"),
           f"dir:{tmp_path}/pulled")


def test_files_that_cannot_be_used_end_the_start(tmp_path):
    users = tmp_path / "users"
    users.write_text("alice:$apr1$salt$hash\n")
    done = run(PKGREG, "serve", "--storage", "memory:", "--htpasswd", users, check=False, timeout=20)
    assert done.returncode != 0
    assert "users:1: alice: this is an MD5 hash" in done.stderr
