#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the functional test that the series for QEMU adds on a host that has the module, which
# QEMU's own environment for tests has not: an emulated one with Python and QEMU's modules for
# it from the release's tarball. Nothing of it is skipped there. Serves check.sh.
#
# KERNEL is 6.12 by default, VMM as in guest.sh, but a release.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/bed.sh
source "$TOP/scripts/lib/bed.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$SELFTESTS/qemu/machine.sh"

# What the test imports, and the test itself
fill_qemu() { # ROOT
	local dir=$1/qemu patches QEMU_OPTIONS
	vmm_source "$VMM"
	mkdir "$dir"
	tar -xJf "$QEMU_TARBALL" -C "$dir" --strip-components=1 --no-same-owner --wildcards \
		'*/python/qemu' '*/tests/functional/qemu_test'
	mapfile -t patches < <(series_patches "$VMM")
	# It is not a part of this repository.
	(cd "$dir" && GIT_CEILING_DIRECTORIES=$1 \
		git apply --include='tests/functional/*test_vtd_shadow.py' "${patches[@]}")
	mv "$(find "$dir/tests" -name test_vtd_shadow.py)" "$dir"
	# It takes the name of the architecture from this one.
	printf '#!/bin/sh\nexec /bin/qemu -L /share "$@"\n' >"$dir/qemu-system-x86_64"
	chmod +x "$dir/qemu-system-x86_64"
	mkdir "$1/share"
	cp "${VMM_FIRMWARE[@]}" "$1/share"
	cp "$VMM_PROGRAM" "$1/bin/qemu"
	cp "$TOP/tools/vtd_shadow/vtd_shadow_doctor" "$1"
}

fill_python() { # ROOT
	local lib
	lib=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$1/usr/lib/python3/dist-packages" "$1/usr/bin"
	tar -C / -cf - --exclude=config-3* --exclude=test --exclude=ensurepip --exclude=idlelib \
		--exclude=__pycache__ "${lib#/}" usr/lib/python3/dist-packages/pycotap |
		tar -xf - -C "$1"
	cp -L /usr/bin/python3 "$1/usr/bin/python3"
	copy_libraries "$1" "$VMM_PROGRAM" /usr/bin/python3 "$lib"/lib-dynload/*.so
}

boot() {
	IMAGE=$KDIR/arch/x86/boot/bzImage
	collect_modules "$RUN/modules"
	base_initramfs "$RUN/root" "$SELFTESTS/qemu/functional-init" "$RUN/modules" \
		vtd_shadow_vfio_pci vfio_iommu_type1
	fill_qemu "$RUN/root"
	fill_python "$RUN/root"
	pack_initramfs "$RUN/root" "$RUN/initramfs"
	set_host
	start_machine 4G ""
	add_ports 1
	ARGS+=(-device 'edu,dma_mask=0xffffffffffffffff,bus=rp1')
	run_to_end functional
	rm -rf "$RUN"/{modules,initramfs}
}

# shellcheck disable=SC2034  # for set_host
HOST=intel
TIMEOUT=900
name_run "" "functional-$VMM" "${KERNEL:-6.12}" plain
vmm_build
qemu_emulator
host_build "${KERNEL:-6.12}" plain
open_run
step "run $NAME" boot
judge "$NAME" 0
summary
