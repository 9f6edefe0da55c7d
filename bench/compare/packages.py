"""The scenarios about DC/OS packages: the repository document of a whole Universe, and the addition of
a large bundle."""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import time
import zipfile

from measure import GIB, MIB
from scenarios import pinning_note, rotated
from servers import MANIFEST_TYPE, Nginx, Pkgreg
from workbench import Table

REVISIONS = 1235  # what the public Universe had
REPOSITORY = "application/vnd.dcos.universe.repo+json;charset=utf-8;version="
CODINGS = ("gzip", "zstd")


# A Universe.

def made_up_packages(count):
    """Packages of about 24 KB, as the public ones have: mostly the configuration's schema."""
    generator = random.Random(1)
    words = [bytes(generator.choices(b"abcdefghijklmnopqrstuvwxyz", k=generator.randint(2, 10))).decode()
             for _ in range(3000)]

    def text(length):
        return " ".join(generator.choices(words, k=length))

    for number in range(count):
        properties = {text(1) + str(i): {"type": "string", "title": text(4), "description": text(20),
                                         "default": text(2)} for i in range(90)}
        yield {"packagingVersion": "4.0", "name": f"package-{number:03}", "version": "1.0",
               "maintainer": "support@example.com", "description": text(60), "tags": [text(1)],
               "config": {"type": "object", "properties": {"service": {
                   "type": "object", "properties": properties}}},
               "marathon": {"v2AppMustacheTemplate": hashlib.sha512(text(9).encode()).hexdigest() * 40}}


def real_packages(bench):
    """What pkgreg itself makes of a Universe's folder."""
    with Pkgreg(bench.memory, bench.available) as server:
        subprocess.run([server.binary, "universe", "import", bench.options.universe, "--server",
                        server.url, "--json"], stdout=subprocess.DEVNULL, check=False)
        return json.loads(server.request("GET", "/repo").content)["packages"]


def revisions(bench):
    """As many as the whole Universe had, made of fewer by other versions."""
    packages = real_packages(bench) if bench.options.universe else list(made_up_packages(159))
    made = []
    while len(made) < REVISIONS:
        turn = len(made) // len(packages)
        for package in packages[:REVISIONS - len(made)]:
            made.append({**package, "version": f"{package['version']}-{turn}",
                         "releaseVersion": package.get("releaseVersion", 0) + 1000 * turn})
    return made


def import_packages(server, packages):
    for first in range(0, len(packages), 200):
        server.request("POST", "/api/v1/universe",
                       json.dumps({"packages": packages[first:first + 200]}))


def fetch(server, coding="identity", host=None, release="2.0", version="v5", **more):
    """GET /repo as a package manager does it; the body."""
    fields = {"Accept": REPOSITORY + version, "Accept-Encoding": coding,
              "User-Agent": f"cosmos/0.1 dcos/{release}", **more}
    if host:
        fields["Host"] = host
    connection = http.client.HTTPConnection(*server.address(), timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/repo", headers=fields)
        return connection.getresponse().read()


def answer_ms(bench, server, cores, coding="identity"):
    """From the request to the last byte of its answer, whose bytes the client discards."""
    result = bench.client("pull", cores, url=server.url + "/repo", coding=coding)
    return result["seconds"] * 1e3


def wait_until_idle(server):
    """Until the strongest compression in the background is done."""
    before = server.cpu()
    while True:
        time.sleep(0.5)
        now = server.cpu()
        if now - before < 0.02:
            return
        before = now


def universe(bench):
    """The document of a whole Universe: first, cached beside nginx, after a change, and in memory."""
    table = Table(f"Universe repository of {REVISIONS} revisions")
    server_cores, client_cores = bench.cores("split")
    packages = revisions(bench)
    filled = os.path.join(bench.disk, "filled")
    with Pkgreg(bench.disk, bench.available) as server:
        import_packages(server, packages)
        server.process.terminate()
        server.process.wait()
        shutil.copytree(server.data, filled)
    for turn in range(bench.rounds):
        data = os.path.join(bench.disk, "round")
        shutil.copytree(filled, data)
        with (Pkgreg(bench.memory, server_cores, keep=data) as server,
              Nginx(bench.memory, server_cores) as nginx):
            first_documents(bench, table, server, client_cores)
            wait_until_idle(server)
            cached_documents(bench, table, server, nginx, client_cores, turn)
            after_an_addition(bench, table, server, client_cores, packages[0], turn)
            wait_until_idle(server)
            many_addresses(table, server)
        filtered_documents(bench, table, data, packages, server_cores)
        shutil.rmtree(data)
    size = len(json.dumps(packages)) / MIB
    source = "real packages" if bench.options.universe else "made up packages"
    table.note = (f"{source}, {size:.0f} MiB of JSON, in a directory on a disk; "
                  f"{pinning_note(server_cores, client_cores)}")
    verdicts(table)
    return table


def first_documents(bench, table, server, cores):
    for coding in ("identity", *CODINGS):
        table.add("pkgreg", **{f"first {coding} ms": answer_ms(bench, server, cores, coding)})
        table.add("pkgreg", **{f"{coding} MiB": len(fetch(server, coding)) / MIB})


def cached_documents(bench, table, server, nginx, cores, turn):
    """nginx serves the same bytes as a file."""
    for coding in CODINGS:
        body = fetch(server, coding)
        with open(os.path.join(nginx.data, coding), "wb") as file:
            file.write(body)
        for name, url in rotated((("pkgreg", server.url + "/repo"),
                                  ("nginx", f"{nginx.url}/{coding}")), turn):
            times = max(50, int(2 * GIB / max(1, len(body)) / 4))
            result = bench.client("pull", cores, url=url, connections=4, times=times, coding=coding)
            table.add(name, **{f"cached {coding} MB/s": result["bytes"] / result["seconds"] / 1e6})


def after_an_addition(bench, table, server, cores, package, turn):
    for coding in ("identity", *CODINGS):
        changed = {**package, "version": f"added-{turn}-{coding}", "releaseVersion": 10**6}
        server.request("POST", "/api/v1/universe", json.dumps({"packages": [changed]}))
        table.add("pkgreg", **{f"after an addition, {coding} ms":
                               answer_ms(bench, server, cores, coding)})
        wait_until_idle(server)


def many_addresses(table, server):
    """Plain documents under fifty addresses, compressed ones under four, for three releases."""
    for number in range(50):
        for release, version in (("1.9", "v3"), ("1.11", "v4"), ("2.0", "v5")):
            fetch(server, host=f"registry-{number}.example.com:5000", release=release, version=version)
            if number < 4:
                fetch(server, "gzip", f"registry-{number}.example.com:5000", release, version)
    table.add("pkgreg", **{"resident MiB after many addresses": server.resident() / MIB})


class Filtered(Pkgreg):
    """With callers each of whom may see other packages: all but one or two."""

    password = "a password for the benchmark"
    callers = 100

    def __init__(self, *arguments, names, **more):
        self.names = names
        super().__init__(*arguments, **more)

    def command(self):
        passwords, policy = (os.path.join(self.home, name) for name in ("passwords", "policy"))
        line = subprocess.run(["htpasswd", "-nbB", "-C", "4", "user", self.password], check=True,
                              capture_output=True, text=True).stdout.strip()
        with open(passwords, "w") as file:
            file.writelines(f"user{i}:{line.partition(':')[2]}\n" for i in range(self.callers))
        rules = [{"who": ["authenticated"], "packages": ["*"], "actions": ["pull"]}]
        for i in range(self.callers):
            hidden = {self.names[i % len(self.names)], self.names[i * 7 % len(self.names)]}
            rules.append({"who": [f"user{i}"], "packages": sorted(hidden), "actions": []})
        with open(policy, "w") as file:
            json.dump({"rules": rules}, file)
        return [*super().command(), "--htpasswd", passwords, "--access-policy", policy]

    def authorization(self, caller):
        login = f"user{caller}:{self.password}".encode()
        return "Basic " + base64.b64encode(login).decode()

    def known(self, caller):
        """Brings the password once, so that what follows is measured without bcrypt."""
        fields = {"Authorization": self.authorization(caller)}
        self.request("GET", "/v2/", headers=fields)
        return fields


def filtered_documents(bench, table, data, packages, cores):
    """GET /repo of many callers, each of whom may see other packages."""
    names = sorted({package["name"] for package in packages})
    with Filtered(bench.memory, cores, keep=data, names=names) as server:
        def ask(caller):
            fields = server.known(caller)
            begin = time.monotonic()
            fetch(server, "gzip", **fields)
            return (time.monotonic() - begin) * 1e3
        ask(0)  # reads the packages
        wait_until_idle(server)
        first = [ask(caller) for caller in range(10, server.callers)]
        wait_until_idle(server)
        before = server.cpu()
        for caller in range(1, 10):
            ask(caller)
            wait_until_idle(server)  # also with what follows in the background
        used = (server.cpu() - before) / 9
        again = [ask(server.callers - 1) for _ in range(20)]
        table.add("pkgreg", **{"filtered gzip, another caller, ms": statistics.median(first),
                               "filtered gzip, another caller, server CPU ms": used * 1e3,
                               "filtered gzip, same caller, ms": statistics.median(again),
                               "resident MiB after many callers": server.resident() / MIB})


def verdicts(table):
    limits = {"first identity ms": 300, "after an addition, identity ms": 50,
              "after an addition, gzip ms": 250, "after an addition, zstd ms": 250}
    for metric, limit in limits.items():
        table.verdict(f"pkgreg, {metric}", table.values("pkgreg", metric), at_most=limit)
    for coding in CODINGS:
        metric = f"cached {coding} MB/s"
        table.ratio(f"cached {coding}, pkgreg / nginx", table.values("pkgreg", metric),
                    table.values("nginx", metric), at_least=0.8)


# A large bundle.

LAYERS, RESOURCES = 8, 4


def descriptor(media_type, content_digest, size):
    return {"mediaType": media_type, "digest": content_digest, "size": size}


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def large_bundle(bench):
    """A bundle with an image and resources of random bytes, and the files that it is made of."""
    share = bench.size // (LAYERS + RESOURCES)
    blobs = []
    for number in range(LAYERS + RESOURCES):
        path = os.path.join(bench.memory, f"part-{number}")
        content = os.urandom(share)
        with open(path, "wb") as file:
            file.write(content)
        blobs.append((path, digest_of(content)))
    layers, resources = blobs[:LAYERS], blobs[LAYERS:]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest for _, digest in layers]}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", digest_of(config), len(config)),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", digest, share)
                   for _, digest in layers]}).encode()
    root = descriptor(MANIFEST_TYPE, digest_of(manifest), len(manifest))
    metadata = json.dumps({
        "packagingVersion": "4.0", "name": "large", "version": "1.0", "maintainer": "a@example.com",
        "description": "large", "tags": [], "resource": {"assets": {
            "uris": {f"part{i}": f"https://example.com/part{i}" for i in range(RESOURCES)},
            "container": {"docker": {"main": "example/large:1"}}}}}).encode()
    contents = json.dumps({
        "formatVersion": 1, "metadata": digest_of(metadata),
        "resources": [{"asset": f"resource.assets.uris.part{i}", "digest": digest, "size": share,
                       "file": f"part{i}"} for i, (_, digest) in enumerate(resources)],
        "images": [{"asset": "resource.assets.container.docker.main", **root}]})
    path = os.path.join(bench.memory, "large.dcos")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", metadata)
        archive.writestr("bundle.json", contents)
        for file, digest in resources:
            archive.write(file, f"resources/{digest.replace(':', '/')}")
        archive.writestr("images/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        archive.writestr("images/index.json", json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [root]}))
        archive.writestr(f"images/blobs/{root['digest'].replace(':', '/')}", manifest)
        archive.writestr(f"images/blobs/{digest_of(config).replace(':', '/')}", config)
        for file, digest in layers:
            archive.write(file, f"images/blobs/{digest.replace(':', '/')}")
    return path, blobs


def add_bundle(bench):
    """A bundle beside a push of the blobs that it holds."""
    table = Table(f"Addition of a bundle of {bench.size // MIB} MiB")
    path, blobs = large_bundle(bench)
    storage = bench.options.storage or "disk"
    for turn in range(bench.rounds):
        for name, measure_once in rotated((("add", add_once), ("push", push_parts)), turn):
            os.sync()
            with Pkgreg(bench.directory(storage), bench.available) as server:
                bench.store_blob(server, MIB, "bench/warm")
                before = server.cpu()
                seconds = measure_once(bench, server, path, blobs)
                table.add(name, **{"s": seconds, "server CPU s": server.cpu() - before,
                                   "peak MiB": server.peak_resident(0) / MIB})
    server_cores, client_cores = bench.cores("share")
    table.note = (f"{LAYERS} layers and {RESOURCES} resources of random bytes; storage on {storage}; "
                  f"{pinning_note(server_cores, client_cores)}")
    table.ratio("time, add / push of the same bytes", table.values("add", "s"),
                table.values("push", "s"), at_most=1.3)
    table.verdict("peak MiB during an addition, highest", [max(table.values("add", "peak MiB"))])
    table.ratios[-1].update(limit="<= 64", holds=max(table.values("add", "peak MiB")) <= 64)
    return table


def add_once(bench, server, path, _):
    return bench.client("push", bench.available, url=server.url, file=path, way="bundle")["seconds"]


def push_parts(bench, server, _, blobs):
    return sum(bench.client("push", bench.available, url=server.url, file=file, digest=digest,
                            repository="bench/parts")["seconds"] for file, digest in blobs)


SCENARIOS = {"universe": universe, "add": add_bundle}
