#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Draw the calls between the files of the driver, and look for circles.

  calls.py [--dot] [FOLDER]    FOLDER is drivers/iommu/vtd_shadow by default

Prints the files in layers, each of which calls only those below it, and what
each file calls; with --dot a picture for graphviz instead. Exits with 1 if
files call each other in a circle, and names the calls that close it.

A file and its own header are one. An inline function of a header counts, and so
does a call through a pointer: a function that is handed to another one is
called by that one, a function in a table by the file of the table. ctags says
where functions are.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TOP = Path(__file__).resolve()
while not (TOP / "COPYING").exists():
    TOP = TOP.parent

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.S)
TOKEN = re.compile(r"[A-Za-z_]\w*|[()]|[;{}]")
# What these macros name outside of functions is not called by them
EXPORTS = re.compile(r"^\s*EXPORT_SYMBOL\w*\(.*?\)", re.M | re.S)


def functions(paths):
    """The functions in the files: dicts of ctags with path, name, line, end, kind."""
    command = ["ctags", "--languages=C", "--langmap=C:.c.h", "--output-format=json", "-f", "-",
               "--fields=+ne", "--kinds-C=fp", "-I", "VISIBLE_IF_KUNIT,__always_inline,noinline"]
    command += [str(path) for path in paths]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def without_noise(text):
    """The text without comments and strings, line for line."""
    return NOISE.sub(lambda match: "\n" * match.group().count("\n") or " ", text)


class Calls:
    """Which function of which file is called from where."""

    def __init__(self, folder):
        self.paths = sorted(folder.glob("*.[ch]"))
        self.files = {path.stem for path in self.paths}
        self.edges = defaultdict(lambda: defaultdict(set))
        self.local = defaultdict(dict)
        self.shared = {}
        tags = functions(self.paths)
        for tag in tags:
            if tag["kind"] != "function":
                continue
            stem = Path(tag["path"]).stem
            self.local[stem][tag["name"]] = stem
            if not tag.get("file") or tag["path"].endswith(".h"):
                self.shared[tag["name"]] = stem
        for path in self.paths:
            self.read(path, [tag for tag in tags if tag["path"] == str(path)])

    def file_of(self, name, stem):
        """The file of a function as it is named in another one, or None."""
        return self.local[stem].get(name) or self.shared.get(name)

    def read(self, path, tags):
        """Notes the calls of one file."""
        lines = without_noise(EXPORTS.sub("", path.read_text())).split("\n")
        stem = path.stem
        for tag in tags:
            last = tag.get("end", tag["line"])
            # A prototype may have several lines
            while tag["kind"] == "prototype" and ";" not in lines[last - 1]:
                last += 1
            if tag["kind"] == "function":
                body = "\n".join(lines[tag["line"] - 1:last])
                self.read_code(stem, body[body.find("{"):])
            for i in range(tag["line"] - 1, last):
                lines[i] = ""
        # What is left are tables
        if path.suffix == ".c":
            self.read_code(stem, "\n".join(lines))

    def read_code(self, stem, code):
        """Notes what is called, or handed over to be called, in some code."""
        tokens = TOKEN.findall(code)
        within = []
        for name, following in zip(tokens, tokens[1:] + [""]):
            if name == ")":
                within = within[:-1]
            elif name == "(":
                within.append(previous if previous.isidentifier() else "")
            elif self.file_of(name, stem):
                self.note(stem, name, following, within)
            previous = name

    def note(self, stem, name, following, within):
        """Notes one name of a function."""
        target = self.file_of(name, stem)
        self.edges[stem][target].add(name)
        if following == "(":
            return
        for outer in within:
            caller = self.file_of(outer, stem)
            if caller and outer != name:
                self.edges[caller][target].add(f"{name} through {outer}")

    def calls(self, stem):
        """The other files that a file calls."""
        return {other for other in self.edges[stem] if other != stem}


def components(nodes, calls):
    """Groups of files that reach each other, those that call nothing else first (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(calls(node)):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            found.append(stack[at:])
            del stack[at:]

    for node in sorted(nodes):
        if node not in index:
            visit(node)
    return found


def layers(groups, calls):
    """For each file how many stand below it."""
    height = {}
    for group in groups:
        below = [height[other] for node in group for other in calls(node) if other not in group]
        for node in group:
            height[node] = 1 + max(below, default=-1)
    return height


def print_text(calls, height):
    """Prints the layers from the top, and what each file calls."""
    for layer in range(max(height.values()), -1, -1):
        for node in sorted(node for node in height if height[node] == layer):
            print(f"{layer:2} {node:14} {' '.join(sorted(calls(node)))}".rstrip())


def print_dot(calls, height):
    """Prints a picture for dot: the top file at the top."""
    print("digraph calls {\n\trankdir=TB; node [shape=box, fontname=\"sans-serif\"];")
    for layer in sorted(set(height.values())):
        nodes = " ".join(f'"{node}";' for node in sorted(height) if height[node] == layer)
        print(f"\t{{ rank=same; {nodes} }}")
    for node in sorted(height):
        for other in sorted(calls(node)):
            print(f'\t"{node}" -> "{other}";')
    print("}")


def main():
    """Draws, and says whether there is a circle."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--dot"]
    folder = Path(arguments[0]) if arguments else TOP / "drivers/iommu/vtd_shadow"
    graph = Calls(folder)
    groups = components(graph.files, graph.calls)
    height = layers(groups, graph.calls)
    (print_dot if "--dot" in sys.argv else print_text)(graph.calls, height)
    circles = [group for group in groups if len(group) > 1]
    for group in circles:
        print(f"circle of {len(group)} files: {' '.join(sorted(group))}", file=sys.stderr)
        for node in sorted(group):
            for other in sorted(graph.calls(node) & set(group)):
                names = ", ".join(sorted(graph.edges[node][other]))
                print(f"  {node} calls {other}: {names}", file=sys.stderr)
    sys.exit(1 if circles else 0)


main()
