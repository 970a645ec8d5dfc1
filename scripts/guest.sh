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
# GUEST_KERNEL is the guests' kernel if it is another one; VMM=10.0 another VMM (see
# build/vmm.sh); SHADOW=off runs all on the VMM's own shadowing; ROUNDS of the measurements;
# PATIENCE, for how many seconds host and guests wait for one another (120, with
# sanitizers 900).

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/judge.sh
source "$TOP/scripts/lib/judge.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"
# shellcheck source=scripts/build/tests.sh
source "$TOP/scripts/build/tests.sh"
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

# boot MODE: RUN, empty before, then holds what came out
boot() {
	local status=0
	collect_modules "$RUN/modules"
	COMPLAINTS=$BAD QEMU=$QEMU FOREIGN=$FOREIGN bash "$SELFTESTS/guest/run.sh" "$1" "$RUN" \
		"$KDIR/arch/x86/boot/bzImage" "$RUN/modules" "$TESTS" "$TOOLS" "${TEST:-}" ||
		status=$?
	echo "$status" >"$RUN/status"
	rm -rf "$RUN"/{modules,guest-modules,initramfs}
}

# What guests say that they wrote must be in the images: "# wrote disk1 MIB SUM"
check_images() { # NAME
	local image mib sum now
	while read -r _ _ image mib sum; do
		now=$(dd "if=$RUN/$image" bs=1M "skip=$mib" count=16 status=none | sha256sum)
		if [ "$now" = "$sum  -" ]; then
			pass "$1: the image of $image has what the guest wrote at $mib MiB"
		else
			fail "$1: the image of $image" "is not what the guest wrote at $mib MiB"
		fi
	done < <(tr -d '\r' <"$RUN/tap.log" | grep '^# wrote ')
}

# address_in_vmm NAME: of a function
address_in_vmm() {
	sed -n "s/ T $1$//p" "$RUN/symbols" | grep . || die "the VMM has no $1"
}

plugin() { # NAME OPTIONS
	gcc -shared -fPIC -O2 -Wall -o "$RUN/$1.so" "$SELFTESTS/bench/$1.c"
	PLUGINS+=" $RUN/$1.so,out=$RUN/$1,$2"
}

# QEMU counts the instructions of the host in exits of its guest that come to two
# functions of the VMM, and those of all that runs between two others. They begin and
# end when the VMM is asked something.
count_instructions() { # sets PLUGINS
	local exits phases
	nm "$VMM_PROGRAM" >"$RUN/symbols"
	exits=start=$(address_in_vmm qmp_query_cpus_fast)
	exits+=,mark=tail:$(address_in_vmm vtd_shadow_run_queue)
	exits+=,mark=config:$(address_in_vmm pci_host_config_read_common)
	plugin exits "$exits"
	phases=begin=$(address_in_vmm qmp_query_name)
	phases+=,end=$(address_in_vmm qmp_query_status)
	plugin phases "$phases"
	export PLUGINS
}

main() { # MODE KERNEL FLAVOUR
	local mode=$1 kernel=${2:-6.12} flavour=${3:-plain} name lock
	RUN=$OUT/run/guests-$mode-$kernel-$flavour
	name="$mode $kernel"
	# With sanitizers the host takes its time, most of it for a guest's console: two
	# exits for each character.
	if [ "$flavour" != plain ]; then
		name+=" $flavour"
		export PATIENCE=${PATIENCE:-900} TIMEOUT=14400 QUIET=1
	fi
	[ -z "${GUEST_KERNEL:-}" ] || name+=" with $GUEST_KERNEL" RUN+=-$GUEST_KERNEL
	[ "$VMM" = "$QEMU_RELEASE" ] || name+=" on QEMU $VMM"
	[ -z "${SHADOW:-}" ] || name+=" shadow=$SHADOW" RUN+=-$SHADOW
	mkdir -p "$OUT/run"
	exec {lock}>"$RUN.lock"
	flock "$lock"
	rm -rf "$RUN"
	mkdir "$RUN"
	vmm_build
	qemu_build
	kernel_build "$kernel" "$flavour"
	modules_build "$KDIR"
	tests_build vtd_shadow_nested vtd_shadow_stats
	guests_build "$kernel" "$mode"
	FOREIGN=
	if foreign_wanted "$mode"; then
		foreign_build
	fi
	case $mode in
	bench | profile)
		[ "$mode" = bench ] || count_instructions
		step "run $name" boot "$mode"
		judge "$name" 0
		rm -f "$RUN"/disk*
		summary
		;;
	demo)
		run_aloud demo
		rm -f "$RUN"/disk*
		;;
	guest | short)
		step "run $name" boot "$mode"
		judge "$name" 0
		check_images "$name"
		rm -f "$RUN"/disk*
		summary
		;;
	shell) boot shell ;;
	*) die "no mode $mode: guest, short, bench, profile, demo or shell" ;;
	esac
}

main "$@"
