# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What boots the emulated host, whatever it is for: the kernel with an initramfs, the
# IOMMU, ports for results. Source it, then
#
#   base_initramfs ROOT INIT MODULES NAME...
#                               MACHINE_MODULES are what the ports below need
#   pack_initramfs ROOT FILE
#   set_host                    sets IOMMU and HOST_ARGS from HOST
#   start_machine MEMORY APPEND begins ARGS
#   add_ports N, add_port NAME FILE, and ARGS+=(...) for what else it has
#   run_machine MODE            does not return
#   run_to_end MODE             does, with the status in RUN/status
#
# It uses RUN, IMAGE, HOST, QEMU, PLUGINS and TIMEOUT.

MACHINE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HOST=${HOST:-intel} QEMU=${QEMU:-qemu-system-x86_64} TIMEOUT=${TIMEOUT:-3600}

# base_initramfs ROOT INIT MODULES NAME...: busybox, INIT, the module files of the
# directory MODULES by the names that the kernel shows, so that init finds them, and
# the order in which to load those named, and before them MACHINE_MODULES. A name with a
# ? need not be there.
base_initramfs() {
	local root=$1 init=$2 modules=$3 file
	shift 3
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,modules}
	cp /bin/busybox "$root/bin/"
	install -m 755 "$init" "$root/init"
	cp "$MACHINE_DIR/lib.sh" "$root/"
	for file in "$modules"/*.ko; do
		cp "$file" "$root/modules/$(basename "$file" | tr - _)"
	done
	load_order "$root/modules" "${MACHINE_MODULES[@]}" >"$root/modules/first"
	load_order "$root/modules" "$@" |
		{ grep -vxFf "$root/modules/first" || true; } >"$root/modules/order"
}

load_order() { # DIRECTORY NAME...
	local dir=$1 name
	shift
	for name; do
		if [ -e "$dir/${name%\?}.ko" ] || [ "${name%\?}" = "$name" ]; then
			module_order "$dir" "${name%\?}"
		fi
	done | awk '!seen[$0]++'
}

# What the test kernel has built in, and other kernels as modules
MACHINE_MODULES=('virtio_pci?' 'virtio_console?')

pack_initramfs() { # ROOT FILE
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) >"$2"
	rm -rf "$1"
}

# module_order DIRECTORY NAME...: these modules and all that they need, each after
# its own needs; a name may come more than once
module_order() {
	local dir=$1 name needs
	shift
	for name in "$@"; do
		needs=$(modinfo -F depends "$dir/$name.ko" | tr ',-' ' _')
		# shellcheck disable=SC2086  # a list of words
		module_order "$dir" $needs
		echo "$name"
	done
}

# The host's IOMMU, and what the kernel must be told of it. iommufd hands out devices
# whose interrupts are not remapped only if it is allowed to. Scalable mode comes
# with enforced snooping, which KVM would rely on.
set_host() {
	HOST_ARGS=
	case $HOST in
	intel) IOMMU=intel-iommu,intremap=on HOST_ARGS=intel_iommu=on ;;
	intel-sm)
		IOMMU=intel-iommu,intremap=on,x-scalable-mode=on,snoop-control=on
		HOST_ARGS=intel_iommu=on,sm_on
		;;
	intel-fs)
		IOMMU=intel-iommu,intremap=on,x-scalable-mode=on,x-flts=on
		HOST_ARGS=intel_iommu=on,sm_on
		;;
	virtio) IOMMU=virtio-iommu-pci HOST_ARGS=iommufd.allow_unsafe_interrupts=1 ;;
	amd)
		# Linux 7.x remaps no interrupts if the bus has no ISA bridge where
		# the interrupt controller is said to be
		IOMMU=amd-iommu,intremap=on,dma-remap=on
		HOST_ARGS=iommufd.allow_unsafe_interrupts=1
		;;
	*)
		echo "no host $HOST: intel, intel-sm, intel-fs, virtio or amd" >&2
		exit 2
		;;
	esac
}

# add_ports N: root ports rp1 to rpN, each an IOMMU group of its own
add_ports() {
	local i
	for ((i = 1; i <= $1; i++)); do
		ARGS+=(-device "pcie-root-port,id=rp$i,slot=$i,chassis=$i")
	done
}

# add_port NAME FILE: for what must not mix with the console
add_port() {
	ARGS+=(-chardev "file,id=$1,path=${2//,/,,}"
		-device "virtserialport,chardev=$1,name=vtd_shadow.$1")
}

# A busy machine may let the timer be late at boot and stall a processor for long:
# neither tells anything about the modules. A processor that sleeps with its timer
# set once was seen never to wake up on such a machine, so the timer ticks all the
# time.
KERNEL_ARGS='console=ttyS0 panic=-1 panic_on_warn=1 oops=panic no_timer_check nohz=off highres=off'
KERNEL_ARGS+=' rcupdate.rcu_cpu_stall_timeout=300'
# No emulated processor speculates. The test kernel is built without; Debian's would write
# to registers for it all the time, in a guest an exit each.
KERNEL_ARGS+=' mitigations=off'

# No 5-level paging of the processor: early in its boot a kernel with KASAN takes a
# good address for a wild one when an interrupt comes too soon.
start_machine() { # MEMORY APPEND
	local plugin
	ARGS=(-nodefaults -no-user-config -display none -no-reboot
		-machine q35 -accel 'tcg,thread=multi' -cpu 'max,la57=off' -smp 2 -m "$1"
		-device "$IOMMU"
		-kernel "$IMAGE" -initrd "$RUN/initramfs"
		-append "$KERNEL_ARGS $HOST_ARGS $2"
		-device virtio-serial-pci)
	add_port tap "$RUN/tap.log"
	add_port verdict "$RUN/verdict"
	for plugin in ${PLUGINS:-}; do
		ARGS+=(-plugin "$plugin")
	done
}

# run_watched COMMAND...: sets STATUS; fails, with the reason in BROKEN, if the emulator
# lost an interrupt or aborted itself, as others than that of scripts/build/qemu.sh do.
run_watched() {
	local dir watched=0
	dir=$(mktemp -d)
	"$@" -chardev "socket,id=monitor,path=$dir/monitor,server=on,wait=off" \
		-mon chardev=monitor &
	MACHINE=$!
	/usr/bin/python3 "$MACHINE_DIR/watch.py" "$dir/monitor" "$RUN/console.log" \
		"$RUN/tap.log" &
	WATCHER=$!
	# What runs in the background does not see an interrupt from the terminal.
	trap 'kill "$MACHINE" "$WATCHER" 2>/dev/null || true' EXIT
	trap 'exit 130' INT TERM
	wait -n "$MACHINE" "$WATCHER" || true
	if kill -0 "$MACHINE" 2>/dev/null; then
		wait "$WATCHER" || watched=$?
	fi
	[ "$watched" -ne 3 ] || kill "$MACHINE"
	STATUS=0
	wait "$MACHINE" || STATUS=$?
	kill "$WATCHER" 2>/dev/null || true
	trap - EXIT INT TERM
	rm -rf "$dir"
	BROKEN=
	[ "$STATUS" -ne 134 ] || BROKEN='the emulator aborted'
	[ "$watched" -ne 3 ] || BROKEN='the emulator lost an interrupt'
	[ -z "$BROKEN" ]
}

run_machine() { # MODE
	local limit=(timeout --foreground --kill-after=10 "$TIMEOUT") tries=3
	if [ "$1" = shell ]; then
		ARGS+=(-serial mon:stdio)
		exec "$QEMU" "${ARGS[@]}"
	fi
	ARGS+=(-serial "file:${RUN//,/,,}/console.log")
	until run_watched "${limit[@]}" "$QEMU" "${ARGS[@]}"; do
		echo "$BROKEN" | tee -a "$RUN/again"
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
	done
	exit "$STATUS"
}

# The same, and goes on; the status is in RUN/status
run_to_end() { # MODE
	local status=0
	(run_machine "$1") || status=$?
	echo "$status" >"$RUN/status"
}
