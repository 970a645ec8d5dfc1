// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of host_domain.c and linger.c with one device behind an IOMMU of its own:
 * enforced snooping, which domains suit the device, and a detach that does not succeed.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/slab.h>

#include "../host_domain.h"
#include "../linger.h"
#include "../unit.h"
#include "bench.h"

/**
 * struct snooper - A device behind an IOMMU that may enforce snooping
 * @dev: The device
 * @iommu: What makes it the IOMMU's
 * @unit: The IOMMU
 * @test: For failures
 * @capable: It says that it can
 * @enforces: It does when it is asked to
 * @nr_domains: Domains that it has
 * @nr_enforced: Domains that it was asked to enforce snooping for
 */
struct snooper {
	struct device *dev;
	struct dev_iommu iommu;
	struct iommu_device unit;
	struct kunit *test;
	bool capable;
	bool enforces;
	unsigned int nr_domains;
	unsigned int nr_enforced;
};

struct snooper_domain {
	struct iommu_domain domain;
	struct snooper *snooper;
	bool mapped;
};

static struct snooper *to_snooper(struct device *dev)
{
	return container_of(dev->iommu, struct snooper, iommu);
}

static struct snooper_domain *to_snooper_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct snooper_domain, domain);
}

static bool snooper_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_ENFORCE_CACHE_COHERENCY &&
	       to_snooper(dev)->capable;
}

static int snooper_map_pages(struct iommu_domain *domain, unsigned long iova,
			     phys_addr_t pa, size_t pgsize, size_t pgcount,
			     int prot, gfp_t gfp, size_t *mapped)
{
	to_snooper_domain(domain)->mapped = true;
	return -ENOMEM;
}

/* As drivers do: not for a domain that has mappings already. */
static bool snooper_enforce(struct iommu_domain *domain)
{
	struct snooper_domain *own = to_snooper_domain(domain);

	KUNIT_EXPECT_TRUE(own->snooper->test, own->snooper->capable);
	KUNIT_EXPECT_FALSE(own->snooper->test, own->mapped);
	own->snooper->nr_enforced++;
	return own->snooper->enforces;
}

static void snooper_domain_free(struct iommu_domain *domain)
{
	struct snooper_domain *own = to_snooper_domain(domain);

	own->snooper->nr_domains--;
	kfree(own);
}

static const struct iommu_domain_ops snooper_domain_ops = {
	.map_pages = snooper_map_pages,
	.enforce_cache_coherency = snooper_enforce,
	.free = snooper_domain_free,
};

static struct iommu_domain *snooper_domain_alloc(struct device *dev)
{
	struct snooper_domain *own = kzalloc(sizeof(*own), GFP_KERNEL);

	if (!own)
		return NULL;
	own->domain.ops = &snooper_domain_ops;
	own->domain.pgsize_bitmap = SZ_PAGE;
	own->snooper = to_snooper(dev);
	own->snooper->nr_domains++;
	return &own->domain;
}

static const struct iommu_ops snooper_ops = {
	.capable = snooper_capable,
	.domain_alloc_paging = snooper_domain_alloc,
};

static void snooper_init(struct kunit *test, struct snooper *snooper)
{
	memset(snooper, 0, sizeof(*snooper));
	snooper->test = test;
	snooper->dev = kunit_device_register(test, "snooper");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, snooper->dev);
	snooper->unit.ops = &snooper_ops;
	snooper->iommu.iommu_dev = &snooper->unit;
	snooper->dev->iommu = &snooper->iommu;
}

static void snooper_exit(struct snooper *snooper)
{
	KUNIT_EXPECT_EQ(snooper->test, snooper->nr_domains, 0);
	snooper->dev->iommu = NULL;
}

/* KVM goes by what the IOMMU can: where it can, every domain must do it. */
static void host_snooping(struct kunit *test)
{
	struct vtds_host_domain host;
	struct snooper snooper;

	snooper_init(test, &snooper);
	for (unsigned int i = 0; i < 4; i++) {
		int ret;

		snooper.capable = i & 1;
		snooper.enforces = i & 2;
		snooper.nr_enforced = 0;
		ret = vtds_host_domain_alloc(&host, snooper.dev);
		KUNIT_EXPECT_EQ(test, snooper.nr_enforced, snooper.capable);
		KUNIT_EXPECT_EQ(test, ret, i == 1 ? -EINVAL : 0);
		if (!ret)
			vtds_host_domain_free(&host);
	}
	snooper_exit(&snooper);
}

/* A device that needs coherent DMA does not join a domain that does not see to it. */
static void host_suits(struct kunit *test)
{
	struct vtds_host_domain host;
	struct snooper snooper;

	snooper_init(test, &snooper);
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);
	KUNIT_EXPECT_TRUE(test, vtds_host_domain_suits(&host, snooper.dev));
	snooper.capable = true;
	KUNIT_EXPECT_FALSE(test, vtds_host_domain_suits(&host, snooper.dev));
	vtds_host_domain_free(&host);
	snooper.enforces = true;
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);
	KUNIT_EXPECT_TRUE(test, vtds_host_domain_suits(&host, snooper.dev));
	snooper.capable = false;
	KUNIT_EXPECT_TRUE(test, vtds_host_domain_suits(&host, snooper.dev));
	vtds_host_domain_free(&host);
	snooper_exit(&snooper);
}

/*
 * A group that a detach does not take off its domain, as while its device is reset on
 * some kernels. There is one, and it is that of the snooper.
 */
static struct {
	bool has;
	bool stays;
	unsigned int nr_detaches;
	unsigned int nr_freed;
} resetting;

static bool resetting_has(struct iommu_domain *domain, struct device *dev)
{
	return resetting.has;
}

static void resetting_detach(struct iommu_domain *domain,
			     struct iommu_group *group)
{
	resetting.nr_detaches++;
	resetting.has &= resetting.stays;
}

static void resetting_free(struct iommu_domain *domain)
{
	KUNIT_EXPECT_FALSE(kunit_get_current_test(), resetting.has);
	resetting.nr_freed++;
	iommu_domain_free(domain);
}

static void host_detach_lingers(struct kunit *test)
{
	struct vtds_host_domain host;
	struct vtds_dev_pasid dev_pasid;
	struct snooper snooper;

	kunit_activate_static_stub(test, vtds_linger_has, resetting_has);
	kunit_activate_static_stub(test, vtds_linger_detach, resetting_detach);
	kunit_activate_static_stub(test, vtds_linger_free_now, resetting_free);
	memset(&resetting, 0, sizeof(resetting));
	snooper_init(test, &snooper);
	dev_pasid = (struct vtds_dev_pasid){ .dev = snooper.dev,
					     .group = iommu_group_alloc() };
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_pasid.group);
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);

	resetting.has = true;
	resetting.stays = true;
	vtds_host_domain_detach(&host, &dev_pasid);
	vtds_host_domain_free(&host);
	KUNIT_EXPECT_TRUE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_detaches, 2);
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 0);
	resetting.stays = false;
	KUNIT_EXPECT_FALSE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 1);

	/* The reset ends before the domain does: that is freed when it is not wanted */
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);
	resetting.has = true;
	resetting.stays = true;
	vtds_host_domain_detach(&host, &dev_pasid);
	resetting.stays = false;
	KUNIT_EXPECT_FALSE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 1);
	vtds_host_domain_free(&host);
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 2);
	iommu_group_put(dev_pasid.group);
	snooper_exit(&snooper);
}

static struct kunit_case host_attach_cases[] = {
	KUNIT_CASE(host_snooping),
	KUNIT_CASE(host_suits),
	KUNIT_CASE(host_detach_lingers),
	{},
};

static struct kunit_suite host_attach_suite = {
	.name = "vtd_shadow_host_attach",
	.init = bench_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = host_attach_cases,
};

kunit_test_suite(host_attach_suite);
