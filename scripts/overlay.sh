#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Lay the repository into a kernel source tree: overlay.sh KSRC
#
# Adds the files below, one line to each file of the tree that has to know
# them, and the entry in MAINTAINERS. Running it again updates the tree; a file
# that has left the repository leaves the tree too. The list of what was laid
# is kept in the tree, in .vtd_shadow.overlay.

set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)

# What goes into the tree. The test bed in qemu/ drives the repository's own
# scripts and has no place in a kernel tree.
ROOMS=(
	drivers/iommu/vtd_shadow
	include/linux/vtd_shadow.h
	include/uapi/linux/vtd_shadow.h
	Documentation
	tools/testing/selftests/vtd_shadow
	':!tools/testing/selftests/vtd_shadow/qemu'
	tools/vtd_shadow
)
# Folders that receive something, hence must be writable.
HOMES=(. drivers/iommu include/linux include/uapi/linux tools tools/testing/selftests
	Documentation Documentation/{admin-guide,dev-tools,driver-api,userspace-api})
IOMMU=drivers/iommu
# What the tree's own files get: FILE|LINE|the line that it follows. Without the last,
# LINE goes to the end.
HOOKS=(
	'drivers/iommu/Makefile|obj-$(CONFIG_VTD_SHADOW) += vtd_shadow/|'
	# Inside the menu "IOMMU Hardware Support"
	"$IOMMU/Kconfig|source \"$IOMMU/vtd_shadow/Kconfig\"|source \"$IOMMU/iommufd/Kconfig\""
	'Documentation/subsystem-apis.rst|   vtd_shadow|   virt/index'
	'Documentation/admin-guide/index.rst|   vtd_shadow|   video-output'
	'Documentation/dev-tools/index.rst|   vtd_shadow|   kunit/index'
	'Documentation/driver-api/index.rst|   vtd_shadow|   vfio'
	'Documentation/userspace-api/index.rst|   vtd_shadow|   iommufd'
)
# After this line the entries of MAINTAINERS begin.
MAINTAINERS_LIST='Maintainers List'

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
	local home version patchlevel hook file anchor

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
	for hook in "${HOOKS[@]}" "MAINTAINERS||$MAINTAINERS_LIST"; do
		IFS='|' read -r file _ anchor <<<"$hook"
		[[ -z $anchor ]] || grep -sqxF "$anchor" "$KSRC/$file" ||
			die "$KSRC/$file has no line '$anchor'"
	done
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

# rewrite FILE AWK-ARGUMENTS... - replace the tree's file by what awk makes of it,
# unless that is the same
rewrite() {
	local file=$KSRC/$1

	shift
	LC_ALL=C awk "$@" "$file" >"$file.vtd_shadow"
	if cmp -s "$file" "$file.vtd_shadow"; then
		rm "$file.vtd_shadow"
		return
	fi
	chmod --reference="$file" "$file.vtd_shadow"
	mv "$file.vtd_shadow" "$file"
	echo "overlay: ${file#"$KSRC"/} knows vtd_shadow"
}

add_lines() {
	local hook file line anchor

	for hook in "${HOOKS[@]}"; do
		# IFS keeps the blanks at the beginning of a line.
		IFS='|' read -r file line anchor <<<"$hook"
		! grep -qxF "$line" "$KSRC/$file" || continue
		rewrite "$file" -v line="$line" -v anchor="$anchor" '
			{ print }
			anchor != "" && $0 == anchor { print line }
			END { if (anchor == "") print line }'
	done
}

# The entry goes to its alphabetical place, and an older one goes away. An entry begins
# with its name, the first line after an empty one.
add_maintainers() {
	local entry name

	entry=$(sed '1,/^$/d' "$TOP/MAINTAINERS")
	name=${entry%%$'\n'*}
	rewrite MAINTAINERS -v entry="$entry" -v name="$name" -v list="$MAINTAINERS_LIST" '
		$0 == list { in_list = 1 }
		in_list && empty && /^[0-9A-Z]/ {
			old = $0 == name
			if (!done && !old && $0 > name && $0 != list) {
				print entry "\n"
				done = 1
			}
		}
		{ empty = $0 == "" }
		!old { print }'
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
	add_maintainers
	echo "overlay: $KSRC: $added files added, $updated updated, $removed removed"
}

main "$@"
