// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity: attaches devices of a unit, through iommufd, to the page table that maps
 * guest memory as it is, and finds out what a device reaches. Serves device.c,
 * group.c, pasid.c and translate.c; calls guest_mem.c.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/vfio.h>

#include "bound.h"
#include "compat.h"
#include "device.h"
#include "fault.h"
#include "guest_mem.h"
#include "host_domain.h"
#include "identity.h"
#include "unit.h"
#include "vtd_format.h"

/* What is attached for requests of a device, with or without PASID. */
struct vtds_dev_pasid vtds_device_pasid(const struct vtds_device *dev,
					u32 pasid)
{
	return (struct vtds_dev_pasid){
		.dev = vtds_bound_dev(dev->bound),
		.group = dev->bound->iommu_group,
		.pasid = pasid,
	};
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_pasid);

/* What a device reaches at @iova, whoever attached it to what: 0 if nothing */
phys_addr_t vtds_device_reaches(const struct vtds_device *dev, u64 iova)
{
	struct iommu_domain *domain =
		iommu_get_domain_for_dev(vtds_bound_dev(dev->bound));

	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING) ||
	    iova < domain->geometry.aperture_start ||
	    iova > domain->geometry.aperture_end)
		return 0;
	return iommu_iova_to_phys(domain, iova);
}

/* Whether the device is attached to a page table that maps @gpa to @pfn. */
bool vtds_device_identity_has(const struct vtds_device *dev, u64 gpa,
			      unsigned long pfn)
{
	phys_addr_t pa = vtds_device_reaches(dev, gpa);

	return pa && PHYS_PFN(pa) == pfn;
}

/*
 * Compares a page table with guest memory, where guests have some: at the beginning, and
 * at the powers of two. Where there is none nothing can be said; where there is memory and
 * the host cannot have it looked at, nothing is attached.
 */
static int identity_compare(struct vtds_device *dev)
{
	struct vtds_guest_mem *mem = &dev->unit->mem;
	unsigned int perm;
	unsigned long pfn;
	int ret;

	for (u64 gpa = 0; gpa <= VTDS_MAX_GPA;
	     gpa = gpa ? gpa << 1 : VTD_PAGE_SIZE) {
		ret = vtds_mem_page(mem, gpa, &pfn, &perm);
		if (!ret && !vtds_device_identity_has(dev, gpa, pfn))
			return -EINVAL;
		if (ret == -ENOMEM || ret == VTDS_NOT_PINNED)
			return -ENOMEM;
	}
	return 0;
}

/**
 * vtds_device_touch_identity() - Look up what attaching will compare with
 * @dev: The device
 *
 * Nothing for the IOAS of BIND, which is right. Stops at the first page that is not
 * pinned, see vtds_mem_fetch().
 */
void vtds_device_touch_identity(struct vtds_device *dev)
{
	struct vtds_guest_mem *mem = &dev->unit->mem;
	unsigned int perm;
	unsigned long pfn;

	if (dev->identity_pt_id == dev->unit->ioas_id)
		return;
	for (u64 gpa = 0; gpa <= VTDS_MAX_GPA && !mem->want.wanted;
	     gpa = gpa ? gpa << 1 : VTD_PAGE_SIZE)
		vtds_mem_page(mem, gpa, &pfn, &perm);
}

/*
 * Whether what was attached, by the name that iommufd gave back, is the identity page
 * table: an id is the VMM's word, and what was there may have gone since.
 */
static int identity_check(struct vtds_device *dev, u32 pasid, u32 pt_id)
{
	struct iommu_domain *domain;

	/* Of an IOAS that is another one: the page table that was found for it */
	if (pt_id != dev->identity_pt_id)
		return dev->identity_pt_id == dev->unit->ioas_id ? 0 : -EINVAL;
	/* The core does not tell what a PASID is attached to */
	if (pasid != IOMMU_NO_PASID)
		return 0;
	domain = iommu_get_domain_for_dev(vtds_bound_dev(dev->bound));
	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return -EINVAL;
	return identity_compare(dev);
}

/* Attaches requests to the identity page table, through iommufd. */
int vtds_device_attach_identity(struct vtds_device *dev, u32 pasid)
{
	u32 pt_id = dev->identity_pt_id;
	int ret;

	if (vtds_should_fail())
		return -ENOMEM;
	KUNIT_STATIC_STUB_REDIRECT(vtds_device_attach_identity, dev, pasid);

	ret = vtds_iommufd_attach(dev->bound->idev, pasid, &pt_id);
	if (ret)
		return ret;
	ret = identity_check(dev, pasid, pt_id);
	if (ret)
		vtds_iommufd_detach(dev->bound->idev, pasid);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_attach_identity);

void vtds_device_detach_identity(struct vtds_device *dev, u32 pasid)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_device_detach_identity, dev, pasid);

	vtds_iommufd_detach(dev->bound->idev, pasid);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_device_detach_identity);

/*
 * Tries the identity page table that a device comes with. The devices of a host group have
 * one, which was tried. The IOAS of BIND is right: to attach it to a device that will not
 * use it would map all of guest memory for nothing.
 */
int vtds_device_try_identity(struct vtds_device *dev)
{
	const struct vtds_device *other;
	int ret;

	list_for_each_entry(other, &dev->unit->devices, unit_entry)
		if (other->bound->iommu_group == dev->bound->iommu_group)
			return other->identity_pt_id == dev->identity_pt_id ?
				       0 :
				       -EINVAL;
	if (dev->identity_pt_id == dev->unit->ioas_id)
		return 0;
	ret = vtds_device_attach_identity(dev, IOMMU_NO_PASID);
	if (!ret)
		vtds_device_detach_identity(dev, IOMMU_NO_PASID);
	return ret == -ENOENT ? -EINVAL : ret;
}
