"""pkgreg migrate, build and activate: what they fetch from whom, and what they leave when it fails."""

import base64
import hashlib
import json
import os
import random
import signal
import stat
import subprocess
import zipfile

import pytest

import secret_watch
from bundles import metadata
from container_tools import Skopeo
from http_client import (DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_INDEX, OCTETS, Repository,
                         as_json, descriptor_of, digest_of, image_index)
from images import Layout, closure, images
from origin import Files, Gate
from programs import (PKGREG, find_program, run, skip_if_instrumented, wait_until,
                      with_parent_death)
from stand_in import StandIn, answer

pytestmark = pytest.mark.packages

OK, FAILED, USAGE, STORAGE, ADDRESS, SERVER = range(6)
JSON = "application/json"
CONTENT = random.Random(4).randbytes(3 << 20)


def pkgreg(*arguments, home=None, env=None):
    """Runs the program; it knows nothing of the credentials that this machine's user has."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PKGREG_") and not name.lower().endswith("_proxy")}
    environment["DOCKER_CONFIG"] = str(home or "/nonexistent")
    return run(PKGREG, *arguments, env={**environment, **(env or {})}, check=False, timeout=60)


class Builder:
    """Builds packages below one folder."""

    def __init__(self, folder):
        self.folder, self.out, self.home = folder, folder / "out", folder / "docker"
        self.out.mkdir()
        self.home.mkdir()

    def define(self, document):
        file = self.folder / "definition.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    def __call__(self, document, *options, env=None):
        return pkgreg("build", f"--build-definition-file={self.define(document)}",
                      f"--output-directory={self.out}", *options, home=self.home, env=env)

    def make(self, document, *options, env=None):
        """A build that succeeds; gives the bundle back."""
        done = self(document, *options, env=env)
        assert done.returncode == OK, done
        bundle = self.out / f"{document['name']}-{document['version']}.dcos"
        assert done.stdout.splitlines()[-1] == f"Created DC/OS Universe Package {bundle}"
        assert os.listdir(self.out) == [bundle.name]
        return Unpacked(bundle, self.folder / "unpacked")

    def refuse(self, document, *options, env=None):
        """A build that fails and leaves nothing; gives the lines of its message back."""
        done = self(document, *options, env=env)
        assert done.returncode == FAILED, done
        assert "Created" not in done.stdout
        assert os.listdir(self.out) == []
        return done.stderr

    def log_in(self, **configuration):
        (self.home / "config.json").write_text(json.dumps(configuration))


class Unpacked:
    """A bundle, unpacked."""

    def __init__(self, bundle, folder):
        with zipfile.ZipFile(bundle) as archive:
            assert archive.testzip() is None
            archive.extractall(folder)
        self.folder = folder
        self.metadata = json.loads((folder / "metadata.json").read_text())
        contents = json.loads((folder / "bundle.json").read_text())
        self.resources = {one["asset"]: one for one in contents["resources"]}
        self.images = {one["asset"]: one for one in contents["images"]}

    def content(self, asset):
        return (self.folder / "resources" / self.resources[asset]["digest"].replace(":", "/")).read_bytes()

    def layout(self):
        return Layout(self.folder / "images")


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path)


@pytest.fixture
def files():
    with Files({"/data.tgz": CONTENT, "/icon.png": b"icon", "/tool": b"tool"}) as origin:
        yield origin


def uris(**assets):
    return metadata(uris=assets)


def docker(*references):
    return metadata(docker={f"image-{number}": one for number, one in enumerate(references)})


# migrate.


def package_folder(folder, **fields):
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({
        "packagingVersion": "4.0", "name": "hello", "version": "1.0", "maintainer": "a@example.com",
        "description": "Hello", "tags": ["test"], "selected": True, **fields}))
    (folder / "marathon.json.mustache").write_text('{"id": "{{service.name}}"}')
    (folder / "config.json").write_text('{"type": "object", "properties": {}}')
    return folder


def migrate(folder, out, *options):
    return pkgreg("migrate", f"--package-directory={folder}", "--output-directory", out, *options)


def test_migrate_writes_a_build_definition(tmp_path, builder):
    folder = package_folder(tmp_path / "7")
    done = migrate(folder, builder.out)
    file = builder.out / "hello-1.0.json"
    assert (done.returncode, done.stdout) == (OK, f"Created DC/OS Build Definition {file}\n"), done
    definition = json.loads(file.read_text())
    assert "selected" not in definition and "releaseVersion" not in definition
    template = base64.b64decode(definition["marathon"]["v2AppMustacheTemplate"])
    assert template == (folder / "marathon.json.mustache").read_bytes()
    assert os.listdir(builder.out) == [file.name]
    assert file.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    assert pkgreg("build", "--build-definition-file", file, "--output-directory", builder.out
                  ).returncode == OK


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_migrate_reports_an_object(tmp_path, builder):
    done = migrate(package_folder(tmp_path / "7"), builder.out, "--json")
    assert json.loads(done.stdout) == {"name": "hello", "version": "1.0",
                                       "path": str(builder.out / "hello-1.0.json")}


def test_migrate_prints_every_problem_by_file_and_field_and_writes_nothing(tmp_path, builder):
    folder = package_folder(tmp_path / "7", name="Hello", tags="x")
    (folder / "config.json").write_text("[]")
    (folder / "resource.json").write_text('{"assets": {"uris": {"jar": 7}}}')
    done = migrate(folder, builder.out)
    assert done.returncode == FAILED and done.stdout == ""
    for problem in ("package.json: name: ", "package.json: tags: ", "config.json: ",
                    "resource.json: assets.uris.jar: "):
        assert f"pkgreg: {folder}/{problem}" in done.stderr, problem
    assert os.listdir(builder.out) == []


def test_migrate_names_what_is_not_there(tmp_path, builder):
    done = migrate(tmp_path / "none", builder.out)
    assert done.returncode == FAILED and "--package-directory" in done.stderr
    done = migrate(tmp_path, builder.out)
    assert done.returncode == FAILED and "package.json" in done.stderr and "missing" in done.stderr
    done = migrate(package_folder(tmp_path / "7"), tmp_path / "none")
    assert done.returncode == FAILED and "--output-directory" in done.stderr


# build: files.


def test_build_fetches_every_asset_and_names_it(builder, files):
    tool = {"algo": "sha256", "value": hashlib.sha256(b"tool").hexdigest().upper()}
    document = uris(data=f"{files.url}/data.tgz?token=hidden", same=f"{files.url}/icon.png")
    document["resource"]["images"] = {"icon-small": f"{files.url}/icon.png",
                                      "screenshots": [f"{files.url}/icon.png?2"]}
    document["resource"]["cli"] = {"binaries": {"linux": {"x86-64": {
        "kind": "executable", "url": f"{files.url}/tool", "contentHash": [tool]}}}}
    done = builder(document)
    assert done.returncode == OK, done
    fetched = [line.removeprefix("Fetching ") for line in done.stdout.splitlines()[:-1]]
    assert sorted(fetched) == sorted([f"{files.url}/data.tgz?token=***", f"{files.url}/icon.png",
                                      f"{files.url}/icon.png?2", f"{files.url}/tool"])
    assert sorted(files.targets()) == sorted(["/data.tgz?token=hidden", "/icon.png", "/icon.png?2",
                                              "/tool"])
    bundle = Unpacked(builder.out / "hello-1.0.dcos", builder.folder / "unpacked")
    assert bundle.metadata == document
    data = bundle.resources["resource.assets.uris.data"]
    assert (data["file"], data["size"], data["digest"]) == ("data.tgz", len(CONTENT), digest_of(CONTENT))
    assert bundle.content("resource.assets.uris.data") == CONTENT
    assert bundle.content("resource.images.screenshots[0]") == b"icon"
    assert bundle.content("resource.cli.binaries.linux.x86-64.url") == b"tool"
    assert not (bundle.folder / "images").exists()


def test_build_takes_files_and_local_references_relative_to_the_definition(builder):
    (builder.folder / "my app.zip").write_bytes(b"app")
    (builder.folder / "config.json").write_text('{"type": "object"}')
    (builder.folder / "template").write_text("{}")
    (builder.folder / "resource.json").write_text(json.dumps({"assets": {"uris": {
        "relative": "my app.zip", "absolute": str(builder.folder / "my app.zip"),
        "url": f"file://{builder.folder}/my%20app.zip"}}}))
    document = metadata(config="@config.json", resource="@resource.json",
                        marathon={"v2AppMustacheTemplate": "@template"})
    bundle = builder.make(document)
    assert bundle.metadata["config"] == {"type": "object"}
    assert bundle.metadata["marathon"]["v2AppMustacheTemplate"] == "e30="
    for asset in ("relative", "absolute", "url"):
        assert bundle.resources[f"resource.assets.uris.{asset}"]["file"] == "my app.zip"
        assert bundle.content(f"resource.assets.uris.{asset}") == b"app"


def test_build_reports_an_object_and_nothing_else(builder, files):
    done = builder(uris(data=f"{files.url}/data.tgz"), "--json")
    assert done.returncode == OK, done
    assert json.loads(done.stdout) == {"name": "hello", "version": "1.0",
                                       "path": str(builder.out / "hello-1.0.dcos")}
    assert f"Fetching {files.url}/data.tgz" in done.stderr


def test_equal_builds_are_equal_bytes_and_take_the_place_of_each_other(builder, files):
    document = uris(data=f"{files.url}/data.tgz", icon=f"{files.url}/icon.png")
    made = []
    for _ in range(2):
        assert builder(document).returncode == OK
        made.append((builder.out / "hello-1.0.dcos").read_bytes())
    assert made[0] == made[1] and os.listdir(builder.out) == ["hello-1.0.dcos"]


def test_remote_assets_stay_urls(builder, files):
    document = metadata(uris={"data": f"{files.url}/data.tgz"}, docker={"main": "no.example/image"})
    document["resource"]["images"] = {"icon-small": f"{files.url}/icon.png"}
    bundle = builder.make(document, "--remote-assets")
    assert bundle.resources == {} and bundle.images == {} and files.requests == []
    bundle = builder.make(document, "--remote-assets=docker,uris")
    assert list(bundle.resources) == ["resource.images.icon-small"]
    assert pkgreg("build", "--remote-assets=some").returncode == USAGE


def test_a_file_cannot_stay_remote(builder):
    (builder.folder / "app.zip").write_bytes(b"app")
    assert "resource.assets.uris.app" in builder.refuse(uris(app="app.zip"), "--remote-assets")


def test_disturbances_pass(builder, files):
    files.faults["/data.tgz"] = [503, 429, "cut:100000", "reset:200000"]
    bundle = builder.make(uris(data=f"{files.url}/data.tgz"))
    assert bundle.content("resource.assets.uris.data") == CONTENT
    asked = [fields.get("range") for fields in files.fields_of("/data.tgz")]
    # What was there already is not fetched again.
    assert asked[:4] == [None, None, None, "bytes=100000-"] and len(asked) == 5
    assert int(asked[4].removeprefix("bytes=").removesuffix("-")) >= 100_000


def test_without_an_etag_a_fetch_begins_again(builder, files):
    files.etag, files.faults["/data.tgz"] = "", ["cut:100000"]
    assert builder.make(uris(data=f"{files.url}/data.tgz")).content("resource.assets.uris.data") == CONTENT
    assert [fields.get("range") for fields in files.fields_of("/data.tgz")] == [None, None]


def test_a_file_that_changed_meanwhile_is_fetched_whole(builder, files):
    changed = CONTENT[::-1]

    def change(handler, fields):
        if "range" in fields:
            files.content["/data.tgz"], files.etag = changed, '"2"'
        Files.behave(files, handler, fields)

    files.behave, files.faults["/data.tgz"] = change, ["cut:100000"]
    assert builder.make(uris(data=f"{files.url}/data.tgz")).content("resource.assets.uris.data") == changed


def test_a_server_that_falls_silent_is_asked_again(builder, files):
    files.faults["/data.tgz"] = ["stall"]
    bundle = builder.make(uris(data=f"{files.url}/data.tgz"), "--stall-timeout=1")
    assert bundle.content("resource.assets.uris.data") == CONTENT
    assert len(files.requests) == 2


def test_redirects_are_followed(builder, files):
    files.redirects["/old"] = "/data.tgz"
    bundle = builder.make(uris(data=f"{files.url}/old"))
    assert bundle.content("resource.assets.uris.data") == CONTENT
    assert bundle.resources["resource.assets.uris.data"]["file"] == "old"


def test_a_redirect_without_end_is_given_up(builder, files):
    files.redirects["/old"] = "/old"
    assert "redirects" in builder.refuse(uris(data=f"{files.url}/old"))


def test_a_password_in_a_url_is_used_and_never_shown(builder, files):
    secret = files.url.replace("://", "://me:hidden@")
    done = builder(uris(data=f"{secret}/data.tgz", none=f"{secret}/none"))
    assert done.returncode == FAILED
    assert "hidden" not in done.stdout + done.stderr and "***@" in done.stderr
    expected = "Basic " + base64.b64encode(b"me:hidden").decode()
    assert files.fields_of("/data.tgz")[0]["authorization"] == expected


def test_fetches_run_side_by_side_but_not_too_many(builder, files):
    for number in range(12):
        files.content[f"/{number}"] = b"%d" % number
        files.faults[f"/{number}"] = ["slow"]
    builder.make(uris(**{f"a{number}": f"{files.url}/{number}" for number in range(12)}))
    assert 2 <= files.most <= 4


def test_all_problems_are_told_and_nothing_is_left(builder, files):
    document = uris(none=f"{files.url}/none", broken=f"{files.url}/broken", here="missing.zip",
                    good=f"{files.url}/data.tgz", nowhere="http://127.0.0.1:1/x")
    files.content["/broken"], files.faults["/broken"] = b"x", [500] * 9
    document["resource"]["cli"] = {"binaries": {"linux": {"x86-64": {
        "kind": "executable", "url": f"{files.url}/tool",
        "contentHash": [{"algo": "sha256", "value": "a" * 64}]}}}}
    message = builder.refuse(document, "--retries=1")
    lines = message.splitlines()
    actual = hashlib.sha256(b"tool").hexdigest()
    for field, words in (("assets.uris.none", ["/none: status 404"]), ("assets.uris.broken", ["status 500"]),
                         ("assets.uris.here", ["missing.zip", "No such file"]),
                         ("assets.uris.nowhere", ["127.0.0.1:1"]),
                         ("cli.binaries.linux.x86-64.contentHash[0].value", ["a" * 64, actual])):
        line, = [one for one in lines if f"definition.json: resource.{field}: " in one]
        assert all(word in line for word in words), line
    assert len([line for line in lines if "definition.json" in line]) == 5
    assert len(files.fields_of("/broken")) == 2 and len(files.fields_of("/none")) == 1


def test_what_cannot_be_fetched_is_told_before_anything_is(builder, files):
    document = metadata(uris={"ftp": "ftp://me:hidden@files.example/x", "good": f"{files.url}/data.tgz"},
                        docker={"main": "Not An Image"})
    message = builder.refuse(document)
    assert "resource.assets.uris.ftp" in message and "hidden" not in message
    assert "resource.assets.container.docker.main" in message
    assert files.requests == []


def test_a_bad_definition_is_told_by_file_and_field(builder):
    (builder.folder / "resource.json").write_text('{"assets": {"uris": {"jar": 7}}}')
    message = builder.refuse(metadata(name="Hello", version="1 0", tags=7))
    for field in ("name", "version", "tags"):
        assert f"{builder.folder}/definition.json: {field}: " in message
    message = builder.refuse(metadata(resource="@resource.json", config="@none.json"))
    assert f"{builder.folder}/none.json: cannot be read" in message
    message = builder.refuse(metadata(resource="@resource.json"))
    assert f"{builder.folder}/resource.json: assets.uris.jar: " in message
    assert "definition.json" in builder.refuse("{")
    done = pkgreg("build", "--build-definition-file", builder.folder / "no.json",
                  "--output-directory", builder.out)
    assert done.returncode == FAILED and "no.json: cannot be read" in done.stderr


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_fetch_at_once_and_nothing_is_left(builder, files, which):
    files.faults["/data.tgz"] = ["stall"]
    file = builder.define(uris(data=f"{files.url}/data.tgz", icon=f"{files.url}/icon.png"))
    process = subprocess.Popen(
        with_parent_death("KILL", [PKGREG, "build", "--build-definition-file", file,
                                   "--output-directory", builder.out]),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert files.stalled.wait(20)
    process.send_signal(which)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == -which, errors
    assert "interrupted" in errors
    assert os.listdir(builder.out) == []


def test_a_signal_while_the_bundle_is_written_leaves_nothing(builder):
    with open(builder.folder / "large", "wb") as large:
        large.truncate(1 << 30)
    process = subprocess.Popen(
        with_parent_death("KILL", [PKGREG, "build", "--build-definition-file",
                                   builder.define(uris(large="large")),
                                   "--output-directory", builder.out]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: os.listdir(builder.out), "the bundle begins")
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM
    assert os.listdir(builder.out) == []


def test_a_killed_build_leaves_no_fetched_file(builder, files):
    files.faults["/data.tgz"] = ["stall"]
    file = builder.define(uris(data=f"{files.url}/data.tgz"))
    process = subprocess.Popen(
        with_parent_death("KILL", [PKGREG, "build", "--build-definition-file", file,
                                   "--output-directory", builder.out]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert files.stalled.wait(20)
    process.kill()
    process.wait(5)
    assert os.listdir(builder.out) == []


def test_memory_does_not_grow_with_what_is_fetched(builder, files):
    skip_if_instrumented()
    block = random.Random(5).randbytes(64 << 20)
    for number in range(4):
        files.content[f"/{number}"] = block[number:]
    file = builder.define(uris(**{f"a{number}": f"{files.url}/{number}" for number in range(4)}))
    measure = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    done = run("/usr/bin/python3", "-c", measure, PKGREG, "build", "--build-definition-file", file,
               "--output-directory", builder.out)
    assert (builder.out / "hello-1.0.dcos").stat().st_size > 256 << 20
    assert int(done.stdout.splitlines()[-1]) < 64 << 10


# build: images.


def push_index(registry, name, *tags):
    """An index for two platforms, whose images share a layer; gives the two manifests and the index."""
    repository = Repository(registry.http, name)
    amd64 = repository.push_image(layers=(b"common", b"for amd64"))
    arm64 = repository.push_image(layers=(b"common", b"for arm64"))
    index = as_json(image_index([
        descriptor_of("application/vnd.oci.image.manifest.v1+json", body,
                      platform={"os": "linux", "architecture": architecture})
        for body, architecture in ((amd64, "amd64"), (arm64, "arm64"))]))
    for tag in tags:
        assert repository.put_manifest(tag, index, OCI_INDEX).status == 201
    return amd64, arm64, index


@pytest.mark.skopeo
def test_a_pushed_image_is_in_the_bundle_digest_by_digest(builder, registry):
    sent = images()
    skopeo = Skopeo(builder.folder, registry.address)
    skopeo.push(sent, "image", "team/app:1")
    bundle = builder.make(docker(f"{registry.address}/team/app:1"))
    image = bundle.images["resource.assets.container.docker.image-0"]
    assert image["digest"] == sent.root("image")["digest"]
    assert bundle.layout().blobs() == closure(sent, sent.root("image"))
    inspected = json.loads(skopeo("inspect", f"oci:{bundle.folder / 'images'}").stdout)
    assert inspected["Digest"] == image["digest"]
    assert inspected["Layers"] == [layer["digest"] for layer in sent.manifest("image")["layers"]]


@pytest.mark.skopeo
def test_all_platforms_of_an_index_are_kept_as_they_are(builder, registry):
    sent = images()
    Skopeo(builder.folder, registry.address).push(sent, "index", "team/app:1", "--all")
    bundle = builder.make(docker(f"{registry.address}/team/app:1"), "--platform=all")
    image, = bundle.images.values()
    assert (image["digest"], image["mediaType"]) == (sent.root("index")["digest"], OCI_INDEX)
    assert bundle.layout().blobs() == closure(sent, sent.root("index"))


@pytest.mark.parametrize("options, which", [((), 0), (("--platform", "linux/arm64/v8"), 1)])
def test_one_platform_of_an_index_is_taken_by_its_own_manifest(builder, registry, options, which):
    manifest = push_index(registry, "team/app", "1")[which]
    bundle = builder.make(docker(f"{registry.address}/team/app:1"), *options)
    image, = bundle.images.values()
    assert image["digest"] == digest_of(manifest)
    document = json.loads(manifest)
    assert bundle.layout().blobs() == {
        image["digest"], *(blob["digest"] for blob in (document["config"], *document["layers"]))}


def test_a_platform_that_an_image_does_not_have_is_named(builder, registry):
    push_index(registry, "team/app", "1")
    message = builder.refuse(docker(f"{registry.address}/team/app:1"), "--platform=linux/s390x")
    assert "linux/s390x" in message and "linux/amd64, linux/arm64" in message
    assert pkgreg("build", "--build-definition-file=x", "--output-directory=x",
                  "--platform=linux").returncode == USAGE


@pytest.mark.parametrize("index", [False, True])
def test_docker_schema_2_is_kept_as_it_is(builder, registry, index):
    repository = Repository(registry.http, "team/app")
    body = repository.push_image("1", media_type=DOCKER_MANIFEST)
    if index:
        body = as_json(image_index([descriptor_of(DOCKER_MANIFEST, body, platform={
            "os": "linux", "architecture": "amd64"})], DOCKER_LIST))
        assert repository.put_manifest("1", body, DOCKER_LIST).status == 201
    bundle = builder.make(docker(f"{registry.address}/team/app:1"), "--platform=all")
    image, = bundle.images.values()
    assert (image["digest"], image["mediaType"]) == (digest_of(body),
                                                     DOCKER_LIST if index else DOCKER_MANIFEST)


def test_an_image_is_pulled_by_its_digest(builder, registry):
    repository = Repository(registry.http, "team/app")
    digest = digest_of(repository.push_image("1", layers=(b"old",)))
    repository.push_image("1", layers=(b"new",))
    bundle = builder.make(docker(f"{registry.address}/team/app:1@{digest}"))
    assert bundle.images["resource.assets.container.docker.image-0"]["digest"] == digest


def test_what_images_share_is_fetched_once(builder, registry):
    with Gate(registry) as gate:
        push_index(registry, "team/app", "1", "2")
        Repository(registry.http, "team/other").push_image("1", layers=(b"common",))
        builder.make(docker(*(f"{gate.address}/team/{name}" for name in ("app:1", "app:2", "other:1"))))
        blobs = [target.rpartition("/")[2] for target in gate.targets() if "/blobs/" in target]
    assert len(blobs) == len(set(blobs)) == 3


def test_layers_that_are_to_be_had_elsewhere_only_are_left_out(builder, registry):
    repository = Repository(registry.http, "team/app")
    config = repository.push_blob(b"{}")
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
               "digest": digest_of(b"far away"), "size": 8, "urls": ["https://far.example/layer"]}
    body = as_json({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json", "digest": config, "size": 2},
        "layers": [foreign]})
    assert repository.put_manifest("1", body, DOCKER_MANIFEST).status == 201
    bundle = builder.make(docker(f"{registry.address}/team/app:1"))
    assert bundle.layout().blobs() == {digest_of(body), config}


def test_what_is_no_container_image_is_refused(builder, registry):
    with Gate(registry) as gate:
        gate.faults["/v2/team/old/manifests/1"] = (200, b'{"schemaVersion": 1}', JSON)
        gate.faults["/v2/team/text/manifests/1"] = (200, b"hello", JSON)
        message = builder.refuse(docker(*(f"{gate.address}/team/{name}:1"
                                          for name in ("old", "text", "none"))))
    assert "schema 1" in message
    for number in range(3):
        assert f"resource.assets.container.docker.image-{number}: " in message
    assert "/v2/team/none/manifests/1: status 404: " in message


def test_schema_1_is_refused_by_its_type(builder, registry):
    with Gate(registry) as gate:
        gate.faults["/v2/team/old/manifests/1"] = (200, b"{}", DOCKER_SCHEMA1)
        assert "schema 1" in builder.refuse(docker(f"{gate.address}/team/old:1"))


def test_content_that_is_not_what_its_digest_says_is_refused(builder, registry):
    repository = Repository(registry.http, "team/app")
    digest = digest_of(repository.push_image("1", layers=(b"a layer",)))
    with Gate(registry) as gate:
        gate.faults[f"/v2/team/app/blobs/{digest_of(b'a layer')}"] = (200, b"b layer", OCTETS)
        assert digest_of(b"b layer") in builder.refuse(docker(f"{gate.address}/team/app:1"))
        gate.faults[f"/v2/team/app/blobs/{digest_of(b'a layer')}"] = (200, b"far too long a layer", OCTETS)
        assert "more than the expected 7 bytes" in builder.refuse(docker(f"{gate.address}/team/app:1"))
        gate.faults[f"/v2/team/app/manifests/{digest}"] = (200, b"{}", OCI_INDEX)
        assert "has the digest" in builder.refuse(docker(f"{gate.address}/team/app@{digest}"))


# build: registries that ask who comes.


def test_a_public_registry_gives_a_token_to_everyone(builder, registry):
    Repository(registry.http, "team/app").push_image("1")
    with Gate(registry, "bearer", anonymous=True) as gate:
        builder.make(docker(f"{gate.address}/team/app:1"))
        asked = [target for target in gate.targets() if target.startswith("/token")]
    assert asked == ["/token?service=gate&scope=repository%3Ateam%2Fapp%3Apull"]


for password in ("secret word", "hidden word"):
    secret_watch.register_login("me", password)
secret_watch.register("my-token", "Marathon's token")
WITH_PASSWORD = {"username": "me", "password": "secret word"}
IN_BASE64 = {"auth": base64.b64encode(b"me:secret word").decode()}


@pytest.mark.parametrize("scheme, entry", [
    ("bearer", WITH_PASSWORD), ("bearer", IN_BASE64), ("bearer", {"identitytoken": "refresh"}),
    ("basic", WITH_PASSWORD), ("basic", IN_BASE64)])
def test_credentials_of_docker_login_are_used(builder, registry, scheme, entry):
    Repository(registry.http, "team/app").push_image("1")
    with Gate(registry, scheme) as gate:
        builder.log_in(auths={gate.address: entry})
        builder.make(docker(f"{gate.address}/team/app:1"))


@pytest.mark.parametrize("how", ["credHelpers", "credsStore"])
def test_credential_helpers_are_asked(builder, registry, how):
    Repository(registry.http, "team/app").push_image("1")
    folder = builder.folder / "bin"
    folder.mkdir()
    helper = folder / "docker-credential-of-test"
    helper.write_text("#!/bin/sh\n"
                      f"echo \"$1 $(cat)\" >> {builder.folder}/asked\n"
                      "echo '{\"Username\": \"me\", \"Secret\": \"secret word\"}'\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    with Gate(registry, "bearer") as gate:
        builder.log_in(**{how: {gate.address: "of-test"} if how == "credHelpers" else "of-test"})
        builder.make(docker(f"{gate.address}/team/app:1"), env={"PATH": f"{folder}:/usr/bin:/bin"})
        assert (builder.folder / "asked").read_text() == f"get {gate.address}\n"
        message = builder_without_helper(builder, gate)
    assert "docker-credential-of-test" in message


def builder_without_helper(builder, gate):
    (builder.out / "hello-1.0.dcos").unlink()
    return builder.refuse(docker(f"{gate.address}/team/app:1"), env={"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
@pytest.mark.parametrize("password", [None, "hidden word"])
def test_wrong_credentials_are_told_and_not_shown(builder, registry, scheme, password):
    Repository(registry.http, "team/app").push_image("1")
    with Gate(registry, scheme) as gate:
        if password:
            builder.log_in(auths={gate.address: {"username": "me", "password": password}})
        message = builder.refuse(docker(f"{gate.address}/team/app:1"))
    assert "status 401" in message and f"docker login {gate.address}" in message
    assert "hidden" not in message and base64.b64encode(b"me:hidden word").decode() not in message


def test_a_broken_configuration_is_told_without_its_content(builder, registry):
    (builder.home / "config.json").write_text('{"auths": {"hidden')
    Repository(registry.http, "team/app").push_image("1")
    # Nobody asks for credentials: nothing is read.
    builder.make(docker(f"{registry.address}/team/app:1"))
    (builder.out / "hello-1.0.dcos").unlink()
    with Gate(registry, "bearer") as gate:
        message = builder.refuse(docker(f"{gate.address}/team/app:1"))
    assert "config.json" in message and "hidden" not in message


def test_a_token_that_ends_on_the_way_is_renewed(builder, registry):
    Repository(registry.http, "team/app").push_image("1", layers=[b"%d" % n for n in range(9)])
    with Gate(registry, "bearer", anonymous=True) as gate:
        gate.uses_left = 4
        builder.make(docker(f"{gate.address}/team/app:1"))
        assert gate.tokens_given >= 2


def test_a_token_is_not_sent_to_where_blobs_are_redirected(builder, registry):
    Repository(registry.http, "team/app").push_image("1")
    with Gate(registry) as elsewhere, \
            Gate(registry, "bearer", anonymous=True, blobs_at=elsewhere) as gate:
        builder.make(docker(f"{gate.address}/team/app:1"))
        assert all("authorization" in fields for _, target, fields in gate.requests
                   if "/blobs/" in target)
        assert len(elsewhere.requests) == 2
        assert all("authorization" not in fields for _, _, fields in elsewhere.requests)


def test_a_blob_that_breaks_off_is_continued(builder, registry):
    layer = CONTENT[:1 << 20]
    Repository(registry.http, "team/app").push_image("1", layers=(layer,))
    path = f"/v2/team/app/blobs/{digest_of(layer)}"
    config = digest_of(as_json({"architecture": "amd64", "os": "linux"}))
    with Files({path: layer, f"/v2/team/app/blobs/{config}":
                as_json({"architecture": "amd64", "os": "linux"})}) as broken, \
            Gate(registry, blobs_at=broken) as gate:
        broken.etag, broken.faults[path] = "", ["cut:300000"]
        bundle = builder.make(docker(f"{gate.address}/team/app:1"))
        assert [fields.get("range") for fields in broken.fields_of(path)] == [None, "bytes=300000-"]
    assert digest_of(layer) in bundle.layout().blobs()


def test_a_registry_with_a_certificate_of_its_own_is_trusted_when_told_to(builder, registry):
    key, certificate = builder.folder / "key.pem", builder.folder / "certificate.pem"
    run(find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
        "-out", certificate)
    Repository(registry.http, "team/app").push_image("1")
    with Gate(registry, "bearer", anonymous=True, certificate=(certificate, key)) as gate:
        # Loopback may be plain HTTP, but a server that speaks TLS is asked in TLS.
        document = docker(f"localhost:{gate.server.server_port}/team/app:1")
        message = builder.refuse(document, "--retries=0")
        assert "certificate" in message and "--ca" in message
        assert gate.requests == []
        builder.make(document, "--ca", certificate)


def test_plain_http_is_for_loopback_and_what_is_named(builder, registry):
    Repository(registry.http, "team/app").push_image("1")
    # Linux leads this address to the machine itself; nothing in it says so.
    address = f"0.0.0.0:{registry.port}"
    message = builder.refuse(docker(f"{address}/team/app:1"), "--retries=0")
    assert f"https://{address}/v2/team/app/manifests/1: " in message
    builder.make(docker(f"{address}/team/app:1"), "--insecure-registry", address)


# activate.


def options_file(folder, document):
    file = folder / "options.json"
    file.write_text(json.dumps(document))
    return file


def test_activate_prints_the_app(tmp_path):
    file = options_file(tmp_path, {"service": {"name": "my/registry", "mem": 256}})
    done = pkgreg("activate", f"--options={file}")
    assert done.returncode == OK, done
    app = json.loads(done.stdout)
    assert (app["id"], app["mem"]) == ("/my/registry", 256)
    assert app["portDefinitions"][0]["labels"] == {"VIP_0": "/my/registry:443"}
    assert json.loads(app["env"]["REGISTRY_OPTIONS"]) == json.loads(file.read_text())


def test_activate_refuses_options_that_cannot_work(tmp_path):
    file = options_file(tmp_path, {"service": {"instances": 2}})
    done = pkgreg("activate", "--options", file)
    assert done.returncode == USAGE and "instances" in done.stderr and done.stdout == ""
    assert pkgreg("activate", "--options", tmp_path / "none").returncode == USAGE


def test_activate_posts_the_app_to_marathon(tmp_path):
    (tmp_path / "token").write_text("my-token\n")
    bodies = []

    def behave(request):
        bodies.append(json.loads(request.read()))
        return answer(201, {"id": "/registry", "deployments": [{"id": "d-1"}]})

    with StandIn(behave) as marathon:
        where = ("--marathon", f"{marathon.url}/service/marathon/", "--token", tmp_path / "token")
        done = pkgreg("activate", *where)
        assert (done.returncode, done.stdout) == (
            OK, "Created Marathon app /registry, deployment d-1\n"), done
        assert json.loads(pkgreg("activate", "--json", *where).stdout) == {
            "id": "/registry", "deployment": "d-1"}
    request = marathon.requests[0]
    assert (request.method, request.target) == ("POST", "/service/marathon/v2/apps")
    assert request.fields["authorization"] == "token=my-token"
    assert bodies[0] == json.loads(pkgreg("activate").stdout)


@pytest.mark.parametrize("status, document, words", [
    (401, {}, ["--token"]), (409, {"message": "App is locked"}, ["service.name", "App is locked"]),
    (422, {"message": "Object is not valid", "details": [
        {"path": "/cpus", "errors": ["must be more"]}]}, ["Object is not valid", "/cpus: must be more"]),
    (503, {}, ["503"])])
def test_activate_tells_why_marathon_refuses(tmp_path, status, document, words):
    (tmp_path / "token").write_text("hidden")
    with StandIn(lambda request: request.read() and answer(status, document)) as marathon:
        done = pkgreg("activate", "--marathon", marathon.url, "--token", tmp_path / "token")
    assert done.returncode == FAILED and done.stdout == ""
    assert str(status) in done.stderr and all(word in done.stderr for word in words), done.stderr
    assert "hidden" not in done.stderr and len(marathon.requests) == 1


def test_activate_tells_that_marathon_is_not_there():
    done = pkgreg("activate", "--marathon", "http://127.0.0.1:1")
    assert done.returncode == SERVER and "--marathon" in done.stderr


@pytest.mark.parametrize("command", ["migrate", "build", "activate"])
def test_every_command_has_help_that_fits_a_terminal(command):
    done = pkgreg(command, "--help")
    assert done.returncode == OK
    assert max(map(len, done.stdout.splitlines())) <= 100
