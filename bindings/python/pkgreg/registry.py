"""Registry: what is opened first and closed last."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import threading
import warnings
import weakref
from ctypes import byref, c_void_p
from typing import Any, ContextManager, Iterable, Iterator, Mapping, Optional, Union

from . import _callbacks, requests
from ._calls import call, json_text, pages, text
from ._library import PROGRESS_FUNCTION, lib
from .errors import ErrorCode, WouldDeadlockError, error_of
from .packages import Packages
from .repository import Repository
from .requests import Body, HeaderPairs, Response
from .server import Server

Storage = Union[str, "os.PathLike[str]"]

_handle = requests.handle
_NOBODY = PROGRESS_FUNCTION()  # type: ignore[call-overload]
# Those that are open; closed before the interpreter ends, so that no thread calls into it then.
_open: "weakref.WeakSet[Registry]" = weakref.WeakSet()


class Registry:
    """A registry over a storage. A context manager. Any thread may use it, any number at once.

    Every call raises `PkgregError`; see pkgreg.errors for what below it. What was made from a
    registry (readers, uploads, responses, servers) raises `ClosedError` once it is closed, and
    everything raises `ForkedError` in a forked child, where it has to be opened anew.

    Args:
        storage: "memory:", a directory, or "s3://bucket/path?endpoint=https://…"; None: as the
            options say.
        options: those of the program (`pkgreg serve --options`), as a mapping or a JSON text.
        logger: where the registry tells what it does; by default the logger "pkgreg".
    """

    __slots__ = ("_key", "_closed", "_log", "_progress", "_lock", "__weakref__")

    def __init__(self, storage: Optional[Storage] = None,
                 options: Union[Mapping[str, Any], str, None] = None, *,
                 logger: Optional[logging.Logger] = None) -> None:
        self._closed = True
        if isinstance(options, Mapping):
            options = json.dumps(dict(options))
        elif options is not None and not isinstance(options, str):
            raise TypeError(f"options are a mapping or a JSON text, not {type(options).__name__}")
        place = None if storage is None else os.fspath(storage)
        if isinstance(place, bytes):
            place = os.fsdecode(place)
        handle = c_void_p()
        call(lib.pkgreg_open, *text(place), *json_text(options), byref(handle))
        # The library takes it for a key: it may be used after the registry is closed.
        self._key: int = handle.value or 0
        self._closed = False
        self._lock = threading.Lock()
        self._progress: Optional[_callbacks.ProgressCalls] = None
        # Held here as long as the library may call it.
        self._log = _callbacks.log_function(logger or logging.getLogger("pkgreg"))
        _open.add(self)
        _callbacks.set_log(self._key, self._log)

    def __repr__(self) -> str:
        return f"<pkgreg.Registry {'closed' if self._closed else 'open'}>"

    # The end.

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Releases the storage: a directory can then be opened again. Calls of other threads are
        waited for, servers stopped, their transfers cut off. Closing again changes nothing; of two
        threads that close at once, one waits.

        Raises `WouldDeadlockError` from within a callback, or what reads for a call.
        """
        if self._closed:
            return
        # No lock: the calls that this waits for may be about to close as well.
        code = lib.pkgreg_close(byref(c_void_p(self._key)))
        if code == ErrorCode.WOULD_DEADLOCK:
            raise WouldDeadlockError("a registry cannot be closed from within a callback of a call "
                                     "that closing waits for; close it on another thread", code)
        if code not in (0, ErrorCode.CLOSED, ErrorCode.FORKED):
            raise error_of(code, None)
        self._closed = True
        _open.discard(self)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        try:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=2, source=self)
        finally:
            # Also where warnings are errors.
            _close_anywhere(self._key, (self._log, self._progress))

    # What it holds.

    @property
    def packages(self) -> Packages:
        """The DC/OS packages that the registry holds."""
        return Packages(self)

    def repository(self, name: str) -> Repository:
        """The repository of that name, which need not exist."""
        return Repository(self, name)

    def repositories(self, *, after: Optional[str] = None,
                     page_size: int = 1000) -> Iterator[Repository]:
        """All repositories that hold something, behind `after`, in byte order; pages are asked for
        as they are needed."""

        def fetch(position: Any, size: int, place: Any) -> None:
            behind = text(after) if position[0] is None else position
            call(lib.pkgreg_repositories, self._key, *behind, size, place)

        return (Repository(self, name) for name in pages(fetch, page_size))

    # Its protocols.

    def handle(self, method: str, target: str, headers: Optional[HeaderPairs] = None,
               body: Optional[Body] = None, *, client: Optional[str] = None,
               identity: Optional[str] = None, groups: Iterable[str] = ()) -> Response:
        """Answers a request of the OCI distribution protocol, of DC/OS's package protocol or of the
        registry's own API, as a server on it would, without a socket.

        Args:
            method: "GET".
            target: path and query, percent-encoded: "/v2/app/tags/list?n=10".
            headers: a mapping, or pairs where a name comes twice.
            body: bytes (any buffer), or a binary file. What reading it raises comes out of here.
            client: who asks, for the log.
            identity: who asks, for whom you vouch: the policy of a registry that was opened with
                access control decides by this name. Empty: nobody. None: credentials in `headers`
                count.
            groups: of the policy, that the identity is in beside those of its file.

        An answer of any status is a `Response`; it raises only where there is none.
        """
        response = _handle(self._key, method, target, headers, body, client, identity, groups)
        if response._handle is not None:
            response._registry = self
        return response

    def serve(self, address: Optional[str] = "127.0.0.1:0") -> Server:
        """Serves the registry over HTTP, on threads of the library, until the `Server` is left:

            with registry.serve() as server:
                print(server.url)

        Args:
            address: "127.0.0.1:5000", "[::1]:0" (0: any free port), "unix:/run/pkgreg.sock"; None:
                those of the options' "listen".

        Raises `LockedError` when the port is taken.
        """
        return Server(self, address)

    # Who is told.

    def on_progress(self, function: Optional[_callbacks.ProgressFunction]) -> None:
        """Sets who is told how far long calls are (`pull`, `push`, `packages.add`); None: nobody.

        The function gets a `Progress`. Where it returns False the call ends with `CancelledError`;
        what it raises comes out of the call. It must not call the registry.
        """
        _callbacks.require_outside()
        calls = None if function is None else _callbacks.ProgressCalls(function)
        with self._lock:
            _callbacks.set_progress(self._key, calls.function if calls else _NOBODY)
            self._progress = calls

    def _callbacks(self) -> ContextManager[None]:
        """Around a call that is told of: raises what the function raised."""
        progress = self._progress
        return progress.around_call() if progress else contextlib.nullcontext()


def _close_anywhere(key: int, callbacks: Any) -> None:
    """Closes a registry that nobody has any more. Its last reference may go wherever objects are
    freed, also inside a callback of the library's, where closing would wait for itself."""
    code = lib.pkgreg_close(byref(c_void_p(key)))
    if code != ErrorCode.WOULD_DEADLOCK:
        return

    def close(*_: Any) -> None:
        lib.pkgreg_close(byref(c_void_p(key)))

    # The callbacks live as long as the thread does.
    threading.Thread(target=close, args=(callbacks,), name="pkgreg close").start()


def _renew_locks() -> None:
    """A thread that held one stayed in the parent."""
    for registry in list(_open):
        registry._lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_locks)


@atexit.register
def _close_all() -> None:
    for registry in list(_open):
        with contextlib.suppress(Exception):
            registry.close()


__all__ = ["Registry"]
