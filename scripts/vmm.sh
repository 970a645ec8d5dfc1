#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A VMM that uses vtd_shadow: QEMU with what is in integration/qemu, built in the
# cache, once. It is linked statically: copied anywhere, it runs.
#
#   vmm.sh    make sure that it is there, tell where
#
# Sourced, it gives vmm_build, which sets VMM to the program and VMM_FIRMWARE to the
# files that a q35 machine with -nodefaults -kernel wants to find with -L.

# shellcheck source=scripts/qemu-source.sh
source "$(dirname "${BASH_SOURCE[0]}")/qemu-source.sh"

VMM_INTEGRATION=$TOP/integration/qemu
VMM_HEADER=$TOP/include/uapi/linux/vtd_shadow.h

# New files, and the patches for where they are called. Run in the source.
integrate_vmm() {
	local patch
	cp -r "$VMM_INTEGRATION/hw" .
	cp "$VMM_HEADER" linux-headers/linux/
	for patch in "$VMM_INTEGRATION"/*.patch; do
		patch -p1 --fuzz=0 --no-backup-if-mismatch <"$patch"
	done
}

vmm_source() { # sets QEMU_TARBALL and QEMU_VERSION
	local QEMU_FROM=(bookworm-backports trixie) QEMU_MIN=1:10.0 QEMU_MAX=1:10.1
	qemu_source vmm-source
}

vmm_build() { # sets VMM and VMM_FIRMWARE
	local QEMU_OPTIONS=(--static --disable-pie --enable-kvm --enable-vhost-kernel
		--enable-vhost-net)
	local QEMU_TARBALL QEMU_VERSION dir
	vmm_source
	dir=$CACHE/vmm/$QEMU_VERSION-$({ echo "${QEMU_COMMON[*]} ${QEMU_OPTIONS[*]}" &&
		key "$VMM_INTEGRATION" "$VMM_HEADER"; } | sha256sum | cut -c1-12)
	qemu_publish "$dir" "QEMU $QEMU_VERSION with vtd_shadow" integrate_vmm
	prune "$CACHE/vmm/" "$dir"
	VMM=$dir/qemu-system-x86_64
	# shellcheck disable=SC2034  # for who sources this
	VMM_FIRMWARE=(/usr/share/seabios/bios-256k.bin
		/usr/share/qemu/{kvmvapic,linuxboot_dma}.bin)
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	vmm_build
	say "the VMM is $VMM"
fi
