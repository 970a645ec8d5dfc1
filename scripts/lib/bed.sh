# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A run of the test bed from its name to its results. bed.sh and guest.sh source this: they
# differ in what the emulated host has, and in who runs in it.
#
#   name_run PREFIX MODE KERNEL FLAVOUR   sets NAME, which people read, and RUN, a
#                                         directory; the caller may add to both before
#   open_run                              makes RUN, empty, for this run alone
#   host_build KERNEL FLAVOUR             kernel and modules: sets KSRC, KDIR and MODULES
#   boot_host FOLDER MODE ARGUMENT...     boots, and puts into RUN what comes out
#   run_judged MODE INDENT                calls boot MODE of the caller, which calls
#                                         boot_host, and turns what came out into results
#   add_plugin NAME OPTIONS               QEMU loads qemu/plugins/NAME.c of the selftests
#   address_of FUNCTION                   in RUN/symbols, which nm wrote

# shellcheck source=scripts/lib/judge.sh
source "$TOP/scripts/lib/judge.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"
# shellcheck source=scripts/build/tests.sh
source "$TOP/scripts/build/tests.sh"

name_run() { # PREFIX MODE KERNEL FLAVOUR
	RUN=$OUT/run/$1$2-$3-$4
	NAME="$2 $3"
	[ "$4" = plain ] || NAME+=" $4"
}

open_run() {
	local lock
	mkdir -p "$OUT/run"
	exec {lock}>"$RUN.lock"
	flock "$lock"
	rm -rf "$RUN"
	mkdir "$RUN"
}

host_build() { # KERNEL FLAVOUR
	kernel_build "$1" "$2"
	modules_build "$KDIR"
}

# run.sh in FOLDER of the selftests boots. Its status is QEMU's; RUN keeps it for judge.
boot_host() { # FOLDER MODE ARGUMENT...
	local status=0
	collect_modules "$RUN/modules"
	QEMU=$QEMU PLUGINS=${PLUGINS:-} bash "$SELFTESTS/$1/run.sh" "$2" "$RUN" \
		"$KDIR/arch/x86/boot/bzImage" "$RUN/modules" "$TESTS" "${@:3}" || status=$?
	echo "$status" >"$RUN/status"
	rm -rf "$RUN"/{modules,initramfs}
}

run_judged() { # MODE INDENT
	step "run $NAME" boot "$1"
	judge "$NAME" "$2"
}

add_plugin() { # NAME OPTIONS
	gcc -shared -fPIC -O2 -Wall -o "$RUN/$1.so" "$SELFTESTS/qemu/plugins/$1.c"
	PLUGINS+=" $RUN/$1.so,out=$RUN/$1,$2"
}

address_of() { # FUNCTION
	sed -n "s/ T $1$//p" "$RUN/symbols" | grep . || die "there is no function $1"
}
