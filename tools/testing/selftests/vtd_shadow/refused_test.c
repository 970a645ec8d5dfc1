// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host refuses for now: memory beyond a limit, and a domain while another
 * driver has a device of the group attached. The guest is not to blame, the VMM is told,
 * and what can be done later is done later.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL
#define MAX_EVENTS 64

/* The engine tries again within a minute at most, and much sooner at first */
#define PATIENCE_MS 20000

/* Whoever has this is not limited; what it maps in the IOAS later is. */
static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* Of the process that runs the test; 0 for as much as it may have */
static int set_memlock(unsigned long bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	limit.rlim_cur = bytes ?: limit.rlim_max;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* The events of a type that wait, those of others are dropped; the last goes to @event */
static unsigned int count_events(struct vtds_unit *unit, unsigned int type,
				 struct vtd_shadow_event *event)
{
	struct vtd_shadow_event got[MAX_EVENTS];
	int nr = vtds_events(unit, got, MAX_EVENTS);
	unsigned int count = 0;

	for (int i = 0; i < nr; i++)
		if (got[i].type == type) {
			*event = got[i];
			count++;
		}
	return count;
}

static unsigned int wait_for_event(struct vtds_unit *unit, unsigned int type)
{
	struct vtd_shadow_event event;

	for (unsigned int ms = 0; ms < PATIENCE_MS; ms += 50) {
		if (count_events(unit, type, &event))
			return 1;
		vtds_sleep_ms(50);
	}
	return 0;
}

/* --- The limit of locked memory --- */

FIXTURE(memlock)
{
	struct vtds_fixture f;
	struct vtds_dev *dev;
};

FIXTURE_VARIANT(memlock)
{
	bool scalable;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(memlock, legacy)
{
	.scalable = false,
};

FIXTURE_VARIANT_ADD(memlock, scalable)
{
	.scalable = true,
};

/* clang-format on */

FIXTURE_SETUP(memlock)
{
	const struct vtds_config config = { .nvme = 1,
					    .scalable = variant->scalable };

	if (!vtds_fixture_possible(&config))
		SKIP(return, "this machine lacks a device");
	ASSERT_EQ(0, drop_ipc_lock());
	set_memlock(0);
	ASSERT_EQ(0, vtds_fixture_prepare(&self->f, &config));
	self->dev = &self->f.dev[0];
}

FIXTURE_TEARDOWN(memlock)
{
	set_memlock(0);
	vtds_fixture_close(&self->f);
}

/* Less than a chunk, yet enough for the tables and some pages */
TEST_F(memlock, room_for_some_pages)
{
	const __u64 size = 2 * SZ_1M;
	struct vtd_shadow_event event;
	__u64 gpa;

	ASSERT_EQ(0, set_memlock(SZ_1M));
	ASSERT_EQ(0, vtds_fixture_start(&self->f));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH_BUFFERS(1);

	gpa = vtds_pages(&self->f.guest, size, SZ_4K);
	vtds_map_range(&self->f.table, IOVA, gpa, size, PERM_RW);
	FLUSH_WITH(ENOMEM, iotlb_domain(TABLE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, gpa);
	EXPECT_DEAD(self->dev, IOVA + size - SZ_4K, gpa + size - SZ_4K);
	EXPECT_LE(1U, count_events(&self->f.unit, VTD_SHADOW_EVENT_INSTALL,
				   &event));
	EXPECT_EQ((unsigned int)ENOMEM, event.error);
	EXPECT_EQ(0U, event.reason);

	/* The operator raises it, and nobody says anything */
	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(1U,
		  wait_for_event(&self->f.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + size - SZ_4K,
		     gpa + size - SZ_4K);
	EXPECT_LE(1UL, STAT(retries));
}

/* Not even the root table can be read: that is no fault of the guest's */
TEST_F(memlock, room_for_nothing)
{
	struct vtd_shadow_event event;

	ASSERT_EQ(0, set_memlock(SZ_4K - 1));
	EXPECT_EQ(-EBADMSG, vtds_fixture_start(&self->f));
	EXPECT_EQ((unsigned int)ENOMEM, self->f.unit.install_errno);
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_EQ(1U, count_events(&self->f.unit, VTD_SHADOW_EVENT_INSTALL,
				   &event));
	EXPECT_EQ((unsigned int)ENOMEM, event.error);
	EXPECT_EQ((unsigned int)self->dev->sid, event.source_id);
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ((unsigned int)ENOMEM, self->f.unit.install_errno);
	EXPECT_EQ(0U,
		  count_events(&self->f.unit, VTD_SHADOW_EVENT_FAULT, &event));

	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(1U,
		  wait_for_event(&self->f.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_ATTACHED(SHADOW, self->dev);
	EXPECT_REACH_BUFFERS(1);
}

/* The guest's own queue cannot be read: the call fails, and nothing is lost */
TEST_F(memlock, no_room_for_the_queue)
{
	struct vtd_shadow_run_queue result;
	struct vtds_queue queue;
	struct vtds_desc desc = iotlb_domain(TABLE_DID);

	ASSERT_EQ(0, vtds_fixture_start(&self->f));
	/* In memory of its own, which nothing uses yet */
	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
				   self->f.guest.ram[1].hva, SPARE_GPA, SZ_2M,
				   PERM_RW));
	queue = (struct vtds_queue){ .guest = &self->f.guest,
				     .gpa = SPARE_GPA,
				     .wide = variant->scalable };
	vtds_queue_put(&queue, &desc);
	ASSERT_EQ(0, set_memlock(SZ_4K - 1));
	EXPECT_EQ(-ENOMEM, vtds_queue_run(&self->f.unit, &queue, &result));
	EXPECT_EQ(0U, result.status);
	EXPECT_EQ(0U, result.done);
	EXPECT_EQ(0ULL, queue.head);
	ASSERT_EQ(0, set_memlock(0));
	EXPECT_EQ(0, vtds_queue_run(&self->f.unit, &queue, &result));
	EXPECT_EQ(1U, result.done);
}

/* What nobody uses makes room for what somebody wants */
TEST_F(memlock, idle_memory_goes)
{
	/* Not at a power of two: an identity page table is known by the memory there */
	const __u64 spare = SPARE_GPA + SZ_2M;
	__u64 gpa;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  3 * SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas,
				   self->f.guest.ram[1].hva, SPARE_GPA,
				   3 * SZ_2M, PERM_RW));
	ASSERT_EQ(0, vtds_fixture_start(&self->f));
	gpa = STAT(pinned_pages) * SZ_4K;
	ASSERT_EQ(0, set_memlock(gpa + SZ_2M));
	vtds_map(&self->f.table, IOVA, spare, SZ_4K, PERM_RW);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	vtds_unmap(&self->f.table, IOVA, SZ_4K);
	FLUSH(iotlb_page(TABLE_DID, IOVA));
	EXPECT_EQ((gpa + SZ_2M) / SZ_4K, STAT(pinned_pages));

	vtds_map(&self->f.table, IOVA, spare + SZ_2M, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOMEM, iotlb_page(TABLE_DID, IOVA));
	EXPECT_EQ(1U,
		  wait_for_event(&self->f.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, spare + SZ_2M);
}

/* --- A device of the same host group that another driver has --- */

static int rebind(const char *bdf, const char *driver)
{
	char path[96];
	int rc;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 bdf);
	vtds_write_file(path, bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 bdf);
	rc = vtds_write_file(path, driver);
	return rc ?: vtds_write_file("/sys/bus/pci/drivers_probe", bdf);
}

FIXTURE(sibling)
{
	struct vtds_fixture f;
	struct vtds_dev other;
};

/* The other one is not attached yet */
FIXTURE_SETUP(sibling)
{
	const struct vtds_config config = { .shared = 1 };
	char bdf[sizeof(self->other.bdf)];

	self->other.fd = -1;
	if (vtds_dev_count(VTDS_EDU_SHARED) < 2)
		SKIP(return, "no two devices in one group");
	ASSERT_EQ(0, vtds_dev_open(&self->other, VTDS_EDU_SHARED, 1));
	vtds_dev_close(&self->other);
	memcpy(bdf, self->other.bdf, sizeof(bdf));
	if (rebind(bdf, "vfio-pci"))
		SKIP(return, "no other VFIO driver");
	ASSERT_EQ(0, vtds_fixture_prepare(&self->f, &config));
	ASSERT_EQ(0, vtds_dev_open_at(&self->other, VTDS_EDU_SHARED, bdf));
	ASSERT_EQ(0, vtds_dev_bind(&self->other, self->f.vmm.iommufd));
}

FIXTURE_TEARDOWN(sibling)
{
	char bdf[sizeof(self->other.bdf)];

	memcpy(bdf, self->other.bdf, sizeof(bdf));
	if (self->other.fd >= 0)
		vtds_dev_close(&self->other);
	vtds_fixture_close(&self->f);
	rebind(bdf, "vtd_shadow_vfio_pci");
}

/* Attached for the other one the device would reach what the VMM gave that */
TEST_F(sibling, attached_before)
{
	ASSERT_EQ(0, vtds_dev_attach(&self->other, self->f.vmm.ioas));
	EXPECT_EQ(-EBUSY, vtds_fixture_start(&self->f));
	ASSERT_EQ(0, vtds_dev_detach(&self->other));
	EXPECT_EQ(0, vtds_fixture_start(&self->f));
	EXPECT_REACH_BUFFERS(1);
	/* Now it is the other one's turn to be refused */
	EXPECT_NE(0, vtds_dev_attach(&self->other, self->f.vmm.ioas));
	EXPECT_REACH_BUFFERS(1);
}

/* While the guest wants the device to be blocked nobody can stop the other one */
TEST_F(sibling, attached_while_blocked)
{
	struct vtd_shadow_translate result;
	struct vtds_dev *dev = &self->f.dev[0];

	ASSERT_EQ(0, vtds_fixture_start(&self->f));
	vtds_ctx_set(&self->f.guest, dev->sid, 0, 0);
	FLUSH(cc_device(dev->sid));
	EXPECT_REACH_BUFFERS(0);
	ASSERT_EQ(0, vtds_translate(&self->f.unit, dev->sid, dev->buffer,
				    &result));
	ASSERT_EQ(0, vtds_dev_attach(&self->other, self->f.vmm.ioas));
	EXPECT_EQ(-EIO, vtds_translate(&self->f.unit, dev->sid, dev->buffer,
				       &result));
	/* And what the guest wants then cannot be had, until the other one goes */
	vtds_ctx_use(&self->f.guest, dev->sid, &self->f.table);
	FLUSH_WITH(EBUSY, cc_device(dev->sid));
	ASSERT_EQ(0, vtds_dev_detach(&self->other));
	EXPECT_EQ(1U,
		  wait_for_event(&self->f.unit, VTD_SHADOW_EVENT_RECOVERED));
	EXPECT_REACH_BUFFERS(1);
}

DMA_TEST_MAIN
