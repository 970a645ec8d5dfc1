#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Write the driver as a series of patches against the newest 7.x, as git format-patch
# does: patches.sh [FOLDER], by default out/patches
#
# What overlay.sh lays is split as patches/series.toml says, without what serves other
# kernels. test/patches-test.sh applies and builds the series.

source "$(dirname "$0")/lib/common.sh"
source "$TOP/scripts/build/kernel.sh"

# pristine FOLDER: the kernel's files that overlay.sh looks at, and that get a line
pristine() {
	local file

	mkdir -p "$1"/{include/{linux,uapi/linux},tools/testing/selftests}
	for file in Makefile MAINTAINERS drivers/iommu/{iommu.c,Kconfig,Makefile} \
		Documentation/{subsystem-apis.rst,{admin-guide,dev-tools,driver-api}/index.rst} \
		Documentation/userspace-api/index.rst tools/testing/selftests/Makefile; do
		mkdir -p "$1/$(dirname "$file")"
		cp "$KSRC/$file" "$1/$file"
	done
}

# Who sends them is for git to know. Without, they have a name all the same.
name_author() {
	local name email when

	name=$(git -C "$TOP" config user.name || echo vtd_shadow)
	email=$(git -C "$TOP" config user.email || echo vtd_shadow@localhost)
	when=$(git -C "$TOP" log -1 --format=%cI 2>/dev/null || date -Iseconds)
	export GIT_{AUTHOR,COMMITTER}_NAME="$name" GIT_{AUTHOR,COMMITTER}_EMAIL="$email" \
		GIT_{AUTHOR,COMMITTER}_DATE="$when"
}

main() {
	local out=${1:-$OUT/patches} number

	kernel_src 7
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	pristine "$WORK/pristine"
	cp -r "$WORK/pristine" "$WORK/laid"
	"$TOP/scripts/overlay.sh" "$WORK/laid" >/dev/null
	name_author
	rm -f "$out"/*.patch
	/usr/bin/python3 "$TOP/scripts/patches/split.py" "$WORK/pristine" "$WORK/laid" "$out"
	number=$(find "$out" -name "*.patch" ! -name "0000-*" | wc -l)
	echo "series for ${KSRC##*/linux-}: $number patches in $out"
}

main "$@"
