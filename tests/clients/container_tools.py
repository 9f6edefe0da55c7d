"""The container programs, each kept away from what a user of this machine has of it: its own home,
its own storage, its own sockets, all below one folder of the build."""

import json
import os
import shutil
from pathlib import Path

from images import Layout
from programs import SYSTEM_PATH, find_program, run


def clean_environment(home):
    """The environment of a client that writes below `home` only."""
    home = Path(home)
    for folder in ("tmp", "run", "data"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": SYSTEM_PATH, "LANG": "C.UTF-8",
        "HOME": str(home), "TMPDIR": str(home / "tmp"),
        "XDG_RUNTIME_DIR": str(home / "run"), "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"), "DOCKER_CONFIG": str(home / "docker"),
        "REGISTRY_AUTH_FILE": str(home / "auth.json"),
    }


class Skopeo:
    """skopeo, with a home of its own."""

    def __init__(self, folder, address):
        self.address = address
        self.environment = clean_environment(folder / "skopeo")
        # It remembers which registry has which blob in a file of the user's, and for root that is a
        # fixed one of the system; told that it is someone else, it keeps it in XDG_DATA_HOME.
        self.environment["_CONTAINERS_ROOTLESS_UID"] = "1000"

    def __call__(self, *arguments, check=True, timeout=120):
        return run(find_program("skopeo"), "--insecure-policy", *arguments, env=self.environment,
                   check=check, timeout=timeout)

    def forget(self):
        """Makes it ask the registry for every blob again."""
        shutil.rmtree(Path(self.environment["XDG_DATA_HOME"]) / "containers", ignore_errors=True)

    def remote(self, reference):
        return f"docker://{self.address}/{reference}"

    def push(self, layout, tag, reference, *options, timeout=120):
        return self("copy", "--preserve-digests", "--dest-tls-verify=false", *options,
                    f"oci:{layout.path}:{tag}", self.remote(reference), timeout=timeout)

    def pull(self, reference, folder, tag, *options, timeout=120):
        self("copy", "--preserve-digests", "--src-tls-verify=false", *options,
             self.remote(reference), f"oci:{folder}:{tag}", timeout=timeout)
        return Layout(folder)

    def inspect(self, reference, *options):
        return json.loads(self("inspect", "--tls-verify=false", *options,
                               self.remote(reference)).stdout)
