// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl contract of /dev/vtd_shadow: structure sizes, flags, reserved fields,
 * pointers, and the order of calls. Descriptors are in queue_test.c, 32-bit callers in
 * compat_test.c, single calls in uapi_bind_test.c and uapi_device_test.c.
 */
#include <errno.h>
#include <linux/iommufd.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vtds_test.h"

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
		struct vtd_shadow_get_domain_stats get_domain_stats;
		struct vtd_shadow_get_device_stats get_device_stats;
	} arg;
};

#define CALL(_cmd, _type)                       \
	.name = #_cmd, .nr = VTD_SHADOW_##_cmd, \
	.size = sizeof(struct vtd_shadow_##_type)

#define NR_CALLS 12

FIXTURE(calls)
{
	struct vtds_fixture f;
	struct call calls[NR_CALLS];
	__u16 sid;
	char *page; /* followed by one that cannot be touched */
};

static void describe_calls(struct call *calls, struct vtds_fixture *f,
			   const __u16 *sid)
{
	const struct vtds_unit *unit = &f->unit;
	const struct call all[NR_CALLS] = {
		{ CALL(GET_INFO, get_info), .writes = true, .first = 64,
		  .reserved = offsetof(struct vtd_shadow_get_info, __reserved),
		  .flags = VTD_SHADOW_INFO_DEVICE },
		/* Bound already */
		{ CALL(BIND, bind), .result = -EBUSY, .first = 32,
		  .flags = VTD_SHADOW_BIND_MAX_IDLE | VTD_SHADOW_BIND_BUDGET,
		  .reserved = offsetof(struct vtd_shadow_bind, __reserved),
		  .arg.bind = { .iommufd = f->vmm.iommufd,
				.ioas_id = f->vmm.ioas } },
		{ CALL(SET_STATE, set_state), .writes = true,
		  .flags = VTD_SHADOW_STATE_TE,
		  .reserved = offsetof(struct vtd_shadow_set_state, __reserved),
		  .arg.set_state = { .rtaddr = unit->rtaddr,
				     .cap = unit->cap,
				     .ecap = unit->ecap,
				     .haw = unit->haw } },
		/* No such device */
		{ CALL(ADD_DEVICE, add_device), .result = -ENOENT,
		  .writes = true, .first = 32,
		  .reserved =
			  offsetof(struct vtd_shadow_add_device, __reserved),
		  .arg.add_device = { .dev_id = NO_ID,
				      .identity_pt_id = f->vmm.ioas,
				      .source_ids_uptr = (uintptr_t)sid,
				      .nr_source_ids = 1 } },
		{ CALL(REMOVE_DEVICE, remove_device), .result = -ENOENT,
		  .reserved =
			  offsetof(struct vtd_shadow_remove_device, __reserved),
		  .arg.remove_device = { .dev_id = NO_ID } },
		{ CALL(INVALIDATE, invalidate), .writes = true,
		  .arg.invalidate = { .desc_size = sizeof(struct vtds_desc) } },
		/* Without RESYNC_RANGE there is no range */
		{ CALL(RESYNC, resync), .writes = true, .first = 16,
		  .flags = VTD_SHADOW_RESYNC_RELEASE | VTD_SHADOW_RESYNC_RANGE,
		  .reserved = offsetof(struct vtd_shadow_resync, gpa) },
		{ CALL(TRANSLATE, translate), .writes = true,
		  .flags = VTD_SHADOW_TRANSLATE_PASID,
		  .reserved = offsetof(struct vtd_shadow_translate, __reserved),
		  .arg.translate = { .source_id = f->dev[0].sid } },
		{ CALL(GET_STATS, get_stats), .writes = true, .first = 128 },
		/* Nothing in it */
		{ CALL(RUN_QUEUE, run_queue), .writes = true,
		  .reserved = offsetof(struct vtd_shadow_run_queue, __reserved),
		  .arg.run_queue = { .iqa = f->guest.root } },
		/* Neither such a domain nor such a device */
		{ CALL(GET_DOMAIN_STATS, get_domain_stats), .result = -ENOENT,
		  .writes = true, .arg.get_domain_stats = { .id = ~0ULL } },
		{ CALL(GET_DEVICE_STATS, get_device_stats), .result = -ENOENT,
		  .writes = true, .arg.get_device_stats = { .dev_id = NO_ID } },
	};

	memcpy(calls, all, sizeof(all));
}

FIXTURE_SETUP(calls)
{
	OPEN_FIXTURE(.nvme = 1);
	describe_calls(self->calls, &self->f, &self->sid);
	self->page = mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
	ASSERT_EQ(0, mprotect(self->page + SZ_4K, SZ_4K, PROT_NONE));
}

FIXTURE_TEARDOWN(calls)
{
	vtds_fixture_close(&self->f);
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
	EXPECT_TRUE(call_gives(_result, &self->f.unit, self->page, _call, \
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
		int fd = self->f.unit.fd;
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
	EXPECT_EQ(0, do_ioctl(self->f.unit.fd, VTD_SHADOW_GET_INFO, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0U, info.capabilities & ~VTD_SHADOW_INFO_WRITE_ONLY_READABLE);

	memset(&stats, 0xff, sizeof(stats));
	stats.size = sizeof(stats);
	stats.flags = 0;
	EXPECT_EQ(0, do_ioctl(self->f.unit.fd, VTD_SHADOW_GET_STATS, &stats));
	EXPECT_EQ(1ULL, stats.devices);

	memset(&run, 0xff, sizeof(run));
	run.size = sizeof(run);
	run.flags = 0;
	run.iqa = self->f.guest.root;
	run.head = 0;
	run.tail = 0;
	run.__reserved = 0;
	EXPECT_EQ(0, do_ioctl(self->f.unit.fd, VTD_SHADOW_RUN_QUEUE, &run));
	EXPECT_EQ(0U, run.done | run.iqei | run.status | run.install_errno);

	memset(&translate, 0xff, sizeof(translate));
	translate.size = sizeof(translate);
	translate.flags = 0;
	translate.pasid = 0;
	translate.__reserved = 0;
	translate.source_id = self->f.dev[0].sid;
	translate.iova = self->f.dev[0].buffer;
	EXPECT_EQ(0,
		  do_ioctl(self->f.unit.fd, VTD_SHADOW_TRANSLATE, &translate));
	EXPECT_EQ(self->f.dev[0].buffer, translate.gpa);
	EXPECT_EQ(0U, translate.fault_reason);
	EXPECT_EQ((unsigned int)TABLE_DID, translate.domain_id);
	EXPECT_EQ(1U, translate.level);
}

TEST_F(calls, unknown_ioctls)
{
	const unsigned long unknown[] = {
		_IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_BASE - 1),
		_IO(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_GET_DEVICE_STATS + 1),
		_IO(VTD_SHADOW_TYPE, 0xff),
		_IO(VTD_SHADOW_TYPE, 0),
		_IO(VTD_SHADOW_TYPE + 1, VTD_SHADOW_CMD_GET_INFO),
		_IOWR(VTD_SHADOW_TYPE, VTD_SHADOW_CMD_GET_INFO, int),
		IOMMU_IOAS_ALLOC,
		0,
	};
	char arg[64] = { 64 };

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-ENOTTY, do_ioctl(self->f.unit.fd, unknown[i], arg));
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
	ASSERT_EQ(0, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
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
	struct vtds_dev *dev = &self->f.dev[0];
	struct vtds_unit unit;

	ASSERT_EQ(0, vtds_remove_device(&self->f.unit, dev->dev_id));
	ASSERT_EQ(0, vtds_unit_open(&unit));
	ASSERT_EQ(0, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
	ASSERT_EQ(0, vtds_add_device(&unit, dev->dev_id, self->f.vmm.ioas,
				     &dev->sid, 1));
	EXPECT_EQ(0U, unit.install_errno);
	EXPECT_EQ(1U, vtds_reach_buffers(dev, 1));
	vtds_unit_close(&unit);
	EXPECT_EQ(0U, vtds_reach_buffers(dev, 1));
}

TEST_F(calls, info)
{
	const struct vtd_shadow_get_info *info = &self->f.unit.info;
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

TEST_HARNESS_MAIN
