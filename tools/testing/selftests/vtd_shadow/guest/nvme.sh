# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What an assigned disk of a guest with a translating unit reads and writes is right.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# The engine translates, and had to map what the guest used
guest_boots() {
	guest_start && guest 'disk nvme1' && shadowed 1 && shadow_is domains -eq 1
}

secret() { # MIB; the image is looked at when the host is gone
	local sum
	sum=$(guest write_secret nvme1 "$1") && echo "# wrote disk1 $1 $sum" >&3
}

verifies() { # BLOCK SIZE
	local before depth
	for depth in 1 4 32; do
		before=$(shadow leaves_mapped)
		guest verify nvme1 "$1" $depth "$2" || return 1
		shadow_is leaves_mapped -gt "$before" || return 1
	done
}

plan 12
check boots guest_boots
check reads_the_image same_content nvme1
check verify.bs_4k verifies 4k 1M
check verify.bs_8k verifies 8k 1M
check verify.bs_16k verifies 16k 4M
check verify.bs_64k verifies 64k 4M
check verify.bs_256k verifies 256k 32M
check verify.bs_1m verifies 1M 32M
check ext4 guest file_system nvme1
exec 3>&1
check writes_for_the_host secret 32
check nothing_refused shadow_is install_failures -eq 0
check ends_clean guest_stop
