# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The test programs, the modules and the tool that they use, built in the cache, and what a
# boot of the emulated host loads. Sourced by what boots it: bed.sh and guest.sh, through
# lib/bed.sh, and test/debian-test.sh.
#
#   tests_build [PROGRAM...]  uses KSRC and KDIR, sets TESTS: programs and their list (all, or
#                             only these), and vtd_shadow_stat
#   extra_build NAME FOLDER   uses KDIR, adds to EXTRAS: the module in a folder of the
#                             selftests
#   kernel_modules DIRECTORY  uses KDIR
#   collect_modules DIRECTORY uses KDIR, MODULES and EXTRAS

SELFTESTS=$TOP/tools/testing/selftests/vtd_shadow
TEST_SOURCES=("$SELFTESTS"/*.c "$SELFTESTS"/{Makefile,abi,lib,include,bench,tools,walk}
	"$SELFTESTS"/{random,race,hostile} "$TOP/include/uapi" "$TOP/tools/vtd_shadow")

compile_tests() { # KEY KSRC KDIR [PROGRAM...] DIRECTORY
	local key=$1 dir=${!#} programs=("${@:4:$#-4}")
	local make=(make -s -j"$(nproc)" -C "$SELFTESTS" "OUTPUT=$dir/build"
		"KSFT=$2/tools/testing/selftests"
		"KHDR_INCLUDES=-isystem $3/usr/include -isystem $TOP/include/uapi" LDFLAGS=-static)
	mkdir "$dir/build"
	# Without a target it makes all
	"${make[@]}" "${programs[@]/#/$dir/build/}"
	# What stat_test compares with
	make -s -C "$TOP/tools/vtd_shadow" "OUTPUT=$dir/build/stat" LDFLAGS=-static
	mv "$dir/build/stat/vtd_shadow_stat" "$dir/build"
	"${make[@]}" emit_tests COLLECTION=vtd_shadow | sed 's/^vtd_shadow://' >"$dir/tests"
	find "$dir/build" -maxdepth 1 -type f -perm -u+x -exec mv -t "$dir" {} +
	rm -rf "$dir/build"
	unchanged "$key" "${TEST_SOURCES[@]}"
}

tests_build() { # [PROGRAM...]
	local base hash which="$*"
	hash=$(key "${TEST_SOURCES[@]}")
	base=$CACHE/tests/${KDIR##*/}${which:+-${which// /-}}
	TESTS=$base-$hash
	publish "$TESTS" step "build tests for ${KDIR##*/}" \
		compile_tests "$hash" "$KSRC" "$KDIR" "$@"
	prune "$base-" "$TESTS"
}

compile_extra() { # KEY KDIR FOLDER DIRECTORY
	cp "$3"/* "$4"
	unchanged "$1" "$3"
	make -C "$2" M="$4" KCFLAGS="-fmacro-prefix-map=$4/=" modules
}

EXTRAS=()
extra_build() { # NAME FOLDER
	local base hash
	hash=$(key "$SELFTESTS/$2")
	base=$CACHE/$1/${KDIR##*/}
	publish "$base-$hash" step "build the module $1 for ${KDIR##*/}" \
		compile_extra "$hash" "$KDIR" "$SELFTESTS/$2"
	EXTRAS+=("$base-$hash")
	prune "$base-" "$base-$hash"
}

kernel_modules() { # DIRECTORY
	local name
	mkdir "$1"
	while read -r name; do
		cp "$KDIR/${name%.*}.ko" "$1"
	done <"$KDIR/modules.order"
}

# The kernel's modules and ours in one directory
collect_modules() { # DIRECTORY
	local from
	kernel_modules "$1"
	for from in "$MODULES" "${EXTRAS[@]}"; do
		cp "$from"/*.ko "$1"
	done
}
