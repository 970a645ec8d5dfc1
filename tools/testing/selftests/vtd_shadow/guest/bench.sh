# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a guest gets without a remapping unit (none), with the VMM's own shadowing (off)
# and with vtd_shadow (on), in turn, ROUNDS times. Two controls: without a unit, but with
# exits to the VMM for the requests to the disk (exits); and what the host gets of the
# same disk without a guest, by the type of its domain (host_identity, host_strict: each
# request is mapped and unmapped, host_lazy: the same, but flushed later). One line for
# each value:
#
#   # figure ROUND MODE NAME VALUE

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

# Seconds of each measurement
DURATION=2
MODES='none off on'
HOST_MODES='identity:identity strict:DMA lazy:DMA-FQ'

figure() { echo "# figure $ROUND $MODE $1 $2" >&3; } # NAME VALUE

# Hundredths of a second since the machine started
clock() { awk '{ print int($1 * 100) }' /proc/uptime; }

seconds_since() { # CLOCK
	echo $(($(clock) - $1)) | awk '{ print $1 / 100 }'
}

# What the mode is for the guest, and whether it is what it seems to be
set_mode() { # MODE
	MODE=$1 SHADOW=$1 APPEND=intel_iommu=on DEVICE=''
}

is_mode() {
	shadow_is devices -gt 0 || return 1
	case $SHADOW in
	none) guest '[ ! -e /sys/class/iommu/dmar0 ]' ;;
	*) guest '[ -e /sys/class/iommu/dmar0 ]' ;;
	esac
}

# start NAME [ARGUMENT...]: how long it takes is the figure NAME_s
start() {
	local begin name=$1
	shift
	begin=$(clock)
	guest_start_with "$@" && guest "await 'disk nvme1 && disk nvme2'" || return 1
	figure "${name}_s" "$(seconds_since "$begin")"
	is_mode
}

# --- One guest: disks and mapping ---

# Where commands are run: guest or host
WHERE=guest

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/guest.sh
host() { (. /guest/guest.sh && eval "$*"); } # COMMAND, as for guest

# What COMMAND says there is the figure NAME, or why there is none
measured() { # NAME COMMAND...
	local name=$1 value
	shift
	value=$($WHERE "$@") && figure "$name" "$value" && return
	echo "$name: $value"
	return 1
}

reads() { measured "$1" read_rate nvme1 "$2" "$3" "$4" $DURATION; } # NAME PATTERN BLOCK DEPTH

# Requests of 128 KiB are what Linux makes of larger ones if it has to map them.
reads_of_disk() {
	reads read_1m_mb_s read 1M 1 &&
		reads read_4k_iops read 4k 1 &&
		reads randread_qd32_iops randread 4k 32 &&
		$WHERE limit_requests nvme1 128 &&
		reads read_1m_by_128k_mb_s read 1M 1
}

maps() { measured "map_unmap_$2_$1us" map_cost "$2" $DURATION; } # NAME PAGES

maps_of() { # ADDRESS [NAME]
	$WHERE "rebind $1 dma_map_benchmark" && maps "${2:-}" 1 && maps "${2:-}" 32 &&
		maps "${2:-}" 256 &&
		$WHERE "echo $1 >/sys/bus/pci/drivers/dma_map_benchmark/unbind"
}

# A device that the VMM emulates has no shadow: what is left are the guest's own work,
# exits and the VMM's handling of the queue.
TESTDEV=0000:00:1e.0

# Part of it: an exit to the VMM and back, of which reading the configuration of an
# emulated port takes one for each 4 bytes
exit_cost() { measured exit_us config_cost 0000:00:01.0; }

# What KVM counts: exits to the VMM, all exits, interrupts of guests
kvm_counts() { (cd /sys/kernel/debug/kvm && cat mmio_exits exits irq_injections | tr '\n' ' '); }

# The same for each read, by the difference between few and many
exits_of_reads() { # NAME BLOCK FEW MANY
	local counts number name value
	counts=$(kvm_counts)
	for number in "$3" "$4"; do
		guest read_many nvme1 "$2" "$number" || return 1
		counts="$counts $(kvm_counts)"
	done
	echo "$counts" | awk -v n=$(($4 - $3)) '
		BEGIN { split("vmm_exits exits interrupts", name, " ") }
		{ for (i = 1; i <= 3; i++) print name[i], ($(i + 6) - 2 * $(i + 3) + $i) / n }
	' >/tmp/exits
	while read -r name value; do
		figure "${name}_per_$1_read" "$value"
	done </tmp/exits
}

disks_and_maps() {
	DEVICES='nvme1 nvme2' MEMORY=768
	start boot -device pci-testdev,addr=1e.0 &&
		reads_of_disk && exits_of_reads 4k 4k 500 1500 &&
		exits_of_reads 1m 1M 32 160 && exit_cost && maps_of 0000:02:00.0 &&
		maps_of $TESTDEV emulated_ && guest_stop
}

# --- A guest without a unit, whose disk has no registers but through the VMM ---

# They are written for requests that are to be done and for those that were, for each or
# for several at once.
exits() {
	MODE=exits SHADOW=none DEVICES=nvme1 MEMORY=768 DEVICE=,x-no-mmap=on
	guest_start && guest "await 'disk nvme1'" && guest limit_requests nvme1 128 &&
		exits_of_reads 1m 1M 32 160 && reads read_1m_by_128k_mb_s read 1M 1 && guest_stop
}

# --- The host's own driver, without a guest ---

host_disk() { # MODE TYPE
	local address dir type status=0
	MODE=$1 WHERE=host
	address=$(host_device nvme1)
	dir=/sys/bus/pci/devices/$address
	type=$(cat "$dir/iommu_group/type")
	insmod /modules/nvme_core.ko && insmod /modules/nvme.ko &&
		echo "$address" >"$dir/driver/unbind" &&
		echo "$2" >"$dir/iommu_group/type" &&
		[ "$(cat "$dir/iommu_group/type")" = "$2" ] &&
		host "rebind $address nvme" && host "await 'disk nvme1'" &&
		reads_of_disk && maps_of "$address" || status=1
	[ ! -e "$dir/driver" ] || echo "$address" >"$dir/driver/unbind"
	echo "$type" >"$dir/iommu_group/type"
	# shellcheck disable=SC2153  # from the settings
	bind "$dir" "$DRIVER"
	rmmod nvme nvme_core
	WHERE=guest
	return $status
}

# --- Another guest: a domain that a device joins ---

attaches() {
	local said
	DEVICES='nvme1 nvme2' MEMORY=2048
	start boot_2g && guest 'rebind 0000:01:00.0 vfio-pci && rebind 0000:02:00.0 vfio-pci' &&
		said=$(guest vtd_shadow_nested attach 1024 0000:01:00.0 0000:02:00.0) &&
		figure map_1g_s "$(echo "$said" | awk '/^map/ { print $2 }')" &&
		figure attach_1g_s "$(echo "$said" | awk '/^attach/ { print $2 }')" &&
		figure detach_1g_s "$(echo "$said" | awk '/^detach/ { print $2 }')" &&
		guest_stop
}

# --- What the VMM locks ---

locks() { # NAME DEVICES
	MEMORY=768 DEVICES=$2
	guest_start && guest "await 'disk nvme1'" && is_mode &&
		figure "$1" "$(awk '/^VmPin/ { print $2 / 1024 }' "/proc/$VMM_PID/status")" &&
		guest_stop
}

locks_all() {
	locks "locked_$1_1_mib" 'nvme1' && locks "locked_$1_2_mib" 'nvme1 nvme2' &&
		locks "locked_$1_4_mib" 'nvme1 nvme2 nvme3 nvme4'
}

exec 3>&1
ROUND=0
# shellcheck disable=SC2153  # from the settings
plan $((ROUNDS * 9 + 6))
while [ $ROUND -lt "$ROUNDS" ]; do
	ROUND=$((ROUND + 1))
	for mode in $MODES; do
		set_mode "$mode"
		check "round_$ROUND.$mode" disks_and_maps
		[ "$mode" = none ] || check "round_$ROUND.$mode.attach" attaches
	done
	check "round_$ROUND.exits" exits
	for mode in $HOST_MODES; do
		check "round_$ROUND.host_${mode%:*}" host_disk "host_${mode%:*}" "${mode#*:}"
	done
done
for mode in $MODES; do
	set_mode "$mode"
	check "locked.$mode" locks_all dma
	APPEND='intel_iommu=on iommu=pt'
	check "locked.$mode.pass_through" locks_all pt
done
