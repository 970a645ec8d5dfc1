# SPDX-License-Identifier: GPL-2.0-only
"""Access memory and registers of a stopped QEMU machine through its gdb stub."""

import subprocess
import sys


class Machine:
    """A stopped machine, started with the program and arguments of the command line."""

    def __init__(self):
        self.qemu = subprocess.Popen(
            [*sys.argv[1:], "-display", "none", "-nodefaults", "-S", "-gdb", "stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._ask("Qqemu.PhyMemMode:1") != "OK":
            sys.exit("no access to physical addresses")

    def _byte(self):
        byte = self.qemu.stdout.read(1)
        if not byte:
            sys.exit(f"QEMU ended: {self.qemu.wait()}")
        return byte

    def _ask(self, packet):
        data = packet.encode()
        self.qemu.stdin.write(b"$%s#%02x" % (data, sum(data) & 255))
        self.qemu.stdin.flush()
        answer = b""
        while self._byte() != b"$":
            pass
        while (byte := self._byte()) != b"#":
            answer += byte
        self.qemu.stdout.read(2)
        self.qemu.stdin.write(b"+")
        self.qemu.stdin.flush()
        return answer.decode()

    def read(self, address, size=8):
        """Read a register or a word of memory."""
        return int.from_bytes(
            bytes.fromhex(self._ask(f"m{address:x},{size:x}")), "little"
        )

    def write(self, address, value, size=8):
        """Write a register or a word of memory."""
        data = value.to_bytes(size, "little").hex()
        if self._ask(f"M{address:x},{size:x}:{data}") != "OK":
            sys.exit(f"cannot write to {address:#x}")

    def end(self):
        """End the machine."""
        self.qemu.kill()


class Vtd(Machine):
    """A machine with an Intel VT-d unit whose invalidation queue is enabled, at QUEUE."""

    BASE = 0xFED90000
    QUEUE = 0x100000
    CAP, ECAP, GCMD, GSTS, FSTS = 0x08, 0x10, 0x18, 0x1C, 0x34
    FEUADDR, IQH, IQT, IQA, ICS, IEUADDR, IQERCD = 0x44, 0x80, 0x88, 0x90, 0x9C, 0xAC, 0xB0
    QIE = 1 << 26
    # Wait descriptors: status write with its data, fence
    WAIT, WAIT_SW, WAIT_FN = 5, 1 << 5, 1 << 6

    def __init__(self):
        super().__init__()
        self.tail = 0
        self.set(self.IQA, self.QUEUE)
        self.set(self.GCMD, self.QIE, 4)

    def get(self, register, size=8):
        """Read a register of the unit."""
        return self.read(self.BASE + register, size)

    def set(self, register, value, size=8):
        """Write a register of the unit."""
        self.write(self.BASE + register, value, size)

    def put(self, low, high=0):
        """Put a descriptor at the tail without telling the unit."""
        self.write(self.QUEUE + self.tail, low)
        self.write(self.QUEUE + self.tail + 8, high)
        self.tail += 16

    def put_status(self, value, address):
        """Put a wait descriptor that writes its status to memory."""
        self.put(self.WAIT | self.WAIT_SW | value << 32, address)


def expect(what, seen, expected):
    """Print what was seen, and end the script if it is not as expected."""
    print(f"{what}: {seen:#x}")
    if seen != expected:
        sys.exit(f"that was {expected:#x}")
