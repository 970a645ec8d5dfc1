# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The kernel's own DMA map benchmark in a guest, bound to an assigned device: it maps
# and unmaps as fast as it can and tells how long that takes.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

guest_boots() {
	guest_start && guest "rebind 0000:01:00.0 dma_map_benchmark" &&
		shadow_is domains -eq 1
}

measures() { # THREADS PAGES
	local before
	before=$(shadow leaves_mapped)
	guest "dma_map_benchmark -t $1 -s 1 -g $2" && shadow_is leaves_mapped -gt "$before" &&
		shadow_is install_failures -eq 0
}

# All that the benchmark mapped it also unmapped
nothing_left() { shadow_is pages -eq 0; }

returns() { guest "rebind 0000:01:00.0 nvme" && guest "await 'disk nvme1'" && translated; }

plan 8
check boots guest_boots
check one_page measures 1 1
check 16_pages measures 1 16
check 256_pages measures 1 256
check four_threads measures 4 1
check nothing_left nothing_left
check device_returns_to_its_driver returns
check ends_clean guest_stop
