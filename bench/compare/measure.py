"""Clocks, counters and statistics of the comparison: what a process used according to /proc, and
what can be said from a few rounds."""

import math
import os
import platform
import re
import statistics
import subprocess
import time

GIB = 1 << 30
MIB = 1 << 20
TICK = os.sysconf("SC_CLK_TCK")


# Processes.

def children(pid):
    """The processes that `pid` started, found by their parent's number in /proc."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and int(fields[1]) == pid:
                found.append(int(name))
    return found


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the command's name, or nothing when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(pids):
    """User and system time of all threads, those that ended included."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def kib_field(path, field):
    """One `Name:   123 kB` line of a file in /proc, in bytes; 0 when the process is gone."""
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def resident(pids):
    """Resident memory in bytes. Several processes share pages, so each counts its share (Pss)."""
    if len(pids) == 1:
        return kib_field(f"/proc/{pids[0]}/status", "VmRSS")
    return sum(kib_field(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids)


def peak_resident(pids, sampled):
    """The kernel's high-water mark where there is one process, else the highest sample."""
    if len(pids) == 1:
        return kib_field(f"/proc/{pids[0]}/status", "VmHWM")
    return sampled


# Statistics.

def lower_rank(rounds):
    """The rank, from 1, of the order statistic that is a lower 95 % confidence bound of the median.

    The k-th smallest of n values lies above the median with the probability that fewer than k of n
    coins show heads; the largest k with a probability of at most 5 % is taken. Exact for any
    distribution, which a bootstrap of nine values is not. None where n is below 5.
    """
    rank, below = 0, 0
    for heads in range(rounds + 1):
        below += math.comb(rounds, heads)
        if below / 2**rounds > 0.05:
            break
        rank = heads + 1
    return rank or None


def summary(values):
    """Median, and one-sided 95 % bounds of the median, of the rounds' values."""
    ordered = sorted(values)
    rank = lower_rank(len(ordered))
    return {
        "median": statistics.median(ordered),
        "lower": ordered[rank - 1] if rank else None,
        "upper": ordered[-rank] if rank else None,
        "rounds": len(ordered),
        "values": list(values),
    }


# The machine.

def first_line(command):
    """The first line that a command prints, on either stream, or nothing."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                check=False, timeout=10)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip().split("\n")[0]


def machine():
    """What a reader must know of the machine to judge a figure."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB, 1),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
