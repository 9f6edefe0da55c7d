"""The scenarios about access control: what it adds to a request, and what log-ins do to others.

There is no peer in them: what is compared is pkgreg with and without.
"""

import base64
import http.client
import itertools
import json
import os
import subprocess
import threading

from measure import MIB
from scenarios import image, load, loaded, pinning_note, rotated
import servers
from servers import Pkgreg
from workbench import Table

PASSWORD = "a password for the benchmark"
LOG_INS_AT_ONCE = 4
REPOSITORY = "bench/image"


def basic(name):
    return "Basic " + base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()


class Guarded(Pkgreg):
    """With names and passwords, a policy and the token endpoint."""

    name = "pkgreg with access control"
    users = 4000

    def command(self):
        passwords, policy = (os.path.join(self.home, name) for name in ("passwords", "policy"))
        line = subprocess.run(["htpasswd", "-nbB", "-C", "10", "user", PASSWORD], check=True,
                              capture_output=True, text=True).stdout.strip()
        stored = line.partition(":")[2]
        # One hash for all: that saves the benchmark's time, not the server's, which takes each name
        # with its password for itself.
        with open(passwords, "w") as file:
            file.writelines(f"user{i}:{stored}\n" for i in range(self.users))
        rules = [{"who": ["authenticated"], "repositories": [f"team{i}/**"], "actions": ["pull"]}
                 for i in range(100)]
        rules.append({"who": ["authenticated"], "repositories": ["bench/**"],
                      "actions": ["pull", "push", "list"]})
        with open(policy, "w") as file:
            json.dump({"rules": rules}, file)
        return [*super().command(), "--htpasswd", passwords, "--access-policy", policy,
                "--token-endpoint", "--token-lifetime", "3600"]

    def request(self, method, target, body=None, headers=None, expect=200):
        return super().request(method, target, body, {"Authorization": basic("user0"), **(headers or {})},
                               expect)

    def token(self):
        answer = self.request("GET", f"/token?service=pkgreg&scope=repository:{REPOSITORY}:pull")
        return "Bearer " + json.loads(answer.content)["token"]


def access(bench):
    """Manifest by tag for somebody who is known, and for everybody."""
    table = Table("Access control: manifest by tag, 64 connections")
    server_cores, client_cores = bench.cores("split")
    with Pkgreg(bench.directory("tmpfs"), server_cores) as plain, \
            Guarded(bench.directory("tmpfs"), server_cores) as guarded:
        callers = []
        for server in (plain, guarded):
            server.manifest = server.url + image(server, REPOSITORY)["manifest"]
        callers = [("no access control", plain, "none"), ("known password", guarded, basic("user0")),
                   ("known token", guarded, guarded.token())]
        for turn in range(bench.rounds):
            for name, server, authorization in rotated(callers, turn):
                _, figures = loaded(bench, server, client_cores, server.manifest,
                                    accept=servers.MANIFEST_TYPE, authorization=authorization)
                table.add(name, **figures)
    table.note = ("A policy of 101 rules. " + pinning_note(server_cores, client_cores) +
                  " Time of the server includes that of reading the longer request.")
    without = table.values("no access control", "server CPU µs")
    for name in ("known password", "known token"):
        added = [a - b for a, b in zip(table.values(name, "server CPU µs"), without)]
        table.verdict(f"server CPU µs that a {name} adds to a request", added, at_most=2)
    return table


class LogIns:
    """Log-ins of people who were not there yet, as many as the server takes."""

    def __init__(self, server, names):
        self.server, self.names, self.done, self.running = server, names, 0, True
        self.threads = [threading.Thread(target=self._run) for _ in range(LOG_INS_AT_ONCE)]
        self.lock = threading.Lock()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        for thread in self.threads:
            thread.join()

    def _run(self):
        while self.running:
            with self.lock:
                name = next(self.names)
            connection = http.client.HTTPConnection(*self.server.address(), timeout=60)
            connection.request("GET", "/v2/", headers={"Authorization": basic(name)})
            response = connection.getresponse()
            response.read()
            connection.close()
            if response.status != 200:
                raise RuntimeError(f"{name} cannot log in: {response.status}")
            self.done += 1


def log_ins(bench):
    """Latency of other requests beside log-ins with new passwords."""
    table = Table(f"Manifest by tag beside log-ins (bcrypt, cost 10), {LOG_INS_AT_ONCE} at once")
    server_cores, client_cores = bench.cores("split")
    with Guarded(bench.directory("tmpfs"), server_cores) as server:
        url = server.url + image(server, REPOSITORY)["manifest"]
        names = (f"user{i}" for i in itertools.count(1))
        options = {"accept": servers.MANIFEST_TYPE, "authorization": basic("user0")}
        rate = load(bench, client_cores, url, **options)["rate"] / 2
        for turn in range(bench.rounds):
            for name in rotated(("alone", "beside log-ins"), turn):
                if name == "alone":
                    result, log_in_rate = load(bench, client_cores, url, rate=rate, **options), 0
                else:
                    with LogIns(server, names) as others:
                        result = load(bench, client_cores, url, rate=rate, **options)
                    log_in_rate = others.done / result["seconds"]
                table.add(name, **{"p50 ms": result["p50_ms"], "p99 ms": result["p99_ms"],
                                   "p99.9 ms": result["p999_ms"], "log-ins/s": log_in_rate,
                                   "resident MiB": server.resident() / MIB})
    table.note = (f"{rate:.0f} requests a second of somebody who is known, which is half of what the server "
                  f"does; latencies count from when a request was due. "
                  + pinning_note(server_cores, client_cores))
    added = [a - b for a, b in zip(table.values("beside log-ins", "p99 ms"),
                                   table.values("alone", "p99 ms"))]
    table.verdict("ms that log-ins add to the 99th percentile of other requests", added, at_most=5)
    return table


SCENARIOS = {"access": access, "log-ins": log_ins}
