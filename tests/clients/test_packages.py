"""DC/OS packages on a running server: added, shown, served, removed."""

import gzip
import hashlib
import json
import random
import subprocess
import time
import zlib

import pytest

from bundles import Bundle, metadata
from container_tools import Skopeo
from http_client import Repository
from images import closure, images
from programs import find_program

COSMOS = {
    "Accept": ",".join(f"application/vnd.dcos.universe.repo+json;charset=utf-8;version={version}"
                       for version in ("v5", "v4", "v3")),
    "Accept-Encoding": "gzip", "User-Agent": "cosmos/0.1 dcos/2.0",
}
JAR = "resource.assets.uris.jar"
MAIN = "resource.assets.container.docker.main"

pytestmark = [pytest.mark.packages, pytest.mark.storages("directory", "s3")]


def add(registry, path, query=""):
    with open(path, "rb") as file:
        return registry.http.request("POST", f"/api/v1/packages{query}", file.read())


def repo(registry, target="/repo", **fields):
    """The repository document as the package manager fetches it; the answer and its packages."""
    answer = registry.http.request("GET", target, headers={**COSMOS, **fields})
    assert answer.status == 200, answer
    body = answer.body
    if answer.header("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return answer, json.loads(body)["packages"]


def hello(tmp_path, version="1.0", name="hello", data=b"content of a jar", **fields):
    """A bundle with one resource."""
    document = metadata(name, version, uris={"jar": "https://example.com/files/app.jar"}, **fields)
    bundle = Bundle(document)
    bundle.add_resource(JAR, data, "app.jar")
    return bundle.write(tmp_path / f"{name}-{version}-{hashlib.sha256(data).hexdigest()[:8]}.dcos")


def with_image(tmp_path, tag="image", name="service", version="1.0", reference="example/app:1"):
    layout = images()
    bundle = Bundle(metadata(name, version, docker={"main": reference}))
    bundle.add_image(MAIN, layout, layout.root(tag))
    return bundle.write(tmp_path / f"{name}-{version}.dcos")


def test_a_package_is_added_described_listed_and_removed(registry, tmp_path):
    path = hello(tmp_path)
    added = add(registry, path)
    assert added.status == 201, added
    assert added.json() == {"packages": [{"name": "hello", "version": "1.0", "releaseVersion": 0,
                                          "status": "Added", "outcome": "added"}]}
    location = added.header("Location")
    described = registry.http.get(location).json()
    assert described["status"] == "Added" and described["selected"] is None
    assert described["package"]["name"] == "hello"
    resource, = described["resources"]
    assert (resource["asset"], resource["file"], resource["size"]) == (JAR, "app.jar", 16)
    assert registry.http.get(resource["path"]).body == b"content of a jar"
    assert registry.http.get("/").json() == {
        "checks": {"/repo": {"Healthy": {"message": "Able to find 1 package(s)."}}}}
    assert registry.http.get("/health").status == 200
    listed = registry.http.get("/api/v1/packages").json()
    assert [(p["name"], p["version"]) for p in listed["packages"]] == [("hello", "1.0")]
    removed = registry.http.delete(location)
    assert removed.status == 200 and removed.json()["status"] == "Removed"
    gone = registry.http.get(location)
    assert gone.status == 404 and gone.codes() == ["PACKAGE_UNKNOWN"]
    assert gone.message() == "Version [1.0] of package [hello] not found"
    assert registry.http.get(resource["path"]).status == 404
    assert registry.http.delete(location).status == 404
    assert repo(registry)[1] == []


def test_the_same_again_changes_nothing_and_other_content_is_a_conflict(registry, tmp_path):
    path = hello(tmp_path)
    assert add(registry, path).status == 201
    again = add(registry, path)
    assert again.status == 200 and again.json()["packages"][0]["outcome"] == "unchanged"
    other = hello(tmp_path, data=b"another jar")
    conflict = add(registry, other)
    assert conflict.status == 409 and conflict.codes() == ["PACKAGE_EXISTS"]
    assert len(repo(registry)[1]) == 1
    replaced = add(registry, other, "?replace=true")
    assert replaced.status == 200 and replaced.json()["packages"][0]["outcome"] == "replaced"
    package, = repo(registry)[1]
    target = package["resource"]["assets"]["uris"]["jar"].partition(registry.address)[2]
    assert registry.http.get(target).body == b"another jar"


def test_release_versions_grow_with_each_version_of_a_package(registry, tmp_path):
    for number, version in enumerate(("3.0", "1.0", "2.0")):
        assert add(registry, hello(tmp_path, version)).json()["packages"][0]["releaseVersion"] == number
    assert {p["version"]: p["releaseVersion"] for p in repo(registry)[1]} == \
        {"3.0": 0, "1.0": 1, "2.0": 2}


def test_lists_come_in_pages(registry, tmp_path):
    names = [f"package-{number:02}" for number in range(7)]
    for name in names:
        assert add(registry, hello(tmp_path, name=name)).status == 201
    target, seen = "/api/v1/packages?n=3", []
    while target:
        answer = registry.http.get(target)
        seen.append([p["name"] for p in answer.json()["packages"]])
        target = answer.next_page()
    assert seen == [names[0:3], names[3:6], names[6:]]
    assert len(registry.http.get("/api/v1/packages?name=package-03").json()["packages"]) == 1


def test_an_image_of_a_package_is_pulled_by_the_rewritten_reference(registry, tmp_path):
    layout = images()
    for tag in ("image", "index"):
        assert add(registry, with_image(tmp_path, tag, f"of-{tag}")).status == 201
    for package in repo(registry)[1]:
        tag = package["name"].removeprefix("of-")
        reference = package["resource"]["assets"]["container"]["docker"]["main"]
        digest = layout.root(tag)["digest"]
        assert reference == f"{registry.address}/example/app@{digest}"
        skopeo = Skopeo(tmp_path / tag, registry.address)
        back = skopeo.pull(reference.removeprefix(f"{registry.address}/"), tmp_path / f"back-{tag}",
                           tag, "--all")
        assert back.root(tag)["digest"] == digest
        assert back.blobs() == closure(layout, layout.root(tag))


def test_removal_leaves_what_other_packages_and_tags_use(registry, tmp_path):
    layout = images()
    digest = layout.root("image")["digest"]
    for version in ("1.0", "2.0"):
        assert add(registry, with_image(tmp_path, version=version)).status == 201
    app = Repository(registry.http, "example/app")
    # While a package needs it, its image cannot be deleted.
    refused = app.http.delete(f"{app.base}/manifests/{digest}")
    assert refused.status == 405 and "service" in refused.message(), refused
    assert registry.http.delete("/v2/example/app").status == 405
    assert registry.http.delete("/api/v1/packages/service/1.0").status == 200
    manifest = app.get_manifest(digest)
    assert manifest.status == 200
    assert app.put_manifest("kept", manifest.body, manifest.header("Content-Type")).status == 201
    assert registry.http.delete("/api/v1/packages/service/2.0").status == 200
    assert app.get_manifest("kept").status == 200
    for blob in closure(layout, layout.root("image")) - {digest}:
        assert app.http.head(app.blob(blob)).status == 200
    assert app.http.delete(f"{app.base}/manifests/kept").status == 202


def test_removal_takes_the_image_with_it_where_nobody_else_uses_it(registry, tmp_path):
    digest = images().root("index")["digest"]
    assert add(registry, with_image(tmp_path, "index")).status == 201
    app = Repository(registry.http, "example/app")
    assert app.get_manifest(digest).status == 200
    assert registry.http.delete("/api/v1/packages/service/1.0").status == 200
    for blob in closure(images(), images().root("index")):
        assert registry.http.head(f"{app.base}/manifests/{blob}").status == 404
        assert registry.http.head(app.blob(blob)).status == 404


def test_references_follow_the_address_that_the_requester_used(servers, tmp_path):
    registry = servers.start("--trusted-proxy", "127.0.0.0/8")
    assert add(registry, hello(tmp_path)).status == 201
    assert add(registry, with_image(tmp_path)).status == 201

    def references(**fields):
        packages = {p["name"]: p for p in repo(registry, **fields)[1]}
        return (packages["hello"]["resource"]["assets"]["uris"]["jar"].split("/resource/")[0],
                packages["service"]["resource"]["assets"]["container"]["docker"]["main"].split("/")[0])

    assert references() == (f"http://{registry.address}", registry.address)
    assert references(Host="one.example.com:5000") == ("http://one.example.com:5000",
                                                       "one.example.com:5000")
    assert references(Host="inner", **{"X-Forwarded-Host": "two.example.com",
                                       "X-Forwarded-Proto": "https"}) == \
        ("https://two.example.com", "two.example.com:443")
    hostile = registry.http.request("GET", "/repo", headers={**COSMOS, "Host": 'a"b'})
    assert hostile.status == 400
    fixed = servers.start("--external-url", "https://registry.example.com")
    assert add(fixed, hello(tmp_path)).status == 201
    assert repo(fixed)[1][0]["resource"]["assets"]["uris"]["jar"].startswith(
        "https://registry.example.com/resource/")


def test_a_document_has_the_form_that_is_asked_for(registry, tmp_path):
    assert add(registry, hello(tmp_path)).status == 201
    manager = {"packageName": "hello"}
    assert add(registry, hello(tmp_path, "5.0", packagingVersion="5.0", manager=manager)).status == 201

    def form(accept, release="2.0"):
        answer, packages = repo(registry, Accept=accept, **{"User-Agent": f"cosmos/1 dcos/{release}"})
        return answer.header("Content-Type").rpartition("=")[2], sorted(p["version"] for p in packages)

    media_type = "application/vnd.dcos.universe.repo+json;charset=utf-8;version="
    assert form(COSMOS["Accept"]) == ("v5", ["1.0", "5.0"])
    assert form("*/*") == ("v5", ["1.0", "5.0"])
    assert form(COSMOS["Accept"], "1.11-dev") == ("v4", ["1.0"])
    assert form(media_type + "v4") == ("v4", ["1.0"])
    assert form(media_type + "v3", "1.8")[0] == "v3"
    old = repo(registry, Accept=media_type + "v3", **{"User-Agent": "cosmos/1 dcos/1.9.4"})[1]
    greeting = old[0]["config"]["properties"]["greeting"]
    assert old[0]["packagingVersion"] == "3.0" and greeting["default"] == 'a \\"b\\"'
    refused = registry.http.get("/repo", Accept="text/html")
    assert refused.status == 406, refused
    one = registry.http.get("/package/hello").json()["packages"]
    assert len(one) == 2
    assert registry.http.get("/package/nobody").status == 404


def test_codings_and_conditions_of_a_document(registry, tmp_path):
    assert add(registry, hello(tmp_path)).status == 201
    plain = registry.http.get("/repo")
    assert plain.header("Content-Encoding") is None
    zipped = registry.http.get("/repo", Accept_Encoding="gzip")
    decoder = zlib.decompressobj(wbits=31)
    assert decoder.decompress(zipped.body) == plain.body
    assert decoder.eof and decoder.unused_data == b"", "gzip of more than one member"
    zstd = registry.http.get("/repo", Accept_Encoding="zstd, gzip;q=0.5")
    assert zstd.header("Content-Encoding") == "zstd"
    unpacked = subprocess.run([find_program("zstd"), "-dcq"], input=zstd.body, capture_output=True,
                              check=True, timeout=20).stdout
    assert unpacked == plain.body
    etag = plain.header("ETag")
    for coding in ("identity", "gzip", "zstd"):
        same = registry.http.get("/repo", If_None_Match=etag, Accept_Encoding=coding)
        assert same.status == 304 and same.body == b"" and same.header("ETag") == etag
    head = registry.http.head("/repo")
    assert head.status == 200 and int(head.header("Content-Length")) == len(plain.body)
    assert add(registry, hello(tmp_path, "2.0")).status == 201
    changed = registry.http.get("/repo", If_None_Match=etag)
    assert changed.status == 200 and changed.header("ETag") != etag


def test_a_resource_is_content_with_length_type_and_ranges(registry, tmp_path):
    assert add(registry, hello(tmp_path)).status == 201
    path = registry.http.get("/api/v1/packages/hello/1.0").json()["resources"][0]["path"]
    whole = registry.http.get(path)
    assert (whole.status, whole.header("Content-Length")) == (200, "16")
    assert whole.header("Content-Type") == "application/java-archive"
    part = registry.http.get(path, Range="bytes=8-9")
    assert (part.status, part.body) == (206, b"of")
    assert registry.http.get(path, Range="bytes=99-").status == 416
    assert registry.http.head(path).header("Content-Length") == "16"
    assert registry.http.get(path + "x").status == 404
    assert registry.http.get(path.replace("sha256:", "sha256:0", 1)[:-1]).status in (400, 404)
    assert registry.http.get("/resource/not-base32/sha256:" + "0" * 64 + "/f").status == 400
    other_host = registry.http.get(path, Host="registry.component.thisdcos.directory")
    assert other_host.body == whole.body


@pytest.mark.parametrize("damage", ["cut", "digest", "no-zip", "metadata"])
def test_a_bad_bundle_is_refused_and_leaves_nothing(registry, tmp_path, damage):
    path = hello(tmp_path)
    data = path.read_bytes()
    if damage == "cut":
        data = data[:-40]
    elif damage == "digest":
        data = data.replace(b"content of a jar", b"content of a car")
    elif damage == "no-zip":
        data = b"not a bundle" * 100
    else:
        document = metadata()
        document["name"] = "Not A Name"
        data = Bundle(document).write(tmp_path / "bad.dcos").read_bytes()
    refused = registry.http.request("POST", "/api/v1/packages", data)
    assert refused.status == 400, refused
    if damage == "metadata":
        assert "name" in refused.message()
    assert registry.http.get("/api/v1/packages").json()["packages"] == []
    assert add(registry, path).status == 201


def test_a_read_only_registry_shows_but_does_not_take(servers, tmp_path):
    writer = servers.start()
    assert add(writer, hello(tmp_path)).status == 201
    writer.stop()
    reader = servers.start("--read-only", storage=writer.storage)
    assert len(repo(reader)[1]) == 1
    assert add(reader, hello(tmp_path, "2.0")).status == 405
    assert reader.http.delete("/api/v1/packages/hello/1.0").status == 405


@pytest.mark.restart
def test_a_crash_during_an_addition_leaves_no_package_or_the_whole(servers, tmp_path):
    """Many resources, so that there are many moments to be hit at."""
    generator = random.Random(7)
    uris, parts = {}, {}
    for number in range(40):
        uris[f"part{number}"] = f"https://example.com/part-{number}"
        parts[f"resource.assets.uris.part{number}"] = generator.randbytes(100_000)
    bundle = Bundle(metadata("large", uris=uris))
    for asset, data in parts.items():
        bundle.add_resource(asset, data, asset.rpartition(".")[2])
    data = bundle.write(tmp_path / "large.dcos").read_bytes()
    outcomes = set()
    storage = None
    for turn in range(20):
        registry = servers.start(storage=storage)
        storage = registry.storage
        acknowledged = addition_interrupted(registry, data, generator.random() * 0.3 * (turn != 19))
        registry = servers.start(storage=storage)
        found = registry.http.get("/api/v1/packages/large/1.0")
        assert found.status == 200 or not acknowledged
        outcomes.add(found.status)
        if found.status == 200:
            for resource in found.json()["resources"]:
                assert registry.http.get(resource["path"]).body == parts[resource["asset"]]
            assert registry.http.delete("/api/v1/packages/large/1.0").status == 200
        registry.stop()
    assert 404 in outcomes


def addition_interrupted(registry, data, delay):
    """Sends a bundle and kills the server after `delay` seconds; whether it was acknowledged."""
    with registry.http.socket() as connection:
        connection.sendall(b"POST /api/v1/packages HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                           % len(data))
        connection.setblocking(False)
        deadline, sent, answer = time.monotonic() + delay, 0, b""
        while time.monotonic() < deadline and not answer:
            try:
                if sent < len(data):
                    sent += connection.send(data[sent:sent + 65536])
                else:
                    answer = connection.recv(100)
            except BlockingIOError:
                time.sleep(0.001)
        registry.kill()
    return answer.startswith(b"HTTP/1.1 201")
