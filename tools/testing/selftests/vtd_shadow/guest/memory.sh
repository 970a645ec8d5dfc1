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

# plug_module ONLINE: how the guest uses what comes
plug_module() {
	MACHINE=''
	guest_start_with -m "$MEMORY,slots=2,maxmem=4G" || return 1
	BEFORE=$(memory_of_guest)
	guest "echo $1 >/sys/devices/system/memory/auto_online_blocks" &&
		qmp object-add '"qom-type":"memory-backend-ram","id":"more","size":536870912' &&
		qmp device_add '"driver":"pc-dimm","id":"dimm","memdev":"more"' &&
		guest "await '[ \$(memory_mib) -gt $((BEFORE + 480)) ]'" && grown 512
}

hot_plug() {
	plug_module online_kernel && reaches_all $((BEFORE + 200)) && translated && guest_stop
}

# Buffers of a disk come from movable memory first, and only that can be taken away.
hot_unplug() {
	plug_module online_movable && guest verify nvme1 1M 32 128M && translated || return 1
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

virtio_mem() {
	MACHINE=''
	guest_start_with -m "$MEMORY,maxmem=4G" \
		-object memory-backend-ram,id=more,size=512M \
		-device virtio-mem-pci,id=vmem,memdev=more,requested-size=0 || return 1
	BEFORE=$(memory_of_guest)
	guest 'echo online_movable >/sys/devices/system/memory/auto_online_blocks' &&
		qmp qom-set '"path":"vmem","property":"requested-size","value":536870912' &&
		guest "await '[ \$(memory_mib) -gt $((BEFORE + 480)) ]'" &&
		guest verify nvme1 1M 32 128M && translated &&
		qmp qom-set '"path":"vmem","property":"requested-size","value":0' &&
		guest "await '[ \$(memory_mib) -le $((BEFORE + 8)) ]'" && translated && guest_stop
}

# The host must have all back, and can give it to the next one at once
killed() {
	MACHINE=''
	guest_start && guest load_start nvme1 && guest verify nvme1 64k 8 4M && vmm_kill &&
		guest_start && translated && guest_stop
}

plan 7
check memfd in_memfd
check hugetlb in_hugetlb
check hot_plug hot_plug
check hot_unplug hot_unplug
check balloon balloons
check virtio_mem virtio_mem
check vmm_killed_under_load killed
