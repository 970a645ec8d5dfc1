#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests `make modules`: against built and merely prepared kernels, and what it
# says about kernels that will not do.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"

# builds NAME KDIR: both modules come out, for that kernel
builds() {
	local release dir module magic
	release=$(<"$2/include/config/kernel.release")
	dir=$OUT/modules/$release
	rm -rf "$dir"
	if ! (cd "$TOP" && make -s modules KDIR="$2"); then
		fail "modules: $1"
		return
	fi
	for module in vtd_shadow vtd_shadow_vfio_pci; do
		magic=$(modinfo -F vermagic "$dir/$module.ko" || true)
		if [[ $magic != "$release "* ]]; then
			fail "modules: $1" "$module.ko is for '$magic'"
			return
		fi
	done
	pass "modules: $1"
}

# chosen_by_name NAME KDIR: tools that look for a VFIO driver find vfio-pci, not ours
chosen_by_name() {
	local found
	found=$(vfio_drivers "$2/drivers/vfio/pci/vfio-pci.ko" \
		"$OUT/modules/$(<"$2/include/config/kernel.release")"/*.ko)
	if [ "$found" = vfio_pci ]; then
		pass "modules: $1"
	else
		fail "modules: $1" "found: ${found//$'\n'/ }"
	fi
}

# refuses NAME KDIR WORD...: one line on stderr, which has the words
refuses() {
	local name=$1 kdir=$2 said word
	shift 2
	if said=$(cd "$TOP" && bash scripts/modules.sh "$kdir" 2>&1); then
		fail "modules: $name" "built"
		return
	fi
	[ "$(wc -l <<<"$said")" -eq 1 ] || fail "modules: $name" "more than one line: $said"
	for word in "$@"; do
		if [[ $said != *"$word"* ]]; then
			fail "modules: $name" "said '$said', not '$word'"
			return
		fi
	done
	pass "modules: $name"
}

# What check_kernel looks at in a build directory, from KDIR, with other values
fake_kernel() { # DIRECTORY KDIR RELEASE OPTION...
	local dir=$1 kdir=$2 release=$3 option
	shift 3
	mkdir -p "$dir/include/config"
	cp "$kdir/include/config/auto.conf" "$dir/include/config/"
	echo "$release" >"$dir/include/config/kernel.release"
	for option in "$@"; do
		sed -i "/^CONFIG_$option=/d" "$dir/include/config/auto.conf"
	done
}

test_refusals() { # KDIR
	local option
	refuses "no kernel there" "$TMP/none" "not a prepared kernel"
	fake_kernel "$TMP/old" "$1" 6.11.9
	refuses "kernel too old" "$TMP/old" 6.11.9 6.12
	for option in IOMMUFD VFIO_DEVICE_CDEV VFIO_PCI; do
		fake_kernel "$TMP/$option" "$1" 6.12.0 "$option"
		refuses "kernel without $option" "$TMP/$option" "lacks CONFIG_$option"
	done
	fake_kernel "$TMP/all" "$1" 6.12.0 IOMMUFD VFIO_DEVICE_CDEV VFIO_PCI
	refuses "kernel without any" "$TMP/all" \
		"lacks CONFIG_IOMMUFD CONFIG_VFIO_DEVICE_CDEV CONFIG_VFIO_PCI"
}

# A kernel after modules_prepare: as built, but its symbols are not known yet
test_prepared() { # KDIR
	cp -as "$1" "$TMP/prepared"
	rm "$TMP/prepared/Module.symvers"
	builds "prepared only 6.12" "$TMP/prepared"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
kernel_build 6.12 plain
builds "built 6.12" "$KDIR"
chosen_by_name "no VFIO driver for tools to find on 6.12" "$KDIR"
test_prepared "$KDIR"
test_refusals "$KDIR"
kernel_build 7 debug
builds "built 7" "$KDIR"
chosen_by_name "no VFIO driver for tools to find on 7" "$KDIR"
summary
