"""The complete path of a package: built from what is on a network, added to a registry, found by the
package manager, installed from there. Then the same for every package of the public Universe that the
test data have."""

import http.server
import json
import os
import random
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from bundles import metadata
from container_tools import Skopeo
from http_client import digest_of
from images import closure, images
from programs import PKGREG, ROOT, find_program, run
from test_packages import COSMOS, repo

pytestmark = pytest.mark.packages

# Data of the public Universe, where a developer has them.
UNIVERSE = Path(os.environ.get("PKGREG_UNIVERSE", ROOT.parent / "shared" / "universe"))
RELEASES = ("1.8", "1.9", "1.10", "1.11", "1.13", "2.0")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def files(tmp_path):
    """A folder that is served over HTTP, and its address."""
    folder = tmp_path / "files"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def pkgreg(*arguments, **options):
    return run(PKGREG, *arguments, **options)


@pytest.mark.storages("directory", "s3")
def test_a_package_goes_from_its_definition_to_a_cluster(servers, files, tmp_path):
    outside, inside = servers.start(), servers.start()
    layout = images()
    Skopeo(tmp_path / "push", outside.address).push(layout, "index", "example/app:1", "--all")
    folder, url = files
    content = random.Random(3).randbytes(3_000_000)
    for file in ("data.tgz", "icon.png", "tool"):
        (folder / file).write_bytes(content + file.encode())
    tool = {"algo": "sha256", "value": digest_of(content + b"tool").partition(":")[2]}
    definition = metadata("hello", "1.0")
    definition["resource"] = {
        "assets": {"uris": {"data": f"{url}/data.tgz"},
                   "container": {"docker": {"main": f"{outside.address}/example/app:1"}}},
        "images": {"icon-small": f"{url}/icon.png"},
        "cli": {"binaries": {"linux": {"x86-64": {
            "kind": "executable", "url": f"{url}/tool", "contentHash": [tool]}}}},
    }
    (tmp_path / "hello.json").write_text(json.dumps(definition))
    done = pkgreg("build", f"--build-definition-file={tmp_path / 'hello.json'}",
                  f"--output-directory={tmp_path}", "--platform=all")
    bundle = tmp_path / "hello-1.0.dcos"
    assert f"Created DC/OS Universe Package {bundle}" in done.stdout
    # From here on nothing outside is there any more.
    outside.stop()
    for file in folder.iterdir():
        file.unlink()
    done = pkgreg("add", f"--dcos-file={bundle}", "--server", f"http://{inside.address}")
    assert "Added packages:\n\t hello 1.0\n" in done.stdout
    described = pkgreg("registry", "describe", "--package-name", "hello", "--package-version", "1.0",
                       "--json", env={**os.environ, "PKGREG_SERVER": f"http://{inside.address}"})
    assert json.loads(described.stdout)["status"] == "Added"

    package, = repo(inside)[1]
    resource = package["resource"]
    linux = resource["cli"]["binaries"]["linux"]["x86-64"]
    assert linux["contentHash"] == [tool]
    for file, reference in (("data.tgz", resource["assets"]["uris"]["data"]),
                            ("icon.png", resource["images"]["icon-small"]), ("tool", linux["url"])):
        base, _, target = reference.partition("/resource/")
        assert base == f"http://{inside.address}" and reference.endswith(f"/{file}")
        assert inside.http.get(f"/resource/{target}").body == content + file.encode()
    reference = resource["assets"]["container"]["docker"]["main"]
    assert reference == f"{inside.address}/example/app@{layout.root('index')['digest']}"
    back = Skopeo(tmp_path / "pull", inside.address).pull(
        reference.partition("/")[2], tmp_path / "back", "index", "--all")
    assert back.blobs() == closure(layout, layout.root("index"))


def expected(release):
    """What the Universe's own server told a cluster of this release, by name and version."""
    packed = UNIVERSE / "expected" / f"repo-up-to-{release}.json.zst"
    text = subprocess.run([find_program("zstd"), "-dcq", str(packed)], capture_output=True,
                          check=True).stdout
    newest = {}
    for package in json.loads(text)["packages"]:
        key = package["name"], package["version"]
        if package["packagingVersion"] == "2.0":
            continue
        if key not in newest or newest[key]["releaseVersion"] < package["releaseVersion"]:
            newest[key] = package
    return newest


def served(registry, release):
    headers = {"User-Agent": f"cosmos/0.1 dcos/{release}"}
    answer, packages = repo(registry, **headers)
    kind = (UNIVERSE / "expected" / f"repo-up-to-{release}.content_type").read_text().strip()
    assert answer.header("Content-Type") == kind
    by_key = {(package["name"], package["version"]): package for package in packages}
    assert len(by_key) == len(packages)
    return by_key


def compare(registry, without=()):
    for release in RELEASES:
        wanted, found = expected(release), served(registry, release)
        assert sorted(found) == sorted(wanted), release
        for key, package in wanted.items():
            got = found[key]
            for field in without:
                package.pop(field, None)
                got.pop(field, None)
            assert got == package, (release, key)


@pytest.fixture
def universe():
    if not (UNIVERSE / "packages").is_dir():
        pytest.skip(f"the data of the public Universe are not there ({UNIVERSE})")
    return UNIVERSE / "packages"


def test_every_revision_of_the_universe_comes_through_migrate_build_and_add(registry, universe,
                                                                             tmp_path):
    revisions = [folder.parent for folder in universe.glob("*/*/*/package.json")
                 if json.loads(folder.read_text())["packagingVersion"] != "2.0"]
    assert len(revisions) == 159
    server = ("--server", f"http://{registry.address}")
    for revision in sorted(revisions, key=lambda folder: (folder.parent, int(folder.name))):
        out = tmp_path / f"{revision.parent.name}-{revision.name}"
        out.mkdir()
        pkgreg("migrate", f"--package-directory={revision}", f"--output-directory={out}")
        definition, = out.glob("*.json")
        pkgreg("build", f"--build-definition-file={definition}", f"--output-directory={out}",
               "--remote-assets")
        bundle, = out.glob("*.dcos")
        # A version that was published twice: the later one counts, as in the Universe.
        pkgreg("add", f"--dcos-file={bundle}", "--replace", *server)
    compare(registry, without=("selected", "releaseVersion"))


def test_the_universe_is_imported_with_its_numbers(registry, universe):
    done = pkgreg("universe", "import", universe, "--server", f"http://{registry.address}",
                  check=False)
    compare(registry)
    # Once more changes nothing, and a document is a source as good as a folder.
    before = registry.http.get("/repo")
    document = registry.http.request("GET", "/repo", headers={**COSMOS, "Accept-Encoding": "identity"})
    assert document.status == 200
    again = pkgreg("universe", "import", universe, "--server", f"http://{registry.address}", check=False)
    assert again.returncode == done.returncode
    assert registry.http.get("/repo").header("ETag") == before.header("ETag")
