"""What the scenarios work with: the cores, the directories, the source file, the load clients, and
the table of what was measured."""

import json
import os
import shutil
import subprocess
import tempfile

import measure
import servers


class Workbench:
    """One run of the comparison; use it in a `with` statement."""

    def __init__(self, options):
        self.options = options
        self.rounds = options.rounds
        self.size = options.size
        self.available = sorted(os.sched_getaffinity(0))
        self.memory = tempfile.mkdtemp(prefix="bench-", dir="/dev/shm")
        self.disk = tempfile.mkdtemp(prefix="bench-", dir=options.disk)
        servers.Pkgreg.binary = options.pkgreg

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.memory, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)

    def directory(self, storage):
        return self.memory if storage == "tmpfs" else self.disk

    def cores(self, pinning):
        """Cores of the server and of the client: halves that do not meet, or all for both."""
        pinning = pinning if self.options.pin == "auto" else self.options.pin
        if pinning == "share" or len(self.available) < 2:
            return self.available, self.available
        half = len(self.available) // 2
        return self.available[:half], self.available[half:]

    def kinds(self, *kinds):
        """Those of the servers that are to be measured, in the order given."""
        return [kind for kind in kinds if not self.skips(kind)]

    def skips(self, kind):
        if issubclass(kind, servers.Pkgreg):
            return self.options.pkgreg is None
        return kind.name.split()[0] in self.options.without

    # The bytes that are pushed and pulled.

    def source(self, size):
        """A file of `size` random bytes on tmpfs; returns its path and digest."""
        path = os.path.join(self.memory, f"source-{size}")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                for left in range(size, 0, -measure.MIB):
                    file.write(os.urandom(min(left, measure.MIB)))
        return path, self.client("hash", self.available, file=path)["digest"]

    def touch_memory(self, directory, size):
        """Writes and deletes `size` bytes: the machine's memory behind a tmpfs costs more when it is
        used for the first time, whoever comes first."""
        path = os.path.join(directory, "touch")
        with open(path, "wb") as file:
            for _ in range(0, size, measure.MIB):
                file.write(bytes(measure.MIB))
        os.unlink(path)

    # The load clients.

    def client_command(self, name, cores, options):
        binary = os.path.join(self.options.build, "bench", "compare", "bench-" + name)
        command = servers.pinned(cores, [binary])
        for option, value in options.items():
            command += ["--" + option.replace("_", "-"), str(value)]
        return command

    def client(self, name, cores, **options):
        """Runs a load client to its end and returns what it measured."""
        result = subprocess.run(self.client_command(name, cores, options), capture_output=True,
                                text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"bench-{name} failed: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def start_client(self, name, cores, **options):
        return subprocess.Popen(self.client_command(name, cores, options), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def store_blob(self, server, size, repository="bench/blob"):
        """Pushes the source file to a server and returns the target to pull it from."""
        path, digest = self.source(size)
        if server.registry:
            self.client("push", self.available, url=server.url, file=path, digest=digest,
                        repository=repository)
            return server.blob_target(repository, digest)
        target = server.blob_target(repository, digest)
        self.client("push", self.available, url=server.url, file=path, way="plain",
                    repository=target[1:])
        return target

    @staticmethod
    def cache(directory):
        """Puts large files into the page cache in one way for all: dropped, then read from front to
        back, since how a file was written decides how its pages lie."""
        os.sync()
        for folder, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.getsize(path) >= measure.MIB:
                    with open(path, "rb", buffering=0) as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                        while file.read(measure.MIB):
                            pass


class Table:
    """Figures of one scenario: per subject and metric one value a round; ratios of two of them."""

    def __init__(self, title, note=""):
        self.title = title
        self.note = note
        self.figures = {}
        self.ratios = []

    def add(self, subject, **metrics):
        for metric, value in metrics.items():
            self.figures.setdefault(subject, {}).setdefault(metric, []).append(value)

    def has(self, subject):
        return subject in self.figures

    def values(self, subject, metric):
        return self.figures[subject][metric]

    def ratio(self, title, over, under, at_least=None, at_most=None):
        """A ratio per round. `over` and `under` are lists of values, one a round, of one length."""
        values = [a / b if b else float("inf") for a, b in zip(over, under, strict=True)]
        self.verdict(title, values, at_least, at_most)

    def verdict(self, title, values, at_least=None, at_most=None):
        """A line whose bound is held against a limit: the lower bound where it must be at least
        something, the upper one where it must be at most something. With too few rounds for a bound
        there is no verdict."""
        line = {"title": title, **measure.summary(values)}
        if at_least is not None:
            line["limit"] = f">= {at_least}"
            line["holds"] = line["lower"] and line["lower"] >= at_least
        if at_most is not None:
            line["limit"] = f"<= {at_most}"
            line["holds"] = line["upper"] and line["upper"] <= at_most
        self.ratios.append(line)

    def as_json(self):
        return {
            "title": self.title, "note": self.note, "ratios": self.ratios,
            "figures": {subject: {metric: measure.summary(values)
                                  for metric, values in metrics.items()}
                        for subject, metrics in self.figures.items()},
        }

    def print(self):
        print(f"\n## {self.title}\n")
        if self.note:
            print(self.note + "\n")
        metrics = list(dict.fromkeys(m for figures in self.figures.values() for m in figures))
        print_rows(["medians", *metrics],
                   [[subject, *(shown_median(figures, metric) for metric in metrics)]
                    for subject, figures in self.figures.items()])
        if self.ratios:
            print()
            print_rows(["ratio", "median", "lower 95 %", "upper 95 %", "must", "holds"],
                       [[line["title"], shown(line["median"]), shown(line["lower"]),
                         shown(line["upper"]), line.get("limit", ""), shown_verdict(line)]
                        for line in self.ratios])


def shown_median(figures, metric):
    return shown(measure.summary(figures[metric])["median"]) if metric in figures else ""


def shown_verdict(line):
    if "limit" not in line:
        return ""
    return {True: "yes", False: "NO"}.get(line["holds"], "too few rounds")


def shown(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_rows(head, rows):
    """A Markdown table whose columns line up."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for number, row in enumerate([head, *rows]):
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
