/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bit layouts of the VT-d registers and in-memory structures that a guest's
 * remapping unit uses. Section numbers are those of the "Intel Virtualization
 * Technology for Directed I/O" architecture specification. Only layouts here:
 * what is valid is decided where an entry is read.
 */
#ifndef VTD_FORMAT_H
#define VTD_FORMAT_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/types.h>

/* CAP_REG, section 11.4.2 */
enum {
	VTD_CAP_ND = GENMASK_ULL(2, 0),
	VTD_CAP_ND_RSVD = 7,
	VTD_CAP_RWBF = BIT_ULL(4),
	VTD_CAP_CM = BIT_ULL(7),
	VTD_CAP_SAGAW_39 = BIT_ULL(9),
	VTD_CAP_SAGAW_48 = BIT_ULL(10),
	VTD_CAP_SAGAW_57 = BIT_ULL(11),
	VTD_CAP_SAGAW = GENMASK_ULL(12, 8),
	VTD_CAP_MGAW = GENMASK_ULL(21, 16),
	VTD_CAP_FRO = GENMASK_ULL(33, 24),
	VTD_CAP_SSLPS_2M = BIT_ULL(34),
	VTD_CAP_SSLPS_1G = BIT_ULL(35),
	VTD_CAP_PSI = BIT_ULL(39),
	VTD_CAP_NFR = GENMASK_ULL(47, 40),
	VTD_CAP_MAMV = GENMASK_ULL(53, 48),
	VTD_CAP_DWD = BIT_ULL(54),
	VTD_CAP_DRD = BIT_ULL(55),
	VTD_CAP_PI = BIT_ULL(59),
	VTD_CAP_ESIRTPS = BIT_ULL(62),
	VTD_CAP_ESRTPS = BIT_ULL(63),
};

/* ECAP_REG, section 11.4.3 */
enum {
	VTD_ECAP_C = BIT_ULL(0),
	VTD_ECAP_QI = BIT_ULL(1),
	VTD_ECAP_DT = BIT_ULL(2),
	VTD_ECAP_IR = BIT_ULL(3),
	VTD_ECAP_EIM = BIT_ULL(4),
	VTD_ECAP_PT = BIT_ULL(6),
	VTD_ECAP_SC = BIT_ULL(7),
	VTD_ECAP_IRO = GENMASK_ULL(17, 8),
	VTD_ECAP_MHMV = GENMASK_ULL(23, 20),
	VTD_ECAP_SRS = BIT_ULL(31),
	VTD_ECAP_PSS = GENMASK_ULL(39, 35),
	VTD_ECAP_PASID = BIT_ULL(40),
	VTD_ECAP_SMTS = BIT_ULL(43),
	VTD_ECAP_SSTS = BIT_ULL(46),
	VTD_ECAP_SMPWCS = BIT_ULL(48),
	VTD_ECAP_RPS = BIT_ULL(49),
};

/* RTADDR_REG, section 11.4.5 */
enum {
	VTD_RTADDR_TTM = GENMASK_ULL(11, 10),
	VTD_RTADDR_RTA = GENMASK_ULL(63, 12),
};

enum {
	VTD_TTM_LEGACY = 0,
	VTD_TTM_SCALABLE = 1,
};

/* Page addresses in root, context and paging entries */
#define VTD_ENTRY_ADDR GENMASK_ULL(51, 12)
/* Address bits of an entry without the limit of paging entries, to find those above HAW */
#define VTD_ENTRY_ADDR_FIELD GENMASK_ULL(63, 12)

/* Root entry, section 9.1; 16 bytes, indexed by bus number */
enum {
	VTD_ROOT_P = BIT_ULL(0),
	VTD_ROOT_RSVD_LO = GENMASK_ULL(11, 1),
	VTD_ROOT_RSVD_HI = GENMASK_ULL(63, 0),
};

/* Legacy context entry, section 9.3; 16 bytes, indexed by device and function */
enum {
	VTD_CTX_P = BIT_ULL(0),
	VTD_CTX_FPD = BIT_ULL(1),
	VTD_CTX_TT = GENMASK_ULL(3, 2),
	VTD_CTX_RSVD_LO = GENMASK_ULL(11, 4),
	/* In the high quadword */
	VTD_CTX_AW = GENMASK_ULL(2, 0),
	VTD_CTX_DID = GENMASK_ULL(23, 8),
	VTD_CTX_RSVD_HI = GENMASK_ULL(63, 24) | BIT_ULL(7),
};

enum vtd_translation_type {
	VTD_TT_UNTRANSLATED = 0,
	VTD_TT_DEVICE_TLB = 1,
	VTD_TT_PASS_THROUGH = 2,
	VTD_TT_RESERVED = 3,
};

/*
 * Scalable-mode root entry, section 9.2: a pointer in each quadword, to the
 * context table for functions 0 to 127 and 128 to 255
 */
enum {
	VTD_SM_ROOT_P = BIT_ULL(0),
	VTD_SM_ROOT_RSVD = GENMASK_ULL(11, 1),
};

/* Scalable-mode context entry, section 9.4; 32 bytes */
enum {
	VTD_SM_CTX_P = BIT_ULL(0),
	VTD_SM_CTX_FPD = BIT_ULL(1),
	VTD_SM_CTX_PASIDE = BIT_ULL(3),
	VTD_SM_CTX_RSVD_0 = GENMASK_ULL(8, 5),
	VTD_SM_CTX_PDTS = GENMASK_ULL(11, 9),
	/* In the second quadword */
	VTD_SM_CTX_RID_PASID = GENMASK_ULL(19, 0),
	VTD_SM_CTX_RSVD_1 = GENMASK_ULL(63, 21),
};

/* PASID directory entry, section 9.5; 8 bytes, indexed by PASID 19:6 */
enum {
	VTD_PASID_DIR_P = BIT_ULL(0),
	VTD_PASID_DIR_FPD = BIT_ULL(1),
	VTD_PASID_DIR_RSVD = GENMASK_ULL(11, 2),
};

/* PASID table entry, section 9.6; 64 bytes, indexed by PASID 5:0 */
enum {
	VTD_PASID_P = BIT_ULL(0),
	VTD_PASID_FPD = BIT_ULL(1),
	VTD_PASID_AW = GENMASK_ULL(4, 2),
	VTD_PASID_PGTT = GENMASK_ULL(8, 6),
	VTD_PASID_SSADE = BIT_ULL(9),
	VTD_PASID_RSVD_0 = GENMASK_ULL(11, 10) | BIT_ULL(5),
	/* In the second quadword */
	VTD_PASID_DID = GENMASK_ULL(15, 0),
	VTD_PASID_RSVD_1 = GENMASK_ULL(22, 16),
};

enum vtd_pasid_translation_type {
	VTD_PGTT_FIRST_STAGE = 1,
	VTD_PGTT_SECOND_STAGE = 2,
	VTD_PGTT_NESTED = 3,
	VTD_PGTT_PASS_THROUGH = 4,
};

#define VTD_PASID_WIDTH 20
#define VTD_PASID_TABLE_SHIFT 6
#define VTD_PASID_TABLE_ENTRIES BIT(VTD_PASID_TABLE_SHIFT)
#define VTD_PASID_DIR_MIN_SHIFT 7

/* Second-stage paging entries, section 9.8 */
enum {
	VTD_SS_R = BIT_ULL(0),
	VTD_SS_W = BIT_ULL(1),
	VTD_SS_RW = BIT_ULL(0) | BIT_ULL(1),
	VTD_SS_PS = BIT_ULL(7),
	VTD_SS_SNP = BIT_ULL(11),
	VTD_SS_TM = BIT_ULL(62),
};

#define VTD_PAGE_SHIFT 12
#define VTD_PAGE_SIZE BIT_ULL(VTD_PAGE_SHIFT)
#define VTD_LEVEL_SHIFT 9
#define VTD_TABLE_ENTRIES BIT(VTD_LEVEL_SHIFT)
#define VTD_MAX_LEVELS 5
/* Levels at which a paging entry can be a leaf: 4 KiB, 2 MiB, 1 GiB */
#define VTD_MAX_LEAF_LEVEL 3

/* Number of address bits below the index of a table at @level, 1 to 5 */
static inline unsigned int vtd_level_shift(unsigned int level)
{
	return VTD_PAGE_SHIFT + VTD_LEVEL_SHIFT * (level - 1);
}

/* Bytes of IOVA that one entry of a table at @level covers */
static inline u64 vtd_level_size(unsigned int level)
{
	return BIT_ULL(vtd_level_shift(level));
}

/* Index of the entry for @iova in a table at @level */
static inline unsigned int vtd_level_index(u64 iova, unsigned int level)
{
	return (iova >> vtd_level_shift(level)) & (VTD_TABLE_ENTRIES - 1);
}

/* Width in bits of the address space of a table with @levels levels */
static inline unsigned int vtd_levels_width(unsigned int levels)
{
	return VTD_PAGE_SHIFT + VTD_LEVEL_SHIFT * levels;
}

/* Whether a present entry of a table at @level maps a page. */
static inline bool vtd_entry_is_leaf(u64 raw, unsigned int level)
{
	return level == 1 || (raw & VTD_SS_PS);
}

/*
 * Requests without PASID to this range are interrupts and never translated,
 * section 3.14. No mapping may cover it.
 */
#define VTD_INTERRUPT_START 0xfee00000ULL
#define VTD_INTERRUPT_LAST 0xfeefffffULL

static inline bool vtd_is_interrupt(u64 addr)
{
	return addr >= VTD_INTERRUPT_START && addr <= VTD_INTERRUPT_LAST;
}

/* Invalidation descriptors, section 6.5.2 */
enum vtd_inval_type {
	VTD_INVAL_CONTEXT = 1,
	VTD_INVAL_IOTLB = 2,
	VTD_INVAL_DEVICE_TLB = 3,
	VTD_INVAL_INTERRUPT = 4,
	VTD_INVAL_WAIT = 5,
	/* Of 256 bits, and only with tables of scalable mode */
	VTD_INVAL_PASID_IOTLB = 6,
	VTD_INVAL_PASID_CACHE = 7,
	VTD_INVAL_PASID_DEVICE_TLB = 8,
};

/* IQA_REG, section 11.4.9.3 */
enum {
	VTD_IQA_BASE = GENMASK_ULL(63, 12),
	VTD_IQA_DW = BIT_ULL(11),
	VTD_IQA_QS = GENMASK_ULL(2, 0),
};

/* The type is in two pieces */
enum {
	VTD_INVAL_TYPE_LO = GENMASK_ULL(3, 0),
	VTD_INVAL_TYPE_HI = GENMASK_ULL(11, 9),
	VTD_INVAL_G = GENMASK_ULL(5, 4),
	VTD_INVAL_DID = GENMASK_ULL(31, 16),
};

enum vtd_inval_granularity {
	VTD_INVAL_G_RESERVED = 0,
	VTD_INVAL_G_GLOBAL = 1,
	VTD_INVAL_G_DOMAIN = 2,
	/* Device for the context cache, page for the IOTLB */
	VTD_INVAL_G_SELECTIVE = 3,
};

/* Context-cache invalidate descriptor, section 6.5.2.1 */
enum {
	VTD_INVAL_CC_SID = GENMASK_ULL(47, 32),
	VTD_INVAL_CC_FM = GENMASK_ULL(49, 48),
	VTD_INVAL_CC_RSVD_LO = GENMASK_ULL(63, 50) | GENMASK_ULL(15, 12) |
			       GENMASK_ULL(8, 6),
	VTD_INVAL_CC_RSVD_HI = GENMASK_ULL(63, 0),
};

/* IOTLB invalidate descriptor, section 6.5.2.3 */
enum {
	VTD_INVAL_IOTLB_RSVD_LO = GENMASK_ULL(63, 32) | GENMASK_ULL(15, 12) |
				  BIT_ULL(8),
	/* In the high quadword */
	VTD_INVAL_IOTLB_AM = GENMASK_ULL(5, 0),
	VTD_INVAL_IOTLB_IH = BIT_ULL(6),
	VTD_INVAL_IOTLB_RSVD_HI = GENMASK_ULL(11, 7),
	VTD_INVAL_IOTLB_ADDR = GENMASK_ULL(63, 12),
};

/* Device-TLB invalidate descriptor, section 6.5.2.5; no DIT, so no PFSID */
enum {
	VTD_INVAL_DTLB_RSVD_LO = GENMASK_ULL(63, 48) | GENMASK_ULL(31, 21) |
				 GENMASK_ULL(15, 12) | GENMASK_ULL(8, 4),
	VTD_INVAL_DTLB_RSVD_HI = GENMASK_ULL(11, 1),
};

/* Interrupt-entry-cache invalidate descriptor, section 6.5.2.7 */
enum {
	VTD_INVAL_IEC_RSVD_LO = GENMASK_ULL(63, 48) | GENMASK_ULL(26, 12) |
				GENMASK_ULL(8, 5),
	VTD_INVAL_IEC_RSVD_HI = GENMASK_ULL(63, 0),
};

/* Invalidation wait descriptor, section 6.5.2.8; no page requests, so no PD */
enum {
	VTD_INVAL_WAIT_IF = BIT_ULL(4),
	VTD_INVAL_WAIT_SW = BIT_ULL(5),
	VTD_INVAL_WAIT_FN = BIT_ULL(6),
	VTD_INVAL_WAIT_DATA = GENMASK_ULL(63, 32),
	VTD_INVAL_WAIT_RSVD_LO = GENMASK_ULL(31, 12) | GENMASK_ULL(8, 7),
	VTD_INVAL_WAIT_RSVD_HI = GENMASK_ULL(1, 0),
};

/* PASID-based IOTLB invalidate descriptor, section 6.5.2.4 */
enum {
	VTD_INVAL_PASID = GENMASK_ULL(51, 32),
	VTD_INVAL_PIOTLB_RSVD_LO = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 12) |
				   GENMASK_ULL(8, 6),
	VTD_INVAL_PIOTLB_RSVD_HI = GENMASK_ULL(11, 7),
};

/* Its granularities */
enum {
	VTD_INVAL_PIOTLB_G_PASID = 2,
	VTD_INVAL_PIOTLB_G_PAGE = 3,
};

/* PASID-cache invalidate descriptor, section 6.5.2.2 */
enum {
	VTD_INVAL_PC_RSVD_LO = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 12) |
			       GENMASK_ULL(8, 6),
	VTD_INVAL_PC_RSVD_HI = GENMASK_ULL(63, 0),
};

/* Its granularities */
enum {
	VTD_INVAL_PC_G_DOMAIN = 0,
	VTD_INVAL_PC_G_PASID = 1,
	VTD_INVAL_PC_G_RESERVED = 2,
	VTD_INVAL_PC_G_GLOBAL = 3,
};

/* PASID-based device-TLB invalidate descriptor, section 6.5.2.6; no PFSID */
enum {
	VTD_INVAL_PDTLB_RSVD_LO = GENMASK_ULL(63, 52) | GENMASK_ULL(15, 12),
	VTD_INVAL_PDTLB_RSVD_HI = GENMASK_ULL(10, 1),
};

#endif /* VTD_FORMAT_H */
