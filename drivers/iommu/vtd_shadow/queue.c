// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where descriptors come from: an array of the VMM's, or the guest's own
 * invalidation queue. Serves ioctl.c; calls inval.c for each, settle.c at barriers, and
 * guest_mem.c.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <uapi/linux/vtd_shadow.h>

#include "batch.h"
#include "error.h"
#include "guest_ctx.h"
#include "guest_mem.h"
#include "inval.h"
#include "queue.h"
#include "settle.h"
#include "trace.h"
#include "unit.h"
#include "vtd_format.h"

/* --- One descriptor --- */

/**
 * enum ran - What became of a descriptor
 * @RAN: It was done, or collected
 * @RAN_NOT: It was not, for want of time: it has to be run once more
 * @RAN_INTO_ERROR: It is malformed
 */
enum ran {
	RAN,
	RAN_NOT,
	RAN_INTO_ERROR,
};

static enum ran run_one(struct vtds_batch *batch, const u64 *desc,
			unsigned int nr_qwords, struct vtds_inval *inval,
			u32 *iqei)
{
	struct vtds_unit *unit = batch->unit;

	*iqei = vtds_inval_decode(&unit->caps, vtds_unit_mode(unit), desc,
				  nr_qwords, inval);
	trace_vtd_shadow_descriptor(unit->id, desc[0], desc[1], *iqei);
	if (*iqei)
		return RAN_INTO_ERROR;
	if (vtds_inval_is_barrier(inval)) {
		vtds_inval_refresh(batch);
		if (!vtds_barrier(batch))
			return RAN_NOT;
	}
	while (!vtds_inval_collect(batch, inval))
		if (!vtds_settle(batch))
			return RAN_NOT;
	return RAN;
}

/* --- An array --- */

/**
 * vtds_queue_run_array() - Process descriptors of an array
 * @batch: The batch
 * @cmd: See struct vtd_shadow_invalidate; @cmd->done and @cmd->iqei are set
 * @descs: The kernel's copy of those from @cmd->done on
 * @count: How many
 *
 * Context: as vtds_settle().
 *
 * Return: whether all of them were processed.
 */
bool vtds_queue_run_array(struct vtds_batch *batch,
			  struct vtd_shadow_invalidate *cmd, const u64 *descs,
			  u32 count)
{
	unsigned int nr_qwords = cmd->desc_size / sizeof(u64);
	struct vtds_inval inval;

	for (u32 i = 0; i < count; i++) {
		if (fatal_signal_pending(current))
			return false;
		if (run_one(batch, &descs[i * nr_qwords], nr_qwords, &inval,
			    &cmd->iqei) != RAN)
			return false;
		cmd->done++;
		batch->unit->stats.descriptors++;
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_queue_run_array);

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
	if (error == -EINTR)
		return error;
	if (!vtds_error_is_guests(error))
		return error == -ENOMEM ? -ENOMEM : -EIO;
	stop(cmd, iqei);
	return 0;
}

/* Has memory pinned that was not. Returns 0, or @ret, or -EINTR: a negative errno */
static int wait_for_memory(struct vtds_batch *batch, int ret)
{
	if (ret != -EAGAIN || !batch->unit->mem.want.wanted)
		return ret;
	return vtds_wait_for_memory(batch);
}

/* queue_fetch(), which waits for memory */
static int fetch_head(struct vtds_batch *batch, const struct guest_queue *queue,
		      u64 head, u64 *desc)
{
	int ret;

	do {
		batch->unit->mem.want.wanted = false;
		ret = queue_fetch(batch->unit, queue, head, desc);
		if (!ret)
			return 0;
		ret = wait_for_memory(batch, ret);
	} while (!ret);
	return ret;
}

static int complete_head(struct vtds_batch *batch,
			 const struct vtds_inval *inval,
			 struct vtd_shadow_run_queue *cmd)
{
	int ret;

	do {
		batch->unit->mem.want.wanted = false;
		ret = complete_wait(batch->unit, inval, cmd);
		if (!ret)
			return 0;
		ret = wait_for_memory(batch, ret);
	} while (!ret);
	return ret;
}

/* Processes the descriptor at the head. Returns 0, a negative errno, or stops the queue. */
static int run_head(struct vtds_batch *batch, const struct guest_queue *queue,
		    struct vtd_shadow_run_queue *cmd)
{
	u64 desc[VTDS_WIDE_QWORDS];
	struct vtds_inval inval;
	enum ran ran;
	u32 iqei;
	int ret;

	ret = fetch_head(batch, queue, cmd->head, desc);
	if (ret)
		return give_up(cmd, VTD_SHADOW_IQEI_FETCH_FAILED, ret);
	ran = run_one(batch, desc, queue->nr_qwords, &inval, &iqei);
	if (ran == RAN_INTO_ERROR)
		stop(cmd, iqei);
	if (ran == RAN_NOT)
		cmd->status |= VTD_SHADOW_MORE;
	if (ran != RAN)
		return 0;
	ret = complete_head(batch, &inval, cmd);
	if (ret)
		return give_up(cmd, VTD_SHADOW_IQEI_NONE, ret);
	cmd->done++;
	batch->unit->stats.descriptors++;
	cmd->head = (cmd->head + queue->nr_qwords * sizeof(u64)) &
		    (queue->size - 1);
	return 0;
}

/* Descriptors after which others may have the unit, and after which a call may end */
#define TURN_DESCS 64

static bool ends_early(struct vtds_batch *batch,
		       const struct vtd_shadow_run_queue *cmd)
{
	if (!cmd->done || cmd->done % TURN_DESCS)
		return false;
	cond_resched();
	vtds_batch_give_way(batch);
	batch->work -= !!batch->work;
	return !batch->work;
}

/**
 * vtds_queue_run_guest() - Process the guest's queue from head to tail
 * @batch: The batch
 * @cmd: See struct vtd_shadow_run_queue; the outputs and @cmd->head are set
 *
 * Context: as vtds_settle().
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
	       !(cmd->status & (VTD_SHADOW_QUEUE_STOPPED | VTD_SHADOW_MORE))) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = run_head(batch, &queue, cmd);
		if (!ret && ends_early(batch, cmd))
			cmd->status |= VTD_SHADOW_MORE;
	}
	vtds_inval_refresh(batch);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vtds_queue_run_guest);
