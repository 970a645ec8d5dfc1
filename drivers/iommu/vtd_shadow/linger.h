/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Detaching that does not take effect at once, see linger.c
 */
#ifndef VTDS_LINGER_H
#define VTDS_LINGER_H

#include <linux/types.h>

struct device;
struct iommu_domain;
struct iommu_group;
struct vtds_dev_pasid;

bool vtds_linger_has(struct iommu_domain *domain, struct device *dev);
void vtds_linger_detach(struct iommu_domain *domain, struct iommu_group *group);
void vtds_linger_add(struct iommu_domain *domain,
		     const struct vtds_dev_pasid *dev_pasid);
void vtds_linger_free_now(struct iommu_domain *domain);
void vtds_linger_free(struct iommu_domain *domain);
bool vtds_linger_run(void);
void vtds_linger_end(void);

#endif /* VTDS_LINGER_H */
