"""How the other modules call the library: codes become exceptions, texts and pages Python's own."""

from __future__ import annotations

import json
from ctypes import byref, c_size_t, c_void_p, string_at
from typing import Any, Callable, Iterator, Optional, Tuple

from ._library import lib
from .errors import error_of

Text = Tuple[Optional[bytes], int]


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function that returns a code. Raises what went wrong."""
    error = c_void_p()
    code = function(*arguments, byref(error))
    if code:
        raise error_of(code, error.value)


def text(value: Optional[str]) -> Text:
    """A text and its length; None is no text."""
    if value is None:
        return None, 0
    if not isinstance(value, str):
        raise TypeError(f"expected a str, not {type(value).__name__}")
    encoded = value.encode()
    return encoded, len(encoded)


def json_text(value: Any) -> Text:
    """A JSON document: a text as it is, None as none, anything else encoded."""
    if value is None or isinstance(value, str):
        return text(value)
    return text(json.dumps(value))


def bytes_of(getter: Callable[..., Any], *arguments: Any) -> Optional[bytes]:
    """What a function returns as a pointer and a size; None for a null pointer."""
    size = c_size_t()
    data = getter(*arguments, byref(size))
    return None if data is None else string_at(data, size.value)


def str_of(getter: Callable[..., Any], *arguments: Any) -> str:
    found = bytes_of(getter, *arguments)
    return "" if found is None else found.decode()


def take_text(handle: c_void_p) -> bytes:
    """The content of a pkgreg_text, which is freed."""
    try:
        return bytes_of(lib.pkgreg_text_data, handle) or b""
    finally:
        lib.pkgreg_text_free(handle)


def pages(fetch: Callable[[Text, int, Any], None], page_size: int) -> Iterator[str]:
    """The items of all pages; a page is asked for when the one before is used up.

    Args:
        fetch: calls the library with where to go on, the size, and the place of the list.
    """
    if not 1 <= page_size <= 1000:
        raise ValueError(f"page_size must be 1 to 1,000, not {page_size}")
    last: Text = None, 0
    while True:
        page = c_void_p()
        fetch(last, page_size, byref(page))
        try:
            items = [str_of(lib.pkgreg_list_item, page, number)
                     for number in range(lib.pkgreg_list_count(page))]
            following = bytes_of(lib.pkgreg_list_next, page)
        finally:
            lib.pkgreg_list_free(page)
        yield from items
        if following is None:
            return
        last = following, len(following)
