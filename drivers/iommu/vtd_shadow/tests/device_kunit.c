// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of device.c, pasid.c and domain.c: who is attached where, and what
 * several users of one table share. Host IOMMUs, groups and iommufd are fakes
 * behind the few functions that reach them.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/vfio.h>

#include "bench.h"

#define ROOT_GPA 0x3000ULL
#define TABLE_A 0x40000ULL
#define TABLE_B 0x50000ULL
#define DATA_GPA 0x400000ULL
#define MANY_DEVICES 3
#define MANY_DOMAINS 8
#define MANY_PORTS 16

enum {
	REASON_LEGACY_MODE = 0x31,
	REASON_PASID_DISABLED = 0x45,
	REASON_PASID_TOO_LARGE = 0x46,
	REASON_PASID_NOT_PRESENT = 0x59,
	REASON_PASID_INVALID = 0x5b,
	REASON_NOT_INSTALLED = 0x78,
	REASON_NO_READ = 0x86,
	REASON_INTERRUPT_RANGE = 0x87,
	BLOCKED = VTD_SHADOW_ATTACHED_BLOCKED,
	IDENTITY = VTD_SHADOW_ATTACHED_IDENTITY,
	SHADOW = VTD_SHADOW_ATTACHED_SHADOW,
};

/**
 * struct rig_device - A device and its host
 * @dev: As the unit knows it
 * @vdev: Its VFIO device
 * @iommu: Which host IOMMU is in front of it: domains of others are refused
 * @pasids: Host and device can attach PASIDs
 * @resv_first: The host reserves from here
 * @resv_last: to here, if not 0
 * @attach_error: What attaching it fails with, 0 if it does not
 * @nr_attaches: How often that was tried
 */
struct rig_device {
	struct vtds_device dev;
	struct vfio_device vdev;
	unsigned int iommu;
	bool pasids;
	u64 resv_first;
	u64 resv_last;
	int attach_error;
	unsigned int nr_attaches;
};

/**
 * struct rig - What stands behind the fakes
 * @b: The bench; its own domain is not used
 * @devices: Devices, each in a group of its own
 * @hosts: Host domains that exist, NULL else
 * @host_iommu: For which host IOMMU each was made
 * @ports: What is attached
 * @port_host: Where: the domain, NULL for the identity page table
 * @nr_ports: How much
 */
struct rig {
	struct bench *b;
	struct rig_device devices[MANY_DEVICES];
	struct fake_host *hosts[MANY_DOMAINS];
	unsigned int host_iommu[MANY_DOMAINS];
	struct vtds_port ports[MANY_PORTS];
	struct iommu_domain *port_host[MANY_PORTS];
	unsigned int nr_ports;
};

/* Of the test that runs; the fakes have no other way to it */
static struct rig *rig;

static struct rig_device *rig_of_dev(const struct device *dev)
{
	for (unsigned int i = 0; i < MANY_DEVICES; i++)
		if (rig->devices[i].vdev.dev == dev)
			return &rig->devices[i];
	return NULL;
}

static unsigned int rig_find_host(const struct iommu_domain *domain)
{
	for (unsigned int i = 0; i < MANY_DOMAINS; i++)
		if (rig->hosts[i] && &rig->hosts[i]->domain == domain)
			return i;
	return MANY_DOMAINS;
}

/* A host domain without PASID is attached for all of a group, by any of its devices. */
static bool rig_is_port(unsigned int i, const struct device *dev, u32 pasid)
{
	const struct vtds_port *port = &rig->ports[i];

	if (port->pasid != pasid)
		return false;
	return port->dev == dev ||
	       (pasid == IOMMU_NO_PASID && rig->port_host[i] &&
		port->group == rig_of_dev(dev)->dev.iommu_group);
}

static unsigned int rig_find_port(const struct device *dev, u32 pasid)
{
	for (unsigned int i = 0; i < rig->nr_ports; i++)
		if (rig_is_port(i, dev, pasid))
			return i;
	return rig->nr_ports;
}

static void rig_plug(const struct vtds_port *port, struct iommu_domain *domain)
{
	/* Both would be in effect at once. (The lock is held: no assertion.) */
	KUNIT_EXPECT_EQ(rig->b->test, rig_find_port(port->dev, port->pasid),
			rig->nr_ports);
	KUNIT_ASSERT_LT(rig->b->test, rig->nr_ports, MANY_PORTS);
	rig->ports[rig->nr_ports] = *port;
	rig->port_host[rig->nr_ports++] = domain;
}

static void rig_unplug(const struct device *dev, u32 pasid,
		       const struct iommu_domain *domain)
{
	unsigned int i = rig_find_port(dev, pasid);

	KUNIT_ASSERT_LT(rig->b->test, i, rig->nr_ports);
	KUNIT_EXPECT_PTR_EQ(rig->b->test, rig->port_host[i], domain);
	rig->nr_ports--;
	rig->ports[i] = rig->ports[rig->nr_ports];
	rig->port_host[i] = rig->port_host[rig->nr_ports];
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
	for (unsigned int j = 0; j < rig->nr_ports; j++)
		KUNIT_EXPECT_PTR_NE(rig->b->test, rig->port_host[j],
				    host->domain);
	fake_host_exit(rig->hosts[i]);
	rig->hosts[i] = NULL;
}

static int rig_domain_attach(struct vtds_host_domain *host,
			     const struct vtds_port *port)
{
	struct rig_device *d = rig_of_dev(port->dev);

	d->nr_attaches++;
	if (d->attach_error)
		return d->attach_error;
	if (port->pasid != IOMMU_NO_PASID && !d->pasids)
		return -EOPNOTSUPP;
	if (rig->host_iommu[rig_find_host(host->domain)] != d->iommu)
		return -EINVAL;
	rig_plug(port, host->domain);
	host->last = host->domain->geometry.aperture_end;
	return 0;
}

static void rig_domain_detach(struct vtds_host_domain *host,
			      const struct vtds_port *port)
{
	rig_unplug(port->dev, port->pasid, host->domain);
}

static int rig_reserved(struct iommu_group *group,
			int (*hole)(void *data, u64 first, u64 last),
			void *data)
{
	for (unsigned int i = 0; i < MANY_DEVICES; i++) {
		const struct rig_device *d = &rig->devices[i];

		if (d->dev.iommu_group == group && d->resv_last)
			return hole(data, d->resv_first, d->resv_last);
	}
	return 0;
}

static int rig_identity_attach(struct vtds_device *dev, u32 pasid)
{
	struct vtds_port port = vtds_device_port(dev, pasid);

	if (pasid != IOMMU_NO_PASID && !rig_of_dev(port.dev)->pasids)
		return -EOPNOTSUPP;
	rig_plug(&port, NULL);
	return 0;
}

static void rig_identity_detach(struct vtds_device *dev, u32 pasid)
{
	rig_unplug(dev->vdev->dev, pasid, NULL);
}

static bool rig_pasid_is_none(const struct vtds_device *dev, u32 number)
{
	return !number && rig_of_dev(dev->vdev->dev)->pasids;
}

static void rig_release(struct vtds_device *dev)
{
	dev->owner = NULL;
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

/*
 * What the tests say
 */

static u16 sid_of(unsigned int i)
{
	return (i + 1) << 8;
}

static void add_with(unsigned int i, unsigned int nr_sids)
{
	struct rig_device *d = &rig->devices[i];
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;

	d->dev.requesters =
		kcalloc(nr_sids, sizeof(*d->dev.requesters), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(rig->b->test, d->dev.requesters);
	for (unsigned int j = 0; j < nr_sids; j++)
		d->dev.requesters[j].sid = sid_of(i + j);
	d->dev.nr_requesters = nr_sids;
	d->dev.owner = unit;
	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	KUNIT_EXPECT_EQ(rig->b->test, vtds_device_join(&batch, &d->dev), 0);
	vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
}

static void add(unsigned int i)
{
	add_with(i, 1);
}

static void drop(unsigned int i)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;

	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	vtds_device_drop(&batch, &rig->devices[i].dev);
	vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
}

static u32 refresh(void)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtds_batch batch;
	u32 error;

	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	vtds_devices_refresh(&batch, 0, U16_MAX);
	error = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return error;
}

/* A global IOTLB invalidation. Returns the positive errno. */
/* An IOTLB descriptor with this low half */
static u32 flush(u64 low)
{
	struct vtds_unit *unit = rig->b->unit;
	u64 desc[2] = { low, 0 };
	struct vtds_inval inval;
	struct vtds_batch batch;
	u32 error;

	mutex_lock(&unit->lock);
	vtds_batch_begin(&batch, unit);
	vtds_inval_run(&batch, desc, 2, &inval);
	error = vtds_batch_end(&batch);
	mutex_unlock(&unit->lock);
	return error;
}

static u32 flush_all(void)
{
	return flush(0x12);
}

static u32 flush_did(u16 did)
{
	return flush(0x22 | (u64)did << 16);
}

/* Where requests of a device really are: BLOCKED if nothing is attached. */
static unsigned int attached(unsigned int i, u32 pasid)
{
	unsigned int port = rig_find_port(rig->devices[i].vdev.dev, pasid);

	if (port == rig->nr_ports)
		return BLOCKED;
	return rig->port_host[port] ? SHADOW : IDENTITY;
}

static struct fake_host *host_of(unsigned int i, u32 pasid)
{
	unsigned int port = rig_find_port(rig->devices[i].vdev.dev, pasid);

	KUNIT_ASSERT_LT(rig->b->test, port, rig->nr_ports);
	KUNIT_ASSERT_NOT_NULL(rig->b->test, rig->port_host[port]);
	return rig->hosts[rig_find_host(rig->port_host[port])];
}

static bool maps(struct fake_host *host, u64 iova)
{
	return fake_tree_find(&host->leaves, iova);
}

/* A 4-level table that maps one page of IOVA 0x1000 * @page on. */
static void make_table(u64 root, unsigned int page)
{
	for (unsigned int level = 0; level < 3; level++)
		*bench_entry(rig->b, root + level * SZ_PAGE, 0) =
			(root + (level + 1) * SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, root + 3 * SZ_PAGE, page) =
		(DATA_GPA + page * SZ_PAGE) | SS_RW;
}

static void legacy_context(unsigned int i, u64 lo)
{
	u64 table = 0x10000 + i * SZ_PAGE;

	bench_entry(rig->b, ROOT_GPA, (i + 1) * 2)[0] = table | 1;
	bench_entry(rig->b, table, 0)[0] = lo;
	bench_entry(rig->b, table, 0)[1] = (i + 1) << 8 | 2;
}

static u64 *pasid_entry(unsigned int i, u32 pasid)
{
	u64 table = 0x30000 + (i * 2 + (pasid >> 6)) * SZ_PAGE;

	return bench_entry(rig->b, table, (pasid & 63) * 8);
}

/* PGTT 2: second stage, 4: pass-through */
static void set_pasid(unsigned int i, u32 pasid, unsigned int pgtt, u64 root)
{
	pasid_entry(i, pasid)[1] = 7;
	pasid_entry(i, pasid)[0] = root | pgtt << 6 | 2 << 2 | 1;
}

/* Device @i has a directory of 128 entries, the first two with a table. */
static void scalable_context(unsigned int i)
{
	u64 context = 0x10000 + i * SZ_PAGE, dir = 0x20000 + i * SZ_PAGE;

	bench_entry(rig->b, ROOT_GPA, (i + 1) * 2)[0] = context | 1;
	/* With PASIDE */
	bench_entry(rig->b, context, 0)[0] = dir | 8 | 1;
	for (unsigned int t = 0; t < 2; t++)
		*bench_entry(rig->b, dir, t) =
			(0x30000 + (i * 2 + t) * SZ_PAGE) | 1;
}

static void scalable_mode(void)
{
	rig->b->unit->rtaddr = ROOT_GPA | 1 << 10;
	for (unsigned int i = 0; i < MANY_DEVICES; i++)
		scalable_context(i);
}

static bool next_event(struct vtd_shadow_event *event)
{
	return vtds_event_take(rig->b->unit->events, event);
}

static void no_more_events(struct kunit *test)
{
	struct vtd_shadow_event event;

	KUNIT_EXPECT_FALSE(test, next_event(&event));
}

/*
 * Sharing
 */

static void device_shares(struct kunit *test)
{
	struct fake_host *host;

	make_table(TABLE_A, 1);
	legacy_context(0, TABLE_A | 1);
	legacy_context(1, TABLE_A | 1);
	add(0);
	host = host_of(0, 0);
	KUNIT_EXPECT_TRUE(test, maps(host, SZ_PAGE));
	fake_host_step(host);
	add(1);
	KUNIT_EXPECT_PTR_EQ(test, host_of(1, 0), host);
	/* One attach, no walk, nothing mapped anew */
	KUNIT_EXPECT_EQ(test, host->nr_calls, 0);
	drop(0);
	KUNIT_EXPECT_TRUE(test, maps(host, SZ_PAGE));
	drop(1);
	KUNIT_EXPECT_EQ(test, rig->nr_ports, 0);
	KUNIT_EXPECT_NULL(test, rig->hosts[0]);
}

/* A host IOMMU that refuses the domain gets one with the same contents. */
static void device_other_host(struct kunit *test)
{
	make_table(TABLE_A, 1);
	for (unsigned int i = 0; i < 3; i++)
		legacy_context(i, TABLE_A | 1);
	rig->devices[1].iommu = 1;
	rig->devices[2].iommu = 1;
	for (unsigned int i = 0; i < 3; i++)
		add(i);
	KUNIT_EXPECT_PTR_NE(test, host_of(0, 0), host_of(1, 0));
	KUNIT_EXPECT_PTR_EQ(test, host_of(1, 0), host_of(2, 0));
	KUNIT_EXPECT_TRUE(test, maps(host_of(1, 0), SZ_PAGE));

	/* Both follow */
	make_table(TABLE_A, 2);
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, flush_all(), 0);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_FALSE(test, maps(host_of(i, 0), SZ_PAGE));
		KUNIT_EXPECT_TRUE(test, maps(host_of(i, 0), 2 * SZ_PAGE));
	}
}

/* What a host reserves is unmapped before its device joins. */
static void device_reserved(struct kunit *test)
{
	struct fake_host *host;

	/* A 2 MiB leaf */
	make_table(TABLE_A, 1);
	*bench_entry(rig->b, TABLE_A + 2 * SZ_PAGE, 3) = DATA_GPA | 0x80 |
							 SS_RW;
	legacy_context(0, TABLE_A | 1);
	legacy_context(1, TABLE_A | 1);
	add(0);
	host = host_of(0, 0);
	KUNIT_EXPECT_TRUE(test, maps(host, 3 * SZ_2M + 5 * SZ_PAGE));

	rig->devices[1].resv_first = 3 * SZ_2M + 5 * SZ_PAGE;
	rig->devices[1].resv_last = 3 * SZ_2M + 6 * SZ_PAGE - 1;
	add(1);
	KUNIT_EXPECT_PTR_EQ(test, host_of(1, 0), host);
	KUNIT_EXPECT_FALSE(test, maps(host, 3 * SZ_2M + 5 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, maps(host, 3 * SZ_2M + 4 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, maps(host, 3 * SZ_2M + 6 * SZ_PAGE));
	/* And at once where it is the first */
	drop(0);
	drop(1);
	add(1);
	KUNIT_EXPECT_FALSE(test, maps(host_of(1, 0), 3 * SZ_2M + 5 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, maps(host_of(1, 0), 3 * SZ_2M));
	/* Each time the VMM was told of the leaf, of which a part is missing */
	for (unsigned int i = 0; i < 2; i++) {
		struct vtd_shadow_event event;

		KUNIT_ASSERT_TRUE(test, next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
		KUNIT_EXPECT_EQ(test, event.error, EADDRINUSE);
		KUNIT_EXPECT_EQ(test, event.iova, rig->devices[1].resv_first);
	}
	KUNIT_EXPECT_EQ(test, flush_all(), EADDRINUSE);
	no_more_events(test);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
}

/*
 * What the host may do later
 */

static void retry(void)
{
	mutex_lock(&rig->b->unit->lock);
	vtds_retry_run(rig->b->unit);
	mutex_unlock(&rig->b->unit->lock);
}

static void expect_event(struct kunit *test, unsigned int type, int error)
{
	struct vtd_shadow_event event;

	KUNIT_ASSERT_TRUE(test, next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, type);
	KUNIT_EXPECT_EQ(test, event.error, error);
	KUNIT_EXPECT_EQ(test, event.reason, 0);
	no_more_events(test);
}

/* As while a device is being reset: nobody else will ask for it again. */
static void device_retries_attach(struct kunit *test)
{
	make_table(TABLE_A, 1);
	legacy_context(0, TABLE_A | 1);
	rig->devices[0].attach_error = -EBUSY;
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), BLOCKED);
	expect_event(test, VTD_SHADOW_EVENT_INSTALL, EBUSY);
	KUNIT_EXPECT_TRUE(test, rig->b->unit->troubled);

	for (unsigned int i = 2; i < 5; i++) {
		retry();
		KUNIT_EXPECT_EQ(test, rig->devices[0].nr_attaches, i);
		no_more_events(test);
	}
	KUNIT_EXPECT_GE(test, rig->b->unit->retry_ms, 800);
	rig->devices[0].attach_error = 0;
	retry();
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 0), SZ_PAGE));
	expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
	KUNIT_EXPECT_EQ(test, rig->b->unit->stats.retries, 4);

	/* What will not pass is not tried */
	drop(0);
	rig->devices[0].attach_error = -EINVAL;
	add(0);
	expect_event(test, VTD_SHADOW_EVENT_INSTALL, EINVAL);
	KUNIT_EXPECT_FALSE(test, rig->b->unit->troubled);
}

/* A host that cannot give access to the tables is no fault of the guest's. */
static void check_unreadable(struct kunit *test)
{
	struct fake_mem *mem = &rig->b->mem;

	mem->fail_in = 1;
	mem->fail_all = true;
	mem->error = -ENOMEM;
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), BLOCKED);
	expect_event(test, VTD_SHADOW_EVENT_INSTALL, ENOMEM);
	KUNIT_EXPECT_EQ(test, refresh(), ENOMEM);
	no_more_events(test);

	mem->fail_in = 0;
	retry();
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
	drop(0);
	/* A next time has pins of its own */
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_mem_trim(&rig->b->unit->mem);
	KUNIT_EXPECT_EQ(test, mem->nr_pinned, 0);
}

static void device_tables_unreadable(struct kunit *test)
{
	make_table(TABLE_A, 1);
	legacy_context(0, TABLE_A | 1);
	check_unreadable(test);
	scalable_mode();
	set_pasid(0, 0, 2, TABLE_A);
	check_unreadable(test);
}

/* A leaf that the host cannot pin, and the same again */
static void device_leaf_unpinned(struct kunit *test)
{
	make_table(TABLE_A, 1);
	legacy_context(0, TABLE_A | 1);
	add(0);
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, flush_all(), 0);
	vtds_mem_release_idle(&rig->b->unit->mem);
	vtds_mem_trim(&rig->b->unit->mem);

	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = DATA_GPA | SS_RW;
	rig->b->mem.fail_in = 1;
	rig->b->mem.fail_all = true;
	rig->b->mem.error = -ENOMEM;
	KUNIT_EXPECT_EQ(test, flush_all(), ENOMEM);
	expect_event(test, VTD_SHADOW_EVENT_INSTALL, ENOMEM);
	retry();
	no_more_events(test);
	KUNIT_EXPECT_FALSE(test, maps(host_of(0, 0), SZ_PAGE));
	rig->b->mem.fail_in = 0;
	retry();
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 0), SZ_PAGE));
	expect_event(test, VTD_SHADOW_EVENT_RECOVERED, 0);
}

/*
 * PASIDs
 */

/* Device 0 uses TABLE_A for requests without PASID, TABLE_B for PASID 5. */
static void two_tables(void)
{
	make_table(TABLE_A, 1);
	make_table(TABLE_B, 2);
	scalable_mode();
	rig->devices[0].pasids = true;
	set_pasid(0, 0, 2, TABLE_A);
	set_pasid(0, 5, 2, TABLE_B);
}

static void pasid_follows_entries(struct kunit *test)
{
	two_tables();
	set_pasid(0, 70, 4, 0);
	set_pasid(0, 71, 2, TABLE_A);
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, attached(0, 70), IDENTITY);
	/* A table is shared with requests without PASID */
	KUNIT_EXPECT_PTR_EQ(test, host_of(0, 71), host_of(0, 0));
	KUNIT_EXPECT_EQ(test, rig->nr_ports, 4);

	/* Present cleared, another table, another type */
	pasid_entry(0, 70)[0] &= ~1ULL;
	set_pasid(0, 71, 2, TABLE_B);
	set_pasid(0, 5, 4, 0);
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	KUNIT_EXPECT_EQ(test, attached(0, 70), BLOCKED);
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 71), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, attached(0, 5), IDENTITY);
	no_more_events(test);

	/* The directory entry goes, and with it all of its table */
	*bench_entry(rig->b, 0x20000, 1) = 0;
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 71), BLOCKED);
	rig->b->unit->te = false;
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, attached(0, 0), IDENTITY);
	KUNIT_EXPECT_EQ(test, rig->nr_ports, 1);
}

static void pasid_invalid(struct kunit *test)
{
	struct vtd_shadow_event event;

	make_table(TABLE_A, 1);
	scalable_mode();
	rig->devices[0].pasids = true;
	set_pasid(0, 0, 2, TABLE_A);
	set_pasid(0, 9, 2, TABLE_A);
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 9), SHADOW);
	no_more_events(test);

	/* First stage and nested: never the old shadow */
	for (unsigned int pgtt = 1; pgtt <= 3; pgtt += 2) {
		set_pasid(0, 9, pgtt, TABLE_A);
		refresh();
		KUNIT_EXPECT_EQ(test, attached(0, 9), BLOCKED);
		KUNIT_ASSERT_TRUE(test, next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_FAULT);
		KUNIT_EXPECT_EQ(test, event.reason, REASON_PASID_INVALID);
		KUNIT_EXPECT_EQ(test, event.pasid, 9);
		KUNIT_EXPECT_EQ(test, event.source_id, sid_of(0));
		refresh();
		no_more_events(test);
	}
	set_pasid(0, 9, 2, TABLE_A);
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 9), SHADOW);
}

/* Host or device have no PASIDs: an event, once, and requests are refused. */
static void pasid_unsupported(struct kunit *test)
{
	struct vtd_shadow_event event;
	struct vtds_setting setting;
	struct vtds_domain *domain;

	make_table(TABLE_A, 1);
	scalable_mode();
	set_pasid(0, 0, 2, TABLE_A);
	set_pasid(0, 6, 2, TABLE_A);
	set_pasid(0, 7, 4, 0);
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	for (u32 pasid = 6; pasid <= 7; pasid++) {
		KUNIT_EXPECT_EQ(test, attached(0, pasid), BLOCKED);
		KUNIT_ASSERT_TRUE(test, next_event(&event));
		KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
		KUNIT_EXPECT_EQ(test, event.error, EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, event.pasid, pasid);
	}
	KUNIT_EXPECT_EQ(test, refresh(), EOPNOTSUPP);
	no_more_events(test);
	KUNIT_EXPECT_EQ(test,
			vtds_pasid_lookup(&rig->devices[0].dev, 6, &setting,
					  &domain),
			BLOCKED);
	KUNIT_EXPECT_EQ(test,
			vtds_pasid_lookup(&rig->devices[0].dev, 8, &setting,
					  &domain),
			BLOCKED);
	KUNIT_EXPECT_EQ(test, setting.reason, REASON_PASID_NOT_PRESENT);
}

/* Without ECAP.PASID the entries of other PASIDs are none of ours. */
static void pasid_capability(struct kunit *test)
{
	scalable_mode();
	rig->devices[0].pasids = true;
	set_pasid(0, 0, 4, 0);
	set_pasid(0, 63, 4, 0);
	set_pasid(0, 64, 4, 0);
	rig->b->unit->caps.pasid_bits = 0;
	add(0);
	KUNIT_EXPECT_EQ(test, rig->nr_ports, 1);
	/* PASIDs of 6 bits */
	rig->b->unit->caps.pasid_bits = 6;
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 63), IDENTITY);
	KUNIT_EXPECT_EQ(test, attached(0, 64), BLOCKED);
	rig->b->unit->caps.pasid_bits = 20;
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 64), IDENTITY);
	/* With RPS another entry is that of requests without PASID */
	rig->b->unit->caps.rid_pasid = true;
	bench_entry(rig->b, 0x10000, 0)[1] = 64;
	refresh();
	KUNIT_EXPECT_EQ(test, attached(0, 64), BLOCKED);
	KUNIT_EXPECT_EQ(test, attached(0, 63), IDENTITY);
}

/* Puts device 1 into the host group of device 0. */
static void share_group(void)
{
	struct vtds_device *dev = &rig->devices[1].dev;

	iommu_group_put(dev->iommu_group);
	dev->iommu_group = iommu_group_ref_get(rig->devices[0].dev.iommu_group);
}

static void expect_refused(struct kunit *test, unsigned int i, u32 pasid)
{
	struct vtd_shadow_event event;

	KUNIT_EXPECT_EQ(test, attached(i, pasid), BLOCKED);
	KUNIT_ASSERT_TRUE(test, next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
	KUNIT_EXPECT_EQ(test, event.error, EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, event.source_id, sid_of(i));
	KUNIT_EXPECT_EQ(test, event.pasid, pasid);
}

/*
 * The host would attach a PASID for all of a group. So they go when a second device comes,
 * whatever its entries say, and come back when one of the two leaves.
 */
static void pasid_shared_group(struct kunit *test)
{
	struct vtds_setting setting;
	struct vtds_domain *domain;

	two_tables();
	set_pasid(0, 6, 4, 0);
	set_pasid(1, 0, 2, TABLE_A);
	set_pasid(1, 5, 2, TABLE_B);
	rig->devices[1].pasids = true;
	share_group();
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 5), SHADOW);
	KUNIT_EXPECT_EQ(test, attached(0, 6), IDENTITY);

	add(1);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	expect_refused(test, 0, 5);
	expect_refused(test, 0, 6);
	expect_refused(test, 1, 5);
	no_more_events(test);
	KUNIT_EXPECT_EQ(test,
			vtds_pasid_lookup(&rig->devices[0].dev, 5, &setting,
					  &domain),
			BLOCKED);
	KUNIT_EXPECT_EQ(test, refresh(), EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	no_more_events(test);

	drop(0);
	KUNIT_EXPECT_EQ(test, attached(1, 5), SHADOW);
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	no_more_events(test);
}

/* Nor does the host keep source-ids apart. */
static void pasid_several_source_ids(struct kunit *test)
{
	struct vtds_device *dev = &rig->devices[0].dev;

	two_tables();
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 5), SHADOW);
	drop(0);

	set_pasid(1, 0, 2, TABLE_A);
	add_with(0, 2);
	KUNIT_EXPECT_EQ(test, dev->requesters[1].sid, sid_of(1));
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	expect_refused(test, 0, 5);
	no_more_events(test);
}

/* The context entry permits requests with PASID, or does not. */
static void pasid_enable(struct kunit *test)
{
	u64 *context;

	two_tables();
	context = bench_entry(rig->b, 0x10000, 0);
	*context &= ~8ULL;
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	*context |= 8;
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	KUNIT_EXPECT_EQ(test, attached(0, 5), SHADOW);
	*context &= ~8ULL;
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	no_more_events(test);
}

static unsigned int reason_of(u32 pasid)
{
	struct vtds_setting setting;
	struct vtds_domain *domain;
	unsigned int where;

	where = vtds_pasid_lookup(&rig->devices[0].dev, pasid, &setting,
				  &domain);
	KUNIT_EXPECT_EQ(rig->b->test, where, BLOCKED);
	KUNIT_EXPECT_NULL(rig->b->test, domain);
	return setting.reason;
}

/* What TRANSLATE says of PASIDs that are not attached */
static void pasid_reasons(struct kunit *test)
{
	struct vtds_unit *unit = rig->b->unit;
	u64 *context;

	two_tables();
	context = bench_entry(rig->b, 0x10000, 0);
	unit->caps.rid_pasid = true;
	context[1] = 5;
	add(0);
	mutex_lock(&unit->lock);
	KUNIT_EXPECT_EQ(test, reason_of(7), REASON_PASID_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, reason_of(128 * 64), REASON_PASID_TOO_LARGE);
	/* That of RID_PASID is good, and is for other requests */
	KUNIT_EXPECT_EQ(test, reason_of(5), 0);
	*context &= ~8ULL;
	KUNIT_EXPECT_EQ(test, reason_of(7), REASON_PASID_DISABLED);
	KUNIT_EXPECT_EQ(test, reason_of(5), REASON_PASID_DISABLED);
	unit->rtaddr = ROOT_GPA;
	KUNIT_EXPECT_EQ(test, reason_of(5), REASON_LEGACY_MODE);
	unit->te = false;
	KUNIT_EXPECT_EQ(test, reason_of(5), 0);
	mutex_unlock(&unit->lock);
}

#define NO_PASID U32_MAX

/* TRANSLATE, as the VMM calls it */
static struct vtd_shadow_translate translate(u32 pasid, u64 iova)
{
	struct vtds_unit *unit = rig->b->unit;
	struct vtd_shadow_translate cmd = {
		.source_id = sid_of(0),
		.flags = pasid == NO_PASID ? 0 : VTD_SHADOW_TRANSLATE_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid,
		.iova = iova,
	};

	/* As after BIND */
	unit->ictx = (struct iommufd_ctx *)rig;
	KUNIT_EXPECT_EQ(rig->b->test, vtds_unit_translate(unit, &cmd), 0);
	return cmd;
}

/* The page of make_table() is there. */
static void expect_page(struct kunit *test, u32 pasid, unsigned int page)
{
	struct vtd_shadow_translate answer = translate(pasid, page * SZ_PAGE);

	KUNIT_EXPECT_EQ(test, answer.attachment, SHADOW);
	KUNIT_EXPECT_EQ(test, answer.perm, 3);
	KUNIT_EXPECT_EQ(test, answer.gpa, DATA_GPA + page * SZ_PAGE);
}

static void expect_no_page(struct kunit *test, u32 pasid, u64 iova,
			   unsigned int attachment, unsigned int reason)
{
	struct vtd_shadow_translate answer = translate(pasid, iova);

	KUNIT_EXPECT_EQ(test, answer.attachment, attachment);
	KUNIT_EXPECT_EQ(test, answer.perm, 0);
	KUNIT_EXPECT_EQ(test, answer.gpa, 0);
	KUNIT_EXPECT_EQ(test, answer.fault_reason, reason);
}

/*
 * A request without PASID to the interrupt range is an interrupt. One with PASID is like
 * any other, but nothing is mapped for it.
 */
static void pasid_interrupt_range(struct kunit *test)
{
	const u64 iova = 0xfee01000, table = TABLE_B + 4 * SZ_PAGE;

	two_tables();
	add(0);
	expect_page(test, NO_PASID, 1);
	expect_page(test, 5, 2);
	expect_no_page(test, NO_PASID, iova, SHADOW, REASON_INTERRUPT_RANGE);
	expect_no_page(test, 5, iova, SHADOW, REASON_NO_READ);

	*bench_entry(rig->b, TABLE_B + SZ_PAGE, 3) = table | SS_RW;
	*bench_entry(rig->b, table, 0x1f7) = (table + SZ_PAGE) | SS_RW;
	*bench_entry(rig->b, table + SZ_PAGE, 1) = DATA_GPA | SS_RW;
	*bench_entry(rig->b, table + SZ_PAGE, 0) = 0;
	KUNIT_EXPECT_EQ(test, flush_all(), 0);
	KUNIT_EXPECT_FALSE(test, maps(host_of(0, 5), iova));
	expect_no_page(test, 5, iova, SHADOW, REASON_NOT_INSTALLED);
	expect_no_page(test, 5, iova - SZ_PAGE, SHADOW, REASON_NO_READ);
	/* Without PASID on the same table */
	set_pasid(0, 0, 2, TABLE_B);
	refresh();
	expect_no_page(test, NO_PASID, iova, SHADOW, REASON_INTERRUPT_RANGE);
	no_more_events(test);
}

/* PASID 0 is the host's name for none, if it has PASIDs at all. */
static void pasid_none(struct kunit *test)
{
	two_tables();
	add(0);
	expect_page(test, 0, 1);
	expect_no_page(test, 7, SZ_PAGE, BLOCKED, REASON_PASID_NOT_PRESENT);
	rig->devices[0].pasids = false;
	expect_no_page(test, 0, SZ_PAGE, BLOCKED, REASON_NOT_INSTALLED);
	rig->devices[0].pasids = true;
	no_more_events(test);

	/* With its entry for itself the guest is told that it cannot be had */
	rig->b->unit->caps.rid_pasid = true;
	bench_entry(rig->b, 0x10000, 0)[1] = 5;
	KUNIT_EXPECT_EQ(test, refresh(), EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	/* TABLE_B is now that of requests without PASID */
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 0), 2 * SZ_PAGE));
	expect_page(test, 0, 2);
	expect_no_page(test, 5, 2 * SZ_PAGE, BLOCKED, REASON_NOT_INSTALLED);
}

/* The operator's limit: an event, once until a PASID leaves, and room for another then */
static void pasid_limit(struct kunit *test)
{
	struct vtd_shadow_event event;
	unsigned int limit = vtds_max_pasids;

	two_tables();
	vtds_max_pasids = 2;
	for (u32 pasid = 6; pasid < 9; pasid++)
		set_pasid(0, pasid, 2, TABLE_B);
	add(0);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, refresh(), ENOSPC);
		KUNIT_EXPECT_EQ(test, attached(0, 6), SHADOW);
		KUNIT_EXPECT_EQ(test, attached(0, 7), BLOCKED);
	}
	KUNIT_ASSERT_TRUE(test, next_event(&event));
	KUNIT_EXPECT_EQ(test, event.type, VTD_SHADOW_EVENT_INSTALL);
	KUNIT_EXPECT_EQ(test, event.error, ENOSPC);
	KUNIT_EXPECT_EQ(test, event.source_id, sid_of(0));
	KUNIT_EXPECT_EQ(test, event.pasid, 7);
	no_more_events(test);

	/* One leaves, and another one is in its place with the same call */
	pasid_entry(0, 5)[0] = 0;
	pasid_entry(0, 8)[0] = 0;
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, attached(0, 7), SHADOW);
	no_more_events(test);
	/* The table of requests without PASID is no matter of this limit */
	vtds_max_pasids = 0;
	drop(0);
	add(0);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, attached(0, 6), BLOCKED);
	vtds_max_pasids = limit;
}

/* A host domain that did not do as asked is taken from PASIDs, too. */
static void pasid_broken_domain(struct kunit *test)
{
	two_tables();
	set_pasid(0, 6, 2, TABLE_B);
	add(0);
	host_of(0, 5)->short_in = 1;
	*bench_entry(rig->b, TABLE_B + 3 * SZ_PAGE, 2) = 0;
	KUNIT_EXPECT_EQ(test, flush_all(), EIO);
	KUNIT_EXPECT_EQ(test, attached(0, 0), SHADOW);
	KUNIT_EXPECT_EQ(test, attached(0, 5), BLOCKED);
	KUNIT_EXPECT_EQ(test, attached(0, 6), BLOCKED);
	/* The next chance is a domain that works */
	make_table(TABLE_B, 3);
	KUNIT_EXPECT_EQ(test, refresh(), 0);
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 5), 3 * SZ_PAGE));
	KUNIT_EXPECT_PTR_EQ(test, host_of(0, 5), host_of(0, 6));
}

/* The domain-id changed in place; only the IOTLB is told, by the new one. */
static void pasid_did_in_memory(struct kunit *test)
{
	two_tables();
	add(0);

	pasid_entry(0, 5)[1] = 9;
	*bench_entry(rig->b, TABLE_B + 3 * SZ_PAGE, 2) = 0;
	*bench_entry(rig->b, TABLE_A + 3 * SZ_PAGE, 1) = 0;
	KUNIT_EXPECT_EQ(test, flush_did(8), 0);
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_EQ(test, flush_did(9), 0);
	KUNIT_EXPECT_FALSE(test, maps(host_of(0, 5), 2 * SZ_PAGE));
	KUNIT_EXPECT_TRUE(test, maps(host_of(0, 0), SZ_PAGE));
}

static int device_set_up(struct kunit *test)
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
		d->dev.vdev = &d->vdev;
		d->dev.iommu_group = iommu_group_alloc();
		if (IS_ERR(d->dev.iommu_group))
			return PTR_ERR(d->dev.iommu_group);
		xa_init(&d->dev.pasids);
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

static void device_tear_down(struct kunit *test)
{
	struct bench *b = test->priv;

	if (rig && b && b->unit) {
		for (unsigned int i = 0; i < MANY_DEVICES; i++)
			if (rig->devices[i].dev.owner)
				drop(i);
		KUNIT_EXPECT_EQ(test, rig->nr_ports, 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&b->unit->domains));
		KUNIT_EXPECT_EQ(test, b->unit->nr_pasids, 0);
		for (unsigned int i = 0; i < MANY_DOMAINS; i++)
			KUNIT_EXPECT_NULL(test, rig->hosts[i]);
	}
	for (unsigned int i = 0; rig && i < MANY_DEVICES; i++)
		if (!IS_ERR_OR_NULL(rig->devices[i].dev.iommu_group))
			iommu_group_put(rig->devices[i].dev.iommu_group);
	bench_exit(test);
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(device_shares),
	KUNIT_CASE(device_other_host),
	KUNIT_CASE(device_reserved),
	KUNIT_CASE(pasid_follows_entries),
	KUNIT_CASE(pasid_invalid),
	KUNIT_CASE(pasid_unsupported),
	KUNIT_CASE(pasid_capability),
	KUNIT_CASE(pasid_broken_domain),
	KUNIT_CASE(pasid_did_in_memory),
	KUNIT_CASE(device_retries_attach),
	KUNIT_CASE(device_leaf_unpinned),
	KUNIT_CASE(device_tables_unreadable),
	KUNIT_CASE(pasid_shared_group),
	KUNIT_CASE(pasid_enable),
	KUNIT_CASE(pasid_several_source_ids),
	KUNIT_CASE(pasid_reasons),
	KUNIT_CASE(pasid_interrupt_range),
	KUNIT_CASE(pasid_none),
	KUNIT_CASE(pasid_limit),
	{},
};

static struct kunit_suite device_suite = {
	.name = "vtd_shadow_device",
	.init = device_set_up,
	.exit = device_tear_down,
	.suite_init = fake_mem_suite_init,
	.suite_exit = fake_mem_suite_exit,
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
