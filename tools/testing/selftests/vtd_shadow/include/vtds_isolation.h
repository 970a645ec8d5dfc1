/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a device reach more than its guest's tables say? Found out without the engine:
 * what the device reaches is read from the page tables of the host (lib/isolation_host.c),
 * what it may reach follows from the guest's memory and from what the guest wrote to its
 * tables (lib/history.c). lib/isolation.c compares the two.
 */
#ifndef VTDS_ISOLATION_H
#define VTDS_ISOLATION_H

#include <stdbool.h>

#include "vtds_guest_tables.h"

/**
 * struct vtds_reached - Addresses that lead to contiguous memory of the host
 * @iova: First address
 * @phys: Host physical address that it leads to
 * @size: Bytes
 * @perm: PERM_*; PERM_NONE if the host does not show it
 */
struct vtds_reached {
	__u64 iova;
	__u64 phys;
	__u64 size;
	unsigned int perm;
};

/**
 * struct vtds_window - Addresses that are looked at where the host does not show all
 * @iova: First address
 * @size: Bytes
 */
struct vtds_window {
	__u64 iova;
	__u64 size;
};

/**
 * struct vtds_view - What a device reaches
 * @whole: At any address, with permissions; else in windows, without
 * @all: Nothing is translated: all of the host's memory
 * @at: What it reaches
 * @nr: How many
 * @room: For how many there is room
 */
struct vtds_view {
	bool whole;
	bool all;
	struct vtds_reached *at;
	unsigned int nr;
	unsigned int room;
};

int vtds_view_open(struct vtds_view *view, const char *bdf,
		   const struct vtds_window *windows, unsigned int nr);
void vtds_view_close(struct vtds_view *view);

#define VTDS_MAX_ALLOWED 64

/**
 * struct vtds_allowed - Where an address may lead
 * @gpa: Guest page
 * @perm: PERM_*, with no more than this
 */
struct vtds_allowed {
	__u64 gpa;
	unsigned int perm;
};

/**
 * struct vtds_isolation - One comparison
 * @guest: Whose memory it is
 * @allow: Fills in where an address may lead, VTDS_MAX_ALLOWED at most; returns how many
 * @arg: For @allow
 * @write_only: What a device can do at most with memory that is mapped write-only
 * @pages: Output, how many pages of 4 KiB were compared, in all calls
 * @whole: Output, likewise of devices: all addresses were compared, with permissions
 * @windows: Output, likewise of devices: only windows, without permissions
 * @said: Output, what is wrong
 */
struct vtds_isolation {
	const struct vtds_guest *guest;
	unsigned int (*allow)(void *arg, __u64 iova,
			      struct vtds_allowed *allowed);
	void *arg;
	unsigned int write_only;
	unsigned long pages;
	unsigned long whole;
	unsigned long windows;
	char said[400];
};

int vtds_isolation_check(struct vtds_isolation *isolation, const char *bdf,
			 const struct vtds_window *windows, unsigned int nr);

#endif /* VTDS_ISOLATION_H */
