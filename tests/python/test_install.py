"""The package as pip installs it: without a network, with the library in each place it may be in."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pkgreg

from conftest import ROOT

PROGRAM = (
    "import pkgreg, pathlib, sys\n"
    "assert 'site-packages' in pkgreg.__file__, pkgreg.__file__\n"
    "with pkgreg.Registry('memory:') as registry:\n"
    "    print(registry.repository('a').push_blob(b'{}'))\n")


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300,
                          **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with the package in it, and without PKGREG_LIBRARY."""
    for module in ("pip", "setuptools", "wheel"):
        if importlib.util.find_spec(module) is None:
            missing = f"{module} is not installed (cmake/packages.sh test installs it)"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("venv")
    # A copy: building in the sources would leave files in them.
    sources = folder / "python"
    shutil.copytree(ROOT / "bindings" / "python", sources, ignore=shutil.ignore_patterns("build"))
    run(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", sources)
    return python


def variables(**more):
    kept = {name: value for name, value in os.environ.items()
            if name not in ("PKGREG_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")}
    return {**kept, **{name: str(value) for name, value in more.items()}}


def library():
    return Path(os.environ["PKGREG_LIBRARY"]).resolve()


def test_the_library_is_named(environment, tmp_path):
    named = variables(PKGREG_LIBRARY=library())
    assert run(environment, "-c", PROGRAM, cwd=tmp_path, env=named).startswith("sha256:44136f")


def test_the_library_is_installed(environment, tmp_path):
    (tmp_path / "libpkgreg.so.1").symlink_to(library())
    found = variables(LD_LIBRARY_PATH=tmp_path)
    assert run(environment, "-c", PROGRAM, cwd=tmp_path, env=found).startswith("sha256:44136f")


def test_the_library_lies_beside_the_package(environment, tmp_path):
    package = Path(run(environment, "-c", "import importlib.util as u; "
                       "print(u.find_spec('pkgreg').origin)", env=variables(), cwd=tmp_path)).parent
    beside = package / "libpkgreg.so.1"
    beside.symlink_to(library())
    try:
        assert run(environment, "-c", PROGRAM, cwd=tmp_path, env=variables()).startswith("sha256:")
    finally:
        beside.unlink()


def test_without_a_library_it_says_what_to_do(environment, tmp_path):
    failed = subprocess.run([environment, "-c", "import pkgreg"], capture_output=True, text=True,
                            cwd=tmp_path, env=variables(PKGREG_LIBRARY=tmp_path / "nowhere.so"))
    assert failed.returncode == 1 and "ImportError: cannot load" in failed.stderr
    assert "PKGREG_LIBRARY" in failed.stderr
    failed = subprocess.run([environment, "-c", "import pkgreg"], capture_output=True, text=True,
                            cwd=tmp_path, env=variables(PKGREG_LIBRARY="libc.so.6"))
    assert "ImportError: libc.so.6 is not the library" in failed.stderr


def test_the_plugin_comes_with_the_package(environment, tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(pkgreg_registry):\n"
                                         "    assert pkgreg_registry.url.startswith('http://')\n")
    out = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path / "test_it.py",
              cwd=tmp_path, env=variables(PKGREG_LIBRARY=library()))
    assert "1 passed" in out


def test_types_come_with_the_package(environment, tmp_path):
    origin = run(environment, "-c", "import importlib.util as u; print(u.find_spec('pkgreg').origin)",
                 env=variables(), cwd=tmp_path)
    assert (Path(origin.strip()).parent / "py.typed").exists()


def test_package_and_library_are_of_one_version():
    text = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.*)"$', text, re.MULTILINE)[1] == pkgreg.__version__
