"""A registry behind a socket, on threads of the library."""

from __future__ import annotations

import threading
from ctypes import byref, c_int32, c_void_p
from typing import TYPE_CHECKING, Any, List, Optional

from ._calls import bytes_of, call, text
from ._library import lib
from .errors import ClosedError, ErrorCode

if TYPE_CHECKING:
    from .registry import Registry


class Server:
    """Serves until it is stopped, or its registry closed. A context manager. Any thread may use it."""

    __slots__ = ("urls", "_registry", "_handle", "__weakref__")

    def __init__(self, registry: "Registry", address: Optional[str]) -> None:
        self._registry = registry
        self._handle: Optional[c_void_p] = None
        handle = c_void_p()
        call(lib.pkgreg_serve, registry._key, *text(address), byref(handle))
        self._handle = handle
        #: One for each address, with the port that was chosen: "http://127.0.0.1:41207".
        self.urls: List[str] = []
        while (url := bytes_of(lib.pkgreg_server_url, handle, len(self.urls))) is not None:
            self.urls.append(url.decode())

    def __repr__(self) -> str:
        return f"<pkgreg.Server {' '.join(self.urls)}>"

    @property
    def url(self) -> str:
        """The first of `urls`."""
        return self.urls[0]

    def stop(self, grace: float = 10.0) -> bool:
        """Stops listening, lets running transfers finish for at most `grace` seconds, then closes
        what is left. True where nothing had to be cut off. Stopping again changes nothing."""
        if grace < 0:
            raise ValueError(f"grace must not be negative, but is {grace}")
        if self._handle is None:
            return True
        complete = c_int32()
        call(lib.pkgreg_server_stop, self._handle, int(min(grace, 4_000_000) * 1000),
             byref(complete))
        return bool(complete.value)

    def close(self) -> None:
        """Stops at once."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if lib.pkgreg_server_stop(handle, 0, None, None) == ErrorCode.WOULD_DEADLOCK:
            # Whoever lets a server go in a callback may be on one of its own threads.
            threading.Thread(target=_free, args=(handle, self._registry), name="pkgreg stop").start()
        else:
            lib.pkgreg_server_free(handle)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            self.stop()
        except ClosedError:
            pass  # its registry stopped it
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()


def _free(handle: c_void_p, _registry: Any) -> None:
    """Frees a server; its registry is kept until then."""
    lib.pkgreg_server_free(handle)


__all__ = ["Server"]
