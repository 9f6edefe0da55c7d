"""Fixtures of the suites: servers on fresh directories, and the clients they need."""

import fcntl
import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faked_clock import faked_clock  # noqa: E402, F401
from http_client import Repository  # noqa: E402
from programs import BUILD, PKGREG, find_program  # noqa: E402
from registry_server import RegistryServer  # noqa: E402
from s3_servers import S3_SERVERS, BucketStorage  # noqa: E402
from secret_watch import watch  # noqa: E402

CLIENTS = {
    "skopeo": ("skopeo",),
    "podman": ("podman",),
    "buildah": ("buildah",),
    "umoci": ("umoci", "skopeo"),
    "containerd": ("containerd", "ctr", "runc"),
    "cfssl": ("cfssl",),
    "docker": ("dockerd", "docker", "containerd", "runc"),
    "nginx": ("nginx",),
    "attacks": ("slowhttptest",),
    "scanners": ("sslscan", "testssl"),
    "s3": S3_SERVERS["ceph"].programs,
    "swift": S3_SERVERS["swift"].programs,
}

# What a test with the marker `storages` can name, and the S3 server behind it.
STORAGES = {"directory": None, "s3": "ceph", "swift": "swift"}


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


def pytest_generate_tests(metafunc):
    """A test that is marked with `storages` runs over each of those, one after the other."""
    marker = metafunc.definition.get_closest_marker("storages")
    if marker is not None and "storage_kind" in metafunc.fixturenames:
        metafunc.parametrize("storage_kind", indirect=True, scope="module", argvalues=[
            pytest.param(kind, marks=getattr(pytest.mark, kind) if STORAGES[kind] else ())
            for kind in marker.args])


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


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """After the fixtures have ended what they started: no secret in anything that was said."""
    watch.check()


class S3Servers:
    """The S3 servers of this run, each started when a test needs it first."""

    def __init__(self, folder):
        self.folder, self.running, self.numbers = folder, {}, itertools.count()

    def storage(self, kind):
        """A place for a registry that nobody else uses."""
        name = STORAGES[kind]
        if name not in self.running:
            self.running[name] = S3_SERVERS[name](self.folder / name)
        server = self.running[name]
        return BucketStorage(server, server.bucket, f"registries/{next(self.numbers)}")

    def stop(self):
        for server in self.running.values():
            server.stop()


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory):
    started = S3Servers(tmp_path_factory.mktemp("s3"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def storage_kind(request):
    """What the registries of a test lie in; `storages` marks tests that run over several kinds."""
    return getattr(request, "param", "directory")


@pytest.fixture(scope="module")
def new_storage(storage_kind, s3_servers):
    """Gives a fresh storage at each call; a directory lies in the folder that is given."""
    if STORAGES[storage_kind]:
        return lambda _: s3_servers.storage(storage_kind)
    return lambda folder: folder / "storage"


class Servers:
    """Starts servers for one test or module and ends all of them afterwards."""

    def __init__(self, folder, new_storage, item=None):
        self.folder, self.new_storage = folder, new_storage
        self.started, self.numbers = [], itertools.count()
        if item is not None:
            item.registry_servers = self.started

    def start(self, *arguments, storage=None, listen="127.0.0.1:0", env=None):
        folder = self.folder / f"server-{next(self.numbers)}"
        server = RegistryServer(folder, storage or self.new_storage(folder), arguments, listen, env)
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
def servers(request, tmp_path, new_storage):
    """For tests that start servers themselves."""
    started = Servers(tmp_path, new_storage, request.node)
    yield started
    started.finish()


@pytest.fixture
def registry(servers):
    """A running server on a fresh storage."""
    return servers.start()


@pytest.fixture(scope="module")
def shared_registry(tmp_path_factory, new_storage):
    """A server that the tests of a module share, each with names of its own."""
    started = Servers(tmp_path_factory.mktemp("shared"), new_storage)
    yield started.start()
    started.finish()


@pytest.fixture
def repository(shared_registry, request):
    """A repository of the shared server that no other test uses."""
    name = request.node.name.replace("[", "-").replace("]", "").lower()
    safe = "".join(c if c.isalnum() else "-" for c in name).strip("-")
    return Repository(shared_registry.http, f"test/{safe}")
