# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A small Debian in a folder, into which tests install packages. Sourced by
# test/package-test.sh and test/bare-test.sh, which have sourced packages.sh.
#
#   chroot_unpack DIRECTORY PACKAGE...    makes the folder, with these packages; sets ROOT.
#                                         CHROOT_SUITE names another release of Debian
#   inside COMMAND...                     runs it in ROOT
#
# It uses WORK, a folder that the caller removes in the end.

CHROOT_SUITE=${CHROOT_SUITE:-$DEBIAN}

# Debian with CHROOT_PACKAGES, as an archive. Another release has the same parts as this one.
chroot_make() { # DIRECTORY
	local uri release where
	with_own_suites
	while IFS='|' read -r uri release where _; do
		echo "deb $(signed_by "$where") $uri ${release/$DEBIAN/$CHROOT_SUITE} main"
	done < <(debian_entries) >"$WORK/sources.list"
	as_root mmdebstrap --quiet --variant=minbase --skip=check/empty \
		--include="$(IFS=, && echo "${CHROOT_PACKAGES[*]}")" \
		"$CHROOT_SUITE" "$1/root.tar" "$WORK/sources.list"
}

chroot_unpack() {
	local made
	ROOT=$1
	shift
	CHROOT_PACKAGES=("$@")
	made=$CACHE/package-root/$CHROOT_SUITE-$(sha256sum <<<"$*" | cut -c1-12)
	publish "$made" step "make a small Debian" chroot_make
	prune "$CACHE/package-root/" "$made"
	mkdir "$ROOT"
	as_root tar -xpf "$made/root.tar" -C "$ROOT"
}

# It sees the cache with kernels in it. It has device nodes of its own: those of the machine
# are none of its business.
inside() {
	as_root unshare --mount bash -euc '
		root=$1 cache=$2
		shift 2
		mount --make-rprivate /
		mount -t proc none "$root/proc"
		mkdir -p "$root$cache"
		mount --bind "$cache" "$root$cache"
		mount -o remount,bind,ro "$root$cache"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive "$@"' \
		inside "$ROOT" "$CACHE" "$@" </dev/null
}
