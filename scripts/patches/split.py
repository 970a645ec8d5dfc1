#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Split what overlay.sh lays into a kernel tree into a series of patches.

  split.py PRISTINE LAID OUT    PRISTINE and LAID have the files before and after

LAID becomes what the series amounts to: without what only other kernels need. The
patches are in OUT then. Which file is in which patch is in series.toml; a file that is
in none is an error. Run by patches.sh.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRIVER = Path("drivers/iommu/vtd_shadow")
MAKEFILE, KCONFIG = DRIVER / "Makefile", DRIVER / "Kconfig"
# Names that compat.h defines
COMPAT = re.compile(r"^#define (VTDS_\w+)|\b(vtds_\w+)\(", re.M)


def die(text):
    """Ends with one line."""
    sys.exit(f"patches: {text}")


def run(*command, **options):
    """Runs a program that has to succeed."""
    return subprocess.run(command, check=True, text=True, **options)


def expand(pattern):
    """The patterns that one with {a,b} stands for."""
    match = re.search(r"\{([^}]*)\}", pattern)
    if not match:
        return [pattern]
    return [pattern[:match.start()] + word + pattern[match.end():]
            for word in match.group(1).split(",")]


def files_in(folder):
    """All files in a folder, by their names in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(folder).parts}


# --- what the series amounts to ---

def forget_other_kernels(laid, leave_out):
    """Has the driver call this kernel directly, not through compat.h."""
    names = {name for pair in COMPAT.findall((laid / DRIVER / "compat.h").read_text())
             for name in pair if name} - {"VTDS_SHADOW_COMPAT_H"}
    word = re.compile(r"\b(" + "|".join(sorted(names)) +
                      r")\b|compat\.h\b|\bLINUX_VERSION_CODE\b|\bVTDS_HAS_")
    for pattern in sum(map(expand, leave_out), []):
        for path in list(laid.glob(pattern)) or die(f"{pattern} is not there"):
            path.unlink()
    users = [str(path) for path in sorted((laid / DRIVER).rglob("*.[ch]"))
             if word.search(path.read_text())]
    run("sed", "-i", "-f", str(HERE / "compat.sed"), *users)
    # spatch looks for its library in the first python of PATH, and Debian's has it.
    run("spatch", "--very-quiet", "--no-show-diff", "--sp-file", str(HERE / "compat.cocci"),
        "--in-place", *users, env=os.environ | {"PATH": "/usr/bin:/bin"}, cwd=laid)
    for path in users:
        left = word.search(Path(path).read_text())
        if left:
            die(f"{path}: {left.group()} is still there: compat.sed or compat.cocci lacks it")


def add_lines(laid, lines):
    """Adds the lines that overlay.sh does not."""
    for name, (line, anchor) in lines.items():
        path = laid / name
        text = path.read_text()
        if f"\n{anchor}\n" not in text:
            die(f"{name} has no line '{anchor}'")
        path.write_text(text.replace(f"\n{anchor}\n", f"\n{anchor}\n{line}\n", 1))


def drop_entries(laid, pristine):
    """Takes files that are not there out of our entry in MAINTAINERS."""
    old = (pristine / "MAINTAINERS").read_text().split("\n")
    lines = (laid / "MAINTAINERS").read_text().split("\n")
    files = files_in(laid)

    def stays(line):
        if line in old or not line.startswith("F:\t"):
            return True
        pattern = line[3:] + ("*" if line.endswith("/") else "")
        return any(fnmatch(name, pattern) for name in files)

    (laid / "MAINTAINERS").write_text("\n".join(filter(stays, lines)))


# --- the driver's own Makefile and Kconfig, which grow with the patches ---

def wrapped(left, words):
    """One line of a Makefile, or several."""
    lines = [left]
    for word in words:
        if len(lines[-1].expandtabs()) + len(word) > 84:
            lines[-1] += " \\"
            lines.append("\t\t")
        lines[-1] += word if lines[-1].endswith("\t") else " " + word
    return lines


class Makefile:
    """Statements that name objects; all else serves a build outside of a kernel tree."""

    STATEMENT = re.compile(r"(obj-\$\(CONFIG_\w+\)|CFLAGS_\S+|\w+-(?:y|\$\(CONFIG_\w+\)))"
                           r"\s*[:+]?=\s*(.*)")

    def __init__(self, text):
        self.statements, comment = [], []
        self.head = text.split("\n", 1)[0]
        for line in re.sub(r"\\\n", " ", text).split("\n"):
            match = self.STATEMENT.match(line)
            if match:
                self.statements.append((comment, match.group(1), match.group(2).split()))
            comment = comment + [line] if line.startswith("# ") and not match else []

    def parts(self, variable):
        """The objects of a module."""
        return {word for _, left, words in self.statements for word in words
                if left.startswith(variable + "-")}

    def has(self, obj, steps):
        """The first patch that has a source of the object, or None."""
        found = [steps[str(DRIVER / name)] for name in
                 [re.sub(r"o$", "c", part) for part in self.parts(obj[:-2]) or {obj}]
                 if str(DRIVER / name) in steps]
        return min(found, default=None)

    def write(self, steps):
        """The text when there are these files: objects of one patch in one statement."""
        lines, seen = [self.head], set()
        for comment, left, words in self.statements:
            if left.startswith("CFLAGS_"):
                if self.has(left.removeprefix("CFLAGS_"), steps) is not None:
                    lines += comment + [f"{left} := {' '.join(words)}"]
                continue
            if left.startswith("obj-"):
                if any(self.has(word, steps) is not None for word in words):
                    lines += ["", *comment, f"{left} += {' '.join(words)}"]
                continue
            at = {word: self.has(word, steps) for word in words}
            for step in sorted({step for step in at.values() if step is not None}):
                sign = "+=" if left in seen or not left.endswith("-y") else ":="
                seen.add(left)
                lines += wrapped(f"{left} {sign}", [word for word in words if at[word] == step])
        return "\n".join(lines) + "\n"


def kconfig(text, symbols):
    """The entries of these symbols."""
    head, *entries = re.split(r"^(?=config )", text, flags=re.M)
    found = [entry.rstrip("\n") + "\n" for entry in entries if entry.split()[1] in symbols]
    return head + "\n".join(found)


# --- the series ---

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def included(laid, name):
    """All of our files that one includes, and these in turn."""
    found, left = set(), [name]
    while left:
        name = left.pop()
        for other in INCLUDE.findall((laid / name).read_text()):
            other = os.path.normpath(os.path.join(os.path.dirname(name), other))
            if other not in found and (laid / other).is_file():
                found.add(other)
                left.append(other)
    return found


def check_order(laid, steps):
    """A source finds what it includes in its own patch, or before: each patch compiles."""
    for name in sorted(steps):
        if not fnmatch(name, f"{DRIVER}/*.c"):
            continue
        for other in sorted(included(laid, name)):
            if steps.get(other, 0) > steps[name]:
                die(f"{name} includes {other}, which comes in a later patch")


def assign(patches, files):
    """The number of the patch that has each file; each file has one."""
    steps = {}
    for number, patch in enumerate(patches):
        for pattern in sum(map(expand, patch["files"]), []):
            found = [name for name in files if fnmatch(name, pattern)]
            if not found and not pattern.endswith(".[ch]"):
                die(f"'{patch['subject']}' names {pattern}, which is not there")
            for name in found:
                steps.setdefault(name, number)
    for name in sorted(files - steps.keys()):
        print(f"patches: {name} is in no patch of series.toml", file=sys.stderr)
    for number, patch in enumerate(patches):
        if number not in steps.values():
            die(f"'{patch['subject']}' has no file")
    if files - steps.keys():
        sys.exit(1)
    return steps


def message(entry):
    """Subject and text as git takes them."""
    return entry["subject"] + "\n\n" + entry["body"].strip() + "\n"


class Series:
    """A git repository in which the patches are commits."""

    def __init__(self, tree):
        self.tree = tree
        self.git("init", "-q", "-b", "vtd_shadow")

    def git(self, *arguments):
        """Runs git in the repository."""
        run("git", "-C", str(self.tree), "-c", "core.autocrlf=false", *arguments)

    def commit(self, text):
        """Makes all there is a commit, build products that .gitignore names too."""
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", text)


def make_series(table, laid, tree, changed):
    """Commits one patch after the other."""
    patches = table["patch"]
    steps = assign(patches, changed)
    check_order(laid, steps)
    makefile = Makefile((laid / MAKEFILE).read_text())
    entries = (laid / KCONFIG).read_text()
    symbols = set()
    series = Series(tree)
    series.commit("the kernel")
    for number, patch in enumerate(patches):
        for name in (name for name in changed if steps[name] == number):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(laid / name, tree / name)
        symbols |= set(patch.get("kconfig", []))
        so_far = {name: step for name, step in steps.items() if step <= number}
        if str(MAKEFILE) in so_far:
            (tree / MAKEFILE).write_text(makefile.write(so_far))
        if str(KCONFIG) in so_far:
            (tree / KCONFIG).write_text(kconfig(entries, symbols))
        series.commit(message(patch))
    if kconfig(entries, symbols) != entries:
        die("series.toml has not all entries of Kconfig")
    shutil.copy(tree / MAKEFILE, laid / MAKEFILE)
    return series


def main():
    """Makes the series."""
    pristine, laid, out = map(Path, sys.argv[1:])
    table = tomllib.loads((HERE / "series.toml").read_text())
    forget_other_kernels(laid, table["leave_out"]["files"])
    add_lines(laid, table["lines"])
    drop_entries(laid, pristine)
    tree = laid.with_name("series")
    shutil.copytree(pristine, tree)
    before = files_in(pristine)
    changed = {name for name in files_in(laid) if name not in before
               or (laid / name).read_bytes() != (pristine / name).read_bytes()}
    series = make_series(table, laid, tree, changed - {".vtd_shadow.overlay"})
    series.git("config", "branch.vtd_shadow.description", message(table["cover"]))
    series.git("format-patch", "-q", "--zero-commit", "--no-signature", "--cover-letter",
               "--cover-from-description=subject", "-o", str(out.resolve()),
               f"HEAD~{len(table['patch'])}")


main()
