# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a guest is at a moment is saved and loaded, by the same VMM or by the next one.
# Devices cannot come along: they leave before, and come back when the guest goes on. By
# then the unit translates, by tables that were loaded with the memory.

# shellcheck source=tools/testing/selftests/vtd_shadow/guest/host.sh
. /guest/host.sh

STATE=/tmp/state IMAGE=/tmp/image

# Waits until the answer to a question has this in it
answers() { # QUESTION TEXT
	local left=$((PATIENCE * 2))
	until qmp "$1" | grep -q "$2"; do
		left=$((left - 1))
		[ $left -gt 0 ] || {
			qmp "$1"
			return 1
		}
		sleep 0.5
	done
}

leaves() { guest_start && translated && unplug nvme1 && shadowed 0; }

comes_back() { plug nvme1 && translated && guest verify nvme1 4k 8 1M; }

# The next VMM has the same machine, without the device.
next_vmm() {
	DEVICES=''
	vmm_start -kernel $BOOT/bzImage -initrd $BOOT/initramfs \
		-append "$KERNEL_ARGS $APPEND" -incoming "file:$STATE" && vmm_event RESUME
}

migrates() {
	local status=0
	DEVICES=nvme1
	leaves && qmp migrate "\"uri\":\"file:$STATE\"" &&
		answers query-migrate '"status": "completed"' && qmp quit && vmm_wait &&
		next_vmm && shadowed 0 && comes_back && guest_stop || status=1
	rm -f $STATE
	return $status
}

# Waits for what the VMM does in the background
done_by_job() { # JOB
	local answer
	answers query-jobs '"status": "concluded"' && answer=$(qmp query-jobs) &&
		qmp job-dismiss "\"id\":\"$1\"" && case $answer in
		*'"error"'*)
			echo "$answer"
			return 1
			;;
		esac
}

create() { # JOB OPTIONS
	qmp blockdev-create "\"job-id\":\"$1\",\"options\":{$2}" && done_by_job "$1"
}

snapshot() { # save|load
	qmp "snapshot-$1" '"job-id":"job","tag":"moment","vmstate":"image","devices":["image"]' &&
		done_by_job job
}

# What holds snapshots; no device of the guest has it.
add_image() {
	local file="\"driver\":\"file\",\"filename\":\"$IMAGE\""
	create file "$file,\"size\":0" && qmp blockdev-add "$file,\"node-name\":\"file\"" &&
		create image '"driver":"qcow2","file":"file","size":1048576' &&
		qmp blockdev-add '"driver":"qcow2","node-name":"image","file":"file"'
}

# To the same moment twice, the second time from one at which there was a device
goes_back() {
	local status=0
	DEVICES=nvme1
	leaves && add_image && snapshot save && comes_back && unplug nvme1 &&
		snapshot load && shadowed 0 && comes_back && guest_stop || status=1
	rm -f $IMAGE
	return $status
}

plan 4
check migrated_without_the_device migrates
check snapshot_without_the_device goes_back
APPEND='intel_iommu=on,sm_on' IOMMU=x-scalable-mode=on
check migrated_scalable migrates
APPEND='intel_iommu=on iommu=pt' IOMMU=''
translated() { identity; }
check migrated_pass_through migrates
