# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Devices come to a guest and leave it, several at once, also in the hands of the
# guest's own user space.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# Two disks and the network card at once, each in a domain of its own
all_at_once() {
	guest_start && shadowed 3 && guest load_start nvme1 &&
		same_content nvme2 && network && guest verify nvme2 64k 8 8M &&
		shadow_is domains -eq 3 && guest 'kill $LOAD; wait $LOAD; cat /tmp/load' &&
		translated_disks && guest_stop
}

translated_disks() { works && same_content nvme2; }

hot_plug() {
	guest_start && shadowed 0 && plug nvme1 && translated &&
		unplug nvme1 && shadowed 0 &&
		plug nvme1 && translated && guest_stop
}

unplug_under_load() {
	guest_start && guest load_start nvme2 && unplug nvme2 && shadowed 1 &&
		shadow_is domains -eq 1 && translated && plug nvme2 && translated_both &&
		guest_stop
}

translated_both() { translated_disks && shadow_is domains -eq 2; }

# The guest's own VFIO: what the disk may reach is what a user-space driver maps.
nested() { # iommufd|type1
	local address
	address=$(guest_address nvme1)
	guest "rebind $address vfio-pci" && guest "vtd_shadow_nested dma $1 $address" &&
		guest "rebind $address nvme" && guest "await 'disk nvme1'" && translated
}

rebinds() {
	guest_start && translated && nested iommufd && nested type1 && nested iommufd &&
		guest_stop
}

# A guest's driver has one disk and 256 MiB in 4 KiB pages; the next disk comes.
plug_into_full_domain() {
	local first second
	first=$(guest_address nvme1) second=$(guest_address nvme2)
	guest_start && guest "rebind $first vfio-pci" &&
		guest "full_domain_start 256 $first $second" &&
		shadow_is pages -ge 65536 &&
		plug nvme2 && guest "rebind $second vfio-pci" &&
		guest full_domain_end &&
		guest "rebind $first nvme" && guest "rebind $second nvme" &&
		guest "await 'disk nvme1 && disk nvme2'" && translated_disks && guest_stop
}

# Devices that the VMM emulates, and one of the host's vhost, behind the same unit
emulated_devices() {
	local sum
	guest_start_with \
		-drive if=none,id=more,format=raw,readonly=on,file=/dev/vda,file.locking=off \
		-device virtio-blk-pci,drive=more,iommu_platform=on,disable-legacy=on \
		-netdev tap,id=tap,ifname=tap0,script=no,downscript=no,vhost=on \
		-device virtio-net-pci,netdev=tap,iommu_platform=on,disable-legacy=on,romfile= ||
		return 1
	ifconfig tap0 192.168.77.1 netmask 255.255.255.0 up
	sum=$(dd if=/dev/vda bs=1M count=16 2>/dev/null | sha256sum)
	guest 'dd if=/dev/vdb iflag=direct bs=1M count=16 2>/dev/null | sha256sum' |
		grep "$sum" && translated && guest virtio_network_up 192.168.77 &&
		shadowed 1 && guest_stop
}

# When the guest is gone, the host's own driver can have the disk.
given_back() {
	local dir sum
	dir=/sys/bus/pci/devices/$(host_device nvme1)
	insmod /modules/nvme_core.ko && insmod /modules/nvme.ko || return 1
	echo "${dir##*/}" >"$dir/driver/unbind"
	bind "$dir" nvme
	sleep 2
	sum=$(dd if=/dev/nvme0n1 bs=1M "skip=$CONTENT_MIB" count=16 2>/dev/null | sha256sum)
	echo "${dir##*/}" >"$dir/driver/unbind"
	bind "$dir" "$DRIVER"
	rmmod nvme nvme_core
	echo "the host reads $sum"
	[ "${sum%% *}" = "$(original nvme1)" ]
}

plan 9
DEVICES='nvme1 nvme2 net'
check two_disks_and_a_network_card all_at_once
DEVICES=
check hot_plug hot_plug
DEVICES='nvme1 nvme2'
check unplug_under_load unplug_under_load
DEVICES=nvme1
check rebind_to_the_guests_vfio rebinds
check plug_into_a_full_domain plug_into_full_domain
check emulated_and_vhost_devices emulated_devices
check given_back_to_the_host given_back
DEVICES=
check conventional_bridge behind_bridge
APPEND='intel_iommu=on,sm_on' IOMMU=x-scalable-mode=on
told_apart conventional_bridge_scalable \
	'Linux writes no context entry for the alias of a bridge' behind_bridge
