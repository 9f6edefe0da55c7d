"""`pkgreg trust`: what it writes and prints, and that real engines refuse a registry before it and trust
it afterwards, without a restart."""

import shutil
import stat
import subprocess

import pytest

from certificates import Authority
from container_tools import PRIVATE_VIEW, Containerd, Docker, clean_environment
from images import closure, images
from programs import PKGREG, Daemon, find_program, run, wait_until

HOST = "registry6.test"  # engines take names in 127.0.0.0/8 for insecure, so it means ::1


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def pair(authority):
    return authority.issue("registry", ("::1", "127.0.0.1", "localhost", HOST))


def trust(*arguments, check=True):
    return run(PKGREG, "trust", *map(str, arguments), check=check, input="")


def refused(code, *arguments):
    done = trust(*arguments, check=False)
    assert done.returncode == code, done
    return done.stderr


def written(root):
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


# What it writes.


def test_each_engine_gets_its_files(authority, tmp_path):
    pem = authority.certificate.read_text()
    trust("--host", "registry.example.com:5000", "--ca", authority.certificate, "--root", tmp_path)
    files = written(tmp_path)
    name = "registry.example.com:5000"
    toml = files.pop(f"etc/containerd/certs.d/{name}/hosts.toml")
    assert files == {f"etc/{engine}/certs.d/{name}/ca.crt": pem
                     for engine in ("docker", "containerd", "containers")}
    assert f'server = "https://{name}"' in toml
    assert f'ca = "/etc/containerd/certs.d/{name}/ca.crt"' in toml, "as the engine sees it"
    for path in tmp_path.rglob("ca.crt"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644, "engines of other users read it, too"


@pytest.mark.parametrize("engine, folder", [("docker", "docker"), ("containerd", "containerd"),
                                            ("podman", "containers")])
def test_one_engine_alone(authority, tmp_path, engine, folder):
    trust(f"--{engine}", "--host", "a.example.com:1", "--ca", authority.certificate, "--root", tmp_path)
    assert {path.split("/")[1] for path in written(tmp_path)} == {folder}


@pytest.mark.parametrize("host", ["registry.example.com", "registry.example.com:443"])
def test_the_port_of_https_is_named_and_left_out(authority, tmp_path, host):
    trust("--docker", "--host", host, "--ca", authority.certificate, "--root", tmp_path)
    assert set(written(tmp_path)) == {f"etc/docker/certs.d/{name}/ca.crt"
                                      for name in ("registry.example.com", "registry.example.com:443")}


def test_only_certificates_are_taken_from_the_file(authority, pair, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text(pair[1].read_text() + authority.certificate.read_text())
    trust("--docker", "--host", "a.example.com:1", "--ca", both, "--root", tmp_path / "root")
    content, = written(tmp_path / "root").values()
    assert content == authority.certificate.read_text() and "PRIVATE KEY" not in content


def test_again_changes_nothing_and_another_authority_keeps_the_old_one(authority, tmp_path):
    arguments = ("--docker", "--host", "a.example.com:1", "--root", tmp_path, "--ca")
    trust(*arguments, authority.certificate)
    before = written(tmp_path)
    assert "unchanged" in trust(*arguments, authority.certificate).stdout
    assert written(tmp_path) == before
    path, = before
    other = Authority(tmp_path / "other", "Another").certificate
    assert "replaced" in trust(*arguments, other).stdout
    assert (tmp_path / path).read_text() == other.read_text()
    assert (tmp_path / f"{path}.old").read_text() == authority.certificate.read_text()


def test_a_hosts_file_of_somebody_else_is_left_alone(authority, tmp_path):
    path = tmp_path / "etc/containerd/certs.d/a.example.com:1/hosts.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[host."https://mirror.example.com"]\n')
    arguments = ("--containerd", "--host", "a.example.com:1", "--root", tmp_path, "--ca",
                 authority.certificate)
    assert "--force" in refused(1, *arguments)
    assert "mirror" in path.read_text()
    trust(*arguments, "--force")
    assert "a.example.com" in path.read_text() and "mirror" in path.with_name("hosts.toml.old").read_text()


def test_a_dry_run_writes_nothing(authority, tmp_path):
    root = tmp_path / "root"
    told = trust("--host", "a.example.com:1", "--ca", authority.certificate, "--root", root, "--dry-run")
    assert told.stdout.count("would write") == 4 and not root.exists()


def test_the_script_does_the_same(authority, tmp_path):
    arguments = ("--host", "a.example.com", "--ca", authority.certificate)
    script = trust(*arguments, "--script").stdout
    root, by_script = tmp_path / "root", tmp_path / "by-script"
    trust(*arguments, "--root", root)
    for _ in range(2):
        moved = script.replace("'/etc/", f"'{by_script}/etc/")
        subprocess.run(["/bin/sh", "-eu"], input=moved, text=True, check=True, capture_output=True)
    assert written(by_script) == written(root)


@pytest.mark.parametrize("host", ["", "https://a.example.com", "a.example.com/path", "a:b", "a:0", "a:70000",
                                  "a:1:2", "[::1", "[x]:1", "../../etc", "a'b", "a b", ".a"])
def test_what_is_no_registry_is_refused(authority, tmp_path, host):
    assert "registry" in refused(2, "--host", host, "--ca", authority.certificate, "--root", tmp_path)
    assert written(tmp_path) == {}


def test_what_is_no_certificate_is_refused(pair, tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("nothing")
    for file in (empty, pair[1], tmp_path / "missing"):
        assert str(file) in refused(2, "--host", "a:1", "--ca", file, "--root", tmp_path / "root")
    assert "--fetch" in refused(2, "--host", "a:1", "--root", tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_certificate_that_is_no_authority_is_warned_of(pair, tmp_path):
    told = trust("--docker", "--host", "a:1", "--ca", pair[0], "--root", tmp_path)
    assert "is no authority" in told.stderr


# Taken from the registry.


@pytest.fixture
def start(servers, pair, authority, tmp_path):
    """Starts a registry that shows its own certificate, and those behind it that are given."""
    def start(*more, listen="127.0.0.1:0"):
        chain = tmp_path / "chain.pem"
        chain.write_text("".join(file.read_text() for file in (pair[0], *more)))
        return servers.start("--tls-cert", str(chain), "--tls-key", str(pair[1]), listen=listen)
    return start


def fingerprint_of(certificate):
    line = run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout
    return line.strip().split("=")[1]


def test_the_authority_is_fetched_once_its_fingerprint_is_known(start, authority, tmp_path):
    server = start(authority.certificate)
    arguments = ("--docker", "--host", server.address, "--fetch", "--root", tmp_path / "root")
    fingerprint = fingerprint_of(authority.certificate)
    told = refused(1, *arguments)
    assert fingerprint in told and "Test authority" in told and "--fingerprint" in told
    assert "somebody may stand between" in refused(1, *arguments, "--fingerprint", "00" + fingerprint[2:])
    assert not (tmp_path / "root").exists()
    plain = "sha256:" + fingerprint.replace(":", "").lower()
    trust(*arguments, "--fingerprint", plain)
    content, = written(tmp_path / "root").values()
    assert content == authority.certificate.read_text()


def test_a_registry_that_does_not_show_its_authority_is_told(start, tmp_path):
    assert "--ca" in refused(5, "--host", start().address, "--fetch", "--root", tmp_path / "root")


def test_what_speaks_no_tls_is_told(registry, tmp_path):
    assert registry.address in refused(5, "--host", registry.address, "--fetch", "--root", tmp_path)
    assert "127.0.0.1:1" in refused(5, "--host", "127.0.0.1:1", "--fetch", "--root", tmp_path)


# Real engines. What they read lies in a view of the file system that is theirs alone.


def inside(daemon, *command, env=None, check=True):
    return run("nsenter", "--mount", "--target", daemon.pid, *command, env=env, check=check)


@pytest.fixture
def secure(start, authority):
    """A registry that shows a certificate for HOST, with an image in it."""
    server = start(listen="localhost:0")
    layout = images()
    trusted = server.folder / "trusted"
    trusted.mkdir()
    shutil.copy(authority.certificate, trusted / "ca.crt")
    run(find_program("skopeo"), "--insecure-policy", "copy", "--dest-cert-dir", trusted,
        f"oci:{layout.path}:image", f"docker://{server.address}/trusted/image:1")
    server.reference = f"{HOST}:{server.port}/trusted/image:1"
    return server


def trust_inside(daemon, server, engine, authority):
    inside(daemon, PKGREG, "trust", f"--{engine}", "--host", f"{HOST}:{server.port}", "--ca",
           authority.certificate)


@pytest.mark.docker
def test_docker_refuses_before_and_pulls_after(secure, authority, tmp_path):
    docker = Docker(tmp_path)
    try:
        inside(docker.daemon, "/bin/sh", "-c", f"echo '::1 {HOST}' >>/etc/hosts")
        # dockerd reads that file again after a few seconds only.
        refusals = []
        wait_until(lambda: refusals.append(docker("pull", secure.reference, check=False).stderr)
                   or "no such host" not in refusals[-1], "dockerd finds the host", 20, pause=0.5)
        assert "certificate signed by unknown authority" in refusals[-1]
        trust_inside(docker.daemon, secure, "docker", authority)
        docker("pull", secure.reference)
        docker("tag", secure.reference, secure.reference.replace(":1", ":2"))
    finally:
        docker.stop()


@pytest.mark.containerd
def test_containerd_refuses_before_and_pulls_after(secure, authority, tmp_path):
    containerd = Containerd(tmp_path)
    ctr = (find_program("ctr"), "-a", containerd.socket, "images", "pull", "--hosts-dir",
           "/etc/containerd/certs.d", secure.reference)
    try:
        inside(containerd.daemon, "/bin/sh", "-c", f"echo '::1 {HOST}' >>/etc/hosts")
        refusal = inside(containerd.daemon, *ctr, env=containerd.environment, check=False)
        assert refusal.returncode != 0 and "unknown authority" in refusal.stderr
        trust_inside(containerd.daemon, secure, "containerd", authority)
        inside(containerd.daemon, *ctr, env=containerd.environment)
        layout = images()
        assert containerd.digests("default") == closure(layout, layout.root("image"))
    finally:
        containerd.stop()


@pytest.mark.skopeo
def test_skopeo_refuses_before_and_copies_after(secure, authority, tmp_path):
    """In the view of a shell that only waits."""
    waiting = Daemon(["/bin/sh", PRIVATE_VIEW, tmp_path / "view", "/bin/sleep", "300"], tmp_path, "view")
    environment = clean_environment(tmp_path / "skopeo")
    copy = (find_program("skopeo"), "--insecure-policy", "copy", f"docker://{secure.reference}",
            f"dir:{tmp_path / 'copied'}")
    try:
        waiting.wait_until(lambda: inside(waiting, "/bin/sh", "-c", "test -z \"$(ls /run)\"",
                                          check=False).returncode == 0, "the view is there")
        inside(waiting, "/bin/sh", "-c", f"echo '::1 {HOST}' >>/etc/hosts")
        refusal = inside(waiting, *copy, env=environment, check=False)
        assert refusal.returncode != 0 and "unknown authority" in refusal.stderr
        trust_inside(waiting, secure, "podman", authority)
        inside(waiting, *copy, env=environment)
        assert (tmp_path / "copied" / "manifest.json").exists()
    finally:
        waiting.kill()
