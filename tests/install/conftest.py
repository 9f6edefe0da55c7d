"""What the suites of installing share: the build, installed once into an empty prefix."""

import os
import shutil
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
sys.path.insert(0, str(CLIENTS))

from programs import BUILD, PKGREG, SYSTEM_PATH, run  # noqa: E402

# The folder that the program was built in: build/release.
BUILT = PKGREG.parents[2]


def pytest_configure(config):
    if not (BUILT / "cmake_install.cmake").exists():
        raise pytest.UsageError(f"{BUILT} has nothing to install; configure and build it first")
    if config.option.basetemp is None:
        folder = BUILD / "install"
        folder.mkdir(parents=True, exist_ok=True)
        config.option.basetemp = folder / "work"


def need(*programs):
    """Skips the test where a program is missing; in CI all of them must be there."""
    for program in programs:
        if shutil.which(program, path=SYSTEM_PATH) is None:
            missing = f"{program} is not installed (cmake/packages.sh test installs it)"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def environment(**more):
    """What a consumer is built in: nothing of this project is on any path."""
    return {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent",
            **{name: str(value) for name, value in more.items()}}


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Where everything was installed, and then moved to another place."""
    folder = tmp_path_factory.mktemp("installed")
    first, moved = folder / "first", folder / "moved"
    run("cmake", "--install", BUILT, "--prefix", first, "--strip", env=environment())
    first.rename(moved)
    return moved
