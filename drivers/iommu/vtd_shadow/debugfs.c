// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: a folder for each bound unit, with its statistics. Serves main.c and ioctl.c;
 * calls stats.c, event.c and retry.c for what it shows, show_map.c for what is mapped, and
 * unit.c, since a reader keeps the unit's memory.
 *
 * A unit ends while its files are open: they have a reference, and the end does not wait
 * for readers. The unit is locked for one record at a time. No address of the host is
 * shown, hashed ones included.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <uapi/linux/vtd_shadow.h>

#include "bound.h"
#include "debugfs.h"
#include "device.h"
#include "event.h"
#include "main.h"
#include "pasid.h"
#include "retry.h"
#include "show_map.h"
#include "stats.h"
#include "unit.h"

static struct dentry *root;

/* --- Records --- */

/**
 * enum kind - What a record is about
 * @UNIT: The unit
 * @DEVICE: One of its devices
 * @DOMAIN: One of its domains
 * @END: There is none
 */
enum kind {
	UNIT,
	DEVICE,
	DOMAIN,
	END,
};

/**
 * struct unit_record - A unit when it was looked at
 * @stats: Its statistics
 * @te: Translation is enabled
 * @rtaddr: RTADDR_REG
 * @calls: Calls under way
 * @max_nodes: Limit of nodes and host tables
 * @max_pages: Limit of pages
 * @idle: Pages that stay pinned without users
 * @max_idle: Limit of these, ULONG_MAX if there is none
 * @pasids: PASIDs
 * @budget: Of a call, U64_MAX if there is none
 */
struct unit_record {
	struct vtd_shadow_get_stats stats;
	bool te;
	u64 rtaddr;
	int calls;
	u64 max_nodes;
	u64 max_pages;
	unsigned long idle;
	unsigned long max_idle;
	u32 pasids;
	u64 budget;
};

/**
 * struct device_record - A device when it was looked at
 * @stats: Its statistics
 * @name: Of the host's device
 * @sids: Its source-ids
 */
struct device_record {
	struct vtd_shadow_get_device_stats stats;
	char name[64];
	u16 sids[VTDS_MAX_SOURCE_IDS];
};

/**
 * struct records - How far a reader of "stats" has come
 * @unit: The unit
 * @kind: What the record is about
 * @of_unit: The record, by @kind
 * @of_device: Likewise
 * @of_domain: Likewise
 */
struct records {
	struct vtds_unit *unit;
	enum kind kind;
	union {
		struct unit_record of_unit;
		struct device_record of_device;
		struct vtd_shadow_get_domain_stats of_domain;
	};
};

static void take_unit(struct unit_record *record, struct vtds_unit *unit)
{
	vtds_stats_of_unit(unit, &record->stats);
	record->te = unit->te;
	record->rtaddr = unit->rtaddr;
	record->calls = atomic_read(&unit->calls);
	record->max_nodes = unit->max_nodes;
	record->max_pages = unit->max_pages;
	record->idle = unit->mem.nr_idle * VTDS_CHUNK_PAGES;
	record->max_idle = unit->mem.max_idle;
	record->pasids = unit->nr_pasids;
	record->budget = unit->budget;
}

static void take_device(struct device_record *record, struct vtds_device *dev)
{
	vtds_stats_of_device(dev, &record->stats);
	strscpy(record->name, dev_name(vtds_bound_dev(dev->bound)));
	for (u32 i = 0; i < dev->nr_sources; i++)
		record->sids[i] = dev->sources[i].sid;
}

/* The device with the lowest number from @id on, or NULL */
static struct vtds_device *next_device(struct vtds_unit *unit, u64 id)
{
	struct vtds_device *dev, *found = NULL;

	list_for_each_entry(dev, &unit->devices, unit_entry)
		if (dev->bound->dev_id >= id &&
		    (!found || dev->bound->dev_id < found->bound->dev_id))
			found = dev;
	return found;
}

/* Devices from @dev_id on, or else domains from @domain on */
static void take_next(struct records *r, u64 dev_id, u64 domain_id)
{
	struct vtds_device *dev = NULL;
	const struct vtds_domain *domain;

	if (r->kind != DOMAIN)
		dev = next_device(r->unit, dev_id);
	if (dev) {
		r->kind = DEVICE;
		take_device(&r->of_device, dev);
		return;
	}
	domain = vtds_stats_next_domain(r->unit, domain_id);
	r->kind = domain ? DOMAIN : END;
	if (domain)
		vtds_stats_of_domain(domain, &r->of_domain);
}

static void *records_start(struct seq_file *m, loff_t *pos)
{
	struct records *r = m->private;

	/* Where a read has ended the next one goes on */
	if (*pos)
		return r->kind == END ? NULL : r;
	if (vtds_lock_killable(&r->unit->lock))
		return ERR_PTR(-EINTR);
	r->kind = UNIT;
	take_unit(&r->of_unit, r->unit);
	vtds_unlock(&r->unit->lock);
	return r;
}

static void *records_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct records *r = v;
	u64 device = 0, domain = 0;

	++*pos;
	if (r->kind == DEVICE)
		device = (u64)r->of_device.stats.dev_id + 1;
	if (r->kind == DOMAIN)
		domain = r->of_domain.id + 1;
	/* Who is being killed reads no more */
	if (vtds_lock_killable(&r->unit->lock)) {
		r->kind = END;
		return NULL;
	}
	take_next(r, device, domain);
	vtds_unlock(&r->unit->lock);
	return r->kind == END ? NULL : r;
}

static void records_stop(struct seq_file *m, void *v)
{
}

/* --- Showing them --- */

static void line(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s %llu\n", name, value);
}

static void show_counters(struct seq_file *m,
			  const struct vtd_shadow_get_stats *stats)
{
	line(m, "devices", stats->devices);
	line(m, "domains", stats->domains);
	line(m, "nodes", stats->nodes);
	line(m, "pages", stats->pages);
	line(m, "pinned_pages", stats->pinned_pages);
	line(m, "host_tables", stats->host_tables);
	line(m, "descriptors", stats->descriptors);
	line(m, "syncs", stats->syncs);
	line(m, "entries_changed", stats->entries_changed);
	line(m, "leaves_mapped", stats->leaves_mapped);
	line(m, "leaves_unmapped", stats->leaves_unmapped);
	line(m, "host_maps", stats->host_maps);
	line(m, "host_unmaps", stats->host_unmaps);
	line(m, "iotlb_syncs", stats->iotlb_syncs);
	line(m, "attaches", stats->attaches);
	line(m, "install_failures", stats->install_failures);
	line(m, "retries", stats->retries);
	line(m, "pages_pinned", stats->pages_pinned);
	line(m, "early_returns", stats->early_returns);
	line(m, "events", stats->events);
	line(m, "events_lost", stats->events_lost);
}

/* What is used of each limit is among the counters, or before it. */
static void show_limits(struct seq_file *m, const struct vtds_unit *unit,
			const struct unit_record *record)
{
	line(m, "max_nodes", record->max_nodes);
	line(m, "max_pages", record->max_pages);
	line(m, "pasids", record->pasids);
	line(m, "max_pasids",
	     min_t(u32, READ_ONCE(vtds_max_pasids), VTDS_MAX_PASIDS));
	line(m, "idle_pages", record->idle);
	if (record->max_idle != ULONG_MAX)
		line(m, "max_idle_pages", record->max_idle * VTDS_CHUNK_PAGES);
	if (record->budget != U64_MAX)
		line(m, "budget", record->budget);
	line(m, "calls", record->calls);
	line(m, "max_calls", VTDS_MAX_CALLS);
	line(m, "events_waiting", vtds_events_waiting(unit->events));
	line(m, "max_events_waiting", VTDS_MAX_EVENTS);
	line(m, "cgroup_units", vtds_retry_units(unit));
	line(m, "max_cgroup_units", READ_ONCE(vtds_max_units));
}

static void show_unit(struct seq_file *m, const struct vtds_unit *unit,
		      const struct unit_record *record)
{
	line(m, "unit", unit->id);
	line(m, "pid", unit->pid);
	/* The VMM's own words: nothing in them may look like a line, or move a cursor */
	seq_puts(m, "comm ");
	seq_escape_str(m, unit->comm, ESCAPE_ANY_NP, NULL);
	seq_putc(m, '\n');
	line(m, "translation", record->te);
	seq_printf(m, "rtaddr %#llx\n", record->rtaddr);
	show_counters(m, &record->stats);
	show_limits(m, unit, record);
}

static void show_device(struct seq_file *m, const struct device_record *record)
{
	static const char *const attachments[] = {
		[VTD_SHADOW_ATTACHED_BLOCKED] = "blocked",
		[VTD_SHADOW_ATTACHED_IDENTITY] = "identity",
		[VTD_SHADOW_ATTACHED_SHADOW] = "shadow",
	};
	const struct vtd_shadow_get_device_stats *stats = &record->stats;

	line(m, "device", stats->dev_id);
	seq_printf(m, "name %s\n", record->name);
	for (u32 i = 0; i < stats->source_ids; i++)
		seq_printf(m, "source_id %#x\n", record->sids[i]);
	seq_printf(m, "attachment %s\n", attachments[stats->attachment]);
	seq_printf(m, "fault_reason %#x\n", stats->fault_reason);
	line(m, "error", stats->error);
	line(m, "conflict", stats->conditions & VTD_SHADOW_DEVICE_CONFLICT);
	line(m, "domain_id", stats->domain_id);
	line(m, "shadow_id", stats->shadow_id);
	line(m, "group_devices", stats->group_devices);
	line(m, "pasids", stats->pasids);
	line(m, "pasids_attached", stats->pasids_attached);
	line(m, "attaches", stats->attaches);
	line(m, "attach_failures", stats->attach_failures);
}

static void show_domain(struct seq_file *m,
			const struct vtd_shadow_get_domain_stats *stats)
{
	line(m, "domain", stats->id);
	seq_printf(m, "root %#llx\n", stats->root);
	line(m, "levels", stats->levels);
	line(m, "users", stats->users);
	line(m, "nodes", stats->nodes);
	line(m, "pages", stats->pages);
	line(m, "host_tables", stats->host_tables);
	line(m, "syncs", stats->syncs);
	line(m, "entries_changed", stats->entries_changed);
	line(m, "leaves_mapped", stats->leaves_mapped);
	line(m, "leaves_unmapped", stats->leaves_unmapped);
	line(m, "host_maps", stats->host_maps);
	line(m, "host_unmaps", stats->host_unmaps);
	line(m, "iotlb_syncs", stats->iotlb_syncs);
	line(m, "install_failures", stats->install_failures);
}

static int records_show(struct seq_file *m, void *v)
{
	const struct records *r = v;

	switch (r->kind) {
	case UNIT:
		show_unit(m, r->unit, &r->of_unit);
		break;
	case DEVICE:
		show_device(m, &r->of_device);
		break;
	case DOMAIN:
		show_domain(m, &r->of_domain);
		break;
	case END:
		break;
	}
	return 0;
}

static const struct seq_operations records_ops = {
	.start = records_start,
	.next = records_next,
	.stop = records_stop,
	.show = records_show,
};

/* --- Files --- */

/* Both kinds of readers begin with it */
static_assert(offsetof(struct records, unit) == 0);
static_assert(offsetof(struct vtds_show_map, unit) == 0);

/* debugfs sees to it that the unit does not end meanwhile. */
static int open_file(struct inode *inode, struct file *file,
		     const struct seq_operations *ops, int size)
{
	struct vtds_unit *unit = inode->i_private;
	struct vtds_unit **reader = __seq_open_private(file, ops, size);

	if (!reader)
		return -ENOMEM;
	kref_get(&unit->ref);
	*reader = unit;
	return 0;
}

static int open_stats(struct inode *inode, struct file *file)
{
	return open_file(inode, file, &records_ops, sizeof(struct records));
}

static int open_mappings(struct inode *inode, struct file *file)
{
	return open_file(inode, file, &vtds_show_map_ops,
			 sizeof(struct vtds_show_map));
}

static int release_file(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct vtds_unit **reader = m->private;

	vtds_unit_put(*reader);
	return seq_release_private(inode, file);
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.open = open_stats,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = release_file,
};

static const struct file_operations mappings_fops = {
	.owner = THIS_MODULE,
	.open = open_mappings,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = release_file,
};

/*
 * A unit was bound. Its files work without debugfs being asked at each read, since they
 * have a reference: removing them waits for nobody who reads.
 */
void vtds_debugfs_add(struct vtds_unit *unit)
{
	char name[16];

	unit->pid = task_tgid_nr(current);
	get_task_comm(unit->comm, current->group_leader);
	snprintf(name, sizeof(name), "%u", unit->id);
	unit->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file_unsafe("stats", 0400, unit->debugfs, unit,
				   &stats_fops);
	debugfs_create_file_unsafe("mappings", 0400, unit->debugfs, unit,
				   &mappings_fops);
}

/* The file of a unit is closed. */
void vtds_debugfs_remove(struct vtds_unit *unit)
{
	debugfs_remove_recursive(unit->debugfs);
}

void vtds_debugfs_begin(void)
{
	root = debugfs_create_dir("vtd_shadow", NULL);
}

void vtds_debugfs_end(void)
{
	debugfs_remove_recursive(root);
}
