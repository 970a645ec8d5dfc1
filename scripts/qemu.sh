#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU for the emulated host. The installed one does, except for two: only from 10.2
# on does the emulated AMD unit translate what devices do, and a host cannot rely on
# virtual machines of its own without repairs. Both are served by one that is built from
# the source package of a later release, in the cache, once.
#
#   qemu.sh HOST     make sure that it is there, tell where
#   qemu.sh guests   the same for a host with guests of its own
#
# Sourced, it gives qemu_for, and qemu_build for guests; both set QEMU.

# shellcheck source=scripts/qemu-source.sh
source "$(dirname "${BASH_SOURCE[0]}")/qemu-source.sh"

# What 10.2 gets wrong, file and repair:
# - A leaf in a table of level 2 or 3 is 2 MiB or 1 GiB, not what an entry of the table
#   below would be.
# - A device table entry without a page table and without permissions lets a device do
#   nothing, not everything.
# - When an exception has been delivered to a virtual machine its type must not stay
#   behind and come out as EXITINTINFO of the next exit. It does, without the valid bit.
#   KVM of 7.x looks at the type alone, takes the next access to an emulated register
#   for a part of the delivery, and stops the machine ("KVM internal error. Suberror: 3").
# - When a processor loads an FPU status (at each switch to another program) the signal
#   IGNNE# of the first one is taken away. That is a bit of a word in which the first one
#   keeps whether it takes interrupts and translates by nested tables, and it may be
#   changing those just then: what it cleared is set again, or the other way round.
#   After an exit it then takes its own state for the virtual machine's, and loses both,
#   or sleeps for ever. Nothing is to be taken away if the signal is not there.
# - An interrupt that comes into a virtual machine with VMRUN must not be noted as an
#   exception that is still to be delivered: it comes a second time if the processor is
#   asked to stop for a moment next.
QEMU_REPAIRS=(
	'hw/i386/amd_iommu.c'
	's|/\* Leaf PTE found \*/|*page_size = PTE_LEVEL_PAGE_SIZE(level + 1);|'
	'hw/i386/amd_iommu.c'
	's|if (!dte_mode) {|if (!dte_mode \&\& amdvi_get_perms(dte[0])) {|'
	'target/i386/tcg/seg_helper.c'
	's|event_inj & ~SVM_EVTINJ_VALID)|event_inj \& SVM_EVTINJ_VEC_MASK)|'
	'target/i386/tcg/system/fpu_helper.c'
	's|env->hflags2 &= ~HF2_IGNNE_MASK;|if (env->hflags2 \& HF2_IGNNE_MASK)\n        &|'
	'target/i386/tcg/system/svm_helper.c'
	's|do_interrupt_x86_hardirq(env, vector, 1);|&\n            cs->exception_index = -1;|'
)

# Run in the source. A version that a repair does not fit may need none, or another.
repair_qemu() {
	local file repair
	while read -r file && read -r repair; do
		cp "$file" "$file.before"
		sed -i "$repair" "$file"
		! cmp -s "$file" "$file.before" || die "no place in $file for $repair"
	done < <(printf '%s\n' "${QEMU_REPAIRS[@]}")
}

qemu_build() { # sets QEMU
	local QEMU_FROM=(sid) QEMU_MIN=1:10.2 QEMU_MAX=1:999
	local QEMU_OPTIONS=(--enable-pixman --enable-slirp --enable-plugins)
	local QEMU_TARBALL QEMU_VERSION dir
	qemu_source qemu-source
	dir=$CACHE/qemu/$QEMU_VERSION-$(sha256sum \
		<<<"${QEMU_COMMON[*]} ${QEMU_OPTIONS[*]} ${QEMU_REPAIRS[*]}" | cut -c1-12)
	qemu_publish "$dir" "QEMU $QEMU_VERSION" repair_qemu
	prune "$CACHE/qemu/" "$dir"
	QEMU=$dir/qemu-system-x86_64
}

qemu_for() { # HOST: sets QEMU
	case $1 in
	intel | intel-sm | intel-fs | virtio) QEMU=qemu-system-x86_64 ;;
	amd) qemu_build ;;
	*) die "no host $1: HOST is intel, intel-sm, intel-fs, virtio or amd" ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	case ${1:-amd} in
	guests) qemu_build ;;
	*) qemu_for "${1:-amd}" ;;
	esac
	say "QEMU is $QEMU"
fi
