"""The same as handle.c through the Python package: a response got, its body read, and freed."""

import json
import random
import time

import pkgreg

TAGS, CALLS, WARM_UP = 10_000, 1_000_000, 50_000
HEADERS = {"Host": "127.0.0.1:5000", "User-Agent": "bench",
           "Accept": "application/vnd.oci.image.manifest.v1+json"}


def fill(repository):
    config = repository.push_blob(b"{}")
    for number in range(TAGS):
        repository.put_manifest({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                       "digest": config},
            "layers": [], "annotations": {"number": str(number)}}, f"v{number}")


def sample(handle, targets, clock=time.perf_counter_ns):
    times = []
    for target in targets:
        begin = clock()
        response = handle("GET", target, HEADERS)
        body = response.read()
        status = response.status
        del response
        end = clock()
        if status != 200 or len(body) < 200 or body[:1] != b"{":
            raise SystemExit("not the manifest")
        times.append(end - begin)
    return times


def main():
    with pkgreg.Registry("memory:") as registry:
        fill(registry.repository("bench/image"))
        chosen = random.Random(1)

        def targets(count):
            return (f"/v2/bench/image/manifests/v{chosen.randrange(TAGS)}" for _ in range(count))

        sample(registry.handle, targets(WARM_UP))
        times = sorted(sample(registry.handle, targets(CALLS)))
    print(json.dumps({"way": "python", "calls": CALLS, "median_ns": times[CALLS // 2],
                      "p90_ns": times[CALLS // 10 * 9], "p99_ns": times[CALLS // 100 * 99]}))


main()
