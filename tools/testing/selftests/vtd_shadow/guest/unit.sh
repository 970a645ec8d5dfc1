# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A unit whose registers and tables are written from outside, by QEMU's own test protocol:
# there is no processor that could interfere. Source it.
#
#   unit_start      a machine that has it, and a disk unless DEVICES says otherwise
#   translation_on  the disk is in a domain with one page
#   queue_on        the same, and the guest's queue is in use
#   unit_stop
#
# The options are as for guests; UNIT_OPTIONS are more arguments of the VMM.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

UNIT_OPTIONS='-m 256'

# Registers
UNIT=0xfed90000
# shellcheck disable=SC2034  # for who sources this
GCMD=0x18 GSTS=0x1c RTADDR=0x20 CCMD=0x28 FSTS=0x34 IQH=0x80 IQT=0x88 IQA=0x90 ICS=0x9c
# shellcheck disable=SC2034
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

unit_start() {
	[ -z "$VMM_PID" ] || ! kill -0 "$VMM_PID" 2>/dev/null || vmm_kill
	rm -rf $GUEST
	mkdir $GUEST
	: >$GUEST/console.log
	: >$GUEST/events
	mkfifo $GUEST/test.in $GUEST/test.out $GUEST/monitor.in $GUEST/monitor.out
	exec 4<>$GUEST/test.in 5<>$GUEST/test.out 6<>$GUEST/monitor.in 7<>$GUEST/monitor.out
	# shellcheck disable=SC2046,SC2086  # lists of words
	$(shim) /tools/bin/qemu -L /tools/share -nodefaults -no-user-config -display none \
		-machine q35,accel=qtest$MACHINE -object iommufd,id=iommufd0 \
		$(unit_options) $(port_options) $UNIT_OPTIONS \
		-chardev pipe,id=test,path=$GUEST/test \
		-qtest chardev:test -qtest-log /dev/null \
		-chardev pipe,id=monitor,path=$GUEST/monitor -mon monitor,mode=control \
		>$GUEST/qemu.log 2>&1 4>&- 5>&- 6>&- 7>&- &
	VMM_PID=$!
	receive 7 "$PATIENCE" && qmp qmp_capabilities >/dev/null || return 1
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
