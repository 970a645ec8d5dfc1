# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# libvirt as Debian ships it, unpacked in the cache and not installed, so that no service
# of it runs on this machine. Sourced by test/libvirt-test.sh; it gives
#
#   libvirt_build             sets LIBVIRT, the folder
#   libvirt_fill ROOT         what a host needs to run it

# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

# The daemon, its driver for QEMU, and what only they need
LIBVIRT_PACKAGES=(libvirt-daemon libvirt-daemon-driver-qemu dmidecode libparted2)
LIBVIRT_DRIVER=usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so

fetch_libvirt() { # DIRECTORY
	local package
	with_own_suites
	cd "$1"
	apt "${APT_OPTIONS[@]}" download "${LIBVIRT_PACKAGES[@]}"
	for package in *.deb; do
		dpkg-deb -x "$package" .
	done
	rm -- *.deb
}

libvirt_build() { # sets LIBVIRT
	LIBVIRT=$CACHE/libvirt/$(dpkg-query -W -f '${Version}' libvirt0 | tr : _)
	[ -z "${REFRESH:-}" ] || rm -rf "$LIBVIRT"
	[ -d "$LIBVIRT" ] || prepare_root
	publish "$LIBVIRT" step "download libvirt" fetch_libvirt
	prune "$CACHE/libvirt/" "$LIBVIRT"
}

libvirt_fill() { # ROOT
	local root=$1
	mkdir -p "$root"/{usr/sbin,usr/share/libvirt,etc/libvirt,run/libvirt,var/lib/libvirt} \
		"$root"/{var/log/libvirt,var/cache/libvirt} "$root/$(dirname "$LIBVIRT_DRIVER")"
	ln -s ../run "$root/var/run"
	cp "$LIBVIRT/usr/sbin"/{libvirtd,dmidecode} /usr/bin/virsh "$root/usr/sbin"
	cp "$LIBVIRT/$LIBVIRT_DRIVER" "$root/$LIBVIRT_DRIVER"
	cp -r /usr/share/libvirt/{cpu_map,schemas} "$root/usr/share/libvirt"
	LD_LIBRARY_PATH=$LIBVIRT/lib/x86_64-linux-gnu:$LIBVIRT/usr/lib/x86_64-linux-gnu \
		copy_libraries "$root" "$root/usr/sbin"/* "$root/$LIBVIRT_DRIVER"
}
