// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of the host, their groups, what each is attached to, and how iommufd and VFIO
 * see them. The third and the fourth are in one group; the second is behind another IOMMU
 * and has PASIDs.
 */
#include "kernel.h"
#include <linux/list.h>
#include <linux/vtd_shadow.h>
#include "fuzz.h"

#define NR_GROUPS 3
#define MAX_PASIDS 80

/**
 * struct iommu_group - A group
 * @id: Number
 * @iommu: What IOMMU it is behind
 * @refs: References that were taken
 * @domain: What it has, NULL: blocked
 * @nr_identity: How many devices of it iommufd has attached
 * @in_reset: Nothing can be attached or detached
 * @lingers: It was to be detached then, and nobody has tried again so far
 */
struct iommu_group {
	int id;
	unsigned int iommu;
	int refs;
	struct iommu_domain *domain;
	unsigned int nr_identity;
	bool in_reset;
	bool lingers;
};

struct pasid {
	u32 pasid;
	struct iommu_domain *domain;
};

struct fuzz_device {
	struct device dev;
	struct dev_iommu iommu;
	struct vfio_device vdev;
	struct iommu_group *group;
	bool bound;
	bool identity;
	unsigned int nr_pasids;
	struct pasid pasids[MAX_PASIDS];
};

struct iommufd_ctx {
	int refs;
};

static struct iommu_group groups[NR_GROUPS];
static struct fuzz_device devices[NR_DEVICES];
static struct iommufd_ctx the_ctx;

/* Identity page tables: of the IOAS, the VMM's, and one of other memory */
static struct iommu_domain identities[3];
static struct iommu_domain blocked;

static struct fuzz_device *to_device(struct device *dev)
{
	return container_of(dev, struct fuzz_device, dev);
}

static struct fuzz_device *idev_device(struct iommufd_device *idev)
{
	return (struct fuzz_device *)idev;
}

bool domain_is_identity(struct iommu_domain *domain)
{
	return domain >= identities && domain < identities + 3;
}

phys_addr_t identity_to_phys(struct iommu_domain *domain, u64 iova)
{
	unsigned int perm, frame;

	if (domain == &identities[2])
		iova += PAGE_SIZE;
	frame = memory_frame(iova, &perm);
	if (frame == NO_FRAME)
		return 0;
	return PFN_PHYS(memory_pfn(frame)) | offset_in_page(iova);
}

/* --- The IOMMU core --- */

bool device_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return to_device(dev) != &devices[0];
}

struct iommu_group *iommu_group_get(struct device *dev)
{
	return iommu_group_ref_get(to_device(dev)->group);
}

struct iommu_group *iommu_group_ref_get(struct iommu_group *group)
{
	group->refs++;
	return group;
}

void iommu_group_put(struct iommu_group *group)
{
	if (!group->refs--)
		fuzz_fail("a group is put too often");
}

int iommu_group_id(struct iommu_group *group)
{
	return group->id;
}

static const struct {
	int group;
	u64 first;
	u64 size;
	enum iommu_resv_type type;
} regions[] = {
	{ -1, 0xfee00000, 0x100000, IOMMU_RESV_MSI },
	{ 1, 0x200000, 0x3000, IOMMU_RESV_DIRECT },
	{ 1, 0x40000000, 0x1000, IOMMU_RESV_DIRECT_RELAXABLE },
	{ 2, 0x1000, 0x800, IOMMU_RESV_RESERVED },
};

/* Whether the group keeps some of a range for itself */
bool group_reserves(struct iommu_group *group, u64 iova, u64 size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++) {
		if (regions[i].group >= 0 && regions[i].group != group->id)
			continue;
		if (regions[i].type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    iova < regions[i].first + regions[i].size &&
		    iova + size > regions[i].first)
			return true;
	}
	return false;
}

int iommu_get_group_resv_regions(struct iommu_group *group,
				 struct list_head *head)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++) {
		struct iommu_resv_region *region;

		if (regions[i].group >= 0 && regions[i].group != group->id)
			continue;
		region = kzalloc(sizeof(*region), GFP_KERNEL);
		if (!region)
			return -ENOMEM;
		region->start = regions[i].first;
		region->length = regions[i].size;
		region->type = regions[i].type;
		list_add_tail(&region->list, head);
	}
	return 0;
}

struct iommu_domain *iommu_paging_domain_alloc(struct device *dev)
{
	return host_domain_create(to_device(dev)->group->iommu);
}

struct iommu_domain *iommu_get_domain_for_dev(struct device *dev)
{
	return to_device(dev)->group->domain ?: &blocked;
}

int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	fuzz_work(1);
	progress_result();
	if (inject_now(&inject.attach))
		return inject.attach_error;
	if (group->domain || group->in_reset)
		return -EBUSY;
	if (!host_domain_fits(domain, group->iommu))
		return -EINVAL;
	group->domain = domain;
	host_attach(domain, group);
	return 0;
}

void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	fuzz_work(1);
	progress_result();
	group->lingers = group->in_reset;
	if (group->in_reset)
		return;
	if (group->domain != domain)
		fuzz_fail("detached from what it does not have");
	group->domain = NULL;
	host_detach(domain, group);
}

static struct pasid *pasid_find(struct fuzz_device *d, u32 pasid)
{
	for (unsigned int i = 0; i < d->nr_pasids; i++)
		if (d->pasids[i].pasid == pasid)
			return &d->pasids[i];
	return NULL;
}

static int pasid_add(struct fuzz_device *d, u32 pasid,
		     struct iommu_domain *domain)
{
	if (pasid_find(d, pasid))
		return -EBUSY;
	if (d->nr_pasids == MAX_PASIDS)
		return -ENOSPC;
	d->pasids[d->nr_pasids++] = (struct pasid){ pasid, domain };
	return 0;
}

static void pasid_remove(struct fuzz_device *d, u32 pasid,
			 struct iommu_domain *domain)
{
	struct pasid *found = pasid_find(d, pasid);

	if (!found || (domain && found->domain != domain))
		fuzz_fail("PASID %u has not that domain", pasid);
	*found = d->pasids[--d->nr_pasids];
}

int iommu_attach_device_pasid(struct iommu_domain *domain, struct device *dev,
			      u32 pasid, void *handle)
{
	struct fuzz_device *d = to_device(dev);
	int ret;

	fuzz_work(1);
	progress_result();
	if (inject_now(&inject.attach))
		return inject.attach_error;
	if (!host_domain_fits(domain, d->group->iommu))
		return -EINVAL;
	ret = pasid_add(d, pasid, domain);
	if (!ret)
		host_attach(domain, d->group);
	return ret;
}

void iommu_detach_device_pasid(struct iommu_domain *domain, struct device *dev,
			       u32 pasid)
{
	fuzz_work(1);
	progress_result();
	pasid_remove(to_device(dev), pasid, domain);
	host_detach(domain, to_device(dev)->group);
}

/* --- iommufd --- */

struct iommufd_ctx *iommufd_ctx_from_fd(int fd)
{
	if (fd != 3)
		return ERR_PTR(-EBADF);
	the_ctx.refs++;
	return &the_ctx;
}

void iommufd_ctx_put(struct iommufd_ctx *ictx)
{
	ictx->refs--;
}

static struct iommu_domain *identity_of(u32 *pt_id)
{
	switch (*pt_id) {
	case IOAS_ID:
		*pt_id = AUTO_HWPT_ID;
		return &identities[0];
	case HWPT_ID:
		return &identities[1];
	case WRONG_HWPT_ID:
		return &identities[2];
	default:
		return NULL;
	}
}

int iommufd_device_attach(struct iommufd_device *idev, u32 pasid, u32 *pt_id)
{
	struct fuzz_device *d = idev_device(idev);
	struct iommu_group *group = d->group;
	struct iommu_domain *domain = identity_of(pt_id);

	fuzz_work(1);
	progress_result();
	if (inject_now(&inject.attach))
		return inject.attach_error;
	if (!domain)
		return -ENOENT;
	if (pasid != IOMMU_NO_PASID)
		return pasid_add(d, pasid, domain);
	if (d->identity || group->in_reset)
		return -EBUSY;
	if (group->nr_identity ? group->domain != domain : !!group->domain)
		return group->nr_identity ? -EINVAL : -EBUSY;
	d->identity = true;
	group->nr_identity++;
	group->domain = domain;
	return 0;
}

void iommufd_device_detach(struct iommufd_device *idev, u32 pasid)
{
	struct fuzz_device *d = idev_device(idev);

	if (pasid != IOMMU_NO_PASID) {
		pasid_remove(d, pasid, NULL);
		return;
	}
	if (!d->identity)
		fuzz_fail("iommufd has not attached it");
	d->identity = false;
	if (!--d->group->nr_identity)
		d->group->domain = NULL;
}

/* --- VFIO --- */

int vfio_iommufd_physical_bind(struct vfio_device *vdev,
			       struct iommufd_ctx *ictx, u32 *id)
{
	struct fuzz_device *d = to_device(vdev->dev);

	if (inject_now(&inject.attach))
		return inject.attach_error;
	vdev->iommufd_device = (struct iommufd_device *)d;
	*id = FIRST_DEV_ID + (d - devices);
	return 0;
}

void vfio_iommufd_physical_unbind(struct vfio_device *vdev)
{
	struct fuzz_device *d = to_device(vdev->dev);

	if (d->identity || d->nr_pasids)
		fuzz_fail("unbound while it is attached");
	vdev->iommufd_device = NULL;
}

int vfio_iommufd_physical_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	return iommufd_device_attach(vdev->iommufd_device, IOMMU_NO_PASID,
				     pt_id);
}

void vfio_iommufd_physical_detach_ioas(struct vfio_device *vdev)
{
	if (to_device(vdev->dev)->identity)
		iommufd_device_detach(vdev->iommufd_device, IOMMU_NO_PASID);
}

/* --- What the VMM does --- */

bool device_is_bound(unsigned int nr)
{
	return devices[nr].bound;
}

int device_bind(unsigned int nr)
{
	struct fuzz_device *d = &devices[nr];
	u32 id;
	int ret;

	if (d->bound)
		return -EBUSY;
	ret = vtd_shadow_vfio_bind_iommufd(&d->vdev, &the_ctx, &id);
	d->bound = !ret;
	return ret;
}

void device_unbind(unsigned int nr)
{
	struct fuzz_device *d = &devices[nr];

	if (!d->bound)
		return;
	/* VFIO detaches it before */
	d->bound = false;
	vtd_shadow_vfio_detach_ioas(&d->vdev);
	vtd_shadow_vfio_unbind_iommufd(&d->vdev);
}

int device_vmm_attach(unsigned int nr)
{
	u32 pt_id = IOAS_ID;

	if (!devices[nr].bound)
		return -EINVAL;
	return vtd_shadow_vfio_attach_ioas(&devices[nr].vdev, &pt_id);
}

void device_vmm_detach(unsigned int nr)
{
	if (devices[nr].bound)
		vtd_shadow_vfio_detach_ioas(&devices[nr].vdev);
}

/* Until 7.0.10 a detach in a reset does nothing, and what was attached comes back. */
void device_reset(unsigned int nr, bool begins)
{
	if (!domain_is_identity(devices[nr].group->domain))
		devices[nr].group->in_reset = begins;
}

void devices_recover(void)
{
	for (unsigned int i = 0; i < NR_GROUPS; i++)
		groups[i].in_reset = false;
}

struct iommu_domain *device_domain(unsigned int nr)
{
	return devices[nr].group->domain;
}

/* The i-th PASID that is attached, and to what; NULL if there are not so many */
struct iommu_domain *device_pasid(unsigned int nr, unsigned int i, u32 *pasid)
{
	if (i >= devices[nr].nr_pasids)
		return NULL;
	*pasid = devices[nr].pasids[i].pasid;
	return devices[nr].pasids[i].domain;
}

/* Whether the engine cannot, or could not when it tried, take away what the device has */
bool device_is_stuck(unsigned int nr)
{
	return devices[nr].group->in_reset || devices[nr].group->lingers;
}

unsigned int device_group(unsigned int nr)
{
	return devices[nr].group->id;
}

bool any_group_reserves(u64 iova, u64 size)
{
	for (unsigned int i = 0; i < NR_GROUPS; i++)
		if (group_reserves(&groups[i], iova, size))
			return true;
	return false;
}

/* --- Life --- */

void devices_begin(void)
{
	static const unsigned int group_of[NR_DEVICES] = { 0, 1, 2, 2 };

	for (unsigned int i = 0; i < NR_GROUPS; i++)
		groups[i] = (struct iommu_group){
			.id = i,
			.iommu = i == 1,
		};
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		struct fuzz_device *d = &devices[i];

		memset(d, 0, offsetof(struct fuzz_device, pasids));
		d->dev.iommu = &d->iommu;
		d->iommu.max_pasids = i == 1 ? BIT(20) : 0;
		d->vdev.dev = &d->dev;
		d->group = &groups[group_of[i]];
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(identities); i++) {
		identities[i].type = __IOMMU_DOMAIN_PAGING;
		identities[i].geometry.aperture_end = GENMASK_ULL(47, 0);
	}
	blocked.type = IOMMU_DOMAIN_BLOCKED;
	the_ctx.refs = 0;
}

/* Nobody has anything any more. */
void devices_end(void)
{
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		device_unbind(i);
	for (unsigned int i = 0; i < NR_GROUPS; i++)
		if (groups[i].refs || groups[i].domain)
			fuzz_fail("group %u has %d references, domain %p", i,
				  groups[i].refs, groups[i].domain);
	if (the_ctx.refs)
		fuzz_fail("iommufd has %d references", the_ctx.refs);
}
