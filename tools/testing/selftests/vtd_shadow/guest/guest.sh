# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the host asks of a guest. Source it.

# await COMMAND: until it succeeds, for half of the time that the host waits for it
await() {
	local left=$((VTD_PATIENCE * 5 / 2))
	until eval "$1" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || {
			echo "not within $((VTD_PATIENCE / 2)) s: $1"
			return 1
		}
		sleep 0.2
	done
}

# --- Disks: the tests know them by their serial numbers ---

controller() { # SERIAL
	local dir
	for dir in /sys/class/nvme/*; do
		case $(cat "$dir/serial" 2>/dev/null) in
		"$1" | "$1 "*) echo "$dir" ;;
		esac
	done
}

disk() { # SERIAL
	local dir
	dir=$(controller "$1")
	[ -n "$dir" ] && [ -b "/dev/${dir##*/}n1" ] && echo "/dev/${dir##*/}n1"
}

pci_of() { # SERIAL
	basename "$(readlink "$(controller "$1")/device")"
}

# What the disk had from the beginning
content() { # SERIAL MIB
	dd "if=$(disk "$1")" iflag=direct bs=1M "skip=$2" count=16 2>/dev/null | sum
}

sum() { sha256sum | cut -d' ' -f1; }

# Writes something that nobody can guess there and tells its sum
write_secret() { # SERIAL MIB
	dd if=/dev/urandom of=/tmp/secret bs=1M count=16 2>/dev/null
	dd if=/tmp/secret "of=$(disk "$1")" oflag=direct bs=1M "seek=$2" conv=notrunc 2>/dev/null &&
		sync && sum </tmp/secret
	rm /tmp/secret
}

# Writes SIZE with checksums, away from what others use, and reads it again
verify() { # SERIAL BLOCK DEPTH SIZE
	local options
	options="--bs=$2 --iodepth=$3 --size=$4 --filename=$(disk "$1") --offset=256M"
	# shellcheck disable=SC2086  # a list of words
	fio --name=verify $options --ioengine=libaio --direct=1 --rw=randwrite \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --output=/tmp/fio --minimal || {
		cat /tmp/fio
		return 1
	}
}

reads() { # SERIAL PATTERN BLOCK DEPTH OPTION...
	local options
	options="--rw=$2 --bs=$3 --iodepth=$4 --filename=$(disk "$1") --size=1G"
	shift 4
	# shellcheck disable=SC2086  # a list of words
	fio --name=read $options --ioengine=libaio --direct=1 --output=/tmp/fio --minimal "$@"
}

# No request to the disk is larger
limit_requests() { # SERIAL KIB
	echo "$2" >"/sys/block/$(basename "$(disk "$1")")/queue/max_sectors_kb"
}

# Megabytes or, of small blocks, operations a second
read_rate() { # SERIAL PATTERN BLOCK DEPTH SECONDS
	reads "$1" "$2" "$3" "$4" --time_based "--runtime=$5" --ramp_time=0.3 || return 1
	case $3 in
	1M) awk -F';' '{ print $7 * 1024 / 1000000 }' /tmp/fio ;;
	*) awk -F';' '{ print $8 }' /tmp/fio ;;
	esac
}

# Megabytes a second of reads of 1 MiB for so long, by a tool that every guest has
dd_rate() { # SERIAL SECONDS
	local disk begin now mib=0
	disk=$(disk "$1")
	begin=$(hundredths)
	now=$begin
	while [ $((now - begin)) -lt $(($2 * 100)) ]; do
		dd "if=$disk" of=/dev/null iflag=direct bs=1M count=256 2>/tmp/dd || return 1
		mib=$((mib + 256))
		now=$(hundredths)
	done
	echo "$mib $((now - begin))" | awk '{ print $1 * 1.048576 / $2 * 100 }'
}

# Hundredths of a second since the boot
hundredths() { awk '{ print int($1 * 100) }' /proc/uptime; }

read_many() { # SERIAL BLOCK NUMBER
	reads "$1" read "$2" 1 "--number_ios=$3"
}

# Hundredths of a second for reading so many bytes of a device's configuration often
config_time() { # ADDRESS BYTES
	local begin
	begin=$(hundredths)
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		dd "if=/sys/bus/pci/devices/$1/config" of=/dev/null "bs=$2" count=1 2>/dev/null
	done
	echo $(($(hundredths) - begin))
}

# Microseconds for each access of 4 bytes
config_cost() { # ADDRESS
	echo $((($(config_time "$1" 4096) - $(config_time "$1" 4)) * 10000)) |
		awk '{ print $1 / (1023 * 16) }'
}

# Microseconds for mapping and unmapping PAGES, by the device that is bound to it, which
# reaches all memory
map_cost() { # PAGES SECONDS
	dma_map_benchmark -b 64 -t 1 -s "$2" -g "$1" >/tmp/map || return 1
	sed -n 's/^average .*latency(us):\([0-9.]*\).*/\1/p' /tmp/map |
		awk '{ sum += $1 } END { print sum }'
}

# The same without an end, in the background
load_start() { # SERIAL
	local options
	options="--bs=64k --iodepth=8 --size=64M --filename=$(disk "$1") --offset=512M"
	# shellcheck disable=SC2086  # a list of words
	fio --name=load $options --ioengine=libaio --direct=1 --rw=randrw --verify=crc32c \
		--time_based --runtime=600 --output=/tmp/load &
	# shellcheck disable=SC2034  # for the host to end it
	LOAD=$!
	await "[ \$(awk '\$3 ~ /^nvme/ { n += \$8 } END { print n }' /proc/diskstats) -gt 1000 ]"
}

file_system() { # SERIAL
	local dir=/tmp/fs status=0
	mkdir -p $dir
	mkfs.ext4 -q -F -b 4096 "$(disk "$1")" 200M &&
		mount -t ext4 "$(disk "$1")" $dir || return 1
	cp -r /sys/class /modules $dir 2>/dev/null
	dd if=/dev/urandom of=$dir/big bs=64k count=320 2>/dev/null
	(cd $dir && find . -type f -exec sha256sum {} + >/tmp/sums)
	umount $dir
	echo 3 >/proc/sys/vm/drop_caches
	mount -t ext4 -o ro "$(disk "$1")" $dir && (cd $dir && sha256sum -c /tmp/sums >/tmp/bad) ||
		status=1
	umount $dir
	[ $status -eq 0 ] || grep -v ': OK' /tmp/bad
	return $status
}

# --- The network card ---

card() {
	local dir
	for dir in /sys/class/net/*; do
		[ ! -e "$dir/device/vendor" ] || [ "$(cat "$dir/device/vendor")" != 0x8086 ] ||
			echo "${dir##*/}"
	done
}

network_up() {
	ifconfig "$(card)" 10.0.2.15 netmask 255.255.255.0 up &&
		await 'ping -c 1 -W 1 10.0.2.2'
}

# A file of the emulated host's network: its sum
network_file() {
	tftp -g -b 1428 -r file -l /tmp/file 10.0.2.2 >/dev/null && sum </tmp/file
}

# The card whose peer is the host itself
virtio_network_up() { # NETWORK
	local dir
	for dir in /sys/class/net/*; do
		[ "$(cat "$dir/device/vendor" 2>/dev/null)" != 0x1af4 ] ||
			ifconfig "${dir##*/}" "$1.2" netmask 255.255.255.0 up
	done
	await "ping -c 3 -s 8000 -W 1 $1.1"
}

memory_mib() { awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo; }

# --- Drivers ---

driver_of() { # ADDRESS
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

rebind() { # ADDRESS DRIVER
	local dir=/sys/bus/pci/devices/$1
	[ ! -e "$dir/driver" ] || echo "$1" >"$dir/driver/unbind"
	echo "$2" >"$dir/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ "$(driver_of "$1")" = "$2" ]
}

# A user-space driver has a device and much mapped, and waits for another one to come
full_domain_start() { # MIB ADDRESS ADDRESS
	vtd_shadow_nested attach "$@" >/tmp/nested 2>&1 &
	NESTED=$!
	await 'grep map /tmp/nested'
}

full_domain_end() {
	local status=0
	wait "$NESTED" || status=$?
	cat /tmp/nested
	return $status
}

# The other domain of the device: identity is pass-through
domain_type() { # ADDRESS TYPE
	local driver
	driver=$(driver_of "$1")
	echo "$1" >"/sys/bus/pci/drivers/$driver/unbind" &&
		echo "$2" >"/sys/bus/pci/devices/$1/iommu_group/type" &&
		echo "$1" >"/sys/bus/pci/drivers/$driver/bind"
}

# --- Power ---

# go_to_sleep freeze|mem|disk: until something wakes the guest up; then the host is told that it
# is ready again. The port of the agent must not be there meanwhile: the driver of 7.x asks
# for the state of a port that it resumes before it has given the host a buffer for the
# answer, and then waits for it for ever.
go_to_sleep() { # STATE
	local console=/sys/class/virtio-ports
	console=$(basename "$(readlink "$console/$(basename "$(port agent)")/device")")
	echo "$console" >/sys/bus/virtio/drivers/virtio_console/unbind
	# The host wants to see that the guest sleeps
	dmesg -n 8
	echo "$1" >/sys/power/state
	echo "$console" >/sys/bus/virtio/drivers/virtio_console/bind
	serve "$(port agent)"
}

# S4: what is in memory goes to this disk, and the machine goes off
hibernate() { # SERIAL
	mkswap "$(disk "$1")" >/dev/null && swapon "$(disk "$1")" || return 1
	echo shutdown >/sys/power/disk
	go_to_sleep disk
}

# Continues what was on this disk when the machine went off; comes back if there is nothing
resume() { # SERIAL
	await "disk $1" && cat "/sys/class/block/$(basename "$(disk "$1")")/dev" >/sys/power/resume
}
