#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Software may turn the invalidation queue off when it is empty (VT-d specification,
# section 6.5.2: head and tail are equal, and what was in it is complete). QEMU 10.0.2
# wants the last descriptor to have been a wait descriptor, and takes a queue that never
# had one for busy: GSTS_REG.QIES stays set, and whoever polls it, as firmware does that
# turned the queue on for a successor and had no use for it, waits for ever.
#
# Seen: "GSTS after QIE was cleared: 0x4000000" for the new queue, 0x0 for the used one.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

qemu_10_0
registers -machine q35 -device intel-iommu,caching-mode=on <<'PYTHON'
from registers import Vtd, expect

unit = Vtd()
expect("Head and tail", unit.get(Vtd.IQH) | unit.get(Vtd.IQT), 0)
unit.set(Vtd.GCMD, 0, 4)
expect("GSTS after QIE was cleared", unit.get(Vtd.GSTS, 4), Vtd.QIE)

unit.put_status(1, 0x200000)
unit.set(Vtd.IQT, unit.tail)
unit.set(Vtd.GCMD, 0, 4)
expect("The same with one wait descriptor done", unit.get(Vtd.GSTS, 4), 0)
unit.end()
PYTHON
