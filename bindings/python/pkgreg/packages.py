"""DC/OS packages: added from bundles, listed, described, removed, and shown as a repository."""

from __future__ import annotations

import json
import os
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from ._calls import call, json_text, pages, take_text, text
from ._content import Content, Reading, as_file, is_path
from ._library import lib

if TYPE_CHECKING:
    from .registry import Registry


@dataclass(frozen=True)
class Package:
    """A version of a package, and what the registry holds for it."""

    name: str
    version: str
    release_version: int
    resources: List[Any]
    images: List[Any]


@dataclass(frozen=True)
class Addition:
    """What an addition did. `outcome` is "added", "unchanged" or "replaced"."""

    name: str
    version: str
    release_version: int
    outcome: str


class Packages:
    """The packages of a registry. Iterating gives all versions of all. Any thread may use it."""

    __slots__ = ("_registry",)

    def __init__(self, registry: "Registry") -> None:
        self._registry = registry

    def __iter__(self) -> Iterator[Package]:
        return self.list()

    def list(self, name: Optional[str] = None, *, page_size: int = 1000) -> Iterator[Package]:
        """All versions of a package, or of all; pages are asked for as they are needed."""
        wanted = text(name)

        def fetch(position: Any, size: int, place: Any) -> None:
            call(lib.pkgreg_packages, self._registry._key, *wanted, *position, size, place)

        for item in pages(fetch, page_size):
            found = json.loads(item)
            yield Package(found["name"], found["version"], found["releaseVersion"],
                          found["resources"], found["images"])

    def add(self, bundle: Content, *, replace: bool = False) -> Addition:
        """Adds the package that a bundle (`.dcos` file) holds.

        Args:
            bundle: a path, bytes, or a binary file that is read from its position on.
            replace: whether it may take the place of another content of this name and version, else
                `PackageExistsError`.
        """
        result = c_void_p()
        with self._registry._callbacks():
            if is_path(bundle):
                path = os.fsencode(bundle)  # type: ignore[arg-type]
                call(lib.pkgreg_package_add_file, self._registry._key, path, len(path),
                     int(replace), byref(result))
            else:
                reading = Reading(as_file(bundle))
                reading.run(lambda: call(lib.pkgreg_package_add_stream, self._registry._key,
                                         reading.function, None, int(replace), byref(result)))
        added = json.loads(take_text(result))
        return Addition(added["name"], added["version"], added["releaseVersion"], added["outcome"])

    def describe(self, name: str, version: str) -> Dict[str, Any]:
        """The metadata of a version. Raises `PackageUnknownError`."""
        metadata = c_void_p()
        call(lib.pkgreg_package_describe, self._registry._key, *text(name), *text(version),
             byref(metadata))
        described: Dict[str, Any] = json.loads(take_text(metadata))
        return described

    def remove(self, name: str, version: str) -> None:
        """Raises `PackageUnknownError`."""
        call(lib.pkgreg_package_remove, self._registry._key, *text(name), *text(version))

    def repository(self, *, url: Optional[str] = None, dcos_release: Optional[str] = None,
                   name: Optional[str] = None) -> bytes:
        """The Universe repository document of all packages, as a cluster gets it; JSON.

        Args:
            url: where clients reach the registry, such as "https://registry.example.com"; must be
                given where the registry's options have no "external-url".
            dcos_release: such as "2.2", which decides on the document's version.
            name: only this package.
        """
        given = {"url": url, "dcosRelease": dcos_release, "name": name}
        options = {key: value for key, value in given.items() if value is not None}
        document = c_void_p()
        call(lib.pkgreg_package_repository, self._registry._key, *json_text(options),
             byref(document))
        return take_text(document)


__all__ = ["Addition", "Package", "Packages"]
