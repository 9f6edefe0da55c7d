"""Content to push: images, digests, and a small bundle."""

import hashlib
import io
import json
import zipfile

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


UNKNOWN = digest_of(b"nobody has this")


def descriptor(data, media_type="application/octet-stream", **more):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def push_image(repository, tag, layer=b"the layer", **fields):
    """An image with an empty config and a layer. Gives its manifest's bytes."""
    repository.push_blob(b"{}")
    repository.push_blob(layer)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar")], **fields}).encode()
    assert repository.put_manifest(manifest, tag) == digest_of(manifest)
    return manifest


def bundle(name="hello", version="1.0", description="Says hello"):
    """A package without assets, as the bytes of a `.dcos` file."""
    metadata = json.dumps({
        "packagingVersion": "4.0", "name": name, "version": version, "description": description,
        "maintainer": "support@example.com", "tags": ["test"],
        "marathon": {"v2AppMustacheTemplate": "eyJpZCI6IiJ9"}}).encode()
    contents = {"formatVersion": 1, "metadata": digest_of(metadata), "resources": [], "images": []}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", metadata)
        archive.writestr("bundle.json", json.dumps(contents))
    return file.getvalue()
