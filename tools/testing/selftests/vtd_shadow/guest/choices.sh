# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# vtd-shadow=on, off and auto: who shadows, and what the user is told.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# host_rebind DEVICE DRIVER
host_rebind() {
	local dir
	dir=/sys/bus/pci/devices/$(host_device "$1")
	echo "${dir##*/}" >"$dir/driver/unbind"
	bind "$dir" "$2"
}

refuses() { # TEXT
	if vmm_start; then
		echo 'it starts'
		return 1
	fi
	! vmm_wait && said 1 "$1"
}

own_shadowing() {
	guest_start && works && nobody_shadows && guest_stop
}

# What is checked of the engine is checked as with on
auto_takes_it() {
	SHADOW=auto
	guest_start || return 1
	SHADOW=on
	translated && said 0 'itself shadows' && guest_stop
}

falls_back() {
	SHADOW=auto
	own_shadowing && said 1 'itself shadows'
}

other_driver() {
	local status=0
	host_rebind nvme1 vfio-pci
	SHADOW=on refuses 'not bound to a driver' && falls_back || status=1
	host_rebind nvme1 "$DRIVER"
	return $status
}

# One disk has the driver, one has not
mixed() {
	local status=0
	host_rebind nvme2 vfio-pci
	SHADOW=auto DEVICES='nvme1 nvme2'
	guest_start && SHADOW=on && translated && same_content nvme2 &&
		guest verify nvme2 64k 4 4M && said 1 'itself shadows' && guest_stop || status=1
	DEVICES=nvme1
	host_rebind nvme2 "$DRIVER"
	return $status
}

no_module() {
	local status=0 name
	for name in $PORTS; do
		host_rebind "$name" vfio-pci
	done
	rmmod vtd_shadow_vfio_pci vtd_shadow
	SHADOW=on refuses '/dev/vtd_shadow' && falls_back || status=1
	insmod /modules/vtd_shadow.ko && insmod /modules/vtd_shadow_vfio_pci.ko || status=1
	for name in $PORTS; do
		host_rebind "$name" "$DRIVER"
	done
	return $status
}

# A device on a group and a container
no_iommufd() {
	SHADOW=on IOMMUFD='' refuses 'needs a device with iommufd=' || return 1
	IOMMUFD='' falls_back
}

no_caching_mode() {
	SHADOW=on IOMMU=caching-mode=off refuses 'needs caching-mode=on'
}

# A shadow goes nowhere, whatever the mode. In the ordinary one VFIO says so, too.
no_migration() {
	SHADOW=on
	guest_start && translated && migrates_not normal 'not supported' &&
		migrates_not cpr-reboot 'vtd_shadow: the host kernel shadows' &&
		blocked_in cpr-transfer && blocked_in cpr-exec && unplug nvme1 &&
		! blocked_in cpr-transfer && guest_stop
}

# blocked_in MODE: what takes more than one command to try. Not all VMMs have it.
blocked_in() {
	local answer
	if ! answer=$(qmp migrate-set-parameters "\"mode\":\"$1\""); then
		echo "$1: $answer"
		case $answer in *"does not accept value"*) return ;; esac
		return 1
	fi
	qmp query-migrate | grep 'blocked-reasons.*vtd_shadow: the host kernel shadows'
}

migrates_not() { # MODE REASON
	local answer
	qmp migrate-set-parameters "\"mode\":\"$1\"" || return 1
	if answer=$(qmp migrate "\"uri\":\"file:$GUEST/state\""); then
		echo 'it migrates'
		return 1
	fi
	echo "$1: $answer"
	case $answer in *"$2"*) ;; *) return 1 ;; esac
}

plan 8
SHADOW=off
check off own_shadowing
check auto auto_takes_it
check other_driver other_driver
check one_of_two mixed
check no_module no_module
check no_iommufd no_iommufd
check no_caching_mode no_caching_mode
check no_migration no_migration
