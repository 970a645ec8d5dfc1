#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests what the packages install on a host that runs, the emulated one with 6.12: the
# modules that DKMS built load, the demo runs on them, vtd_shadow_doctor finds the host ready,
# vtd_shadow_bind gives devices and takes them back, and refuses what is in use.
#
#   package-boot-test.sh MODULES TOOLS    the modules, and where a package was unpacked
#   package-boot-test.sh MODULES          for 7.x with sanitizers: the demo alone

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

BUILT=$1 TOOLS=${2:-}

# Debian's shell, kmod and udevadm with their libraries, the modules where modprobe finds them, the
# tools where the package puts them
fill_root() { # ROOT
	local root=$1 release base tool
	release=$(<"$KDIR/include/config/kernel.release")
	base=$root/lib/modules/$release
	mkdir -p "$root"/{kmod,boot,tests} "$base/updates/dkms" \
		"$root"/{etc,lib/udev}
	cp "$(command -v kmod)" "$(command -v dash)" "$(command -v udevadm)" "$root/kmod/"
	# Not in PATH: most of the tests do without it
	mkdir "$root/driverctl"
	cp "$(command -v driverctl)" "$root/driverctl"
	cp "$(command -v bash)" "$root/bin"
	for tool in modprobe depmod; do
		ln -s kmod "$root/kmod/$tool"
	done
	copy_libraries "$root" "$root"/{kmod/{kmod,dash,udevadm},bin/bash} \
		"$TOOLS/usr/libexec/vtd-shadow/vtd_shadow_try" "$TOOLS/usr/sbin/vtd_shadow_stat"
	cp -r "$RUN/modules" "$base/kernel"
	cp "$KDIR"/modules.{order,builtin,builtin.modinfo} "$base"
	cp "$BUILT"/*.ko "$base/updates/dkms"
	cp "$KDIR/.config" "$root/boot/config-$release"
	cp -r "$TOOLS/usr" "$root"
	cp -r "$TOOLS/lib/udev/rules.d" "$root/lib/udev"
	printf '%s\n' root:x:0: vtd_shadow:x:777: >"$root/etc/group"
	cp "$TESTS"/vtd_shadow_{demo,hold} "$root/tests/"
}

add_devices() {
	local i port="bus=functions,addr=0"
	add_ports 3
	ARGS+=(-device 'edu,dma_mask=0xffffffffffffffff,bus=rp1'
		-device 'edu,dma_mask=0xffffffffffffffff,bus=rp2'
		-device 'igb,bus=rp3,romfile='
		-device 'pcie-root-port,id=functions,slot=20,chassis=20')
	for i in 0 1; do
		truncate -s 64M "$RUN/disk$i"
		ARGS+=(-drive "if=none,id=disk$i,format=raw,file=${RUN//,/,,}/disk$i"
			-device "nvme,$port.$i,multifunction=on,serial=disk$i,drive=disk$i")
	done
}

boot_package() {
	kernel_modules "$RUN/modules"
	base_initramfs "$RUN/root" "$SELFTESTS/qemu/package-init" "$RUN/modules"
	fill_root "$RUN/root"
	pack_initramfs "$RUN/root" "$RUN/initramfs"
	set_host
	start_machine 2G ""
	add_devices
	run_to_end package
	rm -rf "$RUN"/{modules,initramfs,disk?}
}

test_package() {
	kernel_build 6.12 plain
	tests_build vtd_shadow_demo vtd_shadow_hold
	RUN=$OUT/run/package IMAGE=$KDIR/arch/x86/boot/bzImage
	open_run
	step "run package" boot_package
	judge package 0
}

test_demo() {
	local faults
	kernel_build 7 debug
	tests_build vtd_shadow_demo
	# shellcheck disable=SC2034 # for boot_host
	MODULES=$BUILT
	name_run package- demo 7 debug
	open_run
	step "run $NAME" boot_host qemu demo
	faults=$(boot_faults)
	if [ -z "$faults" ]; then
		pass "package: the demo on what DKMS built for 7.x"
	else
		fail "package: the demo on what DKMS built for 7.x" "${faults//$'\n'/; }"
	fi
}

qemu_emulator
if [ -n "$TOOLS" ]; then test_package; else test_demo; fi
summary
