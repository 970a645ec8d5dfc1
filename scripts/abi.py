#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare the interface to user space with what it was when it was recorded.

  abi.py                check the header against each record
  abi.py check HEADER   check another header
  abi.py record NAME    record the header as NAME: that of a release

A record is a folder of tools/testing/selftests/vtd_shadow/abi with the header as it was, and
its layout as pahole sees it: each structure with its fields, each value. Programs that
were built with the header of a record have to go on working, so a check fails if a field
moved or changed its size or sign, if a value changed, or if something is gone. Allowed, and
told, are new structures and values, structures that grew at their end, and names for
bytes that were reserved. The layout has to be the same for 32 bits as for 64.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
HEADER = TOP / "include/uapi/linux/vtd_shadow.h"
RECORDS = TOP / "tools/testing/selftests/vtd_shadow/abi"
MEMBER = re.compile(r"\t(\S.*?)\s+(\w+)(\[\d+\])?\s*(?:__attribute__\(\(.*?\)\))?;\s*"
                    r"/\*\s*(\d+)\s+(\d+) \*/")


def run(*command, **options):
    """Standard output of a program that has to succeed."""
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def names(header):
    """What has a value: macros without arguments, and enumerators."""
    found = run("ctags", "--kinds-C=de", "--fields-C={macrodef}", "-x",
                "--_xformat=%N %{C.macrodef}", str(header))
    words = [line.split(" ", 1) for line in found.splitlines()]
    return [name for name, body in words if not name.startswith("_") and '"' not in body]


def layout(header, bits):
    """The lines of a layout."""
    source = '#include "' + str(header.resolve()) + '"\nenum values {\n'
    source += "".join(f"\tvalue_{name} = {name},\n" for name in names(header)) + "};\n"
    with tempfile.TemporaryDirectory() as folder:
        obj = folder + "/layout.o"
        run("gcc", f"-m{bits}", "-g", "-fno-eliminate-unused-debug-types", "-x", "c", "-c",
            "-o", obj, "-", input=source)
        structs = run("pahole", "--sort", obj)
        values = run("pahole", "-C", "values", obj)
    lines, struct = [], None
    for line in structs.splitlines():
        if re.match(r"struct vtd_shadow_\w+ \{", line):
            struct = line.split()[1]
        member = MEMBER.match(line)
        if struct and member:
            kind, name, array, offset, size = member.groups()
            lines.append(f"{struct}.{name}{array or ''} at {offset} size {size} {kind}")
        size = re.search(r"/\* size: (\d+)", line)
        if struct and size:
            lines.append(f"{struct} size {size.group(1)}")
        if line.startswith("}"):
            struct = None
    lines += [f"{name} = {int(value)}" for name, value in
              re.findall(r"\tvalue_(\w+)\s*= (-?\d+)", values)]
    return sorted(lines)


class Layout:
    """What the lines of a layout say."""

    def __init__(self, lines):
        self.values, self.sizes, self.fields = {}, {}, {}
        for line in lines:
            if " = " in line:
                name, value = line.split(" = ")
                self.values[name] = value
            elif " at " in line:
                name, _, offset, _, size, kind = line.split(" ", 5)
                self.fields[name] = (int(offset), int(size), kind)
            else:
                name, _, size = line.split()
                self.sizes[name] = int(size)

    def reserved(self, struct):
        """The bytes of a structure that mean nothing yet."""
        return {byte for name, (offset, size, _) in self.fields.items()
                if re.match(rf"{struct}\.__reserved", name)
                for byte in range(offset, offset + size)}


def field_errors(old, new):
    """What became of fields."""
    for name, place in old.fields.items():
        if ".__reserved" not in name and new.fields.get(name) != place:
            yield f"{name} was at {place}, is at {new.fields.get(name, 'no place')}"
    for name, (offset, size, _) in new.fields.items():
        struct = name.split(".")[0]
        if name in old.fields or struct not in old.sizes or ".__reserved" in name:
            continue
        room = old.reserved(struct)
        if offset < old.sizes[struct] and not set(range(offset, offset + size)) <= room:
            yield f"{name} is new at {offset}, where something else was"


def size_errors(old, new):
    """What became of structures. One that does not tell its size cannot grow."""
    for struct, size in old.sizes.items():
        now = new.sizes.get(struct)
        grows = new.fields.get(f"{struct}.size", (1,))[0] == 0
        if now is None:
            yield f"{struct} is gone"
        elif now < size or (now > size and not grows):
            yield f"{struct} had {size} bytes, has {now}"


def errors(old, new):
    """What programs would not bear."""
    yield from size_errors(old, new)
    yield from field_errors(old, new)
    for name, value in old.values.items():
        if new.values.get(name) != value:
            yield f"{name} was {value}, is {new.values.get(name, 'gone')}"


def additions(old, new):
    """What is new."""
    for part in "sizes", "fields", "values":
        before, now = getattr(old, part), getattr(new, part)
        for name in now:
            struct = name.split(".")[0]
            known = struct == name or struct in old.sizes
            if name not in before and known and ".__reserved" not in name:
                yield name


def check(header):
    """Whether the header goes with all records."""
    lines = layout(header, 64)
    failed = []
    if lines != layout(header, 32):
        failed.append("the layout is another one for 32 bits")
    records = sorted(RECORDS.glob("*/layout"))
    if not records:
        failed.append(f"no record in {RECORDS.relative_to(TOP)}")
    for path in records:
        recorded = path.read_text().splitlines()[1:]
        if recorded != layout(path.parent / "linux/vtd_shadow.h", 64):
            failed.append(f"{path.parent.name}: header and layout do not fit")
        old, new = Layout(recorded), Layout(lines)
        failed += [f"{path.parent.name}: {text}" for text in errors(old, new)]
        for name in additions(old, new):
            print(f"{path.parent.name}: new since: {name}")
    for text in failed:
        print(text, file=sys.stderr)
    return not failed


def record(name):
    """Keeps the header and its layout."""
    folder = RECORDS / name
    if folder.exists():
        sys.exit(f"abi.py: there is a record {name}: programs were built with it")
    if any(RECORDS.glob("*/layout")) and not check(HEADER):
        sys.exit("abi.py: what breaks programs is not recorded")
    (folder / "linux").mkdir(parents=True)
    shutil.copy(HEADER, folder / "linux")
    text = "# SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note\n"
    (folder / "layout").write_text(text + "\n".join(layout(HEADER, 64)) + "\n")


def main():
    """Does what the arguments ask for."""
    match sys.argv[1:]:
        case [] | ["check"]:
            sys.exit(not check(HEADER))
        case ["check", header]:
            sys.exit(not check(Path(header)))
        case ["record", name]:
            record(name)
        case _:
            sys.exit(__doc__)


main()
