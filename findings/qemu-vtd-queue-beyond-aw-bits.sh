#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# aw-bits= of QEMU's intel-iommu is documented as the width of the addresses that devices
# use. In QEMU 10.0.2 it is the width of guest physical addresses, too: a guest that has
# memory beyond it, which the machine gives to it without a word, and keeps its invalidation
# queue there finds that the unit takes the address modulo that width. The series for QEMU
# take the width of physical addresses from the processor, and tell vtd_shadow that one.
#
# Seen: with aw-bits=39 IQA_REG of a queue at 512 GiB reads 0, and descriptors come from there.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35 -m 64,slots=1,maxmem=600G \
	-object memory-backend-ram,id=far,size=128M \
	-device pc-dimm,memdev=far,addr=0x8000000000 -device intel-iommu,aw-bits=39 <<'PYTHON'
from registers import Vtd, expect

FAR = 1 << 39


class Far(Vtd):
    """Its queue is in the DIMM."""

    QUEUE = FAR


unit = Far()
expect("IQA_REG", unit.get(Vtd.IQA), 0)
unit.put_status(1, 0x200000)
expect("Descriptor", unit.read(FAR), Vtd.WAIT | Vtd.WAIT_SW | 1 << 32)
unit.write(0, Vtd.WAIT | Vtd.WAIT_SW | 2 << 32)
unit.write(8, 0x200000)
unit.set(Vtd.IQT, unit.tail)
expect("Status", unit.read(0x200000, 4), 2)
unit.end()
PYTHON
