"""`pkgreg storage check`: a real round trip, a table of what works, and what to fix where it doesn't."""

import re

import pytest

from programs import PKGREG, run
from s3_servers import BucketStorage


def check(storage, env=None):
    """Exit code and both outputs together."""
    done = run(PKGREG, "storage", "check", "--storage", storage, env=env, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


def rows(text):
    """What each step came to."""
    found = re.findall(r"^  (\S.*?) +(works|FAILS|no)(?: .*)?$", text, re.MULTILINE)
    return dict(found)


@pytest.fixture
def storage(new_storage, tmp_path):
    return new_storage(tmp_path)


@pytest.mark.storages("s3", "swift")
def test_a_bucket_that_works_passes_and_is_left_as_it_was(storage, storage_kind):
    code, told = check(storage, storage.environment())
    assert code == 0, told
    steps = rows(told)
    for step in ("reach the bucket", "list the bucket", "clock", "put an object", "get it back",
                 "upload in parts", "abort an upload", "remove an object", "clean up"):
        assert steps.get(step) == "works", told
    if storage_kind == "swift":
        assert steps["If-None-Match: *"] == "no", "Swift has no conditional writes"
    assert storage.server.client().sizes(storage.bucket, storage.path) == {}
    assert storage.server.client().uploads(storage.bucket, storage.path) == []
    for secret in storage.secrets():
        assert secret not in told


@pytest.mark.storages("s3", "swift")
def test_a_wrong_secret_is_told_with_what_to_do(storage):
    code, told = check(storage, {**storage.environment(), "AWS_SECRET_ACCESS_KEY": "not-the-secret"})
    assert code == 3, told
    assert rows(told) == {"reach the bucket": "FAILS"}
    assert "SignatureDoesNotMatch" in told and "check the secret" in told
    assert "not-the-secret" not in told


@pytest.mark.storages("s3", "swift")
def test_a_missing_bucket_is_told_with_what_to_do(storage):
    missing = BucketStorage(storage.server, "there-is-none", "path")
    code, told = check(missing, storage.environment())
    assert code == 3, told
    assert "NoSuchBucket" in told and "create it" in told


@pytest.mark.storages("s3")
def test_an_endpoint_that_is_down_is_told(storage):
    down = BucketStorage(storage.server, storage.bucket, storage.path, "http://127.0.0.1:1")
    code, told = check(down, storage.environment())
    assert code == 3, told
    assert "http://127.0.0.1:1" in told and "To fix:" in told


def test_a_directory_that_works_passes_and_one_that_is_not_there_is_told(servers, tmp_path):
    storage = tmp_path / "storage"
    code, told = check(storage)
    assert code == 3 and "To fix:" in told, told
    server = servers.start(storage=storage)
    code, told = check(storage)
    assert code == 0, f"it can be checked beside a running registry: {told}"
    server.stop()
    code, told = check(storage)
    assert code == 0, told
