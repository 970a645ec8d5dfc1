// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guest and VMM do in tests with devices: write tables and entries, add and drop
 * devices, invalidate, read events; and where a device is attached then.
 */
#include "../alloc.h"
#include "../batch.h"
#include "../device.h"
#include "../event.h"
#include "../flush.h"
#include "../inval.h"
#include "../retry.h"
#include "../unit.h"
#include "rig.h"

u16 rig_sid_of(unsigned int i)
{
	return (i + 1) << 8;
}

static struct vtds_device *make_device(unsigned int i, unsigned int nr_sids)
{
	struct vtds_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(rig->b->test, dev);
	dev->sources = kcalloc(nr_sids, sizeof(*dev->sources), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(rig->b->test, dev->sources);
	for (unsigned int j = 0; j < nr_sids; j++)
		dev->sources[j].sid = rig_sid_of(i + j);
	dev->nr_sources = nr_sids;
	dev->unit = rig->b->unit;
	dev->bound = &rig->devices[i].bound;
	vtds_xa_init(&dev->pasids);
	return dev;
}

/* Returns what ADD_DEVICE does: with an error nothing is left of the device. */
int rig_try_add(unsigned int i, unsigned int nr_sids)
{
	struct vtds_device *dev = make_device(i, nr_sids);
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;
	int ret;

	bench_batch_begin(unit, &batch);
	ret = vtds_device_touch(&batch, dev);
	if (!ret)
		ret = vtds_device_join(&batch, dev);
	bench_batch_end(&batch);
	if (!ret) {
		rig->devices[i].dev = dev;
		return 0;
	}
	kfree(dev->sources);
	kfree(dev);
	return ret;
}

void rig_add_with(unsigned int i, unsigned int nr_sids)
{
	KUNIT_EXPECT_EQ(rig->b->test, rig_try_add(i, nr_sids), 0);
}

void rig_add(unsigned int i)
{
	rig_add_with(i, 1);
}

void rig_drop(unsigned int i)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;

	bench_batch_begin(unit, &batch);
	vtds_device_drop(&batch, rig->devices[i].dev);
	bench_batch_end(&batch);
}

u32 rig_refresh(void)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;
	u32 error;

	bench_batch_begin(unit, &batch);
	vtds_devices_touch(&batch);
	vtds_devices_refresh(&batch, 0, U16_MAX);
	error = bench_batch_end(&batch);
	return error;
}

/* An IOTLB descriptor with this low half. Returns the positive errno. */
u32 rig_flush(u64 low)
{
	struct vtds_unit *unit = rig->b->unit;
	u64 desc[2] = { low, 0 };
	struct vtds_inval inval;
	struct vtds_batch batch;
	u32 error;

	bench_batch_begin(unit, &batch);
	KUNIT_EXPECT_EQ(rig->b->test,
			vtds_inval_decode(&unit->caps, vtds_unit_mode(unit),
					  desc, 2, &inval),
			0);
	KUNIT_EXPECT_TRUE(rig->b->test, vtds_inval_collect(&batch, &inval));
	vtds_inval_refresh(&batch);
	error = bench_batch_end(&batch);
	return error;
}

/* A global IOTLB invalidation */
u32 rig_flush_all(void)
{
	return rig_flush(0x12);
}

u32 rig_flush_did(u16 did)
{
	return rig_flush(0x22 | (u64)did << 16);
}

/* Where requests of a device really are: BLOCKED if nothing is attached. */
unsigned int rig_attached(unsigned int i, u32 pasid)
{
	unsigned int dev_pasid =
		rig_find_dev_pasid(rig->devices[i].vdev.dev, pasid);

	if (dev_pasid == rig->nr_dev_pasids)
		return BLOCKED;
	return rig->attached_host[dev_pasid] ? SHADOW : IDENTITY;
}

struct fake_host *rig_host_of(unsigned int i, u32 pasid)
{
	unsigned int dev_pasid =
		rig_find_dev_pasid(rig->devices[i].vdev.dev, pasid);

	KUNIT_ASSERT_LT(rig->b->test, dev_pasid, rig->nr_dev_pasids);
	KUNIT_ASSERT_NOT_NULL(rig->b->test, rig->attached_host[dev_pasid]);
	return rig->hosts[rig_find_host(rig->attached_host[dev_pasid])];
}

bool rig_maps(struct fake_host *host, u64 iova)
{
	return fake_tree_find(&host->leaves, iova);
}

/* A 4-level table that maps one page of IOVA 0x1000 * @page on. */
void rig_make_table(u64 root, unsigned int page)
{
	for (unsigned int level = 0; level < 3; level++)
		*bench_entry(rig->b, root + level * SZ_PAGE, 0) =
			(root + (level + 1) * SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, root + 3 * SZ_PAGE, page) =
		(DATA_GPA + page * SZ_PAGE) | SS_RW;
}

void rig_legacy_context(unsigned int i, u64 lo)
{
	u64 table = 0x10000 + i * SZ_PAGE;

	bench_entry(rig->b, ROOT_GPA, (i + 1) * 2)[0] = table | 1;
	bench_entry(rig->b, table, 0)[0] = lo;
	bench_entry(rig->b, table, 0)[1] = (i + 1) << 8 | 2;
}

u64 *rig_pasid_entry(unsigned int i, u32 pasid)
{
	u64 table = 0x30000 + (i * 2 + (pasid >> 6)) * SZ_PAGE;

	return bench_entry(rig->b, table, (pasid & 63) * 8);
}

/* PGTT 2: second stage, 4: pass-through */
void rig_set_pasid(unsigned int i, u32 pasid, unsigned int pgtt, u64 root)
{
	rig_pasid_entry(i, pasid)[1] = 7;
	rig_pasid_entry(i, pasid)[0] = root | pgtt << 6 | 2 << 2 | 1;
}

/* Device @i has a directory of 128 entries, the first two with a table. */
void rig_scalable_context(unsigned int i)
{
	u64 context = 0x10000 + i * SZ_PAGE, dir = 0x20000 + i * SZ_PAGE;

	bench_entry(rig->b, ROOT_GPA, (i + 1) * 2)[0] = context | 1;
	/* With PASIDE */
	bench_entry(rig->b, context, 0)[0] = dir | 8 | 1;
	for (unsigned int t = 0; t < 2; t++)
		*bench_entry(rig->b, dir, t) =
			(0x30000 + (i * 2 + t) * SZ_PAGE) | 1;
}

void rig_scalable_mode(void)
{
	rig->b->unit->rtaddr = ROOT_GPA | 1 << 10;
	for (unsigned int i = 0; i < MANY_DEVICES; i++)
		rig_scalable_context(i);
}

/* Device 0 uses TABLE_A for requests without PASID, TABLE_B for PASID 5. */
void rig_two_tables(void)
{
	rig_make_table(TABLE_A, 1);
	rig_make_table(TABLE_B, 2);
	rig_scalable_mode();
	rig->devices[0].pasids = true;
	rig_set_pasid(0, 0, 2, TABLE_A);
	rig_set_pasid(0, 5, 2, TABLE_B);
}

bool rig_next_event(struct vtd_shadow_event *event)
{
	return vtds_event_take(rig->b->unit->events, event);
}

void rig_no_more_events(struct kunit *test)
{
	struct vtd_shadow_event event;

	KUNIT_EXPECT_FALSE(test, rig_next_event(&event));
}

/* There is one event, of this kind, and no other. */
void rig_expect_event(struct kunit *test, unsigned int type, int error)
{
	struct vtd_shadow_event event;

	KUNIT_ASSERT_TRUE(test, rig_next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, type);
	KUNIT_EXPECT_EQ(test, event.error, error);
	KUNIT_EXPECT_EQ(test, event.reason, 0);
	rig_no_more_events(test);
}

/* What the thread of the unit does */
void rig_retry(void)
{
	vtds_lock(&rig->b->unit->lock);
	vtds_retry_run(rig->b->unit);
	vtds_unlock(&rig->b->unit->lock);
}
