#!/usr/bin/python3
"""Runs a command beside a real S3 server of its own and ends with the command's exit code.

    with_s3_server.py ceph|swift COMMAND...

The command finds in its environment PKGREG_TEST_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY, _REGION and
_BUCKET, a bucket that is there and empty. Where the server is not installed the exit code is 77,
which CTest takes for a skipped test; in CI, where all must be installed, it is 1.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from programs import with_parent_death
from s3_servers import S3_SERVERS

SKIPPED = 77


def run(server, command):
    values = {"ENDPOINT": server.endpoint, "ACCESS_KEY": server.access_key,
              "SECRET_KEY": server.secret_key, "REGION": server.region,
              "BUCKET": server.bucket}
    process = subprocess.Popen(with_parent_death("KILL", command), env={
        **os.environ, **{f"PKGREG_TEST_S3_{name}": value for name, value in values.items()}})
    try:
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in S3_SERVERS:
        sys.exit(__doc__)
    kind, command = S3_SERVERS[sys.argv[1]], sys.argv[2:]
    if (missing := kind.missing()) is not None:
        print(f"{missing} is not installed (cmake/packages.sh test installs it)", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else SKIPPED)
    # Whoever asks it to end, what it started ends first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="pkgreg-s3-"))
    server = None
    try:
        server = kind(folder / kind.name)
        code = run(server, command)
    except KeyboardInterrupt:
        code = 130
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    # What a signal has ended is a failure like any other.
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
