// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linger: host groups that a detach did not take off their domain. Serves
 * host_domain.c, calls the IOMMU core.
 *
 * Until 7.0.10 a detach while the device is being reset does nothing, apart from a
 * warning, and what is attached comes back when the reset ends. So it is looked at what
 * a group really has: the detach is repeated until it has something else, and as long
 * as it has not the domain is not freed.
 */
#define pr_fmt(fmt) "vtd_shadow: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "host_domain.h"
#include "linger.h"
#include "work.h"

/* Milliseconds to the first attempt, and the most between two: the core warns each time */
#define LINGER_FIRST 100U
#define LINGER_LAST 10000U

/**
 * struct lingering - A group that still has a domain
 * @entry: In linger_list
 * @domain: The domain
 * @group: The group, with a reference
 * @dev: A device of it, with a reference
 * @orphan: Nobody else wants the domain any more: whoever is last frees it
 */
struct lingering {
	struct list_head entry;
	struct iommu_domain *domain;
	struct iommu_group *group;
	struct device *dev;
	bool orphan;
};

static void linger_work_fn(struct work_struct *work);

static DEFINE_MUTEX(linger_lock); /* all that follows */
static LIST_HEAD(linger_list);
static unsigned int linger_ms;
static DECLARE_DELAYED_WORK(linger_work, linger_work_fn);

/* Whether the group of a device has a domain. */
bool vtds_linger_has(struct iommu_domain *domain, struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_linger_has, domain, dev);

	return iommu_get_domain_for_dev(dev) == domain;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_linger_has);

void vtds_linger_detach(struct iommu_domain *domain, struct iommu_group *group)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_linger_detach, domain, group);

	iommu_detach_group(domain, group);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_linger_detach);

/* A group was detached from a domain, and has it nevertheless. */
void vtds_linger_add(struct iommu_domain *domain,
		     const struct vtds_dev_pasid *dev_pasid)
{
	/* A page that devices reach and nobody knows of would be the alternative */
	struct lingering *l = kzalloc(sizeof(*l), GFP_KERNEL | __GFP_NOFAIL);
	struct device *dev = dev_pasid->dev;

	dev_warn_ratelimited(dev,
			     "cannot be detached, in reset; trying again\n");
	l->domain = domain;
	l->group = iommu_group_ref_get(dev_pasid->group);
	l->dev = get_device(dev);
	guard(mutex)(&linger_lock);
	list_add_tail(&l->entry, &linger_list);
	linger_ms = LINGER_FIRST;
	vtds_work_queue(&linger_work, linger_ms);
}

void vtds_linger_free_now(struct iommu_domain *domain)
{
	KUNIT_STATIC_STUB_REDIRECT(vtds_linger_free_now, domain);

	iommu_domain_free(domain);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_linger_free_now);

/* Frees a domain, as soon as no group has it any more. */
void vtds_linger_free(struct iommu_domain *domain)
{
	struct lingering *l;
	bool found = false;

	guard(mutex)(&linger_lock);
	list_for_each_entry(l, &linger_list, entry) {
		if (l->domain != domain)
			continue;
		l->orphan = true;
		found = true;
	}
	if (!found)
		vtds_linger_free_now(domain);
}

static bool lingers(struct iommu_domain *domain)
{
	struct lingering *l;

	list_for_each_entry(l, &linger_list, entry)
		if (l->domain == domain)
			return true;
	return false;
}

static void linger_end(struct lingering *l)
{
	list_del(&l->entry);
	if (l->orphan && !lingers(l->domain))
		vtds_linger_free_now(l->domain);
	put_device(l->dev);
	iommu_group_put(l->group);
	kfree(l);
}

/* Tries to detach what lingers. Returns whether anything is left. */
bool vtds_linger_run(void)
{
	struct lingering *l, *next;

	guard(mutex)(&linger_lock);
	list_for_each_entry_safe(l, next, &linger_list, entry) {
		if (vtds_linger_has(l->domain, l->dev))
			vtds_linger_detach(l->domain, l->group);
		if (!vtds_linger_has(l->domain, l->dev))
			linger_end(l);
	}
	return !list_empty(&linger_list);
}
EXPORT_SYMBOL_IF_KUNIT(vtds_linger_run);

static void linger_work_fn(struct work_struct *work)
{
	if (!vtds_linger_run())
		return;
	guard(mutex)(&linger_lock);
	linger_ms = min(linger_ms * 2, LINGER_LAST);
	vtds_work_queue(&linger_work, linger_ms);
}

/* The module goes. A domain that a group still has is left to it, empty as it is. */
void vtds_linger_end(void)
{
	cancel_delayed_work_sync(&linger_work);
	if (vtds_linger_run())
		pr_err("a device in reset could not be detached, its empty domain stays\n");
}
