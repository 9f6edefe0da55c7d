"""Blobs: what is pushed, by whatever way, is what is read."""

import array
import ctypes
import io
import mmap
import os
import sys

import pytest

import pkgreg
from content import UNKNOWN, digest_of
from pkgreg._content import exported

DATA = bytes(range(256)) * 5000


class OnlyRead:
    """The least that is a file."""

    def __init__(self, data, at_once=1000):
        self.file, self.at_once = io.BytesIO(data), at_once

    def read(self, size):
        return self.file.read(min(size, self.at_once))


def test_bytes_are_pushed_and_read(any_registry):
    app = any_registry.repository("team/app")
    assert app.push_blob(DATA) == digest_of(DATA)
    assert app.read_blob(digest_of(DATA)) == DATA
    assert app.stat_blob(digest_of(DATA)) == pkgreg.BlobInfo(digest_of(DATA), len(DATA))
    assert app.has_blob(digest_of(DATA)) and not app.has_blob(UNKNOWN)


@pytest.mark.parametrize("make", [
    bytearray, memoryview, lambda data: memoryview(bytearray(data)), lambda data: array.array("B", data),
    lambda data: memoryview(data).cast("I"), io.BytesIO, OnlyRead,
    lambda data: io.BufferedReader(io.BytesIO(data))])
def test_every_buffer_and_file_is_content(app, make):
    assert app.push_blob(make(DATA)) == digest_of(DATA)
    assert app.read_blob(digest_of(DATA)) == DATA


def test_a_map_of_a_file_is_content(app, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert app.push_blob(mapped) == digest_of(DATA)
        # Nothing was kept: else closing the map would raise BufferError.


def test_a_buffer_cannot_move_during_a_call():
    data = bytearray(b"content")
    with exported(data) as (address, size):
        assert ctypes.string_at(address, size) == b"content"
        with pytest.raises(BufferError):
            data.append(0)
    data.append(0)
    with exported(b"") as (_, size):
        assert size == 0


def test_an_empty_blob_is_a_blob(any_registry):
    app = any_registry.repository("a")
    for empty in (b"", bytearray(), io.BytesIO(), OnlyRead(b"")):
        assert app.push_blob(empty) == digest_of(b"")
    assert app.read_blob(digest_of(b"")) == b""
    with app.open_blob(digest_of(b"")) as reader:
        assert (reader.read(), reader.read(10), len(reader)) == (b"", b"", 0)


def test_a_file_is_read_from_its_position_on(any_registry, tmp_path):
    app, path = any_registry.repository("a"), tmp_path / "file"
    path.write_bytes(b"skipped" + DATA)
    assert app.push_blob(path) == app.push_blob(str(path)) == digest_of(b"skipped" + DATA)
    for buffering in (-1, 0):
        with open(path, "rb", buffering=buffering) as file:
            file.read(7)
            assert app.push_blob(file) == digest_of(DATA)
            assert file.tell() == 7 + len(DATA)
    with open(path, "r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"more")  # still in the object's own buffer
        file.seek(7)
        assert app.push_blob(file) == digest_of(DATA + b"more")


def test_what_comes_through_a_pipe_is_content(app):
    reading, writing = os.pipe()
    with open(writing, "wb") as file:
        file.write(DATA[:10000])
    with open(reading, "rb") as file:
        assert app.push_blob(file) == digest_of(DATA[:10000])


def test_what_is_no_content_is_refused(app, tmp_path):
    with pytest.raises(TypeError):
        app.push_blob(5)
    with pytest.raises(TypeError, match="text file"):
        app.push_blob(io.StringIO("text"))
    with pytest.raises(BufferError):
        app.push_blob(memoryview(DATA)[::2])
    with pytest.raises(FileNotFoundError):
        app.push_blob(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        app.push_blob(tmp_path)


def test_a_digest_is_checked(any_registry, tmp_path):
    app = any_registry.repository("a")
    assert app.push_blob(DATA, digest=digest_of(DATA)) == digest_of(DATA)
    for content in (b"other", io.BytesIO(b"other")):
        with pytest.raises(pkgreg.DigestInvalidError) as caught:
            app.push_blob(content, digest=digest_of(DATA))
        assert caught.value.code == pkgreg.ErrorCode.DIGEST_INVALID
        assert isinstance(caught.value, ValueError)
    with pytest.raises(pkgreg.DigestInvalidError):
        app.push_blob(b"", digest="sha256:short")


def test_a_blob_can_be_named_by_sha512(app):
    long = digest_of(DATA, "sha512")
    assert app.push_blob(DATA, algorithm="sha512") == long
    assert app.push_blob(io.BytesIO(DATA), digest=long) == long
    assert app.read_blob(long) == DATA
    with pytest.raises(pkgreg.PkgregError):
        app.push_blob(DATA, algorithm="md5")


class Failure(Exception):
    pass


@pytest.mark.parametrize("error", [Failure("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_reading_raises_comes_out_as_itself(any_registry, error):
    class Failing(io.RawIOBase):
        reads = 0

        def readable(self):
            return True

        def readinto(self, room):
            self.reads += 1
            if self.reads > 2:
                raise error
            room[:10] = b"0123456789"
            return 10

    app, file = any_registry.repository("a"), Failing()
    with pytest.raises(type(error)) as caught:
        app.push_blob(file)
    assert caught.value is error and file.reads == 3
    # Nothing is left that the failure holds.
    assert sys.getrefcount(app) < 10


def test_a_reader_that_lies_is_caught(app):
    class Lying:
        def readinto(self, room):
            return len(room) + 1

    class TooMuch:
        def read(self, size):
            return b"x" * (size + 1)

    class Nothing:
        def readinto(self, room):
            return None

    for file, error in ((Lying(), ValueError), (TooMuch(), ValueError), (Nothing(), BlockingIOError)):
        with pytest.raises(error):
            app.push_blob(file)


def test_a_reader_cannot_keep_the_librarys_memory(app):
    class Keeping:
        def __init__(self):
            self.kept = []

        def readinto(self, room):
            self.kept.append(room)
            return 0

    file = Keeping()
    app.push_blob(file)
    with pytest.raises(ValueError, match="released"):
        bytes(file.kept[0])

    class Slicing(Keeping):
        def readinto(self, room):
            self.kept.append(room[:1])
            return 0

    with pytest.raises(BufferError):
        app.push_blob(Slicing())


def test_a_reader_may_use_the_registry(app):
    class Using:
        done = False

        def read(self, size):
            data = b"" if self.done else app.push_blob(b"inner").encode()
            self.done = True
            return data

    assert app.push_blob(Using()) == digest_of(digest_of(b"inner").encode())


def test_a_blob_is_a_file(any_registry):
    app = any_registry.repository("a")
    digest = app.push_blob(DATA)
    with app.open_blob(digest) as reader:
        assert reader.readable() and reader.seekable() and not reader.writable()
        assert len(reader) == reader.blob_size == len(DATA)
        assert reader.read(10) == DATA[:10] and reader.tell() == 10
        assert reader.seek(-5, os.SEEK_END) == len(DATA) - 5
        assert reader.read() == DATA[-5:] and reader.read() == b"" and reader.read(1) == b""
        assert reader.seek(100) == 100 and reader.seek(10, os.SEEK_CUR) == 110
        room = bytearray(50)
        assert reader.readinto(room) == 50 and room == DATA[110:160]
        assert reader.seek(len(DATA) + 10) and reader.read() == b""
        with pytest.raises(ValueError):
            reader.seek(-1)
        with pytest.raises(ValueError):
            reader.seek(0, 7)
        with pytest.raises(TypeError):
            reader.readinto(b"read-only")
    assert reader.closed
    for use in (reader.read, reader.readall, reader.tell, lambda: reader.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()
    with io.BufferedReader(app.open_blob(digest)) as buffered:
        assert buffered.peek(4)[:4] == DATA[:4] and buffered.read() == DATA


def test_a_part_of_a_blob_is_a_file(any_registry):
    app = any_registry.repository("a")
    digest = app.push_blob(DATA)
    with app.open_blob(digest, 1000, 1500) as reader:
        assert (len(reader), reader.blob_size) == (500, len(DATA))
        assert reader.read() == DATA[1000:1500]
        reader.seek(-100, os.SEEK_END)
        assert reader.read() == DATA[1400:1500]
        reader.seek(0)
        assert reader.read() == DATA[1000:1500]
    with app.open_blob(digest, 1000) as reader:
        assert reader.readall() == DATA[1000:]
    with app.open_blob(digest, len(DATA) - 1, len(DATA) + 500) as reader:
        assert reader.read() == DATA[-1:]
    with pytest.raises(pkgreg.RangeInvalidError):
        app.open_blob(digest, len(DATA))
    for start, stop in ((-1, None), (10, 5)):
        with pytest.raises(ValueError):
            app.open_blob(digest, start, stop)


def test_what_is_not_there_is_named(app):
    for use in (app.open_blob, app.read_blob, app.stat_blob, app.delete_blob, app.mount_blob):
        with pytest.raises(pkgreg.BlobUnknownError) as caught:
            use(UNKNOWN)
        assert UNKNOWN in str(caught.value) and caught.value.http_status == 404
        assert isinstance(caught.value, LookupError)


def test_a_blob_is_mounted_and_deleted(registry, app):
    digest = app.push_blob(DATA)
    other = registry.repository("other")
    assert other.mount_blob(digest, app).size == len(DATA)
    third = registry.repository("third")
    assert third.mount_blob(digest, "other").digest == digest
    assert registry.repository("fourth").mount_blob(digest).digest == digest
    with pytest.raises(pkgreg.BlobUnknownError):
        registry.repository("fifth").mount_blob(digest, "nobody")
    app.delete_blob(digest)
    assert not app.has_blob(digest) and other.read_blob(digest) == DATA


def test_an_upload_comes_in_pieces(any_registry, tmp_path):
    app = any_registry.repository("a")
    path = tmp_path / "file"
    path.write_bytes(b"3456")
    with app.begin_upload() as upload:
        assert upload.writable() and upload.offset == 0
        assert upload.write(b"012") == 3 and upload.append(path) == 4
        name = upload.id
    assert upload.closed
    with app.resume_upload(name) as upload:
        assert upload.offset == upload.tell() == 7
        assert upload.append(io.BytesIO(b"78")) == 2 and upload.append(memoryview(b"9")) == 1
        assert upload.append(b"") == 0
        assert upload.commit() == pkgreg.BlobInfo(digest_of(b"0123456789"), 10)
        with pytest.raises(ValueError, match="closed"):
            upload.write(b"more")
    assert app.read_blob(digest_of(b"0123456789")) == b"0123456789"
    with pytest.raises(pkgreg.BlobUploadUnknownError):
        app.resume_upload(name)


def test_small_writes_can_be_collected(app):
    upload = app.begin_upload()
    with io.BufferedWriter(upload, 1 << 20) as writer:
        for number in range(1000):
            writer.write(b"%d\n" % number)
        writer.flush()
        info = upload.commit(digest_of(b"".join(b"%d\n" % n for n in range(1000))))
    assert app.stat_blob(info.digest) == info


def test_an_upload_is_given_up(app):
    upload = app.begin_upload("sha512")
    upload.write(b"x")
    name = upload.id
    upload.abort()
    with pytest.raises(pkgreg.BlobUploadUnknownError):
        app.resume_upload(name)
    with pytest.raises(pkgreg.PkgregError):
        app.begin_upload("md5")
    upload = app.begin_upload()
    upload.write(b"x")
    with pytest.raises(pkgreg.DigestInvalidError):
        upload.commit(UNKNOWN)


def test_what_came_before_a_failure_stays(app):
    class Failing(OnlyRead):
        def read(self, size):
            data = super().read(size)
            if not data:
                raise Failure
            return data

    upload = app.begin_upload()
    with pytest.raises(Failure):
        upload.append(Failing(b"0123456789", 4))
    assert upload.offset == 10
    assert upload.commit().digest == digest_of(b"0123456789")
    # A push as a whole leaves nothing behind.
    with pytest.raises(Failure):
        app.push_blob(Failing(b"x"))
