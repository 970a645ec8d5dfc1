# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the test programs on the emulated host share: starting guests, talking to them
# and to their VMM, telling results. Source it.
#
#   plan N                     how many results there will be
#   check NAME COMMAND...      one result: COMMAND, what it says is shown if it fails
#   check_with_shim NAME COMMAND...  the same, with SHIM; skipped if the VMM cannot load it
#   told_apart NAME WHY COMMAND...  the same for what fails without vtd_shadow, too
#   guest_start                boots a guest; see below for the variables
#   guest_start_with ARGUMENT...  the same with more arguments for the VMM
#   guest COMMAND              runs COMMAND (one line) in it: its output and status
#   guest_stop                 ends it; fails if anything was wrong with it
#   qmp COMMAND [ARGUMENTS]    asks the VMM: its answer
#   said TIMES TEXT            fails unless the VMM has printed it in so many lines
#   shadow FIELD               a counter of the engine for the guest's unit
#   shadow_is, shadowed        fail if it is not what it should be
#   shadow_becomes             the same, but waits
#
# A guest has what these say when it starts:
#   SHADOW    on: vtd_shadow, off: the VMM's own shadowing, none: no remapping unit
#   IOMMU     more properties of the unit
#   BOOT      the directory of its kernel and initramfs
#   APPEND    for the guest's command line
#   DEVICES   what is assigned: nvme1 to nvme4, net
#   MEMORY    of the guest, in MiB
#   MACHINE   more options of the machine
#   DEVICE    more properties of what is assigned
#   IOMMUFD   its property iommufd=, or nothing
#   SHIM      what the VMM is made to believe, see shim.c
#   INPUT     a file that it has as standard input

# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/lib.sh
. /lib.sh
# shellcheck source=/dev/null  # written by run.sh
. /guest/settings

GUEST=/tmp/guest
VMM_PID=
# Ports of a guest, and the devices of the host in the order of their addresses, see run.sh
PORTS='nvme1 nvme2 nvme3 nvme4 net'
HOST_DEVICES="$PORTS function0 function1 wire1 wire2"

BOOT=/tools/guest IOMMU='' APPEND=intel_iommu=on DEVICES=nvme1 MEMORY=768 MACHINE='' DEVICE=''
IOMMUFD=,iommufd=iommufd0 SHIM='' INPUT=/dev/null

# --- Results ---

plan() { echo "1..$1"; }

explain() {
	tail -n 8 $GUEST/qemu.log | sed 's/^/# vmm: /'
	tail -n 12 $GUEST/console.log | tr -d '\r' | sed 's/^/# guest: /'
}

skip() { # NAME WHY
	NR_CHECKS=$((NR_CHECKS + 1))
	echo "ok $NR_CHECKS - $1 # SKIP $2"
}

# What the VMM has to be made to believe something for
check_with_shim() { # NAME COMMAND...
	if [ -e /tools/lib/shim.so ]; then
		check "$@"
	else
		skip "$1" 'a VMM that is linked statically believes nothing'
	fi
}

# What fails without vtd_shadow, too. It is tried that way first: if it works it must work
# with vtd_shadow, and does not belong here any more.
told_apart() { # NAME WHY COMMAND...
	local name=$1 why=$2 mode=$SHADOW
	shift 2
	SHADOW=off
	if "$@" >$SAID 2>&1; then
		SHADOW=$mode
		check "$name" "$@"
	else
		SHADOW=$mode
		skip "$name" "not with the VMM's own shadowing either: $why"
	fi
}

# --- The devices ---

# The address of a device, nothing if that is another kind of device than its name tells
host_device() { # NAME
	local dev class name nr=0
	for name in $HOST_DEVICES; do
		nr=$((nr + 1))
		[ "$name" != "$1" ] || break
	done
	for dev in /sys/bus/pci/devices/*; do
		class=$(cat "$dev/class")
		case $class in
		0x010802 | 0x020000) nr=$((nr - 1)) ;;
		*) continue ;;
		esac
		[ $nr -gt 0 ] || break
	done
	case $1:$class in
	nvme*:0x010802 | function*:0x010802 | net:0x020000 | wire*:0x020000)
		echo "${dev##*/}"
		;;
	esac
}

# --- The VMM ---

# receive DESCRIPTOR SECONDS: sets LINE to the next line that comes there; fails when
# the VMM is gone or the time is over. A read whose time is over in the middle of a line
# loses what it had: only the first character has little time.
receive() {
	local first='' left=$2
	LINE=
	while [ "$left" -gt 0 ]; do
		# shellcheck disable=SC3045  # busybox can
		if IFS= read -r -n 1 -t 2 first <&"$1"; then
			[ -z "$first" ] || IFS= read -r -t "$2" LINE <&"$1" || return 1
			LINE=$first$LINE
			return 0
		fi
		kill -0 "$VMM_PID" 2>/dev/null || {
			echo "the VMM is gone"
			return 1
		}
		left=$((left - 2))
	done
	echo "no answer for $2 s"
	vmm_threads
	return 1
}

# What its threads wait for
vmm_threads() {
	local dir
	for dir in "/proc/$VMM_PID/task"/*; do
		echo "thread $(cat "$dir/comm"): $(awk '{ print $3, $14, $15 }' "$dir/stat")" \
			"$(cat "$dir/wchan" 2>/dev/null)"
	done
	echo "requests to the disk with the tools: $(cat /sys/block/vda/inflight)"
}

qmp() { # COMMAND [ARGUMENTS]
	echo "{\"execute\":\"$1\",\"arguments\":{${2:-}}}" >&6
	while receive 7 "$PATIENCE"; do
		case $LINE in
		'{"return"'*)
			echo "$LINE"
			return 0
			;;
		'{"error"'*)
			echo "$LINE"
			return 1
			;;
		*) echo "$LINE" >>$GUEST/events ;;
		esac
	done
	return 1
}

# Waits until the VMM told of an EVENT since the guest started
vmm_event() { # EVENT
	until grep -q "\"$1\"" $GUEST/events; do
		receive 7 "$PATIENCE" || return 1
		echo "$LINE" >>$GUEST/events
	done
}

device_options() { # NAME
	echo "vfio-pci,id=$1,host=$(host_device "$1"),bus=port-$1$IOMMUFD$DEVICE"
}

# Whether the VMM's unit has a property: some VMMs have none that lets the kernel shadow
unit_has() { # PROPERTY
	[ -s /tmp/unit ] || /tools/bin/qemu -device intel-iommu,help >/tmp/unit 2>/dev/null
	grep -q "^  $1=" /tmp/unit
}

# Nothing is left to defaults. A guest that need not flush its tables is faster.
unit_options() {
	local options=intel-iommu,intremap=on,caching-mode=on
	case $SHADOW in
	none) return ;;
	off) ! unit_has vtd-shadow || options=$options,vtd-shadow=off ;;
	*)
		options=$options,vtd-shadow=$SHADOW
		! unit_has coherent-walk || options=$options,coherent-walk=on
		;;
	esac
	echo "-device $options${IOMMU:+,$IOMMU}"
}

port_options() {
	local name nr=0
	for name in $PORTS; do
		nr=$((nr + 1))
		echo "-device pcie-root-port,id=port-$name,slot=$nr,chassis=$nr"
	done
	for name in $DEVICES; do
		echo "-device $(device_options "$name")"
	done
}

# A conventional bus with these devices
bridge_options() { # NAME...
	local name nr=0
	echo "-device pcie-root-port,id=port-bridge,slot=20,chassis=20"
	echo "-device pcie-pci-bridge,id=bridge,bus=port-bridge"
	for name; do
		nr=$((nr + 1))
		echo "-device $(device_options "$name" | sed "s/bus=[^,]*/bus=bridge,addr=$nr/")"
	done
}

# All that guests and VMMs said is kept outside.
keep_logs() {
	{
		cat $GUEST/qemu.log
		tr -d '\r' <$GUEST/console.log
	} >"$(port guests)" 2>/dev/null
}

# The VMM has printed so many lines with this.
said() { # TIMES TEXT
	local times
	times=$(grep -c "$2" $GUEST/qemu.log)
	[ "$times" -eq "$1" ] && return
	cat $GUEST/qemu.log
	echo "\"$2\" is there $times times, not $1"
	return 1
}

vmm_kill() {
	kill -9 "$VMM_PID"
	wait "$VMM_PID"
	keep_logs
}

# What comes before the VMM
shim() { [ -z "$SHIM" ] || echo "env SHIM=$SHIM LD_PRELOAD=/tools/lib/shim.so"; }

# What a failed check left behind goes first.
vmm_start() { # ARGUMENT...
	[ -z "$VMM_PID" ] || ! kill -0 "$VMM_PID" 2>/dev/null || vmm_kill
	rm -rf $GUEST
	mkdir $GUEST
	: >$GUEST/events
	mkfifo $GUEST/agent.in $GUEST/agent.out $GUEST/monitor.in $GUEST/monitor.out
	exec 4<>$GUEST/agent.in 5<>$GUEST/agent.out 6<>$GUEST/monitor.in 7<>$GUEST/monitor.out
	# shellcheck disable=SC2046,SC2086  # lists of words
	$(shim) /tools/bin/qemu -L /tools/share -nodefaults -no-user-config -display none \
		-machine q35,accel=kvm,kernel-irqchip=split,hpet=off$MACHINE -cpu host -smp 2 \
		-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
		-m "$MEMORY" -object iommufd,id=iommufd0 $(unit_options) $(port_options) \
		-chardev pipe,id=monitor,path=$GUEST/monitor -mon monitor,mode=control \
		-device virtio-serial-pci -chardev pipe,id=agent,path=$GUEST/agent \
		-device virtserialport,chardev=agent,name=vtd_shadow.agent \
		-drive if=none,id=tools,format=raw,readonly=on,file=/dev/vda \
		-device virtio-blk-pci,drive=tools \
		-serial file:$GUEST/console.log \
		"$@" <>"$INPUT" >$GUEST/qemu.log 2>&1 4>&- 5>&- 6>&- 7>&- &
	VMM_PID=$!
	receive 7 "$PATIENCE" && qmp qmp_capabilities
}

# --- The guest ---

guest_ready() {
	receive 5 "$PATIENCE" || return 1
	[ "$LINE" = ready ] && return
	echo "instead of ready: $LINE"
	return 1
}

# shellcheck disable=SC2120  # who sources this has arguments
guest_start_with() { # ARGUMENT...
	vmm_start -kernel $BOOT/bzImage -initrd $BOOT/initramfs \
		-append "$KERNEL_ARGS $APPEND" "$@" && guest_ready
}

# shellcheck disable=SC2119
guest_start() { guest_start_with; }

guest() {
	echo "$*" >&4
	while receive 5 "$PATIENCE"; do
		case $LINE in
		' '*) echo "${LINE# }" ;;
		'end '*) return "${LINE#end }" ;;
		*)
			echo "the guest says: $LINE"
			return 1
			;;
		esac
	done
	return 1
}

vmm_wait() {
	local left=$((PATIENCE * 5)) status=0
	while kill -0 "$VMM_PID" 2>/dev/null; do
		sleep 0.2
		left=$((left - 1))
		[ "$left" -gt 0 ] || {
			kill -9 "$VMM_PID"
			echo "the VMM does not end"
		}
	done
	wait "$VMM_PID" || status=$?
	keep_logs
	return $status
}

# What the guest's kernel printed must be clean, too.
guest_clean() {
	! tr -d '\r' <$GUEST/console.log | grep -E "$COMPLAINTS"
}

guest_stop() {
	local status=0
	echo 'poweroff -f' >&4
	vmm_wait || status=$?
	[ $status -eq 0 ] || echo "the VMM ended with status $status"
	guest_clean && [ $status -eq 0 ]
}

# A check that failed may be the last.
trap '[ -z "$VMM_PID" ] || ! kill -0 "$VMM_PID" 2>/dev/null || vmm_kill' EXIT

# --- The engine ---

shadow() { # FIELD
	vtd_shadow_stats "$VMM_PID" | awk -v name="$1" '$1 == name { print $2 }'
}

nobody_shadows() {
	! vtd_shadow_stats "$VMM_PID" 2>/dev/null && return
	echo 'the VMM has a unit of vtd_shadow'
	return 1
}

# So many devices are in the engine's hands. The VMM has a unit while it has one.
shadowed() { # NUMBER
	if [ "$SHADOW" = on ] && [ "$1" -eq 0 ]; then
		nobody_shadows
	else
		shadow_is devices -eq "$1"
	fi
}

# shadow_is FIELD OPERATOR NUMBER: as test(1) has them. Without the engine there is
# nothing to compare.
shadow_is() {
	local value
	[ "$SHADOW" = on ] || return 0
	value=$(shadow "$1")
	test "$value" "$2" "$3" && return
	echo "the engine's $1 is ${value:-not to be had}, not $2 $3"
	return 1
}

# The same for what is still under way, for half of the time that a guest may not answer
shadow_becomes() { # FIELD OPERATOR NUMBER
	local left=$PATIENCE
	until shadow_is "$1" "$2" "$3" >/dev/null || [ "$left" -eq 0 ]; do
		left=$((left - 1))
		sleep 0.5
	done
	shadow_is "$1" "$2" "$3"
}

# --- What guests do with their disk in most tests ---

# The sum of what the emulated host put on a disk, or has on its network
original() { eval "echo \"\$SUM_$1\""; } # NAME

# The guest reads what the emulated host put there
same_content() { # DISK
	local sum
	sum=$(guest content "$1" "$CONTENT_MIB")
	[ "$sum" = "$(original "$1")" ] && return
	echo "$1 reads as $sum, not $(original "$1")"
	return 1
}

network() {
	local sum
	guest network_up || return 1
	sum=$(guest network_file)
	[ "$sum" = "$(original net)" ] && return
	echo "the file is $sum, not $(original net)"
	return 1
}

works() { same_content nvme1 && guest verify nvme1 64k 4 4M; }

# The guest's disk is on a shadow of the guest's table, and was not before
translated() { each_translated 1; }

# So are all of its devices, each on one of its own
each_translated() { # DEVICES
	local before
	before=$(shadow leaves_mapped)
	works && shadowed "$1" && shadow_is domains -eq "$1" &&
		shadow_is leaves_mapped -gt "$before" && shadow_is install_failures -eq 0
}

# Nothing is shadowed: the device has the guest's memory as it is
identity() { each_identity 1; }

each_identity() { # DEVICES
	works && shadowed "$1" && shadow_is domains -eq 0 &&
		shadow_is leaves_mapped -eq 0
}

# What the guest made of its disk
domain_of_guest() { # TYPE
	local type
	type=$(guest 'cat /sys/bus/pci/devices/$(pci_of nvme1)/iommu_group/type')
	echo "the guest's domain is of the type $type"
	[ "$type" = "$1" ]
}

# On a conventional bus both disks have the source-id of its bridge, and are in one domain.
behind_bridge() {
	# shellcheck disable=SC2046  # a list of words
	guest_start_with $(bridge_options nvme1 nvme2) &&
		guest "await 'disk nvme1 && disk nvme2'" && works && same_content nvme2 &&
		guest verify nvme2 64k 8 8M && shadowed 2 && shadow_is domains -eq 1 &&
		shadow_is leaves_mapped -gt 0 && shadow_is install_failures -eq 0 && guest_stop
}

# --- Devices that come and go ---

# The guest's BIOS numbers the buses in the order of the ports.
guest_address() { # NAME
	local name nr=0
	for name in $PORTS; do
		nr=$((nr + 1))
		[ "$name" != "$1" ] || printf '0000:%02x:00.0' $nr
	done
}

plug_arguments() { # NAME
	local options
	options=$(device_options "$1" | sed 's/=/":"/g; s/,/","/g')
	echo "\"driver\":\"${options%%\"*}\",\"${options#*\",\"}\""
}

plug() { # NAME
	qmp device_add "$(plug_arguments "$1")" && guest "await 'disk $1'"
}

unplug() { # NAME
	: >$GUEST/events
	qmp device_del "\"id\":\"$1\"" && vmm_event DEVICE_DELETED &&
		guest "await '! disk $1'"
}
