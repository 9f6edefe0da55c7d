"""A real registry for tests, inside the test's process, made in milliseconds."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from .registry import Registry


class ServedRegistry(Registry):
    """A registry in memory that also listens on a free port of the loopback."""

    __slots__ = ("server",)

    def __init__(self) -> None:
        super().__init__("memory:")
        self.server = self.serve()

    @property
    def url(self) -> str:
        """"http://127.0.0.1:41207"."""
        return self.server.url

    @property
    def host(self) -> str:
        """What image references begin with: "127.0.0.1:41207"."""
        return self.url.partition("://")[2]

    def close(self) -> None:
        server = getattr(self, "server", None)
        if server is not None:
            server.close()
        super().close()


@pytest.fixture
def pkgreg_registry() -> Iterator[Any]:
    """An empty registry of its own for the test: a `pkgreg.Registry`, with `url` and `host` of the
    port that it is served on."""
    with ServedRegistry() as registry:
        yield registry
