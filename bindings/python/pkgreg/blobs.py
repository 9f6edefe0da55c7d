"""Blobs: what a repository tells of one, reading one as a file, and uploads in pieces."""

from __future__ import annotations

import ctypes
import io
import os
from ctypes import byref, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from . import _library
from ._calls import call, take_text, text
from ._content import Content, Reading, exported, is_buffer, is_path, system_file
from ._library import TO_THE_END, lib

if TYPE_CHECKING:
    from .registry import Registry

_new_bytes = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.argtypes, _new_bytes.restype = (c_void_p, ctypes.c_ssize_t), ctypes.py_object
_bytes_address = ctypes.pythonapi.PyBytes_AsString
_bytes_address.argtypes, _bytes_address.restype = (ctypes.py_object,), c_void_p


@dataclass(frozen=True)
class BlobInfo:
    """A blob as a repository serves it. `size` is in bytes."""

    digest: str
    size: int


def info_of(info: _library.BlobInfo) -> BlobInfo:
    return BlobInfo(info.digest.decode(), info.size)


class BlobReader(io.RawIOBase):
    """A blob, or a part of it, as a binary file: read, readinto, seek, tell.

    A position is counted from where the reader was opened. `read` gives as much as was asked for,
    and less only at the end; `readinto` may give less, what the storage had ready. Nothing is
    buffered, so `io.BufferedReader(reader)` suits many small reads. As with all files, one thread
    uses it at a time.
    """

    def __init__(self, registry: "Registry", repository: str, digest: str, start: int,
                 stop: Optional[int]) -> None:
        super().__init__()
        self._handle: Optional[c_void_p] = None
        if start < 0 or (stop is not None and stop < start):
            raise ValueError(f"no range of a blob: from {start} to {stop}")
        self._registry = registry
        self._repository, self._digest = text(repository), text(digest)
        self._start = start
        self._position = self._read_to = 0
        length = TO_THE_END if stop is None else stop - start
        self._open(0, length)
        self._length: int = lib.pkgreg_reader_length(self._handle)
        #: Size of the whole blob in bytes.
        self.blob_size: int = lib.pkgreg_reader_object_size(self._handle)

    def _open(self, position: int, length: int) -> None:
        handle = c_void_p()
        call(lib.pkgreg_blob_open, self._registry._key, *self._repository, *self._digest,
             self._start + position, length, byref(handle))
        self._free()
        self._handle = handle
        self._read_to = position

    def _free(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            lib.pkgreg_reader_free(handle)

    def __len__(self) -> int:
        """Bytes from where it was opened to its end."""
        return self._length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._require_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._require_open()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}.get(whence)
        if base is None:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence}")
        if base + offset < 0:
            raise ValueError(f"a position before the beginning: {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Reads straight into a writable buffer; 0 only at the end, or when it has no room."""
        self._require_open()
        if memoryview(buffer).readonly:
            raise TypeError("readinto() needs a writable buffer")
        with exported(buffer) as (address, size):
            return self._read_at(address, size)

    def read(self, size: Optional[int] = -1) -> bytes:
        """The next `size` bytes, or all that are left; fewer only at the end."""
        self._require_open()
        left = max(self._length - self._position, 0)
        return self._bytes(left if size is None or size < 0 else min(size, left))

    def readall(self) -> bytes:
        return self.read()

    def _bytes(self, size: int) -> bytes:
        """New bytes, read into while nobody else has seen them, as CPython's own readers do."""
        if size == 0:
            return b""
        data: bytes = _new_bytes(None, size)
        address, done = _bytes_address(data), 0
        while done < size:
            read = self._read_at(address + done, size - done)
            done += read
            if read == 0:
                break
        return data if done == size else data[:done]

    def _read_at(self, address: Optional[int], size: int) -> int:
        if size == 0 or self._position >= self._length:
            return 0
        if self._position != self._read_to:
            self._open(self._position, self._length - self._position)
        got = c_size_t()
        call(lib.pkgreg_reader_read, self._handle, address, size, byref(got))
        self._position += got.value
        self._read_to = self._position
        return got.value

    def _require_open(self) -> None:
        if self.closed or self._handle is None:
            raise ValueError("I/O operation on closed file")

    def close(self) -> None:
        if not self.closed:
            self._free()
        super().close()


class Upload(io.RawIOBase):
    """A blob on its way in: a binary file to write to, which `commit` makes a blob.

    Every protocol and instance of the registry knows it by its id. Leaving it, also by `with`,
    without `commit` or `abort` keeps it: it can be resumed until it expires. Each append is made to
    last, so few large ones cost less than many small; `io.BufferedWriter(upload, 1 << 20)` collects
    small ones.
    """

    def __init__(self, registry: "Registry", handle: c_void_p) -> None:
        super().__init__()
        self._registry = registry
        self._handle: Optional[c_void_p] = handle

    @classmethod
    def begin(cls, registry: "Registry", repository: str, algorithm: str) -> "Upload":
        handle = c_void_p()
        call(lib.pkgreg_upload_begin, registry._key, *text(repository), *text(algorithm),
             byref(handle))
        return cls(registry, handle)

    @classmethod
    def resume(cls, registry: "Registry", repository: str, upload_id: str) -> "Upload":
        handle = c_void_p()
        call(lib.pkgreg_upload_resume, registry._key, *text(repository), *text(upload_id),
             byref(handle))
        return cls(registry, handle)

    @property
    def id(self) -> str:
        """What it is resumed by. On a storage that instances share it changes with each append."""
        identifier = c_void_p()
        call(lib.pkgreg_upload_status, self._open(), byref(identifier), None)
        return take_text(identifier).decode()

    @property
    def offset(self) -> int:
        """How many bytes have come."""
        offset = c_uint64()
        call(lib.pkgreg_upload_status, self._open(), None, byref(offset))
        return offset.value

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.offset

    def write(self, data: Any) -> int:
        """Appends all bytes of a buffer, from where they lie."""
        handle = self._open()
        with exported(data) as (address, size):
            if size:
                call(lib.pkgreg_upload_append, handle, address, size)
            return size

    def append(self, content: Content) -> int:
        """Appends a buffer, a file from its position on, or the file of a path. Returns how many
        bytes that were. What came before a failure stays; `offset` tells how much."""
        if is_buffer(content):
            return self.write(content)
        if is_path(content):
            with open(content, "rb", buffering=0) as file:  # type: ignore[arg-type]
                return self.append(file)
        before = self.offset
        descriptor = system_file(content)
        if descriptor is None:
            reading = Reading(content)
            reading.run(lambda: call(lib.pkgreg_upload_append_stream, self._open(),
                                     reading.function, None))
            return self.offset - before
        position = content.tell()  # type: ignore[union-attr]
        call(lib.pkgreg_upload_append_file, self._open(), descriptor, position, TO_THE_END)
        size = self.offset - before
        content.seek(position + size)  # type: ignore[union-attr]
        return size

    def commit(self, digest: Optional[str] = None) -> BlobInfo:
        """Makes it a blob of its repository, durable when this returns.

        Args:
            digest: what it must hash to, else `DigestInvalidError`, and the upload is given up;
                None: whatever it hashes to.
        """
        info = _library.BlobInfo()
        call(lib.pkgreg_upload_commit, self._open(), *text(digest), byref(info))
        self.close()
        return info_of(info)

    def abort(self) -> None:
        """Gives it up."""
        call(lib.pkgreg_upload_abort, self._open())
        self.close()

    def _open(self) -> c_void_p:
        if self._handle is None:
            raise ValueError("I/O operation on closed file: the upload was ended or left")
        return self._handle

    def close(self) -> None:
        """Leaves the upload as it is."""
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            lib.pkgreg_upload_free(handle)
        super().close()


def push(registry: "Registry", repository: str, content: Content, digest: Optional[str],
         algorithm: str) -> BlobInfo:
    """A whole blob. Bytes are hashed and written from where they lie."""
    if is_buffer(content) and algorithm == "sha256":
        info = _library.BlobInfo()
        with exported(content) as (address, size):
            call(lib.pkgreg_blob_put, registry._key, *text(repository), *text(digest), address, size,
                 byref(info))
        return info_of(info)
    upload = Upload.begin(registry, repository, algorithm)
    try:
        upload.append(content)
        return upload.commit(digest)
    except BaseException:
        _give_up(upload)
        raise
    finally:
        upload.close()


def _give_up(upload: Upload) -> None:
    """Whatever went wrong is told; that it could not be cleaned up after is not worth hiding it."""
    try:
        if not upload.closed:
            upload.abort()
    except Exception:
        pass


__all__ = ["BlobInfo", "BlobReader", "Upload"]
