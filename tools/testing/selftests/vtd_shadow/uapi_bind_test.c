// SPDX-License-Identifier: GPL-2.0-only
/*
 * BIND and SET_STATE: which files, limits and registers they accept, and the errors that
 * they document.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vtds_test.h"

#define NO_ID 0x7fffff

FIXTURE(bind)
{
	struct vtds_vmm vmm;
	struct vtds_unit unit;
};

FIXTURE_SETUP(bind)
{
	ASSERT_EQ(0, vtds_vmm_open(&self->vmm));
	ASSERT_EQ(0, vtds_unit_open(&self->unit));
}

FIXTURE_TEARDOWN(bind)
{
	vtds_unit_close(&self->unit);
	vtds_vmm_close(&self->vmm);
}

static int do_ioctl(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) ? -errno : 0;
}

static int bind_fd(struct vtds_unit *unit, int fd, __u32 ioas)
{
	const struct vtds_vmm vmm = { .iommufd = fd, .ioas = ioas };

	return vtds_unit_bind(unit, &vmm, 0, 0);
}

TEST_F(bind, bad_file_descriptors)
{
	int null = open("/dev/null", O_RDWR), rc;

	EXPECT_EQ(-EBADF, bind_fd(&self->unit, -1, self->vmm.ioas));
	EXPECT_EQ(-EBADF, bind_fd(&self->unit, 9999, self->vmm.ioas));
	rc = bind_fd(&self->unit, null, self->vmm.ioas);
	EXPECT_TRUE(rc == -EBADF || rc == -EBADFD);
	rc = bind_fd(&self->unit, self->unit.fd, self->vmm.ioas);
	EXPECT_TRUE(rc == -EBADF || rc == -EBADFD);
	close(null);
	EXPECT_EQ(-EBADF, bind_fd(&self->unit, null, self->vmm.ioas));

	/* Nothing of it is left */
	EXPECT_EQ(0, bind_fd(&self->unit, self->vmm.iommufd, self->vmm.ioas));
	EXPECT_EQ(-EBUSY,
		  bind_fd(&self->unit, self->vmm.iommufd, self->vmm.ioas));
}

TEST_F(bind, bad_ioas)
{
	__u32 gone;

	EXPECT_EQ(-ENOENT, bind_fd(&self->unit, self->vmm.iommufd, NO_ID));
	EXPECT_EQ(-ENOENT, bind_fd(&self->unit, self->vmm.iommufd, 0));
	ASSERT_EQ(0, vtds_ioas_alloc(&self->vmm, &gone));
	ASSERT_EQ(0, vtds_destroy(&self->vmm, gone));
	EXPECT_EQ(-ENOENT, bind_fd(&self->unit, self->vmm.iommufd, gone));
	EXPECT_EQ(0, bind_fd(&self->unit, self->vmm.iommufd, self->vmm.ioas));

	/* In use */
	EXPECT_EQ(-EBUSY, vtds_destroy(&self->vmm, self->vmm.ioas));
	vtds_unit_close(&self->unit);
	EXPECT_EQ(0, vtds_destroy(&self->vmm, self->vmm.ioas));
}

TEST_F(bind, limits)
{
	__u64 nodes = self->unit.info.max_nodes;
	__u64 pages = self->unit.info.max_pages;

	EXPECT_EQ(-EINVAL,
		  vtds_unit_bind(&self->unit, &self->vmm, nodes + 1, 0));
	EXPECT_EQ(-EINVAL,
		  vtds_unit_bind(&self->unit, &self->vmm, 0, pages + 1));
	EXPECT_EQ(-EINVAL, vtds_unit_bind(&self->unit, &self->vmm, ~0ULL, 0));
	EXPECT_EQ(0, vtds_unit_bind(&self->unit, &self->vmm, nodes, pages));
}

/* A budget and a number of idle pages count with their flags only; one is at least 1 */
TEST_F(bind, budget)
{
	struct vtd_shadow_bind cmd = {
		.size = sizeof(cmd),
		.iommufd = self->vmm.iommufd,
		.ioas_id = self->vmm.ioas,
		.budget = 1,
	};
	int fd = self->unit.fd;

	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(fd, VTD_SHADOW_BIND, &cmd));
	cmd.budget = 0;
	cmd.flags = VTD_SHADOW_BIND_BUDGET;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, VTD_SHADOW_BIND, &cmd));
	cmd.budget = 1;
	cmd.max_idle_pages = 1;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(fd, VTD_SHADOW_BIND, &cmd));
	cmd.flags |= VTD_SHADOW_BIND_MAX_IDLE;
	cmd.max_idle_pages = ~0ULL;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_BIND, &cmd));
}

/* The range of RESYNC: not empty, and in what a guest can have */
TEST_F(bind, resync_range)
{
	struct vtds_unit *unit = &self->unit;

	ASSERT_EQ(0, vtds_unit_bind(unit, &self->vmm, 0, 0));
	ASSERT_EQ(0, vtds_set_state(unit));
	EXPECT_EQ(-EINVAL, vtds_resync_range(unit, 0, 0));
	EXPECT_EQ(-EINVAL, vtds_resync_range(unit, 1ULL << 52, 1));
	EXPECT_EQ(-EINVAL, vtds_resync_range(unit, SZ_4K, 1ULL << 52));
	EXPECT_EQ(-EINVAL, vtds_resync_range(unit, SZ_4K, ~0ULL));
	EXPECT_EQ(0, vtds_resync_range(unit, (1ULL << 52) - 1, 1));
	EXPECT_EQ(0, vtds_resync_range(unit, 0, 1ULL << 52));
}

TEST_F(bind, two_units_on_one_ioas)
{
	struct vtds_unit second;

	ASSERT_EQ(0, vtds_unit_open(&second));
	EXPECT_EQ(0, vtds_unit_bind(&self->unit, &self->vmm, 0, 0));
	EXPECT_EQ(0, vtds_unit_bind(&second, &self->vmm, 0, 0));
	EXPECT_EQ(0, vtds_set_state(&second));
	vtds_unit_close(&self->unit);
	EXPECT_EQ(0, vtds_set_state(&second));
	vtds_unit_close(&second);
}

/**
 * struct binder - A thread that binds a unit
 * @fixture: What it binds, and to what
 * @start: All begin at once
 * @rc: What it got
 */
struct binder {
	FIXTURE_DATA(bind) * fixture;
	pthread_barrier_t *start;
	int rc;
};

static void *bind_once(void *arg)
{
	struct binder *b = arg;

	pthread_barrier_wait(b->start);
	b->rc = vtds_unit_bind(&b->fixture->unit, &b->fixture->vmm, 0, 0);
	return NULL;
}

#define NR_BINDERS 4

/* One of them binds the unit, to an IOAS that is free when the unit is closed */
TEST_F(bind, threads_at_once)
{
	pthread_barrier_t start;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, NR_BINDERS));
	for (unsigned int i = 0; i < 50; i++) {
		struct binder binders[NR_BINDERS];
		pthread_t threads[NR_BINDERS];
		unsigned int bound = 0, busy = 0;

		for (unsigned int j = 0; j < NR_BINDERS; j++) {
			binders[j].fixture = self;
			binders[j].start = &start;
			ASSERT_EQ(0, pthread_create(&threads[j], NULL,
						    bind_once, &binders[j]));
		}
		for (unsigned int j = 0; j < NR_BINDERS; j++) {
			ASSERT_EQ(0, pthread_join(threads[j], NULL));
			bound += !binders[j].rc;
			busy += binders[j].rc == -EBUSY;
		}
		EXPECT_EQ(1U, bound);
		EXPECT_EQ(NR_BINDERS - 1U, busy);
		vtds_unit_close(&self->unit);
		ASSERT_EQ(0, vtds_unit_open(&self->unit));
	}
	pthread_barrier_destroy(&start);
	EXPECT_EQ(0, vtds_destroy(&self->vmm, self->vmm.ioas));
}

/* --- SET_STATE --- */

TEST_F(bind, registers)
{
	struct vtds_unit *unit = &self->unit;
	const __u64 good_cap = unit->cap, good_ecap = unit->ecap;

	ASSERT_EQ(0, vtds_unit_bind(unit, &self->vmm, 0, 0));
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(unit->info.cap_mask >> bit & 1)) {
			unit->cap = good_cap | 1ULL << bit;
			EXPECT_EQ(-EOPNOTSUPP, vtds_set_state(unit));
		}
		unit->cap = good_cap;
		if (!(unit->info.ecap_mask >> bit & 1)) {
			unit->ecap = good_ecap | 1ULL << bit;
			EXPECT_EQ(-EOPNOTSUPP, vtds_set_state(unit));
		}
		unit->ecap = good_ecap;
	}

	unit->cap = good_cap & ~CAP_CM;
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	unit->cap = good_cap & ~(CAP_SAGAW(3) | CAP_SAGAW(4) | CAP_SAGAW(5));
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	/* 57 bits need 5 levels */
	unit->cap = good_cap & ~CAP_SAGAW(5);
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	/* No 1 GiB without 2 MiB; the last number of domain-ids is reserved */
	unit->cap = good_cap & ~CAP_SSLPS_2M;
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	unit->cap = good_cap | CAP_ND(7);
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	/* Leaves of 1 GiB need 30 */
	unit->cap = (good_cap & ~CAP_MGAW_MASK) | CAP_MGAW(29);
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	unit->cap = good_cap;
	unit->haw = 31;
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));
	unit->haw = 53;
	EXPECT_EQ(-EINVAL, vtds_set_state(unit));

	/* No failed call counts as the first */
	EXPECT_EQ(-ENODATA, vtds_resync(unit));
	unit->haw = 32;
	EXPECT_EQ(0, vtds_set_state(unit));
	unit->haw = 52;
	EXPECT_EQ(0, vtds_set_state(unit));
	EXPECT_EQ(0, vtds_resync(unit));
}

TEST_HARNESS_MAIN
