#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare what the driver can write to the kernel's log with the table for operators.

  messages.py [FOLDER [DOCUMENT]]

FOLDER is drivers/iommu/vtd_shadow by default, its unit tests not included, DOCUMENT
Documentation/admin-guide/vtd_shadow_operate.rst. Exits with 1 if a message is not in the
table, is there with another level, or is gone, or if a text that ends a line is in a call
that this script does not know: that may be a message, too.

Serves test/style.sh; calls nothing. A word in capitals in the table stands for what the
driver fills in.
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve()
while not (TOP / "COPYING").exists():
    TOP = TOP.parent

COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', re.S)
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\S')
LEVEL = "emerg|alert|crit|err|warn|notice|info|cont|dbg|debug"
PRINTER = re.compile(rf"[a-z]+_({LEVEL})(?:_probe|_once|_ratelimited|_deferred)*")
WARNING = re.compile(r"WARN(?:_ONCE|_RATELIMIT)?|dev_WARN(?:_ONCE)?|(panic)")
PRINTK = re.compile(r"printk(?:_once|_ratelimited|_deferred)?|dev_printk|vprintk")
# They write to a file that somebody reads
NO_LOG = re.compile(r"seq_\w+|sysfs_emit\w*|sc?nprintf|TP_printk")
FIELD = re.compile(r"%(?:%|[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|t|j)?(?:p\w*|[a-z]))")
ROW = re.compile(r"   \* - ``(.+)``\n     - (\w+)\n     - \S.*\n(?:       .*\n)*     - \S")
BEGINNING = "   * - ``"
# What is after this label, to the end of the document
LABEL = ".. _vtd_shadow_messages:"


def without_comments(text):
    """The text without comments, line for line."""
    return COMMENT.sub(lambda m: m[1] or "\n" * m[0].count("\n") or " ", text)


class Source:
    """The messages of one file, and what is wrong with them."""

    def __init__(self, path):
        text = without_comments(path.read_text())
        self.name = path.name
        self.tokens = [(match[0], text.count("\n", 0, match.start()) + 1)
                       for match in TOKEN.finditer(text)]
        self.messages = set()
        self.faults = []
        self.has_prefix = '#define pr_fmt(fmt) "vtd_shadow: " fmt' in text
        self.known = set()
        self.read()

    def fault(self, line, text):
        """Notes what is wrong in a line."""
        self.faults.append(f"{self.name}:{line}: {text}")

    def arguments(self, at):
        """The arguments of the call whose parenthesis is at that token, as lists of numbers."""
        depth, found = 0, [[]]
        for i in range(at, len(self.tokens)):
            token = self.tokens[i][0]
            depth += (token in "([{") - (token in ")]}")
            if not depth:
                return found
            if token == "," and depth == 1:
                found.append([])
            elif i > at:
                found[-1].append(i)
        return found

    def read(self):
        """Notes all messages, and all texts that could be one."""
        for i, (name, line) in enumerate(self.tokens[:-1]):
            if self.tokens[i + 1][0] == "(" and self.tokens[i - 1][0] != "define":
                self.read_call(name, line, self.arguments(i + 1))
        for i, (token, line) in enumerate(self.tokens):
            if token.endswith('\\n"') and i not in self.known:
                self.fault(line, f"is this a message? {token}")

    def read_call(self, name, line, arguments):
        """Notes the message of one call, if it is one of those that print."""
        texts = [numbers for numbers in arguments
                 if any(self.tokens[i][0].startswith('"') for i in numbers)]
        level = None
        if match := PRINTER.fullmatch(name):
            level = match[1] if texts or name.startswith(("pr_", "dev_", "pci_")) else None
        elif match := WARNING.fullmatch(name):
            level = "emerg" if match[1] else "warn"
        elif PRINTK.fullmatch(name):
            self.fault(line, f"{name}() has no level in its name: use pr_err() and the like")
        if level or NO_LOG.fullmatch(name):
            self.known.update(i for numbers in arguments for i in numbers)
        if level:
            self.note(name, line, level, texts)

    def note(self, name, line, level, texts):
        """Notes one message, whose text has to be a string and nothing else."""
        if not texts or not all(self.tokens[i][0].startswith('"') for i in texts[0]):
            self.fault(line, f"{name}() without a text of its own, which nobody could look up")
            return
        if name.startswith("pr_") and not self.has_prefix:
            self.fault(line, f"{name}() in a file whose pr_fmt() does not say vtd_shadow")
        text = "".join(self.tokens[i][0][1:-1] for i in texts[0])
        self.messages.add((level, text.removesuffix("\\n").replace('\\"', '"')))


def pattern(text):
    """What a row of the table may say for a format."""
    parts = [re.escape(part) for part in FIELD.split(text)]
    fields = FIELD.findall(text)
    words = [r"%" if field == "%%" else r"[A-Z]+" for field in fields] + [""]
    return re.compile("".join(part + word for part, word in zip(parts, words)))


def compare(messages, document):
    """What differs between the messages and the table, in words."""
    text = document.read_text().partition(LABEL)[2]
    rows = [(match[2], match[1]) for match in ROW.finditer(text)]
    left, faults = list(rows), []
    if len(rows) != text.count(BEGINNING):
        faults.append(f"{document.name}: a row has no line, level, meaning and advice")
    for level, message in sorted(messages):
        wanted = pattern(message)
        found = [row for row in left if wanted.fullmatch(row[1])]
        if not found:
            faults.append(f'not in {document.name}: {level} "{message}"')
        elif found[0][0] != level:
            faults.append(f"{document.name}: level {found[0][0]}, not {level}: {found[0][1]}")
        left = [row for row in left if row not in found[:1]]
    return faults + [f"{document.name}: the driver never says: {row[1]}" for row in left]


def main():
    """Reads the sources, compares, tells."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "drivers/iommu/vtd_shadow"
    document = Path(sys.argv[2]) if len(sys.argv) > 2 else (
        TOP / "Documentation/admin-guide/vtd_shadow_operate.rst")
    sources = [Source(path) for path in sorted(folder.glob("*.[ch]"))]
    messages = set().union(*(source.messages for source in sources))
    faults = [fault for source in sources for fault in source.faults]
    faults += compare(messages, document)
    if not messages:
        faults.append(f"no message in {folder}")
    print(*faults or [f"{len(messages)} messages, all in {document.name}"], sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
