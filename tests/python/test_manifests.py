"""Manifests, tags, referrers, repositories: found, listed page by page, deleted."""

import json

import pytest

import pkgreg
from content import OCI_INDEX, OCI_MANIFEST, UNKNOWN, descriptor, digest_of, push_image


def test_a_manifest_is_kept_byte_by_byte(any_registry):
    app = any_registry.repository("team/app")
    pushed = push_image(app, "v1", note="1e0")
    manifest = app.manifest("v1")
    assert manifest == pkgreg.Manifest(digest_of(pushed), OCI_MANIFEST, pushed)
    assert app.manifest(manifest.digest).data == pushed
    assert manifest.json()["note"] == "1e0"
    assert app.has_manifest("v1") and not app.has_manifest("v2")


def test_a_manifest_may_be_bytes_text_or_a_mapping(app):
    document = json.loads(push_image(app, "v1"))
    for manifest in (document, json.dumps(document), json.dumps(document).encode(),
                     memoryview(json.dumps(document).encode())):
        digest = app.put_manifest(manifest)
        assert app.manifest(digest).json() == document
        assert app.put_manifest(app.manifest(digest).data, digest) == digest
    with pytest.raises(TypeError):
        app.put_manifest(5)


def test_what_is_wrong_with_a_manifest_is_told(app):
    with pytest.raises(pkgreg.ManifestInvalidError) as caught:
        app.put_manifest(b"{", "v1")
    assert caught.value.http_status == 400
    with pytest.raises(pkgreg.ManifestBlobUnknownError) as caught:
        app.put_manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                          "config": descriptor(b"nobody has this"), "layers": []}, "v1")
    assert UNKNOWN in caught.value.detail
    with pytest.raises(pkgreg.DigestInvalidError):
        app.put_manifest(push_image(app, "v1"), UNKNOWN)
    with pytest.raises(pkgreg.NameInvalidError):
        app.put_manifest(push_image(app, "v1"), "not a tag")
    with pytest.raises(pkgreg.InvalidArgumentError):
        app.put_manifest(push_image(app, "v1"), "v2", media_type="nonsense")
    for unknown in ("v9", UNKNOWN):
        with pytest.raises(pkgreg.ManifestUnknownError):
            app.manifest(unknown)
        with pytest.raises(pkgreg.ManifestUnknownError):
            app.delete_manifest(unknown)


def test_tags_come_page_by_page(registry, app):
    manifest = push_image(app, "t000")
    for number in range(1, 25):
        app.put_manifest(manifest, f"t{number:03}")
    names = [f"t{number:03}" for number in range(25)]
    for page_size in (1, 7, 25, 1000):
        assert list(app.tags(page_size=page_size)) == names
    assert list(app.tags(after="t020")) == names[21:]
    assert list(app.tags(after="t020", page_size=2)) == names[21:]
    tags = app.tags(page_size=1)
    assert next(tags) == "t000"
    app.delete_manifest("t001")  # it was not asked for yet
    assert next(tags) == "t002"
    for size in (0, 1001):
        with pytest.raises(ValueError):
            next(app.tags(page_size=size))
    with pytest.raises(pkgreg.NameUnknownError):
        list(registry.repository("nobody").tags())


def test_repositories_come_page_by_page(registry):
    names = [f"team/app{number}" for number in range(5)] + ["zoo"]
    for name in names:
        push_image(registry.repository(name), "v1")
    assert [found.name for found in registry.repositories()] == names
    assert [found.name for found in registry.repositories(page_size=2)] == names
    assert [found.name for found in registry.repositories(after="team/app3")] == names[4:]
    assert list(registry.repositories()) == [registry.repository(name) for name in names]
    assert len(set(registry.repositories())) == 6
    assert repr(registry.repository("zoo")) == "<pkgreg.Repository 'zoo'>"
    registry.repository("zoo").delete()
    assert [found.name for found in registry.repositories()] == names[:-1]
    with pytest.raises(pkgreg.NameUnknownError):
        registry.repository("zoo").delete()
    with pytest.raises(pkgreg.NameInvalidError):
        registry.repository("Not/A/Name").manifest("v1")


def test_referrers_are_found(app):
    subject = push_image(app, "v1")
    empty = app.put_manifest({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example.a",
        "config": descriptor(b"{}"), "layers": [], "subject": descriptor(subject, OCI_MANIFEST)})
    app.put_manifest({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example.b",
        "config": descriptor(b"{}"), "layers": [], "subject": descriptor(subject, OCI_MANIFEST)})
    digest = digest_of(subject)
    assert len(list(app.referrers(digest))) == len(list(app.referrers(digest, page_size=1))) == 2
    found, = app.referrers(digest, artifact_type="application/vnd.example.a")
    assert found["digest"] == empty
    assert list(app.referrers(UNKNOWN)) == []


def test_what_is_referred_to_is_not_deleted(app):
    manifest = push_image(app, "v1")
    index = app.put_manifest({"schemaVersion": 2, "mediaType": OCI_INDEX,
                              "manifests": [descriptor(manifest, OCI_MANIFEST)]}, "all")
    with pytest.raises(pkgreg.InUseError):
        app.delete_manifest(digest_of(manifest))
    with pytest.raises(pkgreg.InUseError):
        app.delete_blob(digest_of(b"{}"))
    app.delete_manifest("all")
    app.delete_manifest(index)
    app.delete_manifest(digest_of(manifest))
    with pytest.raises(pkgreg.ManifestUnknownError):
        app.manifest("v1")
    app.delete_blob(digest_of(b"{}"))
