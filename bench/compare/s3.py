"""The scenario about S3: pkgreg and docker-registry on one bucket of Ceph's RADOS Gateway, beside the
usual clients, which move the same bytes straight to it and from it."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import measure
from measure import GIB, MIB
from scenarios import listed, rotated
from servers import DockerRegistry, Pkgreg, free_port, pinned
from workbench import Table

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "clients"))
from programs import find_program  # noqa: E402
from s3_servers import BucketStorage, Ceph  # noqa: E402

PART = 8 << 20  # pkgreg's default
WAYS = ("monolithic", "streamed")


class OnS3:
    """A registry whose data lie in a fresh place of the bucket; mixed into a kind of server."""

    gateway = None
    number = 0

    def __init__(self, parent, cores):
        super().__init__(parent, cores)
        OnS3.number += 1
        self.storage = BucketStorage(self.gateway, self.gateway.bucket, f"registry-{OnS3.number}")

    def environment(self):
        return self.gateway.environment(super().environment())


class PkgregOnS3(OnS3, Pkgreg):
    def command(self):
        return [self.binary, "serve", "--storage", str(self.storage), "--listen", "127.0.0.1:0",
                "--log-level", "error"]


class OnlyPkgregOnS3(PkgregOnS3):
    """One whose options say that there is no other: it holds a lease instead of writing states."""

    name = "pkgreg (instances: 1)"

    def command(self):
        path = os.path.join(self.home, "options.json")
        with open(path, "w") as file:
            json.dump({"service": {"instances": 1}}, file)
        return [*super().command(), "--options", path]


class DockerRegistryOnS3(OnS3, DockerRegistry):
    """Its S3 driver with its defaults; what is pulled goes through it, not by a redirect."""

    def command(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        path = os.path.join(self.home, "config.json")
        with open(path, "w") as file:
            json.dump({
                "version": 0.1,
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "s3": {"regionendpoint": self.gateway.endpoint, "region": self.gateway.region,
                           "accesskey": self.gateway.access_key, "secure": False,
                           "secretkey": self.gateway.secret_key, "bucket": self.gateway.bucket,
                           "rootdirectory": f"/{self.storage.path}"},
                    "redirect": {"disable": True},
                    "cache": {"blobdescriptor": "inmemory"},
                    "maintenance": {"uploadpurging": {"enabled": False}},
                },
                "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark", "relativeurls": True},
                "health": {"storagedriver": {"enabled": False}},
            }, file)
        return ["docker-registry", "serve", path]


class Tool:
    """A client of S3 that copies a file, started for each copy."""

    def __init__(self, bench, gateway):
        self.bench, self.gateway = bench, gateway
        self.tiny = os.path.join(bench.memory, "tiny")
        with open(self.tiny, "wb") as file:
            file.write(b"x")

    def command(self, source, target):
        raise NotImplementedError

    def environment(self):
        return {}

    def remote(self, key):
        return f"s3://{self.gateway.bucket}/{key}"

    def copy(self, source, target):
        """Seconds and processor seconds of one copy."""
        environment = {**self.gateway.environment(), **self.environment()}
        command = pinned(self.bench.available, self.command(source, target))
        with tempfile.TemporaryFile() as output:
            begin = time.monotonic()
            pid = os.posix_spawnp(command[0], command, environment,
                                  file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), fd)
                                                for fd in (1, 2)])
            _, status, usage = os.wait4(pid, 0)
            seconds = time.monotonic() - begin
            if status != 0:
                output.seek(0)
                raise RuntimeError(f"{self.name} failed: {output.read()[-1000:]}")
        return seconds, usage.ru_utime + usage.ru_stime

    def measured(self, size, source, target, tiny_source, tiny_target):
        """A copy without what the start of the program takes, by a copy of one byte."""
        start_seconds, start_cpu = self.copy(tiny_source, tiny_target)
        seconds, cpu = self.copy(source, target)
        return {"MB/s": size / (seconds - start_seconds) / 1e6, "start s": start_seconds,
                "client CPU s/GiB": (cpu - start_cpu) / size * GIB}


class Aws(Tool):
    name = "aws s3 cp"

    def environment(self):
        return {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}

    def command(self, source, target):
        return [find_program("aws"), "--endpoint-url", self.gateway.endpoint, "s3", "cp", "--only-show-errors",
                source, target]


class Rclone(Tool):
    name = "rclone"

    def environment(self):
        return {"RCLONE_CONFIG": "", "RCLONE_S3_PROVIDER": "Ceph", "RCLONE_S3_ENV_AUTH": "true",
                "RCLONE_S3_ENDPOINT": self.gateway.endpoint, "RCLONE_S3_NO_CHECK_BUCKET": "true"}

    def remote(self, key):
        return f":s3:{self.gateway.bucket}/{key}"

    def command(self, source, target):
        return [find_program("rclone"), "copyto", "--ignore-times", source, target]


TOOLS = (Aws, Rclone)


def s3(bench):
    """Push and pull through the registries, beside transfers straight to the same gateway and from it."""
    table = Table(f"A blob of {bench.size // MIB} MiB, storage in a bucket of Ceph")
    gateway = Ceph(Path(bench.disk) / "ceph", "bluestore", max(8 * GIB, 24 * bench.size))
    OnS3.gateway = gateway
    try:
        kinds = [kind for kind in (PkgregOnS3, OnlyPkgregOnS3, DockerRegistryOnS3) if not bench.skips(kind)]
        tools = [tool(bench, gateway) for tool in TOOLS]
        pushes(bench, table, kinds, tools)
        pulls(bench, table, [kind for kind in kinds if kind is not OnlyPkgregOnS3], tools)
        for _ in range(min(bench.rounds, 3)):
            table.add("pkgreg, 32 pushes at once", **crowd(bench))
    finally:
        gateway.stop()
    table.note = (f"Ceph's RADOS Gateway with bluestore on a disk, all on cores {listed(bench.available)}. "
                  "The time that a tool takes for one byte is taken off. Requests are counted from the "
                  "gateway's log, without those that renew a lease (one in 10 s).")
    limits(bench, table)
    return table


def clear(gateway, prefix):
    """Removes what a push has stored, so that all find the same room."""
    client = gateway.client()
    for key, size in client.sizes(gateway.bucket, prefix).items():
        if size >= MIB:
            client.remove(gateway.bucket, key)


def pushes(bench, table, kinds, tools):
    subjects = {f"{kind.name}, push {way}": lambda kind=kind, way=way: push_once(bench, kind, way)
                for kind in kinds for way in WAYS}
    subjects |= {f"{tool.name}, push": lambda tool=tool: upload_once(bench, tool) for tool in tools}
    for turn in range(-1, bench.rounds):  # the first round only warms up
        for name, measure_once in rotated(subjects.items(), turn):
            figures = measure_once()
            if turn >= 0:
                table.add(name, **figures)


def push_once(bench, kind, way):
    """A push through a registry that was started for it."""
    path, digest = bench.source(bench.size)
    with kind(bench.memory, bench.available) as server:
        bench.store_blob(server, MIB, "bench/warm")
        os.sync()
        before, requests = server.cpu(), count_requests(server)
        result = bench.client("push", bench.available, url=server.url, file=path, digest=digest,
                              repository="bench/blob", way=way)
        cpu = server.cpu() - before
        time.sleep(0.5)  # the log is written a little later
        figures = {"MB/s": bench.size / result["seconds"] / 1e6, "CPU s/GiB": cpu / bench.size * GIB,
                   "client CPU s/GiB": result["client_cpu"] / bench.size * GIB,
                   "peak MiB": server.peak_resident(server.resident()) / MIB,
                   "requests": count_requests(server) - requests}
    clear(server.gateway, server.storage.path)
    return figures


def count_requests(server):
    return sum(".lease/" not in target for _, target in server.gateway.requests())


def crowd(bench):
    """32 blobs that are pushed at the same time."""
    size = max(bench.size // 16, MIB)
    path, digest = bench.source(size)
    with PkgregOnS3(bench.memory, bench.available) as server:
        clients = [bench.start_client("push", bench.available, url=server.url, file=path, digest=digest,
                                      repository=f"bench/crowd-{number}") for number in range(32)]
        seconds = []
        for client in clients:
            output, errors = client.communicate()
            if client.returncode != 0:
                raise RuntimeError(f"bench-push failed: {errors.strip()}")
            seconds.append(json.loads(output)["seconds"])
        figures = {"MB/s": 32 * size / max(seconds) / 1e6,
                   "peak MiB": server.peak_resident(server.resident()) / MIB}
    clear(server.gateway, server.storage.path)
    return figures


def upload_once(bench, tool):
    path, _ = bench.source(bench.size)
    os.sync()
    figures = tool.measured(bench.size, path, tool.remote("tool/large"), tool.tiny,
                            tool.remote("tool/tiny"))
    clear(tool.gateway, "tool/")
    return figures


def pulls(bench, table, kinds, tools):
    gateway = OnS3.gateway
    path, _ = bench.source(bench.size)
    Aws(bench, gateway).copy(path, f"s3://{gateway.bucket}/direct/large")
    Aws(bench, gateway).copy(os.path.join(bench.memory, "tiny"), f"s3://{gateway.bucket}/direct/tiny")
    url = gateway.client().presigned_get(gateway.bucket, "direct/large", lifetime=86_400)
    subjects = {"direct GET": lambda: pull_once(bench, url)}
    subjects |= {f"{tool.name}, pull": lambda tool=tool: download_once(bench, tool) for tool in tools}
    started = [kind(bench.memory, bench.available) for kind in kinds]
    try:
        for server in started:
            server.start()
            target = server.url + bench.store_blob(server, bench.size)
            subjects[f"{server.name}, pull"] = (
                lambda server=server, target=target: pull_once(bench, target, server))
        for turn in range(-1, bench.rounds):
            for name, measure_once in rotated(subjects.items(), turn):
                figures = measure_once()
                if turn >= 0:
                    table.add(name, **figures)
    finally:
        for server in started:
            server.stop()


def pull_once(bench, url, server=None):
    before, requests = (server.cpu(), count_requests(server)) if server else (0, 0)
    result = bench.client("pull", bench.available, url=url)
    figures = {"MB/s": bench.size / result["seconds"] / 1e6,
               "client CPU s/GiB": result["client_cpu"] / bench.size * GIB}
    if server:
        figures |= {"CPU s/GiB": (server.cpu() - before) / bench.size * GIB,
                    "peak MiB": server.peak_resident(server.resident()) / MIB}
        time.sleep(0.5)
        figures["requests"] = count_requests(server) - requests
    return figures


def download_once(bench, tool):
    target = os.path.join(bench.memory, "downloaded")
    try:
        return tool.measured(bench.size, tool.remote("direct/large"), target,
                             tool.remote("direct/tiny"), target + "-tiny")
    finally:
        for path in (target, target + "-tiny"):
            Path(path).unlink(missing_ok=True)


def limits(bench, table):
    def ratio(title, over, under, metric="MB/s", **limit):
        if table.has(over) and table.has(under):
            table.ratio(title, table.values(over, metric), table.values(under, metric), **limit)

    # Beside the parts: create, complete, look for copies, record, link; with several instances one
    # state for each answer 202, one read and one removal.
    few = -(-bench.size // PART) + 5
    for way, answers in zip(WAYS, (1, 2)):
        subject = f"pkgreg, push {way}"
        ratio(f"push {way}, pkgreg / aws s3 cp", subject, "aws s3 cp, push", at_least=0.9)
        ratio(f"push {way}, pkgreg / rclone", subject, "rclone, push")
        ratio(f"push {way}, pkgreg / docker-registry", subject, f"docker-registry, push {way}",
              at_least=3)
        if table.has(subject):
            table.verdict(f"push {way}, pkgreg, CPU s/GiB", table.values(subject, "CPU s/GiB"),
                          at_most=2.5)
            highest(table, f"push {way}, pkgreg, requests", subject, "requests", few + answers + 2)
            highest(table, f"push {way}, pkgreg, peak MiB", subject, "peak MiB", 64)
        if table.has(only := f"{OnlyPkgregOnS3.name}, push {way}"):
            highest(table, f"push {way}, {OnlyPkgregOnS3.name}, requests", only, "requests", few)
    if table.has("pkgreg, 32 pushes at once"):
        highest(table, "32 pushes at once, pkgreg, peak MiB", "pkgreg, 32 pushes at once", "peak MiB", 256)
    ratio("pull, pkgreg / direct GET", "pkgreg, pull", "direct GET", at_least=0.9)
    ratio("pull, pkgreg / docker-registry", "pkgreg, pull", "docker-registry, pull")


def highest(table, title, subject, metric, limit):
    """A limit that no round may exceed."""
    value = max(table.values(subject, metric))
    table.verdict(f"{title}, highest", [value])
    table.ratios[-1].update(limit=f"<= {limit}", holds=value <= limit)


SCENARIOS = {"s3": s3}
