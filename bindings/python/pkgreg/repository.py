"""Repositories: blobs, manifests, tags and referrers under one name."""

from __future__ import annotations

import json
import os
from ctypes import byref, c_void_p, create_string_buffer
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional, Sequence, Union

from . import _library, blobs
from ._calls import bytes_of, call, json_text, pages, str_of, text
from ._content import Content, exported
from ._library import DIGEST_SIZE, lib
from .blobs import BlobInfo, BlobReader, Upload
from .errors import BlobUnknownError, ManifestUnknownError

if TYPE_CHECKING:
    from .registry import Registry

FilePath = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Manifest:
    """A manifest; `data` is exactly what was pushed."""

    digest: str
    media_type: str
    data: bytes

    def json(self) -> Dict[str, Any]:
        document: Dict[str, Any] = json.loads(self.data)
        return document


class Repository:
    """What lies under one name of a registry. It need not exist: the first push makes it.

    Names, digests and tags are texts, as in the protocol: a `reference` is a tag or a digest. Any
    thread may use it.
    """

    __slots__ = ("registry", "name")

    def __init__(self, registry: "Registry", name: str) -> None:
        self.registry = registry
        self.name = name

    def __repr__(self) -> str:
        return f"<pkgreg.Repository {self.name!r}>"

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Repository) and self.registry is other.registry
                and self.name == other.name)

    def __hash__(self) -> int:
        return hash((id(self.registry), self.name))

    # Blobs.

    def push_blob(self, content: Content, *, digest: Optional[str] = None,
                  algorithm: str = "sha256") -> str:
        """Stores a blob, durable when this returns. Returns its digest.

        Args:
            content: bytes (any buffer), a path, or a binary file that is read from its position on.
            digest: what it must hash to, else `DigestInvalidError`.
            algorithm: "sha256" or "sha512": what it is named by where no digest is given.
        """
        if digest is not None:
            algorithm = digest.partition(":")[0] if ":" in digest else algorithm
        return blobs.push(self.registry, self.name, content, digest, algorithm).digest

    def stat_blob(self, digest: str) -> BlobInfo:
        """Raises `BlobUnknownError`."""
        info = _library.BlobInfo()
        call(lib.pkgreg_blob_stat, self.registry._key, *text(self.name), *text(digest), byref(info))
        return blobs.info_of(info)

    def has_blob(self, digest: str) -> bool:
        try:
            self.stat_blob(digest)
            return True
        except BlobUnknownError:
            return False

    def open_blob(self, digest: str, start: int = 0, stop: Optional[int] = None) -> BlobReader:
        """A blob as a binary file, or the bytes from `start` up to, not including, `stop`.

        Raises `BlobUnknownError`, and `RangeInvalidError` where it has no byte at `start`.
        """
        return BlobReader(self.registry, self.name, digest, start, stop)

    def read_blob(self, digest: str) -> bytes:
        """A whole blob."""
        with self.open_blob(digest) as reader:
            return reader.readall()

    def mount_blob(self, digest: str, source: Union["Repository", str, None] = None) -> BlobInfo:
        """Lets this repository serve a blob of another one; without `source`, of any."""
        name = source.name if isinstance(source, Repository) else source
        info = _library.BlobInfo()
        call(lib.pkgreg_blob_mount, self.registry._key, *text(self.name), *text(digest),
             *text(name), byref(info))
        return blobs.info_of(info)

    def delete_blob(self, digest: str) -> None:
        """Raises `BlobUnknownError`, and `InUseError` while a manifest refers to it."""
        call(lib.pkgreg_blob_delete, self.registry._key, *text(self.name), *text(digest))

    def begin_upload(self, algorithm: str = "sha256") -> Upload:
        """Begins a blob that comes in pieces."""
        return Upload.begin(self.registry, self.name, algorithm)

    def resume_upload(self, upload_id: str) -> Upload:
        """Goes on with one. Raises `BlobUploadUnknownError`."""
        return Upload.resume(self.registry, self.name, upload_id)

    # Manifests, tags, referrers.

    def put_manifest(self, manifest: Union[bytes, bytearray, memoryview, str, Mapping[str, Any]],
                     reference: Optional[str] = None, media_type: Optional[str] = None) -> str:
        """Stores a manifest, and points `reference` at it where that is a tag. Returns its digest.

        Args:
            manifest: its bytes, its text, or what to encode as JSON.
            reference: a tag or a digest; None: it is known by its SHA-256 alone.
            media_type: None: the one that the manifest names.

        Raises `ManifestInvalidError`, and `ManifestBlobUnknownError` for what it refers to and the
        repository lacks.
        """
        if isinstance(manifest, Mapping):
            manifest = json.dumps(manifest, separators=(",", ":"))
        data = manifest.encode() if isinstance(manifest, str) else manifest
        digest = create_string_buffer(DIGEST_SIZE)
        with exported(data) as (address, size):
            call(lib.pkgreg_manifest_put, self.registry._key, *text(self.name), *text(reference),
                 *text(media_type), address, size, digest)
        return digest.value.decode()

    def manifest(self, reference: str) -> Manifest:
        """Raises `ManifestUnknownError`."""
        handle = c_void_p()
        call(lib.pkgreg_manifest_get, self.registry._key, *text(self.name), *text(reference),
             byref(handle))
        try:
            return Manifest(str_of(lib.pkgreg_manifest_digest, handle),
                            str_of(lib.pkgreg_manifest_media_type, handle),
                            bytes_of(lib.pkgreg_manifest_bytes, handle) or b"")
        finally:
            lib.pkgreg_manifest_free(handle)

    def has_manifest(self, reference: str) -> bool:
        try:
            self.manifest(reference)
            return True
        except ManifestUnknownError:
            return False

    def delete_manifest(self, reference: str) -> None:
        """Removes a tag, or, by its digest, a manifest with all its tags."""
        call(lib.pkgreg_manifest_delete, self.registry._key, *text(self.name), *text(reference))

    def tags(self, *, after: Optional[str] = None, page_size: int = 1000) -> Iterator[str]:
        """All tags behind `after`, in byte order; pages are asked for as they are needed.

        Raises `NameUnknownError`, when the first one is taken.
        """
        name = text(self.name)
        last = after

        def fetch(position: Any, size: int, place: Any) -> None:
            behind = text(last) if position[0] is None else position
            call(lib.pkgreg_tags, self.registry._key, *name, *behind, size, place)

        return pages(fetch, page_size)

    def referrers(self, digest: str, *, artifact_type: Optional[str] = None,
                  page_size: int = 1000) -> Iterator[Dict[str, Any]]:
        """Descriptors of the manifests whose subject is `digest`."""
        name, subject, kind = text(self.name), text(digest), text(artifact_type)

        def fetch(position: Any, size: int, place: Any) -> None:
            call(lib.pkgreg_referrers, self.registry._key, *name, *subject, *kind, *position, size,
                 place)

        return (json.loads(item) for item in pages(fetch, page_size))

    def delete(self) -> None:
        """Removes everything that the repository has. Raises `NameUnknownError`."""
        call(lib.pkgreg_repository_delete, self.registry._key, *text(self.name))

    # Copies.

    def pull(self, source: str, tag: Optional[str] = None, *, username: Optional[str] = None,
             password: Optional[str] = None, ca: Optional[FilePath] = None,
             platforms: Optional[Sequence[str]] = None) -> str:
        """Copies an image, with all that it refers to, from another registry. Returns its digest.

        Args:
            source: "registry.example.com/team/app:1.2", or with "@sha256:…"; "http://" in front for
                a registry without TLS.
            tag: what it is called here; None: it is known by its digest.
            ca: PEM file of authorities to trust beside the system's.
            platforms: which images of an index to copy, as "os/arch[/variant]"; None: all.
        """
        digest = create_string_buffer(DIGEST_SIZE)
        options = _remote_options(username, password, ca, platforms)
        with self.registry._callbacks():
            call(lib.pkgreg_pull, self.registry._key, *text(source), *text(self.name), *text(tag),
                 *json_text(options), digest)
        return digest.value.decode()

    def push(self, target: str, reference: str = "latest", *, username: Optional[str] = None,
             password: Optional[str] = None, ca: Optional[FilePath] = None) -> None:
        """Copies an image, with all that it refers to, to another registry.

        Args:
            target: where to, as `source` of `pull`.
            reference: a tag or a digest in this repository.
        """
        options = _remote_options(username, password, ca, None)
        with self.registry._callbacks():
            call(lib.pkgreg_push, self.registry._key, *text(self.name), *text(reference),
                 *text(target), *json_text(options))


def _remote_options(username: Optional[str], password: Optional[str], ca: Optional[FilePath],
                    platforms: Optional[Sequence[str]]) -> Dict[str, Any]:
    if isinstance(platforms, str):
        raise TypeError("platforms is a list of texts, such as ['linux/amd64']")
    given = {"username": username, "password": password, "ca": None if ca is None else os.fspath(ca),
             "platforms": None if platforms is None else list(platforms)}
    return {key: value for key, value in given.items() if value is not None}


__all__ = ["Manifest", "Repository"]
