// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files closed in every order, and devices that are closed while the unit is in use.
 * Nothing may stay pinned, and the next VMM must get the devices.
 */
#include <errno.h>

#include "life_vmm.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

/* --- Files closed in every order --- */

FIXTURE(closing)
{
	struct vtds_fixture f;
	long pins;
};

FIXTURE_VARIANT(closing)
{
	const char *order; /* u unit, i iommufd, d devices */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(closing, unit_iommufd_devices)
{
	.order = "uid",
};

FIXTURE_VARIANT_ADD(closing, unit_devices_iommufd)
{
	.order = "udi",
};

FIXTURE_VARIANT_ADD(closing, iommufd_unit_devices)
{
	.order = "iud",
};

FIXTURE_VARIANT_ADD(closing, iommufd_devices_unit)
{
	.order = "idu",
};

FIXTURE_VARIANT_ADD(closing, devices_unit_iommufd)
{
	.order = "dui",
};

FIXTURE_VARIANT_ADD(closing, devices_iommufd_unit)
{
	.order = "diu",
};

/* clang-format on */

FIXTURE_SETUP(closing)
{
	self->pins = vtds_pins_in_system();
	OPEN_FIXTURE(.edu = full_config.edu, .nvme = full_config.nvme);
	vtds_map_range(&self->f.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
}

FIXTURE_TEARDOWN(closing)
{
	vtds_ram_free(&self->f.guest);
}

static void close_devices(struct vtds_fixture *f)
{
	for (unsigned int i = 0; i < f->nr_devs; i++)
		vtds_dev_close(&f->dev[i]);
}

static void close_in_order(struct vtds_fixture *f, const char *order)
{
	for (; *order; order++) {
		switch (*order) {
		case 'u':
			vtds_unit_close(&f->unit);
			break;
		case 'i':
			vtds_vmm_close(&f->vmm);
			break;
		case 'd':
			close_devices(f);
			break;
		}
	}
}

/* Transfers are under way when the files go */
static void start_transfers(struct vtds_fixture *f)
{
	vtds_edu_start_write(&f->dev[0], f->dev[0].buffer);
	vtds_edu_start_write(&f->dev[1], IOVA + RAM_SIZE - SZ_4K);
}

TEST_F(closing, on_the_table)
{
	EXPECT_EQ(RAM_SIZE / 1024, vtds_vm_pin_kb());
	start_transfers(&self->f);
	close_in_order(&self->f, variant->order);
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

TEST_F(closing, on_the_identity_page_table)
{
	ASSERT_EQ(0, vtds_fixture_state(&self->f, false));
	start_transfers(&self->f);
	close_in_order(&self->f, variant->order);
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

/* --- One device closed, the rest goes on --- */

FIXTURE(device)
{
	struct vtds_fixture f;
};

FIXTURE_SETUP(device)
{
	OPEN_FIXTURE(.edu = full_config.edu, .nvme = full_config.nvme);
}

FIXTURE_TEARDOWN(device)
{
	vtds_fixture_close(&self->f);
}

TEST_F(device, closed_and_plugged_in_again)
{
	struct vtds_dev *dev = &self->f.dev[1];
	struct vtds_dev old = *dev;

	vtds_dev_close(dev);
	EXPECT_EQ(2UL, STAT(devices));
	EXPECT_EQ(1U, vtds_reach_buffers(&self->f.dev[0], 1));
	EXPECT_EQ(1U, vtds_reach_buffers(&self->f.dev[2], 1));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&self->f.unit, old.dev_id));

	ASSERT_EQ(0, vtds_dev_open(dev, VTDS_EDU, 1));
	ASSERT_EQ(0, vtds_dev_bind(dev, self->f.vmm.iommufd));
	dev->sid = old.sid;
	dev->buffer = old.buffer;
	dev->buffer_hva = old.buffer_hva;
	ASSERT_EQ(0, vtds_fixture_add(&self->f, dev));
	EXPECT_REACH_BUFFERS(7);
}

/* Closed while other threads use the unit that has it */
static void *flush_for_ever(void *arg)
{
	const struct vtds_desc descs[] = { cc_global(), iotlb_global() };
	struct vtds_fixture *f = arg;

	while (!vtds_flush(&f->unit, descs, 2))
		pthread_testcancel();
	return NULL;
}

TEST_F(device, closed_during_invalidations)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, flush_for_ever, &self->f));
	for (unsigned int i = 0; i < 3; i++) {
		vtds_dev_close(&self->f.dev[i]);
		vtds_sleep_ms(20);
	}
	ASSERT_EQ(0, pthread_cancel(thread));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0UL, STAT(devices));
	EXPECT_EQ(0UL, STAT(domains));
	EXPECT_EQ(0UL, STAT(pages));
	EXPECT_EQ(0UL, STAT(nodes));
	self->f.nr_devs = 0;
	EXPECT_EQ(0, vtds_ioas_unmap(&self->f.vmm, self->f.vmm.ioas, RAM_GPA,
				     RAM_SIZE));
	EXPECT_EQ(0, vtds_vm_pin_kb());
}

/**
 * struct taker - A thread that takes the spare memory and gives it again
 * @fixture: Where
 * @ioas: In which IOAS
 * @stop: It shall end
 * @rc: What went wrong, or 0
 * @turns: How often it did
 */
struct taker {
	struct vtds_fixture *fixture;
	__u32 ioas;
	bool stop;
	int rc;
	unsigned int turns;
};

static void *take_for_ever(void *arg)
{
	struct taker *t = arg;
	struct vtds_vmm *vmm = &t->fixture->vmm;
	const struct vtds_ram *ram = &t->fixture->guest.ram[1];

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE) && !t->rc) {
		t->rc = vtds_ioas_unmap(vmm, t->ioas, ram->gpa, ram->size);
		t->rc = t->rc ?:
				vtds_ioas_map(vmm, t->ioas, ram->hva, ram->gpa,
					      ram->size, PERM_RW);
		t->turns++;
	}
	return NULL;
}

/* Another unit with the same devices; what it may lack is the spare memory */
static int open_again(struct vtds_fixture *f)
{
	int rc = vtds_unit_open(&f->unit);

	rc = rc ?: vtds_unit_bind(&f->unit, &f->vmm, 0, 0);
	rc = rc ?: vtds_fixture_state(f, true);
	for (unsigned int i = 0; !rc && i < f->nr_devs; i++)
		rc = vtds_fixture_add(f, &f->dev[i]);
	return rc;
}

/*
 * Units end while iommufd calls them about memory that is to be taken. iommufd waits for
 * the answer, but it is not woken by it, and would sleep for a minute.
 */
TEST_F(device, unit_closed_while_memory_goes)
{
	struct taker taker = { .fixture = &self->f, .ioas = self->f.vmm.ioas };
	struct vtds_ram *ram = &self->f.guest.ram[1];
	pthread_t thread;
	double began;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->f.vmm, self->f.vmm.ioas, ram->hva,
				   SPARE_GPA, SZ_2M, PERM_RW));
	vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_for_ever, &taker));
	for (unsigned int i = 0; i < 20; i++) {
		began = vtds_seconds();
		vtds_unit_close(&self->f.unit);
		EXPECT_GT(50, vtds_seconds() - began);
		ASSERT_EQ(0, open_again(&self->f));
	}
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.rc);
	EXPECT_LT(20U, taker.turns);

	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	EXPECT_EQ(0U, self->f.unit.install_errno);
	EXPECT_REACH(PERM_RW, &self->f.dev[2], IOVA, SPARE_GPA);
	EXPECT_REACH_BUFFERS(7);
}

/*
 * A VMM binds a unit again and again, to another IOAS from which memory is taken all the
 * time: at the addresses that devices use in the IOAS of the first BIND.
 */
TEST_F(device, unit_bound_again_while_memory_goes)
{
	struct taker taker = { .fixture = &self->f };
	struct vtds_vmm other = self->f.vmm;
	struct vtds_ram *ram = &self->f.guest.ram[1];
	unsigned long unmapped;
	pthread_t thread;
	double began;

	ASSERT_EQ(0, vtds_ram_add(&self->f.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_alloc(&self->f.vmm, &other.ioas));
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0,
			  vtds_ioas_map(&self->f.vmm,
					i ? other.ioas : self->f.vmm.ioas,
					ram->hva, SPARE_GPA, SZ_2M, PERM_RW));
	vtds_map_range(&self->f.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	unmapped = STAT(leaves_unmapped);

	taker.ioas = other.ioas;
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_for_ever, &taker));
	began = vtds_seconds();
	for (unsigned int i = 0; i < 500; i++)
		ASSERT_EQ(-EBUSY, vtds_unit_bind(&self->f.unit, &other, 0, 0));
	EXPECT_GT(50, vtds_seconds() - began);
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.rc);
	EXPECT_EQ(unmapped, STAT(leaves_unmapped));
	EXPECT_REACH(PERM_RW, &self->f.dev[2], IOVA, SPARE_GPA);
	EXPECT_REACH_BUFFERS(7);
}

TEST_HARNESS_MAIN
