"""Requests of the registry's HTTP protocols without a socket, and the responses to them.

This is the way that has to be quick. A request's structs are made once and used again; a response
whose body is small is copied and freed at once, so it has no handle and needs no end.
"""

from __future__ import annotations

import ctypes
import io
from ctypes import addressof, byref, c_size_t, c_void_p, string_at
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from . import _library
from ._calls import call
from ._content import Reading, exported, is_buffer
from ._library import READ_FUNCTION, TO_THE_END, lib
from .errors import ErrorCode, error_of

HeaderPairs = Union[Mapping[str, str], Iterable[Tuple[str, str]]]
Body = Union[bytes, bytearray, memoryview, IO[bytes]]

# A larger body stays in the library until it is read.
_COPIED = 64 << 10

_handle: Callable[..., int] = lib.pkgreg_handle
_response_get = lib.pkgreg_response_get
_response_free = lib.pkgreg_response_free


class _Call:
    """The structs of one call, and where they are. Not for two calls at once."""

    __slots__ = ("request", "response", "view", "error", "request_at", "response_at", "view_at",
                 "error_at")

    def __init__(self) -> None:
        self.request = _library.Request()
        self.response = c_void_p()
        self.view = _library.ResponseView()
        self.error = c_void_p()
        self.request_at = addressof(self.request)
        self.response_at = addressof(self.response)
        self.view_at = addressof(self.view)
        self.error_at = addressof(self.error)


# Calls that nobody uses; taking one and giving it back are atomic.
_idle: List[_Call] = []
_methods: Dict[str, bytes] = {name: name.encode() for name in
                              ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")}


class Headers(Mapping[str, str]):
    """The fields of a response. Names are looked up without regard to case; the first value counts.
    `pairs` has all of them, in order."""

    __slots__ = ("pairs",)

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").split("\r\n")
        self.pairs: List[Tuple[str, str]] = [
            (name, value) for name, _, value in (line.partition(": ") for line in lines if line)]

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        for known, value in self.pairs:
            if known.lower() == wanted:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self.pairs))

    def __len__(self) -> int:
        return len({name for name, _ in self.pairs})

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


class Response:
    """What the registry answers: a status, header fields, and a body to be read once, or whole.

    A large body is read from the storage as it is asked for, and holds it open: `close` it, or use
    it with `with`, or let it go. One thread uses it at a time.
    """

    __slots__ = ("status", "content_length", "_raw_headers", "_headers", "_body", "_position",
                 "_handle", "_registry", "__weakref__")

    def __init__(self, status: int, content_length: int, raw_headers: bytes,
                 body: Optional[bytes], handle: Optional[int]) -> None:
        self.status = status
        #: Bytes of the body; for an answer to HEAD, those that GET would have.
        self.content_length = content_length
        self._raw_headers = raw_headers
        self._headers: Optional[Headers] = None
        self._body = body
        self._position = 0
        self._handle = handle
        self._registry: Any = None  # kept open while there is a handle

    def __repr__(self) -> str:
        return f"<pkgreg.Response {self.status}, {self.content_length} bytes>"

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = Headers(self._raw_headers)
        return self._headers

    @property
    def body(self) -> bytes:
        """The whole body, or what is left of one that was read from."""
        if self._body is None:
            self._body, self._position = self._rest(), 0
            self.close()
        return self._body[self._position:] if self._position else self._body

    def read(self, size: Optional[int] = -1) -> bytes:
        """The next `size` bytes, or all that are left; fewer only at the end."""
        if self._body is None:
            if size is not None and size >= 0:
                return self._next(size)
            data = self._rest()
            self._body = b""
            self.close()
            return data
        begin = self._position
        end = len(self._body) if size is None or size < 0 else min(begin + size, len(self._body))
        self._position = end
        return self._body if begin == 0 and end == len(self._body) else self._body[begin:end]

    def readinto(self, buffer: Any) -> int:
        """Reads what is ready straight into a writable buffer; 0 only at the end."""
        if memoryview(buffer).readonly:
            raise TypeError("readinto() needs a writable buffer")
        if self._body is None:
            with exported(buffer) as (address, size):
                return self._fill(address, size)
        with memoryview(buffer) as view, view.cast("B") as room:
            data = self.read(len(room))
            room[:len(data)] = data
            return len(data)

    def _fill(self, address: Optional[int], size: int) -> int:
        if self._handle is None:
            raise ValueError("I/O operation on closed response")
        got = c_size_t()
        if size:
            call(lib.pkgreg_response_read, self._handle, address, size, byref(got))
        return got.value

    def _some(self, size: int) -> bytes:
        data = bytearray(min(size, 1 << 20))
        with exported(data) as (address, room):
            got = self._fill(address, room)
        return bytes(data[:got])

    def _next(self, size: int) -> bytes:
        data = self._some(size)
        if len(data) == size or not data:
            return data
        out = io.BytesIO()
        while data:
            size -= out.write(data)
            data = self._some(size)
        return out.getvalue()

    def _rest(self) -> bytes:
        out = io.BytesIO()
        while data := self._some(1 << 20):
            out.write(data)
        return out.getvalue()

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            _response_free(handle)
            self._registry = None

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()


def handle(registry: int, method: str, target: str, headers: Optional[HeaderPairs],
           body: Optional[Body], client: Optional[str], identity: Optional[str] = None,
           groups: Iterable[str] = ()) -> Response:
    """Answers one request; see `Registry.handle`."""
    try:
        slot = _idle.pop()
    except IndexError:
        slot = _Call()
    try:
        verb = _methods.get(method) or method.encode()
        # These names keep the bytes alive, whatever another call does to the structs.
        path = target.encode()
        request = slot.request
        request.method = verb
        request.method_length = len(verb)
        request.target = path
        request.target_length = len(path)
        if identity is not None or groups:
            code = _handle_as(registry, slot, identity, groups, headers, body, client)
        elif headers is None and body is None and client is None:
            code = _handle(registry, slot.request_at, slot.response_at, slot.error_at)
        else:
            code = _handle_more(registry, slot, headers, body, client)
        if code:
            error, slot.error.value = slot.error.value, None
            raise error_of(code, error)
        return _take(slot)
    finally:
        _idle.append(slot)


def _take(slot: _Call) -> Response:
    """The response of a call."""
    response = slot.response.value
    view = slot.view
    _response_get(response, slot.view_at)
    size = view.body_size
    status, length = view.status, view.content_length
    headers = string_at(view.headers, view.headers_size)
    address = view.body
    if address is None or size > _COPIED:
        return Response(status, length, headers, None, response)
    body = string_at(address, size)
    _response_free(response)
    return Response(status, length, headers, body, None)


def _handle_as(registry: int, slot: _Call, identity: Optional[str], groups: Iterable[str],
               headers: Optional[HeaderPairs], body: Optional[Body], client: Optional[str]) -> int:
    """A request of somebody for whom the caller vouches."""
    request = slot.request
    name = None if identity is None else identity.encode()
    texts = [group.encode() for group in groups]
    names = (_library.Name * len(texts))(*((text, len(text)) for text in texts))
    try:
        request.identity, request.identity_length = name, len(name or b"")
        request.groups, request.group_count = names, len(names)
        return _handle_more(registry, slot, headers, body, client)
    finally:
        request.identity, request.identity_length = None, 0
        request.groups, request.group_count = None, 0


def _handle_more(registry: int, slot: _Call, headers: Optional[HeaderPairs],
                 body: Optional[Body], client: Optional[str]) -> int:
    """A request with all that one can have. The structs are left without it."""
    request = slot.request
    arguments = registry, slot.request_at, slot.response_at, slot.error_at
    fields = _fields(headers) if headers else None
    name = None if client is None else client.encode()
    try:
        if fields is not None:
            request.headers, request.header_count = fields, len(fields)
        if name is not None:
            request.client, request.client_length = name, len(name)
        if body is None:
            return _handle(*arguments)
        return _handle_body(slot, body, arguments)
    finally:
        if fields is not None:
            request.headers, request.header_count = None, 0
        if name is not None:
            request.client, request.client_length = None, 0


def _handle_body(slot: _Call, body: Body, arguments: Tuple[Any, ...]) -> int:
    request = slot.request
    if not is_buffer(body):
        return _handle_stream(slot, Reading(body), arguments)
    with exported(body) as (address, size):
        try:
            # An empty body is one all the same: any address will do.
            request.body, request.body_size = address or slot.request_at, size
            return _handle(*arguments)
        finally:
            request.body, request.body_size = None, 0


def _handle_stream(slot: _Call, reading: Reading, arguments: Tuple[Any, ...]) -> int:
    request = slot.request
    request.read, request.read_length = reading.function, TO_THE_END
    code = 0

    def answer() -> None:
        nonlocal code
        code = _handle(*arguments)
        if code == ErrorCode.CANCELLED:
            error, slot.error.value = slot.error.value, None
            raise error_of(code, error)

    try:
        reading.run(answer)
    finally:
        request.read, request.read_length = READ_FUNCTION(), 0  # type: ignore[call-overload]
    return code


# Programs send the same fields again and again. What identifies the sender is not kept.
_known_fields: Dict[Tuple[Tuple[str, str], ...], Any] = {}
_MOST_KNOWN = 64
_SECRET_FIELDS = {"authorization", "cookie", "proxy-authorization"}


def _fields(headers: HeaderPairs) -> Any:
    given = headers.items() if isinstance(headers, (dict, Mapping)) else headers
    pairs = tuple((name, value) for name, value in given)
    known = _known_fields.get(pairs)
    if known is not None:
        return known
    fields = (_library.Header * len(pairs))()
    for field, (name, value) in zip(fields, pairs):
        encoded = name.encode("latin-1"), value.encode("latin-1")
        field.name, field.value = encoded
        field.name_length, field.value_length = map(len, encoded)
    if not any(name.lower() in _SECRET_FIELDS for name, _ in pairs):
        if len(_known_fields) >= _MOST_KNOWN:
            _known_fields.clear()
        _known_fields[pairs] = fields
    return fields


__all__ = ["Headers", "Response"]
