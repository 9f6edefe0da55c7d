"""Real images without a network: OCI layouts written from files that are installed on this machine.

An image is built once and kept in the build folder under a name that stands for what went into it,
so a later run finds it there.
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from http_client import (DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER,
                         OCI_LAYER_GZIP, OCI_MANIFEST, digest_of, image_index, image_manifest)
from programs import BUILD

CACHE = BUILD / "clients" / "images"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"

# Folders of several thousand files together; each becomes a layer. They come with packages that
# building and testing need (cmake/packages.sh).
LAYER_SOURCES = ("/usr/share/cmake-3.25", "/usr/lib/python3.11", "/usr/include/c++/12",
                 "/usr/include/boost/asio")
COMPRESSORS = {OCI_LAYER: ("cat",), OCI_LAYER_GZIP: ("gzip", "-n", "-1"),
               OCI_LAYER_ZSTD: ("zstd", "-q", "-3", "-c")}
GIB = 1 << 30


class Layout:
    """An OCI image layout that is being written, or one that a client wrote."""

    def __init__(self, path):
        self.path = Path(path)

    @classmethod
    def create(cls, path):
        layout = cls(path)
        (layout.path / "blobs" / "sha256").mkdir(parents=True)
        (layout.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        layout._write_index([])
        return layout

    def index(self):
        return json.loads((self.path / "index.json").read_text())

    def _write_index(self, manifests):
        document = image_index(manifests)
        (self.path / "index.json").write_text(json.dumps(document))

    def blob_path(self, digest):
        return self.path / "blobs" / digest.replace(":", "/", 1)

    def blobs(self):
        """All digests in the layout, each checked against its bytes."""
        found = set()
        for file in (self.path / "blobs").glob("*/*"):
            digest = f"{file.parent.name}:{file.name}"
            assert file_digest(file) == digest, f"{file} has other bytes than its name says"
            found.add(digest)
        return found

    def read(self, descriptor):
        return self.blob_path(descriptor["digest"]).read_bytes()

    def root(self, tag):
        """The descriptor that a tag names."""
        for descriptor in self.index()["manifests"]:
            if descriptor.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag:
                return descriptor
        raise AssertionError(f"{self.path} has no {tag}: {self.index()}")

    def manifest(self, tag):
        return json.loads(self.read(self.root(tag)))

    def add_blob(self, media_type, data, **fields):
        digest = digest_of(data)
        self.blob_path(digest).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **fields}

    def add_json(self, media_type, document, **fields):
        return self.add_blob(media_type, json.dumps(document).encode(), **fields)

    def add_tree(self, source, media_type=OCI_LAYER_GZIP):
        """A layer of the files below `source`; gives its descriptor and its diff id."""
        source = str(source).lstrip("/")
        pack = ["tar", "-c", "-C", "/", "--sort=name", "--mtime=@0", "--owner=0", "--group=0",
                "--numeric-owner", "--format=posix",
                "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
                "--exclude=__pycache__", source]
        plain, packed = hashlib.sha256(), hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
            with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar, subprocess.Popen(
                    COMPRESSORS[media_type], stdin=subprocess.PIPE, stdout=file) as compressor:
                while chunk := tar.stdout.read(1 << 20):
                    plain.update(chunk)
                    compressor.stdin.write(chunk)
                compressor.stdin.close()
            assert tar.returncode == 0 and compressor.returncode == 0, source
        with open(file.name, "rb") as written:
            while chunk := written.read(1 << 20):
                packed.update(chunk)
        return self._adopt(file.name, media_type, packed.hexdigest()), f"sha256:{plain.hexdigest()}"

    def _adopt(self, file, media_type, digest_hex):
        digest = f"sha256:{digest_hex}"
        os.chmod(file, 0o644)
        os.replace(file, self.blob_path(digest))
        return {"mediaType": media_type, "digest": digest,
                "size": self.blob_path(digest).stat().st_size}

    def add_large_layer(self, size=GIB):
        """An uncompressed layer with one file of `size` bytes that no compressor makes smaller."""
        generator = random.Random(2)
        block = generator.randbytes(1 << 20)
        total = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
            def write(data):
                total.update(data)
                file.write(data)
            info = tarfile.TarInfo("data/large")
            info.size = size
            write(info.tobuf())
            for number in range(size >> 20):
                # Every block differs from the others, beyond any compressor's window.
                write(number.to_bytes(8, "big") + block[8:])
            write(bytes(10240 - 512))
        descriptor = self._adopt(file.name, OCI_LAYER, total.hexdigest())
        return descriptor, descriptor["digest"]

    def add_image(self, layers, architecture="amd64", media_type=OCI_MANIFEST, command=None,
                  **fields):
        """A config and a manifest over (descriptor, diff id) pairs; gives the manifest's descriptor."""
        config = {
            "created": "2024-01-01T00:00:00Z", "architecture": architecture, "os": "linux",
            "config": {"Cmd": command or ["/none"], "Env": ["PATH=/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"}
                        for n, _ in enumerate(layers)]}
        config_type = ("application/vnd.docker.container.image.v1+json"
                       if media_type == DOCKER_MANIFEST else OCI_CONFIG)
        if media_type == DOCKER_MANIFEST:
            layers = [({**layer, "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"},
                       diff_id) for layer, diff_id in layers]
        document = image_manifest(self.add_json(config_type, config),
                                  [layer for layer, _ in layers], media_type, **fields)
        return self.add_json(media_type, document)

    def tag(self, tag, descriptor):
        name = {"org.opencontainers.image.ref.name": tag}
        self._write_index(self.index()["manifests"] + [{**descriptor, "annotations": name}])


def file_digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def _sources_key():
    """Stands for the files that the layers are made of, and for the way they are made."""
    total = hashlib.sha256(Path(__file__).read_bytes())
    for source in LAYER_SOURCES:
        for folder, folders, files in os.walk(source):
            folders.sort()
            for name in sorted(files):
                path = os.path.join(folder, name)
                status = os.lstat(path)
                total.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return total.hexdigest()[:16]


def _kept(kind, key, make):
    """The layout that `make` writes, from the build folder when it is there already."""
    final = CACHE / f"{kind}-{key}"
    if not final.exists():
        for stale in CACHE.glob(f"{kind}-*"):
            shutil.rmtree(stale)
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=CACHE))
        make(Layout.create(unfinished / "layout"))
        os.replace(unfinished / "layout", final)
        unfinished.rmdir()
    return Layout(final)


def images():
    """The layout with all small images, by tag:

    image       four gzip layers
    zstd        the same files, zstd layers
    docker      the first layers in a Docker schema 2 manifest
    docker-list a Docker manifest list over it
    index       an index of two architectures that share a layer
    artifact    content that is no image, of media types of its own, attached to `image`
    """
    return _kept("images", _sources_key(), _make_images)


def _make_images(layout):
    layers = [layout.add_tree(source) for source in LAYER_SOURCES]
    image = layout.add_image(layers)
    layout.tag("image", image)
    layout.tag("zstd", layout.add_image(
        [layout.add_tree(source, OCI_LAYER_ZSTD) for source in LAYER_SOURCES[:2]]))
    docker = layout.add_image(layers[1:], media_type=DOCKER_MANIFEST)
    layout.tag("docker", docker)
    amd64 = {"architecture": "amd64", "os": "linux"}
    arm64 = {"architecture": "arm64", "os": "linux", "variant": "v8"}
    layout.tag("docker-list", layout.add_json(
        DOCKER_LIST, image_index([{**docker, "platform": amd64}], DOCKER_LIST)))
    layout.tag("index", layout.add_json(OCI_INDEX, image_index([
        {**layout.add_image(layers[:2]), "platform": amd64},
        {**layout.add_image([layers[1], layers[3]], "arm64"), "platform": arm64}])))
    layout.tag("artifact", layout.add_json(OCI_MANIFEST, {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.sbom",
        "config": layout.add_blob(OCI_EMPTY, b"{}"),
        "layers": [layout.add_blob("application/vnd.example.sbom.v1+text", b"made of files\n" * 99)],
        "subject": image, "annotations": {"org.example.made-by": "the tests"}}))


def large_image():
    """A layout whose tag `large` has one layer of 1 GiB."""
    return _kept("large", "1", lambda layout: layout.tag(
        "large", layout.add_image([layout.add_large_layer()])))


def docker_archive(path, tag):
    """An image as `docker save` writes it, at `path`; gives the digest of its config back."""
    layout = images()
    manifest = layout.manifest("image")
    config = layout.read(manifest["config"])
    with tarfile.open(path, "w") as archive, tempfile.TemporaryDirectory(dir=Path(path).parent) as tmp:
        names = []
        for number, layer in enumerate(manifest["layers"]):
            plain = Path(tmp) / f"{number}.tar"
            with open(plain, "wb") as out:
                subprocess.run(["gzip", "-dc", layout.blob_path(layer["digest"])], stdout=out,
                               check=True)
            names.append(f"{number}/layer.tar")
            archive.add(plain, names[-1])
        config_name = manifest["config"]["digest"].partition(":")[2] + ".json"
        for name, data in ((config_name, config), ("manifest.json", json.dumps(
                [{"Config": config_name, "RepoTags": [tag], "Layers": names}]).encode())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return manifest["config"]["digest"]


def closure(layout, descriptor):
    """The digests of a manifest and of all that it refers to, but for its subject."""
    found = {descriptor["digest"]}
    if descriptor["mediaType"] in (OCI_INDEX, DOCKER_LIST):
        for manifest in json.loads(layout.read(descriptor))["manifests"]:
            found |= closure(layout, manifest)
    elif descriptor["mediaType"] in (OCI_MANIFEST, DOCKER_MANIFEST):
        document = json.loads(layout.read(descriptor))
        found |= {part["digest"] for part in [document["config"], *document["layers"]]}
    return found


def write_dir(layout, tag, folder):
    """Writes what a tag names as skopeo's `dir:` has it, which also takes Docker's media types."""
    folder = Path(folder)
    folder.mkdir()
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    root = layout.root(tag)
    (folder / "manifest.json").write_bytes(layout.read(root))
    manifests = [root]
    if root["mediaType"] in (OCI_INDEX, DOCKER_LIST):
        manifests = json.loads(layout.read(root))["manifests"]
        for manifest in manifests:
            name = manifest["digest"].partition(":")[2] + ".manifest.json"
            (folder / name).write_bytes(layout.read(manifest))
    for manifest in manifests:
        document = json.loads(layout.read(manifest))
        for part in (document["config"], *document["layers"]):
            target = folder / part["digest"].partition(":")[2]
            if not target.exists():
                os.link(layout.blob_path(part["digest"]), target)
    return folder


def dir_contents(folder):
    """Name and digest of each file of a `dir:`, but for its version."""
    return {file.name: file_digest(file) for file in Path(folder).iterdir()
            if file.name != "version"}
