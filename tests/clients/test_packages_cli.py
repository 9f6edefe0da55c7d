"""`pkgreg add`, `describe`, `list`, `remove` and `universe import`: against a registry, and against
servers that fail in every way that the network knows."""

import base64
import gzip
import json
import os
import zipfile

import pytest

import secret_watch
from bundles import Bundle, metadata
from container_tools import Skopeo
from http_client import DOCKER_MANIFEST, digest_of
from images import images
from programs import PKGREG, find_program, run
from stand_in import StandIn, answer, error, reset

pytestmark = pytest.mark.program

OK, FAILED, USAGE, STORAGE, ADDRESS, SERVER = range(6)
UPLOADED = "Package uploaded successfully. Please wait while it is being validated.."
BIG = 48 << 20  # more than all buffers between the two programs


def pkgreg(*arguments, env=None, program=PKGREG):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PKGREG_")}
    return run(program, *arguments, env={**environment, **(env or {})}, check=False, timeout=60)


def ended(code, *arguments, **keywords):
    """Runs the program, which must end with this code; gives back both its outputs."""
    done = pkgreg(*arguments, **keywords)
    assert done.returncode == code, done
    return done.stdout, done.stderr


@pytest.fixture
def bundle(tmp_path):
    """A file that is taken for a bundle by who does not look into it."""
    file = tmp_path / "hello-1.0.dcos"
    file.write_bytes(b"not really a bundle")
    return file


@pytest.fixture
def big_bundle(tmp_path):
    file = tmp_path / "big-1.0.dcos"
    with open(file, "wb") as out:
        out.truncate(BIG)
    return file


def package(name, version, outcome="added", release=0):
    return {"name": name, "version": version, "releaseVersion": release, "status": "Added",
            "outcome": outcome}


ADDED = {"packages": [package("hello", "1.0")]}


# What add sends and prints.


def test_add_prints_what_the_original_printed(bundle):
    with StandIn(lambda request: (request.read(), answer(201, ADDED))[1]) as server:
        out, err = ended(OK, "add", f"--dcos-file={bundle}", "--server", server.url)
    assert out == f"{UPLOADED}\nAdded packages:\n\t hello 1.0\n"
    assert "File Upload progress: 19 B/19 B" in err
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/api/v1/packages")
    assert request.received == bundle.read_bytes()


def test_add_with_json_prints_one_object_and_nothing_else(bundle):
    with StandIn(lambda request: (request.read(), answer(201, ADDED))[1]) as server:
        out, err = ended(OK, "add", "--dcos-file", bundle, "--json", "--replace",
                         env={"PKGREG_SERVER": server.url})
    assert json.loads(out) == ADDED
    assert err == ""
    assert server.requests[0].target == "/api/v1/packages?replace=true"


def test_add_streams_a_file_that_the_server_asked_for(big_bundle):
    def behave(request):
        assert request.fields["expect"] == "100-continue"
        return answer(201 if len(request.read()) == BIG else 400, ADDED)
    with StandIn(behave) as server:
        out, _ = ended(OK, "add", f"--dcos-file={big_bundle}", f"--server={server.url}")
    assert out.startswith(UPLOADED)


def test_a_name_of_the_service_is_no_obstacle(bundle):
    with StandIn(lambda request: (request.read(), answer(200, ADDED))[1]) as server:
        ended(OK, "add", f"--dcos-file={bundle}", "--name=registry", f"--server={server.url}")


def test_without_a_server_the_name_of_the_service_leads_to_it(bundle):
    _, err = ended(SERVER, "add", f"--dcos-file={bundle}", "--name=/my/custom/registry")
    assert "https://mycustomregistry.marathon.l4lb.thisdcos.directory:443" in err


def test_every_command_can_be_given_as_to_the_plugin(bundle, tmp_path):
    plugin = tmp_path / "dcos-registry"
    plugin.symlink_to(PKGREG)
    with StandIn(lambda request: (request.read(), answer(201, ADDED))[1]) as server:
        arguments = ("registry", "add", f"--dcos-file={bundle}", f"--server={server.url}")
        out, _ = ended(OK, *arguments)
        assert ended(OK, *arguments, program=plugin)[0] == out
    assert "Added packages:" in out
    out, _ = ended(OK, "registry", "--info", program=plugin)
    assert len(out.splitlines()) == 1


def test_a_server_with_tls_is_believed_by_the_authority_that_was_named(bundle, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    run(find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-keyout", key, "-out", certificate, "-subj", "/CN=registry",
        "-addext", "subjectAltName=IP:127.0.0.1")
    with StandIn(lambda request: (request.read(), answer(201, ADDED))[1],
                 tls=(certificate, key)) as server:
        arguments = ("add", f"--dcos-file={bundle}", f"--server={server.url}")
        _, err = ended(SERVER, *arguments)
        assert "certificate" in err
        assert "Added" in ended(OK, *arguments, f"--ca={certificate}")[0]


# What can go wrong with a transfer.


@pytest.mark.parametrize("times", range(8))
def test_a_refusal_in_the_middle_of_a_body_is_told_even_if_the_connection_is_reset(big_bundle,
                                                                                   times):
    def behave(request):
        request.read(1 << 20)
        request.connection.sendall(error(409, "PACKAGE_EXISTS", "other content is there"))
        reset(request.connection)
    with StandIn(behave) as server:
        out, err = ended(FAILED, "add", f"--dcos-file={big_bundle}", f"--server={server.url}")
    assert "status 409: other content is there" in err
    assert UPLOADED not in out


def test_a_refusal_before_the_body_keeps_it_from_being_sent(big_bundle):
    def behave(request):
        return error(413, "SIZE_INVALID", "too large")
    with StandIn(behave) as server:
        _, err = ended(FAILED, "add", f"--dcos-file={big_bundle}", f"--server={server.url}")
    assert "status 413: too large" in err
    assert server.requests[0].received == b""


def test_a_refusal_after_the_body_has_every_line_of_its_message(bundle):
    message = "metadata.json: name: is missing\nmetadata.json: tags: is missing"
    with StandIn(lambda request: (request.read(), error(400, "PACKAGE_INVALID", message))[1]) as s:
        _, err = ended(FAILED, "add", f"--dcos-file={bundle}", f"--server={s.url}")
    lines = err.splitlines()
    assert lines[-2].endswith("status 400: metadata.json: name: is missing")
    assert lines[-1] == "pkgreg: metadata.json: tags: is missing"


def test_a_reset_without_an_answer_is_no_success(big_bundle):
    def behave(request):
        request.read(1 << 20)
        reset(request.connection)
    with StandIn(behave) as server:
        out, err = ended(SERVER, "add", f"--dcos-file={big_bundle}", f"--server={server.url}")
    assert "no answer" in err
    assert UPLOADED not in out


@pytest.mark.parametrize("reply", [
    error(503, "UNAVAILABLE", "later"), answer(200, b"<html>"), answer(200, {"packages": [{}]}),
    answer(200, []), answer(404, b"no such page"), answer(301, b"", "Location: /elsewhere"),
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"SSH-2.0-OpenSSH\r\n"])
def test_who_answers_as_no_registry_does_is_not_believed(bundle, reply):
    with StandIn(lambda request: (request.read(), reply)[1]) as server:
        out, err = ended(SERVER, "add", f"--dcos-file={bundle}", f"--server={server.url}")
    assert "Added" not in out
    assert server.url in err


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_a_bundle_that_cannot_be_read_is_named(tmp_path, json_option):
    with StandIn(lambda request: answer(200, ADDED)) as server:
        for file in (tmp_path / "missing.dcos", tmp_path):
            _, err = ended(FAILED, "add", "--dcos-file", file, "--server", server.url, *json_option)
            assert str(file) in err
    assert not server.requests


@pytest.mark.parametrize("arguments", [
    ("add",), ("describe", "--package-name=hello"), ("remove", "--package-version=1"),
    ("describe", "--package-name=Hello", "--package-version=1"), ("universe",),
    ("list", "--package-name=a/b"), ("universe", "import"), ("registry",), ("registry", "registry"),
    ("add", "--dcos-file=x", "--server=ftp://host")])
def test_a_wrong_command_line_ends_with_2(arguments):
    assert ended(USAGE, *arguments)[0] == ""


@pytest.mark.parametrize("command", ["add", "describe", "list", "remove", "universe import"])
def test_the_help_of_every_command_fits_a_terminal(command):
    out, _ = ended(OK, *command.split(), "--help")
    assert max(map(len, out.splitlines())) <= 100


# Describe, list and remove.


@pytest.mark.parametrize("command", ["describe", "remove"])
def test_an_unknown_package_is_told_in_the_words_of_the_original(command):
    with StandIn(lambda request: error(404, "PACKAGE_UNKNOWN", "no")) as server:
        out, err = ended(FAILED, command, "--package-name=hello", "--package-version=1.0",
                         f"--server={server.url}")
    assert "Version [1.0] of package [hello] not found" in err
    assert out == ""


def test_list_follows_its_pages():
    def behave(request):
        if "last" in request.target:
            return answer(200, {"packages": [package("kafka", "2")]})
        return answer(200, {"packages": [package("hello", "1")]},
                      'Link: </api/v1/packages?n=1000&last=hello/1>; rel="next"')
    with StandIn(behave) as server:
        assert ended(OK, "list", f"--server={server.url}")[0] == "hello 1\nkafka 2\n"
        out, _ = ended(OK, "list", "--json", "--package-name=hello", f"--server={server.url}")
    assert [p["name"] for p in json.loads(out)["packages"]] == ["hello", "kafka"]
    assert "name=hello" in server.requests[2].target


def test_list_does_not_follow_a_circle():
    link = 'Link: </api/v1/packages?n=1000>; rel="next"'
    with StandIn(lambda request: answer(200, {"packages": []}, link)) as server:
        assert "again" in ended(SERVER, "list", f"--server={server.url}")[1]


# The import of a Universe.


def definition(name, version, packaging="4.0", **fields):
    return {"packagingVersion": packaging, "name": name, "version": version, "maintainer": "m@x.org",
            "description": "d", "tags": ["t"], **fields}


def repository(*packages):
    return json.dumps({"packages": list(packages)})


def importer(request):
    """Answers an import as a registry does that refuses the packages called `bad`."""
    packages = json.loads(request.read())["packages"]
    return answer(200, {
        "packages": [package(p["name"], p["version"], release=p["releaseVersion"])
                     for p in packages if p["name"] != "bad"],
        "refused": [{"package": f"packages[{i}] {p['name']} {p['version']}", "reason": "other content"}
                    for i, p in enumerate(packages) if p["name"] == "bad"]})


def test_import_sends_what_is_valid_and_tells_the_rest(tmp_path):
    file = tmp_path / "repo.json"
    file.write_text(repository(
        definition("hello", "1.0", releaseVersion=1, selected=True),
        definition("hello", "1.0", releaseVersion=3, selected=False),
        definition("bad", "1.0", releaseVersion=0),
        definition("old", "1.0", "2.0", releaseVersion=0),
        definition("broken", "1.0", releaseVersion=0, tags="t")))
    with StandIn(importer) as server:
        out, err = ended(FAILED, "universe", "import", file, f"--server={server.url}")
        report, _ = ended(FAILED, "universe", "import", file, f"--server={server.url}", "--json",
                          "--replace")
    sent = json.loads(server.requests[0].received)["packages"]
    assert [(p["name"], p["releaseVersion"], p.get("selected")) for p in sent] == [
        ("hello", 3, False), ("bad", 0, None)]
    assert "added hello 1.0\n" in out
    assert "superseded hello 1.0 of releaseVersion 1\n" in out
    assert "skipped packages[3] (old 1.0): packaging 2.0\n" in out
    assert out.endswith("1 added, 0 replaced, 0 unchanged, 1 refused, 1 superseded, "
                        "1 of packaging 2.0, 1 problems\n")
    assert "pkgreg: refused bad 1.0: other content\n" in err
    assert "packages[4] (broken 1.0): tags: must be" in err
    report = json.loads(report)
    assert {key: len(value) for key, value in report.items()} == {
        "packages": 1, "refused": 1, "superseded": 1, "outdated": 1, "problems": 1}
    assert server.requests[1].target == "/api/v1/universe?replace=true"


def test_import_of_old_and_superseded_packages_is_a_success(tmp_path):
    file = tmp_path / "repo.json"
    file.write_text(repository(definition("hello", "1.0", releaseVersion=0),
                               definition("old", "1.0", "2.0", releaseVersion=0)))
    with StandIn(importer) as server:
        ended(OK, "universe", "import", file, f"--server={server.url}")


def test_import_of_a_folder_keeps_the_numbers_of_its_packages(tmp_path):
    folder = tmp_path / "packages" / "H" / "hello" / "7"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps(definition("hello", "1.0", selected=True)))
    unnumbered = tmp_path / "packages" / "W" / "world"
    unnumbered.mkdir(parents=True)
    (unnumbered / "package.json").write_text(json.dumps(definition("world", "1.0")))
    with StandIn(importer) as server:
        _, err = ended(FAILED, "universe", "import", tmp_path, f"--server={server.url}")
    sent = json.loads(server.requests[0].received)["packages"]
    assert [(p["name"], p["releaseVersion"], p["selected"]) for p in sent] == [("hello", 7, True)]
    assert f"{unnumbered}" in err


def test_import_asks_a_url_as_the_package_manager_does():
    def behave(request):
        if request.method == "POST":
            return importer(request)
        body = gzip.compress(repository(definition("hello", "1.0", releaseVersion=0)).encode())
        return answer(200, body, "Content-Encoding: gzip")
    with StandIn(behave) as server:
        ended(OK, "universe", "import", f"{server.url}/repo?x=1", f"--server={server.url}")
    fields = server.requests[0].fields
    assert server.requests[0].target == "/repo?x=1"
    assert fields["accept"].startswith(
        "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v5, ")
    assert fields["accept-encoding"] == "gzip"


def test_import_goes_in_batches_and_tells_what_came_before_a_failure(tmp_path):
    filler = "x" * (3 << 20)
    file = tmp_path / "repo.json"
    file.write_text(repository(*(definition(f"hello{i}", "1.0", releaseVersion=0, description=filler)
                                 for i in range(5))))
    def behave(request):
        if len(server.requests) == 3:
            return error(503, "UNAVAILABLE", "later")
        return importer(request)
    with StandIn(behave) as server:
        out, err = ended(SERVER, "universe", "import", file, f"--server={server.url}")
    assert all(len(r.received) <= 8 << 20 for r in server.requests)
    assert "added hello3 1.0\n" in out and "hello4" not in out
    assert "status 503: later" in err


@pytest.mark.parametrize("source", ["missing.json", "empty"])
def test_import_of_nothing_fails(tmp_path, source):
    (tmp_path / "empty").mkdir()
    with StandIn(importer) as server:
        _, err = ended(FAILED, "universe", "import", tmp_path / source, f"--server={server.url}")
    assert source in err
    assert not server.requests


# A running registry.


@pytest.fixture
def server(registry):
    """The option that names the running registry."""
    return f"--server=http://{registry.address}"


def hello(folder, content=b"a jar", version="1.0"):
    made = Bundle(metadata("hello", version, uris={"jar": "https://example.com/hello.jar"}))
    made.add_resource("resource.assets.uris.jar", content, "hello.jar")
    return made.write(folder / f"hello-{version}.dcos")


def test_a_package_is_added_described_listed_and_removed(server, tmp_path):
    out, _ = ended(OK, "add", f"--dcos-file={hello(tmp_path)}", server)
    assert out == f"{UPLOADED}\nAdded packages:\n\t hello 1.0\n"
    ended(OK, "add", f"--dcos-file={hello(tmp_path, version='2.0')}", server)
    selection = ("--package-name=hello", "--package-version", "1.0", server)
    described = json.loads(ended(OK, "describe", *selection, "--json")[0])
    assert (described["status"], described["package"]["name"]) == ("Added", "hello")
    text, _ = ended(OK, "describe", *selection)
    for words in ("Name:             hello\n", "Status:           Added\n", "hello.jar\n"):
        assert words in text
    assert ended(OK, "list", server)[0] == "hello 1.0\nhello 2.0\n"
    listed = json.loads(ended(OK, "list", "--package-name=hello", "--json", server)[0])
    assert [package["version"] for package in listed["packages"]] == ["1.0", "2.0"]
    assert ended(OK, "list", "--package-name=other", server)[0] == ""
    removed = json.loads(ended(OK, "remove", *selection, "--json")[0])
    assert removed["status"] == "Removed"
    assert "Version [1.0] of package [hello] not found" in ended(FAILED, "remove", *selection)[1]
    assert "Version [1.0] of package [hello] not found" in ended(FAILED, "describe", *selection)[1]
    assert ended(OK, "remove", "--package-name=hello", "--package-version=2.0", server)[0] == (
        "Removed hello 2.0\n")


def test_a_package_of_other_content_is_added_only_in_place_of_the_old_one(server, tmp_path):
    add = ("add", server, "--json", "--dcos-file")
    outcomes = []
    for content, option in ((b"one", ()), (b"one", ()), (b"two", ("--replace",))):
        out, _ = ended(OK, *add, hello(tmp_path, content), *option)
        outcomes += [package["outcome"] for package in json.loads(out)["packages"]]
    assert outcomes == ["added", "unchanged", "replaced"]
    # Larger than what is on its way when the registry has seen enough.
    out, err = ended(FAILED, *add, hello(tmp_path, os.urandom(BIG)))
    assert out == ""
    assert "status 409" in err


def test_what_is_no_bundle_is_refused_with_a_reason(server, bundle):
    out, err = ended(FAILED, "add", f"--dcos-file={bundle}", server)
    assert "status 400" in err and "bundle" in err
    assert "Added" not in out


def test_a_repository_is_imported_from_another_registry(servers, tmp_path):
    first, second = servers.start(), servers.start()
    file = tmp_path / "repo.json"
    file.write_text(repository(definition("hello", "1.0", releaseVersion=4, selected=True),
                               definition("world", "1.0", "3.0", releaseVersion=2)))
    urls = [f"http://{registry.address}" for registry in (first, second)]
    ended(OK, "universe", "import", file, f"--server={urls[0]}")
    out, _ = ended(OK, "universe", "import", f"{urls[0]}/repo", f"--server={urls[1]}")
    assert out.startswith("added hello 1.0\nadded world 1.0\n2 added, ")
    documents = [registry.http.get("/repo").json()["packages"] for registry in (first, second)]
    assert documents[0] == documents[1]
    assert documents[1][0]["releaseVersion"] == 4
    out, _ = ended(OK, "universe", "import", file, f"--server={urls[1]}")
    assert ", 2 unchanged, " in out
    file.write_text(repository(definition("hello", "1.0", releaseVersion=4, description="other")))
    _, err = ended(FAILED, "universe", "import", file, f"--server={urls[1]}")
    assert "pkgreg: refused hello 1.0: " in err
    out, _ = ended(OK, "universe", "import", file, f"--server={urls[1]}", "--replace")
    assert "replaced hello 1.0\n" in out


# Images that `docker save` has written; skopeo writes the same.


@pytest.fixture
def docker_archive(tmp_path):
    """An archive, and the configuration and layers in it."""
    layout, file = images(), tmp_path / "hello.tar"
    Skopeo(tmp_path / "save", "")("copy", f"oci:{layout.path}:image",
                                   f"docker-archive:{file}:example/hello:1.0")
    return file


def with_image(name="hello"):
    return metadata(name, "1.0", docker={"main": "registry.example.com/example/hello:1.0"})


def write_with_archive(path, document, archive, image):
    """A bundle that has the archive as it is."""
    text, data = json.dumps(document).encode(), archive.read_bytes()
    contents = {"formatVersion": 1, "metadata": digest_of(text), "resources": [], "images": [
        {"asset": "resource.assets.container.docker.main", "archive": digest_of(data),
         "size": len(data), "image": image}]}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        out.writestr("metadata.json", text)
        out.writestr("bundle.json", json.dumps(contents))
        out.writestr(f"images/docker/{digest_of(data).partition(':')[2]}.tar", data)
    return path


@pytest.mark.skopeo
def test_an_image_of_docker_save_is_served_however_it_came(registry, server, docker_archive,
                                                           tmp_path):
    plain = write_with_archive(tmp_path / "plain.dcos", with_image(), docker_archive,
                               "example/hello:1.0")
    ended(OK, "add", f"--dcos-file={plain}", server)
    (tmp_path / "hello.json").write_text(json.dumps(with_image("hello-built")))
    ended(OK, "build", f"--build-definition-file={tmp_path / 'hello.json'}",
          f"--output-directory={tmp_path}", f"--image=main={docker_archive}")
    ended(OK, "add", f"--dcos-file={tmp_path / 'hello-built-1.0.dcos'}", server)
    described = [json.loads(ended(OK, "describe", f"--package-name={name}", "--package-version=1.0",
                                  "--json", server)[0])["images"][0]
                 for name in ("hello", "hello-built")]
    assert described[0] == described[1]
    assert described[0]["mediaType"] == DOCKER_MANIFEST
    reference = f"{described[0]['repository']}@{described[0]['digest']}"
    skopeo = Skopeo(tmp_path / "pull", registry.address)
    skopeo("copy", "--src-tls-verify=false", f"docker://{registry.address}/{reference}",
           f"dir:{tmp_path / 'pulled'}")
    source = images()
    expected = json.loads(source.read(source.root("image")))["config"]["digest"]
    pulled = json.loads((tmp_path / "pulled" / "manifest.json").read_text())
    config = tmp_path / "pulled" / pulled["config"]["digest"].partition(":")[2]
    layers = json.loads(config.read_bytes())["rootfs"]["diff_ids"]
    assert [layer["digest"] for layer in pulled["layers"]] == layers
    assert json.loads(source.read({"digest": expected}))["rootfs"]["diff_ids"] == layers


@pytest.mark.skopeo
def test_build_tells_which_archive_it_cannot_use(docker_archive, tmp_path):
    (tmp_path / "hello.json").write_text(json.dumps(with_image()))
    out = tmp_path / "out"
    out.mkdir()
    build = ("build", f"--build-definition-file={tmp_path / 'hello.json'}",
             f"--output-directory={out}")
    _, err = ended(FAILED, *build, f"--image=other={docker_archive}")
    assert "has no image 'other'" in err
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(docker_archive.read_bytes()[:2000])
    for file in (damaged, tmp_path / "missing.tar", tmp_path):
        _, err = ended(FAILED, *build, f"--image=main={file}")
        assert "resource.assets.container.docker.main: " in err
    for text in ("main", "=x", "main=", "main=a,main=b"):
        ended(USAGE if "," not in text else FAILED, *build, f"--image={text}")
    assert not list(out.iterdir())


# Who asks.

TOKEN = secret_watch.register("eyJhbGciOiJSUzI1NiJ9.c29tZWJvZHk.c2lnbmVk", "a DC/OS token")
secret_watch.register_login("alice", "correct horse")


def asks_with(server, *arguments, env=None):
    """The Authorization field of what `list` and `tags` send, which is the same."""
    server.requests.clear()
    ended(OK, "list", "--server", server.url, *arguments, env=env)
    ended(OK, "tags", "a", "--server", server.url, *arguments, env=env)
    first, second = (request.fields.get("authorization") for request in server.requests)
    assert first == second
    return first


@pytest.fixture
def any_list():
    with StandIn(lambda _: answer(200, {"packages": [], "name": "a", "tags": []})) as server:
        yield server


def test_a_name_and_its_password_are_sent(any_list, tmp_path):
    basic = "Basic " + base64.b64encode(b"alice:correct horse").decode()
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    assert asks_with(any_list) is None
    assert asks_with(any_list, "--user", "alice", "--password-file", file) == basic
    assert asks_with(any_list, "--user", "alice", env={"PKGREG_PASSWORD": "correct horse"}) == basic
    assert asks_with(any_list, env={"PKGREG_USER": "alice", "PKGREG_PASSWORD_FILE": str(file)}) == basic


def test_a_token_is_sent_as_dcos_does(any_list, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    assert asks_with(any_list, "--token-file", file) == "token=" + TOKEN


def test_credentials_that_cannot_be_used_are_told_without_them(any_list, tmp_path):
    two_lines, empty = tmp_path / "two", tmp_path / "empty"
    two_lines.write_text("correct horse\nmore\n")
    empty.write_text("\n")
    for arguments, message in [
            (["--user", "alice"], "--user needs a password"),
            (["--password-file", empty], "--password-file needs --user"),
            (["--user", "a:b", "--password-file", empty], "a name has no colon"),
            (["--user", "alice", "--password-file", empty], "must have a password, on one line"),
            (["--user", "alice", "--password-file", two_lines], "must have a password, on one line"),
            (["--user", "alice", "--password-file", tmp_path / "none"], "No such file"),
            (["--token-file", empty], "must have a token, on one line"),
            (["--token-file", empty, "--user", "alice"], "not both"),
            (["--cert", empty], "--cert and --key belong together")]:
        _, err = ended(USAGE, "list", "--server", any_list.url, *arguments)
        assert message in err and "correct horse" not in err
    assert not any_list.requests
