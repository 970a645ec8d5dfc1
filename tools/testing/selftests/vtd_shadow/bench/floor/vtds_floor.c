// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping costs at least: the kernel's own calls, on a domain that is made and
 * attached as the engine makes and attaches its own, over page frames that are
 * known in advance. Nothing but these calls is in the measured time.
 *
 * For the test bed only: whoever may open the file can map memory of his own.
 */
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vtds_floor.h"

/* Pages of one measured stretch, and scatterlist entries */
#define FLOOR_BATCH 512

#define FLOOR_MAX_PAGES BIT(22)

/**
 * struct floor - One open file
 * @lock: Protects all that follows
 * @pdev: The device
 * @group: Its group
 * @domain: The domain, attached to @group; NULL before ATTACH
 * @pages: Pinned pages
 * @nr_pages: How many
 * @order: Indexes of them
 * @nr_order: How many
 * @sg: Scratch: FLOOR_BATCH entries
 */
struct floor {
	struct mutex lock; /* all that follows */
	struct pci_dev *pdev;
	struct iommu_group *group;
	struct iommu_domain *domain;
	struct page **pages;
	u64 nr_pages;
	u32 *order;
	u64 nr_order;
	struct scatterlist *sg;
};

/* --- Device and domain --- */

static struct iommu_domain *floor_domain(struct device *dev)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	if (IS_ERR(domain) ||
	    !device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY) ||
	    domain->ops->enforce_cache_coherency(domain))
		return domain;
	iommu_domain_free(domain);
	return ERR_PTR(-EINVAL);
}

static int floor_take(struct floor *floor, struct pci_dev *pdev)
{
	struct iommu_domain *domain;
	int ret;

	ret = iommu_device_claim_dma_owner(&pdev->dev, floor);
	if (ret)
		return ret;
	domain = floor_domain(&pdev->dev);
	if (IS_ERR(domain)) {
		ret = PTR_ERR(domain);
		goto err_release;
	}
	floor->group = iommu_group_get(&pdev->dev);
	ret = iommu_attach_group(domain, floor->group);
	if (ret)
		goto err_free;
	floor->domain = domain;
	floor->pdev = pdev;
	return 0;

err_free:
	iommu_group_put(floor->group);
	iommu_domain_free(domain);
err_release:
	iommu_device_release_dma_owner(&pdev->dev);
	return ret;
}

static int floor_attach(struct floor *floor, void __user *arg)
{
	struct vtds_floor_attach cmd;
	struct pci_dev *pdev;
	int ret;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (floor->domain)
		return -EBUSY;
	pdev = pci_get_domain_bus_and_slot(cmd.segment, cmd.bus, cmd.devfn);
	if (!pdev)
		return -ENODEV;
	ret = floor_take(floor, pdev);
	if (ret)
		pci_dev_put(pdev);
	return ret;
}

static void floor_detach(struct floor *floor)
{
	if (!floor->domain)
		return;
	iommu_detach_group(floor->domain, floor->group);
	iommu_domain_free(floor->domain);
	iommu_group_put(floor->group);
	iommu_device_release_dma_owner(&floor->pdev->dev);
	pci_dev_put(floor->pdev);
}

/* --- Memory --- */

static void floor_unpin(struct floor *floor)
{
	unpin_user_pages(floor->pages, floor->nr_pages);
	kvfree(floor->pages);
	floor->pages = NULL;
	floor->nr_pages = 0;
}

static int floor_pin(struct floor *floor, void __user *arg)
{
	struct vtds_floor_pin cmd;
	int ret = 0;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (cmd.nr_pages > FLOOR_MAX_PAGES || !PAGE_ALIGNED(cmd.uva))
		return -EINVAL;

	floor_unpin(floor);
	floor->nr_order = 0;
	floor->pages =
		kvcalloc(cmd.nr_pages, sizeof(*floor->pages), GFP_KERNEL);
	if (!floor->pages)
		return -ENOMEM;
	while (floor->nr_pages < cmd.nr_pages) {
		u64 rest = cmd.nr_pages - floor->nr_pages;

		ret = pin_user_pages_fast(cmd.uva + floor->nr_pages * PAGE_SIZE,
					  min_t(u64, rest, FLOOR_BATCH),
					  FOLL_WRITE | FOLL_LONGTERM,
					  floor->pages + floor->nr_pages);
		if (ret <= 0)
			break;
		floor->nr_pages += ret;
		cond_resched();
	}
	if (floor->nr_pages == cmd.nr_pages)
		return 0;
	floor_unpin(floor);
	return ret ?: -EFAULT;
}

static int floor_order(struct floor *floor, void __user *arg)
{
	struct vtds_floor_order cmd;
	u32 *order;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (!cmd.nr_pages || cmd.nr_pages > FLOOR_MAX_PAGES)
		return -EINVAL;
	order = kvmalloc_array(cmd.nr_pages, sizeof(*order), GFP_KERNEL);
	if (!order)
		return -ENOMEM;
	if (copy_from_user(order, u64_to_user_ptr(cmd.indexes_uptr),
			   cmd.nr_pages * sizeof(*order))) {
		kvfree(order);
		return -EFAULT;
	}
	for (u64 i = 0; i < cmd.nr_pages; i++)
		if (order[i] >= floor->nr_pages) {
			kvfree(order);
			return -EINVAL;
		}
	kvfree(floor->order);
	floor->order = order;
	floor->nr_order = cmd.nr_pages;
	return 0;
}

static struct page *floor_page(const struct floor *floor, u64 index)
{
	return floor->pages[floor->order[index]];
}

/* --- The measured calls --- */

/*
 * Pages [first, first + nr) as a scatterlist. Neighbours share an entry if their
 * memory is contiguous and they are in the same piece. Returns the number of
 * entries.
 */
static int floor_collect(struct floor *floor, u64 first, u64 nr, u32 piece)
{
	unsigned long next = 0;
	int nents = 0;

	for (u64 i = first; i < first + nr; i++) {
		struct page *page = floor_page(floor, i);

		if (nents && i % piece && page_to_pfn(page) == next) {
			floor->sg[nents - 1].length += PAGE_SIZE;
		} else {
			if (nents == FLOOR_BATCH)
				return -E2BIG;
			sg_set_page(&floor->sg[nents++], page, PAGE_SIZE, 0);
		}
		next = page_to_pfn(page) + 1;
	}
	return nents;
}

static int map_each(struct floor *floor, u64 iova, int nents, int prot)
{
	int ret = 0;

	for (int i = 0; i < nents && !ret; i++) {
		ret = iommu_map(floor->domain, iova, sg_phys(&floor->sg[i]),
				floor->sg[i].length, prot, GFP_KERNEL_ACCOUNT);
		iova += floor->sg[i].length;
	}
	return ret;
}

/* One batch. Returns 0 or a negative errno. */
static int map_batch(struct floor *floor, struct vtds_floor_run *cmd, u64 first,
		     u64 nr)
{
	int prot = IOMMU_CACHE | IOMMU_READ | (cmd->write ? IOMMU_WRITE : 0);
	int nents = floor_collect(floor, first, nr, cmd->piece);
	u64 iova = cmd->iova + first * PAGE_SIZE;
	ktime_t begin;
	ssize_t ret;

	if (nents < 0)
		return nents;
	begin = ktime_get();
	if (cmd->op == VTDS_FLOOR_MAP) {
		ret = map_each(floor, iova, nents, prot);
	} else {
		ret = iommu_map_sg(floor->domain, iova, floor->sg, nents, prot,
				   GFP_KERNEL_ACCOUNT);
		if (ret >= 0)
			ret = ret == nr * PAGE_SIZE ? 0 : -EIO;
	}
	cmd->ns += ktime_to_ns(ktime_sub(ktime_get(), begin));
	return ret;
}

static int run_map(struct floor *floor, struct vtds_floor_run *cmd)
{
	u64 batch = cmd->op == VTDS_FLOOR_MAP ?
			    max_t(u64, FLOOR_BATCH, cmd->piece) :
			    cmd->piece;
	int ret = 0;

	for (u64 i = 0; i < floor->nr_order && !ret; i += batch) {
		ret = map_batch(floor, cmd, i, min(batch, floor->nr_order - i));
		cond_resched();
	}
	return ret;
}

static int run_unmap(struct floor *floor, struct vtds_floor_run *cmd)
{
	u64 size = floor->nr_order * PAGE_SIZE;
	ktime_t begin = ktime_get();
	size_t done;

	done = iommu_unmap(floor->domain, cmd->iova, size);
	cmd->ns = ktime_to_ns(ktime_sub(ktime_get(), begin));
	return done == size ? 0 : -EIO;
}

static int unmap_batch(struct floor *floor, struct vtds_floor_run *cmd,
		       u64 first, u64 nr)
{
	ktime_t begin = ktime_get();
	u64 iova, step;
	int ret = 0;

	for (u64 i = first; i < first + nr && !ret; i += cmd->piece) {
		iova = cmd->iova + i * PAGE_SIZE;
		step = min_t(u64, cmd->piece, first + nr - i) * PAGE_SIZE;
		if (iommu_unmap(floor->domain, iova, step) != step)
			ret = -EIO;
	}
	cmd->ns += ktime_to_ns(ktime_sub(ktime_get(), begin));
	return ret;
}

static int run_unmap_each(struct floor *floor, struct vtds_floor_run *cmd)
{
	u64 batch = max_t(u64, FLOOR_BATCH, cmd->piece);
	int ret = 0;

	for (u64 i = 0; i < floor->nr_order && !ret; i += batch) {
		ret = unmap_batch(floor, cmd, i,
				  min(batch, floor->nr_order - i));
		cond_resched();
	}
	return ret;
}

static void free_copies(void **copies, u64 nr)
{
	for (u64 i = 0; i < nr; i++)
		free_page((unsigned long)copies[i]);
	kvfree(copies);
}

/* A page of its own for each copy: that is how a mirror is kept, too. */
static void **make_copies(struct floor *floor)
{
	void **copies = kvcalloc(floor->nr_order, sizeof(*copies), GFP_KERNEL);

	for (u64 i = 0; copies && i < floor->nr_order; i++) {
		copies[i] = (void *)__get_free_page(GFP_KERNEL);
		if (!copies[i]) {
			free_copies(copies, i);
			return NULL;
		}
		memcpy(copies[i], page_address(floor_page(floor, i)),
		       PAGE_SIZE);
	}
	return copies;
}

static int run_compare(struct floor *floor, struct vtds_floor_run *cmd)
{
	void **copies = make_copies(floor);
	bool differ = false;
	ktime_t begin;

	if (!copies)
		return -ENOMEM;
	begin = ktime_get();
	for (u64 i = 0; i < floor->nr_order; i++)
		differ |= memcmp(copies[i], page_address(floor_page(floor, i)),
				 PAGE_SIZE) != 0;
	cmd->ns = ktime_to_ns(ktime_sub(ktime_get(), begin));
	free_copies(copies, floor->nr_order);
	return differ ? -EIO : 0;
}

static int floor_run(struct floor *floor, void __user *arg)
{
	struct vtds_floor_run cmd;
	int ret;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (!floor->domain || !floor->nr_order || !cmd.piece)
		return -EINVAL;
	cmd.ns = 0;
	switch (cmd.op) {
	case VTDS_FLOOR_MAP:
	case VTDS_FLOOR_MAP_SG:
		ret = run_map(floor, &cmd);
		break;
	case VTDS_FLOOR_UNMAP_EACH:
		ret = run_unmap_each(floor, &cmd);
		break;
	case VTDS_FLOOR_UNMAP:
		ret = run_unmap(floor, &cmd);
		break;
	case VTDS_FLOOR_COMPARE:
		ret = run_compare(floor, &cmd);
		break;
	default:
		return -EINVAL;
	}
	if (!ret && copy_to_user(arg, &cmd, sizeof(cmd)))
		ret = -EFAULT;
	return ret;
}

/* --- The file --- */

static int floor_open(struct inode *inode, struct file *file)
{
	struct floor *floor = kzalloc(sizeof(*floor), GFP_KERNEL);

	if (!floor)
		return -ENOMEM;
	floor->sg = kcalloc(FLOOR_BATCH, sizeof(*floor->sg), GFP_KERNEL);
	if (!floor->sg) {
		kfree(floor);
		return -ENOMEM;
	}
	sg_init_table(floor->sg, FLOOR_BATCH);
	mutex_init(&floor->lock);
	file->private_data = floor;
	return 0;
}

static int floor_release(struct inode *inode, struct file *file)
{
	struct floor *floor = file->private_data;

	floor_detach(floor);
	floor_unpin(floor);
	kvfree(floor->order);
	kfree(floor->sg);
	mutex_destroy(&floor->lock);
	kfree(floor);
	return 0;
}

static long floor_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	struct floor *floor = file->private_data;
	void __user *to = (void __user *)arg;

	guard(mutex)(&floor->lock);
	switch (nr) {
	case VTDS_FLOOR_ATTACH:
		return floor_attach(floor, to);
	case VTDS_FLOOR_PIN:
		return floor_pin(floor, to);
	case VTDS_FLOOR_ORDER:
		return floor_order(floor, to);
	case VTDS_FLOOR_RUN:
		return floor_run(floor, to);
	}
	return -ENOTTY;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.release = floor_release,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice floor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vtds_floor",
	.fops = &floor_fops,
	.mode = 0600,
};

module_misc_device(floor_misc);

MODULE_DESCRIPTION("Benchmark of vtd_shadow: what the kernel's own calls cost");
MODULE_LICENSE("GPL");
