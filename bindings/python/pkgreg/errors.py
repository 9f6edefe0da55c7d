"""Exceptions: one class for each code of the library, below the families that programs ask for.

Where the language has an exception for what happened, the class is one as well: a `TIMEOUT` is a
`TimeoutError`, what has no room left is an `OSError` with `ENOSPC`, a wrong argument a `ValueError`.
"""

from __future__ import annotations

import enum
import errno
from typing import Any, Dict, Tuple, Type

from ._library import lib


class ErrorCode(enum.IntEnum):
    """The codes of capi/pkgreg.h; a later library may have more."""

    BLOB_UNKNOWN = 1
    BLOB_UPLOAD_INVALID = 2
    BLOB_UPLOAD_UNKNOWN = 3
    DIGEST_INVALID = 4
    MANIFEST_BLOB_UNKNOWN = 5
    MANIFEST_INVALID = 6
    MANIFEST_UNKNOWN = 7
    NAME_INVALID = 8
    NAME_UNKNOWN = 9
    SIZE_INVALID = 10
    UNAUTHORIZED = 11
    DENIED = 12
    UNSUPPORTED = 13
    TOO_MANY_REQUESTS = 14
    INVALID_ARGUMENT = 100
    INVALID_OPTIONS = 101
    NOT_FOUND = 102
    PRECONDITION_FAILED = 103
    RANGE_INVALID = 104
    TOO_LARGE = 105
    LOCKED = 106
    CORRUPT = 107
    INCOMPATIBLE = 108
    IO = 109
    NO_SPACE = 110
    TIMEOUT = 111
    CLOSED = 112
    CANCELLED = 113
    UNAVAILABLE = 114
    WOULD_DEADLOCK = 115
    FORKED = 116
    READ_ONLY = 117
    TRUNCATED = 118
    MALFORMED = 119
    IN_USE = 120
    PACKAGE_UNKNOWN = 121
    PACKAGE_EXISTS = 122
    OUT_OF_MEMORY = 198
    INTERNAL = 199


class PkgregError(Exception):
    """What the library could not do. `str()` says what happened, to which thing, and what to do; it
    holds no secret.

    Attributes:
        code: an `ErrorCode`, or a plain number that this version does not know.
        http_status: what the registry's protocols answer with for such an error.
        detail: a JSON text that tells a program which thing the error is about, or empty.
    """

    code: int
    http_status: int
    detail: str

    def __init__(self, message: str, code: int = ErrorCode.INTERNAL, http_status: int = 500,
                 detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.http_status = http_status
        self.detail = detail
        # OSError's own text is made of its number and text, where there is a number.
        number = _NUMBERS.get(code)
        if number is not None and isinstance(self, OSError):
            setattr(self, "errno", number)
            setattr(self, "strerror", message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.message, self.code, self.http_status, self.detail)


# Families.

class NotFoundError(PkgregError, LookupError):
    """There is no such thing."""


class InvalidError(PkgregError, ValueError):
    """What was given breaks a rule; the message says which."""


class AccessError(PkgregError, PermissionError):
    """It is not allowed."""


class StateError(PkgregError, RuntimeError):
    """It cannot be done here or now, whatever is given."""


class StorageError(PkgregError, OSError):
    """The storage, or the operating system, failed."""


# One for each code.

class BlobUnknownError(NotFoundError):
    """The repository serves no blob of this digest."""


class BlobUploadInvalidError(StateError):
    """The upload cannot go on as asked."""


class BlobUploadUnknownError(NotFoundError):
    """No such upload: never begun, finished, given up or expired."""


class DigestInvalidError(InvalidError):
    """Not a digest, or the content does not hash to it."""


class ManifestBlobUnknownError(NotFoundError):
    """A manifest names a blob or manifest that the repository lacks."""


class ManifestInvalidError(InvalidError):
    """The manifest cannot be accepted; the message names the field."""


class ManifestUnknownError(NotFoundError):
    """The repository has no such manifest or tag."""


class NameInvalidError(InvalidError):
    """Not the name of a repository, or not a tag."""


class NameUnknownError(NotFoundError):
    """No such repository."""


class SizeInvalidError(InvalidError):
    """More or fewer bytes came than were announced."""


class UnauthorizedError(AccessError):
    """Credentials are missing or wrong."""


class DeniedError(AccessError):
    """Known, but not allowed."""


class UnsupportedError(StateError):
    """The operation is switched off or does not exist."""


class TooManyRequestsError(StateError):
    """A limit was reached; try again later."""


class InvalidArgumentError(InvalidError):
    """A value that no rule allows."""


class InvalidOptionsError(InvalidError):
    """Options that cannot work; the message names the field."""


class ObjectNotFoundError(NotFoundError, FileNotFoundError):
    """No such file or object."""


class PreconditionFailedError(StateError):
    """Another state than was asked for."""


class RangeInvalidError(InvalidError):
    """The range lies outside the object or upload."""


class TooLargeError(InvalidError):
    """Over a size limit."""


class LockedError(StorageError):
    """The directory, or the port, is in use by another."""


class CorruptError(StorageError):
    """Stored bytes are not what was written; nothing was served."""


class IncompatibleError(StorageError):
    """The storage was written by a version that this one cannot read."""


class NoSpaceError(StorageError):
    """No room left."""


class RegistryTimeoutError(PkgregError, TimeoutError):
    """Nothing came for too long."""


class ClosedError(PkgregError, ValueError):
    """The registry was closed; as with files, that is a `ValueError`."""


class CancelledError(PkgregError):
    """A callback wanted no more."""


class UnavailableError(PkgregError, ConnectionError):
    """The storage, or another registry, cannot be reached."""


class WouldDeadlockError(StateError):
    """A call that would wait for itself: from a log or progress callback."""


class ForkedError(StateError):
    """This was made before the process forked: open the registry anew in the child."""


class ReadOnlyError(AccessError):
    """The registry is read-only."""


class TruncatedError(StateError):
    """Content ended before its announced length."""


class MalformedError(InvalidError):
    """Not in the grammar of its protocol."""


class InUseError(StateError):
    """Something else refers to it."""


class PackageUnknownError(NotFoundError):
    """The registry has no such package, or not in this version."""


class PackageExistsError(StateError, FileExistsError):
    """Another content is there under this name and version."""


class OutOfMemoryError(PkgregError, MemoryError):
    """No memory left."""


class InternalError(StateError):
    """A defect of the library; please report it."""


_CLASSES: Dict[int, Type[PkgregError]] = {
    ErrorCode.BLOB_UNKNOWN: BlobUnknownError,
    ErrorCode.BLOB_UPLOAD_INVALID: BlobUploadInvalidError,
    ErrorCode.BLOB_UPLOAD_UNKNOWN: BlobUploadUnknownError,
    ErrorCode.DIGEST_INVALID: DigestInvalidError,
    ErrorCode.MANIFEST_BLOB_UNKNOWN: ManifestBlobUnknownError,
    ErrorCode.MANIFEST_INVALID: ManifestInvalidError,
    ErrorCode.MANIFEST_UNKNOWN: ManifestUnknownError,
    ErrorCode.NAME_INVALID: NameInvalidError,
    ErrorCode.NAME_UNKNOWN: NameUnknownError,
    ErrorCode.SIZE_INVALID: SizeInvalidError,
    ErrorCode.UNAUTHORIZED: UnauthorizedError,
    ErrorCode.DENIED: DeniedError,
    ErrorCode.UNSUPPORTED: UnsupportedError,
    ErrorCode.TOO_MANY_REQUESTS: TooManyRequestsError,
    ErrorCode.INVALID_ARGUMENT: InvalidArgumentError,
    ErrorCode.INVALID_OPTIONS: InvalidOptionsError,
    ErrorCode.NOT_FOUND: ObjectNotFoundError,
    ErrorCode.PRECONDITION_FAILED: PreconditionFailedError,
    ErrorCode.RANGE_INVALID: RangeInvalidError,
    ErrorCode.TOO_LARGE: TooLargeError,
    ErrorCode.LOCKED: LockedError,
    ErrorCode.CORRUPT: CorruptError,
    ErrorCode.INCOMPATIBLE: IncompatibleError,
    ErrorCode.IO: StorageError,
    ErrorCode.NO_SPACE: NoSpaceError,
    ErrorCode.TIMEOUT: RegistryTimeoutError,
    ErrorCode.CLOSED: ClosedError,
    ErrorCode.CANCELLED: CancelledError,
    ErrorCode.UNAVAILABLE: UnavailableError,
    ErrorCode.WOULD_DEADLOCK: WouldDeadlockError,
    ErrorCode.FORKED: ForkedError,
    ErrorCode.READ_ONLY: ReadOnlyError,
    ErrorCode.TRUNCATED: TruncatedError,
    ErrorCode.MALFORMED: MalformedError,
    ErrorCode.IN_USE: InUseError,
    ErrorCode.PACKAGE_UNKNOWN: PackageUnknownError,
    ErrorCode.PACKAGE_EXISTS: PackageExistsError,
    ErrorCode.OUT_OF_MEMORY: OutOfMemoryError,
    ErrorCode.INTERNAL: InternalError,
}

_NUMBERS: Dict[int, int] = {
    ErrorCode.UNAUTHORIZED: errno.EACCES,
    ErrorCode.DENIED: errno.EACCES,
    ErrorCode.NOT_FOUND: errno.ENOENT,
    ErrorCode.IO: errno.EIO,
    ErrorCode.LOCKED: errno.EBUSY,
    ErrorCode.CORRUPT: errno.EILSEQ,
    ErrorCode.INCOMPATIBLE: errno.ENOTSUP,
    ErrorCode.NO_SPACE: errno.ENOSPC,
    ErrorCode.TIMEOUT: errno.ETIMEDOUT,
    ErrorCode.UNAVAILABLE: errno.ECONNREFUSED,
    ErrorCode.READ_ONLY: errno.EROFS,
    ErrorCode.PACKAGE_EXISTS: errno.EEXIST,
}


def error_of(code: int, handle: int | None) -> PkgregError:
    """The exception for a code and an error of the library's, which is freed."""
    message, detail, status = f"the library answers {code}", "", 500
    if handle:
        message = lib.pkgreg_error_message(handle).decode(errors="replace")
        detail = lib.pkgreg_error_detail(handle).decode(errors="replace")
        status = lib.pkgreg_error_http_status(handle)
        lib.pkgreg_error_free(handle)
    known = _CLASSES.get(code, PkgregError)
    if known is not PkgregError:
        code = ErrorCode(code)
    return known(message, code, status, detail)

__all__ = ["ErrorCode", *(name for name, value in list(globals().items())
                          if isinstance(value, type) and issubclass(value, PkgregError))]
