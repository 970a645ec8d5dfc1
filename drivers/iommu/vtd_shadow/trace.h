/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: one for each stage of the way from a descriptor to the host. All are for
 * batches, none for single leaves. Whose they are is in @unit and @domain, by number. No
 * address of the host is told. Documentation/admin-guide/vtd_shadow_watch.rst has them for
 * those who read a trace.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vtd_shadow

#if !defined(VTD_SHADOW_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VTD_SHADOW_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/vtd_shadow.h>

/* clang-format off */

/* A descriptor as the guest wrote it, and the verdict of the decoder. */
TRACE_EVENT(vtd_shadow_descriptor,
	    TP_PROTO(u32 unit, u64 lo, u64 hi, u32 iqei),
	    TP_ARGS(unit, lo, hi, iqei),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, lo)
			     __field(u64, hi)
			     __field(u32, iqei)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->lo = lo;
			   __entry->hi = hi;
			   __entry->iqei = iqei;),
	    TP_printk("unit=%u lo=%#llx hi=%#llx iqei=%u",
		      __entry->unit, __entry->lo, __entry->hi, __entry->iqei));

/* What the guest's entries say of a source-id, or of a PASID of it, has changed. */
TRACE_EVENT(vtd_shadow_context,
	    TP_PROTO(u32 unit, u32 sid, u32 pasid, u32 attachment, u64 root,
		     u32 levels, u32 domain_id, u32 reason, int error),
	    TP_ARGS(unit, sid, pasid, attachment, root, levels, domain_id, reason,
		    error),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u32, sid)
			     __field(u32, pasid)
			     __field(u32, attachment)
			     __field(u64, root)
			     __field(u32, levels)
			     __field(u32, domain_id)
			     __field(u32, reason)
			     __field(int, error)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->sid = sid;
			   __entry->pasid = pasid;
			   __entry->attachment = attachment;
			   __entry->root = root;
			   __entry->levels = levels;
			   __entry->domain_id = domain_id;
			   __entry->reason = reason;
			   __entry->error = error;),
	    TP_printk("unit=%u sid=%#x pasid=%u attachment=%u root=%#llx levels=%u domain_id=%u reason=%#x error=%d",
		      __entry->unit, __entry->sid, __entry->pasid,
		      __entry->attachment, __entry->root, __entry->levels,
		      __entry->domain_id, __entry->reason, __entry->error));

/* A range was compared with the mirror, up to @next; counts of what that changed. */
TRACE_EVENT(vtd_shadow_sync,
	    TP_PROTO(u32 unit, u64 domain, u64 root, u64 first, u64 last, u64 next,
		     u64 changed, u64 mapped, u64 unmapped, u64 refused),
	    TP_ARGS(unit, domain, root, first, last, next, changed, mapped,
		    unmapped, refused),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, domain)
			     __field(u64, root)
			     __field(u64, first)
			     __field(u64, last)
			     __field(u64, next)
			     __field(u64, changed)
			     __field(u64, mapped)
			     __field(u64, unmapped)
			     __field(u64, refused)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->domain = domain;
			   __entry->root = root;
			   __entry->first = first;
			   __entry->last = last;
			   __entry->next = next;
			   __entry->changed = changed;
			   __entry->mapped = mapped;
			   __entry->unmapped = unmapped;
			   __entry->refused = refused;),
	    TP_printk("unit=%u domain=%llu root=%#llx first=%#llx last=%#llx next=%#llx changed=%llu mapped=%llu unmapped=%llu refused=%llu",
		      __entry->unit, __entry->domain, __entry->root, __entry->first,
		      __entry->last, __entry->next, __entry->changed,
		      __entry->mapped, __entry->unmapped, __entry->refused));

/* An entry that was not installed. */
TRACE_EVENT(vtd_shadow_refused,
	    TP_PROTO(u32 unit, u64 domain, u64 root, u64 iova, u64 raw, int error),
	    TP_ARGS(unit, domain, root, iova, raw, error),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, domain)
			     __field(u64, root)
			     __field(u64, iova)
			     __field(u64, entry)
			     __field(int, error)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->domain = domain;
			   __entry->root = root;
			   __entry->iova = iova;
			   __entry->entry = raw;
			   __entry->error = error;),
	    TP_printk("unit=%u domain=%llu root=%#llx iova=%#llx entry=%#llx error=%d",
		      __entry->unit, __entry->domain, __entry->root, __entry->iova,
		      __entry->entry, __entry->error));

/* One map call to the host, of one leaf or of neighbours. */
TRACE_EVENT(vtd_shadow_map,
	    TP_PROTO(u32 unit, u64 domain, u64 iova, u64 size, u32 pieces,
		     int error),
	    TP_ARGS(unit, domain, iova, size, pieces, error),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, domain)
			     __field(u64, iova)
			     __field(u64, size)
			     __field(u32, pieces)
			     __field(int, error)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->domain = domain;
			   __entry->iova = iova;
			   __entry->size = size;
			   __entry->pieces = pieces;
			   __entry->error = error;),
	    TP_printk("unit=%u domain=%llu iova=%#llx size=%#llx pieces=%u error=%d",
		      __entry->unit, __entry->domain, __entry->iova, __entry->size,
		      __entry->pieces, __entry->error));

/* One unmap call to the host, of one leaf or of neighbours. */
TRACE_EVENT(vtd_shadow_unmap,
	    TP_PROTO(u32 unit, u64 domain, u64 iova, u64 size, u64 done),
	    TP_ARGS(unit, domain, iova, size, done),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, domain)
			     __field(u64, iova)
			     __field(u64, size)
			     __field(u64, done)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->domain = domain;
			   __entry->iova = iova;
			   __entry->size = size;
			   __entry->done = done;),
	    TP_printk("unit=%u domain=%llu iova=%#llx size=%#llx done=%#llx",
		      __entry->unit, __entry->domain, __entry->iova, __entry->size,
		      __entry->done));

/* What was unmapped in a range is dead in the host from here on. */
TRACE_EVENT(vtd_shadow_flush,
	    TP_PROTO(u32 unit, u64 domain, u64 first, u64 last),
	    TP_ARGS(unit, domain, first, last),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, domain)
			     __field(u64, first)
			     __field(u64, last)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->domain = domain;
			   __entry->first = first;
			   __entry->last = last;),
	    TP_printk("unit=%u domain=%llu first=%#llx last=%#llx",
		      __entry->unit, __entry->domain, __entry->first,
		      __entry->last));

/* Guest memory in one chunk was to be pinned, @wanted pages, and @pages were. */
TRACE_EVENT(vtd_shadow_pin,
	    TP_PROTO(u32 unit, u64 gpa, u32 wanted, u32 pages),
	    TP_ARGS(unit, gpa, wanted, pages),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, gpa)
			     __field(u32, wanted)
			     __field(u32, pages)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->gpa = gpa;
			   __entry->wanted = wanted;
			   __entry->pages = pages;),
	    TP_printk("unit=%u gpa=%#llx wanted=%u pages=%u",
		      __entry->unit, __entry->gpa, __entry->wanted,
		      __entry->pages));

/* Pages of one chunk of guest memory are no longer pinned. */
TRACE_EVENT(vtd_shadow_unpin,
	    TP_PROTO(u32 unit, u64 gpa, u32 pages),
	    TP_ARGS(unit, gpa, pages),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u64, gpa)
			     __field(u32, pages)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->gpa = gpa;
			   __entry->pages = pages;),
	    TP_printk("unit=%u gpa=%#llx pages=%u",
		      __entry->unit, __entry->gpa, __entry->pages));

/* An attempt to move a host group, or a PASID; @root counts for shadows only. */
TRACE_EVENT(vtd_shadow_attach,
	    TP_PROTO(u32 unit, int group, u32 pasid, u32 attachment, u64 root,
		     int error),
	    TP_ARGS(unit, group, pasid, attachment, root, error),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(int, group)
			     __field(u32, pasid)
			     __field(u32, attachment)
			     __field(u64, root)
			     __field(int, error)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->group = group;
			   __entry->pasid = pasid;
			   __entry->attachment = attachment;
			   __entry->root = root;
			   __entry->error = error;),
	    TP_printk("unit=%u group=%d pasid=%u attachment=%u root=%#llx error=%d",
		      __entry->unit, __entry->group, __entry->pasid,
		      __entry->attachment, __entry->root, __entry->error));

/* A host group, or a PASID, was taken off what it was attached to: blocked. */
TRACE_EVENT(vtd_shadow_detach,
	    TP_PROTO(u32 unit, int group, u32 pasid, u32 attachment),
	    TP_ARGS(unit, group, pasid, attachment),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(int, group)
			     __field(u32, pasid)
			     __field(u32, attachment)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->group = group;
			   __entry->pasid = pasid;
			   __entry->attachment = attachment;),
	    TP_printk("unit=%u group=%d pasid=%u attachment=%u",
		      __entry->unit, __entry->group, __entry->pasid,
		      __entry->attachment));

/* A call has used up its budget: it returns with VTD_SHADOW_MORE. */
TRACE_EVENT(vtd_shadow_early_return,
	    TP_PROTO(u32 unit, u32 cmd),
	    TP_ARGS(unit, cmd),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u32, cmd)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->cmd = cmd;),
	    TP_printk("unit=%u cmd=%#x",
		      __entry->unit, __entry->cmd));

/* An event for the VMM; @lost if nobody has read those before it in time. */
TRACE_EVENT(vtd_shadow_event,
	    TP_PROTO(u32 unit, const struct vtd_shadow_event *event, bool lost),
	    TP_ARGS(unit, event, lost),
	    TP_STRUCT__entry(__field(u32, unit)
			     __field(u32, type)
			     __field(u32, flags)
			     __field(u32, reason)
			     __field(u32, error)
			     __field(u32, source_id)
			     __field(u32, pasid)
			     __field(u64, iova)
			     __field(u32, domain_id)
			     __field(bool, lost)),
	    TP_fast_assign(__entry->unit = unit;
			   __entry->type = event->type;
			   __entry->flags = event->flags;
			   __entry->reason = event->reason;
			   __entry->error = event->error;
			   __entry->source_id = event->source_id;
			   __entry->pasid = event->pasid;
			   __entry->iova = event->iova;
			   __entry->domain_id = event->domain_id;
			   __entry->lost = lost;),
	    TP_printk("unit=%u type=%u flags=%#x reason=%#x error=%u source_id=%#x pasid=%u iova=%#llx domain_id=%u lost=%d",
		      __entry->unit, __entry->type, __entry->flags, __entry->reason,
		      __entry->error, __entry->source_id, __entry->pasid,
		      __entry->iova, __entry->domain_id, __entry->lost));

/* clang-format on */

#endif /* VTD_SHADOW_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
