/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Macros of the tests on top of the kselftest harness: set-up, descriptors that the
 * guest sends, and what devices reach then. They expect a struct vtds_fixture in self->f.
 */
#ifndef VTDS_TEST_H
#define VTDS_TEST_H

#include "kselftest_harness.h"

/*
 * A limit for what hangs, not for what is slow: an emulated machine with a
 * sanitizer kernel may be a hundred times slower than a real one.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#include "vtds_desc.h"
#include "vtds_fixture.h"

#define CONFIG(...) ((struct vtds_config){ __VA_ARGS__ })
#define DESCS(...) ((struct vtds_desc[]){ __VA_ARGS__ })
#define NR_DESCS(...) (sizeof(DESCS(__VA_ARGS__)) / sizeof(struct vtds_desc))

/* In FIXTURE_SETUP: a guest with these devices, or the test is skipped */
#define OPEN_FIXTURE(...)                                                     \
	do {                                                                  \
		if (!vtds_fixture_possible(&CONFIG(__VA_ARGS__)))             \
			SKIP(return, "this machine lacks a device");          \
		ASSERT_EQ(0,                                                  \
			  vtds_fixture_open(&self->f, &CONFIG(__VA_ARGS__))); \
	} while (0)

/*
 * The guest sends these descriptors. The queue must not stop; what could not be
 * installed must be @_errno.
 */
#define FLUSH_WITH(_errno, ...)                                            \
	do {                                                               \
		ASSERT_EQ(0, vtds_flush(&self->f.unit, DESCS(__VA_ARGS__), \
					NR_DESCS(__VA_ARGS__)));           \
		EXPECT_EQ((_errno), (int)self->f.unit.install_errno);      \
	} while (0)

#define FLUSH(...) FLUSH_WITH(0, __VA_ARGS__)

/* What the host can do; a test that asks for it looks first, see DMA_TEST_MAIN */
static struct vtds_host host;

/* What a device finds at memory with these permissions */
static inline int on_host(unsigned int perm)
{
	return perm == PERM_W && host.write_only ? (int)host.write_only :
						   (int)perm;
}

static inline int dma_test_main(int argc, char **argv)
{
	int rc = vtds_host_look(&host);

	if (rc)
		printf("# cannot look at the host: %d\n", rc);
	else
		printf("# host: maps up to %#llx, keeps %#llx, write-only memory is %s\n",
		       host.last, host.reserved,
		       host.write_only & PERM_R ? "readable" : "write-only");
	return test_harness_run(argc, argv);
}

#define DMA_TEST_MAIN                             \
	int main(int argc, char **argv)           \
	{                                         \
		return dma_test_main(argc, argv); \
	}

/*
 * Exactly these permissions are what the device finds when it tries, and what
 * the unit answers when it is asked.
 */
#define EXPECT_REACH(_perm, _dev, _iova, _gpa)                            \
	do {                                                              \
		EXPECT_EQ(on_host(_perm),                                 \
			  vtds_reach(&self->f.guest, _dev, _iova, _gpa)); \
		EXPECT_EQ((int)(_perm),                                   \
			  vtds_answer(&self->f.unit, (_dev)->sid, _iova,  \
				      _gpa));                             \
	} while (0)

/* The device is alive, yet unable to reach this memory at this address */
#define EXPECT_DEAD(_dev, _iova, _gpa) \
	EXPECT_REACH(PERM_NONE, _dev, _iova, _gpa)

/* The unit answers: refused, for this reason */
#define EXPECT_FAULT(_reason, _dev, _iova) \
	EXPECT_EQ((int)(_reason), vtds_fault(&self->f.unit, (_dev)->sid, _iova))

/* The unit answers: the device is attached there */
#define EXPECT_ATTACHED(_attachment, _dev)                \
	EXPECT_EQ((int)VTD_SHADOW_ATTACHED_##_attachment, \
		  vtds_attachment(&self->f.unit, (_dev)->sid))

/*
 * Exactly these devices, as bits, reach their buffers, and the unit agrees.
 */
#define EXPECT_REACH_BUFFERS(_mask)                                          \
	do {                                                                 \
		EXPECT_EQ((unsigned int)(_mask),                             \
			  vtds_reach_buffers(self->f.dev, self->f.nr_devs)); \
		EXPECT_EQ((unsigned int)(_mask),                             \
			  vtds_fixture_answer_buffers(&self->f));            \
	} while (0)

/* One of the unit's counters */
#define STAT(_field) \
	vtds_stat(&self->f.unit, offsetof(struct vtd_shadow_get_stats, _field))

#endif /* VTDS_TEST_H */
