// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals: what may be installed, and what is done about what may not: it is counted,
 * reported once, and remembered for another attempt. Serves sync.c, leaves.c and
 * superpage.c; calls event.c and batch.c.
 */
#include "error.h"
#include "event.h"
#include "refuse.h"
#include "trace.h"

static void note(struct vtds_walk *walk, u64 iova, u64 raw, int error)
{
	trace_vtd_shadow_refused(walk->unit->id, walk->domain->id,
				 walk->domain->root, iova, raw, error);
	walk->domain->stats.install_failures++;
	vtds_batch_fail(walk->batch, error);
	walk->domain->troubled |= vtds_error_may_pass(error);
	vtds_batch_refused(walk->batch, walk->domain);
}

/*
 * Whether @error may be another one the next time, though the entry is the same. The
 * background may come upon an entry before the flush that announces it, and know less of
 * memory than the guest did when it wrote the entry.
 */
static bool may_pass(const struct vtds_walk *walk, int error)
{
	return !vtds_error_is_final(error) ||
	       (walk->batch->background && vtds_error_is_of_memory(error));
}

/**
 * vtds_refuse() - Note that the entry at hand was not installed
 * @c: The cursor
 * @error: Why: a negative errno
 *
 * There is an event, once for each entry until it changes. A limit that is reached is
 * reported by itself, not with every entry behind it, and a piece of a split leaf with
 * the leaf that it is a piece of.
 */
void vtds_refuse(const struct vtds_cursor *c, int error)
{
	struct vtds_walk *walk = c->walk;
	bool is_leaf = vtd_entry_is_leaf(c->raw, c->node->level);
	bool news;

	note(walk, c->iova, c->raw, error);
	if (!vtds_batch_may_install(walk->batch, walk->domain))
		return;
	news = vtds_node_note_refused(c->node, c->index, c->raw,
				      may_pass(walk, error));
	if (c->node->synthetic) {
		if (!walk->piece_error)
			walk->piece_iova = c->iova;
		walk->piece_error = walk->piece_error ?: error;
		return;
	}
	if (news)
		vtds_event_refused(walk->domain, c->iova,
				   is_leaf ? VTDS_REFUSED_LEAF :
					     VTDS_REFUSED_TABLE,
				   error);
}

/**
 * vtds_refuse_pieces() - Report the superpage leaf at hand
 * @c: The cursor
 *
 * Pieces of it could not be installed, which were noted one by one.
 */
void vtds_refuse_pieces(const struct vtds_cursor *c)
{
	struct vtds_walk *walk = c->walk;

	if (vtds_node_note_refused(c->node, c->index, c->raw,
				   may_pass(walk, walk->piece_error)))
		vtds_event_refused(walk->domain, walk->piece_iova,
				   VTDS_REFUSED_LEAF, walk->piece_error);
	walk->piece_error = 0;
}

/* Notes that the top table could not be read. */
void vtds_refuse_top(struct vtds_walk *walk, u64 iova, int error)
{
	struct vtds_domain *domain = walk->domain;

	note(walk, iova, domain->root, error);
	if (!vtds_batch_may_install(walk->batch, domain))
		return;
	if (!domain->top_reported)
		vtds_event_refused(domain, iova, VTDS_REFUSED_TOP, error);
	domain->top_reported = true;
}

/**
 * vtds_allowed() - Whether the host could map the leaf at hand, and the unit may
 * @c: The cursor
 *
 * Return: 0 or a negative errno.
 */
int vtds_allowed(const struct vtds_cursor *c)
{
	const struct vtds_host_domain *host = &c->walk->domain->host;
	struct vtds_batch *batch = c->walk->batch;
	struct vtds_unit *unit = c->walk->unit;
	u64 size = vtds_cursor_size(c);
	u64 pages = (c->walk->run.size + size) >> VTD_PAGE_SHIFT;

	if (!vtds_batch_may_install(batch, c->walk->domain))
		return -ENOSPC;
	if (c->iova < host->first || c->iova + size - 1 > host->last)
		return -ERANGE;
	if (unit->nr_pages + pages > unit->max_pages) {
		vtds_batch_exhaust(batch, c->walk->domain);
		return -ENOSPC;
	}
	return 0;
}

/**
 * vtds_permit() - Take away what memory does not permit
 * @c: The cursor
 * @perm: What the guest permits; on return what a device may do
 * @mem_perm: What memory permits
 *
 * Return: 0, or -EPERM if nothing is left, or if the host would let devices read memory
 * that they may only write.
 */
int vtds_permit(const struct vtds_cursor *c, unsigned int *perm,
		unsigned int mem_perm)
{
	*perm &= mem_perm;
	if (!*perm)
		return -EPERM;
	if (mem_perm == VTD_SS_W && !c->walk->domain->host.write_only)
		return -EPERM;
	return 0;
}
