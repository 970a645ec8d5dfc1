#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vtd_shadow for a kernel of Debian that comes without iommufd: builds iommufd and VFIO
# from the kernel's own source, vtd_shadow on top, and installs all of them so that they
# are preferred to the stock modules.
#
#   modules-debian.sh install    for the kernel RELEASE, by default the running one
#   modules-debian.sh build      the same but for the last step, and says where they are
#   modules-debian.sh remove     the stock modules are back
#
# In the environment: RELEASE; KEY and CERT, files with which modules are signed where
# the kernel asks for that.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/build/debian/iommufd.sh
source "$TOP/scripts/build/debian/iommufd.sh"
# shellcheck source=scripts/build/modules.sh
source "$TOP/scripts/build/modules.sh"

RELEASE=${RELEASE:-$(uname -r)}
BUILD_PACKAGES=(dpkg-dev gcc kmod libc6-dev libelf-dev make pahole xz-utils)

# Says in one sentence why it cannot work here.
check_machine() {
	local id name
	# shellcheck source=/dev/null
	id=$(. /etc/os-release && echo "$ID") name=$(. /etc/os-release && echo "$PRETTY_NAME")
	[ "$id" = debian ] || die "this is for Debian's kernels; $name has its own:" \
		"where they have IOMMUFD, make modules is all"
	[[ $RELEASE == *+deb* ]] ||
		die "$RELEASE is not a kernel of Debian: enable IOMMUFD in yours, then make modules"
	printf '6.12\n%s\n' "${RELEASE%%[+-]*}" | sort -VC ||
		die "$RELEASE is older than 6.12: boot a kernel of the backports first"
}

install_headers() { # PACKAGE
	apt update
	apt install --no-install-recommends "$1" ||
		die "apt has no headers of $RELEASE: upgrade, and boot a kernel that it has"
}

# The headers are installed, of the kernel's own version
need_headers() { # sets VERSION
	local package=linux-headers-$RELEASE
	if [ -n "$(missing "$package")" ]; then
		prepare_root
		step "install $package" install_headers "$package"
	fi
	VERSION=$(dpkg-query -W -f '${Version}' "$package")
	! grep -q '^CONFIG_IOMMUFD=' "/usr/src/$package/include/config/auto.conf" ||
		die "$RELEASE has IOMMUFD: make modules KDIR=/usr/src/$package is all"
}

# The source of that very version: another one's structures may differ.
fetch_source() { # NAME DIRECTORY
	with_own_suites
	cd "$2"
	apt "${APT_OPTIONS[@]}" download "$1=$VERSION" ||
		die "apt has no source of $VERSION, the version of the headers: upgrade both"
}

source_of() { # NAME: sets SOURCE
	SOURCE=$CACHE/debian/$1-${VERSION//[~+:]/-}
	publish "$SOURCE" step "download $1 $VERSION" fetch_source "$1"
	SOURCE=$(echo "$SOURCE"/*.deb)
}

compile() { # KDIR DIRECTORY
	local out=$2/modules file module files
	mkdir "$out"
	debian_build "$1" "$2/source"
	copy_modules "$2/ours"
	make_modules "$1" "$2/ours"
	mapfile -t files < <(find "$2/source" "$2/ours" -name '*.ko')
	debian_layouts "$1/vmlinux" "$2" "${files[@]}"
	for file in "${files[@]}"; do
		module=$out/${file##*/}
		strip -g -o "$module" "$file"
		[ -z "${KEY:-}" ] ||
			"$1/scripts/sign-file" sha256 "$KEY" "$CERT" "$module"
	done
}

build_all() { # DIRECTORY
	local graphics=
	! grep -q '^CONFIG_DRM_I915_GVT_KVMGT=m' \
		"/usr/src/linux-headers-$RELEASE/include/config/auto.conf" || graphics=kvmgt
	mkdir "$1/source" "$1/kdir"
	debian_source "$SOURCE" "$1/source" $graphics
	debian_kdir "" "$RELEASE" "$1/source" "$1/kdir"
	compile "$1/kdir" "$1"
	rm -rf "$1"/{source,ours,kdir}
}

build() { # sets BUILT
	local series
	check_machine
	need "what builds modules" "${BUILD_PACKAGES[@]}"
	need_headers
	series=$(cut -d. -f1,2 <<<"$VERSION")
	source_of "linux-source-$series"
	BUILT=$CACHE/debian/built-$RELEASE-$({ echo "$VERSION ${KEY:-} ${CERT:-}" &&
		key "${MODULE_SOURCES[@]}" "$(realpath "${BASH_SOURCE[0]}")" \
			"$DEBIAN_FILES"/{iommufd.sh,Kbuild.*,*.h}; } |
		sha256sum | cut -c1-12)
	publish "$BUILT" step "build iommufd, VFIO and vtd_shadow for $RELEASE" build_all
	prune "$CACHE/debian/built-$RELEASE-" "$BUILT"
	BUILT=$BUILT/modules
}

case ${1:-} in
build)
	build
	ls "$BUILT"/*.ko
	;;
install)
	build
	as_root sh "$TOP/scripts/install-debian.sh" install "$RELEASE" "$BUILT"
	;;
remove) as_root sh "$TOP/scripts/install-debian.sh" remove "$RELEASE" ;;
*) die "usage: make modules-debian, or make modules-debian-remove" ;;
esac
