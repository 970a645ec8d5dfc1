// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of host_domain.c on every kind of host: the probe, the joining of
 * unmaps, flushes, failures of the host, enforced snooping.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "bench.h"

#define IOVA 0x40000000ULL

static void host_kind_desc(const enum fake_host_kind *kind, char *desc)
{
	strscpy(desc, fake_host_name(*kind), KUNIT_PARAM_DESC_SIZE);
}

static const enum fake_host_kind host_kinds[] = {
	FAKE_HOST_INTEL,
	FAKE_HOST_INTEL_PT,
	FAKE_HOST_AMD,
	FAKE_HOST_VIRTIO,
};

KUNIT_ARRAY_PARAM(host_kind, host_kinds, host_kind_desc);

static struct bench *set_up(struct kunit *test)
{
	const enum fake_host_kind *kind = test->param_value;
	const struct bench_config config = {
		.levels = 4,
		.mgaw = 48,
		.haw = 40,
		.host = *kind,
	};

	bench_domain(test->priv, &config, 0);
	return test->priv;
}

static struct vtds_host_domain *host_of(struct bench *b)
{
	return &b->domain.host;
}

/* Maps pages of a kind of memory in one call. */
static int map(struct bench *b, u64 iova, enum fake_kind kind,
	       unsigned int nr_pages, unsigned int perm)
{
	struct scatterlist *sg = b->unit->sg;
	unsigned int nents = 0;

	sg_init_table(sg, VTDS_SG_ENTRIES);
	for (unsigned int i = 0; i < nr_pages; i++) {
		struct page *page = b->mem.kinds[kind]->pages[i];

		if (nents && sg_phys(&sg[nents - 1]) + sg[nents - 1].length ==
				     page_to_phys(page))
			sg[nents - 1].length += SZ_PAGE;
		else
			sg_set_page(&sg[nents++], page, SZ_PAGE, 0);
	}
	return vtds_host_map(host_of(b), &b->unit->stats, iova, sg, nents,
			     perm);
}

static void unmap(struct bench *b, u64 iova, unsigned int nr_pages)
{
	vtds_host_unmap(host_of(b), &b->unit->stats, iova, nr_pages * SZ_PAGE);
}

static void flush(struct bench *b)
{
	vtds_host_flush(host_of(b), &b->unit->stats);
	KUNIT_EXPECT_EQ(b->test, b->host.nr_stale, 0);
}

static void expect_mapped(struct bench *b, u64 iova, enum fake_kind kind,
			  unsigned int nr_pages, int prot)
{
	for (unsigned int i = 0; i < nr_pages; i++) {
		u64 at = iova + i * SZ_PAGE;
		struct fake_leaf *leaf = fake_tree_find(&b->host.leaves, at);

		KUNIT_ASSERT_NOT_NULL_MSG(b->test, leaf, "%llx", at);
		KUNIT_EXPECT_EQ(b->test, leaf->pa + (at - leaf->iova),
				page_to_phys(b->mem.kinds[kind]->pages[i]));
		KUNIT_EXPECT_EQ(b->test, leaf->prot, prot);
	}
}

/* Only a host that can take back one of two pages mapped at once may merge. */
static void host_probe(struct kunit *test)
{
	const enum fake_host_kind *kind = test->param_value;
	struct bench *b = set_up(test);
	bool merges = *kind == FAKE_HOST_INTEL || *kind == FAKE_HOST_INTEL_PT;

	host_of(b)->merge = !merges;
	host_of(b)->first = 0x1000;
	b->host.may_split = true;
	KUNIT_EXPECT_EQ(test, vtds_host_domain_probe(host_of(b)), 0);
	KUNIT_EXPECT_EQ(test, host_of(b)->merge, merges);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);
	KUNIT_EXPECT_GE(test, b->host.calls[0].iova, 0x1000);
}

static void host_probe_fails(struct kunit *test)
{
	struct bench *b = set_up(test);

	host_of(b)->merge = false;
	b->host.fail_in = 1;
	KUNIT_EXPECT_EQ(test, vtds_host_domain_probe(host_of(b)), -ENOMEM);
	KUNIT_EXPECT_FALSE(test, host_of(b)->merge);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);
}

static void host_permissions(struct kunit *test)
{
	struct bench *b = set_up(test);

	for (unsigned int perm = 1; perm < 4; perm++) {
		int prot = (perm & 1 ? IOMMU_READ : 0) |
			   (perm & 2 ? IOMMU_WRITE : 0);

		KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_RUNS, 100, perm), 0);
		expect_mapped(b, IOVA, FAKE_RUNS, 100, prot);
		unmap(b, IOVA, 100);
		flush(b);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	}
}

/* Neighbours are one unmap, the rest is another; the flush is one for all. */
static void host_joins_unmaps(struct kunit *test)
{
	struct bench *b = set_up(test);
	struct fake_call *sync;

	for (unsigned int i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test,
				map(b, IOVA + i * SZ_PAGE, FAKE_SCATTERED, 1,
				    SS_RW),
				0);
	fake_host_step(&b->host);
	for (unsigned int i = 0; i < 32; i++)
		if (i != 10)
			unmap(b, IOVA + i * SZ_PAGE, 1);
	KUNIT_EXPECT_EQ(test, b->unit->stats.host_unmaps, 1);
	flush(b);

	KUNIT_EXPECT_EQ(test, b->unit->stats.host_unmaps, 2);
	KUNIT_EXPECT_EQ(test, b->unit->stats.iotlb_syncs, 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 1);
	sync = &b->host.calls[b->host.nr_calls - 1];
	KUNIT_EXPECT_EQ(test, sync->op, FAKE_SYNC);
	KUNIT_EXPECT_EQ(test, sync->iova, IOVA);
	KUNIT_EXPECT_EQ(test, sync->size, 32 * SZ_PAGE);

	unmap(b, IOVA + 10 * SZ_PAGE, 1);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 2);
}

static void host_no_flush_without_unmap(struct kunit *test)
{
	struct bench *b = set_up(test);

	flush(b);
	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_SCATTERED, 3, SS_RW), 0);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 0);
	unmap(b, IOVA, 3);
	flush(b);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 1);
}

/* Ranges in any order, with higher ones first */
static void host_flush_covers(struct kunit *test)
{
	struct bench *b = set_up(test);

	for (unsigned int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test,
				map(b, IOVA + i * SZ_CHUNK, FAKE_SCATTERED, 2,
				    SS_RW),
				0);
	for (unsigned int i = 0; i < 8; i++)
		unmap(b, IOVA + (i * 5 + 3) % 8 * SZ_CHUNK, 2);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 1);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);

	/* The next flush is only for what comes next */
	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_SCATTERED, 1, SS_RW), 0);
	fake_host_step(&b->host);
	unmap(b, IOVA, 1);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.calls[b->host.nr_calls - 1].size,
			SZ_PAGE);
}

/* What is unmapped makes room for what is mapped in the same batch. */
static void host_map_after_unmap(struct kunit *test)
{
	struct bench *b = set_up(test);

	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_SCATTERED, 4, SS_RW), 0);
	unmap(b, IOVA, 4);
	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_RUNS, 4, SS_R), 0);
	expect_mapped(b, IOVA, FAKE_RUNS, 4, IOMMU_READ);
	KUNIT_EXPECT_NE(test, b->host.nr_stale, 0);
	flush(b);
	expect_mapped(b, IOVA, FAKE_RUNS, 4, IOMMU_READ);
	unmap(b, IOVA, 4);
	flush(b);
}

/* The n-th call of the core to the driver fails: nothing remains. */
static void host_map_fails(struct kunit *test)
{
	struct bench *b = set_up(test);
	unsigned int n, pages = 70;
	int ret = -ENOMEM;

	for (n = 1; ret; n++) {
		KUNIT_ASSERT_LE(test, n, pages + 1);
		b->host.fail_in = n;
		ret = map(b, IOVA, FAKE_RUNS, pages, SS_RW);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);
	}
	KUNIT_EXPECT_GT(test, n, 1);
	expect_mapped(b, IOVA, FAKE_RUNS, pages, IOMMU_READ | IOMMU_WRITE);
	unmap(b, IOVA, pages);
	flush(b);
}

/* A driver that does not say what it mapped before it failed */
static struct bench *set_up_forgetful(struct kunit *test)
{
	struct bench *b = set_up(test);

	/* It would complain about the driver, rightly; those that forget are older */
	if (IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC))
		kunit_skip(test, "this core counts what drivers map");
	b->host.owns_up = false;
	return b;
}

/* The same, and nothing that was forgotten stays behind */
static void host_map_forgets(struct kunit *test)
{
	struct bench *b = set_up_forgetful(test);

	for (unsigned int n = 1; n < 4; n++) {
		b->host.fail_in = n;
		b->host.forgotten = false;
		if (!map(b, IOVA, FAKE_RUNS, 200, SS_RW)) {
			unmap(b, IOVA, 200);
			flush(b);
			break;
		}
		KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
		KUNIT_EXPECT_EQ(test, b->host.nr_stale, 0);
		KUNIT_EXPECT_FALSE(test, host_of(b)->broken);
	}
}

/* What stays mapped must not be unpinned while a device can reach it. */
static void host_map_stuck(struct kunit *test)
{
	struct bench *b = set_up_forgetful(test);

	b->host.stuck = true;
	b->host.fail_in = 1;
	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_CONTIG_A, 64, SS_RW), -ENOMEM);
	KUNIT_EXPECT_EQ(test, host_of(b)->broken, b->host.nr_pages > 0);
	b->host.stuck = false;
}

/* The host does less than it was asked to: nobody may use the domain any more. */
static void host_short_unmap(struct kunit *test)
{
	struct bench *b = set_up(test);

	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_SCATTERED, 4, SS_RW), 0);
	unmap(b, IOVA, 4);
	b->host.short_in = 1;
	KUNIT_EXPECT_EQ(test, map(b, IOVA + SZ_CHUNK, FAKE_SCATTERED, 1, SS_R),
			-EIO);
	KUNIT_EXPECT_TRUE(test, host_of(b)->broken);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 4);
	vtds_host_flush(host_of(b), &b->unit->stats);
	KUNIT_EXPECT_EQ(test, map(b, IOVA + SZ_CHUNK, FAKE_SCATTERED, 1, SS_R),
			-EIO);
}

/*
 * A part of what one call mapped is to go. The hosts that map it page by page do
 * that; the others take nothing or all of it, and either is noticed.
 */
static void host_unmap_of_a_part(struct kunit *test)
{
	struct bench *b = set_up(test);
	bool breaks = !host_of(b)->merge;

	b->host.may_split = true;
	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_CONTIG_A, 2, SS_RW), 0);
	unmap(b, IOVA + SZ_PAGE, 1);
	vtds_host_flush(host_of(b), &b->unit->stats);
	KUNIT_EXPECT_EQ(test, host_of(b)->broken, breaks);
	if (breaks) {
		/* No device stays on it, what its IOTLB has is no matter */
		b->host.nr_stale = 0;
		return;
	}
	expect_mapped(b, IOVA, FAKE_CONTIG_A, 1, IOMMU_READ | IOMMU_WRITE);
	unmap(b, IOVA, 1);
	flush(b);
}

/*
 * Snooping
 */

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
	struct vtds_port port;
	struct snooper snooper;

	kunit_activate_static_stub(test, vtds_group_has, resetting_has);
	kunit_activate_static_stub(test, vtds_group_detach, resetting_detach);
	kunit_activate_static_stub(test, vtds_domain_free_now, resetting_free);
	memset(&resetting, 0, sizeof(resetting));
	snooper_init(test, &snooper);
	port = (struct vtds_port){ .dev = snooper.dev,
				   .group = iommu_group_alloc() };
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, port.group);
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);

	resetting.has = true;
	resetting.stays = true;
	vtds_host_domain_detach(&host, &port);
	vtds_host_domain_free(&host);
	KUNIT_EXPECT_TRUE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_detaches, 2);
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 0);
	resetting.stays = false;
	KUNIT_EXPECT_FALSE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 1);

	/* It ends before the domain does: that is freed when it is not wanted */
	KUNIT_ASSERT_EQ(test, vtds_host_domain_alloc(&host, snooper.dev), 0);
	resetting.has = true;
	resetting.stays = true;
	vtds_host_domain_detach(&host, &port);
	resetting.stays = false;
	KUNIT_EXPECT_FALSE(test, vtds_linger_run());
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 1);
	vtds_host_domain_free(&host);
	KUNIT_EXPECT_EQ(test, resetting.nr_freed, 2);
	iommu_group_put(port.group);
	snooper_exit(&snooper);
}

static struct kunit_case host_domain_cases[] = {
	KUNIT_CASE_PARAM(host_probe, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_probe_fails, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_permissions, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_joins_unmaps, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_no_flush_without_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_flush_covers, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_after_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_fails, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_forgets, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_stuck, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_short_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_unmap_of_a_part, host_kind_gen_params),
	KUNIT_CASE(host_snooping),
	KUNIT_CASE(host_suits),
	KUNIT_CASE(host_detach_lingers),
	{},
};

static struct kunit_suite host_domain_suite = {
	.name = "vtd_shadow_host_domain",
	.init = bench_init,
	.exit = bench_exit,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = host_domain_cases,
};

kunit_test_suite(host_domain_suite);
