#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The patches in integration/qemu, as a git tree of QEMU to work in, and back.
#
#   qemu-series.sh import RELEASE DIR   unpack the release, commit it with the tag release,
#                                       and apply the series (branch series) and what
#                                       repairs the emulator (branch emulator)
#   qemu-series.sh export RELEASE DIR   write both branches back
#   qemu-series.sh check RELEASE        git am takes both, and export after import changes
#                                       nothing; only the files that they touch are unpacked
#   qemu-series.sh build RELEASE        QEMU builds after each patch, its tests of the series
#                                       pass; tells what each took
#
# RELEASE is 10.2 or 10.0. What is exported depends on the commits alone. check downloads
# no tarball.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"

BRANCHES=(series emulator)

# The arguments for series_patches; sets PART
part() { # RELEASE BRANCH
	PART=("$1")
	[ "$2" = series ] || PART+=("$2")
}

tree() { # DIR RELEASE, full of files
	local branch PART
	cd "$1"
	series_begin
	for branch in "${BRANCHES[@]}"; do
		part "$2" "$branch"
		[ -n "$(series_patches "${PART[@]}")" ] || continue
		series_git checkout -q -B "$branch" release
		series_apply "${PART[@]}"
	done
	series_git checkout -q series
}

write_back() { # DIR DEST
	local branch PART
	cd "$1"
	for branch in "${BRANCHES[@]}"; do
		series_git rev-parse -q --verify "$branch" >/dev/null || continue
		part "$2" "$branch"
		series_export "$(IFS=/ && echo "${PART[*]}")" "$branch"
	done
}

import() { # RELEASE DIR
	[ ! -e "$2" ] || die "$2 is there already"
	vmm_source "$1"
	qemu_unpack "$2"
	(tree "$2" "$1")
	say "QEMU $QEMU_VERSION with the series is in $2"
}

export_series() { # RELEASE DIR
	[ -d "$2/.git" ] || die "no tree of git in $2"
	(write_back "$2" "$QEMU_SERIES/$1")
	git -C "$TOP" status --short "$QEMU_SERIES/$1"
}

# Unpacking takes longest: leave out what is not looked at.
unpack_changed() { # RELEASE DIR
	local patches top
	mapfile -t patches < <(series_patches "$1" && series_patches "$1" emulator)
	top=$(tar -tJf "$QEMU_TARBALL" 2>/dev/null | sed -n '1s|/.*||p;q') || true
	mkdir "$2"
	series_changed "${patches[@]}" | sed "s|^|$top/|" |
		tar -xJf "$QEMU_TARBALL" -C "$2" --strip-components=1 --no-same-owner -T -
}

check_series() { # RELEASE
	local QEMU_TARBALL
	QEMU_TARBALL=$(vmm_tarball "$1")
	[ -e "$QEMU_TARBALL" ] || die "the source of QEMU $1 is not in the cache"
	unpack_changed "$1" "$WORK/tree"
	(tree "$WORK/tree" "$1")
	(write_back "$WORK/tree" "$WORK/written")
	diff -ru "$QEMU_SERIES/$1" "$WORK/written"
}

# --- each patch builds ---

QTESTS=(tests/qtest/vtd-shadow-test tests/qtest/intel-iommu-test)

build_commit() {
	local targets=(qemu-system-x86_64)
	[ ! -e tests/qtest/vtd-shadow-test.c ] || targets+=("${QTESTS[@]}")
	qemu_choose_devices
	[ -d build ] || ./configure "${QEMU_COMMON[@]}" "${QEMU_OPTIONS[@]}"
	ninja -C build -j"$(nproc)" "${targets[@]}"
}

# On a branch that has both, one after the other
build_each() { # RELEASE
	local commit number=0
	series_git checkout -q -B all series
	series_apply "$1" emulator
	series_git checkout -q release
	qemu_without_firmware
	series_git update-index --assume-unchanged meson.build
	step "QEMU $QEMU_VERSION before the series" build_commit
	while read -r commit; do
		number=$((number + 1))
		series_git checkout -q "$commit"
		step "QEMU $QEMU_VERSION $number $(series_git log -1 --format=%s)" build_commit
	done < <(series_git rev-list --reverse release..all)
}

# What a QEMU that is not installed looks for. Nobody runs the ROM.
firmware_for_tests() {
	local dir=build/qemu-bundle/usr
	rm -rf $dir/share/qemu $dir/share/seabios
	mkdir -p $dir/share $dir/local/share/qemu
	ln -sfn /usr/share/qemu $dir/share/qemu
	ln -sfn /usr/share/seabios $dir/share/seabios
	head -c 64K /dev/zero >$dir/local/share/qemu/efi-e1000e.rom
}

# QEMU's own tests of what works without the kernel's part
run_qtests() {
	local test
	firmware_for_tests
	for test in "${QTESTS[@]}"; do
		QTEST_QEMU_BINARY=build/qemu-system-x86_64 "build/$test" --tap
	done | tee "$WORK/qtest.tap"
}

run_functional() {
	local test
	test=$(find tests/functional -name test_vtd_shadow.py)
	/usr/bin/python3 -m flake8 "$test"
	PYTHONPATH=python:tests/functional QEMU_TEST_QEMU_BINARY=$PWD/build/qemu-system-x86_64 \
		build/pyvenv/bin/python3 "$test" | tee "$WORK/functional.tap"
}

# What both left out here, and why
tell_skipped() {
	sed -n 's/^ok [0-9]* \(.*\) # SKIP \(.*\)/left out: \1: \2/p' "$WORK"/*.tap
}

build_series() { # RELEASE
	local QEMU_OPTIONS
	vmm_source "$1"
	need_qemu_packages
	need "what checks programs in python" python3-flake8
	qemu_unpack "$WORK/tree"
	(tree "$WORK/tree" "$1")
	cd "$WORK/tree"
	build_each "$1"
	step "QEMU $QEMU_VERSION qtests" run_qtests
	step "QEMU $QEMU_VERSION functional test" run_functional
	tell_skipped
}

main() { # MODE RELEASE [DIR]
	case ${1:-}:$# in
	import:3 | export:3 | check:2 | build:2) ;;
	*) die "usage: qemu-series.sh import|export RELEASE DIR, or check|build RELEASE" ;;
	esac
	[ -n "$(series_patches "$2")" ] || die "no series for QEMU $2"
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK" ${LISTS:+"$LISTS"}' EXIT
	case $1 in
	import) import "$2" "$3" ;;
	export) export_series "$2" "$3" ;;
	check) check_series "$2" ;;
	build) build_series "$2" ;;
	esac
}

main "$@"
