#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes what a guest boots with: its init and the drivers of all that it may be given.
#
#   initramfs.sh FILE MODULES
#
# FILE     to be written
# MODULES  a directory that holds the modules of the guest's kernel

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/testing/selftests/vtd_shadow/qemu/machine.sh
source "$HERE/../qemu/machine.sh"

FILE=$1 MODULES=$2

# The disk with the tools, then what is assigned, then what guests can do with it
DRIVERS=(virtio_blk 'crc32c_generic?' ext4 nvme igb e1000e virtio_net virtio_balloon virtio_mem
	vfio_pci vfio_iommu_type1)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
base_initramfs "$root" "$HERE/guest-init" "$MODULES" "${DRIVERS[@]}"
cp "$HERE/guest.sh" "$root"
# Only what is loaded
find "$root/modules" -name '*.ko' | while read -r file; do
	grep -qsx "$(basename "$file" .ko)" "$root/modules"/{first,order} || rm "$file"
done
ln -s tools/lib "$root/lib64"
pack_initramfs "$root" "$FILE"
