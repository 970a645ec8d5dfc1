/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies of ioctls, see ioctl.c
 */
#ifndef VTDS_IOCTL_H
#define VTDS_IOCTL_H

#include <linux/types.h>

struct vtds_batch;
struct vtds_unit;

/* Descriptors of more quadwords than this take memory */
#define VTDS_INPUT_QWORDS 64

/**
 * struct vtds_input - The kernel's copy of what the structure of an ioctl points to
 * @data: The copy, or NULL; @small or memory of its own, which is freed if it is left here
 * @small: Room for what is short
 */
struct vtds_input {
	void *data;
	u64 small[VTDS_INPUT_QWORDS];
};

void vtds_input_free(struct vtds_input *input);

int vtds_bind(struct vtds_unit *unit, void *cmd);
int vtds_check_set_state(const void *cmd);
int vtds_set_state(struct vtds_batch *batch, void *cmd, void **input);
int vtds_take_sources(const void *cmd, struct vtds_input *input);
int vtds_add_device(struct vtds_batch *batch, void *cmd, void **input);
int vtds_remove_device(struct vtds_batch *batch, void *cmd, void **input);
int vtds_check_invalidate(const void *cmd);
int vtds_take_descs(const void *cmd, struct vtds_input *input);
int vtds_invalidate(struct vtds_batch *batch, void *cmd, void **input);
int vtds_run_queue(struct vtds_batch *batch, void *cmd, void **input);
int vtds_check_resync(const void *cmd);
int vtds_resync(struct vtds_batch *batch, void *cmd, void **input);

#endif /* VTDS_IOCTL_H */
