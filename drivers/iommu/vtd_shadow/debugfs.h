/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Units in debugfs, see debugfs.c
 */
#ifndef VTDS_DEBUGFS_H
#define VTDS_DEBUGFS_H

struct vtds_unit;

#ifdef CONFIG_DEBUG_FS
void vtds_debugfs_begin(void);
void vtds_debugfs_end(void);
void vtds_debugfs_add(struct vtds_unit *unit);
void vtds_debugfs_remove(struct vtds_unit *unit);
#else
static inline void vtds_debugfs_begin(void)
{
}

static inline void vtds_debugfs_end(void)
{
}

static inline void vtds_debugfs_add(struct vtds_unit *unit)
{
}

static inline void vtds_debugfs_remove(struct vtds_unit *unit)
{
}
#endif

#endif /* VTDS_DEBUGFS_H */
