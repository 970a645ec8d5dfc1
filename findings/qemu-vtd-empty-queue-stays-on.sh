#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Software may turn the invalidation queue off when the queue is empty (VT-d
# specification, section 6.5.2: head and tail are equal, and all descriptors are
# complete). QEMU 10.0.2 demands that the last descriptor was a wait descriptor, and takes
# a queue that never had one for busy: GSTS_REG.QIES stays set. Whoever polls that bit
# waits for ever, as does firmware that turned the queue on for a successor and never
# used it.
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
