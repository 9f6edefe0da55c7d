"""A blob pushed from bytes, pushed from a file, and read, through the Python package: what content.cpp
does through C++. Takes an empty directory and a file; tells the seconds of each."""

import hashlib
import json
import shutil
import sys
import time

import pkgreg


def timed(directory, action):
    """Seconds that it takes in a registry that was just opened."""
    with pkgreg.Registry(directory) as registry:
        repository = registry.repository("bench/blob")
        begin = time.perf_counter()
        action(repository)
        return time.perf_counter() - begin


def main(directory, path):
    with open(path, "rb") as file:
        data = file.read()
    from_bytes = timed(directory, lambda repository: repository.push_blob(data))
    shutil.rmtree(directory)
    from_file = timed(directory, lambda repository: repository.push_blob(path))
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    into = bytearray(data)

    def read(repository):
        with repository.open_blob(digest) as reader, memoryview(into) as room:
            done = 0
            while done < len(room):
                done += reader.readinto(room[done:])

    reading = timed(directory, read)
    print(json.dumps({"way": "python", "bytes": round(from_bytes, 4), "file": round(from_file, 4),
                      "read": round(reading, 4)}))


main(*sys.argv[1:])
