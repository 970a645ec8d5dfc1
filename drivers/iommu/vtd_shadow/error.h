/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors: what a negative errno of the host means, see error.c
 */
#ifndef VTDS_ERROR_H
#define VTDS_ERROR_H

#include <linux/types.h>

bool vtds_error_is_guests(int error);
int vtds_error_of_host(int error);
bool vtds_error_may_pass(int error);
bool vtds_error_is_of_memory(int error);
bool vtds_error_is_final(int error);

#endif /* VTDS_ERROR_H */
