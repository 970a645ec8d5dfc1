#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The style gate: every check that needs no running kernel. One result each;
# what a failing check said is shown.
#
#   style.sh [CHECK...]   all of CHECKS below, or those named
#
# A pass is kept in the cache: a check runs again when a file that it looks at,
# this script or the kernel changed. Where what is found in a file depends on no other
# one, only files that changed are looked at again. FRESH=1 runs all of them on all.
#
# As many run at a time as there are processors, the longest first.
#
# The reference is 6.12: its tools, its headers, its configuration. Only
# kernel-doc runs with both kernels' tools. sparse must not move to 7.x: that
# kernel turns sparse 0.6.4 off without failing.

source "$(dirname "$0")/../lib/common.sh"
source "$TOP/scripts/lib/check.sh"
source "$TOP/scripts/build/kernel.sh"
source "$TOP/scripts/build/modules.sh"
source "$TOP/scripts/build/vmm.sh"

SUITE=style
CHECKS=(checkpatch coccicheck clang analyzer build shellcheck selftests docs
	qemu-checkpatch qemu-10.2 qemu-10.0 codespell clang-format hygiene links
	conformance libvirt kernel-doc qemu-series uapi calls cache stat abi messages)
MODULE=drivers/iommu/vtd_shadow
HEADER=include/uapi/linux/vtd_shadow.h
SELFTESTS=tools/testing/selftests/vtd_shadow
QEMU_FILES=integration/qemu
DICTIONARY=/usr/lib/python3/dist-packages/codespell_lib/data/dictionary.txt

# files PATTERN...: the repository's files, committed or about to be
files() {
	local file

	git -C "$TOP" ls-files --cached --others --exclude-standard -- "$@" |
		while read -r file; do
			[ ! -f "$TOP/$file" ] || echo "$file"
		done
}

c_files() { files '*.c' '*.h'; }
kernel_files() { files "$MODULE/*.[ch]" 'include/*.h'; }
shell_files() {
	files | xargs awk 'FILENAME ~ /\.sh$/ || /^#!.*sh$/ { print FILENAME } { nextfile }'
}

# What selftests cannot have: they see device registers and memory under DMA
# without the kernel's accessors, have no BIT_ULL() from user-space headers, and
# the harness's EXPECT_ and SKIP() work only in macros.
TEST_IGNORE=VOLATILE,BIT_MACRO,MACRO_ARG_REUSE,MACRO_WITH_FLOW_CONTROL

# The fuzzer has the kernel's own names: macros and functions that checkpatch knows to be
# wrong to define, or to call without what they do in the kernel.
FUZZER=tools/testing/vtd_shadow
FUZZER_IGNORE=AVOID_EXTERNS,CAMELCASE,COMPLEX_MACRO,EXPORT_SYMBOL,IS_ENABLED_CONFIG
FUZZER_IGNORE+=,MACRO_ARG_PRECEDENCE,MACRO_ARG_REUSE,MACRO_ARG_UNUSED,MEMORY_BARRIER
FUZZER_IGNORE+=,MACRO_WITH_FLOW_CONTROL,NEW_TYPEDEFS,PREFER_DEFINED_ATTRIBUTE_MACRO
FUZZER_IGNORE+=,VOLATILE

# --- which files, in checks of one file at a time ---

# marks CHECK WHAT: for each file of standard input the name of its mark, which is there
# if the file was clean before, and its own. WHAT is all else that CHECK depends on.
marks() {
	local base sum file

	base=$CACHE/style/$1-$(sha256sum <<<"$2" | cut -c1-12)
	mkdir -p "$base"
	touch "$base"
	prune "$CACHE/style/$1-" "$base"
	xargs -r sha256sum | while read -r sum file; do
		echo "$base/${sum:0:16}-${file//\//-} $file"
	done
}

# if_changed CHECK WHAT COMMAND...: COMMAND gets those files of standard input, on its
# own, that were not seen to be clean.
if_changed() {
	local marks mark file

	marks=$(marks "$1" "$2" | while read -r mark file; do
		[ -z "${FRESH:-}" ] && [ -e "$mark" ] || echo "$mark $file"
	done)
	[ -n "$marks" ] || return 0
	cut -d' ' -f2- <<<"$marks" | "${@:3}" || return 1
	cut -d' ' -f1 <<<"$marks" | xargs touch
}

# --- checks of the text ---

checkpatch_files() { # IGNORE
	xargs -r -P "$(nproc)" -n 5 "$KSRC/scripts/checkpatch.pl" --strict --no-summary --quiet \
		--show-types --ignore "$1" -f
}

checkpatch() { # IGNORE
	if_changed checkpatch "$KSRC $1 $(<.checkpatch.conf)" checkpatch_files "$1"
}

# Its words for typing mistakes are few; the many of codespell, which it could take,
# cost it nearly all of its time.
run_checkpatch() {
	local status=0

	{ c_files && shell_files && files '*Kconfig*' '*Makefile' '*.rst' '*.md'; } | sort -u |
		grep -v "^$SELFTESTS\|^$FUZZER/.*[ch]$" | checkpatch NONE || status=1
	files "$SELFTESTS" | checkpatch "$TEST_IGNORE" || status=1
	files "$FUZZER/*.[ch]" | checkpatch "$FUZZER_IGNORE" || status=1
	return "$status"
}

# The dictionary takes two fields of VT-d registers, and a file of sysfs, for words.
run_codespell() {
	files ':!COPYING' | xargs codespell --check-hidden --quiet-level 2 \
		--dictionary "$DICTIONARY" --ignore-words-list te,nd,inflight
}

# The kernel's configuration is right; ours, which editors find, has to agree.
run_clang_format() {
	local style file

	for style in "$KSRC/.clang-format" .clang-format; do
		! c_files | xargs clang-format "--style=file:$style" --dry-run -Werror \
			2>/dev/null || continue
		while read -r file; do
			clang-format "--style=file:$style" "$file" | diff -u "$file" - || true
		done < <(c_files)
		[ "$style" = .clang-format ] && echo "to repair: let .clang-format agree" ||
			echo "to repair: clang-format -i --style=file:$style FILE"
		return 1
	done
}

# What goes into QEMU is written as QEMU is, the newest of those that are built. About a header
# of Linux it always has something to ask.
run_qemu_checkpatch() {
	local script=$WORK/qemu-checkpatch.pl

	qemu_newest
	tar -xJOf "$QEMU_TARBALL" --wildcards --no-wildcards-match-slash \
		'qemu-*/scripts/checkpatch.pl' >"$script"
	files "$QEMU_FILES/*.patch" |
		xargs -n 1 perl "$script" --no-tree --terse --no-signoff 2>&1 |
		silent grep -vE '^total:|linux-headers-add.*: WARNING: added, moved or deleted file'
}

# each COMMAND: with each line of standard input
each() {
	local line

	while read -r line; do
		"$1" "$line"
	done
}

# Who maintains what the series add, by the entry that they add to QEMU's list
series_author() { sed -n 's/^+M: //p' "$QEMU_FILES"/*/*.patch | sort -u; }

# A patch that git am takes, with a subject of QEMU's kind and a reason below
complete_head() { # PATCH
	awk -v name="$1" -v author="$(series_author)" '
		NR == 1 { ok = /^From 0+ / }
		/^From: / { from = $0 }
		/^ / && from && !date { from = from $0 }
		/^Date: / { date = 1 }
		/^Subject: [^][ ]+(\/[^ ]+)*: .*[^.]$/ { subject = 1 }
		/^$/ && !body { body = 1; next }
		/^---$/ { exit }
		body && /^Signed-off/ { ok = 0 }
		body && /[^ ]/ { reason++ }
		body && length > 75 { print name ": a long line: " $0 }
		END {
			if (!ok || from != "From: " author || !date || !subject || !reason)
				print name ": its head is not complete"
		}' "$1"
}

# Releases may differ in what they include, and in how a device's container is found.
without_release() { # FILE
	sed '/^#include /d; /VFIOIOMMUFDContainer \*container =$/,/;$/d;
		/VFIOIOMMUFDContainer \*container = /d' "$1"
}

# What the series add: the same for all releases, the kernel's header as it is, and
# licences that QEMU takes
run_qemu_series() {
	local release file first='' status=0

	files "$QEMU_FILES/*.patch" | silent each complete_head || status=1
	for release in "$QEMU_FILES"/*; do
		release=${release##*/}
		series_new_files "$release" "$WORK/$release"
		cmp "$HEADER" "$WORK/$release/linux-headers/linux/vtd_shadow.h" || status=1
		while read -r file; do
			grep -q 'SPDX-Licen[s]e-Identifier: GPL-2.0-or-later' "$file" || {
				echo "$file: not or-later"
				status=1
			}
			without_release "$file" >"$file.same"
			mv "$file.same" "$file"
		done < <(find "$WORK/$release" -type f ! -path '*/linux-headers/*')
		# Its functional tests were one directory once
		mkdir -p "$WORK/$release/tests/functional/x86_64"
		find "$WORK/$release/tests/functional" -maxdepth 1 -type f \
			-exec mv -t "$WORK/$release/tests/functional/x86_64" {} +
		# QAPI had one module for what depends on the target
		rm -rf "$WORK/$release/qapi"
		diff -ru "$WORK/${first:=$release}" "$WORK/$release" || status=1
	done
	return "$status"
}

# git am takes the series of a release, and what is written back is the same.
run_qemu_10_2() { bash scripts/qemu-series.sh check 10.2; }
run_qemu_10_0() { bash scripts/qemu-series.sh check 10.0; }

# The example for libvirt is complete, and what libvirt takes.
run_libvirt() {
	sed -n '/^   <domain /,/^   <\/domain>/p' Documentation/admin-guide/vtd_shadow_qemu.rst \
		>"$WORK/domain.xml"
	virt-xml-validate "$WORK/domain.xml" domain
}

# No file of the driver calls one that calls it.
run_calls() { python3 scripts/calls.py; }

# Operators find each message of the driver explained, and none that is gone.
run_messages() { python3 scripts/messages.py; }

# Old directories go, each by its own prefix and no other
run_cache() {
	local dir=$WORK/cache name

	for name in tool/old tool/new tool/kept tool-source/old; do
		mkdir -p "$dir/$name"
	done
	touch -d '3 days ago' "$dir"/tool/{old,kept} "$dir"/tool-source{/old,} "$dir/tool"
	prune "$dir/tool/" "$dir/tool/kept"
	prune "$dir/tool-source/o" none
	[ "$(cd "$dir" && echo */*)" = "tool/kept tool/new" ]
	[ -d "$dir/tool-source" ]
}

run_shellcheck() { shell_files | xargs shellcheck; }

# Nothing here may be bound to one machine or person, or be unfinished. The
# brackets keep the patterns from finding themselves.
run_hygiene() {
	local failed=0
	local -a own=(':!COPYING')

	forbid() { # WHAT PATTERN [WHERE NOT]
		silent git grep -nIE --untracked "$2" -- "${own[@]}" "${@:3}" || {
			echo "^ $1"
			failed=1
		}
	}
	forbid "a path of one machine" '(^|[^[:alnum:]_.$}>-])/(home|root|mnt|srv|opt|w[o]rk)/'
	forbid "a person's signature" 'Signed-off-[b]y'
	forbid "a registry's host" '(debian|pypi|pythonhosted|docker)\.(org|com|io)'
	# A patch has blanks for empty lines, and what it takes away
	forbid "unfinished" '\b(TO[D]O|FIX[M]E|X[X]X)\b|@[A-Z]+@' ':!*.patch'
	forbid "blank at the end of a line" '[[:blank:]]$' ':!*.patch'
	forbid "conflict marker" '^(<<<<<<<|>>>>>>>)'

	# A patch is under the licence of what it changes
	files "${own[@]}" ':!*.patch' | silent xargs awk '
		/SPDX-Licen[s]e-Identifier: GPL-2\.0-only/ { has[FILENAME] }
		FNR == 3 { nextfile }
		END {
			for (i = 1; i < ARGC; i++)
				if (!(ARGV[i] in has))
					print ARGV[i] ": no GPL-2.0-only SPDX line at its top"
		}' || failed=1
	return "$failed"
}

# What a document names in a link, or in quotes and with a slash
paths_in() {
	grep -oP '\]\(\K[^)#]+|`+\K[\w.-]+/[\w./-]+(?=`)' "$1" | grep -v :// || true
}

# Every such path must exist, here or in the kernel.
run_links() {
	local document path base missing=0

	while read -r document; do
		while read -r path; do
			for base in . "$(dirname "$document")" "$KSRC"; do
				[ ! -e "$base/$path" ] || continue 2
			done
			echo "$document: no $path"
			missing=1
		done < <(paths_in "$document")
	done < <(files '*.md' 'Documentation/*.rst')
	return "$missing"
}

run_conformance() { bash scripts/test/conformance.sh; }

run_kernel_doc() {
	kernel_files | xargs "$KSRC/scripts/kernel-doc" -none -Wall -Werror
	kernel_files | xargs "$KSRC7/tools/docs/kernel-doc" -none -Wall -Werror
}

# --- checks of the uapi header alone ---

# header COMPILER...: compile nothing but the header
header() {
	echo '#include <linux/vtd_shadow.h>' |
		"$@" -Wall -Wextra -Werror -fsyntax-only "-I$TOP/include/uapi" \
			-isystem "$KDIR/usr/include" -
}

# sizes FLAG: the size of every structure as that compiler sees it
sizes() {
	{
		echo '#include <linux/vtd_shadow.h>'
		sed -n 's/^struct \(\w*\) {$/unsigned int \1_size = sizeof(struct \1);/p' "$HEADER"
	} | gcc "$1" -x c -S -o - "-I$TOP/include/uapi" -isystem "$KDIR/usr/include" - |
		grep -E '_size:|\.long|\.zero'
}

# The kernel's installed headers serve both word sizes, so no 32-bit libc is
# needed. No padding, thus the same layout for 32-bit programs.
run_uapi() {
	header gcc -x c -std=c90 -Wpadded
	header gcc -x c -std=c90 -Wpadded -m32
	header g++ -x c++ -std=c++11
	sizes -m64 >"$WORK/sizes64"
	sizes -m32 >"$WORK/sizes32"
	test -s "$WORK/sizes64"
	diff "$WORK/sizes64" "$WORK/sizes32"
}

# Programs that were built with the header of a release go on working.
run_abi() { bash scripts/test/abi.sh; }

# --- checks that build ---

# kbuild_strictly TREE: gcc with more warnings than usual, and sparse, which is asked to
# look at what is compiled. No warning is allowed. Most are errors; one that left an
# object behind would not come again, so TREE goes.
kbuild_strictly() {
	local log=$WORK/kbuild file failed=0

	make -C "$KDIR" "M=$1/$MODULE" -j"$(nproc)" W=1e C=1 CF=-Wsparse-error modules 2>&1 |
		tee "$log" || failed=1
	! grep -iE 'warning:|not up to date' "$log" || {
		rm -rf "$1"
		return 1
	}
	# Every source must have been compiled, or the build proves nothing of it, and
	# sparse have looked at each that was. The native benchmark is for user-mode Linux,
	# and compiled there; what lets calls fail is for the kernel of the suite debug.
	while read -r file; do
		[ -f "$1/${file%.c}.o" ] || {
			echo "not compiled: $file"
			failed=1
		}
		! grep -qF "CC [M]  $1/${file%.c}.o" "$log" ||
			grep -qF "CHECK   $1/$file" "$log" || {
			echo "sparse did not look at $file"
			failed=1
		}
	done < <(files "$MODULE/*.c" ":!$MODULE/tests/native" ":!$MODULE/fault.c" \
		":!$MODULE/tests/fail_*")
	return "$failed"
}

# Another way of looking begins with a tree of its own.
in_tree() { # FUNCTION KERNEL TOOL
	local tree
	tree=style-$({ declare -f "$1" && "$3" --version; } | sha256sum |
		cut -c1-8)-${2##*/}
	[ -z "${FRESH:-}" ] || rm -rf "$CACHE/trees/$tree"
	work_tree "$tree" "$1"
}

run_build() { in_tree kbuild_strictly "$KDIR" sparse; }

# no_warnings TREE ARGUMENT...: make in the driver's folder of TREE. An object whose
# warning was seen would not be compiled again, so TREE goes.
no_warnings() {
	local log=$WORK/kbuild tree=$1 failed=0

	shift
	make "M=$tree/$MODULE" -j"$(nproc)" "$@" 2>&1 | tee "$log" || failed=1
	! grep -E ':[0-9]+: (warning|error):' "$log" || failed=1
	[ "$failed" -eq 0 ] || rm -rf "$tree"
	return "$failed"
}

# gcc follows the paths through each file. Not those of unit tests: KUnit's own macros
# would be told that there may be no test that runs.
kbuild_analyzed() { # TREE
	no_warnings "$1" -C "$KDIR" KCFLAGS=-fanalyzer vtd_shadow.ko vtd_shadow_vfio_pci.ko
}

run_analyzer() { in_tree kbuild_analyzed "$KDIR" gcc; }

# clang looks at stack frames and at types otherwise than gcc, and needs a kernel that was
# configured for it. Preparing it is enough.
prepare_for_clang() { # DIRECTORY
	local files

	mapfile -t files < <(fragments 6.12 plain)
	make -C "$KSRC" O="$1" CC=clang tinyconfig
	cat "${files[@]}" >>"$1/.config"
	make -C "$KSRC" O="$1" CC=clang olddefconfig
	make -C "$KSRC" O="$1" CC=clang -j"$(nproc)" modules_prepare
}

kbuild_with_clang() { # TREE
	no_warnings "$1" -C "$CLANG_KDIR" CC=clang W=1e KBUILD_MODPOST_WARN=1 modules
}

run_clang() {
	local name=$CACHE/kernel/clang-6.12

	CLANG_KDIR=$name-$({ clang --version && echo "$KDIR"; } | sha256sum | cut -c1-12)
	publish "$CLANG_KDIR" prepare_for_clang
	prune "$name-" "$CLANG_KDIR"
	in_tree kbuild_with_clang "$CLANG_KDIR" clang
}

run_selftests() {
	local ksft=$KSRC/tools/testing/selftests

	make -C "$SELFTESTS" KSFT="$ksft" OUTPUT="$(mktemp -d -p "$WORK")" -j"$(nproc)" \
		KHDR_INCLUDES="-isystem $KDIR/usr/include -isystem $TOP/include/uapi" \
		USERCFLAGS='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror'
}

# One semantic patch at a time, with the options it asks for. The few that are
# written in OCaml would need a compiler for it. spatch asks the first python in PATH
# where its library is: Debian's answers fastest, and is the one that spatch uses.
cocci() { # FILE FOLDER ERRORS
	local errors=$3/${1##*/} options

	grep -q '^virtual report' "$1" || return 0
	! grep -qE '^@(script|initialize):ocaml' "$1" || return 0
	options=$(sed -n 's,^// *Options: ,,p' "$1")
	# shellcheck disable=SC2086 # several options
	PATH=/usr/bin:/bin spatch -D report --no-show-diff --very-quiet --cocci-file "$1" \
		$options --dir "$2" 2>"$errors" || cat "$errors"
}

# The sources of standard input, beside all headers
cocci_files() {
	mkdir "$WORK/tree" "$WORK/errors"
	{ cat && files "$MODULE/*.h"; } | cpio --quiet -pd "$WORK/tree"
	export -f cocci
	find "$KSRC/scripts/coccinelle" -name '*.cocci' | sort |
		silent xargs -P "$(nproc)" -I{} bash -c 'cocci "$@"' - {} \
			"$WORK/tree/$MODULE" "$WORK/errors" | sed "s|$WORK/tree/||"
}

# It takes each source alone, with the headers beside it.
run_coccicheck() {
	local headers

	mapfile -t headers < <(files "$MODULE/*.h")
	files "$MODULE/*.c" | if_changed coccicheck \
		"$KSRC $(spatch --version) $(key "${headers[@]}")" cocci_files
}

# The tool that watches units, natively
run_stat() { bash scripts/test/stat-test.sh; }

run_docs() { "$TOP/scripts/docs.sh" "$WORK/html"; }

# --- what is run, and when again ---

# The sources that have a part of the documentation in them
documented() {
	grep -rhoP '^\.\. kernel-doc:: \K\S+' Documentation | sort -u
}

# What a check looks at, one file a line; nothing: it is quick, or keeps its own
# books
looks_at() { # CHECK
	case $1 in
	clang-format) c_files && echo .clang-format ;;
	shellcheck) shell_files && echo .shellcheckrc ;;
	qemu-checkpatch) files "$QEMU_FILES" ;;
	qemu-series) files "$QEMU_FILES" "$HEADER" 'scripts/lib/qemu*' ;;
	qemu-10.*) files "$QEMU_FILES/${1#qemu-}" 'scripts/qemu-series.sh' 'scripts/lib/qemu*' ;;
	kernel-doc) kernel_files ;;
	uapi) echo "$HEADER" ;;
	abi) files "$HEADER" "$SELFTESTS/abi" 'scripts/*abi*' ;;
	docs) files Documentation 'scripts/docs*' && documented ;;
	build | clang | analyzer) files drivers include ;;
	selftests) files "$SELFTESTS" include/uapi ;;
	stat) files tools/vtd_shadow 'scripts/test/stat*' 'Documentation/admin-guide/*stat.rst' ;;
	esac
}

run_check() { # CHECK
	local function=run_${1//[-.]/_} sources result
	mapfile -t sources < <(looks_at "$1")
	if [ ${#sources[@]} -eq 0 ] || [ -n "${FRESH:-}" ]; then
		"$function"
		return
	fi
	sources+=("$TOP"/scripts/test/style*)
	result=$CACHE/style/$1-$({ echo "$KSRC $KSRC7 $KDIR" && key "${sources[@]}"; } |
		sha256sum | cut -c1-12)
	# The function fills nothing in: that it passed is all there is
	publish "$result" "$function"
	prune "$CACHE/style/$1-" "$result"
}

# Why a check cannot be made here
skip_reason() { # CHECK
	case $1 in
	qemu-10.*) [ -e "$(vmm_tarball "${1#qemu-}")" ] ||
		echo "no source in the cache: VMM=${1#qemu-} bash scripts/build.sh vmm" ;;
	esac
}

run_alone() { # CHECK
	local reason

	reason=$(skip_reason "$1")
	if [ -n "$reason" ]; then
		skip "$SUITE: $1" "$reason"
		return
	fi
	WORK=$WORK/$1
	mkdir "$WORK"
	check "$1" run_check "$1"
}

main() {
	local name

	[ $# -gt 0 ] || set -- "${CHECKS[@]}"
	for name; do
		declare -F "run_${name//[-.]/_}" >/dev/null || die "no check $name: ${CHECKS[*]}"
	done
	kernel_src 7
	KSRC7=$KSRC
	kernel_build 6.12 plain
	WORK=$(mktemp -d)
	trap 'end_background; rm -rf "$WORK"' EXIT
	trap 'exit 130' INT TERM
	cd "$TOP"
	# What they leave behind goes with the rest.
	TMPDIR=$WORK at_once "$(nproc)" run_alone "$@"
	summary
}

main "$@"
