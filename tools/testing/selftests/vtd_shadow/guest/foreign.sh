# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guests that no one here configured: kernels of Debian as they ship, with their own
# modules. Each uses its unit in all the ways that it knows, and has a disk and a network
# card.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

KERNELS='6.1'

# legacy or scalable, by the root table's address register
unit_is() { # MODE
	local value mode=legacy
	value=$(qmp human-monitor-command '"command-line":"xp /1xg 0xfed90020"') || return 1
	case $value in *0x*[4567]??'\r'*) mode=scalable ;; esac
	echo "the guest's unit is in $mode mode: $value"
	[ "$mode" = "$1" ]
}

# Small and large requests, few and many, a file system, and the network, none refused
all_devices() {
	guest verify nvme1 4k 32 1M && guest verify nvme1 1M 4 32M &&
		guest file_system nvme1 && network && shadow_is install_failures -eq 0
}

legacy() {
	APPEND=intel_iommu=on IOMMU=''
	guest_start && each_translated 2 && unit_is legacy && domain_of_guest DMA && all_devices
}

# Flushes come later, and many at once. A guest in caching mode does so only if it is told
# to when it runs.
lazy() {
	guest 'echo DMA-FQ >/sys/bus/pci/devices/$(pci_of nvme1)/iommu_group/type' &&
		domain_of_guest DMA-FQ && each_translated 2 && all_devices
}

unplugged() {
	guest load_start nvme1 && unplug nvme1 && shadowed 1 && shadow_is domains -eq 1 &&
		plug nvme1 && each_translated 2 && guest_stop
}

pass_through() {
	APPEND='intel_iommu=on iommu=pt' IOMMU=''
	guest_start && each_identity 2 && unit_is legacy && domain_of_guest identity &&
		all_devices && guest_stop
}

scalable() {
	APPEND=intel_iommu=on,sm_on IOMMU=x-scalable-mode=on
	guest_start && each_translated 2 && unit_is scalable && domain_of_guest DMA &&
		all_devices && unplugged
}

scalable_pass_through() {
	APPEND='intel_iommu=on,sm_on iommu=pt' IOMMU=x-scalable-mode=on
	guest_start && each_identity 2 && unit_is scalable && domain_of_guest identity &&
		all_devices && guest_stop
}

# shellcheck disable=SC2086  # a list of words
plan $(($(echo $KERNELS | wc -w) * 6))
DEVICES='nvme1 net'
for KERNEL in $KERNELS; do
	BOOT=/foreign/linux-$KERNEL
	check "translated.$KERNEL" legacy
	check "lazy.$KERNEL" lazy
	check "unplug_under_load.$KERNEL" unplugged
	check "pass_through.$KERNEL" pass_through
	check "scalable.$KERNEL" scalable
	check "scalable_pass_through.$KERNEL" scalable_pass_through
done
