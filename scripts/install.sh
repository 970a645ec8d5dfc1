#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make install: modules, tools, manual pages, udev rule and group, without a package.
#
#   install.sh install     for the kernel RELEASE, by default the running one
#   install.sh remove      all of it, for that kernel
#
# In the environment: RELEASE; DESTDIR, where somebody makes a package of it: then there is
# no group, and depmod does not run.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"

RELEASE=${RELEASE:-$(uname -r)}
DESTDIR=${DESTDIR:-}
MODULES_TO=$DESTDIR/lib/modules/$RELEASE/updates/vtd-shadow

# What packaging/Makefile installs, beside vtd_shadow_try
TOOL_FILES=(/usr/sbin/vtd_shadow_{bind,doctor,stat}
	/usr/share/man/man8/vtd_shadow_{bind,doctor,stat}.8
	/lib/udev/rules.d/60-vtd-shadow.rules /etc/modprobe.d/vtd-shadow.conf)

# The modules are not of the host when they are for a package.
settle() {
	[ -z "$DESTDIR" ] || return 0
	as_root depmod "$RELEASE"
	! command -v udevadm >/dev/null || as_root udevadm control --reload || true
}

# Sets STAT to what packaging/Makefile builds of it: nothing without what it needs
choose_stat() {
	STAT=stat
	command -v rst2man >/dev/null && echo '#include <curses.h>' | cc -E - >/dev/null 2>&1 ||
		STAT=
	[ -n "$STAT" ] || echo "vtd_shadow_stat is left out: it needs ncurses and rst2man" \
		"(libncurses-dev and python3-docutils, by Debian's names)"
}

install_all() {
	local build STAT
	choose_stat
	build=$(mktemp -d)
	copy_modules "$build"
	step "build modules for $RELEASE" make_modules "/lib/modules/$RELEASE/build" "$build" \
		CONFIG_VTD_SHADOW_KUNIT_TEST=n
	as_root install -d "$MODULES_TO"
	as_root install -m 644 "$build/$MODULE_DIR"/*.ko "$MODULES_TO"
	step "build tools" make -C "$TOP/packaging" tools "O=$build" "STAT=$STAT"
	as_root make -s -C "$TOP/packaging" install-tools "O=$build" "STAT=$STAT" \
		"DESTDIR=$DESTDIR"
	rm -rf "$build"
	[ -n "$DESTDIR" ] || getent group vtd_shadow >/dev/null || as_root groupadd -r vtd_shadow
	settle
	echo "installed for $RELEASE; vtd_shadow_doctor tells what else it takes"
}

remove_all() {
	as_root rm -rf "$MODULES_TO" "$DESTDIR/usr/libexec/vtd-shadow"
	[ ! -d "${MODULES_TO%/*}" ] ||
		as_root rmdir --ignore-fail-on-non-empty "${MODULES_TO%/*}"
	as_root rm -f "${TOOL_FILES[@]/#/$DESTDIR}"
	[ -n "$DESTDIR" ] || ! getent group vtd_shadow >/dev/null || as_root groupdel vtd_shadow
	settle
}

case ${1:-} in
install)
	check_kernel "/lib/modules/$RELEASE/build"
	install_all
	;;
remove) remove_all ;;
*) die "usage: make install, or make uninstall" ;;
esac
