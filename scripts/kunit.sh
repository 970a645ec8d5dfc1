#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the unit tests: natively, in user-mode Linux with the newest 7.x, or in the emulated
# host if KERNEL or HOST names one (see bed.sh).
#
#   kunit.sh          as the environment says
#   kunit.sh native   natively

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/judge.sh
source "$TOP/scripts/lib/judge.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/uml.sh
source "$TOP/scripts/build/uml.sh"

# The results of each suite by themselves, as the emulated host has them
by_suite() {
	awk '
		match($0, /^    # Subtest: /) { print "# begin " substr($0, RLENGTH + 1) }
		{ print }
		/^ok / { print "# end", $3, 0 }
		/^not ok / { print "# end", $4, 1 }'
}

# A kernel that panics neither halts nor says so.
boot() { # ARGUMENT...
	local status=0
	timeout 300 "$UML" mem=1G "${UML_OPTIONS[@]}" "$@" >"$RUN/console.log" || status=$?
	echo "$status" >"$RUN/status"
	tr -d '\r' <"$RUN/console.log" | by_suite >"$RUN/tap.log"
	! grep -q '^reboot: System halted' "$RUN/console.log" || echo pass >"$RUN/verdict"
}

boot_judged() { # NAME ARGUMENT...
	RUN=$OUT/run/${1// /-}
	rm -rf "$RUN"
	mkdir -p "$RUN"
	step "run $1" boot "${@:2}"
	judge "$1" 4 "ends, clean log"
}

# The native benchmark runs once, in little memory: it compares what the engine maps in a
# real page table with what it should.
native() {
	uml_build
	boot_judged "kunit native" kunit.filter=module=vtd_shadow_kunit
	boot_judged "bench native" kunit.filter_glob=vtd_shadow_native \
		vtd_shadow_native.rounds=1 vtd_shadow_native.mem_mb=64 \
		vtd_shadow_native.guests=2g-512,2g-64k
	summary
}

main() {
	if [ "${1:-}" = native ] || [ -z "${KERNEL:-}${HOST:-}" ]; then
		native
	else
		bash "$TOP/scripts/bed.sh" kunit "${KERNEL:-6.12}"
	fi
}

main "$@"
