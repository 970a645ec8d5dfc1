// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors: what a negative errno of the host means. Serves all files; calls none.
 */
#include <linux/errno.h>

#include "error.h"

/**
 * vtds_error_is_guests() - Whether an errno says something about the guest's tables
 * @error: Negative errno of a look-up of guest memory or of an entry
 *
 * Return: true if a remapping unit would find the entry at fault, too; false if it is
 * the host that could not do what is right.
 */
bool vtds_error_is_guests(int error)
{
	switch (error) {
	case -ENOENT: /* there is no memory */
	case -EPERM: /* it may not be read, or written */
	case -EINVAL: /* it is no memory */
	case -EPROTO: /* reserved bits */
	case -EADDRNOTAVAIL: /* the interrupt range */
		return true;
	default:
		return false;
	}
}

/**
 * vtds_error_of_host() - What to tell of an errno for which the guest is not to blame
 * @error: Negative errno of a look-up of guest memory
 *
 * Return: the same, or -ENOMEM for what is not pinned although all that was possible was
 * done about it: without memory to remember why, the host says nothing else.
 */
int vtds_error_of_host(int error)
{
	return error == -EAGAIN ? -ENOMEM : error;
}

/* Whether the host may do tomorrow what it refused today with @error. */
bool vtds_error_may_pass(int error)
{
	switch (error) {
	case -ENOMEM:
	case -EBUSY:
	case -EAGAIN:
	case -EFAULT:
	case -EIO:
		return true;
	default:
		return false;
	}
}

/* Whether @error, which is final, says what memory there is. */
bool vtds_error_is_of_memory(int error)
{
	return error == -ENOENT || error == -EPERM;
}

/**
 * vtds_error_is_final() - Whether there is no use in trying an entry again
 * @error: Negative errno of a look-up of guest memory or of an entry
 *
 * Return: true if it takes a change of the entry, or word of the VMM that guest memory is
 * another one.
 */
bool vtds_error_is_final(int error)
{
	switch (error) {
	case -ENOENT:
	case -EPERM:
	case -EPROTO:
	case -EADDRNOTAVAIL:
		return true;
	default:
		return false;
	}
}
