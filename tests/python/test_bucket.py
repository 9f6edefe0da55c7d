"""The package over a bucket. CTest runs this beside a real S3 server (`with_s3_server.py`), which it
finds by the variables PKGREG_TEST_S3_*; without one it is not collected."""

import io
import os
import uuid

import pytest

import pkgreg
from content import UNKNOWN, digest_of, push_image

SETTINGS = {name: os.environ[f"PKGREG_TEST_S3_{name}"] for name in
            ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY", "REGION", "BUCKET")}
LARGE = os.urandom(20 << 20)


@pytest.fixture
def location(monkeypatch):
    """A place of its own in the bucket; the keys are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SETTINGS["ACCESS_KEY"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SETTINGS["SECRET_KEY"])
    return (f"s3://{SETTINGS['BUCKET']}/python/{uuid.uuid4()}?endpoint={SETTINGS['ENDPOINT']}"
            f"&region={SETTINGS['REGION']}")


def test_content_is_kept(location, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    with pkgreg.Registry(location) as registry:
        app = registry.repository("team/app")
        for content in (LARGE, path, io.BytesIO(LARGE)):
            assert app.push_blob(content) == digest_of(LARGE)
        manifest = push_image(app, "v1", LARGE)
    with pkgreg.Registry(location) as registry:
        app = registry.repository("team/app")
        assert app.read_blob(digest_of(LARGE)) == LARGE
        assert app.manifest("v1").data == manifest
        assert list(app.tags()) == ["v1"]
        assert [found.name for found in registry.repositories()] == ["team/app"]
        with registry.handle("GET", f"/v2/team/app/blobs/{digest_of(LARGE)}") as response:
            assert response.read() == LARGE


def test_a_part_is_read(location):
    """What comes over the network in pieces is read as from a file."""
    with pkgreg.Registry(location) as registry:
        app = registry.repository("app")
        digest = app.push_blob(LARGE)
        with app.open_blob(digest, 1 << 20, 10 << 20) as reader:
            assert reader.read(100) == LARGE[1 << 20:(1 << 20) + 100]
            assert reader.read(8 << 20) == LARGE[(1 << 20) + 100:(9 << 20) + 100]
            reader.seek(-1000, os.SEEK_END)
            assert reader.read() == LARGE[(10 << 20) - 1000:10 << 20]
        with pytest.raises(pkgreg.BlobUnknownError):
            app.open_blob(UNKNOWN)


def test_two_instances_take_turns_at_an_upload(location):
    with pkgreg.Registry(location) as one, pkgreg.Registry(location) as two:
        first = one.repository("app").begin_upload()
        first.write(LARGE[:1000])
        name = first.id
        with two.repository("app").resume_upload(name) as second:
            assert second.offset == 1000
            second.append(io.BytesIO(LARGE[1000:]))
            assert second.id != name
            assert second.commit().digest == digest_of(LARGE)
        assert one.repository("app").read_blob(digest_of(LARGE)) == LARGE


def test_an_image_is_pulled_into_it(location, pkgreg_registry):
    manifest = push_image(pkgreg_registry.repository("app"), "v1", LARGE)
    with pkgreg.Registry(location) as registry:
        mirror = registry.repository("mirror")
        mirror.pull(f"{pkgreg_registry.url}/app:v1", "v1")
        assert mirror.manifest("v1").data == manifest
        mirror.push(f"{pkgreg_registry.url}/back:v1", "v1")
    assert pkgreg_registry.repository("back").read_blob(digest_of(LARGE)) == LARGE


def test_wrong_keys_are_told(location, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-of-a-test")
    with pytest.raises(pkgreg.PkgregError) as caught:
        with pkgreg.Registry(location) as registry:
            registry.repository("app").push_blob(b"content")
    assert "wrong-secret-of-a-test" not in str(caught.value)
    assert caught.value.http_status >= 500
