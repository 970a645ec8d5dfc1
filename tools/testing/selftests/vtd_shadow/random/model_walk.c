// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model's view of the guest's memory, and what tables in it say now. Written
 * from the VT-d specification, not from the driver.
 */
#include <string.h>

#include "model.h"

/* --- Memory --- */

/* Number of the area that has @gpa, MODEL_AREAS if none does */
unsigned int model_area_at(const struct model *m, __u64 gpa)
{
	for (unsigned int i = 0; i < m->nr_areas; i++)
		if (gpa - m->area[i].gpa < m->area[i].size)
			return i;
	return MODEL_AREAS;
}

/* What the IOAS allows at @gpa: PERM_* */
unsigned int model_memory(const struct model *m, __u64 gpa)
{
	unsigned int area = model_area_at(m, gpa);

	return area == MODEL_AREAS ? PERM_NONE : m->area[area].perm;
}

/* The page with tables at @gpa, or NULL. They are in a few contiguous blocks. */
struct model_page *model_page_at(struct model *m, __u64 gpa)
{
	for (unsigned int i = 0; i < m->nr_pages;) {
		__u64 delta = gpa - m->page[i].gpa;
		unsigned int area = m->page[i].area;

		if (delta < m->area[area].size &&
		    i + delta / SZ_4K < m->nr_pages &&
		    m->page[i + delta / SZ_4K].gpa == (gpa & ~0xfffULL))
			return &m->page[i + delta / SZ_4K];
		while (i < m->nr_pages && m->page[i].area == area)
			i++;
	}
	return NULL;
}

/* The guest writes an entry: to memory, and to the record of the model */
void model_write(struct model *m, struct model_page *page, unsigned int index,
		 __u64 value)
{
	page->entry[index] = value;
	page->hva[index] = value;
	m->version++;
}

/* The driver writes half of a quadword, because the guest asked it to */
void model_written(struct model *m, __u64 gpa, __u32 value)
{
	struct model_page *page = model_page_at(m, gpa);
	unsigned int shift = gpa & 4 ? 32 : 0;

	m->version++;
	if (!page)
		return;
	page->entry[gpa / 8 % 512] &= ~(0xffffffffULL << shift);
	page->entry[gpa / 8 % 512] |= (__u64)value << shift;
}

/*
 * The quadword at @gpa; @areas gets the bit of its area. False if there is no
 * memory. A table can be anywhere, also where devices write: that is read from
 * memory, all else from the record.
 */
bool model_read(struct model *m, __u64 gpa, __u64 *entry, __u16 *areas)
{
	struct model_page *page = model_page_at(m, gpa);
	unsigned int area = page ? page->area : model_area_at(m, gpa);
	const volatile __u64 *memory;

	if (area == MODEL_AREAS || !(m->area[area].perm & PERM_R))
		return false;
	*areas |= 1U << area;
	if (page) {
		*entry = page->entry[gpa / 8 % 512];
		return true;
	}
	memory = vtds_hva(m->guest, gpa);
	*entry = *memory;
	return true;
}

/* --- Registers --- */

/* Only values that the driver accepts */
void model_set_caps(struct model *m, __u64 cap, __u64 ecap, unsigned int haw)
{
	m->caps = (struct model_caps){
		.levels = cap >> 6 & 0x38,
		.leaves = 1 << 1 | (cap >> 34 & 1) << 2 | (cap >> 35 & 1) << 3,
		.mgaw = (cap >> 16 & 63) + 1,
		.haw = haw,
		.mamv = cap >> 48 & 63,
		.did_mask = (1 << (4 + 2 * (cap & 7))) - 1,
		.device_tlb = ecap >> 2 & 1,
		.pass_through = ecap >> 6 & 1,
		/* Some guests set it in scalable mode, whatever the unit offers */
		.snoop = (ecap >> 7 & 1) || (ecap >> 43 & 1),
		.scalable = ecap >> 43 & 1,
		.second_stage = ecap >> 46 & 1,
		.rid_pasid = ecap >> 49 & 1,
	};
	m->version++;
}

/* Last address that a request can have with a table of @levels */
__u64 model_last(const struct model *m, unsigned int levels)
{
	unsigned int width = 12 + 9 * levels;

	return model_bits((width < m->caps.mgaw ? width : m->caps.mgaw) - 1, 0);
}

/* --- Paging entries --- */

#define BIT_PS (1ULL << 7)
#define BIT_SNP (1ULL << 11)
#define BIT_TM (1ULL << 62)

static bool is_leaf(__u64 entry, unsigned int level)
{
	return level == 1 || (entry & BIT_PS);
}

/* Is a present entry malformed? */
bool model_reserved(const struct model *m, __u64 entry, unsigned int level)
{
	__u64 bad = BIT_SNP | BIT_TM | model_bits(51, m->caps.haw);

	if (is_leaf(entry, level)) {
		if (!(m->caps.leaves >> level & 1))
			return true;
		if (level > 1)
			bad |= model_bits(model_shift(level) - 1, 12);
		if (m->caps.snoop)
			bad &= ~BIT_SNP;
		if (m->caps.device_tlb)
			bad &= ~BIT_TM;
	}
	return entry & bad;
}

static bool host_reaches(const struct model *m, __u64 iova)
{
	for (unsigned int i = 0; i < m->nr_ranges; i++)
		if (iova >= m->range[i].first && iova <= m->range[i].last)
			return true;
	return false;
}

/* The leaf: what memory allows at its target */
static void finish(struct model *m, struct model_answer *answer, __u64 gpa)
{
	unsigned int area = model_area_at(m, gpa);

	if (area == MODEL_AREAS || !(answer->perm & m->area[area].perm) ||
	    (m->area[area].perm == PERM_W && !m->write_only)) {
		answer->perm = PERM_NONE;
		return;
	}
	answer->perm &= m->area[area].perm;
	answer->areas |= 1U << area;
	answer->gpa = gpa & ~0xfffULL;
}

/* Where the table leads from @iova */
struct model_answer model_walk(struct model *m, __u64 root, unsigned int levels,
			       __u64 iova)
{
	struct model_answer answer = { .perm = PERM_RW };
	const struct model_answer none = { .perm = PERM_NONE };
	__u64 table = root, entry;

	if (iova > model_last(m, levels) || !host_reaches(m, iova))
		return none;
	if (iova >= 0xfee00000 && iova <= 0xfeefffff)
		return none;

	for (unsigned int level = levels; level; level--) {
		if (!model_read(m, table + model_index(iova, level) * 8, &entry,
				&answer.areas))
			return none;
		if (!(entry & SS_RW) || model_reserved(m, entry, level))
			return none;
		answer.perm &= entry;
		if (!answer.perm)
			return none;
		if (is_leaf(entry, level)) {
			__u64 offset = iova &
				       model_bits(model_shift(level) - 1, 0);

			answer.level = level;
			finish(m, &answer, (entry & SS_ADDR) + offset);
			break;
		}
		table = entry & SS_ADDR;
	}
	return answer.perm ? answer : none;
}
