#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test bed: builds what is missing, boots the emulated host, judges
# what came out of it.
#
#   bed.sh MODE [KERNEL [FLAVOUR]]
#
# MODE is kunit, selftest, soak, races, load, demo, bench, profile or shell.
# In the environment: TEST=program[:test] or TEST=program[/variant],...
# restricts selftest and races (see WHICH of run.sh), and PART names a run that others of its
# kind are beside. HOST is the emulated host's IOMMU: intel (the default),
# intel-sm (scalable mode), intel-fs (first stage), virtio or amd. DURATION is how many
# seconds soak takes, or each program of races, SEED where it begins, VERBOSE=1 makes soak
# tell each step.
# EMULATOR=packaged takes Debian's own QEMU, which is there at once; it loses an interrupt
# or aborts now and then, and the boot is begun anew.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/figures.sh
source "$TOP/scripts/lib/figures.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/qemu-packaged.sh
source "$TOP/scripts/build/qemu-packaged.sh"

boot() { # MODE
	HOST=$HOST boot_host qemu "$1" "${TEST:-}"
	rm -f "$RUN/disk"
}

# What races runs, unless TEST says otherwise
RACES=isolation_test,sandbox_test,race_test,hostile_test

# The programs that TEST names; none if it asks for all, or for all but some
programs() {
	local which=${TEST:-}
	[[ $which == !* ]] || tr ',' '\n' <<<"${which%%:*}" | sed 's,/.*,,'
}

# Programs that go on from a seed for as long as asked. A seed that none had before, unless
# one is asked for; each of their runs takes the next.
run_from_seed() { # MODE SECONDS
	export DURATION=${DURATION:-$2} SEED=${SEED:-$(date +%s)}
	export TIMEOUT=$((3 * DURATION + 2400))
	say "$NAME takes $DURATION s for each program, from seed $SEED on"
	step "run $NAME" boot "$1"
	tr -d '\r' <"$RUN/tap.log" | grep -E '^# (random|race|hostile): ' ||
		echo "stopped in the run that begins with" \
			"$(grep -o 'seed [0-9]*' "$RUN/tap.log" | tail -n 1)"
	judge "$NAME" 0
}

# The samples of the test of large numbers, each a file: number, time, memory
split_samples() {
	local name
	for name in units cycles invalidations; do
		awk -v "name=$name" '$3 == name && $5 == "us" { print $4, $6, $8 / 1024 }' \
			"$RUN/load.txt" >"$RUN/$name"
	done
}

plot_samples() { # NAME LABEL COLUMN
	draw "$1" "$OUT" <<-END
		set key left top
		set xlabel "sample"
		set ylabel "$2"
		set yrange [0:*]
		plot for [name in "units cycles invalidations"] '$RUN/'.name \
			using 0:$3 with linespoints title name
	END
	say "plot: $OUT/$1.svg"
}

# The test of large numbers, and how time and memory went in it
run_load() {
	need gnuplot gnuplot-nox
	run_judged load 0
	tr -d '\r' <"$RUN/tap.log" | grep '^# load: ' | tee "$RUN/load.txt"
	split_samples
	plot_samples load-time "microseconds for one" 2
	plot_samples load-memory "kernel memory, MiB" 3
}

# QEMU counts the instructions between two marks of the benchmark.
count_instructions() { # sets PLUGINS
	local marks
	nm "$TESTS/vtd_shadow_bench" >"$RUN/symbols"
	marks=begin=$(address_of bench_profile_begin)
	marks+=,end=$(address_of bench_profile_end)
	add_plugin insns "$marks"
}

main() { # MODE KERNEL FLAVOUR
	local mode=$1
	HOST=${HOST:-intel}
	[[ $HOST = @(intel|intel-sm|intel-fs|virtio|amd) ]] ||
		die "no host $HOST: intel, intel-sm, intel-fs, virtio or amd"
	name_run "" "$mode" "${2:-6.12}" "${3:-plain}"
	[ "$HOST" = intel ] || RUN+=-$HOST NAME+=" $HOST"
	RUN+=${PART:+-$PART} NAME+=${PART:+ $PART}
	if [ "${EMULATOR:-}" = packaged ]; then qemu_packaged; else qemu_emulator; fi
	host_build "${2:-6.12}" "${3:-plain}"
	# shellcheck disable=SC2046  # a list of words
	case $mode in
	# Unit tests are modules, no programs
	kunit) TESTS= ;;
	demo) tests_build vtd_shadow_demo ;;
	races) tests_build $(TEST=${TEST:-$RACES} programs) ;;
	*) tests_build $(programs) ;;
	esac
	case $mode in
	bench | profile) extra_build floor bench/floor ;;
	selftest | soak | races | shell) extra_build walker walk ;;
	esac
	open_run
	case $mode in
	kunit | selftest)
		run_judged "$mode" "$([ "$mode" = kunit ] && echo 4 || echo 0)"
		summary
		;;
	soak)
		run_from_seed soak 600
		summary
		;;
	races)
		run_from_seed races 180
		summary
		;;
	load)
		run_load
		summary
		;;
	demo | bench) run_aloud "$mode" ;;
	profile)
		count_instructions
		run_aloud profile
		;;
	shell) boot shell ;;
	*) die "no mode $mode: kunit, selftest, soak, races, load, demo, bench, profile or shell" ;;
	esac
}

main "$@"
