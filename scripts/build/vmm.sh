# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A VMM that uses vtd_shadow. That is the QEMU which emulates the host, too, see qemu.sh,
# unless VMM is another release in the environment:
#
#   VMM=10.0   QEMU 10.0 with what is in integration/qemu, linked statically
#
# Sourced by guest.sh; it gives vmm_build, which sets VMM_PROGRAM, and VMM_FIRMWARE to the
# files that a q35 machine with -nodefaults -kernel wants to find with -L, for Linux and
# for Xen.

# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"

VMM=${VMM:-$QEMU_RELEASE}

vmm_10_0_build() { # sets VMM_PROGRAM
	local QEMU_FROM=(bookworm-backports trixie) QEMU_MIN=1:10.0 QEMU_MAX=1:10.1
	local QEMU_OPTIONS=(--static --disable-pie --enable-kvm --enable-vhost-kernel
		--enable-vhost-net)
	local QEMU_TARBALL QEMU_VERSION dir parts
	qemu_source vmm-source
	mapfile -t parts < <(qemu_integration 10.0)
	dir=$CACHE/vmm/$QEMU_VERSION-$({
		echo "${QEMU_COMMON[*]} ${QEMU_OPTIONS[*]}"
		key "${parts[@]}"
	} | sha256sum | cut -c1-12)
	qemu_publish "$dir" "QEMU $QEMU_VERSION with vtd_shadow" qemu_integrate 10.0
	prune "$CACHE/vmm/" "$dir"
	VMM_PROGRAM=$dir/qemu-system-x86_64
}

# shellcheck disable=SC2034  # for who sources this
vmm_build() { # sets VMM_PROGRAM and VMM_FIRMWARE
	case $VMM in
	"$QEMU_RELEASE")
		qemu_build
		VMM_PROGRAM=$QEMU
		;;
	10.0) vmm_10_0_build ;;
	*) die "no VMM $VMM: it is $QEMU_RELEASE or 10.0" ;;
	esac
	VMM_FIRMWARE=(/usr/share/seabios/bios-256k.bin
		/usr/share/qemu/{kvmvapic,linuxboot_dma,multiboot_dma}.bin)
}
