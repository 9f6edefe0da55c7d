"""Fixtures of the suites: servers on fresh directories, and the clients they need."""

import fcntl
import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from http_client import Repository  # noqa: E402
from programs import BUILD, PKGREG, find_program  # noqa: E402
from registry_server import RegistryServer  # noqa: E402

CLIENTS = {
    "skopeo": ("skopeo",),
    "podman": ("podman",),
    "buildah": ("buildah",),
    "umoci": ("umoci", "skopeo"),
    "containerd": ("containerd", "ctr", "runc"),
    "docker": ("dockerd", "docker", "containerd", "runc"),
}


def use_work_folder(folder):
    """Claims the folder for this run; it is emptied at the beginning of each."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    claim = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise pytest.UsageError(f"another run is at work in {folder}; wait for it, or give this "
                                "one a folder of its own with --basetemp") from None
    return folder


def pytest_configure(config):
    # A run that is asked to end ends what it started, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if config.option.basetemp is None:
        config.option.basetemp = use_work_folder(BUILD / "clients" / "work")
    if not PKGREG.exists():
        raise pytest.UsageError(f"{PKGREG} is not there; build it, or set PKGREG_BIN")


def pytest_runtest_setup(item):
    """A client that is not installed skips its tests, except in CI, where all of them must be."""
    for marker in item.iter_markers():
        for program in CLIENTS.get(marker.name, ()):
            if find_program(program) is None:
                missing = f"{program} is not installed (cmake/packages.sh test installs it)"
                if os.environ.get("CI"):
                    pytest.fail(missing)
                pytest.skip(missing)
        if marker.name in ("podman", "buildah", "umoci", "containerd", "docker") and os.geteuid():
            pytest.skip(f"{marker.name} needs root")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the output of the test's servers into the report of its failure."""
    report = (yield).get_result()
    if report.failed:
        for server in getattr(item, "registry_servers", ()):
            report.sections.append(("pkgreg", server.daemon.output()[-8000:]))


class Servers:
    """Starts servers for one test or module and ends all of them afterwards."""

    def __init__(self, folder, item=None):
        self.folder, self.started, self.numbers = folder, [], itertools.count()
        if item is not None:
            item.registry_servers = self.started

    def start(self, *arguments, storage=None, listen="127.0.0.1:0", env=None):
        folder = self.folder / f"server-{next(self.numbers)}"
        server = RegistryServer(folder, storage or folder / "storage", arguments, listen, env)
        self.started.append(server)
        return server

    def finish(self):
        errors = []
        for server in reversed(self.started):
            try:
                server.finish()
            except AssertionError as error:
                errors.append(str(error))
        assert not errors, "\n".join(errors)


@pytest.fixture
def servers(request, tmp_path):
    """For tests that start servers themselves."""
    started = Servers(tmp_path, request.node)
    yield started
    started.finish()


@pytest.fixture
def registry(servers):
    """A running server on a fresh directory."""
    return servers.start()


@pytest.fixture(scope="module")
def shared_registry(tmp_path_factory):
    """A server that the tests of a module share, each with names of its own."""
    started = Servers(tmp_path_factory.mktemp("shared"))
    yield started.start()
    started.finish()


@pytest.fixture
def repository(shared_registry, request):
    """A repository of the shared server that no other test uses."""
    name = request.node.name.replace("[", "-").replace("]", "").lower()
    safe = "".join(c if c.isalnum() else "-" for c in name).strip("-")
    return Repository(shared_registry.http, f"test/{safe}")
