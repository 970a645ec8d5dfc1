# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# For a count of instructions: guests that read from a disk, without a remapping unit,
# with the VMM's own shadowing, with vtd_shadow (qemu/plugins/phases.c); a guest that maps
# and unmaps one page again and again, then reads the configuration of an emulated port
# (qemu/plugins/exits.c); and the symbols of the host.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# The guest's processor has one of the host for itself: an exit begins and ends there.
pin() {
	local vcpu dir
	vcpu=$(qmp query-cpus-fast | sed -n 's/.*"thread-id": \([0-9]*\).*/\1/p')
	for dir in "/proc/$VMM_PID/task"/*; do
		taskset -p "$([ "${dir##*/}" = "$vcpu" ] && echo 1 || echo 2)" "${dir##*/}" ||
			return 1
	done
}

boots() {
	guest_start_with -smp 1 && pin && guest 'rebind 0000:01:00.0 dma_map_benchmark' &&
		shadow_is domains -eq 1
}

# What was before does not count.
counts_begin() { qmp query-cpus-fast; }

# What a read takes is the difference between many and few, over FEW_AND_MANY.
FEW_AND_MANY='64 1088'

phase() { # NUMBER
	qmp query-name && guest read_many nvme1 1M "$1" && qmp query-status
}

reads() { # MODE
	local number
	SHADOW=$1
	guest_start && guest "await 'disk nvme1'" || return 1
	for number in $FEW_AND_MANY; do
		phase "$number" || return 1
	done
	guest_stop
}

plan 8
for mode in none off on; do
	check "reads.$mode" reads $mode
done
echo "# phases none off on $FEW_AND_MANY"
check guest_boots boots
check counts_begin counts_begin
check maps guest map_cost 1 5
check reads_configuration guest config_cost 0000:00:01.0
check ends_clean guest_stop
sed 's/^/# symbol /' /proc/kallsyms
