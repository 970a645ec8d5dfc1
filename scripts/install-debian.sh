#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Puts modules where depmod prefers them to those of the kernel package, or takes them
# away again. Either is done wholly or not at all. modules-debian.sh runs this as
# root, test/debian-test.sh in a machine that has nothing else of scripts/.
#
#   install-debian.sh install RELEASE MODULES    the files of the directory MODULES
#   install-debian.sh remove RELEASE
#
# What cannot be is said in one sentence, with status 1; then nothing has changed.

set -eu

# All that depend on iommufd or vfio, or are these, users first
NAMES='vtd_shadow_vfio_pci vtd_shadow kvmgt vfio_pci vfio_pci_core mdev vfio_iommu_type1
	vfio iommufd'

die() {
	echo "vtd_shadow: $*" >&2
	exit 1
}

loaded() { grep -q "^$1 " /proc/modules; }

# A module that drives devices can be unloaded, and the devices are without a driver then.
bound_devices() {
	for link in /sys/bus/*/drivers/vfio-pci/*:*:*.* \
		/sys/bus/*/drivers/vtd_shadow_vfio_pci/*:*:*.*; do
		[ ! -e "$link" ] || echo "${link##*/}"
	done
}

# The modules are replaced in a running kernel: those that are loaded have to go. Of one
# that cannot go the others come back.
unload() {
	[ "$RELEASE" = "$(uname -r)" ] || return 0
	bound=$(bound_devices | paste -s -d ' ' -)
	[ -z "$bound" ] || die "bound to a VFIO driver, give back first: $bound"
	gone=
	for name in $NAMES; do
		loaded "$name" || continue
		rmmod "$name" 2>/dev/null && gone="$name $gone" && continue
		for name2 in $gone; do
			modprobe "$name2" || true
		done
		die "the module $name is in use: end what uses VFIO, or kvmgt, first"
	done
}

# A kernel that takes only signed modules says so in one of two places.
signed_only() {
	grep -qs 'Y' /sys/module/module/parameters/sig_enforce ||
		grep -qsE '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown
}

check_signatures() {
	signed_only || return 0
	for file in "$MODULES"/*.ko; do
		[ -n "$(modinfo -F signer "$file")" ] ||
			die "this kernel loads signed modules only (Secure Boot):" \
				"give KEY= and CERT=, files of a key that the firmware knows"
	done
}

# The file that modprobe would take, by depmod's rules
taken() { modinfo -k "$RELEASE" -F filename "$1" 2>/dev/null; }

# An initramfs that loads VFIO early has its own copies.
refresh_initramfs() {
	image=/boot/initrd.img-$RELEASE
	if [ -e "$image" ] && command -v lsinitramfs >/dev/null &&
		lsinitramfs "$image" | grep /vfio >/dev/null; then
		update-initramfs -u -k "$RELEASE"
	fi
}

remove_files() {
	rm -rf "$PLACE"
	rmdir "$ROOM" 2>/dev/null || true
	depmod "$RELEASE"
}

install_modules() {
	[ -d "$BASE" ] || die "there is no kernel $RELEASE"
	check_signatures
	unload
	mkdir -p "$PLACE"
	cp "$MODULES"/*.ko "$PLACE"
	depmod "$RELEASE"
	case $(taken vfio) in
	"$PLACE"/*) ;;
	*)
		found=$(taken vfio)
		remove_files
		die "modprobe takes $found all the same: /etc/depmod.d prefers it"
		;;
	esac
	refresh_initramfs
	echo "installed in $PLACE"
}

remove_modules() {
	[ -d "$PLACE" ] || die "nothing is installed for $RELEASE"
	unload
	remove_files
	refresh_initramfs
	echo "removed from $PLACE"
}

[ $# -ge 2 ] || die "usage: install-debian.sh install RELEASE MODULES, or remove RELEASE"
RELEASE=$2 MODULES=${3:-}
BASE=/lib/modules/$RELEASE
ROOM=$BASE/updates
PLACE=$ROOM/vtd_shadow
[ "$(id -u)" -eq 0 ] || die "modules are installed by root"
case $1 in
install) install_modules ;;
remove) remove_modules ;;
*) die "install or remove, not $1" ;;
esac
