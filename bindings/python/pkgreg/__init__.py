"""pkgreg: a registry of container images and DC/OS packages, inside the program.

    with pkgreg.Registry("memory:") as registry:
        app = registry.repository("team/app")
        digest = app.push_blob(b"content")
        with registry.serve() as server:
            print(server.url)
"""

from ._callbacks import Progress
from ._library import VERSION as __version__
from .blobs import BlobInfo, BlobReader, Upload
from .errors import *  # noqa: F401,F403
from .errors import ErrorCode, PkgregError
from .packages import Addition, Package, Packages
from .registry import Registry
from .repository import Manifest, Repository
from .requests import Headers, Response
from .server import Server

__all__ = ["Addition", "BlobInfo", "BlobReader", "ErrorCode", "Headers", "Manifest", "Package",
           "Packages", "PkgregError", "Progress", "Registry", "Repository", "Response", "Server",
           "Upload", "__version__"]
__all__ += [name for name in dir() if name.endswith("Error") and name not in __all__]
