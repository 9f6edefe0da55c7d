"""umoci: an image it built makes the round trip, is a valid layout, and unpacks to the same files."""

import filecmp
import json
from pathlib import Path

import pytest

from container_tools import Skopeo, clean_environment
from images import LAYER_SOURCES, Layout, closure, images
from programs import find_program, run

pytestmark = pytest.mark.umoci


@pytest.fixture
def umoci(tmp_path):
    environment = clean_environment(tmp_path / "umoci")
    return lambda *arguments: run(find_program("umoci"), *arguments, env=environment)


@pytest.fixture
def skopeo(tmp_path, registry):
    return Skopeo(tmp_path, registry.address)


def assert_same_files(expected, actual):
    """Both folders have the same files with the same bytes."""
    names = {path.relative_to(expected) for path in Path(expected).rglob("*")
             if "__pycache__" not in path.parts}
    assert names == {path.relative_to(actual) for path in Path(actual).rglob("*")}
    files = [str(name) for name in names
             if (expected / name).is_file() and not (expected / name).is_symlink()]
    _, different, unreadable = filecmp.cmpfiles(expected, actual, files, shallow=False)
    assert not different and not unreadable


def test_what_comes_back_unpacks_to_the_files_it_was_made_of(umoci, skopeo, tmp_path):
    skopeo.push(images(), "image", "library/image:1")
    back = skopeo.pull("library/image:1", tmp_path / "back", "image")
    umoci("unpack", "--image", f"{back.path}:image", tmp_path / "bundle")
    for source in LAYER_SOURCES:
        assert_same_files(Path(source), tmp_path / "bundle" / "rootfs" / source.lstrip("/"))


def test_an_image_that_umoci_built_makes_the_round_trip(umoci, skopeo, tmp_path):
    built = Layout(tmp_path / "built")
    umoci("init", "--layout", built.path)
    umoci("new", "--image", f"{built.path}:app")
    umoci("insert", "--image", f"{built.path}:app", LAYER_SOURCES[0], "/opt/data")
    umoci("config", "--image", f"{built.path}:app", "--config.env", "MADE_BY=umoci",
          "--architecture", "arm64")
    skopeo.push(built, "app", "made/app:1")
    back = skopeo.pull("made/app:1", tmp_path / "back", "app")
    assert back.root("app")["digest"] == built.root("app")["digest"]
    assert back.blobs() == closure(built, built.root("app"))
    assert json.loads(umoci("stat", "--image", f"{back.path}:app", "--json").stdout)["history"]
    umoci("unpack", "--image", f"{back.path}:app", tmp_path / "bundle")
    assert_same_files(Path(LAYER_SOURCES[0]), tmp_path / "bundle" / "rootfs" / "opt" / "data")


def test_a_changed_image_sends_only_its_new_layer(umoci, skopeo, registry, tmp_path):
    skopeo.push(images(), "image", "library/image:1")
    work = skopeo.pull("library/image:1", tmp_path / "work", "image")
    (tmp_path / "note").write_text("new\n")
    umoci("insert", "--image", f"{work.path}:image", tmp_path / "note", "/note")
    done = skopeo("--debug", "copy", "--preserve-digests", "--dest-tls-verify=false",
                  f"oci:{work.path}:image", skopeo.remote("library/image:2"))
    assert done.stderr.count('msg="PATCH ') == 2, "the new layer and the new config"
    back = skopeo.pull("library/image:2", tmp_path / "back", "image")
    assert back.root("image")["digest"] == work.root("image")["digest"]
    assert registry.http.get("/v2/library/image/tags/list").json()["tags"] == ["1", "2"]
