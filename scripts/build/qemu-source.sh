# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# QEMU from Debian's source package, built in the cache, once. Sourced by qemu.sh, and so
# by vmm.sh: each has a QEMU of its own, for which it sets
#
#   QEMU_FROM       where to look for the source, the first that has it
#   QEMU_MIN        the oldest version that does, and QEMU_MAX, the first too new
#   QEMU_OPTIONS    for configure, besides QEMU_COMMON
#
# and calls qemu_source NAME, which sets QEMU_TARBALL and QEMU_VERSION, and then
# qemu_publish DIRECTORY WHAT PREPARE..., which fills a directory in the cache with
# qemu-system-x86_64. PREPARE changes the source: a command that runs in it, as
# qemu_integrate RELEASE does, which makes it use vtd_shadow; series_key RELEASE is the key
# of what that changes.

# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/qemu-series.sh
source "$TOP/scripts/lib/qemu-series.sh"

QEMU_PACKAGES=(device-tree-compiler gcc git libc6-dev libfdt-dev libglib2.0-dev libslirp-dev
	make ninja-build pkg-config python3 python3-tomli python3-venv
	qemu-system-data seabios xz-utils zlib1g-dev)
# These, in Debian 12, from the backports
QEMU_SUITE=bookworm-backports QEMU_TOOLS=(meson python3-pycotap)

# Firmware is that of Debian's packages: the source package has none.
QEMU_COMMON=(--python=/usr/bin/python3 --target-list=x86_64-softmmu
	--without-default-features --enable-tcg
	--disable-docs --disable-download --disable-install-blobs
	--firmwarepath=/usr/share/qemu:/usr/share/seabios)

# The series as users apply it. Without the tree QEMU's build asks git nothing.
qemu_integrate() { # RELEASE [emulator]
	series_begin
	series_apply "$1"
	[ -z "${2:-}" ] || series_apply "$@"
	rm -rf .git
}

# The versions of the source package that do, the oldest first
qemu_versions() {
	local version
	apt-cache "${APT_OPTIONS[@]}" showsrc --only-source qemu |
		sed -n 's/^Version: //p' | sort -uV |
		while read -r version; do
			dpkg --compare-versions "$version" lt "$QEMU_MIN" ||
				dpkg --compare-versions "$version" ge "$QEMU_MAX" ||
				echo "$version"
		done
}

# A mirror may list more than it has: take the first version that is there.
fetch_qemu() { # DIRECTORY
	local suite version
	cd "$1"
	for suite in "${QEMU_FROM[@]}"; do
		with_suite "$suite" deb-src
		for version in $(qemu_versions); do
			apt "${APT_OPTIONS[@]}" source --download-only --tar-only \
				"qemu=$version" || continue
			return 0
		done
	done
	die "no source of QEMU from $QEMU_MIN up to $QEMU_MAX in ${QEMU_FROM[*]}"
}

qemu_source() { # NAME: sets QEMU_TARBALL and QEMU_VERSION
	local source=$CACHE/$1
	[ -z "${REFRESH:-}" ] || rm -rf "$source"
	[ -d "$source" ] || prepare_root
	publish "$source" step "download QEMU's source from ${QEMU_FROM[0]}" fetch_qemu
	QEMU_TARBALL=$(echo "$source"/qemu_*.orig.tar.xz)
	QEMU_VERSION=${QEMU_TARBALL##*/qemu_}
	QEMU_VERSION=${QEMU_VERSION%%[+~]*}
}

have_qemu_packages() {
	[ -z "$(missing "${QEMU_PACKAGES[@]}" "${QEMU_TOOLS[@]}")" ] &&
		dpkg --compare-versions "$(dpkg-query -W -f '${Version}' meson)" ge 1.5
}

install_qemu_packages() {
	if [ "$DEBIAN" != bookworm ]; then
		apt install --no-install-recommends "${QEMU_PACKAGES[@]}" "${QEMU_TOOLS[@]}"
		return
	fi
	with_suite "$QEMU_SUITE"
	apt "${APT_OPTIONS[@]}" install --no-install-recommends "${QEMU_PACKAGES[@]}"
	apt "${APT_OPTIONS[@]}" install --no-install-recommends -t "$QEMU_SUITE" "${QEMU_TOOLS[@]}"
}

qemu_unpack() { # DIRECTORY
	mkdir -p "$1"
	tar -xJf "$QEMU_TARBALL" -C "$1" --strip-components=1 --no-same-owner
}

# Debian's tarball has no firmware to unpack.
qemu_without_firmware() {
	sed -i 's/^\( *unpack_edk2_blobs = \).*/\1false/' meson.build
}

build_qemu() { # PREPARE... DIRECTORY
	local dir=${!#} src=${!#}/src
	qemu_unpack "$src"
	cd "$src"
	"${@:1:$#-1}"
	qemu_without_firmware
	./configure "${QEMU_COMMON[@]}" "${QEMU_OPTIONS[@]}"
	ninja -C build -j"$(nproc)" qemu-system-x86_64
	strip -g -o "$dir/qemu-system-x86_64" build/qemu-system-x86_64
	rm -rf "$src"
}

need_qemu_packages() {
	if ! have_qemu_packages; then
		prepare_root
		step "install what builds QEMU" install_qemu_packages
	fi
}

qemu_publish() { # DIRECTORY WHAT PREPARE...
	# What is in the cache needs some of them, too
	need_qemu_packages
	publish "$1" step "build $2" build_qemu "${@:3}"
}
