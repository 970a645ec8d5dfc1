#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests what is for Debian's own kernel: that a wrong build is refused, that modules are
# installed, work, and go without a trace, and that the engine works on that kernel,
# and that the documented commands lead to a guest.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/judge.sh
source "$TOP/scripts/lib/judge.sh"
# shellcheck source=scripts/lib/refuses.sh
source "$TOP/scripts/lib/refuses.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"
# shellcheck source=scripts/build/qemu.sh
source "$TOP/scripts/build/qemu.sh"
# shellcheck source=scripts/build/tests.sh
source "$TOP/scripts/build/tests.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

# Selftests for which a kernel that was configured by others matters most; and tracefs
PROGRAMS=map_leaf_test,map_superpage_test,map_flush_test
PROGRAMS+=,context_test,context_malformed_test,context_share_test,sandbox_test,watch_test

modules_debian() { env "$@" bash "$TOP/scripts/modules-debian.sh" build; }

# A module that is compiled as if the kernel had one option less than it has
wrong_module() { # DIRECTORY OPTION
	mkdir "$1/kdir" "$1/source"
	debian_kdir "$UNPACKED/root" "$RELEASE" "$UNPACKED/source" "$1/kdir"
	sed -i "/^#define CONFIG_$2 /d" "$1/kdir/include/generated/autoconf.h"
	printf '%s\n' '#include <linux/module.h>' 'MODULE_LICENSE("GPL");' \
		'MODULE_DESCRIPTION("Nothing");' >"$1/source/wrong.c"
	echo 'obj-m := wrong.o' >"$1/source/Kbuild"
	make -C "$1/kdir" M="$1/source" modules
}

test_layouts() {
	local dir
	dir=$(mktemp -d)
	step "build a module with another struct module" wrong_module "$dir" DEBUG_INFO_BTF_MODULES
	refuses "another struct module" "struct module" \
		in_shell debian_layouts "$KDIR/vmlinux" "$dir/source" \
		"$dir/source/wrong.ko"
	rm -rf "$dir"
}

# die ends the shell
in_shell() { ("$@"); }

test_sentences() {
	local dir
	dir=$(mktemp -d)
	refuses "a kernel that is not Debian's" "not a kernel of Debian" \
		modules_debian RELEASE=6.14.0-37-generic
	refuses "an old kernel" "older than 6.12" modules_debian RELEASE=6.1.0-40+deb12-amd64
	cp "$KSRC/drivers/iommu/iommufd/"*.c "$dir"
	sed -i 's/device_iommu_capable(\(.*DIRTY\)/another_question(\1/' "$dir/hw_pagetable.c"
	refuses "dirty tracking asked for in another way" "in a new way" \
		in_shell check_dirty "$dir"
	rm -rf "$dir"
}

# kmod and its libraries, the stock VFIO in its place, what would be installed
fill_root() { # ROOT
	local root=$1 base=lib/modules/$RELEASE tool
	mkdir -p "$root"/{kmod,built,tests} "$root/$base"
	cp "$(command -v kmod)" "$(command -v dash)" "$root/kmod/"
	for tool in modprobe depmod modinfo rmmod insmod lsmod; do
		ln -s kmod "$root/kmod/$tool"
	done
	copy_libraries "$root" "$root/kmod/kmod" "$root/kmod/dash"
	(cd "$STOCK" && find . \( -path '*/drivers/vfio/*' -o -name 'irqbypass.ko*' \
		-o -name 'modules.*' \) -type f -print0 | cpio --quiet -0 -pdm "$root/$base")
	cp "$KDIR"/modules/{iommufd,vfio*}.ko "$MODULES"/*.ko "$root/built/"
	cp "$TOP/scripts/install-debian.sh" "$root/install.sh"
	cp "$TESTS"/vtd_shadow_{demo,type1} "$root/tests/"
}

boot_install() {
	mkdir "$RUN/none"
	cp "$KDIR"/modules/virtio_*.ko "$RUN/none/" 2>/dev/null || true
	base_initramfs "$RUN/root" "$SELFTESTS/qemu/install-init" "$RUN/none"
	fill_root "$RUN/root"
	pack_initramfs "$RUN/root" "$RUN/initramfs"
	set_host
	start_machine 2G ""
	add_ports 3
	ARGS+=(-device 'edu,dma_mask=0xffffffffffffffff,bus=rp1'
		-device 'edu,dma_mask=0xffffffffffffffff,bus=rp2'
		-device 'igb,bus=rp3')
	run_to_end install
	rm -rf "$RUN"/{none,initramfs}
}

test_install() {
	RUN=$OUT/run/install-debian
	IMAGE=$KDIR/arch/x86/boot/bzImage
	mkdir -p "$OUT/run"
	rm -rf "$RUN"
	mkdir "$RUN"
	step "run install debian" boot_install
	judge "install debian" 0
}

qemu_emulator
kernel_build debian plain
RELEASE=$(<"$KDIR/include/config/kernel.release")
UNPACKED=${KSRC%/source}
STOCK=$(debian_tree "$UNPACKED/root" "$RELEASE")
modules_build "$KDIR"
tests_build vtd_shadow_demo vtd_shadow_type1
bash "$TOP/scripts/test/setup-test.sh" || true
test_sentences
test_layouts
test_install
TEST=$PROGRAMS bash "$TOP/scripts/bed.sh" selftest debian || true
# Its guests have our kernel, which has the drivers built in that they need
GUEST_KERNEL=6.12 TEST=howto bash "$TOP/scripts/guest.sh" guest debian || true
summary
