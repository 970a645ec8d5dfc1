# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guests that no one here configured: kernels of Debian as they ship, with their own
# modules, and Xen. Each uses its unit in all the ways that it knows, and has a disk and a
# network card.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

KERNELS='5.10 6.1 6.12 7'
# And the kernel of its first domain, of the same Debian
XENS='4.17:6.1 4.20:6.12'
PARTS='debian_kernels xen_dom0s'

# legacy or scalable, by the root table's address register
unit_is() { # MODE
	local value mode=legacy
	value=$(qmp human-monitor-command '"command-line":"xp /1xg 0xfed90020"') || return 1
	case $value in *0x*[4567]??'\r'*) mode=scalable ;; esac
	echo "the guest's unit is in $mode mode: $value"
	[ "$mode" = "$1" ]
}

# Small and large requests, few and many, a file system, and the network
use_devices() {
	guest verify nvme1 4k 32 1M && guest verify nvme1 1M 4 32M &&
		guest file_system nvme1 && network
}

# None refused
all_devices() { use_devices && shadow_is install_failures -eq 0; }

# Work may still be given to a processor that was stopped because the power goes off: "sched:
# Unexpected reschedule of offline CPU#1!", seen with 5.10. So it goes before.
stop() { guest 'echo 0 >/sys/devices/system/cpu/cpu1/online' && guest_stop; }

legacy() {
	APPEND=intel_iommu=on IOMMU=''
	guest_start && each_translated 2 && unit_is legacy && domain_of_guest DMA && all_devices
}

# Flushes come later, and many at once. A guest in caching mode does so only if it is told
# to when it runs, which 5.10 cannot be.
lazy() {
	guest 'echo DMA-FQ >/sys/bus/pci/devices/$(pci_of nvme1)/iommu_group/type' &&
		domain_of_guest DMA-FQ && each_translated 2 && all_devices
}

unplugged() {
	guest load_start nvme1 && unplug nvme1 && shadowed 1 && shadow_is domains -eq 1 &&
		plug nvme1 && each_translated 2 && stop
}

pass_through() {
	APPEND='intel_iommu=on iommu=pt' IOMMU=''
	guest_start && each_identity 2 && unit_is legacy && domain_of_guest identity &&
		all_devices && stop
}

scalable() {
	APPEND=intel_iommu=on,sm_on IOMMU=x-scalable-mode=on
	guest_start && each_translated 2 && unit_is scalable && domain_of_guest DMA &&
		all_devices && unplugged
}

scalable_pass_through() {
	APPEND='intel_iommu=on,sm_on iommu=pt' IOMMU=x-scalable-mode=on
	guest_start && each_identity 2 && unit_is scalable && domain_of_guest identity &&
		all_devices && stop
}

# Xen has the unit, and all that is not its own mapped to itself for the first domain, also
# what the firmware reserves, where there is no memory. That domain has the console of Xen.
# A comma ends its command line.
dom0_start() {
	vmm_start -kernel "/foreign/xen-$XEN/xen" \
		-append 'console=com1 com1=115200 spec-ctrl=no xpti=no' \
		-initrd "$BOOT/bzImage $KERNEL_ARGS console=hvc0,$BOOT/initramfs" && guest_ready
}

dom0() {
	IOMMU=''
	dom0_start && guest 'grep xen /sys/hypervisor/type' && works && shadowed 2 &&
		shadow_is domains -eq 1 && shadow_is leaves_mapped -gt 0 && use_devices
}

dom0_unplugged() {
	guest load_start nvme1 && unplug nvme1 && shadowed 1 && plug nvme1 && works &&
		shadowed 2 && shadow_is domains -eq 1 && stop
}

# --- What is run ---

# TEST=foreign:PART is one part.
part() { # NAME
	case $VTD_WHICH in
	*:"$1") ;;
	*:*) return 1 ;;
	esac
}

debian_kernels() {
	DEVICES='nvme1 net'
	for KERNEL in $KERNELS; do
		BOOT=/foreign/linux-$KERNEL
		check "translated.$KERNEL" legacy
		if [ "$KERNEL" = 5.10 ]; then
			skip "lazy.$KERNEL" "it cannot be told to"
		else
			check "lazy.$KERNEL" lazy
		fi
		check "unplug_under_load.$KERNEL" unplugged
		check "pass_through.$KERNEL" pass_through
		check "scalable.$KERNEL" scalable
		check "scalable_pass_through.$KERNEL" scalable_pass_through
	done
}

xen_dom0s() {
	local pair
	DEVICES='nvme1 net'
	for pair in $XENS; do
		XEN=${pair%:*} BOOT=/foreign/linux-${pair#*:}
		check "xen_dom0.$XEN" dom0
		check "xen_dom0_unplug_under_load.$XEN" dom0_unplugged
	done
}

words() { echo $#; }

# shellcheck disable=SC2086  # lists of words
planned() { # PART
	case $1 in
	debian_kernels) echo $(($(words $KERNELS) * 6)) ;;
	xen_dom0s) echo $(($(words $XENS) * 2)) ;;
	esac
}

NR_PLANNED=0
for name in $PARTS; do
	! part "$name" || NR_PLANNED=$((NR_PLANNED + $(planned "$name")))
done
plan $NR_PLANNED
for name in $PARTS; do
	! part "$name" || $name
done
