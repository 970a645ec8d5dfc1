// SPDX-License-Identifier: GPL-2.0-only
/*
 * Progress: no call goes on for ever. What a call does again and again until nothing is left
 * (have memory pinned, sync a range, collect a descriptor, free some of a domain) is
 * counted where one file of the engine calls another; the linker leads these calls here.
 * Whatever comes of it begins the count anew: something is mapped, unmapped, refused,
 * attached or detached, or a descriptor is next. The steps in kernel.c are another matter:
 * what is merely much work is killed, what gets nowhere is a failure.
 */
#include "kernel.h"
#include <linux/list.h>
#include <linux/vtd_shadow.h>
#include "batch.h"
#include "guest_mem.h"
#include "inval.h"
#include "sync.h"
#include "unit.h"
#include "fuzz.h"

/*
 * The largest leaf has 512 chunks, which have to be pinned at the same time. If some of
 * them are taken meanwhile it begins again.
 */
#define MAX_FETCHES 700
#define MAX_FETCHES_TAKEN 600
/* A page of descriptors for pages, in each of the domains that there may be */
#define MAX_ROUNDS 2000

/* A call begins, or something has come of it. */
void progress_result(void)
{
	struct progress *p = sched_progress();

	p->fetches = 0;
	p->rounds = 0;
	p->taken = memory_times_taken();
}

static void begin_round(void)
{
	if (sched_progress()->rounds++ > MAX_ROUNDS)
		fuzz_fail("a call gets nowhere in %u rounds", MAX_ROUNDS);
}

static void begin_fetch(void)
{
	struct progress *p = sched_progress();
	unsigned int taken = memory_times_taken() - p->taken;

	if (p->fetches++ > MAX_FETCHES + taken * MAX_FETCHES_TAKEN)
		fuzz_fail("a call pins %u times, and nothing comes of it",
			  p->fetches);
}

void progress_trace(const char *event)
{
	if (!strcmp(event, "vtd_shadow_refused") ||
	    !strcmp(event, "vtd_shadow_descriptor"))
		progress_result();
}

/* --- On the way from one file to another --- */

enum vtds_synced __real_vtds_domain_sync(struct vtds_batch *batch,
					 struct vtds_domain *domain,
					 struct vtds_range *range,
					 bool resumed);
enum vtds_synced __wrap_vtds_domain_sync(struct vtds_batch *batch,
					 struct vtds_domain *domain,
					 struct vtds_range *range,
					 bool resumed);
int __real_vtds_mem_fetch(struct vtds_guest_mem *mem, struct vtds_holds *holds);
int __wrap_vtds_mem_fetch(struct vtds_guest_mem *mem, struct vtds_holds *holds);
bool __real_vtds_inval_collect(struct vtds_batch *batch,
			       const struct vtds_inval *inval);
bool __wrap_vtds_inval_collect(struct vtds_batch *batch,
			       const struct vtds_inval *inval);
bool __real_vtds_domain_end(struct vtds_domain *domain);
bool __wrap_vtds_domain_end(struct vtds_domain *domain);

enum vtds_synced __wrap_vtds_domain_sync(struct vtds_batch *batch,
					 struct vtds_domain *domain,
					 struct vtds_range *range, bool resumed)
{
	begin_round();
	return __real_vtds_domain_sync(batch, domain, range, resumed);
}

int __wrap_vtds_mem_fetch(struct vtds_guest_mem *mem, struct vtds_holds *holds)
{
	begin_fetch();
	return __real_vtds_mem_fetch(mem, holds);
}

bool __wrap_vtds_inval_collect(struct vtds_batch *batch,
			       const struct vtds_inval *inval)
{
	begin_round();
	return __real_vtds_inval_collect(batch, inval);
}

bool __wrap_vtds_domain_end(struct vtds_domain *domain)
{
	begin_round();
	return __real_vtds_domain_end(domain);
}
