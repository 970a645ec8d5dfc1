# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian's own kernel for the test bed: the stock image and its modules, and iommufd and
# VFIO built as iommufd.sh does. It looks like a kernel of ../kernel.sh, which sources
# this: KDIR has
#
#   arch/x86/boot/bzImage, modules.order and modules, the headers to build against,
#   usr/include with what is newer than the C library's headers
#
# and KSRC the few files of the source that tests are built with.

# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/build/debian/iommufd.sh
source "$TOP/scripts/build/debian/iommufd.sh"

# What the host of the tests and its guests load, by the kernel's own names; some are
# not in every kernel, or built in
DEBIAN_MODULES=(irqbypass virtio_pci virtio_console virtio_blk virtio_net virtio_balloon
	virtio_mem virtio_iommu crc32c_generic ext4 nvme igb e1000e kvm_amd tun vhost_net)
# What iommufd and VFIO are built to
DEBIAN_BUILT=(iommufd vfio vfio_iommu_type1 vfio-pci-core vfio-pci)

# The newest kernel that has the version of the linux-source package: its release
debian_release() { # SERIES VERSION
	local package version
	apt-cache "${APT_OPTIONS[@]}" pkgnames "linux-headers-$1" |
		grep -E "^linux-headers-$1[^a-z]*\\+deb[0-9]+-amd64$" | sort -rV |
		while read -r package; do
			version=$(apt-cache "${APT_OPTIONS[@]}" show "$package" |
				sed -n 's/^Version: //p')
			! grep -qxF "$2" <<<"$version" || echo "${package#linux-headers-}"
		done | head -n 1
}

debian_packages() { # RELEASE
	local base=${1%-amd64}
	echo "linux-headers-$1 linux-headers-$base-common linux-kbuild-$base"
	debian_image "$1"
}

# On 7.x the image package is a name for three others
debian_image() { # RELEASE
	apt-cache "${APT_OPTIONS[@]}" show "linux-image-$1" | sed -n 's/^Depends: //p' |
		grep -oE 'linux-(binary|modules|base)-[0-9][^ ,]*' || true
	echo "linux-image-$1"
}

fetch_debian() { # DIRECTORY
	local version release
	with_own_suites
	version=$(apt-cache "${APT_OPTIONS[@]}" policy linux-source-6.12 |
		sed -n 's/^ *Candidate: //p')
	[[ ${version:-(none)} != "(none)" ]] || die "apt knows no package linux-source-6.12"
	release=$(debian_release 6.12 "$version")
	[ -n "$release" ] || die "apt has the source of Linux $version, but not its image"
	cd "$1"
	# shellcheck disable=SC2046  # a list of words
	apt "${APT_OPTIONS[@]}" download "linux-source-6.12=$version" $(debian_packages "$release")
	echo "$release" >release
}

unpack_debian() { # PACKAGES DIRECTORY
	local package
	mkdir "$2/root" "$2/source"
	for package in "$1"/linux-*.deb; do
		case $package in
		*/linux-source-*) debian_source "$package" "$2/source" & ;;
		*) dpkg-deb -x "$package" "$2/root" ;;
		esac
	done
	wait $!
	gcc -O1 -o "$2/source/scripts/unifdef" "$2/source/scripts/unifdef.c"
}

# Where the stock modules are: /lib is a link to /usr/lib where that has been merged
debian_tree() { # ROOT RELEASE
	local lib=$1/lib
	[ -d "$lib/modules/$2" ] || lib=$1/usr/lib
	echo "$lib/modules/$2"
}

debian_vmlinuz() { # ROOT RELEASE FILE
	cp "$1/boot/vmlinuz-$2" "$3" 2>/dev/null || cp "$(debian_tree "$1" "$2")/vmlinuz" "$3"
}

# debian_modules MODULES DIRECTORY NAME...: of the stock modules in the folder MODULES those
# of these names and all that they need go to DIRECTORY, not compressed
debian_modules() {
	local modules=$1 dir=$2 name file
	shift 2
	for name; do
		file=$(find "$modules" -name "${name//[-_]/[-_]}.ko*" -print -quit)
		# Built in, or there already
		if [ -z "$file" ] || [ -e "$dir/$name.ko" ]; then
			continue
		fi
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -dc "$file" ;;
		*) cat "$file" ;;
		esac >"$dir/$name.ko"
		# shellcheck disable=SC2046  # a list of words
		debian_modules "$modules" "$dir" $(modinfo -F depends "$dir/$name.ko" | tr ',' ' ')
	done
}

# The two headers that tests need newer than the C library's
debian_headers() { # ROOT RELEASE SOURCE DIRECTORY
	local header
	mkdir -p "$4"
	cd "$3"
	for header in iommufd vfio; do
		sh scripts/headers_install.sh \
			"$1/usr/src/linux-headers-${2%-amd64}-common/include/uapi/linux/$header.h" \
			"$4/$header.h"
	done
}

build_debian() { # UNPACKED RELEASE DIRECTORY
	local root=$1/root dir=$3 name file
	debian_kdir "$root" "$2" "$1/source" "$dir"
	cp -r "$1/source" "$dir/source"
	debian_build "$dir" "$dir/source"
	mapfile -t file < <(find "$dir/source" -name '*.ko')
	debian_layouts "$dir/vmlinux" "$dir/source" "${file[@]}"
	mkdir -p "$dir/modules" "$dir/arch/x86/boot"
	for name in "${DEBIAN_BUILT[@]}"; do
		find "$dir/source" -name "$name.ko" -exec strip -g -o "$dir/modules/$name.ko" {} \;
		[ -e "$dir/modules/$name.ko" ] || die "$name was not built"
	done
	debian_modules "$(debian_tree "$root" "$2")" "$dir/modules" "${DEBIAN_MODULES[@]}"
	(cd "$dir" && printf '%s\n' modules/*.ko | sed 's/ko$/o/') >"$dir/modules.order"
	debian_vmlinuz "$root" "$2" "$dir/arch/x86/boot/bzImage"
	rm -rf "$dir/source"
	debian_headers "$root" "$2" "$1/source" "$dir/usr/include/linux"
}

debian_build_kernel() { # sets KSRC and KDIR
	local packages=$CACHE/debian/packages unpacked release
	[ -z "${REFRESH:-}" ] || rm -rf "$packages"
	[ -d "$packages" ] || prepare_root
	publish "$packages" step "download Debian's kernel" fetch_debian
	release=$(<"$packages/release")
	unpacked=$CACHE/debian/$release-$(key "$DEBIAN_FILES"/{iommufd.sh,Kbuild.*,*.h})
	publish "$unpacked" step "unpack kernel $release" unpack_debian "$packages"
	prune "$CACHE/debian/$release-" "$unpacked"
	# shellcheck disable=SC2034  # for who sources this
	KSRC=$unpacked/source
	KDIR=$CACHE/kernel/debian-$release-$({ gcc --version &&
		key "$DEBIAN_FILES"/{kernel.sh,iommufd.sh,Kbuild.*,*.h}; } | sha256sum | cut -c1-12)
	publish "$KDIR" step "build iommufd and VFIO for $release" build_debian "$unpacked" \
		"$release"
	prune "$CACHE/kernel/debian-$release-" "$KDIR"
}
