#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# From a Debian as it is installed to a live view of a unit, by the commands of
# Documentation/admin-guide/vtd_shadow.rst alone: the packages with what they depend on, the
# modules for Debian's own kernel, a device, a VMM of an ordinary user, vtd_shadow_stat in a
# terminal, trace-cmd and perf by the commands of vtd_shadow_watch.rst, and removal. The
# packages are installed in a folder, which is then the disk of an emulated host: its kernel,
# its initramfs, systemd and udev are Debian's, and qemu/bare-tests runs there. Serves
# check.sh.
#
#   bare-test.sh [RELEASE...]    bookworm and trixie, unless named

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/document.sh
source "$TOP/scripts/lib/document.sh"
# shellcheck source=scripts/lib/chroot.sh
source "$TOP/scripts/lib/chroot.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/tests.sh
source "$TOP/scripts/build/tests.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

DOCUMENTS=("$TOP"/Documentation/admin-guide/vtd_shadow{,_watch}.rst)

# The kernel of a release: the newest one that has the version of its source. That of Debian
# 12 by default is too old.
kernel_package() { # sets KERNEL_PACKAGE
	KERNEL_PACKAGE=linux-image-amd64
	[ "$CHROOT_SUITE" = bookworm ] || return 0
	kernel_build debian plain
	KERNEL_PACKAGE=linux-image-$(<"$KDIR/include/config/kernel.release")
}

# In the folder, the commands that install: it does not run the kernel, and nobody answers apt
install_packages_there() {
	local file
	mkdir -p "$ROOT/packages"
	cp "$OUT"/packages/vtd-shadow-*_0.1_*.deb "$ROOT/packages"
	file=$ROOT/vtd_shadow/commands/bare-install
	# How this machine reaches its mirror
	cp /etc/resolv.conf "$ROOT/etc"
	cp -r /etc/apt/apt.conf.d "$ROOT/etc/apt"
	inside env RELEASE="$RELEASE" sh -euc "useradd -m guest1 && apt-get update && cd /packages
		$(sed 's/^apt install/& -y --no-install-recommends/' "$file")"
}

# What runs there once the system is up
fill_tests() {
	local dir=$ROOT/vtd_shadow document
	mkdir "$dir"
	for document in "${DOCUMENTS[@]}"; do
		document_commands "$document" "$dir/commands"
	done
	cp "$TESTS/vtd_shadow_hold" "$ROOT/usr/bin"
	cp "$SELFTESTS/qemu/lib.sh" "$dir"
	install -m 755 "$SELFTESTS/qemu/bare-tests" "$dir"
	cp "$SELFTESTS/qemu/bare.service" "$ROOT/etc/systemd/system"
	ln -s ../bare.service "$ROOT/etc/systemd/system/multi-user.target.wants"
}

pack_disk() {
	truncate -s 6G "$RUN/disk"
	as_root mke2fs -q -t ext4 -d "$ROOT" "$RUN/disk"
}

boot() {
	cp "$ROOT/boot/vmlinuz-$RELEASE" "$RUN/vmlinuz"
	cp "$ROOT/boot/initrd.img-$RELEASE" "$RUN/initramfs"
	IMAGE=$RUN/vmlinuz HOST=intel
	set_host
	start_machine 2G "root=/dev/vda rw"
	add_ports 1
	ARGS+=(-drive "if=virtio,format=raw,file=${RUN//,/,,}/disk"
		-device 'edu,dma_mask=0xffffffffffffffff,bus=rp1')
	run_to_end bare
	rm -f "$RUN"/{disk,initramfs,vmlinuz}
}

check() { # NAME COMMAND...
	local name="$NAME: $1"
	shift
	if step "$name" "$@"; then
		pass "$name"
	else
		fail "$name"
		return 1
	fi
}

# What an installer leaves, and what looks at the engine
test_release() {
	name_run "" bare "$CHROOT_SUITE" plain
	open_run
	kernel_package
	chroot_unpack "$WORK/$CHROOT_SUITE" "$KERNEL_PACKAGE" adduser kmod linux-perf \
		systemd-sysv tmux trace-cmd udev
	RELEASE=$(basename "$ROOT"/lib/modules/*)
	fill_tests
	check "the packages are installed" install_packages_there || return 0
	check "and are the disk of a host" pack_disk || return 0
	step "run $NAME" boot
	judge "$NAME" 0
	as_root rm -rf "$ROOT"
}

[ $# -gt 0 ] || set -- bookworm trixie
WORK=$(mktemp -d)
need "what builds a small Debian" mmdebstrap
trap 'as_root rm -rf "$WORK" ${LISTS:+"$LISTS"}' EXIT
qemu_emulator
kernel_build 6.12 plain
tests_build vtd_shadow_hold
bash "$TOP/scripts/package.sh" deb
for CHROOT_SUITE; do
	test_release
done
summary
