/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's IOMMU can do, for tests whose outcome depends on it (lib/host.c).
 */
#ifndef VTDS_HOST_H
#define VTDS_HOST_H

#include <stdbool.h>
#include <linux/types.h>

/**
 * struct vtds_host - The host's IOMMU as VFIO and iommufd show it
 * @write_only: What a device can do with memory that is mapped write-only, PERM_*
 * @intel: It is Intel's, of which nobody tells what its tables can express
 * @first_stage: It is Intel's and has first stage, which cannot express write-only
 * @last: Last address that can be mapped
 * @reserved: First address that the host keeps for itself, before @last and apart
 *            from the interrupt range; 0 if there is none
 */
struct vtds_host {
	unsigned int write_only;
	bool intel;
	bool first_stage;
	__u64 last;
	__u64 reserved;
};

int vtds_host_look(struct vtds_host *host);

#endif /* VTDS_HOST_H */
