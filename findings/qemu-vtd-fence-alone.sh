#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An invalidation wait descriptor may have the fence flag FN alone: what follows waits for
# what stands before, with no status write and no interrupt (VT-d specification, section
# 6.5.2). The emulated unit of QEMU 10.0.2 takes that for an error: the queue stops at
# it and FSTS_REG.IQE is set. A guest that fences so loses its queue; vtd_shadow, which
# runs the queue in its place, takes the descriptor for the barrier that it is.
#
# Seen: "Fault status: 0x10", "Head: 0x10" with the fence second in the queue.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35 -device intel-iommu,caching-mode=on <<'PYTHON'
from registers import Vtd, expect

unit = Vtd()
unit.put_status(1, 0x200000)
unit.put(Vtd.WAIT | Vtd.WAIT_FN)
unit.put_status(2, 0x200008)
unit.set(Vtd.IQT, unit.tail)
expect("Status before the fence", unit.read(0x200000, 4), 1)
expect("Status behind it", unit.read(0x200008, 4), 0)
expect("Head", unit.get(Vtd.IQH), 0x10)
expect("Fault status", unit.get(Vtd.FSTS, 4), 0x10)
unit.end()
PYTHON
