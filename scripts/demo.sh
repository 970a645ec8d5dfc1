#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make demo: a first result as soon as can be, on the kernel and the QEMU that Debian
# ships, then a guest with a disk, for which a QEMU is built meanwhile. Tells at the end
# what took the time.
#
#   demo.sh [engine]   engine: only the first of the two

# shellcheck source=scripts/qemu.sh
source "$(dirname "${BASH_SOURCE[0]}")/qemu.sh"

# shellcheck disable=SC2031  # a step's own has nothing to do with it
export TIMES=$OUT/demo-times
KERNEL=${KERNEL:-debian}

# Behind all else until there is a first result
build_behind() {
	trap end_background EXIT
	trap 'exit 130' INT TERM
	background nice -n 19 bash "$TOP/scripts/qemu.sh" >"$LOGS/demo-qemu.log" 2>&1
}

# The build gets the machine, and the terminal what it says.
wait_for_build() {
	local build=${BACKGROUND[0]}
	if kill -0 "$build" 2>/dev/null; then
		say "the guest needs a QEMU with vtd_shadow, which is being built; waiting for it"
		renice -n 0 -g "$build" >/dev/null 2>&1 || true
	fi
	finish || {
		cat "$LOGS/demo-qemu.log"
		die "QEMU does not build"
	}
}

tell_times() {
	echo
	echo "First result after $FIRST s, all of it after" \
		"$(tenths $(($(now_us) - VTD_SHADOW_START))) s. What took the time, in seconds:"
	times_table "" "$TIMES"
}

main() { # [engine]
	local emulator=packaged
	# On another kernel the demo shows that one, and there is no hurry.
	[ "$KERNEL" = debian ] || emulator=
	: >"$TIMES"
	bash "$TOP/scripts/setup.sh" demo
	if [ "${1:-}" != engine ]; then
		need_qemu_packages
		build_behind
	fi
	EMULATOR=$emulator bash "$TOP/scripts/bed.sh" demo "$KERNEL"
	FIRST=$(tenths $(($(now_us) - VTD_SHADOW_START)))
	if [ "${1:-}" != engine ]; then
		echo
		wait_for_build
		bash "$TOP/scripts/guest.sh" demo "$KERNEL"
	fi
	tell_times
}

main "$@"
