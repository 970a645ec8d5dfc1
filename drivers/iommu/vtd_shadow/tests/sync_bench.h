/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest tables and memory of every kind for the unit tests of sync.c and mirror.c, and
 * the configurations that most of them run in.
 */
#ifndef VTDS_SYNC_BENCH_H
#define VTDS_SYNC_BENCH_H

#include "../vtd_format.h"
#include "bench.h"

/* Guest memory: tables first, then one chunk of every kind, then gigabytes */
#define TABLES_GPA 0x0ULL
#define DATA_GPA 0x400000ULL
#define GB_GPA 0x40000000ULL
#define GB_PATCHY_GPA 0x80000000ULL
#define HOLE_GPA 0x2000000ULL
#define HAW 39

/* Tables of the tests: one of each level, and a spare one */
#define TABLE(level) (TABLES_GPA + SZ_PAGE * (level))
#define SPARE TABLE(6)

/* The window that the table of level 1 maps, and the one of level 2 */
#define WINDOW 0x40000000ULL
#define INDEX(level) vtd_level_index(WINDOW, level)

#define SYNC_CONFIGS 5

extern const struct bench_config sync_configs[SYNC_CONFIGS];

u64 sync_data_gpa(enum fake_kind kind);
void sync_config_desc(const struct bench_config *config, char *desc);
u64 *sync_entry(struct bench *b, unsigned int level, unsigned int index);
void sync_make_path(struct bench *b);
struct bench *sync_set_up(struct kunit *test);
void sync_fill_leaves(struct bench *b, unsigned int start, unsigned int count,
		      u64 gpa, u64 bits);
void sync_and_check(struct bench *b);
int sync_init(struct kunit *test);

#endif /* VTDS_SYNC_BENCH_H */
