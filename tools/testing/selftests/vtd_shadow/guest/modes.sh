# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a guest can do with its remapping unit: each way of using it or of leaving it
# alone, and going from one to another while the disk stays assigned.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

KEXEC='kexec -c -l /tools/guest/bzImage --initrd=/tools/guest/initramfs'
KDUMP='kexec -c -p /tools/guest/bzImage --initrd=/tools/guest/initramfs'

boot_and() { # CHECK
	guest_start && $1 && guest_stop
}

legacy() { translated && domain_of_guest DMA; }
pass_through() { identity && domain_of_guest identity; }

# The guest still uses the queue, for interrupts
untouched() {
	identity && guest '[ ! -e /sys/bus/pci/devices/$(pci_of nvme1)/iommu_group ]'
}

scalable() {
	translated && guest 'dmesg | grep -q "DMAR: .*ecap"' && domain_of_guest DMA
}

# The BIOS finds disks by DMA of its own before there is any operating system: it knows
# the size of this one.
bios_only() {
	local left=$PATIENCE
	vmm_start -chardev file,id=bios,path=$GUEST/bios \
		-device isa-debugcon,iobase=0x402,chardev=bios || return 1
	until grep -q 'No bootable device' $GUEST/bios; do
		sleep 0.5
		left=$((left - 1))
		[ $left -gt 0 ] || break
	done
	grep '^drive .* s=2097152' $GUEST/bios || {
		tail -n 30 $GUEST/bios
		return 1
	}
	shadowed 1 && shadow_is domains -eq 0 && shadow_is descriptors -eq 0 &&
		qmp quit && vmm_wait
}

# The next kernel says that it is ready, as the first one did. It cannot answer the
# command that started it. The same is true of a kernel that sleeps.
next_kernel() { # COMMAND
	echo "$*" >&4
	guest_ready
}

append() { echo "--append=\"$KERNEL_ARGS $APPEND $*\""; }

kexec_again() {
	guest_start && translated && guest "$KEXEC $(append kexeced)" &&
		next_kernel 'kexec -e' && guest 'grep -q kexeced /proc/cmdline' &&
		translated && guest_stop
}

# The kernel dies with translation on, and the one that takes over finds it so: it
# copies the tables and changes the root table under DMA. Init is the agent: if it
# ends, the kernel does.
crashes() {
	guest_start && translated && guest "$KDUMP $(append kdumped)" &&
		next_kernel 'exit 1' && guest 'grep -q kdumped /proc/cmdline' &&
		guest 'dmesg | grep "Translation already enabled"' && translated || return 1
	echo 'poweroff -f' >&4
	vmm_wait
}

reboots() {
	guest_start && translated && next_kernel 'reboot -f' && translated && guest_stop
}

# The machine is reset under load; nobody tells the guest.
resets() {
	guest_start && guest load_start nvme1 && qmp system_reset && guest_ready &&
		translated && guest_stop
}

# A second serial port wakes the guest up.
WAKE=/tmp/wake

wakes_up() {
	until grep -q 'PM: suspend entry' $GUEST/console.log; do
		sleep 0.5
	done
	sleep 3
	echo wake >$WAKE.in
}

sleeps() {
	mkfifo $WAKE.in $WAKE.out
	guest_start_with -chardev pipe,id=wake,path=$WAKE -serial chardev:wake && translated &&
		guest 'sleep 600 </dev/ttyS1 & echo enabled >/sys/class/tty/ttyS1/power/wakeup' ||
		return 1
	wakes_up &
	next_kernel 'go_to_sleep freeze' && guest 'dmesg | grep "PM: suspend exit"' && translated &&
		guest_stop
}

# S3: the firmware wakes the machine up, in which all was reset meanwhile, also the numbers
# of its buses. The guest has translation on before it gives them again.
wakes_from_s3() {
	vmm_event SUSPEND && sleep 1 && qmp system_wakeup
}

# After that the guest cannot switch the machine off, whoever shadows.
sleeps_in_s3() { # CHECK [AFTERWARDS]
	guest_start && $1 && guest 'echo deep >/sys/power/mem_sleep' || return 1
	[ -z "${2:-}" ] || guest load_start nvme1 || return 1
	wakes_from_s3 &
	next_kernel 'go_to_sleep mem' &&
		guest 'dmesg | grep "ACPI: PM: Waking up from system sleep state S3"' &&
		${2:-true} && $1 && shadow_is install_failures -eq 0 && guest_clean &&
		qmp quit && vmm_wait
}

# The load goes on where it was stopped, and finds what it had written.
load_goes_on() { guest 'sleep 2; kill $LOAD; wait $LOAD; cat /tmp/load'; }

card_translated() { network && shadowed 1 && shadow_is domains -eq 1 && shadow_is pages -gt 0; }

# From a domain of its own to identity and back
changes_domain() {
	guest_start && translated && guest 'domain_type $(pci_of nvme1) identity' &&
		guest "await 'disk nvme1'" && works && shadow_is domains -eq 0 &&
		guest 'domain_type $(pci_of nvme1) DMA' && guest "await 'disk nvme1'" &&
		translated && guest_stop
}

plan 17
check translated boot_and legacy
check from_identity_and_back changes_domain
APPEND='intel_iommu=on iommu=pt'
check pass_through boot_and pass_through
APPEND='intel_iommu=off'
check intel_iommu_off boot_and untouched
APPEND='intel_iommu=on,sm_on' IOMMU=x-scalable-mode=on
check scalable boot_and scalable
APPEND='intel_iommu=on,sm_on iommu=pt'
check scalable_pass_through boot_and identity
APPEND=intel_iommu=on IOMMU=''
check firmware bios_only
check kexec kexec_again
APPEND='intel_iommu=on crashkernel=256M'
check kdump crashes
APPEND='intel_iommu=on,sm_on crashkernel=256M' IOMMU=x-scalable-mode=on
check kdump_scalable crashes
APPEND=intel_iommu=on IOMMU=''
check reboot reboots
check reset_under_load resets
check suspend_to_idle sleeps
check suspend_to_ram sleeps_in_s3 translated
check suspend_to_ram_under_load sleeps_in_s3 translated load_goes_on
APPEND='intel_iommu=on,sm_on' IOMMU=x-scalable-mode=on
check suspend_to_ram_scalable_under_load sleeps_in_s3 translated load_goes_on
APPEND=intel_iommu=on IOMMU='' DEVICES=net
check suspend_to_ram_network_card sleeps_in_s3 card_translated
