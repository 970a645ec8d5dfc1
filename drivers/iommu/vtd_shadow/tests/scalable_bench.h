/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of scalable mode for the unit tests of scalable.c: where they are in guest
 * memory, how they look, and what reading them must come to. Layouts are literals from
 * sections 9.2 and 9.4 to 9.6 of the specification, reasons those of its appendix A.
 */
#ifndef VTDS_SCALABLE_BENCH_H
#define VTDS_SCALABLE_BENCH_H

#include "../guest_ctx.h"
#include "bench.h"

#define ROOT_GPA 0x3000ULL
#define LOWER_GPA 0x10000ULL
#define UPPER_GPA 0x11000ULL
#define PASID_GPA 0x30000ULL
#define TABLE_GPA 0x40000ULL
/* The largest directory has 2^14 entries: 128 KiB */
#define DIR_GPA 0x80000ULL
#define HOLE_GPA 0x8000000ULL
#define HAW 40

/* Functions 43h and c3h of bus 2: in the lower and in the upper context table */
#define LOWER_SID 0x0243
#define UPPER_SID 0x02c3

#define RTADDR_SCALABLE BIT_ULL(10)
#define PASID_DID 0x1234ULL
/* PGTT 8:6, AW 4:2 */
#define PGTT(pgtt) ((u64)(pgtt) << 6)
#define AW(aw) ((u64)(aw) << 2)
#define GOOD_PASID (TABLE_GPA | PGTT(2) | AW(2) | 1)

/* By the numbers of the specification, which the uapi header has to have, too */
enum {
	REASON_ROOT_ADDRESS = 0x30,
	REASON_ROOT_UNREADABLE = 0x38,
	REASON_ROOT_NOT_PRESENT = 0x39,
	REASON_ROOT_RESERVED = 0x3a,
	REASON_CTX_UNREADABLE = 0x40,
	REASON_CTX_NOT_PRESENT = 0x41,
	REASON_CTX_RESERVED = 0x42,
	REASON_PASID_DISABLED = 0x45,
	REASON_PASID_TOO_LARGE = 0x46,
	REASON_RID_PASID = 0x48,
	REASON_DIR_UNREADABLE = 0x50,
	REASON_DIR_NOT_PRESENT = 0x51,
	REASON_DIR_RESERVED = 0x52,
	REASON_PASID_UNREADABLE = 0x58,
	REASON_PASID_NOT_PRESENT = 0x59,
	REASON_PASID_RESERVED = 0x5a,
	REASON_PASID_INVALID = 0x5b,
};

u64 *sm_root_half(struct bench *b, u16 sid);
u64 *sm_ctx_entry(struct bench *b, u16 sid);
u64 *sm_dir_entry(struct bench *b, u32 pasid);
u64 *sm_pasid_entry(struct bench *b, u32 pasid);
void sm_set_pasid(struct bench *b, u32 pasid);
void sm_set_context(struct bench *b, u16 sid);
struct bench *sm_set_up(struct kunit *test);
struct vtds_guest_ctx sm_read_sid(struct bench *b, u16 sid);
void sm_expect_shadow(struct bench *b, const char *what, unsigned int bit);
void sm_expect_blocked(struct bench *b, unsigned int reason, const char *what,
		       unsigned int bit);
void sm_check_reserved(struct bench *b, u64 *entry, unsigned int bit,
		       unsigned int reason, const char *what);
void sm_check_ignored(struct bench *b, u64 *entry, unsigned int bit,
		      const char *what);
int sm_init(struct kunit *test);

#endif /* VTDS_SCALABLE_BENCH_H */
