"""`.dcos` bundles made by hand, after include/pkgreg/dcos/README.md, and packages to put into them."""

import hashlib
import json
import zipfile

from http_client import digest_of
from images import closure


def metadata(name="hello", version="1.0", uris=None, docker=None, **fields):
    """The metadata of a small package, packaging 4.0 unless `fields` say otherwise."""
    assets = {}
    if uris:
        assets["uris"] = uris
    if docker:
        assets["container"] = {"docker": docker}
    return {
        "packagingVersion": "4.0", "name": name, "version": version,
        "maintainer": "support@example.com", "description": f"Says \"hello\" as {name}",
        "tags": ["test"],
        "config": {"type": "object", "properties": {
            "greeting": {"type": "string", "description": "What it \"says\"", "default": "a \"b\""}}},
        "marathon": {"v2AppMustacheTemplate": "eyJpZCI6IiJ9"},
        **({"resource": {"assets": assets}} if assets else {}),
        **fields,
    }


class Bundle:
    """A bundle's parts; `write` makes the file."""

    def __init__(self, document):
        self.document = document
        self.resources, self.images = {}, {}

    def add_resource(self, asset, data, file):
        """`data` (bytes) stands for the asset, which is a path such as `resource.assets.uris.jar`."""
        self.resources[asset] = (data, file)
        return digest_of(data)

    def add_image(self, asset, layout, descriptor):
        self.images[asset] = (layout, descriptor)

    def write(self, path):
        text = json.dumps(self.document).encode()
        contents = {
            "formatVersion": 1, "metadata": digest_of(text),
            "resources": [{"asset": asset, "digest": digest_of(data), "size": len(data), "file": file}
                          for asset, (data, file) in self.resources.items()],
            "images": [{"asset": asset, **{key: descriptor[key] for key in ("mediaType", "digest", "size")}}
                       for asset, (_, descriptor) in self.images.items()],
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.writestr("metadata.json", text)
            archive.writestr("bundle.json", json.dumps(contents))
            for data in {digest_of(data): data for data, _ in self.resources.values()}.values():
                archive.writestr(f"resources/sha256/{hashlib.sha256(data).hexdigest()}", data)
            self._write_images(archive)
        return path

    def _write_images(self, archive):
        if not self.images:
            return
        roots = {descriptor["digest"]: descriptor for _, descriptor in self.images.values()}
        archive.writestr("images/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        archive.writestr("images/index.json", json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{key: root[key] for key in ("mediaType", "digest", "size")}
                          for root in roots.values()]}))
        written = set()
        for layout, descriptor in self.images.values():
            # Who announces comes before what is announced.
            for digest in ordered(layout, descriptor):
                if digest not in written:
                    written.add(digest)
                    archive.write(layout.blob_path(digest), f"images/blobs/{digest.replace(':', '/')}")


def ordered(layout, descriptor):
    """All digests that an image consists of, every manifest before what it refers to."""
    digests = [descriptor["digest"]]
    document = json.loads(layout.read(descriptor))
    for manifest in document.get("manifests", ()):
        digests += ordered(layout, manifest)
    if "config" in document:
        digests += [blob["digest"] for blob in (document["config"], *document["layers"])]
    assert set(digests) == closure(layout, descriptor)
    return digests
