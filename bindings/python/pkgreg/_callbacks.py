"""The functions that a registry calls: its log goes to `logging`, its progress to the program.

They run on threads of the library too. So that none of them finds an interpreter that is gone, every
open registry is closed before the interpreter ends.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

from ._calls import call
from ._library import LOG_FUNCTION, PROGRESS_FUNCTION, TO_THE_END, lib
from .errors import CancelledError, ErrorCode, WouldDeadlockError

# What callbacks run on this thread.
_inside = threading.local()


@contextmanager
def _callback() -> Iterator[None]:
    before = getattr(_inside, "callback", False)
    _inside.callback = True
    try:
        yield
    finally:
        _inside.callback = before


def require_outside() -> None:
    """Before a lock is taken that a call may hold which waits for this callback's end."""
    if getattr(_inside, "callback", False):
        raise WouldDeadlockError("a callback of the registry cannot replace a callback, whose end "
                                 "that would wait for; do it on another thread, or afterwards",
                                 ErrorCode.WOULD_DEADLOCK)


_LEVELS = {0: logging.DEBUG, 1: logging.INFO, 2: logging.WARNING, 3: logging.ERROR}


@dataclass(frozen=True)
class Progress:
    """How far a long call is. `total` is None where it is not known; both are in bytes."""

    operation: str
    subject: str
    done: int
    total: Optional[int]


ProgressFunction = Callable[[Progress], Any]


def log_function(logger: logging.Logger) -> Any:
    """Writes to a logger. What a handler of it raises is reported and goes no further."""

    def log(_user: Any, level: int, message: int, length: int) -> None:
        severity = _LEVELS.get(level, logging.ERROR)
        if logger.isEnabledFor(severity):
            line = ctypes.string_at(message, length).decode(errors="replace")
            with _callback():
                logger.log(severity, "%s", line)

    return LOG_FUNCTION(log)


class ProgressCalls:
    """Calls the program's function; what it raises comes out of the call that it was told about."""

    def __init__(self, function: ProgressFunction) -> None:
        self._program = function
        self._errors: Dict[int, BaseException] = {}
        self.function = PROGRESS_FUNCTION(self._tell)

    def _tell(self, _user: Any, told: Any) -> int:
        try:
            progress = told.contents
            total = None if progress.total == TO_THE_END else progress.total
            seen = Progress(progress.operation.decode(), progress.subject.decode(), progress.done,
                            total)
            with _callback():
                answer = self._program(seen)
            return 1 if answer is False else 0
        except BaseException as error:
            self._errors[threading.get_ident()] = error
            return 1

    @contextmanager
    def around_call(self) -> Iterator[None]:
        try:
            yield
        except CancelledError:
            error = self._errors.pop(threading.get_ident(), None)
            if error is not None:
                raise error from None
            raise
        else:
            # The call was done before it could be stopped; an interrupt must not get lost all the
            # same.
            error = self._errors.get(threading.get_ident())
            if error is not None and not isinstance(error, Exception):
                raise error
        finally:
            self._errors.pop(threading.get_ident(), None)


def set_log(registry: int, function: Any) -> None:
    call(lib.pkgreg_set_log, registry, function, None)


def set_progress(registry: int, function: Any) -> None:
    call(lib.pkgreg_set_progress, registry, function, None)


__all__ = ["Progress"]
