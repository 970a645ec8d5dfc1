# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Where the guest's memory is on the host, what comes to it and goes from it, and what
# is left of a VMM that dies.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

HUGE_PAGES=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

in_memfd() {
	MACHINE=,memory-backend=ram
	guest_start_with -object "memory-backend-memfd,id=ram,size=${MEMORY}M,share=on" &&
		translated && guest_stop
}

in_hugetlb() {
	local status=0
	echo $((MEMORY / 2)) >$HUGE_PAGES
	MACHINE=,memory-backend=ram
	guest_start_with -object \
		"memory-backend-memfd,id=ram,size=${MEMORY}M,hugetlb=on,hugetlbsize=2M" &&
		[ "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)" -eq 0 ] &&
		translated && guest_stop || status=1
	echo 0 >$HUGE_PAGES
	return $status
}

memory_of_guest() { guest memory_mib; }

grown() { # MIB
	local now
	now=$(memory_of_guest)
	echo "the guest has $now MiB, had $BEFORE"
	[ "$now" -gt $((BEFORE + $1 - 32)) ]
}

shrunk() {
	local now
	now=$(memory_of_guest)
	echo "the guest has $now MiB, should have $BEFORE"
	[ "$now" -le $((BEFORE + 8)) ]
}

# Most of what the guest has then is mapped for the disk, and reached page by page
reaches_all() { # MIB
	guest 'rebind 0000:01:00.0 vfio-pci' &&
		guest "vtd_shadow_nested reach $1 0000:01:00.0" &&
		guest 'rebind 0000:01:00.0 nvme' && guest "await 'disk nvme1'"
}

# start_KIND begins a guest that memory can come to, plug_KIND lets 512 MiB come.
start_module() {
	MACHINE=''
	guest_start_with -m "$MEMORY,slots=2,maxmem=4G"
}

plug_module() {
	qmp object-add '"qom-type":"memory-backend-ram","id":"more","size":536870912' &&
		qmp device_add '"driver":"pc-dimm","id":"dimm","memdev":"more"'
}

start_blocks() {
	MACHINE=''
	guest_start_with -m "$MEMORY,maxmem=4G" \
		-object memory-backend-ram,id=more,size=512M \
		-device virtio-mem-pci,id=vmem,memdev=more,requested-size=0
}

ask_for_blocks() { qmp qom-set "\"path\":\"vmem\",\"property\":\"requested-size\",\"value\":$1"; }

plug_blocks() { ask_for_blocks 536870912; }

# comes KIND ONLINE: how the guest uses what comes
comes() {
	BEFORE=$(memory_of_guest)
	guest "echo $2 >/sys/devices/system/memory/auto_online_blocks" && "plug_$1" &&
		guest "await '[ \$(memory_mib) -gt $((BEFORE + 480)) ]'" && grown 512
}

hot_plug() { # KIND
	"start_$1" && comes "$1" online_kernel && reaches_all $((BEFORE + 200)) &&
		translated && guest_stop
}

# Buffers of a disk come from movable memory first, and only that can be taken away.
hot_unplug() {
	start_module && comes module online_movable && guest verify nvme1 1M 32 128M &&
		translated || return 1
	: >$GUEST/events
	qmp device_del '"id":"dimm"' && vmm_event DEVICE_DELETED && shrunk && translated &&
		guest_stop
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$VMM_PID/status"; }

# With assigned devices the VMM keeps what the balloon gives back
balloons() {
	local before
	MACHINE=''
	guest_start_with -device virtio-balloon-pci || return 1
	before=$(resident)
	qmp balloon '"value":536870912' && guest "await '[ \$(memory_mib) -lt 540 ]'" &&
		translated &&
		[ "$(resident)" -ge $((before - 1024)) ] &&
		qmp balloon "\"value\":$((MEMORY * 1048576))" &&
		guest "await '[ \$(memory_mib) -gt 600 ]'" && translated && guest_stop
}

blocks_come_and_go() { # HOW-IT-WORKS
	start_blocks && comes blocks online_movable && guest verify nvme1 1M 32 128M && $1 &&
		ask_for_blocks 0 &&
		guest "await '[ \$(memory_mib) -le $((BEFORE + 8)) ]'" && $1 && guest_stop
}

# The guest's tables have what comes, and it flushes nothing then. The VMM has it mapped
# while the guest goes on.
mapped_before() { # KIND
	local before
	APPEND='intel_iommu=off intremap=off'
	"start_$1" && guest 'insmod /tools/guest/vtds_unit.ko' || return 1
	before=$(shadow pages)
	comes "$1" online_movable && shadow_becomes pages -ge $((before + 131072)) &&
		guest verify nvme1 1M 32 128M && works && guest_stop
}

# The host must have all back, and can give it to the next one at once
killed() {
	MACHINE=''
	guest_start && guest load_start nvme1 && guest verify nvme1 64k 8 4M && vmm_kill &&
		guest_start && translated && guest_stop
}

plan 11
check memfd in_memfd
check hugetlb in_hugetlb
check hot_plug hot_plug module
check hot_unplug hot_unplug
check balloon balloons
check virtio_mem hot_plug blocks
check virtio_mem_unplug blocks_come_and_go translated
APPEND='intel_iommu=on iommu=pt'
check virtio_mem_pass_through blocks_come_and_go identity
check hot_plug_of_mapped_memory mapped_before module
check virtio_mem_of_mapped_memory mapped_before blocks
APPEND=intel_iommu=on
check vmm_killed_under_load killed
