// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is seen of a unit from outside: debugfs, vtd_shadow_stat and the tracepoints tell the
 * same numbers as the ioctls, which stat_test.c looks at; the mappings that are shown are
 * those that there are; and a unit may end while somebody looks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stat_fixture.h"
#include "vtds_watch.h"

#define NEED_DEBUGFS()                                                         \
	do {                                                                   \
		if (!vtds_watch_possible())                                    \
			SKIP(return,                                           \
				   "debugfs is not there, or not to be read"); \
	} while (0)

static const struct vtds_field unit_fields[] = {
	VTDS_FIELD(vtd_shadow_get_stats, devices),
	VTDS_FIELD(vtd_shadow_get_stats, domains),
	VTDS_FIELD(vtd_shadow_get_stats, nodes),
	VTDS_FIELD(vtd_shadow_get_stats, pages),
	VTDS_FIELD(vtd_shadow_get_stats, pinned_pages),
	VTDS_FIELD(vtd_shadow_get_stats, descriptors),
	VTDS_FIELD(vtd_shadow_get_stats, syncs),
	VTDS_FIELD(vtd_shadow_get_stats, entries_changed),
	VTDS_FIELD(vtd_shadow_get_stats, leaves_mapped),
	VTDS_FIELD(vtd_shadow_get_stats, leaves_unmapped),
	VTDS_FIELD(vtd_shadow_get_stats, host_maps),
	VTDS_FIELD(vtd_shadow_get_stats, host_unmaps),
	VTDS_FIELD(vtd_shadow_get_stats, iotlb_syncs),
	VTDS_FIELD(vtd_shadow_get_stats, attaches),
	VTDS_FIELD(vtd_shadow_get_stats, install_failures),
	VTDS_FIELD(vtd_shadow_get_stats, retries),
	VTDS_FIELD(vtd_shadow_get_stats, host_tables),
	VTDS_FIELD(vtd_shadow_get_stats, pages_pinned),
	VTDS_FIELD(vtd_shadow_get_stats, early_returns),
	VTDS_FIELD(vtd_shadow_get_stats, events),
	VTDS_FIELD(vtd_shadow_get_stats, events_lost),
};

static const struct vtds_field domain_fields[] = {
	VTDS_FIELD(vtd_shadow_get_domain_stats, root),
	VTDS_FIELD(vtd_shadow_get_domain_stats, levels),
	VTDS_FIELD(vtd_shadow_get_domain_stats, users),
	VTDS_FIELD(vtd_shadow_get_domain_stats, nodes),
	VTDS_FIELD(vtd_shadow_get_domain_stats, pages),
	VTDS_FIELD(vtd_shadow_get_domain_stats, host_tables),
	VTDS_FIELD(vtd_shadow_get_domain_stats, syncs),
	VTDS_FIELD(vtd_shadow_get_domain_stats, entries_changed),
	VTDS_FIELD(vtd_shadow_get_domain_stats, leaves_mapped),
	VTDS_FIELD(vtd_shadow_get_domain_stats, leaves_unmapped),
	VTDS_FIELD(vtd_shadow_get_domain_stats, host_maps),
	VTDS_FIELD(vtd_shadow_get_domain_stats, host_unmaps),
	VTDS_FIELD(vtd_shadow_get_domain_stats, iotlb_syncs),
	VTDS_FIELD(vtd_shadow_get_domain_stats, install_failures),
};

static const struct vtds_field device_fields[] = {
	VTDS_FIELD(vtd_shadow_get_device_stats, fault_reason),
	VTDS_FIELD(vtd_shadow_get_device_stats, error),
	VTDS_FIELD(vtd_shadow_get_device_stats, domain_id),
	VTDS_FIELD(vtd_shadow_get_device_stats, shadow_id),
	VTDS_FIELD(vtd_shadow_get_device_stats, group_devices),
	VTDS_FIELD(vtd_shadow_get_device_stats, pasids),
	VTDS_FIELD(vtd_shadow_get_device_stats, pasids_attached),
	VTDS_FIELD(vtd_shadow_get_device_stats, attaches),
	VTDS_FIELD(vtd_shadow_get_device_stats, attach_failures),
};

/* --- debugfs and vtd_shadow_stat --- */

typedef __u64 look_fn(const char *text, const char *section, __u64 id,
		      const char *name);

static unsigned int differ(look_fn *look, const char *text, const char *section,
			   __u64 id, const struct vtds_field *fields,
			   unsigned int count, const void *structure)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < count; i++) {
		__u64 right = vtds_field(&fields[i], structure);
		__u64 said = look(text, section, id, fields[i].name);

		if (said == right)
			continue;
		printf("# %s %s: %llu instead of %llu\n", section,
		       fields[i].name, said, right);
		found++;
	}
	return found;
}

#define EXPECT_SAME(_look, _section, _id, _fields, _structure)    \
	EXPECT_EQ(0U, differ(_look, text, _section, _id, _fields, \
			     ARRAY_SIZE(_fields), _structure))

/* All numbers that there are, by whatever way they were learnt */
#define EXPECT_ALL(_look)                                                      \
	do {                                                                   \
		EXPECT_SAME(_look, "unit", VTDS_NO_VALUE, unit_fields, &unit); \
		EXPECT_SAME(_look, "domain", domain.id, domain_fields,         \
			    &domain);                                          \
		for (unsigned int i = 0; i < self->f.nr_devs; i++) {           \
			device = of_device(&self->f.unit, &self->f.dev[i]);    \
			EXPECT_SAME(_look, "device", device.dev_id,            \
				    device_fields, &device);                   \
		}                                                              \
	} while (0)

TEST_F(stat, debugfs_agrees)
{
	struct vtd_shadow_get_domain_stats domain;
	struct vtd_shadow_get_device_stats device;
	struct vtd_shadow_get_stats unit;
	struct stat file;
	char *text;
	int fd;

	NEED_DEBUGFS();
	ASSERT_EQ(0, do_something(&self->f, self->page));
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &unit));
	domain = of_domain(&self->f.unit, 0);
	text = vtds_watch_text("stats");
	ASSERT_NE(NULL, text);
	EXPECT_ALL(vtds_watch_value);
	EXPECT_EQ(self->f.unit.info.max_nodes,
		  vtds_watch_value(text, "unit", VTDS_NO_VALUE, "max_nodes"));
	EXPECT_EQ(self->f.unit.info.max_pages,
		  vtds_watch_value(text, "unit", VTDS_NO_VALUE, "max_pages"));
	EXPECT_EQ(0ULL, vtds_watch_value(text, "unit", VTDS_NO_VALUE, "calls"));
	EXPECT_EQ((__u64)self->f.dev[0].sid,
		  vtds_watch_value(text, "device", self->f.dev[0].dev_id,
				   "source_id"));
	free(text);

	/* For root alone */
	fd = vtds_watch_open("stats", getpid());
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &file));
	EXPECT_EQ(0400U, file.st_mode & 07777);
	EXPECT_EQ(0U, file.st_uid);
	close(fd);
}

TEST_F(stat, tool_agrees)
{
	struct vtd_shadow_get_domain_stats domain;
	struct vtd_shadow_get_device_stats device;
	struct vtd_shadow_get_stats unit;
	char *text;

	NEED_DEBUGFS();
	if (access("./vtd_shadow_stat", X_OK))
		SKIP(return, "there is no vtd_shadow_stat beside the test");
	ASSERT_EQ(0, do_something(&self->f, self->page));
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &unit));
	domain = of_domain(&self->f.unit, 0);
	text = vtds_watch_tool();
	ASSERT_NE(NULL, text);
	EXPECT_ALL(vtds_watch_json);
	EXPECT_EQ((__u64)getpid(),
		  vtds_watch_json(text, "unit", VTDS_NO_VALUE, "pid"));
	free(text);
}

/* Ranges that are shown lead to what the unit says, and nothing is missing */
TEST_F(stat, mappings_are_shown)
{
	__u64 pages = 0, block = RAM_GPA + RAM_SIZE / 2;
	struct vtds_mapping mapping;
	bool found = false;
	const char *line;
	char *text;

	NEED_DEBUGFS();
	vtds_map_range(&self->f.table, OTHER_IOVA + SZ_2M - 8 * SZ_4K, block,
		       16 * SZ_4K, PERM_R);
	FLUSH(iotlb_domain(TABLE_DID));
	text = vtds_watch_text("mappings");
	ASSERT_NE(NULL, text);
	for (line = text; line;) {
		line = vtds_watch_mapping(line, &mapping);
		ASSERT_EQ(of_domain(&self->f.unit, 0).id, mapping.domain);
		pages += (mapping.last - mapping.first + 1) / SZ_4K;
		/* Both ends lead where it says */
		EXPECT_EQ((int)mapping.perm,
			  vtds_answer(&self->f.unit, self->f.dev[0].sid,
				      mapping.first, mapping.gpa));
		EXPECT_EQ((int)mapping.perm,
			  vtds_answer(&self->f.unit, self->f.dev[0].sid,
				      mapping.last,
				      mapping.gpa + mapping.last -
					      mapping.first));
		found |= mapping.first == OTHER_IOVA + SZ_2M - 8 * SZ_4K &&
			 mapping.last == OTHER_IOVA + SZ_2M + 8 * SZ_4K - 1 &&
			 mapping.gpa == block && mapping.perm == PERM_R;
	}
	EXPECT_EQ(STAT(pages), pages);
	EXPECT_TRUE(found);
	free(text);
}

/* Files that are open outlast the unit, and show nothing of it that is not true */
TEST_F(stat, unit_ends_while_open)
{
	int stats, mappings;
	char *text;

	NEED_DEBUGFS();
	stats = vtds_watch_open("stats", getpid());
	mappings = vtds_watch_open("mappings", getpid());
	ASSERT_LE(0, stats);
	ASSERT_LE(0, mappings);
	vtds_unit_close(&self->f.unit);
	EXPECT_EQ(-ENOENT, vtds_watch_open("stats", getpid()));
	text = vtds_watch_read(stats);
	ASSERT_NE(NULL, text);
	EXPECT_EQ(0ULL, vtds_watch_value(text, "unit", VTDS_NO_VALUE, "pages"));
	EXPECT_EQ(0ULL,
		  vtds_watch_value(text, "unit", VTDS_NO_VALUE, "devices"));
	EXPECT_EQ(NULL, strstr(text, "\ndomain "));
	EXPECT_EQ(NULL, strstr(text, "\ndevice "));
	free(text);
	text = vtds_watch_read(mappings);
	ASSERT_NE(NULL, text);
	EXPECT_STREQ("", text);
	free(text);
	close(stats);
	close(mappings);
	self->f.unit.fd = -1;
}

/**
 * struct reader - A thread that reads all there is
 * @stop: It is to end
 * @reads: How many files it has read
 * @thread: The thread
 */
struct reader {
	bool stop;
	unsigned int reads;
	pthread_t thread;
};

static void *read_all(void *arg)
{
	static const char *const names[] = { "stats", "mappings" };
	struct reader *reader = arg;

	for (unsigned int i = 0;
	     !__atomic_load_n(&reader->stop, __ATOMIC_ACQUIRE); i++) {
		char *text = vtds_watch_text(names[i % 2]);

		reader->reads += !!text;
		free(text);
	}
	return NULL;
}

#define ROUNDS 30

/* Domains come and go, and so do other units, while somebody reads */
TEST_F(stat, everything_changes_while_read)
{
	struct reader reader = {};
	struct vtds_unit unit;

	NEED_DEBUGFS();
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_all, &reader));
	for (unsigned int i = 0; i < ROUNDS || !reader.reads; i++) {
		ASSERT_EQ(0, vtds_unit_open(&unit));
		ASSERT_EQ(0, vtds_unit_bind(&unit, &self->f.vmm, 0, 0));
		EXPECT_EQ(0, do_something(&self->f, self->page));
		EXPECT_EQ(0, vtds_fixture_state(&self->f, i % 3));
		vtds_unit_close(&unit);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader.thread, NULL);
}

/* --- Tracepoints --- */

#define EXPECT_TRACED(_count, _event) \
	EXPECT_EQ((unsigned int)(_count), vtds_trace_count(trace, _event))
#define EXPECT_TRACED_SUM(_sum, _event, _field) \
	EXPECT_EQ((__u64)(_sum), vtds_trace_sum(trace, _event, _field))

/* As many events as were counted, with the same numbers in them */
TEST_F(stat, tracepoints_agree)
{
	__u64 *ctx = vtds_ctx_entry(&self->f.guest, self->f.dev[0].sid);
	struct vtd_shadow_get_stats before, after;
	char *text, *trace;
	__u64 unit;
	int rc;

	NEED_DEBUGFS();
	text = vtds_watch_text("stats");
	ASSERT_NE(NULL, text);
	unit = vtds_watch_value(text, "unit", VTDS_NO_VALUE, "unit");
	free(text);
	rc = vtds_trace_begin(unit);
	if (rc == -ENOENT)
		SKIP(return, "this kernel has no tracefs");
	ASSERT_EQ(0, rc);
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &before));
	ASSERT_EQ(0, do_something(&self->f, self->page));
	vtds_map(&self->f.table, IOVA, NOWHERE, SZ_4K, PERM_RW);
	FLUSH_WITH(ENOENT, iotlb_page(TABLE_DID, IOVA));
	ctx[0] &= ~CTX_P;
	FLUSH(cc_device(self->f.dev[0].sid));
	ctx[0] |= CTX_P;
	FLUSH(cc_device(self->f.dev[0].sid));
	ASSERT_EQ(0, vtds_resync(&self->f.unit));
	ASSERT_EQ(0, vtds_stats(&self->f.unit, &after));
	trace = vtds_trace_end();
	ASSERT_NE(NULL, trace);

	EXPECT_TRACED(after.descriptors - before.descriptors, "descriptor");
	EXPECT_TRACED(after.syncs - before.syncs, "sync");
	EXPECT_TRACED_SUM(after.entries_changed - before.entries_changed,
			  "sync", "changed");
	EXPECT_TRACED_SUM(after.leaves_mapped - before.leaves_mapped, "sync",
			  "mapped");
	EXPECT_TRACED_SUM(after.leaves_unmapped - before.leaves_unmapped,
			  "sync", "unmapped");
	EXPECT_TRACED(after.install_failures - before.install_failures,
		      "refused");
	EXPECT_TRACED(after.host_maps - before.host_maps, "map");
	EXPECT_TRACED(after.host_unmaps - before.host_unmaps, "unmap");
	EXPECT_TRACED(after.iotlb_syncs - before.iotlb_syncs, "flush");
	EXPECT_TRACED(after.attaches - before.attaches, "attach");
	EXPECT_TRACED(after.events - before.events, "event");
	EXPECT_TRACED_SUM(after.pages_pinned - before.pages_pinned, "pin",
			  "pages");
	EXPECT_TRACED_SUM(after.pages_pinned - before.pages_pinned -
				  (after.pinned_pages - before.pinned_pages),
			  "unpin", "pages");
	/* And what no counter has: a context went and came back */
	EXPECT_TRACED(2, "context");
	EXPECT_TRACED(1, "detach");
	EXPECT_TRACED(2, "attach");
	EXPECT_TRACED(0, "early_return");
	free(trace);
}

TEST_F(budget, early_returns_are_traced)
{
	__u64 page = vtds_page(&self->f.guest), unit;
	char *text, *trace;
	unsigned long before;
	int rc;

	NEED_DEBUGFS();
	text = vtds_watch_text("stats");
	ASSERT_NE(NULL, text);
	unit = vtds_watch_value(text, "unit", VTDS_NO_VALUE, "unit");
	EXPECT_EQ(1ULL,
		  vtds_watch_value(text, "unit", VTDS_NO_VALUE, "budget"));
	free(text);
	rc = vtds_trace_begin(unit);
	if (rc == -ENOENT)
		SKIP(return, "this kernel has no tracefs");
	ASSERT_EQ(0, rc);
	before = STAT(early_returns);
	for (unsigned int i = 0; i < 8; i++)
		vtds_map(&self->f.table, IOVA + i * SZ_2M, page, SZ_4K,
			 PERM_RW);
	FLUSH(iotlb_domain(TABLE_DID));
	trace = vtds_trace_end();
	ASSERT_NE(NULL, trace);
	EXPECT_TRACED(STAT(early_returns) - before, "early_return");
	EXPECT_LT(0U, vtds_trace_count(trace, "early_return"));
	free(trace);
}

TEST_HARNESS_MAIN
