# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guests that no one here configured: kernels of Debian as they ship, with their own
# modules, and Xen. Each uses its unit in all the ways that it knows, and has a disk and a
# network card. And what drives devices in a guest's user space.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

KERNELS='5.10 6.1 6.12 7'
# And the kernel of its first domain, of the same Debian
XENS='4.17:6.1 4.20:6.12'
# Ports for two more network cards, connected with each other
PORTS="$PORTS wire1 wire2"
# For VFIO's tests
HUGE='hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=1'
PARTS='debian_kernels bridges xen_dom0s vfio_selftests dpdk hibernation'

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

# The machine goes off and comes back with what was in memory, for a VMM and a unit that know
# nothing of it. The kernel that loads the image has used the disks in between.
hibernates() {
	APPEND='intel_iommu=on' IOMMU='' DEVICES='nvme1 nvme2'
	guest_start && each_translated 2 && guest 'echo before >/tmp/mark' || return 1
	echo 'hibernate nvme2' >&4
	vmm_wait && APPEND='intel_iommu=on VTD_RESUME=nvme2' && guest_start &&
		guest 'grep before /tmp/mark' && guest 'dmesg | grep "hibernation exit"' &&
		each_translated 2 && guest_stop
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

# --- The kernel's own tests of VFIO ---

# They are in the file system that the host has, too.
start_with_foreign() {
	guest_start_with -drive if=none,id=foreign,format=raw,readonly=on,file=/dev/vdb \
		-device virtio-blk-pci,drive=foreign &&
		guest 'mkdir /foreign && mount -t ext4 -o ro /dev/vdb /foreign'
}

# The tests are newer than 6.12, and some are not for it. Its type 1 has another error for
# what overflows. It flushes after each piece that it maps, and where iommufd plays version 1
# of type 1 that is 4 KiB: a GiB, which each test of vfio_pci_driver_test begins with, too,
# takes longer than a test may.
VFIO_TESTS_OF_7='overflow, iommufd as type 1 with 1 GiB, vfio_pci_driver_test'

for_7_only() { # PROGRAM
	[ "$1" != vfio_dma_mapping_test ] ||
		echo '-T overflow -V iommufd_compat_type1_anonymous_hugetlb_1gb'
}

# Longer than the host waits for an answer, each test not longer than it may
guest_long() { # COMMAND
	local left=900
	guest "rm -f /tmp/status; { $1; echo \$? >/tmp/status; } >/tmp/long 2>&1 &" || return 1
	until guest '[ -s /tmp/status ]'; do
		sleep 1
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
	done
	guest cat /tmp/long
	return "$(guest cat /tmp/status)"
}

old_kernel() { grep -q '^6\.12\.' /tools/guest/release; }

# All programs on a device. Status 4 says that one has nothing for it. What they mapped is
# unmapped when they end. Some of it are registers of the device itself, which are absent.
vfio_tests_on() { # ADDRESS
	local name without status result=0
	guest "rebind $1 vfio-pci" || return 1
	while read -r name; do
		status=0 without=''
		if old_kernel; then
			[ "$name" != vfio_pci_driver_test ] || continue
			without=$(for_7_only "$name")
		fi
		guest_long "/foreign/vfio/$name $without $1" >/tmp/vfio || status=$?
		cat /tmp/vfio
		echo "$name of $1 ended with status $status"
		case $status in 0 | 4) ;; *) result=1 ;; esac
		shadow_is pages -eq 0 || result=1
		NR_PASSED=$((NR_PASSED + $(grep '^ok ' /tmp/vfio | grep -vc '# SKIP')))
	done </foreign/vfio/tests
	return $result
}

vfio_tests() { # UNIT
	NR_PASSED=0
	start_with_foreign && unit_is "$1" && vfio_tests_on "$(guest_address nvme1)" &&
		vfio_tests_on "$(guest_address net)" &&
		echo "# $NR_PASSED tests, $(shadow leaves_mapped) leaves" >&3 && guest_stop
}

vfio_tests_legacy() {
	IOMMU='' APPEND="intel_iommu=on $HUGE"
	vfio_tests legacy
}

vfio_tests_scalable() {
	IOMMU=x-scalable-mode=on APPEND="intel_iommu=on,sm_on $HUGE"
	vfio_tests scalable
}

# --- DPDK ---

# Two cards with one cable: what leaves one comes to the other, and is sent back.
sends_packets() {
	local program=/foreign/dpdk/testpmd drivers='' file received
	for file in /foreign/dpdk/drivers/*; do
		drivers="$drivers -d $file"
	done
	APPEND="intel_iommu=on hugepages=128" IOMMU=''
	start_with_foreign && guest "rebind $(guest_address wire1) vfio-pci" &&
		guest "rebind $(guest_address wire2) vfio-pci" &&
		guest 'mkdir -p /var/run /dev/hugepages' &&
		guest 'mount -t hugetlbfs none /dev/hugepages' &&
		guest "LD_LIBRARY_PATH=/foreign/dpdk/lib timeout -s INT 25 $program $drivers \
			-a $(guest_address wire1) -a $(guest_address wire2) --iova-mode=va -- \
			--total-num-mbufs=8192 --tx-first --stats-period=1" >/tmp/testpmd
	cat /tmp/testpmd
	# What each card received, and both
	received=$(sed -n 's/.*RX-packets: \([0-9]*\) .*RX-total.*/\1/p' /tmp/testpmd |
		sort -n | head -n 1)
	[ "${received:-0}" -gt 1000 ] && shadow_is leaves_mapped -gt 0 &&
		shadow_is install_failures -eq 0 && shadow_is pages -eq 0 && stop
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

bridges() {
	DEVICES='' BOOT=/foreign/linux-7 IOMMU='' APPEND=intel_iommu=on
	check conventional_bridge behind_bridge
	IOMMU=x-scalable-mode=on APPEND=intel_iommu=on,sm_on
	told_apart conventional_bridge_scalable \
		'Linux 7.3 writes no context entry for the alias of a bridge' behind_bridge
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

vfio_selftests() {
	BOOT=/tools/guest DEVICES='nvme1 net' MEMORY=4096
	check vfio_selftests vfio_tests_legacy
	check vfio_selftests_scalable vfio_tests_scalable
	! old_kernel || skip vfio_selftests_of_7 "not for 6.12: $VFIO_TESTS_OF_7"
}

dpdk() {
	BOOT=/foreign/linux-6.1 DEVICES='wire1 wire2' MEMORY=1024
	check testpmd sends_packets
}

# The test kernels cannot do it.
hibernation() {
	BOOT=/foreign/linux-6.12 MEMORY=768
	check suspend_to_disk hibernates
}

words() { echo $#; }

# shellcheck disable=SC2086  # lists of words
planned() { # PART
	case $1 in
	debian_kernels) echo $(($(words $KERNELS) * 6)) ;;
	xen_dom0s) echo $(($(words $XENS) * 2)) ;;
	bridges) echo 2 ;;
	vfio_selftests) ! old_kernel && echo 2 || echo 3 ;;
	dpdk | hibernation) echo 1 ;;
	esac
}

exec 3>&1
NR_PLANNED=0
for name in $PARTS; do
	! part "$name" || NR_PLANNED=$((NR_PLANNED + $(planned "$name")))
done
plan $NR_PLANNED
for name in $PARTS; do
	! part "$name" || $name
done
