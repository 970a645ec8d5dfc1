# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What no Linux guest does, or not at the time that a test would like: the registers of
# the unit and its tables are written from outside, see unit.sh. Where it takes processors,
# a module drives the unit in a guest that leaves it alone, see unit/vtds_unit.c.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/unit.sh
. /guest/unit.sh

# Not more often, whatever the guest did
said_at_most() { # TIMES TEXT
	local times
	times=$(grep -c "$2" $GUEST/qemu.log)
	[ "$times" -le "$1" ] && return
	echo "the VMM said \"$2\" $times times"
	return 1
}

# Context cache, then one page of domain 5
by_register() {
	translation_on && set64 $CCMD 0xa000000000000000 &&
		register_is $CCMD 0x2800000000000000 && map_page 1 &&
		shadow_is pages -eq 1 &&
		set64 $IVA 0x1000 && set64 $IOTLB 0xb000000500000000 &&
		register_is $IOTLB 0x3600000500000000 && shadow_is pages -eq 2 && unit_stop
}

# Linux makes the lowest bit of the address mask of what is another field, and asks for
# 2^19 pages where the unit can flush 2^18. It is not to miss them.
mask_too_large() {
	translation_on && map_page 1 && set64 $IVA 0x13 && set64 $IOTLB 0xb000000500000000 &&
		register_is $IOTLB 0x3400000500000000 && shadow_is pages -eq 2 && unit_stop
}

by_queue() {
	queue_on && map_page 1 && queue 0 0x50032 0x1000 && wait_for 1 7 && run_to 2 &&
		head_is 2 && status_is 7 && shadow_is pages -eq 2 &&
		shadow_is descriptors -eq 2 && unit_stop
}

# Interrupt and status in one descriptor
wait_interrupt() {
	queue_on && queue 0 $((8 << 32 | 0x35)) $STATUS && register_is $ICS 0 l &&
		run_to 1 && head_is 1 && status_is 8 && register_is $ICS 1 l && unit_stop
}

# The unit stops at a descriptor, says why, and goes on when it was repaired; as Linux
# does it, which does not write the tail again. CODE is what IQERCD has.
stops_and_goes_on() { # LOW HIGH CODE
	queue_on && wait_for 0 1 && queue 1 "$1" "$2" && wait_for 2 2 && run_to 3 &&
		head_is 1 && status_is 1 && register_is $FSTS 0x10 l &&
		register_is $IQERCD "$3" && wait_for 1 3 && status_is 1 &&
		set32 $FSTS 0x10 && head_is 3 && status_is 2 && register_is $FSTS 0 l &&
		unit_stop
}

reserved_field() { stops_and_goes_on 0x51032 0x2000 4; }
unknown_type() { stops_and_goes_on 0xf 0 3; }

tail_outside() {
	queue_on && run_to 256 && head_is 0 && register_is $FSTS 0x10 l &&
		register_is $IQERCD 1 && unit_stop
}

# A guest without assigned devices: the VMM alone has the queue. A wait descriptor need not
# ask for anything but order.
wait_without_devices() {
	DEVICES=''
	unit_start && set64 $IQA $QUEUE && set32 $GCMD 0x04000000 && queue 0 0x45 0 &&
		wait_for 1 6 && run_to 2 && head_is 2 && status_is 6 && register_is $FSTS 0 l &&
		queue 2 0x15 0 && run_to 3 && head_is 3 && register_is $ICS 1 l && unit_stop
	DEVICES=nvme1
}

# The status has 32 bits, and the guest writes 64, of which it is the upper half.
wide_access() {
	queue_on && queue 0 0xf 0 && run_to 1 && head_is 0 && register_is $FSTS 0x10 l &&
		queue 0 0x12 0 && set64 $((FSTS - 4)) 0x1000000000 && register_is $FSTS 0 l &&
		head_is 1 && unit_stop
}

# So many times the same flush of everything
flushes() { # NUMBER
	local text=''
	for _ in $(seq "$1"); do
		text=${text}12000000000000000000000000000000
	done
	ask write $QUEUE $(($1 * 16)) "0x$text"
}

# What the guest writes to the address register while the queue is on does not count, its
# size and the width of descriptors included.
queue_stays() {
	translation_on && set64 $IQA $((QUEUE | 1)) && set32 $GCMD 0x84000000 &&
		flushes 400 && run_to 300 && head_is 300 && set64 $IQA $((QUEUE | 0x800)) &&
		run_to 400 && head_is 400 && register_is $FSTS 0 l &&
		said_at_most 0 RUN_QUEUE && unit_stop
}

# A descriptor that is refused again and again
few_messages() {
	queue_on && queue 0 0x51032 0x2000 && run_to 1 || return 1
	for _ in $(seq 50); do
		set32 $FSTS 0x10 && register_is $FSTS 0x10 l || return 1
	done
	said_at_most 2 '' && unit_stop
}

flush_contexts() { queue "$1" 0x11 0 && run_to $(($1 + 1)) && head_is $(($1 + 1)); }

# A context entry with a width that there is not: the guest hears of it
fault() {
	queue_on && put $((CONTEXT_1 + 8)) 0x507 && flush_contexts 0 &&
		shadow_is domains -eq 0 && sleep 1 && register_is $FSTS 2 l &&
		register_is $((FRCD + 8)) 0xc000000300000100 && unit_stop
}

# A device that is in no domain is nothing that a guest wants to hear of
no_context() {
	queue_on && put $CONTEXT_1 0 && flush_contexts 0 && shadow_is domains -eq 0 &&
		sleep 1 && register_is $FSTS 0 l && unit_stop
}

# The guest gives the bus another number, under which there is another context
other_bus_number() {
	queue_on && context $CONTEXT_2 6 && put $CONTEXT_1 0 && number_bus 2 &&
		flush_contexts 0 && shadow_is devices -eq 1 && shadow_is domains -eq 1 &&
		map_page 1 && queue 1 0x60032 0x1000 && run_to 2 &&
		shadow_is pages -eq 2 && unit_stop
}

# And flushes nothing: hardware takes the number from each request.
bus_number_without_flush() {
	queue_on && number_bus 2 && shadow_is domains -eq 0 && number_bus 1 &&
		shadow_is domains -eq 1 && context $CONTEXT_2 6 && number_bus 2 && map_page 1 &&
		queue 0 0x60032 0x1000 && run_to 1 && shadow_is pages -eq 2 &&
		shadow_is devices -eq 1 && unit_stop
}

# Tables, queue and pages in memory beyond the width of what devices use
FAR=0x8000000000
far_tables() {
	put $((FAR + 16)) $((FAR + 0x1000 | 1)) &&
		put $((FAR + 0x1000)) $((FAR + 0x3000 | 1)) && put $((FAR + 0x1008)) 0x501 &&
		put $((FAR + 0x3000)) $((FAR + 0x4000 | READ_WRITE)) &&
		put $((FAR + 0x4000)) $((FAR + 0x5000 | READ_WRITE)) &&
		put $((FAR + 0x5000)) $((FAR + 0x10000 | READ_WRITE))
}

far_memory() {
	local status=0
	IOMMU=aw-bits=39
	UNIT_OPTIONS='-m 256,slots=1,maxmem=600G -object memory-backend-ram,id=far,size=128M'
	UNIT_OPTIONS="$UNIT_OPTIONS -device pc-dimm,memdev=far,addr=$FAR"
	unit_start && number_bus 1 && far_tables &&
		set64 $RTADDR $FAR && set32 $GCMD 0x40000000 && set32 $GCMD 0x80000000 &&
		shadow_is domains -eq 1 && shadow_is pages -eq 1 &&
		set64 $IQA $((FAR + 0x2000)) && set32 $GCMD 0x84000000 &&
		put $((FAR + 0x2000)) $((9 << 32 | 0x25)) && put $((FAR + 0x2008)) $STATUS &&
		run_to 1 && head_is 1 && status_is 9 && unit_stop || status=1
	IOMMU='' UNIT_OPTIONS='-m 256'
	return $status
}

# Who shadows is no matter of what the guest sees.
same_registers() {
	local mode before='' now status=0 was=$SHADOW
	IOMMU=coherent-walk=off
	unit_has coherent-walk || IOMMU=''
	for mode in off auto "$was"; do
		SHADOW=$mode
		unit_start && ask readq $((UNIT + 0x8)) && now=$LINE &&
			ask readq $((UNIT + 0x10)) && now=$now$LINE && unit_stop || status=1
		echo "$mode: $now"
		[ "$now" = "${before:=$now}" ] || status=1
	done
	SHADOW=$was IOMMU=''
	return $status
}

# By the port that a PC resets itself with
machine_reset() {
	queue_on && ask outb 0xcf9 6 && sleep 1 && register_is $GSTS 0 l &&
		register_is $IQH 0 && shadow_is domains -eq 0 && shadow_is devices -eq 1 &&
		unit_stop
}

# Two processors use the registers at once, under a load for the disk. The VMM must not
# keep one from other devices while the unit works for the other one. The disk is busy
# only while it stays translated: a change of its domain has a gap without DMA.
two_processors() {
	APPEND='intel_iommu=off intremap=off'
	guest_start && guest 'insmod /tools/guest/vtds_unit.ko only_ram=1' &&
		shadow_is domains -eq 1 && guest load_start nvme1 &&
		guest 'echo 40 >/sys/module/vtds_unit/parameters/rounds' &&
		guest 'kill $LOAD; wait $LOAD; cat /tmp/load' &&
		guest 'dmesg | grep vtds_unit:.*rounds' && shadow_is install_failures -eq 0 &&
		works && guest 'rmmod vtds_unit' && shadow_is domains -eq 0 && works &&
		guest_stop
}

plan 19
check same_registers same_registers
check invalidation_by_register by_register
check address_mask_too_large mask_too_large
check invalidation_by_queue by_queue
check wait_with_interrupt wait_interrupt
check wait_without_devices wait_without_devices
check access_to_two_registers wide_access
check queue_stays_as_enabled queue_stays
check few_messages few_messages
check reserved_field reserved_field
check unknown_type unknown_type
check tail_outside_of_the_queue tail_outside
check faulty_context fault
check no_context no_context
check other_bus_number other_bus_number
check bus_number_without_flush bus_number_without_flush
check memory_beyond_iovas far_memory
check machine_reset machine_reset
check two_processors two_processors
