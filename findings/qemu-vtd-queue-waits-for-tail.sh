#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A queue that stopped at an error goes on when software clears FSTS_REG.IQE (VT-d
# specification, section 6.5.2). So a driver repairs the descriptor at the head and clears
# the bit; Linux does not write the tail again (qi_check_fault()). In QEMU 10.0.2 nothing
# happens until the tail is written once more. IQERCD_REG, which should tell why the queue
# stopped, always reads 0.
#
# vtd_shadow runs the queue when the bit is cleared, and reports the reason.
#
# Seen: "Head after IQE was cleared: 0x10", "Head after IQT was written again: 0x30".

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35 -device intel-iommu,caching-mode=on <<'PYTHON'
from registers import Vtd, expect

unit = Vtd()
unit.put_status(1, 0x200000)
# Type 15 does not exist: an error that the unit reports
unit.put(15)
unit.put_status(3, 0x200010)
unit.set(Vtd.IQT, unit.tail)
expect("Fault status", unit.get(Vtd.FSTS, 4), 0x10)
expect("Reason in IQERCD", unit.get(Vtd.IQERCD), 0)

# As a driver recovers
unit.write(Vtd.QUEUE + 16, Vtd.WAIT | Vtd.WAIT_SW | 2 << 32)
unit.write(Vtd.QUEUE + 24, 0x200008)
unit.set(Vtd.FSTS, 0x10, 4)
expect("Fault status after it was cleared", unit.get(Vtd.FSTS, 4), 0)
expect("Head after IQE was cleared", unit.get(Vtd.IQH), 0x10)
unit.set(Vtd.IQT, unit.tail)
expect("Head after IQT was written again", unit.get(Vtd.IQH), 0x30)
expect("Status of the descriptor that was repaired", unit.read(0x200008, 4), 2)
unit.end()
PYTHON
