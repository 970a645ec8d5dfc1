# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A VMM that uses vtd_shadow. That is the QEMU which emulates the host, too, see qemu.sh,
# unless VMM is another release in the environment:
#
#   VMM=10.0   QEMU 10.0 with what is in integration/qemu, linked statically
#   VMM=PATH   this program, which is not built: a qemu-system-x86_64 of somebody who
#              works on QEMU, with the devices of qemu-devices.mak
#
# Sourced by guest.sh; it gives vmm_build, which sets VMM_PROGRAM, and VMM_FIRMWARE to the
# files that a q35 machine with -nodefaults -kernel wants to find with -L, for Linux and
# for Xen.

# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"

VMM=${VMM:-$QEMU_RELEASE}

VMM_10_0_CONFIGURE=(--static --disable-pie --disable-debug-info --without-default-devices
	--with-devices-x86_64=vtd_shadow --enable-kvm --enable-vhost-kernel --enable-vhost-net)

prepare_vmm_10_0() {
	qemu_integrate 10.0
	qemu_choose_devices
}

# Debian 13 has the newest of 10.0
vmm_10_0_source() { # sets QEMU_TARBALL and QEMU_VERSION
	local QEMU_FROM=(trixie bookworm-backports) QEMU_MIN=1:10.0 QEMU_MAX=1:10.1
	qemu_source vmm-source-10.0
}

# The source of a release that there is a series for, see qemu-series.sh
vmm_source() { # RELEASE: sets QEMU_TARBALL, QEMU_VERSION and QEMU_OPTIONS
	case $1 in
	"$QEMU_RELEASE")
		qemu_newest
		QEMU_OPTIONS=("${QEMU_CONFIGURE[@]}")
		;;
	10.0)
		vmm_10_0_source
		# shellcheck disable=SC2034  # for who sources this
		QEMU_OPTIONS=("${VMM_10_0_CONFIGURE[@]}")
		;;
	*) die "no series for QEMU $1" ;;
	esac
}

# Where it is, if it was downloaded
vmm_tarball() { # RELEASE
	case $1 in
	"$QEMU_RELEASE") echo "$CACHE"/qemu-source/*.xz ;;
	*) echo "$CACHE/vmm-source-$1"/*.xz ;;
	esac
}

vmm_10_0_build() { # sets VMM_PROGRAM
	local QEMU_OPTIONS=("${VMM_10_0_CONFIGURE[@]}") QEMU_TARBALL QEMU_VERSION dir
	vmm_10_0_source
	dir=$CACHE/vmm/$QEMU_VERSION-$({
		echo "${QEMU_COMMON[*]} ${QEMU_OPTIONS[*]}"
		key "$QEMU_DEVICES"
		series_key 10.0
	} | sha256sum | cut -c1-12)
	qemu_publish "$dir" "QEMU $QEMU_VERSION with vtd_shadow" prepare_vmm_10_0
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
	*/*)
		[ -x "$VMM" ] || die "VMM=$VMM is no program"
		need_qemu_packages
		VMM_PROGRAM=$VMM
		;;
	*) die "no VMM $VMM: it is $QEMU_RELEASE, 10.0 or the path of a program" ;;
	esac
	VMM_FIRMWARE=(/usr/share/seabios/bios-256k.bin
		/usr/share/qemu/{kvmvapic,linuxboot_dma,multiboot_dma}.bin)
}
