// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl contract of /dev/vtd_shadow: structure sizes, flags, reserved
 * fields, pointers, order of calls, and the errors that each call documents.
 * Descriptors are in queue_test.c, 32-bit callers in compat_test.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/iommufd.h>

#include "vtds_test.h"

#define IOVA 0x2345600000ULL
#define NO_ID 0x7fffff

/* --- Every ioctl, once, on a unit with everything set up --- */

/**
 * struct call - An ioctl with arguments that it accepts
 * @name: For messages
 * @nr: Number
 * @size: Of the structure
 * @first: Of its first version, if it has grown since; or 0
 * @flags: Which it knows
 * @result: What it returns
 * @writes: It has output fields
 * @reserved: Offset of a field that must be zero, besides flags; or 0
 * @arg: The arguments
 */
struct call {
	const char *name;
	unsigned long nr;
	size_t size;
	size_t first;
	__u32 flags;
	int result;
	bool writes;
	size_t reserved;
	union {
		struct vtd_shadow_get_info get_info;
		struct vtd_shadow_bind bind;
		struct vtd_shadow_set_state set_state;
		struct vtd_shadow_add_device add_device;
		struct vtd_shadow_remove_device remove_device;
		struct vtd_shadow_invalidate invalidate;
		struct vtd_shadow_resync resync;
		struct vtd_shadow_translate translate;
		struct vtd_shadow_get_stats get_stats;
		struct vtd_shadow_run_queue run_queue;
	} arg;
};

#define CALL(_cmd, _type)                       \
	.name = #_cmd, .nr = VTD_SHADOW_##_cmd, \
	.size = sizeof(struct vtd_shadow_##_type)

#define NR_CALLS 10

FIXTURE(calls)
{
	struct vtds_scene s;
	struct call calls[NR_CALLS];
	__u16 sid;
	char *page; /* followed by one that cannot be touched */
};

static void describe_calls(struct call *calls, struct vtds_scene *scene,
			   const __u16 *sid)
{
	const struct vtds_unit *unit = &scene->unit;
	const struct call all[NR_CALLS] = {
		{ CALL(GET_INFO, get_info), .writes = true, .first = 64,
		  .reserved = offsetof(struct vtd_shadow_get_info, __reserved),
		  .flags = VTD_SHADOW_INFO_DEVICE },
		/* Bound already */
		{ CALL(BIND, bind), .result = -EBUSY, .first = 32,
		  .flags = VTD_SHADOW_BIND_MAX_IDLE,
		  .arg.bind = { .iommufd = scene->vmm.iommufd,
				.ioas_id = scene->vmm.ioas } },
		{ CALL(SET_STATE, set_state), .writes = true,
		  .flags = VTD_SHADOW_STATE_TE,
		  .reserved = offsetof(struct vtd_shadow_set_state, __reserved),
		  .arg.set_state = { .rtaddr = unit->rtaddr,
				     .cap = unit->cap,
				     .ecap = unit->ecap,
				     .haw = unit->haw } },
		/* No such device */
		{ CALL(ADD_DEVICE, add_device), .result = -ENOENT,
		  .writes = true,
		  .arg.add_device = { .dev_id = NO_ID,
				      .identity_pt_id = scene->vmm.ioas,
				      .source_ids_uptr = (uintptr_t)sid,
				      .nr_source_ids = 1 } },
		{ CALL(REMOVE_DEVICE, remove_device), .result = -ENOENT,
		  .reserved =
			  offsetof(struct vtd_shadow_remove_device, __reserved),
		  .arg.remove_device = { .dev_id = NO_ID } },
		{ CALL(INVALIDATE, invalidate), .writes = true,
		  .reserved =
			  offsetof(struct vtd_shadow_invalidate, __reserved),
		  .arg.invalidate = { .desc_size = sizeof(struct vtds_desc) } },
		{ CALL(RESYNC, resync), .writes = true,
		  .flags = VTD_SHADOW_RESYNC_RELEASE,
		  .reserved = offsetof(struct vtd_shadow_resync, __reserved) },
		{ CALL(TRANSLATE, translate), .writes = true,
		  .flags = VTD_SHADOW_TRANSLATE_PASID,
		  .reserved = offsetof(struct vtd_shadow_translate, __reserved),
		  .arg.translate = { .source_id = scene->dev[0].sid } },
		{ CALL(GET_STATS, get_stats), .writes = true, .first = 128 },
		/* Nothing in it */
		{ CALL(RUN_QUEUE, run_queue), .writes = true,
		  .reserved = offsetof(struct vtd_shadow_run_queue, __reserved),
		  .arg.run_queue = { .iqa = scene->guest.root } },
	};

	memcpy(calls, all, sizeof(all));
}

FIXTURE_SETUP(calls)
{
	OPEN_SCENE(.nvme = 1);
	describe_calls(self->calls, &self->s, &self->sid);
	self->page = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
	ASSERT_EQ(0, mprotect(self->page + SZ_4K, SZ_4K, PROT_NONE));
}

FIXTURE_TEARDOWN(calls)
{
	vtds_scene_close(&self->s);
}

static int do_ioctl(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) ? -errno : 0;
}

/*
 * The call with @size bytes, the tail beyond what we know all @tail. It may not
 * look at a byte more: the structure ends where memory ends.
 */
static int call_sized(struct vtds_unit *unit, char *page,
		      const struct call *call, __u32 size, char tail)
{
	char *arg = page + SZ_4K - (size < 4 ? 4 : size);

	memset(arg, tail, page + SZ_4K - arg);
	memcpy(arg, &call->arg, size < call->size ? size : call->size);
	memcpy(arg, &size, sizeof(size));
	return do_ioctl(unit->fd, call->nr, arg);
}

static bool call_gives(int result, struct vtds_unit *unit, char *page,
		       const struct call *call, __u32 size, char tail)
{
	int rc = call_sized(unit, page, call, size, tail);

	if (rc == result)
		return true;
	printf("# %s, size %u of %zu, tail %d: %d instead of %d\n", call->name,
	       size, call->size, tail, rc, result);
	return false;
}

#define EXPECT_CALL(_result, _call, _size, _tail)                         \
	EXPECT_TRUE(call_gives(_result, &self->s.unit, self->page, _call, \
			       _size, _tail))

TEST_F(calls, sizes)
{
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		const struct call *call = &self->calls[i];
		size_t first = call->first ?: call->size;

		EXPECT_CALL(-EINVAL, call, 0, 0);
		EXPECT_CALL(-EINVAL, call, 4, 0);
		EXPECT_CALL(-EINVAL, call, first - 1, 0);
		/* A caller that knows less, and is told no more than it knows */
		EXPECT_CALL(call->result, call, first, 0);
		EXPECT_CALL(call->result, call, call->size, 0);
		EXPECT_CALL(call->result, call, call->size + 1, 0);
		EXPECT_CALL(call->result, call, call->size + 8, 0);
		EXPECT_CALL(call->result, call, SZ_4K, 0);
		EXPECT_CALL(-E2BIG, call, call->size + 1, 1);
		EXPECT_CALL(-E2BIG, call, call->size + 8, 1);
		EXPECT_CALL(-E2BIG, call, SZ_4K, 1);
	}
}

/* Size and pointers come first; a call that fails on them does nothing */
TEST_F(calls, bad_pointers)
{
	char *end = self->page + SZ_4K;

	for (unsigned int i = 0; i < NR_CALLS; i++) {
		struct call *call = &self->calls[i];
		int fd = self->s.unit.fd;
		__u32 size = call->size;

		EXPECT_EQ(-EFAULT, do_ioctl(fd, call->nr, NULL));
		EXPECT_EQ(-EFAULT, do_ioctl(fd, call->nr, end));
		EXPECT_EQ(-EFAULT, do_ioctl(fd, call->nr, (void *)-SZ_4K));

		/* The size can be read, the rest not */
		memcpy(end - 4, &size, 4);
		EXPECT_EQ(-EFAULT, do_ioctl(fd, call->nr, end - 4));

		if (!call->writes)
			continue;
		memcpy(self->page, &call->arg, size);
		memcpy(self->page, &size, 4);
		ASSERT_EQ(0, mprotect(self->page, SZ_4K, PROT_READ));
		EXPECT_EQ(-EFAULT, do_ioctl(fd, call->nr, self->page))
		TH_LOG("%s", call->name);
		ASSERT_EQ(0,
			  mprotect(self->page, SZ_4K, PROT_READ | PROT_WRITE));
	}
}

TEST_F(calls, unknown_flags)
{
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		struct call *call = &self->calls[i];

		for (unsigned int bit = 0; bit < 32; bit++) {
			if (call->flags >> bit & 1)
				continue;
			/* flags follow size in all of them */
			call->arg.get_info.flags = 1U << bit;
			EXPECT_CALL(-EOPNOTSUPP, call, call->size, 0);
		}
		call->arg.get_info.flags = 0;
	}
}

TEST_F(calls, reserved_fields)
{
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		struct call *call = &self->calls[i];
		__u32 *field = (void *)&call->arg + call->reserved;

		if (!call->reserved)
			continue;
		*field = 1;
		EXPECT_CALL(-EOPNOTSUPP, call, call->size, 0);
		*field = 1U << 31;
		EXPECT_CALL(-EOPNOTSUPP, call, call->size, 0);
		*field = 0;
		EXPECT_CALL(call->result, call, call->size, 0);
	}
}

/* What is output need not be zero when it goes in */
TEST_F(calls, output_fields_are_not_read)
{
	struct vtd_shadow_get_stats stats;
	struct vtd_shadow_translate translate;
	struct vtd_shadow_run_queue run;
	struct vtd_shadow_get_info info;

	memset(&info, 0xff, sizeof(info));
	info.size = sizeof(info);
	info.flags = 0;
	/* These are not: they are input with a flag */
	info.dev_id = 0;
	info.nr_reserved = 0;
	info.reserved_uptr = 0;
	info.__reserved = 0;
	EXPECT_EQ(0, do_ioctl(self->s.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0U, info.capabilities & ~VTD_SHADOW_INFO_WRITE_ONLY_READABLE);

	memset(&stats, 0xff, sizeof(stats));
	stats.size = sizeof(stats);
	stats.flags = 0;
	EXPECT_EQ(0, do_ioctl(self->s.unit.fd, VTD_SHADOW_GET_STATS, &stats));
	EXPECT_EQ(1ULL, stats.devices);

	memset(&run, 0xff, sizeof(run));
	run.size = sizeof(run);
	run.flags = 0;
	run.iqa = self->s.guest.root;
	run.head = 0;
	run.tail = 0;
	run.__reserved = 0;
	EXPECT_EQ(0, do_ioctl(self->s.unit.fd, VTD_SHADOW_RUN_QUEUE, &run));
	EXPECT_EQ(0U, run.done | run.iqei | run.status | run.install_errno);

	memset(&translate, 0xff, sizeof(translate));
	translate.size = sizeof(translate);
	translate.flags = 0;
	translate.pasid = 0;
	translate.__reserved = 0;
	translate.source_id = self->s.dev[0].sid;
	translate.iova = self->s.dev[0].home;
	EXPECT_EQ(0,
		  do_ioctl(self->s.unit.fd, VTD_SHADOW_TRANSLATE, &translate));
	EXPECT_EQ(self->s.dev[0].home, translate.gpa);
	EXPECT_EQ(0U, translate.fault_reason);
	EXPECT_EQ((unsigned int)SCENE_DID, translate.domain_id);
	EXPECT_EQ(1U, translate.level);
}

TEST_F(calls, unknown_ioctls)
{
	const unsigned long unknown[] = {
		_IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_BASE - 1),
		_IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_RUN_QUEUE + 1),
		_IO(VTD_SHADOW_TYPE, 0xff),
		_IO(VTD_SHADOW_TYPE, 0),
		_IO(VTD_SHADOW_TYPE + 1, VTD_SHADOW_CMD_GET_INFO),
		_IOWR(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_GET_INFO, int),
		IOMMU_IOAS_ALLOC,
		0,
	};
	char arg[64] = { 64 };

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-ENOTTY, do_ioctl(self->s.unit.fd, unknown[i], arg));
}

/* --- Order of the calls --- */

TEST_F(calls, before_bind)
{
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_unit_open(&unit));
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		const struct call *call = &self->calls[i];

		if (call->nr == VTD_SHADOW_BIND)
			continue;
		EXPECT_EQ(call->nr == VTD_SHADOW_GET_INFO ? 0 : -ENODEV,
			  call_sized(&unit, self->page, call, call->size, 0))
		TH_LOG("%s", call->name);
	}
	vtds_unit_close(&unit);
}

TEST_F(calls, before_set_state)
{
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_unit_open(&unit));
	ASSERT_EQ(0, vtds_unit_bind(&unit, &self->s.vmm, 0, 0));
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		const struct call *call = &self->calls[i];
		bool needs = call->nr == VTD_SHADOW_INVALIDATE ||
			     call->nr == VTD_SHADOW_RUN_QUEUE ||
			     call->nr == VTD_SHADOW_RESYNC ||
			     call->nr == VTD_SHADOW_TRANSLATE;

		if (call->nr == VTD_SHADOW_SET_STATE)
			continue;
		EXPECT_EQ(needs ? -ENODATA : call->result,
			  call_sized(&unit, self->page, call, call->size, 0))
		TH_LOG("%s", call->name);
	}
	vtds_unit_close(&unit);
}

/* A unit comes out of reset with translation disabled */
TEST_F(calls, device_before_set_state)
{
	struct vtds_dev *dev = &self->s.dev[0];
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, dev->dev_id));
	ASSERT_EQ(0, vtds_unit_open(&unit));
	ASSERT_EQ(0, vtds_unit_bind(&unit, &self->s.vmm, 0, 0));
	ASSERT_EQ(0, vtds_add_device(&unit, dev->dev_id, self->s.vmm.ioas,
				     &dev->sid, 1));
	EXPECT_EQ(0U, unit.install_errno);
	EXPECT_EQ(1U, vtds_at_home(dev, 1));
	vtds_unit_close(&unit);
	EXPECT_EQ(0U, vtds_at_home(dev, 1));
}

TEST_F(calls, info)
{
	const struct vtd_shadow_get_info *info = &self->s.unit.info;
	const __u64 needed = CAP_CM | CAP_SAGAW(3) | CAP_SAGAW(4) |
			     CAP_SAGAW(5) | CAP_SSLPS_2M | CAP_SSLPS_1G |
			     CAP_PSI | CAP_MAMV(VTDS_MAMV) | CAP_MGAW(57);

	EXPECT_EQ((unsigned int)VTD_SHADOW_API_VERSION, info->version);
	EXPECT_LE(1U, info->max_source_ids);
	EXPECT_EQ(needed, info->cap_mask & needed);
	EXPECT_EQ(CAP_CM, info->cap_required);
	EXPECT_EQ(ECAP_QI | ECAP_PT, info->ecap_mask & (ECAP_QI | ECAP_PT));
	EXPECT_EQ(ECAP_SCALABLE | ECAP_RPS,
		  info->ecap_mask & (ECAP_SCALABLE | ECAP_RPS));
	EXPECT_LT(0ULL, info->max_nodes);
	EXPECT_LT(0ULL, info->max_pages);
	EXPECT_EQ(0ULL, info->chunk_size % SZ_4K);
}

/* --- BIND --- */

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

/* --- Devices --- */

FIXTURE(devices)
{
	struct vtds_scene s;
	struct vtds_dev *dev;
	__u16 sids[64];
};

/* The device is bound to iommufd, and nothing more */
FIXTURE_SETUP(devices)
{
	OPEN_SCENE(.nvme = 1);
	self->dev = &self->s.dev[0];
	for (unsigned int i = 0; i < ARRAY_SIZE(self->sids); i++)
		self->sids[i] = self->dev->sid + i;
	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
}

FIXTURE_TEARDOWN(devices)
{
	vtds_scene_close(&self->s);
}

static int add(struct vtds_scene *scene, const __u16 *sids, __u32 nr)
{
	return vtds_add_device(&scene->unit, scene->dev[0].dev_id,
			       scene->vmm.ioas, sids, nr);
}

TEST_F(devices, source_ids)
{
	__u32 max = self->s.unit.info.max_source_ids;

	ASSERT_LT(max, ARRAY_SIZE(self->sids));
	EXPECT_EQ(-EINVAL, add(&self->s, self->sids, 0));
	EXPECT_EQ(-EINVAL, add(&self->s, self->sids, max + 1));
	EXPECT_EQ(-EINVAL, add(&self->s, self->sids, ~0U));
	EXPECT_EQ(-EFAULT, add(&self->s, NULL, 1));
	EXPECT_EQ(-EFAULT, add(&self->s, (void *)-SZ_4K, 1));

	self->sids[2] = self->sids[0];
	EXPECT_EQ(-EINVAL, add(&self->s, self->sids, 3));
	self->sids[2] = self->dev->sid + 2;

	for (unsigned int i = 0; i < max; i++)
		vtds_ctx_use(&self->s.guest, self->sids[i], &self->s.table);
	EXPECT_EQ(0, add(&self->s, self->sids, max));
	EXPECT_AT_HOME(1);
	for (unsigned int i = 0; i < max; i++)
		EXPECT_EQ((int)PERM_RW,
			  vtds_answer(&self->s.unit, self->sids[i],
				      self->dev->home, self->dev->home));
}

TEST_F(devices, who_has_it)
{
	struct vtds_unit second;
	struct vtds_vmm other;

	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &self->s.vmm, 0, 0));

	EXPECT_EQ(-ENOENT, vtds_add_device(&self->s.unit, NO_ID,
					   self->s.vmm.ioas, self->sids, 1));
	/* The id of something else */
	EXPECT_EQ(-ENOENT, vtds_add_device(&self->s.unit, self->s.vmm.ioas,
					   self->s.vmm.ioas, self->sids, 1));

	EXPECT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_EQ(-EBUSY, add(&self->s, self->sids, 1));
	EXPECT_EQ(-EBUSY, vtds_add_device(&second, self->dev->dev_id,
					  self->s.vmm.ioas, self->sids, 1));
	EXPECT_EQ(-ENOENT, vtds_remove_device(&second, self->dev->dev_id));
	EXPECT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
	EXPECT_EQ(0, vtds_add_device(&second, self->dev->dev_id,
				     self->s.vmm.ioas, self->sids, 1));
	EXPECT_EQ(-EBUSY, add(&self->s, self->sids, 1));
	vtds_unit_close(&second);
	EXPECT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_AT_HOME(1);

	/* A unit of another iommufd does not know it */
	EXPECT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));
	ASSERT_EQ(0, vtds_vmm_open(&other));
	ASSERT_EQ(0, vtds_unit_open(&second));
	ASSERT_EQ(0, vtds_unit_bind(&second, &other, 0, 0));
	EXPECT_EQ(-ENOENT, vtds_add_device(&second, self->dev->dev_id,
					   other.ioas, self->sids, 1));
	vtds_unit_close(&second);
	vtds_vmm_close(&other);
}

TEST_F(devices, the_vmm_has_it)
{
	ASSERT_EQ(0, vtds_dev_attach(self->dev, self->s.vmm.ioas));
	EXPECT_EQ(-EBUSY, add(&self->s, self->sids, 1));
	EXPECT_EQ(1U, vtds_at_home(self->dev, 1));

	ASSERT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_AT_HOME(1);
}

TEST_F(devices, the_unit_has_it)
{
	__u64 page = vtds_page(&self->s.guest);

	vtds_map(&self->s.table, IOVA, page, SZ_4K, PERM_RW);
	ASSERT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	EXPECT_EQ(-EBUSY, vtds_dev_attach(self->dev, self->s.vmm.ioas));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
	EXPECT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);

	/* On the identity page table, too */
	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	EXPECT_REACH(PERM_RW, self->dev, page, page);
	EXPECT_EQ(-EBUSY, vtds_dev_attach(self->dev, self->s.vmm.ioas));
	EXPECT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_REACH(PERM_RW, self->dev, page, page);
	ASSERT_EQ(0, vtds_scene_state(&self->s, true));
	EXPECT_REACH(PERM_RW, self->dev, IOVA, page);
}

/* Something that is no page table is refused, and the device is still free */
TEST_F(devices, bad_identity_page_table)
{
	const __u32 ids[] = { NO_ID, 0, self->dev->dev_id };

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		EXPECT_EQ(-EINVAL,
			  vtds_add_device(&self->s.unit, self->dev->dev_id,
					  ids[i], self->sids, 1));
	EXPECT_EQ(0UL, STAT(devices));
	ASSERT_EQ(0, vtds_dev_attach(self->dev, self->s.vmm.ioas));
	EXPECT_EQ(1U, vtds_at_home(self->dev, 1));
	ASSERT_EQ(0, vtds_dev_detach(self->dev));
	EXPECT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_AT_HOME(1);
}

/* An IOAS of the VMM with other memory where the guest has its own */
static int other_ioas(struct vtds_scene *scene, void *memory, __u32 *ioas)
{
	return vtds_ioas_alloc(&scene->vmm, ioas) ?:
		       vtds_ioas_map(&scene->vmm, *ioas, memory, RAM_GPA, SZ_2M,
				     PERM_RW);
}

static void *other_memory(void)
{
	return mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

#define ALLOC_HWPT(_ioas, _hwpt)                                           \
	do {                                                               \
		int _rc = vtds_hwpt_alloc(&self->s.vmm, self->dev->dev_id, \
					  _ioas, _hwpt);                   \
		if (_rc == -EADDRINUSE)                                    \
			SKIP(return, "no page table without a device");    \
		ASSERT_EQ(0, _rc);                                         \
	} while (0)

/* Another IOAS of the same iommufd, with other memory or none, and HWPTs on it */
TEST_F(devices, identity_page_table_elsewhere)
{
	void *memory = other_memory();
	__u32 ids[4];

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, other_ioas(&self->s, memory, &ids[0]));
	ASSERT_EQ(0, vtds_ioas_alloc(&self->s.vmm, &ids[1]));
	ALLOC_HWPT(ids[0], &ids[2]);
	ALLOC_HWPT(ids[1], &ids[3]);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-EINVAL,
			  vtds_add_device(&self->s.unit, self->dev->dev_id,
					  ids[i], self->sids, 1))
		TH_LOG("id %u", i);
	}
	EXPECT_EQ(0UL, STAT(devices));
	/* None of them is in use by it */
	for (unsigned int i = ARRAY_SIZE(ids); i--;)
		EXPECT_EQ(0, vtds_destroy(&self->s.vmm, ids[i]));
	EXPECT_EQ(0, add(&self->s, self->sids, 1));
	EXPECT_AT_HOME(1);
}

/* What the id names, and what that maps, is the VMM's to change */
TEST_F(devices, identity_page_table_changes)
{
	struct vtds_vmm *vmm = &self->s.vmm;
	struct vtd_shadow_translate result;
	void *memory = other_memory();
	__u32 ioas, hwpt, other;

	ASSERT_NE(MAP_FAILED, memory);
	ALLOC_HWPT(vmm->ioas, &hwpt);
	ASSERT_EQ(0, vtds_add_device(&self->s.unit, self->dev->dev_id, hwpt,
				     self->sids, 1));
	EXPECT_AT_HOME(1);
	/* Another one gets the number while the device is on its table */
	ASSERT_EQ(0, other_ioas(&self->s, memory, &ioas));
	ASSERT_EQ(0, vtds_destroy(vmm, hwpt));
	ALLOC_HWPT(ioas, &other);
	ASSERT_EQ(0, vtds_scene_state(&self->s, false));
	EXPECT_EQ(other == hwpt ? EINVAL : ENOENT,
		  (int)self->s.unit.install_errno);
	EXPECT_ATTACHED(BLOCKED, self->dev);
	EXPECT_EQ(0U, vtds_at_home(self->dev, 1));
	ASSERT_EQ(0, vtds_remove_device(&self->s.unit, self->dev->dev_id));

	/* The same memory passes, until it is no longer the same */
	ASSERT_EQ(0, vtds_ioas_unmap(vmm, ioas, RAM_GPA, SZ_2M));
	ASSERT_EQ(0, vtds_ioas_map(vmm, ioas, vtds_hva(&self->s.guest, RAM_GPA),
				   RAM_GPA, RAM_SIZE, PERM_RW));
	ASSERT_EQ(0, vtds_add_device(&self->s.unit, self->dev->dev_id, other,
				     self->sids, 1));
	EXPECT_ATTACHED(IDENTITY, self->dev);
	EXPECT_EQ(0, vtds_translate(&self->s.unit, self->dev->sid,
				    self->dev->home, &result));
	ASSERT_EQ(0, vtds_ioas_unmap(vmm, ioas, RAM_GPA, RAM_SIZE));
	EXPECT_EQ(-EIO, vtds_translate(&self->s.unit, self->dev->sid,
				       self->dev->home, &result));
}

TEST_F(devices, translate_arguments)
{
	struct vtd_shadow_translate cmd = {
		.size = sizeof(cmd),
		.source_id = self->dev->sid,
		.iova = self->dev->home,
	};
	int fd = self->s.unit.fd;

	EXPECT_EQ(-ENOENT, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	ASSERT_EQ(0, add(&self->s, self->sids, 1));
	cmd.pasid = 1;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	cmd.flags = VTD_SHADOW_TRANSLATE_PASID;
	cmd.pasid = 1U << 20;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	/* In legacy mode no such request is translated */
	cmd.pasid = (1U << 20) - 1;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(0U, cmd.perm);
	EXPECT_EQ((unsigned int)VTD_SHADOW_ATTACHED_BLOCKED, cmd.attachment);
	cmd.flags = 0;
	cmd.pasid = 0;
	cmd.source_id = 0x10000 | self->dev->sid;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	cmd.source_id = self->dev->sid;
	/* Within a page, and beyond all there is */
	cmd.iova = self->dev->home + 0x123;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(self->dev->home + 0x123, cmd.gpa);
	cmd.iova = ~0ULL;
	EXPECT_EQ(0, do_ioctl(fd, VTD_SHADOW_TRANSLATE, &cmd));
	EXPECT_EQ(0U, cmd.perm);
	EXPECT_EQ((unsigned int)FAULT_BEYOND_WIDTH, cmd.fault_reason);
}

TEST_HARNESS_MAIN
