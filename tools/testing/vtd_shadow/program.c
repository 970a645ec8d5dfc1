// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs: what an input of the fuzzer means. A header says what the host and the unit
 * are like, then come operations of six bytes each: what a guest writes and announces,
 * what a VMM does, what goes wrong, and who is at work at the same time. All operands are
 * small numbers of things that there are.
 */
#include "kernel.h"
#include <linux/vtd_shadow.h>
#include "fuzz.h"

/* The header: host, limits of the unit, how it begins, then how long turns are */
enum {
	HEADER_HOST,
	HEADER_LIMITS,
	HEADER_BEGIN,
	HEADER_REGS,
	HEADER_TURNS,
};

enum op {
	OP_ENTRY,
	OP_FILL,
	OP_PATH,
	OP_PERM,
	OP_COPY,
	OP_CONTEXT,
	OP_PASID,
	OP_STRUCT,
	OP_DESC,
	OP_SUBMIT,
	OP_FLUSH,
	OP_FLUSH_PAGES,
	OP_STATE,
	OP_ADD,
	OP_REMOVE,
	OP_TAKE,
	OP_GIVE,
	OP_RESYNC,
	OP_INJECT,
	OP_WORK,
	OP_TRANSLATE,
	OP_OTHERS,
	OP_DEVICE,
	OP_REOPEN,
	OP_QUEUE,
	OP_ASYNC,
	OP_KILL,
	NR_OPS,
};

static bool had_reset, had_short_unmap;

void op_hand_over(const struct descs *descs, const u8 *o)
{
	if (o[0] & 1)
		call_queue(descs, o[1]);
	else
		call_invalidate(descs);
}

static void op_submit(const u8 *o)
{
	struct descs descs = pending;

	descs.wide = o[0] & 2;
	pending.count = 0;
	op_hand_over(&descs, o);
}

/* Everything, as guests do after a change of contexts or tables, with a wait or without */
void op_flush(const u8 *o)
{
	struct descs kept = pending, descs;

	pending.count = 0;
	if (o[2] & 1)
		desc_push(1 | 1 << 4, 0);
	if ((o[2] & 1) && (o[0] & 2))
		desc_push(7 | 3 << 4, 0);
	if (o[2] & 2 || !(o[2] & 1))
		desc_push(2 | (o[2] & 4 ? 2 : 1) << 4 | (u64)(o[3] % 8) << 16,
			  0);
	if (o[2] & 8)
		desc_push(5 | 2 << 4 | (u64)o[3] << 32, STATUS_GPA + o[4] * 4);
	descs = pending;
	descs.wide = o[0] & 2;
	pending = kept;
	op_hand_over(&descs, o);
}

void op_flush_pages(const u8 *o)
{
	struct descs kept = pending, descs;

	pending.count = 0;
	desc_push(2 | 3 << 4 | (u64)(o[1] % 8) << 16,
		  iova_of(o[2], o[3], o[4]) | (o[1] / 8 % 4) * 3);
	descs = pending;
	pending = kept;
	descs.wide = o[0] & 2;
	op_hand_over(&descs, (const u8[]){ o[0], o[4] });
}

/* Registers of the queue that may mean anything */
static void op_queue(const u8 *o)
{
	static const u64 bases[] = {
		QUEUE_GPA, 0xa00000, 0x60a000,	      0xe00000,
		0x800000,  0x404000, 0x4000000000000, 0x40000000,
	};
	static const u32 places[] = {
		0,	16, 32,	     48,      0xff0, 0xfe0,	 0x1000,
		0x1fe0, 8,  0x7fff0, 0x80000, 1000,  0xffffffff,
	};

	call_queue_raw(bases[o[0] % 8] | (o[1] & 7) | (o[1] & 8 ? 1 << 11 : 0),
		       places[o[2] % ARRAY_SIZE(places)],
		       places[o[3] % ARRAY_SIZE(places)]);
}

/* --- The VMM --- */

static void set_state(unsigned int caps, unsigned int mode)
{
	/* CM, widths of 39, 48 and 57 bits, 2 MiB and 1 GiB, domain-ids of 16 bits */
	static const u64 cap[] = {
		0x003f008c00380e86, 0x003f008c00380e86,
		0x003f008c00380e86, 0x003f008400260286,
		0x0008000000260286, 0x003f008c002f0c80,
		0x003f008c00380e86, 0x001d8,
	};
	/* Pass-through; scalable mode with second stage, RID_PASID, PASIDs; ... */
	static const u64 ecap[] = {
		BIT_ULL(6),
		BIT_ULL(6) | BIT_ULL(43) | BIT_ULL(46) | BIT_ULL(49),
		BIT_ULL(6) | BIT_ULL(43) | BIT_ULL(46) | BIT_ULL(49) |
			BIT_ULL(40) | 19ULL << 35,
		BIT_ULL(2),
		0,
		BIT_ULL(7) | BIT_ULL(6),
		BIT_ULL(43) | BIT_ULL(40),
		BIT_ULL(50),
	};
	static const u8 widths[] = { 46, 52, 39, 32 };
	static const u64 roots[] = { 0x2000, 0x3400,   0x3000,	 0x2400,
				     0x2800, 0xe00000, 0x609000, 0x10000 };

	caps %= 8;
	call_set_state(&(struct regs){
		.te = !(mode & 1),
		.cap = cap[caps],
		.ecap = ecap[caps],
		.haw = widths[mode >> 1 & 3],
		.rtaddr = mode & 0x80 ? roots[mode >> 3 & 7] :
					roots[ecap[caps] >> 43 & 1],
	});
}

void op_memory(const u8 *o, bool take)
{
	u64 first, last;

	memory_pick_range(o[0], &first, &last);
	announce_memory_changed();
	if (take) {
		memory_take(first, last);
		return;
	}
	memory_give(first, last);
	if (o[1] & 1)
		call_resync(VTD_SHADOW_RESYNC_RANGE, first, last);
}

void op_resync(const u8 *o)
{
	u64 first = 0, last = 0xffffffffffULL;
	unsigned int flags = o[0] & 3;

	if (o[0] & 4)
		memory_pick_range(o[1], &first, &last);
	call_resync(flags, first, last);
}

static void op_inject(const u8 *o)
{
	static const int errors[] = { -ENOMEM, -EFAULT, -EBUSY, -EIO };
	unsigned int in = o[1] % 16 ? o[1] % 16 : o[2];

	inject.always = o[3] & 1;
	inject.pin_error = errors[o[3] / 2 % 4];
	inject.attach_error = inject.pin_error;
	inject.forgets = o[3] & 0x80;
	switch (o[0] % 8) {
	case 0:
	case 1:
		inject.alloc = in;
		break;
	case 2:
		inject.pin = in;
		break;
	case 3:
		inject.map = in;
		break;
	case 4:
		/* If a host neither unmaps nor detaches there is nothing left to do */
		if (!had_reset)
			inject.unmap = in;
		had_short_unmap = true;
		break;
	case 5:
		inject.attach = in;
		break;
	case 6:
		inject.stall = in;
		inject.stall_turns = 4 * o[3];
		break;
	default:
		inject = (struct inject){};
	}
}

void op_device(const u8 *o)
{
	unsigned int nr = o[0] % NR_DEVICES;

	switch (o[1] % 6) {
	case 0:
		device_bind(nr);
		break;
	case 1:
		/* Asynchronous or not, the unit lets go of it. */
		announce_gone_device(nr);
		device_unbind(nr);
		break;
	case 2:
		device_vmm_attach(nr);
		break;
	case 3:
		device_vmm_detach(nr);
		break;
	case 4:
		if (!had_short_unmap)
			device_reset(nr, true);
		had_reset = true;
		break;
	case 5:
		device_reset(nr, false);
		break;
	}
}

static void op_reopen(const u8 *o)
{
	finish_others();
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		announce_gone_device(i);
	calls_close();
	announce_begin();
	regs = (struct regs){};
	calls_open(o[0] | o[1] << 8);
}

void op_translate(const u8 *o)
{
	call_translate(guest_sids[o[0] % NR_SIDS],
		       o[1] & 1 ? pasid_of(o[1] / 2) : NO_PASID,
		       iova_of(o[2], o[3], o[4]));
}

/* --- Programs --- */

static void op_run(const u8 *op)
{
	const u8 *o = op + 1;

	say("%2u: %u %u %u %u %u\n", op[0] % NR_OPS, o[0], o[1], o[2], o[3],
	    o[4]);
	fuzz_work_begin();
	switch (op[0] % NR_OPS) {
	case OP_ENTRY:
		return op_entry(o);
	case OP_FILL:
		return op_fill(o);
	case OP_PATH:
		return op_path(o);
	case OP_PERM:
		return op_perm(o);
	case OP_COPY:
		return op_copy(o);
	case OP_CONTEXT:
		return op_context(o);
	case OP_PASID:
		return op_pasid(o);
	case OP_STRUCT:
		return op_struct(o);
	case OP_DESC:
		return op_desc(o);
	case OP_SUBMIT:
		return op_submit(o);
	case OP_FLUSH:
		return op_flush(o);
	case OP_FLUSH_PAGES:
		return op_flush_pages(o);
	case OP_STATE:
		finish_others();
		return set_state(o[0], o[1]);
	case OP_ADD:
		finish_others();
		return call_add_device(o[0] % NR_DEVICES, o[1],
				       o[2] % 8 < 6 ? IOAS_ID + o[2] % 2 :
						      o[2] % 4);
	case OP_REMOVE:
		finish_others();
		return call_remove_device(o[0] % NR_DEVICES);
	case OP_TAKE:
		return op_memory(o, true);
	case OP_GIVE:
		return op_memory(o, false);
	case OP_RESYNC:
		return op_resync(o);
	case OP_INJECT:
		return op_inject(o);
	case OP_WORK:
		work_run(o[0] & 1);
		return;
	case OP_TRANSLATE:
		return op_translate(o);
	case OP_OTHERS:
		return call_others(o[0], o[1] | o[2] << 8);
	case OP_DEVICE:
		finish_others();
		return op_device(o);
	case OP_REOPEN:
		return op_reopen(o);
	case OP_QUEUE:
		return op_queue(o);
	case OP_ASYNC:
		return op_async(o);
	case OP_KILL:
		return op_kill(o);
	}
}

/* How most guests begin: devices are bound, and use a table */
static void begin(const u8 *header)
{
	unsigned int how = header[HEADER_BEGIN];

	host_kind = header[HEADER_HOST] % NR_HOST_KINDS;
	fuzz_work_begin();
	calls_open(header[HEADER_LIMITS]);
	if (!(how & 1))
		return;
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		device_bind(i);
	op_path((const u8[]){ 0, 1, 0, 0, 0 });
	for (unsigned int i = 0; i < 4; i++)
		op_context((const u8[]){ i, how & 2 ? i : 0, 1, 1, 0 });
	set_state(header[HEADER_REGS], 0);
	for (unsigned int i = 0; i < (how >> 2) % 5; i++)
		call_add_device(i, i, IOAS_ID);
}

/* The world is in order again, and the engine has its time. */
static void settle(void)
{
	inject = (struct inject){};
	devices_recover();
	finish_others();
	if (fuzz_is_overtime())
		return;
	for (unsigned int i = 0; i < 50; i++) {
		fuzz_work_begin();
		call_until_done();
		call_read_events();
		check_now();
		if (!work_run(true) || fuzz_is_overtime())
			return;
	}
	fuzz_fail("work never comes to an end");
}

/* All that there should be is there, first by itself, then when it is asked for. */
static void expect_all(void)
{
	settle();
	if (fuzz_is_overtime())
		return;
	check_complete(false);

	announce_memory_changed();
	memory_give_all();
	fuzz_work_begin();
	call_resync(VTD_SHADOW_RESYNC_RANGE, 0, 0xffffffffffULL);
	call_until_done();
	call_resync(0, 0, 0);
	if (fuzz_is_overtime())
		return;
	settle();
	if (!fuzz_is_overtime())
		check_complete(true);
}

static void end(void)
{
	if (!fuzz_is_overtime())
		expect_all();
	inject = (struct inject){};
	devices_recover();
	finish_others();
	fuzz_work_begin();
	calls_close();
	while (work_run(true))
		;
	devices_end();
}

void program_run(const u8 *data, size_t size)
{
	size_t nr = min_t(size_t, (size - HEADER_SIZE) / OP_SIZE, MAX_OPS);

	guest_begin();
	announce_begin();
	memory_begin();
	devices_begin();
	inject = (struct inject){};
	regs = (struct regs){};
	pending.count = 0;
	had_reset = false;
	had_short_unmap = false;
	sched_begin(data + HEADER_TURNS, HEADER_SIZE - HEADER_TURNS);

	begin(data);
	for (size_t i = 0; i < nr && !fuzz_is_overtime(); i++) {
		op_run(data + HEADER_SIZE + i * OP_SIZE);
		call_read_events();
		check_now();
	}
	end();
}
