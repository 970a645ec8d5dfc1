#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test bed: builds what is missing, boots the emulated host, judges
# what came out of it.
#
#   bed.sh MODE [KERNEL [FLAVOUR]]
#
# MODE is kunit, selftest, soak, demo, bench, profile or shell.
# In the environment: TEST=program[:test]
# restricts selftest (see WHICH of run.sh), and PART names a run that others of its
# kind are beside. HOST is the emulated host's IOMMU: intel (the default),
# intel-sm (scalable mode), intel-fs (first stage), virtio or amd. DURATION is how many
# seconds soak takes, SEED where it begins, VERBOSE=1 makes it tell each step.
# EMULATOR=packaged takes Debian's own QEMU, which is there at once; it loses an interrupt
# or aborts now and then, and the boot is begun anew.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/judge.sh
source "$TOP/scripts/lib/judge.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/qemu-packaged.sh
source "$TOP/scripts/build/qemu-packaged.sh"
# shellcheck source=scripts/build/tests.sh
source "$TOP/scripts/build/tests.sh"

compile_floor() { # KEY KDIR DIRECTORY
	cp "$SELFTESTS"/bench/* "$3"
	unchanged "$1" "$SELFTESTS/bench"
	make -C "$2" M="$3" KCFLAGS="-fmacro-prefix-map=$3/=" modules
}

floor_build() { # uses KDIR, sets FLOOR: the benchmark's module
	local base hash
	hash=$(key "$SELFTESTS/bench")
	base=$CACHE/floor/${KDIR##*/}
	FLOOR=$base-$hash
	publish "$FLOOR" step "build the benchmark's module for ${KDIR##*/}" \
		compile_floor "$hash" "$KDIR"
	prune "$base-" "$FLOOR"
}

# boot MODE: runs the harness; RUN, empty before, then holds what came out
boot() { # MODE
	local status=0
	collect_modules "$RUN/modules"
	HOST=$HOST QEMU=$QEMU bash "$SELFTESTS/qemu/run.sh" "$1" "$RUN" \
		"$KDIR/arch/x86/boot/bzImage" "$RUN/modules" "$TESTS" "${TEST:-}" || status=$?
	echo "$status" >"$RUN/status"
	rm -rf "$RUN"/{modules,initramfs,disk}
}

# The programs that TEST names; none if it asks for all, or for all but some
programs() {
	local which=${TEST:-}
	[[ $which == !* ]] || tr ',' ' ' <<<"${which%%:*}"
}

# The random test for as long as asked. A seed that no soak had before, unless one
# is asked for; each run of a thousand steps takes the next.
run_soak() {
	export DURATION=${DURATION:-600} SEED=${SEED:-$(date +%s)}
	export TIMEOUT=$((DURATION + 2400))
	say "$1 takes $DURATION s from seed $SEED on"
	step "run $1" boot soak
	tr -d '\r' <"$RUN/tap.log" | grep '^# random: ' ||
		echo "stopped in the run that begins with" \
			"$(grep -o 'seed [0-9]*' "$RUN/tap.log" | tail -n 1)"
}

# QEMU counts the instructions between two marks of the benchmark.
count_instructions() { # sets PLUGIN
	local begin end
	begin=$(nm "$TESTS/vtd_shadow_bench" | sed -n 's/ T bench_profile_begin$//p')
	end=$(nm "$TESTS/vtd_shadow_bench" | sed -n 's/ T bench_profile_end$//p')
	gcc -shared -fPIC -O2 -Wall -o "$RUN/insns.so" "$SELFTESTS/bench/insns.c"
	PLUGIN=$RUN/insns.so,begin=$begin,end=$end,out=$RUN/insns
	export PLUGIN
}

main() { # MODE KERNEL FLAVOUR
	local mode=$1 kernel=${2:-6.12} flavour=${3:-plain} name lock
	HOST=${HOST:-intel}
	[[ $HOST = @(intel|intel-sm|intel-fs|virtio|amd) ]] ||
		die "no host $HOST: intel, intel-sm, intel-fs, virtio or amd"
	RUN=$OUT/run/$mode-$kernel-$flavour
	[ "$HOST" = intel ] || RUN+=-$HOST
	RUN+=${PART:+-$PART}
	mkdir -p "$OUT/run"
	if [ "${EMULATOR:-}" = packaged ]; then qemu_packaged; else qemu_emulator; fi
	kernel_build "$kernel" "$flavour"
	modules_build "$KDIR"
	# shellcheck disable=SC2046  # a list of words
	case $mode in
	# Unit tests are modules, no programs
	kunit) TESTS= ;;
	demo) tests_build vtd_shadow_demo ;;
	*) tests_build $(programs) ;;
	esac
	[[ $mode != @(bench|profile) ]] || floor_build
	exec {lock}>"$RUN.lock"
	flock "$lock"
	rm -rf "$RUN"
	mkdir "$RUN"
	name="$mode $kernel"
	[ "$flavour" = plain ] || name+=" $flavour"
	[ "$HOST" = intel ] || name+=" $HOST"
	name+=${PART:+ $PART}
	case $mode in
	kunit | selftest)
		step "run $name" boot "$mode"
		judge "$name" "$([ "$mode" = kunit ] && echo 4 || echo 0)"
		summary
		;;
	soak)
		run_soak "$name"
		judge "$name" 0
		summary
		;;
	demo | bench) run_aloud "$mode" ;;
	profile)
		count_instructions
		run_aloud profile
		;;
	shell) boot shell ;;
	*) die "no mode $mode: kunit, selftest, soak, demo, bench, profile or shell" ;;
	esac
}

main "$@"
