#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves that the series in integration/qemu are what a user, or a reviewer of QEMU, takes
# them for: the document's commands make a VMM of a release's tarball, QEMU builds after each
# patch and passes its own tests of the series, and the functional one also on a host with the
# module. An hour and more.
#
#   qemu-test.sh [RELEASE...]   10.2 and 10.0, unless named

source "$(dirname "$0")/../lib/common.sh"
source "$TOP/scripts/lib/check.sh"
source "$TOP/scripts/build/vmm.sh"

# shellcheck disable=SC2034  # for check.sh
SUITE=qemu
DOCUMENT=Documentation/admin-guide/vtd_shadow_qemu.rst

# Each patch builds. Tests of QEMU that this machine does not allow are told as skipped.
patches() { # RELEASE
	local name="each patch for $1" test reason
	check "$name" bash scripts/qemu-series.sh build "$1"
	while IFS=: read -r test reason; do
		skip "$SUITE: $1 $test" "${reason# }"
	done < <(sed -n 's/^left out: //p' "$LOGS/$SUITE-${name// /-}.log")
}

# The block of the document that begins with the release, as a script
documented() {
	awk '/^   release=/ { found = 1 } found && /^[^ ]/ { exit } found { print substr($0, 4) }' \
		"$TOP/$DOCUMENT"
}

# The tarball is Debian's, which has no firmware; all else is as a user types it.
as_documented() { # RELEASE
	local QEMU_TARBALL QEMU_VERSION
	vmm_source "$1"
	documented | sed "s|^release=.*|release=$QEMU_VERSION series=$1|
		s|^wget .*|cp '$QEMU_TARBALL' qemu-\$release.tar.xz|
		s|/path/to/vtd_shadow|$TOP|
		/^git am/a qemu_without_firmware
		s|^./configure .*|& --disable-install-blobs|"
}

follow_document() { # RELEASE
	local dir=$WORK/$1
	mkdir "$dir"
	as_documented "$1" >"$dir/commands"
	[ "$(grep -cE '^(tar|git am|./configure|make) ' "$dir/commands")" -eq 4 ]
	cd "$dir"
	# Debian's python, as users have it
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	export GIT_AUTHOR_NAME=user GIT_AUTHOR_EMAIL=user@localhost
	export GIT_COMMITTER_NAME=user GIT_COMMITTER_EMAIL=user@localhost
	set -x
	# shellcheck source=/dev/null
	source ./commands
	./build/qemu-system-x86_64 -device intel-iommu,help | grep vtd-shadow
}

main() { # [RELEASE...]
	local release
	[ $# -gt 0 ] || set -- "$QEMU_RELEASE" 10.0
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	need_qemu_packages
	for release; do
		patches "$release"
		check "the document's commands with $release" follow_document "$release"
		VMM=$release bash scripts/test/functional-test.sh || true
	done
	summary
}

main "$@"
