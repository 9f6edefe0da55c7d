"""The scenarios: what each server is made to do, and the limit that pkgreg is held to.

Every scenario does the same with each server, one after the other within a round, beginning with
another one each round, so that what the machine does besides hits all alike. A ratio is taken within a
round; what is reported is the median of the ratios and a bound of it.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import measure
import servers
from measure import GIB, MIB
from servers import DockerRegistry, DockerRegistryGogc, Nginx, NginxLargeBuffer, Pkgreg
from workbench import Table

PEERS = (DockerRegistry, DockerRegistryGogc)


def rotated(items, turn):
    """The items, beginning with another one each turn."""
    items = list(items)
    return items[turn % len(items):] + items[:turn % len(items)]


@contextlib.contextmanager
def running(bench, kinds, storage, pinning, prepare=None):
    """All servers at once, each prepared once; gives pairs of server and what was prepared."""
    server_cores, _ = bench.cores(pinning)
    with contextlib.ExitStack() as stack:
        started = []
        for kind in kinds:
            server = stack.enter_context(kind(bench.directory(storage), server_cores))
            started.append((server, prepare(server) if prepare else None))
        yield started


def image(server, repository="bench/image", tag="latest", layers=7):
    """Pushes a small image, and returns where its parts are and the bytes of its manifest."""
    def descriptor(media_type, content):
        return {"mediaType": media_type, "digest": server.put_blob(repository, content),
                "size": len(content)}

    history = [{"created_by": f"RUN step {i} of the build", "comment": "x" * 400} for i in range(layers)]
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]}, "history": history,
        "rootfs": {"type": "layers", "diff_ids": []},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": servers.MANIFEST_TYPE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip",
                              f"layer {i}".encode() * 100) for i in range(layers)],
    }, indent=2).encode()
    server.put_manifest(repository, tag, manifest)
    config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
    base = "/v2/" if server.registry else "/"
    return {
        "manifest": f"{base}{repository}/manifests/{tag}",
        "config": server.blob_target(repository, config_digest),
        "bytes": manifest,
    }


# Pulls.

def pull(bench, connections):
    """Pull of a blob in the page cache, by a client that discards it."""
    table = Table(f"Pull of a cached blob of {bench.size // MIB} MiB, connections: {connections}")
    kinds = bench.kinds(Pkgreg, Nginx, *PEERS)
    times = max(1, 8 // connections)
    server_cores, client_cores = bench.cores("split")
    storage = bench.options.storage or "disk"

    def store(server):
        target = bench.store_blob(server, bench.size)
        bench.cache(server.data)
        return server.url + target

    with running(bench, kinds, storage, "split", store) as started:
        for turn in range(bench.rounds):
            for server, url in rotated(started, turn):
                before = server.cpu()
                result = bench.client("pull", client_cores, url=url, connections=connections, times=times)
                gib = result["bytes"] / GIB
                cpu = (server.cpu() - before) / gib
                client_cpu = result["client_cpu"] / gib
                table.add(server.name, **{
                    "MB/s": result["bytes"] / result["seconds"] / 1e6, "server CPU s/GiB": cpu,
                    "client CPU s/GiB": client_cpu, "both": cpu + client_cpu,
                    "resident MiB": server.resident() / MIB})
    table.note = f"Storage on {storage}; {pinning_note(server_cores, client_cores)}"
    if table.has("pkgreg") and table.has("nginx"):
        table.ratio("throughput, pkgreg / nginx", table.values("pkgreg", "MB/s"),
                    table.values("nginx", "MB/s"), at_least=0.95 if connections <= 4 else None)
        table.ratio("server CPU per GiB, pkgreg / nginx", table.values("pkgreg", "server CPU s/GiB"),
                    table.values("nginx", "server CPU s/GiB"), at_most=1.1)
    against_peers(table, "throughput", "MB/s")
    return table


def against_peers(table, title, metric):
    """pkgreg, or without it nginx, against each docker-registry."""
    first = "pkgreg" if table.has("pkgreg") else "nginx"
    for peer in PEERS:
        if table.has(first) and table.has(peer.name):
            table.ratio(f"{title}, {first} / {peer.name}", table.values(first, metric),
                        table.values(peer.name, metric))


def pinning_note(server_cores, client_cores):
    if server_cores == client_cores:
        return f"server and client share cores {listed(server_cores)}."
    return f"server on core {listed(server_cores)}, client on core {listed(client_cores)}."


def listed(cores):
    return ", ".join(map(str, cores))


# Small requests.

def load(bench, cores, url, **options):
    options = {"connections": 64, "seconds": bench.options.seconds, **options}
    return bench.client("load", cores, url=url, threads=len(cores), **options)


def loaded(bench, server, cores, url, **options):
    """Full speed; returns the client's result and the figures for a table."""
    before = server.cpu()
    result = load(bench, cores, url, **options)
    # The warm-up's requests are in the server's time but not in the count: scale by time.
    requests = result["requests"] * (1 + 0.5 / result["seconds"])
    return result, {"requests/s": result["rate"],
                    "server CPU µs": (server.cpu() - before) / requests * 1e6,
                    "client CPU µs": result["client_cpu"] / requests * 1e6}


def manifest(bench):
    """Manifest by tag, full speed and at half of that."""
    table = Table("Manifest by tag, 64 connections")
    server_cores, client_cores = bench.cores("split")
    kinds = bench.kinds(Pkgreg, Nginx, *PEERS)
    storage = bench.options.storage or "disk"
    with running(bench, kinds, storage, "split", image) as started:
        size = len(started[0][1]["bytes"])
        for turn in range(bench.rounds):
            for server, parts in rotated(started, turn):
                url = server.url + parts["manifest"]
                full, figures = loaded(bench, server, client_cores, url, accept=servers.MANIFEST_TYPE)
                half = load(bench, client_cores, url, accept=servers.MANIFEST_TYPE,
                            rate=full["rate"] / 2)
                table.add(server.name, **figures, **{
                    "p99 ms": full["p99_ms"], "half load: p50 ms": half["p50_ms"],
                    "p99 ms at half": half["p99_ms"], "p99.9 ms at half": half["p999_ms"],
                    "resident MiB": server.resident() / MIB})
    table.note = (f"A manifest of {size} bytes, on {storage}; "
                  f"{pinning_note(server_cores, client_cores)} At half load latencies count from when "
                  "a request was due.")
    if table.has("pkgreg") and table.has("nginx"):
        table.ratio("requests/s, pkgreg / nginx", table.values("pkgreg", "requests/s"),
                    table.values("nginx", "requests/s"), at_least=0.8)
    if table.has("pkgreg"):
        table.verdict("p99 in ms at half load, pkgreg", table.values("pkgreg", "p99 ms at half"),
                      at_most=5)
    against_peers(table, "requests/s", "requests/s")
    return table


def requests(bench):
    """Other small requests: HEAD of a blob, a config blob, a page of tags, /v2/."""
    table = Table("Small requests, 64 connections")
    server_cores, client_cores = bench.cores("split")
    storage = bench.options.storage or "disk"
    names = ("blob HEAD", "config GET", "tags list", "/v2/")

    def prepare(server):
        parts = image(server)
        if server.registry:
            fill_tags(bench, server, "bench/image", 100, parts["bytes"])
        return parts

    def ask(server, parts, name):
        if name == "blob HEAD":
            return {"url": server.url + parts["config"], "method": "HEAD"}
        if name == "config GET":
            return {"url": server.url + parts["config"]}
        if not server.registry:
            return None
        return {"url": server.url + ("/v2/bench/image/tags/list" if name == "tags list" else "/v2/")}

    with running(bench, bench.kinds(Pkgreg, Nginx, *PEERS), storage, "split", prepare) as started:
        for turn in range(bench.rounds):
            for name in names:
                for server, parts in rotated(started, turn):
                    options = ask(server, parts, name)
                    if options:
                        _, figures = loaded(bench, server, client_cores, **options)
                        table.add(server.name, **{f"{name}/s": figures["requests/s"],
                                                  f"{name} CPU µs": figures["server CPU µs"]})
    table.note = f"100 tags; storage on {storage}; {pinning_note(server_cores, client_cores)}"
    for name in names:
        against_peers_if(table, name)
    return table


def against_peers_if(table, name):
    metric = f"{name}/s"
    for peer in (Nginx, *PEERS):
        if all(table.has(s) and metric in table.figures[s] for s in ("pkgreg", peer.name)):
            table.ratio(f"{name}, pkgreg / {peer.name}", table.values("pkgreg", metric),
                        table.values(peer.name, metric))


def client_check(bench):
    """Is the load client the limit? wrk and bench-load against the same nginx, in turns."""
    table = Table("bench-load beside wrk, nginx, 64 connections")
    _, client_cores = bench.cores("split")
    with running(bench, [Nginx], "disk", "split", image) as started:
        server, parts = started[0]
        url = server.url + parts["manifest"]
        for turn in range(bench.rounds):
            for name in rotated(("bench-load", "wrk"), turn):
                if name == "wrk":
                    command = ["wrk", "-t", str(len(client_cores)), "-c", "64", "-d",
                               f"{max(1, round(bench.options.seconds))}s", url]
                    output = subprocess.run(servers.pinned(client_cores, command), text=True,
                                            capture_output=True, check=True).stdout
                    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output).group(1))
                else:
                    rate = load(bench, client_cores, url)["rate"]
                table.add(name, **{"requests/s": rate})
    table.ratio("requests/s, bench-load / wrk", table.values("bench-load", "requests/s"),
                table.values("wrk", "requests/s"))
    return table


# Pushes.

def push_once(bench, kind, storage, way):
    """A push to a fresh server, which is gone afterwards together with all that it wrote."""
    server_cores, client_cores = bench.cores("share")
    path, digest = bench.source(bench.size)
    with kind(bench.directory(storage), server_cores) as server:
        bench.store_blob(server, MIB, "bench/warm")
        options = {"repository": "bench/blob", "way": way}
        if server.registry:
            options["digest"] = digest
        settle(bench, storage)
        before = server.cpu()
        result = bench.client("push", client_cores, url=server.url, file=path, **options)
        cpu = server.cpu() - before
        gib = result["bytes"] / GIB
        return {"MB/s": result["bytes"] / result["seconds"] / 1e6, "server CPU s/GiB": cpu / gib,
                "client CPU s/GiB": result["client_cpu"] / gib,
                "peak MiB": server.peak_resident(server.resident()) / MIB}


def settle(bench, storage):
    """Nothing that was written before is still on its way to the disk when the clock starts."""
    if storage == "disk":
        os.sync()
    else:
        bench.touch_memory(bench.memory, bench.size)


def hash_once(bench):
    """The hash alone: its rate over a cached file, and its processor time without the reading."""
    path, _ = bench.source(bench.size)
    result = bench.client("hash", bench.available, file=path)
    gib = result["bytes"] / GIB
    return {"MB/s": result["bytes"] / result["seconds"] / 1e6, "server CPU s/GiB": result["hash_cpu"] / gib}


def dd_once(bench, storage):
    """dd of the same bytes to a file in the same directory, synced where it is a disk."""
    path, _ = bench.source(bench.size)
    settle(bench, storage)
    target = os.path.join(bench.directory(storage), "dd")
    command = ["dd", f"if={path}", f"of={target}", "bs=1M"] + (["conv=fsync"] if storage == "disk" else [])
    try:
        output = subprocess.run(servers.pinned(bench.available, command), text=True, check=True,
                                capture_output=True, env=dict(os.environ, LC_ALL="C")).stderr
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
    seconds = float(re.search(r"copied, ([\d.e+-]+) s", output).group(1))
    return {"MB/s": bench.size / seconds / 1e6}


WAYS = ("monolithic", "streamed", "chunks")
PUTS = (Nginx, NginxLargeBuffer)


def push(bench, storage, title, registries=(Pkgreg, *PEERS)):
    """Every way to push, to each registry, beside nginx's PUT, the hash alone and dd."""
    table = Table(title)
    subjects = {}
    for kind in bench.kinds(*registries):
        for way in WAYS:
            subjects[f"{kind.name}, {way}"] = lambda kind=kind, way=way: push_once(bench, kind, storage, way)
    for kind in bench.kinds(*PUTS):
        subjects[kind.name] = lambda kind=kind: push_once(bench, kind, storage, "plain")
    subjects["hash"] = lambda: hash_once(bench)
    subjects["dd"] = lambda: dd_once(bench, storage)
    for turn in range(bench.rounds):
        for name, measure_once in rotated(subjects.items(), turn):
            table.add(name, **measure_once())
    server_cores, client_cores = bench.cores("share")
    table.note = f"{bench.size // MIB} MiB, one connection; {pinning_note(server_cores, client_cores)}"
    return table


def push_tmpfs(bench):
    table = push(bench, "tmpfs", "Push to storage on tmpfs")
    limit = [min(pair) for pair in zip(table.values("hash", "MB/s"), table.values("dd", "MB/s"))]
    for way in WAYS:
        subject = f"pkgreg, {way}"
        if table.has(subject):
            rate = table.values(subject, "MB/s")
            table.ratio(f"{way}, pkgreg / lesser of hash and dd", rate, limit, at_least=0.7)
            push_against_peers(table, way, at_least=3)
            push_cpu_ratio(table, way)
    return table


def push_disk(bench):
    table = push(bench, "disk", "Push to storage on a disk")
    for way in WAYS:
        subject = f"pkgreg, {way}"
        if table.has(subject):
            table.ratio(f"{way}, pkgreg / dd conv=fsync", table.values(subject, "MB/s"),
                        table.values("dd", "MB/s"), at_least=0.9)
            push_against_peers(table, way)
            push_cpu_ratio(table, way)
    return table


def push_against_peers(table, way, at_least=None):
    for peer in PEERS:
        if table.has(f"{peer.name}, {way}"):
            table.ratio(f"{way}, pkgreg / {peer.name}", table.values(f"pkgreg, {way}", "MB/s"),
                        table.values(f"{peer.name}, {way}", "MB/s"),
                        at_least=at_least if peer is DockerRegistry else None)


def push_cpu_ratio(table, way):
    for peer in PUTS:
        if table.has(peer.name):
            cost = [a + b for a, b in zip(table.values(peer.name, "server CPU s/GiB"),
                                          table.values("hash", "server CPU s/GiB"))]
            table.ratio(f"{way}, server CPU, pkgreg / ({peer.name} + hash)",
                        table.values(f"pkgreg, {way}", "server CPU s/GiB"), cost, at_most=1.1)


def push_cpu(bench):
    """Only what the limit on processor time needs, so that more rounds can be afforded."""
    table = push(bench, "tmpfs", "Processor time of a push, storage on tmpfs", (Pkgreg,))
    for way in WAYS:
        if table.has(f"pkgreg, {way}"):
            push_cpu_ratio(table, way)
    return table


# Memory.

def memory(bench):
    """Resident memory idle, and its peak with transfers running, half pushes and half pulls."""
    table = Table("Resident memory, MiB")
    small, large = bench.size // 64, bench.size // 8
    runs = ((64, small), (64, large), (2, small), (2, bench.size))
    for turn in range(min(bench.rounds, 3)):
        for kind in rotated(bench.kinds(Pkgreg, Nginx, *PEERS), turn):
            with kind(bench.disk, bench.available) as server:
                time.sleep(0.5)
                table.add(kind.name, idle=server.resident() / MIB)
            for transfers, size in runs:
                peak = peak_memory(bench, kind, transfers, size) / MIB
                table.add(kind.name, **{f"{transfers} × {size // MIB} MiB": peak})
    table.note = ("Peak of a server that was fresh before, while so many transfers run at once, half "
                  "of them pushes and half pulls, storage on a disk. nginx: share of its processes.")
    if table.has("pkgreg"):
        columns = [f"{transfers} × {size // MIB} MiB" for transfers, size in runs]
        limit_memory(table, "idle", "idle", 16)
        limit_memory(table, "64 transfers", columns[0], 48)
        limit_memory(table, "64 larger transfers", columns[1], 48)
        table.ratio("growth with blob size, 64 transfers", table.values("pkgreg", columns[1]),
                    table.values("pkgreg", columns[0]))
        table.ratio("growth with blob size, 2 transfers", table.values("pkgreg", columns[3]),
                    table.values("pkgreg", columns[2]))
    return table


def limit_memory(table, title, column, mebibytes):
    """A limit holds when no round was above it; a peak has no confidence to speak of."""
    values = table.values("pkgreg", column)
    table.verdict(f"pkgreg, {title}, highest", [max(values)])
    table.ratios[-1].update(limit=f"<= {mebibytes}", holds=max(values) <= mebibytes)


def peak_memory(bench, kind, transfers, size):
    path, digest = bench.source(size)
    with kind(bench.disk, bench.available) as server:
        target = bench.store_blob(server, size, "bench/pulled")
        way = {"digest": digest} if server.registry else {"way": "plain"}
        with (bench.start_client("pull", bench.available, url=server.url + target,
                                 connections=transfers // 2, times=1 << 40) as pulls,
              bench.start_client("push", bench.available, url=server.url, file=path,
                                 connections=transfers // 2, repository="bench/pushed",
                                 **way) as pushes):
            try:
                peak = sampled_peak(server, pulls, pushes)
            finally:
                pulls.kill()
                pushes.kill()
        return server.peak_resident(peak)


def sampled_peak(server, pulls, pushes):
    """The highest sample until the pushes end; the pulls go on as long as those."""
    peak = 0
    while pushes.poll() is None:
        if pulls.poll() is not None:
            raise RuntimeError(f"{server.name}: the pulls ended: {pulls.stderr.read()}")
        peak = max(peak, server.resident())
        time.sleep(0.02)
    if pushes.returncode != 0:
        raise RuntimeError(f"{server.name}: {pushes.stderr.read()}")
    return peak


# Large registries.

def fill_tags(bench, server, repository, count, manifest_bytes):
    path = os.path.join(bench.memory, "manifest.json")
    with open(path, "wb") as file:
        file.write(manifest_bytes)
    bench.client("fill", bench.available, url=server.url, repository=repository, tags=count,
                 manifest=path)


def tags(bench):
    """A page of 100 tags in a repository that has 100 times as many as another."""
    table = Table("A page of 100 tags, 4 connections")
    many = bench.options.tags
    server_cores, client_cores = bench.cores("split")

    def prepare(server):
        for repository, count in (("bench/few", 100), ("bench/many", many)):
            parts = image(server, repository, "t00000")
            fill_tags(bench, server, repository, count, parts["bytes"])
        first = {}
        for repository in ("bench/few", "bench/many"):
            begin = time.monotonic()
            server.request("GET", f"/v2/{repository}/tags/list?n=100")
            first[repository] = (time.monotonic() - begin) * 1e3
        table.add(server.name, **{"first listing, few, ms": first["bench/few"],
                                  "first listing, many, ms": first["bench/many"]})
        return None

    pages = {"few": "bench/few/tags/list?n=100",
             "many": "bench/many/tags/list?n=100",
             "many, middle": f"bench/many/tags/list?n=100&last=t{many // 2:05d}"}
    with running(bench, bench.kinds(Pkgreg, *PEERS), bench.options.storage or "tmpfs", "split",
                 prepare) as started:
        for turn in range(bench.rounds):
            for server, _ in rotated(started, turn):
                for name, target in pages.items():
                    result = load(bench, client_cores, f"{server.url}/v2/{target}", connections=4)
                    table.add(server.name, **{f"{name}, µs": 1e6 / result["rate"]})
    table.note = (f"100 and {many} tags; µs of the whole server per page, at full speed; "
                  f"{pinning_note(server_cores, client_cores)}")
    for server in (Pkgreg, *PEERS):
        if table.has(server.name):
            ours = server is Pkgreg
            for page in ("many", "many, middle"):
                table.ratio(f"{server.name}: {page} / few", table.values(server.name, f"{page}, µs"),
                            table.values(server.name, "few, µs"), at_most=3 if ours else None)
    return table


def startup(bench):
    """From exec to the first listening line, the first pull and the first page of tags, in a
    registry with many blobs. It is filled once, through the protocol, on tmpfs, where a sync costs
    nothing, and copied to the disk."""
    table = Table(f"Start with {bench.options.blobs} blobs, ms")
    server_cores, _ = bench.cores("share")
    for kind in bench.kinds(Pkgreg, DockerRegistry):
        directory, parts = filled_directory(bench, kind, server_cores)
        os.sync()
        for _ in range(bench.rounds):
            table.add(kind.name, **start_once(bench, kind, server_cores, directory, parts))
        shutil.rmtree(directory)
    table.note = "Storage on a disk, its metadata in the page cache."
    if table.has("pkgreg"):
        table.verdict("pkgreg, listening after ms", table.values("pkgreg", "listening"), at_most=100)
        table.verdict("pkgreg, first pull and tag page after ms more",
                      table.values("pkgreg", "pull and tags"), at_most=200)
    return table


def filled_directory(bench, kind, cores):
    directory = os.path.join(bench.disk, "filled")
    with kind(bench.memory, cores) as server:
        parts = image(server)
        fill_tags(bench, server, "bench/image", 100, parts["bytes"])
        bench.client("fill", bench.available, url=server.url, repository="bench/image",
                     blobs=bench.options.blobs)
        data = server.data
        server.process.terminate()
        server.process.wait()
        subprocess.run(["cp", "-a", data, directory], check=True)
    return directory, parts


def start_once(bench, kind, cores, directory, parts):
    begin = time.monotonic()
    with kind(bench.memory, cores, keep=directory) as server:
        listening = time.monotonic()
        server.request("GET", parts["config"])
        pulled = time.monotonic()
        server.request("GET", "/v2/bench/image/tags/list?n=100")
        listed = time.monotonic()
    return {"listening": (listening - begin) * 1e3, "first pull": (pulled - listening) * 1e3,
            "first tag page": (listed - pulled) * 1e3, "pull and tags": (listed - listening) * 1e3}


SCENARIOS = {
    "pull-1": lambda bench: pull(bench, 1),
    "pull-4": lambda bench: pull(bench, 4),
    "pull-16": lambda bench: pull(bench, 16),
    "manifest": manifest,
    "requests": requests,
    "push-tmpfs": push_tmpfs,
    "push-disk": push_disk,
    "push-cpu": push_cpu,
    "memory": memory,
    "tags": tags,
    "startup": startup,
    "client-check": client_check,
}
