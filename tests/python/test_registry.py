"""Opening and closing, servers, logs, threads, forks: what holds a registry together."""

import contextlib
import gc
import io
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import pytest

import pkgreg
from content import bundle, digest_of, push_image


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


def resident():
    """In KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


# Opening and closing.

def test_a_directory_is_kept(tmp_path):
    for storage in (tmp_path / "storage", str(tmp_path / "storage"), os.fsencode(tmp_path / "storage")):
        with pkgreg.Registry(storage) as registry:
            registry.repository("app").push_blob(b"content")
    with pkgreg.Registry(options={"pkgreg": {"storage": str(tmp_path / "storage")}}) as registry:
        assert registry.repository("app").read_blob(digest_of(b"content")) == b"content"


def test_a_directory_is_open_once(tmp_path):
    with pkgreg.Registry(tmp_path):
        with pytest.raises(pkgreg.LockedError) as caught:
            pkgreg.Registry(tmp_path)
        assert isinstance(caught.value, OSError) and str(tmp_path) in str(caught.value)
    pkgreg.Registry(tmp_path).close()


def test_options_that_cannot_work_are_refused():
    for options in ({"no-such-option": 1}, "{", "[]"):
        with pytest.raises(pkgreg.InvalidOptionsError):
            pkgreg.Registry("memory:", options)
    with pytest.raises(TypeError):
        pkgreg.Registry(5)
    with pytest.raises(TypeError):
        pkgreg.Registry("memory:", 5)


def test_what_a_closed_registry_gave_says_so(tmp_path):
    registry = pkgreg.Registry(tmp_path)
    app = registry.repository("app")
    digest = app.push_blob(os.urandom(3 << 20))
    manifest = push_image(app, "v1")
    reader, upload, server = app.open_blob(digest), app.begin_upload(), registry.serve()
    response = registry.handle("GET", f"/v2/app/blobs/{digest}")
    small = registry.handle("GET", "/v2/app/manifests/v1")
    tags = app.tags()
    registry.close()
    registry.close()
    assert registry.closed and "closed" in repr(registry)
    for use in (lambda: reader.read(1), lambda: upload.write(b"x"), lambda: response.read(1),
                lambda: next(tags), lambda: app.push_blob(b"x"), lambda: app.manifest("v1"),
                lambda: registry.handle("GET", "/v2/"), lambda: registry.serve(),
                lambda: registry.on_progress(None), lambda: list(registry.packages)):
        with pytest.raises(pkgreg.ClosedError) as caught:
            use()
        assert isinstance(caught.value, ValueError)
    assert small.read() == manifest  # that lay in memory already
    with pytest.raises(urllib.error.URLError):
        fetch(server.url)
    for held in (reader, upload, response, server):
        held.close()


def test_a_registry_can_be_closed_while_it_is_used():
    for _ in range(20):
        registry = pkgreg.Registry("memory:")
        app = registry.repository("app")
        errors, begun = [], threading.Barrier(5)

        def use():
            begun.wait()
            try:
                while True:
                    app.push_blob(b"x" * 1000)
                    registry.handle("GET", "/v2/app/tags/list").read()
            except pkgreg.ClosedError as error:
                errors.append(error)

        users = [threading.Thread(target=use) for _ in range(4)]
        for user in users:
            user.start()
        begun.wait()
        registry.close()
        for user in users:
            user.join(20)
        assert len(errors) == 4


def test_what_is_not_closed_is_closed_with_a_warning(tmp_path):
    def leave():
        pkgreg.Registry(tmp_path)

    with pytest.warns(ResourceWarning, match="was not closed"):
        leave()
        gc.collect()
    pkgreg.Registry(tmp_path).close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_warnings_are_errors_it_is_closed_all_the_same(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pkgreg.Registry(tmp_path)
        gc.collect()
    pkgreg.Registry(tmp_path).close()


def test_a_program_that_ends_closes_what_is_open(tmp_path):
    program = (
        "import pkgreg, sys, threading, urllib.request, logging\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        "registry = pkgreg.Registry(sys.argv[1])\n"
        "server = registry.serve()\n"
        "reader = registry.repository('a').open_blob(registry.repository('a').push_blob(b'x' * 10**7))\n"
        "urllib.request.urlopen(server.url + '/v2/').read()\n"
        "print('end')\n")
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60,
                           capture_output=True, text=True, env=child_environment())
    assert (ended.returncode, ended.stdout) == (0, "end\n"), ended.stderr


def child_environment():
    return {**os.environ, "PYTHONPATH": str(Path(pkgreg.__file__).parents[1])}


def test_a_thousand_opens_and_ports_leave_nothing():
    def once():
        with pkgreg.Registry("memory:") as registry:
            registry.repository("app").push_blob(b"content")
            with registry.serve():
                pass

    for _ in range(100):
        once()
    gc.collect()
    before = descriptors(), threads(), resident()
    begun = time.monotonic()
    for _ in range(1000):
        once()
    each = (time.monotonic() - begun) / 1000
    gc.collect()
    assert (descriptors(), threads()) == before[:2]
    assert resident() - before[2] < 4096, "KiB more after a thousand opens"
    assert each < 0.05, f"{each * 1000} ms; what it takes on a quiet machine is measured by bench/"


# Servers.

def test_a_server_listens_until_it_is_left(registry, app):
    manifest = push_image(app, "v1")
    with registry.serve() as server:
        assert server.url.startswith("http://127.0.0.1:") and server.urls == [server.url]
        assert fetch(f"{server.url}/v2/team/app/manifests/v1") == manifest
        assert server.url in repr(server)
    with pytest.raises(urllib.error.URLError):
        fetch(server.url)
    assert server.stop() is True
    with pytest.raises(ValueError):
        server.stop(-1)


def test_a_server_can_be_told_where(registry, tmp_path):
    with registry.serve("[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
    with registry.serve(f"unix:{tmp_path}/socket"), socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/socket")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(pkgreg.LockedError, match=str(port)):
            registry.serve(f"127.0.0.1:{port}")
    with pytest.raises(pkgreg.InvalidOptionsError):
        registry.serve("nonsense")
    with pkgreg.Registry("memory:", {"pkgreg": {"listen": ["127.0.0.1:0"]}}) as other, other.serve(None) as server:
        assert fetch(f"{server.url}/v2/") is not None


def test_a_server_keeps_its_registry():
    server = pkgreg.Registry("memory:").serve()
    fetch(f"{server.url}/v2/")
    with pytest.warns(ResourceWarning):
        server.close()
        del server
        gc.collect()


def test_stopping_lets_transfers_finish(registry, app):
    digest = app.push_blob(b"x" * (20 << 20))
    server = registry.serve()
    host, port = server.url.rpartition("/")[2].split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        client.recv(1000)
        # Nobody reads on: this transfer has to be cut off.
        assert server.stop(0.05) is False
    server.close()


# Logs.

class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelno, record.getMessage()))


def logger(handler, level=logging.DEBUG):
    made = logging.Logger("of a test", level)
    made.addHandler(handler)
    return made


def damaged(folder):
    """A directory with a package whose record is not what was written: worth a line of the log."""
    with pkgreg.Registry(folder) as registry:
        before = {path for path in folder.rglob("*") if path.is_file()}
        registry.packages.add(bundle())
        for path in {path for path in folder.rglob("*") if path.is_file()} - before:
            if "packages" in path.relative_to(folder).parts:
                path.write_bytes(b"no record")
    return folder


def ask_for_packages(registry):
    return registry.handle("GET", "/repo", {"Host": "registry.example.com"})


def test_the_log_goes_to_a_logger(tmp_path):
    kept = Kept()
    with pkgreg.Registry(damaged(tmp_path), logger=logger(kept)) as registry:
        ask_for_packages(registry)
    level, line = kept.lines[0]
    assert level == logging.ERROR and "hello" in line


def test_the_log_goes_to_the_logger_of_the_package(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, "pkgreg"), pkgreg.Registry(damaged(tmp_path)) as registry:
        ask_for_packages(registry)
    assert [record.name for record in caplog.records] == ["pkgreg"]
    caplog.clear()
    with caplog.at_level(logging.CRITICAL, "pkgreg"), pkgreg.Registry(tmp_path) as registry:
        ask_for_packages(registry)
    assert not caplog.records


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_log_handler_that_raises_harms_nobody(tmp_path):
    calls = []

    class Raising(logging.Handler):
        def emit(self, record):
            calls.append(record)
            raise RuntimeError("mine")

    with pkgreg.Registry(damaged(tmp_path), logger=logger(Raising())) as registry:
        ask_for_packages(registry)
        assert registry.repository("app").push_blob(b"x") == digest_of(b"x")
    assert calls


def test_a_log_handler_cannot_wait_for_the_library(tmp_path):
    refused = []

    class Asking(logging.Handler):
        def emit(self, record):
            for use in (registry.close, lambda: registry.handle("GET", "/v2/")):
                try:
                    use()
                except pkgreg.WouldDeadlockError as error:
                    refused.append(error)

    registry = pkgreg.Registry(damaged(tmp_path), logger=logger(Asking()))
    ask_for_packages(registry)
    registry.close()
    assert len(refused) == 2


def test_what_reads_for_a_call_cannot_close(registry, app):
    class Closing:
        refused = 0

        def read(self, size):
            if self.refused:
                return b""
            try:
                registry.close()
            except pkgreg.WouldDeadlockError as error:
                assert "another thread" in str(error)
                self.refused += 1
            return b"content"

    file = Closing()
    assert app.push_blob(file) == digest_of(b"content") and file.refused == 1
    assert not registry.closed


def test_closing_waits_for_who_would_close(registry, app):
    """The one inside a call is refused as long as nobody closes, so neither waits for the other."""
    begun, refused = threading.Event(), []

    class Closing:
        def read(self, size):
            begun.set()
            while True:
                try:
                    registry.close()
                    return b""  # the other thread has begun to
                except pkgreg.WouldDeadlockError as error:
                    refused.append(error)
                    time.sleep(0.001)

    def push():
        with contextlib.suppress(pkgreg.ClosedError):
            app.push_blob(Closing())

    pusher = threading.Thread(target=push)
    pusher.start()
    begun.wait(20)
    time.sleep(0.05)
    registry.close()
    pusher.join(20)
    assert not pusher.is_alive() and refused


def test_a_server_whose_last_reference_goes_on_its_own_thread_is_stopped(tmp_path):
    held, threads_that_dropped = [], []

    class Dropping(logging.Handler):
        def emit(self, record):
            threads_that_dropped.append(threading.get_ident())
            held.clear()

    storage = damaged(tmp_path / "a")
    held.append(pkgreg.Registry(storage, logger=logger(Dropping())).serve())
    with warnings.catch_warnings():
        # The server holds the registry, which is closed with it, on whatever thread.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            fetch(f"{held[0].url}/repo")
        except OSError:
            pass  # the server may be gone before it has answered
        deadline = time.monotonic() + 20
        while True:
            try:
                pkgreg.Registry(storage).close()
                break
            except pkgreg.LockedError:
                assert time.monotonic() < deadline, "it was never closed"
                time.sleep(0.01)
    assert threads_that_dropped and threading.get_ident() not in threads_that_dropped


# Threads and forks.

def test_threads_use_it_at_once(any_registry):
    app = any_registry.repository("app")
    problems = []

    def use(number):
        try:
            for turn in range(30):
                data = f"{number} {turn} ".encode() * 1000
                digest = app.push_blob(io.BytesIO(data) if turn % 2 else data)
                assert app.read_blob(digest) == data
                assert any_registry.handle("GET", f"/v2/app/blobs/{digest}").read() == data
                push_image(app, f"t{number}-{turn}", data)
        except BaseException:
            problems.append(traceback.format_exc())

    users = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join(60)
    assert not problems, problems[0]
    assert len(list(app.tags())) == 240


def test_other_threads_run_during_a_call(app):
    """The interpreter's lock is not held while the library works or waits for a reader."""
    released, counted = threading.Event(), []

    class Waiting:
        calls = 0

        def read(self, size):
            self.calls += 1
            if self.calls == 1:
                assert released.wait(20), "no other thread ran"
                return b"x"
            return b""

    def count():
        counted.append(app.push_blob(b"another"))
        released.set()

    other = threading.Thread(target=count)
    other.start()
    app.push_blob(Waiting())
    other.join(20)
    assert counted


def in_child(action):
    """Runs it in a forked child; gives what went wrong there, or nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        message = b""
        try:
            action()
        except BaseException:
            message = traceback.format_exc().encode()
        os.write(writing, message)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        message = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return message.decode()


def test_a_forked_child_opens_anew(tmp_path):
    registry = pkgreg.Registry(tmp_path / "storage")
    app = registry.repository("app")
    digest = app.push_blob(b"x" * 1_000_000)
    reader, upload, server = app.open_blob(digest), app.begin_upload(), registry.serve()
    response = registry.handle("GET", f"/v2/app/blobs/{digest}")

    def child():
        for use in (lambda: app.read_blob(digest), lambda: reader.read(1), lambda: upload.write(b"x"),
                    lambda: registry.handle("GET", "/v2/"), lambda: response.read(1),
                    lambda: registry.serve(), lambda: server.stop()):
            with pytest.raises(pkgreg.ForkedError) as caught:
                use()
            assert isinstance(caught.value, RuntimeError)
        for held in (reader, upload, response, server, registry):
            held.close()
        with pytest.raises(pkgreg.LockedError):
            pkgreg.Registry(tmp_path / "storage")  # the parent's
        with pkgreg.Registry("memory:") as own, own.serve() as served:
            assert own.repository("a").push_blob(b"x") == digest_of(b"x")
            fetch(f"{served.url}/v2/")

    assert in_child(child) == ""
    # The parent was not disturbed.
    assert reader.read(1) == b"x" and upload.write(b"x") == 1 and response.read(1) == b"x"
    fetch(f"{server.url}/v2/")
    with pytest.raises(pkgreg.LockedError):
        pkgreg.Registry(tmp_path / "storage")
    for held in (reader, upload, response, server, registry):
        held.close()


def test_calls_in_the_parent_go_on_after_a_fork_beside_them(registry, app):
    ended, problems = threading.Event(), []

    def use():
        try:
            while not ended.is_set():
                app.push_blob(b"x" * 10000)
        except BaseException as error:
            problems.append(error)

    user = threading.Thread(target=use)
    user.start()
    try:
        for _ in range(20):
            assert in_child(lambda: pkgreg.Registry("memory:").close()) == ""
    finally:
        ended.set()
        user.join(20)
    assert not problems
