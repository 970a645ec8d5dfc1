// SPDX-License-Identifier: GPL-2.0-only
/*
 * The random test's machine: pages for tables, devices, addresses, and what differs
 * from run to run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/iommufd.h>

#include "kselftest.h"
#include "random.h"

/* --- Pages for tables --- */

#define TOP 16

static const __u8 fixed_pages[] = {
	TOP,
	TOP,
	TOP,
	4,
	4,
	3,
	3,
	3,
	2,
	2,
	2,
	2,
	2,
	1,
	1,
	1,
	1,
	1,
	FOR_ROOT,
	FOR_ROOT,
	FOR_CONTEXTS,
	FOR_CONTEXTS,
	FOR_DIRECTORY,
	FOR_DIRECTORY,
	FOR_PASIDS,
	FOR_PASIDS,
	FOR_PASIDS,
};

static const __u8 taken_pages[] = {
	TOP, 2, 1, 1, FOR_ROOT, FOR_CONTEXTS, FOR_DIRECTORY, FOR_PASIDS,
};

static void add_pages(struct vtds_random *r, unsigned int area, __u64 gpa,
		      const __u8 *uses, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int at = r->model.nr_pages++;

		r->model.page[at] = (struct model_page){
			.gpa = gpa + i * SZ_4K,
			.area = area,
			.hva = vtds_hva(&r->guest, gpa + i * SZ_4K),
		};
		r->is_top[at] = uses[i] == TOP;
		r->use[at] = uses[i];
	}
}

/* --- Addresses: places where something can go wrong, in a few tables --- */

static const struct place {
	__u16 index[4]; /* of level 5 to 2 */
	__u16 page[6]; /* index of level 1, up to a zero after the first */
} places[] = {
	{ { 0, 0, 0, 8 }, { 0, 1, 2, 3, 8 } },
	{ { 0, 0, 0, 0 }, { 0, 1, 2, 511 } },
	{ { 0, 0, 0, 1 }, { 0, 1, 511 } },
	{ { 0, 0, 0, 511 }, { 0, 511 } },
	{ { 0, 0, 1, 0 }, { 0, 1, 8, 17, 511 } },
	{ { 0, 0, 1, 1 }, { 0, 255, 511 } },
	{ { 0, 0, 1, 2 }, { 0, 255, 256, 511 } },
	{ { 0, 0, 1, 511 }, { 511 } },
	{ { 0, 0, 2, 0 }, { 0 } },
	{ { 0, 0, 2, 511 }, { 511 } },
	{ { 0, 0, 3, 0 }, { 0, 1 } },
	{ { 0, 0, 3, 503 }, { 0, 1, 255, 256, 257, 511 } },
	{ { 0, 0, 3, 511 }, { 511 } },
	{ { 0, 0, 511, 511 }, { 511 } },
	{ { 0, 1, 0, 0 }, { 0, 1, 2, 511 } },
	{ { 0, 1, 0, 1 }, { 0, 511 } },
	{ { 0, 1, 1, 0 }, { 0, 1 } },
	{ { 0, 1, 511, 511 }, { 511 } },
	{ { 0, 255, 511, 511 }, { 511 } },
	{ { 0, 256, 0, 0 }, { 0, 1 } },
	{ { 0, 511, 511, 511 }, { 0, 511 } },
	{ { 1, 0, 0, 0 }, { 0, 1 } },
	{ { 1, 1, 1, 1 }, { 1 } },
	{ { 255, 511, 511, 511 }, { 511 } },
	{ { 256, 0, 0, 0 }, { 0 } },
	{ { 511, 511, 511, 511 }, { 511 } },
};

static void add_addresses(struct model *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *at = &places[i];
		__u64 iova = 0;

		for (unsigned int j = 0; j < 4; j++)
			iova = iova << 9 | at->index[j];
		for (unsigned int j = 0; j < 6 && (!j || at->page[j]); j++)
			m->iova[m->nr_addrs++] = iova << 21 | (__u64)at->page[j]
								      << 12;
	}
}

/* --- Devices --- */

/* The function mask of a context-cache invalidation covers some of them */
static const struct device_config {
	enum vtds_kind kind;
	unsigned int index;
	unsigned int group;
	__u16 sid;
	__u16 alias;
	unsigned int buffer; /* page */
} configs[] = {
	{ VTDS_NVME, 0, 0, 0x0100, 0, 0 },
	{ VTDS_EDU, 0, 1, 0x0101, 0x0102, 4 },
	{ VTDS_EDU, 1, 2, 0x0104, 0, 5 },
	{ VTDS_EDU, 2, 3, 0x0208, 0, 6 },
	{ VTDS_EDU_SHARED, 0, 4, 0x0290, 0, 7 },
	{ VTDS_EDU_SHARED, 1, 4, 0x0291, 0, 8 },
};

static void add_requester(struct model *m, __u16 sid)
{
	struct model_requester *r = &m->requester[m->nr_requesters++];

	r->sid = sid;
	r->device = m->nr_devices;
}

static int add_device(struct vtds_random *r, const struct device_config *config)
{
	struct vtds_dev *dev = &r->dev[r->model.nr_devices];
	int rc;

	if (vtds_dev_count(config->kind) <= (int)config->index)
		return 0;
	rc = vtds_dev_open(dev, config->kind, config->index);
	if (rc)
		return rc;
	rc = vtds_dev_bind(dev, r->vmm.iommufd);
	dev->sid = config->sid;
	dev->buffer = FIXED_GPA + config->buffer * SZ_4K;
	dev->buffer_hva = vtds_hva(&r->guest, dev->buffer);
	add_requester(&r->model, config->sid);
	if (config->alias)
		add_requester(&r->model, config->alias);
	r->model.device[r->model.nr_devices++].group = config->group;
	return rc;
}

static int add_devices(struct vtds_random *r)
{
	int rc = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(configs) && !rc; i++)
		rc = add_device(r, &configs[i]);
	return rc ?: r->model.nr_devices ? 0 : -ENODEV;
}

/* What the host IOMMU can map for a device that is attached */
static int find_ranges(struct vtds_random *r)
{
	struct iommu_iova_range ranges[MODEL_RANGES];
	int nr = vtds_ioas_ranges(&r->vmm, r->vmm.ioas, ranges, MODEL_RANGES);

	if (nr < 0)
		return nr;
	r->model.nr_ranges = nr;
	for (int i = 0; i < nr; i++)
		r->model.range[i] = (struct model_range){
			.first = ranges[i].start,
			.last = ranges[i].last,
		};
	return 0;
}

/*
 * There are hosts that make no page table ahead of its first device, or one that
 * cannot be filled. Tried on an IOAS that is not needed afterwards.
 */
static bool can_alloc_hwpt(struct vtds_random *r)
{
	void *hva = vtds_hva(&r->guest, FIXED_GPA);
	__u32 ioas, hwpt;
	int rc;

	if (vtds_ioas_alloc(&r->vmm, &ioas))
		return false;
	rc = vtds_hwpt_alloc(&r->vmm, r->dev[0].dev_id, ioas, &hwpt);
	if (!rc) {
		rc = vtds_ioas_map(&r->vmm, ioas, hva, FIXED_GPA, SZ_4K,
				   PERM_RW);
		vtds_destroy(&r->vmm, hwpt);
	}
	vtds_destroy(&r->vmm, ioas);
	return !rc;
}

/* A page table that stays full, so that going to identity costs no walk */
static int open_identity(struct vtds_random *r)
{
	int rc = 0;

	r->hwpt = r->vmm.ioas;
	if (can_alloc_hwpt(r))
		rc = vtds_hwpt_alloc(&r->vmm, r->dev[0].dev_id, r->vmm.ioas,
				     &r->hwpt);
	rc = rc ?: vtds_dev_attach(&r->dev[0], r->hwpt);
	rc = rc ?: find_ranges(r);
	return rc ?: vtds_dev_detach(&r->dev[0]);
}

static void open_model(struct vtds_random *r)
{
	r->model.guest = &r->guest;
	add_pages(r, AREA_FIXED, FIXED_GPA + FIXED_TABLES * SZ_4K, fixed_pages,
		  sizeof(fixed_pages));
	add_pages(r, AREA_TABLES, r->model.area[AREA_TABLES].gpa, taken_pages,
		  sizeof(taken_pages));
	add_addresses(&r->model);
}

/* With sanitizers it takes minutes to pin 1 GiB */
static void check_speed(struct vtds_random *r)
{
	double begin = vtds_seconds();

	if (!random_give(r, AREA_WHOLE, PERM_RW))
		random_take(r, AREA_WHOLE);
	r->can_giga &= (vtds_seconds() - begin) * (SZ_1G / SZ_2M) < 5;
}

/* Once for all runs. Returns what failed, or NULL. */
const char *random_open(struct vtds_random *r)
{
	if (vtds_vmm_open(&r->vmm))
		return "iommufd";
	if (random_add_memory(r))
		return "memory";
	if (add_devices(r))
		return "devices";
	if (open_identity(r))
		return "identity page table";
	open_model(r);
	check_speed(r);
	return random_give(r, AREA_FIXED, PERM_RW);
}

void random_close(struct vtds_random *r)
{
	vtds_unit_close(&r->unit);
	while (r->model.nr_devices)
		vtds_dev_close(&r->dev[--r->model.nr_devices]);
	vtds_vmm_close(&r->vmm);
	vtds_ram_free(&r->guest);
}

/* --- A run --- */

static const char *give_all(struct vtds_random *r)
{
	unsigned int last = r->giga ? AREA_GIGA_TAIL : AREA_TAIL;
	const char *wrong = NULL;

	for (unsigned int i = AREA_FIXED + 1; i <= last && !wrong; i++)
		wrong = random_give(r, i, random_usual(r, i));
	return wrong;
}

static const char *take_all(struct vtds_random *r)
{
	const char *wrong = NULL;

	for (unsigned int i = AREA_FIXED + 1; i < NR_AREAS && !wrong; i++)
		if (r->model.area[i].perm)
			wrong = random_take(r, i);
	return wrong;
}

static void clear_pages(struct vtds_random *r)
{
	for (unsigned int i = 0; i < r->model.nr_pages; i++) {
		struct model_page *page = &r->model.page[i];

		memset(page->entry, 0, SZ_4K);
		memset((void *)page->hva, 0, SZ_4K);
	}
}

/* What table a top page is for; others have tables of other levels on it too */
static void choose_tops(struct vtds_random *r)
{
	for (unsigned int i = 0; i < r->model.nr_pages; i++)
		if (r->is_top[i])
			r->use[i] = TOP;
	for (unsigned int i = 0; i < r->model.nr_pages; i++)
		while (r->is_top[i] && !(r->model.caps.levels >> r->use[i] & 1))
			r->use[i] = 3 + random_below(r, 3);
}

static const char *add_all(struct vtds_random *r)
{
	const char *wrong = NULL;

	for (unsigned int i = 0; i < r->model.nr_devices && !wrong; i++)
		wrong = random_add(r, i);
	return wrong;
}

/* What the seed says for all of the run */
void random_choose(struct vtds_random *r, unsigned long seed)
{
	r->seed = seed;
	r->state = seed * 0x2545f4914f6cdd1dULL;
	r->scalable = random_chance(r, 50);
	r->pasids = r->scalable && random_chance(r, 20);
	r->wide = random_chance(r, r->scalable ? 90 : 20);
	r->by_queue = random_chance(r, 50);
	r->giga = random_chance(r, 4);
	r->rom_pieces = random_chance(r, 30);
	/* Few enough that calls with small tables use it up */
	r->budget = random_chance(r, 60) ? 1 + random_below(r, 12) : 0;
	/* That would have to be filled with all of memory again and again */
	r->identity = r->giga || random_chance(r, 80) ? r->hwpt : r->vmm.ioas;
}

/* Everything anew. Returns what went wrong, or NULL. */
const char *random_begin(struct vtds_random *r)
{
	const char *wrong;

	r->step = 0;
	r->nr_log = 0;
	r->queue_head = 0;
	memset(r->last_gpa, 0, sizeof(r->last_gpa));
	model_reset(&r->model);
	clear_pages(r);

	if (vtds_unit_open(&r->unit))
		return "the unit cannot be opened";
	r->unit.budget = r->budget;
	r->unit.once = true;
	if (vtds_unit_bind(&r->unit, &r->vmm, 0, 0))
		return "the unit cannot be bound";
	wrong = give_all(r);
	wrong = wrong ?: random_set_state(r);
	choose_tops(r);
	if (wrong)
		return wrong;
	random_fill_tables(r);
	random_fill_contexts(r);
	return add_all(r);
}

/* The driver only reads tables, so they are as the guest wrote them */
static bool tables_intact(const struct vtds_random *r)
{
	for (unsigned int i = 0; i < r->model.nr_pages; i++)
		if (memcmp(r->model.page[i].entry, (void *)r->model.page[i].hva,
			   SZ_4K))
			return false;
	return true;
}

static const char *remove_all(struct vtds_random *r)
{
	const char *wrong = NULL;

	for (unsigned int i = 0; i < r->model.nr_devices && !wrong; i++)
		if (r->model.device[i].present)
			wrong = random_remove(r, i);
	return wrong;
}

const char *random_end(struct vtds_random *r)
{
	const char *wrong = remove_all(r);
	struct vtd_shadow_get_stats stats;

	if (!wrong && vtds_stats(&r->unit, &stats))
		wrong = "GET_STATS failed";
	if (!wrong && (stats.domains || stats.nodes || stats.pages))
		wrong = "without devices the unit still has something mapped";
	wrong = wrong ?: take_all(r);
	vtds_unit_close(&r->unit);
	if (!wrong && !tables_intact(r))
		wrong = "somebody wrote to the guest's tables";
	r->anys += r->model.anys;
	r->mores += r->unit.more;
	return wrong;
}
