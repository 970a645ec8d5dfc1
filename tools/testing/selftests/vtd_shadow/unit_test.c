// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a remapping unit: boot, reset, suspend and resume, new root tables
 * under translation, and several units in one machine. In both modes; in scalable
 * mode descriptors come through the guest's queue.
 */
#include <errno.h>
#include <string.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define OTHER_DID (TABLE_DID + 1)

FIXTURE(unit)
{
	struct vtds_fixture f;
	struct vtds_dev *other;
	struct vtds_dev *dev;
	__u64 page;
};

FIXTURE_VARIANT(unit)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(unit, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(unit, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(unit)
{
	OPEN_FIXTURE(.edu = 1, .nvme = 1, .scalable = variant->scalable,
		     .queue = variant->scalable);
	self->other = &self->f.dev[0];
	self->dev = &self->f.dev[1];
	self->page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
}

FIXTURE_TEARDOWN(unit)
{
	vtds_fixture_close(&self->f);
}

/* What Linux flushes when it sets the root table of a unit without ESRTPS */
static int flush_all(struct vtds_fixture *f)
{
	const struct vtds_desc cc[] = { cc_global(), wait_status(RAM_GPA, 2) };
	const struct vtds_desc pc[] = { pc_global(), wait_status(RAM_GPA, 2) };
	const struct vtds_desc iotlb[] = { iotlb_global(),
					   wait_status(RAM_GPA, 2) };
	int rc = vtds_flush(&f->unit, cc, 2);

	if (!rc && f->scalable)
		rc = vtds_flush(&f->unit, pc, 2);
	return rc ?: vtds_flush(&f->unit, iotlb, 2);
}

/* A root table without entries, as the next kernel begins */
static void new_root(struct vtds_fixture *f)
{
	f->guest.root = vtds_page(&f->guest);
	f->guest.sm_root = vtds_page(&f->guest);
}

/* The machine is reset while devices do DMA, and the guest boots anew */
TEST_F(unit, reset_and_boot)
{
	struct vtds_table table;

	self->f.unit.flags = 0;
	self->f.unit.rtaddr = 0;
	ASSERT_EQ(0, vtds_set_state(&self->f.unit));
	EXPECT_EQ(0UL, STAT(domains));
	EXPECT_EQ(0UL, STAT(nodes));
	EXPECT_EQ(0UL, STAT(pages));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	EXPECT_REACH_BUFFERS(3);

	/* Nothing of the old tables counts */
	new_root(&self->f);
	self->f.queue.head = 0;
	self->f.queue.tail = 0;
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	ASSERT_EQ(0, flush_all(&self->f));
	vtds_table_init(&table, &self->f.guest, 3, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_fixture_use(&self->f, self->dev, &table);
	FLUSH(cc_device(self->dev->sid), iotlb_domain(TABLE_DID));
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH_BUFFERS(2);
	EXPECT_ATTACHED(BLOCKED, self->other);
	EXPECT_DEAD(self->dev, IOVA, self->page);
	vtds_map(&table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
}

/* A second BIND, to whatever IOAS, is refused, and devices do not notice it */
TEST_F(unit, bound_twice)
{
	unsigned long unmapped = STAT(leaves_unmapped), syncs = STAT(syncs);
	struct vtds_vmm other = self->f.vmm, nowhere = self->f.vmm;

	ASSERT_EQ(0, vtds_ioas_alloc(&self->f.vmm, &other.ioas));
	nowhere.ioas = 0x7fffff;
	EXPECT_EQ(-EBUSY, vtds_unit_bind(&self->f.unit, &self->f.vmm, 0, 0));
	EXPECT_EQ(-EBUSY, vtds_unit_bind(&self->f.unit, &other, 0, 0));
	EXPECT_EQ(-EBUSY, vtds_unit_bind(&self->f.unit, &nowhere, 0, 0));
	EXPECT_EQ(unmapped, STAT(leaves_unmapped));
	EXPECT_EQ(syncs, STAT(syncs));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH_BUFFERS(3);

	/* Nothing of the unit is in the other IOAS, and all of it in its own */
	EXPECT_EQ(0, vtds_destroy(&self->f.vmm, other.ioas));
	EXPECT_EQ(-EBUSY, vtds_destroy(&self->f.vmm, self->f.vmm.ioas));
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_DEAD(self->dev, IOVA, self->page);
}

/* Contexts that were written, and announced or not, while translation was off */
TEST_F(unit, set_up_while_off)
{
	struct vtds_table table;
	__u64 page = vtds_page(&self->f.guest);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	vtds_table_init(&table, &self->f.guest, 4, OTHER_DID);
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_map(&table, IOVA, page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &table);
	EXPECT_REACH(PERM_RW, self->dev, page, page);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
	EXPECT_REACH(PERM_RW, self->other, IOVA, self->page);
}

/* With translation on and no entry at all a device is blocked, not free */
TEST_F(unit, on_without_entries)
{
	new_root(&self->f);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->f.unit, self->dev->sid,
					 self->page, self->page));
	EXPECT_REACH_BUFFERS(0);
	EXPECT_EQ(0UL, STAT(domains));
}

/* Linux: flush all, translation off; root table, flush all, translation on */
TEST_F(unit, suspend_and_resume)
{
	unsigned long domains = STAT(domains);

	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, flush_all(&self->f));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		EXPECT_ATTACHED(IDENTITY, self->dev);

		/* The queue is disabled and begins again at its head */
		self->f.queue.head = 0;
		self->f.queue.tail = 0;
		ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
		ASSERT_EQ(0, flush_all(&self->f));
		EXPECT_ATTACHED(IDENTITY, self->dev);
		ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
		EXPECT_REACH_BUFFERS(3);
		EXPECT_EQ(domains, STAT(domains));
	}
}

/* A domain changed its pages while translation was off, without a word */
TEST_F(unit, tables_change_while_off)
{
	__u64 page = vtds_page(&self->f.guest);

	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	vtds_map(&self->f.table, IOVA, page, SZ_4K, PERM_RW);
	vtds_unmap(&self->f.table, self->other->buffer, SZ_4K);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_REACH_BUFFERS(2);
}

/* SRTP under translation reads all anew (ESRTPS): other tables, other domains */
TEST_F(unit, new_root_under_translation)
{
	__u64 page = vtds_page(&self->f.guest);
	struct vtds_table table;

	new_root(&self->f);
	vtds_table_init(&table, &self->f.guest, 4, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, &table);
	vtds_map(&table, IOVA, page, SZ_4K, PERM_RW);
	vtds_fixture_use(&self->f, self->dev, &table);
	/* Not latched yet */
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(PERM_NONE,
		  vtds_reach(&self->f.guest, self->dev, IOVA, self->page));
	EXPECT_REACH_BUFFERS(2);
	EXPECT_EQ(1UL, STAT(domains));
}

/* SET_STATE names the same tables, whose paging entries changed without a flush */
TEST_F(unit, same_root_under_translation)
{
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_DEAD(self->dev, IOVA, self->page);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	ASSERT_EQ(0, vtds_fixture_state(&self->f, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	EXPECT_REACH_BUFFERS(3);
}

/* What a guest can flush through registers, one by one */
TEST_F(unit, register_based_invalidation)
{
	const struct vtds_desc descs[] = {
		iotlb_global(),
		iotlb_domain(TABLE_DID),
		iotlb_page(TABLE_DID, IOVA),
		/* Linux sets bit 0 of AM for the hint, by mistake */
		iotlb_pages(TABLE_DID, IOVA, 1),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++) {
		vtds_unmap(&self->f.table, IOVA, SZ_4K);
		FLUSH(descs[i]);
		EXPECT_DEAD(self->dev, IOVA, self->page);
		vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
		FLUSH(descs[i]);
		EXPECT_REACH(PERM_RW, self->dev, IOVA, self->page);
	}
}

/* --- Several units in one machine --- */

FIXTURE(units)
{
	struct vtds_fixture f;
	struct vtds_unit second;
	struct vtds_table table;
	struct vtds_dev *stays;
	struct vtds_dev *moves;
	__u64 page;
	__u64 other_page;
	__u64 first_root;
	__u64 second_root;
};

/* Both have a table under the same domain-id, and the same source-id in use */
FIXTURE_SETUP(units)
{
	OPEN_FIXTURE(.edu = 1, .nvme = 1);
	self->stays = &self->f.dev[0];
	self->moves = &self->f.dev[1];
	self->page = vtds_page(&self->f.guest);
	self->other_page = vtds_page(&self->f.guest);
	vtds_map(&self->f.table, IOVA, self->page, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));

	self->first_root = self->f.guest.root;
	self->second_root = vtds_page(&self->f.guest);
	self->f.guest.root = self->second_root;
	vtds_table_init(&self->table, &self->f.guest, 4, TABLE_DID);
	vtds_fixture_map_buffers(&self->f, &self->table);
	vtds_map(&self->table, IOVA, self->other_page, SZ_4K, PERM_RW);
	vtds_ctx_use(&self->f.guest, self->moves->sid, &self->table);
	vtds_ctx_use(&self->f.guest, self->stays->sid, &self->table);
	self->f.guest.root = self->first_root;

	ASSERT_EQ(0, vtds_unit_open(&self->second));
	ASSERT_EQ(0, vtds_unit_bind(&self->second, &self->f.vmm, 0, 0));
	self->second.rtaddr = self->second_root;
	self->second.flags = VTD_SHADOW_STATE_TE;
	ASSERT_EQ(0, vtds_set_state(&self->second));
}

FIXTURE_TEARDOWN(units)
{
	vtds_unit_close(&self->second);
	vtds_fixture_close(&self->f);
}

static int move(struct vtds_fixture *f, struct vtds_unit *from,
		struct vtds_unit *to, struct vtds_dev *dev)
{
	int rc = vtds_remove_device(from, dev->dev_id);

	return rc    ?:
		       vtds_add_device(to, dev->dev_id, f->vmm.ioas, &dev->sid,
				       1);
}

/* The guest has the device behind one unit, and after a re-enumeration another */
TEST_F(units, device_moves)
{
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, move(&self->f, &self->f.unit, &self->second,
				  self->moves));
		EXPECT_EQ(PERM_RW, vtds_reach(&self->f.guest, self->moves, IOVA,
					      self->other_page));
		EXPECT_EQ((int)PERM_RW,
			  vtds_answer(&self->second, self->moves->sid, IOVA,
				      self->other_page));
		EXPECT_EQ(-ENOENT, vtds_answer(&self->f.unit, self->moves->sid,
					       IOVA, self->page));
		EXPECT_REACH(PERM_RW, self->stays, IOVA, self->page);

		ASSERT_EQ(0, move(&self->f, &self->second, &self->f.unit,
				  self->moves));
		EXPECT_REACH(PERM_RW, self->moves, IOVA, self->page);
	}
}

/* A domain-id, a source-id and a reset mean one unit only */
TEST_F(units, nothing_in_common)
{
	const struct vtds_desc flush[] = { cc_global(), iotlb_global() };
	struct vtds_unit *second = &self->second;

	ASSERT_EQ(0, move(&self->f, &self->f.unit, second, self->moves));
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	vtds_unmap(&self->table, IOVA, SZ_4K);
	ASSERT_EQ(0, vtds_flush(second, flush, 2));
	EXPECT_EQ(PERM_NONE, vtds_reach(&self->f.guest, self->moves, IOVA,
					self->other_page));
	EXPECT_REACH(PERM_RW, self->stays, IOVA, self->page);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_DEAD(self->stays, IOVA, self->page);

	/* One is switched off, the other one is closed */
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	EXPECT_ATTACHED(IDENTITY, self->stays);
	EXPECT_EQ(VTD_SHADOW_ATTACHED_SHADOW,
		  vtds_attachment(second, self->moves->sid));
	vtds_unit_close(second);
	EXPECT_EQ(1U, vtds_reach_buffers(self->f.dev, 2));
	ASSERT_EQ(0, vtds_fixture_add(&self->f, self->moves));
	EXPECT_REACH_BUFFERS(3);
}

/* Memory is pinned for both and accounted once */
TEST_F(units, one_memory)
{
	const long ram_kb = RAM_SIZE / 1024;

	ASSERT_EQ(0, move(&self->f, &self->f.unit, &self->second, self->moves));
	vtds_map_range(&self->f.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	vtds_map_range(&self->table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	ASSERT_EQ(0,
		  vtds_flush(&self->second, DESCS(iotlb_domain(TABLE_DID)), 1));
	EXPECT_EQ(ram_kb, vtds_vm_pin_kb());
	EXPECT_EQ(3U, vtds_reach_buffers(self->f.dev, 2));

	/* And taken from both */
	ASSERT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, RAM_GPA,
				     RAM_SIZE));
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(0U, vtds_reach_buffers(self->f.dev, 2));
}

TEST_HARNESS_MAIN
