#!/usr/bin/env python3
"""Compares pkgreg with Debian's docker-registry and with nginx, interleaved on this machine.

Starts every server itself, on loopback and with fresh data, and ends it. README.md in the folder
above says what is pinned and how ratios are made.
"""

import argparse
import json
import os
import shutil
import signal
import sys

import access
import measure
import packages
import s3
import scenarios
import tls
from workbench import Workbench

SCENARIOS = {**scenarios.SCENARIOS, **packages.SCENARIOS, **s3.SCENARIOS, **tls.SCENARIOS,
             **access.SCENARIOS}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text):
    """`64M`, `1G` or plain bytes."""
    factor = UNITS.get(text[-1:].upper(), 1)
    return int(text[:-1] if factor > 1 else text) * factor


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help="of " + ", ".join(SCENARIOS) + "; all when none is named")
    parser.add_argument("--rounds", type=int, default=9, help="5 is the least that gives a bound")
    parser.add_argument("--out", metavar="FILE", help="write everything measured as JSON")
    parser.add_argument("--size", type=size, default="1G", help="of the blob")
    parser.add_argument("--seconds", type=float, default=4, help="of each run of small requests")
    parser.add_argument("--tags", type=int, default=10_000, help="in the repository of many tags")
    parser.add_argument("--blobs", type=int, default=100_000, help="in the registry that is started")
    parser.add_argument("--universe", metavar="DIR",
                        help="a packages folder of a Universe to make the large one of; without it "
                             "its packages are made up")
    parser.add_argument("--storage", choices=("tmpfs", "disk"),
                        help="where servers keep what is pulled; each scenario has its default")
    parser.add_argument("--disk", metavar="DIR", default="/var/tmp",
                        help="a directory on a disk, for storage and for the scenarios about one")
    parser.add_argument("--pin", choices=("auto", "split", "share"), default="auto",
                        help="halves of the cores for server and client, or all for both; auto: "
                             "split for pulls and small requests, share for pushes")
    parser.add_argument("--build", metavar="DIR", default=os.path.join(ROOT, "build", "release"),
                        help="where CMake built the load clients and pkgreg")
    parser.add_argument("--pkgreg", metavar="PATH", help="the program; default: the one in --build")
    parser.add_argument("--without", action="append", default=[],
                        choices=("pkgreg", "nginx", "docker-registry"), help="leave a server out")
    return parser, parser.parse_args()


def check(parser, options):
    """Finds what is needed, and says what is missing and how to get it."""
    options.scenarios = options.scenarios or list(SCENARIOS)
    for name in options.scenarios:
        if name not in SCENARIOS:
            parser.error(f"'{name}' is not a scenario; there are {', '.join(SCENARIOS)}")
    if not os.path.exists(os.path.join(options.build, "bench", "compare", "bench-load")):
        parser.error(f"no load clients in '{options.build}'; build them: cmake --preset release && "
                     "cmake --build --preset release")
    if "pkgreg" in options.without:
        options.pkgreg = None
    else:
        options.pkgreg = options.pkgreg or os.path.join(options.build, "src", "cli", "pkgreg")
        if not os.access(options.pkgreg, os.X_OK):
            parser.error(f"'{options.pkgreg}' is not there; build it, name it with --pkgreg, or "
                         "give --without pkgreg")
    programs = {"taskset", "dd", "openssl"} | ({"nginx", "docker-registry"} - set(options.without))
    if "client-check" in options.scenarios:
        programs |= {"nginx", "wrk"}
    if {"access", "log-ins"} & set(options.scenarios):
        programs |= {"htpasswd"}
    if "s3" in options.scenarios:
        programs |= {"aws", "rclone", *s3.Ceph.programs}
    missing = sorted(name for name in programs if shutil.which(name) is None)
    if missing:
        parser.error(f"not installed: {', '.join(missing)}; cmake/packages.sh bench installs it")


def versions(options):
    return {
        "pkgreg": measure.first_line([options.pkgreg, "--version"]) if options.pkgreg else None,
        "nginx": measure.first_line(["nginx", "-v"]),
        "docker-registry": measure.first_line(["docker-registry", "--version"]),
        "aws": measure.first_line([s3.find_program("aws") or "aws", "--version"]),
        "rclone": measure.first_line([s3.find_program("rclone") or "rclone", "--version"]),
        "radosgw": measure.first_line(["radosgw", "--version"]),
        "openssl": measure.first_line(["openssl", "version"]),
    }


def run(options):
    """Runs the scenarios; a scenario that fails does not take the others with it."""
    report = {"machine": measure.machine(), "versions": versions(options),
              "command": " ".join(["bench/compare/run.py", *sys.argv[1:]]), "scenarios": {}}
    print(json.dumps({"machine": report["machine"], "versions": report["versions"]}, indent=2))
    failed = []
    for name in options.scenarios:
        print(f"\n{name} …", file=sys.stderr)
        try:
            with Workbench(options) as bench:
                table = SCENARIOS[name](bench)
        except Exception as error:  # what a server or a client did wrong
            print(f"{name} failed: {error}", file=sys.stderr)
            failed.append(name)
            continue
        table.print()
        sys.stdout.flush()
        report["scenarios"][name] = table.as_json()
    if options.out:
        with open(options.out, "w") as file:
            json.dump(report, file, indent=1)
    return failed


def main():
    parser, options = parse_arguments()
    check(parser, options)
    # SIGTERM ends the run as an error does: servers are ended and directories removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    failed = run(options)
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
