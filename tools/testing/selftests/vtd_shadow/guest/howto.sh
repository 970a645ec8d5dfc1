# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The commands of "How to" in Documentation/admin-guide/vtd_shadow_qemu.rst, as they are
# there: a device is bound, a guest gets it and is shadowed. What they leave to the reader
# is given here: the device, and what else the guest has.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# The modules are loaded already.
modprobe() { grep -q "^$1 " /proc/modules; }

# The VMM has an iommufd object of that name, and a unit only if the commands give it one.
commands() {
	sed "s/^DEVICE=.*/DEVICE=$(host_device nvme1)/; s/^qemu-system-x86_64/start_howto/
		s/ \.\.\. / /; s/iommufd0/howto/g" /guest/howto
}

start_howto() { guest_start_with "$@"; }

as_documented() {
	DEVICES='' SHADOW=none
	commands >/tmp/howto
	cat /tmp/howto
	# shellcheck disable=SC1091  # the document
	. /tmp/howto || return 1
	SHADOW=on
	translated && guest_stop
}

if [ "$SHADOW" != on ]; then
	plan 1
	skip howto 'only with vtd_shadow'
	exit
fi
plan 1
check commands_as_documented as_documented
