// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls: what the VMM asks of the engine, through the file operations of its device, and
 * what a call that has returned tells.
 */
#include "kernel.h"
#include <linux/vtd_shadow.h>
#include <linux/list.h>
#include "unit.h"
#include "domain.h"
#include "fuzz.h"

static struct file file;
static bool is_open;
static bool more;

struct vtds_unit *calls_unit(void)
{
	return file.private_data;
}

/* The shadow that has a domain of the host, or NULL */
const struct vtds_domain *calls_shadow_of(struct iommu_domain *domain)
{
	const struct vtds_domain *d;

	list_for_each_entry(d, &calls_unit()->domains, entry)
		if (d->host.domain == domain)
			return d;
	return NULL;
}

static int call(unsigned int cmd, void *arg)
{
	int ret;

	progress_result();
	ret = fuzz_fops->unlocked_ioctl(&file, cmd, (unsigned long)arg);

	guest_time++;
	say("    %x: %d\n", cmd & 0xff, ret);
	return ret;
}

static void note_status(u32 status, u32 install_errno)
{
	more = status & VTD_SHADOW_MORE;
	if (install_errno == ENOSPC)
		announce_limit();
}

/* --- Life of a unit --- */

static void bind(unsigned int limits)
{
	static const u16 nodes[] = { 0, 300, 64, 24, 12, 6 };
	static const u16 pages[] = { 0, 4096, 600, 64 };
	static const u16 budgets[] = { 0, 0, 1, 2, 5, 30 };
	static const u16 idle[] = { 0, 0, 512, 1024 };
	struct vtd_shadow_bind cmd = {
		.size = sizeof(cmd),
		.iommufd = 3,
		.ioas_id = IOAS_ID,
		/* Without limits the guest's tables may be any number */
		.max_nodes = nodes[limits % 6] ?: 600,
		.max_pages = pages[limits / 6 % 4] ?: 600000,
		.budget = budgets[limits / 24 % 6],
		.max_idle_pages = idle[limits / 48 % 4],
	};

	if (cmd.budget)
		cmd.flags |= VTD_SHADOW_BIND_BUDGET;
	if (limits / 48 % 4)
		cmd.flags |= VTD_SHADOW_BIND_MAX_IDLE;
	call(VTD_SHADOW_BIND, &cmd);
	/* Once more is refused */
	call(VTD_SHADOW_BIND, &cmd);
}

void calls_open(unsigned int limits)
{
	file = (struct file){ .f_flags = O_NONBLOCK };
	is_open = !fuzz_fops->open(NULL, &file);
	more = false;
	if (is_open)
		bind(limits);
	else
		file.private_data = NULL;
}

void calls_close(void)
{
	if (is_open)
		fuzz_fops->release(NULL, &file);
	is_open = false;
	file.private_data = NULL;
}

/* --- State and devices --- */

void call_set_state(const struct regs *new_regs)
{
	struct vtd_shadow_set_state cmd = {
		.size = sizeof(cmd),
		.flags = new_regs->te ? VTD_SHADOW_STATE_TE : 0,
		.rtaddr = new_regs->rtaddr,
		.cap = new_regs->cap,
		.ecap = new_regs->ecap,
		.haw = new_regs->haw,
	};
	u64 time = ++guest_time;

	if (!is_open || call(VTD_SHADOW_SET_STATE, &cmd))
		return;
	regs = *new_regs;
	regs.known = true;
	note_status(cmd.status, cmd.install_errno);
	announce_all(time, more);
}

void call_add_device(unsigned int nr, unsigned int sids, u32 identity)
{
	u16 ids[2] = { guest_sids[sids % NR_SIDS],
		       guest_sids[(sids + 3) % NR_SIDS] };
	struct vtd_shadow_add_device cmd = {
		.size = sizeof(cmd),
		.dev_id = FIRST_DEV_ID + nr,
		.identity_pt_id = identity,
		.source_ids_uptr = (u64)ids,
		.nr_source_ids = sids / NR_SIDS % 4 == 3 ? 2 : 1,
	};

	u64 time = ++guest_time;

	if (!is_open || call(VTD_SHADOW_ADD_DEVICE, &cmd))
		return;
	announce_device(nr, ids, cmd.nr_source_ids, time);
	note_status(cmd.status, cmd.install_errno);
}

void call_remove_device(unsigned int nr)
{
	struct vtd_shadow_remove_device cmd = {
		.size = sizeof(cmd),
		.dev_id = FIRST_DEV_ID + nr,
	};

	if (is_open && !call(VTD_SHADOW_REMOVE_DEVICE, &cmd))
		announce_gone_device(nr);
}

/* --- Descriptors --- */

/* Where waits that were completed may have written */
static void note_writes(const struct descs *descs, unsigned int done)
{
	for (unsigned int i = 0; i < done; i++)
		if ((descs->words[i][0] & 0xe2f) == 0x25)
			guest_note(descs->words[i][1]);
}

/* Returns whether there is more. */
bool call_invalidate(const struct descs *descs)
{
	u64 words[MAX_DESCS * 4];
	unsigned int nr_words = descs->wide ? 4 : 2;
	struct vtd_shadow_invalidate cmd = {
		.size = sizeof(cmd),
		.descs_uptr = (u64)words,
		.nr_descs = descs->count,
		.desc_size = nr_words * 8,
	};
	u64 time = ++guest_time;

	for (unsigned int i = 0; i < descs->count; i++)
		memcpy(&words[i * nr_words], descs->words[i], nr_words * 8);
	if (!is_open || call(VTD_SHADOW_INVALIDATE, &cmd))
		return false;
	note_status(cmd.status, cmd.install_errno);
	announce_descs(descs, cmd.done, time, cmd.status & VTD_SHADOW_MORE);
	return cmd.status & VTD_SHADOW_MORE;
}

/* No more can be done of a queue than is in it. */
static void check_queue(const struct vtd_shadow_run_queue *cmd, u32 head,
			int ret)
{
	u32 size = 4096 << (cmd->iqa & 7), step = cmd->iqa & 1 << 11 ? 32 : 16;
	u32 filled = (cmd->tail - head) & (size - 1);
	u32 next = head;

	if (head >= size && !ret)
		fuzz_fail("queue from %x, which has %x bytes", head, size);
	if (ret == -EINVAL || head >= size || cmd->tail >= size)
		filled = 0;
	if (cmd->done > filled / step)
		fuzz_fail("queue from %x to %x: %u done", head, cmd->tail,
			  cmd->done);
	if (cmd->done)
		next = (head + cmd->done * step) & (size - 1);
	if (cmd->head != next)
		fuzz_fail("queue from %x, %u done, head %x", head, cmd->done,
			  cmd->head);
}

/* The guest's own queue: of a page, or of two for wide ones */
void call_queue(const struct descs *descs, unsigned int at)
{
	u32 step = descs->wide ? 32 : 16, size = descs->wide ? 8192 : 4096;
	struct vtd_shadow_run_queue cmd = {
		.size = sizeof(cmd),
		.iqa = QUEUE_GPA | (descs->wide ? 1 << 11 | 1 : 0),
		.head = at * step % size,
	};
	u32 head = cmd.head;
	u64 time;
	int ret;

	cmd.tail = (cmd.head + descs->count * step) % size;
	for (unsigned int i = 0; i < descs->count; i++)
		for (unsigned int j = 0; j < step / 8; j++)
			guest_write(QUEUE_GPA + (cmd.head + i * step) % size +
					    j * 8,
				    descs->words[i][j]);
	time = ++guest_time;
	if (!is_open)
		return;
	ret = call(VTD_SHADOW_RUN_QUEUE, &cmd);
	if (ret != -ENODEV && ret != -ENODATA)
		check_queue(&cmd, head, ret);
	if (ret) {
		note_writes(descs, descs->count);
		return;
	}
	note_writes(descs, cmd.done);
	note_status(cmd.status, cmd.install_errno);
	announce_descs(descs, cmd.done, time, more);
}

/* Registers as they may not be; what is in the queue is what is left there. */
void call_queue_raw(u64 iqa, u32 head, u32 tail)
{
	struct vtd_shadow_run_queue cmd = {
		.size = sizeof(cmd),
		.iqa = iqa,
		.head = head,
		.tail = tail,
	};

	int ret;

	if (!is_open)
		return;
	ret = call(VTD_SHADOW_RUN_QUEUE, &cmd);
	if (ret != -ENODEV && ret != -ENODATA)
		check_queue(&cmd, head, ret);
	if (!ret)
		note_status(cmd.status, cmd.install_errno);
}

void call_resync(u32 flags, u64 first, u64 last)
{
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.gpa = flags & VTD_SHADOW_RESYNC_RANGE ? first : 0,
		.length = flags & VTD_SHADOW_RESYNC_RANGE ? last - first + 1 :
							    0,
	};
	u64 time = ++guest_time;

	if (!is_open || call(VTD_SHADOW_RESYNC, &cmd))
		return;
	note_status(cmd.status, cmd.install_errno);
	if (!(flags & VTD_SHADOW_RESYNC_RANGE))
		announce_all(time, more);
	else if (!first && last >= 0xffffffff && !more)
		announce_memory(time);
}

/* Until nothing of what was asked for is left */
void call_until_done(void)
{
	static const struct descs none;

	for (unsigned int i = 0; more && i < 5000 && !fuzz_is_overtime(); i++)
		call_invalidate(&none);
	if (more && !fuzz_is_overtime())
		fuzz_fail("calls never come to an end");
}

/* --- What only looks --- */

/* What TRANSLATE says must be what the device has. */
void call_translate(u16 sid, u32 pasid, u64 iova)
{
	struct vtd_shadow_translate cmd = {
		.size = sizeof(cmd),
		.flags = pasid == NO_PASID ? 0 : VTD_SHADOW_TRANSLATE_PASID,
		.source_id = sid,
		.pasid = pasid == NO_PASID ? 0 : pasid,
		.iova = iova,
	};
	struct iommu_domain *domain = NULL;
	struct host_leaf leaf;
	unsigned int found = 0;
	const u16 *sids;

	if (!is_open || call(VTD_SHADOW_TRANSLATE, &cmd) || pasid != NO_PASID)
		return;
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		for (unsigned int j = 0; j < announced_sids(i, &sids); j++)
			if (sids[j] == sid) {
				domain = device_domain(i);
				found++;
			}
	if (cmd.attachment != VTD_SHADOW_ATTACHED_SHADOW || found != 1 ||
	    sched_nr_others())
		return;
	if (!domain)
		fuzz_fail("TRANSLATE says that %x is on a shadow", sid);
	if (!cmd.perm != !host_find(domain, iova, &leaf) ||
	    (cmd.perm && leaf.prot != cmd.perm) ||
	    (cmd.perm &&
	     memory_gpa_of_pfn(PHYS_PFN(leaf.pa + (iova - leaf.iova))) !=
		     (cmd.gpa & ~0xfffULL)))
		fuzz_fail("%llx: TRANSLATE says %llx, %u", iova, cmd.gpa,
			  cmd.perm);
}

/* What the engine has to say. Once a limit was reached not all need be there. */
void call_read_events(void)
{
	struct vtd_shadow_event events[8];
	ssize_t size;

	while (is_open && (size = fuzz_fops->read(&file, (char *)events,
						  sizeof(events), NULL)) > 0)
		for (size_t i = 0; i < size / sizeof(*events); i++)
			if (events[i].error == ENOSPC || events[i].lost)
				announce_limit();
}

static void get_info(unsigned int arg)
{
	struct vtd_shadow_reserved reserved[4];
	struct vtd_shadow_get_info cmd = {
		.size = sizeof(cmd),
		.flags = arg & 1 ? VTD_SHADOW_INFO_DEVICE : 0,
	};

	if (arg & 1) {
		cmd.dev_id = FIRST_DEV_ID + arg / 2 % 8;
		cmd.nr_reserved = arg / 16 % 5;
		cmd.reserved_uptr = (u64)reserved;
	}
	call(VTD_SHADOW_GET_INFO, &cmd);
}

static void get_stats(unsigned int arg)
{
	struct vtd_shadow_get_domain_stats domain = { .size = sizeof(domain),
						      .id = arg % 7 };
	struct vtd_shadow_get_device_stats device = {
		.size = sizeof(device),
		.dev_id = FIRST_DEV_ID + arg % 8,
	};
	struct vtd_shadow_get_stats unit = { .size = sizeof(unit) };

	call(VTD_SHADOW_GET_STATS, &unit);
	call(VTD_SHADOW_GET_DOMAIN_STATS, &domain);
	call(VTD_SHADOW_GET_DEVICE_STATS, &device);
}

/* A call whose structure is too short, too long, empty, or has a field that is set. */
static void call_odd(unsigned int arg)
{
	static const u16 sizes[] = { 0,	 4,  8,	  16,  32,  48,
				     56, 64, 120, 136, 144, 5000 };
	unsigned int nr = VTD_SHADOW_CMD_BASE + arg % 11;
	u64 words[640] = {};
	u32 *fields = (u32 *)words;

	fields[arg / 11 % 32] = arg / 352 % 16;
	fields[0] = sizes[arg / 5632 % ARRAY_SIZE(sizes)];
	call(_IO(VTD_SHADOW_TYPE, nr), words);
	if (!(arg % 5))
		call(_IO(VTD_SHADOW_TYPE, nr), (void *)8);
}

void call_others(unsigned int what, unsigned int arg)
{
	char events[300];

	if (!is_open)
		return;
	switch (what % 5) {
	case 0:
		fuzz_fops->read(&file, arg % 7 ? events : (char *)8,
				arg * 8 % sizeof(events), NULL);
		fuzz_fops->poll(&file, NULL);
		break;
	case 1:
		get_stats(arg);
		break;
	case 2:
		get_info(arg);
		break;
	case 3:
		call_until_done();
		break;
	case 4:
		call_odd(arg);
		break;
	}
}
