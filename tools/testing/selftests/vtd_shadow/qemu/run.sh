#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots the emulated host: a PC with an IOMMU, the devices that the tests drive,
# and an initramfs with the modules and the test programs.
#
#   run.sh MODE RUN IMAGE MODULES TESTS [WHICH]
#
# MODE     kunit, selftest, soak, demo or shell (see init)
# RUN      an empty directory for what comes out: console.log, tap.log, verdict
# IMAGE    the kernel
# MODULES  a directory that holds the kernel's and our modules (*.ko)
# TESTS    a directory that holds the test programs and their list, "tests"
# WHICH    run only this program (or program:test), or these (with commas), or all
#          but these (!program,...)
#
# In the environment: HOST, the IOMMU (intel, intel-sm, virtio or amd); QEMU, the
# program; TIMEOUT, in seconds; for soak DURATION in seconds, SEED and VERBOSE.
#
# The status is QEMU's; what it means for the tests is in RUN.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MODE=$1 RUN=$2 IMAGE=$3 MODULES=$4 TESTS=$5 WHICH=${6:-}
HOST=${HOST:-intel} QEMU=${QEMU:-qemu-system-x86_64} TIMEOUT=${TIMEOUT:-3600}

# Module files by the names that the kernel shows, so that init finds them.
make_initramfs() {
	local root=$RUN/root file
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,modules,tests}
	cp /bin/busybox "$root/bin/"
	install -m 755 "$HERE/init" "$root/init"
	for file in "$MODULES"/*.ko; do
		cp "$file" "$root/modules/$(basename "$file" | tr - _)"
	done
	module_order "$root/modules" vfio_pci vfio_iommu_type1 vtd_shadow_vfio_pci |
		awk '!seen[$0]++' >"$root/modules/order"
	cp -r "$TESTS"/* "$root/tests/"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$RUN/initramfs"
	rm -rf "$root"
}

# module_order DIRECTORY NAME...: these modules and all that they need, each after
# its own needs; a name may come more than once
module_order() {
	local dir=$1 name needs
	shift
	for name in "$@"; do
		needs=$(modinfo -F depends "$dir/$name.ko" | tr ',-' ' _')
		# shellcheck disable=SC2086  # a list of words
		module_order "$dir" $needs
		echo "$name"
	done
}

# The host's IOMMU, and what the kernel must be told of it. iommufd hands out devices
# whose interrupts are not remapped only if it is allowed to. Scalable mode comes
# with enforced snooping, which KVM would rely on.
set_host() {
	HOST_ARGS=
	case $HOST in
	intel) IOMMU=intel-iommu,intremap=on HOST_ARGS=intel_iommu=on ;;
	intel-sm)
		IOMMU=intel-iommu,intremap=on,x-scalable-mode=on,snoop-control=on
		HOST_ARGS=intel_iommu=on,sm_on
		;;
	virtio) IOMMU=virtio-iommu-pci HOST_ARGS=iommufd.allow_unsafe_interrupts=1 ;;
	amd) IOMMU=amd-iommu,intremap=on,dma-remap=on ;;
	*)
		echo "no host $HOST: intel, intel-sm, virtio or amd" >&2
		exit 2
		;;
	esac
}

# Test devices. Each root port is an IOMMU group of its own; the two devices at
# the seventh share one. They are on a conventional bus, whose bridge speaks for
# them, or where the host cannot have that (virtio-iommu does not know such devices,
# Intel's driver in scalable mode not the bridge), functions of one device.
add_devices() {
	local i edu=edu,dma_mask=0xffffffffffffffff
	for i in 1 2 3 4 5 6 7 8; do
		ARGS+=(-device "pcie-root-port,id=rp$i,slot=$i,chassis=$i")
	done
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

# add_port NAME FILE: for what must not mix with the console
add_port() {
	ARGS+=(-chardev "file,id=$1,path=${2//,/,,}"
		-device "virtserialport,chardev=$1,name=vtd_shadow.$1")
}

# Huge pages are for guest memory, which unit tests do not have. Machine memory that
# nothing needs only makes leak scans longer. They would also read through all of a
# huge page of 1 GiB that the kernel takes at boot, so init asks for that one.
set_memory() {
	HUGE='hugepagesz=2M hugepages=256' MEMORY=6G
	[ "$MODE" != kunit ] || HUGE='' MEMORY=1G
}

# A busy machine may let the timer be late at boot and stall a processor for long:
# neither tells anything about the modules. A processor that sleeps with its timer
# set once was seen never to wake up on such a machine, so the timer ticks all the
# time.
command_line() {
	echo console=ttyS0 panic=-1 panic_on_warn=1 oops=panic "$HOST_ARGS" \
		no_timer_check nohz=off highres=off rcupdate.rcu_cpu_stall_timeout=300 \
		kunit.enable=1 iommu.debug_pagealloc=1 "$HUGE" \
		"VTD_MODE=$MODE" "VTD_WHICH=$WHICH" \
		"VTD_SECONDS=${DURATION:-}" "VTD_SEED=${SEED:-}" "VTD_VERBOSE=${VERBOSE:-}"
}

boot() {
	local limit=(timeout --foreground --kill-after=10 "$TIMEOUT")
	# No 5-level paging of the processor: early in its boot a kernel with KASAN
	# takes a good address for a wild one when an interrupt comes too soon.
	ARGS=(-nodefaults -no-user-config -display none -no-reboot
		-machine q35 -accel 'tcg,thread=multi' -cpu 'max,la57=off' -smp 2 -m "$MEMORY"
		-device "$IOMMU"
		-kernel "$IMAGE" -initrd "$RUN/initramfs" -append "$(command_line)"
		-device virtio-serial-pci)
	add_devices
	add_port tap "$RUN/tap.log"
	add_port verdict "$RUN/verdict"
	if [ "$MODE" = shell ]; then
		limit=()
		ARGS+=(-serial mon:stdio)
	else
		ARGS+=(-serial "file:${RUN//,/,,}/console.log")
	fi
	exec "${limit[@]}" "$QEMU" "${ARGS[@]}"
}

set_host
set_memory
make_initramfs
boot
