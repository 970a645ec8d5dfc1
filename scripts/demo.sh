#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make demo: a first result as soon as can be, on the kernel and the QEMU that Debian
# ships, then a guest with a disk, for which a QEMU is built meanwhile. Tells at the end
# what took the time.
#
#   demo.sh [engine]   engine: only the first of the two

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/qemu-packaged.sh
source "$TOP/scripts/build/qemu-packaged.sh"

# shellcheck disable=SC2031  # a step's own has nothing to do with it
export TIMES=$OUT/demo-times
KERNEL=${KERNEL:-debian}

# All that the first half wants in one go: each look at the archive takes seconds.
install_for_demo() {
	local wanted
	mapfile -t wanted < <(missing "${DEMO_PACKAGES[@]}")
	update_lists
	if [ "$DEBIAN" = bookworm ]; then
		with_suite bookworm-backports
		apt "${APT_OPTIONS[@]}" install --no-install-recommends "${wanted[@]}"
		apt "${APT_OPTIONS[@]}" install --no-install-recommends -t bookworm-backports \
			"${PACKAGED_QEMU[@]}"
	else
		apt install --no-install-recommends "${wanted[@]}" "${PACKAGED_QEMU[@]}"
	fi
}

set_up() {
	if [ -n "$(missing "${DEMO_PACKAGES[@]}")" ] || ! have_packaged_qemu; then
		SPACE=6
		prepare_root
		step "install what the demo needs" install_for_demo
	fi
}

# Behind all else until there is a first result
build_behind() {
	trap end_background EXIT
	trap 'exit 130' INT TERM
	background nice -n 19 bash "$TOP/scripts/build.sh" qemu >"$LOGS/demo-qemu.log" 2>&1
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
	set_up
	[ "${1:-}" = engine ] || build_behind
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
