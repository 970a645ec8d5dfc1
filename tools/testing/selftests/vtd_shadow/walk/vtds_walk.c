// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a device leads: the domain that its IOMMU group is attached to now, looked up
 * page by page. For the tests that check the engine without asking it.
 *
 * For the test bed only. Nobody holds a domain that he does not own: the reference
 * keeps the device and its lock keeps the driver, but VFIO attaches and detaches
 * without it. Whoever calls sees to it that nobody does so meanwhile; the file is root's.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "vtds_walk.h"

static enum vtds_walk_kind walk_kind(const struct iommu_domain *domain)
{
	if (!domain || domain->type == IOMMU_DOMAIN_BLOCKED)
		return VTDS_WALK_NOTHING;
	if (domain->type == IOMMU_DOMAIN_IDENTITY)
		return VTDS_WALK_IDENTITY;
	return VTDS_WALK_TABLE;
}

/*
 * The range that begins at @iova, at most up to @last. Its size is zero if nothing is
 * mapped there.
 */
static struct vtds_walk_range walk_range(struct iommu_domain *domain, u64 iova,
					 u64 last)
{
	struct vtds_walk_range range = { .iova = iova };

	range.phys = iommu_iova_to_phys(domain, iova);
	if (!range.phys)
		return range;
	do {
		range.size += PAGE_SIZE;
	} while (iova + range.size <= last &&
		 iommu_iova_to_phys(domain, iova + range.size) ==
			 range.phys + range.size);
	return range;
}

static int walk_table(struct iommu_domain *domain, struct vtds_walk *cmd)
{
	struct vtds_walk_range __user *to = u64_to_user_ptr(cmd->ranges_uptr);
	u32 room = cmd->nr;
	u64 iova = cmd->first & PAGE_MASK;

	cmd->nr = 0;
	while (iova <= cmd->last && cmd->nr < room) {
		struct vtds_walk_range range =
			walk_range(domain, iova, cmd->last);

		if (range.size &&
		    copy_to_user(&to[cmd->nr++], &range, sizeof(range)))
			return -EFAULT;
		iova += range.size ?: PAGE_SIZE;
		cmd->first = iova;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * A driver that is being unbound waits, with the lock of the device, for the caller to
 * close it: who waits for that lock would wait for himself.
 */
static int walk_device(struct pci_dev *pdev, struct vtds_walk *cmd)
{
	struct iommu_domain *domain;
	int ret = 0;

	if (!device_trylock(&pdev->dev))
		return -EBUSY;
	domain = iommu_get_domain_for_dev(&pdev->dev);
	cmd->kind = walk_kind(domain);
	if (cmd->kind == VTDS_WALK_TABLE)
		ret = walk_table(domain, cmd);
	else
		cmd->nr = 0;
	device_unlock(&pdev->dev);
	return ret;
}

static long walk_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	void __user *to = (void __user *)arg;
	struct vtds_walk cmd;
	struct pci_dev *pdev;
	int ret;

	if (nr != VTDS_WALK)
		return -ENOTTY;
	if (copy_from_user(&cmd, to, sizeof(cmd)))
		return -EFAULT;
	if (cmd.last < cmd.first || cmd.last - cmd.first >= VTDS_WALK_MAX ||
	    cmd.last >> VTDS_WALK_BITS)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(cmd.segment, cmd.bus, cmd.devfn);
	if (!pdev)
		return -ENODEV;
	ret = walk_device(pdev, &cmd);
	pci_dev_put(pdev);
	if (!ret && copy_to_user(to, &cmd, sizeof(cmd)))
		ret = -EFAULT;
	return ret;
}

static const struct file_operations walk_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = walk_ioctl,
};

static struct miscdevice walk_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vtds_walk",
	.fops = &walk_fops,
	.mode = 0600,
};

module_misc_device(walk_misc);

MODULE_DESCRIPTION("Tests of vtd_shadow: shows where a device leads");
MODULE_LICENSE("GPL");
