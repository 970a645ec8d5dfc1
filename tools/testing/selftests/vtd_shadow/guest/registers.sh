# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What no Linux guest does, or not at the time that a test would like: the registers of
# the unit and its tables are written from outside, by QEMU's own test protocol. There
# is no processor that could interfere. Where it takes processors, a module drives the
# unit in a guest that leaves it alone, see unit/vtds_unit.c.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# Registers
UNIT=0xfed90000
GCMD=0x18 GSTS=0x1c RTADDR=0x20 CCMD=0x28 FSTS=0x34 IQH=0x80 IQT=0x88 IQA=0x90 ICS=0x9c
IQERCD=0xb0 IVA=0xf0 IOTLB=0xf8 FRCD=0x220

# Guest memory: root table, context tables of bus 1 and 2, the four levels of a table
# with one page mapped, the queue, the word that wait descriptors write
ROOT=0x100000 CONTEXT_1=0x101000 CONTEXT_2=0x102000
LEVEL_4=0x110000 LEVEL_3=0x111000 LEVEL_2=0x112000 LEVEL_1=0x113000
QUEUE=0x120000 STATUS=0x130000
READ_WRITE=3 VALUE_1=0x200000

ask() { # COMMAND: sets LINE to the answer
	echo "$*" >&4
	while receive 5 "$PATIENCE"; do
		case $LINE in
		OK*)
			LINE=${LINE#OK}
			return 0
			;;
		IRQ*) ;;
		*)
			echo "$*: $LINE"
			return 1
			;;
		esac
	done
	return 1
}

put() { ask writeq "$1" "$2"; }                         # ADDRESS VALUE
set32() { ask writel $((UNIT + $1)) "$2"; }             # REGISTER VALUE
set64() { ask writeq $((UNIT + $1)) "$2"; }             # REGISTER VALUE

# is WHAT ADDRESS VALUE [l]
is() {
	ask "read${4:-q}" "$2" || return 1
	[ $((LINE)) -eq $(($3)) ] && return
	echo "$1 is$LINE, not $3"
	return 1
}

register_is() { is "register $1" $((UNIT + $1)) "$2" "${3:-q}"; } # REGISTER VALUE [l]
status_is() { is 'the status' $STATUS "$1" l; }

# The bus behind the port of the disk gets a number, as firmware and kernel do it
number_bus() {
	ask outl 0xcf8 0x80000818 && ask outl 0xcfc $(($1 << 16 | $1 << 8))
}

map_page() { put $((LEVEL_1 + $1 * 8)) $((VALUE_1 + $1 * 4096 | READ_WRITE)); } # NUMBER

# context TABLE DOMAIN: entry of device 0 for the table of four levels
context() { put "$1" $((LEVEL_4 | 1)) && put $(($1 + 8)) $(($2 << 8 | 2)); }

unit_start() { # ARGUMENT...
	[ -z "$VMM_PID" ] || ! kill -0 "$VMM_PID" 2>/dev/null || vmm_kill
	rm -rf $GUEST
	mkdir $GUEST
	: >$GUEST/console.log
	mkfifo $GUEST/test.in $GUEST/test.out
	exec 4<>$GUEST/test.in 5<>$GUEST/test.out
	# shellcheck disable=SC2046  # lists of words
	/tools/bin/qemu -L /tools/share -nodefaults -no-user-config -display none \
		-machine q35,accel=qtest -m 256 -object iommufd,id=iommufd0 \
		$(unit_options) $(port_options) -chardev pipe,id=test,path=$GUEST/test \
		-qtest chardev:test -qtest-log /dev/null "$@" \
		>$GUEST/qemu.log 2>&1 4>&- 5>&- &
	VMM_PID=$!
	ask memset $ROOT $((STATUS + 4096 - ROOT)) 0
}

# The disk is 01:00.0, in domain 5, with one page
translation_on() {
	unit_start && number_bus 1 &&
		put $((ROOT + 16)) $((CONTEXT_1 | 1)) &&
		put $((ROOT + 32)) $((CONTEXT_2 | 1)) &&
		put $LEVEL_4 $((LEVEL_3 | READ_WRITE)) &&
		put $LEVEL_3 $((LEVEL_2 | READ_WRITE)) &&
		put $LEVEL_2 $((LEVEL_1 | READ_WRITE)) &&
		map_page 0 && context $CONTEXT_1 5 &&
		set64 $RTADDR $ROOT && set32 $GCMD 0x40000000 && register_is $GSTS 0x40000000 l &&
		shadow_is domains -eq 0 &&
		set32 $GCMD 0x80000000 && register_is $GSTS 0xc0000000 l &&
		shadow_is domains -eq 1 && shadow_is pages -eq 1
}

# queue NUMBER LOW HIGH: a descriptor
queue() { put $((QUEUE + $1 * 16)) "$2" && put $((QUEUE + $1 * 16 + 8)) "$3"; }
wait_for() { queue "$1" $(($2 << 32 | 0x25)) $STATUS; }   # NUMBER STATUS
run_to() { set32 $IQT $(($1 * 16)); }                     # NUMBER
head_is() { register_is $IQH $(($1 * 16)); }              # NUMBER

queue_on() {
	translation_on && set64 $IQA $QUEUE && set32 $GCMD 0x84000000 &&
		register_is $GSTS 0xc4000000 l
}

unit_stop() { vmm_kill; }

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
	unit_start -m 256,slots=1,maxmem=600G -object memory-backend-ram,id=far,size=128M \
		-device pc-dimm,memdev=far,addr=$FAR && number_bus 1 && far_tables &&
		set64 $RTADDR $FAR && set32 $GCMD 0x40000000 && set32 $GCMD 0x80000000 &&
		shadow_is domains -eq 1 && shadow_is pages -eq 1 &&
		set64 $IQA $((FAR + 0x2000)) && set32 $GCMD 0x84000000 &&
		put $((FAR + 0x2000)) $((9 << 32 | 0x25)) && put $((FAR + 0x2008)) $STATUS &&
		run_to 1 && head_is 1 && status_is 9 && unit_stop || status=1
	IOMMU=''
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
