# SPDX-License-Identifier: GPL-2.0-only
"""Access memory and I/O ports of a QEMU machine that runs, by its test protocol."""

import atexit
import subprocess
import sys


class Machine:
    """A machine, started with the program and arguments of the command line."""

    def __init__(self):
        self.qemu = subprocess.Popen(
            [*sys.argv[1:], "-display", "none", "-nodefaults", "-qtest", "stdio",
             "-qtest-log", "none"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.qemu.kill)

    def ask(self, *words):
        """Give a command, with numbers as they are, and return what it answers."""
        words = [word if isinstance(word, str) else f"{word:#x}" for word in words]
        self.qemu.stdin.write(" ".join(words) + "\n")
        self.qemu.stdin.flush()
        while answer := self.qemu.stdout.readline().split():
            if answer[0] == "OK":
                return answer[1:]
            if answer[0] != "IRQ":
                sys.exit(" ".join(answer))
        sys.exit(f"QEMU ended: {self.qemu.wait()}")

    def read(self, address):
        """Read 64 bits."""
        return int(self.ask("readq", address)[0], 0)

    def write(self, address, value, size="q"):
        """Write 64 bits, or 32 if the size is l."""
        self.ask("write" + size, address, value)

    def configure(self, bus, slot, register, value):
        """Write to a PCI configuration register."""
        self.ask("outl", 0xCF8, 1 << 31 | bus << 16 | slot << 11 | register)
        self.ask("outl", 0xCFC, value)
