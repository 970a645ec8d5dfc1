#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A unit with ECAP_REG.EIM sends its own interrupts to x2APIC ids of 32 bits.
# FEUADDR_REG and IEUADDR_REG hold the upper 24 bits (VT-d specification, section 11.4:
# EIM requires both). With eim=on QEMU 10.0.2 sets EIM, but both registers read 0 whatever
# is written: fault and completion events go to the processor whose id has only the lower
# 8 bits of the one that the guest chose.
#
# Seen: "EIM: 0x1", "FEUADDR: 0x0", "IEUADDR: 0x0".

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35,kernel-irqchip=split -cpu max \
	-device intel-iommu,intremap=on,eim=on <<'PYTHON'
from registers import Vtd, expect

unit = Vtd()
expect("EIM", unit.get(Vtd.ECAP) >> 4 & 1, 1)
for name, register in (("FEUADDR", Vtd.FEUADDR), ("IEUADDR", Vtd.IEUADDR)):
    unit.set(register, 0x100, 4)
    expect(name, unit.get(register, 4), 0)
unit.end()
PYTHON
