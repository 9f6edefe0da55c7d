"""capi/abi/check.py finds what it looks for: a copy of the record is changed, and it must tell.

    abi_check_test.py LIBRARY
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CAPI = Path(__file__).resolve().parents[2] / "capi"


def edit(file, old, new):
    text = file.read_text()
    assert re.search(old, text, re.M), f"{file.name} has no {old}"
    file.write_text(re.sub(old, new, text, count=1, flags=re.M))


def remove_symbol(capi):
    """A symbol that was exported is gone: as seen from a record that has one more."""
    with (capi / "abi" / "symbols.txt").open("a") as symbols:
        symbols.write("pkgreg_was_here@PKGREG_1\n")


def add_symbol(capi):
    edit(capi / "abi" / "symbols.txt", r"^pkgreg_version@PKGREG_1\n", "")


def change_value(capi):
    edit(capi / "abi" / "constants.txt", r"^PKGREG_LOCKED = 106$", "PKGREG_LOCKED = 206")


def add_value(capi):
    edit(capi / "abi" / "constants.txt", r"^PKGREG_LOCKED = 106\n", "")


def move_field(capi):
    """pkgreg_blob_info had its digest elsewhere."""
    edit(capi / "abi" / "libpkgreg.abi.xml",
         r"layout-offset-in-bits='128'>(\s*<var-decl name='digest')", r"layout-offset-in-bits='192'>\1")


def append_field(capi):
    """pkgreg_blob_info had no digest yet: it was appended."""
    edit(capi / "abi" / "libpkgreg.abi.xml",
         r"(name='pkgreg_blob_info' size-in-bits=)'1216'", r"\1'128'")
    edit(capi / "abi" / "libpkgreg.abi.xml",
         r"<data-member[^>]*layout-offset-in-bits='128'>\s*<var-decl name='digest'[^>]*>\s*</data-member>", "")


def change_parameter(capi):
    """pkgreg_list_count took something else."""
    edit(capi / "abi" / "libpkgreg.abi.xml",
         r"(<function-decl name='pkgreg_list_count'[^>]*>\s*)<parameter type-id='\w+'/>", r"\1")


def forget_in_map(capi):
    edit(capi / "pkgreg.map", r"^ +pkgreg_version;\n", "")


def declare_more(capi):
    edit(capi / "pkgreg.h", r"^PKGREG_API void pkgreg_server_free",
         "PKGREG_API void pkgreg_more(void);\nPKGREG_API void pkgreg_server_free")


# What is done to a copy, what the report must name, whether it may be recorded.
CHANGES = [
    (remove_symbol, "gone or changed: pkgreg_was_here", False),
    (add_symbol, "new: pkgreg_version", True),
    (change_value, "PKGREG_LOCKED", False),
    (add_value, "new: PKGREG_LOCKED = 106", True),
    (move_field, "gone or changed: pkgreg_blob_info", False),
    (append_field, "pkgreg_blob_info", True),
    (change_parameter, "gone or changed: pkgreg_list_count", False),
    (forget_in_map, "pkgreg_version", False),
    (declare_more, "pkgreg_more", False),
]


def check(capi, library, *options):
    command = [sys.executable, "-B", str(capi / "abi" / "check.py"), library, *options]
    done = subprocess.run(command, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


def main(library):
    code, report = check(CAPI, library)
    if code == 77:
        print(report)
        return 77
    for change, named, recordable in CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            capi = Path(folder) / "capi"
            shutil.copytree(CAPI, capi, ignore=shutil.ignore_patterns("src"))
            change(capi)
            code, report = check(capi, library)
            assert code == 1 and named in report, f"{change.__name__} was not found:\n{report}"
            code, report = check(capi, library, "--record")
            assert (code == 0) == recordable, f"recording {change.__name__}: {code}\n{report}"
            if recordable:
                code, report = check(capi, library)
                assert code == 0, report
            print(f"found: {change.__name__}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
