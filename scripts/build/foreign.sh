# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What others made and guests of `make check-guest TEST=foreign` boot: kernels of Debian
# as they ship, with modules of their own, and Xen; and what drives devices in guests: the
# kernel's tests of VFIO, testpmd of DPDK. One image in the cache, for host and guests:
#
#   linux-SERIES/     bzImage and initramfs
#   xen-SERIES/       xen
#   vfio/             the tests, and their names in "tests"
#   dpdk/             testpmd, what it loads, and the driver of the network card
#
# Sourced by guest.sh; it gives foreign_build, which sets FOREIGN to the image.

# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/tools.sh
source "$TOP/scripts/build/tools.sh"

# Series, and the suites that have them: the newest there is taken. Of 7.x that is
# whatever the suite has.
FOREIGN_KERNELS=(5.10:bullseye 6.1:bookworm 6.12:trixie 7:trixie-backports)
FOREIGN_XEN=(4.17:bookworm 4.20:trixie)

# What initramfs.sh wants to find
FOREIGN_MODULES=(virtio_pci virtio_console virtio_blk crc32c_generic ext4 nvme igb e1000e
	virtio_net virtio_balloon virtio_mem vfio_pci vfio_iommu_type1)

# The newest image of a series: its release. The suite's package linux-image-amd64 tells.
foreign_release() { # SERIES
	apt-cache "${APT_OPTIONS[@]}" show linux-image-amd64 |
		sed -nE "s/^Depends: (.*, )?linux-image-(${1//./\\.}\.[^ ]*-amd64) .*/\2/p" |
		sort -V | tail -n 1
}

fetch_foreign_kernel() { # SERIES SUITE DIRECTORY
	local release
	with_suite "$2"
	release=$(foreign_release "$1")
	[ -n "$release" ] || die "apt has no Linux $1 in $2"
	cd "$3"
	# shellcheck disable=SC2046  # a list of words
	apt "${APT_OPTIONS[@]}" download $(debian_image "$release")
	echo "$release" >release
}

fetch_foreign_xen() { # SERIES SUITE DIRECTORY
	with_suite "$2"
	cd "$3"
	apt "${APT_OPTIONS[@]}" download "xen-hypervisor-$1-amd64"
}

# testpmd and all libraries behind it, those of the drivers, too. The C library is that of
# the machine, as in the file system with the tools, thus of the same suite.
fetch_foreign_dpdk() { # DIRECTORY
	local driver
	with_own_suites
	driver=$(apt-cache "${APT_OPTIONS[@]}" pkgnames librte-net-e1000- | sort -V | tail -n 1)
	[ -n "$driver" ] || die "apt has no driver librte-net-e1000-*"
	cd "$1"
	apt-cache "${APT_OPTIONS[@]}" depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances dpdk-dev "$driver" |
		grep -E '^(lib|dpdk-dev$|ibverbs-providers$|zlib1g$)' | grep -v '^lib.*-dev$' |
		sort -u | xargs env apt-get -q "${APT_OPTIONS[@]}" download
}

# fetch_foreign NAME FETCH...: packages into the directory NAME, unless they are there
fetch_foreign() {
	local dir=$CACHE/foreign/$1
	[ -z "${REFRESH:-}" ] || rm -rf "$dir"
	[ -d "$dir" ] || [ -n "${LISTS:-}" ] || prepare_root
	publish "$dir" step "download $1" "${@:2}"
}

# The kernel, and an initramfs as that of all guests, but with the kernel's own modules
fill_foreign_kernel() { # PACKAGES DIRECTORY
	local release package
	release=$(<"$1/release")
	mkdir -p "$2"/{root,modules}
	for package in "$1"/*.deb; do
		dpkg-deb -x "$package" "$2/root"
	done
	debian_modules "$(debian_tree "$2/root" "$release")" "$2/modules" "${FOREIGN_MODULES[@]}"
	debian_vmlinuz "$2/root" "$release" "$2/bzImage"
	bash "$GUEST/initramfs.sh" "$2/initramfs" "$2/modules"
	rm -rf "$2"/{root,modules}
}

fill_foreign_xen() { # PACKAGES DIRECTORY
	mkdir -p "$2/root"
	dpkg-deb -x "$1"/*.deb "$2/root"
	gzip -dc "$2/root/boot/"xen-*-amd64.gz >"$2/xen"
	rm -rf "$2/root"
}

# testpmd loads the driver, and what hands out buffers, when it is told to, and the C library
# what it needs to end threads.
fill_foreign_dpdk() { # PACKAGES DIRECTORY
	local package libs=$2/root/usr/lib/x86_64-linux-gnu files
	mkdir -p "$2"/{root,lib}
	for package in "$1"/*.deb; do
		dpkg-deb -x "$package" "$2/root"
	done
	files=("$2/root/usr/bin/dpdk-testpmd"
		"$libs"/dpdk/pmds-*/librte_{net_e1000,mempool_ring}.so.*.*)
	LD_LIBRARY_PATH=$libs:$2/root/lib/x86_64-linux-gnu libraries "${files[@]}" |
		xargs cp -L -t "$2/lib"
	find "$2/root" -name 'libgcc_s.so.1' -exec cp {} "$2/lib" \;
	cp "${files[0]}" "$2/testpmd"
	mkdir "$2/drivers"
	cp "${files[@]:1}" "$2/drivers"
	rm -rf "$2/root"
}

# They are newer than the test kernel's headers.
build_vfio_tests() { # KSRC DIRECTORY
	local vfio=$1/tools/testing/selftests/vfio
	mkdir -p "$2"/{kernel,build}
	make -s -C "$1" O="$2/kernel" headers
	make -s -C "$vfio" OUTPUT="$2/build" LDFLAGS=-static \
		KHDR_INCLUDES="-isystem $2/kernel/usr/include"
	sed -n 's/^TEST_GEN_PROGS += //p' "$vfio/Makefile" >"$2/tests"
	(cd "$2/build" && xargs cp -t "$2") <"$2/tests"
	rm -rf "$2"/{kernel,build}
}

fill_foreign() { # KSRC NAME... DIRECTORY
	local root=${!#}/root name
	for name in "${@:2:$#-2}"; do
		case $name in
		linux-*) fill_foreign_kernel "$CACHE/foreign/$name" "$root/$name" ;;
		xen-*) fill_foreign_xen "$CACHE/foreign/$name" "$root/$name" ;;
		dpdk) fill_foreign_dpdk "$CACHE/foreign/$name" "$root/$name" ;;
		esac
	done
	build_vfio_tests "$1" "$root/vfio"
	make_image "$root" "${!#}/image"
}

foreign_build() { # sets FOREIGN
	local what names=(dpdk) dir KSRC
	need "what builds the tests of VFIO" uuid-dev
	fetch_foreign dpdk fetch_foreign_dpdk
	for what in "${FOREIGN_KERNELS[@]}"; do
		fetch_foreign "linux-${what%:*}" fetch_foreign_kernel "${what%:*}" "${what#*:}"
		names+=("linux-${what%:*}")
	done
	for what in "${FOREIGN_XEN[@]}"; do
		fetch_foreign "xen-${what%:*}" fetch_foreign_xen "${what%:*}" "${what#*:}"
		names+=("xen-${what%:*}")
	done
	kernel_src 7
	dir=$CACHE/foreign-image/$({ cd "$CACHE/foreign" && ls "${names[@]}" && echo "$KSRC" &&
		key "$GUEST"/{initramfs.sh,guest-init,guest.sh} "$GUEST/../qemu"/{lib,machine}.sh \
			"${BASH_SOURCE[0]}" "$DEBIAN_FILES/kernel.sh"; } | sha256sum | cut -c1-12)
	publish "$dir" step "make the file system with foreign guests" \
		fill_foreign "$KSRC" "${names[@]}"
	prune "$CACHE/foreign-image/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	FOREIGN=$dir/image
}
