"""The examples of the READMEs: every block that says so is run as it stands.

A block is run when an HTML comment `<!-- test -->` is the line before it. `sh` blocks run in a
folder of the test; `cpp` and `c` blocks are compiled against the library and run; `python` blocks use the
package in bindings/python. Where an example needs a server, one listens on the port that the examples
use.
"""

import os
import re
import shutil
import socket

import pytest

from programs import BUILD, PKGREG, ROOT, SYSTEM_PATH, run

pytestmark = pytest.mark.readme

README = ROOT / "README.md"
PORT = 5000
BLOCK = re.compile(r"^<!-- test -->\n+```(sh|cpp|c|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PKG_LIBRARY = BUILD / "release" / "src" / "libpkgreg_cxx.a"


def blocks(language, file=README):
    """The marked blocks of one language, each named by the line that it begins in."""
    text = file.read_text() if file.exists() else ""
    return [pytest.param(match[2], id=f"line-{text.count(chr(10), 0, match.start(2)) + 1}")
            for match in BLOCK.finditer(text) if match[1] == language]


def environment(folder):
    return {"PATH": f"{PKGREG.parent}:{SYSTEM_PATH}", "HOME": str(folder), "LANG": "C.UTF-8",
            "_CONTAINERS_ROOTLESS_UID": "1000", "CI": "true"}


@pytest.mark.parametrize("block", blocks("sh"))
def test_a_shell_example_of_the_readme_works(block, servers, tmp_path):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            missing = f"port {PORT}, which the examples use, is taken on this machine"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    servers.start(listen=f"127.0.0.1:{PORT}")
    folder = tmp_path / "work"
    folder.mkdir()
    run("/bin/bash", "-euo", "pipefail", "-c", block, cwd=folder, env=environment(folder))


MANUAL = ROOT / "include" / "pkgreg" / "README.md"


@pytest.mark.parametrize("block", blocks("cpp") + blocks("cpp", MANUAL))
def test_a_cpp_example_of_the_readme_compiles_and_runs(block, tmp_path):
    source, program = tmp_path / "example.cpp", tmp_path / "example"
    source.write_text(block)
    compiler = [shutil.which("ccache", path=SYSTEM_PATH)] if shutil.which("ccache") else []
    run(*compiler, "g++", "-std=c++20", "-I", ROOT / "include", source, "-o", program, PKG_LIBRARY,
        "-lsimdjson", "-lpugixml", "-lcurl", "-lssl", "-lcrypto", "-larchive", "-lzstd", "-lz", "-lcrypt", "-pthread",
        timeout=300, env={**os.environ, "PATH": SYSTEM_PATH})
    run(program, cwd=tmp_path, timeout=60)


@pytest.mark.parametrize("block", blocks("c"))
def test_a_c_example_of_the_readme_compiles_and_runs(block, tmp_path):
    source, program = tmp_path / "example.c", tmp_path / "example"
    source.write_text(block)
    folder = BUILD / "release" / "capi"
    run("gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "capi", source,
        "-o", program, folder / "libpkgreg.so.1", f"-Wl,-rpath,{folder}", timeout=60)
    printed = run(program, cwd=tmp_path, timeout=60).stdout
    assert "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969, 5 bytes" in str(printed)


@pytest.mark.parametrize("block", blocks("python") + blocks("python", ROOT / "bindings/python/README.md"))
def test_a_python_example_works(block, tmp_path):
    program = tmp_path / "example.py"
    program.write_text(block)
    library = BUILD / "release" / "capi" / "libpkgreg.so.1"
    run("/usr/bin/python3", "-B", "-W", "error", program, cwd=tmp_path, timeout=60, env={
        **environment(tmp_path), "PYTHONPATH": str(ROOT / "bindings" / "python"),
        "PKGREG_LIBRARY": os.environ.get("PKGREG_LIBRARY", str(library))})
