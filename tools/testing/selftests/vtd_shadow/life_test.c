// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of things: files closed in every order, the VMM killed in the middle
 * of what it does, budgets used up. Nothing may stay pinned, and the next VMM
 * must get the devices.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

/* What all VMMs here have: two devices for reading results, one for load */
static const struct vtds_cast full_cast = { .edu = 2, .nvme = 1 };

/* Another VMM takes the devices and they work for it */
static int next_vmm_works(void)
{
	struct vtds_scene scene;
	int rc = vtds_scene_open(&scene, &full_cast);

	if (!rc && vtds_at_home(scene.dev, scene.nr_devs) != 7)
		rc = -EIO;
	vtds_scene_close(&scene);
	return rc;
}

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

/* --- The VMM is killed --- */

/* The thing that the VMM is in the middle of, again and again */
struct deed {
	const char *name;
	void (*act)(struct vtds_scene *scene);
};

static void just_dma(struct vtds_scene *scene)
{
	(void)scene;
	vtds_sleep_ms(1);
}

static void map_and_unmap_all(struct vtds_scene *scene)
{
	const struct vtds_desc desc = iotlb_domain(SCENE_DID);
	__u64 *above = vtds_entry(&scene->table, IOVA, 3);
	__u64 saved = *above;

	*above = 0;
	vtds_flush(&scene->unit, &desc, 1);
	*above = saved;
	vtds_flush(&scene->unit, &desc, 1);
}

static void long_array(struct vtds_scene *scene)
{
	static struct vtds_desc descs[16384];

	if (!descs[0].lo)
		for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++)
			descs[i] = iotlb_pages(SCENE_DID, IOVA + i * SZ_4K, 9);
	vtds_flush(&scene->unit, descs, ARRAY_SIZE(descs));
}

static void long_queue(struct vtds_scene *scene)
{
	static struct vtds_queue queue;
	static __u64 status;
	struct vtd_shadow_run_queue result;

	if (!status) {
		vtds_queue_init(&queue, &scene->guest, 6, false);
		status = vtds_page(&scene->guest);
	}
	for (unsigned int i = 1; i < vtds_queue_entries(&queue); i++) {
		struct vtds_desc desc =
			iotlb_pages(SCENE_DID, IOVA + i * SZ_4K, 9);

		if (i % 16 == 0)
			desc = wait_status(status, i);
		vtds_queue_put(&queue, &desc);
	}
	vtds_queue_run(&scene->unit, &queue, &result);
}

/* Read in part, so that some wait to be read when it ends */
static void make_events(struct vtds_scene *scene)
{
	const struct vtds_desc desc = iotlb_domain(SCENE_DID);
	__u64 *leaves = vtds_entry(&scene->table, IOVA, 1);
	struct vtd_shadow_event events[16];

	for (unsigned int i = 100; i < 300; i++)
		leaves[i] ^= 1ULL << 11;
	vtds_flush(&scene->unit, &desc, 1);
	vtds_events(&scene->unit, events, ARRAY_SIZE(events));
}

static void switch_translation(struct vtds_scene *scene)
{
	vtds_scene_state(scene, false);
	vtds_scene_state(scene, true);
}

static void remove_and_add(struct vtds_scene *scene)
{
	vtds_remove_device(&scene->unit, scene->dev[0].dev_id);
	vtds_scene_add(scene, &scene->dev[0]);
}

static void take_and_give(struct vtds_scene *scene)
{
	struct vtds_ram *ram = &scene->guest.ram[1];

	vtds_ioas_unmap(&scene->vmm, scene->vmm.ioas, ram->gpa, ram->size);
	vtds_ioas_map(&scene->vmm, scene->vmm.ioas, ram->hva, ram->gpa,
		      ram->size, PERM_RW);
	vtds_resync(&scene->unit);
}

static const struct deed deeds[] = {
	{ "just DMA", just_dma },
	{ "INVALIDATE that maps and unmaps", map_and_unmap_all },
	{ "INVALIDATE of a long array", long_array },
	{ "RUN_QUEUE of a long queue", long_queue },
	{ "events", make_events },
	{ "SET_STATE", switch_translation },
	{ "REMOVE_DEVICE and ADD_DEVICE", remove_and_add },
	{ "IOMMU_IOAS_UNMAP and _MAP", take_and_give },
};

/* A VMM with DMA running that does @deed for ever; @ready counts how often */
static void live_until_killed(const struct deed *deed, int *ready)
{
	static struct vtds_load load;
	static struct vtds_scene scene;
	struct vtds_guest *guest = &scene.guest;
	const struct vtds_desc desc = iotlb_domain(SCENE_DID);

	if (vtds_scene_open(&scene, &full_cast) ||
	    vtds_ram_add(guest, VTDS_RAM_SCATTERED, SPARE_GPA, SZ_2M) ||
	    vtds_ioas_map(&scene.vmm, scene.vmm.ioas, guest->ram[1].hva,
			  SPARE_GPA, SZ_2M, PERM_RW))
		_exit(1);
	vtds_map_range(&scene.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	vtds_map_range(&scene.table, IOVA + RAM_SIZE, SPARE_GPA, SZ_2M,
		       PERM_RW);
	if (vtds_flush(&scene.unit, &desc, 1))
		_exit(1);

	load.dev = &scene.dev[2];
	load.guest = guest;
	load.nr = 64;
	load.skip = -1;
	for (unsigned int i = 0; i < load.nr; i++) {
		load.gpa[i] = vtds_page(guest);
		load.iova[i] = IOVA + load.gpa[i] - RAM_GPA;
	}
	if (vtds_load_start(&load))
		_exit(1);
	vtds_load_wait(&load, 10);
	for (;;) {
		deed->act(&scene);
		__atomic_add_fetch(ready, 1, __ATOMIC_RELEASE);
	}
}

FIXTURE(killed)
{
	int *ready;
	long pins;
};

FIXTURE_SETUP(killed)
{
	if (!vtds_scene_possible(&full_cast))
		SKIP(return, "the machine lacks a device for this");
	self->pins = vtds_pins_in_system();
	self->ready = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->ready);
}

FIXTURE_TEARDOWN(killed)
{
}

static int kill_in_the_middle(const struct deed *deed, int *ready,
			      unsigned int after_ms)
{
	double give_up = vtds_seconds() + 30;
	int status = 0;
	pid_t vmm;

	*ready = 0;
	vmm = fork();
	if (!vmm)
		live_until_killed(deed, ready);
	while (__atomic_load_n(ready, __ATOMIC_ACQUIRE) < 2) {
		if (waitpid(vmm, &status, WNOHANG))
			return -ECHILD;
		if (vtds_seconds() > give_up)
			break;
		vtds_sleep_ms(1);
	}
	vtds_sleep_ms(after_ms);
	kill(vmm, SIGKILL);
	if (waitpid(vmm, &status, 0) != vmm || !WIFSIGNALED(status))
		return -ECHILD;
	return *ready < 2 ? -ETIMEDOUT : 0;
}

TEST_F(killed, in_the_middle_of_everything)
{
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(deeds); i++) {
		const struct deed *deed = &deeds[i / 2];

		EXPECT_EQ(0, kill_in_the_middle(deed, self->ready, 3 + 7 * i))
		TH_LOG("%s", deed->name);
		EXPECT_EQ(self->pins, vtds_pins_in_system())
		TH_LOG("%s", deed->name);
	}
	EXPECT_EQ(0, next_vmm_works());
}

/* A call that would take for ever ends with its caller */
TEST_F(killed, in_an_endless_table)
{
	struct vtds_scene *scene = mmap(NULL, sizeof(*scene),
					PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double began;
	pid_t vmm;

	ASSERT_NE(MAP_FAILED, (void *)scene);
	vmm = fork();
	if (!vmm) {
		const struct vtds_desc desc = iotlb_domain(SCENE_DID);
		__u64 *top;

		if (vtds_scene_open(scene, &full_cast))
			_exit(1);
		top = vtds_hva(&scene->guest, scene->table.root);
		for (unsigned int i = 1; i < 512; i++)
			top[i] = scene->table.root | SS_RW;
		__atomic_add_fetch(self->ready, 1, __ATOMIC_RELEASE);
		vtds_flush(&scene->unit, &desc, 1);
		_exit(0);
	}
	while (!__atomic_load_n(self->ready, __ATOMIC_ACQUIRE))
		vtds_sleep_ms(1);
	vtds_sleep_ms(100);
	began = vtds_seconds();
	kill(vmm, SIGKILL);
	ASSERT_EQ(vmm, waitpid(vmm, NULL, 0));
	EXPECT_GT(20, vtds_seconds() - began);
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

/* --- Budgets --- */

#define MAX_NODES 300
#define MAX_PAGES 20000

FIXTURE(budget)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u64 table; /* of level 3, which has the devices' home in its first entry */
};

FIXTURE_SETUP(budget)
{
	OPEN_SCENE(.edu = 2, .max_nodes = MAX_NODES, .max_pages = MAX_PAGES);
	self->dev = &self->s.dev[0];
	self->table = *vtds_entry(&self->s.table, self->dev->home, 4) & SS_ADDR;
}

FIXTURE_TEARDOWN(budget)
{
	vtds_scene_close(&self->s);
}

/* A table of level 3 that contains itself asks for 512^3 pages */
TEST_F(budget, table_in_itself)
{
	const struct vtds_desc flush = iotlb_domain(SCENE_DID);
	__u64 *entries = vtds_hva(&self->s.guest, self->table);
	unsigned long nodes = STAT(nodes), pages = STAT(pages);
	__u64 page = vtds_page(&self->s.guest);
	struct vtds_unit other;

	/* Somebody else's unit, with the second device */
	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->s.dev[1].dev_id));
	ASSERT_EQ(0, vtds_unit_open(&other));
	ASSERT_EQ(0, vtds_unit_bind(&other, &self->s.vmm, 0, 0));
	other.rtaddr = self->s.guest.root;
	other.flags = VTD_SHADOW_STATE_TE;
	ASSERT_EQ(0, vtds_set_state(&other));
	ASSERT_EQ(0, vtds_add_device(&other, self->s.dev[1].dev_id,
				     self->s.vmm.ioas, &self->s.dev[1].sid, 1));

	for (unsigned int i = 1; i < 512; i++)
		entries[i] = self->table | SS_RW;
	FLUSH_WITH(ENOSPC, flush);
	EXPECT_LE(STAT(nodes), (unsigned long)MAX_NODES);
	EXPECT_LE(STAT(pages), (unsigned long)MAX_PAGES);
	/* What was mapped before is as it was */
	EXPECT_EQ(3U, vtds_at_home(self->s.dev, 2));

	/* It can still revoke, with the budget used up */
	vtds_unmap(&self->s.table, self->dev->home, SZ_4K);
	FLUSH_WITH(ENOSPC, flush);
	EXPECT_EQ(2U, vtds_at_home(self->s.dev, 2));
	EXPECT_EQ(PERM_NONE, vtds_answer(&self->s.unit, self->dev->sid,
					 self->dev->home, self->dev->home));

	/* The guest comes to its senses; one flush must see that it fits now */
	for (unsigned int i = 1; i < 512; i++)
		entries[i] = 0;
	vtds_map(&self->s.table, self->dev->home, self->dev->home, SZ_4K,
		 PERM_RW);
	FLUSH(flush);
	EXPECT_EQ(3U, vtds_at_home(self->s.dev, 2));
	EXPECT_EQ(nodes, STAT(nodes));
	EXPECT_EQ(pages, STAT(pages));
	vtds_map(&self->s.table, IOVA, page, SZ_4K, PERM_RW);
	FLUSH(flush);
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	vtds_unit_close(&other);
}

TEST_F(budget, of_pages)
{
	const __u64 iova = IOVA & ~(SZ_1G - 1);
	__u64 page = vtds_page(&self->s.guest);
	unsigned long before = STAT(pages);

	/* 2 MiB leaves, 512 pages each, until there is no budget for another */
	for (unsigned int i = 0; i < 64; i++)
		vtds_map(&self->s.table, iova + i * SZ_2M, RAM_GPA, SZ_2M,
			 PERM_RW);
	FLUSH_WITH(ENOSPC, iotlb_domain(SCENE_DID));
	EXPECT_LE(STAT(pages), (unsigned long)MAX_PAGES);
	EXPECT_LT(MAX_PAGES - 512UL, STAT(pages));
	EXPECT_REACH(PERM_RW, self->dev, iova, RAM_GPA);
	EXPECT_DEAD(self->dev, iova + 63 * SZ_2M, RAM_GPA);
	EXPECT_AT_HOME(3);

	/* What fits now is taken when it is flushed again */
	for (unsigned int i = 0; i < 63; i++)
		vtds_unmap(&self->s.table, iova + i * SZ_2M, SZ_2M);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_EQ(before + 512, STAT(pages));
	EXPECT_REACH(PERM_RW, self->dev, iova + 63 * SZ_2M, RAM_GPA);
	vtds_map(&self->s.table, IOVA + SZ_1G, page, SZ_4K, PERM_RW);
	FLUSH(iotlb_domain(SCENE_DID));
	EXPECT_REACH(PERM_RW, self->dev, IOVA + SZ_1G, page);
}

/* Budget too small for even the top tables: blocked, not half attached */
TEST_F(budget, of_nodes)
{
	struct vtds_table other;

	vtds_table_init(&other, &self->s.guest, 4, SCENE_DID + 1);
	vtds_scene_map_homes(&self->s, &other);
	for (unsigned int i = 0; i < MAX_NODES + 10; i++)
		*vtds_entry(&self->s.table, IOVA + i * SZ_2M, 2) =
			vtds_page(&self->s.guest) | SS_RW;
	FLUSH_WITH(ENOSPC, iotlb_domain(SCENE_DID));
	EXPECT_AT_HOME(3);

	vtds_ctx_use(&self->s.guest, self->dev->sid, &other);
	FLUSH_WITH(ENOSPC, cc_device(self->dev->sid));
	EXPECT_AT_HOME(2);

	for (unsigned int i = 0; i < MAX_NODES + 10; i++)
		*vtds_entry(&self->s.table, IOVA + i * SZ_2M, 2) = 0;
	FLUSH(iotlb_domain(SCENE_DID), cc_device(self->dev->sid),
	      iotlb_domain(SCENE_DID + 1));
	EXPECT_AT_HOME(3);
}

TEST_HARNESS_MAIN
