# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# For a count of instructions (bench/exits.c): a guest that maps and unmaps one page
# again and again, then reads the configuration of an emulated port; and the symbols of
# the host.

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

# What the boot did does not count.
counts_begin() { qmp query-cpus-fast; }

plan 5
check guest_boots boots
check counts_begin counts_begin
check maps guest map_cost 1 5
check reads_configuration guest config_cost 0000:00:01.0
check ends_clean guest_stop
sed 's/^/# symbol /' /proc/kallsyms
