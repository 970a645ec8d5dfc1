# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What others made and guests of `make check-guest TEST=foreign` boot: kernels of Debian
# as they ship, with modules of their own, and Xen. One image in the cache, for host and
# guests:
#
#   linux-SERIES/     bzImage and initramfs
#   xen-SERIES/       xen
#
# Source it; it gives foreign_build, which sets FOREIGN to the image.

# shellcheck source=scripts/kernel.sh
source "$TOP/scripts/kernel.sh"
# shellcheck source=scripts/tools.sh
source "$TOP/scripts/tools.sh"

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

fill_foreign() { # NAME... DIRECTORY
	local root=${!#}/root name
	for name in "${@:1:$#-1}"; do
		case $name in
		linux-*) fill_foreign_kernel "$CACHE/foreign/$name" "$root/$name" ;;
		xen-*) fill_foreign_xen "$CACHE/foreign/$name" "$root/$name" ;;
		esac
	done
	make_image "$root" "${!#}/image"
}

foreign_build() { # sets FOREIGN
	local what names=() dir
	for what in "${FOREIGN_KERNELS[@]}"; do
		fetch_foreign "linux-${what%:*}" fetch_foreign_kernel "${what%:*}" "${what#*:}"
		names+=("linux-${what%:*}")
	done
	for what in "${FOREIGN_XEN[@]}"; do
		fetch_foreign "xen-${what%:*}" fetch_foreign_xen "${what%:*}" "${what#*:}"
		names+=("xen-${what%:*}")
	done
	dir=$CACHE/foreign-image/$({ cd "$CACHE/foreign" && ls "${names[@]}" &&
		key "$GUEST"/{initramfs.sh,guest-init,guest.sh} "$GUEST/../qemu"/{lib,machine}.sh \
			"${BASH_SOURCE[0]}" "$DEBIAN_FILES/kernel.sh"; } | sha256sum | cut -c1-12)
	publish "$dir" step "make the file system with foreign guests" \
		fill_foreign "${names[@]}"
	prune "$CACHE/foreign-image/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	FOREIGN=$dir/image
}
