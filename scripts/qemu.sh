#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU for the emulated host. The installed one does for all hosts but amd: only
# from 10.2 on does the emulated AMD unit translate what devices do, and that is
# to be had as a source package of a later release. It is built in the cache, once.
#
#   qemu.sh HOST    make sure that it is there, tell where
#
# Sourced, it gives qemu_for, which sets QEMU.

# shellcheck source=scripts/qemu-source.sh
source "$(dirname "${BASH_SOURCE[0]}")/qemu-source.sh"

# What 10.2 gets wrong: a leaf in a table of level 2 or 3 is 2 MiB or 1 GiB, not what
# an entry of the table below would be; and a device table entry without a page table
# and without permissions lets a device do nothing, not everything.
QEMU_REPAIRS=(
	's|/\* Leaf PTE found \*/|*page_size = PTE_LEVEL_PAGE_SIZE(level + 1);|'
	's|if (!dte_mode) {|if (!dte_mode \&\& amdvi_get_perms(dte[0])) {|'
)

# Run in the source. A version that a repair does not fit may need none, or another.
repair_qemu() {
	local file=hw/i386/amd_iommu.c repair
	for repair in "${QEMU_REPAIRS[@]}"; do
		cp "$file" "$file.before"
		sed -i "$repair" "$file"
		! cmp -s "$file" "$file.before" || die "no place in $file for $repair"
	done
}

qemu_build() { # sets QEMU
	local QEMU_FROM=(sid) QEMU_MIN=1:10.2 QEMU_MAX=1:999 QEMU_OPTIONS=(--enable-pixman)
	local QEMU_TARBALL QEMU_VERSION dir
	qemu_source qemu-source
	dir=$CACHE/qemu/$QEMU_VERSION-$(sha256sum \
		<<<"${QEMU_COMMON[*]} ${QEMU_OPTIONS[*]} ${QEMU_REPAIRS[*]}" | cut -c1-12)
	qemu_publish "$dir" "QEMU $QEMU_VERSION" repair_qemu
	prune "$CACHE/qemu/" "$dir"
	QEMU=$dir/qemu-system-x86_64
}

qemu_for() { # HOST: sets QEMU
	case $1 in
	intel | intel-sm | virtio) QEMU=qemu-system-x86_64 ;;
	amd) qemu_build ;;
	*) die "no host $1: HOST is intel, intel-sm, virtio or amd" ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	qemu_for "${1:-amd}"
	say "QEMU is $QEMU"
fi
