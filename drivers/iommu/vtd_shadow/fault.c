// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: the attribute fail_vtd_shadow in debugfs, which also counts for
 * /proc/<pid>/task/<tid>/fail-nth. Serves main.c, alloc.h and all that calls the host;
 * calls no other file. The IOMMU core and iommufd have no places where the calls that the
 * engine makes can be made to fail, so the engine's wrappers of them have.
 */
#include <kunit/visibility.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fault-inject.h>

#include "fault.h"

struct fault_attr fail_vtd_shadow = FAULT_ATTR_INITIALIZER;
EXPORT_SYMBOL_IF_KUNIT(fail_vtd_shadow);

static struct dentry *fault_dir;

void vtds_fault_begin(void)
{
	fault_dir = fault_create_debugfs_attr("fail_vtd_shadow", NULL,
					      &fail_vtd_shadow);
}

void vtds_fault_end(void)
{
	debugfs_remove_recursive(fault_dir);
}
