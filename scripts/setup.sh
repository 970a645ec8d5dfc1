#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what the test bed needs on a machine with Debian 12 or 13: packages, and the
# newest linux-source-7.* of Debian 13's backports (downloaded into the cache, not
# installed). Does nothing, and needs neither root nor the network, when all of it is
# there.
#
#   setup.sh         for everything
#   setup.sh demo    for make demo: packages alone, and few
#
# REFRESH=1 looks for a newer linux-source-7.*.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

KERNEL7_SUITE=trixie-backports
PACKAGES=(
	"${DEMO_PACKAGES[@]}"
	# kernels
	bc bison flex libssl-dev linux-source-6.12 perl
	# guests in the emulated host
	kexec-tools libaio-dev psmisc
	# the fuzzer: libFuzzer and the sanitizers of clang
	libclang-rt-dev
	# style gate and documentation
	clang clang-format coccinelle codespell g++ gcc-multilib graphviz libpython3-dev
	libvirt-clients python3-docutils python3-sphinx shellcheck sparse universal-ctags
	# what watches units
	libncurses-dev tmux
)

# fetch_kernel7 DIRECTORY: the package of the newest 7.x source goes there
fetch_kernel7() {
	local package
	with_suite "$KERNEL7_SUITE"
	package=$(apt-cache "${APT_OPTIONS[@]}" pkgnames linux-source-7 |
		grep -x 'linux-source-7\.[0-9]*' | sort -V | tail -n 1)
	cd "$1"
	apt "${APT_OPTIONS[@]}" download "$package"
}

main() { # [demo]
	local wanted kernel7=$CACHE/linux-source-7
	if [ "${1:-}" = demo ]; then
		SPACE=6 need "what the demo needs" "${DEMO_PACKAGES[@]}"
		return
	fi
	mapfile -t wanted < <(missing "${PACKAGES[@]}")
	[ -z "${REFRESH:-}" ] || rm -rf "$kernel7"
	if [ ${#wanted[@]} -eq 0 ] && [ -d "$kernel7" ]; then
		return
	fi
	prepare_root
	if [ ${#wanted[@]} -gt 0 ]; then
		step "install ${#wanted[@]} packages" install_packages "${wanted[@]}"
	elif [ -z "$(debian_entries)" ]; then
		step "update the package lists" update_lists
	fi
	publish "$kernel7" step "download the newest linux-source-7" fetch_kernel7
}

main "$@"
