// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine as the native benchmark sees it: a unit and a domain as BIND, SET_STATE and
 * an attached device would make them. No other file of the benchmark knows the driver.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <uapi/linux/vtd_shadow.h>

#include "../../batch.h"
#include "../../caps.h"
#include "../../domain.h"
#include "../../flush.h"
#include "../../guest_ctx.h"
#include "../../guest_mem.h"
#include "../../guest_pin.h"
#include "../../host_domain.h"
#include "../../memory.h"
#include "../../mirror.h"
#include "../../queue.h"
#include "../../settle.h"
#include "../../sync.h"
#include "../../unit.h"
#include "../../vtd_format.h"
#include "engine.h"
#include "native.h"

#define LEVELS 4
/* As a VMM's: caching mode, 48 bits, any AM, all sizes of leaves */
#define CAP                                                                   \
	(BIT_ULL(7) | 47ULL << 16 | 63ULL << 48 | BIT_ULL(10) | BIT_ULL(34) | \
	 BIT_ULL(35))
#define HAW 46
#define LIMIT BIT_ULL(32)
/* A descriptor of 128 bits */
#define DESC_SIZE 16UL
#define DESC_QWORDS 2UL
#define QUEUE_SIZE SZ_1M

/**
 * struct native_engine - The engine
 * @test: Who runs it
 * @unit: The unit
 * @domain: Its only domain
 * @host: What that maps in
 * @root: Address of the top table
 * @dev: A device that can join
 * @queue: Descriptors, as copied from a VMM
 * @failed: A call failed, or refused something
 */
struct native_engine {
	struct kunit *test;
	struct vtds_unit *unit;
	struct vtds_domain domain;
	struct iommu_domain *host;
	u64 root;
	struct device *dev;
	u64 *queue;
	bool failed;
};

/* --- What stands for iommufd and for devices --- */

static int pin(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages,
	       struct page **pages, unsigned int perm)
{
	native_memory_pages(gpa >> VTD_PAGE_SHIFT, nr_pages, pages);
	return 0;
}

static void unpin(struct vtds_pins *pins, u64 gpa, unsigned long nr_pages)
{
}

static int attach(struct vtds_host_domain *host,
		  const struct vtds_dev_pasid *dev_pasid)
{
	return 0;
}

static void detach(struct vtds_host_domain *host,
		   const struct vtds_dev_pasid *dev_pasid)
{
}

static int reserved(struct iommu_group *group, struct vtds_range *ranges,
		    unsigned int room)
{
	return 0;
}

static void activate_stubs(struct kunit *test)
{
	kunit_activate_static_stub(test, vtds_pin_pages, pin);
	kunit_activate_static_stub(test, vtds_unpin_pages, unpin);
	kunit_activate_static_stub(test, vtds_host_domain_attach, attach);
	kunit_activate_static_stub(test, vtds_host_domain_detach, detach);
	kunit_activate_static_stub(test, vtds_host_reserved, reserved);
}

/* --- Life --- */

int native_engine_domain_begin(struct native_engine *e)
{
	struct vtds_domain *domain = &e->domain;
	struct vtds_unit *unit = e->unit;
	struct vtds_batch batch __uninitialized;

	guard(vtds_lock)(&unit->lock);
	*domain = (struct vtds_domain){
		.unit = unit,
		.root = e->root,
		.levels = LEVELS,
		.users = 1,
	};
	INIT_LIST_HEAD(&domain->refusing);
	vtds_tables_init(&domain->tables);
	vtds_domain_init_limits(domain);
	vtds_host_domain_init(&domain->host, e->host);
	domain->host.stats = &domain->stats;
	domain->host.first = e->host->geometry.aperture_start;
	domain->host.last = e->host->geometry.aperture_end;
	vtds_batch_begin(&batch, unit);
	domain->top = vtds_node_alloc(&batch, domain, LEVELS, VTD_SS_RW, 0);
	if (!domain->top)
		return -ENOMEM;
	list_add_tail(&domain->entry, &unit->domains);
	return vtds_host_domain_probe(&domain->host);
}

/* As domain.c ends one, but for the host's */
void native_engine_domain_end(struct native_engine *e)
{
	struct vtds_domain *domain = &e->domain;
	unsigned int work = UINT_MAX;

	guard(vtds_lock)(&e->unit->lock);
	list_del(&domain->entry);
	vtds_mirror_clear(domain->top, &work);
	vtds_host_flush(&domain->host);
	vtds_node_free(domain->top);
	vtds_tables_destroy(domain);
}

static int unit_begin(struct native_engine *e)
{
	struct vtds_unit *unit = vtds_unit_alloc();

	e->unit = unit;
	if (!unit || vtds_sync_need_scratch(unit))
		return -ENOMEM;
	unit->have_state = true;
	unit->te = true;
	unit->max_nodes = LIMIT;
	unit->max_pages = LIMIT;
	return vtds_caps_decode(&unit->caps, CAP, 0, HAW);
}

/* Fails the test if there is no memory */
struct native_engine *native_engine_begin(struct kunit *test,
					  struct iommu_domain *host, u64 root)
{
	struct native_engine *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	e->test = test;
	e->host = host;
	e->root = root;
	activate_stubs(test);
	e->dev = kunit_device_register(test, "native");
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->dev));
	e->queue = kunit_kzalloc(test, QUEUE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e->queue);
	KUNIT_ASSERT_EQ(test, unit_begin(e), 0);
	KUNIT_ASSERT_EQ(test, native_engine_domain_begin(e), 0);
	KUNIT_ASSERT_TRUE(test, e->domain.host.merge);
	return e;
}

void native_engine_end(struct native_engine *e)
{
	native_engine_domain_end(e);
	KUNIT_EXPECT_EQ(e->test, e->unit->nr_pages, 0);
	KUNIT_EXPECT_EQ(e->test, e->unit->nr_nodes, 0);
	vtds_unit_release(e->unit);
}

bool native_engine_failed(const struct native_engine *e)
{
	return e->failed;
}

/* --- What is measured --- */

static void call_end(struct native_engine *e, struct vtds_batch *batch)
{
	e->failed |= !vtds_settle(batch);
	e->failed |= vtds_batch_end(batch);
	vtds_unlock(&e->unit->lock);
	vtds_unit_trim(e->unit);
}

/* One call with one flush of pages, or of all */
void native_engine_sync(struct native_engine *e, u64 first, u64 last)
{
	struct vtds_batch batch __uninitialized;

	vtds_lock(&e->unit->lock);
	vtds_batch_begin(&batch, e->unit);
	vtds_todo_add(&e->domain.todo, batch.seq, first, last);
	call_end(e, &batch);
}

void native_engine_sync_full(struct native_engine *e)
{
	native_engine_sync(e, 0, U64_MAX);
}

static u64 *slot_at(const struct native_engine *e, unsigned long slot,
		    unsigned long nr_pages)
{
	return e->queue + slot * nr_pages * DESC_QWORDS;
}

/* Writes a descriptor for each of some pages, of any domain */
void native_engine_queue(struct native_engine *e, unsigned long slot, u64 iova,
			 unsigned long nr_pages)
{
	u64 *to = slot_at(e, slot, nr_pages);

	for (unsigned long i = 0; i < nr_pages; i++) {
		*to++ = VTD_INVAL_IOTLB |
			FIELD_PREP(VTD_INVAL_G, VTD_INVAL_G_SELECTIVE);
		*to++ = iova + i * VTD_PAGE_SIZE;
	}
}

/* Writes the same descriptor some times: 2^@mask pages from @iova */
void native_engine_queue_again(struct native_engine *e, u64 iova,
			       unsigned int mask, unsigned long times)
{
	u64 *to = e->queue;

	for (unsigned long i = 0; i < times; i++) {
		*to++ = VTD_INVAL_IOTLB |
			FIELD_PREP(VTD_INVAL_G, VTD_INVAL_G_SELECTIVE);
		*to++ = iova | FIELD_PREP(VTD_INVAL_IOTLB_AM, mask);
	}
}

/* One call with all of them */
void native_engine_run_queue(struct native_engine *e, unsigned long slot,
			     unsigned long nr_pages)
{
	struct vtd_shadow_invalidate cmd = {
		.nr_descs = nr_pages,
		.desc_size = DESC_SIZE,
	};
	const u64 *descs = slot_at(e, slot, nr_pages);
	struct vtds_batch batch __uninitialized;

	vtds_lock(&e->unit->lock);
	vtds_batch_begin(&batch, e->unit);
	e->failed |= !vtds_queue_run_array(&batch, &cmd, descs, nr_pages);
	call_end(e, &batch);
	e->failed |= cmd.done != nr_pages;
}

/* Memory is taken from the guest */
void native_engine_unplug(struct native_engine *e, u64 gpa, u64 size)
{
	vtds_memory_gone(e->unit, gpa, size);
}

static struct vtds_dev_pasid joining(const struct native_engine *e)
{
	return (struct vtds_dev_pasid){
		.dev = e->dev,
		.pasid = IOMMU_NO_PASID,
	};
}

/* One more device in the domain */
void native_engine_join(struct native_engine *e)
{
	struct vtds_dev_pasid dev_pasid = joining(e);
	struct vtds_guest_ctx ctx = {
		.attachment = VTD_SHADOW_ATTACHED_SHADOW,
		.levels = LEVELS,
		.root = e->root,
	};
	struct vtds_batch batch __uninitialized;

	vtds_lock(&e->unit->lock);
	vtds_batch_begin(&batch, e->unit);
	if (vtds_domain_attach(&batch, &dev_pasid, &ctx) != &e->domain)
		e->failed = true;
	call_end(e, &batch);
}

void native_engine_leave(struct native_engine *e)
{
	struct vtds_dev_pasid dev_pasid = joining(e);

	guard(vtds_lock)(&e->unit->lock);
	vtds_domain_detach(&e->domain, &dev_pasid);
}

/* --- What else has to happen --- */

/* Unpins what has no user */
void native_engine_forget(struct native_engine *e)
{
	vtds_lock(&e->unit->lock);
	vtds_mem_release_idle(&e->unit->mem);
	vtds_unlock(&e->unit->lock);
	native_engine_sync(e, 0, VTD_PAGE_SIZE - 1);
}

/* Gives all of guest memory one more user, or takes it */
void native_engine_hold(struct native_engine *e, u64 size, bool hold)
{
	struct vtds_guest_mem *mem = &e->unit->mem;
	struct vtds_holds holds = {};
	unsigned int perm;
	unsigned long pfn;

	guard(vtds_lock)(&e->unit->lock);
	for (u64 gpa = 0; gpa < size; gpa += VTDS_CHUNK_SIZE) {
		if (!hold) {
			vtds_mem_put_range(mem, gpa, VTD_PAGE_SIZE);
			continue;
		}
		if (vtds_mem_page(mem, gpa, &pfn, &perm))
			e->failed |= vtds_mem_fetch(mem, &holds);
		vtds_mem_use(mem, vtds_mem_chunk(mem, gpa), gpa);
	}
	vtds_mem_release_holds(mem, &holds);
}
