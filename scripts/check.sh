#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the suites named in SUITE (all by default) and prints the summary.
#
#   style     formatting, static checks, documentation
#   kunit     unit tests, natively on the newest 7.x and on KERNEL (6.12 by default)
#   selftest  kselftests on KERNEL, on the host that HOST names (Intel by default)
#   hosts     kselftests on all hosts (Intel in legacy and in scalable mode, virtio,
#             AMD), on 6.12 and on 7.x, unless HOST or KERNEL name one
#   guest     real guests with an assigned disk, on KERNEL, in short
#   debian    the kernel that Debian ships: modules are installed, work, and go again
#   operate   the commands for operators: an unprivileged VMM, limits, upgrade, a crash
#   functional  the functional test of QEMU's series, on a host with the module
#   debug     both on the newest 7.x with sanitizers; fewer selftests in a check of all
#   fuzz      the engine's files in a program, under libFuzzer with sanitizers, in short
#   faults    only if named: each allocation and each call to the host fails in turn, and
#             memory is at its limit, on that kernel; debug has a short form
#   load      only if named: 64 units, 8 million pages, 10,000 devices that come and go, a
#             million invalidations under DMA; plots of time and memory
#   libvirt   only if named: libvirt starts a guest with an assigned disk
#   bare      only if named: from a stock Debian to a live view, by the document's commands
#   races     only if named: races, hostile VMMs, sandbox and isolation on the newest 7.x
#             with sanitizers, DURATION seconds each (180); FLAVOUR=kcsan looks for data races
#   qemu      only if named: the documents' commands make a VMM of QEMU's tarballs, and each
#             patch of integration/qemu builds and passes QEMU's own tests of it; VMM=10.0
#             only for this release
#   kernels   only if named: the modules build for every kernel whose source Debian has today
#   modules   the modules build against prepared kernels, also those of vendors, which have
#             newer interfaces under an older number
#   package   packages are built, installed, upgraded and removed; the modules that DKMS
#             built and the tools for operators run
#   overlay   the repository builds and runs inside a kernel tree
#   patches   the series for the kernel applies and compiles; if named, each patch by
#             itself, through checkpatch, and with the unit tests
#
# That modules, package, overlay or patches passed is kept in the cache: they run again when the
# driver, the tests, the scripts, the documents or a kernel changed. FRESH=1 runs all (see
# test/style.sh too).
#
# A table at the end tells how long each step took, slowest first, and its work: half of
# the time of processors that it and all that it started used. That is what it takes on
# a machine with two processors that does nothing else; waiting for a lock, another step
# or a device is not in it, and what else the machine does only a little. The whole run
# fails if its work is more than BUDGET minutes, 70 by default.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

PARTS=$RESULTS.d
TIMES=$RESULTS.times
BUDGET=${BUDGET:-70}

# Asked for by name, all programs run on all hosts, with both kernels: an hour and
# more. In a check of everything the other suites have Intel, and on the other hosts
# what maps runs, and the random test, which does the rest in its way.
read -ra HOSTS <<<"${HOST:-intel intel-sm virtio amd}"
read -ra HOST_KERNELS <<<"${KERNEL:-6.12 7}"
HOST_TESTS=
KERNEL=${KERNEL:-6.12}
if [ -z "${SUITE:-}" ]; then
	HOSTS=(intel-sm virtio amd)
	HOST_KERNELS=("$KERNEL")
	HOST_TESTS=map_leaf_test,map_superpage_test,map_flush_test,random_test
fi

# With sanitizers the selftests take longest: they run in two boots side by side. Asked
# for by name all programs run; in a check of everything those in which memory comes and
# goes, units and devices begin and end, and several things happen at once. The others do
# without sanitizers there.
COME_AND_GO=memory_taken_test,memory_hole_test
COME_AND_GO+=,life_close_test,life_killed_test,budget_test
DEBUG_HALF=map_leaf_test,map_superpage_test,map_flush_test
DEBUG_HALF+=,context_test,context_malformed_test,context_share_test
DEBUG_HALF+=,$COME_AND_GO
FAULTS=fail_nth_test,fail_life_test
DEBUG_HALVES=("$DEBUG_HALF,fail_nth_test/legacy,fail_life_test/legacy"
	"!$DEBUG_HALF,$FAULTS")

if [ -z "${SUITE:-}" ]; then
	DEBUG_HALVES=("$COME_AND_GO,unit_test,fail_nth_test/legacy"
		'uapi_test,uapi_bind_test,uapi_device_test,refused_test')
	DEBUG_HALVES[1]+=,memory_kind_test,memory_file_test,device_test,stress_test,random_test
fi

# Lanes side by side. A boot waits for emulated devices much of its time; what
# compiles stays behind the boots in priority.
PLAIN=(kunit selftest)
GUEST=(guest debian operate functional hosts)
DEBUG=(debug)
BUILDS=(style fuzz modules package overlay patches)
# Those that are not part of a check of everything
NAMED=(faults races load libvirt bare kernels qemu)

debug_selftests() {
	local status=0 other
	if [ -n "${TEST:-}" ]; then
		bash "$TOP/scripts/bed.sh" selftest 7 debug
		return
	fi
	TEST=${DEBUG_HALVES[1]} PART=b bash "$TOP/scripts/bed.sh" selftest 7 debug &
	other=$!
	TEST=${DEBUG_HALVES[0]} PART=a bash "$TOP/scripts/bed.sh" selftest 7 debug || status=1
	wait "$other" || status=1
	return "$status"
}

host_selftests() {
	local status=0 kernel host
	for kernel in "${HOST_KERNELS[@]}"; do
		for host in "${HOSTS[@]}"; do
			TEST=${TEST:-$HOST_TESTS} HOST=$host \
				bash "$TOP/scripts/bed.sh" selftest "$kernel" || status=1
		done
	done
	return "$status"
}

modules_programs() {
	local status=0
	bash "$TOP/scripts/test/modules-test.sh" || status=1
	bash "$TOP/scripts/test/compat-test.sh" || status=1
	return "$status"
}

suite_programs() { # SUITE
	local status=0
	case $1 in
	kunit)
		bash "$TOP/scripts/kunit.sh" native || status=1
		bash "$TOP/scripts/bed.sh" kunit "$KERNEL" || status=1
		return "$status"
		;;
	selftest) bash "$TOP/scripts/bed.sh" selftest "$KERNEL" ;;
	debug)
		bash "$TOP/scripts/bed.sh" kunit 7 debug || status=1
		debug_selftests || status=1
		return "$status"
		;;
	faults) TEST=${TEST:-$FAULTS,cgroup_test} bash "$TOP/scripts/bed.sh" selftest 7 debug ;;
	load) bash "$TOP/scripts/bed.sh" load "$KERNEL" ;;
	qemu) bash "$TOP/scripts/test/qemu-test.sh" ${VMM:+"$VMM"} ;;
	races) bash "$TOP/scripts/bed.sh" races 7 "${FLAVOUR:-debug}" ;;
	hosts) host_selftests ;;
	guest) bash "$TOP/scripts/guest.sh" short "$KERNEL" ;;
	debian) bash "$TOP/scripts/test/debian-test.sh" ;;
	operate | functional | libvirt | bare) bash "$TOP/scripts/test/$1-test.sh" ;;
	style) bash "$TOP/scripts/test/style.sh" ;;
	fuzz) bash "$TOP/scripts/fuzz.sh" check ;;
	kernels) bash "$TOP/scripts/test/kernels-test.sh" ;;
	modules) unless_passed "$1" modules_programs ;;
	package | overlay) unless_passed "$1" bash "$TOP/scripts/test/$1-test.sh" ;;
	patches)
		unless_passed "patches${SUITE:+-all}" \
			bash "$TOP/scripts/test/patches-test.sh" ${SUITE:+all}
		;;
	esac
}

# unless_passed SUITE COMMAND...: the results of COMMAND, or those of an earlier run
# in which all passed and since which nothing changed
unless_passed() {
	local suite=$1 dest
	shift
	if [ -n "${FRESH:-}" ]; then
		"$@"
		return
	fi
	dest=$CACHE/passed/$suite-$({ echo "$KERNELS" && gcc --version &&
		key "$TOP"/{drivers,include,packaging,tools,scripts} \
			"$TOP"/{Documentation,MAINTAINERS,Makefile}; } |
		sha256sum | cut -c1-12)
	if [ ! -d "$dest" ]; then
		"$@" || return
		publish "$dest" cp "$RESULTS"
		prune "$CACHE/passed/$suite-" "$dest"
		return
	fi
	cat "$dest"/* >>"$RESULTS"
	echo "  ok    all $(count pass) passed before, and nothing changed since"
}

# A suite that ends early without naming a failure failed as a whole.
run_suite() { # SUITE
	local status=0 begin CPU_US cpu
	begin=$(now_us)
	cpu_us
	cpu=$CPU_US
	export RESULTS=$PARTS/$1
	: >"$RESULTS"
	suite_programs "$1" </dev/null 2>&1 | sed -u "s/^/$(printf '%-8s' "$1") /" || status=$?
	if [ "$status" -ne 0 ] && [ "$(count fail)" -eq 0 ]; then
		fail "$1" "ended with status $status"
	elif [ ! -s "$RESULTS" ]; then
		fail "$1" "no results"
	fi
	TIMES=$TIMES.suites took "$1" "$begin" "$cpu"
}

lane() { # NICE SUITE...
	local suite
	[ "$1" -eq 0 ] || renice -n "$1" "$BASHPID" >/dev/null
	shift
	for suite; do
		run_suite "$suite"
	done
}

# chosen SUITE...: those of them that SUITE asks for
chosen() {
	local suite
	for suite in "$@"; do
		[[ -n ${SUITE:-} && " $SUITE " != *" $suite "* ]] || echo "$suite"
	done
}

# The kernels that the suites want, one a line: version and flavour
wanted_kernels() { # SUITE...
	local suite
	for suite in "$@"; do
		case $suite in
		style) echo 6.12 plain ;;
		kunit | selftest | load | operate | functional | libvirt) echo "$KERNEL" plain ;;
		hosts) printf '%s plain\n' "${HOST_KERNELS[@]}" ;;
		guest) printf '%s\n' "$KERNEL plain" "${GUEST_KERNEL:-$KERNEL} plain" ;;
		debug | faults) echo 7 debug ;;
		races) echo 7 "${FLAVOUR:-debug}" ;;
		debian | bare) echo debian plain ;;
		modules | package) printf '%s\n' '6.12 plain' '7 debug' ;;
		esac
	done | sort -u
}

build_kernels() { # SUITE...
	local version flavour
	while read -r version flavour; do
		bash "$TOP/scripts/build.sh" kernel "$version" "$flavour" ||
			fail "kernel $version $flavour" "does not build"
	done < <(wanted_kernels "$@")
	[[ " $* " != *" kunit "* ]] || bash "$TOP/scripts/build.sh" uml ||
		fail "user-mode Linux" "does not build"
}

# What emulates the host, and the VMM of its guests
build_qemu() { # SUITE...
	local which=emulator
	[[ " $* " != *" guest "* && " $* " != *" libvirt "* ]] || which=qemu
	[[ " $* " != " qemu " ]] || return 0
	[ $# -eq 0 ] || bash "$TOP/scripts/build.sh" $which || fail "QEMU" "does not build"
	[ "$which" = emulator ] || bash "$TOP/scripts/build.sh" vmm ||
		fail "QEMU for guests" "does not build"
}

# Kernels and QEMU side by side: while one of them is unpacked, configured or linked,
# which takes one processor, the other one compiles. Sets KERNELS, the sources that
# there are.
build() {
	background build_kernels "${PLAIN[@]}" "${GUEST[@]}" "${DEBUG[@]}" "${NAMED[@]}" \
		"${BUILDS[@]}"
	background build_qemu "${PLAIN[@]}" "${GUEST[@]}" "${DEBUG[@]}" "${NAMED[@]}"
	finish || fail "builds" "ended early"
	KERNELS=$(ls "$CACHE/src")
}

run_lanes() {
	background lane 10 "${BUILDS[@]}"
	background lane 0 "${DEBUG[@]}" "${NAMED[@]}"
	background lane 0 "${GUEST[@]}"
	(lane 0 "${PLAIN[@]}")
	finish || fail "lanes" "ended early"
}

# One line for each host on which selftests ran: kernel, host, and how many passed,
# failed and were skipped. A result is named "selftest KERNEL [HOST] PROGRAM: TEST".
host_table() {
	awk -F'\t' '
		split($2, word, /[ :]/) < 3 || word[1] != "selftest" || word[3] == "debug" { next }
		{
			host = word[3] ~ /^(intel-[a-z]+|virtio|amd)$/ ? word[3] : "intel"
			boot = sprintf("%-6s %-9s", word[2], host)
			count[boot, $1]++
			if (!seen[boot]++)
				order[++nr] = boot
		}
		END {
			if (nr < 2)
				exit
			row = "%-16s %7s %7s %7s\n"
			printf row, "kernel host", "passed", "failed", "skipped"
			for (i = 1; i <= nr; i++)
				printf row, order[i], count[order[i], "pass"] + 0,
					count[order[i], "fail"] + 0, count[order[i], "skip"] + 0
		}' "$RESULTS"
}

# Tables of suites and of steps, and whether all of it was within the budget. What this
# script waited for is the work of all.
tell_times() {
	local CPU_US
	cpu_us
	[ ! -e "$TIMES.suites" ] || times_table suite "$TIMES.suites"
	[ ! -e "$TIMES" ] || times_table step "$TIMES"
	printf '%-54s %9s %9s\n' "all, with what is between steps" \
		"$(tenths $(($(now_us) - VTD_SHADOW_START)))" "$(tenths $((CPU_US / 2)))"
	[ $((CPU_US / 2)) -le $((BUDGET * 60000000)) ] ||
		fail budget "more than $BUDGET minutes of work"
}

clean_up() {
	end_background
	rm -rf "$PARTS" "$RESULTS" "$TIMES" "$TIMES.suites"
}

main() {
	local suite all
	all=" ${PLAIN[*]} ${GUEST[*]} ${DEBUG[*]} ${BUILDS[*]} ${NAMED[*]} "
	for suite in ${SUITE:-}; do
		[[ $all == *" $suite "* ]] || die "no suite $suite"
	done
	mapfile -t PLAIN < <(chosen "${PLAIN[@]}")
	mapfile -t GUEST < <(chosen "${GUEST[@]}")
	mapfile -t DEBUG < <(chosen "${DEBUG[@]}")
	mapfile -t BUILDS < <(chosen "${BUILDS[@]}")
	[ -n "${SUITE:-}" ] || NAMED=()
	mapfile -t NAMED < <(chosen "${NAMED[@]}")
	mkdir "$PARTS"
	: >"$OUT/failed"
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	if bash "$TOP/scripts/setup.sh"; then
		build
		run_lanes
		cat "$PARTS"/* >>"$RESULTS"
	else
		fail setup "the machine could not be prepared"
	fi
	host_table
	tell_times
	# Whoever sees only the end of a long log still sees why
	tail -n 60 "$OUT/failed"
	sed -n 's/^fail\t\([^\t]*\)\t.*/failed: \1/p' "$RESULTS"
	summary | tee "$OUT/summary"
}

main
