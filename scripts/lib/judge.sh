# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What becomes of a boot of the emulated host. Sourced by what boots it and puts into RUN
# what came out: bed.sh and guest.sh, through bed.sh beside this, and test/debian-test.sh.
#
#   judge NAME INDENT [WHAT]  turns what is in RUN into results; WHAT the boot as a whole
#                             passed, if not what the emulated host looks at
#   run_aloud MODE            what is told there goes to the terminal
#
# run_aloud lets boot MODE do the work.

# What no boot may print. The first three also come with everything else that
# the kernel finds wrong, the others say so when they come alone.
BAD='WARNING:|BUG:|Call Trace|KASAN|UBSAN|Oops|Kernel panic|general protection fault'
BAD+='|possible recursive locking|possible circular locking|suspicious RCU usage'
BAD+='|unreferenced object|detected stall|blocked for more than'

# read_tap INDENT: one line per result in tap.log: pass, fail or skip, the name
# and why, tabs between. Results that are indented otherwise than by INDENT
# spaces belong to parts of a test. A program failed too if it does not report
# all that it planned, or ends with a failure that no test explains. One that cannot run
# says so with its plan.
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
		/^1\.\.0 # SKIP/ {
			print "skip", program, substr($0, length("1..0 # SKIP ") + 1)
			seen = plan = 1
			next
		}
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
	*) echo "the machine ended with status $(<"$RUN/status")" ;;
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

# What each failed test said: the lines since the result before. Kept in out/failed, too.
show_failed_tests() {
	tr -d '\r' <"$RUN/tap.log" | awk '
		{ said[++lines] = $0 }
		/^ *not ok / {
			for (i = lines > 30 ? lines - 30 : 1; i <= lines; i++)
				print "    " said[i]
		}
		/^ *(not )?ok / { lines = 0 }' | tee -a "$OUT/failed"
}

judge() { # NAME INDENT [WHAT]
	local state test why passed=0 faults
	while IFS=$'\t' read -r state test why; do
		case $state in
		pass) record pass "$1 $test" && passed=$((passed + 1)) ;;
		fail) fail "$1 $test" "$why" ;;
		skip) skip "$1 $test" "$why" ;;
		esac
	done < <(read_tap "$2")
	show_failed_tests
	[ ! -e "$RUN/again" ] || echo "  note  $1: begun anew: $(uniq -c "$RUN/again" | xargs)"
	echo "  ok    $1: $passed tests"
	grep -q '^# begin ' "$RUN/tap.log" || fail "$1" "no test ran"
	faults=$(boot_faults)
	if [ -z "$faults" ]; then
		pass "$1: ${3:-modules unload, nothing leaks, clean log}"
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

# The demo's own words, or those of the benchmark, go to the terminal while it runs.
run_aloud() { # MODE
	local follow
	: >"$RUN/tap.log"
	tail -n +1 -f "$RUN/tap.log" > >(grep --line-buffered -vE '^(figure|symbol) ') &
	follow=$!
	# What QEMU says of refused accesses is not for the terminal
	boot "$1" 2>"$RUN.log"
	sleep 1
	kill "$follow"
	[ -z "$(boot_faults)" ] || {
		boot_faults
		show_log
		die "the $1 failed, log: $RUN/console.log"
	}
}
