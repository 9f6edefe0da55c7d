"""The registry under test: one `pkgreg serve` on a free port of the loopback."""

import os
import re
import shutil
from pathlib import Path

from programs import PKGREG, SANITIZER_REPORTS, Daemon
from http_client import Http
from s3_servers import BucketStorage
from secret_watch import register, watch_file

LISTENING = re.compile(r"listening on https?://(127\.0\.0\.1|localhost|\[::1\]):(\d+)")


class RegistryServer:
    """A running server. `stop` checks that it ended as it should; `kill` is a crash. `storage` is what
    `--storage` is given: a folder, `memory:`, or a BucketStorage, which brings its keys."""

    def __init__(self, folder, storage, arguments=(), listen="127.0.0.1:0", env=None):
        self.folder = folder
        self.storage = storage
        if isinstance(storage, BucketStorage):
            env = storage.environment(os.environ if env is None else env)
            for key in storage.keys():
                register(key, "a key of the S3 server")
        self.daemon = Daemon(
            [PKGREG, "serve", "--storage", storage, "--listen", listen, *arguments],
            folder, "pkgreg", env)
        for file in (self.daemon.stdout_file, self.daemon.stderr_file):
            watch_file(file)
        # Sanitizers make the start slow; an instrumented binary still starts within seconds.
        try:
            self.daemon.wait_until(lambda: "\n" in self.daemon.stdout(), "its first line")
            first = self.daemon.stdout().splitlines()[0]
            match = LISTENING.fullmatch(first)
            assert match, f"the first line is {first!r}"
        except BaseException:
            self.daemon.kill()
            raise
        self.host, self.port = match[1].strip("[]"), int(match[2])
        self.address = f"{match[1]}:{self.port}"

    @property
    def http(self):
        """A client of this server; every request on a connection of its own."""
        return Http(self.host, self.port)

    def check_output(self):
        errors = self.daemon.stderr()
        for report in SANITIZER_REPORTS:
            assert report not in errors, errors
        if isinstance(self.storage, BucketStorage):
            output = self.daemon.stdout() + errors
            for secret in self.storage.secrets():
                assert secret not in output, f"a credential is in the output: {output}"

    def stop(self):
        """Ends the server in order: exit code 0 and no complaint of a sanitizer."""
        code = self.daemon.terminate()
        self.check_output()
        assert code == 0, f"the server ended with {code}\n{self.daemon.output()}"

    def kill(self):
        self.daemon.kill()
        self.check_output()

    def finish(self):
        """What a fixture does at its end: stop unless the test has done so, and free the room."""
        try:
            if self.daemon.running():
                self.stop()
        finally:
            if self.daemon.running():
                self.daemon.kill()
        if isinstance(self.storage, BucketStorage):
            self.storage.free()
        elif isinstance(self.storage, Path):
            shutil.rmtree(self.storage, ignore_errors=True)
