"""The container programs, each kept away from what a user of this machine has of it: its own home,
its own storage, its own sockets, all below one folder of the build."""

import json
import re
import shutil
import tempfile
from pathlib import Path

from images import Layout
from programs import BUILD, SYSTEM_PATH, Daemon, find_program, run


# Runs a program that keeps files at fixed places of the system without touching these.
PRIVATE_VIEW = Path(__file__).with_name("private_view.sh")


def clean_environment(home):
    """The environment of a client that writes below `home` only."""
    home = Path(home)
    for folder in ("tmp", "run", "data"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "auth.json").write_text("{}")
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


class Podman:
    """podman and buildah over one image storage of their own."""

    def __init__(self, folder, name="storage"):
        self.folder = folder / name
        self.environment = clean_environment(self.folder / "home")
        # podman takes no --runroot of more than 50 characters; this one is in memory, in its private view.
        self.storage = ("--root", self.folder / "root", "--runroot", "/run/storage",
                        "--storage-driver", "vfs")

    def __call__(self, *arguments, check=True, timeout=120):
        return run("/bin/sh", PRIVATE_VIEW, self.folder / "view", find_program("podman"),
                   *self.storage, "--events-backend", "none", "--cgroup-manager", "cgroupfs",
                   *arguments, env=self.environment, check=check, timeout=timeout)

    def buildah(self, *arguments, timeout=120):
        return run("/bin/sh", PRIVATE_VIEW, self.folder / "view", find_program("buildah"),
                   *self.storage, *arguments, env=self.environment, timeout=timeout)

    def pull(self, reference):
        self("pull", "--tls-verify=false", reference)

    def push(self, *arguments):
        """Pushes and gives back the digest of the manifest."""
        digest_file = self.folder / "digest"
        self("push", "--tls-verify=false", "--digestfile", digest_file, *arguments)
        return digest_file.read_text().strip()

    def image(self, reference):
        return json.loads(self("image", "inspect", reference).stdout)[0]


class Containerd:
    """A containerd of the test's own, and ctr to talk to it."""

    def __init__(self, folder):
        self.folder = folder / "containerd"
        self.folder.mkdir()
        # A path of a socket has at most 107 bytes, and that of a test's folder may be longer.
        self.sockets = tempfile.TemporaryDirectory(prefix="pkgreg-", dir=BUILD)
        self.socket = Path(self.sockets.name) / "s"
        self.environment = clean_environment(self.folder / "home")
        config = self.folder / "config.toml"
        # Isolated: what one namespace has is not there for another, so that each pull is a pull.
        config.write_text(f"""version = 2
root = "{self.folder}/root"
state = "{self.folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self.socket}"
[ttrpc]
address = "{self.socket}.ttrpc"
[plugins."io.containerd.metadata.v1.bolt"]
content_sharing_policy = "isolated"
""")
        self.daemon = Daemon(["/bin/sh", PRIVATE_VIEW, self.folder / "view",
                              find_program("containerd"), "-c", config],
                             self.folder, "containerd", self.environment)
        self.daemon.wait_until(
            lambda: self.socket.exists() and self("version", check=False).returncode == 0,
            "containerd answers")

    def __call__(self, *arguments, namespace="default", check=True, timeout=120):
        return run(find_program("ctr"), "-a", self.socket, "-n", namespace, *arguments,
                   env=self.environment, check=check, timeout=timeout)

    def digests(self, namespace):
        """The digests of all content that a namespace has."""
        return set(self("content", "ls", "-q", namespace=namespace).stdout.split())

    def stop(self):
        try:
            self.daemon.terminate()
        finally:
            self.sockets.cleanup()


class Docker:
    """A dockerd of the test's own, and docker to talk to it."""

    def __init__(self, folder, name="docker"):
        self.folder = folder / name
        self.folder.mkdir()
        self.sockets = tempfile.TemporaryDirectory(prefix="pkgreg-", dir=BUILD)
        self.socket = f"unix://{self.sockets.name}/s"
        self.environment = clean_environment(self.folder / "home")
        self.environment["DOCKER_BUILDKIT"] = "0"
        self.daemon = Daemon(
            ["/bin/sh", PRIVATE_VIEW, self.folder / "view", find_program("dockerd"),
             "--data-root", self.folder / "data", "-H", self.socket,
             "--storage-driver", storage_driver(self.folder),
             "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"],
            self.folder, "dockerd", self.environment)
        self.daemon.wait_until(lambda: self("version", check=False).returncode == 0,
                               "dockerd answers", timeout=60)

    def command(self):
        return [find_program("docker"), "-H", self.socket]

    def __call__(self, *arguments, check=True, timeout=120):
        return run(*self.command(), *arguments, env=self.environment, check=check, timeout=timeout)

    def image(self, reference):
        return json.loads(self("image", "inspect", reference).stdout)[0]

    def push(self, reference, *options, timeout=120):
        """Pushes one tag and gives back the digest of the manifest and what docker printed."""
        output = self("push", *options, reference, timeout=timeout).stdout
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", output)
        assert found, output
        return found[1], output

    def stop(self):
        try:
            self.daemon.terminate(60)
        finally:
            self.sockets.cleanup()
            shutil.rmtree(self.folder / "data", ignore_errors=True)


def storage_driver(folder):
    """overlay2 where the file system takes it; it does not lie on another overlay."""
    kind = run("/usr/bin/stat", "-f", "-c", "%T", folder).stdout.strip()
    return "vfs" if kind in ("overlayfs", "tmpfs") else "overlay2"
