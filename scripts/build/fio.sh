# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# fio for the guests, built in the cache from the Debian source package. Debian's own
# binary brings 60 libraries, which a guest in an emulated host would load for minutes,
# and wants System V shared memory, which the test kernel does not have.
#
# Sourced by tools.sh; it gives fio_build, which sets FIO.

# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

FIO_SUITE=bookworm
FIO_OPTIONS=(--build-static --disable-shm --disable-native --disable-numa --disable-rdma
	--disable-gfapi --disable-rbd --disable-rados --disable-http --disable-pmem)

fetch_fio() { # DIRECTORY
	with_suite "$FIO_SUITE" deb-src
	cd "$1"
	apt "${APT_OPTIONS[@]}" source --download-only --tar-only fio
}

make_fio() { # TARBALL DIRECTORY
	local src=$2/src
	mkdir "$src"
	tar -xf "$1" -C "$src" --strip-components=1
	cd "$src"
	./configure "${FIO_OPTIONS[@]}"
	grep -q '^CONFIG_LIBAIO=y' config-host.mak
	make -j"$(nproc)" fio
	strip -o "$2/fio" fio
	rm -rf "$src"
}

fio_build() {
	local source=$CACHE/fio-source tarball dir
	[ -d "$source" ] || prepare_root
	publish "$source" step "download fio's source" fetch_fio
	tarball=$(echo "$source"/fio_*.orig.tar.*)
	dir=$CACHE/fio/$({ basename "$tarball" && echo "${FIO_OPTIONS[*]}"; } | sha256sum |
		cut -c1-12)
	publish "$dir" step "build fio" make_fio "$tarball"
	prune "$CACHE/fio/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	FIO=$dir/fio
}
