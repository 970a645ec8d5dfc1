// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of devices and domains: added and removed at any time, reset, with
 * source-ids in common, and domain-ids that mean more than one table or change.
 */
#include <errno.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_DID (TABLE_DID + 1)
#define ALL_DEVS ((1U << self->f.nr_devs) - 1)

/* --- An NVMe device that things happen to, two edu that must not notice --- */

FIXTURE(device)
{
	struct vtds_fixture f;
	struct vtds_dev *other;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(device)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(device, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(device, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(device)
{
	OPEN_FIXTURE(.edu = 2, .nvme = 1, .scalable = variant->scalable,
		     .queue = variant->scalable);
	self->other = &self->f.dev[0];
	self->dev = &self->f.dev[2];
	self->page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
}

FIXTURE_TEARDOWN(device)
{
	vtds_fixture_close(&self->f);
}

/* Takes the present bit of the last entry on the path, or gives it back */
static void toggle_entry(struct vtds_fixture *f, __u16 sid)
{
	if (f->scalable)
		vtds_sm_pasid(&f->guest, sid, 0)[0] ^= PASID_P;
	else
		vtds_ctx_entry(&f->guest, sid)[0] ^= CTX_P;
}

/* --- Added and removed --- */

TEST_F(device, added_before_translation)
{
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_REACH(PERM_RW, self->dev, self->page, self->page);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_DEAD(self->dev, self->page, self->page);
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* Plugged in: blocked until the guest gives it an entry, or at once if it has */
TEST_F(device, added_under_translation)
{
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	toggle_entry(&self->f, self->dev->sid);
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_REACH_BUFFERS(ALL_DEVS & ~4U);
	toggle_entry(&self->f, self->dev->sid);
	FLUSH(cc_device(self->dev->sid));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* In the middle of its transfers: when the call returns none arrives any more */
TEST_F(device, removed_while_dma_runs)
{
	struct vtds_load load = { .dev = self->dev,
				  .guest = &self->f.guest,
				  .nr = 1,
				  .skip = -1,
				  .iova = { IOVA },
				  .gpa = { self->page } };
	volatile __u64 *page = vtds_hva(&self->f.guest, self->page);

	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, vtds_load_start(&load));
		vtds_load_wait(&load, 50);
		ASSERT_EQ(0,
			  vtds_remove_device(&self->f.unit, self->dev->dev_id));
		*page = 0;
		vtds_load_stop(&load);
		/* What its driver left there, but nothing of the device */
		EXPECT_TRUE(*page == 0 || *page == 0xdeadc0dedeadc0deULL);
		EXPECT_LE(50UL, load.rounds);
		EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
		EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);
		ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* --- Reset --- */

/* A reset of the device changes nothing of what it may reach, then or later */
#define EXPECT_SAME_AFTER(_reset, _dev)                               \
	do {                                                          \
		int _rc = _reset(_dev);                               \
		if (_rc == -ENOTTY || _rc == -ENODEV)                 \
			SKIP(return, "no such reset here (%d)", _rc); \
		ASSERT_EQ(0, _rc);                                    \
		EXPECT_REACH(PERM_RW, _dev, IOVA, self->page);        \
		EXPECT_DEAD(_dev, self->page, self->page);            \
	} while (0)

#define CHECK_RESET(_reset, _dev)                                           \
	do {                                                                \
		unsigned long _attaches = STAT(attaches);                   \
		EXPECT_SAME_AFTER(_reset, _dev);                            \
		EXPECT_EQ(_attaches, STAT(attaches));                       \
		vtds_unmap(&self->f.table, IOVA, SZ_4K);                    \
		FLUSH(iotlb_page(TABLE_DID, IOVA));                         \
		EXPECT_DEAD(_dev, IOVA, self->page);                        \
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW); \
		FLUSH(iotlb_page(TABLE_DID, IOVA));                         \
		EXPECT_SAME_AFTER(_reset, _dev);                            \
		/* And it does not get out of what blocks it */             \
		toggle_entry(&self->f, (_dev)->sid);                        \
		FLUSH(cc_device((_dev)->sid));                              \
		ASSERT_EQ(0, _reset(_dev));                                 \
		EXPECT_EQ(0U, vtds_reach_buffers(_dev, 1));                 \
		toggle_entry(&self->f, (_dev)->sid);                        \
		FLUSH(cc_device((_dev)->sid));                              \
		EXPECT_REACH_BUFFERS(ALL_DEVS);                             \
	} while (0)

TEST_F(device, reset)
{
	CHECK_RESET(vtds_dev_reset, self->dev);
	/* By its bus, for it has no reset of its own */
	if (!variant->scalable)
		CHECK_RESET(vtds_dev_reset, self->other);
}

TEST_F(device, hot_reset)
{
	/* QEMU's NVMe controller does not come back from one */
	CHECK_RESET(vtds_dev_hot_reset, self->other);
}

/* Under invalidations and changes of its attachment */
struct flusher {
	struct vtds_fixture *fixture;
	bool stop;
	int rc;
};

static void *flush_until_stopped(void *arg)
{
	struct flusher *f = arg;
	const struct vtds_desc descs[] = { cc_global(), iotlb_global() };

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE) && !f->rc)
		f->rc = vtds_flush(&f->fixture->unit, descs, 2)	      ?:
				vtds_fixture_state(f->fixture, false) ?:
				vtds_fixture_state(f->fixture, true);
	return NULL;
}

TEST_F(device, reset_during_everything)
{
	struct flusher flusher = { .fixture = &self->f };
	pthread_t thread;
	int rc = 0;

	ASSERT_EQ(0,
		  pthread_create(&thread, NULL, flush_until_stopped, &flusher));
	for (unsigned int i = 0; i < 6 && !rc; i++)
		rc = i % 2 ? vtds_dev_reset(self->dev) :
			     vtds_dev_hot_reset(self->other);
	__atomic_store_n(&flusher.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	if (rc == -ENOTTY || rc == -ENODEV)
		SKIP(return, "no such reset here (%d)", rc);
	EXPECT_EQ(0, rc);
	EXPECT_EQ(0, flusher.rc);
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* --- Source-ids --- */

/* Devices behind a bridge that takes their requests for its own */
TEST_F(device, one_source_id)
{
	const __u16 bridge = 0x3000;
	struct vtds_dev alias = { .sid = bridge };

	vtds_fixture_use(&self->f, &alias, &self->f.table);
	for (unsigned int i = 1; i < 3; i++) {
		struct vtds_dev *dev = &self->f.dev[i];

		ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
		dev->sid = bridge;
		ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
	}
	EXPECT_REACH_BUFFERS(ALL_DEVS);

	toggle_entry(&self->f, bridge);
	FLUSH(cc_device(bridge));
	EXPECT_REACH_BUFFERS(1);
	toggle_entry(&self->f, bridge);
	FLUSH(cc_device(bridge));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	EXPECT_EQ(1UL, STAT(domains));

	/* One goes, the other stays */
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	EXPECT_EQ(3U, vtds_reach_buffers(self->f.dev, 3));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->dev));
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* A device with its own id and those of two bridges */
TEST_F(device, several_source_ids)
{
	const __u16 sids[] = { self->dev->sid, 0x3000, 0x3100 };
	struct vtds_table other;

	vtds_table_init(&other, &self->f.guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &other);
	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, self->dev->dev_id));
	ASSERT_EQ(0, vtds_add_device(&self->f.unit, self->dev->dev_id,
				     self->f.vmm.ioas, sids, 3));
	EXPECT_REACH_BUFFERS(3);
	for (unsigned int i = 1; i < 3; i++) {
		struct vtds_dev alias = { .sid = sids[i] };

		EXPECT_REACH_BUFFERS(3);
		vtds_fixture_use(&self->f, &alias, &self->f.table);
		FLUSH(cc_device(sids[i]));
	}
	EXPECT_REACH_BUFFERS(ALL_DEVS);
	/* To another table, one after the other: blocked in between */
	for (unsigned int i = 0; i < 3; i++) {
		struct vtds_dev alias = { .sid = sids[i] };

		vtds_fixture_use(&self->f, &alias, &other);
		FLUSH(cc_device(sids[i]));
		EXPECT_REACH_BUFFERS(i < 2 ? 3 : ALL_DEVS);
	}
	EXPECT_EQ(2UL, STAT(domains));
}

/* --- Domain-ids --- */

/* A domain-id changes in place; old and new flushes are both harmless, the new one works */
TEST_F(device, domain_id_changes)
{
	struct vtds_table renamed = self->f.table;

	renamed.did = OTHER_DID;
	for (unsigned int i = 0; i < self->f.nr_devs; i++)
		vtds_fixture_use(&self->f, &self->f.dev[i], &renamed);
	FLUSH(cc_global());
	EXPECT_EQ(1UL, STAT(domains));
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	FLUSH(iotlb_page(OTHER_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_DEAD(self->other, IOVA, self->page);
}

/* Only the flush of the IOTLB tells that the entry has a new one */
TEST_F(device, domain_id_in_memory_only)
{
	struct vtds_table renamed = self->f.table;

	renamed.did = OTHER_DID;
	vtds_fixture_use(&self->f, self->dev, &renamed);
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(OTHER_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* A broken guest: one domain-id for two tables. A flush means both */
TEST_F(device, one_domain_id_two_tables)
{
	__u64 page = vtds_page(&self->f.guest);
	struct vtds_table twin;

	vtds_table_init(&twin, &self->f.guest, 4, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, &twin);
	vtds_map(&twin, IOVA, page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &twin);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(TABLE_DID));
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);

	vtds_unmap(&twin, IOVA, SZ_4K);
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, page);
	EXPECT_DEAD(self->other, IOVA, self->page);
	EXPECT_REACH_BUFFERS(ALL_DEVS);
}

/* Two domain-ids for one table, either of which is enough */
TEST_F(device, two_domain_ids_one_table)
{
	struct vtds_table alias = self->f.table;
	const __u16 dids[] = { TABLE_DID, OTHER_DID };

	alias.did = OTHER_DID;
	vtds_fixture_use(&self->f, self->dev, &alias);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(OTHER_DID));
	EXPECT_EQ(1UL, STAT(domains));
	for (unsigned int i = 0; i < 2; i++) {
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(iotlb_page(dids[i], IOVA));
		EXPECT_DEAD(self->dev, IOVA, self->page);
		EXPECT_DEAD(self->other, IOVA, self->page);
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(iotlb_page(dids[i], IOVA));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* However many descriptors announce an attach, the table is walked once for it */
TEST_F(device, attach_walks_once)
{
	const struct vtds_desc descs[] = {
		cc_device(self->dev->sid), cc_device(self->dev->sid),
		iotlb_domain(OTHER_DID),   cc_global(),
		iotlb_domain(OTHER_DID),   iotlb_global(),
	};
	unsigned long syncs, maps;
	struct vtds_table table;

	vtds_table_init(&table, &self->f.guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_map_range(&table, IOVA, RAM_GPA, SZ_2M, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &table);
	syncs = STAT(syncs);
	maps = STAT(leaves_mapped);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 5));
	EXPECT_EQ(syncs + 1, STAT(syncs));
	EXPECT_EQ(maps + 512 + 3 * VTDS_BUFFER_SIZE / SZ_4K,
		  STAT(leaves_mapped));
	/* The global flush is for the other table */
	ASSERT_EQ(0, vtds_flush(&self->f.unit, descs, 6));
	EXPECT_EQ(syncs + 3, STAT(syncs));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, RAM_GPA);
}

/* A table with another number of levels is another table */
TEST_F(device, one_table_two_depths)
{
	__u64 page = vtds_page(&self->f.guest), buffer = self->dev->buffer;
	struct vtds_table deep = { .guest = &self->f.guest,
				   .levels = 5,
				   .did = OTHER_DID };

	/* A fifth level above what the others use as their top */
	deep.root = vtds_page(&self->f.guest);
	*(__u64 *)vtds_hva(&self->f.guest, deep.root) = self->f.table.root |
							SS_RW;
	vtds_map(&deep, IOVA + SZ_4K, page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &deep);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(OTHER_DID));
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_4K, page);
	EXPECT_REACH(PERM_RW, self->dev, buffer, buffer);

	/* As one of 4 levels, the deep one's top is a level lower */
	deep.levels = 4;
	vtds_fixture_use(&self->f, self->dev, &deep);
	ASSERT_EQ(0, vtds_flush(&self->f.unit, DESCS(cc_device(self->dev->sid)),
				1));
	EXPECT_EQ(2UL, STAT(domains));
	EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);
	EXPECT_EQ(0U, vtds_reach_buffers(self->dev, 1));
}

/* --- Two devices in one host group, with one source-id in the guest --- */

FIXTURE(group)
{
	struct vtds_fixture f;
};

FIXTURE_SETUP(group)
{
	OPEN_FIXTURE(.shared = 2);
}

FIXTURE_TEARDOWN(group)
{
	vtds_fixture_close(&self->f);
}

TEST_F(group, one_source_id)
{
	const __u16 bridge = 0x3000;

	vtds_ctx_use(&self->f.guest, bridge, &self->f.table);
	for (unsigned int i = 0; i < 2; i++) {
		struct vtds_dev *dev = &self->f.dev[i];

		ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
		dev->sid = bridge;
		ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
		/* The other one still has an id of its own, on the same table */
		EXPECT_EQ(3U, vtds_reach_buffers(self->f.dev, 2));
	}
	vtds_ctx_set(&self->f.guest, bridge, CTX_TT_PASS_THROUGH | CTX_P,
		     CTX_AW(4) | CTX_DID(1));
	FLUSH(cc_device(bridge));
	EXPECT_ATTACHED(IDENTITY, &self->f.dev[1]);
	EXPECT_REACH_BUFFERS(3);
	vtds_ctx_set(&self->f.guest, bridge, 0, 0);
	FLUSH(cc_device(bridge));
	EXPECT_REACH_BUFFERS(0);
	vtds_ctx_use(&self->f.guest, bridge, &self->f.table);
	FLUSH(cc_device(bridge));
	EXPECT_REACH_BUFFERS(3);
}

TEST_HARNESS_MAIN
