#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make modules: builds them against a prepared kernel of the user's.
#
#   modules.sh KDIR    results in out/modules/

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"

main() { # KDIR
	local kdir dest
	[ -n "${1:-}" ] || die "usage: make modules KDIR=<kernel build directory>"
	kdir=$(realpath -m "$1")
	check_kernel "$kdir"
	dest=$OUT/modules/$(<"$kdir/include/config/kernel.release")
	rm -rf "$dest"
	copy_modules "$dest/build"
	step "build modules for $kdir" make_modules "$kdir" "$dest/build"
	mv "$dest/build/$MODULE_DIR"/*.ko "$dest"
	rm -rf "$dest/build"
	ls "$dest"/*.ko
}

main "$@"
