#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An invalidation wait descriptor may have the fence flag FN alone: the descriptors behind
# it wait for those before it, without a status write or an interrupt (VT-d specification,
# section 6.5.2). The emulated unit of QEMU 10.0.2 takes such a descriptor for an error:
# the queue stops there and FSTS_REG.IQE is set, so a guest that fences this way loses its
# queue. vtd_shadow, when it runs the queue in QEMU's place, treats the descriptor as the
# barrier that it is.
#
# Seen: "Fault status: 0x10", "Head: 0x10" when the fence is second in the queue.

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
