/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * vtd_shadow: in-kernel shadowing of a guest's VT-d second-stage tables.
 */
#ifndef _UAPI_LINUX_VTD_SHADOW_H
#define _UAPI_LINUX_VTD_SHADOW_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: General ioctl format
 *
 * One open file of /dev/vtd_shadow stands for one remapping unit of a guest.
 * It is created unbound; VTD_SHADOW_BIND ties it to the guest's memory. What
 * the unit holds (pins, host domains, device attachments) ends with the file.
 *
 * Every structure begins with its size in bytes as the caller knows it. The
 * structures can only grow at the end: a kernel that knows a longer one takes
 * the missing tail as zero, one that knows a shorter one accepts a tail of
 * zeroes.
 *
 * A call returns 0, or -1 with one of these in errno:
 *
 *  - ENOTTY: the ioctl number is not known to this kernel.
 *  - EINVAL: the size is too small, or a field is out of the range that it
 *    documents.
 *  - E2BIG: the size is larger than this kernel knows and the tail is not zero.
 *  - EOPNOTSUPP: an unknown flag, a reserved field that is not zero, or a
 *    feature that VTD_SHADOW_GET_INFO does not report.
 *  - EFAULT: a pointer could not be read or written.
 *  - ENOMEM: no kernel memory, or over the limit of the caller's memory cgroup.
 *  - ENODEV: the unit is not bound yet (all but GET_INFO and BIND).
 *  - ENODATA: the guest-visible registers are not known yet: SET_STATE comes
 *    first (INVALIDATE, RUN_QUEUE, RESYNC, TRANSLATE).
 *  - EINTR: a fatal signal arrived while waiting for the unit.
 *
 * What each ioctl can return beyond these is said with it. A condition that the
 * guest caused (a malformed descriptor, an unusable table) is never an errno:
 * it is reported in the output fields, and what the guest's fault log may want
 * to know is read from the file, see &struct vtd_shadow_event.
 *
 * Calls on one file may come from several threads; the unit serialises them.
 */
#define VTD_SHADOW_TYPE 'V'

enum {
	VTD_SHADOW_CMD_BASE = 0xc0,
	VTD_SHADOW_CMD_GET_INFO = VTD_SHADOW_CMD_BASE,
	VTD_SHADOW_CMD_BIND,
	VTD_SHADOW_CMD_SET_STATE,
	VTD_SHADOW_CMD_ADD_DEVICE,
	VTD_SHADOW_CMD_REMOVE_DEVICE,
	VTD_SHADOW_CMD_INVALIDATE,
	VTD_SHADOW_CMD_RESYNC,
	VTD_SHADOW_CMD_TRANSLATE,
	VTD_SHADOW_CMD_GET_STATS,
	VTD_SHADOW_CMD_RUN_QUEUE,
};

/* The version that GET_INFO reports; it changes only when a meaning does. */
#define VTD_SHADOW_API_VERSION 1

/**
 * enum vtd_shadow_info_capabilities - What is special on this host
 * @VTD_SHADOW_INFO_WRITE_ONLY_READABLE: The kernel's Intel driver cannot express
 *     write-only: behind an Intel host IOMMU a device can also read what the guest
 *     maps for writing only. (Where it is clear, that is so only if the host
 *     translates by first stage.)
 * @VTD_SHADOW_INFO_SNOOP: With VTD_SHADOW_INFO_DEVICE: the host IOMMU enforces that DMA
 *     of the device is coherent, as ECAP_REG.SC promises
 */
enum vtd_shadow_info_capabilities {
	VTD_SHADOW_INFO_WRITE_ONLY_READABLE = 1 << 0,
	VTD_SHADOW_INFO_SNOOP = 1 << 1,
};

/**
 * enum vtd_shadow_info_flags - Flags of struct vtd_shadow_get_info
 * @VTD_SHADOW_INFO_DEVICE: Also tell about a device and its host
 */
enum vtd_shadow_info_flags {
	VTD_SHADOW_INFO_DEVICE = 1 << 0,
};

/**
 * struct vtd_shadow_reserved - IOVA that a host keeps for itself
 * @first: First address
 * @last: Last address
 */
struct vtd_shadow_reserved {
	__aligned_u64 first;
	__aligned_u64 last;
};

/**
 * struct vtd_shadow_get_info - ioctl(VTD_SHADOW_GET_INFO)
 * @size: sizeof(struct vtd_shadow_get_info)
 * @flags: Combination of enum vtd_shadow_info_flags
 * @version: Output, VTD_SHADOW_API_VERSION of the running kernel
 * @max_source_ids: Output, how many source-ids one device can have
 * @cap_mask: Output, the bits of CAP_REG that the virtual unit may set freely.
 *            Fields with a number (SAGAW, SSLPS, MGAW, MAMV, ND, NFR, FRO) are
 *            ones as far as any value in them is served. A bit that is zero
 *            here must be zero in &struct vtd_shadow_set_state.cap
 * @cap_required: Output, the bits of CAP_REG that must be one (caching mode)
 * @ecap_mask: Output, the same for ECAP_REG
 * @max_nodes: Output, largest value of &struct vtd_shadow_bind.max_nodes; also
 *             its default
 * @max_pages: Output, largest value of &struct vtd_shadow_bind.max_pages; also
 *             its default
 * @chunk_size: Output, bytes of guest memory that are pinned at a time. Guest
 *              RAM that starts and ends on such a boundary is pinned cheapest
 * @capabilities: Output, combination of enum vtd_shadow_info_capabilities
 * @dev_id: With VTD_SHADOW_INFO_DEVICE, as for VTD_SHADOW_ADD_DEVICE; the unit need
 *          not have the device, but has to be bound. Else must be 0
 * @nr_reserved: With VTD_SHADOW_INFO_DEVICE, for how many ranges there is room; on
 *               return how many there are. Else must be 0
 * @reserved_uptr: With VTD_SHADOW_INFO_DEVICE, user pointer to @nr_reserved values of
 *                 &struct vtd_shadow_reserved, which are written in ascending order as
 *                 far as they fit. Else must be 0
 * @pasid_bits: Output, with VTD_SHADOW_INFO_DEVICE: width of the PASIDs that device and
 *              host can use, 0 if none
 * @__reserved: Must be 0
 *
 * What a VMM may offer to its guest, before any unit is bound. CAP_REG and
 * ECAP_REG as in the VT-d specification, sections 11.4.2 and 11.4.3.
 *
 * A guest that maps an IOVA in a reserved range gets no DMA there (EADDRINUSE, see
 * &struct vtd_shadow_invalidate.install_errno). The interrupt range, FEE0_0000h to
 * FEEF_FFFFh, is among them on x86; that one no guest uses. Others it can be told of by
 * reserved memory regions (RMRR) or by a smaller MGAW.
 *
 * Errors: ENOENT no such device is bound to the unit's iommufd through vtd_shadow's
 * operations. This is how a VMM finds out that it cannot shadow a device.
 */
struct vtd_shadow_get_info {
	__u32 size;
	__u32 flags;
	__u32 version;
	__u32 max_source_ids;
	__aligned_u64 cap_mask;
	__aligned_u64 cap_required;
	__aligned_u64 ecap_mask;
	__aligned_u64 max_nodes;
	__aligned_u64 max_pages;
	__u32 chunk_size;
	__u32 capabilities;
	__u32 dev_id;
	__u32 nr_reserved;
	__aligned_u64 reserved_uptr;
	__u32 pasid_bits;
	__u32 __reserved;
};

#define VTD_SHADOW_GET_INFO _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_GET_INFO)

/**
 * enum vtd_shadow_bind_flags - Flags of struct vtd_shadow_bind
 * @VTD_SHADOW_BIND_MAX_IDLE: &struct vtd_shadow_bind.max_idle_pages counts
 * @VTD_SHADOW_BIND_BUDGET: &struct vtd_shadow_bind.budget counts: calls may return with
 *                          VTD_SHADOW_MORE
 */
enum vtd_shadow_bind_flags {
	VTD_SHADOW_BIND_MAX_IDLE = 1 << 0,
	VTD_SHADOW_BIND_BUDGET = 1 << 1,
};

/**
 * struct vtd_shadow_bind - ioctl(VTD_SHADOW_BIND)
 * @size: sizeof(struct vtd_shadow_bind)
 * @flags: Combination of enum vtd_shadow_bind_flags
 * @iommufd: File descriptor of /dev/iommu, the one that the devices are bound to
 * @ioas_id: The IOAS of that iommufd in which IOVA is guest physical address
 * @max_nodes: Limit of mirrored table pages of this unit (4 KiB of kernel memory each,
 *             8 KiB for those above the tables of 4 KiB leaves), 0 for the module's
 *             default. Counts the tables of all guest domains, the ones that the kernel
 *             makes to split a superpage, and page tables that the host keeps although
 *             they map nothing any more
 * @max_pages: Limit of 4 KiB pages that this unit maps in all its domains
 *             together, 0 for the module's default
 * @max_idle_pages: With VTD_SHADOW_BIND_MAX_IDLE, how many pages of 4 KiB may stay
 *                  pinned that nothing uses any more, in case they are needed again;
 *                  what exceeds it goes when a call ends. 0 is allowed. Else must be 0,
 *                  and all of them may, until pinning others fails for want of memory
 * @budget: With VTD_SHADOW_BIND_BUDGET, about how many tables of 512 entries one call may
 *          visit before it returns with VTD_SHADOW_MORE, 1 or more. Else must be 0, and
 *          every call goes on to its end
 * @__reserved: Must be 0
 *
 * Ties the unit to guest memory. The kernel memory of the unit is charged to
 * the memory cgroup of the callers, the pinned guest memory to the user that
 * iommufd accounts the IOAS to, once however many devices and domains use it.
 *
 * Memory is pinned in pieces of &struct vtd_shadow_get_info.chunk_size: one page that a
 * device uses, or that holds a table, pins its neighbours. A page that is pinned is the
 * page that devices reach: if the VMM takes its memory away below the IOAS (a hole
 * punched for a balloon, MADV_DONTNEED) and touches it anew, devices go on with the old
 * page as long as the piece is pinned, even if the guest maps it again in between. A
 * VMM that does such things unmaps the range from the IOAS before, which ends all uses
 * of it, or keeps balloons away from such guests. If it knows that no device uses
 * anything in the piece, VTD_SHADOW_RESYNC_RELEASE before is enough.
 *
 * Happens once in the life of the unit. A BIND that fails changes nothing, neither
 * in a unit that is bound nor for a later BIND of one that is not.
 *
 * Errors: EBUSY the unit is bound already, or a BIND of it is under way; EBADF or
 * EBADFD @iommufd is no iommufd; ENOENT no such IOAS; EINVAL a limit above that of
 * GET_INFO, or a @budget of 0.
 */
struct vtd_shadow_bind {
	__u32 size;
	__u32 flags;
	__s32 iommufd;
	__u32 ioas_id;
	__aligned_u64 max_nodes;
	__aligned_u64 max_pages;
	__aligned_u64 max_idle_pages;
	__u32 budget;
	__u32 __reserved;
};

#define VTD_SHADOW_BIND _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_BIND)

/**
 * enum vtd_shadow_status - How a call ended
 * @VTD_SHADOW_QUEUE_STOPPED: RUN_QUEUE: the queue stopped at the descriptor at the head:
 *                            the VMM sets FSTS_REG.IQE and IQERCD_REG.IQEI
 * @VTD_SHADOW_QUEUE_INTERRUPT: RUN_QUEUE: a wait descriptor with the interrupt flag was
 *                              completed: the VMM sets ICS_REG.IWC and sends the
 *                              invalidation completion event
 * @VTD_SHADOW_MORE: The call has used up the budget of BIND before it had come to its
 *                   end. What was asked for is remembered; any other call that can
 *                   return this goes on with it, and is made until it does not: INVALIDATE
 *                   with the descriptors from &struct vtd_shadow_invalidate.done on, which
 *                   may be none, or RUN_QUEUE. Each gets on, whatever the guest writes to
 *                   its tables meanwhile
 */
enum vtd_shadow_status {
	VTD_SHADOW_QUEUE_STOPPED = 1 << 0,
	VTD_SHADOW_QUEUE_INTERRUPT = 1 << 1,
	VTD_SHADOW_MORE = 1 << 2,
};

/**
 * enum vtd_shadow_state_flags - Flags of struct vtd_shadow_set_state
 * @VTD_SHADOW_STATE_TE: Translation is enabled (GSTS_REG.TES)
 */
enum vtd_shadow_state_flags {
	VTD_SHADOW_STATE_TE = 1 << 0,
};

/**
 * struct vtd_shadow_set_state - ioctl(VTD_SHADOW_SET_STATE)
 * @size: sizeof(struct vtd_shadow_set_state)
 * @flags: Combination of enum vtd_shadow_state_flags
 * @rtaddr: The root table address as latched by the guest's last SRTP command:
 *          the value of RTADDR_REG, table address in bits 63:12, mode in 11:10
 * @cap: CAP_REG as the guest reads it. CM must be one
 * @ecap: ECAP_REG as the guest reads it
 * @haw: Guest physical address width in bits, 32 to 52: address bits from here
 *       on are reserved in every table entry
 * @install_errno: Output, see &struct vtd_shadow_invalidate.install_errno
 * @status: Output, VTD_SHADOW_MORE or 0
 * @__reserved: Must be 0
 *
 * Called when the unit is created, and whenever the guest's GCMD_REG write
 * changes TES or latches another root table, and at a reset of the unit.
 * Everything is read again: contexts first, then the tables of every domain
 * still in use, as a difference; a device whose entries did not change keeps
 * its DMA going.
 *
 * With translation disabled every device is on its identity page table. An
 * @rtaddr that cannot be used (a mode that @ecap does not have, a table outside of
 * guest memory) is the guest's doing: no error, the devices are blocked.
 *
 * Errors: EOPNOTSUPP @cap or @ecap have a bit that GET_INFO does not allow;
 * EINVAL @haw out of range, CM missing, no supported SAGAW, an MGAW below 30 bits or
 * wider than the widest of SAGAW, SSLPS with 1 GiB and without 2 MiB, or ND of 7.
 */
struct vtd_shadow_set_state {
	__u32 size;
	__u32 flags;
	__aligned_u64 rtaddr;
	__aligned_u64 cap;
	__aligned_u64 ecap;
	__u32 haw;
	__u32 install_errno;
	__u32 status;
	__u32 __reserved;
};

#define VTD_SHADOW_SET_STATE _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_SET_STATE)

/**
 * struct vtd_shadow_add_device - ioctl(VTD_SHADOW_ADD_DEVICE)
 * @size: sizeof(struct vtd_shadow_add_device)
 * @flags: Must be 0
 * @dev_id: What VFIO_DEVICE_BIND_IOMMUFD returned for the device
 * @identity_pt_id: Page table for translation disabled and for pass-through
 *                  contexts: the IOAS of BIND, or a HWPT on it. A HWPT that the
 *                  VMM allocated with IOMMU_HWPT_ALLOC stays populated while no
 *                  device uses it, so that switching to it costs no walk. Has to
 *                  exist as long as the unit has the device
 * @source_ids_uptr: User pointer to @nr_source_ids values of type __u16: the
 *                   source-ids, bus in bits 15:8 and devfn in 7:0, under which
 *                   the guest's unit sees this device, with bridge aliases
 * @nr_source_ids: 1 to max_source_ids
 * @install_errno: Output, see &struct vtd_shadow_invalidate.install_errno
 * @status: Output, VTD_SHADOW_MORE or 0
 * @__reserved: Must be 0
 *
 * Hands a device to the unit, which from now on decides where it is attached.
 * The device must be bound to the unit's iommufd, by a VFIO driver that uses
 * vtd_shadow's operations, and not be attached. It is given at once what the
 * guest's tables say for it now (replay). If its source-ids do not agree, or
 * the other devices of its host IOMMU group are to be elsewhere, it is blocked.
 *
 * A HWPT is attached once and taken back, to find out what it is: for that moment
 * the device reaches what it maps. It is right if it leads to the frames of guest
 * memory at address 0 and at the powers of two, as far as there is memory; a HWPT on
 * another IOAS that is filled in the same way passes, too. It is looked at again
 * whenever it is attached: if the id names something else by then, the device is
 * blocked, with EINVAL as @install_errno of the call. The IOAS of BIND is attached
 * when it is needed, and what the host says then is in @install_errno. The devices of
 * one host IOMMU group name the same page table.
 *
 * While the unit has the device, VFIO_DEVICE_ATTACH_IOMMUFD_PT fails with EBUSY
 * for all of its host group, and VFIO_DEVICE_DETACH_IOMMUFD_PT has no effect
 * (the VFIO operation behind it cannot return an error).
 *
 * Errors: ENOENT no such device is bound to the iommufd through vtd_shadow's
 * operations; EBUSY it is attached already, or another device of its host group is
 * (through whatever driver), or it or such a device belongs to a unit; EOPNOTSUPP the
 * device is behind no IOMMU; EINVAL no or too many source-ids, or one twice;
 * @identity_pt_id is neither the IOAS of BIND nor a paging HWPT on it, or another
 * one than that of its host group; or what the host IOMMU said when a HWPT was
 * attached to the device. A call that fails leaves the device as it was.
 */
struct vtd_shadow_add_device {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 identity_pt_id;
	__aligned_u64 source_ids_uptr;
	__u32 nr_source_ids;
	__u32 install_errno;
	__u32 status;
	__u32 __reserved;
};

#define VTD_SHADOW_ADD_DEVICE _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_ADD_DEVICE)

/**
 * struct vtd_shadow_remove_device - ioctl(VTD_SHADOW_REMOVE_DEVICE)
 * @size: sizeof(struct vtd_shadow_remove_device)
 * @flags: Must be 0
 * @dev_id: As for VTD_SHADOW_ADD_DEVICE
 * @__reserved: Must be 0
 *
 * Takes a device back. It is left bound to the iommufd, not attached: its DMA
 * is blocked until the VMM attaches it. Closing the device does the same. If the unit
 * has other devices of the same host IOMMU group it stays where they are, since a group
 * has one page table: it reaches what they reach until the last of them is taken back.
 *
 * Errors: ENOENT this unit has no such device.
 */
struct vtd_shadow_remove_device {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 __reserved;
};

#define VTD_SHADOW_REMOVE_DEVICE \
	_IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_REMOVE_DEVICE)

/**
 * enum vtd_shadow_iqei - Why a queue stopped (IQERCD_REG.IQEI)
 * @VTD_SHADOW_IQEI_NONE: It did not stop; or, if RUN_QUEUE says that it did, for
 *                        a reason that has no number: a status write failed
 * @VTD_SHADOW_IQEI_INVALID_TAIL: IQT_REG is not in the queue or not a multiple of 16
 *                                (RUN_QUEUE)
 * @VTD_SHADOW_IQEI_FETCH_FAILED: The descriptor is not in guest memory
 *                                (RUN_QUEUE)
 * @VTD_SHADOW_IQEI_INVALID_TYPE: The descriptor's type is not known, or not in
 *                                a queue of this width, or not with tables of the
 *                                mode in RTADDR_REG
 * @VTD_SHADOW_IQEI_RESERVED_FIELD: A reserved field is not zero, or a field has
 *                                  a reserved value
 * @VTD_SHADOW_IQEI_INVALID_WIDTH: IQA_REG.DW asks for 256-bit descriptors, which
 *                                 the unit does not have (RUN_QUEUE)
 * @VTD_SHADOW_IQEI_UNALIGNED_TAIL: IQT_REG is not a multiple of 32, with 256-bit
 *                                  descriptors (RUN_QUEUE)
 * @VTD_SHADOW_IQEI_INVALID_MODE: RTADDR_REG.TTM has a mode that the unit does not have
 *                                (RUN_QUEUE)
 *
 * VT-d specification, section 11.4.9.9; the values are those of the register.
 */
enum vtd_shadow_iqei {
	VTD_SHADOW_IQEI_NONE = 0,
	VTD_SHADOW_IQEI_INVALID_TAIL = 1,
	VTD_SHADOW_IQEI_FETCH_FAILED = 2,
	VTD_SHADOW_IQEI_INVALID_TYPE = 3,
	VTD_SHADOW_IQEI_RESERVED_FIELD = 4,
	VTD_SHADOW_IQEI_INVALID_WIDTH = 5,
	VTD_SHADOW_IQEI_UNALIGNED_TAIL = 6,
	VTD_SHADOW_IQEI_INVALID_MODE = 7,
};

/**
 * struct vtd_shadow_invalidate - ioctl(VTD_SHADOW_INVALIDATE)
 * @size: sizeof(struct vtd_shadow_invalidate)
 * @flags: Must be 0
 * @descs_uptr: User pointer to @nr_descs descriptors, as the guest wrote them
 *              (VT-d specification, section 6.5.2), 8-byte aligned
 * @nr_descs: How many, 0 to 65,536
 * @desc_size: Bytes of one descriptor: 16 or 32, as IQA_REG.DW says. Whether the
 *             guest may choose 32 is not checked here, RUN_QUEUE does that
 * @done: Output, how many were processed. Valid on errors too
 * @iqei: Output, enum vtd_shadow_iqei: what descriptor number @done is guilty of.
 *        The VMM leaves IQH_REG at it and raises FSTS_REG.IQE
 * @install_errno: Output, positive errno of the first mapping or attachment that
 *                 the guest's tables ask for and that could not be made, else 0.
 *                 ENOSPC a limit of BIND is reached, or there are more PASIDs than the
 *                 module's parameter max_pasids allows the unit, or 1,048,576 entries
 *                 of one domain could not be installed in this call, EOPNOTSUPP the host, or the
 *                 device in its place, cannot have this PASID, ENOENT the address is
 *                 not in guest memory, EPERM not with these permissions, EPROTO an
 *                 entry is malformed (reserved bits), EADDRNOTAVAIL it leads to
 *                 the interrupt range, EINVAL to what is no memory (registers of a
 *                 device that are in the IOAS), EADDRINUSE the host keeps the IOVA
 *                 for itself, ERANGE the host IOMMU does not reach it, EHWPOISON the
 *                 memory is damaged, ENOMEM it cannot be pinned, for want of memory
 *                 or because more would exceed RLIMIT_MEMLOCK, anything else as the
 *                 host said it.
 *                 What failed is left unmapped or blocked and tried again by
 *                 the next invalidation that covers it, but for ENOENT, EPERM, EPROTO
 *                 and EADDRNOTAVAIL: there the guest has to change the entry first, or
 *                 the VMM has to say that guest memory is another one (RESYNC,
 *                 SET_STATE). What the host may do later
 *                 (ENOMEM, EBUSY, EAGAIN, EFAULT, EIO) is also tried by the unit itself,
 *                 after 0.1 seconds at first and once a minute at last, until nothing of
 *                 it is left: then there is a VTD_SHADOW_EVENT_RECOVERED
 * @status: Output, VTD_SHADOW_MORE or 0
 *
 * Context-cache, IOTLB, device-TLB, interrupt-entry-cache and wait descriptors; of
 * 32 bytes also PASID-cache, PASID-based IOTLB and PASID-based device-TLB ones.
 * What a guest asked for through registers is expressed in the same form.
 *
 * Domain-id 0 means all domains: in caching mode entries that are not present are
 * cached under it, and some guests announce new mappings with it. An IOTLB or
 * PASID-based IOTLB descriptor that has it syncs its range in every domain of the
 * unit. Bits of a domain-id that CAP_REG.ND says the unit does not have do not count.
 * Context-cache and PASID-cache descriptors read the entries of all devices
 * again (device-selective ones those of the source-id), whatever their domain-id.
 *
 * Tables are read at barriers, once for all that was asked for up to there: the guest wrote
 * them before. Barriers are a wait descriptor that has a status write or an interrupt, and
 * the end of the call: what stands before has taken effect on the host IOMMU before what
 * follows begins. A wait descriptor that only fences (FN) orders what nobody can see the
 * order of, and is none. Writing a status is left to the VMM, which does so for the
 * descriptors before @done when the call returned.
 *
 * When the call returns, every translation that a processed descriptor revoked
 * is dead in the host IOMMU. Syncing more than a descriptor asks for is allowed
 * and happens; a leaf that did not change is never touched.
 *
 * Errors: EINVAL too many descriptors, @desc_size or alignment wrong.
 */
struct vtd_shadow_invalidate {
	__u32 size;
	__u32 flags;
	__aligned_u64 descs_uptr;
	__u32 nr_descs;
	__u32 desc_size;
	__u32 done;
	__u32 iqei;
	__u32 install_errno;
	__u32 status;
};

#define VTD_SHADOW_INVALIDATE _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_INVALIDATE)

/**
 * struct vtd_shadow_run_queue - ioctl(VTD_SHADOW_RUN_QUEUE)
 * @size: sizeof(struct vtd_shadow_run_queue)
 * @flags: Must be 0
 * @iqa: The guest's IQA_REG: address in bits 63:12, descriptor width DW in bit 11,
 *       queue size QS in 2:0
 * @head: In and out, IQH_REG: byte offset of the next descriptor
 * @tail: The guest's IQT_REG: byte offset behind the last descriptor
 * @done: Output, how many descriptors were processed
 * @iqei: Output, enum vtd_shadow_iqei
 * @status: Output, combination of enum vtd_shadow_status
 * @install_errno: Output, see &struct vtd_shadow_invalidate.install_errno
 * @__reserved: Must be 0
 *
 * As VTD_SHADOW_INVALIDATE, but straight from the guest's invalidation queue, and
 * with the status writes of wait descriptors: each is made when everything before
 * it is dead in the host IOMMU, and before what follows begins. Processes up to
 * the tail, around the end of the queue, or up to a descriptor that stops it.
 *
 * For a VMM whose guest wrote IQT_REG, enabled the queue, or cleared FSTS_REG.IQE
 * (Linux repairs the descriptor and does not write the tail again). Outputs are
 * valid on errors too, but for EFAULT.
 *
 * Errors: EINVAL @head is not aligned or not in the queue; ENOMEM or EIO the host
 * cannot give access to the queue or to a status address now, although there is memory:
 * the queue did not stop, @head is at that descriptor, and the call may be made again.
 */
struct vtd_shadow_run_queue {
	__u32 size;
	__u32 flags;
	__aligned_u64 iqa;
	__aligned_u64 head;
	__aligned_u64 tail;
	__u32 done;
	__u32 iqei;
	__u32 status;
	__u32 install_errno;
	__aligned_u64 __reserved;
};

#define VTD_SHADOW_RUN_QUEUE _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_RUN_QUEUE)

/**
 * enum vtd_shadow_resync_flags - Flags of struct vtd_shadow_resync
 * @VTD_SHADOW_RESYNC_RELEASE: Memory that nothing uses then is unpinned on return
 * @VTD_SHADOW_RESYNC_RANGE: Only what was refused for lack of memory in a range is tried
 *                           again, &struct vtd_shadow_resync.gpa and @length
 */
enum vtd_shadow_resync_flags {
	VTD_SHADOW_RESYNC_RELEASE = 1 << 0,
	VTD_SHADOW_RESYNC_RANGE = 1 << 1,
};

/**
 * struct vtd_shadow_resync - ioctl(VTD_SHADOW_RESYNC)
 * @size: sizeof(struct vtd_shadow_resync)
 * @flags: Combination of enum vtd_shadow_resync_flags
 * @install_errno: Output, see &struct vtd_shadow_invalidate.install_errno
 * @status: Output, VTD_SHADOW_MORE or 0
 * @gpa: With VTD_SHADOW_RESYNC_RANGE, first guest physical address. Else must be 0
 * @length: With VTD_SHADOW_RESYNC_RANGE, bytes, 1 or more. Else must be 0
 *
 * Reads all contexts and all tables again, as a difference, and tries again what
 * could not be installed. For a VMM that changed guest memory (RAM was added to
 * the IOAS) or took a unit out of a state that it did not follow, or, with
 * VTD_SHADOW_RESYNC_RELEASE, that is about to take memory away, see
 * &struct vtd_shadow_bind.
 *
 * With VTD_SHADOW_RESYNC_RANGE, after RAM was added to the IOAS in one range, contexts are
 * read, and of the tables what led to the range in vain: that costs in proportion to what
 * was refused.
 *
 * Errors: EINVAL a range of length 0, or beyond 2^52.
 */
struct vtd_shadow_resync {
	__u32 size;
	__u32 flags;
	__u32 install_errno;
	__u32 status;
	__aligned_u64 gpa;
	__aligned_u64 length;
};

#define VTD_SHADOW_RESYNC _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_RESYNC)

/**
 * enum vtd_shadow_perm - Permissions of a translation
 * @VTD_SHADOW_PERM_READ: The device may read
 * @VTD_SHADOW_PERM_WRITE: The device may write
 */
enum vtd_shadow_perm {
	VTD_SHADOW_PERM_READ = 1 << 0,
	VTD_SHADOW_PERM_WRITE = 1 << 1,
};

/**
 * enum vtd_shadow_attachment - Where a device is attached
 * @VTD_SHADOW_ATTACHED_BLOCKED: To nothing, all of its DMA is refused
 * @VTD_SHADOW_ATTACHED_IDENTITY: To the identity page table
 * @VTD_SHADOW_ATTACHED_SHADOW: To the shadow of a second-stage table
 */
enum vtd_shadow_attachment {
	VTD_SHADOW_ATTACHED_BLOCKED = 0,
	VTD_SHADOW_ATTACHED_IDENTITY = 1,
	VTD_SHADOW_ATTACHED_SHADOW = 2,
};

/**
 * enum vtd_shadow_fault_reason - Fault reasons of the specification, appendix A
 * @VTD_SHADOW_FR_NONE: No fault
 * @VTD_SHADOW_FR_ROOT_NOT_PRESENT: Root entry: not present
 * @VTD_SHADOW_FR_CTX_NOT_PRESENT: Context entry: not present
 * @VTD_SHADOW_FR_CTX_INVALID: Context entry: a value that the unit does not support, or
 *                             the top table cannot be read
 * @VTD_SHADOW_FR_ADDR_BEYOND_WIDTH: The address is beyond the width of the table or of the unit
 * @VTD_SHADOW_FR_NO_WRITE: A write, and the tables do not permit it
 * @VTD_SHADOW_FR_NO_READ: A read, and the tables do not permit it
 * @VTD_SHADOW_FR_TABLE_UNREADABLE: A table below the top one cannot be read
 * @VTD_SHADOW_FR_ROOT_UNREADABLE: Root entry: cannot be read
 * @VTD_SHADOW_FR_CTX_UNREADABLE: Context entry: cannot be read
 * @VTD_SHADOW_FR_ROOT_RESERVED: Root entry: reserved bits are set
 * @VTD_SHADOW_FR_CTX_RESERVED: Context entry: reserved bits are set
 * @VTD_SHADOW_FR_SS_RESERVED: Second-stage entry: reserved bits are set
 * @VTD_SHADOW_FR_INTERRUPT_RANGE: The address is in the interrupt range, or leads there
 * @VTD_SHADOW_FR_ROOT_ADDRESS: RTADDR_REG: a mode that the unit does not have, or reserved bits
 * @VTD_SHADOW_FR_PASID_IN_LEGACY_MODE: A request with PASID in legacy mode
 * @VTD_SHADOW_FR_SM_ROOT_UNREADABLE: Scalable-mode root entry: cannot be read
 * @VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT: Scalable-mode root entry: not present
 * @VTD_SHADOW_FR_SM_ROOT_RESERVED: Scalable-mode root entry: reserved bits are set
 * @VTD_SHADOW_FR_SM_CTX_UNREADABLE: Scalable-mode context entry: cannot be read
 * @VTD_SHADOW_FR_SM_CTX_NOT_PRESENT: Scalable-mode context entry: not present
 * @VTD_SHADOW_FR_SM_CTX_RESERVED: Scalable-mode context entry: reserved bits are set
 * @VTD_SHADOW_FR_SM_PASID_DISABLED: A request with PASID, and PASIDE of the context entry is clear
 * @VTD_SHADOW_FR_SM_PASID_TOO_LARGE: The PASID is beyond the PASID directory
 * @VTD_SHADOW_FR_SM_RID_PASID: RID_PASID is beyond the PASID directory
 * @VTD_SHADOW_FR_DIR_UNREADABLE: PASID directory entry: cannot be read
 * @VTD_SHADOW_FR_DIR_NOT_PRESENT: PASID directory entry: not present
 * @VTD_SHADOW_FR_DIR_RESERVED: PASID directory entry: reserved bits are set
 * @VTD_SHADOW_FR_PASID_UNREADABLE: PASID table entry: cannot be read
 * @VTD_SHADOW_FR_PASID_NOT_PRESENT: PASID table entry: not present
 * @VTD_SHADOW_FR_PASID_RESERVED: PASID table entry: reserved bits are set
 * @VTD_SHADOW_FR_PASID_INVALID: PASID table entry: a value that the unit does not support
 * @VTD_SHADOW_FR_SM_TABLE_UNREADABLE: In scalable mode what 07h is in legacy mode
 * @VTD_SHADOW_FR_SM_SS_RESERVED: In scalable mode what 0Ch is in legacy mode
 * @VTD_SHADOW_FR_SM_TOP_UNREADABLE: The top table cannot be read
 * @VTD_SHADOW_FR_SM_ADDR_BEYOND_WIDTH: In scalable mode what 04h is in legacy mode
 * @VTD_SHADOW_FR_SM_NO_WRITE: In scalable mode what 05h is in legacy mode
 * @VTD_SHADOW_FR_SM_NO_READ: In scalable mode what 06h is in legacy mode
 * @VTD_SHADOW_FR_SM_INTERRUPT_RANGE: In scalable mode what 0Eh is in legacy mode
 *
 * What &struct vtd_shadow_translate.fault_reason and &struct vtd_shadow_event.reason may be,
 * with the numbers that a VMM has to show in FRCD_REG.
 */
enum vtd_shadow_fault_reason {
	VTD_SHADOW_FR_NONE = 0x00,
	VTD_SHADOW_FR_ROOT_NOT_PRESENT = 0x01,
	VTD_SHADOW_FR_CTX_NOT_PRESENT = 0x02,
	VTD_SHADOW_FR_CTX_INVALID = 0x03,
	VTD_SHADOW_FR_ADDR_BEYOND_WIDTH = 0x04,
	VTD_SHADOW_FR_NO_WRITE = 0x05,
	VTD_SHADOW_FR_NO_READ = 0x06,
	VTD_SHADOW_FR_TABLE_UNREADABLE = 0x07,
	VTD_SHADOW_FR_ROOT_UNREADABLE = 0x08,
	VTD_SHADOW_FR_CTX_UNREADABLE = 0x09,
	VTD_SHADOW_FR_ROOT_RESERVED = 0x0a,
	VTD_SHADOW_FR_CTX_RESERVED = 0x0b,
	VTD_SHADOW_FR_SS_RESERVED = 0x0c,
	VTD_SHADOW_FR_INTERRUPT_RANGE = 0x0e,
	VTD_SHADOW_FR_ROOT_ADDRESS = 0x30,
	VTD_SHADOW_FR_PASID_IN_LEGACY_MODE = 0x31,
	VTD_SHADOW_FR_SM_ROOT_UNREADABLE = 0x38,
	VTD_SHADOW_FR_SM_ROOT_NOT_PRESENT = 0x39,
	VTD_SHADOW_FR_SM_ROOT_RESERVED = 0x3a,
	VTD_SHADOW_FR_SM_CTX_UNREADABLE = 0x40,
	VTD_SHADOW_FR_SM_CTX_NOT_PRESENT = 0x41,
	VTD_SHADOW_FR_SM_CTX_RESERVED = 0x42,
	VTD_SHADOW_FR_SM_PASID_DISABLED = 0x45,
	VTD_SHADOW_FR_SM_PASID_TOO_LARGE = 0x46,
	VTD_SHADOW_FR_SM_RID_PASID = 0x48,
	VTD_SHADOW_FR_DIR_UNREADABLE = 0x50,
	VTD_SHADOW_FR_DIR_NOT_PRESENT = 0x51,
	VTD_SHADOW_FR_DIR_RESERVED = 0x52,
	VTD_SHADOW_FR_PASID_UNREADABLE = 0x58,
	VTD_SHADOW_FR_PASID_NOT_PRESENT = 0x59,
	VTD_SHADOW_FR_PASID_RESERVED = 0x5a,
	VTD_SHADOW_FR_PASID_INVALID = 0x5b,
	VTD_SHADOW_FR_SM_TABLE_UNREADABLE = 0x78,
	VTD_SHADOW_FR_SM_SS_RESERVED = 0x7a,
	VTD_SHADOW_FR_SM_TOP_UNREADABLE = 0x7b,
	VTD_SHADOW_FR_SM_ADDR_BEYOND_WIDTH = 0x83,
	VTD_SHADOW_FR_SM_NO_WRITE = 0x85,
	VTD_SHADOW_FR_SM_NO_READ = 0x86,
	VTD_SHADOW_FR_SM_INTERRUPT_RANGE = 0x87,
};

/**
 * enum vtd_shadow_translate_flags - Flags of struct vtd_shadow_translate
 * @VTD_SHADOW_TRANSLATE_PASID: A request with PASID
 */
enum vtd_shadow_translate_flags {
	VTD_SHADOW_TRANSLATE_PASID = 1 << 0,
};

/**
 * struct vtd_shadow_translate - ioctl(VTD_SHADOW_TRANSLATE)
 * @size: sizeof(struct vtd_shadow_translate)
 * @flags: Combination of enum vtd_shadow_translate_flags
 * @source_id: Source-id of the device
 * @pasid: PASID of the request, below 2^20, with VTD_SHADOW_TRANSLATE_PASID; else
 *         must be 0
 * @iova: Address to translate
 * @gpa: Output, the guest physical address for @iova
 * @perm: Output, enum vtd_shadow_perm; 0 if the request would be refused
 * @level: Output, level of the guest's leaf entry: 1 for 4 KiB, 2 for 2 MiB, 3
 *         for 1 GiB; 0 for the identity page table and where nothing is mapped
 * @attachment: Output, enum vtd_shadow_attachment
 * @fault_reason: Output, enum vtd_shadow_fault_reason: what a refused request
 *                deserves, 0 if @perm is not. Where guest
 *                tables permit an access that is not installed it is 07h, in
 *                scalable mode 78h
 * @domain_id: Output, the domain-id of the guest's context or PASID entry, 0 without
 *             a valid one. Flushes with this domain-id or with 0 reach the address
 * @__reserved: Must be 0
 *
 * Answers from the mirror, thus with what devices can reach now, not with what
 * guest memory says by now, and checks it against the host IOMMU. What the identity
 * page table maps is checked, too, but for requests with PASID.
 *
 * A PASID is attached if the device is the only one of the unit in its host IOMMU group
 * and has one source-id. Else it is refused (VTD_SHADOW_EVENT_INSTALL with EOPNOTSUPP):
 * the host keeps neither the members of a group nor source-ids apart. RID_PASID is for
 * requests without PASID; those that have it as their PASID are refused. The host does
 * not know PASID 0 apart from requests without PASID: if it has PASIDs for the device,
 * requests with PASID 0 are answered as those without. In the interrupt range nothing is
 * mapped for requests with PASID either.
 *
 * Errors: ENOENT no device with that source-id; EIO the host IOMMU does not map
 * what the mirror says (a bug of this driver; it is logged), the identity page table
 * leads elsewhere than to guest memory, or a device that is blocked reaches something
 * since a device of its host group that is bound to another VFIO driver was attached.
 */
struct vtd_shadow_translate {
	__u32 size;
	__u32 flags;
	__u32 source_id;
	__u32 pasid;
	__aligned_u64 iova;
	__aligned_u64 gpa;
	__u32 perm;
	__u32 level;
	__u32 attachment;
	__u32 fault_reason;
	__u32 domain_id;
	__u32 __reserved;
};

#define VTD_SHADOW_TRANSLATE _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_TRANSLATE)

/**
 * struct vtd_shadow_get_stats - ioctl(VTD_SHADOW_GET_STATS)
 * @size: sizeof(struct vtd_shadow_get_stats)
 * @flags: Must be 0
 * @devices: Output, devices that the unit has now
 * @domains: Output, shadow domains now
 * @nodes: Output, mirrored table pages now
 * @pages: Output, pages of 4 KiB mapped now, in all domains together
 * @pinned_pages: Output, pages of 4 KiB that the unit keeps pinned now
 * @descriptors: Output, descriptors processed so far
 * @syncs: Output, range syncs (walks with comparison) so far
 * @entries_changed: Output, guest entries found different from the mirror so far
 * @leaves_mapped: Output, guest leaves installed so far
 * @leaves_unmapped: Output, guest leaves removed so far
 * @host_maps: Output, calls to the host's iommu_map() and iommu_map_sg() so far
 * @host_unmaps: Output, calls to iommu_unmap_fast() so far
 * @iotlb_syncs: Output, IOTLB flushes asked of the host so far
 * @attaches: Output, changes of a host group's attachment so far
 * @install_failures: Output, entries that could not be installed so far
 * @retries: Output, how often the unit itself tried again what the host had refused
 * @host_tables: Output, page tables of the host that are empty now and that it keeps. They
 *               count as @nodes for the limit of BIND; those of them that the host can
 *               free go before anything is refused because of it
 *
 * Counters start at zero when the unit is bound and never wrap in practice.
 */
struct vtd_shadow_get_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 devices;
	__aligned_u64 domains;
	__aligned_u64 nodes;
	__aligned_u64 pages;
	__aligned_u64 pinned_pages;
	__aligned_u64 descriptors;
	__aligned_u64 syncs;
	__aligned_u64 entries_changed;
	__aligned_u64 leaves_mapped;
	__aligned_u64 leaves_unmapped;
	__aligned_u64 host_maps;
	__aligned_u64 host_unmaps;
	__aligned_u64 iotlb_syncs;
	__aligned_u64 attaches;
	__aligned_u64 install_failures;
	__aligned_u64 retries;
	__aligned_u64 host_tables;
};

#define VTD_SHADOW_GET_STATS _IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_GET_STATS)

/**
 * enum vtd_shadow_event_type - What an event is about
 * @VTD_SHADOW_EVENT_FAULT: An entry of the guest's tables is at fault. On
 *                          hardware a request that meets it would be refused
 *                          with &struct vtd_shadow_event.reason
 * @VTD_SHADOW_EVENT_INSTALL: The guest's tables are in order, yet what they ask
 *                            for could not be made: memory that is not there or
 *                            is read-only, a limit, the host IOMMU; or the host
 *                            cannot read the tables. The reason is in
 *                            &struct vtd_shadow_event.error
 * @VTD_SHADOW_EVENT_CONFLICT: The source-ids of a device, or the devices of a host
 *                             IOMMU group, are to be in different places: blocked
 * @VTD_SHADOW_EVENT_LOST: &struct vtd_shadow_event.lost events were dropped after
 *                         the ones before this, because nobody read them
 * @VTD_SHADOW_EVENT_RECOVERED: The unit tried again what the host had refused and may
 *                              do later, and nothing of it was refused any more
 */
enum vtd_shadow_event_type {
	VTD_SHADOW_EVENT_FAULT = 1,
	VTD_SHADOW_EVENT_INSTALL = 2,
	VTD_SHADOW_EVENT_CONFLICT = 3,
	VTD_SHADOW_EVENT_LOST = 4,
	VTD_SHADOW_EVENT_RECOVERED = 5,
};

/**
 * enum vtd_shadow_event_flags - Which fields of an event count
 * @VTD_SHADOW_EVENT_SOURCE_ID: &struct vtd_shadow_event.source_id
 * @VTD_SHADOW_EVENT_PASID: &struct vtd_shadow_event.pasid
 * @VTD_SHADOW_EVENT_ADDRESS: &struct vtd_shadow_event.iova
 */
enum vtd_shadow_event_flags {
	VTD_SHADOW_EVENT_SOURCE_ID = 1 << 0,
	VTD_SHADOW_EVENT_PASID = 1 << 1,
	VTD_SHADOW_EVENT_ADDRESS = 1 << 2,
};

/**
 * struct vtd_shadow_event - What read() returns, one or more of them
 * @type: enum vtd_shadow_event_type
 * @flags: Combination of enum vtd_shadow_event_flags
 * @reason: enum vtd_shadow_fault_reason, in the mode of the unit; 0 if it has none
 * @error: Positive errno of VTD_SHADOW_EVENT_INSTALL, as for
 *         &struct vtd_shadow_invalidate.install_errno; else 0
 * @source_id: Source-id. Of a paging entry: one of those that use the table
 * @pasid: PASID of the request that would meet the fault
 * @iova: First address that the paging entry translates
 * @domain_id: Domain-id of the source-id, 0 without a valid context or PASID entry
 * @lost: VTD_SHADOW_EVENT_LOST: how many
 * @__reserved: Zero
 *
 * The engine sees faulty entries when it reads tables, not when a device meets
 * them: whether and when to record a fault for the guest is the VMM's policy.
 * What a device attempts in vain is seen by the host IOMMU's driver only.
 *
 * An entry is reported once, and again when it has changed; a limit that is reached
 * (ENOSPC) once, without a source-id, until a call stays below it; the limit of PASIDs
 * (ENOSPC) with the first one that it keeps out, and again after one has left. Faults
 * that the guest disabled (FPD), as far as the specification lets it, are not reported.
 *
 * read() returns as many events as are there and fit the buffer, and blocks while
 * there is none, or fails with EAGAIN if the file is non-blocking; EINVAL: the
 * buffer is smaller than one event. poll() reports POLLIN. At most 128 events
 * wait to be read.
 */
struct vtd_shadow_event {
	__u32 type;
	__u32 flags;
	__u32 reason;
	__u32 error;
	__u32 source_id;
	__u32 pasid;
	__aligned_u64 iova;
	__u32 domain_id;
	__u32 lost;
	__aligned_u64 __reserved;
};

#endif /* _UAPI_LINUX_VTD_SHADOW_H */
