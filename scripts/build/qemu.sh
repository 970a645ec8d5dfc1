# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# QEMU, built from Debian's source package in the cache, once: it emulates the host, and
# in the host it is the VMM of guests. The series in integration/qemu makes it use
# vtd_shadow. Another one, in emulator/ there, repairs mistakes of its emulation: the
# packaged ones lose interrupts of the host or abort when devices are reset, lose virtual
# machines of the host, and let devices through an AMD unit.
#
# Sourced by whatever boots the emulated host, and by vmm.sh:
#
#   qemu_build       sets QEMU
#   qemu_emulator    sets QEMU to any build that emulates the same
#
# For what only emulates a host it does not matter which integration a build has: an edit
# of the header of the interface, which is part of it, makes no one wait for another one.

# shellcheck source=scripts/build/qemu-source.sh
source "$TOP/scripts/build/qemu-source.sh"

QEMU_RELEASE=10.2

# Only the devices that the tests use, and as few libraries as that takes: the build is
# waited for in the first run, and the program is copied into the emulated host with all
# that it loads. A static one would load no plugins. Without PIE the addresses that nm
# tells of the VMM are those in memory, which is what the plugins look for. The list of
# devices has its name in the key, too: wherever else it went, QEMU would be built anew.
QEMU_DEVICES=$TOP/scripts/qemu-devices.mak
QEMU_CONFIGURE=(--disable-pie --extra-ldflags=-no-pie --disable-debug-info
	--without-default-devices --with-devices-x86_64=vtd_shadow --enable-plugins
	--enable-slirp --enable-kvm --enable-vhost-kernel --enable-vhost-net)

# In the source. The series adds one of the symbols.
qemu_choose_devices() {
	local list=configs/devices/x86_64-softmmu/vtd_shadow.mak
	cp "$QEMU_DEVICES" "$list"
	grep -q '^config VTD_SHADOW' hw/i386/Kconfig || sed -i /VTD_SHADOW/d "$list"
}

prepare_qemu() {
	qemu_integrate "$QEMU_RELEASE" emulator
	qemu_choose_devices
}

qemu_newest() { # sets QEMU_TARBALL and QEMU_VERSION
	local QEMU_FROM=(sid) QEMU_MIN=1:10.2 QEMU_MAX=1:10.3
	qemu_source qemu-source
}

# What builds have in common that emulate the same; sets BASE
qemu_base() {
	qemu_newest
	BASE=$CACHE/qemu/$QEMU_VERSION-$({
		echo "${QEMU_COMMON[*]} ${QEMU_CONFIGURE[*]}"
		key "$QEMU_DEVICES"
		series_key "$QEMU_RELEASE" emulator
	} | sha256sum | cut -c1-12)
}

qemu_emulator() { # sets QEMU
	local BASE QEMU_TARBALL QEMU_VERSION
	qemu_base
	QEMU=$(compgen -G "$BASE-*/qemu-system-x86_64" | head -n 1) || qemu_build
}

qemu_build() { # sets QEMU
	local QEMU_OPTIONS=("${QEMU_CONFIGURE[@]}") BASE QEMU_TARBALL QEMU_VERSION dir
	qemu_base
	dir=$BASE-$(series_key "$QEMU_RELEASE")
	qemu_publish "$dir" "QEMU $QEMU_VERSION" prepare_qemu
	prune "$CACHE/qemu/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	QEMU=$dir/qemu-system-x86_64
}
