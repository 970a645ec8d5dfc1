#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU for the emulated host. The installed one does for all hosts but amd: only
# from 10.2 on does the emulated AMD unit translate what devices do, and that is
# to be had as a source package of a later release. It is built in the cache, once.
#
#   qemu.sh HOST    make sure that it is there, tell where
#
# Sourced, it gives qemu_for, which sets QEMU.

# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

QEMU_SOURCE_SUITE=sid
QEMU_SOURCE_MIN=1:10.2

QEMU_PACKAGES=(device-tree-compiler gcc libc6-dev libfdt-dev libglib2.0-dev libpixman-1-dev
	make ninja-build pkg-config python3 python3-tomli python3-venv qemu-system-data
	xz-utils zlib1g-dev)
# These from the backports
QEMU_TOOLS=(meson python3-pycotap)

# Firmware is that of the installed QEMU: the source package has none.
QEMU_OPTIONS=(--python=/usr/bin/python3 --target-list=x86_64-softmmu
	--without-default-features --enable-tcg --enable-pixman
	--disable-docs --disable-download --disable-install-blobs
	--firmwarepath=/usr/share/qemu:/usr/share/seabios)

# What 10.2 gets wrong: a leaf in a table of level 2 or 3 is 2 MiB or 1 GiB, not
# what an entry of the table below would be.
QEMU_REPAIR='s|/\* Leaf PTE found \*/|*page_size = PTE_LEVEL_PAGE_SIZE(level + 1);|'

# The versions of the source package that do, the oldest first
qemu_versions() {
	local version
	apt-cache "${APT_OPTIONS[@]}" showsrc --only-source qemu |
		sed -n 's/^Version: //p' | sort -uV |
		while read -r version; do
			dpkg --compare-versions "$version" lt "$QEMU_SOURCE_MIN" || echo "$version"
		done
}

# A mirror may list more than it has: take the first version that is there.
fetch_qemu() { # DIRECTORY
	local version
	with_suite "$QEMU_SOURCE_SUITE" deb-src
	cd "$1"
	for version in $(qemu_versions); do
		apt "${APT_OPTIONS[@]}" source --download-only --tar-only "qemu=$version" ||
			continue
		return 0
	done
	die "no source of QEMU $QEMU_SOURCE_MIN or newer in $QEMU_SOURCE_SUITE"
}

have_qemu_packages() {
	[ -z "$(missing "${QEMU_PACKAGES[@]}" "${QEMU_TOOLS[@]}")" ] &&
		dpkg --compare-versions "$(dpkg-query -W -f '${Version}' meson)" ge 1.5
}

install_qemu_packages() {
	with_suite "$QEMU_SUITE"
	apt "${APT_OPTIONS[@]}" install --no-install-recommends "${QEMU_PACKAGES[@]}"
	apt "${APT_OPTIONS[@]}" install --no-install-recommends -t "$QEMU_SUITE" "${QEMU_TOOLS[@]}"
}

build_qemu() { # TARBALL DIRECTORY
	local src=$2/src
	mkdir "$src"
	tar -xJf "$1" -C "$src" --strip-components=1
	cd "$src"
	sed -i 's/^\( *unpack_edk2_blobs = \).*/\1false/' meson.build
	sed -i "$QEMU_REPAIR" hw/i386/amd_iommu.c
	./configure "${QEMU_OPTIONS[@]}"
	ninja -C build -j"$(nproc)" qemu-system-x86_64
	mv build/qemu-system-x86_64 "$2"
	rm -rf "$src"
}

qemu_build() { # sets QEMU
	local source=$CACHE/qemu-source tarball version dir
	[ -z "${REFRESH:-}" ] || rm -rf "$source"
	if [ ! -d "$source" ] || ! have_qemu_packages; then
		prepare_root
	fi
	publish "$source" step "download QEMU's source" fetch_qemu
	tarball=$(echo "$source"/qemu_*.orig.tar.xz)
	version=${tarball##*/qemu_}
	dir=$CACHE/qemu/${version%%[+~]*}-$(sha256sum <<<"${QEMU_OPTIONS[*]} $QEMU_REPAIR" |
		cut -c1-12)
	if [ ! -d "$dir" ] && ! have_qemu_packages; then
		step "install what builds QEMU" install_qemu_packages
	fi
	publish "$dir" step "build QEMU ${version%%[+~]*}" build_qemu "$tarball"
	prune "$CACHE/qemu/" "$dir"
	QEMU=$dir/qemu-system-x86_64
}

qemu_for() { # HOST: sets QEMU
	case $1 in
	intel | intel-sm | virtio) QEMU=qemu-system-x86_64 ;;
	amd) qemu_build ;;
	*) die "no host $1: HOST is intel, intel-sm, virtio or amd" ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	qemu_for "${1:-amd}"
	say "QEMU is $QEMU"
fi
