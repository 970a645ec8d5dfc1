#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A sleep in S3 takes the bus numbers of bridges away. One would expect that a guest that
# wakes up numbers its buses before it has the remapping unit translate: until then all
# devices behind bridges have source-ids of bus 0. Linux 6.1.192 does it the other way
# round. Its unit is resumed with the timekeeping and the interrupt controllers, the
# configuration of PCI devices only later. A VMM that looks up source-ids when translation
# is enabled finds bus 0, and nothing but the write to the bridge tells that this changed.
# With vtd_shadow QEMU looks again whenever a bus gets another number.
#
# Seen: "translation on, bridge without bus numbers", then "bridge has bus numbers".

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

init() {
	cat <<-'END'
		#!/busybox sh
		/busybox mkdir /sys
		/busybox mount -t sysfs none /sys
		echo deep >/sys/power/mem_sleep
		echo mem >/sys/power/state
		echo awake
		/busybox sleep 600
	END
}

# What happened after the wake-up, in order
after_wake_up() {
	awk '
		/vtd_dmar_enable enable 0/ { slept = 1 }
		slept && /vtd_dmar_enable enable 1/ { print "translation on" }
		slept && /pci_cfg_write pcie-root-port .*@0x18 <- 0x[0-9a-f]*[1-9a-f]00$/ {
			print "bridge has bus numbers"
		}' "$FOLDER/trace" | uniq
}

wait_for() { # WORDS
	local left=300
	until grep -q "$1" "$FOLDER/console"; do
		sleep 1
		left=$((left - 1))
		if [ "$left" -eq 0 ] || ! kill -0 %1; then
			die "no '$1' on the console of the guest"
		fi
	done
}

qemu_10_0
packages bookworm linux-image-6.1.0-56-amd64=6.1.192-2 'busybox-static=1:1.35.0-4+deb12u1+b1'
mkdir "$FOLDER/initramfs"
cp "$FOLDER/root/bin/busybox" "$FOLDER/initramfs"
init >"$FOLDER/initramfs/init"
chmod +x "$FOLDER/initramfs/init"
(cd "$FOLDER/initramfs" && find . | ./busybox cpio -o -H newc 2>/dev/null) >"$FOLDER/initrd"

touch "$FOLDER/console"
mkfifo "$FOLDER/monitor"
exec 3<>"$FOLDER/monitor"
"$QEMU" -L "$FOLDER/root/usr/share/qemu" -L "$FOLDER/root/usr/share/seabios" -m 512 \
	-nodefaults -display none -machine q35,accel=tcg -device intel-iommu \
	-device pcie-root-port,id=bus1 -device virtio-rng-pci,bus=bus1 \
	-kernel "$FOLDER/root/boot/vmlinuz-6.1.0-56-amd64" -initrd "$FOLDER/initrd" \
	-append 'console=ttyS0 intel_iommu=on panic=-1 mitigations=off' \
	-serial "file:$FOLDER/console" -monitor stdio \
	-trace vtd_dmar_enable -trace pci_cfg_write -D "$FOLDER/trace" <&3 >/dev/null &
trap 'kill %1 2>/dev/null || true; clean_up' EXIT

wait_for 'suspend entry (deep)'
sleep 15
echo system_wakeup >&3
wait_for awake
echo quit >&3
wait
order=$(after_wake_up)
echo "$order"
[ "$order" = $'translation on\nbridge has bus numbers' ] || die "Linux does it otherwise now"
