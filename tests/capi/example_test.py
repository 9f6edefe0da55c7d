"""The example of capi/README.md is compiled, as strictly as C99 allows, linked as it says, and run.

    example_test.py COMPILER LIBRARY
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

CAPI = Path(__file__).resolve().parents[2] / "capi"
EXAMPLE = re.compile(r"^<!-- test -->\n+```c\n(.*?)^```\n+```text\n(.*?)^```$", re.M | re.S)


def main(compiler, library):
    examples = EXAMPLE.findall((CAPI / "README.md").read_text())
    assert examples, "capi/README.md has no example with its output"
    for source, wanted in examples:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "example.c").write_text(source)
            subprocess.run([compiler, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror",
                            f"-I{CAPI}", "example.c", "-o", "example", library,
                            f"-Wl,-rpath,{Path(library).parent}"], cwd=folder, check=True)
            done = subprocess.run(["./example"], cwd=folder, check=True, text=True,
                                  stdout=subprocess.PIPE, timeout=60)
            assert done.stdout == wanted, f"printed {done.stdout!r}, not {wanted!r}"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
