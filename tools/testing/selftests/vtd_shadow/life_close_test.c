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
	struct vtds_scene s;
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
	OPEN_SCENE(.edu = full_cast.edu, .nvme = full_cast.nvme);
	vtds_map_range(&self->s.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
}

FIXTURE_TEARDOWN(closing)
{
	vtds_ram_free(&self->s.guest);
}

static void close_devices(struct vtds_scene *scene)
{
	for (unsigned int i = 0; i < scene->nr_devs; i++)
		vtds_dev_close(&scene->dev[i]);
}

static void close_in_order(struct vtds_scene *scene, const char *order)
{
	for (; *order; order++) {
		switch (*order) {
		case 'u':
			vtds_unit_close(&scene->unit);
			break;
		case 'i':
			vtds_vmm_close(&scene->vmm);
			break;
		case 'd':
			close_devices(scene);
			break;
		}
	}
}

/* Transfers are under way when the files go */
static void start_transfers(struct vtds_scene *scene)
{
	vtds_edu_start_write(&scene->dev[0], scene->dev[0].home);
	vtds_edu_start_write(&scene->dev[1], IOVA + RAM_SIZE - SZ_4K);
}

TEST_F(closing, on_the_table)
{
	EXPECT_EQ(RAM_SIZE / 1024, vtds_vm_pin_kb());
	start_transfers(&self->s);
	close_in_order(&self->s, variant->order);
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

TEST_F(closing, on_the_identity_page_table)
{
	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	start_transfers(&self->s);
	close_in_order(&self->s, variant->order);
	EXPECT_EQ(0, vtds_vm_pin_kb());
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

/* --- One device closed, the rest goes on --- */

FIXTURE(device)
{
	struct vtds_scene s;
};

FIXTURE_SETUP(device)
{
	OPEN_SCENE(.edu = full_cast.edu, .nvme = full_cast.nvme);
}

FIXTURE_TEARDOWN(device)
{
	vtds_scene_close(&self->s);
}

TEST_F(device, closed_and_plugged_in_again)
{
	struct vtds_dev *dev = &self->s.dev[1];
	struct vtds_dev old = *dev;

	vtds_dev_close(dev);
	EXPECT_EQ(2UL, STAT(devices));
	EXPECT_EQ(1U, vtds_at_home(&self->s.dev[0], 1));
	EXPECT_EQ(1U, vtds_at_home(&self->s.dev[2], 1));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&self->s.unit, old.dev_id));

	ASSERT_EQ(0, vtds_dev_open(dev, VTDS_EDU, 1));
	ASSERT_EQ(0, vtds_dev_bind(dev, self->s.vmm.iommufd));
	dev->sid = old.sid;
	dev->home = old.home;
	dev->home_hva = old.home_hva;
	ASSERT_EQ(0, vtds_scene_add(&self->s, dev));
	EXPECT_AT_HOME(7);
}

/* Closed while other threads use the unit that has it */
static void *flush_for_ever(void *arg)
{
	const struct vtds_desc descs[] = { cc_global(), iotlb_global() };
	struct vtds_scene *scene = arg;

	while (!vtds_flush(&scene->unit, descs, 2))
		pthread_testcancel();
	return NULL;
}

TEST_F(device, closed_during_invalidations)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, flush_for_ever, &self->s));
	for (unsigned int i = 0; i < 3; i++) {
		vtds_dev_close(&self->s.dev[i]);
		vtds_sleep_ms(20);
	}
	ASSERT_EQ(0, pthread_cancel(thread));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0UL, STAT(devices));
	EXPECT_EQ(0UL, STAT(domains));
	EXPECT_EQ(0UL, STAT(pages));
	EXPECT_EQ(0UL, STAT(nodes));
	self->s.nr_devs = 0;
	EXPECT_EQ(0, vtds_ioas_unmap(&self->s.vmm, self->s.vmm.ioas, RAM_GPA,
				     RAM_SIZE));
	EXPECT_EQ(0, vtds_vm_pin_kb());
}

/**
 * struct taker - A thread that takes the spare memory and gives it again
 * @scene: Where
 * @ioas: In which IOAS
 * @stop: It shall end
 * @rc: What went wrong, or 0
 * @turns: How often it did
 */
struct taker {
	struct vtds_scene *scene;
	__u32 ioas;
	bool stop;
	int rc;
	unsigned int turns;
};

static void *take_for_ever(void *arg)
{
	struct taker *t = arg;
	struct vtds_vmm *vmm = &t->scene->vmm;
	const struct vtds_ram *ram = &t->scene->guest.ram[1];

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
static int open_again(struct vtds_scene *scene)
{
	int rc = vtds_unit_open(&scene->unit);

	rc = rc ?: vtds_unit_bind(&scene->unit, &scene->vmm, 0, 0);
	rc = rc ?: vtds_scene_state(scene, true);
	for (unsigned int i = 0; !rc && i < scene->nr_devs; i++)
		rc = vtds_scene_add(scene, &scene->dev[i]);
	return rc;
}

/*
 * Units end while iommufd calls them about memory that is to be taken. iommufd waits for
 * the answer, but it is not woken by it, and would sleep for a minute.
 */
TEST_F(device, unit_closed_while_memory_goes)
{
	struct taker taker = { .scene = &self->s, .ioas = self->s.vmm.ioas };
	struct vtds_ram *ram = &self->s.guest.ram[1];
	pthread_t thread;
	double began;

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(&self->s.vmm, self->s.vmm.ioas, ram->hva,
				   SPARE_GPA, SZ_2M, PERM_RW));
	vtds_map_range(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_for_ever, &taker));
	for (unsigned int i = 0; i < 20; i++) {
		began = vtds_seconds();
		vtds_unit_close(&self->s.unit);
		EXPECT_GT(50, vtds_seconds() - began);
		ASSERT_EQ(0, open_again(&self->s));
	}
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.rc);
	EXPECT_LT(20U, taker.turns);

	ASSERT_EQ(0, vtds_resync(&self->s.unit));
	EXPECT_EQ(0U, self->s.unit.install_errno);
	EXPECT_REACH(PERM_RW, &self->s.dev[2], IOVA, SPARE_GPA);
	EXPECT_AT_HOME(7);
}

/*
 * A VMM binds a unit again and again, to another IOAS from which memory is taken all the
 * time: at the addresses that devices use in the IOAS of the first BIND.
 */
TEST_F(device, unit_bound_again_while_memory_goes)
{
	struct taker taker = { .scene = &self->s };
	struct vtds_vmm other = self->s.vmm;
	struct vtds_ram *ram = &self->s.guest.ram[1];
	unsigned long unmapped;
	pthread_t thread;
	double began;

	ASSERT_EQ(0, vtds_ram_add(&self->s.guest, VTDS_RAM_SCATTERED, SPARE_GPA,
				  SZ_2M));
	ASSERT_EQ(0, vtds_ioas_alloc(&self->s.vmm, &other.ioas));
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(0,
			  vtds_ioas_map(&self->s.vmm,
					i ? other.ioas : self->s.vmm.ioas,
					ram->hva, SPARE_GPA, SZ_2M, PERM_RW));
	vtds_map_range(&self->s.table, IOVA, SPARE_GPA, SZ_2M, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	unmapped = STAT(leaves_unmapped);

	taker.ioas = other.ioas;
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_for_ever, &taker));
	began = vtds_seconds();
	for (unsigned int i = 0; i < 500; i++)
		ASSERT_EQ(-EBUSY, vtds_unit_bind(&self->s.unit, &other, 0, 0));
	EXPECT_GT(50, vtds_seconds() - began);
	__atomic_store_n(&taker.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.rc);
	EXPECT_EQ(unmapped, STAT(leaves_unmapped));
	EXPECT_REACH(PERM_RW, &self->s.dev[2], IOVA, SPARE_GPA);
	EXPECT_AT_HOME(7);
}

TEST_HARNESS_MAIN
