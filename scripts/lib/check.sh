# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# One command, one result: what test/style.sh and test/overlay-test.sh are made of, which
# source this and set SUITE.

# check NAME COMMAND...: pass if COMMAND succeeds in the repository's top
# folder; else fail, and show what it said
check() {
	local name=$1 log=$LOGS/$SUITE-${1//[^[:alnum:].]/-}.log begin status CPU_US cpu
	shift

	begin=$(now_us)
	cpu_us
	cpu=$CPU_US
	set +e
	(
		set -e
		export TIMES=
		cd "$TOP"
		"$@"
	) </dev/null >"$log" 2>&1
	status=$?
	set -e
	took "$SUITE: $name" "$begin" "$cpu"
	if [ "$status" -eq 0 ]; then
		pass "$SUITE: $name ($(tenths $(($(now_us) - begin))) s)"
	else
		fail "$SUITE: $name" "log: $log"
		head -n 100 "$log" | sed 's/^/    /'
	fi
}

# silent COMMAND...: COMMAND must print nothing; its status may be anything,
# grep's is 1 when all is well
silent() {
	local said

	said=$("$@" || true)
	[ -z "$said" ] || {
		echo "$said"
		return 1
	}
}

# holds FILE LINE...: FILE has each LINE; those that it has not are named
holds() {
	local file=$1 line missing=0
	shift

	for line; do
		grep -qxF -- "$line" "$file" || {
			echo "not in $file: $line"
			missing=1
		}
	done
	return "$missing"
}
