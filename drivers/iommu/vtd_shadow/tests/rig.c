// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fakes of the rig: host domains, groups and what iommufd attaches, behind the few
 * functions of the driver that reach them. They check that nothing is attached twice
 * and that no domain ends in use.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>

#include "../bound.h"
#include "../caps.h"
#include "../device.h"
#include "../domain.h"
#include "../host_domain.h"
#include "../identity.h"
#include "../pasid.h"
#include "../unit.h"
#include "rig.h"

struct rig *rig;

static struct rig_device *rig_of_dev(const struct device *dev)
{
	for (unsigned int i = 0; i < MANY_DEVICES; i++)
		if (rig->devices[i].vdev.dev == dev)
			return &rig->devices[i];
	return NULL;
}

unsigned int rig_find_host(const struct iommu_domain *domain)
{
	for (unsigned int i = 0; i < MANY_DOMAINS; i++)
		if (rig->hosts[i] && &rig->hosts[i]->domain == domain)
			return i;
	return MANY_DOMAINS;
}

/* A host domain without PASID is attached for all of a group, by any of its devices. */
static bool rig_is_attached(unsigned int i, const struct device *dev, u32 pasid)
{
	const struct vtds_dev_pasid *dev_pasid = &rig->dev_pasids[i];

	if (dev_pasid->pasid != pasid)
		return false;
	return dev_pasid->dev == dev ||
	       (pasid == IOMMU_NO_PASID && rig->attached_host[i] &&
		dev_pasid->group == rig_of_dev(dev)->bound.iommu_group);
}

unsigned int rig_find_dev_pasid(const struct device *dev, u32 pasid)
{
	for (unsigned int i = 0; i < rig->nr_dev_pasids; i++)
		if (rig_is_attached(i, dev, pasid))
			return i;
	return rig->nr_dev_pasids;
}

static void rig_plug(const struct vtds_dev_pasid *dev_pasid,
		     struct iommu_domain *domain)
{
	/* Both would be in effect at once. (The lock is held: no assertion.) */
	KUNIT_EXPECT_EQ(rig->b->test,
			rig_find_dev_pasid(dev_pasid->dev, dev_pasid->pasid),
			rig->nr_dev_pasids);
	KUNIT_ASSERT_LT(rig->b->test, rig->nr_dev_pasids, MANY_DEV_PASIDS);
	rig->dev_pasids[rig->nr_dev_pasids] = *dev_pasid;
	rig->attached_host[rig->nr_dev_pasids++] = domain;
}

static void rig_unplug(const struct device *dev, u32 pasid,
		       const struct iommu_domain *domain)
{
	unsigned int i = rig_find_dev_pasid(dev, pasid);

	KUNIT_ASSERT_LT(rig->b->test, i, rig->nr_dev_pasids);
	KUNIT_EXPECT_PTR_EQ(rig->b->test, rig->attached_host[i], domain);
	rig->nr_dev_pasids--;
	rig->dev_pasids[i] = rig->dev_pasids[rig->nr_dev_pasids];
	rig->attached_host[i] = rig->attached_host[rig->nr_dev_pasids];
}

static int rig_domain_alloc(struct vtds_host_domain *host, struct device *dev)
{
	struct fake_host *fake;
	unsigned int i;

	for (i = 0; i < MANY_DOMAINS && rig->hosts[i]; i++)
		;
	if (i == MANY_DOMAINS)
		return -ENOSPC;
	fake = kunit_kzalloc(rig->b->test, sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return -ENOMEM;
	fake_host_init(rig->b->test, fake, FAKE_HOST_INTEL);
	/* The probe splits what it mapped */
	fake->may_split = true;
	rig->hosts[i] = fake;
	rig->host_iommu[i] = rig_of_dev(dev)->iommu;
	vtds_host_domain_init(host, &fake->domain);
	return 0;
}

static void rig_domain_free(struct vtds_host_domain *host)
{
	unsigned int i = rig_find_host(host->domain);

	KUNIT_ASSERT_LT(rig->b->test, i, MANY_DOMAINS);
	if (!host->broken)
		KUNIT_EXPECT_EQ(rig->b->test, rig->hosts[i]->nr_pages, 0);
	KUNIT_EXPECT_EQ(rig->b->test, rig->hosts[i]->nr_stale, 0);
	for (unsigned int j = 0; j < rig->nr_dev_pasids; j++)
		KUNIT_EXPECT_PTR_NE(rig->b->test, rig->attached_host[j],
				    host->domain);
	fake_host_exit(rig->hosts[i]);
	rig->hosts[i] = NULL;
}

static int rig_domain_attach(struct vtds_host_domain *host,
			     const struct vtds_dev_pasid *dev_pasid)
{
	struct rig_device *d = rig_of_dev(dev_pasid->dev);

	d->nr_attaches++;
	if (d->attach_error)
		return d->attach_error;
	if (dev_pasid->pasid != IOMMU_NO_PASID && !d->pasids)
		return -EOPNOTSUPP;
	if (rig->host_iommu[rig_find_host(host->domain)] != d->iommu)
		return -EINVAL;
	rig_plug(dev_pasid, host->domain);
	host->last = host->domain->geometry.aperture_end;
	return 0;
}

static void rig_domain_detach(struct vtds_host_domain *host,
			      const struct vtds_dev_pasid *dev_pasid)
{
	rig_unplug(dev_pasid->dev, dev_pasid->pasid, host->domain);
}

static int rig_reserved(struct iommu_group *group, struct vtds_range *ranges,
			unsigned int room)
{
	for (unsigned int i = 0; i < MANY_DEVICES; i++) {
		const struct rig_device *d = &rig->devices[i];

		if (d->bound.iommu_group != group || !d->resv_last)
			continue;
		ranges[0] = (struct vtds_range){ d->resv_first, d->resv_last };
		return 1;
	}
	return 0;
}

static int rig_identity_attach(struct vtds_device *dev, u32 pasid)
{
	struct vtds_dev_pasid dev_pasid = vtds_device_pasid(dev, pasid);

	if (pasid != IOMMU_NO_PASID && !rig_of_dev(dev_pasid.dev)->pasids)
		return -EOPNOTSUPP;
	rig_plug(&dev_pasid, NULL);
	return 0;
}

static void rig_identity_detach(struct vtds_device *dev, u32 pasid)
{
	rig_unplug(vtds_bound_dev(dev->bound), pasid, NULL);
}

static bool rig_pasid_is_none(const struct vtds_device *dev, u32 number)
{
	return !number && rig_of_dev(vtds_bound_dev(dev->bound))->pasids;
}

/* The unit has let go of a device, which it frees now. */
static void rig_release(struct vtds_bound *bound)
{
	container_of(bound, struct rig_device, bound)->dev = NULL;
}

static void rig_activate_fakes(struct kunit *test)
{
	kunit_activate_static_stub(test, vtds_host_domain_alloc,
				   rig_domain_alloc);
	kunit_activate_static_stub(test, vtds_host_domain_free,
				   rig_domain_free);
	kunit_activate_static_stub(test, vtds_host_domain_attach,
				   rig_domain_attach);
	kunit_activate_static_stub(test, vtds_host_domain_detach,
				   rig_domain_detach);
	kunit_activate_static_stub(test, vtds_host_reserved, rig_reserved);
	kunit_activate_static_stub(test, vtds_device_attach_identity,
				   rig_identity_attach);
	kunit_activate_static_stub(test, vtds_device_detach_identity,
				   rig_identity_detach);
	kunit_activate_static_stub(test, vtds_pasid_is_none, rig_pasid_is_none);
	kunit_activate_static_stub(test, vtds_bound_release, rig_release);
}

int rig_init(struct kunit *test)
{
	static const char *const names[MANY_DEVICES] = { "vtds0", "vtds1",
							 "vtds2" };
	int ret = bench_init(test);
	struct bench *b = test->priv;

	if (ret)
		return ret;
	rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	if (!rig)
		return -ENOMEM;
	rig->b = b;
	fake_mem_add(&b->mem, 0, SZ_CHUNK, FAKE_TABLES);
	fake_mem_add(&b->mem, DATA_GPA, SZ_CHUNK, FAKE_CONTIG_A);
	rig_activate_fakes(test);
	for (unsigned int i = 0; i < MANY_DEVICES; i++) {
		struct rig_device *d = &rig->devices[i];
		struct device *dev = kunit_device_register(test, names[i]);

		if (IS_ERR(dev))
			return PTR_ERR(dev);
		d->vdev.dev = dev;
		d->bound.vdev = &d->vdev;
		d->bound.iommu_group = iommu_group_alloc();
		if (IS_ERR(d->bound.iommu_group))
			return PTR_ERR(d->bound.iommu_group);
	}
	b->unit->have_state = true;
	b->unit->te = true;
	b->unit->rtaddr = ROOT_GPA;
	b->unit->max_nodes = U32_MAX;
	b->unit->max_pages = U32_MAX;
	b->unit->caps = (struct vtds_caps){
		.levels = BIT(4),
		.mgaw = 48,
		.haw = 40,
		.leaf_levels = BIT(1) | BIT(2),
		.mamv = 18,
		.pass_through = true,
		.scalable = true,
		.second_stage = true,
		.pasid_bits = 20,
	};
	return 0;
}

void rig_exit(struct kunit *test)
{
	struct bench *b = test->priv;

	if (rig && b && b->unit) {
		for (unsigned int i = 0; i < MANY_DEVICES; i++)
			if (rig->devices[i].dev)
				rig_drop(i);
		KUNIT_EXPECT_EQ(test, rig->nr_dev_pasids, 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&b->unit->domains));
		KUNIT_EXPECT_EQ(test, b->unit->nr_pasids, 0);
		for (unsigned int i = 0; i < MANY_DOMAINS; i++)
			KUNIT_EXPECT_NULL(test, rig->hosts[i]);
	}
	for (unsigned int i = 0; rig && i < MANY_DEVICES; i++)
		if (!IS_ERR_OR_NULL(rig->devices[i].bound.iommu_group))
			iommu_group_put(rig->devices[i].bound.iommu_group);
	bench_exit(test);
}
