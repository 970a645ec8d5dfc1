// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vtd_shadow: the misc device and the table of its ioctls, which says what each of
 * them needs. No policy here. Calls the bodies in unit.c, info.c, ioctl.c,
 * translate.c and stats.c, and ends the batches that they are in.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "compat.h"
#include "debugfs.h"
#include "event.h"
#include "fault.h"
#include "flush.h"
#include "host_domain.h"
#include "info.h"
#include "ioctl.h"
#include "linger.h"
#include "main.h"
#include "settle.h"
#include "stats.h"
#include "translate.h"
#include "unit.h"
#include "work.h"

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

/* Each has a thread, 24 KiB of memory that nobody is charged for */
unsigned int vtds_max_units = 1024;
module_param_named(max_units, vtds_max_units, uint, 0644);
MODULE_PARM_DESC(max_units, "Most bound units of one memory cgroup");

/* The kernel's copy of any of them */
union vtds_cmd {
	struct vtd_shadow_get_info vtd_shadow_get_info;
	struct vtd_shadow_bind vtd_shadow_bind;
	struct vtd_shadow_set_state vtd_shadow_set_state;
	struct vtd_shadow_add_device vtd_shadow_add_device;
	struct vtd_shadow_remove_device vtd_shadow_remove_device;
	struct vtd_shadow_invalidate vtd_shadow_invalidate;
	struct vtd_shadow_resync vtd_shadow_resync;
	struct vtd_shadow_translate vtd_shadow_translate;
	struct vtd_shadow_get_stats vtd_shadow_get_stats;
	struct vtd_shadow_run_queue vtd_shadow_run_queue;
	struct vtd_shadow_get_domain_stats vtd_shadow_get_domain_stats;
	struct vtd_shadow_get_device_stats vtd_shadow_get_device_stats;
};

/**
 * enum vtds_needs - What must have happened to a unit before an ioctl
 * @VTDS_NEEDS_NOTHING: Nothing; the unit is not locked
 * @VTDS_NEEDS_BIND: BIND, else -ENODEV
 * @VTDS_NEEDS_STATE: SET_STATE as well, else -ENODATA
 */
enum vtds_needs {
	VTDS_NEEDS_NOTHING,
	VTDS_NEEDS_BIND,
	VTDS_NEEDS_STATE,
};

/**
 * struct vtds_ioctl_op - One ioctl
 * @size: Of the structure that this kernel knows
 * @min_size: Of the first version of it
 * @flags: Flags that exist
 * @reserved: Where a field that must be 0 is
 * @reserved_size: Its size, 0 if there is none
 * @install_errno: Where vtds_batch_end() is reported, 0 if it is not
 * @status: Where VTD_SHADOW_MORE is reported; without it a call goes on to its end
 * @needs: What must have happened before
 * @check: Checks arguments, or NULL; before @needs
 * @take: Copies what the structure points to, before the unit is locked, or NULL
 * @execute: The body, or NULL; sees only the kernel's copy
 * @batch: The body, if it needs a batch; followed by vtds_settle()
 */
struct vtds_ioctl_op {
	u16 size;
	u16 min_size;
	u32 flags;
	u16 reserved;
	u16 reserved_size;
	u16 install_errno;
	u16 status;
	enum vtds_needs needs;
	int (*check)(const void *cmd);
	int (*take)(const void *cmd, struct vtds_input *input);
	int (*execute)(struct vtds_unit *unit, void *cmd);
	int (*batch)(struct vtds_batch *batch, void *cmd, void **input);
};

/* How each structure begins */
static_assert(offsetof(struct vtd_shadow_resync, size) == 0);
static_assert(offsetof(struct vtd_shadow_resync, flags) == sizeof(u32));

#define IOCTL_OP(_cmd, _struct, _last, ...)                        \
	[_IOC_NR(_cmd) - VTD_SHADOW_CMD_BASE] = {                  \
		.size = sizeof(_struct) +                          \
			BUILD_BUG_ON_ZERO(sizeof(union vtds_cmd) < \
					  sizeof(_struct)),        \
		.min_size = offsetofend(_struct, _last),           \
		__VA_ARGS__,                                       \
	}

#define RESERVED(_struct)                          \
	.reserved = offsetof(_struct, __reserved), \
	.reserved_size = sizeof_field(_struct, __reserved)

#define INSTALL_ERRNO(_struct) .install_errno = offsetof(_struct, install_errno)
#define STATUS(_struct) .status = offsetof(_struct, status)

static const struct vtds_ioctl_op vtds_ioctl_ops[] = {
	IOCTL_OP(VTD_SHADOW_GET_INFO, struct vtd_shadow_get_info, capabilities,
		 .flags = VTD_SHADOW_INFO_DEVICE,
		 RESERVED(struct vtd_shadow_get_info),
		 .execute = vtds_unit_get_info),
	IOCTL_OP(VTD_SHADOW_BIND, struct vtd_shadow_bind, max_pages,
		 .flags = VTD_SHADOW_BIND_MAX_IDLE | VTD_SHADOW_BIND_BUDGET,
		 RESERVED(struct vtd_shadow_bind), .execute = vtds_bind),
	IOCTL_OP(VTD_SHADOW_SET_STATE, struct vtd_shadow_set_state, __reserved,
		 .flags = VTD_SHADOW_STATE_TE,
		 RESERVED(struct vtd_shadow_set_state),
		 INSTALL_ERRNO(struct vtd_shadow_set_state),
		 STATUS(struct vtd_shadow_set_state), .needs = VTDS_NEEDS_BIND,
		 .check = vtds_check_set_state, .batch = vtds_set_state),
	IOCTL_OP(VTD_SHADOW_ADD_DEVICE, struct vtd_shadow_add_device,
		 install_errno, RESERVED(struct vtd_shadow_add_device),
		 INSTALL_ERRNO(struct vtd_shadow_add_device),
		 STATUS(struct vtd_shadow_add_device), .needs = VTDS_NEEDS_BIND,
		 .take = vtds_take_sources, .batch = vtds_add_device),
	IOCTL_OP(VTD_SHADOW_REMOVE_DEVICE, struct vtd_shadow_remove_device,
		 __reserved, RESERVED(struct vtd_shadow_remove_device),
		 .needs = VTDS_NEEDS_BIND, .batch = vtds_remove_device),
	IOCTL_OP(VTD_SHADOW_INVALIDATE, struct vtd_shadow_invalidate, status,
		 INSTALL_ERRNO(struct vtd_shadow_invalidate),
		 STATUS(struct vtd_shadow_invalidate),
		 .needs = VTDS_NEEDS_STATE, .check = vtds_check_invalidate,
		 .take = vtds_take_descs, .batch = vtds_invalidate),
	IOCTL_OP(VTD_SHADOW_RESYNC, struct vtd_shadow_resync, status,
		 .flags = VTD_SHADOW_RESYNC_RELEASE | VTD_SHADOW_RESYNC_RANGE,
		 INSTALL_ERRNO(struct vtd_shadow_resync),
		 STATUS(struct vtd_shadow_resync), .needs = VTDS_NEEDS_STATE,
		 .check = vtds_check_resync, .batch = vtds_resync),
	IOCTL_OP(VTD_SHADOW_TRANSLATE, struct vtd_shadow_translate, __reserved,
		 .flags = VTD_SHADOW_TRANSLATE_PASID,
		 RESERVED(struct vtd_shadow_translate),
		 .needs = VTDS_NEEDS_STATE, .check = vtds_check_translate,
		 .execute = vtds_translate),
	IOCTL_OP(VTD_SHADOW_GET_STATS, struct vtd_shadow_get_stats,
		 install_failures, .needs = VTDS_NEEDS_BIND,
		 .execute = vtds_get_stats),
	IOCTL_OP(VTD_SHADOW_RUN_QUEUE, struct vtd_shadow_run_queue, __reserved,
		 RESERVED(struct vtd_shadow_run_queue),
		 INSTALL_ERRNO(struct vtd_shadow_run_queue),
		 STATUS(struct vtd_shadow_run_queue), .needs = VTDS_NEEDS_STATE,
		 .batch = vtds_run_queue),
	IOCTL_OP(VTD_SHADOW_GET_DOMAIN_STATS,
		 struct vtd_shadow_get_domain_stats, install_failures,
		 .needs = VTDS_NEEDS_BIND, .execute = vtds_get_domain_stats),
	IOCTL_OP(VTD_SHADOW_GET_DEVICE_STATS,
		 struct vtd_shadow_get_device_stats, attach_failures,
		 .needs = VTDS_NEEDS_BIND, .execute = vtds_get_device_stats),
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

/* What can be said of arguments without the unit */
static int check_cmd(const struct vtds_ioctl_op *op, const void *cmd)
{
	const struct vtd_shadow_resync *common = cmd;

	if ((common->flags & ~op->flags) ||
	    memchr_inv(cmd + op->reserved, 0, op->reserved_size))
		return -EOPNOTSUPP;
	return op->check ? op->check(cmd) : 0;
}

static bool has_status(const struct vtds_ioctl_op *op, u32 user_size)
{
	return op->status && op->status + sizeof(u32) <= user_size;
}

static void count_early_return(const struct vtds_ioctl_op *op,
			       struct vtds_unit *unit)
{
	unit->stats.early_returns++;
	trace_vtd_shadow_early_return(unit->id, VTD_SHADOW_CMD_BASE +
							(op - vtds_ioctl_ops));
}

/*
 * Runs the body and all that follows from it. A caller that cannot be told that there is
 * more gets all of it done.
 */
static noinline_for_stack int run_batch(const struct vtds_ioctl_op *op,
					struct vtds_unit *unit, void *cmd,
					void **input)
{
	bool can_tell = has_status(op, *(u32 *)cmd);
	struct vtds_batch batch __uninitialized;
	u32 install_errno;
	bool settled;
	int ret;

	vtds_batch_begin(&batch, unit);
	if (can_tell)
		*(u32 *)(cmd + op->status) = 0;
	else
		batch.work = U64_MAX;
	ret = op->batch(&batch, cmd, input);
	settled = vtds_settle(&batch);
	install_errno = vtds_batch_end(&batch);
	if (op->install_errno)
		*(u32 *)(cmd + op->install_errno) = install_errno;
	if (!settled && can_tell)
		*(u32 *)(cmd + op->status) |= VTD_SHADOW_MORE;
	if (can_tell && (*(u32 *)(cmd + op->status) & VTD_SHADOW_MORE))
		count_early_return(op, unit);
	if (!settled && fatal_signal_pending(current))
		ret = ret ?: -EINTR;
	return ret;
}

/* Returns 0, or -EINTR if the caller is being killed. */
static int call_begin(struct vtds_unit *unit)
{
	if (likely(atomic_add_unless(&unit->calls, 1, VTDS_MAX_CALLS)))
		return 0;
	return wait_event_killable(unit->call_ended,
				   atomic_add_unless(&unit->calls, 1,
						     VTDS_MAX_CALLS)) ?
		       -EINTR :
		       0;
}

static void call_end(struct vtds_unit *unit)
{
	atomic_dec(&unit->calls);
	if (unlikely(wq_has_sleeper(&unit->call_ended)))
		wake_up(&unit->call_ended);
}

static int run_locked(const struct vtds_ioctl_op *op, struct vtds_unit *unit,
		      void *cmd, void **input)
{
	int ret = vtds_unit_lock(unit, op->needs == VTDS_NEEDS_STATE);

	if (ret)
		return ret;
	ret = op->batch ? run_batch(op, unit, cmd, input) :
			  op->execute(unit, cmd);
	vtds_unit_unlock(unit);
	return ret;
}

static noinline_for_stack int run_cmd(const struct vtds_ioctl_op *op,
				      struct vtds_unit *unit, void *cmd)
{
	struct vtds_input input __uninitialized;
	int ret = check_cmd(op, cmd);

	if (ret)
		return ret;
	if (op->needs == VTDS_NEEDS_NOTHING)
		return op->execute(unit, cmd);
	input.data = NULL;
	if (op->take)
		ret = op->take(cmd, &input);
	if (!ret)
		ret = call_begin(unit);
	if (!ret) {
		ret = run_locked(op, unit, cmd, &input.data);
		call_end(unit);
	}
	vtds_input_free(&input);
	return ret;
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

	ret = run_cmd(op, file->private_data, &buf);
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
	vtds_debugfs_remove(file->private_data);
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
	vtds_fault_begin();
	vtds_debugfs_begin();
	ret = misc_register(&vtds_misc);
	if (ret) {
		vtds_debugfs_end();
		vtds_fault_end();
		vtds_work_end();
	}
	return ret;
}
module_init(vtds_init);

static void __exit vtds_exit(void)
{
	misc_deregister(&vtds_misc);
	vtds_debugfs_end();
	vtds_linger_end();
	vtds_work_end();
	vtds_host_zeroes_free();
	vtds_fault_end();
}
module_exit(vtds_exit);

MODULE_DESCRIPTION("Shadow second-stage tables of guest VT-d units");
MODULE_LICENSE("GPL");
VTDS_IMPORT_NS(IOMMUFD);
