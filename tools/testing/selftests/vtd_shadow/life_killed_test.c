// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM is killed in the middle of what it does. Nothing may stay pinned, and the
 * next VMM must get the devices.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life_vmm.h"

#define IOVA 0x2345600000ULL
#define SPARE_GPA 0x400000000ULL

/* --- The VMM is killed --- */

/* The thing that the VMM is in the middle of, again and again */
struct deed {
	const char *name;
	void (*act)(struct vtds_fixture *f);
};

static void just_dma(struct vtds_fixture *f)
{
	(void)f;
	vtds_sleep_ms(1);
}

static void map_and_unmap_all(struct vtds_fixture *f)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	__u64 *above = vtds_entry(&f->table, IOVA, 3);
	__u64 saved = *above;

	*above = 0;
	vtds_flush(&f->unit, &desc, 1);
	*above = saved;
	vtds_flush(&f->unit, &desc, 1);
}

static void long_array(struct vtds_fixture *f)
{
	static struct vtds_desc descs[16384];

	if (!descs[0].lo)
		for (unsigned int i = 0; i < ARRAY_SIZE(descs); i++)
			descs[i] = iotlb_pages(TABLE_DID, IOVA + i * SZ_4K, 9);
	vtds_flush(&f->unit, descs, ARRAY_SIZE(descs));
}

static void long_queue(struct vtds_fixture *f)
{
	static struct vtds_queue queue;
	static __u64 status;
	struct vtd_shadow_run_queue result;

	if (!status) {
		vtds_queue_init(&queue, &f->guest, 6, false);
		status = vtds_page(&f->guest);
	}
	for (unsigned int i = 1; i < vtds_queue_entries(&queue); i++) {
		struct vtds_desc desc =
			iotlb_pages(TABLE_DID, IOVA + i * SZ_4K, 9);

		if (i % 16 == 0)
			desc = wait_status(status, i);
		vtds_queue_put(&queue, &desc);
	}
	vtds_queue_run(&f->unit, &queue, &result);
}

/* Read in part, so that some wait to be read when it ends */
static void make_events(struct vtds_fixture *f)
{
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	__u64 *leaves = vtds_entry(&f->table, IOVA, 1);
	struct vtd_shadow_event events[16];

	for (unsigned int i = 100; i < 300; i++)
		leaves[i] ^= 1ULL << 11;
	vtds_flush(&f->unit, &desc, 1);
	vtds_events(&f->unit, events, ARRAY_SIZE(events));
}

static void switch_translation(struct vtds_fixture *f)
{
	vtds_fixture_state(f, false);
	vtds_fixture_state(f, true);
}

static void remove_and_add(struct vtds_fixture *f)
{
	vtds_remove_device(&f->unit, f->dev[0].dev_id);
	vtds_fixture_add(f, &f->dev[0]);
}

static void take_and_give(struct vtds_fixture *f)
{
	struct vtds_ram *ram = &f->guest.ram[1];

	vtds_ioas_unmap(&f->vmm, f->vmm.ioas, ram->gpa, ram->size);
	vtds_ioas_map(&f->vmm, f->vmm.ioas, ram->hva, ram->gpa, ram->size,
		      PERM_RW);
	vtds_resync(&f->unit);
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
	static struct vtds_fixture f;
	struct vtds_guest *guest = &f.guest;
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);

	if (vtds_fixture_open(&f, &full_config) ||
	    vtds_ram_add(guest, VTDS_RAM_SCATTERED, SPARE_GPA, SZ_2M) ||
	    vtds_ioas_map(&f.vmm, f.vmm.ioas, guest->ram[1].hva, SPARE_GPA,
			  SZ_2M, PERM_RW))
		_exit(1);
	vtds_map_range(&f.table, IOVA, RAM_GPA, RAM_SIZE, PERM_RW);
	vtds_map_range(&f.table, IOVA + RAM_SIZE, SPARE_GPA, SZ_2M, PERM_RW);
	if (vtds_flush(&f.unit, &desc, 1))
		_exit(1);

	load.dev = &f.dev[2];
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
		deed->act(&f);
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
	if (!vtds_fixture_possible(&full_config))
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
	struct vtds_fixture *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double began;
	pid_t vmm;

	ASSERT_NE(MAP_FAILED, (void *)f);
	vmm = fork();
	if (!vmm) {
		const struct vtds_desc desc = iotlb_domain(TABLE_DID);
		__u64 *top;

		if (vtds_fixture_open(f, &full_config))
			_exit(1);
		top = vtds_hva(&f->guest, f->table.root);
		for (unsigned int i = 1; i < 512; i++)
			top[i] = f->table.root | SS_RW;
		__atomic_add_fetch(self->ready, 1, __ATOMIC_RELEASE);
		vtds_flush(&f->unit, &desc, 1);
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

/* --- Memory that does not come --- */

#define SLOW_GPA 0x500000000ULL

/*
 * Memory whose pages nobody provides. The file is in the VMM as well: if the VMM does not
 * come to its end, nobody ever will.
 */
static int add_slow_memory(struct vtds_fixture *f)
{
	void *slow = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = slow == MAP_FAILED ? -errno : vtds_withhold(slow, SZ_2M, 0);

	if (fd < 0)
		return fd;
	return vtds_ioas_map(&f->vmm, f->vmm.ioas, slow, SLOW_GPA, SZ_2M,
			     PERM_RW);
}

static void *unmap_spare(void *arg)
{
	struct vtds_fixture *f = arg;

	vtds_ioas_unmap(&f->vmm, f->vmm.ioas, SPARE_GPA, SZ_2M);
	return NULL;
}

/* Ends a process. Returns how many seconds that took, or a negative number if it did not. */
static double kill_within(pid_t pid, double patience)
{
	double began = vtds_seconds();

	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) != pid) {
		if (vtds_seconds() - began > patience)
			return -1;
		vtds_sleep_ms(1);
	}
	return vtds_seconds() - began;
}

/*
 * A process that shares the unit is killed while its call waits for a page, so that the
 * thread of the unit waits in its place. Then this one takes memory away, which nobody can
 * interrupt once it waits for a pin in iommufd.
 */
static void take_while_thread_waits(int *ready)
{
	static struct vtds_fixture f;
	const struct vtds_desc desc = iotlb_domain(TABLE_DID);
	pthread_t unmap;
	pid_t caller;

	if (vtds_fixture_open(&f, &full_config) ||
	    vtds_ram_add(&f.guest, VTDS_RAM_SCATTERED, SPARE_GPA, SZ_2M) ||
	    vtds_ioas_map(&f.vmm, f.vmm.ioas, f.guest.ram[1].hva, SPARE_GPA,
			  SZ_2M, PERM_RW) ||
	    vtds_flush(&f.unit, &desc, 1) || add_slow_memory(&f))
		_exit(1);
	vtds_map(&f.table, IOVA, SLOW_GPA, SZ_4K, PERM_RW);
	caller = fork();
	if (!caller) {
		vtds_flush(&f.unit, &desc, 1);
		_exit(0);
	}
	vtds_sleep_ms(200);
	if (kill_within(caller, 10) < 0)
		_exit(1);
	vtds_sleep_ms(50);
	pthread_create(&unmap, NULL, unmap_spare, &f);
	__atomic_add_fetch(ready, 1, __ATOMIC_RELEASE);
	pause();
}

TEST_F(killed, while_the_thread_of_the_unit_waits)
{
	double give_up = vtds_seconds() + 30, took;
	pid_t vmm;

	vmm = fork();
	if (!vmm)
		take_while_thread_waits(self->ready);
	while (!__atomic_load_n(self->ready, __ATOMIC_ACQUIRE)) {
		ASSERT_EQ(0, waitpid(vmm, NULL, WNOHANG));
		ASSERT_GT(give_up, vtds_seconds());
		vtds_sleep_ms(1);
	}
	vtds_sleep_ms(100);
	took = kill_within(vmm, 20);
	printf("# the VMM ended after %.0f ms\n", took * 1e3);
	ASSERT_LT(0, took);
	EXPECT_EQ(self->pins, vtds_pins_in_system());
	EXPECT_EQ(0, next_vmm_works());
}

TEST_HARNESS_MAIN
