#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# COMPLETION_WAIT with the interrupt flag sets ComWaitInt, bit 2 of the status register,
# and software clears the bit by writing 1 to it (AMD I/O Virtualization Technology
# specification, MMIO offset 2020h). In QEMU 10.0.2 the bit stays set: a handler that
# clears what it served sees the bit again each time.
#
# Seen: "Status: 0x14", and still 0x14 after 4 was written to the register.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35 -device amd-iommu <<'PYTHON'
from registers import Machine, expect

BASE, COMMANDS = 0xFED80000, 0x100000
COMMAND_BASE, CONTROL, HEAD, TAIL, STATUS = 0x08, 0x18, 0x2000, 0x2008, 0x2020
ENABLE, COMMANDS_ENABLE = 1 << 0, 1 << 12
WAIT, WAIT_STORE, WAIT_INTERRUPT = 1 << 60, 1 << 0, 1 << 1

unit = Machine()
unit.write(BASE + COMMAND_BASE, COMMANDS | 8 << 56)
unit.write(BASE + CONTROL, ENABLE | COMMANDS_ENABLE)
unit.write(COMMANDS, WAIT | WAIT_STORE | WAIT_INTERRUPT | 0x200000)
unit.write(COMMANDS + 8, 7)
unit.write(BASE + TAIL, 16)
expect("Stored", unit.read(0x200000), 7)
expect("Status", unit.read(BASE + STATUS, 4), 0x14)
unit.write(BASE + STATUS, 1 << 2, 4)
expect("Status after ComWaitInt was cleared", unit.read(BASE + STATUS, 4), 0x14)
unit.end()
PYTHON
