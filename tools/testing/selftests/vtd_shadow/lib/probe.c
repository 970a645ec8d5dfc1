// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can a device reach at an address? Found out by letting it try, and by
 * asking the unit.
 *
 * Every try has its positive control: the device reaches its buffer around
 * it, so that "unable" is the address's doing, not the device's.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "vtds_defs.h"
#include "vtds_edu.h"
#include "vtds_nvme.h"
#include "vtds_probe.h"

/* --- Contents that were never anywhere before, in earlier tests neither --- */

static __u64 new_token(void)
{
	static __u64 last;

	if (!last)
		getrandom(&last, sizeof(last), 0);
	last += 0x0123456789abcdefULL;
	return last;
}

static __u64 fill(void *page)
{
	__u64 token = new_token(), *words = page;

	for (unsigned int i = 0; i < SZ_4K / 8; i++)
		words[i] = token + i;
	return token;
}

/* Do the first @len bytes have what fill() put there? */
static bool holds(const void *page, __u64 token, unsigned int len)
{
	const __u64 *words = page;

	for (unsigned int i = 0; i < len / 8; i++)
		if (words[i] != token + i)
			return false;
	return true;
}

/* --- edu: several side by side, step by step --- */

/**
 * struct edu_try - A probe in progress
 * @probe: The question
 * @target: The memory in question
 * @sent: What was in memory when the device read it last
 * @token: What memory had before the device wrote to it
 */
struct edu_try {
	struct vtds_probe *probe;
	void *target;
	__u64 sent;
	__u64 token;
};

static void edu_fail(struct edu_try *try)
{
	try->probe->got = -EIO;
}

/* Step 1: the device reads what the target has */
static void read_target(struct edu_try *try)
{
	try->sent = fill(try->target);
	vtds_edu_start_read(try->probe->dev, try->probe->iova);
}

/* Step 2: and writes it to its buffer, where it can be seen */
static void write_buffer(struct edu_try *try)
{
	try->token = fill(try->probe->dev->buffer_hva);
	vtds_edu_start_write(try->probe->dev, try->probe->dev->buffer);
}

static void judge_read(struct edu_try *try)
{
	void *buffer = try->probe->dev->buffer_hva;

	if (holds(buffer, try->token, VTDS_EDU_LEN))
		edu_fail(try);
	else if (holds(buffer, try->sent, VTDS_EDU_LEN))
		try->probe->got |= PERM_R;
}

/* Step 3: the device reads something known from its buffer */
static void read_buffer(struct edu_try *try)
{
	try->sent = fill(try->probe->dev->buffer_hva);
	vtds_edu_start_read(try->probe->dev, try->probe->dev->buffer);
}

/* Step 4: and writes it to the target */
static void write_target(struct edu_try *try)
{
	try->token = fill(try->target);
	vtds_edu_start_write(try->probe->dev, try->probe->iova);
}

static void judge_write(struct edu_try *try)
{
	if (try->probe->got < 0)
		return;
	if (holds(try->target, try->sent, VTDS_EDU_LEN))
		try->probe->got |= PERM_W;
	else if (!holds(try->target, try->token, VTDS_EDU_LEN))
		edu_fail(try);
}

/* Step 5: what did not arrive at the target does arrive in the buffer */
static void judge_control(struct edu_try *try)
{
	if (!holds(try->probe->dev->buffer_hva, try->sent, VTDS_EDU_LEN))
		edu_fail(try);
}

static void edu_step(struct edu_try *tries, unsigned int nr,
		     void (*start)(struct edu_try *),
		     void (*judge)(struct edu_try *))
{
	for (unsigned int i = 0; i < nr; i++)
		start(&tries[i]);
	for (unsigned int i = 0; i < nr; i++) {
		if (vtds_edu_wait(tries[i].probe->dev))
			edu_fail(&tries[i]);
		else if (judge)
			judge(&tries[i]);
	}
}

static void edu_probe(struct edu_try *tries, unsigned int nr)
{
	if (!nr)
		return;
	edu_step(tries, nr, read_target, NULL);
	edu_step(tries, nr, write_buffer, judge_read);
	edu_step(tries, nr, read_buffer, NULL);
	edu_step(tries, nr, write_target, judge_write);
	edu_step(tries, nr, write_buffer, judge_control);
}

/* --- nvme --- */

/* In the buffer: the pages after the queues */
#define NVME_REFERENCE (2 * SZ_4K)
#define NVME_SCRATCH (3 * SZ_4K)

#define TOKEN_MASK 0xffffffffffffULL
#define TOKEN_DRIFT_MS 60000

/* @got gets PERM_R if the device finds at @iova what we see at @target */
static int nvme_try_read(struct vtds_dev *dev, __u64 iova, __u64 *target,
			 int *got)
{
	volatile __u64 *scratch = dev->buffer_hva + NVME_SCRATCH;
	__u64 token = new_token() & (TOKEN_MASK >> 1);
	int rc;

	*target = token;
	rc = vtds_nvme_set_token(dev, iova);
	if (rc && rc != -EREMOTEIO)
		return rc;

	*scratch = ~0ULL;
	rc = vtds_nvme_get_token(dev, dev->buffer + NVME_SCRATCH);
	if (rc)
		return rc;
	if (*scratch == ~0ULL)
		return -EIO;
	if ((*scratch & TOKEN_MASK) - token < TOKEN_DRIFT_MS)
		*got |= PERM_R;
	return 0;
}

/* @got gets PERM_W if what the device writes to @iova arrives at @target */
static int nvme_try_write(struct vtds_dev *dev, __u64 iova, void *target,
			  int *got)
{
	void *reference = dev->buffer_hva + NVME_REFERENCE;
	__u64 token = fill(reference);
	int rc;

	rc = vtds_nvme_identify(dev, dev->buffer + NVME_REFERENCE);
	if (rc)
		return rc;
	if (holds(reference, token, SZ_4K))
		return -EIO;

	token = fill(target);
	rc = vtds_nvme_identify(dev, iova);
	if (rc && rc != -EREMOTEIO)
		return rc;
	if (!memcmp(target, reference, SZ_4K))
		*got |= PERM_W;
	else if (!holds(target, token, SZ_4K))
		return -EIO;
	return 0;
}

static void nvme_probe(struct vtds_probe *probe, void *target)
{
	if (nvme_try_read(probe->dev, probe->iova, target, &probe->got) ||
	    nvme_try_write(probe->dev, probe->iova, target, &probe->got))
		probe->got = -EIO;
}

/* --- The questions --- */

/* All at once. Each device and each page may be in one probe only */
void vtds_probe_all(struct vtds_guest *guest, struct vtds_probe *probes,
		    unsigned int nr)
{
	struct edu_try tries[nr];
	unsigned int nr_edu = 0;

	for (unsigned int i = 0; i < nr; i++) {
		void *target = vtds_hva(guest, probes[i].gpa);

		probes[i].got = PERM_NONE;
		if (probes[i].dev->kind == VTDS_NVME)
			nvme_probe(&probes[i], target);
		else
			tries[nr_edu++] = (struct edu_try){
				.probe = &probes[i],
				.target = target,
			};
	}
	edu_probe(tries, nr_edu);
}

/* What @dev can do at @iova with the memory at @gpa: PERM_* or -EIO */
int vtds_reach(struct vtds_guest *guest, struct vtds_dev *dev, __u64 iova,
	       __u64 gpa)
{
	struct vtds_probe probe = { .dev = dev, .iova = iova, .gpa = gpa };

	vtds_probe_all(guest, &probe, 1);
	return probe.got;
}

static bool nvme_reaches_buffer(struct vtds_dev *dev)
{
	void *scratch = dev->buffer_hva + NVME_SCRATCH;
	__u64 token = fill(scratch);

	return !vtds_nvme_identify(dev, dev->buffer + NVME_SCRATCH) &&
	       !holds(scratch, token, SZ_4K);
}

/*
 * Which of the devices reach their buffers? Bit n of the result is
 * @devs[n]. Takes 100 ms however many there are.
 */
unsigned int vtds_reach_buffers(struct vtds_dev *devs, unsigned int nr)
{
	unsigned int reached = 0;
	__u64 tokens[nr];

	for (unsigned int i = 0; i < nr; i++) {
		if (devs[i].kind == VTDS_NVME)
			continue;
		tokens[i] = fill(devs[i].buffer_hva);
		vtds_edu_start_write(&devs[i], devs[i].buffer);
	}
	for (unsigned int i = 0; i < nr; i++) {
		bool ok;

		if (devs[i].kind == VTDS_NVME)
			ok = nvme_reaches_buffer(&devs[i]);
		else
			ok = !vtds_edu_wait(&devs[i]) &&
			     !holds(devs[i].buffer_hva, tokens[i],
				    VTDS_EDU_LEN);
		if (ok)
			reached |= 1U << i;
	}
	return reached;
}

/* What the unit says about @iova: PERM_*, -ESTALE if it leads elsewhere */
int vtds_answer(struct vtds_unit *unit, __u16 sid, __u64 iova, __u64 gpa)
{
	struct vtd_shadow_translate result;
	int rc = vtds_translate(unit, sid, iova, &result);

	if (rc)
		return rc;
	if (result.perm && result.gpa != gpa)
		return -ESTALE;
	/* Refused with a reason, or allowed without one */
	if (!result.perm != !!result.fault_reason)
		return -EPROTO;
	return result.perm;
}

/* Why the unit says that @iova is refused, -EEXIST if it is not */
int vtds_fault(struct vtds_unit *unit, __u16 sid, __u64 iova)
{
	struct vtd_shadow_translate result;
	int rc = vtds_translate(unit, sid, iova, &result);

	return rc ?: result.perm ? -EEXIST : (int)result.fault_reason;
}

/* Where the unit says that a device is attached */
int vtds_attachment(struct vtds_unit *unit, __u16 sid)
{
	struct vtd_shadow_translate result;

	return vtds_translate(unit, sid, 0, &result) ?: (int)result.attachment;
}
