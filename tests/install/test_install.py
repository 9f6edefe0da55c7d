"""What `cmake --install` makes: a stranger's program is built against it in every way there is. It
was moved after it was installed, so nothing can have worked by the path it was made for."""

import os
import re
import shutil
from pathlib import Path

import pytest

from conftest import BUILT, environment, need
from programs import BUILD, ROOT, run

pytestmark = pytest.mark.install

CONSUMERS = Path(__file__).parent / "consumers"
HELLO = "sha256:185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969\n"
C99 = ("gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")


def build_with_cmake(prefix, folder, part, check=True):
    done = run("cmake", "-S", CONSUMERS / "cmake", "-B", folder, "-G", "Ninja", f"-DPART={part}",
               f"-DCMAKE_PREFIX_PATH={prefix}", env=environment(), check=check)
    if done.returncode == 0:
        run("cmake", "--build", folder, env=environment(), timeout=300)
    return done


def test_a_cmake_project_in_cpp_finds_and_uses_the_static_library(prefix, tmp_path):
    build_with_cmake(prefix, tmp_path, "cxx")
    assert run(tmp_path / "consumer", env=environment()).stdout == HELLO


def test_a_cmake_project_in_c_needs_nothing_but_the_shared_library(prefix, tmp_path):
    build_with_cmake(prefix, tmp_path, "c")
    assert run(tmp_path / "consumer", env=environment()).stdout == HELLO


def test_without_components_a_project_gets_all_that_is_installed(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES CXX)\n"
        "find_package(pkgreg REQUIRED)\n"
        "foreach(target pkgreg::pkgreg pkgreg::c)\n    if(NOT TARGET ${target})\n"
        "        message(FATAL_ERROR \"there is no ${target}\")\n    endif()\nendforeach()\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        env=environment())


def test_pkg_config_tells_how_to_compile_and_link(prefix, tmp_path):
    need("pkg-config")
    where = environment(PKG_CONFIG_PATH=next(prefix.glob("lib*/**/pkgconfig")))
    flags = run("pkg-config", "--cflags", "--libs", "pkgreg", env=where).stdout.split()
    assert run("pkg-config", "--modversion", "pkgreg", env=where).stdout.count(".") == 2
    run(*C99, CONSUMERS / "registry.c", "-o", tmp_path / "consumer", *flags, env=environment())
    found = environment(LD_LIBRARY_PATH=next(prefix.glob("lib*/**/libpkgreg.so.1")).parent)
    assert run(tmp_path / "consumer", env=found).stdout == HELLO


def test_plain_c_needs_two_paths_and_a_library(prefix, tmp_path):
    library = next(prefix.glob("lib*/**/libpkgreg.so")).parent
    run(*C99, "-I", prefix / "include", CONSUMERS / "registry.c", "-o", tmp_path / "consumer",
        "-L", library, f"-Wl,-rpath,{library}", "-lpkgreg", env=environment())
    assert run(tmp_path / "consumer", env=environment()).stdout == HELLO


def test_python_finds_the_installed_library(prefix, tmp_path):
    source = ROOT / "bindings" / "python"
    if not source.exists():
        pytest.skip("there is no Python package in this version")
    need("pip3")
    # pip builds inside the source's folder.
    shutil.copytree(source, tmp_path / "source")
    run("/usr/bin/python3", "-m", "pip", "install", "--no-index", "--no-build-isolation",
        "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", tmp_path / "site",
        tmp_path / "source", env=environment(HOME=tmp_path))
    script = ("import pkgreg\n"
              "with pkgreg.Registry('memory:') as registry:\n"
              "    print(registry.repository('team/hello').push_blob(b'Hello'))\n")
    library = next(prefix.glob("lib*/**/libpkgreg.so.1"))
    done = run("/usr/bin/python3", "-B", "-c", script, cwd=tmp_path,
               env=environment(PYTHONPATH=tmp_path / "site", PKGREG_LIBRARY=library))
    assert done.stdout == HELLO


def test_the_installed_program_runs(prefix):
    assert "pkgreg" in run(prefix / "bin" / "pkgreg", "--version", env=environment()).stdout


def test_nothing_that_is_installed_tells_where_it_was_built(prefix):
    for path in prefix.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        for place in (str(ROOT), str(BUILD), str(prefix.parent)):
            assert place.encode() not in content, f"{path} names {place}"
        if content.startswith((b"\x7fELF", b"!<arch>")):
            # A compiler cache may have made the path a relative one.
            source = re.search(rb"[\w./-]*(src|include/pkgreg)/[\w/-]+\.[ch]pp", content)
            assert not source, f"{path} names {source.group().decode()}"
        if content.startswith(b"\x7fELF"):
            dynamic = run("readelf", "-d", path).stdout
            assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic), path


def test_a_component_alone_is_enough_and_says_what_is_not_there(tmp_path):
    need("cmake")
    for component in ("c", "c_runtime"):
        run("cmake", "--install", BUILT, "--prefix", tmp_path / "only-c", "--component", component,
            env=environment())
    assert not list((tmp_path / "only-c").rglob("*.a"))
    assert not list((tmp_path / "only-c").rglob("*.hpp"))
    build_with_cmake(tmp_path / "only-c", tmp_path / "c", "c")
    refused = build_with_cmake(tmp_path / "only-c", tmp_path / "cxx", "cxx", check=False)
    assert refused.returncode != 0
    assert "pkgreg has no component 'cxx' here" in " ".join(refused.stderr.split())


def test_a_project_that_wants_another_version_is_refused(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES C)\n"
        "find_package(pkgreg 7.0 REQUIRED COMPONENTS c)\n")
    done = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
               env=environment(), check=False)
    assert done.returncode != 0
    assert "compatible with requested version \"7.0\"" in " ".join(done.stderr.split())


def test_a_project_that_takes_it_as_a_folder_installs_nothing_of_it(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES C CXX)\n"
        f"add_subdirectory({ROOT} pkgreg)\n"
        "if(NOT TARGET pkgreg::pkgreg OR NOT TARGET pkgreg::c)\n"
        "    message(FATAL_ERROR \"a target is missing\")\nendif()\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", env=environment())
    script = (tmp_path / "build" / "cmake_install.cmake").read_text()
    assert "libpkgreg" not in script
    assert not os.path.exists(tmp_path / "build" / "pkgreg" / "tests")
