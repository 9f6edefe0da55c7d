"""Clocks of programs that a test starts: off by some time, or moved while they run (libfaketime)."""

import os
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
PREFIXES = ("faketime_shm_", "sem.faketime_sem_")


class FakedClock:
    """What a program's environment gets. The clock that measures time is left alone."""

    def __init__(self, file):
        self.file = file
        library, = Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketimeMT.so.1")
        self.variables = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file),
                          "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def environment(self, environment=None):
        return {**(os.environ if environment is None else environment), **self.variables}

    def set(self, seconds):
        """How far the clock is from the right one, also for programs that run."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+}\n")
        os.replace(fresh, self.file)


def _left_in_memory():
    return {file for file in MEMORY.glob("*faketime_*") if file.name.startswith(PREFIXES)}


def _belongs_to_nobody(file):
    return not Path("/proc", file.name.rpartition("_")[2]).exists()


@pytest.fixture
def faked_clock(tmp_path):
    """A clock that is right until it is set. Has to be named before what starts programs with it, so
    that these have ended when it does: the library leaves memory behind where a program came by
    exec, or was not ended by returning from `main`."""
    before = _left_in_memory()
    clock = FakedClock(tmp_path / "clock")
    clock.set(0)
    yield clock
    for file in filter(_belongs_to_nobody, _left_in_memory() - before):
        file.unlink(missing_ok=True)
