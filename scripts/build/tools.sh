# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The file system that the emulated host and its guests share: the VMM with what it
# needs, the guests' kernel and initramfs, programs for both. One image in the cache.
#
# Sourced by guest.sh, foreign.sh and test/debian-test.sh; it gives tools_build, which uses
# VMM_PROGRAM and VMM_FIRMWARE and sets TOOLS.

# shellcheck source=scripts/build/fio.sh
source "$TOP/scripts/build/fio.sh"

GUEST=$TOP/tools/testing/selftests/vtd_shadow/guest

# libraries PROGRAM...: all that they load, one path a line; a static one says that it
# is none of those
libraries() {
	{ ldd "$@" || true; } |
		awk '$2 == "=>" { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u
}

# copy_libraries ROOT PROGRAM...: where a system of Debian has them
copy_libraries() {
	local root=$1 file
	mkdir -p "$root"/lib{64,/x86_64-linux-gnu}
	libraries "${@:2}" | while read -r file; do
		case $file in
		*/ld-linux*) cp -L "$file" "$root/lib64/" ;;
		*) cp -L "$file" "$root/lib/x86_64-linux-gnu/" ;;
		esac
	done
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

# What every guest needs, and who runs it
fill_guest() { # ROOT KDIR MODULES
	mkdir -p "$1"/{bin,lib,share,guest}
	cp "$VMM_PROGRAM" "$1/bin/qemu"
	libraries "$VMM_PROGRAM" | xargs -r cp -L -t "$1/lib"
	cp "${VMM_FIRMWARE[@]}" "$1/share"
	cp "$2/arch/x86/boot/bzImage" "$1/guest"
	cp "$2/include/config/kernel.release" "$1/guest/release"
	bash "$GUEST/initramfs.sh" "$1/guest/initramfs" "$3"
}

# What a VMM loads to be made believe something; one that is linked statically cannot
build_shim() { # FILE
	gcc -shared -fPIC -O2 -Wall -idirafter "$TOP/include/uapi" -o "$1" "$GUEST/shim.c"
}

make_image() { # ROOT FILE
	mke2fs -q -t ext4 -O ^has_journal -d "$1" "$2" \
		$((($(du -sm "$1" | cut -f1) + 8) * 9 / 8))M
	rm -rf "$1"
}

# The demo's guest reads with what its initramfs has.
fill_demo_tools() { # KSRC KDIR MODULES TESTS DIRECTORY
	fill_guest "$5/root" "$2" "$3"
	make_image "$5/root" "$5/image"
}

fill_tools() { # KSRC KDIR MODULES TESTS DIRECTORY
	local root=$5/root programs=(/sbin/kexec /sbin/mke2fs)
	fill_guest "$root" "$2" "$3"
	cp "${programs[@]}" "$FIO" "$4/vtd_shadow_nested" "$root/bin"
	ln -s mke2fs "$root/bin/mkfs.ext4"
	build_dma_benchmark "$1" "$2" "$root/bin/dma_map_benchmark"
	libraries "${programs[@]}" | xargs cp -L -t "$root/lib"
	build_guest_module "$2" "$5" "$root/guest"
	[ -z "$(libraries "$VMM_PROGRAM")" ] || build_shim "$root/lib/shim.so"
	make_image "$root" "$5/image"
}

tools_build() { # KSRC KDIR MODULES TESTS [demo]
	local dir fill=fill_tools FIO=
	if [ "${5:-}" = demo ]; then
		fill=fill_demo_tools
	else
		fio_build
	fi
	dir=$CACHE/tools/$({ echo "$1 $2 $4 $FIO $fill" &&
		sha256sum "$VMM_PROGRAM" /sbin/mke2fs &&
		{ [ -z "$FIO" ] || sha256sum /sbin/kexec; } &&
		key "$GUEST" "$GUEST/../qemu"/{lib,machine}.sh "${BASH_SOURCE[0]}"; } |
		sha256sum | cut -c1-12)
	publish "$dir" step "make the file system for guests" "$fill" "${@:1:4}"
	prune "$CACHE/tools/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	TOOLS=$dir/image
}
