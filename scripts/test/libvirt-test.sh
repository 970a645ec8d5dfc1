#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# libvirt starts a guest in an emulated host: the domain of
# Documentation/admin-guide/vtd_shadow_qemu.rst, with what the document leaves to the
# reader (see domain_edits), and an assigned disk that the guest reads. Serves check.sh.
#
# KERNEL is 6.12 by default, VMM as in guest.sh.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=scripts/build/libvirt.sh
source "$TOP/scripts/build/libvirt.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

DOCUMENT=$TOP/Documentation/admin-guide/vtd_shadow_qemu.rst

# The path of the VMM, less memory, what the guest boots, a console, where the firmware is;
# and no controller that libvirt adds and this VMM does not have
domain_edits() {
	local boot='<kernel>/boot/bzImage</kernel><initrd>/boot/guest</initrd>'
	boot+="<cmdline>$KERNEL_ARGS intel_iommu=on</cmdline>"
	cat <<-END
		s,<emulator>.*</emulator>,<emulator>/usr/bin/qemu</emulator>,
		s,<memory .*</memory>,<memory unit='MiB'>512</memory>,
		s,</type></os>,</type>$boot</os>,
		s,</devices>,<serial type='file'><source path='/tmp/console'/></serial>&,
		s,</devices>,<controller type='usb' model='none'/><memballoon model='none'/>&,
		s,<qemu:commandline>,&<qemu:arg value='-L'/><qemu:arg value='/usr/share/qemu'/>,
	END
}

domain() {
	sed -n '/^   <domain /,/^   <\/domain>/p' "$DOCUMENT" | sed "$(domain_edits)"
}

fill_root() { # ROOT
	local root=$1
	mkdir -p "$root"/{boot,usr/bin,usr/share/qemu,etc}
	cp "$VMM_PROGRAM" "$root/usr/bin/qemu"
	cp "${VMM_FIRMWARE[@]}" "$root/usr/share/qemu"
	cp "$TESTS/vtd_shadow_stats" "$root/bin"
	copy_libraries "$root" "$VMM_PROGRAM"
	libvirt_fill "$root"
	printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'libvirt-qemu:x:64055:64055::/:/bin/sh' \
		>"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'libvirt-qemu:x:64055:' 'kvm:x:104:' >"$root/etc/group"
	domain >"$root/domain.xml"
	cp "$KDIR/arch/x86/boot/bzImage" "$root/boot"
	base_initramfs "$RUN/guest" "$SELFTESTS/qemu/libvirt-guest-init" "$RUN/modules" nvme
	find "$RUN/guest/modules" -name '*.ko' ! -name 'nvme*' -delete
	pack_initramfs "$RUN/guest" "$root/boot/guest"
}

boot() {
	IMAGE=$KDIR/arch/x86/boot/bzImage
	collect_modules "$RUN/modules"
	base_initramfs "$RUN/root" "$SELFTESTS/qemu/libvirt-init" "$RUN/modules" vfio_pci \
		vfio_iommu_type1 vtd_shadow_vfio_pci kvm_amd
	fill_root "$RUN/root"
	pack_initramfs "$RUN/root" "$RUN/initramfs"
	head -c 16M /dev/urandom >"$RUN/disk"
	set_host
	start_machine 4G "VTD_SUM=$(sha256sum <"$RUN/disk" | cut -d' ' -f1)"
	add_ports 1
	ARGS+=(-drive "if=none,id=disk,format=raw,file=${RUN//,/,,}/disk"
		-device 'nvme,bus=rp1,serial=vtd_shadow,drive=disk')
	run_to_end libvirt
	rm -rf "$RUN"/{modules,initramfs,disk}
}

HOST=intel
TIMEOUT=1200
name_run "" libvirt "${KERNEL:-6.12}" plain
vmm_build
qemu_build
host_build "${KERNEL:-6.12}" plain
tests_build vtd_shadow_stats
libvirt_build
open_run
step "run $NAME" boot
judge "$NAME" 0
summary
