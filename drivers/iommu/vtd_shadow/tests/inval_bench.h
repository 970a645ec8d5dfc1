/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors of either width through the decoder, for the unit tests of inval.c.
 */
#ifndef VTDS_INVAL_BENCH_H
#define VTDS_INVAL_BENCH_H

#include "../caps.h"
#include "../inval.h"
#include "bench.h"

enum {
	IQEI_NONE = 0,
	IQEI_TYPE = 3,
	IQEI_RESERVED = 4,
};

/* RTADDR_REG.TTM */
enum { LEGACY = 0, SCALABLE = 1 };

/* All that makes a difference is allowed */
static const struct vtds_caps all_caps = { .mamv = 63 };

/* What follows a descriptor of 128 bits is another one and must not matter. */
static inline u32 decode_with(const struct vtds_caps *caps, u64 lo, u64 hi,
			      struct vtds_inval *inval)
{
	u64 desc[] = { lo, hi, U64_MAX, U64_MAX };

	return vtds_inval_decode(caps, LEGACY, desc, 2, inval);
}

static inline u32 decode(u64 lo, u64 hi, struct vtds_inval *inval)
{
	return decode_with(&all_caps, lo, hi, inval);
}

/* A descriptor of 256 bits */
static inline u32 decode_wide(u64 lo, u64 hi, struct vtds_inval *inval)
{
	u64 desc[] = { lo, hi, 0, 0 };

	return vtds_inval_decode(&all_caps, SCALABLE, desc, 4, inval);
}

static inline u32 decode_any(bool wide, u64 lo, u64 hi,
			     struct vtds_inval *inval)
{
	return wide ? decode_wide(lo, hi, inval) : decode(lo, hi, inval);
}

#endif /* VTDS_INVAL_BENCH_H */
