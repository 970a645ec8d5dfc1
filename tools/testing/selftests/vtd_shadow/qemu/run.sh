#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots the emulated host: a PC with an IOMMU, the devices that the tests drive,
# and an initramfs with the modules and the test programs.
#
#   run.sh MODE RUN IMAGE MODULES TESTS [WHICH]
#
# MODE     kunit, selftest, soak, races, load, demo, bench, profile or shell (see init)
# RUN      an empty directory for what comes out: console.log, tap.log, verdict
# IMAGE    the kernel
# MODULES  a directory that holds the kernel's and our modules (*.ko)
# TESTS    a directory that holds the test programs and their list, "tests"; empty for
#          kunit, which has none
# WHICH    run only this program (or program:test), or these (with commas; of some only
#          one variant, program/variant), or all but these (!program,...)
#
# In the environment: HOST, the IOMMU (see machine.sh); QEMU, the program; PLUGINS for it;
# TIMEOUT, in seconds; for soak and races DURATION in seconds and SEED; for soak VERBOSE.
#
# The status is QEMU's; what it means for the tests is in RUN.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$HERE/machine.sh"

MODE=$1 RUN=$2 IMAGE=$3 MODULES=$4 TESTS=$5 WHICH=${6:-}

make_initramfs() {
	local root=$RUN/root wanted=(vfio_pci vfio_iommu_type1 vtd_shadow_vfio_pci)
	[[ $MODE != @(bench|profile) ]] || wanted+=(vtds_floor)
	# Where a device leads, for tests that ask nobody else
	wanted+=('vtds_walk?')
	base_initramfs "$root" "$HERE/init" "$MODULES" "${wanted[@]}"
	[ -z "$TESTS" ] || cp -r "$TESTS" "$root/tests"
	pack_initramfs "$root" "$RUN/initramfs"
}

# Test devices. Each root port is an IOMMU group of its own; the two devices at
# the seventh share one. They are on a conventional bus, whose bridge speaks for
# them, or where the host cannot have that (virtio-iommu does not know such devices,
# Intel's driver in scalable mode not the bridge), functions of one device.
add_devices() {
	local i edu=edu,dma_mask=0xffffffffffffffff
	add_ports 8
	for i in 1 2 3 4 5 6; do
		ARGS+=(-device "$edu,bus=rp$i")
	done
	case $HOST in
	intel | amd)
		ARGS+=(-device 'pcie-pci-bridge,id=shared,bus=rp7'
			-device "$edu,bus=shared,addr=1" -device "$edu,bus=shared,addr=2")
		;;
	*)
		ARGS+=(-device "$edu,bus=rp7,addr=0.0,multifunction=on"
			-device "$edu,bus=rp7,addr=0.1")
		;;
	esac
	truncate -s 64M "$RUN/disk"
	ARGS+=(-drive "if=none,id=disk,format=raw,file=${RUN//,/,,}/disk"
		-device 'nvme,bus=rp8,serial=vtd_shadow,drive=disk')
}

# As many devices as a test of large numbers has units, each alone in its group: root
# ports are eight functions of one device of the bus.
add_many_devices() {
	local i port
	for ((i = 0; i < 64; i++)); do
		port="pcie-root-port,id=many$i,chassis=$((100 + i)),slot=$((100 + i))"
		port+=",addr=$(printf %x.%x $((16 + i / 8)) $((i % 8)))"
		[ $((i % 8)) -ne 0 ] || port+=,multifunction=on
		ARGS+=(-device "$port" -device "edu,dma_mask=0xffffffffffffffff,bus=many$i")
	done
}

# Huge pages are for guest memory, which unit tests do not have. Machine memory that
# nothing needs only makes leak scans longer. They would also read through all of a
# huge page of 1 GiB that the kernel takes at boot, so init asks for that one.
set_memory() {
	HUGE='hugepagesz=2M hugepages=256' MEMORY=6G
	[ "$MODE" != kunit ] || HUGE='' MEMORY=1G
	[ "$MODE" != demo ] || HUGE='' MEMORY=2G
	# A guest of 4 GiB, and what iommufd keeps for a million areas
	[[ $MODE != @(bench|profile) ]] || MEMORY=10G
}

command_line() {
	local checks=iommu.debug_pagealloc=1
	[[ $MODE != @(bench|profile) ]] || checks=
	echo kunit.enable=1 "$checks" "$HUGE" \
		"VTD_MODE=$MODE" "VTD_WHICH=$WHICH" \
		"VTD_SECONDS=${DURATION:-}" "VTD_SEED=${SEED:-}" "VTD_VERBOSE=${VERBOSE:-}"
}

set_host
set_memory
make_initramfs
start_machine "$MEMORY" "$(command_line)"
[ "$MODE" = kunit ] || add_devices
[ "$MODE" != load ] || add_many_devices
run_machine "$MODE"
