#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests the series that patches.sh writes: it has every file, applies to the kernel as it
# was released and compiles. patches-test.sh [all]
#
#   all    each patch compiles, passes checkpatch, and the kernel with all of them runs the
#          unit tests and has the driver as modules, for x86, too
#
# Compiled for user-mode Linux, which is prepared in seconds. The tree and its objects stay
# in the cache.

source "$(dirname "$0")/../lib/common.sh"
source "$TOP/scripts/lib/check.sh"
source "$TOP/scripts/lib/packages.sh"
source "$TOP/scripts/build/kernel.sh"

SUITE=patches
MODULE=drivers/iommu/vtd_shadow
SELFTESTS=tools/testing/selftests/vtd_shadow
# Those that the series changes
HOOKED=(MAINTAINERS drivers/iommu/{Kconfig,Makefile} tools/testing/selftests/Makefile
	Documentation/{subsystem-apis.rst,{admin-guide,dev-tools}/index.rst}
	Documentation/{driver-api,userspace-api}/index.rst)
# What overlay.sh lays and the series does not have
LEFT_OUT='/compat\.h$|^tools/vtd_shadow/(host_uapi\.h|vtd_shadow_(bind|doctor|modules_debian|try))'
# As in style.sh; and the entry in MAINTAINERS is in a patch of its own.
IGNORE=FILE_PATH_CHANGES
TEST_IGNORE=VOLATILE,BIT_MACRO,MACRO_ARG_REUSE,MACRO_WITH_FLOW_CONTROL

# A repository of our own, to change
repository() { # FOLDER
	mkdir -p "$1"
	git -C "$TOP" ls-files --cached --others --exclude-standard --deduplicate |
		tar -C "$TOP" --ignore-failed-read -cT - | tar -xC "$1"
	git init -q "$1"
}

# refused TEXT FOLDER: no series comes out of the repository there, and TEXT is said
refused() {
	! "$2/scripts/patches.sh" "$2/series" >"$WORK/said" 2>&1 || {
		echo "not refused"
		return 1
	}
	cat "$WORK/said"
	grep -qF "$1" "$WORK/said"
	[ ! -e "$2/series" ]
}

writes() { "$TOP/scripts/patches.sh" "$SERIES"; }

refuses_unknown_file() {
	repository "$WORK/unknown"
	echo "/* nobody's */" >"$WORK/unknown/$MODULE/nobodys.h"
	refused "$MODULE/nobodys.h is in no patch" "$WORK/unknown"
}

refuses_unknown_entry() {
	repository "$WORK/entry"
	printf '\nconfig VTD_SHADOW_NEW\n\tbool\n' >>"$WORK/entry/$MODULE/Kconfig"
	refused "not all entries of Kconfig" "$WORK/entry"
}

refuses_later_header() {
	repository "$WORK/later"
	sed -i '/^#include "caps.h"/a #include "sync.h"' "$WORK/later/$MODULE/caps.c"
	refused "which comes in a later patch" "$WORK/later"
}

refuses_compat() {
	repository "$WORK/compat"
	echo "#define VTDS_NEWER 1" >>"$WORK/compat/$MODULE/compat.h"
	echo "static int newer = VTDS_NEWER;" >>"$WORK/compat/$MODULE/main.c"
	refused "VTDS_NEWER is still there" "$WORK/compat"
}

# --- the kernel as it was released ---

# Its files are linked; git writes anew what it changes. It knows only the files that the
# series changes, which is all that it needs to apply it.
pristine_tree() { # FOLDER
	cp -al "$KSRC/." "$1"
	git init -q "$1"
	cd "$1"
	git add -f "${HOOKED[@]}"
	git_here commit -q -m pristine
	git tag pristine
}

git_here() { git -c user.name=test -c user.email=test@localhost -c core.fsync=none "$@"; }

reset_tree() {
	cd "$TREE"
	rm -rf .git/rebase-apply
	git reset -q --hard pristine
	# What a build of another tree, or a killed run, left
	rm -rf "$MODULE"
}

tree_make() { make -C "$TREE" ARCH="$ARCH" O="$BUILD/$ARCH" -j"$(nproc)" "$@"; }

# The driver's symbols, as far as there are any
symbols() {
	[ ! -e "$TREE/$MODULE/Kconfig" ] ||
		awk '$1 == "config" { print "CONFIG_" $2 }' "$TREE/$MODULE/Kconfig"
}

# As uml.sh does, with what the driver has by then
configure() {
	local symbol
	local -a wanted=()

	for symbol in $(symbols); do
		wanted+=("$symbol=y")
	done
	mkdir -p "$BUILD/$ARCH"
	tree_make tinyconfig
	cat "$TOP/$MODULE/.kunitconfig" "$TOP/$SELFTESTS/config.uml" >>"$BUILD/$ARCH/.config"
	tree_make olddefconfig
	[ ${#wanted[@]} -eq 0 ] || holds "$BUILD/$ARCH/.config" "${wanted[@]}"
}

# Until the configuration knows the driver, make alone does.
compiles() {
	configure
	tree_make W=1e CONFIG_VTD_SHADOW=y "$MODULE/"
}

# All but the cover letter, in their order
patches() { find "$SERIES" -name '*.patch' ! -name '0000-*' | sort; }

applies() {
	reset_tree
	patches | xargs git -c user.name=test -c user.email=test@localhost am -q
	[ -z "$(git status --porcelain --untracked-files=no)" ]
	silent git grep -nE 'compat\.h|LINUX_VERSION_CODE|KERNEL_VERSION|[Oo]lder kernels' \
		-- "$MODULE"
}

# The tree has what overlay.sh lays, and nothing else of ours
complete() {
	local laid=$WORK/laid

	mkdir -p "$laid"/{include/{linux,uapi/linux},tools/testing/selftests}
	tar -C "$KSRC" -c Makefile drivers/iommu/iommu.c "${HOOKED[@]}" | tar -xC "$laid"
	"$TOP/scripts/overlay.sh" "$laid"
	sort "$laid/.vtd_shadow.overlay" | grep -vE "$LEFT_OUT" >"$WORK/wanted"
	git -C "$TREE" diff --name-only --diff-filter=A pristine HEAD | sort | diff "$WORK/wanted" -
	git -C "$TREE" diff --name-only --diff-filter=M pristine HEAD | sort >"$WORK/changed"
	printf '%s\n' "${HOOKED[@]}" | sort | diff - "$WORK/changed"
}

# Each object of the driver's Makefile is there, as many as outside of the series
has_all_objects() {
	objects "$TOP/$MODULE/Makefile" >"$WORK/objects"
	objects "$TREE/$MODULE/Makefile" | diff "$WORK/objects" -
}

objects() { grep -oE '[a-z0-9_/]+\.o\b' "$1" | grep -v ^_ | sort -u; } # MAKEFILE

# --- in full ---

passes_checkpatch() { # PATCH
	local ignore=$IGNORE

	! grep -q "^+++ b/$SELFTESTS" "$1" || ignore+=,$TEST_IGNORE
	silent "$TREE/scripts/checkpatch.pl" --strict --no-signoff --quiet --no-summary \
		--show-types --ignore "$ignore" "$1"
}

# One patch more: applied, compiled
step_compiles() { # PATCH
	cd "$TREE"
	git_here am -q "$1"
	# The first one is the interface alone.
	[ ! -e "$TREE/$MODULE" ] || compiles
}

each_compiles() {
	local patch name

	check "the kernel as it was released" reset_tree
	for patch in $(patches); do
		name=${patch##*/}
		check "${name%%-*} compiles" step_compiles "$patch"
		check "${name%%-*} passes checkpatch" passes_checkpatch "$patch"
	done
}

runs_unit_tests() {
	configure
	tree_make linux
	timeout 300 "$BUILD/$ARCH/linux" mem=1G con=null con0=null,fd:1 ssl=null \
		kunit_shutdown=halt kunit.filter=module=vtd_shadow_kunit uml_dir="$WORK/uml/" |
		tr -d '\r' >"$WORK/console"
	cat "$WORK/console"
	grep -q '^ok 1 ' "$WORK/console"
	grep -q 'System halted' "$WORK/console"
	silent grep -E '^ *not ok ' "$WORK/console"
}

# As distributions have it
builds_modules() {
	local symbol fragments=$BUILD/$ARCH/fragments

	mkdir -p "$BUILD/$ARCH"
	{
		cat "$TOP/$SELFTESTS/config"
		for symbol in CONFIG_{IOMMUFD,VFIO,KUNIT,VTD_SHADOW{,_VFIO_PCI,_KUNIT_TEST}}; do
			echo "$symbol=m"
		done
	} >"$fragments"
	tree_make KCONFIG_ALLCONFIG="$fragments" allnoconfig
	holds "$BUILD/$ARCH/.config" CONFIG_VTD_SHADOW{,_VFIO_PCI,_KUNIT_TEST}=m
	tree_make W=1e KBUILD_MODPOST_WARN=1 $MODULE/vtd_shadow{,_vfio_pci,_kunit}.ko
}

main() { # [all]
	local lock

	need "what makes and takes patches" coccinelle git libpython3-dev
	kernel_src 7
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	SERIES=$WORK/series
	TREE=$CACHE/patches/$(basename "$KSRC")-tree
	BUILD=$CACHE/patches/$(basename "$KSRC")-build
	mkdir -p "$CACHE/patches"
	exec {lock}>>"$CACHE/lock/patches-test"
	flock "$lock"
	publish "$TREE" pristine_tree
	prune "$CACHE/patches/" "$TREE"

	check "writes the series" writes
	check "refuses a file that is in no patch" refuses_unknown_file
	check "refuses an entry that is in no patch" refuses_unknown_entry
	check "refuses a source before its header" refuses_later_header
	check "refuses what is for other kernels" refuses_compat
	ARCH=um
	[ "${1:-}" != all ] || each_compiles
	check "applies to the kernel as it was released" applies
	check "has every file, and no other" complete
	check "has every object" has_all_objects
	check "compiles" compiles
	if [ "${1:-}" = all ]; then
		check "runs the unit tests" runs_unit_tests
		ARCH=x86
		check "builds modules" builds_modules
	fi
	summary
}

main "$@"
