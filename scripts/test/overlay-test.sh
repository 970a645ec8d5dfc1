#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves that the repository lives in a kernel tree: overlay.sh itself, then in
# private copies of both kernels the symbols, =m and =y, the selftests built
# and installed the kernel's own way, the unit tests by kunit.py, and the
# documents by the kernel's configuration of Sphinx.
#
# 6.12 is compiled for x86, 7.x for user-mode Linux: there =y is linked and
# booted by kunit.py, and =m is linked against the complete kernel.
#
# The copies and their objects stay in the cache and are updated in place.

source "$(dirname "$0")/../lib/common.sh"
source "$TOP/scripts/lib/check.sh"
source "$TOP/scripts/build/kernel.sh"

SUITE=overlay
MODULE=drivers/iommu/vtd_shadow

overlay() { "$TOP/scripts/overlay.sh" "$@"; }

# The driver's symbols that may be modules
symbols() {
	awk '$1 == "config" { name = $2 } $1 == "tristate" { print "CONFIG_" name }' \
		"$TOP/$MODULE/Kconfig"
}

# --- overlay.sh, on the few files of a kernel that it looks at ---

# Those that get a line
HOOKED=(drivers/iommu/{Kconfig,Makefile} Documentation/subsystem-apis.rst
	Documentation/{admin-guide,dev-tools,driver-api,userspace-api}/index.rst)

skeleton() { # FOLDER
	mkdir -p "$1"/{include/{linux,uapi/linux},tools/testing/selftests}
	tar -C "$KSRC" -c Makefile MAINTAINERS drivers/iommu/iommu.c "${HOOKED[@]}" | tar -xC "$1"
}

# A repository of our own, to change
repository() { # FOLDER
	mkdir -p "$1"
	git -C "$TOP" ls-files --cached --others --exclude-standard --deduplicate |
		tar -C "$TOP" --ignore-failed-read -cT - | tar -xC "$1"
	git init -q "$1"
}

# One line more than the kernel's file has, and that one is ours
one_line_more() { # FILE
	diff "$KSRC/$1" "$WORK/lay/$1" >"$WORK/diff" || true
	cat "$WORK/diff"
	[ "$(grep -c '^[<>]' "$WORK/diff")" -eq 1 ]
	grep -qi '^> .*vtd_shadow' "$WORK/diff"
}

# The kernel's file with our entry more, between its neighbours
one_entry_more() {
	diff "$KSRC/MAINTAINERS" "$WORK/lay/MAINTAINERS" >"$WORK/diff" || true
	sed -n 's/^> //p' "$WORK/diff" | diff - <(sed '1,/^$/d' "$TOP/MAINTAINERS" && echo)
	[ "$(grep -c '^<' "$WORK/diff")" -eq 0 ]
	grep '^V[A-Z0-9]' "$WORK/lay/MAINTAINERS" | grep -B 1 -A 1 '^VTD_SHADOW' |
		LC_ALL=C sort -C
}

lays() {
	local file

	skeleton "$WORK/lay"
	overlay "$WORK/lay"
	for file in "${HOOKED[@]}"; do
		one_line_more "$file"
	done
	one_entry_more
	for file in $MODULE/{Kconfig,Makefile,.kunitconfig} \
		include/{linux,uapi/linux}/vtd_shadow.h \
		Documentation/{.,userspace-api,driver-api,admin-guide,dev-tools}/vtd_shadow.rst \
		tools/testing/selftests/vtd_shadow/Makefile; do
		cmp "$file" "$WORK/lay/$file"
	done
}

# name, size, time and identity of every file
state() { find "$1" -type f -printf '%P %s %T@ %i\n' | grep -v '^.vtd_shadow.overlay' | sort; }

repeats() {
	skeleton "$WORK/repeat"
	overlay "$WORK/repeat"
	state "$WORK/repeat" >"$WORK/before"
	overlay "$WORK/repeat"
	state "$WORK/repeat" | diff "$WORK/before" -
}

follows() {
	local repo=$WORK/repo tree=$WORK/follow twin=$WORK/twin

	repository "$repo"
	mkdir "$repo/$MODULE/old"
	echo "/* leaves */" >"$repo/$MODULE/old/leaves.h"
	skeleton "$tree"
	"$repo/scripts/overlay.sh" "$tree"
	test -e "$tree/$MODULE/old/leaves.h"
	touch "$tree/$MODULE/built.o"

	# Another tree that shares the files must not change with this one.
	cp -al "$tree" "$twin"
	rm -r "$repo/$MODULE/old"
	echo "/* new */" >"$repo/$MODULE/new.h"
	echo "# changed" >>"$repo/$MODULE/Makefile"
	"$repo/scripts/overlay.sh" "$tree"

	cmp "$repo/$MODULE/new.h" "$tree/$MODULE/new.h"
	cmp "$repo/$MODULE/Makefile" "$tree/$MODULE/Makefile"
	test ! -e "$tree/$MODULE/old"
	test -e "$tree/$MODULE/built.o"
	cmp "$TOP/$MODULE/Makefile" "$twin/$MODULE/Makefile"
	test -e "$twin/$MODULE/old/leaves.h"
}

# An entry that changed is there once.
follows_entry() {
	local tree=$WORK/repo-entry

	repository "$tree.repo"
	skeleton "$tree"
	"$tree.repo/scripts/overlay.sh" "$tree"
	echo "F:	new/" >>"$tree.repo/MAINTAINERS"
	"$tree.repo/scripts/overlay.sh" "$tree"
	diff "$WORK/lay/MAINTAINERS" "$tree/MAINTAINERS" >"$WORK/diff" || true
	cat "$WORK/diff"
	[ "$(grep -c '^[<>]' "$WORK/diff")" -eq 1 ]
	grep -q '^> F:	new/$' "$WORK/diff"
}

# refused TEXT COMMAND...: COMMAND fails, and TEXT is in the one line it says
refused() {
	local text=$1
	shift

	! "$@" >"$WORK/said" 2>&1 || {
		echo "not refused: $*"
		return 1
	}
	cat "$WORK/said"
	[ "$(wc -l <"$WORK/said")" -eq 1 ]
	grep -qF "$text" "$WORK/said"
}

refuses() {
	local tree=$WORK/refuse

	refused "usage" overlay
	refused "is not a folder" overlay "$WORK/nowhere"
	mkdir "$WORK/empty"
	refused "is not a kernel source tree" overlay "$WORK/empty"

	skeleton "$tree"
	sed -i 's/^VERSION = .*/VERSION = 6/; s/^PATCHLEVEL = .*/PATCHLEVEL = 11/' "$tree/Makefile"
	refused "is Linux 6.11; 6.12 or newer is needed" overlay "$tree"
	cp "$KSRC/Makefile" "$tree"
	sed -i /iommufd/d "$tree/drivers/iommu/Kconfig"
	refused "has no line" overlay "$tree"
	cp "$KSRC/drivers/iommu/Kconfig" "$tree/drivers/iommu"
	rm "$tree/MAINTAINERS"
	refused "MAINTAINERS has no line" overlay "$tree"
	test ! -e "$tree/$MODULE"
}

# root may write anywhere, so become nobody for this
refuses_read_only() {
	local -a nobody=()

	skeleton "$WORK/read-only"
	repository "$WORK/readable"
	chmod -R a+rX "$WORK"
	chmod -R a-w "$WORK/read-only"
	[ "$(id -u)" -ne 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	refused "no permission to write" "${nobody[@]}" "$WORK/readable/scripts/overlay.sh" \
		"$WORK/read-only"
}

# --- both kernels ---

copy_tree() { cp -al "$KSRC/." "$1"; } # FOLDER

# sets KSRC (the kernel's own), TREE (the copy), BUILD (its objects)
kernel_tree() { # VERSION
	kernel_src "$1"
	TREE=$CACHE/overlay/$(basename "$KSRC")-tree
	BUILD=$CACHE/overlay/$(basename "$KSRC")-build
	publish "$TREE" copy_tree
	# What a killed build left may be half-written.
	[ ! -e "$BUILD/unfinished" ] || rm -rf "$BUILD"
	mkdir -p "$BUILD"
}

may_die() { marked "$BUILD/unfinished" "$@"; } # COMMAND...

tree_make() { make -C "$TREE" ARCH="$ARCH" O="$BUILD/$ARCH" -j"$(nproc)" "$@"; }

# configure VALUE: the test kernel's configuration with the driver =VALUE, and
# with what =y may not have as a module. Kconfig drops what it does not show.
configure() {
	local fragments=$BUILD/$ARCH/fragments symbol
	local -a wanted=()

	for symbol in CONFIG_{IOMMUFD,VFIO,KUNIT} $(symbols); do
		wanted+=("$symbol=$1")
	done
	mkdir -p "$BUILD/$ARCH"
	printf '%s\n' "${wanted[@]}" |
		cat "$TOP/tools/testing/selftests/vtd_shadow/config" - >"$fragments"
	tree_make KCONFIG_ALLCONFIG="$fragments" allnoconfig
	holds "$BUILD/$ARCH/.config" "${wanted[@]}"
}

# The kernel itself is not built here, so its symbols are not known.
builds_module() {
	configure m
	tree_make W=1e KBUILD_MODPOST_WARN=1 $MODULE/vtd_shadow{,_vfio_pci,_kunit}.ko
}

# Tools that look for a VFIO driver must not find the one that was built last
chosen_by_name() {
	silent vfio_drivers "$BUILD/$ARCH/$MODULE/vtd_shadow_vfio_pci.ko"
}

builds_in() {
	configure y
	tree_make W=1e "$MODULE/"
	ar t "$BUILD/$ARCH/$MODULE/built-in.a" | tee "$WORK/members"
	grep -q 'main\.o$' "$WORK/members"
}

# A configuration that does not know the driver is asked about it.
asks_for_driver() {
	sed /VTD_SHADOW/d "$BUILD/$ARCH/.config" >"$WORK/config"
	tree_make KCONFIG_CONFIG="$WORK/config" listnewconfig | tee "$WORK/new"
	holds "$WORK/new" CONFIG_VTD_SHADOW=n
}

# Built with the kernel's installed headers, installed, and on the list of the
# runner that is installed beside them
selftests() {
	local installed=$WORK/kselftest program

	rm -rf "$installed"
	make -C "$TREE" O="$BUILD/x86" -j"$(nproc)" headers
	make -C "$TREE/tools/testing/selftests" O="$BUILD/x86" TARGETS=vtd_shadow FORCE_TARGETS=1 \
		INSTALL_PATH="$installed" install
	"$installed/run_kselftest.sh" -l | tee "$WORK/list"
	test -s "$WORK/list"
	while read -r program; do
		test -x "$installed/${program/://}"
	done <"$WORK/list"
}

# All documents of the kernel would take long. Ours are built from a folder of their
# own with its configuration, which wants MAINTAINERS beside "Documentation".
builds_documents() {
	local build=$WORK/documents

	rm -rf "$build"
	mkdir -p "$build/Documentation"
	cp "$TREE/MAINTAINERS" "$build"
	cd "$TREE/Documentation"
	cp --parents vtd_shadow.rst ./*/vtd_shadow* "$build/Documentation"
	printf '%s\n' Documents ========= '' '.. toctree::' '' '   vtd_shadow' \
		>"$build/Documentation/index.rst"
	srctree=$TREE PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m sphinx -q -W --keep-going \
		-b html -c "$TREE/Documentation" -d "$build/doctrees" "$build/Documentation" \
		"$build/html"
	# Without dot the pictures are text
	[ "$(find "$build/html/_images" -name 'DOT-*.svg' | wc -l)" -eq 2 ]
}

# Whoever changes a file of ours is told where to send it: the kernel finds our entry,
# and the entry has every file.
has_maintainers() {
	local file pattern failed=0
	local -a patterns

	cd "$TREE"
	perl scripts/get_maintainer.pl --no-git --no-git-fallback --sections \
		-f $MODULE/Makefile | tee "$WORK/sections"
	grep -q '^VTD_SHADOW' "$WORK/sections"
	mapfile -t patterns < <(sed -n 's/^F:\t//p' "$TOP/MAINTAINERS")
	while read -r file; do
		for pattern in "${patterns[@]/%\//\/*}"; do
			# shellcheck disable=SC2053 # a pattern
			[[ $file != $pattern ]] || continue 2
		done
		echo "no entry has $file"
		failed=1
	done <.vtd_shadow.overlay
	return "$failed"
}

# --- unit tests in user-mode Linux ---

kunit() {
	cd "$TREE"
	may_die env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tools/testing/kunit/kunit.py run \
		--kunitconfig "$MODULE" --build_dir "$BUILD/um" --jobs "$(nproc)" \
		--kconfig_add CONFIG_MODULES=y --json="$WORK/kunit.json"
	test -s "$WORK/kunit.json"
}

# kunit.py's report as lines "STATUS suite.case"
kunit_cases() {
	/usr/bin/python3 - "$WORK/kunit.json" <<-'EOF'
		import json, sys

		def cases(group, path):
		    for case in group.get("test_cases", []):
		        print(case["status"], ".".join(path + [case["name"]]))
		    for sub in group.get("sub_groups", []):
		        cases(sub, path + [sub["name"]])

		cases(json.load(open(sys.argv[1])), [])
	EOF
}

count_kunit() {
	local status name

	while read -r status name; do
		case $status in
		PASS) pass "kunit.py: $name" ;;
		SKIP) skip "kunit.py: $name" "the test says so" ;;
		*) fail "kunit.py: $name" "$status" ;;
		esac
	done < <(kunit_cases)
}

# kunit.py needs all of it =y; here the same kernel gets it as modules.
builds_um_module() {
	local symbol
	local -a wanted=()

	for symbol in $(symbols); do
		"$TREE/scripts/config" --file "$BUILD/um/.config" --module "$symbol"
		wanted+=("$symbol=m")
	done
	tree_make olddefconfig
	holds "$BUILD/um/.config" "${wanted[@]}"
	tree_make
	ls "$BUILD/um/$MODULE"/vtd_shadow{,_vfio_pci,_kunit}.ko
}

main() {
	local lock

	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	mkdir -p "$CACHE/overlay"
	exec {lock}>>"$CACHE/lock/overlay-test"
	flock "$lock"

	kernel_tree 6.12
	check "lays its files, lines and entry" lays
	check "changes nothing the second time" repeats
	check "follows the repository, not a hard link" follows
	check "follows the entry in MAINTAINERS" follows_entry
	check "refuses what is no kernel for it" refuses
	check "refuses a tree it may not write to" refuses_read_only

	ARCH=x86
	check "6.12: lays" overlay "$TREE"
	check "6.12: every file has its entry in MAINTAINERS" has_maintainers
	check "6.12: documents build" builds_documents
	check "6.12: =m builds" may_die builds_module
	check "6.12: no VFIO driver for tools to find" chosen_by_name
	check "6.12: =y builds" may_die builds_in
	check "6.12: configuration asks for the driver" asks_for_driver
	check "6.12: selftests build and install" selftests

	kernel_tree 7
	ARCH=um
	check "7: lays" overlay "$TREE"
	check "7: documents build" builds_documents
	check "7: kunit.py runs" kunit
	[ ! -s "$WORK/kunit.json" ] || count_kunit
	check "7: =m builds" may_die builds_um_module
	check "7: no VFIO driver for tools to find" chosen_by_name
	check "7: configuration asks for the driver" asks_for_driver
	check "7: selftests build and install" selftests
	summary
}

main "$@"
