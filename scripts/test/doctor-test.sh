#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests vtd_shadow_doctor on copies of the files of a host: one on which all is there, and
# the same with one thing missing at a time. The doctor calls the first one ready, and names
# in each of the others what is missing, and nothing else. package-boot-test.sh has a host
# that runs.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

DOCTOR=$TOP/tools/vtd_shadow/vtd_shadow_doctor
RELEASE=6.12.1
DEVICE=0000:01:00.0

put() { # FILE TEXT
	mkdir -p "$(dirname "$ROOT/$1")"
	echo "$2" >"$ROOT/$1"
}

add_device() { # ADDRESS GROUP CLASS
	put "sys/bus/pci/devices/$1/class" "$3"
	put "sys/bus/pci/devices/$1/modalias" "pci:v00008086d00001234sv0sd0bc02sc00i00"
	mkdir -p "$ROOT/sys/kernel/iommu_groups/$2/devices"
	ln -s "$ROOT/sys/bus/pci/devices/$1" "$ROOT/sys/kernel/iommu_groups/$2/devices/$1"
}

# A host that is ready
host() { # NAME
	local name modules=lib/modules/$RELEASE
	ROOT=$WORK/$1
	put "boot/config-$RELEASE" $'CONFIG_IOMMUFD=m\nCONFIG_VFIO_DEVICE_CDEV=y\nCONFIG_VFIO_PCI=m'
	put sys/class/iommu/dmar0 ''
	put sys/firmware/acpi/tables/DMAR ''
	put proc/interrupts ' 24: 0 IR-PCI-MSI 0-edge nvme0q0'
	put proc/meminfo 'MemTotal: 16 kB'
	for name in vtd_shadow vtd_shadow_vfio_pci; do
		put "$modules/updates/$name.ko" ''
		put "sys/module/$name/refcnt" 0
	done
	put "$modules/modules.alias" 'alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci'
	put dev/iommu ''
	put dev/vtd_shadow ''
	add_device 0000:00:01.0 1 0x060400
	add_device "$DEVICE" 1 0x020000
	add_device 0000:02:00.0 2 0x010802
	add_device 0000:02:00.1 2 0x010802
}

doctor() { "$DOCTOR" --root "$ROOT" "$@"; }

# missing NAME WORD...: nothing else is said to be missing; a word each
missing() {
	local name=$1 said nr
	shift
	if said=$(doctor); then
		fail "doctor: $name" "said that the host is ready"
		return
	fi
	nr=$(grep -c '^MISSING' <<<"$said" || true)
	[ "$nr" -eq $# ] || {
		fail "doctor: $name" "$nr things are missing: $said"
		return
	}
	for word; do
		grep -q "^MISSING.*$word" <<<"$said" || {
			fail "doctor: $name" "said not '$word': $said"
			return
		}
	done
	pass "doctor: $name"
}

says() { # NAME WORD ARGUMENT...
	local name=$1 word=$2 said
	shift 2
	said=$(doctor "$@") || true
	if grep -q "$word" <<<"$said"; then
		pass "doctor: $name"
	else
		fail "doctor: $name" "said not '$word': $said"
	fi
}

test_ready() {
	host ready
	says "all is there" '^This host is ready'
	says "who shares a group" \
		'1 of 2 groups have one device; together are: 0000:02:00.0 0000:02:00.1$'
	says "the driver of a device" "$DEVICE: tools would choose vfio_pci" --device "$DEVICE"
	put "lib/modules/$RELEASE/modules.alias" "$(
		echo 'alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci'
		echo 'alias vfio_pci:v00008086d00001234sv*sd*bc*sc*i* own_vfio_pci'
	)"
	says "a driver that is made for a device" "choose own_vfio_pci" --device "$DEVICE"
	if doctor --report --device "$DEVICE" | grep '[0-9a-f]\{2\}:[0-9a-f]\{2\}\.[0-7]'; then
		fail "doctor: a report has no addresses"
	else
		pass "doctor: a report has no addresses"
	fi
}

# As in a service of systemd, which does not hear that nobody reads any more
test_service() {
	local said
	host service
	# More than a pipe takes, behind what is looked for
	seq -f '# CONFIG_OTHER_%.0f is not set' 100000 >>"$ROOT/boot/config-$RELEASE"
	said=$(env --ignore-signal=PIPE "$DOCTOR" --root "$ROOT" 2>&1 >/dev/null) || true
	if [ -z "$said" ]; then
		pass "doctor: says nothing else in a service"
	else
		fail "doctor: says nothing else in a service" "$said"
	fi
}

test_kernel() {
	local option
	for option in IOMMUFD VFIO_DEVICE_CDEV VFIO_PCI; do
		host "no-$option"
		sed -i "/$option=/d" "$ROOT/boot/config-$RELEASE"
		missing "no $option" "CONFIG_$option"
	done
	# What make modules-debian built is there, whatever the kernel was configured with
	host built
	sed -i '/IOMMUFD=\|CDEV=/d' "$ROOT/boot/config-$RELEASE"
	put "lib/modules/$RELEASE/updates/vtd_shadow/iommufd.ko" ''
	put "lib/modules/$RELEASE/updates/vtd_shadow/vfio.ko" ''
	says "options that modules bring" '^This host is ready'
	put sys/module/vfio/refcnt 0
	put proc/devices ' 10 misc'
	missing "the stock VFIO is loaded" "CONFIG_VFIO_DEVICE_CDEV"
	put proc/devices '511 vfio-dev'
	says "VFIO with nodes is loaded" '^This host is ready'
	host old
	mv "$ROOT/lib/modules/$RELEASE" "$ROOT/lib/modules/6.11.9"
	mv "$ROOT/boot/config-$RELEASE" "$ROOT/boot/config-6.11.9"
	missing "an old kernel" "6.11.9"
}

test_iommu() {
	host off
	rm "$ROOT/sys/class/iommu/dmar0"
	missing "the IOMMU is off" "IOMMU is off"
	host none
	rm -r "$ROOT"/sys/{class/iommu/dmar0,firmware}
	missing "no IOMMU" "no IOMMU"
	host unused
	rm -r "$ROOT/sys/kernel/iommu_groups"
	missing "no groups" "no device is in a group"
	host interrupts
	put proc/interrupts ' 24: 0 PCI-MSI 0-edge nvme0q0'
	missing "interrupts are not remapped" "interrupts"
	put sys/module/iommufd/parameters/allow_unsafe_interrupts Y
	says "interrupts that were allowed" '^This host is ready'
}

test_modules() {
	local name
	for name in vtd_shadow vtd_shadow_vfio_pci; do
		host "unloaded-$name"
		rm -r "$ROOT/sys/module/$name"
		missing "$name is not loaded" "$name is not loaded"
		rm "$ROOT/lib/modules/$RELEASE/updates/$name.ko"
		missing "$name is not installed" "$name is not installed"
	done
	for name in iommu vtd_shadow; do
		host "no-node-$name"
		rm "$ROOT/dev/$name"
		missing "no node $name" "/dev/$name"
	done
	host alias
	put "lib/modules/$RELEASE/modules.alias" \
		'alias vfio_pci:v*d*sv*sd*bc*sc*i* vtd_shadow_vfio_pci'
	missing "the driver has an alias" "modules.alias"
}

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
test_ready
test_service
test_kernel
test_iommu
test_modules
summary
