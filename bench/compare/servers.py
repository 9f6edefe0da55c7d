"""The servers that are compared, each started on loopback with a directory of its own, pinned, with
access logs off, and ended by its own number whatever happens."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import measure

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
START_LIMIT = 60


def free_port():
    """A port that was free a moment ago, for servers that cannot pick one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(cores, command):
    """`command` bound to some cores; taskset replaces itself, so the process is the command's."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


class Server:
    """A running server; use it in a `with` statement. Its data live in `data`, a new directory below
    `parent`, unless one that is kept is given."""

    name = ""
    # Pushed and pulled by the OCI protocol, or by plain PUT and GET.
    registry = True

    def __init__(self, parent, cores, keep=None):
        self.cores = cores
        self.home = tempfile.mkdtemp(prefix="bench-" + self.name.split()[0] + "-", dir=parent)
        self.data = keep or os.path.join(self.home, "data")
        self.url = ""
        self.process = None
        self.log = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self):
        """Writes what configuration the server needs and returns its command line."""
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        command = self.command()
        self.log = open(os.path.join(self.home, "log"), "w+")
        self.process = subprocess.Popen(
            pinned(self.cores, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, start_new_session=True, text=True, env=self.environment())
        self.wait_until_ready()

    def wait_until_ready(self):
        """Tries to connect until somebody listens."""
        host, port = self.address()
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                socket.create_connection((host, port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{self.name} did not start: {self.errors()}")

    def address(self):
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname, parts.port

    def errors(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def stop(self):
        """Ends the process and its children, then removes what they wrote."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    pass
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdout.close()
            self.process = None
        if self.log is not None:
            self.log.close()
            self.log = None
        shutil.rmtree(self.home, ignore_errors=True)

    # What it uses.

    def pids(self):
        return [self.process.pid, *measure.children(self.process.pid)]

    def cpu(self):
        return measure.cpu_seconds(self.pids())

    def resident(self):
        return measure.resident(self.pids())

    def peak_resident(self, sampled):
        return measure.peak_resident(self.pids(), sampled)

    # What it stores.

    def request(self, method, target, body=None, headers=None, expect=200):
        """One small request; returns the response, its body read."""
        connection = http.client.HTTPConnection(*self.address(), timeout=START_LIMIT)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            response.content = response.read()
        finally:
            connection.close()
        if response.status != expect:
            raise RuntimeError(f"{self.name}: {method} {target}: {response.status} instead of "
                               f"{expect}: {response.content[:300]}")
        return response

    def put_blob(self, repository, content):
        """Stores some bytes and returns their digest."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        location = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"", expect=202)
        parts = urllib.parse.urlsplit(location.getheader("Location"))
        query = parts.query + ("&" if parts.query else "") + "digest=" + digest
        self.request("PUT", f"{parts.path}?{query}", content,
                     {"Content-Type": "application/octet-stream"}, 201)
        return digest

    def put_manifest(self, repository, tag, content):
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", content,
                     {"Content-Type": MANIFEST_TYPE}, 201)

    def blob_target(self, repository, digest):
        return f"/v2/{repository}/blobs/{digest}"


class Pkgreg(Server):
    name = "pkgreg"
    binary = "pkgreg"

    def command(self):
        return [self.binary, "serve", "--storage", self.data, "--listen", "127.0.0.1:0",
                "--log-level", "error"]

    def wait_until_ready(self):
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"pkgreg did not start: {line}{self.errors()}")
        self.url = line.split()[-1]


class DockerRegistry(Server):
    name = "docker-registry"

    def command(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        path = os.path.join(self.home, "config.json")  # JSON is YAML
        with open(path, "w") as file:
            json.dump({
                "version": 0.1,
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": self.data, "maxthreads": 100},
                    "cache": {"blobdescriptor": "inmemory"},
                    "delete": {"enabled": True},
                    "maintenance": {"uploadpurging": {"enabled": False}},
                },
                "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark", "relativeurls": True},
                "health": {"storagedriver": {"enabled": False}},
            }, file)
        return ["docker-registry", "serve", path]


class DockerRegistryGogc(DockerRegistry):
    """Fewer collections of garbage: what a careful operator sets."""
    name = "docker-registry GOGC=400"

    def environment(self):
        return dict(os.environ, GOGC="400")


class Nginx(Server):
    name = "nginx"
    registry = False
    # Fields of the http block beside those that all runs have.
    extra = ""

    def command(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        os.makedirs(os.path.join(self.home, "temp"), exist_ok=True)
        path = os.path.join(self.home, "nginx.conf")
        with open(path, "w") as file:
            file.write(self.configuration(port))
        return ["nginx", "-p", self.home, "-c", path, "-e", os.path.join(self.home, "log")]

    def configuration(self, port):
        temp = os.path.join(self.home, "temp")  # on the file system of the data: a rename suffices
        paths = "\n".join(f"    {kind}_temp_path {temp};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        return f"""
daemon off;
{user}
worker_processes {len(self.cores)};
pid {self.home}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path {temp};
    {self.extra}
{paths}
    server {{
        listen 127.0.0.1:{port};
        root {self.data};
        dav_methods PUT DELETE;
        create_full_put_path on;
    }}
}}
"""

    def put_blob(self, repository, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.request("PUT", self.blob_target(repository, digest), content, expect=201)
        return digest

    def put_manifest(self, repository, tag, content):
        self.request("PUT", f"/{repository}/manifests/{tag}", content, expect=201)

    def blob_target(self, repository, digest):
        return f"/{repository}/blobs/{digest}"


class NginxLargeBuffer(Nginx):
    """A body is written 1 MiB at a time instead of 16 KiB: a PUT for a third of the processor time."""
    name = "nginx 1 MiB body buffer"
    extra = "client_body_buffer_size 1m;"
