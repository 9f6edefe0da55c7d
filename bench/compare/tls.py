"""The scenarios about TLS: pkgreg beside nginx, with the same certificate."""

import os
import subprocess

from measure import GIB, MIB
from scenarios import pinning_note, rotated
from servers import Nginx, Pkgreg
from workbench import Table


class Certificate:
    """One that vouches for itself, made by openssl."""

    def __init__(self, folder):
        self.file, self.key = os.path.join(folder, "tls.pem"), os.path.join(folder, "tls.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", self.key, "-out", self.file, "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


class PkgregTls(Pkgreg):
    certificate = None

    def command(self):
        return [*super().command(), "--tls-cert", self.certificate.file, "--tls-key", self.certificate.key]


class NginxTls(Nginx):
    """With its own defaults but for the protocols, and tickets, as pkgreg has them."""

    certificate = None

    def configuration(self, port):
        self.url = f"https://127.0.0.1:{port}"
        return super().configuration(port).replace(
            f"listen 127.0.0.1:{port};",
            f"listen 127.0.0.1:{port} ssl;\n        ssl_certificate {self.certificate.file};\n"
            f"        ssl_certificate_key {self.certificate.key};\n"
            "        ssl_protocols TLSv1.2 TLSv1.3;\n        ssl_session_tickets on;")


PAIRS = ((Pkgreg, PkgregTls), (Nginx, NginxTls))


def served(bench, stack_of, cores):
    """Stores a blob with each server over plain HTTP, then starts it with TLS on the same data."""
    certificate = Certificate(bench.memory)
    for plain, secure in PAIRS:
        if bench.skips(plain):
            continue
        secure.certificate = certificate
        data = os.path.join(bench.disk, f"tls-{plain.name}")
        with plain(bench.disk, cores, keep=data) as server:
            target = bench.store_blob(server, bench.size)
            small = server.blob_target("bench/small", server.put_blob("bench/small", b"x" * 1000))
        bench.cache(data)
        server = secure(bench.disk, cores, keep=data)
        stack_of.append(server)
        server.start()
        server.large, server.small = (server.url.replace("https:", "http:") + path
                                      for path in (target, small))
    return certificate


def tls(bench):
    """Pull of a cached blob, and new connections, over TLS 1.3."""
    server_cores, client_cores = bench.cores("split")
    table = Table(f"TLS 1.3: pull of a cached blob of {bench.size // MIB} MiB; new connections")
    servers = []
    try:
        certificate = served(bench, servers, server_cores)

        def pull(server):
            before = server.cpu()
            result = bench.client("tls", client_cores, url=server.large, ca=certificate.file, times=2)
            gib = result["bytes"] / GIB
            return {"MB/s": result["bytes"] / result["seconds"] / 1e6,
                    "server CPU s/GiB": (server.cpu() - before) / gib,
                    "client CPU s/GiB": result["client_cpu"] / gib}

        def connect(server, resume):
            before = server.cpu()
            result = bench.client("tls", client_cores, url=server.small, ca=certificate.file,
                                  seconds=bench.options.seconds, resume=int(resume))
            if resume and result["resumed"] < result["connections"]:
                raise RuntimeError(f"{server.name} resumed {result['resumed']} of "
                                   f"{result['connections']} sessions")
            return {"connections/s": result["connections"] / result["seconds"],
                    "server CPU ms/connection":
                        (server.cpu() - before) / result["connections"] * 1e3}

        for turn in range(bench.rounds):
            for server in rotated(servers, turn):
                table.add(f"{server.name}, pull", **pull(server))
                table.add(f"{server.name}, connect", **connect(server, False))
                table.add(f"{server.name}, resume", **connect(server, True))
    finally:
        for server in servers:
            server.stop()
    table.note = pinning_note(server_cores, client_cores)
    if table.has("pkgreg, pull") and table.has("nginx, pull"):
        def ratio(title, what, metric, **limit):
            table.ratio(title, table.values(f"pkgreg, {what}", metric),
                        table.values(f"nginx, {what}", metric), **limit)
        ratio("pull, pkgreg / nginx", "pull", "MB/s", at_least=0.95)
        ratio("pull, server CPU, pkgreg / nginx", "pull", "server CPU s/GiB")
        ratio("new connections, pkgreg / nginx", "connect", "connections/s")
        ratio("resumed connections, pkgreg / nginx", "resume", "connections/s", at_least=0.8)
    return table


SCENARIOS = {"tls": tls}
