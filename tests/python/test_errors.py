"""Exceptions: a class for each code, of the language's own kinds where there are any."""

import errno
import pickle
import re
from pathlib import Path

import pytest

import pkgreg
from pkgreg import errors

HEADER = Path(__file__).resolve().parents[2] / "capi" / "pkgreg.h"


def test_the_codes_are_those_of_the_c_interface():
    block = HEADER.read_text().split("enum {")[1].split("}")[0]
    codes = {name: int(value) for name, value in re.findall(r"PKGREG_(\w+) = (\d+)", block)}
    del codes["OK"]
    assert codes == {code.name: code.value for code in pkgreg.ErrorCode}


def test_each_code_has_a_class_of_its_own():
    classes = [type(errors.error_of(code, None)) for code in pkgreg.ErrorCode]
    assert len(set(classes)) == len(classes) and pkgreg.PkgregError not in classes
    for kind in classes:
        assert issubclass(kind, pkgreg.PkgregError) and getattr(pkgreg, kind.__name__) is kind
        assert kind.__name__ in pkgreg.__all__ and kind.__doc__


def test_a_later_code_is_an_error_all_the_same():
    error = errors.error_of(150, None)
    assert type(error) is pkgreg.PkgregError and error.code == 150


@pytest.mark.parametrize("code, builtin", [
    ("TIMEOUT", TimeoutError), ("INVALID_ARGUMENT", ValueError), ("DENIED", PermissionError),
    ("NO_SPACE", OSError), ("CLOSED", ValueError), ("UNAVAILABLE", ConnectionError),
    ("OUT_OF_MEMORY", MemoryError), ("NOT_FOUND", FileNotFoundError), ("BLOB_UNKNOWN", LookupError),
    ("FORKED", RuntimeError), ("PACKAGE_EXISTS", FileExistsError)])
def test_it_is_what_the_language_has_for_it(code, builtin):
    assert isinstance(errors.error_of(pkgreg.ErrorCode[code], None), builtin)


def test_nobody_mistakes_a_missing_blob_for_a_missing_key():
    assert not issubclass(pkgreg.BlobUnknownError, KeyError)


def test_an_error_tells_all_that_the_library_does():
    for code in pkgreg.ErrorCode:
        error = errors._CLASSES[code]("what happened", code, 418, '{"a":1}')
        for seen in (error, pickle.loads(pickle.dumps(error))):
            assert type(seen) is type(error)
            assert (str(seen), seen.code, seen.http_status, seen.detail) == (
                "what happened", code, 418, '{"a":1}')
    assert errors.NoSpaceError("full", pkgreg.ErrorCode.NO_SPACE).errno == errno.ENOSPC
