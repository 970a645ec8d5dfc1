// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the unit with random arguments, and the errnos that may come of them. Each
 * field of each structure has a kind, which says what would be right; how wrong a call
 * may be is decided before its fields are.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "hostile.h"

enum kind {
	NOTHING, /* zero, or output */
	FLAGS,
	FD,
	ID, /* iommufd's */
	SID,
	SMALL,
	COUNT,
	POINTER,
	ADDRESS, /* the guest's */
	REGISTER_CAP,
	REGISTER_ECAP,
	REGISTER_ROOT,
	REGISTER_QUEUE,
	OFFSET, /* in a queue */
	WIDTH,
	DESC_SIZE,
	OPTIONAL = 0x100, /* and zero without a flag */
};

/**
 * struct field - Of a structure
 * @offset: Where it is
 * @size: Bytes
 * @kind: What it means; flags come before what depends on them
 */
struct field {
	unsigned short offset;
	unsigned short size;
	enum kind kind;
};

/**
 * struct call - One of the unit's
 * @cmd: Its number
 * @size: Of its structure
 * @errnos: What it may say beside what all may
 * @fields: What the structure has beside its size
 */
struct call {
	unsigned long cmd;
	size_t size;
	int errnos[5];
	struct field fields[12];
};

#define F(_struct, _field, _kind)                                           \
	{                                                                   \
		offsetof(struct vtd_shadow_##_struct, _field),              \
			sizeof(((struct vtd_shadow_##_struct *)0)->_field), \
			_kind                                               \
	}

/* clang-format off */
static const struct call calls[] = {
	{ VTD_SHADOW_GET_INFO, sizeof(struct vtd_shadow_get_info), { ENOENT },
	  { F(get_info, flags, FLAGS), F(get_info, dev_id, OPTIONAL | ID),
	    F(get_info, nr_reserved, OPTIONAL | SMALL),
	    F(get_info, reserved_uptr, OPTIONAL | POINTER),
	    F(get_info, __reserved, NOTHING) } },
	{ VTD_SHADOW_BIND, sizeof(struct vtd_shadow_bind),
	  { EBUSY, EBADF, EBADFD, ENOENT },
	  { F(bind, flags, FLAGS), F(bind, iommufd, FD), F(bind, ioas_id, ID),
	    F(bind, max_nodes, COUNT), F(bind, max_pages, COUNT),
	    F(bind, max_idle_pages, OPTIONAL | COUNT), F(bind, budget, OPTIONAL | SMALL),
	    F(bind, __reserved, NOTHING) } },
	{ VTD_SHADOW_SET_STATE, sizeof(struct vtd_shadow_set_state), {},
	  { F(set_state, flags, FLAGS), F(set_state, rtaddr, REGISTER_ROOT),
	    F(set_state, cap, REGISTER_CAP), F(set_state, ecap, REGISTER_ECAP),
	    F(set_state, haw, WIDTH), F(set_state, __reserved, NOTHING) } },
	{ VTD_SHADOW_ADD_DEVICE, sizeof(struct vtd_shadow_add_device),
	  { ENOENT, EBUSY },
	  { F(add_device, flags, FLAGS), F(add_device, dev_id, ID),
	    F(add_device, identity_pt_id, ID),
	    F(add_device, source_ids_uptr, POINTER),
	    F(add_device, nr_source_ids, SMALL),
	    F(add_device, __reserved, NOTHING) } },
	{ VTD_SHADOW_REMOVE_DEVICE, sizeof(struct vtd_shadow_remove_device),
	  { ENOENT },
	  { F(remove_device, flags, FLAGS), F(remove_device, dev_id, ID),
	    F(remove_device, __reserved, NOTHING) } },
	{ VTD_SHADOW_INVALIDATE, sizeof(struct vtd_shadow_invalidate), {},
	  { F(invalidate, flags, FLAGS), F(invalidate, descs_uptr, POINTER),
	    F(invalidate, nr_descs, SMALL), F(invalidate, desc_size, DESC_SIZE),
	    F(invalidate, done, NOTHING) } },
	{ VTD_SHADOW_RESYNC, sizeof(struct vtd_shadow_resync), {},
	  { F(resync, flags, FLAGS), F(resync, gpa, OPTIONAL | ADDRESS),
	    F(resync, length, OPTIONAL | COUNT) } },
	{ VTD_SHADOW_TRANSLATE, sizeof(struct vtd_shadow_translate),
	  { ENOENT, EIO },
	  { F(translate, flags, FLAGS), F(translate, source_id, SID),
	    F(translate, pasid, OPTIONAL | SMALL), F(translate, iova, ADDRESS),
	    F(translate, __reserved, NOTHING) } },
	{ VTD_SHADOW_GET_STATS, sizeof(struct vtd_shadow_get_stats), {},
	  { F(get_stats, flags, FLAGS) } },
	{ VTD_SHADOW_RUN_QUEUE, sizeof(struct vtd_shadow_run_queue), { EIO },
	  { F(run_queue, flags, FLAGS), F(run_queue, iqa, REGISTER_QUEUE),
	    F(run_queue, head, OFFSET), F(run_queue, tail, OFFSET),
	    F(run_queue, __reserved, NOTHING) } },
	{ VTD_SHADOW_GET_DOMAIN_STATS,
	  sizeof(struct vtd_shadow_get_domain_stats), { ENOENT },
	  { F(get_domain_stats, flags, FLAGS), F(get_domain_stats, id, SMALL) } },
	{ VTD_SHADOW_GET_DEVICE_STATS,
	  sizeof(struct vtd_shadow_get_device_stats), { ENOENT },
	  { F(get_device_stats, flags, FLAGS), F(get_device_stats, dev_id, ID) } },
};

/* clang-format on */

#define UNKNOWN ARRAY_SIZE(calls)
#define FOREIGN (UNKNOWN + 1)

const char *const hostile_names[HOSTILE_CALLS] = {
	"GET_INFO",	 "BIND",       "SET_STATE",	   "ADD_DEVICE",
	"REMOVE_DEVICE", "INVALIDATE", "RESYNC",	   "TRANSLATE",
	"GET_STATS",	 "RUN_QUEUE",  "GET_DOMAIN_STATS", "GET_DEVICE_STATS",
	"no ioctl",	 "others",
};

/* --- Arguments --- */

static __u64 address(unsigned int *seed)
{
	static const __u64 blocks[] = { RAM_GPA, HOSTILE_SLOW_GPA, INTERRUPTS };
	__u64 page = hostile_below(seed, RAM_SIZE / SZ_4K) * SZ_4K;

	return blocks[hostile_below(seed, ARRAY_SIZE(blocks))] + page;
}

/* What would be right, of a field of this kind, more or less */
static __u64 right(struct hostile *h, unsigned int *seed, enum kind kind)
{
	const struct vtds_unit *unit = &h->f.unit;

	switch (kind) {
	case NOTHING:
	case OPTIONAL:
		return 0;
	case FLAGS:
		return hostile_chance(seed, 80) ? 0 : hostile_below(seed, 4);
	case FD:
		return hostile_fd(h, seed);
	case ID:
		return 1 + hostile_below(seed, 12);
	case SID:
		return (1 + hostile_below(seed, 5)) << 8;
	case SMALL:
		return hostile_below(seed, 4);
	case COUNT:
		return hostile_below(seed, 2) * hostile_below(seed, 100000);
	case POINTER:
		return (uintptr_t)hostile_pointer(h, seed, 64);
	case ADDRESS:
		return address(seed);
	case REGISTER_CAP:
		return unit->cap;
	case REGISTER_ECAP:
		return hostile_below(seed, 2) ? unit->ecap :
						unit->ecap | ECAP_SCALABLE;
	case REGISTER_ROOT:
		return hostile_below(seed, 4) ? h->f.guest.root : address(seed);
	case REGISTER_QUEUE:
		return address(seed) | hostile_below(seed, 2);
	case OFFSET:
		return hostile_below(seed, 64) * 16;
	case WIDTH:
		return 39 + hostile_below(seed, 10);
	case DESC_SIZE:
		return hostile_below(seed, 4) ? 16 : 32;
	}
	return 0;
}

static __u32 wrong_size(unsigned int *seed, size_t size)
{
	const __u32 sizes[] = { 0, 4, 8, size - 1, size + 1, size + 8, 4096 };
	unsigned int at = hostile_below(seed, ARRAY_SIZE(sizes) + 1);

	return at == ARRAY_SIZE(sizes) ? (__u32)hostile_number(seed) :
					 sizes[at];
}

/*
 * The structure in @to, which has room for more. One call in three is right in all fields,
 * as far as chance knows, one is wrong in one of them, one in many.
 */
static void fill(struct hostile *h, unsigned int *seed, const struct call *call,
		 char *to)
{
	static const unsigned int wrongs[] = { 0, 12, 50 };
	unsigned int percent = wrongs[hostile_below(seed, 3)];
	__u32 size = call->size;
	__u64 flags = 0;

	if (hostile_chance(seed, percent / 2))
		size = wrong_size(seed, call->size);
	memcpy(to, &size, sizeof(size));
	for (const struct field *f = call->fields; f->size; f++) {
		__u64 value = 0;

		if (hostile_chance(seed, percent))
			value = hostile_number(seed);
		else if (!(f->kind & OPTIONAL) || flags)
			value = right(h, seed, f->kind & ~OPTIONAL);
		if (f->kind == FLAGS)
			flags = value;
		memcpy(to + f->offset, &value, f->size);
	}
}

/* --- Errnos --- */

void hostile_count(struct hostile *h, unsigned int call, int rc)
{
	unsigned int number = rc < 0 ? -rc : 0;

	if (number >= HOSTILE_ERRNOS)
		number = HOSTILE_ERRNOS - 1;
	if (call >= HOSTILE_CALLS)
		call = FOREIGN;
	__atomic_add_fetch(&h->counts->call[call][number], 1, __ATOMIC_RELAXED);
}

/* What all calls of the unit may say. The first call of GET_INFO and BIND needs nothing. */
static bool may_say(unsigned int call, int number)
{
	static const int all[] = { 0,	   EINVAL, E2BIG,  EOPNOTSUPP, EFAULT,
				   ENOMEM, EINTR,  ENODEV, ENODATA };

	if (call == UNKNOWN)
		return number == ENOTTY;
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] == number)
			return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(calls->errnos); i++)
		if (calls[call].errnos[i] && calls[call].errnos[i] == number)
			return true;
	return false;
}

/* Returns what was said that no document says, or NULL */
const char *hostile_judge(const struct hostile_counts *counts)
{
	static char said[100];

	for (unsigned int i = 0; i < FOREIGN; i++)
		for (unsigned int j = 0; j < HOSTILE_ERRNOS; j++) {
			if (!counts->call[i][j] || may_say(i, j))
				continue;
			snprintf(said, sizeof(said), "%s says %s, errno %u",
				 hostile_names[i], strerror(j), j);
			return said;
		}
	return NULL;
}

/* Whether it is a unit now: what other files say is their own affair */
bool hostile_is_unit(int fd)
{
	static dev_t units;
	struct stat st;

	if (!units && !stat("/dev/vtd_shadow", &st))
		units = st.st_rdev;
	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == units;
}

/*
 * Makes a call. The descriptor may become another file at any time: only what a unit says
 * that was one before and after is judged.
 */
void hostile_call(struct hostile *h, int fd, unsigned int *seed)
{
	unsigned int at = hostile_below(seed, ARRAY_SIZE(calls) + 1);
	const struct call *call = &calls[at % ARRAY_SIZE(calls)];
	char *to = hostile_pointer(h, seed, call->size);
	__u64 buffer[64] = {};
	unsigned long cmd = at == UNKNOWN ? calls[UNKNOWN - 1].cmd + 1 +
						    hostile_below(seed, 30) :
					    call->cmd;
	bool unit = hostile_is_unit(fd);
	int rc;

	fill(h, seed, call, (char *)buffer);
	/* Where it can be written, it is what the pointer leads to */
	if (to >= h->good && to + call->size < h->good + SZ_4K)
		memcpy(to, buffer, call->size);
	else if (hostile_chance(seed, 60))
		to = (char *)buffer;
	rc = ioctl(fd, cmd, to) ? -errno : 0;
	/* Others close it, and may have opened it again. Only BIND names a descriptor */
	if (!hostile_is_unit(fd) ||
	    (rc == -EBADF && call->cmd != VTD_SHADOW_BIND))
		unit = false;
	hostile_count(h, unit ? at : FOREIGN, rc);
}
