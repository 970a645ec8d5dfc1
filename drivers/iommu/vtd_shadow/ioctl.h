/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies of ioctls, see ioctl.c
 */
#ifndef VTDS_IOCTL_H
#define VTDS_IOCTL_H

struct vtds_batch;
struct vtds_unit;

int vtds_check_set_state(const void *cmd);
int vtds_set_state(struct vtds_batch *batch, void *cmd);
int vtds_add_device(struct vtds_batch *batch, void *cmd);
int vtds_remove_device(struct vtds_batch *batch, void *cmd);
int vtds_check_invalidate(const void *cmd);
int vtds_invalidate(struct vtds_batch *batch, void *cmd);
int vtds_run_queue(struct vtds_batch *batch, void *cmd);
int vtds_resync(struct vtds_batch *batch, void *cmd);
int vtds_get_stats(struct vtds_unit *unit, void *cmd);

#endif /* VTDS_IOCTL_H */
