"""DC/OS packages: added from wherever a bundle is, listed, described, removed."""

import io
import json

import pytest

import pkgreg
from content import bundle


@pytest.mark.parametrize("form", ["bytes", "memoryview", "file", "stream", "path", "text"])
def test_a_bundle_may_be_bytes_a_file_or_a_path(any_registry, tmp_path, form):
    data = bundle()
    path = tmp_path / "hello.dcos"
    path.write_bytes(data)
    with open(path, "rb") as file:
        source = {"bytes": data, "memoryview": memoryview(data), "file": file,
                  "stream": io.BytesIO(data), "path": path, "text": str(path)}[form]
        added = any_registry.packages.add(source)
    assert (added.name, added.version, added.outcome) == ("hello", "1.0", "added")
    package, = any_registry.packages
    assert (package.name, package.version) == ("hello", "1.0")
    assert package.release_version == added.release_version
    assert package.resources == [] and package.images == []


def test_the_same_again_changes_nothing(registry):
    packages = registry.packages
    assert packages.add(bundle()).outcome == "added"
    assert packages.add(bundle()).outcome == "unchanged"
    with pytest.raises(pkgreg.PackageExistsError) as caught:
        packages.add(bundle(description="Says good-bye"))
    assert caught.value.http_status == 409
    assert packages.add(bundle(description="Says good-bye"), replace=True).outcome == "replaced"
    assert packages.describe("hello", "1.0")["description"] == "Says good-bye"


def test_packages_come_page_by_page(registry):
    for number in range(5):
        registry.packages.add(bundle(version=f"1.{number}"))
        registry.packages.add(bundle(name="zoo", version=f"1.{number}"))
    assert len(list(registry.packages)) == len(list(registry.packages.list(page_size=3))) == 10
    versions = [package.version for package in registry.packages.list("zoo", page_size=2)]
    assert sorted(versions) == [f"1.{number}" for number in range(5)]
    assert list(registry.packages.list("nobody")) == []


def test_a_cluster_sees_them(registry):
    registry.packages.add(bundle())
    document = json.loads(registry.packages.repository(url="https://registry.example.com"))
    assert [package["name"] for package in document["packages"]] == ["hello"]
    registry.packages.add(bundle(name="zoo"))
    only = registry.packages.repository(url="https://registry.example.com", dcos_release="2.2",
                                        name="zoo")
    assert [package["name"] for package in json.loads(only)["packages"]] == ["zoo"]
    with pytest.raises(pkgreg.PackageUnknownError):
        registry.packages.repository(url="https://registry.example.com", name="nobody")
    with pytest.raises(pkgreg.InvalidOptionsError, match="url"):
        registry.packages.repository()


def test_a_package_is_removed(registry):
    registry.packages.add(bundle())
    registry.packages.remove("hello", "1.0")
    assert list(registry.packages) == []
    for use in (registry.packages.remove, registry.packages.describe):
        with pytest.raises(pkgreg.PackageUnknownError):
            use("hello", "1.0")


def test_what_is_no_bundle_is_refused(registry, tmp_path):
    for wrong in (b"", b"no bundle", io.BytesIO(b"PK\3\4")):
        with pytest.raises(pkgreg.PkgregError):
            registry.packages.add(wrong)
    with pytest.raises(FileNotFoundError):
        registry.packages.add(tmp_path / "nowhere.dcos")
    with pytest.raises(TypeError):
        registry.packages.add(5)
    assert list(registry.packages) == []


def test_what_reading_a_bundle_raises_comes_out(registry):
    class Failing(io.BytesIO):
        def readinto(self, room):
            if self.tell() > 100:
                raise LookupError("mine")
            return super().readinto(room[:100])

    with pytest.raises(LookupError, match="mine"):
        registry.packages.add(Failing(bundle()))
    assert list(registry.packages) == []


def test_progress_is_told_and_can_stop(registry):
    told = []
    registry.on_progress(told.append)
    registry.packages.add(bundle())
    assert told and told[-1].operation == "add package" and told[-1].done > 0

    def stop(progress):
        return False

    registry.on_progress(stop)
    big = bundle(name="big", description="x" * (3 << 20))
    with pytest.raises(pkgreg.CancelledError):
        registry.packages.add(big)

    def fail(progress):
        raise LookupError("mine")

    registry.on_progress(fail)
    with pytest.raises(LookupError, match="mine"):
        registry.packages.add(big)
    # Told of the end, a function comes too late to stop, but an interrupt is not lost.
    def interrupt(progress):
        if progress.done == progress.total:
            raise KeyboardInterrupt

    registry.on_progress(interrupt)
    with pytest.raises(KeyboardInterrupt):
        registry.packages.add(bundle(version="2.0"))
    registry.on_progress(None)
    assert registry.packages.add(bundle(version="2.0")).outcome == "unchanged"
