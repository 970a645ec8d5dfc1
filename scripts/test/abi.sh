#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The interface to user space is what it was when it was recorded: scripts/abi.py says so
# of the header, and would say otherwise if it were not, which is tried on copies.

source "$(dirname "$0")/../lib/common.sh"

HEADER=$TOP/include/uapi/linux/vtd_shadow.h
failed=0

abi() { /usr/bin/python3 "$TOP/scripts/abi.py" check "$@"; }

# changed SCRIPT: a copy of the header that sed changed
changed() {
	sed "$1" "$HEADER" >"$WORK/vtd_shadow.h"
	! cmp -s "$HEADER" "$WORK/vtd_shadow.h" || {
		echo "nothing to change: $1"
		failed=1
	}
}

# breaks TEXT SCRIPT: programs do not bear the change, and TEXT is said
breaks() {
	changed "$2"
	if abi "$WORK/vtd_shadow.h" >"$WORK/said" 2>&1 || ! grep -qF "$1" "$WORK/said"; then
		echo "not found: $2, instead:"
		cat "$WORK/said"
		failed=1
	fi
}

# goes_on TEXT SCRIPT: programs bear the change, and TEXT is said
goes_on() {
	changed "$2"
	if ! abi "$WORK/vtd_shadow.h" >"$WORK/said" 2>&1 || ! grep -qF "$1" "$WORK/said"; then
		echo "not allowed: $2, instead:"
		cat "$WORK/said"
		failed=1
	fi
}

# in_struct NAME SCRIPT: SCRIPT for the lines of one structure
in_struct() { echo "/^struct vtd_shadow_$1 {/,/^};/ { $2; }"; }

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
abi || failed=1

breaks "vtd_shadow_bind.max_nodes" "$(in_struct bind 's/__u32 ioas_id/__u64 ioas_id/')"
breaks "vtd_shadow_bind.iommufd" "$(in_struct bind 's/__s32 iommufd/__u32 iommufd/')"
breaks "vtd_shadow_bind.ioas_id" "$(in_struct bind 's/ioas_id/ioas/')"
breaks "vtd_shadow_resync had 32 bytes" "$(in_struct resync '/length/d')"
breaks "vtd_shadow_event had 48 bytes" "$(in_struct event 's/^}/	__u64 more;\n}/')"
breaks "vtd_shadow_reserved is gone" 's/vtd_shadow_reserved/vtd_shadow_kept/'
breaks "VTD_SHADOW_SET_STATE was" 's/^	VTD_SHADOW_CMD_SET_STATE,/	VTD_SHADOW_CMD_NEW,\n&/'
breaks "VTD_SHADOW_EVENT_LOST was 4" 's/VTD_SHADOW_EVENT_LOST = 4/VTD_SHADOW_EVENT_LOST = 6/'
breaks "VTD_SHADOW_API_VERSION was 1" 's/\(VERSION\) 1$/\1 2/'
breaks "another one for 32 bits" \
	"$(in_struct get_stats 's/__aligned_u64 devices/unsigned long devices/')"

goes_on "vtd_shadow_get_stats.more" "$(in_struct get_stats 's/^}/	__aligned_u64 more;\n}/')"
goes_on "vtd_shadow_bind.named" "$(in_struct bind 's/__reserved/named/')"
goes_on "VTD_SHADOW_EVENT_NEW" \
	's/^	VTD_SHADOW_EVENT_RECOVERED = 5,/&\n	VTD_SHADOW_EVENT_NEW = 6,/'
goes_on "vtd_shadow_new" 's/^#endif .*UAPI.*/struct vtd_shadow_new {\n	__u32 size;\n};\n&/'
exit "$failed"
