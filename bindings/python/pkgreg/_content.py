"""Content that goes into the library: bytes where they lie, files by their descriptor, anything else
that can be read by a callback."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_ssize_t, c_void_p, py_object
from typing import IO, Any, Callable, Iterator, Optional, Tuple, Union

from ._library import READ_FUNCTION
from .errors import CancelledError

Content = Union[bytes, bytearray, memoryview, IO[bytes], str, "os.PathLike[str]"]


class _Buffer(Structure):
    """CPython's `Py_buffer`."""

    _fields_ = [("buf", c_void_p), ("obj", py_object), ("len", c_ssize_t), ("itemsize", c_ssize_t),
                ("readonly", c_int), ("ndim", c_int), ("format", c_char_p),
                ("shape", POINTER(c_ssize_t)), ("strides", POINTER(c_ssize_t)),
                ("suboffsets", POINTER(c_ssize_t)), ("internal", c_void_p)]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes, _get_buffer.restype = (py_object, POINTER(_Buffer), c_int), c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes, _release_buffer.restype = (POINTER(_Buffer),), None


@contextmanager
def exported(data: Any) -> Iterator[Tuple[Optional[int], int]]:
    """The address and size of a buffer's bytes, which can neither move nor go away meanwhile.

    Raises TypeError for what is no buffer, BufferError for one whose bytes do not lie together.
    """
    buffer = _Buffer()
    _get_buffer(data, byref(buffer), 0)
    try:
        yield buffer.buf, buffer.len
    finally:
        _release_buffer(byref(buffer))


def is_buffer(data: Any) -> bool:
    try:
        memoryview(data)
        return True
    except TypeError:
        return False


class Reading:
    """A file-like object as a `pkgreg_read_fn`. What it raises comes out of `run` as itself."""

    def __init__(self, file: Any) -> None:
        self._into: Any = getattr(file, "readinto", None)
        self._read: Any = getattr(file, "read", None)
        if self._into is None and self._read is None:
            raise TypeError(f"expected bytes, a path or a binary file, not {type(file).__name__}")
        self._error: Optional[BaseException] = None
        self.function = READ_FUNCTION(self._give)

    def run(self, action: Callable[[], None]) -> None:
        """Does what reads, and raises what reading raised rather than that it was given up."""
        try:
            action()
        except CancelledError:
            # The library's error would only say that the callback gave up.
            self.raise_error()
            raise
        finally:
            # The function and this object hold each other.
            del self.function

    def raise_error(self) -> None:
        """Raises what reading raised."""
        error, self._error = self._error, None
        if error is not None:
            raise error from None

    def _give(self, _user: Any, into: int, size: int, got: Any) -> int:
        try:
            got[0] = self._fill(into, size)
            return 0
        except BaseException as error:  # also KeyboardInterrupt: it is raised by `run`
            self._error = error
            return 1

    def _fill(self, into: int, size: int) -> int:
        if self._into is None:
            return self._copy(into, size)
        memory = (ctypes.c_char * size).from_address(into)
        # Released at the end: the object cannot use its view when the memory is the library's again.
        with memoryview(memory) as room, room.cast("B") as octets:
            read: Optional[int] = self._into(octets)
        if sys.getrefcount(memory) > 2:
            raise BufferError("readinto() kept a part of the buffer that it was given")
        if read is None:
            raise BlockingIOError("the file has no bytes yet; non-blocking files cannot be read")
        if not 0 <= read <= size:
            raise ValueError(f"readinto returned {read} for {size} bytes")
        return read

    def _copy(self, into: int, size: int) -> int:
        data = self._read(size)
        if not is_buffer(data):
            raise TypeError(f"read() returned {type(data).__name__}, not bytes: is it a text file?")
        with exported(data) as (address, length):
            if length > size:
                raise ValueError(f"read({size}) returned {length} bytes")
            if length:
                ctypes.memmove(into, address or 0, length)
        return length


class _BufferFile:
    """Bytes where they lie, to be read as a file."""

    def __init__(self, data: Any) -> None:
        self._rest = memoryview(data).cast("B")

    def readinto(self, room: memoryview) -> int:
        size = min(len(room), len(self._rest))
        room[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def as_file(data: Any) -> Any:
    """Something to read from: a buffer as a file, a file as it is."""
    return _BufferFile(data) if is_buffer(data) else data


def is_path(data: Any) -> bool:
    return isinstance(data, (str, os.PathLike))


def system_file(file: Any) -> Optional[int]:
    """The descriptor of a file whose bytes the library can read by itself; None where only the
    object's own methods give them."""
    if type(file) not in (io.FileIO, io.BufferedReader, io.BufferedRandom):
        return None
    if not file.readable() or not file.seekable():
        return None
    try:
        descriptor: int = file.fileno()
    except OSError:  # a buffer around what is no file of the system's
        return None
    if isinstance(file, io.BufferedRandom):
        file.flush()
    return descriptor
