"""Every function that pkgreg.h declares is called by a test program."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "capi" / "pkgreg.h"


def main():
    declared = set(re.findall(r"^PKGREG_API[^;]*?\b(pkgreg_\w+)\(", HEADER.read_text(), re.M))
    called = set()
    for source in HERE.glob("*_test.c"):
        called.update(re.findall(r"\b(pkgreg_\w+)\(", source.read_text()))
    missing = sorted(declared - called)
    print("\n".join(f"not called by any test: {name}" for name in missing))
    return 1 if missing or len(declared) < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
