#!/usr/bin/env python3
"""The price of the border, measured: the same request, and the same blobs, through C++, C and Python,
one after the other in each round. README.md one level up says what the limits are."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "compare"))

from measure import machine, summary  # noqa: E402

HERE = Path(__file__).parent
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size_of(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="handle|content",
                        help="what to measure; both by default")
    parser.add_argument("--rounds", type=int, default=9, help="of content; of handle a third of it")
    parser.add_argument("--size", type=size_of, default=1 << 30, help="of the blob: 64M, 1G")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--memory", default="/dev/shm", help="a directory on tmpfs")
    parser.add_argument("--out", type=Path, help="a file for all figures, as JSON")
    given = parser.parse_args()
    if unknown := set(given.parts) - {"handle", "content"}:
        parser.error(f"there is no part {' '.join(sorted(unknown))}")
    return given


def run(command, build):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"),
                   "PKGREG_LIBRARY": str(build / "capi" / "libpkgreg.so.1")}
    done = subprocess.run([str(part) for part in command], env=environment, text=True,
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def python(script):
    return ["/usr/bin/python3", "-B", HERE / script]


def handle(given):
    """The medians of a million calls, in nanoseconds."""
    border = given.build / "bench" / "border"
    ways = {"c++": [border / "bench-border-cpp"], "c": [border / "bench-border-c"],
            "python": python("handle.py")}
    medians = {way: [] for way in ways}
    for _ in range(max(given.rounds // 3, 1)):
        for way, command in ways.items():
            medians[way].append(run(command, given.build)["median_ns"])
    found = {way: summary(values) for way, values in medians.items()}
    for way, limit in (("c++", None), ("c", 3000), ("python", 8000)):
        median = found[way]["median"]
        verdict = "" if limit is None else f", under {limit / 1000:g} µs: {'yes' if median < limit else 'NO'}"
        print(f"handle, {way}: {median / 1000:.2f} µs{verdict}")
    return found


def content(given):
    """Ratios of C++'s time to Python's, within a round."""
    ways = {"c++": [given.build / "bench" / "border" / "bench-border-content"],
            "python": python("content.py")}
    rounds = []
    with tempfile.TemporaryDirectory(dir=given.memory) as folder:
        file = Path(folder) / "content"
        with open(file, "wb") as out:
            for begin in range(0, given.size, 16 << 20):
                out.write(os.urandom(min(16 << 20, given.size - begin)))
        # The first round is for the memory, which is slow until the machine has given it once.
        for number in range(given.rounds + 1):
            figures = {}
            for way in sorted(ways, reverse=number % 2):
                figures[way] = run([*ways[way], Path(folder) / "storage", file], given.build)
                shutil.rmtree(Path(folder) / "storage")
            rounds.append(figures)
    found = {}
    for what in ("bytes", "file", "read"):
        ratios = [figures["c++"][what] / figures["python"][what] for figures in rounds[1:]]
        found[what] = {"ratio": summary(ratios), "seconds": rounds[1:]}
        told = found[what]["ratio"]
        lower = "" if told["lower"] is None else f" ({told['lower']:.2f} or more)"
        name = "read" if what == "read" else f"push from {what}"
        print(f"{name}: Python's rate to C++'s {told['median']:.2f}{lower}")
    return found


def main():
    given = arguments()
    parts = given.parts or ["handle", "content"]
    found = {"machine": machine()}
    for part in parts:
        found[part] = {"handle": handle, "content": content}[part](given)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1))


main()
