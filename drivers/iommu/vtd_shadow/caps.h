/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capabilities of a virtual unit, see caps.c
 */
#ifndef VTDS_CAPS_H
#define VTDS_CAPS_H

#include <linux/types.h>

/**
 * struct vtds_caps - What CAP_REG, ECAP_REG and HAW mean for reading tables
 * @levels: Bit n set: tables with n levels are supported (SAGAW)
 * @mgaw: Maximum guest address width in bits
 * @haw: Address bits from here on are reserved
 * @leaf_levels: Bit n set: leaves of level n are supported (SSLPS)
 * @mamv: Largest address mask of a page-selective invalidation
 * @pass_through: TT 10b is allowed
 * @device_tlb: TT 01b is allowed, and bit TM of leaves is not reserved
 * @snoop: Bit SNP of leaves is not reserved (SC or SMTS)
 * @scalable: Scalable mode is supported (SMTS)
 * @second_stage: PGTT 010b is allowed (SSTS)
 * @rid_pasid: Scalable-mode context entries have RID_PASID (RPS)
 * @pasid_bits: Width of a PASID in requests, 0 if none may have one (PSS)
 * @no_did_bits: Bits of a domain-id that the unit does not have (ND): they do not count,
 *               neither in entries nor in descriptors
 */
struct vtds_caps {
	u8 levels;
	u8 mgaw;
	u8 haw;
	u8 leaf_levels;
	u8 mamv;
	bool pass_through;
	bool device_tlb;
	bool snoop;
	bool scalable;
	bool second_stage;
	bool rid_pasid;
	u8 pasid_bits;
	u16 no_did_bits;
};

u64 vtds_caps_cap_mask(void);
u64 vtds_caps_ecap_mask(void);
int vtds_caps_decode(struct vtds_caps *caps, u64 cap, u64 ecap, u32 haw);
u64 vtds_caps_reserved(const struct vtds_caps *caps, unsigned int level,
		       bool leaf);
bool vtds_caps_entry_reserved(const struct vtds_caps *caps, u64 raw,
			      unsigned int level);

#endif /* VTDS_CAPS_H */
