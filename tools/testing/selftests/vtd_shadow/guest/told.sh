# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the user is told: of what devices do not reach, of the host's trouble, of who
# shadows for which device, and of what memory comes to.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/unit.sh
. /guest/unit.sh

LIMIT=/sys/module/vtd_shadow/parameters/max_pages
# No memory of a machine of 256 MiB
NOWHERE=0x40000000

# map NUMBER ADDRESS: one more entry of the last table
map() { put $((LEVEL_1 + $1 * 8)) $(($2 | READ_WRITE)); }

# flush NUMBER: the guest flushes its domain, descriptor NUMBER does it
flush() { queue "$1" 0x50022 0 && run_to $(($1 + 1)) && head_is $(($1 + 1)); }

# Events come by the main loop
told() { # TIMES TEXT
	sleep 1
	said "$1" "$2"
}

# --- Events ---

# One page more than the unit may have: that is no device's
limit() {
	local before status=0
	before=$(cat $LIMIT)
	echo 1 >$LIMIT
	queue_on && map_page 1 && flush 0 && shadow_is pages -eq 1 && told 1 'can be reached' &&
		said 0 '00:00.0' && unit_stop || status=1
	echo "$before" >$LIMIT
	return $status
}

# What is told once does not hide what is told of another kind, nor is it told again at once.
another_kind() {
	local before status=0
	before=$(cat $LIMIT)
	echo 2 >$LIMIT
	queue_on && map 1 $NOWHERE && flush 0 && told 1 'can be reached' &&
		map 2 $((NOWHERE + 0x1000)) && flush 1 && told 1 'can be reached' &&
		map_page 3 && map_page 4 && flush 2 && told 2 'can be reached' &&
		unit_stop || status=1
	echo "$before" >$LIMIT
	return $status
}

# More than the kernel keeps until somebody reads
lost() {
	local nr=1
	queue_on || return 1
	while [ $nr -le 140 ]; do
		map $nr $((NOWHERE + nr * 4096)) || return 1
		nr=$((nr + 1))
	done
	flush 0 && told 1 'dropped' && unit_stop
}

# The kernel does not take the registers when the first device comes.
state_refused() {
	SHIM=state refuses_to_start 'does not take'
}

# refuses_to_start TEXT
refuses_to_start() {
	if unit_start; then
		echo 'it starts'
		return 1
	fi
	! vmm_wait && said 1 "$1"
}

# A mediated device has no page table that could be shadowed.
mediated() {
	SHIM=mdev IOMMUFD=${1-$IOMMUFD} refuses_to_start 'mediated'
}

# --- Memory that comes ---

memory_comes() {
	qmp object-add '"qom-type":"memory-backend-ram","id":"more","size":134217728' &&
		qmp device_add '"driver":"pc-dimm","id":"dimm","memdev":"more"'
}

# Behind the end of memory below 4 GiB: where a DIMM comes
DIMM=0x100000000

# Nothing was refused, so nothing is read again; what was refused is mapped.
resync_of_a_range() {
	local before
	UNIT_OPTIONS='-m 256,slots=2,maxmem=1G'
	queue_on && map 1 $DIMM && flush 0 && shadow_is pages -eq 1 || return 1
	memory_comes && sleep 1 && shadow_is pages -eq 2 && unit_stop || return 1
	queue_on || return 1
	before=$(shadow syncs)
	memory_comes && sleep 1 && shadow_is syncs -eq "$before" && unit_stop
}

# Memory that cannot be pinned comes while devices reach all of it.
unmappable() {
	UNIT_OPTIONS='-m 256,slots=2,maxmem=1G'
	unit_start && qmp object-add '"qom-type":"memory-backend-file","id":"more",
		"size":134217728,"mem-path":"/tmp/more","share":true' | head -n 1 &&
		: >/tmp/more && qmp device_add '"driver":"pc-dimm","id":"dimm","memdev":"more"' &&
		qmp query-status | grep running && told 1 'left out' && unit_stop
}

# --- The host's trouble ---

# The file that holds the guest's memory lacks the end, until it does not.
trouble() { # report|stop
	IOMMU=vtd-shadow-error=$1
	MACHINE=,memory-backend=ram
	UNIT_OPTIONS='-m 256 -object memory-backend-file,id=ram,size=256M'
	UNIT_OPTIONS="$UNIT_OPTIONS,mem-path=/tmp/ram,share=on"
	queue_on && truncate -s 128M /tmp/ram && map 1 0xc000000 && flush 0 &&
		shadow_is pages -eq 1 && vmm_event VTD_SHADOW_TROUBLE && told 1 'can be reached'
}

recovers() {
	truncate -s 256M /tmp/ram && vmm_event VTD_SHADOW_RECOVERED && shadow_is pages -eq 2
}

reports() {
	trouble report && qmp query-status | grep '"running": true' && recovers && unit_stop
}

stops() {
	trouble stop && qmp query-status | grep io-error && recovers && vmm_event RESUME &&
		qmp query-status | grep '"running": true' && unit_stop
}

# --- The state ---

query() { # TEXT
	qmp query-vtd-shadow | tee /tmp/query | grep -q "$1" && return
	cat /tmp/query
	return 1
}

state() {
	unit_start && query '"attached": "identity"' && unit_stop && queue_on &&
		query '"shadowed": true' && query '"attached": "shadow"' &&
		query '"pages": 1[,}]' &&
		query '"active": true' && query '"mode": "on"' &&
		qmp human-monitor-command '"command-line":"info vtd-shadow"' |
		grep 'device nvme1 .*: shadowed as 01:00.0, attached to: shadow' && unit_stop
}

state_without() {
	SHADOW=off unit_start && query '"shadowed": false' && query '"reason": "vtd-shadow=off"' &&
		query '"active": false' && unit_stop
}

# --- Limits ---


# Each call goes on until it is done.
budget() {
	IOMMU=vtd-shadow-budget=1
	queue_on && put $((LEVEL_4 + 8)) $((LEVEL_3 | READ_WRITE)) &&
		put $((LEVEL_4 + 16)) $((LEVEL_3 | READ_WRITE)) && map_page 1 && flush 0 &&
		shadow_is pages -eq 6 && set64 $RTADDR $ROOT && set32 $GCMD 0xc4000000 &&
		shadow_is pages -eq 6 && unit_stop
}

max_pages() {
	IOMMU=vtd-shadow-max-pages=2
	queue_on && map_page 1 && map_page 2 && flush 0 && shadow_is pages -eq 2 &&
		told 1 'vtd-shadow-max-pages' && unit_stop
}

# --- Several objects ---

two_objects() {
	UNIT_OPTIONS="-m 256 -object iommufd,id=iommufd1"
	UNIT_OPTIONS="$UNIT_OPTIONS -device $(IOMMUFD=,iommufd=iommufd1 device_options nvme2)"
	queue_on && query 'iommufd0' && query 'iommufd1' && pci_write 0x1018 0x20200 &&
		context $CONTEXT_2 6 && map_page 1 &&
		queue 0 0x11 0 && queue 1 0x50022 0 && queue 2 0x60022 0 && wait_for 3 9 &&
		run_to 4 && head_is 4 && status_is 9 &&
		query '"pages": 2[,}].*"pages": 2[,}]' && query '02:00.0\|"source-id": 512' &&
		unit_stop
}

# --- Devices ---

# A guest moves both functions of a device to a domain, one by one; then it takes one away.
# Only that is told.
group() {
	DEVICES=''
	UNIT_OPTIONS="-m 256 -device $(function_options 0) -device $(function_options 1)"
	unit_start && number_bus 1 && put $((ROOT + 16)) $((CONTEXT_1 | 1)) &&
		set64 $RTADDR $ROOT && set32 $GCMD 0x40000000 && set32 $GCMD 0x80000000 &&
		set64 $IQA $QUEUE && set32 $GCMD 0x84000000 &&
		context $CONTEXT_1 5 && flush_contexts 0 && shadow_is domains -eq 0 &&
		context $((CONTEXT_1 + 16)) 5 && flush_contexts 1 && shadow_is domains -eq 1 &&
		sleep 6 && said 0 'different settings' &&
		put $((CONTEXT_1 + 16)) 0 && flush_contexts 2 && sleep 6 &&
		said 1 'different settings' && unit_stop
}

function_options() { # NUMBER
	local place=bus=port-nvme1,addr=0.$1,multifunction=on
	echo "vfio-pci,host=$(host_device "function$1"),$place$IOMMUFD"
}

flush_contexts() { queue "$1" 0x11 0 && run_to $(($1 + 1)) && head_is $(($1 + 1)); }

# The guest maps the registers of one disk for the other one.
registers_of_a_device() {
	DEVICES='nvme1 nvme2' UNIT_OPTIONS='-m 256'
	queue_on && pci_write 0x1018 0x20200 && pci_write 0x1020 0xfe00fe00 &&
		pci_write 0x1004 6 && pci_write 0x20010 0xfe000000 && pci_write 0x20014 0 &&
		pci_write 0x20004 6 && map 1 0xfe000000 && map_page 2 && flush 0 &&
		shadow_is pages -eq 2 && told 1 'registers of a device' && unit_stop
}

pci_write() { ask outl 0xcf8 $((0x80000000 | $1)) && ask outl 0xcfc "$2"; } # ADDRESS VALUE

if [ "$SHADOW" != on ]; then
	plan 1
	skip told 'only with vtd_shadow'
	exit
fi
plan 17
check limit_is_no_devices limit
check another_kind_of_failure another_kind
check lost_events lost
check_with_shim registers_refused state_refused
check_with_shim mediated_device mediated
check_with_shim mediated_device_in_a_container mediated ''
check resync_of_a_range resync_of_a_range
check memory_that_cannot_be_pinned unmappable
MACHINE='' UNIT_OPTIONS='-m 256'
check host_trouble_is_reported reports
check host_trouble_stops_the_machine stops
MACHINE='' UNIT_OPTIONS='-m 256' IOMMU=''
check state_by_query state
check state_without_vtd_shadow state_without
check calls_with_a_budget budget
check limit_of_pages max_pages
IOMMU=''
check two_iommufd_objects two_objects
check group_that_moves group
check registers_of_a_device registers_of_a_device
