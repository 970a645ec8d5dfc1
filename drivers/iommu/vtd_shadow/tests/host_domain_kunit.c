// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of host_domain.c on every kind of host: the probe, the joining of
 * unmaps, flushes, failures of the host.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "../host_domain.h"
#include "../unit.h"
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
	struct vtds_run run = { .sg = b->unit->sg };

	sg_init_table(run.sg, VTDS_SG_ENTRIES);
	vtds_run_begin(&run, iova, perm);
	for (unsigned int i = 0; i < nr_pages; i++)
		vtds_run_add(&run, page_to_pfn(b->mem.kinds[kind]->pages[i]),
			     SZ_PAGE);
	return vtds_host_map(host_of(b), &run);
}

static void unmap(struct bench *b, u64 iova, unsigned int nr_pages)
{
	vtds_host_unmap(host_of(b), iova, nr_pages * SZ_PAGE);
}

static void flush(struct bench *b)
{
	vtds_host_flush(host_of(b));
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

/* The host does not take back all that was mapped for the probe. */
static void host_probe_stuck(struct kunit *test)
{
	struct bench *b = set_up(test);

	if (b->host.kind == FAKE_HOST_AMD)
		kunit_skip(test, "takes all of it in the first call");
	b->host.may_split = true;
	b->host.short_in = 2;
	KUNIT_EXPECT_EQ(test, vtds_host_domain_probe(host_of(b)), -EIO);
	KUNIT_EXPECT_NE(test, b->host.nr_pages, 0);
	b->host.short_in = 0;
	fake_host_clear(&b->host);
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
	KUNIT_EXPECT_EQ(test, b->domain.stats.host_unmaps, 1);
	flush(b);

	KUNIT_EXPECT_EQ(test, b->domain.stats.host_unmaps, 2);
	KUNIT_EXPECT_EQ(test, b->domain.stats.iotlb_syncs, 1);
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

/* An unmap that waits for its neighbours is done for whoever looks. */
static void host_lookup_after_unmap(struct kunit *test)
{
	struct bench *b = set_up(test);

	KUNIT_EXPECT_EQ(test, map(b, IOVA, FAKE_SCATTERED, 4, SS_RW), 0);
	unmap(b, IOVA, 2);
	KUNIT_EXPECT_EQ(test, vtds_host_lookup(host_of(b), IOVA + SZ_PAGE), 0);
	KUNIT_EXPECT_NE(test, vtds_host_lookup(host_of(b), IOVA + 2 * SZ_PAGE),
			0);
	unmap(b, IOVA + 2 * SZ_PAGE, 2);
	flush(b);
	KUNIT_EXPECT_EQ(test, b->host.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, b->host.nr_syncs, 1);
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

	/* Such a core complains about the driver, rightly; drivers that forget are older */
	if (IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC))
		kunit_skip(test, "this core counts what drivers map");
	b->host.owns_up = false;
	return b;
}

/* Nothing that was forgotten stays behind. */
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
	vtds_host_flush(host_of(b));
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
	vtds_host_flush(host_of(b));
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

static struct kunit_case host_domain_cases[] = {
	KUNIT_CASE_PARAM(host_probe, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_probe_fails, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_probe_stuck, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_permissions, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_joins_unmaps, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_no_flush_without_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_flush_covers, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_after_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_lookup_after_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_fails, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_forgets, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_map_stuck, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_short_unmap, host_kind_gen_params),
	KUNIT_CASE_PARAM(host_unmap_of_a_part, host_kind_gen_params),
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
