/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: one per stage of the way from a descriptor to the host.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vtd_shadow

#if !defined(VTD_SHADOW_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VTD_SHADOW_TRACE_H

#include <linux/tracepoint.h>

/* A descriptor as the guest wrote it, and the verdict of the decoder. */
TRACE_EVENT(vtd_shadow_descriptor, TP_PROTO(u64 lo, u64 hi, u32 iqei),
	    TP_ARGS(lo, hi, iqei),
	    TP_STRUCT__entry(__field(u64, lo) __field(u64, hi)
				     __field(u32, iqei)),
	    TP_fast_assign(__entry->lo = lo; __entry->hi = hi;
			   __entry->iqei = iqei;),
	    TP_printk("lo=%#llx hi=%#llx iqei=%u", __entry->lo, __entry->hi,
		      __entry->iqei));

/* A range sync of the table at @root; @changed entries differed. */
TRACE_EVENT(vtd_shadow_sync,
	    TP_PROTO(u64 root, u64 first, u64 last, u64 changed),
	    TP_ARGS(root, first, last, changed),
	    TP_STRUCT__entry(__field(u64, root) __field(u64, first)
				     __field(u64, last) __field(u64, changed)),
	    TP_fast_assign(__entry->root = root; __entry->first = first;
			   __entry->last = last; __entry->changed = changed;),
	    TP_printk("root=%#llx first=%#llx last=%#llx changed=%llu",
		      __entry->root, __entry->first, __entry->last,
		      __entry->changed));

/* An entry that was not installed. */
TRACE_EVENT(vtd_shadow_refused,
	    TP_PROTO(u64 root, u64 iova, u64 raw, int error),
	    TP_ARGS(root, iova, raw, error),
	    TP_STRUCT__entry(__field(u64, root) __field(u64, iova)
				     __field(u64, raw) __field(int, error)),
	    TP_fast_assign(__entry->root = root; __entry->iova = iova;
			   __entry->raw = raw; __entry->error = error;),
	    TP_printk("root=%#llx iova=%#llx entry=%#llx error=%d",
		      __entry->root, __entry->iova, __entry->raw,
		      __entry->error));

/* A host group changed its attachment; @root counts for shadows only. */
TRACE_EVENT(vtd_shadow_attach,
	    TP_PROTO(int group, u32 attachment, u64 root, int error),
	    TP_ARGS(group, attachment, root, error),
	    TP_STRUCT__entry(__field(int, group) __field(u32, attachment)
				     __field(u64, root) __field(int, error)),
	    TP_fast_assign(__entry->group = group;
			   __entry->attachment = attachment;
			   __entry->root = root; __entry->error = error;),
	    TP_printk("group=%d attachment=%u root=%#llx error=%d",
		      __entry->group, __entry->attachment, __entry->root,
		      __entry->error));

#endif /* VTD_SHADOW_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
