#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The style gate: every check that needs no running kernel. One result each;
# what a failing check said is shown.
#
#   style.sh [CHECK...]   all of CHECKS below, or those named
#
# A pass is kept in the cache: a check runs again when a file that it looks at,
# this script or the kernel changed. FRESH=1 runs all of them.
#
# The reference is 6.12: its tools, its headers, its configuration. Only
# kernel-doc runs with both kernels' tools. sparse must not move to 7.x: that
# kernel turns sparse 0.6.4 off without failing.

source "$(dirname "$0")/lib.sh"
source "$TOP/scripts/kernel.sh"
source "$TOP/scripts/lib-check.sh"
source "$TOP/scripts/vmm.sh"

SUITE=style
CHECKS=(checkpatch codespell clang-format qemu-checkpatch shellcheck hygiene links conformance
	libvirt kernel-doc uapi docs build sparse selftests coccicheck)
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

c_files() { files '*.c' '*.h' ":!$QEMU_FILES"; }
kernel_files() { files "$MODULE/*.[ch]" 'include/*.h'; }
shell_files() {
	local file

	files | while read -r file; do
		if [[ $file == *.sh ]] || head -n 1 "$TOP/$file" | grep -qE '^#!.*sh$'; then
			echo "$file"
		fi
	done
}

# What selftests cannot have: they see device registers and memory under DMA
# without the kernel's accessors, have no BIT_ULL() from user-space headers, and
# the harness's EXPECT_ and SKIP() work only in macros.
TEST_IGNORE=VOLATILE,BIT_MACRO,MACRO_ARG_REUSE,MACRO_WITH_FLOW_CONTROL

# --- checks of the text ---

# checkpatch_files IGNORE: checkpatch on the files of standard input
checkpatch_files() {
	xargs -r -P "$(nproc)" -n 5 "$KSRC/scripts/checkpatch.pl" --strict --no-summary --quiet \
		--show-types --ignore "$1" -f
}

# seen_clean IGNORE: for each file of standard input the name of its mark, which
# is there if the file was clean before, and its own
seen_clean() {
	local base file
	base=$CACHE/style/checkpatch-$(echo "$KSRC $1 $(<.checkpatch.conf)" | sha256sum |
		cut -c1-12)
	mkdir -p "$base"
	while read -r file; do
		echo "$base/$(sha256sum <"$file" | cut -c1-16)-${file//\//-} $file"
	done
}

# checkpatch IGNORE: only files that were not seen to be clean
checkpatch() {
	local marks
	marks=$(seen_clean "$1" | while read -r mark file; do
		[ -z "${FRESH:-}" ] && [ -e "$mark" ] || echo "$mark $file"
	done)
	[ -n "$marks" ] || return 0
	cut -d' ' -f2- <<<"$marks" | checkpatch_files "$1" || return 1
	cut -d' ' -f1 <<<"$marks" | xargs touch
}

# Its own list of typing mistakes is short. It could take that of codespell, but then it
# spends most of its time on that.
run_checkpatch() {
	local status=0

	{ c_files && shell_files && files '*Kconfig*' '*Makefile' '*.rst' '*.md'; } | sort -u |
		grep -v "^$SELFTESTS" | checkpatch NONE || status=1
	files "$SELFTESTS" | checkpatch "$TEST_IGNORE" || status=1
	return "$status"
}

# The dictionary takes two fields of VT-d registers, and a file of sysfs, for words.
run_codespell() {
	files ':!COPYING' | xargs codespell --check-hidden --quiet-level 2 \
		--dictionary "$DICTIONARY" --ignore-words-list te,nd,inflight
}

run_clang_format() {
	local style=file:$KSRC/.clang-format file status=0

	while read -r file; do
		clang-format "--style=$style" "$file" | diff -u "$file" - || status=1
	done < <(c_files)
	[ "$status" -eq 0 ] || echo "to repair: clang-format -i --style=$style FILE"
	return "$status"
}

# What goes into QEMU is written as QEMU is. It would like another licence.
run_qemu_checkpatch() {
	local script=$WORK/qemu-checkpatch.pl said

	vmm_source
	tar -xJOf "$QEMU_TARBALL" --wildcards --no-wildcards-match-slash \
		'qemu-*/scripts/checkpatch.pl' >"$script"
	{
		files "$QEMU_FILES/*.[ch]" | xargs -n 1 perl "$script" --no-tree --terse -f
		files "$QEMU_FILES/*.patch" |
			xargs -n 1 perl "$script" --no-tree --terse --no-signoff
	} 2>&1 | silent grep -vE ': WARNING: .*GPL-2.0-or-later|^total:'
}

# The example for libvirt is complete, and what libvirt takes.
run_libvirt() {
	sed -n '/^   <domain /,/^   <\/domain>/p' "$TOP/Documentation/vtd_shadow_qemu.rst" \
		>"$WORK/domain.xml"
	virt-xml-validate "$WORK/domain.xml" domain
}

run_shellcheck() { shell_files | xargs shellcheck; }

# Nothing here may be bound to one machine or person, or be unfinished. The
# brackets keep the patterns from finding themselves.
run_hygiene() {
	local file failed=0
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

	while read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-Licen[s]e-Identifier: GPL-2\.0-only' || {
			echo "$file: no GPL-2.0-only SPDX line at its top"
			failed=1
		}
	done < <(files "${own[@]}")
	return "$failed"
}

# What a document names in a link, or in quotes and with a slash
paths_in() {
	grep -oP '\]\(\K[^)#]+|`+\K[\w.-]+/[\w./-]+(?=`)' "$1" | grep -v :// || true
}

# Every such path must exist, here or in the kernel.
run_links() {
	local document path base missing=0

	for document in README.md Documentation/*.rst; do
		[ -f "$document" ] || {
			echo "no $document"
			return 1
		}
		while read -r path; do
			for base in . "$(dirname "$document")" "$KSRC"; do
				[ ! -e "$base/$path" ] || continue 2
			done
			echo "$document: no $path"
			missing=1
		done < <(paths_in "$document")
	done
	return "$missing"
}

run_conformance() { bash scripts/conformance.sh; }

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

# --- checks that build, on a copy of the sources ---

copy_sources() {
	mkdir -p "$WORK/tree"
	files drivers include | tar -C "$TOP" -cT - | tar -xC "$WORK/tree"
}

# kbuild ARGUMENT...: build the modules, show all output, allow no warning
kbuild() {
	make -C "$KDIR" "M=$WORK/tree/$MODULE" -j"$(nproc)" "$@" modules 2>&1 | tee "$WORK/kbuild"
	silent grep -iE 'warning:|error:|not up to date' "$WORK/kbuild"
}

# Every source must have been compiled, or the build proves nothing of it.
run_build() {
	local file failed=0

	copy_sources
	kbuild W=1e
	while read -r file; do
		[ -f "$WORK/tree/${file%.c}.o" ] || {
			echo "not compiled: $file"
			failed=1
		}
	done < <(files "$MODULE/*.c")
	return "$failed"
}

# C=2 looks at every file again, also at what was built a moment ago.
run_sparse() {
	local file failed=0

	copy_sources
	kbuild C=2 CF=-Wsparse-error
	while read -r file; do
		grep -q "CHECK .*/$file\$" "$WORK/kbuild" || {
			echo "sparse did not look at $file"
			failed=1
		}
	done < <(files "$MODULE/*.c")
	return "$failed"
}

run_selftests() {
	local ksft=$KSRC/tools/testing/selftests

	make -C "$SELFTESTS" KSFT="$ksft" OUTPUT="$(mktemp -d -p "$WORK")" -j"$(nproc)" \
		KHDR_INCLUDES="-isystem $KDIR/usr/include -isystem $TOP/include/uapi" \
		USERCFLAGS='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror'
}

# One semantic patch at a time, with the options it asks for. The few that are
# written in OCaml would need a compiler for it.
cocci() { # FILE FOLDER
	local errors=$2/${1##*/} options

	grep -q '^virtual report' "$1" || return 0
	! grep -qE '^@(script|initialize):ocaml' "$1" || return 0
	options=$(sed -n 's,^// *Options: ,,p' "$1")
	# shellcheck disable=SC2086 # several options
	spatch -D report --no-show-diff --very-quiet --cocci-file "$1" $options \
		--dir "$TOP/$MODULE" 2>"$errors" || cat "$errors"
}

run_coccicheck() {
	export -f cocci
	export TOP MODULE WORK
	silent xargs -P "$(nproc)" -I{} bash -c 'cocci "$@"' - {} "$WORK" \
		< <(find "$KSRC/scripts/coccinelle" -name '*.cocci' | sort)
}

run_docs() { "$TOP/scripts/docs/build.sh" "$WORK/html"; }

# --- what is run, and when again ---

# What a check looks at, one file a line; nothing: it is quick, or keeps its own
# books
looks_at() { # CHECK
	case $1 in
	clang-format) c_files ;;
	shellcheck) shell_files && echo .shellcheckrc ;;
	qemu-checkpatch) files "$QEMU_FILES" ;;
	kernel-doc) kernel_files ;;
	uapi) echo "$HEADER" ;;
	docs) files Documentation README.md include drivers scripts/docs ;;
	build | sparse) files drivers include ;;
	coccicheck) files "$MODULE/*.[ch]" ;;
	selftests) files "$SELFTESTS" include/uapi ;;
	esac
}

run_check() { # CHECK
	local function=run_${1//-/_} sources result
	mapfile -t sources < <(looks_at "$1")
	if [ ${#sources[@]} -eq 0 ] || [ -n "${FRESH:-}" ]; then
		"$function"
		return
	fi
	sources+=("$TOP"/scripts/style*)
	result=$CACHE/style/$1-$({ echo "$KSRC $KSRC7 $KDIR" && key "${sources[@]}"; } |
		sha256sum | cut -c1-12)
	# The function fills nothing in: that it passed is all there is
	publish "$result" "$function"
	prune "$CACHE/style/$1-" "$result"
}

main() {
	local name

	[ $# -gt 0 ] || set -- "${CHECKS[@]}"
	kernel_src 7
	KSRC7=$KSRC
	kernel_build 6.12 plain
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT

	for name; do
		declare -F "run_${name//-/_}" >/dev/null || die "no check $name: ${CHECKS[*]}"
		check "$name" run_check "$name"
	done
	summary
}

main "$@"
