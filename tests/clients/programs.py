"""Running the programs that the suites need: bounded in time, ended by process id, loud on failure.

Every process here dies with the test run (a parent-death signal), so that nothing is left behind
even when the run itself is killed.
"""

import os
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from secret_watch import watch

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PKGREG_BUILD", ROOT / "build"))
PKGREG = Path(os.environ.get("PKGREG_BIN", BUILD / "release" / "src" / "cli" / "pkgreg"))

# Where the clients of Debian's packages are; another docker may come first on PATH.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# A report of any of these in a server's output fails the test that ran it.
SANITIZER_REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")


def find_program(name):
    """The path of a program of Debian's packages, or None."""
    return shutil.which(name, path=SYSTEM_PATH)


def skip_if_instrumented():
    """Skips a test of memory: a sanitizer's own would be measured."""
    content = PKGREG.read_bytes()
    if b"__asan_init" in content or b"__tsan_init" in content:
        raise unittest.SkipTest("the program is built with a sanitizer")


def with_parent_death(signal_name, command):
    """The command, to be ended by `signal_name` when the thread that started it ends."""
    return ["/usr/bin/setpriv", f"--pdeathsig={signal_name}", "--", *map(str, command)]


def run(*command, env=None, cwd=None, timeout=120, check=True, input=None):
    """Runs a program to its end and gives back what it did; its output is part of any failure."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        with_parent_death("KILL", words), env=env, cwd=cwd, text=True, errors="replace",
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        stdout, stderr = process.communicate(input, timeout=timeout)
    except BaseException as error:
        process.kill()
        stdout, stderr = process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise AssertionError(
                f"{' '.join(words)}\ndid not end within {timeout} s\n{stdout}\n{stderr}") from None
        raise
    if words[0] == str(PKGREG):
        watch.said(f"the output of pkgreg {' '.join(words[1:3])}", stdout + stderr)
    done = subprocess.CompletedProcess(words, process.returncode, stdout, stderr)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\nended with {done.returncode}\n{stdout}\n{stderr}")
    return done


def wait_until(condition, what, timeout=20, pause=0.01):
    """Waits for `condition()` to be true and gives its value back."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(pause)


class Daemon:
    """A program that runs beside the test, its output in files. It gets the signal `death` when the
    test run dies."""

    def __init__(self, command, folder, name, env=None, death="TERM"):
        folder.mkdir(parents=True, exist_ok=True)
        self.stdout_file = folder / f"{name}.stdout"
        self.stderr_file = folder / f"{name}.stderr"
        self.command = [str(word) for word in command]
        with open(self.stdout_file, "wb") as out, open(self.stderr_file, "wb") as err:
            # A session of its own: Ctrl-C reaches the test run, which then ends its daemons in order.
            self.process = subprocess.Popen(
                with_parent_death(death, self.command), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env=env, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def stdout(self):
        return self.stdout_file.read_text(errors="replace")

    def stderr(self):
        return self.stderr_file.read_text(errors="replace")

    def output(self):
        return f"{' '.join(self.command)}\n{self.stdout()}{self.stderr()}"

    def wait_until(self, condition, what, timeout=20):
        """Waits like the function above, but not for a program that has ended."""
        def check():
            value = condition()
            if not value and not self.running():
                raise AssertionError(
                    f"ended with {self.process.returncode} before {what}\n{self.output()}")
            return value
        return wait_until(check, f"{what}\n{self.output()}", timeout)

    def kill(self):
        """Ends it at once, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self, timeout=30):
        """Asks it to end and gives its exit code back; kills it when it does not follow."""
        if self.running():
            self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"still running {timeout} s after SIGTERM\n{self.output()}") from None
