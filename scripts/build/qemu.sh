# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# QEMU, built from Debian's source package in the cache, once: it emulates the host, and
# in the host it is the VMM of guests. What is in integration/qemu makes it use
# vtd_shadow. Some mistakes of its emulation are repaired: the packaged ones lose
# interrupts of the host or abort when devices are reset, lose virtual machines of the
# host, and let devices through an AMD unit.
#
# Sourced by whatever boots the emulated host, and by vmm.sh:
#
#   qemu_build       sets QEMU
#   qemu_emulator    sets QEMU to any build that emulates the same
#
# For what only emulates a host it does not matter which integration a build has: an edit
# of the header of the interface, which is part of it, makes no one wait for another one.

# shellcheck source=scripts/build/qemu-source.sh
source "$TOP/scripts/build/qemu-source.sh"

QEMU_RELEASE=10.2

# Only the devices that the tests use, and as few libraries as that takes: the build is
# waited for in the first run, and the program is copied into the emulated host with all
# that it loads. A static one would load no plugins. Without PIE the addresses that nm
# tells of the VMM are those in memory, which is what the plugins look for. The list of
# devices has its name in the key, too: wherever else it went, QEMU would be built anew.
QEMU_DEVICES=$TOP/scripts/qemu-devices.mak
QEMU_CONFIGURE=(--disable-pie --extra-ldflags=-no-pie --disable-debug-info
	--without-default-devices --with-devices-x86_64=vtd_shadow --enable-plugins
	--enable-slirp --enable-kvm --enable-vhost-kernel --enable-vhost-net)

KEEP_VIEW='CPUAddressSpace *cpuas = data.host_ptr;\n    FlatView *old = cpuas->view;\n\n'
KEEP_VIEW+='    cpuas->view = address_space_get_flatview(cpuas->as);\n    &\n'
KEEP_VIEW+='    if (old) {\n        flatview_unref(old);\n    }'

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
# - The TLB of a processor has numbers of memory regions in the map of memory that was
#   valid when they were looked up. Another processor may put a new map into force at any
#   time, as each device does whose registers are mapped, moved or reset; until the first
#   one has emptied its TLB its numbers must not be looked up in the new map. They were: an
#   end of interrupt went elsewhere, and nobody served that interrupt again, or QEMU
#   aborted because there is no such number. Each processor holds on to its map.
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
	'system/physmem.c'
	's|^} CPUAddressSpace;|    FlatView *view;\n&|'
	'system/physmem.c'
	's|address_space_to_dispatch(\(cpu->cpu_ases\[asidx\]\).as)|flatview_to_dispatch(\1.view)|'
	'system/physmem.c'
	's|d = address_space_to_dispatch(cpuas->as);|d = flatview_to_dispatch(cpuas->view);|'
	'system/physmem.c'
	"/^static void tcg_commit_cpu/,/^}/s|tlb_flush(cpu);|$KEEP_VIEW|"
)

# Run in the source. A version that a repair does not fit may need none, or another: the
# tests will tell.
repair_qemu() {
	local file repair
	while read -r file && read -r repair; do
		cp "$file" "$file.before"
		sed -i "$repair" "$file"
		! cmp -s "$file" "$file.before" || say "no place in $file for $repair"
	done < <(printf '%s\n' "${QEMU_REPAIRS[@]}")
}

prepare_qemu() {
	qemu_integrate "$QEMU_RELEASE"
	repair_qemu
	cp "$QEMU_DEVICES" configs/devices/x86_64-softmmu/vtd_shadow.mak
}

qemu_newest() { # sets QEMU_TARBALL and QEMU_VERSION
	local QEMU_FROM=(sid) QEMU_MIN=1:10.2 QEMU_MAX=1:10.3
	qemu_source qemu-source
}

# What builds have in common that emulate the same; sets BASE
qemu_base() {
	qemu_newest
	BASE=$CACHE/qemu/$QEMU_VERSION-$({
		echo "${QEMU_COMMON[*]} ${QEMU_CONFIGURE[*]} ${QEMU_REPAIRS[*]}"
		key "$QEMU_DEVICES"
	} | sha256sum | cut -c1-12)
}

qemu_emulator() { # sets QEMU
	local BASE QEMU_TARBALL QEMU_VERSION
	qemu_base
	QEMU=$(compgen -G "$BASE-*/qemu-system-x86_64" | head -n 1) || qemu_build
}

qemu_build() { # sets QEMU
	local QEMU_OPTIONS=("${QEMU_CONFIGURE[@]}") BASE QEMU_TARBALL QEMU_VERSION dir parts
	qemu_base
	mapfile -t parts < <(qemu_integration "$QEMU_RELEASE")
	dir=$BASE-$(key "${parts[@]}")
	qemu_publish "$dir" "QEMU $QEMU_VERSION" prepare_qemu
	prune "$CACHE/qemu/" "$dir"
	# shellcheck disable=SC2034  # for who sources this
	QEMU=$dir/qemu-system-x86_64
}
