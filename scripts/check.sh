#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the suites named in SUITE (all by default) and prints the summary.
#
#   style     formatting, static checks, documentation
#   kunit     unit tests on KERNEL (6.12 by default)
#   selftest  kselftests on KERNEL, on the host that HOST names (Intel by default)
#   hosts     kselftests on KERNEL on the other hosts: Intel in scalable mode,
#             virtio, AMD
#   debug     both on the newest 7.x with sanitizers
#   modules   the modules build against prepared kernels
#   overlay   the repository builds and runs inside a kernel tree

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KERNEL=${KERNEL:-6.12}
PARTS=$RESULTS.d
BACKGROUND=

# All selftests on all hosts and with sanitizers take too long. With everything
# else the other hosts run what maps, and the random test, which does the rest in
# its way; the sanitizers leave out programs that say with other variants what
# these, the random test and the unit tests have. Asked for by name both run all.
OTHER_HOSTS=(intel-sm virtio amd)
HOST_TESTS=
DEBUG_TESTS=
if [ -z "${SUITE:-}" ]; then
	# AMD needs a QEMU that is built from source
	OTHER_HOSTS=(intel-sm virtio)
	HOST_TESTS=map_test,random_test
	DEBUG_TESTS=uapi_test,compat_test,queue_test,map_test,context_test,memory_test
	DEBUG_TESTS+=,life_test,runq_test,stress_test,random_test
fi

# Two lanes side by side. The boots mostly wait for emulated devices and are
# sensitive to time; what compiles stays behind them in priority.
BOOTS=(kunit selftest debug hosts)
BUILDS=(style modules overlay)

suite_programs() { # SUITE
	local status=0 host
	case $1 in
	kunit | selftest) bash "$TOP/scripts/bed.sh" "$1" "$KERNEL" ;;
	debug)
		bash "$TOP/scripts/bed.sh" kunit 7 debug || status=1
		TEST=${TEST:-$DEBUG_TESTS} bash "$TOP/scripts/bed.sh" selftest 7 debug || status=1
		return "$status"
		;;
	hosts)
		for host in "${OTHER_HOSTS[@]}"; do
			TEST=${TEST:-$HOST_TESTS} HOST=$host \
				bash "$TOP/scripts/bed.sh" selftest "$KERNEL" || status=1
		done
		return "$status"
		;;
	style) bash "$TOP/scripts/style.sh" ;;
	modules) bash "$TOP/scripts/modules-test.sh" ;;
	overlay) bash "$TOP/scripts/overlay-test.sh" ;;
	esac
}

# A suite that ends early without naming a failure failed as a whole.
run_suite() { # SUITE
	local status=0
	export RESULTS=$PARTS/$1
	: >"$RESULTS"
	suite_programs "$1" </dev/null 2>&1 | sed -u "s/^/$(printf '%-8s' "$1") /" || status=$?
	if [ "$status" -ne 0 ] && [ "$(count fail)" -eq 0 ]; then
		fail "$1" "ended with status $status"
	elif [ ! -s "$RESULTS" ]; then
		fail "$1" "no results"
	fi
}

run_lane() { # SUITE...
	local suite
	for suite in "$@"; do
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
		kunit | selftest | hosts) echo "$KERNEL" plain ;;
		debug) echo 7 debug ;;
		modules) printf '%s\n' '6.12 plain' '7 debug' ;;
		esac
	done | sort -u
}

build_kernels() { # SUITE...
	local version flavour
	while read -r version flavour; do
		bash "$TOP/scripts/kernel.sh" "$version" "$flavour" ||
			fail "kernel $version $flavour" "does not build"
	done < <(wanted_kernels "$@")
}

# The one host that needs a QEMU of its own
build_qemu() { # SUITE...
	[[ " $* " == *" hosts "* && " ${OTHER_HOSTS[*]} " == *" amd "* ]] || return 0
	bash "$TOP/scripts/qemu.sh" amd || fail "QEMU for amd" "does not build"
}

# The lane that compiles runs in a process group of its own, which an interrupt
# ends with the rest.
run_lanes() {
	set -m
	{
		renice -n 10 "$BASHPID" >/dev/null
		run_lane "${BUILDS[@]}"
	} </dev/null &
	BACKGROUND=$!
	set +m
	(run_lane "${BOOTS[@]}")
	wait "$BACKGROUND"
	BACKGROUND=
}

clean_up() {
	[ -z "$BACKGROUND" ] || kill -- -"$BACKGROUND" 2>/dev/null || true
	rm -rf "$PARTS" "$RESULTS"
}

main() {
	local suite
	for suite in ${SUITE:-}; do
		[[ " ${BOOTS[*]} ${BUILDS[*]} " == *" $suite "* ]] || die "no suite $suite"
	done
	mapfile -t BOOTS < <(chosen "${BOOTS[@]}")
	mapfile -t BUILDS < <(chosen "${BUILDS[@]}")
	mkdir "$PARTS"
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	if bash "$TOP/scripts/setup.sh"; then
		build_kernels "${BOOTS[@]}" "${BUILDS[@]}"
		build_qemu "${BOOTS[@]}"
		run_lanes
		cat "$PARTS"/* >>"$RESULTS"
	else
		fail setup "the machine could not be prepared"
	fi
	sed -n 's/^fail\t\([^\t]*\)\t.*/failed: \1/p' "$RESULTS"
	summary | tee "$OUT/summary"
}

main
