"""The Python package against the library that was built: PKGREG_LIBRARY names another one."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PKGREG_BUILD", ROOT / "build"))
os.environ.setdefault("PKGREG_LIBRARY", str(BUILD / "release" / "capi" / "libpkgreg.so.1"))
sys.path.insert(0, str(ROOT / "bindings" / "python"))
sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402

import pkgreg  # noqa: E402

# A bucket is there only where CTest has started a server for it.
collect_ignore = [] if "PKGREG_TEST_S3_ENDPOINT" in os.environ else ["test_bucket.py"]

pytest_plugins = ["pkgreg.pytest_plugin", "pytester"]


@pytest.fixture
def registry():
    with pkgreg.Registry("memory:") as opened:
        yield opened


@pytest.fixture(params=["memory", "directory"])
def any_registry(request, tmp_path):
    """Over each storage of this machine."""
    storage = "memory:" if request.param == "memory" else tmp_path / "storage"
    with pkgreg.Registry(storage) as opened:
        yield opened


@pytest.fixture
def app(registry):
    return registry.repository("team/app")
