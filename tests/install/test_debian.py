"""The Debian packages: made by CPack, looked at with dpkg's own tools, and unpacked into an empty
root in which the program runs."""

import json
import os
import re
import shutil

import pytest

from conftest import BUILT, environment, need
from programs import BUILD, ROOT, run

pytestmark = [pytest.mark.install, pytest.mark.slow]

UNIT = ROOT / "cmake" / "debian" / "pkgreg.service"


@pytest.fixture(scope="module")
def packages():
    """The packages by their names. The folder stays, so only what changed is built."""
    need("dpkg-deb", "dpkg-shlibdeps")
    folder = BUILD / "package"
    cache = (BUILT / "CMakeCache.txt").read_text()
    werror = re.search(r"^PKGREG_WERROR:BOOL=(\w+)$", cache, re.MULTILINE)[1]
    run("cmake", "--preset", "package", "-B", folder, f"-DPKGREG_WERROR={werror}", cwd=ROOT,
        env=environment())
    run("cmake", "--build", folder, timeout=1800)
    for old in folder.glob("*.deb"):
        old.unlink()
    run("cpack", "--config", folder / "CPackConfig.cmake", "-B", folder, cwd=folder,
        env=environment(), timeout=300)
    return {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}


def content(package):
    """What dpkg lists of a package: path by path its mode and owner."""
    lines = run("dpkg-deb", "-c", package).stdout.splitlines()
    listed = {}
    for line in lines:
        fields = line.split(maxsplit=5)
        listed[fields[5].split(" -> ")[0].removeprefix(".").rstrip("/")] = fields[:2]
    return listed


def field(package, name):
    return run("dpkg-deb", "-f", package, name).stdout.strip()


def unpack(packages, root, *names):
    for name in names:
        run("dpkg", "-x", packages[name], root)
    return root


def test_each_package_has_its_own_files(packages):
    names = ("pkgreg", "libpkgreg1", "libpkgreg-dev", "python3-pkgreg")
    assert sorted(packages) == sorted(names)
    program, library, development, python = (content(packages[name]) for name in names)
    assert {"/usr/bin/pkgreg", "/usr/lib/systemd/system/pkgreg.service",
            "/etc/pkgreg/options.json", "/usr/share/doc/pkgreg/copyright"} <= program.keys()
    assert any(re.fullmatch(r"/usr/lib/.*/libpkgreg\.so\.1", path) for path in library)
    assert {"/usr/include/pkgreg.h", "/usr/include/pkgreg/registry.hpp"} <= development.keys()
    assert any(path.endswith("/libpkgreg_cxx.a") for path in development)
    assert any(path.endswith("/libpkgreg.so") for path in development)
    assert "/usr/lib/python3/dist-packages/pkgreg/py.typed" in python
    files = [path for listed in (program, library, development, python)
             for path, (mode, _) in listed.items() if not mode.startswith("d")]
    assert len(files) == len(set(files)), "two packages have the same file"
    for listed in (program, library, development, python):
        for path, (mode, owner) in listed.items():
            assert owner == "root/root", path
            assert mode.startswith("l") or mode[8] != "w", f"{path} can be written by anyone"


def test_dependencies_are_those_that_the_program_was_linked_with(packages):
    depends = field(packages["pkgreg"], "Depends")
    for name in ("libc6", "libcurl4", "libssl3", "libarchive13", "adduser"):
        assert re.search(rf"\b{name}\b", depends), depends
    assert "libpkgreg1 (= " in field(packages["libpkgreg-dev"], "Depends")
    for package in packages.values():
        summary, text = field(package, "Description").split("\n", 1)
        assert summary == "registry of container images and DC/OS packages" and text.strip()
    assert field(packages["pkgreg"], "Architecture") == run(
        "dpkg", "--print-architecture").stdout.strip()


def test_the_options_are_a_configuration_file_that_dpkg_keeps(packages, tmp_path):
    run("dpkg-deb", "-e", packages["pkgreg"], tmp_path)
    assert (tmp_path / "conffiles").read_text() == "/etc/pkgreg/options.json\n"
    if not os.geteuid():
        # As dpkg itself takes it, into a root that has nothing; its dependencies are not there.
        database = tmp_path / "root" / "var" / "lib" / "dpkg"
        for folder in ("info", "updates"):
            (database / folder).mkdir(parents=True)
        (database / "status").touch()
        root = f"--root={tmp_path / 'root'}"
        run("dpkg", root, "--force-depends", "--unpack", packages["pkgreg"])
        status = run("dpkg", root, "-s", "pkgreg").stdout
        assert "Status: install ok unpacked" in status
        assert "/etc/pkgreg/options.json newconffile" in status
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(tmp_path / script, os.X_OK)
        run("/bin/sh", "-n", tmp_path / script)


def test_the_program_runs_in_an_empty_root(packages, tmp_path):
    root = unpack(packages, tmp_path / "root", "pkgreg", "libpkgreg1", "libpkgreg-dev")
    program = root / "usr" / "bin" / "pkgreg"
    options = root / "etc" / "pkgreg" / "options.json"
    assert json.loads(options.read_text())["pkgreg"]["storage"] == "/var/lib/pkgreg"
    if os.geteuid():
        pytest.skip("chroot needs root")
    for line in run("ldd", program).stdout.splitlines():
        library = re.search(r"(/\S+) \(0x", line)
        if library:
            target = root / library[1].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library[1], target)
    inside = ("/usr/sbin/chroot", "--userspec=65534:65534", root, "/usr/bin/pkgreg")
    assert "pkgreg" in run(*inside, "--version", env=environment()).stdout
    checked = run(*inside, "options", "check", "/etc/pkgreg/options.json", env=environment())
    assert json.loads(checked.stdout)["pkgreg"]["storage"] == "/var/lib/pkgreg"


def test_a_program_is_built_against_the_unpacked_packages(packages, tmp_path):
    root = unpack(packages, tmp_path / "root", "libpkgreg1", "libpkgreg-dev")
    where = environment(PKG_CONFIG_PATH=next(root.rglob("pkgconfig")))
    flags = run("pkg-config", "--cflags", "--libs", "pkgreg", env=where).stdout.split()
    source = ROOT / "tests" / "install" / "consumers" / "registry.c"
    run("gcc", "-std=c99", source, "-o", tmp_path / "consumer", *flags, env=environment())
    found = environment(LD_LIBRARY_PATH=next(root.rglob("libpkgreg.so.1")).parent)
    assert run(tmp_path / "consumer", env=found).stdout.startswith("sha256:")


def test_python_uses_the_unpacked_packages(packages, tmp_path):
    root = unpack(packages, tmp_path / "root", "libpkgreg1", "python3-pkgreg")
    found = environment(LD_LIBRARY_PATH=next(root.rglob("libpkgreg.so.1")).parent,
                        PYTHONPATH=root / "usr" / "lib" / "python3" / "dist-packages")
    script = "import pkgreg\nwith pkgreg.Registry('memory:') as registry: print(registry.packages)"
    run("/usr/bin/python3", "-B", "-c", script, cwd=tmp_path, env=found)


def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path):
    need("systemd-analyze")
    # It wants to see the program that the unit starts.
    root = tmp_path / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "pkgreg").write_text("#!/bin/sh\n")
    (root / "usr" / "bin" / "pkgreg").chmod(0o755)
    unit = root / "pkgreg.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/pkgreg", f"{root}/usr/bin/pkgreg", 1))
    verified = run("systemd-analyze", "verify", unit, check=False)
    complaints = [line for line in (verified.stdout + verified.stderr).splitlines()
                  if "pkgreg" in line]
    assert verified.returncode == 0 and not complaints, verified.stderr
    # From 0 (nothing exposed) to 10; above 2 something that can be closed is open.
    rated = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit, check=False)
    assert rated.returncode == 0, rated.stdout + rated.stderr
