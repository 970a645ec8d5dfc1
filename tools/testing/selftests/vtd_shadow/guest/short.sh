# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The end-to-end tests in short: one disk, translated, and its removal.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

guest_boots() {
	guest_start && guest 'disk nvme1' && shadowed 1 && shadow_is domains -eq 1
}

verifies() {
	local before
	before=$(shadow leaves_mapped)
	guest verify nvme1 4k 1 1M && guest verify nvme1 64k 32 4M &&
		guest verify nvme1 1M 4 32M && shadow_is leaves_mapped -gt "$before"
}

unplugs() {
	guest load_start nvme1 && qmp device_del '"id":"nvme1"' && vmm_event DEVICE_DELETED &&
		guest '! disk nvme1' && shadowed 0
}

plan 5
check boots guest_boots
check reads_the_image same_content nvme1
check verify verifies
check unplug_under_load unplugs
check ends_clean guest_stop
