# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A VMM that opens none of the files itself: it is handed /dev/iommu, /dev/vtd_shadow and
# those of the devices. And one that has an iommufd object for each device.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

cdev() { # DEVICE
	local dir
	for dir in "/sys/bus/pci/devices/$(host_device "$1")/vfio-dev"/*; do
		echo "/dev/vfio/devices/${dir##*/}"
	done
}

# The disk goes and comes again by another file, which is the VMM's standard input. It has
# gone when nobody has the first file any more.
handed_over() {
	local status=0
	DEVICES='' SHIM=sandbox IOMMU=vtd-shadow-fd=9 INPUT=$(cdev nvme1)
	exec 3<>"$INPUT" 8<>/dev/iommu 9<>/dev/vtd_shadow
	guest_start_with -object iommufd,id=handed,fd=8 \
		-device vfio-pci,id=nvme1,fd=3,bus=port-nvme1,iommufd=handed &&
		exec 3>&- && translated && unplug nvme1 && shadow_is devices -eq 0 &&
		qmp device_add '"driver":"vfio-pci","id":"nvme1","fd":"0","bus":"port-nvme1",
			"iommufd":"handed"' && guest "await 'disk nvme1'" && translated &&
		guest_stop || status=1
	exec 8>&- 9>&-
	return $status
}

# As runtimes have it: each device has an object of its own, which goes with it.
own_objects() {
	local status=0
	DEVICES='' SHIM='' IOMMU='' INPUT=/dev/null
	guest_start_with -object iommufd,id=iommufd1 -device "$(device_options nvme1)" \
		-device "$(IOMMUFD=,iommufd=iommufd1 device_options nvme2)" &&
		works && same_content nvme2 && guest verify nvme2 64k 8 8M &&
		two_units && unplug nvme2 && qmp object-del '"id":"iommufd1"' && works &&
		guest_stop
}

two_units() {
	qmp query-vtd-shadow >/tmp/query
	grep '"domains": 1[,}].*"domains": 1[,}]' /tmp/query && return
	cat /tmp/query
	return 1
}

# The first disk comes to a guest that translates: not all of the guest's memory is pinned for
# it, as it is not with the VMM's own shadowing. COSTS keeps what is measured.
COSTS=/tmp/costs

plug_cost() { # on|off
	local before begin now
	SHADOW=$1 DEVICES='' MEMORY=2048
	guest_start || return 1
	before=$(pinned)
	begin=$(hundredths)
	qmp device_add "$(plug_arguments nvme1)" || return 1
	now=$(hundredths)
	PINNED=$(($(pinned) - before))
	guest "await 'disk nvme1'" && works || return 1
	echo "# vtd-shadow=$1: a disk that comes to a guest of $MEMORY MiB pins" \
		"$((PINNED / 256)) MiB in $((now - begin))0 ms" >>$COSTS
	guest_stop
}

plug_pins_little() {
	plug_cost off && plug_cost on && [ "$PINNED" -lt $((MEMORY * 256 / 2)) ]
}

hundredths() { awk '{ print int($1 * 100) }' /proc/uptime; }

pinned() {
	echo 1 >/proc/sys/vm/stat_refresh
	echo $(($(vmstat nr_foll_pin_acquired) - $(vmstat nr_foll_pin_released)))
}

if [ "$SHADOW" != on ]; then
	plan 1
	skip handed 'only with vtd_shadow'
	exit
fi
plan 3
check_with_shim files_are_handed_over handed_over
check an_iommufd_object_for_each_device own_objects
check a_disk_that_comes_pins_little plug_pins_little
cat $COSTS
