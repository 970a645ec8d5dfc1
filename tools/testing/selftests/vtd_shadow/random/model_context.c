// SPDX-License-Identifier: GPL-2.0-only
/*
 * What root, context and PASID entries say for a source-id: the model's reading
 * of them. Written from the VT-d specification, not from the driver.
 */
#include "model.h"

static struct model_setting blocked(__u8 reason)
{
	return (struct model_setting){
		.attachment = VTD_SHADOW_ATTACHED_BLOCKED,
		.reason = reason,
	};
}

/* @nr quadwords at @gpa. False if there is no memory. */
static bool read_entry(struct model *m, __u64 gpa, __u64 *entry,
		       unsigned int nr)
{
	__u16 areas = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (!model_read(m, gpa + i * 8, &entry[i], &areas))
			return false;
	return true;
}

/* Bits that no pointer in an entry has, with the reserved ones of @mask */
static __u64 reserved(const struct model *m, __u64 mask)
{
	return model_bits(63, m->caps.haw) | mask;
}

/* --- Legacy mode --- */

static struct model_setting decode_context(struct model *m, __u64 lo, __u64 hi)
{
	unsigned int tt = lo >> 2 & 3, levels = (hi & 7) + 2;
	struct model_setting setting = { .did = hi >> 8 };

	if (!(lo & 1))
		return blocked(0x02);
	if ((lo & reserved(m, model_bits(11, 4))) ||
	    (hi & (model_bits(63, 24) | model_bits(7, 7))))
		return blocked(0x0b);
	if (!(m->caps.levels >> levels & 1) || tt == 3 ||
	    (tt == 1 && !m->caps.device_tlb) ||
	    (tt == 2 && !m->caps.pass_through))
		return blocked(0x03);

	setting.attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	if (tt == 2)
		return setting;
	setting.attachment = VTD_SHADOW_ATTACHED_SHADOW;
	setting.levels = levels;
	setting.root = lo & SS_ADDR;
	return setting;
}

static struct model_setting read_legacy(struct model *m, __u64 root, __u16 sid)
{
	__u64 entry[2];

	if ((root & reserved(m, 0)) ||
	    !read_entry(m, root + (sid >> 8) * 16, entry, 2))
		return blocked(0x08);
	if (!(entry[0] & 1))
		return blocked(0x01);
	if (entry[1] || (entry[0] & reserved(m, model_bits(11, 1))))
		return blocked(0x0a);
	if (!read_entry(m, (entry[0] & SS_ADDR) + (sid & 0xff) * 16, entry, 2))
		return blocked(0x09);
	return decode_context(m, entry[0], entry[1]);
}

/* --- Scalable mode --- */

static struct model_setting decode_pasid(struct model *m, const __u64 *entry)
{
	unsigned int levels = (entry[0] >> 2 & 7) + 2;
	unsigned int pgtt = entry[0] >> 6 & 7;
	struct model_setting setting = { .did = entry[1] };

	if (!(entry[0] & 1))
		return blocked(0x59);
	if ((entry[0] & reserved(m, model_bits(11, 9) | model_bits(5, 5))) ||
	    (entry[1] & model_bits(22, 16)) || entry[3] || entry[4] ||
	    entry[5] || entry[6] || entry[7])
		return blocked(0x5a);
	if (!(m->caps.levels >> levels & 1) || (pgtt != 2 && pgtt != 4) ||
	    (pgtt == 2 && !m->caps.second_stage) ||
	    (pgtt == 4 && !m->caps.pass_through))
		return blocked(0x5b);

	setting.attachment = VTD_SHADOW_ATTACHED_IDENTITY;
	if (pgtt == 4)
		return setting;
	setting.attachment = VTD_SHADOW_ATTACHED_SHADOW;
	setting.levels = levels;
	setting.root = entry[0] & SS_ADDR;
	return setting;
}

static struct model_setting read_pasid(struct model *m, __u64 directory,
				       __u64 entries, __u32 pasid)
{
	struct model_setting setting;
	__u64 entry[8];

	if (pasid / 64 >= entries)
		return blocked(0x48);
	if (!read_entry(m, directory + pasid / 64 * 8, entry, 1))
		return blocked(0x50);
	if (!(entry[0] & 1))
		return blocked(0x51);
	if (entry[0] & reserved(m, model_bits(11, 2)))
		return blocked(0x52);
	if (!read_entry(m, (entry[0] & SS_ADDR) + pasid % 64 * 64, entry, 8))
		return blocked(0x58);
	setting = decode_pasid(m, entry);
	setting.pasid = pasid;
	return setting;
}

/* Returns the fault, or 0 with the context entry of @sid */
static unsigned int read_sm_context(struct model *m, __u16 sid, __u64 *entry)
{
	__u64 root = m->rtaddr & ~0xfffULL, half;

	if (root & reserved(m, 0))
		return 0x30;
	if (!read_entry(m, root + (sid >> 8) * 16, entry, 2))
		return 0x38;
	half = entry[sid >> 7 & 1];
	if (!(half & 1))
		return 0x39;
	if (half & reserved(m, model_bits(11, 1)))
		return 0x3a;
	if (!read_entry(m, (half & SS_ADDR) + (sid & 0x7f) * 32, entry, 4))
		return 0x40;
	if (!(entry[0] & 1))
		return 0x41;
	if ((entry[0] & reserved(m, model_bits(8, 5))) ||
	    (entry[1] & model_bits(63, 21)) || entry[2] || entry[3])
		return 0x42;
	return 0;
}

static struct model_setting read_scalable(struct model *m, __u16 sid)
{
	__u64 entry[4];
	unsigned int fault = read_sm_context(m, sid, entry);

	if (fault)
		return blocked(fault);
	return read_pasid(m, entry[0] & SS_ADDR, 128 << (entry[0] >> 9 & 7),
			  m->caps.rid_pasid ? entry[1] & 0xfffff : 0);
}

/* --- Both --- */

/* Has the root table a mode that the unit has? Whether it translates does not matter. */
bool model_has_mode(const struct model *m, unsigned int ttm)
{
	return (m->rtaddr >> 10 & 3) == ttm && (!ttm || m->caps.scalable);
}

/* Does the unit read its tables as those of scalable mode? */
bool model_is_scalable(const struct model *m)
{
	return m->te && model_has_mode(m, 1);
}

/* What the tables say for requests without PASID of @sid */
struct model_setting model_read_setting(struct model *m, __u16 sid)
{
	__u64 root = m->rtaddr & ~0xfffULL;
	struct model_setting setting;

	if (!m->te)
		return (struct model_setting){
			.attachment = VTD_SHADOW_ATTACHED_IDENTITY,
		};
	if (model_is_scalable(m))
		setting = read_scalable(m, sid);
	else if (m->rtaddr & 0xc00)
		setting = blocked(0x30);
	else
		setting = read_legacy(m, root, sid);
	/* Other bits do not exist */
	setting.did &= m->caps.did_mask;
	return setting;
}

/* Why requests with PASID of @sid are refused by a unit that has none */
unsigned int model_no_pasids(struct model *m, __u16 sid)
{
	__u64 entry[4];

	if (!m->te)
		return 0x07;
	if (model_is_scalable(m))
		return read_sm_context(m, sid, entry) ?: 0x45;
	return m->rtaddr & 0xc00 ? 0x30 : 0x31;
}
