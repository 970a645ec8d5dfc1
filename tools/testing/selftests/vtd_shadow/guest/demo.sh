# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What vtd_shadow does for a guest, told on the terminal: the same guest reads from the
# same disk without a remapping unit, with the VMM's own shadowing, with vtd_shadow.
#
# Exit status 0 only if all of it went as told.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

did_not() {
	echo
	echo "*** This did not work: $*"
	cat $SAID
	tail -n 8 $GUEST/qemu.log
	tail -n 12 $GUEST/console.log | tr -d '\r'
	exit 1
}

must() { "$@" >$SAID 2>&1 || did_not "$@"; }

# Boots, checks that the disk has what it should, and sets RATE. What is read first pins
# memory, which is not what is compared.
boot_and_read() { # MODE
	SHADOW=$1
	must guest_start
	must same_content nvme1
	must guest dd_rate nvme1 1
	RATE=$(guest dd_rate nvme1 3) || did_not dd_rate
	printf '%8.0f MB/s\n' "$RATE"
}

# What the engine did for it
counters() {
	echo
	echo 'What the kernel did for the last one (vtd_shadow_stats):'
	vtd_shadow_stats "$VMM_PID" >/tmp/stats || did_not vtd_shadow_stats
	awk '$1 == "descriptors" { n = $2 } $1 == "leaves_mapped" { m = $2 }
		$1 == "leaves_unmapped" { u = $2 } $1 == "iotlb_syncs" { s = $2 }
		END {
			printf "  %d invalidation descriptors of the guest processed,\n", n
			printf "  %d pages mapped, %d unmapped, %d flushes of the IOTLB\n", m, u, s
		}' /tmp/stats
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

echo "A guest, Linux $(cat /tools/guest/release), with an NVMe disk of the host." \
	"It reads 1 MiB at a time:"
echo
printf '  %-44s' 'without a remapping unit'
boot_and_read none
NONE=$RATE
must guest_stop
printf '  %-44s' 'with a VT-d unit, shadowed by QEMU'
boot_and_read off
OFF=$RATE
must guest_stop
printf '  %-44s' 'with a VT-d unit, shadowed by vtd_shadow'
boot_and_read on
counters
must shadow_is domains -eq 1
must guest_stop
echo
echo "vtd_shadow is $(ratio "$RATE" "$OFF") times as fast as QEMU's shadowing, and has" \
	"$(ratio "$RATE" "$NONE") of the rate without a unit."
