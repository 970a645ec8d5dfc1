// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's calls to /dev/vtd_shadow, one thin wrapper each.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vtds_guest_queue.h"
#include "vtds_unit.h"

static int unit_call(const struct vtds_unit *unit, unsigned long cmd, void *arg)
{
	return ioctl(unit->fd, cmd, arg) ? -errno : 0;
}

/* The guest sees 3, 4 and 5 levels, 57 bits of IOVA and all leaf sizes */
static void default_registers(struct vtds_unit *unit)
{
	unit->cap = CAP_ND(6) | CAP_CM | CAP_SAGAW(3) | CAP_SAGAW(4) |
		    CAP_SAGAW(5) | CAP_MGAW(57) | CAP_SSLPS_2M | CAP_SSLPS_1G |
		    CAP_PSI | CAP_MAMV(VTDS_MAMV);
	unit->ecap = ECAP_QI | ECAP_PT;
	unit->haw = 46;
}

int vtds_unit_open(struct vtds_unit *unit)
{
	unit->fd = open("/dev/vtd_shadow", O_RDWR | O_CLOEXEC);
	if (unit->fd < 0)
		return -errno;
	unit->flags = 0;
	unit->rtaddr = 0;
	unit->wide = false;
	unit->queue = NULL;
	unit->budget = 0;
	unit->once = false;
	unit->status = 0;
	unit->more = 0;
	unit->install_errno = 0;
	default_registers(unit);

	unit->info = (struct vtd_shadow_get_info){ .size = sizeof(unit->info) };
	return unit_call(unit, VTD_SHADOW_GET_INFO, &unit->info);
}

void vtds_unit_close(struct vtds_unit *unit)
{
	if (unit->fd > 0)
		close(unit->fd);
	unit->fd = -1;
}

int vtds_unit_bind(struct vtds_unit *unit, const struct vtds_vmm *vmm,
		   __u64 max_nodes, __u64 max_pages)
{
	struct vtd_shadow_bind cmd = {
		.size = sizeof(cmd),
		.iommufd = vmm->iommufd,
		.ioas_id = vmm->ioas,
		.max_nodes = max_nodes,
		.max_pages = max_pages,
		.flags = unit->budget ? VTD_SHADOW_BIND_BUDGET : 0,
		.budget = unit->budget,
	};

	return unit_call(unit, VTD_SHADOW_BIND, &cmd);
}

/*
 * Goes on until nothing is left of what was asked for, after a call that ended with
 * @status. @unit->install_errno is what the first call said that said something.
 */
int vtds_finish(struct vtds_unit *unit, __u32 status)
{
	__u32 install_errno = unit->install_errno;
	struct vtd_shadow_invalidate result;
	int rc = 0;

	while (!rc && (status & VTD_SHADOW_MORE)) {
		unit->more++;
		rc = vtds_invalidate(unit, NULL, 0, &result);
		install_errno = install_errno ?: result.install_errno;
		status = result.status;
	}
	unit->install_errno = install_errno;
	return rc;
}

/* What a call came to that can end before all is done */
static int came_to(struct vtds_unit *unit, int rc, __u32 install_errno,
		   __u32 status)
{
	unit->install_errno = install_errno;
	unit->status = status;
	return rc || unit->once ? rc : vtds_finish(unit, status);
}

int vtds_set_state(struct vtds_unit *unit)
{
	struct vtd_shadow_set_state cmd = {
		.size = sizeof(cmd),
		.flags = unit->flags,
		.rtaddr = unit->rtaddr,
		.cap = unit->cap,
		.ecap = unit->ecap,
		.haw = unit->haw,
	};
	int rc = unit_call(unit, VTD_SHADOW_SET_STATE, &cmd);

	return came_to(unit, rc, cmd.install_errno, cmd.status);
}

int vtds_add_device(struct vtds_unit *unit, __u32 dev_id, __u32 identity_pt,
		    const __u16 *sids, __u32 nr_sids)
{
	struct vtd_shadow_add_device cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.identity_pt_id = identity_pt,
		.source_ids_uptr = (uintptr_t)sids,
		.nr_source_ids = nr_sids,
	};
	int rc = unit_call(unit, VTD_SHADOW_ADD_DEVICE, &cmd);

	return came_to(unit, rc, cmd.install_errno, cmd.status);
}

int vtds_remove_device(struct vtds_unit *unit, __u32 dev_id)
{
	struct vtd_shadow_remove_device cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
	};

	return unit_call(unit, VTD_SHADOW_REMOVE_DEVICE, &cmd);
}

static int invalidate(struct vtds_unit *unit, const void *descs, __u32 nr,
		      __u32 desc_size, struct vtd_shadow_invalidate *result)
{
	int rc;

	*result = (struct vtd_shadow_invalidate){
		.size = sizeof(*result),
		.descs_uptr = (uintptr_t)descs,
		.nr_descs = nr,
		.desc_size = desc_size,
	};
	rc = unit_call(unit, VTD_SHADOW_INVALIDATE, result);
	unit->install_errno = result->install_errno;
	return rc;
}

/* Sends descriptors with 256 bits each */
static int invalidate_wide(struct vtds_unit *unit,
			   const struct vtds_desc *descs, __u32 nr,
			   struct vtd_shadow_invalidate *result)
{
	struct vtds_desc(*wide)[2] = calloc(nr, sizeof(*wide));
	int rc;

	if (!wide)
		return -ENOMEM;
	for (__u32 i = 0; i < nr; i++)
		wide[i][0] = descs[i];
	rc = invalidate(unit, wide, nr, sizeof(*wide), result);
	free(wide);
	return rc;
}

int vtds_invalidate(struct vtds_unit *unit, const struct vtds_desc *descs,
		    __u32 nr, struct vtd_shadow_invalidate *result)
{
	if (unit->wide && nr)
		return invalidate_wide(unit, descs, nr, result);
	return invalidate(unit, descs, nr, sizeof(*descs), result);
}

/*
 * All descriptors must be processed: -EBADMSG if the queue stops. What could
 * not be installed is left in @unit->install_errno.
 */
int vtds_flush(struct vtds_unit *unit, const struct vtds_desc *descs, __u32 nr)
{
	struct vtd_shadow_invalidate result;
	__u32 install_errno = 0;
	int rc;

	if (unit->queue)
		return vtds_queue_send(unit, descs, nr);
	do {
		rc = vtds_invalidate(unit, descs, nr, &result);
		if (rc)
			return rc;
		install_errno = install_errno ?: result.install_errno;
		descs += result.done;
		nr -= result.done;
		unit->more += !!(result.status & VTD_SHADOW_MORE);
	} while (result.status & VTD_SHADOW_MORE);
	unit->install_errno = install_errno;
	return !nr && !result.iqei ? 0 : -EBADMSG;
}

static int resync(struct vtds_unit *unit, struct vtd_shadow_resync *cmd)
{
	int rc = unit_call(unit, VTD_SHADOW_RESYNC, cmd);

	return came_to(unit, rc, cmd->install_errno, cmd->status);
}

int vtds_resync(struct vtds_unit *unit)
{
	struct vtd_shadow_resync cmd = { .size = sizeof(cmd) };

	return resync(unit, &cmd);
}

/* There is memory now in a range of the IOAS */
int vtds_resync_range(struct vtds_unit *unit, __u64 gpa, __u64 length)
{
	struct vtd_shadow_resync cmd = {
		.size = sizeof(cmd),
		.flags = VTD_SHADOW_RESYNC_RANGE,
		.gpa = gpa,
		.length = length,
	};

	return resync(unit, &cmd);
}

int vtds_translate(struct vtds_unit *unit, __u16 sid, __u64 iova,
		   struct vtd_shadow_translate *result)
{
	*result = (struct vtd_shadow_translate){
		.size = sizeof(*result),
		.source_id = sid,
		.iova = iova,
	};
	return unit_call(unit, VTD_SHADOW_TRANSLATE, result);
}

int vtds_stats(struct vtds_unit *unit, struct vtd_shadow_get_stats *stats)
{
	*stats = (struct vtd_shadow_get_stats){ .size = sizeof(*stats) };
	return unit_call(unit, VTD_SHADOW_GET_STATS, stats);
}

/* The counter at @offset of struct vtd_shadow_get_stats, all ones on errors */
unsigned long vtds_stat(struct vtds_unit *unit, size_t offset)
{
	struct vtd_shadow_get_stats stats;

	if (vtds_stats(unit, &stats))
		return ~0UL;
	return *(__u64 *)((char *)&stats + offset);
}

/* What there is to read now, at most @max. Returns how many, or a negative errno */
int vtds_events(struct vtds_unit *unit, struct vtd_shadow_event *events,
		unsigned int max)
{
	struct pollfd pollfd = { .fd = unit->fd, .events = POLLIN };
	ssize_t size;

	if (poll(&pollfd, 1, 0) < 0)
		return -errno;
	if (!(pollfd.revents & POLLIN))
		return 0;
	size = read(unit->fd, events, max * sizeof(*events));
	if (size < 0)
		return -errno;
	return size % sizeof(*events) ? -EPROTO : (int)(size / sizeof(*events));
}
