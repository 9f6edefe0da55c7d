"""The library without its optional parts: built where the parts' libraries cannot be found, linked
with none of them, and honest about what is not there."""

from pathlib import Path

import pytest

from bundles import Bundle, metadata
from conftest import BUILT, environment
from images import images
from programs import BUILD, PKGREG, ROOT, run
from registry_server import RegistryServer

pytestmark = [pytest.mark.install, pytest.mark.slow]

CONSUMERS = Path(__file__).parent / "consumers"
OPTIONAL_LIBRARIES = ("libcurl", "libpugixml", "libarchive", "libz.", "libzstd", "libssl",
                      "libspdlog", "libfmt")


def same_flags():
    """The same flags as the build under test, so that the compiler cache has most of the objects."""
    cache = (BUILT / "CMakeCache.txt").read_text()
    return [f"-D{line}" for line in cache.splitlines()
            if line.startswith(("PKGREG_WERROR:", "CMAKE_BUILD_TYPE:", "PKGREG_SANITIZE:"))]


@pytest.fixture(scope="module")
def bare():
    """Two programs over a library without parts. The folder stays, so only what changed is built."""
    # Beside the release build: a compiler cache may compare paths relative to the folder.
    folder = BUILD / "bare"
    run("cmake", "-S", CONSUMERS / "bare", "-B", folder, "-G", "Ninja",
        f"-DPKGREG_SOURCE={ROOT}", *same_flags(), env=environment())
    # The compiler cache is the user's.
    run("cmake", "--build", folder, timeout=1800)
    return folder


def libraries(program):
    return run("ldd", program).stdout


def test_a_library_without_parts_is_linked_with_none_of_their_libraries(bare):
    for name in ("bare", "bare_c", "pkgreg/capi/libpkgreg.so.1"):
        linked = libraries(bare / name)
        assert not [library for library in OPTIONAL_LIBRARIES if library in linked], linked
    # The check would see them: the program has all parts.
    assert "libcurl" in libraries(PKGREG)


def test_what_is_there_works_and_what_is_missing_says_so(bare):
    assert run(bare / "bare", env=environment()).stdout.endswith("done\n")
    assert run(bare / "bare_c", env=environment()).stdout.startswith("sha256:")


def test_an_installed_library_without_parts_looks_for_none_of_their_libraries(bare, tmp_path):
    run("cmake", "--install", bare, "--prefix", tmp_path / "prefix", env=environment())
    hidden = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=TRUE"
              for name in ("CURL", "pugixml", "LibArchive", "ZLIB")]
    run("cmake", "-S", CONSUMERS / "cmake", "-B", tmp_path / "build", "-G", "Ninja", "-DPART=cxx",
        f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}", *hidden, env=environment())
    run("cmake", "--build", tmp_path / "build", env=environment(), timeout=300)
    assert run(tmp_path / "build" / "consumer", env=environment()).stdout.startswith("sha256:")


def test_a_package_of_another_build_still_holds_its_image(bare, tmp_path):
    layout = images()
    bundle = Bundle(metadata("hello", "1.0", docker={"main": "team/app:1"}))
    bundle.add_image("resource.assets.container.docker.main", layout, layout.root("image"))
    file = bundle.write(tmp_path / "hello.dcos")
    server = RegistryServer(tmp_path / "server", tmp_path / "storage")
    try:
        run(PKGREG, "add", f"--dcos-file={file}", "--server", f"http://{server.address}")
    finally:
        server.stop()
    done = run(bare / "bare", tmp_path / "storage", "team/app", env=environment())
    assert "IN_USE: " in done.stdout and done.stdout.endswith("done\n")
