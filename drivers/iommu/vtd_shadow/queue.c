// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where descriptors come from: an array of the VMM's, or the guest's own
 * invalidation queue. Serves ioctl.c; calls inval.c for each, and guest_mem.c.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "error.h"
#include "guest_ctx.h"
#include "guest_mem.h"
#include "inval.h"
#include "queue.h"
#include "unit.h"
#include "vtd_format.h"

/* --- An array --- */

/* Runs descriptors until one is malformed. Returns the reason, or none. */
static enum vtd_shadow_iqei run_array(struct vtds_batch *batch,
				      const u64 *descs, unsigned int nr_qwords,
				      u32 count, u32 *done)
{
	struct vtds_inval inval;
	enum vtd_shadow_iqei iqei;

	for (u32 i = 0; i < count; i++) {
		iqei = vtds_inval_run(batch, &descs[i * nr_qwords], nr_qwords,
				      &inval);
		if (iqei)
			return iqei;
		(*done)++;
		batch->unit->stats.descriptors++;
	}
	return VTD_SHADOW_IQEI_NONE;
}

/**
 * vtds_queue_run_array() - Process an array of descriptors
 * @batch: The batch
 * @cmd: See struct vtd_shadow_invalidate; @cmd->done and @cmd->iqei are set
 *
 * Return: 0, -EFAULT, or -EINTR if the caller is being killed.
 */
int vtds_queue_run_array(struct vtds_batch *batch,
			 struct vtd_shadow_invalidate *cmd)
{
	const void __user *from = u64_to_user_ptr(cmd->descs_uptr);
	unsigned int nr_qwords = cmd->desc_size / sizeof(u64);
	u32 most = VTDS_ARRAY_QWORDS / VTDS_NARROW_QWORDS;
	u64 *descs = batch->unit->descs;

	if (nr_qwords == VTDS_WIDE_QWORDS)
		most = VTDS_ARRAY_QWORDS / VTDS_WIDE_QWORDS;
	cmd->done = 0;
	cmd->iqei = VTD_SHADOW_IQEI_NONE;
	while (cmd->done < cmd->nr_descs && !cmd->iqei) {
		u32 count = min(cmd->nr_descs - cmd->done, most);

		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_from_user(descs, from + cmd->done * cmd->desc_size,
				   count * cmd->desc_size))
			return -EFAULT;
		cmd->iqei =
			run_array(batch, descs, nr_qwords, count, &cmd->done);
		if (cmd->done < cmd->nr_descs)
			cond_resched();
	}
	return 0;
}

/* --- The guest's queue --- */

/**
 * struct guest_queue - An invalidation queue in guest memory
 * @base: Its guest physical address
 * @size: Its length in bytes
 * @nr_qwords: Of one descriptor
 */
struct guest_queue {
	u64 base;
	u64 size;
	unsigned int nr_qwords;
};

/* Section 11.4.9.3. The queue has 2^QS pages. */
static void queue_decode(u64 iqa, struct guest_queue *queue)
{
	queue->base = iqa & VTD_IQA_BASE;
	queue->size = VTD_PAGE_SIZE << FIELD_GET(VTD_IQA_QS, iqa);
	queue->nr_qwords = iqa & VTD_IQA_DW ? VTDS_WIDE_QWORDS :
					      VTDS_NARROW_QWORDS;
}

/* Whether a register holds an offset in the queue, in steps of the narrow width. */
static bool offset_in_queue(const struct guest_queue *queue, u64 offset)
{
	return offset < queue->size &&
	       IS_ALIGNED(offset, VTDS_NARROW_QWORDS * sizeof(u64));
}

static bool offset_aligned(const struct guest_queue *queue, u64 offset)
{
	return IS_ALIGNED(offset, queue->nr_qwords * sizeof(u64));
}

/* What is wrong with the registers, section 11.4.9.9, before anything is fetched. */
static enum vtd_shadow_iqei queue_check(const struct vtds_unit *unit,
					const struct guest_queue *queue,
					u64 tail)
{
	if (vtds_unit_mode(unit) < 0)
		return VTD_SHADOW_IQEI_INVALID_MODE;
	if (queue->nr_qwords == VTDS_WIDE_QWORDS && !unit->caps.scalable)
		return VTD_SHADOW_IQEI_INVALID_WIDTH;
	if (!offset_in_queue(queue, tail))
		return VTD_SHADOW_IQEI_INVALID_TAIL;
	if (!offset_aligned(queue, tail))
		return VTD_SHADOW_IQEI_UNALIGNED_TAIL;
	return VTD_SHADOW_IQEI_NONE;
}

static int queue_fetch(struct vtds_unit *unit, const struct guest_queue *queue,
		       u64 offset, u64 *desc)
{
	u64 gpa = queue->base + offset;

	if (gpa >> unit->caps.haw)
		return -ENOENT;
	return vtds_mem_read_entry(&unit->mem, gpa, desc, queue->nr_qwords);
}

static void stop(struct vtd_shadow_run_queue *cmd, u32 iqei)
{
	cmd->iqei = iqei;
	cmd->status |= VTD_SHADOW_QUEUE_STOPPED;
}

/* What a wait descriptor asks for once everything before it took effect. */
static int complete_wait(struct vtds_unit *unit, const struct vtds_inval *inval,
			 struct vtd_shadow_run_queue *cmd)
{
	int ret = 0;

	if (inval->status_write && inval->status_gpa >> unit->caps.haw)
		ret = -ENOENT;
	else if (inval->status_write)
		ret = vtds_mem_write_u32(&unit->mem, inval->status_gpa,
					 inval->status_data);
	if (!ret && inval->interrupt)
		cmd->status |= VTD_SHADOW_QUEUE_INTERRUPT;
	return ret;
}

/*
 * What becomes of a queue that guest memory cannot be had for: if there is none it stops
 * as on hardware. If the host is to blame the call fails, and may be made again.
 */
static int give_up(struct vtd_shadow_run_queue *cmd, u32 iqei, int error)
{
	if (!vtds_error_is_guests(error))
		return error == -ENOMEM ? -ENOMEM : -EIO;
	stop(cmd, iqei);
	return 0;
}

/* Processes the descriptor at the head. Returns 0, a negative errno, or stops the queue. */
static int run_head(struct vtds_batch *batch, const struct guest_queue *queue,
		    struct vtd_shadow_run_queue *cmd)
{
	u64 desc[VTDS_WIDE_QWORDS];
	enum vtd_shadow_iqei iqei;
	struct vtds_inval inval;
	int ret;

	ret = queue_fetch(batch->unit, queue, cmd->head, desc);
	if (ret)
		return give_up(cmd, VTD_SHADOW_IQEI_FETCH_FAILED, ret);
	iqei = vtds_inval_run(batch, desc, queue->nr_qwords, &inval);
	if (iqei) {
		stop(cmd, iqei);
		return 0;
	}
	ret = complete_wait(batch->unit, &inval, cmd);
	if (ret)
		return give_up(cmd, VTD_SHADOW_IQEI_NONE, ret);
	cmd->done++;
	batch->unit->stats.descriptors++;
	cmd->head = (cmd->head + queue->nr_qwords * sizeof(u64)) &
		    (queue->size - 1);
	return 0;
}

/**
 * vtds_queue_run_guest() - Process the guest's queue from head to tail
 * @batch: The batch
 * @cmd: See struct vtd_shadow_run_queue; the outputs and @cmd->head are set
 *
 * Return: 0; -EINVAL if the head is no place in the queue; -EINTR if the caller is
 * being killed; -ENOMEM or -EIO if the host cannot give access to guest memory now.
 */
int vtds_queue_run_guest(struct vtds_batch *batch,
			 struct vtd_shadow_run_queue *cmd)
{
	struct guest_queue queue;
	enum vtd_shadow_iqei iqei;
	int ret = 0;

	queue_decode(cmd->iqa, &queue);
	cmd->done = 0;
	cmd->iqei = VTD_SHADOW_IQEI_NONE;
	cmd->status = 0;
	if (!offset_in_queue(&queue, cmd->head) ||
	    !offset_aligned(&queue, cmd->head))
		return -EINVAL;
	iqei = queue_check(batch->unit, &queue, cmd->tail);
	if (iqei) {
		stop(cmd, iqei);
		return 0;
	}

	while (cmd->head != cmd->tail && !ret &&
	       !(cmd->status & VTD_SHADOW_QUEUE_STOPPED)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = run_head(batch, &queue, cmd);
		cond_resched();
	}
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_queue_run_guest);
