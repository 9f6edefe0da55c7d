"""Compares the binary interface of libpkgreg.so with the one on record in this folder.

    check.py LIBRARY            what differs; exit code 1 when something does, 77 without libabigail
    check.py LIBRARY --record   records the interface; refuses what would break existing programs

symbols.txt has the exported functions, constants.txt the values in pkgreg.h (which no binary shows), and
libpkgreg.abi.xml the types of everything that is passed, as libabigail's abidw writes them.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
HEADER = HERE.parent / "pkgreg.h"
MAP = HERE.parent / "pkgreg.map"
SYMBOLS, CONSTANTS, TYPES = HERE / "symbols.txt", HERE / "constants.txt", HERE / "libpkgreg.abi.xml"
TOOLS = ("abidw", "abidiff", "nm")
INCOMPATIBLE = 8  # abidiff's exit code is a set of bits
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def run(*command):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True)


def exported(library):
    """`name@VERSION` of each symbol that the library exports, whatever it is."""
    lines = run("nm", "--dynamic", "--defined-only", library).stdout.splitlines()
    names = sorted(line.split()[-1].replace("@@", "@") for line in lines)
    return [name for name in names if name != "PKGREG_1"]


def declared():
    return sorted(re.findall(r"^PKGREG_API[^;]*?\b(pkgreg_\w+)\(", HEADER.read_text(), re.M))


def mapped():
    return sorted(re.findall(r"^\s+(pkgreg_\w+);", MAP.read_text(), re.M))


def constants():
    """`NAME = value` of each enumerator and number in the header."""
    text = COMMENT.sub("", HEADER.read_text())
    found = re.findall(r"^\s*(?:enum \{ )?(PKGREG_\w+) = (\d+)", text, re.M)
    for line in re.findall(r"^enum \{(.*?)\};", text, re.M | re.S):
        found += re.findall(r"(PKGREG_\w+) = (\d+)", line)
    found += re.findall(r"^#define (PKGREG_\w+) (\d+|\(\(size_t\)-1\))$", text, re.M)
    return sorted({f"{name} = {value}" for name, value in found})


def write_types(library, file):
    with tempfile.TemporaryDirectory() as public:
        # What this folder's headers define is seen by callers, all other types are opaque.
        shutil.copy(HEADER, public)
        made = run("abidw", "--headers-dir", public, "--drop-private-types", "--no-architecture",
                   "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed",
                   "--no-parameter-names", "--exported-interfaces-only", "--type-id-style", "hash",
                   "--out-file", file, library)
    if made.returncode != 0 or "name='pkgreg_blob_info' size-in-bits=" not in Path(file).read_text():
        sys.exit(f"abidw sees no types in {library}; was it built with -g?\n{made.stderr}")


class Types:
    """What abidw wrote, in words: its own ids depend on the order of the sources."""

    def __init__(self, file):
        self.root = ElementTree.parse(file).getroot()
        self.by_id = {node.get("id"): node for node in self.root.iter() if node.get("id")}

    def describe(self, key):
        node = self.by_id[key]
        inner = node.get("type-id")
        if node.tag == "pointer-type-def":
            return self.describe(inner) + "*"
        if node.tag == "qualified-type-def":
            return "const " + self.describe(inner)
        if node.tag == "array-type-def":
            return f"{self.describe(inner)}[{node.find('subrange').get('length')}]"
        if node.tag == "function-type":
            return self.signature(node)
        return node.get("name")

    def signature(self, node):
        parameters = ", ".join(self.describe(part.get("type-id")) for part in node.iter("parameter"))
        return f"{self.describe(node.find('return').get('type-id'))}({parameters})"

    def functions(self):
        return {node.get("name"): [self.signature(node)] for node in self.root.iter("function-decl")}

    def structs(self):
        """Each struct's fields in their order; none of those that callers do not see."""
        return {node.get("name"): [
            f"{member.get('layout-offset-in-bits')} {self.describe(field.get('type-id'))} "
            f"{field.get('name')}"
            for member in node.iter("data-member") for field in member.iter("var-decl")]
            for node in self.root.iter("class-decl") if node.find("data-member") is not None}

    def callbacks(self):
        return {node.get("name"): [self.describe(node.get("type-id"))]
                for node in self.root.iter("typedef-decl") if node.get("name").endswith("_fn")}


def broken_types(recorded, now):
    """Functions and structs that are not what they were; structs may grow at their end."""
    before, after = Types(recorded), Types(now)
    return [f"    gone or changed: {name}"
            for kind in ("functions", "structs", "callbacks")
            for name, parts in getattr(before, kind)().items()
            if getattr(after, kind)().get(name, [])[:len(parts)] != parts]


def difference(recorded, now, what):
    gone = [f"    gone or changed: {line}" for line in recorded if line not in now]
    new = [f"    new: {line}" for line in now if line not in recorded]
    return ([f"{what} differ from those on record:"] + gone + new if gone or new else []), bool(gone)


def lines_of(file):
    return file.read_text().splitlines() if file.exists() else []


def compare(library, types):
    """What differs, in lines, and whether a program that was built before would notice."""
    symbols, broken_symbols = difference(lines_of(SYMBOLS), exported(library), "Exported symbols")
    values, broken_values = difference(lines_of(CONSTANTS), constants(), "Constants")
    report, broken = symbols + values, broken_symbols or broken_values
    if TYPES.exists():
        found = run("abidiff", TYPES, types)
        changed = broken_types(TYPES, types)
        if found.returncode != 0 or changed:
            report += ["Types differ from those on record:", found.stdout + found.stderr] + changed
            broken = broken or bool(changed) or bool(found.returncode & INCOMPATIBLE)
    else:
        report.append("No types are on record.")
    return report, broken


def check_agreement(library):
    """Header, version script and library name the same functions, and the library nothing else."""
    names = [f"{name}@PKGREG_1" for name in declared()]
    report = []
    if declared() != mapped():
        odd = sorted(set(declared()) ^ set(mapped()))
        report.append(f"pkgreg.h and pkgreg.map do not have the same functions: {', '.join(odd)}")
    if names != exported(library):
        odd = sorted(set(names) ^ set(exported(library)))
        report.append(f"the library exports something else than pkgreg.h declares: {', '.join(odd)}")
    return report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=Path)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"not checked: {', '.join(missing)} not found (packages abigail-tools and binutils)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        types = Path(folder) / TYPES.name
        write_types(arguments.library, types)
        report = check_agreement(arguments.library)
        if report:
            print("\n".join(report))
            return 1
        report, broken = compare(arguments.library, types)
        if not arguments.record:
            print("\n".join(report) or "the interface is the one on record")
            return 1 if report else 0
        if broken:
            print("\n".join(report))
            print("Not recorded: programs that were built before would break. See capi/README.md.")
            return 1
        SYMBOLS.write_text("\n".join(exported(arguments.library)) + "\n")
        CONSTANTS.write_text("\n".join(constants()) + "\n")
        shutil.copy(types, TYPES)
        return 0


if __name__ == "__main__":
    sys.exit(main())
