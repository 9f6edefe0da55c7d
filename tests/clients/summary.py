"""Adds up JUnit reports, as ctest and pytest write them, and prints `<passed> <failed> <skipped>`.

A file that is missing or cannot be read counts as one failure: its tests were to run and did not.
"""

import sys
import xml.etree.ElementTree as xml


def count(file):
    try:
        root = xml.parse(file).getroot()
    except (OSError, xml.ParseError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 0, 1, 0
    passed = failed = skipped = 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*(sum(numbers) for numbers in zip((0, 0, 0), *map(count, sys.argv[1:]))))
