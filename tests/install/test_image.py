"""The container image: built by its recipe, run as the user that it names, pushed to and pulled from."""

import os
import re
import signal
from pathlib import Path

import pytest

from conftest import need
from container_tools import PRIVATE_VIEW, Podman, Skopeo
from images import closure, images
from programs import PKGREG, ROOT, Daemon, find_program, run

pytestmark = [pytest.mark.install, pytest.mark.image]

RECIPE = ROOT / "cmake" / "image"
TAG = "localhost/pkgreg:test"


def status_of(pid):
    return Path(f"/proc/{pid}/status").read_text()


def program_below(pid):
    """The process of the registry among those that `pid` started."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for thread in threads
                for child in (thread / "children").read_text().split()]
    for child in children:
        if status_of(child).startswith("Name:\tpkgreg\n"):
            return child
        found = program_below(child)
        if found:
            return found
    return None


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A storage of podman's that has the image."""
    need("buildah", "podman", "skopeo")
    if os.geteuid():
        pytest.skip("podman needs root")
    podman = Podman(tmp_path_factory.mktemp("image"))
    settings = podman.folder / "storage.conf"
    settings.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "/run/storage"\n'
                        f'graphroot = "{podman.folder}/root"\n')
    run("/bin/sh", PRIVATE_VIEW, podman.folder / "view", RECIPE / "build.sh", PKGREG, TAG,
        env={**podman.environment, "CONTAINERS_STORAGE_CONF": str(settings)}, timeout=300)
    return podman


def test_the_image_says_how_it_runs(built):
    config = built.image(TAG)["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["/usr/bin/pkgreg"]
    assert list(config["ExposedPorts"]) == ["5000/tcp"]
    assert list(config["Volumes"]) == ["/var/lib/pkgreg"]


def test_the_recipe_refuses_a_program_that_is_not_there(tmp_path):
    done = run(RECIPE / "build.sh", tmp_path / "none", TAG, check=False)
    assert done.returncode == 1 and "there is no program" in done.stderr
    assert run(RECIPE / "build.sh", check=False).returncode == 2


def test_the_registry_in_the_image_takes_and_gives_an_image(built, tmp_path):
    config = built.image(TAG)["Config"]
    command = [*config["Entrypoint"],
               *("127.0.0.1:0" if word == "0.0.0.0:5000" else word for word in config["Cmd"])]
    assert "127.0.0.1:0" in command
    container = built.buildah("from", "--pull-never", TAG).stdout.strip()
    # In the network of this machine, as buildah's steps in a chroot are; else it is a container.
    server = Daemon(["/bin/sh", PRIVATE_VIEW, built.folder / "view", find_program("buildah"),
                     *built.storage, "run", "--isolation", "chroot", container, "--", *command],
                    tmp_path / "server", "pkgreg", built.environment)
    try:
        server.wait_until(lambda: "\n" in server.stdout(), "its first line", timeout=60)
        address = re.search(r"http://(127\.0\.0\.1:\d+)", server.stdout())[1]
        skopeo = Skopeo(tmp_path, address)
        layout = images()
        skopeo.push(layout, "image", "team/app:1")
        back = skopeo.pull("team/app:1", tmp_path / "back", "1")
        assert closure(back, back.root("1")) == closure(layout, layout.root("image"))
        registry = program_below(server.pid)
        assert re.search(r"^Uid:\s+10001\s+10001\s", status_of(registry), re.MULTILINE)
        os.kill(registry, signal.SIGTERM)
        assert server.process.wait(60) == 0, server.output()
    finally:
        if server.running():
            server.terminate(60)
