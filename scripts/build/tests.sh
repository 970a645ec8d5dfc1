# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The test programs and the benchmark's module, built in the cache, and what a boot of the
# emulated host loads. Sourced by what boots it: bed.sh and guest.sh, through lib/bed.sh,
# and test/debian-test.sh.
#
#   tests_build [PROGRAM...]  uses KSRC and KDIR, sets TESTS: programs and their list
#                             (all, or only these)
#   floor_build               uses KDIR, sets FLOOR: the benchmark's module
#   kernel_modules DIRECTORY  uses KDIR
#   collect_modules DIRECTORY uses KDIR and MODULES, and FLOOR if it is set

SELFTESTS=$TOP/tools/testing/selftests/vtd_shadow
TEST_SOURCES=("$SELFTESTS"/*.c "$SELFTESTS"/{Makefile,lib,include,random,bench,tools}
	"$TOP/include/uapi")

compile_tests() { # KEY KSRC KDIR [PROGRAM...] DIRECTORY
	local key=$1 dir=${!#} programs=("${@:4:$#-4}")
	local make=(make -s -j"$(nproc)" -C "$SELFTESTS" "OUTPUT=$dir/build"
		"KSFT=$2/tools/testing/selftests"
		"KHDR_INCLUDES=-isystem $3/usr/include -isystem $TOP/include/uapi" LDFLAGS=-static)
	mkdir "$dir/build"
	# Without a target it makes all
	"${make[@]}" "${programs[@]/#/$dir/build/}"
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

compile_floor() { # KEY KDIR DIRECTORY
	cp "$SELFTESTS"/bench/floor/* "$3"
	unchanged "$1" "$SELFTESTS/bench/floor"
	make -C "$2" M="$3" KCFLAGS="-fmacro-prefix-map=$3/=" modules
}

floor_build() {
	local base hash
	hash=$(key "$SELFTESTS/bench/floor")
	base=$CACHE/floor/${KDIR##*/}
	FLOOR=$base-$hash
	publish "$FLOOR" step "build the benchmark's module for ${KDIR##*/}" \
		compile_floor "$hash" "$KDIR"
	prune "$base-" "$FLOOR"
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
	kernel_modules "$1"
	cp "$MODULES"/*.ko ${FLOOR:+"$FLOOR"/*.ko} "$1"
}
