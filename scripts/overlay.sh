#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Lay the repository into a kernel source tree: overlay.sh KSRC
#
# Adds the files below, one line to drivers/iommu/Kconfig and one to
# drivers/iommu/Makefile. Running it again updates the tree; a file that has
# left the repository leaves the tree too. The list of what was laid is kept
# in the tree, in .vtd_shadow.overlay.

set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)

# What goes into the tree. The test bed in qemu/ drives the repository's own
# scripts and has no place in a kernel tree.
ROOMS=(
	drivers/iommu/vtd_shadow
	include/linux/vtd_shadow.h
	include/uapi/linux/vtd_shadow.h
	Documentation/vtd_shadow.rst
	tools/testing/selftests/vtd_shadow
	':!tools/testing/selftests/vtd_shadow/qemu'
)
# Folders that receive something, hence must be writable.
HOMES=(. drivers/iommu include/linux include/uapi/linux Documentation tools/testing/selftests)
MAKEFILE_LINE='obj-$(CONFIG_VTD_SHADOW) += vtd_shadow/'
KCONFIG_LINE='source "drivers/iommu/vtd_shadow/Kconfig"'
# The Kconfig line follows this one, inside the menu "IOMMU Hardware Support".
KCONFIG_ANCHOR='source "drivers/iommu/iommufd/Kconfig"'

added=0 updated=0 removed=0

die() {
	echo "overlay: $*" >&2
	exit 1
}

# kernel_value NAME - a value of the tree's top Makefile, 0 if there is none
kernel_value() {
	awk -v name="$1" '$1 == name && $2 == "=" { v = $3; exit } END { print v + 0 }' \
		"$KSRC/Makefile"
}

check_tree() {
	local home version patchlevel

	[[ -d $KSRC ]] || die "$KSRC is not a folder"
	[[ -f $KSRC/Makefile && -f $KSRC/drivers/iommu/iommu.c ]] ||
		die "$KSRC is not a kernel source tree"

	version=$(kernel_value VERSION)
	patchlevel=$(kernel_value PATCHLEVEL)
	((version > 6 || (version == 6 && patchlevel >= 12))) ||
		die "$KSRC is Linux $version.$patchlevel; 6.12 or newer is needed"

	for home in "${HOMES[@]}"; do
		[[ -w $KSRC/$home ]] || die "no permission to write to $KSRC/$home"
	done
	grep -qxF "$KCONFIG_ANCHOR" "$KSRC/drivers/iommu/Kconfig" ||
		die "$KSRC/drivers/iommu/Kconfig has no line '$KCONFIG_ANCHOR'"
}

# The repository's files, without what a build left there.
list_files() {
	local file

	git -C "$TOP" ls-files --cached --others --exclude-standard -- "${ROOMS[@]}" |
		while read -r file; do
			[[ ! -f $TOP/$file ]] || echo "$file"
		done | sort -u
}

# put FILE - copy one file unless the tree has it already. The old file is
# replaced, never written to: it may be hard-linked into another tree.
put() {
	local from=$TOP/$1 to=$KSRC/$1

	if [[ ! -e $to ]]; then
		added=$((added + 1))
	elif cmp -s "$from" "$to"; then
		return
	else
		updated=$((updated + 1))
	fi
	mkdir -p "$(dirname "$to")"
	cp --remove-destination --preserve=mode "$from" "$to"
}

# drop FILE - remove one file, and its folder when that is empty now
drop() {
	[[ -e $KSRC/$1 ]] || return 0
	rm "$KSRC/$1"
	rmdir --ignore-fail-on-non-empty -p "$(dirname "$KSRC/$1")"
	removed=$((removed + 1))
}

# rewrite FILE AWK-ARGUMENTS... - replace the file by what awk makes of it
rewrite() {
	local file=$1

	shift
	awk "$@" "$file" >"$file.vtd_shadow"
	chmod --reference="$file" "$file.vtd_shadow"
	mv "$file.vtd_shadow" "$file"
	echo "overlay: one line added to ${file#"$KSRC"/}"
}

add_lines() {
	local kconfig=$KSRC/drivers/iommu/Kconfig makefile=$KSRC/drivers/iommu/Makefile

	grep -qxF "$KCONFIG_LINE" "$kconfig" ||
		rewrite "$kconfig" -v line="$KCONFIG_LINE" -v anchor="$KCONFIG_ANCHOR" \
			'{ print } $0 == anchor { print line }'
	grep -qxF "$MAKEFILE_LINE" "$makefile" ||
		rewrite "$makefile" -v line="$MAKEFILE_LINE" '{ print } END { print line }'
}

main() {
	local file files list

	[[ $# == 1 && -n $1 ]] || die "usage: overlay.sh KSRC (or: make overlay KSRC=...)"
	KSRC=${1%/}
	check_tree

	list=$KSRC/.vtd_shadow.overlay
	files=$(list_files)
	[[ -n $files ]] || die "$TOP is not a git work tree with the driver in it"

	touch "$list"
	while read -r file; do
		grep -qxF "$file" <<<"$files" || drop "$file"
	done <"$list"
	# Before the first copy, so that an interrupted run is known to the next.
	echo "$files" >"$list"
	while read -r file; do
		put "$file"
	done <<<"$files"
	add_lines
	echo "overlay: $KSRC: $added files added, $updated updated, $removed removed"
}

main "$@"
