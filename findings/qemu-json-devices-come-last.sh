#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU makes the devices of its command line in the order in which they stand there, one
# would think, and says of intel-iommu that it has to be before the devices behind it. But
# those that are given in JSON come after all others. libvirt gives its devices in JSON, the
# unit among them, so a device of <qemu:commandline> that is not in JSON is made before the
# unit and is not behind it, without a word. The document's domain has it in JSON.
#
# Seen in 10.0.2: "two" is in slot 1 and "one", which stands before it, in slot 2.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

slot() { # ID
	awk -v id="\"$1\"" '/dev: / { own = index($0, "id " id) } own && /addr = / {
		print $3; exit }' "$FOLDER/tree"
}

qemu_10_0
printf 'info qtree\nquit\n' |
	"$QEMU" "${QEMU_ARGS[@]}" -machine q35 -display none -nodefaults -S -monitor stdio \
		-device '{"driver":"edu","id":"one"}' -device edu,id=two |
	tr -d '\r' >"$FOLDER/tree"
echo "one: $(slot one), two: $(slot two)"
[ "$(slot one) $(slot two)" = '02.0 01.0' ]
