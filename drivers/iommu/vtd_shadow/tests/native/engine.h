/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that the native benchmark asks of the engine, see engine.c
 */
#ifndef VTDS_NATIVE_ENGINE_H
#define VTDS_NATIVE_ENGINE_H

#include <linux/types.h>

struct iommu_domain;
struct kunit;
struct native_engine;

struct native_engine *native_engine_begin(struct kunit *test,
					  struct iommu_domain *host, u64 root);
void native_engine_end(struct native_engine *e);
int native_engine_domain_begin(struct native_engine *e);
void native_engine_domain_end(struct native_engine *e);
void native_engine_sync(struct native_engine *e, u64 first, u64 last);
void native_engine_sync_full(struct native_engine *e);
void native_engine_queue(struct native_engine *e, unsigned long slot, u64 iova,
			 unsigned long nr_pages);
void native_engine_queue_again(struct native_engine *e, u64 iova,
			       unsigned int mask, unsigned long times);
void native_engine_run_queue(struct native_engine *e, unsigned long slot,
			     unsigned long nr_pages);
void native_engine_unplug(struct native_engine *e, u64 gpa, u64 size);
void native_engine_join(struct native_engine *e);
void native_engine_leave(struct native_engine *e);
void native_engine_forget(struct native_engine *e);
void native_engine_hold(struct native_engine *e, u64 size, bool hold);
bool native_engine_failed(const struct native_engine *e);

#endif /* VTDS_NATIVE_ENGINE_H */
