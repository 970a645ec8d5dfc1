#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the commands of Documentation/admin-guide/vtd_shadow_operate.rst in an emulated host
# with the tools of Debian, as qemu/operate-init of the selftests tells: an unprivileged
# VMM, limits, an upgrade that is refused, a crash kernel. Serves check.sh.
#
# KERNEL is 6.12 by default.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/document.sh
source "$TOP/scripts/lib/document.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

DOCUMENT=$TOP/Documentation/admin-guide/vtd_shadow_operate.rst
PROGRAMS=(/usr/bin/kmod /usr/bin/fuser /usr/bin/setpriv /usr/bin/prlimit /usr/sbin/kexec)

# What a crash kernel boots has no module of ours, nor VFIO.
crash_initramfs() { # FILE
	base_initramfs "$RUN/crash" "$SELFTESTS/qemu/operate-init" "$RUN/modules" nvme
	rm "$RUN"/crash/modules/v{fio,td}*
	pack_initramfs "$RUN/crash" "$1"
}

fill_root() { # ROOT
	local root=$1 release
	release=$(<"$KDIR/include/config/kernel.release")
	mkdir -p "$root"/{tools,boot,etc,"lib/modules/$release"}
	cp "${PROGRAMS[@]}" "$TESTS/vtd_shadow_hold" "$root/tools"
	ln -s kmod "$root/tools/modprobe"
	ln -s kmod "$root/tools/depmod"
	copy_libraries "$root" "${PROGRAMS[@]}"
	cp "$RUN"/modules/*.ko "$root/lib/modules/$release/"
	# depmod misses them
	touch "$root/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}
	echo 'guest1:x:1001:1001::/:/bin/sh' >"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'guest1:x:1001:' 'vtd_shadow:x:1002:' >"$root/etc/group"
	document_commands "$DOCUMENT" "$root/commands"
	cp "$KDIR/arch/x86/boot/bzImage" "$root/boot/crash"
	crash_initramfs "$root/boot/initramfs"
}

add_devices() {
	add_ports 2
	truncate -s 64M "$RUN/disk"
	ARGS+=(-device 'edu,dma_mask=0xffffffffffffffff,bus=rp1'
		-drive "if=none,id=disk,format=raw,file=${RUN//,/,,}/disk"
		-device 'nvme,bus=rp2,serial=vtd_shadow,drive=disk')
}

boot() {
	IMAGE=$KDIR/arch/x86/boot/bzImage
	collect_modules "$RUN/modules"
	base_initramfs "$RUN/root" "$SELFTESTS/qemu/operate-init" "$RUN/modules"
	rm -rf "$RUN/root/modules"/*.ko
	fill_root "$RUN/root"
	pack_initramfs "$RUN/root" "$RUN/initramfs"
	HOST=intel set_host
	start_machine 2G crashkernel=256M
	add_devices
	run_to_end operate
	rm -rf "$RUN"/{modules,initramfs,disk}
}

# The end of init, on purpose, is the crash. It must be there, and is nothing to complain of.
take_crash_out() {
	local log=$RUN/console.log
	cp "$log" "$RUN/console-with-crash.log"
	grep -q 'Attempted to kill init' "$log" || fail "$NAME" "the host did not crash"
	sed -i '/Kernel panic - not syncing: Attempted to kill init/,/Linux version/d' "$log"
}

HOST=intel
# It takes a minute. One that hangs is seen soon.
TIMEOUT=600
name_run "" operate "${KERNEL:-6.12}" plain
qemu_emulator
host_build "${KERNEL:-6.12}" plain
tests_build vtd_shadow_hold
open_run
step "run $NAME" boot
take_crash_out
judge "$NAME" 0
summary
