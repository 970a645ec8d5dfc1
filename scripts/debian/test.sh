#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests what is for Debian's own kernel: that a wrong build is refused, that modules are
# installed, work, and go without a trace, and that the engine works on that kernel.

# shellcheck source=scripts/kernel.sh
source "$(dirname "${BASH_SOURCE[0]}")/../kernel.sh"
# shellcheck source=scripts/modules.sh
source "$TOP/scripts/modules.sh"
# shellcheck source=scripts/qemu.sh
source "$TOP/scripts/qemu.sh"
# shellcheck source=scripts/judge.sh
source "$TOP/scripts/judge.sh"
# shellcheck source=scripts/tools.sh
source "$TOP/scripts/tools.sh"
# shellcheck source=scripts/setup-test.sh
source "$TOP/scripts/setup-test.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

# Selftests for which a kernel that was configured by others matters most
PROGRAMS=map_leaf_test,map_superpage_test,map_flush_test
PROGRAMS+=,context_test,context_malformed_test,context_share_test

# refuses NAME WORD COMMAND...: COMMAND fails, and its last line has WORD
refuses() {
	local name=$1 word=$2 said
	shift 2
	if said=$("$@" 2>&1); then
		fail "debian: $name" "was not refused"
	elif [[ $(tail -n 1 <<<"$said") == *"$word"* ]]; then
		pass "debian: $name"
	else
		fail "debian: $name" "said: $(tail -n 1 <<<"$said")"
	fi
}

modules_sh() { env "$@" bash "$TOP/scripts/debian/modules.sh" build; }

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
		modules_sh RELEASE=6.14.0-37-generic
	refuses "an old kernel" "older than 6.12" modules_sh RELEASE=6.1.0-40+deb12-amd64
	cp "$KSRC/drivers/iommu/iommufd/"*.c "$dir"
	sed -i 's/device_iommu_capable(\(.*DIRTY\)/another_question(\1/' "$dir/hw_pagetable.c"
	refuses "dirty tracking asked for in another way" "in a new way" \
		in_shell check_dirty "$dir"
	rm -rf "$dir"
}

# kmod and its libraries, the stock VFIO in its place, what would be installed
fill_root() { # ROOT
	local root=$1 base=lib/modules/$RELEASE tool file
	mkdir -p "$root"/{kmod,lib64,built,tests} "$root/$base"
	cp "$(command -v kmod)" "$(command -v dash)" "$root/kmod/"
	for tool in modprobe depmod modinfo rmmod insmod lsmod; do
		ln -s kmod "$root/kmod/$tool"
	done
	mkdir -p "$root/lib/x86_64-linux-gnu"
	libraries "$root/kmod/kmod" "$root/kmod/dash" | while read -r file; do
		case $file in
		*/ld-linux*) cp -L "$file" "$root/lib64/" ;;
		*) cp -L "$file" "$root/lib/x86_64-linux-gnu/" ;;
		esac
	done
	(cd "$STOCK" && find . \( -path '*/drivers/vfio/*' -o -name 'irqbypass.ko*' \
		-o -name 'modules.*' \) -type f -print0 | cpio --quiet -0 -pdm "$root/$base")
	cp "$KDIR"/modules/{iommufd,vfio*}.ko "$MODULES"/*.ko "$root/built/"
	cp "$DEBIAN_FILES/install.sh" "$root/"
	cp "$TESTS"/vtd_shadow_{demo,type1} "$root/tests/"
}

boot_install() {
	local status=0
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
	(run_machine install) || status=$?
	echo "$status" >"$RUN/status"
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
test_setup
test_sentences
test_layouts
test_install
TEST=$PROGRAMS bash "$TOP/scripts/bed.sh" selftest debian || true
summary
