"""Makes the bundles that packages_test.c adds, in a folder: hello-1.0.dcos, hello-1.0-other.dcos (the
same version with other content) and hello-2.0.dcos."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "clients"))

from bundles import Bundle, metadata  # noqa: E402

ASSET = "resource.assets.uris.data"


def write(path, version, data):
    document = metadata(version=version, uris={"data": "https://example.com/data.bin"})
    bundle = Bundle(document)
    bundle.add_resource(ASSET, data, "data.bin")
    bundle.write(path)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    data = bytes(i * i % 251 for i in range(3 << 20))
    write(folder / "hello-1.0.dcos", "1.0", data)
    write(folder / "hello-1.0-other.dcos", "1.0", b"other")
    write(folder / "hello-2.0.dcos", "2.0", b"second")
