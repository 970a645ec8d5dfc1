# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Paths, progress lines, the cache, results. Sourced first by every script that builds
# something or tells results; the files in lib/ and build/ count on that. Nothing expensive
# runs then.
#
#   step WHAT COMMAND...      run COMMAND with its output in a log, tell its time
#   publish DEST COMMAND...   make DEST with COMMAND, all of it or nothing
#   marked MARK COMMAND...    run COMMAND; the file MARK stays if it was killed
#   background COMMAND...     run COMMAND beside the script; finish waits for all
#   at_once N COMMAND ARG...  COMMAND with each ARG, N at a time
#   pass NAME, fail NAME [WHY], skip NAME WHY, summary
#   times_table HEADING FILE  what steps took
#
# Call step and publish as plain commands. In a condition (if, &&, ||) bash
# ignores `set -e` inside functions, so COMMAND must be a program there.

set -euo pipefail

# What make, or a user who builds kernels, has in the environment must not reach
# the builds here.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KBUILD_OUTPUT O M V W ARCH CROSS_COMPILE
export LC_ALL=C.UTF-8

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A package has the scripts where nothing is written
OUT=${VTD_SHADOW_OUT:-$TOP/out}
CACHE=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/vtd_shadow
LOGS=$OUT/logs

# The clock and the results file are those of the outermost script.
export VTD_SHADOW_START=${VTD_SHADOW_START:-${EPOCHREALTIME/[.,]/}}

mkdir -p "$CACHE"/{lock,tmp} "$LOGS"

if [ -z "${RESULTS:-}" ]; then
	RESULTS=$OUT/results.$$
	RESULTS_OWNER=$$
	rm -f "$RESULTS"
fi
export RESULTS
# A file for what each step takes, if the outermost script names one; a line each: the
# name, and in microseconds how long and how much time of processors. Empty inside a
# step, whose parts do not count a second time.
export TIMES=${TIMES:-}

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# Sets CPU_US: time of processors that this shell and what it waited for took. The
# kernel counts in hundredths of a second.
cpu_us() {
	local -a stat
	read -ra stat <"/proc/$BASHPID/stat"
	CPU_US=$(((stat[13] + stat[14] + stat[15] + stat[16]) * 10000))
}

# took WHAT BEGIN CPU: notes what WHAT took since then
took() {
	[ -n "$TIMES" ] || return 0
	cpu_us
	printf '%s\t%d\t%d\n' "$1" $(($(now_us) - $2)) $((CPU_US - $3)) >>"$TIMES"
}

# tenths MICROSECONDS: seconds with one decimal
tenths() { printf '%d.%d' $(($1 / 1000000)) $(($1 / 100000 % 10)); }

say() { printf '[%7ss] %s\n' "$(tenths $(($(now_us) - VTD_SHADOW_START)))" "$*"; }

die() {
	echo "vtd_shadow: $*" >&2
	exit 1
}

# step WHAT COMMAND...: the log is named after WHAT
step() {
	local what=$1 log begin flags=$- status CPU_US cpu
	shift
	log=$LOGS/$(tr -cs 'a-zA-Z0-9._\n' - <<<"$what" | sed 's/-$//').log
	say "$what ..."
	begin=$(now_us)
	cpu_us
	cpu=$CPU_US
	set +e
	(
		set -e
		export TIMES=
		"$@"
	) </dev/null >"$log" 2>&1
	status=$?
	took "$what" "$begin" "$cpu"
	[[ $flags != *e* ]] || set -e
	if [ "$status" -ne 0 ]; then
		say "$what: FAILED (status $status), log: $log, which ends:"
		tail -n 20 "$log" | sed 's/^/    /'
		return "$status"
	fi
	say "$what: $(tenths $(($(now_us) - begin))) s"
}

# marked MARK COMMAND...: what a killed build left may be half-written. make removes such
# files itself on an interrupt; the file MARK stays behind when it had no chance to.
marked() {
	local mark=$1 status flags=$-
	shift
	# shellcheck disable=SC2064  # the name of now
	trap "rm -f '$mark'; trap - INT; kill -INT \$BASHPID" HUP INT TERM
	touch "$mark"
	set +e
	(
		set -e
		"$@"
	)
	status=$?
	[[ $flags != *e* ]] || set -e
	rm -f "$mark"
	trap - HUP INT TERM
	return "$status"
}

# background COMMAND...: beside the script, in a process group of its own, so that
# end_background ends all of it. A script that uses this calls that when it exits.
BACKGROUND=()
background() {
	set -m
	"$@" </dev/null &
	BACKGROUND+=($!)
	set +m
}

# Waits for all that runs in the background. Status 1 if any of it failed.
finish() {
	local group status=0
	for group in "${BACKGROUND[@]}"; do
		wait "$group" || status=1
	done
	BACKGROUND=()
	return "$status"
}

end_background() {
	local group
	for group in "${BACKGROUND[@]}"; do
		kill -- -"$group" 2>/dev/null || true
	done
}

# at_once N COMMAND ARG...: COMMAND with each ARG, N of them at a time. What one of them
# says comes in one piece, in the order of the ARGs.
at_once() {
	local most=$1 command=$2 said arg running=0
	shift 2
	said=$(mktemp -d)
	for arg; do
		if [ "$running" -eq "$most" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		background said_at_once "$said/$arg" "$command" "$arg"
		running=$((running + 1))
		while [ $# -gt 0 ] && [ -e "$said/$1" ]; do
			cat "$said/$1"
			shift
		done
	done
	wait
	BACKGROUND=()
	for arg; do
		cat "$said/$arg"
	done
	rm -rf "$said"
}

# The FILE is there when all is said.
said_at_once() { # FILE COMMAND ARG
	"$2" "$3" >"$1.part" 2>&1
	mv "$1.part" "$1"
}

# times_table HEADING FILE: what took how long, in seconds, slowest first, without what
# is over at once. Work is the time of processors, shared by two: what a machine with
# two takes that does nothing else.
times_table() {
	sort -t $'\t' -k 2,2nr "$2" | awk -F '\t' -v heading="$1" '
		BEGIN { printf "%-54s %9s %9s\n", heading, "elapsed", "work" }
		$2 < 5e6 { few++; few_work += $3 / 2e6; next }
		{ printf "%-54s %9.1f %9.1f\n", $1, $2 / 1e6, $3 / 2e6 }
		END { if (few) printf "%-54s %9s %9.1f\n", few " of less than 5 s", "", few_work }'
}

# Remove what interrupted runs left: their locks died with them.
sweep_cache() {
	local dir
	for dir in "$CACHE"/tmp/*; do
		[ -e "$dir" ] || continue
		flock -n "$CACHE/lock/${dir##*/}" rm -rf "$dir" || true
	done
}

# publish DEST COMMAND...: unless the directory DEST (in the cache) exists,
# COMMAND gets a private empty directory as its last argument and fills it;
# only when it succeeded does the directory become DEST, in one rename.
# DEST's time stamp tells when it was last used.
publish() {
	local dest=$1 name tmp lock
	shift
	[ ! -d "$dest" ] || { touch "$dest" && return; }
	name=$(basename "$dest")
	tmp=$CACHE/tmp/$name
	exec {lock}>>"$CACHE/lock/$name"
	flock -n "$lock" || {
		say "waiting for another run that makes $name"
		flock "$lock"
	}
	if [ ! -d "$dest" ]; then
		sweep_cache
		rm -rf "$tmp"
		mkdir -p "$tmp" "$(dirname "$dest")"
		"$@" "$tmp"
		mv -T "$tmp" "$dest"
	fi
	exec {lock}>&-
}

# prune PREFIX KEEP: delete cached directories PREFIX* other than KEEP that no
# run has used for two days; changed keys would fill the disk otherwise. PREFIX may be a
# directory with its slash: all that is in it.
prune() {
	local dir
	while read -r dir; do
		[ "$dir" = "$2" ] || rm -rf "$dir"
	done < <(find "${1%/*}" -mindepth 1 -maxdepth 1 -name "${1##*/}*" -mtime +1)
}

# key PATH...: a short hash of all files there, their contents and their names
# in the repository
key() {
	find "$@" -type f -print0 | sort -z | xargs -0 sha256sum -- |
		sed "s|$TOP/||" | sha256sum | cut -c1-12
}

# unchanged KEY PATH...: what was built from files that were being edited must
# not be kept under their key.
unchanged() {
	[ "$(key "${@:2}")" = "$1" ] || die "the sources changed during the build, run again"
}

# vfio_drivers MODULE.ko...: those among the modules that depmod names to tools which
# look for the VFIO driver of a PCI device
vfio_drivers() {
	local root tree
	root=$(mktemp -d)
	tree=$root/lib/modules/6.12.0
	mkdir -p "$tree"
	cp "$@" "$tree"
	touch "$tree"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$root" 6.12.0
	sed -n 's/^alias vfio_pci:[^ ]* //p' "$tree/modules.alias"
	rm -rf "$root"
}

record() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$RESULTS"; }

pass() {
	record pass "$1"
	echo "  ok    $1"
}

fail() {
	record fail "$1" "${2:-}"
	echo "  FAIL  $1${2:+: $2}"
}

skip() {
	record skip "$1" "$2"
	echo "  skip  $1: $2"
}

count() { grep -cs "^$1"$'\t' "$RESULTS" || [ -e "$RESULTS" ] || echo 0; }

# The last line of a run, after which there are no results. Status 1 if anything
# failed. A script that another one started leaves the line to that one.
summary() {
	local failed
	failed=$(count fail)
	if [ "${RESULTS_OWNER:-}" = $$ ]; then
		echo "$(count pass) passed, $failed failed, $(count skip) skipped"
		rm -f "$RESULTS"
	fi
	[ "$failed" -eq 0 ]
}
