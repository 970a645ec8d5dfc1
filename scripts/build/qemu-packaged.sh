# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The QEMU that Debian ships, for who cannot wait for a build: 10.0 or newer, in Debian 12
# from the backports. It loses an interrupt of the host or aborts now and then (see
# qemu.sh), so nothing but the first demo runs on it.
#
# Sourced by demo.sh and bed.sh; it gives qemu_packaged, which sets QEMU.

# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

PACKAGED_QEMU=(qemu-system-x86 qemu-system-data seabios)

have_packaged_qemu() {
	[ -z "$(missing "${PACKAGED_QEMU[@]}")" ] &&
		dpkg --compare-versions "$(dpkg-query -W -f '${Version}' qemu-system-x86)" ge 1:10
}

install_packaged_qemu() {
	if [ "$DEBIAN" = bookworm ]; then
		with_suite bookworm-backports
		apt "${APT_OPTIONS[@]}" install --no-install-recommends -t bookworm-backports \
			"${PACKAGED_QEMU[@]}"
	else
		apt install --no-install-recommends "${PACKAGED_QEMU[@]}"
	fi
}

qemu_packaged() { # sets QEMU
	if ! have_packaged_qemu; then
		prepare_root
		step "install Debian's QEMU" install_packaged_qemu
	fi
	# shellcheck disable=SC2034  # for who sources this
	QEMU=/usr/bin/qemu-system-x86_64
}
