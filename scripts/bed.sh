#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test bed: builds what is missing, boots the emulated host, judges
# what came out of it.
#
#   bed.sh MODE [KERNEL [FLAVOUR]]
#
# MODE is kunit, selftest, soak, demo or shell. In the environment: TEST=program[:test]
# restricts selftest (see WHICH of run.sh), and PART names a run that others of its
# kind are beside. HOST is the emulated host's IOMMU: intel (the default),
# intel-sm (scalable mode), virtio or amd. DURATION is how many seconds soak takes,
# SEED where it begins, VERBOSE=1 makes it tell each step.

# shellcheck source=scripts/kernel.sh
source "$(dirname "${BASH_SOURCE[0]}")/kernel.sh"
# shellcheck source=scripts/modules.sh
source "$TOP/scripts/modules.sh"
# shellcheck source=scripts/qemu.sh
source "$TOP/scripts/qemu.sh"

SELFTESTS=$TOP/tools/testing/selftests/vtd_shadow

# What no boot may print. The first three also come with everything else that
# the kernel finds wrong, the others say so when they come alone.
BAD='WARNING:|BUG:|Call Trace|KASAN|UBSAN|Oops|Kernel panic|general protection fault'
BAD+='|possible recursive locking|possible circular locking|suspicious RCU usage'
BAD+='|unreferenced object|detected stall|blocked for more than'

TEST_SOURCES=("$SELFTESTS" "$TOP/include/uapi")

compile_tests() { # KEY KSRC KDIR DIRECTORY
	local make=(make -s -j"$(nproc)" -C "$SELFTESTS" "OUTPUT=$4/build"
		"KSFT=$2/tools/testing/selftests"
		"KHDR_INCLUDES=-isystem $3/usr/include -isystem $TOP/include/uapi" LDFLAGS=-static)
	mkdir "$4/build"
	"${make[@]}" all
	"${make[@]}" emit_tests COLLECTION=vtd_shadow | sed 's/^vtd_shadow://' >"$4/tests"
	find "$4/build" -maxdepth 1 -type f -perm -u+x -exec mv -t "$4" {} +
	rm -rf "$4/build"
	unchanged "$1" "${TEST_SOURCES[@]}"
}

tests_build() { # uses KSRC and KDIR, sets TESTS: the programs and their list
	local base hash
	hash=$(key "${TEST_SOURCES[@]}")
	base=$CACHE/tests/${KDIR##*/}
	TESTS=$base-$hash
	publish "$TESTS" step "build tests for ${KDIR##*/}" compile_tests "$hash" "$KSRC" "$KDIR"
	prune "$base-" "$TESTS"
}

# The kernel's modules and ours in one directory
collect_modules() { # DIRECTORY
	local name
	mkdir "$1"
	while read -r name; do
		cp "$KDIR/${name%.*}.ko" "$1"
	done <"$KDIR/modules.order"
	cp "$MODULES"/*.ko "$1"
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

# read_tap INDENT: one line per result in tap.log: pass, fail or skip, the name
# and why, tabs between. Results that are indented otherwise than by INDENT
# spaces belong to parts of a test. A program failed too if it does not report
# all that it planned, or ends with a failure that no test explains.
read_tap() {
	tr -d '\r' <"$RUN/tap.log" | awk -v OFS='\t' -v indent="$1" '
		function program_ends(status) {
			if (!seen)
				print "fail", program, "no result"
			else if (plan != "" && seen != plan)
				print "fail", program, seen " results of " plan " planned"
			else if (status !~ /^[04]$/ && !failed)
				print "fail", program, "ended with status " status
			program = ""
		}
		function result(state, text) {
			seen++
			failed += state == "fail"
			sub(/^ *(not )?ok [0-9]+[ -]*/, "", text)
			why = ""
			if (split(text, part, / *# */) > 1)
				why = part[2]
			sub(/^(SKIP|XFAIL|TIMEOUT)[ :]*/, "", why)
			print state, program ": " part[1], why
		}
		/^# begin / { program = $3; plan = ""; seen = failed = 0; next }
		/^# end / { program_ends($4); next }
		match($0, /[^ ]/) != indent + 1 { next }
		/^ *1\.\.[0-9]+/ { plan = substr($1, 4) }
		/^ *ok [0-9]+.*# *SKIP/ { result("skip", $0); next }
		/^ *ok [0-9]+/ { result("pass", $0) }
		/^ *not ok [0-9]+/ { result("fail", $0) }
		END {
			if (program != "")
				program_ends("unknown, the machine stopped")
		}'
}

# Everything about the boot as a whole: one line per thing that is wrong
boot_faults() {
	case $(<"$RUN/status") in
	0) ;;
	124 | 137) echo "timeout" ;;
	*) echo "QEMU ended with status $(<"$RUN/status")" ;;
	esac
	if [ ! -s "$RUN/verdict" ]; then
		echo "the machine stopped before its verdict"
	else
		grep -vx pass "$RUN/verdict" || true
	fi
	if grep -qE "$BAD" "$RUN/console.log"; then
		echo "the kernel complains"
	fi
}

# What each failed test said: the lines since the result before
show_failed_tests() {
	tr -d '\r' <"$RUN/tap.log" | awk '
		{ said[++lines] = $0 }
		/^ *not ok / {
			for (i = lines > 30 ? lines - 30 : 1; i <= lines; i++)
				print "    " said[i]
		}
		/^ *(not )?ok / { lines = 0 }'
}

# judge NAME INDENT: turns what is in RUN into results
judge() {
	local state test why passed=0 faults
	while IFS=$'\t' read -r state test why; do
		case $state in
		pass) record pass "$1 $test" && passed=$((passed + 1)) ;;
		fail) fail "$1 $test" "$why" ;;
		skip) skip "$1 $test" "$why" ;;
		esac
	done < <(read_tap "$2")
	show_failed_tests
	echo "  ok    $1: $passed tests"
	grep -q '^# begin ' "$RUN/tap.log" || fail "$1" "no test ran"
	faults=$(boot_faults)
	if [ -z "$faults" ]; then
		pass "$1: modules unload, nothing leaks, clean log"
		return
	fi
	fail "$1: boot" "${faults//$'\n'/; }; log: $RUN/console.log"
	show_log
}

# The part of the console that explains what boot_faults found
show_log() {
	if grep -qE "$BAD" "$RUN/console.log"; then
		grep -E -m 1 -B 3 -A 25 "$BAD" "$RUN/console.log"
	elif [ ! -s "$RUN/verdict" ]; then
		tail -n 20 "$RUN/console.log"
	fi | tr -d '\r' | sed 's/^/    /'
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

# The demo's own words go to the terminal while it runs.
run_demo() {
	local follow
	: >"$RUN/tap.log"
	tail -n +1 -f "$RUN/tap.log" &
	follow=$!
	# What QEMU says of refused accesses is not for the terminal
	boot demo 2>"$RUN.log"
	sleep 1
	kill "$follow"
	[ -z "$(boot_faults)" ] || {
		boot_faults
		show_log
		die "the demo failed, log: $RUN/console.log"
	}
}

main() { # MODE KERNEL FLAVOUR
	local mode=$1 kernel=${2:-6.12} flavour=${3:-plain} name lock
	HOST=${HOST:-intel}
	RUN=$OUT/run/$mode-$kernel-$flavour
	[ "$HOST" = intel ] || RUN+=-$HOST
	RUN+=${PART:+-$PART}
	mkdir -p "$OUT/run"
	qemu_for "$HOST"
	kernel_build "$kernel" "$flavour"
	modules_build "$KDIR"
	tests_build
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
	demo) run_demo ;;
	shell) boot shell ;;
	*) die "no mode $mode: kunit, selftest, soak, demo or shell" ;;
	esac
}

main "$@"
