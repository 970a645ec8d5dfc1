// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the remapping unit of a guest whose kernel leaves it alone (intel_iommu=off
 * intremap=off), in ways in which no Linux guest does:
 *
 *  - As long as it is loaded, all devices are translated by tables that map memory
 *    to itself, also memory that there is not yet, and nothing is ever flushed: what
 *    comes to the guest later is mapped already.
 *  - With only_ram=1 it maps only memory that there is. A number written to the
 *    parameter rounds then lets two processors use the registers at once, so many
 *    times: one makes the unit run a long queue, the other one reads and writes
 *    registers, turns the queue off and uses another device of the VMM meanwhile.
 *    The write fails if anything was not as it should be.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#define UNIT_BASE 0xfed90000ULL
#define UNIT_SIZE 0x1000

#define REG_VER 0x0
#define REG_GCMD 0x18
#define REG_GSTS 0x1c
#define REG_RTADDR 0x20
#define REG_FSTS 0x34
#define REG_IQH 0x80
#define REG_IQT 0x88
#define REG_IQA 0x90

#define GCMD_TE BIT(31)
#define GCMD_SRTP BIT(30)
#define GCMD_QIE BIT(26)
#define FSTS_PPF BIT(1)
#define FSTS_IQE BIT(4)

#define READ_WRITE 3ULL
#define SUPERPAGE BIT_ULL(7)
#define DOMAIN 5

/*
 * Memory below 1 GiB, but for what the BIOS uses, is mapped by small pages, and a GiB
 * that may be plugged by large ones.
 */
#define LOWEST 0x100000ULL
#define SMALL_TABLES 512
#define LARGE_BASE (4ULL << 30)

#define QUEUE_ORDER 1
#define FLUSHES 200

/* So often the other processor can use another device while a queue is running */
#define OFTEN 50

static bool only_ram;
module_param(only_ram, bool, 0444);
MODULE_PARM_DESC(only_ram, "map only memory that there is");

static void __iomem *unit;

/* --- Tables: they are found by address, and there are no others --- */

static struct unit_tables {
	u64 *root;
	u64 *contexts;
	u64 *level_4;
	u64 *level_3;
	u64 *low;
	u64 *high;
	u64 *small[SMALL_TABLES];
	u64 *queue;
	u32 *status;
} tables;

static u64 *new_page(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL);
}

static void free_tables(void)
{
	for (int i = 0; i < SMALL_TABLES; i++)
		free_page((unsigned long)tables.small[i]);
	free_page((unsigned long)tables.root);
	free_page((unsigned long)tables.contexts);
	free_page((unsigned long)tables.level_4);
	free_page((unsigned long)tables.level_3);
	free_page((unsigned long)tables.low);
	free_page((unsigned long)tables.high);
	free_pages((unsigned long)tables.queue, QUEUE_ORDER);
	free_page((unsigned long)tables.status);
}

static int alloc_tables(void)
{
	u64 **single[] = { &tables.root,    &tables.contexts, &tables.level_4,
			   &tables.level_3, &tables.low,      &tables.high };

	for (int i = 0; i < ARRAY_SIZE(single); i++) {
		*single[i] = new_page();
		if (!*single[i])
			return -ENOMEM;
	}
	for (int i = 0; i < SMALL_TABLES; i++) {
		tables.small[i] = new_page();
		if (!tables.small[i])
			return -ENOMEM;
	}
	tables.status = (u32 *)new_page();
	tables.queue = (u64 *)__get_free_pages(GFP_KERNEL, QUEUE_ORDER);
	return tables.status && tables.queue ? 0 : -ENOMEM;
}

static u64 entry(void *table)
{
	return virt_to_phys(table) | READ_WRITE;
}

static void fill_small(u64 *table, u64 address)
{
	for (u64 i = 0; i < PTRS_PER_PTE; i++, address += PAGE_SIZE)
		if (address >= LOWEST && page_is_ram(PHYS_PFN(address)))
			table[i] = address | READ_WRITE;
}

static void fill_tables(void)
{
	tables.level_4[0] = entry(tables.level_3);
	tables.level_3[0] = entry(tables.low);
	if (!only_ram)
		tables.level_3[LARGE_BASE >> 30] = entry(tables.high);
	for (u64 i = 0; i < PTRS_PER_PTE; i++) {
		tables.low[i] = entry(tables.small[i]);
		fill_small(tables.small[i], i << 21);
		tables.high[i] = (LARGE_BASE + (i << 21)) | SUPERPAGE |
				 READ_WRITE;
	}
	/* One context for each device of each bus: domain 5, four levels */
	for (int i = 0; i < 256; i++) {
		tables.root[i * 2] = virt_to_phys(tables.contexts) | 1;
		tables.contexts[i * 2] = virt_to_phys(tables.level_4) | 1;
		tables.contexts[i * 2 + 1] = DOMAIN << 8 | 2;
	}
}

/* --- Registers --- */

static int command(u32 value, u32 bit, bool set)
{
	writel(value, unit + REG_GCMD);
	for (int i = 0; i < 1000; i++) {
		if (!!(readl(unit + REG_GSTS) & bit) == set)
			return 0;
		usleep_range(10, 100);
	}
	pr_err("GCMD_REG %#x has no effect, GSTS_REG is %#x\n", value,
	       readl(unit + REG_GSTS));
	return -EIO;
}

static int translation_on(void)
{
	int ret;

	writeq(virt_to_phys(tables.root), unit + REG_RTADDR);
	ret = command(GCMD_SRTP, GCMD_SRTP, true);
	return ret ?: command(GCMD_TE, GCMD_TE, true);
}

/* --- Two processors --- */

static struct {
	u64 tail;
	u32 round;
	/* The other processor is ready, the queue starts, runs, and both are done */
	bool ready;
	bool started;
	bool running;
	bool over;
	/* What the other processor found */
	unsigned int wrong;
	unsigned int at_once;
	unsigned int free;
	unsigned int not_run;
} race;

static void wrong(const char *what, u64 is, u64 should_be)
{
	if (!race.wrong++)
		pr_err("round %u: %s is %#llx, not %#llx\n", race.round, what,
		       is, should_be);
}

static void expect(const char *what, u64 is, u64 should_be)
{
	if (is != should_be)
		wrong(what, is, should_be);
}

/* Flushes of 1 GiB each that change nothing but take their time */
static void fill_queue(u32 status)
{
	u64 *desc = tables.queue;

	for (int i = 0; i < FLUSHES; i++) {
		*desc++ = DOMAIN << 16 | 0x32;
		*desc++ = 18;
		*desc++ = (u64)status << 32 | 0x25;
		*desc++ = virt_to_phys(tables.status);
	}
	race.tail = FLUSHES * 2 * 16;
}

/* Another device of the VMM's: the configuration of its host bridge */
static void use_other_device(void)
{
	outl(0x80000000, 0xcf8);
	if (inl(0xcfc) == ~0U)
		wrong("the host bridge", ~0U, 0);
}

static void use_registers(void)
{
	u64 head = readq(unit + REG_IQH);
	u32 status = READ_ONCE(*tables.status);

	if (head && head != race.tail)
		wrong("IQH_REG", head, race.tail);
	if (head)
		expect("the status of a complete queue", status, race.round);
	expect("VER_REG", readl(unit + REG_VER), 0x10);
	writel(FSTS_PPF, unit + REG_FSTS);
}

/* The other processor, while the queue is running */
static void interfere(void)
{
	unsigned int other = 0;

	while (READ_ONCE(race.running)) {
		use_other_device();
		other += READ_ONCE(race.running);
		if (race.round % 2 && other == OFTEN)
			break;
	}
	race.free += other >= OFTEN;
	race.at_once += READ_ONCE(race.running);
	if (race.round % 4 < 2)
		use_registers();
	/* Where it is running still, the unit has to put this behind it */
	do {
		writel(GCMD_TE, unit + REG_GCMD);
	} while (readl(unit + REG_GSTS) & GCMD_QIE);
}

static int other_processor(void *unused)
{
	u32 seen = 0;

	while (!kthread_should_stop()) {
		/* The queue is filled by then */
		if (smp_load_acquire(&race.round) == seen) {
			cond_resched();
			continue;
		}
		seen = race.round;
		WRITE_ONCE(race.ready, true);
		while (!READ_ONCE(race.started))
			cpu_relax();
		interfere();
		/* What it found is there by then */
		smp_store_release(&race.over, true);
	}
	return 0;
}

static int run_round(u32 round)
{
	int ret;

	fill_queue(round);
	writeq(virt_to_phys(tables.queue) | QUEUE_ORDER, unit + REG_IQA);
	writeq(0, unit + REG_IQT);
	ret = command(GCMD_TE | GCMD_QIE, GCMD_QIE, true);
	if (ret)
		return ret;

	race.ready = false;
	race.started = false;
	race.running = true;
	race.over = false;
	/* The other one begins: the queue is filled */
	smp_store_release(&race.round, round);
	while (!READ_ONCE(race.ready))
		cond_resched();
	WRITE_ONCE(race.started, true);
	writeq(race.tail, unit + REG_IQT);
	WRITE_ONCE(race.running, false);
	/* What the other one found is there by then */
	while (!smp_load_acquire(&race.over))
		cpu_relax();

	/* The queue was turned off after it ran, or before */
	race.not_run += READ_ONCE(*tables.status) != round;
	expect("IQH_REG of a queue turned off", readq(unit + REG_IQH), 0);
	expect("FSTS_REG", readl(unit + REG_FSTS) & FSTS_IQE, 0);
	return race.wrong ? -EIO : 0;
}

/* A processor may be kept from what it should do by chance, but not most of the time. */
static bool was_a_race(unsigned int rounds)
{
	return race.not_run <= rounds / 4 && race.at_once >= rounds / 4 &&
	       race.free >= rounds / 2;
}

static long run_rounds(void *nr)
{
	unsigned int rounds = *(unsigned int *)nr;
	struct task_struct *other;
	int ret = 0;

	memset(&race, 0, sizeof(race));
	other = kthread_create_on_cpu(other_processor, NULL, 1, "vtds_unit/%u");
	if (IS_ERR(other))
		return PTR_ERR(other);
	wake_up_process(other);
	for (u32 i = 1; i <= rounds && !ret; i++) {
		ret = run_round(i);
		cond_resched();
	}
	kthread_stop(other);
	pr_info("%u rounds, %u not run, %u at once, in %u another device was free\n",
		race.round, race.not_run, race.at_once, race.free);
	if (!ret && !was_a_race(rounds))
		ret = -EAGAIN;
	return ret;
}

static int set_rounds(const char *value, const struct kernel_param *param)
{
	unsigned int rounds;
	int ret = kstrtouint(value, 0, &rounds);

	if (ret)
		return ret;
	/* The parameter is also set when the module is loaded, before there is a unit */
	return unit ? work_on_cpu(0, run_rounds, &rounds) : -ENODEV;
}

static const struct kernel_param_ops rounds_ops = { .set = set_rounds };

module_param_cb(rounds, &rounds_ops, NULL, 0200);
MODULE_PARM_DESC(rounds, "let two processors use the registers at once");

/* --- The module --- */

static void stop(void)
{
	command(0, GCMD_TE, false);
	iounmap(unit);
	free_tables();
}

static int __init vtds_unit_init(void)
{
	int ret;

	unit = ioremap(UNIT_BASE, UNIT_SIZE);
	if (!unit)
		return -ENOMEM;
	ret = alloc_tables();
	if (ret)
		goto out;
	fill_tables();
	ret = translation_on();
out:
	if (ret)
		stop();
	return ret;
}

static void __exit vtds_unit_exit(void)
{
	stop();
}

module_init(vtds_unit_init);
module_exit(vtds_unit_exit);
MODULE_DESCRIPTION("A test's driver for an emulated VT-d unit");
MODULE_LICENSE("GPL");
