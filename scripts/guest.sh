#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Real guests: a VMM in the emulated host gives them disks and a network card. Builds
# what is missing, boots the emulated host, judges what came out of it.
#
#   guest.sh MODE [KERNEL [FLAVOUR]]
#
# MODE is guest (the end-to-end tests), short (a few of them), bench, profile, demo or
# shell.
# In the environment: TEST=program restricts guest (see WHICH of run.sh);
# GUEST_KERNEL is the guests' kernel if it is another one; VMM=10.0 or a path another VMM
# (see build/vmm.sh); SHADOW=off runs all on the VMM's own shadowing; ROUNDS of the measurements;
# PATIENCE, for how many seconds host and guests wait for one another (120, with
# sanitizers 900).

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=scripts/build/foreign.sh
source "$TOP/scripts/build/foreign.sh"

# The kernel and the modules of the guests, and with them the tools
guests_build() { # KERNEL MODE
	local KSRC KDIR
	kernel_build "${GUEST_KERNEL:-$1}" plain
	kernel_modules "$RUN/guest-modules"
	tools_build "$KSRC" "$KDIR" "$RUN/guest-modules" "$TESTS" "$2"
}

# Whether TEST asks for it, and if it has to be named
foreign_wanted() { # MODE
	case $1 in
	guest)
		VTD_WHICH=${TEST:-} bash -c '. "$1" && wanted foreign' - \
			"$SELFTESTS/qemu/lib.sh"
		;;
	shell) [ "${TEST:-}" = foreign ] ;;
	*) return 1 ;;
	esac
}

boot() { # MODE
	COMPLAINTS=$BAD FOREIGN=$FOREIGN boot_host guest "$1" "$TOOLS" "${TEST:-}"
	rm -rf "$RUN/guest-modules"
}

# What guests say that they wrote must be in the images: "# wrote disk1 MIB SUM"
check_images() {
	local image mib sum now
	while read -r _ _ image mib sum; do
		now=$(dd "if=$RUN/$image" bs=1M "skip=$mib" count=16 status=none | sha256sum)
		if [ "$now" = "$sum  -" ]; then
			pass "$NAME: the image of $image has what the guest wrote at $mib MiB"
		else
			fail "$NAME: the image of $image" "is not what the guest wrote at $mib MiB"
		fi
	done < <(tr -d '\r' <"$RUN/tap.log" | grep '^# wrote ')
}

# QEMU counts the instructions of the host in exits of its guest that come to two
# functions of the VMM, and those of all that runs between two others. They begin and
# end when the VMM is asked something.
count_instructions() { # sets PLUGINS
	local exits phases
	nm "$VMM_PROGRAM" >"$RUN/symbols"
	exits=start=$(address_of qmp_query_cpus_fast)
	exits+=,mark=tail:$(address_of vtd_shadow_run_queue)
	exits+=,mark=config:$(address_of pci_host_config_read_common)
	add_plugin exits "$exits"
	phases=begin=$(address_of qmp_query_name)
	phases+=,end=$(address_of qmp_query_status)
	add_plugin phases "$phases"
}

main() { # MODE KERNEL FLAVOUR
	local mode=$1 kernel=${2:-6.12} flavour=${3:-plain}
	name_run guests- "$mode" "$kernel" "$flavour"
	# With sanitizers the host takes its time, most of it for a guest's console: two
	# exits for each character.
	if [ "$flavour" != plain ]; then
		export PATIENCE=${PATIENCE:-900} TIMEOUT=14400 QUIET=1
	fi
	[ -z "${GUEST_KERNEL:-}" ] || NAME+=" with $GUEST_KERNEL" RUN+=-$GUEST_KERNEL
	[ "$VMM" = "$QEMU_RELEASE" ] || NAME+=" on QEMU $VMM"
	[ -z "${SHADOW:-}" ] || NAME+=" shadow=$SHADOW" RUN+=-$SHADOW
	open_run
	vmm_build
	qemu_build
	host_build "$kernel" "$flavour"
	tests_build vtd_shadow_nested vtd_shadow_stats
	guests_build "$kernel" "$mode"
	FOREIGN=
	if foreign_wanted "$mode"; then
		foreign_build
	fi
	case $mode in
	bench | profile)
		[ "$mode" = bench ] || count_instructions
		run_judged "$mode" 0
		;;
	demo) run_aloud demo ;;
	guest | short)
		run_judged "$mode" 0
		check_images
		;;
	shell)
		boot shell
		return
		;;
	*) die "no mode $mode: guest, short, bench, profile, demo or shell" ;;
	esac
	rm -f "$RUN"/disk*
	[ "$mode" = demo ] || summary
}

main "$@"
