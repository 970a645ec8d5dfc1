# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The file system that the emulated host and its guests share: the VMM with what it
# needs, the guests' kernel and initramfs, programs for both. One image in the cache.
#
# Source it; it gives tools_build, which uses VMM_PROGRAM and VMM_FIRMWARE and sets TOOLS.

# shellcheck source=scripts/fio.sh
source "$TOP/scripts/fio.sh"

GUEST=$TOP/tools/testing/selftests/vtd_shadow/guest

# libraries PROGRAM...: all that they load, one path a line; a static one says that it
# is none of those
libraries() {
	{ ldd "$@" || true; } |
		awk '$2 == "=>" { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u
}

# The kernel's own tool; where it is and where its header is differs
build_dma_benchmark() { # KSRC KDIR FILE
	local source=$1/tools/dma/dma_map_benchmark.c
	[ -e "$source" ] || source=$1/tools/testing/selftests/dma/dma_map_benchmark.c
	gcc -O2 -static -isystem "$2/usr/include" -idirafter "$1/include" -o "$3" "$source"
}

# A module of our own for guests
build_guest_module() { # KDIR DIRECTORY FILE
	cp -r "$GUEST/unit" "$2"
	make -C "$1" M="$2/unit" KCFLAGS="-fmacro-prefix-map=$2/unit/=" modules
	cp "$2/unit/vtds_unit.ko" "$3"
	rm -rf "$2/unit"
}

fill_tools() { # KSRC KDIR MODULES TESTS DIRECTORY
	local root=$5/root programs=(/sbin/kexec /sbin/mke2fs)
	mkdir -p "$root"/{bin,lib,share,guest}
	cp "$VMM_PROGRAM" "$root/bin/qemu"
	cp "${programs[@]}" "$FIO" "$4/vtd_shadow_nested" "$root/bin"
	ln -s mke2fs "$root/bin/mkfs.ext4"
	build_dma_benchmark "$1" "$2" "$root/bin/dma_map_benchmark"
	libraries "$VMM_PROGRAM" "${programs[@]}" | xargs cp -L -t "$root/lib"
	cp "${VMM_FIRMWARE[@]}" "$root/share"
	cp "$2/arch/x86/boot/bzImage" "$root/guest"
	cp "$2/include/config/kernel.release" "$root/guest/release"
	build_guest_module "$2" "$5" "$root/guest"
	bash "$GUEST/initramfs.sh" "$root/guest/initramfs" "$3"
	mke2fs -q -t ext4 -O ^has_journal -d "$root" "$5/image" \
		$((($(du -sm "$root" | cut -f1) + 8) * 9 / 8))M
	rm -rf "$root"
}

tools_build() { # KSRC KDIR MODULES TESTS
	local dir
	fio_build
	dir=$CACHE/tools/$({ echo "$1 $2 $4 $FIO" &&
		sha256sum "$VMM_PROGRAM" /sbin/kexec /sbin/mke2fs &&
		key "$GUEST" "$GUEST/../qemu" "${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-12)
	publish "$dir" step "make the file system for guests" fill_tools "$@"
	prune "$CACHE/tools/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	TOOLS=$dir/image
}
