#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A device behind a bridge has another requester ID when the guest gives the bus another
# number. Hardware looks the new one up in the root and context tables, and software has
# nothing to invalidate: without caching mode nothing was cached for the new ID. In QEMU
# 10.0.2 the context entry that the unit caches belongs to the place of the device, not to
# its ID: the device goes on with the tables of the old number until the guest invalidates
# contexts, and its translations, for another reason. The series for QEMU look at the
# contexts when a bus gets another number, and vtd_shadow is told of the new ID.
#
# Seen: DMA of 02:00.0 goes to the page of 01:00.0, and to its own after a global
# invalidation.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
# Firmware that halts the processor
head -c 64K /dev/zero | tr '\0' '\364' >"$FOLDER/halt"
registers -bios "$FOLDER/halt" -machine q35 -device intel-iommu \
	-device pcie-root-port,id=bridge,bus=pcie.0,addr=1 -device edu,bus=bridge <<'PYTHON'
import time

from qtest import Machine
from registers import expect

UNIT, BAR, BRIDGE = 0xFED90000, 0xE0000000, 1
RTADDR, GCMD, CCMD, IOTLB = 0x20, 0x18, 0x28, 0xF8
TE, SRTP, ICC_GLOBAL, IVT_GLOBAL = 1 << 31, 1 << 30, 1 << 63 | 1 << 61, 1 << 63 | 1 << 60
ROOT, IOVA, CONTENT = 0x100000, 0x5000, 0x1122334455667788
PAGES = {1: 0x310000, 2: 0x320000}

machine = Machine()


def number(bus):
    """Give the bus behind the bridge its number."""
    machine.configure(0, BRIDGE, 0x18, bus << 16 | bus << 8)


def enable(bus, slot):
    """Let memory accesses through, in both directions."""
    machine.configure(bus, slot, 0x04, 6)


def translate(bus, page):
    """Map IOVA to a page for device 0 of a bus: four levels of tables."""
    context, tables = ROOT + bus * 0x10000, [ROOT + bus * 0x10000 + n * 4096 for n in (1, 2, 3, 4)]
    machine.write(ROOT + bus * 16, context | 1)
    machine.write(context, tables[0] | 1)
    machine.write(context + 8, bus << 8 | 2)
    for table, below in zip(tables, tables[1:]):
        machine.write(table, below | 3)
    machine.write(tables[3] + (IOVA >> 12) * 8, page | 3)


def dma(command):
    """Have the device copy 8 bytes: 1 from memory, 3 to memory."""
    inside = 0x40000
    source, target = (IOVA, inside) if command == 1 else (inside, IOVA)
    for register, value in ((0x80, source), (0x88, target), (0x90, 8), (0x98, command)):
        machine.write(BAR + register, value)
    time.sleep(0.5)


number(1)
machine.configure(0, BRIDGE, 0x20, BAR >> 16 | BAR & 0xFFF00000)
machine.configure(1, 0, 0x10, BAR)
enable(0, BRIDGE)
enable(1, 0)
for bus, page in PAGES.items():
    translate(bus, page)
machine.write(UNIT + RTADDR, ROOT)
machine.write(UNIT + GCMD, SRTP, "l")
machine.write(UNIT + GCMD, TE, "l")

machine.write(PAGES[1], CONTENT)
dma(1)
machine.write(PAGES[1], 0)
number(2)
dma(3)
expect("Page of 01:00.0", machine.read(PAGES[1]), CONTENT)
expect("Page of 02:00.0", machine.read(PAGES[2]), 0)
machine.write(UNIT + CCMD, ICC_GLOBAL)
machine.write(UNIT + IOTLB, IVT_GLOBAL)
dma(3)
expect("Page of 02:00.0 after all was invalidated", machine.read(PAGES[2]), CONTENT)
PYTHON
