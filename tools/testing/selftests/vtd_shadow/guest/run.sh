#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots the emulated host for virtual machines of its own: it has disks and a network
# card to give away, and a VMM to give them with.
#
#   run.sh MODE RUN IMAGE MODULES TESTS TOOLS [WHICH]
#
# MODE     guest, short, bench, profile, demo or shell (see init)
# RUN      an empty directory for what comes out: console.log, guests.log, tap.log,
#          verdict, and what the guests wrote to the disks, disk1 to disk4
# IMAGE    the host's kernel
# MODULES  a directory that holds the kernel's and our modules (*.ko)
# TESTS    a directory that holds the test programs
# TOOLS    a file system with the VMM, what guests boot, and what both run
# WHICH    run only this program, or these (with commas), or all but these (!program,...)
#
# In the environment: QEMU, the program that emulates the host; PLUGINS for it; TIMEOUT
# in seconds; COMPLAINTS, a pattern of what no kernel may print; SHADOW, who shadows the
# guests' tables: on (vtd_shadow, the default) or off (the VMM); ROUNDS of measurements;
# PATIENCE, for how many seconds a guest may not answer (120); QUIET, not empty: guests
# print only what is wrong; FOREIGN, a file system with what foreign.sh boots, or none.
#
# The status is QEMU's; what it means for the tests is in RUN.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$HERE/../qemu/machine.sh"

MODE=$1 RUN=$2 IMAGE=$3 MODULES=$4 TESTS=$5 TOOLS=$6 WHICH=${7:-}
PATIENCE=${PATIENCE:-120}

DISKS=4
# Where disks have what nobody can guess, out of the way of what guests write
CONTENT_MIB=768
FILES=${RUN//,/,,}

# Disks with 16 MiB that nobody can guess, and a file for the network
make_content() {
	local i
	mkdir "$RUN/net"
	head -c 1M /dev/urandom >"$RUN/net/file"
	for ((i = 1; i <= DISKS; i++)); do
		truncate -s 1G "$RUN/disk$i"
		dd if=/dev/urandom "of=$RUN/disk$i" bs=1M "seek=$CONTENT_MIB" count=16 \
			iflag=fullblock conv=notrunc status=none
	done
	truncate -s 64M "$RUN/function0" "$RUN/function1"
}

sum() { sha256sum <"$1" | cut -d' ' -f1; }

content() { dd "if=$1" bs=1M "skip=$CONTENT_MIB" count=16 status=none; } # DISK

# What the scripts on the host are told
make_settings() {
	local i args
	# A guest's ticks are many exits: on a busy machine it would do nothing else.
	args=${KERNEL_ARGS/ nohz=off highres=off/}${QUIET:+ loglevel=5}
	# Its init is told how long the host waits.
	echo "KERNEL_ARGS='$args VTD_PATIENCE=$PATIENCE'"
	echo "COMPLAINTS='$COMPLAINTS'"
	echo "SHADOW=${SHADOW:-on}"
	# The VMM's own shadowing does with the ordinary driver
	echo "DRIVER=$([ "${SHADOW:-on}" = on ] && echo vtd_shadow_vfio_pci || echo vfio-pci)"
	echo "ROUNDS=${ROUNDS:-5}"
	echo "PATIENCE=$PATIENCE"
	echo "CONTENT_MIB=$CONTENT_MIB"
	echo "SUM_net=$(sum "$RUN/net/file")"
	for ((i = 1; i <= DISKS; i++)); do
		echo "SUM_nvme$i=$(content "$RUN/disk$i" | sum /dev/stdin)"
	done
}

# The commands of the chapter "How to", as somebody would type them
extract_howto() {
	sed -n '/^How to$/,/^The dots/s/^   //p' \
		"$HERE/../../../../../Documentation/admin-guide/vtd_shadow_qemu.rst"
}

make_initramfs() {
	local root=$RUN/root
	# ext4 asks for crc32c by an alias, which 6.12 has as a module
	base_initramfs "$root" "$HERE/init" "$MODULES" vfio_pci vfio_iommu_type1 \
		vtd_shadow_vfio_pci virtio_blk 'crc32c_generic?' ext4 kvm_amd tun vhost_net
	cp -r "$HERE" "$root/guest"
	make_settings >"$root/guest/settings"
	extract_howto >"$root/guest/howto"
	install -t "$root/bin" "$TESTS/vtd_shadow_stats"
	ln -s tools/lib "$root/lib64"
	pack_initramfs "$root" "$RUN/initramfs"
}

add_devices() {
	local i
	add_ports $((DISKS + 1))
	for ((i = 1; i <= DISKS; i++)); do
		ARGS+=(-drive "if=none,id=disk$i,format=raw,file=$FILES/disk$i"
			-device "nvme,bus=rp$i,serial=nvme$i,drive=disk$i")
	done
	ARGS+=(-netdev "user,id=net,restrict=on,tftp=$FILES/net"
		-device "igb,netdev=net,bus=rp$((DISKS + 1)),romfile=")
	add_functions
	add_port guests "$RUN/guests.log"
	ARGS+=(-drive "if=none,id=tools,format=raw,readonly=on,file=${TOOLS//,/,,}"
		-device 'virtio-blk-pci,drive=tools')
	[ -z "${FOREIGN:-}" ] || add_foreign
}

# Two more disks, which are functions of one device: the host has them in one IOMMU group
add_functions() {
	local i place
	ARGS+=(-device "pcie-root-port,id=functions,slot=20,chassis=20")
	for i in 0 1; do
		place=bus=functions,addr=0.$i,multifunction=on
		ARGS+=(-drive "if=none,id=function$i,format=raw,file=$FILES/function$i"
			-device "nvme,$place,serial=function$i,drive=function$i")
	done
}

# What foreign.sh boots, and two network cards with a cable between them
add_foreign() {
	local i
	for i in 1 2; do
		ARGS+=(-device "pcie-root-port,id=wire$i,slot=1$i,chassis=1$i"
			-netdev "hubport,id=end$i,hubid=1"
			-device "igb,netdev=end$i,bus=wire$i,romfile=")
	done
	ARGS+=(-drive "if=none,id=foreign,format=raw,readonly=on,file=${FOREIGN//,/,,}"
		-device 'virtio-blk-pci,drive=foreign')
}

set_host
make_content
make_initramfs
# Whoever counts instructions does not want those of waiting
start_machine 8G "VTD_MODE=$MODE VTD_WHICH=$WHICH iommu.debug_pagealloc=1 \
	${PLUGINS:+kvm.halt_poll_ns=0}"
add_devices
run_machine "$MODE"
