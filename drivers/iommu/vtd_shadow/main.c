// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vtd_shadow: the misc device and its ioctl table. No policy here.
 */
#include <kunit/visibility.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "vtd_shadow_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* 256 Ki tables of 512 entries: 512 GiB by 4 KiB pages, 1 GiB of mirror */
unsigned long vtds_max_nodes = 1UL << 18;
module_param_named(max_nodes, vtds_max_nodes, ulong, 0644);
MODULE_PARM_DESC(max_nodes, "Most mirrored table pages of one unit");

unsigned long vtds_max_pages = 1UL << 27;
module_param_named(max_pages, vtds_max_pages, ulong, 0644);
MODULE_PARM_DESC(max_pages, "Most 4 KiB pages mapped by one unit");

/* Each costs an attachment, each table among them a page table of the host */
unsigned int vtds_max_pasids = 64;
EXPORT_SYMBOL_IF_KUNIT(vtds_max_pasids);
module_param_named(max_pasids, vtds_max_pasids, uint, 0644);
MODULE_PARM_DESC(max_pasids, "Most PASIDs of one unit, 4096 at most");

union vtds_cmd {
	struct vtd_shadow_get_info get_info;
	struct vtd_shadow_bind bind;
	struct vtd_shadow_set_state set_state;
	struct vtd_shadow_add_device add_device;
	struct vtd_shadow_remove_device remove_device;
	struct vtd_shadow_invalidate invalidate;
	struct vtd_shadow_resync resync;
	struct vtd_shadow_translate translate;
	struct vtd_shadow_get_stats get_stats;
	struct vtd_shadow_run_queue run_queue;
};

/**
 * struct vtds_ioctl_op - One ioctl
 * @size: Of the structure that this kernel knows
 * @min_size: Of the first version of it
 * @execute: The body; sees only the kernel's copy
 */
struct vtds_ioctl_op {
	unsigned int size;
	unsigned int min_size;
	int (*execute)(struct vtds_unit *unit, void *cmd);
};

#define IOCTL_OP(_cmd, _fn, _struct, _last)              \
	[_IOC_NR(_cmd) - VTD_SHADOW_CMD_BASE] = {        \
		.size = sizeof(_struct),                 \
		.min_size = offsetofend(_struct, _last), \
		.execute = _fn,                          \
	}

static const struct vtds_ioctl_op vtds_ioctl_ops[] = {
	IOCTL_OP(VTD_SHADOW_GET_INFO, vtds_unit_get_info,
		 struct vtd_shadow_get_info, capabilities),
	IOCTL_OP(VTD_SHADOW_BIND, vtds_unit_bind, struct vtd_shadow_bind,
		 max_pages),
	IOCTL_OP(VTD_SHADOW_SET_STATE, vtds_unit_set_state,
		 struct vtd_shadow_set_state, __reserved),
	IOCTL_OP(VTD_SHADOW_ADD_DEVICE, vtds_unit_add_device,
		 struct vtd_shadow_add_device, install_errno),
	IOCTL_OP(VTD_SHADOW_REMOVE_DEVICE, vtds_unit_remove_device,
		 struct vtd_shadow_remove_device, __reserved),
	IOCTL_OP(VTD_SHADOW_INVALIDATE, vtds_unit_invalidate,
		 struct vtd_shadow_invalidate, __reserved),
	IOCTL_OP(VTD_SHADOW_RESYNC, vtds_unit_resync, struct vtd_shadow_resync,
		 __reserved),
	IOCTL_OP(VTD_SHADOW_TRANSLATE, vtds_unit_translate,
		 struct vtd_shadow_translate, __reserved),
	IOCTL_OP(VTD_SHADOW_GET_STATS, vtds_unit_get_stats,
		 struct vtd_shadow_get_stats, install_failures),
	IOCTL_OP(VTD_SHADOW_RUN_QUEUE, vtds_unit_run_queue,
		 struct vtd_shadow_run_queue, __reserved),
};

static const struct vtds_ioctl_op *ioctl_find(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd) - VTD_SHADOW_CMD_BASE;

	if (cmd != _IO(VTD_SHADOW_TYPE, _IOC_NR(cmd)) ||
	    nr >= ARRAY_SIZE(vtds_ioctl_ops))
		return NULL;
	return &vtds_ioctl_ops[nr];
}

/*
 * Copies a structure of the size that its first field says. That comes along with the
 * rest: each access to user memory has a price, whatever its length.
 */
static int copy_cmd(const struct vtds_ioctl_op *op, void *cmd,
		    void __user *uptr, u32 *user_size)
{
	if (copy_from_user(cmd, uptr, op->min_size)) {
		/* Memory may end behind a size that is too small */
		if (get_user(*user_size, (u32 __user *)uptr))
			return -EFAULT;
		return *user_size < op->min_size ? -EINVAL : -EFAULT;
	}
	*user_size = *(u32 *)cmd;
	if (*user_size < op->min_size)
		return -EINVAL;
	if (*user_size > PAGE_SIZE)
		return -E2BIG;
	if (*user_size == op->size && op->size == op->min_size)
		return 0;
	return copy_struct_from_user(cmd, op->size, uptr, *user_size);
}

static long vtds_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct vtds_ioctl_op *op = ioctl_find(cmd);
	void __user *uptr = (void __user *)arg;
	/* All that an operation sees of it is copied from the caller */
	union vtds_cmd buf __uninitialized;
	u32 user_size;
	int ret;

	if (!op)
		return -ENOTTY;
	ret = copy_cmd(op, &buf, uptr, &user_size);
	if (ret)
		return ret;

	ret = op->execute(file->private_data, &buf);
	/* On errors too: INVALIDATE says how far it came */
	if (copy_to_user(uptr, &buf, min(user_size, op->size)))
		return -EFAULT;
	return ret;
}

static ssize_t vtds_read(struct file *file, char __user *to, size_t size,
			 loff_t *offset)
{
	struct vtds_unit *unit = file->private_data;

	return vtds_events_read(unit->events, to, size,
				file->f_flags & O_NONBLOCK);
}

static __poll_t vtds_poll(struct file *file, struct poll_table_struct *wait)
{
	struct vtds_unit *unit = file->private_data;

	return vtds_events_poll(unit->events, file, wait);
}

static int vtds_open(struct inode *inode, struct file *file)
{
	struct vtds_unit *unit = vtds_unit_alloc();

	if (!unit)
		return -ENOMEM;
	file->private_data = unit;
	return stream_open(inode, file);
}

static int vtds_release(struct inode *inode, struct file *file)
{
	vtds_unit_release(file->private_data);
	return 0;
}

static const struct file_operations vtds_fops = {
	.owner = THIS_MODULE,
	.open = vtds_open,
	.release = vtds_release,
	.read = vtds_read,
	.poll = vtds_poll,
	.unlocked_ioctl = vtds_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice vtds_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vtd_shadow",
	.fops = &vtds_fops,
};

static int __init vtds_init(void)
{
	int ret = vtds_work_begin();

	if (ret)
		return ret;
	ret = misc_register(&vtds_misc);
	if (ret)
		vtds_work_end();
	return ret;
}
module_init(vtds_init);

static void __exit vtds_exit(void)
{
	misc_deregister(&vtds_misc);
	vtds_linger_end();
	vtds_work_end();
}
module_exit(vtds_exit);

MODULE_DESCRIPTION("Shadow second-stage tables of guest VT-d units");
MODULE_LICENSE("GPL");
VTDS_IMPORT_NS(IOMMUFD);
