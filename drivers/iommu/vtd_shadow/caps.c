// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: what of CAP_REG and ECAP_REG a virtual unit may show when it is
 * shadowed, and what follows for reading its tables. Serves info.c and ioctl.c, and all
 * that look at paging entries; calls no other file.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>

#include "caps.h"
#include "vtd_format.h"

enum {
	/* So that no leaf, of 1 GiB at most, is cut by it */
	VTDS_MIN_MGAW = 30,
	VTDS_MIN_HAW = 32,
	VTDS_MAX_HAW = 52,
};

/* Bits of CAP_REG that a guest may see; all else would ask for more than we do. */
u64 vtds_caps_cap_mask(void)
{
	return VTD_CAP_ND | VTD_CAP_RWBF | VTD_CAP_CM | VTD_CAP_SAGAW_39 |
	       VTD_CAP_SAGAW_48 | VTD_CAP_SAGAW_57 | VTD_CAP_MGAW |
	       VTD_CAP_FRO | VTD_CAP_SSLPS_2M | VTD_CAP_SSLPS_1G | VTD_CAP_PSI |
	       VTD_CAP_NFR | VTD_CAP_MAMV | VTD_CAP_DWD | VTD_CAP_DRD |
	       VTD_CAP_PI | VTD_CAP_ESIRTPS | VTD_CAP_ESRTPS;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_caps_cap_mask);

/*
 * Bits of ECAP_REG that a guest may see. What is missing: first stage and nested translation,
 * which are not shadowed, page requests, and accessed and dirty bits.
 */
u64 vtds_caps_ecap_mask(void)
{
	return VTD_ECAP_C | VTD_ECAP_QI | VTD_ECAP_DT | VTD_ECAP_IR |
	       VTD_ECAP_EIM | VTD_ECAP_PT | VTD_ECAP_SC | VTD_ECAP_IRO |
	       VTD_ECAP_MHMV | VTD_ECAP_SRS | VTD_ECAP_SMTS | VTD_ECAP_SSTS |
	       VTD_ECAP_SMPWCS | VTD_ECAP_RPS | VTD_ECAP_PASID | VTD_ECAP_PSS;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_caps_ecap_mask);

static u8 sagaw_levels(u64 cap)
{
	u8 levels = 0;

	if (cap & VTD_CAP_SAGAW_39)
		levels |= BIT(3);
	if (cap & VTD_CAP_SAGAW_48)
		levels |= BIT(4);
	if (cap & VTD_CAP_SAGAW_57)
		levels |= BIT(5);
	return levels;
}

/* Of the sizes of superpages a unit has the smaller ones, too; some numbers mean nothing. */
static bool fields_valid(u64 cap)
{
	if ((cap & VTD_CAP_SSLPS_1G) && !(cap & VTD_CAP_SSLPS_2M))
		return false;
	return FIELD_GET(VTD_CAP_ND, cap) != VTD_CAP_ND_RSVD;
}

/* Bits of a domain-id that do not exist: it has 4 + 2 * ND. */
static u16 no_did_bits(u64 cap)
{
	return U16_MAX & ~(BIT(4 + 2 * FIELD_GET(VTD_CAP_ND, cap)) - 1);
}

/**
 * vtds_caps_decode() - Check and decode the registers of a virtual unit
 * @caps: Output
 * @cap: CAP_REG
 * @ecap: ECAP_REG
 * @haw: Guest physical address width in bits
 *
 * Return: 0, or an error as documented at struct vtd_shadow_set_state.
 */
int vtds_caps_decode(struct vtds_caps *caps, u64 cap, u64 ecap, u32 haw)
{
	u8 levels = sagaw_levels(cap);
	u8 mgaw = FIELD_GET(VTD_CAP_MGAW, cap) + 1;

	if ((cap & ~vtds_caps_cap_mask()) || (ecap & ~vtds_caps_ecap_mask()))
		return -EOPNOTSUPP;
	if (!(cap & VTD_CAP_CM) || !levels || !fields_valid(cap))
		return -EINVAL;
	if (haw < VTDS_MIN_HAW || haw > VTDS_MAX_HAW)
		return -EINVAL;
	if (mgaw < VTDS_MIN_MGAW || mgaw > vtd_levels_width(__fls(levels)))
		return -EINVAL;

	*caps = (struct vtds_caps){
		.levels = levels,
		.mgaw = mgaw,
		.haw = haw,
		.leaf_levels = BIT(1),
		.mamv = FIELD_GET(VTD_CAP_MAMV, cap),
		.no_did_bits = no_did_bits(cap),
		.pass_through = ecap & VTD_ECAP_PT,
		.device_tlb = ecap & VTD_ECAP_DT,
		.snoop = ecap & (VTD_ECAP_SC | VTD_ECAP_SMTS),
		.scalable = ecap & VTD_ECAP_SMTS,
		.second_stage = ecap & VTD_ECAP_SSTS,
		.rid_pasid = ecap & VTD_ECAP_RPS,
	};
	if (ecap & VTD_ECAP_PASID)
		caps->pasid_bits = min_t(u64, FIELD_GET(VTD_ECAP_PSS, ecap) + 1,
					 VTD_PASID_WIDTH);
	if (cap & VTD_CAP_SSLPS_2M)
		caps->leaf_levels |= BIT(2);
	if (cap & VTD_CAP_SSLPS_1G)
		caps->leaf_levels |= BIT(3);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_caps_decode);

/**
 * vtds_caps_reserved() - Reserved bits of a present paging entry
 * @caps: Capabilities of the unit
 * @level: Level of the table that it is in, 1 to 5
 * @leaf: It is at level 1 or has PS set
 *
 * Section 9.8. Of a leaf where there is no such page size PS is reserved. SNP of leaves
 * is not, on a unit with scalable mode: there Linux 5.13 to 5.18 sets it in all of them
 * without a look at ECAP.SC. It asks for snooping; an entry permits no more with it.
 *
 * Return: the bits.
 */
u64 vtds_caps_reserved(const struct vtds_caps *caps, unsigned int level,
		       bool leaf)
{
	u64 reserved = VTD_ENTRY_ADDR & ~GENMASK_ULL(caps->haw - 1, 0);

	if (leaf && level > 1) {
		if (level > VTD_MAX_LEAF_LEVEL ||
		    !(caps->leaf_levels & BIT(level)))
			reserved |= VTD_SS_PS;
		reserved |= VTD_ENTRY_ADDR & (vtd_level_size(level) - 1);
	}
	if (!leaf || !caps->snoop)
		reserved |= VTD_SS_SNP;
	if (!leaf || !caps->device_tlb)
		reserved |= VTD_SS_TM;
	return reserved;
}

/**
 * vtds_caps_entry_reserved() - Whether a present paging entry is malformed
 * @caps: Capabilities of the unit
 * @raw: The entry
 * @level: Level of the table that it is in, 1 to 5
 *
 * An entry that is not present may hold anything and is not asked for here.
 *
 * Return: whether a reserved bit is set.
 */
bool vtds_caps_entry_reserved(const struct vtds_caps *caps, u64 raw,
			      unsigned int level)
{
	return raw &
	       vtds_caps_reserved(caps, level, vtd_entry_is_leaf(raw, level));
}
EXPORT_SYMBOL_IF_KUNIT(vtds_caps_entry_reserved);
