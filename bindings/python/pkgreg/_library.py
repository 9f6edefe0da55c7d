"""The shared library: where it is found, and what its functions take and return.

The declarations follow capi/pkgreg.h, in its order. They are made once, at import: a call then costs
what ctypes needs for it and no more. ctypes gives the interpreter's lock away during each call.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_int, c_int32, c_size_t,
                    c_uint32, c_uint64, c_void_p)
from pathlib import Path
from typing import Any, Dict, Tuple

NAME = "libpkgreg.so.1"
DIGEST_SIZE = 136
TO_THE_END = 2**64 - 1

LOG_FUNCTION = CFUNCTYPE(None, c_void_p, c_int32, c_void_p, c_size_t)
READ_FUNCTION = CFUNCTYPE(c_int32, c_void_p, c_void_p, c_size_t, POINTER(c_size_t))


class Progress(Structure):
    _fields_ = [("struct_size", c_size_t), ("operation", c_char_p), ("subject", c_char_p),
                ("done", c_uint64), ("total", c_uint64)]


PROGRESS_FUNCTION = CFUNCTYPE(c_int32, c_void_p, POINTER(Progress))


class BlobInfo(Structure):
    _fields_ = [("struct_size", c_size_t), ("size", c_uint64), ("digest", c_char * DIGEST_SIZE)]

    def __init__(self) -> None:
        super().__init__(struct_size=ctypes.sizeof(BlobInfo))


class Header(Structure):
    _fields_ = [("name", c_char_p), ("name_length", c_size_t), ("value", c_char_p),
                ("value_length", c_size_t)]


class Name(Structure):
    _fields_ = [("text", c_char_p), ("length", c_size_t)]


class Request(Structure):
    _fields_ = [("struct_size", c_size_t), ("method", c_char_p), ("method_length", c_size_t),
                ("target", c_char_p), ("target_length", c_size_t), ("headers", POINTER(Header)),
                ("header_count", c_size_t), ("body", c_void_p), ("body_size", c_size_t),
                ("read", READ_FUNCTION), ("read_user", c_void_p), ("read_length", c_uint64),
                ("client", c_char_p), ("client_length", c_size_t), ("identity", c_char_p),
                ("identity_length", c_size_t), ("groups", POINTER(Name)), ("group_count", c_size_t)]

    def __init__(self) -> None:
        super().__init__(struct_size=ctypes.sizeof(Request))


class ResponseView(Structure):
    _fields_ = [("struct_size", c_size_t), ("status", c_int32), ("headers", c_void_p),
                ("headers_size", c_size_t), ("content_length", c_uint64), ("body", c_void_p),
                ("body_size", c_size_t)]

    def __init__(self) -> None:
        super().__init__(struct_size=ctypes.sizeof(ResponseView))


_HANDLE = c_void_p
_TEXT = (c_char_p, c_size_t)
_OUT = POINTER(c_void_p)
_ERROR = POINTER(c_void_p)
_SIZE = POINTER(c_size_t)

# What each function takes; all but those with a result of their own return a code.
_PROTOTYPES = {
    "pkgreg_open": (*_TEXT, *_TEXT, _OUT, _ERROR),
    "pkgreg_close": (_OUT,),
    "pkgreg_set_log": (_HANDLE, LOG_FUNCTION, c_void_p, _ERROR),
    "pkgreg_set_progress": (_HANDLE, PROGRESS_FUNCTION, c_void_p, _ERROR),
    "pkgreg_blob_stat": (_HANDLE, *_TEXT, *_TEXT, POINTER(BlobInfo), _ERROR),
    "pkgreg_blob_open": (_HANDLE, *_TEXT, *_TEXT, c_uint64, c_uint64, _OUT, _ERROR),
    "pkgreg_reader_read": (_HANDLE, c_void_p, c_size_t, _SIZE, _ERROR),
    "pkgreg_blob_mount": (_HANDLE, *_TEXT, *_TEXT, *_TEXT, POINTER(BlobInfo), _ERROR),
    "pkgreg_blob_delete": (_HANDLE, *_TEXT, *_TEXT, _ERROR),
    "pkgreg_blob_put": (_HANDLE, *_TEXT, *_TEXT, c_void_p, c_size_t, POINTER(BlobInfo), _ERROR),
    "pkgreg_upload_begin": (_HANDLE, *_TEXT, *_TEXT, _OUT, _ERROR),
    "pkgreg_upload_resume": (_HANDLE, *_TEXT, *_TEXT, _OUT, _ERROR),
    "pkgreg_upload_status": (_HANDLE, _OUT, POINTER(c_uint64), _ERROR),
    "pkgreg_upload_append": (_HANDLE, c_void_p, c_size_t, _ERROR),
    "pkgreg_upload_append_stream": (_HANDLE, READ_FUNCTION, c_void_p, _ERROR),
    "pkgreg_upload_append_file": (_HANDLE, c_int, c_uint64, c_uint64, _ERROR),
    "pkgreg_upload_commit": (_HANDLE, *_TEXT, POINTER(BlobInfo), _ERROR),
    "pkgreg_upload_abort": (_HANDLE, _ERROR),
    "pkgreg_manifest_get": (_HANDLE, *_TEXT, *_TEXT, _OUT, _ERROR),
    "pkgreg_manifest_put": (_HANDLE, *_TEXT, *_TEXT, *_TEXT, c_void_p, c_size_t, c_char_p, _ERROR),
    "pkgreg_manifest_delete": (_HANDLE, *_TEXT, *_TEXT, _ERROR),
    "pkgreg_repository_delete": (_HANDLE, *_TEXT, _ERROR),
    "pkgreg_repositories": (_HANDLE, *_TEXT, c_size_t, _OUT, _ERROR),
    "pkgreg_tags": (_HANDLE, *_TEXT, *_TEXT, c_size_t, _OUT, _ERROR),
    "pkgreg_referrers": (_HANDLE, *_TEXT, *_TEXT, *_TEXT, *_TEXT, c_size_t, _OUT, _ERROR),
    "pkgreg_pull": (_HANDLE, *_TEXT, *_TEXT, *_TEXT, *_TEXT, c_char_p, _ERROR),
    "pkgreg_push": (_HANDLE, *_TEXT, *_TEXT, *_TEXT, *_TEXT, _ERROR),
    "pkgreg_package_add_file": (_HANDLE, *_TEXT, c_int32, _OUT, _ERROR),
    "pkgreg_package_add_stream": (_HANDLE, READ_FUNCTION, c_void_p, c_int32, _OUT, _ERROR),
    "pkgreg_packages": (_HANDLE, *_TEXT, *_TEXT, c_size_t, _OUT, _ERROR),
    "pkgreg_package_describe": (_HANDLE, *_TEXT, *_TEXT, _OUT, _ERROR),
    "pkgreg_package_remove": (_HANDLE, *_TEXT, *_TEXT, _ERROR),
    "pkgreg_package_repository": (_HANDLE, *_TEXT, _OUT, _ERROR),
    # Those of a request without a socket take addresses that were made beforehand.
    "pkgreg_handle": (_HANDLE, c_void_p, c_void_p, c_void_p),
    "pkgreg_response_get": (_HANDLE, c_void_p),
    "pkgreg_response_read": (_HANDLE, c_void_p, c_size_t, _SIZE, _ERROR),
    "pkgreg_serve": (_HANDLE, *_TEXT, _OUT, _ERROR),
    "pkgreg_server_stop": (_HANDLE, c_uint32, POINTER(c_int32), _ERROR),
}

_WITH_RESULT: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "pkgreg_version": (c_char_p, ()),
    "pkgreg_error_message": (c_char_p, (_HANDLE,)),
    "pkgreg_error_detail": (c_char_p, (_HANDLE,)),
    "pkgreg_error_http_status": (c_int32, (_HANDLE,)),
    "pkgreg_text_data": (c_void_p, (_HANDLE, _SIZE)),
    "pkgreg_list_count": (c_size_t, (_HANDLE,)),
    "pkgreg_list_item": (c_void_p, (_HANDLE, c_size_t, _SIZE)),
    "pkgreg_list_next": (c_void_p, (_HANDLE, _SIZE)),
    "pkgreg_reader_length": (c_uint64, (_HANDLE,)),
    "pkgreg_reader_object_size": (c_uint64, (_HANDLE,)),
    "pkgreg_manifest_digest": (c_void_p, (_HANDLE, _SIZE)),
    "pkgreg_manifest_media_type": (c_void_p, (_HANDLE, _SIZE)),
    "pkgreg_manifest_bytes": (c_void_p, (_HANDLE, _SIZE)),
    "pkgreg_server_url": (c_void_p, (_HANDLE, c_size_t, _SIZE)),
    **{f"pkgreg_{handle}_free": (None, (_HANDLE,))
       for handle in ("error", "text", "list", "reader", "upload", "manifest", "response",
                      "server")},
}


def _load() -> ctypes.CDLL:
    """By PKGREG_LIBRARY, else beside this file, else where the system looks."""
    beside = Path(__file__).with_name(NAME)
    named = os.environ.get("PKGREG_LIBRARY")
    path = named or (str(beside) if beside.exists() else NAME)
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"cannot load {path}: {error}; install pkgreg's C library, put {NAME} beside "
            f"{beside.parent}/__init__.py, or name it by PKGREG_LIBRARY") from error


def _declare(loaded: ctypes.CDLL) -> ctypes.CDLL:
    try:
        for name, arguments in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, c_int32
        for name, (result, arguments) in _WITH_RESULT.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, result
    except AttributeError as error:
        raise ImportError(f"{loaded._name} is not the library that this package is for: {error}; "
                          "install both in one version") from error
    return loaded


lib = _declare(_load())
VERSION: str = lib.pkgreg_version().decode()
