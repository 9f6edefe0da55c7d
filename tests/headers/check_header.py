#!/usr/bin/env python3
"""Compiles a public header alone, with g++ and with clang++ where that is installed, and looks at all
that it includes: no header of a library that an embedder should not need to have.

The compiler cache is used where there is one, so a header that did not change costs little.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMPILERS = {
    "g++": [],
    # clang 14 has coroutines and does not say so; an embedder who uses it defines this too.
    "clang++": ["-D__cpp_impl_coroutine=201902L"],
}
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O0",
         # As an embedder gets them with the CMake target.
         "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_ERROR_CODE_HEADER_ONLY", "-DBOOST_JSON_NO_LIB",
         "-DBOOST_CONTAINER_NO_LIB"]
FOREIGN = re.compile(
    r"/(curl|openssl|libxml|libxml2|spdlog|fmt|CLI|gtest|prometheus)/|"
    r"/(archive|archive_entry|zlib|zconf|zstd|pugixml|pugiconfig|simdjson|sqlite3)\.h(pp)?$")


def problems_with(header, include, folder):
    """What is wrong with a header; nothing when all is well."""
    name = re.sub(r"\W", "_", header)
    source = folder / f"{name}.cpp"
    text = f'#include "{header}"\n'
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    cache = [shutil.which("ccache")] if shutil.which("ccache") else []
    problems = []
    for compiler, extra in COMPILERS.items():
        if shutil.which(compiler) is None:
            if compiler == "g++":
                problems.append("g++ is not installed")
            continue
        includes = folder / f"{name}.{compiler}.d"
        done = subprocess.run(
            [*cache, compiler, *FLAGS, *extra, "-I", include, "-MD", "-MF", includes, "-c", source,
             "-o", folder / f"{name}.{compiler}.o"],
            capture_output=True, text=True, timeout=300)
        if done.returncode:
            problems.append(f"{compiler} does not compile it alone:\n{done.stderr}")
            continue
        for path in includes.read_text().replace("\\\n", " ").split()[1:]:
            path = os.path.abspath(path)  # the cache may have made it relative
            if FOREIGN.search(path):
                problems.append(f"with {compiler} it includes {path}")
            elif not path.startswith(("/usr/", f"{include}/pkgreg/", str(source))):
                problems.append(f"with {compiler} it includes {path}, which is not installed")
    return problems


def self_test():
    """A good header passes, and each kind of bad one is refused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pkgreg").mkdir()
        (folder / "src").mkdir()
        cases = {
            "good.hpp": ("#pragma once\n#include <string>\ninline std::string f() { return {}; }\n", None),
            "needs_more.hpp": ("#pragma once\ninline std::string f() { return {}; }\n", "alone"),
            "warns.hpp": ("#pragma once\ninline int f(int unused) { return 1; }\n", "alone"),
            "foreign.hpp": ("#pragma once\n#include <openssl/sha.h>\n", "openssl/sha.h"),
            "inside.hpp": ('#pragma once\n#include "src/part.hpp"\n', "src/part.hpp"),
        }
        (folder / "src" / "part.hpp").write_text("#pragma once\n")
        for header, (text, wanted) in cases.items():
            (folder / "pkgreg" / header).write_text(text)
            found = "\n".join(problems_with(f"pkgreg/{header}", folder, folder / "src"))
            if (wanted is None) != (found == "") or (wanted and wanted not in found):
                print(f"{header}: expected {wanted}, found: {found or 'nothing'}")
                return 1
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--include", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("header", nargs="?")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    folder = arguments.folder / "alone"
    folder.mkdir(parents=True, exist_ok=True)
    problems = problems_with(arguments.header, arguments.include, folder)
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
